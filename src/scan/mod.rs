//! Finds the target and walks /proc once for all sections.
//!
//! [`look`] opens /proc, selects the target and walks; [`reader`] reads the files of one process;
//! [`target`] holds what the sections then fill their part of the document from.

mod bundles;
pub(crate) mod cgroup;
pub(crate) mod container_key;
pub(crate) mod containers;
pub(crate) mod details;
mod file_systems;
mod first_thread;
pub(crate) mod look;
mod mountinfo;
pub(crate) mod needs;
pub(crate) mod net_namespace;
pub(crate) mod no_target;
mod node_names;
pub(crate) mod open_files;
pub(crate) mod own_pod;
pub(crate) mod plain_files;
mod pod_names;
pub(crate) mod proc_mount;
pub(crate) mod process_files;
pub(crate) mod program;
pub(crate) mod reader;
pub(crate) mod security;
pub(crate) mod select;
pub(crate) mod self_process;
pub(crate) mod snapshot;
pub(crate) mod sock_diag_answers;
pub(crate) mod target;
pub(crate) mod walk;
mod wanted;
mod wrapper;
pub(crate) mod wrong_namespace;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::model::container::Container;
use crate::model::gap::{Gaps, ScratchGaps};
use crate::model::seen::Seen;
use crate::model::target::Target;
use crate::redact::Redactor;
use crate::sys::ProcessDir;
use crate::sys::clock::Clock;
use container_key::{Identity, Key};
use needs::{Files, NetPolicy};

use net_namespace::NetNamespace;
use reader::ProcessReader;
use snapshot::ProcessSnapshot;
use sock_diag_answers::SockDiagAnswers;
use target::TargetHandle;

/// The result of one walk of /proc: what the sections fill the document from.
pub(crate) struct Scan {
    /// Opens and reads further processes and files of the same /proc.
    pub reader: Arc<ProcessReader>,
    /// Ticks, pages and the moment of the walk.
    pub clock: Clock,
    /// Decides which values are redacted.
    pub redactor: Redactor,
    /// Which connections may be opened.
    pub net: NetPolicy,
    /// How long the whole scan may take.
    pub timeout: Duration,
    /// The target, held open.
    pub target: Option<TargetHandle>,
    /// What was read of each process in scope.
    pub files: Files,
    /// The processes in scope, by pid.
    #[expect(
        clippy::vec_box,
        reason = "they are large, and are gathered and sorted"
    )]
    pub processes: Vec<Box<ProcessSnapshot>>,
    /// The containers that the walk met, as far as the scope led to them.
    pub containers: Vec<Container>,
    /// What is not known of them.
    pub container_gaps: ScratchGaps,
    /// spyhole's own id in the /proc that is walked.
    pub own_pid: Option<i32>,
    /// What `sock_diag` answered meanwhile.
    pub sock_diag_answers: SockDiagAnswers,
    /// What to call each container.
    pub labels: HashMap<Key, String>,
    /// Whether containers of more than one pod are visible.
    pub has_several_pods: bool,
}

impl Scan {
    /// What to call the container of a process; `None` for a process of the host.
    #[must_use]
    pub(crate) fn label(&self, identity: &Identity) -> Option<String> {
        self.labels.get(&identity.key).cloned()
    }

    /// What to call the container of a process among those of several pods: behind namespace and
    /// pod, where they are known and more than one is visible.
    #[must_use]
    pub(crate) fn label_among_pods(&self, identity: &Identity) -> Option<String> {
        let label = self.label(identity)?;
        Some(match &identity.pod {
            Some(pod) if self.has_several_pods => {
                format!("{}/{}/{label}", pod.namespace, pod.name)
            }
            _ => label,
        })
    }

    /// The id of the target's main process; 0 where there is no target, for gaps that have to
    /// name one.
    #[must_use]
    pub(crate) fn main_pid(&self) -> i32 {
        self.target.as_ref().map_or(0, |target| target.main.pid())
    }

    /// The target's main process, where the walk read it.
    #[must_use]
    pub(crate) fn main_process(&self) -> Option<&ProcessSnapshot> {
        let pid = self.target.as_ref()?.main.pid();
        let found = self
            .processes
            .binary_search_by_key(&pid, |process| process.pid)
            .ok()?;
        self.processes.get(found).map(Box::as_ref)
    }

    /// The name of a process, also of one that the walk has not read; `None` for one that has ended
    /// and for spyhole itself.
    #[must_use]
    pub(crate) fn name_of(&self, pid: i32) -> Option<Vec<u8>> {
        let found = self
            .processes
            .binary_search_by_key(&pid, |process| process.pid);
        let found = found.ok().and_then(|index| self.processes.get(index));
        let comm = if let Some(facts) = found {
            facts.stat.comm.clone()
        } else {
            let stat = self.reader.stat(pid)?;
            if look::is_reader(&stat, self.own_pid) {
                return None;
            }
            stat.comm
        };
        let is_hidden = Some(pid) == self.own_pid && !found.is_some_and(|facts| facts.read);
        (!is_hidden).then_some(comm)
    }

    /// spyhole's own entry in the /proc that is walked, or where that does not list it, in its own;
    /// none where that is a copy.
    #[must_use]
    pub(crate) fn own_process(&self) -> Option<ProcessDir> {
        let proc = &self.reader.proc;
        proc.is_live().then(|| self_process::find(proc)).flatten()
    }

    /// Whether the target is one of this machine's processes, and not of a copy of a /proc.
    #[must_use]
    pub(crate) fn is_live(&self) -> bool {
        self.reader.proc.is_live()
    }

    /// Whether spyhole is in the network namespace of the target; `None` where neither that nor
    /// the opposite is proved.
    #[must_use]
    pub(crate) fn shares_network(&self) -> Option<bool> {
        if !self.is_live() {
            return Some(false);
        }
        let target = NetNamespace::of(&self.target.as_ref()?.main);
        NetNamespace::of(&self.own_process()?).compare(&target)
    }

    /// The target as the document names it.
    pub(crate) fn describe_target(&self, gaps: &mut Gaps) -> Option<Target> {
        let main = self.main_process()?;
        let target = self.target.as_ref()?;
        let identity = &target.identity;
        Some(Target {
            pid: main.pid,
            comm: main.stat.comm.as_slice().into(),
            exe: match &main.exe {
                None | Some(Ok(None)) => None,
                Some(Ok(Some(path))) => Some(Seen::Value((*self.redactor.text(path)).into())),
                Some(Err(refusal)) => Some(Seen::Unseen(
                    gaps.section("target").record("exe", main.pid, refusal),
                )),
            },
            uid: main.uid,
            gid: main.gid,
            container: identity.name.clone(),
            container_id: identity.id().map(str::to_owned),
            pod_uid: identity.pod_uid.clone(),
            pod: identity.pod.as_ref().map(|pod| pod.name.clone()),
            namespace: identity.pod.as_ref().map(|pod| pod.namespace.clone()),
            chosen_by: target.chosen_by,
            wrappers: target.wrappers.clone(),
        })
    }
}
