//! XML: elements and attributes named like secrets.

use super::SecretKind;
use super::names;
use super::names::{SecretName, Weight};
use super::settings::LONGEST_NAME;
use super::text::{Span, at, cut, find, until};
use super::values::is_harmless;

/// `<password>X</password>`, `<add key="password" value="X"/>`,
/// `<property name="password">X</property>`, `<key>password</key><string>X</string>`.
pub(super) fn scan(text: &[u8], spans: &mut Vec<Span>) {
    let mut from = 0;
    // Of a plist: the key before named a secret.
    let mut key_named: Option<SecretName> = None;
    while let Some(open) = text
        .get(from..)
        .and_then(|rest| rest.iter().position(|&b| b == b'<'))
    {
        let start = from + open + 1;
        let end = until(text, start, |b| matches!(b, b'>' | b'<'));
        from = end;
        if at(text, end) != b'>' || end == start {
            continue;
        }
        let tag = cut(text, start, end);
        if matches!(tag.first(), Some(b'/' | b'?' | b'!')) {
            continue;
        }
        let name_end = tag
            .iter()
            .position(|b| b.is_ascii_whitespace() || *b == b'/')
            .unwrap_or(tag.len());
        let name = cut(tag, 0, name_end);
        let local = name.rsplit(|&b| b == b':').next().unwrap_or_default();
        let announced = attributes(text, start + name_end, end, spans);
        let named = names::judge(cut(local, 0, LONGEST_NAME))
            .filter(|_| !local.eq_ignore_ascii_case(b"key"));
        let before = key_named.take();
        if tag.last() == Some(&b'/') {
            continue;
        }
        let (value_start, value_end) = content(text, end + 1);
        let value = cut(text, value_start, value_end);
        if local.eq_ignore_ascii_case(b"key") {
            key_named = names::judge(value);
            continue;
        }
        if value.iter().all(u8::is_ascii_whitespace) {
            // `<property name="password"><value>X</value>`.
            key_named = announced;
            continue;
        }
        let plist = before.filter(|_| matches!(local, b"string" | b"data" | b"value"));
        if let Some(name) = announced.or(named).or(plist)
            && !is_harmless(name, value)
        {
            spans.push(Span::new(value_start, value_end, SecretKind::Name));
        }
    }
}

/// The text of an element: up to the next tag, or what CDATA holds.
fn content(text: &[u8], start: usize) -> (usize, usize) {
    const CDATA: &[u8] = b"<![CDATA[";
    if cut(text, start, start + CDATA.len()) == CDATA {
        let inner = start + CDATA.len();
        return (inner, find(text, b"]]>", inner).unwrap_or(text.len()));
    }
    (start, until(text, start, |b| b == b'<'))
}

/// `key="password" value="X"`: hides the value, or says that the element's text is one.
fn attributes(text: &[u8], start: usize, end: usize, spans: &mut Vec<Span>) -> Option<SecretName> {
    let mut named = None;
    let mut value_at = None;
    let mut at_byte = start;
    while at_byte < end {
        let name_start = at_byte
            + cut(text, at_byte, end)
                .iter()
                .take_while(|b| b.is_ascii_whitespace())
                .count();
        let rest = cut(text, name_start, end);
        let Some(equals) = rest.iter().position(|&b| b == b'=') else {
            break;
        };
        let equals = name_start + equals;
        let quote = at(text, equals + 1);
        if !matches!(quote, b'"' | b'\'') {
            at_byte = equals + 1;
            continue;
        }
        let close = cut(text, equals + 2, end)
            .iter()
            .position(|&b| b == quote)
            .map_or(end, |n| equals + 2 + n);
        let name = cut(text, name_start, equals).trim_ascii();
        if matches!(name, b"name" | b"key" | b"id" | b"Name" | b"Key") {
            named = names::judge(cut(text, equals + 2, close))
                .filter(|name| name.weight != Weight::Users);
        } else if matches!(name, b"value" | b"Value" | b"val" | b"content" | b"default") {
            value_at = Some((equals + 2, close));
        }
        at_byte = close + 1;
    }
    if let (Some(name), Some((value_start, value_end))) = (named, value_at)
        && !is_harmless(name, cut(text, value_start, value_end))
    {
        spans.push(Span::new(value_start, value_end, SecretKind::Name));
        return None;
    }
    named
}
