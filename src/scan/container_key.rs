//! Which container a process belongs to.
//!
//! Determined by the runtime's id in the cgroup path and by what the runtime mounts
//! (mountinfo); where neither names one, processes with the same root file system
//! belong together. A mount namespace is looked at once: its inode, where it may
//! be read, saves the rest.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::node_names::NodeNames;
use crate::parse::bundle::TaskId;
use crate::parse::cgroup::CgroupPaths;
use crate::parse::container_id::{self, ContainerFromCgroup, Runtime};
use crate::parse::mountinfo;
use crate::parse::namespace_link::NamespaceLink;
use crate::parse::pod_logs::PodName;
use crate::parse::stat::Stat;
use crate::sys::file_limits;
use crate::sys::{ProcessDir, Truncation};

/// The namespace of containerd whose cgroups are known by their path alone.
const DEFAULT_NAMESPACE: &str = "default";

/// What makes two processes members of the same container.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    /// The runtime's id.
    Id(String),
    /// An id that is unique in a namespace of containerd only.
    Task(TaskId),
    /// Device and root of the file system at `/`.
    Root(u32, u32, Vec<u8>),
    /// Nothing that could be read tells; the parent decides.
    Unknown,
}

/// A container as its processes show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    /// What sets it apart.
    pub key: Key,
    /// Its name, where Kubernetes left it in a mount, or a runtime in its bundle.
    pub name: Option<String>,
    /// The word for it: `containerd`, `docker`, `lxc` and so on.
    pub runtime: Option<&'static str>,
    /// The UID of its Kubernetes pod.
    pub pod_uid: Option<String>,
    /// The name of that pod, where the node tells it.
    pub pod: Option<PodName>,
    /// Whether the runtime made it only to hold the namespaces of its pod.
    pub is_sandbox: bool,
}

impl Identity {
    /// Of a process that nothing tells about.
    #[must_use]
    pub(crate) fn unknown() -> Self {
        Self {
            key: Key::Unknown,
            name: None,
            runtime: None,
            pod_uid: None,
            pod: None,
            is_sandbox: false,
        }
    }

    /// The runtime's id.
    #[must_use]
    pub(crate) fn id(&self) -> Option<&str> {
        match &self.key {
            Key::Id(id) => Some(id),
            Key::Task(task) => Some(&task.id),
            Key::Root(..) | Key::Unknown => None,
        }
    }
}

/// What placed a process.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum IdentitySource {
    /// Its mountinfo was read for it, and stands whole in the buffer.
    ByMounts,
    /// Something else, or what was known already.
    Otherwise,
}

/// The identities found so far, shared by the threads of a walk.
#[derive(Debug)]
pub(crate) struct Identities {
    /// Written a few times in a walk, and read for each process.
    known: RwLock<Known>,
    node: NodeNames,
}

#[derive(Debug, Default)]
struct Known {
    by_namespace: HashMap<u64, Arc<Identity>>,
    by_key: HashMap<Key, Arc<Identity>>,
}

impl Identities {
    /// None yet; their names are those of this node.
    #[must_use]
    pub(crate) fn new(node: NodeNames) -> Self {
        Self {
            known: RwLock::default(),
            node,
        }
    }

    /// The identity of a process; [`Key::Unknown`] where nothing tells.
    pub(crate) fn of(
        &self,
        process: &ProcessDir,
        stat: &Stat,
        buffer: &mut Vec<u8>,
    ) -> (Arc<Identity>, IdentitySource) {
        if stat.is_kernel_thread() {
            return (Arc::new(Identity::unknown()), IdentitySource::Otherwise);
        }
        let namespace = mount_namespace(process);
        if let Some(identity) =
            namespace.and_then(|inode| self.known().by_namespace.get(&inode).cloned())
        {
            return (identity, IdentitySource::Otherwise);
        }
        let cgroup = match process.read(c"cgroup", file_limits::SMALL, buffer) {
            Ok(_) => CgroupPaths::parse(buffer).ok(),
            Err(_) => None,
        };
        let from_cgroup = cgroup.as_ref().and_then(container_id::from_cgroups);
        if namespace.is_none()
            && let Some(found) = &from_cgroup
            && let Some(identity) = self.known().by_key.get(&Key::Id(found.id.clone())).cloned()
        {
            return (identity, IdentitySource::Otherwise);
        }
        if stat.state == b'Z' && from_cgroup.is_none() {
            // A zombie has given up its namespaces and mounts.
            return (Arc::new(Identity::unknown()), IdentitySource::Otherwise);
        }
        let (mut identity, told) = from_mounts(process, from_cgroup, buffer);
        self.complete(&mut identity, cgroup.as_ref());
        (self.remember(namespace, identity), told)
    }

