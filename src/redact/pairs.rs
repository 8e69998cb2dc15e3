//! Whether what stands around a colon, an equals sign or a space is a name and its value.

use super::fields::Walk;
use super::headers::after_scheme;
use super::names;
use super::names::{SecretName, Weight};
use super::settings::{LONGEST_NAME, Style};
use super::text::{at, cut, until};
use super::values::{is_harmless, is_reference, looks_like_password};

impl Walk<'_> {
    /// Whether what stands here is the end of a path and words about the file:
    /// `/run/app.key: 3 bytes` is no key with a value, `/run/app.key: s3cretValue` is one.
    pub(super) fn is_file(&self, start: usize, end: usize) -> bool {
        let is_path = start > 0
            && at(self.text, start - 1) == b'/'
            && at(self.text, end + 1) == b' '
            && cut(self.text, start, end).contains(&b'.');
        // More words follow, and the first of them is short.
        let next = cut(self.text, end + 2, end + 2 + LONGEST_NAME);
        let word = next.iter().position(u8::is_ascii_whitespace);
        is_path && word.is_some_and(|length| !looks_like_password(cut(next, 0, length)))
    }

    /// Whether a quoted text, or what looks like a password, is assigned here.
    pub(super) fn is_assigned(&self, value: usize) -> bool {
        let first = at(self.text, value);
        let end = until(self.text, value, |b| {
            b.is_ascii_whitespace() || matches!(b, b';' | b')')
        });
        matches!(first, b'"' | b'\'') && !matches!(at(self.text, value + 1), b'$' | b'"' | b'\'')
            || looks_like_password(cut(self.text, value, end.min(value + 256)))
    }

    /// `password:X` without a space, where X is no plain word: `Private-Token:X`, `/password:X`.
    pub(super) fn is_pair(&self, key_start: usize, colon: usize) -> bool {
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

    /// Of a header, what follows its scheme counts: `Bearer $TOKEN`.
    pub(super) fn is_harmless(
        &self,
        name: SecretName,
        style: Style,
        start: usize,
        end: usize,
    ) -> bool {
        is_harmless(name, cut(self.text, start, end))
            || style == Style::Header
                && is_reference(cut(self.text, after_scheme(self.text, start, end), end))
    }

    /// `PASSWORD 'x'`, `IDENTIFIED BY 'x'`: as SQL has it, with the quote.
    pub(super) fn is_sql_password(&self, i: usize, word: &[u8]) -> bool {
        let after = i + word.len();
        if at(self.text, after) != b' ' || !matches!(at(self.text, after + 1), b'\'' | b'"') {
            return false;
        }
        let before = cut(self.text, i.saturating_sub(11), i);
        word.eq_ignore_ascii_case(b"password")
            || word.eq_ignore_ascii_case(b"by") && before.eq_ignore_ascii_case(b"identified ")
    }
}
