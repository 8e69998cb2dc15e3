//! Which values are secrets, and what is shown in their place.
//!
//! A value is hidden when its name announces a secret (`names`) or its shape gives one
//! away (`urls`, `tokens`, `entropy`). In its place stand the reason, the length and a
//! keyed fingerprint, by which two hidden values can be compared (`fingerprint`). An
//! environment value is hidden whole; of an argument only the secret itself, so that
//! `postgres://app:‹redacted 7›@db/x` still says where it leads.
//!
//! Bytes in, bytes out; nothing is opened, and the time is linear in the input.

mod arguments;
pub(crate) mod binary_files;
mod commands;
mod encoded;
mod entropy;
mod expected;
mod extents;
mod fields;
pub(crate) mod files;
mod fingerprint;
mod formats;
mod forms;
mod headers;
mod identifiers;
mod keys;
mod lexicon;
mod looks;
mod markup;
mod met_before;
mod names;
mod objects;
mod outline;
mod pairs;
mod pattern_walk;
mod patterns;
mod script;
mod settings;
mod statements;
mod tables;
#[cfg(test)]
mod tests;
mod text;
mod tokens;
mod unprefixed;
mod urls;
mod value_below;
mod values;
mod word_set;

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::LazyLock;

use crate::model::secret::{Argument, Redacted, SecretKind};

use commands::CommandWords;
use fields::Line;
use fingerprint::Fingerprinter;
use settings::Setting;
use text::{Facts, Span};

/// What the name of a key is the fingerprint of.
const KEY_ID_TEXT: &[u8] = b"spyhole: fingerprint key";

/// A sentence with the secrets in it replaced, where nothing was asked to be shown: errors, logs,
/// plans. No fingerprint is shown, so none is keyed.
#[must_use]
pub(crate) fn sentence(words: &str) -> String {
    static REDACTOR: LazyLock<Redactor> = LazyLock::new(|| Redactor::new(&[]));
    REDACTOR.sentence(words)
}

/// The first token of a vendor, or private key, in a text of any kind: what its shape alone gives away.
#[must_use]
pub(crate) fn marked_token(text: &[u8]) -> Option<SecretKind> {
    let mut spans = Vec::new();
    tokens::scan(text, &mut spans);
    let is_marked = |kind: &SecretKind| {
        !matches!(
            kind,
            SecretKind::HighEntropy
                | SecretKind::Encoded
                | SecretKind::Jwt
                | SecretKind::PasswordHash
        )
    };
    spans.iter().filter_map(|span| span.kind).find(is_marked)
}

/// Decides what is a secret. One a run: it holds the fingerprint key and what the user
/// asked to see.
#[derive(Clone)]
pub(crate) struct Redactor {
    fingerprinter: Fingerprinter,
    reveal_all: bool,
    reveal: HashSet<Vec<u8>>,
}

impl Redactor {
    /// `key` is the fingerprint key: random for this run, or the bytes of a key file where
    /// fingerprints are to be compared between runs.
    #[must_use]
    pub(crate) fn new(key: &[u8]) -> Self {
        Self {
            fingerprinter: Fingerprinter::new(key),
            reveal_all: false,
            reveal: HashSet::new(),
        }
    }

    /// Names the key: redactors with the same one make comparable fingerprints.
    #[must_use]
    pub(crate) fn key_id(&self) -> String {
        self.fingerprinter.of(KEY_ID_TEXT)
    }

    /// Shows everything.
    #[must_use]
    pub(crate) fn reveal_all(mut self, yes: bool) -> Self {
        self.reveal_all = yes;
        self
    }

    /// Shows the values of these environment variables and flags (`--api-key` or
    /// `api-key`), by their exact names.
    #[must_use]
    pub(crate) fn reveal(mut self, names: impl IntoIterator<Item = String>) -> Self {
        self.reveal.extend(
            names
                .into_iter()
                .map(|name| name.trim_start_matches('-').as_bytes().to_vec()),
        );
        self
    }

    /// What to show in place of a variable's value. None: it may be shown.
    #[must_use]
    pub(crate) fn variable(&self, name: &[u8], value: &[u8]) -> Option<Redacted> {
        if self.reveal_all || value.is_empty() || self.is_revealed(name) {
            return None;
        }
        if let Some(judged) = names::judge(name)
            && !values::is_harmless(judged, value)
        {
            return Some(self.redacted(SecretKind::Name, value));
        }
        let kind = self.shape(value)?;
        if kind == SecretKind::HighEntropy && identifiers::is_identifier(name) {
            return None;
        }
        Some(self.redacted(kind, value))
    }

