//! Passwords in the places where the programs of the table take them.
//!
//! A command is followed word by word, whether its words are arguments of a process or stand in
//! one text (`sh -c "…"`, a title). Each pattern of the program remembers how far it has come.

use super::fields::looks_like_flag;
use super::names;
use super::names::Weight;
use super::patterns::{Patterns, Program, Programs, Step, Take};
use super::tables::programs::READERS;
use super::text::{Span, cut, until_in};
use super::values::{is_reference, looks_like_password};
use super::{Redactor, SecretKind};

/// More patterns than any program has.
const MOST: usize = 48;
/// A pattern that has found what it looked for.
const DONE: u8 = u8::MAX;

/// How far a command has come.
pub(super) struct Command {
    rows: Vec<&'static Patterns>,
    progress: [u8; MOST],
    /// The next word that is no option is the program.
    starts: bool,
    pub(super) shell: bool,
    before: Before,
    /// Words until `password` would stand, after `login` or `machine` and its value; what follows
    /// it then is one.
    netrc: u8,
}

/// What the word before announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    Nothing,
    /// An option that is a password's in many programs.
    Option,
    /// `password` as a word of its own.
    Word,
}

/// A word of a command: its place in the text, without quotes around it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Nothing of the command follows.
    pub(super) last: bool,
}

impl Default for Command {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            progress: [0; MOST],
            starts: true,
            shell: false,
            before: Before::Nothing,
            netrc: 0,
        }
    }
}

impl Command {
    /// Whether no word was met yet.
    pub(super) fn is_new(&self) -> bool {
        self.starts && self.rows.is_empty() && !self.shell
    }

    /// The command that a text with words, one argument of this one, begins with.
    pub(super) fn inner(&self) -> Self {
        Self {
            rows: self.rows.clone(),
            ..Self::default()
        }
    }

    /// Forgets the program, not what was learnt of the text.
    pub(super) fn restart(&mut self) {
        self.rows.clear();
        self.starts = true;
        self.before = Before::Nothing;
    }

    /// The next word.
    pub(super) fn word(
        &mut self,
        redactor: &Redactor,
        text: &[u8],
        place: Place,
        spans: &mut Vec<Span>,
    ) {
        let word = cut(text, place.start, place.end);
        if self.enter(word) {
            self.before = Before::Nothing;
            return;
        }
        let before = std::mem::replace(&mut self.before, Before::Nothing);
        if self.rows.is_empty() {
            self.any_program(text, place, before, spans);
            return;
        }
        let mut index = 0;
        let mut found = false;
        for row in &self.rows {
            for pattern in &row.patterns {
                if let Some(progress) = self.progress.get_mut(index) {
                    let mut step = Walk {
                        redactor,
                        row,
                        pattern,
                        text,
                        place,
                        spans,
                    };
                    found |= step.advance(progress);
                }
                index += 1;
            }
        }
        if !found {
            self.any_program(text, place, before, spans);
        }
    }

    /// Takes `word` as a program, if it is one and may be one here: true.
    fn enter(&mut self, word: &[u8]) -> bool {
        if word.is_empty()
            || word.contains(&b'=')
            || word.first() == Some(&b'-')
            || word.windows(3).any(|w| w == b"://")
        {
            return false;
        }
        let starts = std::mem::replace(&mut self.starts, false);
        if !starts && self.expects(word) {
            return false;
        }
        let Some(Program {
            rows,
            runner,
            shell,
            short,
        }) = Programs::get().find(word)
        else {
            return false;
        };
        if short && !starts && !shell {
            return false;
        }
        self.shell |= shell;
        self.starts = runner;
        if !rows.is_empty() {
            self.rows = rows;
            self.progress = [0; MOST];
        }
        true
    }

    /// Whether a pattern of the program at hand waits for this very word or for any.
    fn expects(&self, word: &[u8]) -> bool {
        let patterns = self.rows.iter().flat_map(|row| &row.patterns);
        patterns.zip(&self.progress).any(|(pattern, &progress)| {
            let at = usize::from(progress);
            match pattern.get(at) {
                Some(Step::Literal(words)) => is_literal(words, word),
                Some(Step::Any | Step::Named | Step::Take(_)) => at > 0,
                _ => false,
            }
        })
    }

