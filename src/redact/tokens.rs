//! Secrets known by their shape: vendor prefixes, JSON web tokens, private keys, noise.

use std::sync::LazyLock;

use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD};

use super::SecretKind;
use super::entropy;
use super::tables::tokens::{IDENTIFIERS, Rest, TOKENS};
use super::text::{Span, at, cut, find, is_run_byte, until, until_in};

/// No token is longer, a JWT excepted, whose run has no `=`.
const LONGEST_TOKEN: usize = 4096;
/// The shortest run that is looked at: the Facebook app's id.
const SHORTEST: usize = 13;

/// Finds every secret that its own shape gives away.
pub(super) fn scan(text: &[u8], spans: &mut Vec<Span>) {
    const BEGIN: &[u8] = b"-----BEGIN";
    let mut from = 0;
    while from < text.len() {
        let start = until(text, from, is_run_byte);
        let end = until(text, start, |b| !is_run_byte(b));
        // Dashes are of the alphabet, so a PEM line ends a run, whatever stands before it.
        let before = end.saturating_sub(BEGIN.len());
        let block = before >= start && at(text, end) == b' ' && cut(text, before, end) == BEGIN;
        let run_end = if block { before } else { end };
        if run_end - start >= SHORTEST {
            run(text, start, run_end, spans);
        } else if at(text, run_end) == b'=' && run_end > start {
            // A token may hold `=` after a few letters.
            let reach = until(cut(text, 0, start + LONGEST_TOKEN), start, |b| {
                !is_token_byte(b)
            });
            if let Some((length, kind)) = token(cut(text, start, reach)) {
                spans.push(Span::new(start, start + length, kind));
            }
        }
        from = if block {
            pem(text, before, end + 1, spans)
        } else {
            end.max(start + 1)
        };
    }
}

/// A PEM block: hidden when it is a private key, skipped when not (its body looks random).
fn pem(text: &[u8], start: usize, label_start: usize, spans: &mut Vec<Span>) -> usize {
    let label_end = until(text, label_start, |b| b == b'-');
    let body_start = until(text, label_end, |b| b != b'-');
    let label = cut(text, label_start, label_end);
    let private = find(label, b"PRIVATE KEY", 0).is_some() || label.starts_with(b"OpenVPN Static");
    let end = match find(text, b"-----", body_start) {
        Some(end) if cut(text, end, end + 9) == b"-----END " => {
            let tail = until(text, end + 9, |b| b == b'-');
            until(text, tail, |b| b != b'-')
        }
        // Another block begins before this one ended.
        Some(begin) => begin,
        None if private => text.len(),
        // Not a block after all.
        None => body_start,
    };
    if private {
        spans.push(Span::new(start, end, SecretKind::PrivateKey));
    }
    end
}

/// A run of token characters, `start..end`, at least 16 long.
fn run(text: &[u8], start: usize, end: usize, spans: &mut Vec<Span>) {
    if let Some(span) = telegram(text, start, end).or_else(|| inside(text, start, end)) {
        spans.push(span);
        return;
    }
    let mut part = start;
    while part < end {
        // A token may hold `=`, which ends a run.
        let reach = if end - part >= SHORTEST {
            until(text, end, |b| !(is_run_byte(b) || b == b'=')).min(part + LONGEST_TOKEN)
        } else {
            end
        };
        if let Some((length, kind)) = token(cut(text, part, reach.max(end))) {
            // What follows belongs to it: a longer token than known hides whole.
            spans.push(Span::new(part, part + length, kind));
            part += length.max(1);
            continue;
        }
        part = until_in(text, part, end, |b| b == b'/') + 1;
    }
    let mut named: Option<bool> = None;
    let mut piece = start;
    while piece < end {
        let piece_end = until_in(text, piece, end, |b| matches!(b, b'.' | b'~'));
        let bytes = cut(text, piece, piece_end);
        if bytes.len() >= 20
            && let Some(kind) = encoded(bytes)
            && !(kind == SecretKind::HighEntropy
                && *named.get_or_insert_with(|| {
                    announced_as_digest(text, start, end) || is_name_of_thing(text, start, end)
                }))
        {
            let padded_end = if piece_end == end {
                padded(text, end)
            } else {
                piece_end
            };
            let azure = bytes.len() == 86 && padded_end - piece_end == 2;
            let kind = if azure && kind == SecretKind::HighEntropy {
                SecretKind::AzureKey
            } else {
                kind
            };
            spans.push(Span::new(piece, padded_end, kind));
        }
        piece = piece_end + 1;
    }
}

