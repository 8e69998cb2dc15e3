//! What to do next, when spyhole looks at the wrong place or at none.

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::inspect::no_target::NoTarget;
use crate::model::process_table;
use crate::model::target::ChosenBy;
use crate::model::{Reason, Report};

/// The ways to attach rightly.
const ATTACH: &str = "  attach with: kubectl debug -it POD --image=spyhole --target=CONTAINER
           or: docker run --rm --pid=container:NAME --network=container:NAME spyhole
           or: podman run --rm --pid=container:NAME --network=container:NAME spyhole
  or set shareProcessNamespace: true in the pod.";

/// The sentence for a look that found no target.
pub(super) fn no_target(none: &NoTarget) -> String {
    match none {
        NoTarget::Ambiguous { .. } => format!("{none}\nName one, as: spyhole --container NAME ps"),
        _ => none.to_string(),
    }
}

/// The words for a document about spyhole's own container that nobody asked for.
pub(super) fn nobody_else(report: &Report, chosen_by: ChosenBy) -> String {
    let hidden = report.gaps.iter().find(|gap| gap.reason == Reason::Hidepid);
    if let Some(needs) = hidden.and_then(|gap| gap.needs.as_ref()) {
        return format!(
            "spyhole: sees only its own container: /proc hides the others' processes (hidepid).\n  \
             needs: {needs}\n  (--self says that its own container is meant)"
        );
    }
    let seen = if chosen_by == ChosenBy::NobodyElseButPause {
        "sees only the pause container and its own"
    } else {
        "sees only its own container: no other process shares its PID namespace"
    };
    format!("spyhole: {seen}.\n{ATTACH}\n  (--self says that its own container is meant)")
}

/// A hint for habits from elsewhere.
pub(super) fn for_usage(error: &clap::Error) -> String {
    let Some(ContextValue::String(value)) = error.get(ContextKind::InvalidValue) else {
        return String::new();
    };
    let is_columns = value
        .split(',')
        .all(|name| process_table::column(name).is_some());
    if error.kind() == ErrorKind::InvalidValue && is_columns {
        return format!("\n\nFor columns as in ps -o: spyhole ps --columns {value}");
    }
    String::new()
}
