//! Patterns of grep (basic, extended, fixed) in the words of the `regex` crates, for text that is
//! searched many lines at a time: nothing matches a line break.

use std::fmt::Write as _;

use super::glob::class_ranges;

/// The grammar of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RegexGrammar {
    /// `-G`: `\(`, `\{`, `\|`, `\+` and `\?` are the special ones.
    Basic,
    /// `-E`.
    Extended,
    /// `-F`: nothing is special.
    Fixed,
}

/// Why a pattern cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PatternError {
    /// A reference to a group: no linear-time search has it.
    #[error("back-references such as \\1 are not supported")]
    BackReference,
    /// `\d` and its like, which POSIX does not have.
    #[error("\\{0} is not supported in this grammar; use a bracket such as [0-9] or [[:alpha:]]")]
    Escape(char),
    /// It ends in a backslash.
    #[error("trailing backslash")]
    TrailingBackslash,
    /// `[` without its `]`.
    #[error("unmatched [")]
    Bracket,
    /// `[[:no such:]]`.
    #[error("unknown character class [:{0}:]")]
    Class(String),
    /// `[z-a]`.
    #[error("invalid range end")]
    Range,
    /// `(` without `)` or the other way round.
    #[error("unmatched ( or )")]
    Group,
    /// `\{` without its end, or with more than 32767.
    #[error("invalid content of {{}}")]
    Interval,
}

/// A part of a pattern that is a character or a byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Char(char),
    /// Not UTF-8.
    Byte(u8),
}

/// Translates one pattern, which has no line break.
///
/// # Errors
/// [`PatternError`].
pub(crate) fn translate(pattern: &[u8], grammar: RegexGrammar) -> Result<String, PatternError> {
    let units = units(pattern);
    if grammar == RegexGrammar::Fixed {
        let mut text = String::new();
        for unit in units {
            push_literal(&mut text, unit);
        }
        return Ok(text);
    }
    let mut translator = Translator {
        units: &units,
        at: 0,
        extended: grammar == RegexGrammar::Extended,
        out: String::new(),
        atom: None,
        groups: Vec::new(),
    };
    while translator.at < units.len() {
        translator.step()?;
    }
    if translator.groups.is_empty() {
        Ok(translator.out)
    } else {
        Err(PatternError::Group)
    }
}

fn units(pattern: &[u8]) -> Vec<Unit> {
    let mut units = Vec::with_capacity(pattern.len());
    for chunk in pattern.utf8_chunks() {
        units.extend(chunk.valid().chars().map(Unit::Char));
        units.extend(chunk.invalid().iter().copied().map(Unit::Byte));
    }
    units
}

fn push_literal(out: &mut String, unit: Unit) {
    // Writing into a String cannot fail.
    let _ = match unit {
        Unit::Char(letter) if letter.is_ascii_alphanumeric() || letter == ' ' => {
            out.push(letter);
            Ok(())
        }
        Unit::Char(letter) => write!(out, "\\x{{{:x}}}", u32::from(letter)),
        Unit::Byte(byte) => write!(out, "(?-u:\\x{byte:02x})"),
    };
}

struct Translator<'a> {
    units: &'a [Unit],
    at: usize,
    extended: bool,
    out: String,
    /// Where the last atom begins in `out`, if a repetition may follow.
    atom: Option<usize>,
    /// Where each open group begins in `out`.
    groups: Vec<usize>,
}

