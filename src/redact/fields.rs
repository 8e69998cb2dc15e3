//! Named values inside a text: `--flag value`, `NAME=value`, `"key": "value"`, `Header: value`.
//!
//! One walk from left to right, shared by arguments of their own, by scripts in one
//! argument (`sh -c "…"`), by titles that a process wrote over its arguments, and by
//! environment values. Every step moves forward, so the time is linear.

use super::Redactor;
use super::SecretKind;
use super::expected::{Expects, hide_expected, looks_like_flag};
use super::headers::{after_scheme, ends_with_scheme, is_header};
use super::names;
use super::names::{SecretName, Weight};
use super::settings::{LONGEST_NAME, Setting, Style};
use super::text::{Span, at, cut, is_name_byte, until};

/// What is remembered from one argument to the next.
#[derive(Debug, Default)]
pub(super) struct Line {
    pub(super) expects: Option<Expects>,
}

/// Finds the named secrets in `text`.
pub(super) fn scan(
    text: &[u8],
    setting: Setting,
    redactor: &Redactor,
    line: &mut Line,
    spans: &mut Vec<Span>,
) {
    let mut walk = Walk {
        text,
        setting,
        redactor,
        line,
        spans,
        quote: 0,
    };
    let mut word_starts = true;
    let mut i = 0;
    while let Some(&byte) = text.get(i) {
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => {
                word_starts = true;
                i += 1;
            }
            b'"' | b'\'' | b'`' => {
                let opened = walk.turn_quote(byte, i);
                if opened && word_starts && walk.line.expects.is_some() {
                    word_starts = false;
                    walk.quote = 0;
                    i = walk.expected(i);
                    continue;
                }
                word_starts |= opened;
                i += 1;
            }
            b'(' | b'{' | b'[' | b';' | b'|' => {
                // A password may begin with any of these; a command may follow them.
                if word_starts && walk.line.expects.is_some() {
                    word_starts = false;
                    i = walk.expected(i);
                } else {
                    word_starts = true;
                    i += 1;
                }
            }
            _ if word_starts => {
                word_starts = false;
                i = walk.word(i);
            }
            b'=' => i = walk.assignment(i),
            b':' => i = walk.colon(i),
            _ => i += 1,
        }
    }
}

pub(super) struct Walk<'a> {
    pub(super) text: &'a [u8],
    pub(super) setting: Setting,
    redactor: &'a Redactor,
    line: &'a mut Line,
    spans: &'a mut Vec<Span>,
    /// The quote that is open here, or 0.
    pub(super) quote: u8,
}

