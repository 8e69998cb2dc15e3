//! Reads the names of pods: those of the directories in which the kubelet of a node keeps logs.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::parse::pod_logs::{PodName, pod_of_directory};
use crate::sys::InRoot;
use crate::sys::opened_file::OpenedFile;

/// Where every kubelet has them, unless its `podLogsDir` names another place.
const POD_LOGS: &[u8] = b"/var/log/pods";
/// Directories read; a node has at most a few hundred pods.
const PODS: usize = 16_384;

/// Pods by UID.
#[derive(Debug, Default)]
pub(crate) struct PodNames {
    /// `None` for a UID that several directories name differently.
    by_uid: HashMap<String, Option<PodName>>,
}

impl PodNames {
    /// Reads them from the first of these roots that has the directory.
    #[must_use]
    pub(crate) fn read(roots: &[InRoot]) -> Self {
        let mut found = Self::default();
        for root in roots {
            let listed = OpenedFile::at(root, POD_LOGS)
                .and_then(|directory| directory.list(PODS, |name, _| found.add(name)));
            if listed.is_ok() {
                break;
            }
        }
        found
    }

    /// The pod with this UID.
    #[must_use]
    pub(crate) fn get(&self, uid: &str) -> Option<&PodName> {
        self.by_uid.get(uid)?.as_ref()
    }

    fn add(&mut self, directory: &[u8]) {
        let Some((uid, name)) = pod_of_directory(directory) else {
            return;
        };
        match self.by_uid.entry(uid) {
            Entry::Vacant(free) => {
                free.insert(Some(name));
            }
            Entry::Occupied(mut known) if known.get().as_ref() != Some(&name) => {
                known.insert(None);
            }
            Entry::Occupied(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::scratch::Scratch;

    const UID: &str = "3c1f7a5e-9f0b-4d52-8a53-0d2f6e1b7c94";

    fn node(directories: &[&str]) -> Scratch {
        let node = Scratch::new();
        for directory in directories {
            node.directory(&format!("/var/log/pods/{directory}"));
        }
        node
    }

    #[test]
    fn the_first_root_with_the_directory_decides() {
        let empty = Scratch::new();
        let first = node(&[&format!("shop_web_{UID}"), "lost+found"]);
        let second = node(&[&format!("other_db_{UID}")]);
        let roots = [&empty, &first, &second].map(Scratch::in_root);
        let names = PodNames::read(&roots);
        let expected = PodName {
            namespace: "shop".to_owned(),
            name: "web".to_owned(),
        };
        assert_eq!(names.get(UID), Some(&expected));
        assert_eq!(names.get("lost+found"), None);
    }

    #[test]
    fn a_uid_with_two_names_has_none() {
        let node = node(&[&format!("shop_web_{UID}"), &format!("shop_db_{UID}")]);
        assert_eq!(PodNames::read(&[node.in_root()]).get(UID), None);
    }
}
