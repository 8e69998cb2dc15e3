//! Words of a shell's command line, for lines that are printed to be pasted.

/// A word as a POSIX shell takes it. Control characters do nothing inside the quotes; they are
/// escaped where the line is printed.
#[must_use]
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// The same for a name from outside. What is not known, or could be taken for a flag, is left
/// to be filled in.
#[must_use]
pub fn word(value: Option<&str>, placeholder: &str) -> String {
    match value {
        None | Some("") => placeholder.to_owned(),
        Some(value) if value.starts_with('-') => placeholder.to_owned(),
        Some(value) => quoted(value),
    }
}
