//! Which container a process belongs to.
//!
//! Told by the runtime's id in the cgroup path and by what the runtime mounts
//! (mountinfo); where neither names one, processes with the same root file system
//! belong together. A mount namespace is looked at once: its inode, where it may
//! be read, saves the rest.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::parse::cgroup::CgroupPaths;
use crate::parse::container_id;
use crate::parse::mountinfo;
use crate::parse::namespace_link;
use crate::parse::stat::Stat;
use crate::sys::ProcessDir;

/// A mountinfo of a node can be long; a hostile one must not be endless.
const MOUNTINFO_LIMIT: usize = 4 << 20;
const CGROUP_LIMIT: usize = 64 << 10;

/// What makes two processes members of the same container.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Key {
    /// The runtime's id.
    Id(String),
    /// Device and root of the file system at `/`.
    Root(u32, u32, Vec<u8>),
    /// Nothing that could be read tells; the parent decides.
    Unknown,
}

/// A container as its processes show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// What sets it apart.
    pub key: Key,
    /// Its name, where Kubernetes left it in a mount.
    pub name: Option<String>,
    /// `containerd`, `cri-o`, `docker` or `podman`.
    pub runtime: Option<&'static str>,
    /// The UID of its Kubernetes pod.
    pub pod_uid: Option<String>,
}

impl Identity {
    /// Of a process that nothing tells about.
    #[must_use]
    pub fn unknown() -> Self {
        Self { key: Key::Unknown, name: None, runtime: None, pod_uid: None }
    }

    /// The runtime's id.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        match &self.key {
            Key::Id(id) => Some(id),
            Key::Root(..) | Key::Unknown => None,
        }
    }

    /// Whether `wanted` is its name, its id, or the beginning of its id.
    #[must_use]
    pub fn answers_to(&self, wanted: &str) -> bool {
        let by_id = |id: &str| wanted.len() >= 4 && id.starts_with(wanted);
        self.name.as_deref() == Some(wanted) || self.id().is_some_and(by_id)
    }
}

/// The identities found so far, shared by the threads of a walk.
#[derive(Debug, Default)]
pub struct Identities {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    by_namespace: HashMap<u64, Arc<Identity>>,
    by_key: HashMap<Key, Arc<Identity>>,
}

impl Identities {
    /// The identity of a process; [`Key::Unknown`] where nothing tells.
    pub fn of(&self, process: &ProcessDir, stat: &Stat, buffer: &mut Vec<u8>) -> Arc<Identity> {
        let namespace = mount_namespace(process);
        if let Some(identity) =
            namespace.and_then(|inode| self.lock().by_namespace.get(&inode).cloned())
        {
            return identity;
        }
        let cgroup = match process.read(c"cgroup", CGROUP_LIMIT, buffer) {
            Ok(_) => CgroupPaths::parse(buffer).ok(),
            Err(_) => None,
        };
        let from_cgroup = cgroup.as_ref().and_then(container_id::from_cgroup_paths);
        if namespace.is_none()
            && let Some(found) = &from_cgroup
            && let Some(identity) = self.lock().by_key.get(&Key::Id(found.id.clone())).cloned()
        {
            return identity;
        }
        if stat.state == b'Z' && from_cgroup.is_none() {
            // A zombie has given up its namespaces and mounts.
            return Arc::new(Identity::unknown());
        }
        let identity = from_mounts(process, from_cgroup, buffer);
        self.remember(namespace, identity)
    }

    fn remember(&self, namespace: Option<u64>, identity: Identity) -> Arc<Identity> {
        let mut known = self.lock();
        let identity = match known.by_key.get(&identity.key) {
            Some(same) => Arc::clone(same),
            None => Arc::new(identity),
        };
        if identity.key != Key::Unknown {
            known.by_key.insert(identity.key.clone(), Arc::clone(&identity));
            if let Some(inode) = namespace {
                known.by_namespace.insert(inode, Arc::clone(&identity));
            }
        }
        identity
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn mount_namespace(process: &ProcessDir) -> Option<u64> {
    let link = process.read_link(c"ns/mnt").ok()?;
    namespace_link::parse(&link).ok().map(|link| link.inode)
}

fn from_mounts(
    process: &ProcessDir,
    from_cgroup: Option<container_id::ContainerFromCgroup>,
    buffer: &mut Vec<u8>,
) -> Identity {
    let mut identity = Identity::unknown();
    if process.read_records(c"mountinfo", MOUNTINFO_LIMIT, buffer).is_ok() {
        for entry in mountinfo::entries(buffer).filter_map(Result::ok) {
            if *entry.mount_point == b"/"[..] {
                identity.key = Key::Root(entry.major, entry.minor, entry.root.to_vec());
            }
        }
        if let Some(found) = container_id::from_mounts(buffer) {
            identity.name = found.name;
            identity.pod_uid = found.pod_uid;
            let id = match (found.podman_id, found.docker_id) {
                (Some(id), _) => Some(("podman", id)),
                (None, Some(id)) => Some(("docker", id)),
                (None, None) => None,
            };
            if let Some((runtime, id)) = id {
                identity.runtime = Some(runtime);
                identity.key = Key::Id(id);
            }
        }
    }
    if let Some(found) = from_cgroup {
        identity.runtime = found.runtime.map(container_id::Runtime::as_str).or(identity.runtime);
        identity.pod_uid = identity.pod_uid.or(found.pod_uid);
        identity.key = Key::Id(found.id);
    }
    identity
}
