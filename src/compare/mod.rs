//! What differs between two documents: healthy and sick, before and after.
//!
//! Each document becomes a tree whose lists are keyed by what an entry is (`tree`, `roles`), with the
//! names that a container has for itself replaced (`own_names`). The two trees are laid side by side
//! (`difference`), each field by the rule of its name (`treatment`). What the doctor finds in one of
//! them alone comes first.

mod difference;
mod lines;
mod own_names;
mod patch;
mod roles;
mod side;
mod treatment;
mod tree;

use std::collections::BTreeSet;

use serde::Serialize;

use crate::doctor::{self, Diagnosis, Expectations, Finding, Severity};
use crate::model::Report;
use crate::model::time::Timestamp;
use difference::{Change, Comparer, NotComparable, Spans};
pub(crate) use lines::lines;
pub(crate) use patch::patch;
use side::Side;
use tree::Tree;

/// What differs between two documents.
#[derive(Debug, Serialize)]
pub(crate) struct Comparison {
    /// `spyhole/diff/v1`.
    schema: &'static str,
    /// The version of spyhole that compared.
    version: &'static str,
    /// When each of the two was taken.
    before: Timestamp,
    after: Timestamp,
    /// What is wrong in one of the two alone, worst first.
    findings: Vec<FindingChange>,
    /// What differs, by how much it says.
    changes: Vec<Change>,
    /// Values that differ and vary by themselves: pids, times, amounts that are nearly equal.
    folded: u64,
    /// What one of the two does not show.
    not_comparable: BTreeSet<NotComparable>,
    /// Values that both have.
    #[serde(skip)]
    compared: u64,
}

/// A finding of the doctor in one of two documents.
#[derive(Debug, Serialize)]
struct FindingChange {
    id: &'static str,
    severity: Severity,
    title: &'static str,
    evidence: Vec<String>,
    /// `before` or `after`.
    only_in: &'static str,
}

/// What came of a comparison, for the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Same,
    Different,
    /// No value is in both documents.
    NothingComparable,
}

impl Comparison {
    pub(crate) fn outcome(&self) -> Outcome {
        if self.compared == 0 {
            Outcome::NothingComparable
        } else if self.findings.is_empty() && self.changes.is_empty() {
            Outcome::Same
        } else {
            Outcome::Different
        }
    }
}

/// Compares two documents.
///
/// # Errors
/// A document that cannot be written as JSON.
pub(crate) fn compare(before: &Report, after: &Report) -> Result<Comparison, serde_json::Error> {
    let mut sides = (Side::of(before)?, Side::of(after)?);
    let processes = (
        sides.0.sections.get_mut("processes"),
        sides.1.sections.get_mut("processes"),
    );
    if let (Some(Tree::Items(before)), Some(Tree::Items(after))) = processes {
        roles::pair(before, after);
    }
    let key = before.fingerprint_key_id.as_ref();
    let mut comparer = Comparer {
        before: &sides.0,
        after: &sides.1,
        spans: Spans::of(&sides.0, &sides.1),
        same_key: key.is_some() && key == after.fingerprint_key_id.as_ref(),
        changes: Vec::new(),
        folded: 0,
        not_comparable: BTreeSet::new(),
        compared: 0,
    };
    comparer.sections();
    let mut changes = comparer.changes;
    changes.sort_by_key(Change::rank);
    Ok(Comparison {
        schema: "spyhole/diff/v1",
        version: env!("CARGO_PKG_VERSION"),
        before: before.taken_at,
        after: after.taken_at,
        findings: finding_changes(before, after),
        changes,
        folded: comparer.folded,
        not_comparable: comparer.not_comparable,
        compared: comparer.compared,
    })
}

/// What the doctor finds in one of the two, where its rule was judged in both.
fn finding_changes(before: &Report, after: &Report) -> Vec<FindingChange> {
    let examine = |report| doctor::examine(report, &Expectations::default());
    let (of_before, of_after) = (examine(before), examine(after));
    let new = lacking(&of_after, &of_before, "after");
    let mut all: Vec<FindingChange> = new
        .chain(lacking(&of_before, &of_after, "before"))
        .collect();
    all.sort_by_key(|change| std::cmp::Reverse(change.severity));
    all
}

fn lacking<'a>(
    one: &'a Diagnosis,
    other: &'a Diagnosis,
    only_in: &'static str,
) -> impl Iterator<Item = FindingChange> + 'a {
    let is_lacking = |finding: &&Finding| {
        !other.findings.iter().any(|there| there.id == finding.id)
            && !other.not_judged.iter().any(|rule| rule.id == finding.id)
    };
    let change = move |finding: &Finding| FindingChange {
        id: finding.id,
        severity: finding.severity,
        title: finding.title,
        evidence: finding.evidence.clone(),
        only_in,
    };
    one.findings.iter().filter(is_lacking).map(change)
}
