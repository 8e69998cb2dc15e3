//! What the detectors share: places in a text, and one cheap look before any of them runs.

use super::SecretKind;

/// A stretch of a text to hide, or, with no kind, to show whatever the detectors say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) kind: Option<SecretKind>,
}

impl Span {
    pub(super) fn new(start: usize, end: usize, kind: SecretKind) -> Self {
        Self {
            start,
            end,
            kind: Some(kind),
        }
    }
}

/// Counts the bytes that are looked at, for the test that no text takes more than linear steps.
#[cfg(test)]
pub(super) mod steps {
    use std::cell::Cell;

    thread_local! {
        static TAKEN: Cell<usize> = const { Cell::new(0) };
    }

    pub(in crate::redact) fn count(bytes: usize) {
        TAKEN.with(|taken| taken.set(taken.get() + bytes));
    }

    /// How many `work` takes.
    pub(in crate::redact) fn of(work: impl FnOnce()) -> usize {
        TAKEN.with(|taken| taken.set(0));
        work();
        TAKEN.with(Cell::get)
    }
}

#[cfg(not(test))]
mod steps {
    #[inline(always)]
    pub(super) const fn count(_: usize) {}
}

/// The byte at `index`, NUL beyond the end (NUL ends an argument, so it is never inside one).
pub(super) fn at(text: &[u8], index: usize) -> u8 {
    steps::count(1);
    text.get(index).copied().unwrap_or(0)
}

/// The bytes from `start` to `end`, empty when out of range.
pub(super) fn cut(text: &[u8], start: usize, end: usize) -> &[u8] {
    text.get(start..end.min(text.len())).unwrap_or_default()
}

/// Where `fits` first holds at or after `from`, else the end of the text.
pub(super) fn until(text: &[u8], from: usize, fits: impl Fn(u8) -> bool) -> usize {
    cut(text, from, text.len())
        .iter()
        .position(|&b| {
            steps::count(1);
            fits(b)
        })
        .map_or(text.len(), |n| from + n)
}

/// The same, looking no further than `end`.
pub(super) fn until_in(text: &[u8], from: usize, end: usize, fits: impl Fn(u8) -> bool) -> usize {
    cut(text, from, end)
        .iter()
        .position(|&b| {
            steps::count(1);
            fits(b)
        })
        .map_or(end, |n| from + n)
}

/// Where `needle` next begins, at or after `from`.
pub(super) fn find(text: &[u8], needle: &[u8], from: usize) -> Option<usize> {
    let first = needle.first()?;
    let mut start = from;
    loop {
        let rest = text.get(start..)?;
        let found = memchr::memchr(*first, rest);
        steps::count(found.unwrap_or(rest.len()));
        let place = start + found?;
        if cut(text, place, place + needle.len()) == needle {
            return Some(place);
        }
        start = place + 1;
    }
}

/// What a name is made of.
pub(super) fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.') || byte >= 0x80
}

/// Orders the spans, joins those that meet, and lets what was revealed win.
pub(super) fn settle(spans: &mut Vec<Span>) {
    spans.retain(|span| span.start < span.end);
    if spans.iter().any(|span| span.kind.is_none()) {
        let shown: Vec<Span> = spans
            .iter()
            .copied()
            .filter(|span| span.kind.is_none())
            .collect();
        spans.retain(|span| {
            // Both lists are short here: somebody typed each revealed name.
            span.kind.is_some()
                && !shown
                    .iter()
                    .any(|shown| shown.start <= span.start && span.end <= shown.end)
        });
    }
    spans.sort_unstable_by_key(|span| (span.start, usize::MAX - span.end));
    spans.dedup_by(|next, kept| {
        if next.start >= kept.end {
            return false;
        }
        if kept.kind == Some(SecretKind::HighEntropy) {
            kept.kind = next.kind;
        }
        kept.end = kept.end.max(next.end);
        true
    });
}

/// What a text holds at all: decides which detectors are worth their time.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Facts {
    seen: u16,
    longest_run: usize,
}

