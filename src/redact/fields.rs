//! Named values inside a text: `--flag value`, `NAME=value`, `"key": "value"`, `Header: value`.
//!
//! One walk from left to right, shared by arguments of their own, by scripts in one
//! argument (`sh -c "…"`), by titles that a process wrote over its arguments, and by
//! environment values. Every step moves forward, so the time is linear.

use super::Redactor;
use super::SecretKind;
use super::names;
use super::names::{SecretName, Weight};
use super::text::{Span, at, cut, is_name_byte, until, until_in};
use super::values::{is_harmless, is_reference, looks_like_password};

/// How far back a name may reach: keeps the look back cheap.
pub(super) const LONGEST_NAME: usize = 128;

/// What is remembered from one argument to the next.
#[derive(Debug, Default)]
pub(super) struct Line {
    pub(super) expects: Option<Expects>,
}

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

/// How the text came to be, which says where a value ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Setting {
    /// One argument: `--password=` at its start takes all of it.
    Argument,
    /// Words with quotes between them.
    Script,
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
    long.is_empty() || name > 0 && matches!(at(long, name), 0 | b'=' | b' ' | b'.' | b':')
}

fn hide_expected(
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

    /// `PASSWORD 'x'`, `IDENTIFIED BY 'x'`: as SQL has it, with the quote.
    fn is_sql_password(&self, i: usize, word: &[u8]) -> bool {
        let after = i + word.len();
        if at(self.text, after) != b' ' || !matches!(at(self.text, after + 1), b'\'' | b'"') {
            return false;
        }
        let before = cut(self.text, i.saturating_sub(11), i);
        word.eq_ignore_ascii_case(b"password")
            || word.eq_ignore_ascii_case(b"by") && before.eq_ignore_ascii_case(b"identified ")
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
        let dashes = word.iter().take(3).take_while(|&&b| b == b'-').count();
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

    /// Whether what stands here is the end of a path and words about the file:
    /// `/run/app.key: 3 bytes` is no key with a value, `/run/app.key: s3cretValue` is one.
    fn is_file(&self, start: usize, end: usize) -> bool {
        let is_path = start > 0
            && at(self.text, start - 1) == b'/'
            && at(self.text, end + 1) == b' '
            && cut(self.text, start, end).contains(&b'.');
        // More words follow, and the first of them is short.
        let next = cut(self.text, end + 2, end + 2 + LONGEST_NAME);
        let word = next.iter().position(u8::is_ascii_whitespace);
        is_path && word.is_some_and(|length| !looks_like_password(cut(next, 0, length)))
    }

    fn key_start(&self, key_end: usize) -> usize {
        let back = cut(self.text, key_end.saturating_sub(LONGEST_NAME), key_end);
        key_end - back.iter().rev().take_while(|&&b| is_name_byte(b)).count()
    }

    /// Whether a quoted text, or what looks like a password, is assigned here.
    fn is_assigned(&self, value: usize) -> bool {
        let first = at(self.text, value);
        let end = until(self.text, value, |b| {
            b.is_ascii_whitespace() || matches!(b, b';' | b')')
        });
        matches!(first, b'"' | b'\'') && !matches!(at(self.text, value + 1), b'$' | b'"' | b'\'')
            || looks_like_password(cut(self.text, value, end.min(value + 256)))
    }

    /// `password:X` without a space, where X is no plain word: `Private-Token:X`, `/password:X`.
    fn is_pair(&self, key_start: usize, colon: usize) -> bool {
        // `arn:aws:secretsmanager:…:secret:name`.
        if key_start > 0 && at(self.text, key_start - 1) == b':' {
            return false;
        }
        let named = names::judge(cut(self.text, key_start, colon));
        if !named.is_some_and(|name| name.weight == Weight::Strong || name.weight == Weight::Key) {
            return false;
        }
        let end = until(self.text, colon + 1, |b| {
            b.is_ascii_whitespace() || matches!(b, b',' | b'"' | b'\'')
        });
        let value = cut(self.text, colon + 1, end.min(colon + 256));
        value.len() >= 4
            && !value.iter().all(|b| {
                b.is_ascii_lowercase() || matches!(b, b'-' | b'_' | b':' | b'*' | b'.' | b'/')
            })
            && !value
                .iter()
                .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b':'))
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
            Some(name) if !is_harmless(name, cut(self.text, start, end)) => {
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
            Some(_) => {}
        }
        if self.quote != 0 && cut(self.text, end, next).contains(&self.quote) {
            self.quote = 0;
        }
        next.max(value)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Assignment,
    Header,
    Json,
}

/// Headers that are written without a space after the colon too.
fn is_header(name: &[u8]) -> bool {
    let starts = |prefix: &[u8]| {
        name.get(..prefix.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    starts(b"x-")
        || starts(b"authorization")
        || starts(b"proxy-authorization")
        || name.eq_ignore_ascii_case(b"cookie")
}

/// `Bearer`, or `NAME=Bearer`, in front of a space.
fn ends_with_scheme(word: &[u8]) -> bool {
    let tail = word.rsplit(|&b| b == b'=').next().unwrap_or_default();
    tail.eq_ignore_ascii_case(b"bearer") || tail.eq_ignore_ascii_case(b"basic")
}

/// `Bearer x`: the scheme may be shown, and the fingerprint is that of the token alone.
fn after_scheme(text: &[u8], start: usize, end: usize) -> usize {
    const SCHEMES: [&[u8]; 4] = [b"bearer", b"basic", b"token", b"digest"];
    let space = until_in(text, start, end, |b| b == b' ');
    let scheme = cut(text, start, space);
    if SCHEMES
        .iter()
        .any(|known| scheme.eq_ignore_ascii_case(known))
    {
        until_in(text, space, end, |b| b != b' ')
    } else {
        start
    }
}

/// The name of a flag, with or without the letter that Java's (`-Dkey=`) and Gradle's
/// (`-Pkey=`) properties stand behind.
fn judge_flag(name: &[u8]) -> Option<SecretName> {
    names::judge(name).or_else(|| match name {
        [b'D' | b'P', property @ ..] => names::judge(property),
        _ => None,
    })
}
