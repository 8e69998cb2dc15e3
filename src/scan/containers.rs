//! Groups processes by container.

use std::collections::HashMap;

use super::container_key::Key;
use super::select::is_pause;
use super::snapshot::ProcessSnapshot;
use crate::model::container::{Container, ContainerKind};
use crate::model::gap::SectionGaps;
use crate::model::time::Timestamp;
use crate::rights::ptrace_access::not_copied;
use crate::sys::clock::Clock;

/// What is known of the containers beside their processes.
pub(crate) struct Marks<'a> {
    /// The one that is looked into.
    pub target: Option<&'a Key>,
    /// The one that spyhole runs in.
    pub own: Option<&'a Key>,
    /// The one that holds the pod's namespaces.
    pub pause: Option<&'a Key>,
    /// Turns ticks into points in time.
    pub clock: &'a Clock,
}

/// One entry for each container, by the start of its first process.
#[must_use]
pub(crate) fn group(
    facts: &[Box<ProcessSnapshot>],
    marks: &Marks<'_>,
    gaps: &mut SectionGaps<'_>,
) -> Vec<Container> {
    let mut groups: HashMap<&Key, Group<'_>> = HashMap::new();
    for facts in facts {
        let group = groups.entry(&facts.identity.key).or_insert(Group {
            main: facts,
            count: 0,
            kernel: false,
        });
        group.count += 1;
        group.kernel |= facts.stat.is_kernel_thread();
        let order = |facts: &ProcessSnapshot| (facts.stat.starttime_ticks, facts.pid);
        if order(facts) < order(group.main) {
            group.main = facts;
        }
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(_, group)| (group.main.stat.starttime_ticks, group.main.pid));
    groups
        .into_iter()
        .map(|(key, group)| group.container(key, marks, gaps))
        .collect()
}

struct Group<'a> {
    main: &'a ProcessSnapshot,
    count: u64,
    /// Whether the kernel's own threads are in it: then it is the machine.
    kernel: bool,
}

impl Group<'_> {
    fn container(&self, key: &Key, marks: &Marks<'_>, gaps: &mut SectionGaps<'_>) -> Container {
        let identity = &self.main.identity;
        let is = |mark: Option<&Key>| *key != Key::Unknown && mark == Some(key);
        let kind = if self.kernel {
            ContainerKind::Host
        } else if is(marks.pause) || is_pause(self.main) || identity.is_sandbox {
            ContainerKind::Pause
        } else {
            ContainerKind::Container
        };
        Container {
            name: identity.name.clone(),
            id: identity.id().map(str::to_owned),
            runtime: identity.runtime.map(str::to_owned),
            pod_uid: identity.pod_uid.clone(),
            pod: identity.pod.as_ref().map(|pod| pod.name.clone()),
            namespace: identity.pod.as_ref().map(|pod| pod.namespace.clone()),
            kind,
            target: is(marks.target),
            own: is(marks.own),
            main_pid: self.main.pid,
            main_comm: self.main.stat.comm.as_slice().into(),
            started_at: {
                let started_at = marks.clock.at_ticks(self.main.stat.starttime_ticks);
                let started_at = started_at.map(Timestamp).ok_or_else(not_copied);
                gaps.seen("started_at", self.main.pid, started_at)
            },
            process_count: self.count,
        }
    }
}
