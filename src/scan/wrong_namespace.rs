//! The message where spyhole sees only itself.

use std::path::Path;

use super::own_pod;
use super::self_process::PROC;
use crate::model::shell::{quoted, word};
use crate::model::target::ChosenBy;
use crate::model::{Reason, Report};
use crate::sys::{ProcDir, own_image};

/// The ways to attach rightly. In a pod it is the pod itself that is meant.
fn attach() -> String {
    let image = quoted(&own_image::name());
    let in_pod = own_pod::is_kubernetes();
    let host_name = || own_pod::host_name(&ProcDir::open(Path::new(PROC)).ok()?);
    let pod = in_pod.then(host_name).flatten();
    let namespace = in_pod.then(own_pod::namespace).flatten();
    let engines = if in_pod {
        String::new()
    } else {
        let line = |engine| {
            format!(
                "           or: {engine} run --rm --pid=container:NAME --network=container:NAME {image}\n"
            )
        };
        line("docker") + &line("podman")
    };
    format!(
        "  to attach correctly: kubectl debug -it -n {} {} --image={image} --target=CONTAINER\n\
         {engines}  or set shareProcessNamespace: true in the pod.",
        word(namespace.as_deref(), "NAMESPACE"),
        word(pod.as_deref(), "POD"),
    )
}

/// The words for a document about spyhole's own container that was not asked for; `None` for any
/// other.
#[must_use]
pub(crate) fn words(report: &Report) -> Option<String> {
    let chosen_by = report.target.as_ref()?.chosen_by;
    if !matches!(
        chosen_by,
        ChosenBy::NobodyElse | ChosenBy::NobodyElseButPause
    ) {
        return None;
    }
    let hidden = report.gaps.iter().find(|gap| gap.reason == Reason::Hidepid);
    if let Some(needs) = hidden.and_then(|gap| gap.needs.as_ref()) {
        return Some(format!(
            "spyhole: only its own container is visible: /proc hides processes of other users \
             (hidepid).\n  \
             needs: {needs}\n  (use --self to inspect spyhole's own container)"
        ));
    }
    let seen = if chosen_by == ChosenBy::NobodyElseButPause {
        "only the pause container and its own are visible"
    } else {
        "only its own container is visible: no other process shares its PID namespace"
    };
    Some(format!(
        "spyhole: {seen}.\n{}\n  (use --self to inspect spyhole's own container)",
        attach()
    ))
}

/// The same for a server that begins, from the list of processes alone: nothing is read of
/// any process that could keep it waiting. `None` as well where the list does not tell.
#[must_use]
pub(crate) fn at_a_glance() -> Option<String> {
    let proc = ProcDir::open(Path::new(PROC)).ok()?;
    let own = proc.own_pid().ok()?;
    let pids = proc.pids().ok()?;
    (pids == [own]).then(|| {
        format!(
            "spyhole: only its own process is visible: no other shares its PID namespace, or \
             /proc hides them.\n\
             {}\n  (use --self to inspect spyhole's own container; checks that only open \
             connections work regardless)",
            attach()
        )
    })
}