    /// What holds for programs in general: only what looks like a password is hidden.
    fn any_program(&mut self, text: &[u8], place: Place, before: Before, spans: &mut Vec<Span>) {
        let word = cut(text, place.start, place.end);
        // `login` 4, its value 3, `password` 2, the secret 1.
        self.netrc = self.netrc.saturating_sub(1);
        let mut hide = |from: usize| {
            spans.push(Span::new(
                place.start + from,
                place.end,
                SecretKind::PasswordOption,
            ));
        };
        match before {
            Before::Option if looks_like_password(word) => hide(0),
            Before::Word if looks_like_password(word) || self.netrc == 1 && !is_reference(word) => {
                hide(0);
                return;
            }
            _ => {}
        }
        match word {
            [
                b'-',
                b'p' | b'P' | b'w' | b'W' | b'k' | b'a' | b't' | b's' | b'x',
            ]
            | b"-pw"
            | b"-pass" => self.before = Before::Option,
            [b'-', b'p' | b'P' | b'a' | b'w', rest @ ..]
                if rest.len() >= 6 && !rest.contains(&b'=') && looks_like_password(rest) =>
            {
                hide(2);
            }
            [b'/', b'p' | b'P', b':', rest @ ..]
                if !rest.contains(&b'=') && looks_like_password(rest) =>
            {
                hide(3)
            }
            [first, ..] if first.is_ascii_alphabetic() && word.len() <= 24 => {
                if matches!(word, b"machine" | b"login" | b"account") {
                    self.netrc = 4;
                } else if word
                    .iter()
                    .all(|b| b.is_ascii_lowercase() || matches!(b, b'-' | b'_'))
                    && names::judge(word)
                        .is_some_and(|name| name.weight == Weight::Strong && !name.switch)
                {
                    self.before = Before::Word;
                }
            }
            _ => {}
        }
    }
}

fn is_literal(words: &[&'static [u8]], word: &[u8]) -> bool {
    words.iter().any(|known| match known.strip_suffix(b"*") {
        Some(beginning) => word.starts_with(beginning),
        None => *known == word,
    })
}

/// One pattern at one word.
struct Walk<'a> {
    redactor: &'a Redactor,
    row: &'a Patterns,
    pattern: &'a [Step],
    text: &'a [u8],
    place: Place,
    spans: &'a mut Vec<Span>,
}

