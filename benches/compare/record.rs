//! What a run found, as tables for a document.
//!
//! Each part of the harness that runs in a process of its own adds to one file, of which every
//! line is a line of the document.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Names the file to a part that runs in a process of its own.
pub(crate) const VARIABLE: &str = "SPYHOLE_BENCH_RECORD";
const BEGIN: &str = "<!-- measured: `make performance` writes what follows -->";
const HEAD: &str = "| goal | | measured (least to most) | |\n|---|---|---|---|\n";
const END: &str = "<!-- end of what is measured -->";

static FILE: OnceLock<PathBuf> = OnceLock::new();

/// Begins to write down.
pub(crate) fn begin() -> Result<(), String> {
    let name = format!("spyhole-bench-{}.md", std::process::id());
    let path = std::env::temp_dir().join(name);
    fs::write(&path, "").map_err(|error| format!("{}: {error}", path.display()))?;
    FILE.get_or_init(|| path);
    Ok(())
}

/// The file, where anything is written down.
pub(crate) fn file() -> Option<PathBuf> {
    let named = || std::env::var_os(VARIABLE).map(PathBuf::from);
    FILE.get().cloned().or_else(named)
}

pub(crate) fn scenario(name: &str, about: &str) {
    note(&format!("\n### `{name}`: {about}"));
}

/// A line, or a paragraph after an empty line.
pub(crate) fn note(text: &str) {
    add(&format!("\n{text}\n"));
}

/// A table; the first row is its head.
pub(crate) fn table(rows: &[Vec<String>]) {
    add("\n");
    for (index, row) in rows.iter().enumerate() {
        add(&format!("| {} |\n", row.join(" | ")));
        if index == 0 {
            add(&format!("|{}\n", "---|".repeat(row.len())));
        }
    }
}

/// A row more of the table before, or of a new one of goals.
pub(crate) fn goal(what: &str, goal: &str, found: &str, verdict: &str) {
    let Some(file) = file() else { return };
    let text = fs::read_to_string(&file).unwrap_or_default();
    let goes_on = text
        .rsplit_once(HEAD)
        .is_some_and(|(_, rows)| rows.lines().all(|row| row.starts_with('|')));
    if !goes_on {
        add(&format!("\n{HEAD}"));
    }
    add(&format!("| {what} | {goal} | {found} | {verdict} |\n"));
}

fn add(text: &str) {
    let Some(file) = file() else { return };
    let opened = OpenOptions::new().append(true).open(&file);
    if let Err(error) = opened.and_then(|mut file| file.write_all(text.as_bytes())) {
        eprintln!("{}: {error}", file.display());
    }
}

/// Puts what was written down between the marks of a document.
pub(crate) fn write(document: &Path) -> Result<(), String> {
    let fail = |error: std::io::Error| format!("{}: {error}", document.display());
    let file = file().ok_or("nothing was written down")?;
    let found = fs::read_to_string(&file).map_err(fail)?;
    let text = fs::read_to_string(document).map_err(fail)?;
    let parts = text
        .split_once(BEGIN)
        .and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let (before, after) =
        parts.ok_or_else(|| format!("{}: the marks are missing", document.display()))?;
    let text = format!("{before}{BEGIN}\n\n{}\n\n{END}{after}", found.trim());
    fs::write(document, text).map_err(fail)?;
    let _ = fs::remove_file(file);
    Ok(())
}
