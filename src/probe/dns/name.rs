//! Names that can be asked for.

use std::fmt;

/// A name that fits into a question, without its last dot.
#[derive(Debug, Clone)]
pub struct Name {
    text: String,
    absolute: bool,
}

/// Why a text is no name that can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAName {
    /// Nothing is there.
    #[error("an empty name")]
    Empty,
    /// Converting needs the tables of Unicode, which are larger than all else that a
    /// resolver needs.
    #[error("not ASCII: give the form that begins with xn-- (`idn2 NAME` prints it)")]
    NotAscii,
    /// Two dots in a row, or one at the beginning.
    #[error("a part between two dots is empty")]
    EmptyLabel,
    /// RFC 1035, 2.3.4.
    #[error("a part between two dots has more than {MAX_LABEL_BYTES} characters")]
    LongLabel,
    /// RFC 1035, 2.3.4.
    #[error("more than {MAX_NAME_BYTES} characters")]
    TooLong,
    /// Not a letter, a digit, `-` or `_`.
    #[error("{0:?} is not allowed in a host name")]
    Character(char),
}

/// Of a part between two dots.
pub(super) const MAX_LABEL_BYTES: usize = 63;

/// Of the text: the message holds two bytes more, of 255.
pub(super) const MAX_NAME_BYTES: usize = 253;

impl Name {
    /// Checks a text. A dot at its end makes the name absolute.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, NotAName> {
        let (text, absolute) = match text.strip_suffix('.') {
            Some(text) => (text, true),
            None => (text, false),
        };
        if text.is_empty() {
            return Err(NotAName::Empty);
        }
        if !text.is_ascii() {
            return Err(NotAName::NotAscii);
        }
        let is_usual = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if let Some(other) = text.chars().find(|c| !is_usual(*c)) {
            return Err(NotAName::Character(other));
        }
        if text.len() > MAX_NAME_BYTES {
            return Err(NotAName::TooLong);
        }
        let mut labels = text.split('.');
        if labels.clone().any(str::is_empty) {
            return Err(NotAName::EmptyLabel);
        }
        if labels.any(|label| label.len() > MAX_LABEL_BYTES) {
            return Err(NotAName::LongLabel);
        }
        Ok(Self {
            text: text.to_owned(),
            absolute,
        })
    }

    /// The text without a dot at its end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it ends with a dot, so that nothing completes it.
    #[must_use]
    pub(crate) fn is_absolute(&self) -> bool {
        self.absolute
    }

    /// Whether it has at least as many dots as `ndots` says.
    #[must_use]
    pub(crate) fn has_dots(&self, ndots: usize) -> bool {
        self.text.bytes().filter(|byte| *byte == b'.').count() >= ndots
    }

    /// Whether it is `localhost` or below it (RFC 6761, 6.3).
    #[must_use]
    pub fn is_localhost(&self) -> bool {
        let last = self.text.rsplit('.').next().unwrap_or_default();
        last.eq_ignore_ascii_case("localhost")
    }

    /// The names to ask for, in this order, as resolv.conf(5) has it: as it is first where it has
    /// as many dots as `ndots` says, last otherwise, and completed by each domain of the search
    /// list. Domains that would make it no name are passed over, as glibc does.
    #[must_use]
    pub fn candidates(&self, search: &[String], ndots: usize) -> Vec<Self> {
        if self.absolute {
            return vec![self.clone()];
        }
        let completed = search.iter().filter_map(|domain| match domain.as_str() {
            "." => Some(self.clone()),
            domain => Self::parse(&format!("{}.{domain}", self.text)).ok(),
        });
        let mut names: Vec<Self> = completed.collect();
        let at = if self.has_dots(ndots) { 0 } else { names.len() };
        names.insert(at, self.clone());
        let mut once: Vec<Self> = Vec::with_capacity(names.len());
        for name in names {
            if !once.contains(&name) {
                once.push(name);
            }
        }
        once
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// DNS does not tell upper from lower case.
impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.text.eq_ignore_ascii_case(&other.text)
    }
}

impl Eq for Name {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn candidates(name: &str, search: &[&str], ndots: usize) -> Vec<String> {
        let search: Vec<String> = search.iter().map(|&domain| domain.to_owned()).collect();
        let names = Name::parse(name).unwrap().candidates(&search, ndots);
        names.iter().map(Name::to_string).collect()
    }

    #[test]
    fn usual_names_are_names() {
        let long = format!("{0}.{0}.{0}.{1}", "a".repeat(63), "a".repeat(61));
        for text in [
            "a",
            "example.com",
            "_srv._tcp.x",
            "my_db",
            "xn--mller-kva.example",
            "1.2",
            &long,
        ] {
            assert_eq!(Name::parse(text).unwrap().as_str(), text);
            assert_eq!(Name::parse(&format!("{text}.")).unwrap().as_str(), text);
        }
    }

    #[test]
    fn what_is_no_name_says_why() {
        let label = "a".repeat(64);
        let long = format!("{0}.{0}.{0}.{1}", "a".repeat(63), "a".repeat(62));
        for (text, why) in [
            ("", NotAName::Empty),
            (".", NotAName::Empty),
            ("m\u{fc}ller.example", NotAName::NotAscii),
            ("a..b", NotAName::EmptyLabel),
            (".a", NotAName::EmptyLabel),
            ("a..", NotAName::EmptyLabel),
            (&label, NotAName::LongLabel),
            (&long, NotAName::TooLong),
            ("a b", NotAName::Character(' ')),
            ("a\\.b", NotAName::Character('\\')),
            ("a\x1b[31m", NotAName::Character('\x1b')),
            ("a/b", NotAName::Character('/')),
        ] {
            assert_eq!(Name::parse(text).map(drop), Err(why), "{text:?}");
        }
    }

    #[test]
    fn the_search_list_comes_first_below_ndots_and_last_from_there_on() {
        let search = ["default.svc.cluster.local", "svc.cluster.local"];
        assert_eq!(
            candidates("api.internal", &search, 5),
            [
                "api.internal.default.svc.cluster.local",
                "api.internal.svc.cluster.local",
                "api.internal"
            ]
        );
        assert_eq!(candidates("a.b", &["c"], 1), ["a.b", "a.b.c"]);
        assert_eq!(candidates("a", &["c"], 0), ["a", "a.c"]);
    }

    #[test]
    fn a_dot_at_the_end_leaves_the_search_list_out() {
        assert_eq!(candidates("api.internal.", &["c"], 5), ["api.internal"]);
    }

    #[test]
    fn domains_that_add_nothing_or_too_much_are_passed_over() {
        let long = vec!["a"; 127].join(".");
        assert_eq!(
            candidates("x", &[".", "c.", "C", "c d", "", &long], 1),
            ["x", "x.c"]
        );
    }

    #[test]
    fn localhost_and_what_is_below_it_are_known() {
        for (text, is) in [
            ("localhost", true),
            ("LocalHost.", true),
            ("a.localhost", true),
            ("notlocalhost", false),
            ("localhost.example", false),
        ] {
            assert_eq!(Name::parse(text).unwrap().is_localhost(), is, "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in any::<String>(), search in any::<Vec<String>>(), ndots in any::<usize>()) {
            if let Ok(name) = Name::parse(&text) {
                prop_assert!(name.candidates(&search, ndots).contains(&name));
            }
        }
    }
}