    /// The same for the value of a header of HTTP, its name in lower case; what is in the value of
    /// another is for [`Self::sentence`].
    #[must_use]
    pub(crate) fn header(&self, name: &str, value: &[u8]) -> Option<Redacted> {
        let revealed = self.reveal_all || self.is_revealed(name.as_bytes());
        if revealed || value.is_empty() {
            return None;
        }
        let is_secret = headers::is_secret(name)
            || names::judge(name.as_bytes())
                .is_some_and(|judged| !values::is_harmless(judged, value));
        is_secret.then(|| self.redacted(SecretKind::Authorization, value))
    }

    /// The same for an entry of the environment without `=`: judged by its shape alone.
    #[must_use]
    pub(crate) fn bare(&self, bytes: &[u8]) -> Option<Redacted> {
        if self.reveal_all {
            return None;
        }
        self.shape(bytes).map(|kind| self.redacted(kind, bytes))
    }

    /// The arguments of one process, in order, each with its secrets replaced.
    #[must_use]
    pub(crate) fn arguments(&self, args: &[Vec<u8>]) -> Vec<Argument> {
        if self.reveal_all {
            return args
                .iter()
                .map(|arg| Argument {
                    text: arg.as_slice().into(),
                    redacted: Vec::new(),
                })
                .collect();
        }
        arguments::redact(self, args)
    }

    /// A text that is no value of its own, as a path, a title or a sentence: with its secrets
    /// replaced. A random look alone is no reason here: directories of runtimes have it.
    #[must_use]
    pub(crate) fn text<'a>(&self, text: &'a [u8]) -> Cow<'a, [u8]> {
        if self.reveal_all {
            return text.into();
        }
        let spans = self.spans(text);
        self.without(text, spans)
    }

    /// The same of a line of a file that the lines above it may name: `value: X` below
    /// `- name: DB_PASSWORD`.
    #[must_use]
    fn line_below<'a>(&self, above: &[u8], line: &'a [u8]) -> Cow<'a, [u8]> {
        let mut spans = self.spans(line);
        let whole = [above, line].concat();
        let mut of_whole = Vec::new();
        markup::scan(&whole, &mut of_whole);
        objects::scan(&whole, &mut of_whole);
        outline::scan(&whole, &mut of_whole);
        let of_line = of_whole.into_iter().filter(|span| span.end > above.len());
        spans.extend(of_line.map(|span| Span {
            start: span.start.saturating_sub(above.len()),
            end: span.end - above.len(),
            ..span
        }));
        self.without(line, spans)
    }

    fn without<'a>(&self, text: &'a [u8], mut spans: Vec<Span>) -> Cow<'a, [u8]> {
        if spans.is_empty() {
            return text.into();
        }
        arguments::write(self, text, &mut spans)
            .text
            .as_bytes()
            .to_vec()
            .into()
    }

    /// Where the secrets of such a text are, in any order.
    fn spans(&self, text: &[u8]) -> Vec<Span> {
        let mut spans: Vec<Span> = Vec::new();
        self.find(text, Facts::of(text), &mut spans);
        spans.retain(|span| span.kind != Some(SecretKind::HighEntropy));
        spans
    }

    /// The kinds of secrets in such a text, in its order.
    #[must_use]
    pub(crate) fn kinds(&self, text: &[u8]) -> Vec<SecretKind> {
        let mut spans = self.spans(text);
        text::settle(&mut spans);
        spans.iter().filter_map(|span| span.kind).collect()
    }

    /// The same of a sentence.
    #[must_use]
    pub(crate) fn sentence(&self, words: &str) -> String {
        String::from_utf8_lossy(&self.text(words.as_bytes())).into_owned()
    }

    /// The most telling reason to hide a value that its own name does not give away.
    fn shape(&self, value: &[u8]) -> Option<SecretKind> {
        let facts = Facts::of(value);
        let mut spans: Vec<Span> = Vec::new();
        self.find(value, facts, &mut spans);
        text::settle(&mut spans);
        let kinds = || spans.iter().filter_map(|span| span.kind);
        kinds()
            .find(|&kind| kind != SecretKind::HighEntropy)
            .or_else(|| kinds().next())
    }

    /// Every secret in a text that has no name of its own.
    fn find(&self, value: &[u8], facts: Facts, spans: &mut Vec<Span>) {
        if facts.may_hold_fields() {
            fields::scan(value, Setting::Script, self, &mut Line::default(), spans);
        }
        if facts.has_space() {
            script::scan(self, value, &mut CommandWords::default(), spans);
        }
        arguments::shapes(self, value, facts, spans);
    }

    fn redacted(&self, reason: SecretKind, value: &[u8]) -> Redacted {
        Redacted {
            reason,
            length_bytes: value.len(),
            fingerprint: self.fingerprinter.of(value),
        }
    }

    /// `name` without its dashes.
    fn is_revealed(&self, name: &[u8]) -> bool {
        !self.reveal.is_empty() && self.reveal.contains(name)
    }
}
