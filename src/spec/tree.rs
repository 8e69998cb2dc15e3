//! A document whose lines say what shows them: as YAML with comments, or as data with the evidence
//! beside it.

use std::fmt::Write as _;

use serde::ser::{SerializeMap as _, SerializeSeq as _};
use serde::{Serialize, Serializer};

use crate::model::escape::{escaped, must_hide};

/// A line with its comment is no longer; the comment stands above it otherwise.
const COLUMNS: usize = 100;
/// Characters of a comment; what is longer is cut.
const COMMENT: usize = 400;

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Tree {
    Text(String),
    Number(u64),
    Truth(bool),
    List(Vec<Line>),
    Map(Vec<Line>),
}

/// An entry of a list or a map with its evidence, or a remark without a value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    /// `None` in a list.
    key: Option<String>,
    /// `None`: a remark, such as what was not seen.
    value: Option<Tree>,
    evidence: String,
}

impl From<&str> for Tree {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl Line {
    /// An entry of a map.
    pub(super) fn entry(key: &str, value: Tree, evidence: impl Into<String>) -> Self {
        Self {
            key: Some(key.to_owned()),
            value: Some(value),
            evidence: evidence.into(),
        }
    }

    /// An entry of a list.
    pub(super) fn item(value: Tree, evidence: impl Into<String>) -> Self {
        Self {
            key: None,
            value: Some(value),
            evidence: evidence.into(),
        }
    }

    /// A remark.
    pub(super) fn remark(text: impl Into<String>) -> Self {
        Self {
            key: None,
            value: None,
            evidence: text.into(),
        }
    }
}

/// An entry of a map, where there is anything in the list or map that is its value.
pub(super) fn entry_unless_empty(key: &str, value: Tree) -> Vec<Line> {
    let (Tree::List(lines) | Tree::Map(lines)) = &value else {
        return vec![Line::entry(key, value, "")];
    };
    if lines.iter().any(|line| line.value.is_some()) {
        return vec![Line::entry(key, value, "")];
    }
    // A key without a value would be null.
    lines.clone()
}

/// The document as YAML.
pub(crate) fn yaml(document: &[Line]) -> String {
    let mut text = String::new();
    write_lines(&mut text, document, 0, "");
    text
}

/// Writes entries; `dash` begins the first one, where they are one item of a list.
fn write_lines(text: &mut String, lines: &[Line], indent: usize, mut dash: &str) {
    for line in lines {
        // What stands above the first entry of an item stands above its dash.
        let margin = " ".repeat(indent.saturating_sub(dash.len()));
        let Some(value) = &line.value else {
            write_comment(text, &margin, &line.evidence);
            continue;
        };
        let mut begin = match dash {
            "" => margin.clone(),
            dash => format!("{margin}{dash}"),
        };
        dash = "";
        let below = match (&line.key, value) {
            (Some(key), value) => {
                begin.push_str(&scalar(key));
                begin.push(':');
                begin_value(&mut begin, value, " ")
            }
            (None, Tree::Map(inner)) if !inner.is_empty() => {
                write_item(text, inner, indent, &line.evidence);
                continue;
            }
            (None, value) => {
                begin.push_str("- ");
                begin_value(&mut begin, value, "")
            }
        };
        write_with_comment(text, &margin, &begin, &line.evidence);
        match below {
            Some(Tree::Map(inner)) => write_lines(text, inner, indent + 2, ""),
            Some(Tree::List(inner)) => write_lines(text, inner, indent, ""),
            _ => {}
        }
    }
}

/// A map as an item of a list; its own evidence stands at its first entry.
fn write_item(text: &mut String, entries: &[Line], indent: usize, evidence: &str) {
    let mut entries = entries.to_vec();
    if let Some(first) = entries.iter_mut().find(|entry| entry.value.is_some())
        && first.evidence.is_empty()
    {
        evidence.clone_into(&mut first.evidence);
    }
    write_lines(text, &entries, indent + 2, "- ");
}

/// Writes a value that fits in its line; one that does not is given back.
fn begin_value<'a>(begin: &mut String, value: &'a Tree, gap: &str) -> Option<&'a Tree> {
    let word = match value {
        Tree::Text(word) => scalar(word),
        Tree::Number(number) => number.to_string(),
        Tree::Truth(truth) => truth.to_string(),
        Tree::List(lines) if lines.is_empty() => "[]".to_owned(),
        Tree::Map(lines) if lines.is_empty() => "{}".to_owned(),
        Tree::List(_) | Tree::Map(_) => return Some(value),
    };
    begin.push_str(gap);
    begin.push_str(&word);
    None
}

