//! Processes by group, and their states.

use super::family::{Family, Labels, Merge};
use super::{Figures, Page, bounded, number, seconds};
use crate::model::Report;
use crate::model::process::{Process, ProcessState};
use crate::model::process_group::{ContainerKey, GroupKey, OTHER, ProcessGroup};

/// Containers with labels of their own. A node has up to 110 pods by default, each with a pause
/// container; there is a sample for each state that a container's processes are in.
const CONTAINERS: usize = 500;

/// The part of the section `processes`.
pub(crate) fn collect(report: &Report, figures: &Figures<'_>, page: &mut Page) {
    let Some(list) = &report.processes else {
        return;
    };
    let (states, more) = states(list);
    page.add([states]);
    page.fold("containers", more);
    page.add(groups(figures.groups, figures.cpu_seconds));
    page.fold("process_groups", figures.groups_folded);
}

/// The groups. `cpu` tells for each of them how much it has used.
fn groups(groups: &[ProcessGroup], cpu: impl Fn(&GroupKey) -> Option<(f64, f64)>) -> Vec<Family> {
    let mut processes = Family::gauge(
        "spyhole_process_group_processes",
        "Processes with this name in this container.",
    );
    let mut threads = Family::gauge("spyhole_process_group_threads", "Threads of the group.");
    let mut used = Family::counter(
        "spyhole_process_group_cpu_seconds_total",
        "CPU time used by the group, including ended processes as far as observed.",
    );
    let mut resident = Family::gauge(
        "spyhole_process_group_resident_memory_bytes",
        "Resident memory of the group; shared memory counts for each process.",
    );
    let mut fds = Family::gauge(
        "spyhole_process_group_open_fds",
        "Open file descriptors of the group; absent if not all could be read.",
    );
    let mut ratio = Family::gauge(
        "spyhole_process_group_worst_fd_ratio",
        "Highest ratio of open file descriptors to the limit among the group's processes.",
    )
    .merging(Merge::Greatest);
    let mut started = Family::gauge(
        "spyhole_process_group_oldest_start_time_seconds",
        "Start time of the group's oldest process, in Unix time.",
    )
    .merging(Merge::Least);
    for group in groups {
        let labels = || {
            let mut labels = of_container(&group.key.container);
            labels.push(("name", group.key.name.clone()));
            labels
        };
        processes.add_labels(labels(), number(group.members.len() as u64));
        threads.add_labels(labels(), number(group.threads));
        resident.add_labels(labels(), number(group.resident_bytes));
        if let Some(oldest) = group.oldest_started_at {
            started.add_labels(labels(), seconds(oldest));
        }
        if let Some(open) = group.open_fds {
            fds.add_labels(labels(), number(open));
        }
        if let Some(worst) = group.worst_fd_ratio {
            ratio.add_labels(labels(), worst);
        }
        if let Some((user, system)) = cpu(&group.key) {
            for (mode, seconds) in [("user", user), ("system", system)] {
                let mut labels = labels();
                labels.push(("mode", mode.to_owned()));
                used.add_labels(labels, seconds);
            }
        }
    }
    vec![processes, threads, used, resident, fds, ratio, started]
}

/// How many processes of each container are in each state.
fn states(processes: &[Process]) -> (Family, usize) {
    let mut family = Family::gauge(
        "spyhole_processes",
        "Processes by container and state; states without processes are absent.",
    );
    let (known, folded) = bounded(processes.iter().map(ContainerKey::of), CONTAINERS);
    for process in processes {
        let mut container = ContainerKey::of(process);
        if !known.contains(&container) {
            container = ContainerKey {
                container: OTHER.to_owned(),
                ..ContainerKey::default()
            };
        }
        let mut labels = of_container(&container);
        labels.push(("state", word(process.state).to_owned()));
        family.add_labels(labels, 1.0);
    }
    (family, folded)
}

/// A container as labels; those that are empty are left out where metrics are written.
fn of_container(key: &ContainerKey) -> Labels {
    vec![
        ("namespace", key.namespace.clone()),
        ("pod", key.pod.clone()),
        ("pod_uid", key.pod_uid.clone()),
        ("container", key.container.clone()),
    ]
}

fn word(state: ProcessState) -> &'static str {
    match state {
        ProcessState::Running => "running",
        ProcessState::Sleeping => "sleeping",
        ProcessState::DiskSleep => "disk_sleep",
        ProcessState::Stopped => "stopped",
        ProcessState::Traced => "traced",
        ProcessState::Zombie => "zombie",
        ProcessState::Dead => "dead",
        ProcessState::Idle => "idle",
        ProcessState::Parked => "parked",
        ProcessState::Other => "other",
    }
}
