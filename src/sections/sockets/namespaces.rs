//! The network namespaces to look at: the target's, or with `--all` each visible one.

use std::collections::HashSet;

use nix::errno::Errno;

use crate::model::gap::Refusal;
use crate::rights::ptrace_access::{AccessCheck, Credentials, refusal_below};
use crate::scan::Scan;
use crate::scan::net_namespace::{Mark, NetNamespace};
use crate::sys::ProcessDir;

/// One of them, held by a process in it.
pub(super) struct Namespace {
    pub(super) process: ProcessDir,
    pub(super) inode: Result<u64, Refusal>,
    /// Proved to be spyhole's own.
    pub(super) own: bool,
    pub(super) containers: Vec<String>,
}

/// The target's.
pub(super) fn of_target(scan: &Scan) -> Option<Namespace> {
    let held = scan.target.as_ref()?;
    let process = held.main.try_clone().ok()?;
    let namespace = NetNamespace::of(&held.main);
    let label = scan.label_among_pods(&held.identity);
    Some(Namespace {
        inode: named(scan, &held.main, namespace.inode),
        own: NetNamespace::of_viewer(&scan.reader.proc).is_some_and(|own| own.is(&namespace)),
        containers: label.into_iter().collect(),
        process,
    })
}

/// Every one that a visible process is in, by the first process.
pub(super) fn in_sight(scan: &Scan) -> Vec<Namespace> {
    let own = NetNamespace::of_viewer(&scan.reader.proc);
    let mut found: Vec<Group> = Vec::new();
    for facts in scan.processes.iter().filter(|facts| facts.read) {
        let Some(namespace) = facts.net_namespace else {
            continue;
        };
        let label = scan.label_among_pods(&facts.identity);
        // Where nothing tells namespaces apart, containers do.
        let key = namespace
            .mark()
            .map_or(Key::Container(label.clone()), Key::Mark);
        let known = found.iter().position(|group| group.key == key);
        let index = known.unwrap_or(found.len());
        if known.is_none() {
            let Some(process) = reopened(scan, facts.pid, &namespace) else {
                continue;
            };
            found.push(Group {
                key,
                met: HashSet::new(),
                namespace: Namespace {
                    inode: named(scan, &process, namespace.inode),
                    own: own.as_ref().is_some_and(|own| own.is(&namespace)),
                    containers: Vec::new(),
                    process,
                },
            });
        }
        if let Some(label) = label
            && let Some(group) = found.get_mut(index)
            && group.met.insert(label.clone())
        {
            group.namespace.containers.push(label);
        }
    }
    found.into_iter().map(|group| group.namespace).collect()
}

struct Group {
    key: Key,
    met: HashSet<String>,
    namespace: Namespace,
}

#[derive(PartialEq, Eq)]
enum Key {
    Mark(Mark),
    Container(Option<String>),
}

/// The walk does not keep what it opens: the process that has the number now serves as well, if it
/// is in the same namespace.
fn reopened(scan: &Scan, pid: i32, namespace: &NetNamespace) -> Option<ProcessDir> {
    let process = scan.reader.reopen(pid).ok()?;
    (NetNamespace::of(&process).mark() == namespace.mark()).then_some(process)
}

fn named(scan: &Scan, process: &ProcessDir, inode: Result<u64, Errno>) -> Result<u64, Refusal> {
    inode.map_err(|errno| {
        let viewer = &scan.reader.viewer;
        refusal_below(process, errno, AccessCheck::Ptrace, viewer, || {
            Credentials::of(process, &mut Vec::new())
        })
    })
}
