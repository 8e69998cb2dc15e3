//! The report as metrics for Prometheus.
//!
//! What could not be read has no sample and is counted in `spyhole_gaps`. Labels hold no pids,
//! and no more different values than are bounded here.

pub(crate) mod certificates;
mod family;
mod findings;
pub(crate) mod mounts;
pub(crate) mod network;
pub(crate) mod open_files;
#[cfg(feature = "sample-section")]
pub(crate) mod personality;
pub(crate) mod processes;
pub(crate) mod resources;
mod server;
pub(crate) mod sockets;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt;
use std::time::SystemTime;

use family::Family;
pub(crate) use family::Form;
pub(crate) use findings::FindingFigures;

use crate::model::Report;
use crate::model::gap::Gap;
use crate::model::label::label;
use crate::model::process_group::{GroupKey, ProcessGroup};
use crate::model::server_stats::ServerStats;
use crate::model::target::Target;
use crate::model::time::Timestamp;

/// What metrics are made of.
pub(crate) struct Figures<'a> {
    /// What was seen; `None` where there was nothing to look at.
    pub report: Option<&'a Report>,
    /// Its processes by group.
    pub groups: &'a [ProcessGroup],
    /// How many groups are in the one that is called `other`.
    pub groups_folded: usize,
    /// Processor time that each group has used, in user mode and in the kernel.
    pub cpu_seconds: &'a dyn Fn(&GroupKey) -> Option<(f64, f64)>,
    /// The server's own figures.
    pub own: &'a ServerStats,
    /// What the rules of `doctor` found; `None` where they have not judged.
    pub findings: Option<&'a FindingFigures>,
    /// The parts of the sections.
    pub sections: &'a [Collect],
}

/// Adds the metrics of one section, where the report has it.
pub(crate) type Collect = fn(&Report, &Figures<'_>, &mut Page);

/// The metrics so far.
pub(crate) struct Page {
    families: Vec<Family>,
    folded: Family,
}

impl Page {
    fn add(&mut self, families: impl IntoIterator<Item = Family>) {
        self.families.extend(families);
    }

    /// Counts what is merged or not shown.
    fn fold(&mut self, what: &str, count: usize) {
        let what = [("what", what.to_owned())];
        self.folded.add(what, number(count as u64));
    }
}

/// Writes them.
///
/// # Errors
/// None that is known: writing to a string does not fail.
pub(crate) fn metrics(figures: &Figures<'_>, form: Form) -> Result<String, fmt::Error> {
    family::write(families(figures), form)
}

fn families(figures: &Figures<'_>) -> Vec<Family> {
    let look = Family::gauge(
        "spyhole_look_success",
        "1 if a target was found, otherwise 0.",
    );
    let seen = f64::from(u8::from(figures.report.is_some()));
    let mut all = vec![look.with(Some(seen))];
    if let Some(report) = figures.report {
        all.extend(of_report(report, figures));
    }
    all.extend(server::families(figures.own));
    all
}

fn of_report(report: &Report, figures: &Figures<'_>) -> Vec<Family> {
    let look = Family::gauge(
        "spyhole_look_timestamp_seconds",
        "Start of the scan behind these metrics, in Unix time.",
    );
    let mut page = Page {
        families: vec![look.with(Some(seconds(report.taken_at)))],
        folded: Family::gauge(
            "spyhole_folded",
            "Items merged or omitted because of a limit.",
        ),
    };
    page.add(report.target.as_ref().map(target));
    for collect in figures.sections {
        collect(report, figures, &mut page);
    }
    page.add(figures.findings.into_iter().flat_map(findings::families));
    page.families.push(page.folded);
    page.families.push(gaps(&report.gaps));
    page.families
}

fn target(target: &Target) -> Family {
    let mut family = Family::info(
        "spyhole_target_info",
        "The target; absent if all visible processes are included.",
    );
    let container = target.container.as_ref().or(target.container_id.as_ref());
    let container = container.map_or_else(String::new, |name| label(name.as_bytes()));
    let labels = [
        ("namespace", target.namespace.clone().unwrap_or_default()),
        ("pod", target.pod.clone().unwrap_or_default()),
        ("container", container),
        ("name", label(target.comm.as_bytes())),
    ];
    family.add(labels, 1.0);
    family
}

fn gaps(gaps: &[Gap]) -> Family {
    let mut family = Family::gauge(
        "spyhole_gaps",
        "Data that could not be read, by section and reason.",
    );
    for gap in gaps {
        let reason = serde_json::to_value(gap.reason).ok();
        let reason = reason.and_then(|word| word.as_str().map(str::to_owned));
        let labels = [
            ("section", label(gap.section.as_bytes())),
            ("reason", reason.unwrap_or_default()),
        ];
        family.add(labels, number(gap.count));
    }
    family
}

/// The `most` most frequent ones, and the number of further ones.
fn bounded<T: Ord>(words: impl Iterator<Item = T>, most: usize) -> (BTreeSet<T>, usize) {
    let mut counts: BTreeMap<T, usize> = BTreeMap::new();
    for word in words {
        *counts.entry(word).or_default() += 1;
    }
    let mut ranked: Vec<_> = counts.into_iter().collect();
    ranked.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let folded = ranked.len().saturating_sub(most);
    ranked.truncate(most);
    (ranked.into_iter().map(|(word, _)| word).collect(), folded)
}

/// Prometheus knows no other numbers; beyond 2^53 the last digits are lost.
#[expect(clippy::cast_precision_loss, reason = "as the format has it")]
fn number(count: u64) -> f64 {
    count as f64
}

/// Seconds since 1970; below zero for the times before.
fn seconds(time: Timestamp) -> f64 {
    match time.0.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => rounded(after.as_secs_f64()),
        Err(before) => -rounded(before.duration().as_secs_f64()),
    }
}

/// To the millisecond: what a computed time has beyond that is noise.
fn rounded(seconds: f64) -> f64 {
    (seconds * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests;