/// `arn:aws:iam::123456789012:role/…`, `cus_…`, a document of a public service: an identifier.
fn is_name_of_thing(text: &[u8], start: usize, end: usize) -> bool {
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

/// With the `=` that pad base64.
fn padded(text: &[u8], end: usize) -> usize {
    end + cut(text, end, end + 2)
        .iter()
        .take_while(|&&b| b == b'=')
        .count()
}

/// `sha512-…`, `SHA256:…`: a digest in base64, as in lock files and of SSH host keys.
fn announced_as_digest(text: &[u8], start: usize, end: usize) -> bool {
    let run = cut(text, start, end);
    let before = cut(text, start.saturating_sub(7), start);
    [&b"sha256-"[..], b"sha384-", b"sha512-", b"sha256/"]
        .iter()
        .any(|prefix| run.starts_with(prefix))
        || before.eq_ignore_ascii_case(b"sha256:")
}

/// What base64 hides: a private key, a certificate (shown), or noise.
fn encoded(piece: &[u8]) -> Option<SecretKind> {
    // ssh-rsa, ssh-ed25519 and ecdsa public keys.
    if [&b"AAAAB3NzaC1"[..], b"AAAAC3NzaC1", b"AAAAE2VjZHNh"]
        .iter()
        .any(|prefix| piece.starts_with(prefix))
    {
        return None;
    }
    if piece.starts_with(b"LS0tLS1CRUdJTi") {
        let whole = piece.len() - piece.len() % 4;
        let decoded = BASE64_NOPAD
            .decode(cut(piece, 0, whole))
            .unwrap_or_default();
        if decoded.is_empty() || find(&decoded, b"PRIVATE KEY", 0).is_some() {
            return Some(SecretKind::PrivateKey);
        }
        return None;
    }
    if piece.starts_with(b"M") {
        match der(piece) {
            Der::Private => return Some(SecretKind::PrivateKey),
            Der::Public => return None,
            Der::Other => {}
        }
    }
    entropy::looks_random(piece).then_some(SecretKind::HighEntropy)
}

enum Der {
    Private,
    Public,
    Other,
}

/// Looks at the first tags only: SEQUENCE { INTEGER version … } is a private key (PKCS #1,
/// #8, #12, SEC 1), SEQUENCE { SEQUENCE … } a certificate or a public key.
fn der(piece: &[u8]) -> Der {
    let Ok(head) = BASE64_NOPAD.decode(cut(piece, 0, 32.min(piece.len() - piece.len() % 4))) else {
        return Der::Other;
    };
    let inside = |bytes: &[u8], from: usize| match at(bytes, from) {
        0x81 => from + 2,
        0x82 => from + 3,
        0x83 => from + 4,
        _ => from + 1,
    };
    if at(&head, 0) != 0x30 {
        return Der::Other;
    }
    let first = inside(&head, 1);
    match (at(&head, first), at(&head, first + 1), at(&head, first + 2)) {
        (0x02, 1, 0..=3) => Der::Private,
        (0x30, _, _) => {
            let inner = inside(&head, first + 1);
            // A version or a serial number: a certificate. An algorithm: a public key,
            // unless it is PKCS #5, which encrypts a private one.
            match at(&head, inner) {
                0x06 if find(
                    &head,
                    &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05],
                    inner,
                )
                .is_some() =>
                {
                    Der::Private
                }
                0xa0 | 0x02 | 0x06 => Der::Public,
                _ => Der::Other,
            }
        }
        _ => Der::Other,
    }
}