const EQUALS: u16 = 1;
const COLON: u16 = 2;
const AT: u16 = 4;
const SPACE: u16 = 8;
const QUOTE: u16 = 16;
const RUN: u16 = 32;
const BRACE: u16 = 64;
const ANGLE: u16 = 128;
const DOLLAR: u16 = 256;
const PERCENT: u16 = 512;
const PARENTHESIS: u16 = 1024;
const SLASH: u16 = 2048;
const NEWLINE: u16 = 4096;

/// The shortest token that its prefix alone gives away.
const SHORTEST_TOKEN: usize = 16;

static CLASSES: [u16; 256] = classes();

const fn classes() -> [u16; 256] {
    let mut table = [0; 256];
    let mut byte = 0_u8;
    loop {
        // In range by construction; `get_mut` is not const.
        #[allow(clippy::indexing_slicing)]
        {
            table[byte as usize] = match byte {
                b'=' => EQUALS,
                b':' => COLON,
                b'@' => AT,
                b'\n' => SPACE | NEWLINE,
                b' ' | b'\t' | b'\r' => SPACE,
                b'"' | b'\'' | b'`' => QUOTE,
                b'{' | b'}' | b'[' | b']' => BRACE,
                b'<' | b'>' => ANGLE,
                b'$' => DOLLAR,
                b'%' => PERCENT,
                b'(' => PARENTHESIS,
                b'/' => RUN | SLASH,
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' | b'.' | b'+' | b'~' => RUN,
                _ => 0,
            };
        }
        if byte == u8::MAX {
            return table;
        }
        byte += 1;
    }
}

fn class(byte: u8) -> u16 {
    CLASSES.get(usize::from(byte)).copied().unwrap_or(0)
}

/// Of the alphabet that tokens and paths are written in.
pub(super) fn is_run_byte(byte: u8) -> bool {
    class(byte) & RUN != 0
}

impl Facts {
    pub(super) fn of(text: &[u8]) -> Self {
        let mut seen = 0;
        let mut run = 0;
        let mut longest_run = 0;
        for &byte in text {
            let class = class(byte);
            seen |= class;
            run = if class & RUN != 0 { run + 1 } else { 0 };
            longest_run = longest_run.max(run);
        }
        Self { seen, longest_run }
    }

    /// `name=value`, `name: value`, or several words.
    pub(super) fn may_hold_fields(self) -> bool {
        self.seen & (EQUALS | COLON | SPACE) != 0
    }

    /// `user:password@host`, or a URL whose path is secret.
    pub(super) fn may_hold_url(self) -> bool {
        self.seen & (COLON | SLASH) != 0
            && (self.seen & AT != 0 || self.longest_run >= SHORTEST_TOKEN)
    }

    pub(super) fn has_space(self) -> bool {
        self.seen & SPACE != 0
    }

    /// `<password>X</password>`.
    pub(super) fn may_hold_markup(self) -> bool {
        self.seen & ANGLE != 0 && self.seen & (SLASH | QUOTE) != 0
    }

    /// `{…: …}`.
    pub(super) fn may_hold_objects(self) -> bool {
        self.seen & BRACE != 0 && self.seen & COLON != 0
    }

    /// `IDENTIFIED BY x`, `login('u', 'x')`, `password => 'x'`.
    pub(super) fn may_hold_statements(self) -> bool {
        self.seen & SPACE != 0 && self.seen & (QUOTE | DOLLAR | ANGLE) != 0
            || self.seen & PARENTHESIS != 0 && self.seen & QUOTE != 0
            || self.seen & SPACE != 0 && self.longest_run >= 5
    }

    /// YAML of several lines.
    pub(super) fn may_hold_outline(self) -> bool {
        self.seen & NEWLINE != 0 && self.seen & COLON != 0
    }

    /// `$6$…`.
    pub(super) fn has_dollar(self) -> bool {
        self.seen & DOLLAR != 0
    }

    /// `{SSHA}…`.
    pub(super) fn has_brace(self) -> bool {
        self.seen & BRACE != 0
    }

    pub(super) fn has_percent(self) -> bool {
        self.seen & PERCENT != 0
    }

    pub(super) fn has_colon(self) -> bool {
        self.seen & COLON != 0
    }

    pub(super) fn has_at(self) -> bool {
        self.seen & AT != 0
    }

    pub(super) fn may_hold_token(self) -> bool {
        self.longest_run >= SHORTEST_TOKEN
    }
}
