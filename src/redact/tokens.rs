//! Secrets known by their shape: vendor prefixes, JSON web tokens, private keys, noise.

use std::sync::LazyLock;

use data_encoding::BASE64URL_NOPAD;

use super::SecretKind;
use super::forms::{LONGEST_TOKEN, fits, is_token_byte};
use super::identifiers::{announced_as_digest, is_name_of_thing};
use super::keys::{encoded, pem};
use super::tables::tokens::{Rest, TOKENS};
use super::text::{Span, at, cut, find, is_run_byte, until, until_in};
use super::unprefixed::{inside, telegram};

/// The shortest run that is looked at: `access_token`, in front of `$`.
const SHORTEST: usize = 12;

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
        } else if at(text, run_end) == b'=' && run_end > start && begins_token(text, start) {
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

/// A run of token characters, `start..end`, at least 16 long.
fn run(text: &[u8], start: usize, end: usize, spans: &mut Vec<Span>) {
    if let Some(span) = telegram(text, start, end).or_else(|| inside(text, start, end)) {
        spans.push(span);
        return;
    }
    let mut part = start;
    while part < end {
        // A token may hold `=`, which ends a run.
        let begins = begins_token(text, part);
        let reach = if begins && end - part >= SHORTEST {
            let limit = text.len().min(part + LONGEST_TOKEN);
            until_in(text, end, limit.max(end), |b| {
                !(is_run_byte(b) || b == b'=')
            })
        } else {
            end
        };
        if begins && let Some((length, kind)) = token(cut(text, part, reach.max(end))) {
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

/// With the `=` that pad base64.
fn padded(text: &[u8], end: usize) -> usize {
    end + cut(text, end, end + 2)
        .iter()
        .take_while(|&&b| b == b'=')
        .count()
}

/// Whether a prefix of the table stands here.
fn begins_token(text: &[u8], start: usize) -> bool {
    let run = text.get(start..).unwrap_or_default();
    let first = run.first().copied().unwrap_or_default();
    run.starts_with(b"eyJ")
        || RULES
            .get(usize::from(first))
            .is_some_and(|rules| rules.iter().any(|rule| run.starts_with(rule.prefix)))
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
