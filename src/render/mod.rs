//! Model → what is printed; one file a format. Knows nothing but the model.

pub(crate) mod escape;
mod json;
pub(crate) mod metrics;
mod notes;
mod table;
pub(crate) mod tables;

use std::io::{self, Write};

use serde::Serialize;

use crate::model::Report;
use crate::render::escape::JsonEscaper;
use crate::render::tables::Table;

/// How tables look on this terminal, or on none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Style {
    /// Whether colour may underline what the words say.
    pub color: bool,
    /// Columns of the terminal; without one nothing is cut.
    pub width: Option<usize>,
    /// Leave out headings, and the notes below the tables with them.
    pub bare: bool,
}

/// Tables, with the notes on what could not be seen.
///
/// # Errors
/// Those of writing.
pub(crate) fn tables(
    tables: &[Table],
    report: &Report,
    style: Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    plain_tables(tables, style, out)?;
    if style.bare {
        return Ok(());
    }
    notes::of(report)
        .iter()
        .try_for_each(|note| writeln!(out, "{note}"))
}

/// Tables alone.
///
/// # Errors
/// Those of writing.
pub(crate) fn plain_tables(tables: &[Table], style: Style, out: &mut dyn Write) -> io::Result<()> {
    // Of a table without rows nothing is left where notes are not wanted.
    let shown = |table: &&Table| !style.bare || table.title.is_some() || !table.rows.is_empty();
    for (index, table) in tables.iter().filter(shown).enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        table::write(table, style, out)?;
    }
    Ok(())
}

/// The notes on what could not be seen, for where they cannot stand below a table.
#[must_use]
pub(crate) fn notes(report: &Report) -> Vec<String> {
    notes::of(report)
}

/// The document as JSON, indented.
///
/// # Errors
/// Those of writing.
pub(crate) fn json(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    document(report, out)
}

/// Anything that holds a document, as JSON, indented. One writer and one form for all: each
/// other pair would write out every type of the document once more.
///
/// # Errors
/// Those of writing.
pub(crate) fn document(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    json::write(value, &mut JsonEscaper(out))
}

/// A part of a document that is written while it is made: JSON in one line.
///
/// # Errors
/// Those of writing.
pub(crate) fn compact(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(JsonEscaper(out), value).map_err(io::Error::from)
}

/// The document as YAML.
///
/// # Errors
/// Those of writing.
pub(crate) fn yaml(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    yaml_document(report, out)
}

/// Anything that holds a document, as YAML.
///
/// # Errors
/// Those of writing.
pub(crate) fn yaml_document(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    // By way of JSON, so that each type of the document is written out once, not for each format.
    let mut document = Vec::new();
    serde_json::to_writer(&mut document, value).map_err(io::Error::from)?;
    let document = escape::marked(&document);
    let mut read = serde_json::Deserializer::from_slice(&document);
    let again = serde_transcode::Transcoder::new(&mut read);
    let text = serde_saphyr::to_string(&again).map_err(io::Error::other)?;
    out.write_all(escape::unmarked(&text).as_bytes())
}
