//! The tables of `environment`.

use super::table::{Align, Cell, Heading, Table};
use crate::model::byte_string::ByteString;
use crate::model::environment::{AgainstParent, Environment, Variable};
use crate::model::seen::Seen;
use crate::model::time::Timestamp;

/// A table for each process; variables of Services are one counted line unless `all`.
#[must_use]
pub(crate) fn tables(environments: &[Environment], all: bool, now: Timestamp) -> Vec<Table> {
    let several = environments.len() > 1;
    environments
        .iter()
        .map(|environment| table(environment, all, several, now))
        .collect()
}

fn table(environment: &Environment, all: bool, titled: bool, now: Timestamp) -> Table {
    let headings = ["NAME", "VALUE"].map(|title| Heading {
        title,
        align: Align::Left,
    });
    let title = titled.then(|| format!("pid {} {}", environment.pid, environment.comm.to_text()));
    let mut table = Table {
        title,
        headings: headings.into(),
        ..Table::default()
    };
    let Seen::Value(variables) = &environment.variables else {
        table.rows.push(vec![Cell::Unseen, Cell::Unseen]);
        return table;
    };
    let mut folded = 0_usize;
    for variable in variables {
        if variable.service_link && !all {
            folded += 1;
        } else {
            table.rows.push(row(variable));
        }
    }
    if folded > 0 {
        table.notes.push(format!(
            "({folded} Kubernetes Service variables not shown; use --all-vars)"
        ));
    }
    if let Some(missing) = environment
        .missing_from_parent
        .as_ref()
        .filter(|names| !names.is_empty())
    {
        let names: Vec<_> = missing.iter().map(ByteString::to_text).collect();
        table.notes.push(format!(
            "not inherited from the parent: {}",
            names.join(", ")
        ));
    }
    let started = environment.started_at.value();
    let when = started.map_or_else(String::new, |at| format!(", {}", at.short(now)));
    table.notes.push(format!(
        "environment as of exec{when}; later changes by the process are not visible"
    ));
    table
}

fn row(variable: &Variable) -> Vec<Cell> {
    let mut remarks = Vec::new();
    if variable.without_equals {
        remarks.push("no = in this entry");
    }
    if variable.shadowed {
        remarks.push("shadowed by an earlier entry");
    }
    match variable.against_parent {
        Some(AgainstParent::Changed) => remarks.push("differs from the parent"),
        Some(AgainstParent::Added) => remarks.push("not in the parent"),
        Some(AgainstParent::Same) | None => {}
    }
    let remarks = if remarks.is_empty() {
        String::new()
    } else {
        format!("  ({})", remarks.join("; "))
    };
    let value = match (&variable.redacted, &variable.value) {
        (Some(redacted), _) => redacted.describe().into_bytes(),
        (None, Some(value)) => value.as_bytes().to_vec(),
        (None, None) => Vec::new(),
    };
    // A name that is itself kept back has no text left to show.
    let name = if variable.without_equals && variable.redacted.is_some() {
        Cell::Absent
    } else {
        Cell::from(&variable.name)
    };
    vec![
        name,
        Cell::Outside([value, remarks.into_bytes()].concat().into()),
    ]
}
