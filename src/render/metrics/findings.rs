//! What the rules of `doctor` found.

use super::family::Family;
use super::number;

/// The findings of the last judgement.
pub(crate) struct FindingFigures {
    /// Id and severity of each.
    pub(crate) found: Vec<(&'static str, &'static str)>,
    /// How many rules could not be judged.
    pub(crate) not_judged: usize,
}

pub(super) fn families(figures: &FindingFigures) -> [Family; 2] {
    let mut findings = Family::gauge(
        "spyhole_finding",
        "1 for each finding of doctor; absent for what was not found or not judged.",
    );
    for (id, severity) in &figures.found {
        let labels = [
            ("id", (*id).to_owned()),
            ("severity", (*severity).to_owned()),
        ];
        findings.add(labels, 1.0);
    }
    let unjudged = Family::gauge(
        "spyhole_rules_not_judged",
        "Rules of doctor that could not be judged because data was not readable.",
    );
    [
        findings,
        unjudged.with(Some(number(figures.not_judged as u64))),
    ]
}
