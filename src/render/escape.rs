//! Writes characters that a terminal would obey as `\uXXXX` in JSON and YAML: the same value, and
//! nothing for a pager or an editor to reorder.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};

use crate::model::escape::must_hide;

/// Below it JSON escapes by itself, and what stands between the values is plain.
const FIRST: u8 = 0x7f;

/// The writer behind a JSON serializer, which hands over each part of a string whole.
pub(super) struct JsonEscaper<W>(pub(super) W);

impl<W: Write> Write for JsonEscaper<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(&escaped(bytes, json_escape))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// JSON text with such characters escaped.
#[must_use]
pub(crate) fn json(text: String) -> String {
    match escaped(text.as_bytes(), json_escape) {
        Cow::Borrowed(_) => text,
        Cow::Owned(bytes) => String::from_utf8(bytes).unwrap_or(text),
    }
}

fn json_escape(character: char, text: &mut String) {
    let mut units = [0; 2];
    for unit in character.encode_utf16(&mut units) {
        // Writing into a String cannot fail.
        let _ = write!(text, "\\u{unit:04x}");
    }
}

/// A noncharacter, which the YAML writer puts into double quotes and writes as `\uFFFE`.
const MARK: &str = "\u{fffe}";
const WRITTEN_MARK: &str = "\\uFFFE";

/// JSON text in which each such character is a mark and eight hexadecimal digits: so it passes a
/// YAML writer that knows only some of them, and [`unmarked`] makes an escape of it.
#[must_use]
pub(super) fn marked(json: &[u8]) -> Vec<u8> {
    let mark = |character: char, text: &mut String| {
        let _ = write!(text, "{MARK}{:08X}", u32::from(character));
    };
    let json = escaped(json, mark);
    // What reads like a written mark, and is none.
    let backslash = format!("{MARK}{:08X}uFFFE", u32::from('\\'));
    let json = String::from_utf8_lossy(&json);
    json.replace(r"\\uFFFE", &backslash).into_bytes()
}

/// YAML text with the written marks as escapes.
#[must_use]
pub(super) fn unmarked(yaml: &str) -> String {
    yaml.replace(WRITTEN_MARK, "\\U")
}

fn escaped(bytes: &[u8], escape: impl Fn(char, &mut String)) -> Cow<'_, [u8]> {
    if bytes.iter().all(|byte| *byte < FIRST) {
        return Cow::Borrowed(bytes);
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Cow::Borrowed(bytes);
    };
    let is_hidden = |character: char| {
        character >= char::from(FIRST) && (must_hide(character) || MARK.contains(character))
    };
    if !text.contains(is_hidden) {
        return Cow::Borrowed(bytes);
    }
    let mut out = String::with_capacity(bytes.len() * 2);
    for character in text.chars() {
        if is_hidden(character) {
            escape(character, &mut out);
        } else {
            out.push(character);
        }
    }
    Cow::Owned(out.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn is_raw(text: &str) -> bool {
        let shown = |character: &char| *character != '\n';
        text.chars().filter(shown).any(must_hide)
    }

    fn both(value: &str) -> (String, String) {
        let value = serde_json::json!({ "key": [value], value: 1 });
        let (mut json, mut yaml) = (Vec::new(), Vec::new());
        crate::render::document(&value, &mut json).unwrap();
        crate::render::yaml_document(&value, &mut yaml).unwrap();
        (
            String::from_utf8(json).unwrap(),
            String::from_utf8(yaml).unwrap(),
        )
    }

    #[track_caller]
    fn returns(text: &str) {
        let value = serde_json::json!({ "key": [text], text: 1 });
        let (json, yaml) = both(text);
        assert!(!is_raw(&json), "{json}");
        assert!(!is_raw(&yaml), "{yaml}");
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&json).unwrap(),
            value
        );
        let back: serde_json::Value = serde_saphyr::from_str(&yaml).unwrap();
        assert_eq!(back, value, "{yaml}");
    }

    #[test]
    fn what_reorders_or_vanishes_is_escaped_and_keeps_its_value() {
        for text in [
            "a\u{202e}b",
            "\u{9b}31m\u{7f}\u{85}",
            "\u{200b}\u{2028}\u{feff}\u{61c}",
            "tag \u{e0041}\u{e007f}",
            "line\n\u{2066}line\n",
            r"literal \uFFFE0000202E and \\uFFFE",
            "\u{fffe}0000202E",
            "plain",
            "käse 日本",
        ] {
            returns(text);
        }
        let long = format!("{}\u{202e}{}", "word ".repeat(100), "x".repeat(500));
        returns(&long);
        let (json, yaml) = both("a\u{202e}b");
        assert!(json.contains(r"a\u202eb"), "{json}");
        assert!(yaml.contains(r"a\U0000202Eb"), "{yaml}");
    }

    proptest! {
        #[test]
        fn any_text_returns(text in "[a\\\\uFE0\u{202e}\u{9b}\u{fffe}\u{200b}\n: '\"]{0,40}") {
            returns(&text);
        }
    }
}
