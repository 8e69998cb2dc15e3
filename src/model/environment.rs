//! The environment of a process at the moment of its exec.

use serde::Serialize;

use super::byte_string::ByteString;
use super::secret::Redacted;
use super::seen::Seen;
use super::table::{Align, Cell, Heading, Table};
use super::time::Timestamp;

/// The environment of one process: `/proc/PID/environ`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Environment {
    /// The process.
    pub pid: i32,
    /// Its name.
    pub comm: ByteString,
    /// Always `exec`: the kernel shows what the process was started with. What it
    /// set or unset afterwards is in its own memory only.
    pub as_of: AsOf,
    /// When the process was started (forked; its exec came then or later).
    pub started_at: Timestamp,
    /// One for each entry, in the process's order.
    pub variables: Seen<Vec<Variable>>,
    /// Names that the parent's environment has and this one lacks; only where
    /// the parent's is in the same document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing_from_parent: Option<Vec<ByteString>>,
}

/// The moment that an environment shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AsOf {
    /// When the process called exec.
    Exec,
}

/// One entry of an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Variable {
    /// What stands before the first `=`; the whole entry where it has none.
    pub name: ByteString,
    /// What stands after it; absent where it is redacted or the entry has no `=`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<ByteString>,
    /// In place of a value that is taken for a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redacted: Option<Redacted>,
    /// The entry has no `=`; getenv(3) does not find it.
    #[serde(skip_serializing_if = "is_false")]
    pub without_equals: bool,
    /// An earlier entry has the same name; getenv(3) finds that one.
    #[serde(skip_serializing_if = "is_false")]
    pub shadowed: bool,
    /// Kubernetes sets it for a Service of the namespace.
    #[serde(skip_serializing_if = "is_false")]
    pub service_link: bool,
    /// Set against the parent's environment, where that is in the same document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub against_parent: Option<AgainstParent>,
}

/// How an entry differs from the parent's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AgainstParent {
    /// The parent has it with the same value.
    Same,
    /// The parent has another value.
    Changed,
    /// The parent does not have it.
    Added,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks for a reference"
)]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// A table for each process; variables of Services are one counted line unless `all`.
#[must_use]
pub fn tables(environments: &[Environment], all: bool, now: Timestamp) -> Vec<Table> {
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
            "({folded} variables that Kubernetes sets for Services: --all-vars)"
        ));
    }
    if let Some(missing) = environment
        .missing_from_parent
        .as_ref()
        .filter(|names| !names.is_empty())
    {
        let names: Vec<_> = missing.iter().map(ByteString::to_text).collect();
        table
            .notes
            .push(format!("not passed on by the parent: {}", names.join(", ")));
    }
    table.notes.push(format!(
        "environment at exec time, {}; the process may have changed its own since",
        environment.started_at.short(now)
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
