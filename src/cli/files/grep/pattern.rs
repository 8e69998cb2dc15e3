//! What lines are searched for.

use memchr::memmem::Finder;
use regex_automata::meta::Regex;
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input, MatchKind};
use regex_syntax::hir::{Hir, HirKind};

use crate::model::escape::escaped;
use crate::parse::posix_regex::{RegexGrammar, translate};

/// A compiled pattern may take so much memory.
const COMPILED_BYTES: usize = 16 << 20;
/// And so much while it searches.
const CACHE_BYTES: usize = 8 << 20;

/// With more texts than that one of them is nearly everywhere.
const REQUIRED_TEXTS: usize = 100;
/// Up to this many texts are searched one after the other, which is faster than one regular expression.
const SINGLE_TEXTS: usize = 8;
/// Bytes that are searched for each of them before the search goes on behind these bytes.
const WINDOW_BYTES: usize = 16 << 10;

/// A pattern for lines, of which several may be searched at a time.
pub(in crate::cli) struct LinePattern {
    leftmost: Regex,
    /// From where a match begins to its longest end, as POSIX has it.
    longest: Option<Regex>,
    /// What every match has in it, and no placeholder of a secret: a line that is shown with it has it
    /// in the file too.
    required: Option<RequiredTexts>,
}

/// One of these texts is in every line that matches.
enum RequiredTexts {
    Few(Vec<Finder<'static>>),
    Many(Regex),
}

impl RequiredTexts {
    /// Where the first of them begins.
    fn find(&self, text: &[u8]) -> Option<usize> {
        let finders = match self {
            Self::Few(finders) => finders,
            Self::Many(regex) => return regex.find(text).map(|found| found.start()),
        };
        let longest = finders.iter().map(|finder| finder.needle().len()).max()?;
        // In windows, so that one that is near is not found after the last byte was searched for another.
        (0..text.len()).step_by(WINDOW_BYTES).find_map(|from| {
            let end = text.len().min(from + WINDOW_BYTES + longest - 1);
            let window = text.get(from..end)?;
            let found = finders.iter().filter_map(|finder| finder.find(window));
            found.min().map(|at| from + at)
        })
    }
}

/// How patterns are read.
#[derive(Debug, Clone, Copy)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub(in crate::cli) struct PatternStyle {
    pub(in crate::cli) grammar: RegexGrammar,
    pub(in crate::cli) ignore_case: bool,
    pub(in crate::cli) whole_word: bool,
    pub(in crate::cli) whole_line: bool,
    /// Whether it matters where a match ends.
    pub(in crate::cli) needs_ends: bool,
}

impl LinePattern {
    /// Compiles patterns, of which each line is one.
    ///
    /// # Errors
    /// A sentence about the first that cannot be used.
    pub(in crate::cli) fn new(patterns: &[Vec<u8>], style: PatternStyle) -> Result<Self, String> {
        let lines = patterns
            .iter()
            .flat_map(|text| text.split(|byte| *byte == b'\n'));
        let mut all = Vec::new();
        for line in lines {
            let translated = translate(line, style.grammar)
                .map_err(|why| format!("grep {:?}: {why}", escaped(line)))?;
            all.push(format!("(?:{translated})"));
        }
        let mut text = all.join("|");
        if style.whole_line {
            text = format!("^(?:{text})$");
        } else if style.whole_word {
            text = format!("(?-u:\\b{{start-half}})(?:{text})(?-u:\\b{{end-half}})");
        }
        let syntax = syntax::Config::new()
            .multi_line(true)
            .utf8(false)
            .case_insensitive(style.ignore_case);
        let build = |text: &str, kind| {
            let config = Regex::config()
                .match_kind(kind)
                .utf8_empty(false)
                .nfa_size_limit(Some(COMPILED_BYTES))
                .hybrid_cache_capacity(CACHE_BYTES);
            let built = Regex::builder()
                .syntax(syntax)
                .configure(config)
                .build(text);
            built.map_err(|_| "grep: the pattern is too large or too deeply nested".to_owned())
        };
        let literals = patterns
            .iter()
            .flat_map(|text| text.split(|byte| *byte == b'\n'));
        let required = if literals.clone().all(|text| is_plain(text, style.grammar)) {
            let texts = literals.map(|text| String::from_utf8_lossy(text).into_owned());
            Some(texts.collect())
        } else {
            required_texts(&text, syntax.case_insensitive(false))
        };
        let required = required.map(|texts: Vec<String>| {
            if texts.len() <= SINGLE_TEXTS && !style.ignore_case {
                let finders = texts.iter().map(|text| Finder::new(text).into_owned());
                return Ok(RequiredTexts::Few(finders.collect()));
            }
            let texts: Vec<_> = texts
                .iter()
                .map(|text| regex_syntax::escape(text))
                .collect();
            build(&texts.join("|"), MatchKind::LeftmostFirst).map(RequiredTexts::Many)
        });
        Ok(Self {
            leftmost: build(&text, MatchKind::LeftmostFirst)?,
            longest: style
                .needs_ends
                .then(|| build(&text, MatchKind::All))
                .transpose()?,
            required: required.transpose()?,
        })
    }