    /// Adds what the node knows of a container and the container itself does not show.
    fn complete(&self, identity: &mut Identity, cgroups: Option<&CgroupPaths>) {
        let containerd = Some(Runtime::Containerd.as_str());
        if let Key::Root(major, minor, root) = &identity.key {
            // With an id of its user's choice, in any namespace and cgroup: `ctr run`.
            if let Some(task) = self.node.task((*major, *minor, root), cgroups) {
                identity.key = Key::Task(task);
                identity.runtime = containerd;
            }
        }
        let bundle = match &identity.key {
            Key::Id(id) if container_id::container_id(id.as_bytes()).is_some() => {
                self.node.bundle(id, None)
            }
            Key::Id(id) if identity.runtime == containerd => {
                self.node.bundle(id, Some(DEFAULT_NAMESPACE))
            }
            Key::Task(task) => self.node.bundle(&task.id, Some(&task.namespace)),
            Key::Id(_) | Key::Root(..) | Key::Unknown => None,
        };
        if let Some(bundle) = bundle {
            if bundle.is_containerd {
                identity.runtime = identity.runtime.or(containerd);
            }
            let names = bundle.names;
            identity.is_sandbox = names.is_sandbox;
            identity.name = identity.name.take().or(names.container);
            identity.pod_uid = identity.pod_uid.take().or(names.pod_uid);
            identity.pod = names.pod;
        }
        if let (None, Some(uid)) = (&identity.pod, &identity.pod_uid) {
            identity.pod = self.node.pod(uid);
        }
    }

    fn remember(&self, namespace: Option<u64>, identity: Identity) -> Arc<Identity> {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let identity = match known.by_key.get(&identity.key) {
            Some(same) => Arc::clone(same),
            None => Arc::new(identity),
        };
        if identity.key != Key::Unknown {
            known
                .by_key
                .insert(identity.key.clone(), Arc::clone(&identity));
            if let Some(inode) = namespace {
                known.by_namespace.insert(inode, Arc::clone(&identity));
            }
        }
        identity
    }

    fn known(&self) -> std::sync::RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }
}

fn mount_namespace(process: &ProcessDir) -> Option<u64> {
    let link = process.read_link(c"ns/mnt").ok()?;
    NamespaceLink::parse(&link).ok().map(|link| link.inode)
}

fn from_mounts(
    process: &ProcessDir,
    from_cgroup: Option<ContainerFromCgroup>,
    buffer: &mut Vec<u8>,
) -> (Identity, IdentitySource) {
    let mut identity = Identity::unknown();
    let mut roots = Vec::new();
    let mut cgroup_root = None;
    let read = process.read_records(c"mountinfo", file_limits::MOUNTINFO, buffer);
    if read.is_ok() {
        for entry in mountinfo::entries(buffer).filter_map(Result::ok) {
            if *entry.mount_point == b"/"[..] {
                identity.key = Key::Root(entry.major, entry.minor, entry.root.to_vec());
            }
            if entry.fstype.starts_with(b"cgroup") {
                cgroup_root = cgroup_root.or_else(|| container_id::from_cgroup(&entry.root));
            }
            // A node mounts the files of its containers below its own folders for
            // them; only a container has them in their place.
            if !is_below_runtime_folder(&entry.mount_point) {
                roots.push(entry.root);
            }
        }
    }
    let from_mounts = container_id::from_mount_roots(roots.iter().map(|root| &**root));
    let from_cgroup = from_cgroup.or(cgroup_root);
    let id = from_cgroup
        .as_ref()
        .map(|found| found.id.clone())
        .or(from_mounts.id);
    let runtime = from_cgroup
        .as_ref()
        .and_then(|found| found.runtime)
        .or(from_mounts.runtime);
    if let Some(id) = id {
        identity.key = Key::Id(id);
        identity.name = from_mounts.container_name;
        identity.runtime = runtime.map(Runtime::as_str);
        identity.pod_uid = from_cgroup
            .and_then(|found| found.pod_uid)
            .or(from_mounts.pod_uid);
    } else if from_mounts.container_name.is_some() {
        // In a cgroup namespace of its own a container shows no id, but its name and pod.
        identity.name = from_mounts.container_name;
        identity.runtime = runtime.map(Runtime::as_str);
        identity.pod_uid = from_mounts.pod_uid;
    }
    let told = match read {
        Ok(Truncation::Whole) => IdentitySource::ByMounts,
        Ok(Truncation::AtLimit) | Err(_) => IdentitySource::Otherwise,
    };
    (identity, told)
}

fn is_below_runtime_folder(mount_point: &[u8]) -> bool {
    const FOLDERS: [&[u8]; 5] = [
        b"/var/lib/",
        b"/run/containerd/",
        b"/run/containers/",
        b"/run/docker/",
        b"/run/user/",
    ];
    FOLDERS.iter().any(|folder| mount_point.starts_with(folder))
}
