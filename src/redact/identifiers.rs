//! What looks random and is made to be seen: identifiers and digests.

use super::lexicon::LONGEST_WORD;
use super::names::is_letter;
use super::tables::tokens::IDENTIFIERS;
use super::text::{cut, find};

/// `arn:aws:iam::123456789012:role/…`, `cus_…`, a document of a public service: an identifier.
pub(super) fn is_name_of_thing(text: &[u8], start: usize, end: usize) -> bool {
    let run = cut(text, start, end);
    let word = cut(
        text,
        text.get(..start)
            .unwrap_or_default()
            .iter()
            .rev()
            .take(160)
            .position(|b| b.is_ascii_whitespace() || matches!(b, b'"' | b'\'' | b'=' | b','))
            .map_or(start.saturating_sub(160), |n| start - n),
        start,
    );
    if word.starts_with(b"arn:") || word.starts_with(b"urn:") || word.starts_with(b"ocid1.") {
        return true;
    }
    // Stripe's, Slack's and OpenAI's ids: a short prefix, then letters and digits.
    let named = IDENTIFIERS
        .split_ascii_whitespace()
        .any(|prefix| run.starts_with(prefix.as_bytes()));
    // KSUID, nano id: of one length, and these letters only.
    let alone = start == 0
        || !text
            .get(start - 1)
            .is_some_and(|b| matches!(b, b'/' | b'+' | b'='));
    let ksuid = run.len() == 27
        && matches!(run.first(), Some(b'0'..=b'3'))
        && run.iter().all(u8::is_ascii_alphanumeric);
    let nano = run.len() == 21 && start == 0 && end == text.len();
    let document = [
        &b"/document/d/"[..],
        b"/spreadsheets/d/",
        b"/presentation/d/",
        b"/forms/d/",
        b"/file/d/",
        b"/folders/",
        b"/d/e/",
        b"/playlist",
        b"/watch",
    ]
    .iter()
    .any(|path| find(cut(run, 0, 96), path, 0).is_some());
    named || alone && (ksuid || nano) || document
}

/// `sha512-…`, `SHA256:…`: a digest in base64, as in lock files and of SSH host keys.
pub(super) fn announced_as_digest(text: &[u8], start: usize, end: usize) -> bool {
    let run = cut(text, start, end);
    let before = cut(text, start.saturating_sub(7), start);
    [&b"sha256-"[..], b"sha384-", b"sha512-", b"sha256/"]
        .iter()
        .any(|prefix| run.starts_with(prefix))
        || before.eq_ignore_ascii_case(b"sha256:")
}

/// `CLUSTER_ID`, `GIT_SHA`: named as an identifier, so a random look is no sign of a secret.
pub(super) fn is_identifier(name: &[u8]) -> bool {
    let tail = name
        .rsplit(|&b| matches!(b, b'_' | b'-' | b'.'))
        .next()
        .unwrap_or_default();
    [
        &b"id"[..],
        b"ids",
        b"uid",
        b"uuid",
        b"guid",
        b"ulid",
        b"ksuid",
        b"nanoid",
        b"cuid",
        b"arn",
        b"sha",
        b"sha1",
        b"sha256",
        b"sha512",
        b"digest",
        b"checksum",
        b"commit",
        b"revision",
        b"etag",
        b"fingerprint",
        b"thumbprint",
        b"publickey",
        b"pubkey",
    ]
    .iter()
    .any(|word| tail.eq_ignore_ascii_case(word))
        || tail.len() > 2 && tail.ends_with(b"Id")
        || has_public_key(name)
}

/// `VAPID_PUBLIC_KEY`, `sitePublicKey`.
fn has_public_key(name: &[u8]) -> bool {
    let mut compact = [0; LONGEST_WORD];
    let mut length = 0;
    for &byte in name.iter().rev().filter(|&&b| is_letter(b)) {
        let Some(place) = compact.get_mut(length) else {
            break;
        };
        *place = byte.to_ascii_lowercase();
        length += 1;
    }
    compact.get(..length).is_some_and(|name| {
        [&b"yekcilbup"[..], b"yekbup", b"yeketis", b"yekelbahsilbup"]
            .iter()
            .any(|reversed| name.starts_with(reversed))
    })
}