    /// Where the first match at or behind `from` begins.
    pub(in crate::cli) fn find(&self, text: &[u8], from: usize) -> Option<usize> {
        let input = Input::new(text).range(from..);
        self.leftmost.find(input).map(|found| found.start())
    }

    /// Whether [`next_required`](Self::next_required) tells anything.
    pub(super) fn has_required(&self) -> bool {
        self.required.is_some()
    }

    /// Where something in these bytes of a file is in the next line that may match once its secrets
    /// are redacted.
    pub(super) fn next_required(&self, text: &[u8]) -> Option<usize> {
        match &self.required {
            Some(required) => required.find(text),
            None => Some(0),
        }
    }

    /// The matches in a line that are not empty, each as long as possible.
    pub(in crate::cli) fn matches_in(&self, line: &[u8]) -> Vec<(usize, usize)> {
        let mut found = Vec::new();
        let mut from = 0;
        while from <= line.len() {
            let input = Input::new(line).range(from..);
            let Some(first) = self.leftmost.find(input) else {
                break;
            };
            let start = first.start();
            let longest = self.longest.as_ref().and_then(|longest| {
                let anchored = Input::new(line).range(start..).anchored(Anchored::Yes);
                longest.find(anchored)
            });
            let end = longest.map_or(first.end(), |longest| longest.end());
            if end > start {
                found.push((start, end));
                from = end;
            } else {
                from = start + 1;
            }
        }
        found
    }
}

/// Texts of which every match of a pattern has one in it, and of which none can be in a placeholder;
/// `None` where that cannot be said.
fn required_texts(pattern: &str, syntax: syntax::Config) -> Option<Vec<String>> {
    let parsed = syntax::parse_with(pattern, &syntax).ok()?;
    required_in(&parsed).filter(|texts| texts.len() <= REQUIRED_TEXTS)
}

