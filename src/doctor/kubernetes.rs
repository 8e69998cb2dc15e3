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
    Rule {
        id: "SPY-K8S-003",
        severity: Severity::Problem,
        title: "The service account token is not renewed",
        reads: &["mounts", "mounts.token_expires_at"],
        why: "Once it ends, the API server answers 401 Unauthorized.",
        remedy: "Mount the whole volume instead of a subPath, and look at the kubelet: it renews a token at 80 % of its life.",
        wrong_if: "The application does not ask the API server, or the node's clock is wrong.",
        judge: token_near_end,
    },
    Rule {
        id: "SPY-K8S-004",
        severity: Severity::Risk,
        title: "A mounted volume is empty",
        reads: &["mounts", "mounts.empty"],
        why: "The files that the application expects there do not exist.",
        remedy: "Check the image reference or the keys of the ConfigMap or Secret, and whether it is optional.",
        wrong_if: "It is filled later.",
        judge: empty_volume,
    },
];

fn token_near_end(facts: &Facts<'_>) -> Judged {
    let now = facts.report.taken_at.0;
    gather(facts.mounts()?.iter().map(|mount| {
        let end = seen_if_there("mounts.token_expires_at", mount.token_expires_at.as_ref())?;
        let Some(end) = end else {
            return Ok(None);
        };
        let path = mount.mount_point.to_text();
        let Ok(left) = end.0.duration_since(now) else {
            let says = format!("{path}/token expired at {}", end.rfc3339());
            return Ok(Some(Evidence::new(92, says)));
        };
        let life = mount
            .token_issued_at
            .and_then(|begin| end.0.duration_since(begin.0).ok());
        // The kubelet has had half of the time in which it renews it.
        let is_late = life.is_some_and(|life| left < life / 10);
        let says = || {
            format!(
                "{path}/token expires at {}, in {} s",
                end.rfc3339(),
                left.as_secs()
            )
        };
        Ok(is_late.then(|| Evidence::new(84, says())))
    }))
}

fn empty_volume(facts: &Facts<'_>) -> Judged {
    gather(facts.mounts()?.iter().map(|mount| {
        let is_empty = seen_if_there("mounts.empty", mount.empty.as_ref())? == Some(&true);
        let kind = mount
            .volume
            .as_ref()
            .map_or("volume", |volume| volume.kind.as_str());
        let says = || format!("{}: no file in the {kind}", mount.mount_point.to_text());
        Ok(is_empty.then(|| Evidence::new(73, says())))
    }))
}

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
        Ok(is_unwritable.then(|| Evidence::new(48, says())))
    }))
}
