//! Finds the names that a node has for its containers, as far as spyhole may read them: the
//! directories of the kubelet's logs, and the bundles of containerd and CRI-O.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use super::bundles::{Bundle, Bundles};
use super::pod_names::PodNames;
use super::self_process;
use crate::parse::bundle::TaskId;
use crate::parse::cgroup::CgroupPaths;
use crate::parse::pod_logs::PodName;
use crate::parse::stat::Stat;
use crate::sys::{InRoot, ProcDir, ProcessDir, file_limits};

/// Where `kubectl debug node/…` mounts the node's root.
const HOST: &str = "/host";

/// The names of a node, each kind read once it is needed.
#[derive(Debug)]
pub(crate) struct NodeNames {
    proc: Arc<ProcDir>,
    is_node: OnceLock<bool>,
    roots: OnceLock<Vec<InRoot>>,
    pods: OnceLock<PodNames>,
    bundles: OnceLock<Bundles>,
}

impl NodeNames {
    /// Of the node whose processes are in this /proc.
    #[must_use]
    pub(crate) fn of(proc: Arc<ProcDir>) -> Self {
        Self {
            proc,
            is_node: OnceLock::new(),
            roots: OnceLock::new(),
            pods: OnceLock::new(),
            bundles: OnceLock::new(),
        }
    }

    /// The name of the pod with this UID.
    #[must_use]
    pub(crate) fn pod(&self, uid: &str) -> Option<PodName> {
        let pods = self.pods.get_or_init(|| PodNames::read(self.roots()));
        pods.get(uid).cloned()
    }

    /// The container of containerd that has this root file system, or this cgroup.
    #[must_use]
    pub(crate) fn task(
        &self,
        (major, minor, root): (u32, u32, &[u8]),
        cgroups: Option<&CgroupPaths>,
    ) -> Option<TaskId> {
        let bundles = self.bundles()?;
        bundles.task(&(major, minor, root.to_vec()), cgroups)
    }

    /// The bundle of a container, by its id and containerd's namespace where that is known.
    #[must_use]
    pub(crate) fn bundle(&self, id: &str, namespace: Option<&str>) -> Option<Bundle> {
        self.bundles()?.read(self.roots(), id, namespace)
    }

    /// Whether the processes are those of a whole machine, spyhole's own: kthreadd is the second
    /// process of every kernel, and of no container.
    fn is_node(&self) -> bool {
        *self.is_node.get_or_init(|| {
            let mut buffer = Vec::new();
            let kthreadd = self.proc.process(2).ok().filter(|_| self.proc.is_live());
            kthreadd
                .and_then(|process| process.read(c"stat", file_limits::SMALL, &mut buffer).ok())
                .is_some_and(|_| Stat::parse(&buffer).is_ok_and(|stat| stat.is_kernel_thread()))
        })
    }

    /// spyhole's own root; the node's, where that is mounted; and where the node's processes are
    /// visible, that of its first one.
    fn roots(&self) -> &[InRoot] {
        self.roots.get_or_init(|| {
            let own = self_process::find(&self.proc).and_then(|own| InRoot::of(&own).ok());
            let own = own.map_or_else(|| InRoot::at(Path::new("/")), Ok);
            let mounted = InRoot::at(Path::new(HOST));
            // Only the machine's own first process is believed: that of a container may have any
            // file in that place.
            let first = self.first().and_then(|first| InRoot::of(&first).ok());
            own.into_iter().chain(mounted).chain(first).collect()
        })
    }

    fn first(&self) -> Option<ProcessDir> {
        self.is_node().then(|| self.proc.process(1).ok()).flatten()
    }

    /// On a node only: in a pod there is nothing to look for.
    fn bundles(&self) -> Option<&Bundles> {
        let find = || {
            let own = self_process::find(&self.proc);
            let processes: Vec<_> = own.into_iter().chain(self.first()).collect();
            Bundles::find(self.roots(), &processes)
        };
        self.is_node().then(|| self.bundles.get_or_init(find))
    }
}
