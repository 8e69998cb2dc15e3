//! Finds the bundles of containerd and CRI-O on a node, and reads the names in them.
//!
//! Where they are is shown by the node's mounts, which every user may read; what is in them only by
//! root.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap, HashSet};

use crate::parse::bundle::{self, BundleDirectory, BundleNames, TaskId, task_of_cgroup};
use crate::parse::cgroup::CgroupPaths;
use crate::parse::mountinfo;
use crate::sys::opened_file::OpenedFile;
use crate::sys::{InRoot, ProcessDir, Truncation, file_limits};

/// Where containerd's bundles are unless its `state` names another place.
const CONTAINERD: &[u8] = b"/run/containerd/io.containerd.runtime.v2.task";
/// Where CRI-O's are.
const CRI_O: &[u8] = b"/run/containers/storage/overlay-containers";
/// Namespaces of containerd that are looked into; there are rarely more than three.
const NAMESPACES: usize = 64;
/// Directories of bundles that are looked into.
const DIRECTORIES: usize = 16;
/// Containers of containerd that are told by their mounts or bundles.
const TASKS: usize = 16_384;

/// The bundles of a node.
#[derive(Debug, Default)]
pub(crate) struct Bundles {
    places: Vec<Place>,
    tasks: HashSet<TaskId>,
    /// By what is mounted as their root; `None` where several have the same.
    by_root: HashMap<MountedRoot, Option<TaskId>>,
}

/// Device numbers and the directory of the file system, as mountinfo has them.
type MountedRoot = (u32, u32, Vec<u8>);

/// A directory in which a bundle is called by the id of its container.
#[derive(Debug)]
struct Place {
    /// Which of the roots it is in.
    root: usize,
    directory: Vec<u8>,
    /// What follows the id.
    file: &'static [u8],
    /// containerd's namespace.
    namespace: Option<String>,
}

/// A bundle that was found.
#[derive(Debug, Default)]
pub(crate) struct Bundle {
    /// The names in it.
    pub names: BundleNames,
    /// Whether it is one of containerd.
    pub is_containerd: bool,
}

impl Bundles {
    /// Finds them in these roots, by the mounts of the process that has each.
    #[must_use]
    pub(crate) fn find(roots: &[InRoot], processes: &[ProcessDir]) -> Self {
        let mut found = Self::default();
        let mut directories = BTreeSet::from([
            BundleDirectory::Tasks(CONTAINERD.to_vec()),
            BundleDirectory::OverlayContainers(CRI_O.to_vec()),
        ]);
        let mut buffer = Vec::new();
        for process in processes {
            let read = process.read_records(c"mountinfo", file_limits::MOUNTINFO, &mut buffer);
            if read.is_err() {
                continue;
            }
            for entry in mountinfo::entries(&buffer).filter_map(Result::ok) {
                let Some((directory, task)) = bundle::of_mount_point(&entry.mount_point) else {
                    continue;
                };
                if directories.len() < DIRECTORIES {
                    directories.insert(directory);
                }
                let Some(task) = task.filter(|_| found.tasks.len() < TASKS) else {
                    continue;
                };
                let mounted = (entry.major, entry.minor, entry.root.into_owned());
                match found.by_root.entry(mounted) {
                    Entry::Vacant(free) => {
                        free.insert(Some(task.clone()));
                    }
                    // The same mount in the table of another process is no contradiction.
                    Entry::Occupied(known) if known.get().as_ref() == Some(&task) => {}
                    Entry::Occupied(mut known) => {
                        known.insert(None);
                    }
                }
                found.tasks.insert(task);
            }
        }
        for (root, at) in roots.iter().enumerate() {
            for directory in &directories {
                found.add(root, at, directory);
            }
        }
        found
    }

    fn add(&mut self, root: usize, at: &InRoot, directory: &BundleDirectory) {
        match directory {
            BundleDirectory::OverlayContainers(path) => self.places.push(Place {
                root,
                directory: path.clone(),
                file: b"/userdata/config.json",
                namespace: None,
            }),
            BundleDirectory::Tasks(path) => {
                let mut namespaces: BTreeSet<String> = self
                    .tasks
                    .iter()
                    .map(|task| task.namespace.clone())
                    .collect();
                if let Ok(listed) = OpenedFile::at(at, path) {
                    let _ = listed.list(NAMESPACES, |name, _| {
                        namespaces.extend(String::from_utf8(name.to_vec()));
                    });
                }
                for namespace in namespaces.into_iter().take(NAMESPACES) {
                    let directory = [path.as_slice(), b"/", namespace.as_bytes()].concat();
                    self.add_tasks(at, &directory, &namespace);
                    self.places.push(Place {
                        root,
                        directory,
                        file: b"/config.json",
                        namespace: Some(namespace),
                    });
                }
            }
        }
    }