fn required_in(part: &Hir) -> Option<Vec<String>> {
    match part.kind() {
        HirKind::Literal(literal) => {
            let text = std::str::from_utf8(&literal.0).ok()?;
            is_plain(text.as_bytes(), RegexGrammar::Fixed).then(|| vec![text.to_owned()])
        }
        HirKind::Capture(capture) => required_in(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => required_in(&repetition.sub),
        // The one whose shortest text is longest is met least.
        HirKind::Concat(parts) => parts
            .iter()
            .filter_map(required_in)
            .max_by_key(|texts| texts.iter().map(String::len).min()),
        HirKind::Alternation(branches) => {
            let each: Option<Vec<_>> = branches.iter().map(required_in).collect();
            Some(each?.concat())
        }
        _ => None,
    }
}

/// Whether a pattern is plain text, of which no part can be what stands in a secret's place:
/// `‹redacted 41›` or `‹redacted: private key›`.
fn is_plain(pattern: &[u8], grammar: RegexGrammar) -> bool {
    const SPECIAL: &[u8] = b"\\.[]*^$+?{}()|";
    let Ok(text) = std::str::from_utf8(pattern) else {
        return false;
    };
    let is_literal =
        grammar == RegexGrammar::Fixed || !pattern.iter().any(|byte| SPECIAL.contains(byte));
    // The number may be any.
    let varies = |letter: char| matches!(letter, '0'..='9' | ' ');
    let text = text.to_lowercase();
    let fixed = text.trim_matches(varies);
    let placeholder = |words: &str| words.to_lowercase().contains(fixed);
    is_literal && !fixed.is_empty() && text.is_ascii() && !placeholder("redacted: private key")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str, change: impl FnOnce(&mut PatternStyle)) -> LinePattern {
        let mut style = PatternStyle {
            grammar: RegexGrammar::Extended,
            ignore_case: false,
            whole_word: false,
            whole_line: false,
            needs_ends: true,
        };
        change(&mut style);
        LinePattern::new(&[text.as_bytes().to_vec()], style).unwrap()
    }

    #[test]
    fn the_longest_of_several_matches_counts() {
        let found = |text: &str, line: &str| pattern(text, |_| {}).matches_in(line.as_bytes());
        assert_eq!(found("a|ab", "xab"), [(1, 3)]);
        assert_eq!(found("a*", "baac"), [(1, 3)]);
        assert_eq!(found("b|abc|ab", "abcb"), [(0, 3), (3, 4)]);
    }

    #[test]
    fn a_match_is_in_one_line() {
        for text in ["[^x]a", r"\Wa", r"\Sa", "b.a"] {
            assert_eq!(pattern(text, |_| {}).find(b"b\na\n", 0), None, "{text}");
        }
        assert_eq!(pattern("^b$", |_| {}).find(b"a\nb\nc", 0), Some(2));
    }

    #[test]
    fn words_and_lines_may_be_asked_for_whole() {
        let word = pattern("a+", |style| style.whole_word = true);
        assert_eq!(word.find(b"baa aab", 0), None);
        assert_eq!(word.find(b"xa aa.", 0), Some(3));
        let line = pattern("a|ab", |style| style.whole_line = true);
        assert_eq!(line.find(b"abc\nab\n", 0), Some(4));
        let folded = pattern("ÄB", |style| style.ignore_case = true);
        assert_eq!(folded.find("xäb".as_bytes(), 0), Some(1));
    }

    #[test]
    fn text_that_may_be_in_a_placeholder_is_not_plain() {
        for text in ["listen", "error:", "foo bar", "x1", "password", "a91f"] {
            assert!(is_plain(text.as_bytes(), RegexGrammar::Basic), "{text}");
        }
        for text in [
            "",
            "7",
            "red",
            "Redacted 7",
            "d 4",
            "›",
            "a.b",
            "private",
            ": ",
            "e",
        ] {
            assert!(!is_plain(text.as_bytes(), RegexGrammar::Basic), "{text}");
        }
        assert!(is_plain(b"x.y", RegexGrammar::Fixed));
    }

    #[test]
    fn what_every_match_has_in_it_is_known() {
        let required = |text: &str| {
            let text = translate(text.as_bytes(), RegexGrammar::Extended).unwrap();
            required_texts(&text, syntax::Config::new().multi_line(true).utf8(false))
        };
        for (text, texts) in [
            ("error.*timeout", &["timeout"][..]),
            ("ne+dle|zzz[0-9]", &["dle", "zzz"]),
            ("^listen [0-9]+$", &["listen "]),
            ("(GET|POST) x", &["GET", "POST"]),
            ("(foo)+bar?", &["foo"]),
            ("[Pp]ort", &["ort"]),
        ] {
            let texts: Vec<_> = texts.iter().map(ToString::to_string).collect();
            assert_eq!(required(text), Some(texts), "{text}");
        }
        for text in [
            "[0-9]+",
            "a?b?",
            "foo|.",
            "red.*",
            "(listen)?",
            "redacted|x+",
        ] {
            assert_eq!(required(text), None, "{text}");
        }
    }

    #[test]
    fn the_first_of_the_required_texts_is_found_wherever_it_is() {
        for (regex, changes) in [("needle|zzz", false), ("NEEDLE|zzz", true)] {
            let pattern = pattern(regex, |style| style.ignore_case = changes);
            for at in [
                0,
                1,
                WINDOW_BYTES - 3,
                WINDOW_BYTES - 1,
                WINDOW_BYTES,
                70_000,
            ] {
                let mut text = vec![b'x'; 80_000];
                text[at..at + 6].copy_from_slice(b"needle");
                text[75_000..75_003].copy_from_slice(b"zzz");
                assert_eq!(pattern.next_required(&text), Some(at), "{regex}");
                assert_eq!(
                    pattern.next_required(&text[at + 1..]),
                    Some(75_000 - at - 1)
                );
            }
            assert_eq!(pattern.next_required(&vec![b'x'; 50_000]), None);
            assert_eq!(pattern.next_required(b""), None);
        }
    }

    #[test]
    fn no_pattern_takes_more_than_its_memory() {
        let style = PatternStyle {
            grammar: RegexGrammar::Extended,
            ignore_case: true,
            whole_word: false,
            whole_line: false,
            needs_ends: false,
        };
        let huge = b"((((a{1000}){1000}){1000}){1000})".to_vec();
        assert!(LinePattern::new(&[huge], style).is_err());
        let deep = [b"(".repeat(10_000), b")".repeat(10_000)].concat();
        assert!(LinePattern::new(&[deep], style).is_err());
    }
}
