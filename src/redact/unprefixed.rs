//! Tokens that no prefix gives away, but their parts.

use data_encoding::BASE64_NOPAD;

use super::SecretKind;
use super::forms::{LONGEST_TOKEN, is_token_byte};
use super::text::{Span, at, cut, until, until_in};

/// `123456789:AA…`: a bot's id and 35 characters, often after `bot` in a path.
pub(super) fn telegram(text: &[u8], start: usize, end: usize) -> Option<Span> {
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

/// Tokens that are known by what stands inside them: the Facebook app's `id|secret`, the Mailchimp
/// key's data centre, the Azure client secret's `Q~`.
pub(super) fn inside(text: &[u8], start: usize, end: usize) -> Option<Span> {
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
    if let Some(length) = in_one_run(text, start, run) {
        return Some(Span::new(start, start + length, SecretKind::VendorToken));
    }
    // PayPal: `access_token$production$…`.
    if run == b"access_token" && at(text, end) == b'$' {
        let tail = until(text, end, |b| !(b.is_ascii_alphanumeric() || b == b'$'));
        return (tail - end >= 40).then(|| Span::new(start, tail, SecretKind::VendorToken));
    }
    // Asana: `2/123…/456…:` and 32 hexadecimal digits.
    let numbers = run
        .split(|&b| b == b'/')
        .all(|part| !part.is_empty() && part.iter().all(u8::is_ascii_digit));
    if numbers && run.contains(&b'/') && at(text, end) == b':' {
        let tail = until(text, end + 1, |b| !b.is_ascii_hexdigit());
        return (tail - end == 33).then(|| Span::new(start, tail, SecretKind::VendorToken));
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

/// Of one run of letters: `…NRAL` of New Relic, `pk_…` of `ClickUp`, `oauth:…` of Twitch, the bootstrap
/// tokens of kubeadm.
fn in_one_run(text: &[u8], start: usize, run: &[u8]) -> Option<usize> {
    let letters = run
        .iter()
        .take_while(|b| b.is_ascii_alphanumeric() || **b == b'_')
        .count();
    let head = cut(run, 0, letters);
    let relic = letters == 40 && head.ends_with(b"NRAL");
    let click = head.strip_prefix(b"pk_").is_some_and(|rest| {
        let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
        let capitals = rest.iter().skip(digits + 1);
        (5..=12).contains(&digits)
            && rest.len() == digits + 33
            && capitals
                .clone()
                .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
    });
    let before = cut(text, start.saturating_sub(6), start);
    let twitch = before == b"oauth:"
        && head.len() == 30
        && head.iter().all(u8::is_ascii_alphanumeric)
        && head.iter().any(u8::is_ascii_digit);
    let kubeadm = run.len() == 23
        && run.get(6) == Some(&b'.')
        && run
            .iter()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'.')
        && cut(run, 7, 23).iter().all(u8::is_ascii_alphanumeric)
        && cut(run, 7, 23).iter().any(u8::is_ascii_digit)
        && cut(run, 7, 23).iter().any(u8::is_ascii_alphabetic);
    if kubeadm {
        return Some(run.len());
    }
    (relic || click || twitch).then_some(letters)
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