impl Translator<'_> {
    fn peek(&self, ahead: usize) -> Option<char> {
        match self.units.get(self.at + ahead) {
            Some(Unit::Char(letter)) => Some(*letter),
            _ => None,
        }
    }

    fn step(&mut self) -> Result<(), PatternError> {
        let Some(unit) = self.units.get(self.at).copied() else {
            return Ok(());
        };
        self.at += 1;
        let Unit::Char(letter) = unit else {
            self.literal(unit);
            return Ok(());
        };
        match letter {
            '\\' => return self.escape(),
            '.' => self.push_atom("."),
            '[' => return self.bracket(),
            '*' => self.star(),
            '^' if self.extended || self.is_begin() => self.push_anchor("^"),
            '$' if self.extended || self.is_end() => self.push_anchor("$"),
            '+' | '?' if self.extended => self.repeat(&letter.to_string()),
            '{' if self.extended => return self.interval(),
            '(' if self.extended => self.open(),
            ')' if self.extended => return self.close(),
            '|' if self.extended => self.alternative(),
            _ => self.literal(unit),
        }
        Ok(())
    }

    fn escape(&mut self) -> Result<(), PatternError> {
        let unit = self.units.get(self.at).copied();
        let unit = unit.ok_or(PatternError::TrailingBackslash)?;
        self.at += 1;
        let Unit::Char(letter) = unit else {
            self.literal(unit);
            return Ok(());
        };
        match letter {
            '(' if !self.extended => self.open(),
            ')' if !self.extended => return self.close(),
            '|' if !self.extended => self.alternative(),
            '{' if !self.extended => return self.interval(),
            '+' | '?' if !self.extended => self.repeat(&letter.to_string()),
            '1'..='9' => return Err(PatternError::BackReference),
            'w' => self.push_atom("[0-9A-Za-z_]"),
            'W' => self.push_atom("[^0-9A-Za-z_\\n]"),
            's' => self.push_atom("[ \\t\\r\\x0b\\x0c]"),
            'S' => self.push_atom("[^ \\t\\r\\x0b\\x0c\\n]"),
            'b' => self.push_anchor("(?-u:\\b)"),
            'B' => self.push_anchor("(?-u:\\B)"),
            '<' => self.push_anchor("(?-u:\\b{start})"),
            '>' => self.push_anchor("(?-u:\\b{end})"),
            // Of the text, which is a line.
            '`' => self.push_anchor("^"),
            '\'' => self.push_anchor("$"),
            other if other.is_ascii_alphanumeric() => return Err(PatternError::Escape(other)),
            _ => self.literal(unit),
        }
        Ok(())
    }

    fn literal(&mut self, unit: Unit) {
        self.atom = Some(self.out.len());
        push_literal(&mut self.out, unit);
    }

    fn push_atom(&mut self, text: &str) {
        self.atom = Some(self.out.len());
        self.out.push_str(text);
    }

    /// A place, which is matched by no character; a repetition of it is one of nothing.
    fn push_anchor(&mut self, text: &str) {
        self.out.push_str(text);
        self.atom = if self.extended {
            Some(self.out.len() - text.len())
        } else {
            None
        };
    }

    /// Whether a basic pattern, a group or an alternative begins here.
    fn is_begin(&self) -> bool {
        let before = self.at - 1;
        if before == 0 {
            return true;
        }
        let two = before
            .checked_sub(2)
            .and_then(|at| self.units.get(at..before));
        matches!(two, Some([Unit::Char('\\'), Unit::Char('(' | '|')]))
            && !self.is_escaped(before - 2)
    }

    /// Whether a basic pattern, a group or an alternative ends here.
    fn is_end(&self) -> bool {
        matches!(
            (self.units.get(self.at), self.peek(1)),
            (None, _) | (Some(Unit::Char('\\')), Some(')' | '|'))
        )
    }

    /// Whether the backslash there is itself behind one.
    fn is_escaped(&self, at: usize) -> bool {
        let before = self.units.get(..at).unwrap_or_default();
        let slashes = before
            .iter()
            .rev()
            .take_while(|unit| **unit == Unit::Char('\\'));
        slashes.count() % 2 == 1
    }

    fn star(&mut self) {
        if self.atom.is_some() {
            self.repeat("*");
        } else if !self.extended {
            // An extended one repeats nothing there.
            self.literal(Unit::Char('*'));
        }
    }

    fn repeat(&mut self, times: &str) {
        let Some(atom) = self.atom else {
            // Of nothing, at the beginning; basic patterns mean the character.
            if !self.extended {
                times
                    .chars()
                    .for_each(|letter| self.literal(Unit::Char(letter)));
            }
            return;
        };
        // A repetition of a repetition is no lazy one.
        self.out.insert_str(atom, "(?:");
        self.out.push(')');
        self.out.push_str(times);
        self.atom = Some(atom);
    }

    fn interval(&mut self) -> Result<(), PatternError> {
        let begin = self.at;
        let Some((times, end)) = self.bounds() else {
            if self.extended {
                self.at = begin;
                self.literal(Unit::Char('{'));
                return Ok(());
            }
            return Err(PatternError::Interval);
        };
        self.at = end;
        match times {
            (low, Some(high)) if low > high => Err(PatternError::Interval),
            (low, high) if low.max(high.unwrap_or(0)) > 32_767 => Err(PatternError::Interval),
            (low, high) => {
                let high = high.map_or_else(String::new, |high| high.to_string());
                self.repeat(&format!("{{{low},{high}}}"));
                Ok(())
            }
        }
    }

    /// `n}`, `n,}`, `n,m}` or `,m}`, and where it ends.
    fn bounds(&self) -> Option<((u32, Option<u32>), usize)> {
        let mut at = self.at;
        let number = |at: &mut usize| {
            let mut digits = String::new();
            while let Some(Unit::Char(digit @ '0'..='9')) = self.units.get(*at) {
                digits.push(*digit);
                *at += 1;
            }
            digits
        };
        let low = number(&mut at);
        let high = if self.units.get(at) == Some(&Unit::Char(',')) {
            at += 1;
            Some(number(&mut at))
        } else {
            None
        };
        let closing: &[Unit] = if self.extended {
            &[Unit::Char('}')]
        } else {
            &[Unit::Char('\\'), Unit::Char('}')]
        };
        if !self.units.get(at..)?.starts_with(closing) || low.is_empty() && high.is_none() {
            return None;
        }
        // What is no u32 is too much.
        let parsed = |digits: &str| digits.parse().unwrap_or(u32::MAX);
        let low_count = if low.is_empty() { 0 } else { parsed(&low) };
        let high_count = match high.as_deref() {
            None => Some(low_count),
            Some("") => None,
            Some(high) => Some(parsed(high)),
        };
        Some(((low_count, high_count), at + closing.len()))
    }

    fn open(&mut self) {
        self.groups.push(self.out.len());
        self.out.push_str("(?:");
        self.atom = None;
    }

    fn close(&mut self) -> Result<(), PatternError> {
        let begin = self.groups.pop().ok_or(PatternError::Group)?;
        self.out.push(')');
        self.atom = Some(begin);
        Ok(())
    }

    fn alternative(&mut self) {
        self.out.push('|');
        self.atom = None;
    }

    fn bracket(&mut self) -> Result<(), PatternError> {
        let begin = self.out.len();
        let negated = self.peek(0) == Some('^');
        self.at += usize::from(negated);
        self.out.push_str(if negated { "[^\\n" } else { "[" });
        let mut is_first = true;
        loop {
            let unit = self.units.get(self.at).copied();
            let unit = unit.ok_or(PatternError::Bracket)?;
            if unit == Unit::Char(']') && !is_first {
                self.at += 1;
                break;
            }
            is_first = false;
            if unit == Unit::Char('[') && self.peek(1) == Some(':') {
                self.class()?;
                continue;
            }
            let low = self.member()?;
            let is_range = self.peek(0) == Some('-') && !matches!(self.peek(1), Some(']') | None);
            if is_range {
                self.at += 1;
                let high = self.member()?;
                if low > high {
                    return Err(PatternError::Range);
                }
                let _ = write!(
                    self.out,
                    "\\x{{{:x}}}-\\x{{{:x}}}",
                    u32::from(low),
                    u32::from(high)
                );
            } else {
                let _ = write!(self.out, "\\x{{{:x}}}", u32::from(low));
            }
        }
        self.out.push(']');
        self.atom = Some(begin);
        Ok(())
    }

    fn class(&mut self) -> Result<(), PatternError> {
        self.at += 2;
        let mut name = String::new();
        loop {
            match (self.peek(0), self.peek(1)) {
                (Some(':'), Some(']')) => break,
                (Some(letter), _) => name.push(letter),
                (None, _) => return Err(PatternError::Bracket),
            }
            self.at += 1;
        }
        self.at += 2;
        let Some(ranges) = class_ranges(name.as_bytes()) else {
            return Err(PatternError::Class(name));
        };
        for (low, high) in ranges {
            let (low, high) = (u32::from(*low), u32::from(*high));
            // A line break is in no line.
            if low <= 10 && 10 <= high {
                let _ = write!(self.out, "\\x{{{low:x}}}-\\x{{9}}\\x{{b}}-\\x{{{high:x}}}");
            } else {
                let _ = write!(self.out, "\\x{{{low:x}}}-\\x{{{high:x}}}");
            }
        }
        Ok(())
    }

    /// One character of a bracket; `[.x.]` and `[=x=]` are x.
    fn member(&mut self) -> Result<char, PatternError> {
        let mark = match (self.peek(0), self.peek(1)) {
            (Some('['), Some(mark @ ('.' | '='))) => Some(mark),
            _ => None,
        };
        if let Some(mark) = mark {
            let letter = self.peek(2).ok_or(PatternError::Bracket)?;
            if (self.peek(3), self.peek(4)) != (Some(mark), Some(']')) {
                return Err(PatternError::Bracket);
            }
            self.at += 5;
            return Ok(letter);
        }
        let letter = self.peek(0).ok_or(PatternError::Bracket)?;
        self.at += 1;
        Ok(letter)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(pattern: &str, grammar: RegexGrammar) -> Result<String, PatternError> {
        translate(pattern.as_bytes(), grammar)
    }

    #[test]
    fn the_special_ones_depend_on_the_grammar() {
        let basic = |pattern: &str| told(pattern, RegexGrammar::Basic).unwrap();
        let extended = |pattern: &str| told(pattern, RegexGrammar::Extended).unwrap();
        assert_eq!(basic("a+b"), "a\\x{2b}b");
        assert_eq!(extended("a+b"), "(?:a)+b");
        assert_eq!(basic(r"\(a\|b\)\{2\}"), "(?:(?:a|b)){2,2}");
        assert_eq!(extended("(a|b){2}"), "(?:(?:a|b)){2,2}");
        assert_eq!(basic("*a^b$c"), "\\x{2a}a\\x{5e}b\\x{24}c");
        assert_eq!(basic("^a$"), "^a$");
        assert_eq!(extended("a{,3}b{x"), "(?:a){0,3}b\\x{7b}x");
        assert_eq!(
            basic("[^]a-c[:digit:]]"),
            "[^\\n\\x{5d}\\x{61}-\\x{63}\\x{30}-\\x{39}]"
        );
        assert_eq!(told("a.[", RegexGrammar::Fixed).unwrap(), "a\\x{2e}\\x{5b}");
        assert_eq!(extended("a+?"), "(?:(?:a)+)?");
    }

    #[test]
    fn what_cannot_be_said_is_refused() {
        for (pattern, why) in [
            (r"\(a\)\1", PatternError::BackReference),
            (r"\d", PatternError::Escape('d')),
            ("a\\", PatternError::TrailingBackslash),
            ("[a", PatternError::Bracket),
            ("[[:x:]]", PatternError::Class("x".to_owned())),
            ("[z-a]", PatternError::Range),
            (r"\(a", PatternError::Group),
            (r"a\)", PatternError::Group),
            (r"a\{2", PatternError::Interval),
            (r"a\{40000\}", PatternError::Interval),
        ] {
            assert_eq!(told(pattern, RegexGrammar::Basic), Err(why), "{pattern}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(pattern: Vec<u8>, extended: bool) {
            let grammar = if extended { RegexGrammar::Extended } else { RegexGrammar::Basic };
            let _ = translate(&pattern, grammar);
        }

        #[test]
        fn what_is_translated_compiles(pattern in r"[]a\\\\^$.\[*+?{}()|,12-]{0,12}", extended: bool) {
            let grammar = if extended { RegexGrammar::Extended } else { RegexGrammar::Basic };
            if let Ok(text) = translate(pattern.as_bytes(), grammar) {
                let built = regex_automata::meta::Regex::new(&text);
                prop_assert!(built.is_ok(), "{pattern} {text} {built:?}");
            }
        }
    }
}