/// `123456789:AA…`: a bot's id and 35 characters, often after `bot` in a path.
fn telegram(text: &[u8], start: usize, end: usize) -> Option<Span> {
    let name_end = until_in(text, start, end, |b| {
        !(b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
    });
    if name_end - start != 35 || start == 0 || at(text, start - 1) != b':' {
        return None;
    }
    let before = cut(text, start.saturating_sub(13), start - 1);
    let digits = before
        .iter()
        .rev()
        .take_while(|b| b.is_ascii_digit())
        .count();
    (8..=11)
        .contains(&digits)
        .then(|| Span::new(start - 1 - digits, name_end, SecretKind::VendorToken))
}

/// Whether a token begins here, and how long it is.
fn token(run: &[u8]) -> Option<(usize, SecretKind)> {
    // Most runs are paths and words: one look at the first byte sends them on.
    let rules = RULES.get(usize::from(*run.first()?))?;
    if rules.is_empty() {
        return None;
    }
    if run.starts_with(b"eyJ")
        && let Some(length) = jwt(run)
    {
        return Some((length, SecretKind::Jwt));
    }
    rules.iter().find_map(|rule| {
        let rest = run.strip_prefix(rule.prefix)?;
        let length = fits(rule.rest, rest)?;
        Some((rule.prefix.len() + length, rule.kind))
    })
}

/// Three (signed) or five (encrypted) parts, the first of which decodes to JSON with `alg`.
fn jwt(run: &[u8]) -> Option<usize> {
    const LONGEST_HEADER: usize = 4096;
    let header_end = run
        .iter()
        .take(LONGEST_HEADER)
        .take_while(|&&b| b != b'/')
        .position(|&b| b == b'.')?;
    let header = cut(run, 0, header_end);
    let decoded = BASE64URL_NOPAD.decode(header).ok()?;
    let json = decoded.starts_with(b"{") && find(&decoded, b"\"alg\"", 0).is_some();
    let rest = cut(run, header_end + 1, run.len());
    (json && rest.contains(&b'.')).then_some(run.len())
}

struct Rule {
    prefix: &'static [u8],
    rest: Rest,
    kind: SecretKind,
}

/// The rows of the table by the first byte of their prefixes, longer ones first.
static RULES: LazyLock<Vec<Vec<Rule>>> = LazyLock::new(|| {
    let mut rules: Vec<Vec<Rule>> = (0..256).map(|_| Vec::new()).collect();
    for &(kind, rest, prefixes) in TOKENS {
        for prefix in prefixes.split_ascii_whitespace() {
            let prefix = prefix.as_bytes();
            let first = prefix.first().copied().unwrap_or_default();
            if let Some(rules) = rules.get_mut(usize::from(first)) {
                rules.push(Rule { prefix, rest, kind });
            }
        }
    }
    for rules in &mut rules {
        rules.sort_by_key(|rule| usize::MAX - rule.prefix.len());
    }
    rules
});

/// How much of `rest` belongs to the token, if it is one.
fn fits(form: Rest, rest: &[u8]) -> Option<usize> {
    let words = rest
        .iter()
        .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
        .count();
    let token = rest.iter().take_while(|b| is_token_byte(**b)).count();
    let digit = |length: usize| cut(rest, 0, length).iter().any(u8::is_ascii_digit);
    let capital = |length: usize| cut(rest, 0, length).iter().any(u8::is_ascii_uppercase);
    let whole = |fits: bool, length: usize| fits.then_some(length);
    match form {
        Rest::Long(least) => whole(token >= least, token),
        Rest::Digit(least) => whole(token >= least && digit(token), token),
        Rest::Mixed(least) => whole(words >= least && digit(words) && capital(words), token),
        Rest::Hex(least) => {
            let hex = rest.iter().take_while(|b| b.is_ascii_hexdigit()).count();
            whole(hex >= least, token)
        }
        Rest::Capitals(exactly) => {
            let capitals = cut(rest, 0, words)
                .iter()
                .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
            whole(words == exactly && capitals, words)
        }
        Rest::Base64(least) => {
            let length = rest
                .iter()
                .take_while(|b| is_token_byte(**b) || matches!(b, b'/' | b'+'))
                .count();
            whole(length >= least && digit(length) && capital(length), length)
        }
        Rest::Dotted(least) => whole(
            token >= least
                && cut(rest, 0, token).contains(&b'.')
                && digit(token)
                && mixes(cut(rest, 0, token)),
            token,
        ),
        Rest::DottedBase64(least) => {
            let length = rest
                .iter()
                .take_while(|b| is_token_byte(**b) || matches!(b, b'/' | b'+'))
                .count();
            whole(
                length >= least && digit(length) && cut(rest, 0, length).contains(&b'.'),
                length,
            )
        }
    }
}

/// Of the alphabet of tokens: no slash or plus, since the path behind one does not belong to it.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'=' | b'~')
}

