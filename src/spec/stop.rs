//! How the container ends.

use super::command::first_process;
use super::{Evidenced, not_seen, process_name};
use crate::doctor::{Facts, NotJudged, seen_if_there};

/// How long Kubernetes waits between SIGTERM and SIGKILL.
#[derive(Debug, Clone, Default)]
pub(super) struct Stop {
    pub(super) grace_seconds: Option<Evidenced<u64>>,
    pub(super) remarks: Vec<String>,
}

/// What its handling of SIGTERM shows.
pub(super) fn stop(facts: &Facts<'_>) -> Stop {
    try_stop(facts).unwrap_or_else(|why| Stop {
        grace_seconds: None,
        remarks: vec![not_seen("how it handles SIGTERM", why)],
    })
}

fn try_stop(facts: &Facts<'_>) -> Result<Stop, NotJudged> {
    let first = first_process(facts)?;
    let name = process_name(first);
    let signals = seen_if_there("processes.signals", first.signals.as_ref())?;
    let is_term = |names: &Vec<String>| names.iter().any(|name| name == "TERM");
    // Blocked by those that wait for it by signalfd(2) or sigwait(3).
    let is_handled =
        signals.is_some_and(|signals| is_term(&signals.caught) || is_term(&signals.blocked));
    let pids = first.namespace_pids.as_ref();
    let own_pid = pids
        .and_then(|pids| pids.last())
        .copied()
        .unwrap_or(first.pid);
    let mut stop = Stop::default();
    if is_handled {
        stop.remarks.push(format!(
            "not seen: how long {name} takes to end; it handles SIGTERM (SigCgt, SigBlk)"
        ));
    } else if own_pid == 1 {
        let says = format!(
            "{name} is PID 1 and does not handle SIGTERM (SigCgt), so that the kernel discards it: \
             waiting is in vain"
        );
        stop.grace_seconds = Some(Evidenced::new(1, says));
    } else {
        stop.remarks.push(format!(
            "not seen: how long it takes to end; {name} does not handle SIGTERM (SigCgt), which ends it \
             where it is not PID 1"
        ));
    }
    Ok(stop)
}
