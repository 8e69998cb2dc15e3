//! What the mount that a file is on says about it: its type, and whether it is a volume of secrets.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::model::volume::VolumeKind;
use crate::sections::mounts::fill::VolumeMount;
use crate::sys::InRoot;
use crate::sys::tree_entry::{EntryKind, TreeEntry};

use super::read_decision::{is_kernel_view, kernel_view_of_magic};

/// The mounts of the target.
#[derive(Debug, Default)]
pub(super) struct FileMounts {
    by_id: HashMap<u32, VolumeMount>,
    /// Which mounts of memory hold an atomically written volume, as far as they were looked at.
    atomic: Mutex<HashMap<u32, bool>>,
}

/// The view of the kernel that a file belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KernelView {
    pub(super) fstype: Vec<u8>,
    /// The path from the file system's own root on; `None` where it is not known.
    pub(super) path: Option<Vec<u8>>,
}

impl FileMounts {
    pub(super) fn new(mounts: Vec<VolumeMount>) -> Self {
        Self {
            by_id: mounts
                .into_iter()
                .map(|mount| (mount.mount_id, mount))
                .collect(),
            atomic: Mutex::default(),
        }
    }

    fn get(&self, entry: &TreeEntry) -> Option<&VolumeMount> {
        self.by_id.get(&entry.mount_id()?)
    }

    /// Where the mount of an entry is mounted, where mountinfo lists it.
    pub(super) fn point(&self, entry: &TreeEntry) -> Option<&[u8]> {
        Some(&self.get(entry)?.point)
    }

    /// Whether the entry is a view of the kernel, and where in it. `path`: where it is in the
    /// target, without links.
    pub(super) fn kernel_view(
        &self,
        entry: &TreeEntry,
        path: impl FnOnce() -> Option<Vec<u8>>,
    ) -> Option<KernelView> {
        let Some(mount) = self.get(entry) else {
            // Mounted since, or by a process outside of what mountinfo shows: its own file system
            // tells. A device number that a listed mount has is the same file system.
            let device = entry.stat().device;
            let same = self.by_id.values().find(|mount| mount.device == device);
            let fstype = match same {
                Some(mount) => is_kernel_view(&mount.fstype).then(|| mount.fstype.clone()),
                None => kernel_view_of_magic(entry.file_system_magic().ok()?).map(<[u8]>::to_vec),
            };
            return fstype.map(|fstype| KernelView { fstype, path: None });
        };
        if !is_kernel_view(&mount.fstype) {
            return None;
        }
        let below = path().and_then(|path| below(&mount.point, &path));
        let path = below.map(|below| {
            let root = mount.root.strip_suffix(b"/").unwrap_or(&mount.root);
            let whole = [root, &below].concat();
            if whole.is_empty() {
                b"/".to_vec()
            } else {
                whole
            }
        });
        Some(KernelView {
            fstype: mount.fstype.clone(),
            path,
        })
    }

    /// Whether the mount of an entry is a Secret, a projected volume with a token, or looks like
    /// one: a volume in memory that is written atomically, as the kubelet does for Secrets and not
    /// for a `ConfigMap`, whose name in the pod nothing inside of it tells.
    pub(super) fn is_secret(&self, entry: &TreeEntry, root: &InRoot) -> bool {
        let Some(mount) = self.get(entry) else {
            return false;
        };
        match mount.volume.as_ref().map(|volume| volume.kind) {
            Some(VolumeKind::Secret | VolumeKind::ServiceAccountToken | VolumeKind::Projected) => {
                true
            }
            Some(VolumeKind::ConfigMap | VolumeKind::DownwardApi) => false,
            _ if mount.fstype == b"tmpfs" && mount.point != b"/" => {
                self.is_atomic(mount, entry, root)
            }
            _ => false,
        }
    }

    fn is_atomic(&self, mount: &VolumeMount, entry: &TreeEntry, root: &InRoot) -> bool {
        let known = || self.atomic.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known().get(&mount.mount_id) {
            return *known;
        }
        let top = TreeEntry::at(root, &mount.point);
        let found = top.is_ok_and(|top| {
            top.mount_id() == entry.mount_id()
                && top
                    .child(root, b"..data")
                    .is_ok_and(|data| data.stat().kind == EntryKind::Link)
        });
        known().insert(mount.mount_id, found);
        found
    }
}

/// What of a path follows its mount point: empty, or with a slash at its beginning.
fn below(point: &[u8], path: &[u8]) -> Option<Vec<u8>> {
    let point = point.strip_suffix(b"/").unwrap_or(point);
    let rest = path.strip_prefix(point)?;
    (rest.is_empty() || rest.starts_with(b"/")).then(|| rest.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_cut_at_its_mount_point() {
        let cut = |point: &str, path: &str| below(point.as_bytes(), path.as_bytes());
        assert_eq!(cut("/proc", "/proc/meminfo"), Some(b"/meminfo".to_vec()));
        assert_eq!(cut("/", "/etc/x"), Some(b"/etc/x".to_vec()));
        assert_eq!(cut("/etc/x", "/etc/x"), Some(Vec::new()));
        assert_eq!(cut("/proc", "/process"), None);
    }
}
