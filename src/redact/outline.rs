//! YAML: what stands on the lines below a name.

use super::SecretKind;
use super::names::SecretName;
use super::objects::{describes, judge};
use super::text::{Span, cut, until};
use super::values::is_harmless;

/// A name, and how far its line is indented.
#[derive(Clone, Copy)]
struct Named {
    indent: usize,
    name: SecretName,
    /// Its value is the text of the lines below, whatever they look like.
    scalar: bool,
}

/// One line: where its key and its value stand.
struct Entry {
    indent: usize,
    /// Begins an element of a list.
    element: bool,
    key: (usize, usize),
    value: (usize, usize),
}

/// `- name: DB_PASSWORD` above `value: X`, `passwords:` above `- X` or `bob: X`, `key: |`.
pub(super) fn scan(text: &[u8], spans: &mut Vec<Span>) {
    let mut parent: Option<Named> = None;
    let mut announced: Option<Named> = None;
    let mut waiting: Option<(usize, (usize, usize))> = None;
    let mut from = 0;
    while from < text.len() {
        let end = until(text, from, |b| b == b'\n');
        let start = from;
        from = end + 1;
        let Some(entry) = entry(text, start, end) else {
            continue;
        };
        parent = parent.filter(|above| {
            entry.indent > above.indent
                || entry.element && !above.scalar && entry.indent >= above.indent
        });
        if entry.element {
            announced = None;
            waiting = None;
        }
        announced = announced.filter(|above| above.indent == entry.indent);
        let key = cut(text, entry.key.0, entry.key.1);
        let value = cut(text, entry.value.0, entry.value.1);
        let mut name = announced.filter(|_| matches!(key, b"value" | b"val"));
        if matches!(key, b"name" | b"key") {
            announced = judge(value).map(|name| Named {
                indent: entry.indent,
                name,
                scalar: false,
            });
            if let (Some(above), Some((indent, place))) = (announced, waiting)
                && indent == entry.indent
            {
                hide(text, above.name, place, spans);
            }
        } else if matches!(key, b"value" | b"val") {
            waiting = Some((entry.indent, entry.value));
        }
        if let Some(above) = parent
            && (above.scalar || key.is_empty() || !describes(key))
        {
            name = Some(above);
        }
        if let Some(above) = name {
            let place = if above.scalar {
                (start + entry.indent, end)
            } else {
                entry.value
            };
            hide(text, above.name, place, spans);
        } else if let Some(name) = judge(key)
            && (value.is_empty() || is_block(value))
        {
            parent = Some(Named {
                indent: entry.indent,
                name,
                scalar: is_block(value),
            });
        }
    }
}

fn hide(text: &[u8], name: SecretName, (start, end): (usize, usize), spans: &mut Vec<Span>) {
    let value = cut(text, start, end);
    if !value.is_empty() && !is_harmless(name, value) {
        spans.push(Span::new(start, end, SecretKind::Name));
    }
}

/// `|`, `>-`: the lines below are the value.
fn is_block(value: &[u8]) -> bool {
    matches!(value.first(), Some(b'|' | b'>')) && value.len() <= 3
}

/// The line from `start` to `end`. None: there is nothing on it.
fn entry(text: &[u8], start: usize, end: usize) -> Option<Entry> {
    let line = cut(text, start, end);
    let mut indent = line.iter().take_while(|&&b| b == b' ').count();
    let element = cut(line, indent, indent + 2) == b"- ";
    if element {
        indent += 2;
    }
    let content = cut(line, indent, line.len()).trim_ascii_end();
    if content.is_empty() || content.starts_with(b"#") {
        return None;
    }
    let begin = start + indent;
    let name = content
        .iter()
        .take_while(|&&b| !matches!(b, b':' | b' ' | b'{' | b'[' | b','))
        .count();
    let after = cut(content, name, name + 2);
    let key = if matches!(after, b":" | b": ") {
        name
    } else {
        0
    };
    let value = if key == 0 {
        0
    } else {
        let spaces = cut(content, key + 1, content.len())
            .iter()
            .take_while(|&&b| b == b' ')
            .count();
        key + 1 + spaces
    };
    Some(Entry {
        indent,
        element,
        key: unquoted(text, begin, begin + key),
        value: unquoted(text, begin + value, begin + content.len()),
    })
}

/// Without the quotes around it.
fn unquoted(text: &[u8], start: usize, end: usize) -> (usize, usize) {
    match cut(text, start, end) {
        [first @ (b'"' | b'\''), inner @ .., last] if first == last => {
            (start + 1, start + 1 + inner.len())
        }
        _ => (start, end),
    }
}
