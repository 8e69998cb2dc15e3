//! Passwords in the places where the programs of the table take them.
//!
//! A command is followed word by word, whether its words are arguments of a process or stand in
//! one text (`sh -c "…"`, a title). Each pattern of the program remembers how far it has come.

use super::fields::looks_like_flag;
use super::lexicon::Lexicon;
use super::names;
use super::names::Weight;
use super::patterns::{KnownProgram, PatternStep, Patterns, Programs, SecretPart};
use super::tables::words::Word;
use super::text::{Span, cut};
use super::values::{is_reference, looks_like_password};
use super::{Redactor, SecretKind};

/// More patterns than any program has.
pub(super) const MOST: usize = 48;
/// A pattern that has found what it looked for.
const DONE: u8 = u8::MAX;

/// How far a command has come.
pub(super) struct CommandWords {
    rows: Vec<&'static Patterns>,
    progress: [u8; MOST],
    /// The next word that is no option is the program.
    pub(super) starts: bool,
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
pub(super) struct WordPlace {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Nothing of the command follows.
    pub(super) last: bool,
}

impl Default for CommandWords {
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

impl CommandWords {
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
        place: WordPlace,
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
        let Some(KnownProgram {
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
                Some(PatternStep::Literal(words)) => is_literal(words, word),
                Some(PatternStep::Any | PatternStep::Named | PatternStep::SecretPart(_)) => at > 0,
                _ => false,
            }
        })
    }

    /// What holds for programs in general: only what looks like a password is hidden.
    fn any_program(
        &mut self,
        text: &[u8],
        place: WordPlace,
        before: Before,
        spans: &mut Vec<Span>,
    ) {
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
                hide(3);
            }
            [first, ..] if first.is_ascii_alphabetic() && word.len() <= 24 => {
                if matches!(word, b"machine" | b"login" | b"account") {
                    self.netrc = 4;
                } else if word
                    .iter()
                    .all(|b| b.is_ascii_lowercase() || matches!(b, b'-' | b'_'))
                    && announces(word)
                {
                    self.before = Before::Word;
                }
            }
            _ => {}
        }
    }
}

/// Whether the word names a password by itself: `password`, `auth-pass`.
fn announces(word: &[u8]) -> bool {
    let last = word.rsplit(|b| matches!(b, b'-' | b'_')).next();
    let telling = last.is_some_and(|last| {
        let lexicon = Lexicon::get();
        lexicon
            .of(last)
            .or(lexicon.split(last).map(|pair| pair.1))
            .is_some_and(Word::is_telling)
    });
    telling && names::judge(word).is_some_and(|name| name.weight == Weight::Strong && !name.switch)
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
    pattern: &'a [PatternStep],
    text: &'a [u8],
    place: WordPlace,
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
        let announced =
            at > 0 && matches!(self.pattern.get(at - 1), Some(PatternStep::Flag { .. }));
        let option = word.len() > 1 && word.first() == Some(&b'-');
        match self.pattern.get(at) {
            Some(PatternStep::Literal(words)) if is_literal(words, word) => *progress += 1,
            Some(PatternStep::Flag { names, attached }) => {
                return self.flag(progress, names, *attached);
            }
            Some(PatternStep::Attached { prefix, numbers }) => {
                let Some(from) = self.attached(prefix) else {
                    return false;
                };
                let value = cut(word, from, word.len());
                let port = *numbers && value.iter().all(u8::is_ascii_digit);
                return !port && self.hide(prefix, SecretPart::Whole, from);
            }
            Some(PatternStep::Any) if !option => *progress += 1,
            Some(PatternStep::Named)
                if !option
                    && names::judge(word).is_some_and(|name| {
                        matches!(
                            name.weight,
                            Weight::Strong | Weight::Key | Weight::Connection
                        )
                    }) =>
            {
                *progress += 1;
            }
            Some(&PatternStep::SecretPart(take)) if announced => {
                *progress -= 1;
                if looks_like_flag(word) {
                    return false;
                }
                let flag = match self.pattern.get(at - 1) {
                    Some(PatternStep::Flag { names, .. }) => {
                        names.first().copied().unwrap_or_default()
                    }
                    _ => b"",
                };
                return self.hide(flag, take, 0);
            }
            Some(&PatternStep::SecretPart(take)) if !option => {
                let found = self.hide(b"", take, 0);
                if matches!(take, SecretPart::Whole) && (found || !word.is_empty())
                    || found && at > 0
                {
                    *progress = DONE;
                }
                return found;
            }
            Some(&PatternStep::Each(take)) if !option => return self.hide(b"", take, 0),
            Some(PatternStep::Last) if self.place.last && !option => {
                return self.hide(b"", SecretPart::Whole, 0);
            }
            _ => {}
        }
        false
    }

    fn flag(&mut self, progress: &mut u8, names: &[&'static [u8]], attached: bool) -> bool {
        let word = cut(self.text, self.place.start, self.place.end);
        let take = match self.pattern.get(usize::from(*progress) + 1) {
            Some(&(PatternStep::SecretPart(take) | PatternStep::Each(take))) => Some(take),
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
    fn hide(&mut self, flag: &[u8], take: SecretPart, from: usize) -> bool {
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
            SecretPart::Whole => (Some(0), false),
            SecretPart::After(between) => (after(word, between), between == b'/'),
            SecretPart::Value => (word.iter().position(|&b| b == b'=').map(|at| at + 1), false),
            SecretPart::NamedValue => {
                let at = word.iter().position(|&b| b == b'=');
                (
                    at.filter(|&at| names::judge(cut(word, 0, at)).is_some())
                        .map(|at| at + 1),
                    false,
                )
            }
            SecretPart::Prefixed(prefix) => {
                (word.starts_with(prefix).then_some(prefix.len()), false)
            }
            SecretPart::PrefixedAfter(prefix, between) => (
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