fn write_with_comment(text: &mut String, margin: &str, line: &str, evidence: &str) {
    if evidence.is_empty() {
        text.push_str(line);
        text.push('\n');
        return;
    }
    let comment = shown(evidence);
    let columns = line.chars().count() + "  # ".len() + comment.chars().count();
    if columns <= COLUMNS {
        let _ = writeln!(text, "{line}  # {comment}");
    } else {
        write_comment(text, margin, evidence);
        let _ = writeln!(text, "{line}");
    }
}

/// A comment on lines of its own.
fn write_comment(text: &mut String, margin: &str, comment: &str) {
    let mut line = format!("{margin}#");
    let begin = line.len();
    for word in shown(comment).split(' ') {
        let columns = line.chars().count() + 1 + word.chars().count();
        if line.len() > begin && columns > COLUMNS {
            let _ = writeln!(text, "{line}");
            line.truncate(begin);
        }
        line.push(' ');
        line.push_str(word);
    }
    let _ = writeln!(text, "{line}");
}

/// A comment as it may stand: one line, and nothing that a terminal obeys.
fn shown(comment: &str) -> String {
    let comment = escaped(comment.as_bytes());
    let characters = comment.chars().take(COMMENT);
    // Noncharacters are not allowed anywhere in YAML.
    let mut text: String = characters
        .map(|one| {
            if is_noncharacter(one) {
                '\u{fffd}'
            } else {
                one
            }
        })
        .collect();
    if text.chars().count() == COMMENT {
        text.push('…');
    }
    text
}

/// A word that every reader of YAML 1.1 and 1.2 takes for this text.
fn scalar(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        let code = u32::from(character);
        let is_hidden = must_hide(character) || is_noncharacter(character);
        let _ = match character {
            '"' | '\\' => write!(quoted, "\\{character}"),
            '\n' => write!(quoted, "\\n"),
            '\t' => write!(quoted, "\\t"),
            '\r' => write!(quoted, "\\r"),
            _ if is_hidden && code > 0xffff => write!(quoted, "\\U{code:08x}"),
            _ if is_hidden => write!(quoted, "\\u{code:04x}"),
            _ => write!(quoted, "{character}"),
        };
    }
    quoted.push('"');
    quoted
}

fn is_noncharacter(character: char) -> bool {
    u32::from(character) & 0xfffe == 0xfffe
}

/// Words of YAML 1.1 that are no text, in lower case.
const RESERVED: [&str; 9] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];

/// Whether a text needs no quotes: it begins with a letter or a slash, and has nothing that could
/// end or change it.
fn is_plain(text: &str) -> bool {
    let begins = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '/');
    let is_usual =
        |one: char| one.is_ascii_alphanumeric() || matches!(one, '_' | '-' | '.' | '/' | ':' | '@');
    begins
        && text.chars().all(is_usual)
        && !text.ends_with(':')
        && !RESERVED.contains(&&*text.to_ascii_lowercase())
}

impl Serialize for Tree {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Number(number) => serializer.serialize_u64(*number),
            Self::Truth(truth) => serializer.serialize_bool(*truth),
            Self::List(lines) => {
                let mut list = serializer.serialize_seq(None)?;
                let values = lines.iter().filter_map(|line| line.value.as_ref());
                for value in values {
                    list.serialize_element(value)?;
                }
                list.end()
            }
            Self::Map(lines) => {
                let mut map = serializer.serialize_map(None)?;
                for line in lines {
                    if let (Some(key), Some(value)) = (&line.key, &line.value) {
                        map.serialize_entry(key, value)?;
                    }
                }
                map.end()
            }
        }
    }
}

/// What shows a value, or a remark.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Reference {
    /// The value, or what the remark is about, as a JSON Pointer (RFC 6901) into the document.
    path: String,
    says: String,
}

/// The evidence of each line, and the remarks.
pub(crate) fn references(document: &[Line]) -> (Vec<Reference>, Vec<Reference>) {
    let mut found = (Vec::new(), Vec::new());
    collect(document, "", &mut found);
    found
}

