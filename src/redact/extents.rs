//! Where a value ends: at a quote, a separator, a space, or with its argument.
//!
//! When in doubt the value goes on: hiding a neighbour is the smaller harm.

use super::fields::Walk;
use super::settings::{LONGEST_NAME, Setting, Style};
use super::text::{at, cut, is_name_byte, until};

impl Walk<'_> {
    /// Start and end of the value, and where to go on.
    pub(super) fn value(
        &self,
        key_start: usize,
        value: usize,
        before: u8,
        style: Style,
    ) -> (usize, usize, usize) {
        let text = self.text;
        let whole = |end: usize| (value, end, end);
        let first = at(text, value);
        let open = self.quote;
        if first == b'\\' && matches!(at(text, value + 1), b'"' | b'\'') {
            // A string in a string: ends where the same escaped quote comes again.
            let quote = at(text, value + 1);
            let mut end = value + 2;
            while end < text.len() && !(at(text, end) == b'\\' && at(text, end + 1) == quote) {
                end += if at(text, end) == b'\\' { 2 } else { 1 };
            }
            return (value + 2, end.min(text.len()), (end + 2).min(text.len()));
        }
        match style {
            Style::Json => match first {
                b'"' | b'\'' => {
                    let end = closing(text, value + 1, first);
                    (value + 1, end, (end + 1).min(text.len()))
                }
                b'[' => whole(until(text, value, |b| b == b']')),
                _ => whole(until(text, value, |b| {
                    b.is_ascii_whitespace() || matches!(b, b',' | b'}' | b']')
                })),
            },
            Style::Header => {
                if matches!(first, b'"' | b'\'') && first != open {
                    return self.shell_word(value);
                }
                whole(until(text, value, |b| {
                    matches!(b, b'\n' | b'\r') || b == open && open != 0
                }))
            }
            Style::Assignment
                if self.setting == Setting::Argument && self.is_anchored(key_start) =>
            {
                whole(text.len())
            }
            Style::Assignment if matches!(first, b'"' | b'\'') && first != open => {
                self.shell_word(value)
            }
            Style::Assignment => match before {
                b'?' | b'&' => whole(until(text, value, |b| {
                    b.is_ascii_whitespace() || matches!(b, b'&' | b'"' | b'\'' | b'`' | b'<' | b'>')
                })),
                b';' => whole(self.list_end(value, b';')),
                b',' => whole(self.list_end(value, b',')),
                b' ' if self.in_list(key_start) => whole(self.list_end(value, b';')),
                b'"' | b'\'' if before == open => whole(closing(text, value, open)),
                _ => self.shell_word(value),
            },
        }
    }

    /// Nothing before the name but flags: `NAME=`, `--flag=`, `--from-literal=name=`.
    fn is_anchored(&self, key_start: usize) -> bool {
        key_start <= LONGEST_NAME
            && cut(self.text, 0, key_start)
                .iter()
                .all(|&b| is_name_byte(b) || b == b'=')
            && (key_start == 0 || at(self.text, key_start - 1) == b'=')
    }

    /// `Server=db; Password=a b; …`: a list with spaces, not a script.
    fn in_list(&self, key_start: usize) -> bool {
        let before = cut(self.text, key_start.saturating_sub(4), key_start);
        let parted = before.iter().rev().find(|&&b| b != b' ') == Some(&b';');
        parted && (self.setting == Setting::Argument || self.quote != 0)
    }

    /// Where one entry of a list ends: at a separator that another `key=` follows, or nothing.
    /// Others belong to the password.
    fn list_end(&self, value: usize, separator: u8) -> usize {
        let text = self.text;
        if matches!(at(text, value), b'"' | b'\'') {
            return (closing(text, value + 1, at(text, value)) + 1).min(text.len());
        }
        let mut end = value;
        while end < text.len() {
            let byte = at(text, end);
            if byte == self.quote && byte != 0
                || matches!(byte, b'\n' | b'\r')
                || byte == b',' && separator == b',' && at(text, end + 1) == b' '
            {
                break;
            }
            if byte == separator {
                let next = end
                    + 1
                    + cut(text, end + 1, end + 4)
                        .iter()
                        .take_while(|&&b| b == b' ')
                        .count();
                let name = cut(text, next, next + 64)
                    .iter()
                    .take_while(|&&b| is_name_byte(b) || b == b' ')
                    .count();
                if next >= text.len()
                    || name > 0 && at(text, next + name) == b'='
                    || matches!(at(text, next), b'"' | b'\'')
                {
                    break;
                }
            }
            end += 1;
        }
        end
    }

    /// A word as a shell reads it, quotes and all: start and end of what it means, and
    /// where it ends.
    pub(super) fn shell_word(&self, start: usize) -> (usize, usize, usize) {
        let text = self.text;
        let mut end = start;
        let mut closed = false;
        while end < text.len() {
            let byte = at(text, end);
            if byte == b'$' && at(text, end + 1) == b'(' {
                // What a command prints: up to its parenthesis.
                end = (until(text, end, |b| b == b')') + 1).min(text.len());
                continue;
            }
            if byte.is_ascii_whitespace() || byte == self.quote && byte != 0 {
                break;
            }
            if closed && matches!(byte, b',' | b';' | b')' | b'}' | b']' | b'&' | b'|') {
                break;
            }
            closed = matches!(byte, b'"' | b'\'');
            end = match byte {
                b'"' | b'\'' => (closing(text, end + 1, byte) + 1).min(text.len()),
                b'\\' => (end + 2).min(text.len()),
                _ => end + 1,
            };
        }
        let first = at(text, start);
        let simple = matches!(first, b'"' | b'\'')
            && end > start + 1
            && closing(text, start + 1, first) + 1 == end;
        if simple {
            (start + 1, end - 1, end)
        } else {
            (start, end, end)
        }
    }
}

/// Where the quote closes, past escapes; the end of the text when it never does.
fn closing(text: &[u8], from: usize, quote: u8) -> usize {
    let mut i = from;
    while i < text.len() {
        match at(text, i) {
            b'\\' if quote == b'"' => i += 2,
            byte if byte == quote => return i,
            _ => i += 1,
        }
    }
    text.len()
}