    /// Those that have a bundle: a root file system that containerd did not mount
    /// (`ctr run --rootfs`) shows no other way.
    fn add_tasks(&mut self, at: &InRoot, directory: &[u8], namespace: &str) {
        let room = TASKS.saturating_sub(self.tasks.len());
        let Ok(listed) = OpenedFile::at(at, directory) else {
            return;
        };
        let _ = listed.list(room, |name, _| {
            self.tasks.extend(TaskId::new(namespace.as_bytes(), name));
        });
    }

    /// The container of containerd that has this root file system, or this cgroup.
    #[must_use]
    pub(crate) fn task(&self, root: &MountedRoot, cgroups: Option<&CgroupPaths>) -> Option<TaskId> {
        if let Some(by_root) = self.by_root.get(root) {
            return by_root.clone();
        }
        let paths = cgroups.into_iter().flat_map(|cgroups| &cgroups.entries);
        paths
            .filter_map(|entry| task_of_cgroup(&entry.path))
            .find(|task| self.tasks.contains(task))
    }

    /// The bundle of a container, by its id and containerd's namespace where that is known.
    #[must_use]
    pub(crate) fn read(
        &self,
        roots: &[InRoot],
        id: &str,
        namespace: Option<&str>,
    ) -> Option<Bundle> {
        // An id comes from a cgroup path or a mount and has no `/`; nor does it go up.
        if id.starts_with('.') || id.contains('/') {
            return None;
        }
        let mut buffer = Vec::new();
        let in_namespace =
            |place: &&Place| namespace.is_none() || place.namespace.as_deref() == namespace;
        self.places.iter().filter(in_namespace).find_map(|place| {
            let path = [place.directory.as_slice(), b"/", id.as_bytes(), place.file].concat();
            let root = roots.get(place.root)?;
            let read = root.read(&path, file_limits::BUNDLE, &mut buffer);
            if read != Ok(Truncation::Whole) {
                return None;
            }
            Some(Bundle {
                names: bundle::names(&buffer)?,
                is_containerd: place.namespace.is_some(),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::scratch::Scratch;

    const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn read(node: &Scratch, id: &str, namespace: Option<&str>) -> Option<Bundle> {
        let roots = [node.in_root()];
        Bundles::find(&roots, &[]).read(&roots, id, namespace)
    }

    fn config(name: &str) -> String {
        format!(r#"{{"annotations":{{"io.kubernetes.container.name":"{name}"}}}}"#)
    }

    #[test]
    fn a_bundle_of_cri_o_is_found_by_its_id() {
        let node = Scratch::new();
        let path = format!("/run/containers/storage/overlay-containers/{ID}/userdata/config.json");
        node.write(&path, config("app"));
        let found = read(&node, ID, None).unwrap();
        assert_eq!(found.names.container.as_deref(), Some("app"));
        assert!(!found.is_containerd);
        assert!(read(&node, ID, Some("default")).is_none());
    }

    #[test]
    fn a_bundle_of_containerd_is_found_in_its_namespace() {
        let node = Scratch::new();
        let tasks = "/run/containerd/io.containerd.runtime.v2.task";
        node.write(&format!("{tasks}/default/web/config.json"), config("one"));
        node.write(&format!("{tasks}/shop/web/config.json"), config("two"));
        let name = |namespace| read(&node, "web", namespace).unwrap().names.container;
        assert_eq!(name(Some("default")).as_deref(), Some("one"));
        assert_eq!(name(Some("shop")).as_deref(), Some("two"));
        let cgroups = CgroupPaths::parse(b"0::/shop/web\n").unwrap();
        let bundles = Bundles::find(&[node.in_root()], &[]);
        let task = bundles.task(&(0, 1, b"/".to_vec()), Some(&cgroups));
        assert_eq!(task, TaskId::new(b"shop", b"web"));
    }

    #[test]
    fn what_is_no_bundle_names_nothing() {
        let node = Scratch::new();
        let tasks = "/run/containerd/io.containerd.runtime.v2.task/default";
        node.write("/run/containerd/config.json", config("outside"));
        node.write(&format!("{tasks}/cut/config.json"), r#"{"annotations":{"#);
        let long = format!("{}{}", config("long"), " ".repeat(file_limits::BUNDLE));
        node.write(&format!("{tasks}/long/config.json"), format!("{long}x"));
        node.directory(&format!("{tasks}/folder/config.json"));
        node.directory(&format!("{tasks}/pipe"));
        node.fifo(&format!("{tasks}/pipe/config.json"));
        for id in ["cut", "long", "folder", "pipe", "..", "../..", "", "none"] {
            let found = read(&node, id, Some("default"));
            assert!(found.is_none(), "{id}: {found:?}");
        }
    }
}
