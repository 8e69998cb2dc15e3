//! The value that a word before announced.

use super::SecretKind;
use super::names::SecretName;
use super::text::{Span, at, cut};
use super::values::{is_harmless, is_reference};

/// A flag was seen whose value is the next word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expects {
    /// Of a flag named like a secret.
    Named(SecretName),
    /// Of `PASSWORD` in SQL.
    Sql,
    /// Of a flag that the user asked to see.
    Shown,
    /// After `Bearer` or `Basic`.
    Authorization,
}

/// The next argument is the value that a flag before it announced: all of it, or what
/// follows the user's name. False: it is a flag itself, or harmless.
pub(super) fn take_whole(text: &[u8], expects: Expects, spans: &mut Vec<Span>) -> bool {
    if looks_like_flag(text) {
        return false;
    }
    hide_expected(text, 0, text.len(), expects, spans)
}

/// After a flag that takes a value, this is another flag, and the first was a switch.
pub(super) fn looks_like_flag(word: &[u8]) -> bool {
    let Some(rest) = word.strip_prefix(b"-") else {
        return false;
    };
    let Some(long) = rest.strip_prefix(b"-") else {
        // `-v`, `-listen`, `-D…=`: base64url may begin with a dash, but is not all lower case.
        let name = rest
            .iter()
            .take_while(|&&b| b.is_ascii_lowercase() || b == b'-')
            .count();
        return rest.len() == 1 || !rest.is_empty() && matches!(at(rest, name), 0 | b'=' | b' ');
    };
    let name = long
        .iter()
        .take_while(|&&b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        .count();
    // `--keyFile`
    let camel = long.first().is_some_and(u8::is_ascii_lowercase)
        && long.iter().all(u8::is_ascii_alphabetic)
        && long.len() <= 24;
    long.is_empty() || camel || name > 0 && matches!(at(long, name), 0 | b'=' | b' ' | b'.' | b':')
}

pub(super) fn hide_expected(
    text: &[u8],
    start: usize,
    end: usize,
    expects: Expects,
    spans: &mut Vec<Span>,
) -> bool {
    let value = cut(text, start, end);
    let (start, kind) = match expects {
        Expects::Shown => {
            spans.push(Span {
                start,
                end,
                kind: None,
            });
            return true;
        }
        Expects::Named(name) if is_harmless(name, value) => return false,
        Expects::Named(_) => (start, SecretKind::Name),
        Expects::Authorization => {
            let letters = value.iter().all(u8::is_ascii_alphabetic);
            if value.len() < 8 || letters && value.len() < 20 || is_reference(value) {
                return false;
            }
            (start, SecretKind::Authorization)
        }
        Expects::Sql => (start, SecretKind::PasswordOption),
    };
    if start >= end || is_reference(cut(text, start, end)) {
        return false;
    }
    spans.push(Span::new(start, end, kind));
    true
}
