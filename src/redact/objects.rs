//! JSON and what resembles it: objects under a secret name, pairs of name and value.

use super::SecretKind;
use super::names;
use super::names::{SecretName, Weight};
use super::text::{Span, at, cut, is_name_byte};
use super::values::is_harmless;

/// Deeper objects are taken as the last one that is looked at.
const DEEPEST: usize = 64;

/// One object or list that is open.
#[derive(Clone, Copy, Default)]
struct Level {
    /// It stands under a name like a secret's.
    secret: Option<SecretName>,
    /// `"name": "DB_PASSWORD"` was met in it.
    announced: Option<SecretName>,
    /// `"value": …` was met in it.
    value: Option<(usize, usize)>,
}

/// `{"passwords": {"bob": "X"}}`, `{"name": "DB_PASSWORD", "value": "X"}`, `{pwd: "X"}`; with
/// the quotes escaped where JSON stands in a string.
pub(super) fn scan(text: &[u8], spans: &mut Vec<Span>) {
    let mut levels = vec![Level::default()];
    let mut key: Option<(usize, usize)> = None;
    let mut last: Option<(usize, usize)> = None;
    let mut i = 0;
    while i < text.len() {
        let byte = at(text, i);
        match byte {
            b'{' | b'[' => {
                let outer = levels.last().copied().unwrap_or_default();
                let named = key
                    .take()
                    .and_then(|(start, end)| judge(cut(text, start, end)));
                let inherited = named.or(outer.secret);
                if levels.len() < DEEPEST {
                    levels.push(Level {
                        secret: inherited,
                        ..Level::default()
                    });
                }
                last = None;
                i += 1;
            }
            b'}' | b']' => {
                if let Some((start, end)) = key.take() {
                    member(text, (start, end), last, &mut levels, spans);
                } else if let Some(value) = last {
                    element(text, value, &levels, spans);
                }
                last = None;
                if levels.len() > 1 {
                    levels.pop();
                }
                i += 1;
            }
            b',' | b'\n' => {
                if let Some(name) = key.take() {
                    member(text, name, last, &mut levels, spans);
                } else if let Some(value) = last {
                    element(text, value, &levels, spans);
                }
                last = None;
                i += 1;
            }
            b':' => {
                if key.is_none() {
                    key = last.take();
                }
                i += 1;
            }
            b'"' | b'\'' | b'\\' => {
                let (start, end, next) = string(text, i);
                last = Some((start, end));
                i = next;
            }
            byte if is_name_byte(byte)
                || matches!(
                    byte,
                    b'$' | b'+' | b'/' | b'!' | b'#' | b'%' | b'&' | b'*' | b'@' | b'~'
                ) =>
            {
                let start = i;
                while i < text.len()
                    && !matches!(
                        at(text, i),
                        b',' | b'}' | b']' | b'{' | b'[' | b':' | b'"' | b'\''
                    )
                    && !at(text, i).is_ascii_whitespace()
                {
                    i += 1;
                }
                last = Some((start, i));
            }
            _ => i += 1,
        }
    }
    if let Some(name) = key {
        member(text, name, last, &mut levels, spans);
    }
}

/// The string that opens at `i`, with or without a backslash before its quotes.
fn string(text: &[u8], i: usize) -> (usize, usize, usize) {
    let slashes = cut(text, i, i + 8)
        .iter()
        .take_while(|&&b| b == b'\\')
        .count();
    let quote = at(text, i + slashes);
    if !matches!(quote, b'"' | b'\'') {
        let next = (i + slashes.max(1)).min(text.len());
        return (i, next, next);
    }
    let start = i + slashes + 1;
    let mut end = start;
    while end < text.len() {
        if at(text, end) == quote {
            let before = cut(text, end.saturating_sub(8).max(start), end)
                .iter()
                .rev()
                .take_while(|&&b| b == b'\\')
                .count();
            if slashes == 0 && before % 2 == 0 || slashes > 0 && before <= slashes {
                let inner = end - before.min(slashes);
                return (start, inner.max(start), end + 1);
            }
        }
        end += 1;
    }
    (start, text.len(), text.len())
}

/// A name and its value.
fn member(
    text: &[u8],
    name: (usize, usize),
    value: Option<(usize, usize)>,
    levels: &mut [Level],
    spans: &mut Vec<Span>,
) {
    let (Some((start, end)), Some(level)) = (value, levels.last_mut()) else {
        return;
    };
    let key = cut(text, name.0, name.1);
    let bytes = cut(text, start, end);
    let mut named = judge(key);
    if key.eq_ignore_ascii_case(b"name")
        || key.eq_ignore_ascii_case(b"key")
        || key.eq_ignore_ascii_case(b"variable")
    {
        level.announced = judge(bytes);
        if let (Some(name), Some((start, end))) = (level.announced, level.value)
            && !is_harmless(name, cut(text, start, end))
        {
            spans.push(Span::new(start, end, SecretKind::JsonField));
        }
        if named.is_some_and(|name| name.weight == Weight::Key) {
            named = None;
        }
    } else if key.eq_ignore_ascii_case(b"value") || key.eq_ignore_ascii_case(b"val") {
        level.value = Some((start, end));
        named = named.or(level.announced);
    }
    let inherited = level.secret.filter(|_| !describes(key));
    if let Some(name) = named.or(inherited)
        && !is_harmless(name, bytes)
        && !bytes.is_empty()
        && !bytes.iter().all(|b| matches!(b, b'\\' | b'"'))
    {
        spans.push(Span::new(start, end, SecretKind::JsonField));
    }
}

/// An element of a list.
fn element(text: &[u8], (start, end): (usize, usize), levels: &[Level], spans: &mut Vec<Span>) {
    if let Some(name) = levels.last().and_then(|level| level.secret)
        && !is_harmless(name, cut(text, start, end))
    {
        spans.push(Span::new(start, end, SecretKind::JsonField));
    }
}

/// What `name` says of an object or a text under it; users' names are no secrets.
pub(super) fn judge(name: &[u8]) -> Option<SecretName> {
    names::judge(name).filter(|name| {
        !matches!(
            name.weight,
            Weight::Users | Weight::Maybe | Weight::Directory | Weight::Weak
        )
    })
}

/// Members that describe a secret and are none.
pub(super) fn describes(key: &[u8]) -> bool {
    [
        &b"user"[..],
        b"username",
        b"name",
        b"id",
        b"type",
        b"url",
        b"uri",
        b"host",
        b"hostname",
        b"port",
        b"email",
        b"kind",
        b"path",
        b"file",
        b"region",
        b"account",
        b"created",
        b"createdAt",
        b"expires",
        b"expiresAt",
        b"expires_in",
        b"version",
        b"login",
        b"domain",
        b"database",
        b"description",
        b"namespace",
        b"secretName",
        b"key_id",
        b"provider",
        b"engine",
        b"ttl",
        b"scope",
        b"enabled",
        b"algorithm",
        b"alg",
        b"apiVersion",
        b"ref",
        b"from",
        b"items",
        b"defaultMode",
        b"mode",
        b"optional",
    ]
    .iter()
    .any(|known| key.eq_ignore_ascii_case(known))
}