impl Walk<'_> {
    /// True: the word is hidden, or shown because the user asked for it.
    fn advance(&mut self, progress: &mut u8) -> bool {
        if *progress == DONE {
            return false;
        }
        let at = usize::from(*progress);
        let word = cut(self.text, self.place.start, self.place.end);
        let announced = at > 0 && matches!(self.pattern.get(at - 1), Some(Step::Flag { .. }));
        let option = word.len() > 1 && word.first() == Some(&b'-');
        match self.pattern.get(at) {
            Some(Step::Literal(words)) if is_literal(words, word) => *progress += 1,
            Some(Step::Flag { names, attached }) => return self.flag(progress, names, *attached),
            Some(Step::Attached { prefix, numbers }) => {
                let Some(from) = self.attached(prefix) else {
                    return false;
                };
                let value = cut(word, from, word.len());
                let port = *numbers && value.iter().all(u8::is_ascii_digit);
                return !port && self.hide(prefix, Take::Whole, from);
            }
            Some(Step::Any) if !option => *progress += 1,
            Some(Step::Named) if !option => {
                if names::judge(word).is_some_and(|name| {
                    matches!(
                        name.weight,
                        Weight::Strong | Weight::Key | Weight::Connection
                    )
                }) {
                    *progress += 1;
                }
            }
            Some(&Step::Take(take)) if announced => {
                *progress -= 1;
                if looks_like_flag(word) {
                    return false;
                }
                let flag = match self.pattern.get(at - 1) {
                    Some(Step::Flag { names, .. }) => names.first().copied().unwrap_or_default(),
                    _ => b"",
                };
                return self.hide(flag, take, 0);
            }
            Some(&Step::Take(take)) if !option => {
                let found = self.hide(b"", take, 0);
                if matches!(take, Take::Whole) && (found || !word.is_empty()) || found && at > 0 {
                    *progress = DONE;
                }
                return found;
            }
            Some(&Step::Each(take)) if !option => return self.hide(b"", take, 0),
            Some(Step::Last) if self.place.last && !option => {
                return self.hide(b"", Take::Whole, 0);
            }
            _ => {}
        }
        false
    }

    fn flag(&mut self, progress: &mut u8, names: &[&'static [u8]], attached: bool) -> bool {
        let word = cut(self.text, self.place.start, self.place.end);
        let take = match self.pattern.get(usize::from(*progress) + 1) {
            Some(&(Step::Take(take) | Step::Each(take))) => Some(take),
            _ => None,
        };
        for &name in names {
            let short = name.len() == 2;
            if word == name || short && self.clustered(name) == Some(word.len()) {
                *progress += 1;
                return false;
            }
            let Some(take) = take else { continue };
            if let Some(rest) = word.strip_prefix(name)
                && matches!(rest.first(), Some(b'=' | b':'))
                && !(short && attached && rest.first() == Some(&b':'))
            {
                return self.hide(name, take, name.len() + 1);
            }
            if attached && let Some(from) = self.attached(name) {
                return self.hide(name, take, from);
            }
        }
        false
    }

    /// Where the value begins that is attached to the option.
    fn attached(&self, name: &[u8]) -> Option<usize> {
        let word = cut(self.text, self.place.start, self.place.end);
        let from = if word.starts_with(name) {
            name.len()
        } else {
            self.clustered(name)?
        };
        (from < word.len()).then_some(from)
    }

    /// Behind the letter of the option in `-sSu`, all others being switches.
    fn clustered(&self, name: &[u8]) -> Option<usize> {
        let word = cut(self.text, self.place.start, self.place.end);
        let &[b'-', letter] = name else { return None };
        if word.first() != Some(&b'-') {
            return None;
        }
        let before = word
            .iter()
            .skip(1)
            .take_while(|b| **b != letter && self.row.switches.contains(b))
            .count();
        (before > 0 && word.get(before + 1) == Some(&letter)).then_some(before + 2)
    }

    /// Hides the secret part of the word from `from` on.
    fn hide(&mut self, flag: &[u8], take: Take, from: usize) -> bool {
        let start = self.place.start + from;
        let word = cut(self.text, start, self.place.end);
        let after = |word: &[u8], between: u8| {
            let place = word.iter().position(|&b| b == between)?;
            let user = word.get(..place)?;
            let script = matches!(user.first(), Some(b'@' | b'/' | b'.'));
            let odd = between == b'/' && (script || user.is_empty() || user.contains(&b'='));
            (!odd).then_some(place + 1)
        };
        let (offset, oracle) = match take {
            Take::Whole => (Some(0), false),
            Take::After(between) => (after(word, between), between == b'/'),
            Take::Value => (word.iter().position(|&b| b == b'=').map(|at| at + 1), false),
            Take::NamedValue => {
                let at = word.iter().position(|&b| b == b'=');
                (
                    at.filter(|&at| names::judge(cut(word, 0, at)).is_some())
                        .map(|at| at + 1),
                    false,
                )
            }
            Take::Prefixed(prefix) => (word.starts_with(prefix).then_some(prefix.len()), false),
            Take::PrefixedAfter(prefix, between) => (
                word.strip_prefix(prefix)
                    .and_then(|rest| after(rest, between))
                    .map(|at| at + prefix.len()),
                between == b'/',
            ),
        };
        let Some(offset) = offset else { return false };
        let start = start + offset;
        let value = cut(self.text, start, self.place.end);
        let end = match value.iter().rposition(|&b| b == b'@') {
            Some(host) if oracle => start + host,
            _ => self.place.end,
        };
        // `-p'a b'` in a script: the quotes may be shown.
        let (start, end) = match cut(self.text, start, end) {
            [first @ (b'"' | b'\''), inner @ .., last] if first == last => {
                (start + 1, start + 1 + inner.len())
            }
            _ => (start, end),
        };
        let value = cut(self.text, start, end);
        if value.is_empty() || is_reference(value) || value == b"-" {
            return false;
        }
        let letter = flag
            .get(flag.iter().take_while(|&&b| b == b'-').count()..)
            .unwrap_or_default();
        if !flag.is_empty() && self.redactor.is_revealed(letter) {
            self.spans.push(Span {
                start,
                end: self.place.end,
                kind: None,
            });
            return true;
        }
        self.spans
            .push(Span::new(start, end, SecretKind::PasswordOption));
        true
    }
}

