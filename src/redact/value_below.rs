//! A name whose value stands on the lines below it: in YAML `password: |` or `password:` and a line that
//! is indented further; in XML `<password>` and a line of text.

use super::Redactor;
use super::names;
use super::text::is_name_byte;

/// So much of a text is searched for the name above a line.
const ABOVE_BYTES: usize = 16 << 10;

/// A name that announces a secret, without a value on its own line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ValueBelow {
    name: Vec<u8>,
    form: ValueForm,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ValueForm {
    /// All lines below that are indented further than this.
    Block { indent: usize },
    /// The same, but a line that is a mapping, a list or prose is no value.
    Scalar { indent: usize },
    /// Up to the next tag.
    Element,
}

/// What a line is to a name above it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LineBelow {
    /// Its value, in this range.
    Value(usize, usize),
    /// A part of it in which there is nothing to hide, such as an empty line.
    Inside,
    /// Not of it, nor any line that follows.
    Outside,
}

impl ValueBelow {
    /// The name that this line ends with, if its value stands below.
    pub(super) fn announced(line: &[u8]) -> Option<Self> {
        let line = line.trim_ascii_end();
        match line.last()? {
            b'>' if line.trim_ascii_start().starts_with(b"<") => Self::element(line),
            _ => Self::mapping(line),
        }
    }

    fn mapping(line: &[u8]) -> Option<Self> {
        let mut rest = line;
        while let Some(item) = rest.trim_ascii_start().strip_prefix(b"- ") {
            rest = item;
        }
        let rest = rest.trim_ascii_start();
        let indent = line.len() - rest.len();
        let quote = rest.first().copied().filter(|b| matches!(b, b'"' | b'\''));
        let rest = if quote.is_some() {
            rest.get(1..)?
        } else {
            rest
        };
        let length = rest.iter().take_while(|b| is_name_byte(**b)).count();
        let (name, rest) = rest.split_at_checked(length)?;
        let rest = match quote {
            Some(quote) => rest.strip_prefix(&[quote])?,
            None => rest,
        };
        let value = rest.trim_ascii_start().strip_prefix(b":")?.trim_ascii();
        let form = if value.is_empty() || value.starts_with(b"#") {
            ValueForm::Scalar { indent }
        } else if is_block_header(value) {
            ValueForm::Block { indent }
        } else {
            return None;
        };
        Self::of(name, form)
    }

    fn element(line: &[u8]) -> Option<Self> {
        let tag = line.get(memchr::memrchr(b'<', line)? + 1..)?;
        let tag = tag.strip_suffix(b">")?;
        let length = tag.iter().take_while(|b| is_name_byte(**b)).count();
        let (name, attributes) = tag.split_at_checked(length)?;
        let is_open =
            !attributes.ends_with(b"/") && attributes.first().is_none_or(u8::is_ascii_whitespace);
        is_open
            .then(|| Self::of(name, ValueForm::Element))
            .flatten()
    }

    fn of(name: &[u8], form: ValueForm) -> Option<Self> {
        names::judge(name)?;
        Some(Self {
            name: name.to_vec(),
            form,
        })
    }

    pub(super) fn is_block(&self) -> bool {
        matches!(self.form, ValueForm::Block { .. })
    }

    pub(super) fn is_element(&self) -> bool {
        self.form == ValueForm::Element
    }

    /// What the next line is.
    pub(super) fn take(&self, redactor: &Redactor, line: &[u8]) -> LineBelow {
        let text = line.trim_ascii();
        let start = indent_of(line);
        if text.is_empty() {
            return LineBelow::Inside;
        }
        let end = match self.form {
            ValueForm::Block { indent } | ValueForm::Scalar { indent } if start <= indent => {
                return LineBelow::Outside;
            }
            ValueForm::Scalar { .. } if !is_scalar(text) => return LineBelow::Outside,
            ValueForm::Element => {
                let tag = memchr::memmem::find(line, b"</").unwrap_or(line.len());
                let text = line.get(start..tag).unwrap_or_default().trim_ascii_end();
                if text.is_empty() || text.starts_with(b"<") || !is_scalar(text) {
                    return LineBelow::Outside;
                }
                start + text.len()
            }
            _ => start + text.len(),
        };
        let value = line.get(start..end).unwrap_or_default();
        match redactor.variable(&self.name, unquoted(value)) {
            Some(_) => LineBelow::Value(start, end),
            None => LineBelow::Inside,
        }
    }
}

/// `|`, `>-`, `|2+`, `!!binary |`, with or without a comment.
fn is_block_header(value: &[u8]) -> bool {
    let value = match value.strip_prefix(b"!") {
        Some(tagged) => {
            let tag = tagged.iter().position(u8::is_ascii_whitespace);
            tag.and_then(|end| tagged.get(end..)).unwrap_or_default()
        }
        None => value,
    };
    let mut parts = value
        .split(u8::is_ascii_whitespace)
        .filter(|part| !part.is_empty());
    let header = parts.next().unwrap_or_default();
    let is_header = matches!(header, [b'|' | b'>', marks @ ..]
        if marks.len() <= 2 && marks.iter().all(|b| matches!(b, b'+' | b'-' | b'1'..=b'9')));
    is_header && parts.next().is_none_or(|comment| comment.starts_with(b"#"))
}

