//! How far one pattern of a program comes with each word, and what it hides.

use super::entropy::looks_random;
use super::expected::looks_like_flag;
use super::names;
use super::names::Weight;
use super::patterns::{PatternStep, Patterns, SecretPart};
use super::text::{Span, cut, find};
use super::values::{is_reference, looks_like_password};
use super::{Redactor, SecretKind};

/// A pattern that has found what it looked for.
const DONE: u8 = u8::MAX;

/// A word of a command: its place in the text, without quotes around it.
#[derive(Debug, Clone, Copy)]
pub(super) struct WordPlace {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Nothing of the command follows.
    pub(super) last: bool,
}

/// One pattern at one word.
pub(super) struct PatternWalk<'a> {
    pub(super) redactor: &'a Redactor,
    pub(super) row: &'a Patterns,
    pub(super) pattern: &'a [PatternStep],
    pub(super) text: &'a [u8],
    pub(super) place: WordPlace,
    pub(super) spans: &'a mut Vec<Span>,
}

impl PatternWalk<'_> {
    /// True: the word is hidden, or shown because the user asked for it.
    pub(super) fn advance(&mut self, progress: &mut u8) -> bool {
        if *progress == DONE {
            return false;
        }
        let at = usize::from(*progress);
        let word = cut(self.text, self.place.start, self.place.end);
        let announced =
            at > 0 && matches!(self.pattern.get(at - 1), Some(PatternStep::Flag { .. }));
        let option = word.len() > 1
            && (word.first() == Some(&b'-')
                || word.first() == Some(&b'/') && self.row.switches.contains(&b'/'));
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
            Some(PatternStep::Harmless) if announced => {
                *progress -= 1;
                return self.show(word, 0);
            }
            Some(PatternStep::Adjacent) => {
                *progress = DONE;
                return !option && self.hide(b"", SecretPart::Whole, 0);
            }
            Some(PatternStep::Last) if self.place.last && !option => {
                return self.hide(b"", SecretPart::Whole, 0);
            }
            _ => {}
        }
        false
    }

    fn flag(&mut self, progress: &mut u8, names: &[&'static [u8]], attached: bool) -> bool {
        let word = cut(self.text, self.place.start, self.place.end);
        let next = self.pattern.get(usize::from(*progress) + 1);
        let take = match next {
            Some(&(PatternStep::SecretPart(take) | PatternStep::Each(take))) => Some(take),
            _ => None,
        };
        let harmless = matches!(next, Some(PatternStep::Harmless));
        for &name in names {
            let short = name.len() == 2;
            if word == name || short && self.clustered(name) == Some(word.len()) {
                *progress += 1;
                return false;
            }
            // `-nbB` holds the switch `-b`.
            if short && take.is_none() && !harmless && self.is_among_switches(name) {
                *progress += 1;
                return false;
            }
            if harmless
                && let Some(rest) = word.strip_prefix(name)
                && rest.first() == Some(&b'=')
            {
                return self.show(word, name.len() + 1);
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

    /// Shows the word from `from` on, whatever its option is called, unless it is a secret itself.
    fn show(&mut self, word: &[u8], from: usize) -> bool {
        let value = cut(word, from, word.len());
        if looks_like_password(value) || looks_random(value) {
            return false;
        }
        self.spans.push(Span {
            start: self.place.start + from,
            end: self.place.end,
            kind: None,
        });
        true
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

    fn is_among_switches(&self, name: &[u8]) -> bool {
        let word = cut(self.text, self.place.start, self.place.end);
        let (Some(&letter), Some((b'-', letters))) = (name.get(1), word.split_first()) else {
            return false;
        };
        letters.contains(&letter) && letters.iter().all(|b| self.row.switches.contains(b))
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
            SecretPart::AfterLast(between) => (
                word.iter().rposition(|&b| b == between).map(|at| at + 1),
                false,
            ),
            SecretPart::Listed(key) => {
                // The list may begin with the key itself.
                let bare = key.get(1..).unwrap_or_default();
                let inside = find(word, key, 0).map(|at| at + key.len());
                (
                    inside.or(word.starts_with(bare).then_some(bare.len())),
                    false,
                )
            }
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
            _ if matches!(take, SecretPart::Listed(_)) => {
                start + value.iter().position(|&b| b == b',').unwrap_or(value.len())
            }
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
        if value.is_empty() || is_reference(value) || matches!(value, b"-" | b"*") {
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

pub(super) fn is_literal(words: &[&'static [u8]], word: &[u8]) -> bool {
    words.iter().any(|known| match known.strip_suffix(b"*") {
        Some(beginning) => word.starts_with(beginning),
        None => *known == word,
    })
}