/// Letters and digits change often, as in no file or host name.
fn mixes(token: &[u8]) -> bool {
    let changes = token
        .windows(2)
        .filter(|pair| matches!(pair, [a, b] if a.is_ascii_digit() != b.is_ascii_digit()))
        .count();
    changes * 5 >= token.len()
}

/// Tokens that are known by what stands inside them: the Facebook app's `id|secret`, the Mailchimp
/// key's data centre, the Azure client secret's `Q~`.
fn inside(text: &[u8], start: usize, end: usize) -> Option<Span> {
    let run = cut(text, start, end);
    let digits = run.iter().take_while(|b| b.is_ascii_digit()).count();
    if (13..=17).contains(&digits) && digits == run.len() && matches!(at(text, end), b'|' | b'%') {
        let bar = if at(text, end) == b'%' {
            end + 3
        } else {
            end + 1
        };
        let tail = until(text, bar, |b| {
            !(b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
        });
        return (tail - bar >= 24).then(|| Span::new(start, tail, SecretKind::VendorToken));
    }
    let hex = run.iter().take_while(|b| b.is_ascii_hexdigit()).count();
    if hex == 32
        && run.get(32..35) == Some(b"-us")
        && (36..=38).contains(&run.len())
        && cut(run, 35, run.len()).iter().all(u8::is_ascii_digit)
    {
        return Some(Span::new(start, end, SecretKind::VendorToken));
    }
    let azure = (37..=44).contains(&run.len())
        && run.get(3).is_some_and(u8::is_ascii_digit)
        && run.get(4..6) == Some(b"Q~");
    if azure {
        return Some(Span::new(start, end, SecretKind::AzureKey));
    }
    // HCP Terraform: the id of the user, then the prefix.
    if run.get(14..22) == Some(b".atlasv1") {
        let tail = until(cut(text, 0, start + LONGEST_TOKEN), start, |b| {
            !is_token_byte(b)
        });
        return (tail - start > 40).then(|| Span::new(start, tail, SecretKind::VendorToken));
    }
    discord(run).then(|| Span::new(start, end, SecretKind::VendorToken))
}

/// The bot's id in base64, a time, and a hash.
fn discord(run: &[u8]) -> bool {
    let mut parts = run.split(|&b| b == b'.');
    let (Some(id), Some(time), Some(hash), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    (23..=28).contains(&id.len())
        && time.len() == 6
        && (27..=40).contains(&hash.len())
        && matches!(id.first(), Some(b'M' | b'N' | b'O'))
        && BASE64_NOPAD
            .decode(cut(id, 0, 16))
            .is_ok_and(|head| head.iter().all(u8::is_ascii_digit))
}
