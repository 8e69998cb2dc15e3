//! Secrets under one more encoding: hexadecimal, base64, percent.

use data_encoding::{BASE64, BASE64_NOPAD, HEXLOWER_PERMISSIVE};

use super::text::{Facts, Span, cut, is_run_byte, until};
use super::values::looks_like_password;
use super::{Redactor, SecretKind, urls};

/// Shorter runs decode to nothing of weight.
const SHORTEST: usize = 16;
/// Longer ones are not decoded.
const LONGEST: usize = 4096;

pub(super) fn scan(redactor: &Redactor, text: &[u8], facts: Facts, spans: &mut Vec<Span>) {
    if facts.has_percent() {
        percent(text, spans);
    }
    if facts.may_hold_token() {
        runs(redactor, text, spans);
    }
}

/// `http://u%3AX@h`, and a whole URL that was encoded.
fn percent(text: &[u8], spans: &mut Vec<Span>) {
    let mut decoded = Vec::with_capacity(text.len());
    let mut places = Vec::with_capacity(text.len() + 1);
    let mut i = 0;
    let mut telling = false;
    while let Some(&byte) = text.get(i) {
        places.push(i);
        if byte == b'%'
            && let Some(value) = cut(text, i + 1, i + 3).try_into().ok().and_then(hex_pair)
        {
            telling |= matches!(value, b':' | b'@' | b'/' | b'=' | b'&');
            decoded.push(value);
            i += 3;
        } else {
            decoded.push(byte);
            i += 1;
        }
    }
    places.push(text.len());
    if !telling {
        return;
    }
    let mut found = Vec::new();
    urls::scan(&decoded, decoded.contains(&b'@'), &mut found);
    for span in found {
        let place = |at: usize| places.get(at).copied();
        if let (Some(start), Some(end), Some(kind)) =
            (place(span.start), place(span.end), span.kind)
        {
            spans.push(Span::new(start, end, kind));
        }
    }
}

fn hex_pair(pair: [u8; 2]) -> Option<u8> {
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    let [high, low] = pair;
    Some(digit(high)? << 4 | digit(low)?)
}

/// Hexadecimal and base64 of a printable text that is, or holds, a secret.
fn runs(redactor: &Redactor, text: &[u8], spans: &mut Vec<Span>) {
    let mut from = 0;
    while from < text.len() {
        let start = until(text, from, is_run_byte);
        let mut end = until(text, start, |b| !is_run_byte(b));
        end += cut(text, end, end + 2)
            .iter()
            .take_while(|&&b| b == b'=')
            .count();
        from = end.max(start + 1);
        let run = cut(text, start, end);
        if (SHORTEST..=LONGEST).contains(&run.len())
            && let Some(decoded) = decode(run)
            && holds_secret(redactor, &decoded)
        {
            spans.push(Span::new(start, end, SecretKind::Encoded));
        }
    }
}

/// The text, if all of it is printable.
fn decode(run: &[u8]) -> Option<Vec<u8>> {
    if run.len().is_multiple_of(2) && run.iter().all(u8::is_ascii_hexdigit) {
        let decoded = HEXLOWER_PERMISSIVE.decode(run).ok()?;
        return is_text(&decoded).then_some(decoded);
    }
    if !run.len().is_multiple_of(4) {
        return None;
    }
    // The first letters tell most: half of all words decode to bytes that are no text.
    let mut head = [0; 6];
    let length = BASE64_NOPAD.decode_mut(cut(run, 0, 8), &mut head).ok()?;
    if !is_text(head.get(..length)?) {
        return None;
    }
    let decoded = BASE64.decode(run).ok()?;
    is_text(&decoded).then_some(decoded)
}

fn is_text(bytes: &[u8]) -> bool {
    bytes
        .iter()
        .all(|b| matches!(b, b' '..=b'~' | b'\n' | b'\t' | b'\r'))
}

fn holds_secret(redactor: &Redactor, decoded: &[u8]) -> bool {
    if looks_like_password(decoded.trim_ascii()) {
        return true;
    }
    // Once more only: what was encoded twice is not followed.
    let facts = Facts::of(decoded);
    let mut spans = Vec::new();
    if facts.may_hold_fields() {
        super::fields::scan(
            decoded,
            super::settings::Setting::Script,
            redactor,
            &mut super::fields::Line::default(),
            &mut spans,
        );
    }
    if facts.may_hold_url() {
        urls::scan(decoded, facts.has_at(), &mut spans);
    }
    spans.iter().any(|span| span.kind.is_some())
}
