//! Patterns of the shell as fnmatch(3) reads them, on bytes: `*`, `?`, `[…]` and `\`.
//!
//! `*` and `?` match a slash and a leading dot too, as in `find -path` and `grep --include`. The
//! time is the product of both lengths at worst.

/// A pattern, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Glob {
    parts: Vec<Part>,
    folds: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Byte(u8),
    /// `?`: one character of UTF-8, or a byte that is none.
    One,
    /// `*`.
    Any,
    Set {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

impl Glob {
    /// Takes a pattern apart; `folds`: upper and lower case of ASCII are the same.
    #[must_use]
    pub(crate) fn parse(pattern: &[u8], folds: bool) -> Self {
        let mut parts = Vec::new();
        let mut rest = pattern;
        while let Some((first, after)) = rest.split_first() {
            rest = after;
            match first {
                b'*' => {
                    if parts.last() != Some(&Part::Any) {
                        parts.push(Part::Any);
                    }
                }
                b'?' => parts.push(Part::One),
                b'\\' => {
                    let (byte, after) = rest.split_first().unwrap_or((&b'\\', &[]));
                    rest = after;
                    parts.push(Part::Byte(*byte));
                }
                b'[' => match set(rest) {
                    Some((part, after)) => {
                        parts.push(part);
                        rest = after;
                    }
                    // Without its end it is a character like any other.
                    None => parts.push(Part::Byte(b'[')),
                },
                other => parts.push(Part::Byte(*other)),
            }
        }
        Self { parts, folds }
    }

    /// Whether it matches the whole text.
    #[must_use]
    pub(crate) fn matches(&self, text: &[u8]) -> bool {
        let (mut part, mut at) = (0, 0);
        // Where to go on behind the last star: that, and the text that it may take one more of.
        let mut star: Option<(usize, usize)> = None;
        loop {
            let rest = text.get(at..).unwrap_or_default();
            let taken = match self.parts.get(part) {
                None if rest.is_empty() => return true,
                None => None,
                Some(Part::Any) => {
                    star = Some((part + 1, at));
                    part += 1;
                    continue;
                }
                Some(one) => self.takes(one, rest),
            };
            if let Some(taken) = taken {
                part += 1;
                at += taken;
            } else if let Some((behind, begin)) = star
                && begin < text.len()
            {
                let skipped = begin + character(text.get(begin..).unwrap_or_default()).1;
                star = Some((behind, skipped));
                (part, at) = (behind, skipped);
            } else {
                return false;
            }
        }
    }

    /// How many bytes at the beginning a part takes; `None`: it does not match.
    fn takes(&self, part: &Part, text: &[u8]) -> Option<usize> {
        let first = *text.first()?;
        match part {
            Part::Byte(byte) => {
                let same = first == *byte || self.folds && first.eq_ignore_ascii_case(byte);
                same.then_some(1)
            }
            Part::One => Some(character(text).1),
            Part::Any => None,
            Part::Set { negated, ranges } => {
                let (found, length) = character(text);
                let holds = found.is_some_and(|found| {
                    let within = |found: char| {
                        let mut ranges = ranges.iter();
                        ranges.any(|(low, high)| (*low..=*high).contains(&found))
                    };
                    within(found)
                        || self.folds
                            && (within(found.to_ascii_lowercase())
                                || within(found.to_ascii_uppercase()))
                });
                (holds != *negated).then_some(length)
            }
        }
    }
}

/// The first character, and its length; none where the bytes are not UTF-8.
fn character(text: &[u8]) -> (Option<char>, usize) {
    let first = text.get(..text.len().min(4)).unwrap_or_default();
    let valid = match std::str::from_utf8(first) {
        Ok(valid) => valid,
        Err(error) => {
            let valid = first.get(..error.valid_up_to()).unwrap_or_default();
            std::str::from_utf8(valid).unwrap_or_default()
        }
    };
    match valid.chars().next() {
        Some(found) => (Some(found), found.len_utf8()),
        None => (None, 1),
    }
}

/// What stands behind `[`, and what follows its end.
fn set(text: &[u8]) -> Option<(Part, &[u8])> {
    let (negated, mut rest) = match text.split_first() {
        Some((b'!' | b'^', rest)) => (true, rest),
        _ => (false, text),
    };
    let mut ranges = Vec::new();
    let mut is_first = true;
    loop {
        if let Some(after) = rest.strip_prefix(b"]")
            && !is_first
        {
            return Some((Part::Set { negated, ranges }, after));
        }
        is_first = false;
        if let Some(class) = rest.strip_prefix(b"[:") {
            let end = class.windows(2).position(|two| two == b":]")?;
            ranges.extend_from_slice(class_ranges(class.get(..end)?)?);
            rest = class.get(end + 2..)?;
            continue;
        }
        let (low, after) = member(rest)?;
        rest = after;
        match rest.strip_prefix(b"-") {
            Some(after) if !after.starts_with(b"]") => {
                let (high, after) = member(after)?;
                ranges.push((low, high));
                rest = after;
            }
            _ => ranges.push((low, low)),
        }
    }
}

fn member(text: &[u8]) -> Option<(char, &[u8])> {
    let text = text.strip_prefix(b"\\").unwrap_or(text);
    let (found, length) = character(text);
    Some((found?, text.get(length..)?))
}

/// The characters of `[:alpha:]` and the like, in ASCII.
#[must_use]
pub(crate) fn class_ranges(name: &[u8]) -> Option<&'static [(char, char)]> {
    Some(match name {
        b"alpha" => &[('a', 'z'), ('A', 'Z')],
        b"digit" => &[('0', '9')],
        b"alnum" => &[('a', 'z'), ('A', 'Z'), ('0', '9')],
        b"upper" => &[('A', 'Z')],
        b"lower" => &[('a', 'z')],
        b"space" => &[('\t', '\r'), (' ', ' ')],
        b"blank" => &[('\t', '\t'), (' ', ' ')],
        b"punct" => &[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')],
        b"print" => &[(' ', '~')],
        b"graph" => &[('!', '~')],
        b"cntrl" => &[('\0', '\x1f'), ('\x7f', '\x7f')],
        b"xdigit" => &[('0', '9'), ('a', 'f'), ('A', 'F')],
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        Glob::parse(pattern.as_bytes(), false).matches(text.as_bytes())
    }

    #[test]
    fn patterns_match_as_by_fnmatch() {
        for (pattern, text) in [
            ("*.conf", "a.conf"),
            ("*", ""),
            ("a*b*c", "aXbXbXc"),
            ("?", "ä"),
            ("[a-c]x", "bx"),
            ("[!a-c]x", "dx"),
            ("[]]", "]"),
            ("[^]]", "x"),
            ("[[:digit:]_]*", "7z"),
            (r"\*", "*"),
            ("[", "["),
            ("[a-]", "-"),
            ("*/b", "a/x/b"),
            (".*", ".x"),
            ("日[本]", "日本"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("*.conf", "a.confx"),
            ("?", ""),
            ("??", "ä"),
            ("[a-c]x", "dx"),
            ("[!a-c]x", "bx"),
            (r"\*", "x"),
            ("a", "A"),
            ("[", "x"),
        ] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
        let folded = Glob::parse(b"A[b-c]*.TXT", true);
        assert!(folded.matches(b"aBx.txt") && !folded.matches(b"adx.txt"));
        assert!(Glob::parse(b"a?b", false).matches(b"a\xffb"));
    }

    #[test]
    fn many_stars_take_no_exponential_time() {
        let pattern = "*a".repeat(200) + "b";
        assert!(!matches(&pattern, &"a".repeat(5_000)));
    }

    proptest! {
        #[test]
        fn never_panics(pattern: Vec<u8>, text: Vec<u8>) {
            let _ = Glob::parse(&pattern, true).matches(&text);
        }

        #[test]
        fn a_text_matches_itself_escaped(text: Vec<u8>) {
            let pattern: Vec<u8> = text.iter().flat_map(|byte| [b'\\', *byte]).collect();
            prop_assert!(Glob::parse(&pattern, false).matches(&text));
        }
    }
}