/// Follows the commands of a text with words between spaces. `command` is the one that the
/// text is an argument of.
pub(super) fn scan(redactor: &Redactor, text: &[u8], command: &mut Command, spans: &mut Vec<Span>) {
    let mut echoed: Vec<Place> = Vec::new();
    let mut echo = false;
    let mut piped = false;
    let mut from = 0;
    while let Some(token) = next_token(text, from) {
        from = token.next;
        if token.operator != 0 {
            if token.operator == b'|' && echo {
                piped = true;
            } else {
                echoed.clear();
                piped = false;
            }
            echo = false;
            command.restart();
            continue;
        }
        let word = cut(text, token.start, token.end);
        if command.starts && matches!(word, b"echo" | b"printf" | b"print" | b"Write-Output") {
            echo = true;
        } else if echo
            && word.first() != Some(&b'-')
            && word.first() != Some(&b'%')
            && echoed.len() < MOST
        {
            echoed.push(Place {
                start: token.start,
                end: token.end,
                last: false,
            });
        } else if piped {
            let name = word.rsplit(|&b| b == b'/').next().unwrap_or_default();
            let reads = std::str::from_utf8(name).is_ok_and(|name| {
                READERS
                    .split_ascii_whitespace()
                    .any(|reader| reader == name)
            });
            for place in echoed.drain(..).collect::<Vec<_>>() {
                let value = cut(text, place.start, place.end);
                if (reads || looks_like_password(value)) && !is_reference(value) {
                    spans.push(Span::new(
                        place.start,
                        place.end,
                        SecretKind::PasswordOption,
                    ));
                } else {
                    echoed.push(place);
                }
            }
        }
        let place = Place {
            start: token.start,
            end: token.end,
            last: next_token(text, from).is_none_or(|next| next.operator != 0),
        };
        command.word(redactor, text, place, spans);
    }
}

/// A word or an operator of a shell.
struct Token {
    start: usize,
    end: usize,
    next: usize,
    /// 0: a word.
    operator: u8,
}

/// The token at or after `from`. A word with quotes around it is what they hold.
fn next_token(text: &[u8], from: usize) -> Option<Token> {
    let start = until_in(text, from, text.len(), |b| {
        !matches!(b, b' ' | b'\t' | b'\r')
    });
    let first = *text.get(start)?;
    if matches!(
        first,
        b';' | b'|' | b'&' | b'\n' | b'(' | b')' | b'{' | b'}' | b'`' | b'<' | b'>'
    ) {
        return Some(Token {
            start,
            end: start + 1,
            next: start + 1,
            operator: first,
        });
    }
    if matches!(first, b'"' | b'\'') {
        let close = until_in(text, start + 1, text.len(), |b| b == first);
        let next = (close + 1).min(text.len());
        let ends = text.get(next).is_none_or(|b| {
            b.is_ascii_whitespace() || matches!(b, b';' | b'|' | b'&' | b')' | b'`' | b'>')
        });
        if ends && close > start {
            return Some(Token {
                start: start + 1,
                end: close,
                next,
                operator: 0,
            });
        }
    }
    // Quotes inside a word: `-p'a b'` is the option and what they hold.
    let mut end = start;
    while let Some(&byte) = text.get(end) {
        match byte {
            b'"' | b'\'' => {
                let close = until_in(text, end + 1, text.len(), |b| b == byte);
                end = (close + 1).min(text.len());
            }
            b'\\' => end = (end + 2).min(text.len()),
            b' ' | b'\t' | b'\r' | b'\n' | b';' | b'|' | b'&' | b'`' | b')' => break,
            b'$' if text.get(end + 1) == Some(&b'(') => {
                end = until_in(text, end, text.len(), |b| b == b')')
                    .saturating_add(1)
                    .min(text.len())
            }
            _ => end += 1,
        }
    }
    let end = end.max(start + 1);
    Some(Token {
        start,
        end,
        next: end,
        operator: 0,
    })
}