impl Walk<'_> {
    /// True when `byte` at `i` opens a quote.
    fn turn_quote(&mut self, byte: u8, i: usize) -> bool {
        if self.quote == byte {
            self.quote = 0;
            return false;
        }
        // An apostrophe inside a word, an escaped quote, a quote inside other quotes.
        let before = if i == 0 { b' ' } else { at(self.text, i - 1) };
        if before == b'\\' || byte == b'\'' && before.is_ascii_alphanumeric() {
            return false;
        }
        if self.quote == 0 {
            self.quote = byte;
        }
        true
    }

    /// A word begins at `i`; returns where to go on.
    fn word(&mut self, i: usize) -> usize {
        if self.line.expects.is_some() && !looks_like_flag(self.word_at(i)) {
            return self.expected(i);
        }
        self.line.expects = None;
        if at(self.text, i) == b'-' {
            return self.flag(i);
        }
        // `+rcon_password X`.
        if at(self.text, i) == b'+' && at(self.text, i + 1).is_ascii_alphabetic() {
            return self.flag(i);
        }
        let word = self.word_at(i);
        if at(self.text, i + word.len()) == b' ' && ends_with_scheme(word) {
            self.line.expects = Some(Expects::Authorization);
        } else if self.is_sql_password(i, word) {
            self.line.expects = Some(Expects::Sql);
        }
        // The word itself may hold fields: go on inside it, past its first byte only if that is none.
        match at(self.text, i) {
            b'=' => self.assignment(i),
            b':' => self.colon(i),
            _ => i + 1,
        }
    }

    fn word_at(&self, i: usize) -> &[u8] {
        // Its beginning is enough, and keeps `;a;a;a…` linear.
        let near = cut(self.text, i, i + LONGEST_NAME + 4);
        let end = until(near, 0, |b| {
            b.is_ascii_whitespace() || matches!(b, b'"' | b'\'' | b'`')
        });
        cut(near, 0, end)
    }

    /// The value that a flag announced begins at `i`.
    fn expected(&mut self, i: usize) -> usize {
        let Some(expects) = self.line.expects.take() else {
            return i + 1;
        };
        let (start, end, next) = self.shell_word(i);
        if hide_expected(self.text, start, end, expects, self.spans) {
            return next;
        }
        // Harmless as a value; it may still hold fields.
        start.max(i + 1)
    }

    /// `-` at the start of a word.
    fn flag(&mut self, i: usize) -> usize {
        let word = self.word_at(i);
        let dashes = word
            .iter()
            .take(3)
            .take_while(|&&b| matches!(b, b'-' | b'+'))
            .count();
        let name_length = word
            .iter()
            .skip(dashes)
            .take(LONGEST_NAME)
            .take_while(|&&b| is_name_byte(b))
            .count();
        let name = cut(word, dashes, dashes + name_length);
        let name_end = i + dashes + name_length;
        if name.is_empty() || dashes > 2 {
            return i + dashes;
        }
        let ends_here = name_length + dashes == word.len();
        // `unexpected argument '--token' found`: quoted, it is spoken of.
        let spoken_of = self.quote != 0 && at(self.text, i + word.len()) == self.quote;
        if ends_here && spoken_of {
            return name_end;
        }
        if ends_here {
            if self.redactor.is_revealed(name) {
                self.line.expects = Some(Expects::Shown);
            } else if let Some(name) = judge_flag(name)
                && !name.switch
            {
                self.line.expects = Some(Expects::Named(name));
            }
        } else if at(self.text, name_end) == b':' && names::judge(name).is_some() {
            // `-password:value`, as programs from Windows have it.
            return self.field(i, name_end, name_end + 1, Style::Assignment);
        }
        name_end.max(i + 1)
    }

    /// `=` at `i`.
    fn assignment(&mut self, i: usize) -> usize {
        let mut key_end = i;
        while key_end > 0
            && i - key_end < 3
            && matches!(
                at(self.text, key_end - 1),
                b' ' | b']' | b':' | b'"' | b'\''
            )
        {
            key_end -= 1;
        }
        let key_start = self.key_start(key_end);
        if key_start == key_end {
            return i + 1;
        }
        let mut value = i + 1;
        if key_end < i || at(self.text, value) == b'=' {
            value += cut(self.text, value, value + 3)
                .iter()
                .take_while(|&&b| matches!(b, b' ' | b'='))
                .count();
        }
        self.field(key_start, key_end, value, Style::Assignment)
    }

    /// `:` at `i`.
    fn colon(&mut self, i: usize) -> usize {
        let mut name_end = i;
        while name_end > 0 && i - name_end < 2 && at(self.text, name_end - 1) == b' ' {
            name_end -= 1;
        }
        if name_end > 0 && matches!(at(self.text, name_end - 1), b'"' | b'\'') {
            // `"key":`, or `\"key\":` where JSON stands in a string.
            let escaped = name_end >= 2 && at(self.text, name_end - 2) == b'\\';
            let key_end = name_end - 1 - usize::from(escaped);
            let key_start = self.key_start(key_end);
            let value = until(self.text, i + 1, |b| !b.is_ascii_whitespace());
            return match at(self.text, value) {
                // Nested: the members are judged by their own names.
                b'{' => i + 1,
                _ => self.field(key_start, key_end, value, Style::Json),
            };
        }
        let key_start = self.key_start(i);
        if key_start == i || self.is_file(key_start, i) {
            return i + 1;
        }
        let spaces = cut(self.text, i + 1, i + 9)
            .iter()
            .take_while(|&&b| matches!(b, b' ' | b'\t'))
            .count();
        let in_url = key_start > 0 && at(self.text, key_start - 1) == b'/';
        let slash = in_url && (key_start == 1 || at(self.text, key_start - 2) == b' ');
        if spaces == 0 && (!in_url || slash) && self.is_pair(key_start, i) {
            return self.field(key_start, i, i + 1, Style::Assignment);
        }
        if spaces > 0 || !in_url && is_header(cut(self.text, key_start, i)) {
            self.field(key_start, i, i + 1 + spaces, Style::Header)
        } else {
            i + 1
        }
    }

    fn key_start(&self, key_end: usize) -> usize {
        let back = cut(self.text, key_end.saturating_sub(LONGEST_NAME), key_end);
        key_end - back.iter().rev().take_while(|&&b| is_name_byte(b)).count()
    }

    /// A name and where its value starts: hides the value if the name says so.
    fn field(&mut self, key_start: usize, key_end: usize, value: usize, style: Style) -> usize {
        let key = cut(self.text, key_start, key_end);
        let dashes = key.iter().take_while(|&&b| b == b'-').count();
        let bare = cut(key, dashes, key.len());
        let before = if key_start == 0 {
            0
        } else {
            at(self.text, key_start - 1)
        };
        let query = matches!(before, b'?' | b'&');
        if style == Style::Header && is_apt_pin(bare, cut(self.text, value, value + 8)) {
            return value;
        }
        let shown = self.redactor.is_revealed(bare);
        let name = if shown {
            None
        } else {
            let judged = if dashes == 1 {
                judge_flag(bare)
            } else {
                names::judge(bare)
            };
            let of_url = || (query || before == b';') && names::is_query_secret(bare);
            let judged = judged.filter(|name| {
                name.weight != Weight::Directory
                    || matches!(before, b';' | b'{')
                    || at(self.text, value) != b'/'
            });
            // `*.key=01;31` is a colour.
            match judged {
                // `$pw = "X"` of Perl and PowerShell, but not `$TOKEN=`.
                _ if before == b'*' || before == b'$' && !self.is_assigned(value) => return value,
                Some(name) => Some(name),
                None if of_url() => Some(SecretName::STRONG),
                None => return value,
            }
        };
        let (start, end, next) = self.value(key_start, value, before, style);
        match name {
            None => self.spans.push(Span {
                start,
                end,
                kind: None,
            }),
            Some(name) if !self.is_harmless(name, style, start, end) => {
                let kind = match style {
                    Style::Json => SecretKind::JsonField,
                    Style::Header if is_header(bare) => SecretKind::Authorization,
                    Style::Assignment if query => SecretKind::UrlParameter,
                    Style::Assignment if before == b';' => SecretKind::ConnectionString,
                    Style::Assignment | Style::Header => SecretKind::Name,
                };
                let start = if style == Style::Header {
                    after_scheme(self.text, start, end)
                } else {
                    start
                };
                self.spans.push(Span::new(start, end, kind));
            }
            // `user=a,password=X`: harmless by its own name; it may hold other fields.
            Some(_) if cut(self.text, start, end).contains(&b'=') => return value,
            Some(_) => {}
        }
        if self.quote != 0 && cut(self.text, end, next).contains(&self.quote) {
            self.quote = 0;
        }
        next.max(value)
    }
}

/// `Pin: origin deb.debian.org` of `apt_preferences(5)`.
fn is_apt_pin(name: &[u8], value: &[u8]) -> bool {
    let kinds = [&b"origin "[..], b"release ", b"version "];
    name == b"Pin" && kinds.iter().any(|kind| value.starts_with(kind))
}

/// The name of a flag, with or without the letter that Java's (`-Dkey=`) and Gradle's
/// (`-Pkey=`) properties stand behind.
fn judge_flag(name: &[u8]) -> Option<SecretName> {
    names::judge(name).or_else(|| match name {
        [b'D' | b'P', property @ ..] => names::judge(property),
        _ => None,
    })
}
