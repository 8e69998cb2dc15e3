//! A table as plain data: headings, cells, notes. How wide and in which
//! colour is the renderer's affair.

use std::borrow::Cow;

use crate::model::byte_string::ByteString;
use crate::model::seen::Seen;

/// On which side of its column a cell stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// A column's heading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Heading {
    /// As printed, in capitals. Where all are empty, the table is a card: no line of
    /// headings, and nothing cut at the edge of the terminal.
    pub title: &'static str,
    /// The side its cells stand on.
    pub align: Align,
}

impl Heading {
    /// Above words.
    pub(crate) const fn left(title: &'static str) -> Self {
        let align = Align::Left;
        Self { title, align }
    }

    /// Above numbers.
    pub(crate) const fn right(title: &'static str) -> Self {
        let align = Align::Right;
        Self { title, align }
    }
}

/// One cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cell {
    /// It does not apply: `-`.
    Absent,
    /// It could not be seen: `?`, with a note below the table.
    Unseen,
    /// Words of our own.
    Text(Cow<'static, str>),
    /// Bytes from outside: the renderer escapes what a terminal would obey.
    Outside(ByteString),
}

/// Rows under headings, with what has to be said below.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Table {
    /// Said above the table, where a document has several.
    pub title: Option<String>,
    /// One for each column.
    pub headings: Vec<Heading>,
    /// As many cells a row as there are headings.
    pub rows: Vec<Vec<Cell>>,
    /// Not cut at the edge of the terminal.
    pub uncut: bool,
    /// Lines below the table: what was folded, and why a `?` stands there.
    pub notes: Vec<String>,
}

impl From<&'static str> for Cell {
    fn from(text: &'static str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl From<&ByteString> for Cell {
    fn from(bytes: &ByteString) -> Self {
        Self::Outside(bytes.clone())
    }
}

impl Cell {
    /// The cell of a field that may be absent (`-`) or unseen (`?`).
    pub(crate) fn of<T>(field: Option<&Seen<T>>, show: impl FnOnce(&T) -> Cell) -> Cell {
        match field {
            None => Self::Absent,
            Some(Seen::Unseen(_)) => Self::Unseen,
            Some(Seen::Value(value)) => show(value),
        }
    }

    /// A number's cell.
    pub(crate) fn number(number: impl std::fmt::Display) -> Cell {
        Self::Text(Cow::Owned(number.to_string()))
    }
}
