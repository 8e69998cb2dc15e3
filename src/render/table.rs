//! Aligned columns as kubectl prints them. A table with
//! borders would need a crate; columns without need no more than this.

use std::borrow::Cow;
use std::io::{self, Write};

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::Style;
use super::tables::table::{Align, Cell, Table};
use crate::model::escape::escaped;

const GAP: &str = "  ";

pub(super) fn write(table: &Table, style: Style, out: &mut dyn Write) -> io::Result<()> {
    if let Some(title) = &table.title {
        writeln!(out, "{}", emphasised(&escaped(title.as_bytes()), style))?;
    }
    let widths = widths(table, style);
    let mut line = String::new();
    let card = is_card(table);
    let style = Style {
        width: style.width.filter(|_| !card && !table.uncut),
        ..style
    };
    if !style.bare && !card {
        let titles = table
            .headings
            .iter()
            .map(|heading| Cow::Borrowed(heading.title));
        lay_out(table, &widths, titles, style, &mut line);
        writeln!(out, "{}", emphasised(&line, style))?;
    }
    for row in &table.rows {
        lay_out(table, &widths, row.iter().map(text), style, &mut line);
        line.push('\n');
        out.write_all(line.as_bytes())?;
    }
    if !style.bare {
        for note in &table.notes {
            writeln!(out, "{}", escaped(note.as_bytes()))?;
        }
    }
    Ok(())
}

/// A table without a single title is a card: facts below each other, to be read whole.
fn is_card(table: &Table) -> bool {
    table
        .headings
        .iter()
        .all(|heading| heading.title.is_empty())
}

fn emphasised(text: &str, style: Style) -> Cow<'_, str> {
    if style.color {
        Cow::Owned(format!("\x1b[1m{text}\x1b[0m"))
    } else {
        Cow::Borrowed(text)
    }
}

fn text(cell: &Cell) -> Cow<'_, str> {
    match cell {
        Cell::Absent => Cow::Borrowed("-"),
        Cell::Unseen => Cow::Borrowed("?"),
        Cell::Text(text) => Cow::Borrowed(text),
        Cell::Outside(bytes) => escaped(bytes.as_bytes()),
    }
}

/// As wide as its widest cell; the last column is never padded, so it counts for nothing.
fn widths(table: &Table, style: Style) -> Vec<usize> {
    let mut widths: Vec<usize> = table
        .headings
        .iter()
        .map(|heading| if style.bare { 0 } else { heading.title.width() })
        .collect();
    let last = widths.len().saturating_sub(1);
    for row in &table.rows {
        for (index, (cell, width)) in row.iter().zip(widths.iter_mut()).enumerate() {
            if index < last {
                *width = (*width).max(display_width(&text(cell)));
            }
        }
    }
    widths
}

/// The widths of ASCII need no table.
fn display_width(text: &str) -> usize {
    if text.is_ascii() {
        text.len()
    } else {
        text.width()
    }
}

/// Lays a row out in `line`, whose old content goes; what is empty at the end is not padded.
fn lay_out<'a>(
    table: &Table,
    widths: &[usize],
    cells: impl Iterator<Item = Cow<'a, str>>,
    style: Style,
    line: &mut String,
) {
    line.clear();
    let last = widths.len().saturating_sub(1);
    let mut used = 0;
    for (index, ((cell, width), heading)) in cells.zip(widths).zip(&table.headings).enumerate() {
        let left_over = style.width.map(|all| all.saturating_sub(used).max(MINIMUM));
        let cell = match left_over {
            Some(room) if index == last => cut(cell, room),
            _ => cell,
        };
        let padding = width.saturating_sub(display_width(&cell));
        if heading.align == Align::Right {
            pad(line, padding);
        }
        line.push_str(&cell);
        if heading.align == Align::Left && index < last {
            pad(line, padding);
        }
        if index < last {
            line.push_str(GAP);
        }
        used += width + GAP.len();
    }
    line.truncate(line.trim_end_matches(' ').len());
}

fn pad(line: &mut String, mut padding: usize) {
    const BLANKS: &str = "                                                                ";
    while padding > 0 {
        let part = BLANKS.get(..padding).unwrap_or(BLANKS);
        line.push_str(part);
        padding -= part.len();
    }
}

/// A last column is never cut below this, however narrow the terminal.
const MINIMUM: usize = 20;

fn cut(text: Cow<'_, str>, room: usize) -> Cow<'_, str> {
    if display_width(&text) <= room {
        return text;
    }
    let mut used = 0;
    let fits = |character: &char| {
        used += character.width().unwrap_or(0);
        used < room
    };
    let mut short: String = text.chars().take_while(fits).collect();
    short.push('…');
    Cow::Owned(short)
}
