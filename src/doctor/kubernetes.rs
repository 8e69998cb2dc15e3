//! What Kubernetes put into the container.

use super::facts::{Facts, seen_if_there};
use super::rule::{Evidence, Judged, Rule, Severity, gather};
use crate::model::mount::Mount;
use crate::model::volume::VolumeKind;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "SPY-K8S-001",
        severity: Severity::Risk,
        title: "A mounted file is no longer the volume's",
        reads: &["mounts"],
        why: "A subPath of a Secret or ConfigMap is not updated: the application reads the old content until it restarts.",
        remedy: "Mount the whole volume instead of a subPath, or restart the pod after each change.",
        wrong_if: "The content was not changed since.",
        judge: stale_mounts,
    },
    Rule {
        id: "SPY-K8S-002",
        severity: Severity::Hint,
        title: "The termination log cannot be written",
        reads: &["mounts", "mounts.writable_by_target"],
        why: "Kubernetes shows no message of the application's end.",
        remedy: "terminationMessagePolicy: FallbackToLogsOnError",
        wrong_if: "The application writes no termination message.",
        judge: termination_log,
    },
];

fn stale_mounts(facts: &Facts<'_>) -> Judged {
    let stale = facts.mounts()?.iter().filter(|mount| mount.stale);
    let evidence = stale.map(|mount| {
        let says = format!(
            "{} was removed or replaced where it comes from",
            mount.mount_point.to_text()
        );
        Evidence::new(75, says)
    });
    Ok(evidence.collect())
}

fn termination_log(facts: &Facts<'_>) -> Judged {
    let is_log = |mount: &&Mount| {
        let volume = mount.volume.as_ref();
        volume.is_some_and(|volume| volume.kind == VolumeKind::TerminationLog)
    };
    gather(facts.mounts()?.iter().filter(is_log).map(|mount| {
        let field = "mounts.writable_by_target";
        let is_unwritable = !mount.writable
            || seen_if_there(field, mount.writable_by_target.as_ref())? == Some(&false);
        let says = || format!("{} is not writable", mount.mount_point.to_text());
        Ok(is_unwritable.then(|| Evidence::new(40, says())))
    }))
}
