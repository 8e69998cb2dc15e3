//! What kind of file system each mount has, for files that are known by the id of their mount.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::self_process;
use crate::parse::mountinfo;
use crate::sys::{ProcDir, ProcessDir, file_limits, open_files, remote_fs};

/// Mount namespaces whose mounts are kept.
const NAMESPACES: usize = 256;
/// File systems whose files are memory.
const OF_MEMORY: [&[u8]; 4] = [b"tmpfs", b"ramfs", b"devtmpfs", b"hugetlbfs"];

/// What keeps the files of a mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileSystemKind {
    /// A local disk, or the kernel itself.
    Local,
    /// Memory.
    Memory,
    /// Something that may not answer, or that no list of mounts has.
    Remote,
}

/// The mounts of one mount namespace, as the process saw them that was the first to be met in it.
#[derive(Debug, Default)]
pub(crate) struct FileSystems {
    /// By id.
    mounts: Vec<(u32, FileSystemKind)>,
    /// By device number.
    devices: Vec<((u32, u32), FileSystemKind)>,
}

/// Those of each mount namespace that was met.
#[derive(Debug, Default)]
pub(crate) struct KnownFileSystems {
    of: Mutex<HashMap<Vec<u8>, Arc<FileSystems>>>,
    own: OnceLock<FileSystems>,
}

impl FileSystems {
    fn read(process: &ProcessDir, buffer: &mut Vec<u8>) -> Self {
        let read = process.read_records(c"mountinfo", file_limits::MOUNTINFO, buffer);
        if read.is_err() {
            return Self::default();
        }
        let entries = mountinfo::entries(buffer).filter_map(Result::ok);
        let kind = |fstype: &[u8]| match fstype {
            memory if OF_MEMORY.contains(&memory) => FileSystemKind::Memory,
            local if remote_fs::is_local(local) => FileSystemKind::Local,
            _ => FileSystemKind::Remote,
        };
        let (mut mounts, mut devices) = (Vec::new(), Vec::new());
        for entry in entries {
            let kind = kind(&entry.fstype);
            mounts.push((entry.mount_id, kind));
            devices.push(((entry.major, entry.minor), kind));
        }
        mounts.sort_unstable_by_key(|(id, _)| *id);
        devices.sort_unstable_by_key(|(device, _)| *device);
        devices.dedup_by_key(|(device, _)| *device);
        Self { mounts, devices }
    }

    /// The kind of the file system that has this device number; `None` where no mount has it.
    pub(crate) fn kind_of_device(&self, (major, minor): (u64, u64)) -> Option<FileSystemKind> {
        if open_files::memory_mount().is_some_and(|(_, device)| device == (major, minor)) {
            return Some(FileSystemKind::Memory);
        }
        let device = (u32::try_from(major).ok()?, u32::try_from(minor).ok()?);
        let found = self.devices.binary_search_by_key(&device, |(of, _)| *of);
        self.devices.get(found.ok()?).map(|(_, kind)| *kind)
    }

    fn get(&self, mount_id: u32) -> Option<FileSystemKind> {
        let found = self.mounts.binary_search_by_key(&mount_id, |(id, _)| *id);
        self.mounts.get(found.ok()?).map(|(_, kind)| *kind)
    }
}

impl KnownFileSystems {
    /// Those that a process sees.
    pub(crate) fn of(&self, process: &ProcessDir, buffer: &mut Vec<u8>) -> Arc<FileSystems> {
        let Ok(namespace) = process.read_link(c"ns/mnt") else {
            return Arc::new(FileSystems::read(process, buffer));
        };
        let known = || self.of.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known().get(&namespace) {
            return Arc::clone(found);
        }
        let read = Arc::new(FileSystems::read(process, buffer));
        let mut known = known();
        if known.len() < NAMESPACES {
            known.insert(namespace, Arc::clone(&read));
        }
        read
    }

    /// The kind of a mount, by the mounts that its process sees; where it is not among them, by
    /// those that spyhole sees: a descriptor may be inherited from outside of the container.
    pub(crate) fn kind(&self, seen: &FileSystems, mount_id: u32, proc: &ProcDir) -> FileSystemKind {
        if let Some(kind) = seen.get(mount_id) {
            return kind;
        }
        if open_files::memory_mount().is_some_and(|(id, _)| id == mount_id) {
            return FileSystemKind::Memory;
        }
        let own = || match self_process::find(proc) {
            Some(process) => FileSystems::read(&process, &mut Vec::new()),
            None => FileSystems::default(),
        };
        let own = self.own.get_or_init(own);
        own.get(mount_id).unwrap_or(FileSystemKind::Remote)
    }
}
