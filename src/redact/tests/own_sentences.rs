//! What spyhole itself says is shown as it was written.

#![allow(clippy::disallowed_methods, reason = "reads the sources")]

use std::fs;
use std::path::Path;

use crate::redact::sentence;

/// Files whose texts are never redacted: they are no sentences, or show a token on purpose.
const WRITTEN_AS_THEY_ARE: &[&str] = &[
    "src/attach/served.rs",
    "src/doctor/",
    "src/probe/http.rs",
    "src/redact/",
    "src/serve/mod.rs",
];

#[test]
fn no_sentence_of_its_own_is_taken_for_a_secret() {
    let mut changed = Vec::new();
    let mut count = 0;
    each_source(Path::new("src"), &mut |path, text| {
        if WRITTEN_AS_THEY_ARE
            .iter()
            .any(|place| path.starts_with(place))
        {
            return;
        }
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        for literal in
            literals(text).filter(|text| text.contains(' ') && !text.starts_with("Bearer realm"))
        {
            count += 1;
            let literal = filled(&literal);
            let shown = sentence(&literal);
            if shown != literal {
                changed.push(format!("{path}: {literal:?}: {shown:?}"));
            }
        }
    });
    assert!(count > 1_000, "{count}");
    assert!(changed.is_empty(), "{changed:#?}");
}

/// With what usually stands at the places of a format string.
fn filled(literal: &str) -> String {
    let mut text = literal.replace("{path}", "/etc/app/file");
    for error in ["{error}", "{fault}", "{source}", "{why}"] {
        text = text.replace(error, "no such file or directory");
    }
    text
}

fn each_source(place: &Path, each: &mut dyn FnMut(&str, &str)) {
    for entry in fs::read_dir(place).unwrap() {
        let path = entry.unwrap().path();
        let name = path.to_str().unwrap();
        if path.is_dir() {
            if !name.ends_with("/tests") {
                each_source(&path, each);
            }
        } else if path.extension().is_some_and(|end| end == "rs") && !name.ends_with("tests.rs") {
            each(name, &fs::read_to_string(&path).unwrap());
        }
    }
}

/// The string literals outside of comments; a placeholder is a word.
fn literals(text: &str) -> impl Iterator<Item = String> {
    let lines = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    let text = lines
        .collect::<Vec<_>>()
        .join("\n")
        .replace("'\"'", "")
        .replace("b'\\\"'", "");
    let mut found = Vec::new();
    let mut rest = text.as_str();
    while let Some((_, begun)) = rest.split_once('"') {
        let mut end = 0;
        let mut is_escaped = false;
        for (at, letter) in begun.char_indices() {
            if letter == '"' && !is_escaped {
                end = at;
                break;
            }
            is_escaped = letter == '\\' && !is_escaped;
        }
        let (literal, after) = begun.split_at(end);
        found.push(literal.replace("\\\"", "\""));
        rest = after.get(1..).unwrap_or_default();
    }
    found.into_iter()
}
