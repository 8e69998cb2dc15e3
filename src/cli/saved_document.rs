//! Documents that were saved (`dump -o json`), from a file or stdin.

use std::io::{self, Read as _};
use std::path::Path;

use super::Failure;
use crate::model::Report;
use crate::model::escape::escaped;
use crate::model::read::{self, Limits};
use crate::sys::own_file;

/// Reads the document of this file, or of stdin for `-`. `before` stands before its name where it is
/// refused.
pub(super) fn saved_document(path: &Path, before: &str) -> Result<Report, Failure> {
    let shown = escaped(path.as_os_str().as_encoded_bytes()).into_owned();
    let text = text(path).map_err(|error| Failure::usage(format!("{before}{shown}: {error}")))?;
    document(&text, &format!("{before}{shown}"))
}

/// The document of a text that came from here.
pub(super) fn document(text: &[u8], from: &str) -> Result<Report, Failure> {
    read::read(text).map_err(|error| Failure::usage(format!("{from}: {error}")))
}

/// One byte more than a document may have: that is an error of reading it.
fn text(path: &Path) -> io::Result<Vec<u8>> {
    let limit = Limits::default().bytes as u64 + 1;
    if path != Path::new("-") {
        return own_file::contents(path, limit);
    }
    let mut text = Vec::new();
    io::stdin().lock().take(limit).read_to_end(&mut text)?;
    Ok(text)
}
