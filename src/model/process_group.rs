//! Processes summed up by container and name, for figures that must not know pids.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::label::label;
use super::process::{Limit, Process};
use super::seen::Seen;
use super::time::Timestamp;

/// The label of all groups without one of their own.
pub const OTHER: &str = "other";
/// What all threads of the kernel are called together: on a node they are hundreds.
pub const KERNEL: &str = "[kernel]";

/// Processes of one name in one container.
#[derive(Debug, Clone, PartialEq)]
pub struct ProcessGroup {
    /// Whose they are.
    pub key: GroupKey,
    /// Which they are, by their place in the list.
    pub members: Vec<usize>,
    /// How many threads they have.
    pub threads: u64,
    /// Memory that is in RAM; what they share counts for each of them.
    pub resident_bytes: u64,
    /// Open descriptors; `None` where not all of them could be read.
    pub open_fds: Option<u64>,
    /// The greatest share that one of them uses of its limit on descriptors; `None` where
    /// not all of them could be read, or none has a limit.
    pub worst_fd_ratio: Option<f64>,
    /// When the oldest of them was started; `None` where that is not known of all of them.
    pub oldest_started_at: Option<Timestamp>,
}

/// A container, and the pod that it is in, as labels.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContainerKey {
    /// The pod's namespace; empty where the pod is not named.
    pub namespace: String,
    /// The pod's name, likewise.
    pub pod: String,
    /// The pod's UID, where several pods are visible and not named.
    pub pod_uid: String,
    /// The container; empty where they are in none.
    pub container: String,
}

impl ContainerKey {
    /// The container of a process.
    #[must_use]
    pub fn of(process: &Process) -> Self {
        // Names of Kubernetes are bounded and plain as they are.
        let plain = |name: &Option<String>| name.clone().unwrap_or_default();
        let name = process.container.as_deref().unwrap_or_default();
        Self {
            namespace: plain(&process.namespace),
            pod: plain(&process.pod),
            pod_uid: plain(&process.pod_uid),
            container: label(name.as_bytes()),
        }
    }
}

/// What tells groups apart, as labels.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupKey {
    /// Where they are.
    pub container: ContainerKey,
    /// The name of the processes.
    pub name: String,
}

impl GroupKey {
    /// The group of a process.
    #[must_use]
    pub fn of(process: &Process) -> Self {
        let name = if process.kernel_thread {
            KERNEL.to_owned()
        } else {
            label(process.comm.as_bytes())
        };
        Self {
            container: ContainerKey::of(process),
            name,
        }
    }

    fn other() -> Self {
        Self {
            container: ContainerKey::default(),
            name: OTHER.to_owned(),
        }
    }
}

/// The groups of a list of processes: those that use the most memory, so many of them, and
/// what is left in one that is called `other`. Also how many are in that one.
#[must_use]
pub fn groups(processes: &[Process], most: usize) -> (Vec<ProcessGroup>, usize) {
    let mut by_key: BTreeMap<GroupKey, Sum<'_>> = BTreeMap::new();
    for (index, process) in processes.iter().enumerate() {
        let sum = by_key.entry(GroupKey::of(process)).or_default();
        sum.members.push((index, process));
    }
    let mut ranked: Vec<_> = by_key.into_iter().collect();
    ranked.sort_by_cached_key(|(key, sum)| (Reverse(sum.resident_bytes()), key.clone()));
    let rest = ranked.split_off(most.min(ranked.len()));
    let folded = rest.len();
    if folded > 0 {
        let members: Vec<_> = rest.into_iter().flat_map(|(_, sum)| sum.members).collect();
        // A process may be called so itself.
        match ranked.iter_mut().find(|(key, _)| *key == GroupKey::other()) {
            Some((_, sum)) => sum.members.extend(members),
            None => ranked.push((GroupKey::other(), Sum { members })),
        }
    }
    let groups = ranked.into_iter().map(|(key, sum)| sum.group(key));
    (groups.collect(), folded)
}

#[derive(Default)]
struct Sum<'a> {
    members: Vec<(usize, &'a Process)>,
}

impl Sum<'_> {
    fn resident_bytes(&self) -> u64 {
        let each = self.members.iter().map(|(_, process)| process.rss_bytes);
        each.fold(0, u64::saturating_add)
    }

    fn group(&self, key: GroupKey) -> ProcessGroup {
        let processes = || self.members.iter().map(|(_, process)| *process);
        ProcessGroup {
            key,
            members: self.members.iter().map(|(index, _)| *index).collect(),
            threads: processes()
                .map(|process| u64::try_from(process.threads).unwrap_or_default())
                .sum(),
            resident_bytes: self.resident_bytes(),
            open_fds: open_fds(processes()),
            worst_fd_ratio: worst_fd_ratio(processes()),
            oldest_started_at: processes()
                .map(|process| process.started_at.value().copied())
                .min()
                .flatten(),
        }
    }
}

/// Zombies have none any more: for them the field is absent.
fn open_fds<'a>(processes: impl Iterator<Item = &'a Process>) -> Option<u64> {
    let mut sum = None;
    for process in processes {
        match &process.fd_count {
            Some(Seen::Value(count)) => sum = Some(sum.unwrap_or(0) + count),
            Some(Seen::Unseen(_)) => return None,
            None => {}
        }
    }
    sum
}

#[expect(clippy::cast_precision_loss, reason = "a ratio needs no more")]
fn worst_fd_ratio<'a>(processes: impl Iterator<Item = &'a Process>) -> Option<f64> {
    let mut worst: Option<f64> = None;
    for process in processes {
        match (&process.fd_count, &process.fd_limit) {
            (Some(Seen::Unseen(_)), _) | (_, Some(Seen::Unseen(_))) => return None,
            (Some(Seen::Value(count)), Some(Seen::Value(limit))) => {
                if let Limit::Value(soft) = limit.soft {
                    let ratio = *count as f64 / soft.max(1) as f64;
                    worst = Some(worst.map_or(ratio, |worst| worst.max(ratio)));
                }
            }
            _ => {}
        }
    }
    worst
}

#[cfg(test)]
mod tests;
