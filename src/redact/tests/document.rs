//! docs/redaction.md is made of a text and of the tables.

use std::fmt::Write as _;

use crate::model::secret::SecretKind;
use crate::redact::tables::hashes::{HASHES, NAMED_HASHES, SCHEMES};
use crate::redact::tables::hooks::HOOKS;
use crate::redact::tables::programs::PROGRAMS;
use crate::redact::tables::tokens::TOKENS;
use crate::redact::tables::words::{DIRECTIVES, WORDS, Word};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/redaction.md");
/// Everything below is made of the tables.
const TABLES: &str = "<!-- The rest is made of src/redact/tables. -->\n";

/// The tables as the document lists them.
fn tables() -> String {
    let mut text = TABLES.to_owned();
    text.push_str(&super::samples::measured());
    text.push_str("\n## Reasons\n| `reason` | |\n|---|---|\n");
    for kind in SecretKind::ALL {
        let _ = writeln!(text, "| `{}` | {} |", kind.as_str(), kind.describe());
    }
    text.push_str("\n## Words of names\n");
    for (title, classes) in [
        (
            "Hidden wherever they stand",
            &[Word::Strong, Word::Credentials, Word::Tokens, Word::Secret][..],
        ),
        ("Hidden as the last word", &[Word::StrongLast]),
        (
            "Hidden, unless the value is a path to a key, an algorithm or a public key",
            &[Word::Key],
        ),
        (
            "Hidden as the last word, unless the value is a plain word or a path",
            &[Word::WeakLast, Word::Session, Word::Seed],
        ),
        (
            "Hidden where the value looks like a password",
            &[Word::MaybeLast, Word::Stand, Word::Users],
        ),
        ("Hidden with a password in the value", &[Word::Dsn]),
        (
            "Not hidden: behind these a name describes a secret",
            &[Word::Descriptor, Word::Url, Word::Id],
        ),
        ("Not hidden with a number as value", &[Word::Quantity]),
        ("Not hidden in front of `KEY`", &[Word::Public]),
    ] {
        let words: Vec<&str> = WORDS
            .iter()
            .filter(|(class, _)| classes.contains(class))
            .flat_map(|(_, words)| words.split_ascii_whitespace())
            .collect();
        let _ = writeln!(text, "\n{title}: {}.", words.join(", "));
    }
    text.push_str("\n## Programs\n`X` is the secret, `_` any word, `N` a word named like a secret, `$X` the last word, `...` the same for all that follow,\n`-p?` the option with its value attached or as the next word, `Y` a secret that is no number, `^X` the very next word,\n`L:X` what follows the last `:`, `,key=X` what follows this key in a list, `F` a file or a name, which is shown.\n\n| programs | where |\n|---|---|\n");
    for (programs, _, patterns) in PROGRAMS {
        let patterns: Vec<String> = patterns
            .iter()
            .map(|pattern| format!("`{}`", pattern.replace('|', "\\|")))
            .collect();
        let _ = writeln!(
            text,
            "| {} | {} |",
            programs.replace('*', "\\*"),
            patterns.join(", ")
        );
    }
    let _ = writeln!(
        text,
        "\n## Hashes of passwords\nWhat begins with one of these: {}.\nDirectives whose next word is hidden: {}.",
        HASHES
            .iter()
            .chain(SCHEMES)
            .chain(NAMED_HASHES)
            .map(|hash| format!("`{hash}`"))
            .collect::<Vec<_>>()
            .join(" "),
        DIRECTIVES
    );
    text.push_str("\n## Tokens\n| `reason` | prefixes |\n|---|---|\n");
    for (kind, _, prefixes) in TOKENS {
        let prefixes: Vec<String> = prefixes
            .split_ascii_whitespace()
            .map(|prefix| format!("`{prefix}`"))
            .collect();
        let _ = writeln!(text, "| `{}` | {} |", kind.as_str(), prefixes.join(" "));
    }
    text.push_str(
        "\n## Webhooks\nWhat follows is hidden; `*` stands for any host, or part of a path.\n\n",
    );
    for hook in HOOKS {
        let _ = writeln!(text, "- `{hook}`");
    }
    text
}

#[test]
#[allow(clippy::disallowed_methods, reason = "the document of this repository")]
fn the_document_lists_the_tables() {
    let document = std::fs::read_to_string(PATH).unwrap();
    let text = document.split(TABLES).next().unwrap_or_default();
    let wanted = format!("{text}{}", tables());
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(PATH, wanted).unwrap();
        return;
    }
    assert!(
        document == wanted,
        "docs/redaction.md differs from the tables: BLESS=1 cargo test --lib redact"
    );
}
