//! The table of `personality`.

use super::table::{Align, Cell, Heading, Table};
use crate::model::personality::Personality;
use crate::model::seen::Seen;

/// One row; with the flag in words where that was asked for.
#[must_use]
pub(crate) fn table(personality: &Personality, names: bool) -> Table {
    let heading = |title, align| Heading { title, align };
    let mut headings = vec![
        heading("PID", Align::Right),
        heading("PERSONALITY", Align::Right),
    ];
    let mut row = vec![
        Cell::number(personality.pid),
        match &personality.mask {
            Seen::Value(mask) => format!("{mask:08x}").into(),
            Seen::Unseen(_) => Cell::Unseen,
        },
    ];
    if names {
        headings.push(heading("ADDRESSES", Align::Left));
        row.push(match personality.randomizes() {
            Some(true) => "random".to_owned().into(),
            Some(false) => "fixed".to_owned().into(),
            None => Cell::Unseen,
        });
    }
    Table {
        headings,
        rows: vec![row],
        ..Table::default()
    }
}
