//! Scans help texts, string literals and documents for words that a reader stumbles over.

use std::fs;
use std::path::{Path, PathBuf};

use super::document::subcommands;
use super::host::spyhole;

/// What has an established word: anyone, not found, visible, unknown.
const BANNED: &[&str] = &[
    "whoever",
    "whom",
    "nobody",
    "somebody",
    "in sight",
    "so many",
    "is none",
    "heeded",
    "cannot be told",
];

#[test]
fn help_and_schema_use_established_words() {
    let mut seen = vec![("--help".to_owned(), spyhole(["--help"]).stdout_text())];
    for name in subcommands() {
        let help = spyhole([name.as_str(), "--help"]).ended_with(0);
        seen.push((format!("{name} --help"), help.stdout_text()));
    }
    // The words of enums are the contract; sentences are not.
    let schema = spyhole(["schema"]).stdout_text();
    let sentences = schema
        .lines()
        .filter(|line| line.contains("\"description\": "));
    let sentences: Vec<&str> = sentences.collect();
    seen.push(("schema".to_owned(), sentences.join("\n")));
    assert!(seen.len() > 10 && seen.iter().all(|(_, text)| text.len() > 100));
    assert_clean(&seen);
}

#[test]
fn messages_use_established_words() {
    let mut found = Vec::new();
    for path in files("src", &["rs"]) {
        if path.ends_with("tests.rs") || path.components().any(|part| part.as_os_str() == "tests") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let shipped = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        for literal in literals(shipped) {
            found.push((path.display().to_string(), literal));
        }
    }
    assert!(found.len() > 2_000, "{} literals only", found.len());
    assert_clean(&found);
}

#[test]
fn documents_use_established_words() {
    let mut found = Vec::new();
    let pages = ["README.md", "SECURITY.md", "CONTRIBUTING.md"].map(|name| root().join(name));
    let pages = pages.into_iter().chain(files("docs", &["md"]));
    let pages = pages.chain(files("web", &["html", "js"]));
    let pages = pages.chain(files("charts", &["md", "yaml"]));
    for path in pages.chain(files("manifests", &["md", "yaml"])) {
        let text = fs::read_to_string(&path).unwrap();
        // A name that a reader is to replace.
        let text = text.replace("--as=somebody", "");
        found.push((path.display().to_string(), text));
    }
    assert!(found.len() > 20, "{} documents only", found.len());
    assert_clean(&found);
}

#[test]
#[allow(
    clippy::needless_raw_string_hashes,
    reason = "the text has raw strings in it"
)]
fn what_is_looked_for_is_found() {
    let code = r##"let a = "one \"two\" {whom}"; let b = 'x'; // "no"
        let c = r#"for "whom""#; let d = '"'; let e = b"in \
            sight"; fn f<'a>(g: &'a str) {}"##;
    let found = literals(code);
    assert_eq!(
        found,
        ["one \\\"two\\\" {whom}", "for \"whom\"", "in sight"].map(str::to_owned)
    );
    assert!(banned_in(&found[0]).is_empty());
    assert_eq!(banned_in(&found[1]), ["whom"]);
    assert_eq!(banned_in(&found[2]), ["in sight"]);
    assert_eq!(banned_in("it\n  is\nnone"), ["is none"]);
    assert!(banned_in("is nonempty, insight").is_empty());
}

fn assert_clean(texts: &[(String, String)]) {
    let bad: Vec<String> = texts
        .iter()
        .flat_map(|(place, text)| {
            let words = banned_in(text).into_iter();
            words.map(move |word| format!("{place}: {word:?}"))
        })
        .collect();
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

/// Banned words in a text, across line ends; placeholders in braces are no words.
fn banned_in(text: &str) -> Vec<&'static str> {
    let mut parts = text.split('{');
    let first = parts.next().unwrap_or_default().to_owned();
    let is_name = |name: &str| {
        name.chars()
            .all(|letter| letter.is_alphanumeric() || letter == '_')
    };
    let plain = parts.fold(first, |plain, part| match part.split_once('}') {
        Some((name, after)) if is_name(name) => plain + after,
        _ => plain + " " + part,
    });
    let plain = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    let plain = plain.to_lowercase();
    let whole = |at: usize, word: &str| {
        let edge = |letter: Option<char>| letter.is_none_or(|letter| !letter.is_alphanumeric());
        edge(plain[..at].chars().next_back()) && edge(plain[at + word.len()..].chars().next())
    };
    let mut found = BANNED.to_vec();
    found.retain(|word| {
        let mut places = plain.match_indices(word);
        places.any(|(at, _)| whole(at, word))
    });
    found
}

/// The string literals of Rust code, without the line ends that a backslash hides.
fn literals(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = code;
    while let Some(at) = rest.find(['"', '\'', '/']) {
        let before = &rest[..at];
        let hashes = before.len() - before.trim_end_matches('#').len();
        let raw = before[..at - hashes].ends_with('r');
        let from = &rest[at..];
        let after = if from.starts_with("//") {
            from.find('\n').unwrap_or(from.len())
        } else if let Some(body) = from.strip_prefix('"').filter(|_| raw) {
            let end = body.find(&format!("\"{}", "#".repeat(hashes))).unwrap();
            found.push(body[..end].to_owned());
            end + 2 + hashes
        } else if let Some(body) = from.strip_prefix('"') {
            let end = end_of(body);
            found.push(joined(&body[..end]));
            end + 2
        } else if from.starts_with("'\\") {
            4 + from[3..].find('\'').unwrap()
        } else {
            // A letter in quotes, else a lifetime or a division.
            let mut letters = from.char_indices();
            let third = letters.nth(2);
            third
                .filter(|(_, letter)| *letter == '\'' && from.starts_with('\''))
                .map_or(1, |(place, _)| place + 1)
        };
        rest = &from[after..];
    }
    found
}

/// Where the quote is that ends a literal.
fn end_of(body: &str) -> usize {
    let mut escaped = false;
    body.find(|letter| {
        let ends = letter == '"' && !escaped;
        escaped = letter == '\\' && !escaped;
        ends
    })
    .unwrap()
}

fn joined(literal: &str) -> String {
    let mut lines = literal.split("\\\n");
    let first = lines.next().unwrap_or_default().to_owned();
    lines.fold(first, |text, line| text + line.trim_start())
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The files below a folder with one of these endings.
fn files(folder: &str, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root().join(folder)];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if has_ending(&path, endings) {
                found.push(path);
            }
        }
    }
    found
}

fn has_ending(path: &Path, endings: &[&str]) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str());
    ending.is_some_and(|ending| endings.contains(&ending))
}