/// One word, or a text in quotes.
fn is_scalar(text: &[u8]) -> bool {
    let is_quoted = matches!(text, [first @ (b'"' | b'\''), .., last] if first == last);
    let is_collection = matches!(text, [b'{' | b'[' | b'#' | b'&' | b'*', ..] | b"-")
        || text.starts_with(b"- ")
        || text.ends_with(b":");
    is_quoted || !is_collection && !text.iter().any(u8::is_ascii_whitespace)
}

/// Without the quotes around it.
pub(super) fn unquoted(value: &[u8]) -> &[u8] {
    match value {
        [first @ (b'"' | b'\''), inner @ .., last] if first == last => inner,
        value => value,
    }
}

/// How many blanks a line begins with.
fn indent_of(line: &[u8]) -> usize {
    line.len() - line.trim_ascii_start().len()
}

/// The last line that is not empty, and those above it that it may belong to, each indented less than the one
/// below it; the topmost first.
pub(super) fn lines_above(above: &[u8]) -> Vec<&[u8]> {
    let from = above.len().saturating_sub(ABOVE_BYTES);
    let near = above.get(from..).unwrap_or_default();
    let near = near.strip_suffix(b"\n").unwrap_or(near);
    let mut found = Vec::new();
    let mut least = usize::MAX;
    for line in near.rsplit(|byte| *byte == b'\n') {
        let at = indent_of(line);
        if at < least && at < line.len() {
            found.push(line);
            least = at;
        }
        if least == 0 {
            break;
        }
    }
    found.reverse();
    found
}

#[cfg(test)]
mod tests {
    use super::{LineBelow, ValueBelow, is_block_header, lines_above};
    use crate::redact::Redactor;

    fn is_announced(line: &str) -> bool {
        ValueBelow::announced(line.as_bytes()).is_some()
    }

    #[test]
    fn names_without_a_value_announce_one() {
        for line in [
            "password:",
            "  password: |",
            "- password: >-",
            "\"db-password\" :",
            "'token': |2- # of the registry",
            "password: !!binary |",
            "password:   # below",
            "<password>",
            "  <dbPassword type=\"plain\">",
        ] {
            assert!(is_announced(line), "{line}");
        }
        for line in [
            "password: hunter2",
            "host:",
            "def login(user, password):",
            "the password:",
            "password",
            "password: |x",
            "<password/>",
            "</password>",
            "<host>",
            "",
        ] {
            assert!(!is_announced(line), "{line}");
        }
    }

    #[test]
    fn what_a_block_header_is_yaml_says() {
        for header in ["|", ">", "|-", ">2+", "!!str |", "| # why"] {
            assert!(is_block_header(header.as_bytes()), "{header}");
        }
        for none in ["", "||", "|abc", "| x", "!!str", "a|"] {
            assert!(!is_block_header(none.as_bytes()), "{none}");
        }
    }

    #[test]
    fn a_value_is_what_is_indented_further() {
        let redactor = Redactor::new(b"key of the tests");
        let take = |name: &str, line: &str| {
            let below = ValueBelow::announced(name.as_bytes()).unwrap();
            below.take(&redactor, line.as_bytes())
        };
        assert_eq!(
            take("  password: |", "    hunter2"),
            LineBelow::Value(4, 11)
        );
        assert_eq!(take("password: |", " two words"), LineBelow::Value(1, 10));
        assert_eq!(take("  password: |", ""), LineBelow::Inside);
        assert_eq!(take("  password: |", "  user: x"), LineBelow::Outside);
        assert_eq!(take("password:", "  'two words'"), LineBelow::Value(2, 13));
        assert_eq!(take("password:", "  ${DB_PASSWORD}"), LineBelow::Inside);
        for none in [
            "  the password of it",
            "  type: string",
            "  - db_password",
            "  key:",
        ] {
            assert_eq!(take("password:", none), LineBelow::Outside, "{none}");
        }
        assert_eq!(
            take("<password>", "hunter2</password>"),
            LineBelow::Value(0, 7)
        );
        assert_eq!(take("<password>", " <encrypted>"), LineBelow::Outside);
    }

    #[test]
    fn a_line_belongs_to_those_above_that_are_indented_less() {
        let above = "a:\n  b: |\n    one\n  c: |\n    two\n\n      three\n";
        let found = lines_above(above.as_bytes());
        assert_eq!(found, [&b"a:"[..], b"  c: |", b"    two", b"      three"]);
        assert_eq!(lines_above(b"  a\n\nb\n\n"), [b"b"]);
        assert_eq!(lines_above(b""), [b""; 0]);
    }
}