fn collect(lines: &[Line], above: &str, found: &mut (Vec<Reference>, Vec<Reference>)) {
    let mut index = 0;
    for line in lines {
        let says = line.evidence.clone();
        let Some(value) = &line.value else {
            let path = above.to_owned();
            found.1.push(Reference { path, says });
            continue;
        };
        let path = match &line.key {
            Some(key) => format!("{above}/{}", key.replace('~', "~0").replace('/', "~1")),
            None => format!("{above}/{index}"),
        };
        index += 1;
        if let Tree::List(inner) | Tree::Map(inner) = value {
            collect(inner, &path, found);
        }
        if !says.is_empty() {
            found.0.push(Reference { path, says });
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_comment_above_an_item_stands_above_its_dash() {
        let long = "why ".repeat(30);
        let item = |name: &str| {
            Line::item(
                Tree::Map(vec![Line::entry("name", name.into(), "")]),
                &*long,
            )
        };
        let text = yaml(&[Line::entry(
            "env",
            Tree::List(vec![item("A"), item("B")]),
            "",
        )]);
        let comments = text.lines().filter(|line| line.contains("# why"));
        assert!(comments.clone().count() >= 2);
        assert!(
            comments.into_iter().all(|line| line.starts_with('#')),
            "{text}"
        );
    }

    fn read_again(document: &[Line]) {
        let text = yaml(document);
        let read: Value =
            serde_saphyr::from_str(&text).unwrap_or_else(|why| panic!("{why}\n{text}"));
        let meant = serde_json::to_value(Tree::Map(document.to_vec())).unwrap();
        assert_eq!(read, meant, "{text}");
        let lines = |one: char| must_hide(one) && one != '\n';
        assert!(!text.chars().any(lines), "{text}");
    }

    /// What another type, another line or a comment could come of.
    const WORDS: &[&str] = &[
        "",
        " ",
        "~",
        "null",
        "Yes",
        "NO",
        "on",
        "y",
        "true",
        "0",
        "0x1f",
        "1e3",
        "1_000",
        "12:30:45",
        "0o7",
        ".inf",
        ".nan",
        "-",
        "- a",
        "-1",
        "+1",
        ": ",
        "a: b",
        "a:",
        "a #b",
        "#",
        "&a",
        "*a",
        "!t",
        "|",
        ">",
        "%",
        "@",
        "`",
        "'",
        "\"",
        "\\",
        "{a}",
        "[a]",
        "a,b",
        "?",
        "? a",
        "=",
        "<<",
        "---",
        "...",
        "2001-01-01",
        "a\nb",
        "\ta",
        "a ",
        "\u{1b}[31m",
        "\u{85}",
        "\u{2028}",
        "\u{feff}",
        "\u{ffff}",
        "\u{1fffe}",
        "\u{202e}",
        "\u{7f}",
        "\0",
        "é",
        "日本",
        "$(A)",
    ];

    fn document(text: &str, evidence: &str) -> Vec<Line> {
        let word = || Tree::Text(text.to_owned());
        let inner = vec![
            Line::remark(evidence),
            Line::entry(text, word(), evidence),
            Line::entry(
                "deeper",
                Tree::List(vec![Line::item(word(), evidence)]),
                evidence,
            ),
        ];
        vec![
            Line::entry("map", Tree::Map(inner.clone()), evidence),
            Line::entry(
                "list",
                Tree::List(vec![
                    Line::item(word(), evidence),
                    Line::remark(evidence),
                    Line::item(Tree::Map(inner), evidence),
                    Line::item(Tree::Map(Vec::new()), evidence),
                    Line::item(Tree::Number(7), ""),
                ]),
                evidence,
            ),
            Line::entry("end", Tree::Truth(true), evidence),
        ]
    }

    #[test]
    fn words_that_yaml_takes_for_something_else_stay_words() {
        for word in WORDS {
            read_again(&document(word, word));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_as_what_it_was(text in any::<String>(), evidence in any::<String>()) {
            read_again(&document(&text, &evidence));
        }

        #[test]
        fn so_is_any_text_of_these_words(parts in prop::collection::vec(0..WORDS.len(), 1..4)) {
            let text: String = parts.iter().map(|part| WORDS[*part]).collect();
            read_again(&document(&text, &text));
        }
    }

    #[test]
    fn evidence_has_the_path_of_its_value() {
        let document = document("a/b", "x");
        let (evidence, remarks) = references(&document);
        let value = serde_json::to_value(Tree::Map(document)).unwrap();
        for reference in evidence.iter().chain(&remarks) {
            assert!(value.pointer(&reference.path).is_some(), "{reference:?}");
        }
        assert_eq!((evidence.len(), remarks.len()), (12, 3));
    }
}
