//! Reads what a process has open: descriptors, working and root directory, program, mapped files.

use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap};
use std::ffi::{CStr, CString};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use nix::errno::Errno;

use super::file_systems::{FileSystemKind, FileSystems, KnownFileSystems};
use super::process_files::{ProcessFiles, malformed};
use crate::model::gap::{Reason, Refusal};
use crate::parse::fd_link::{DELETED, FdLink};
use crate::parse::fdinfo::FdInfo;
use crate::parse::maps::{self, MappedFile};
use crate::rights::ptrace_access::AccessCheck;
use crate::sys::file_limits;
use crate::sys::open_files::{FdDirectory, FileStatus, HeldLink, mapped_status};
use crate::sys::{OwnTables, ProcDir, ProcessDir, Truncation, own_tables, remote_fs};

/// Memory that what is read of all processes together may take.
const MEMORY: usize = 96 << 20;
/// What an entry takes beside its path.
const ENTRY: usize = 256;
/// What an entry takes more that has a detail.
const DETAIL: usize = 256;
/// `fdinfo`: an inotify instance with 10,000 watches has 1 MiB of it.
const FDINFO: usize = 1 << 20;
/// Mapped files of one process.
const MAPPED: usize = 16_384;

/// What one process has open.
#[derive(Debug)]
pub(crate) struct OpenFileTable {
    /// What it has open, descriptors last.
    pub entries: Vec<OpenEntry>,
    /// Entries of `fd`; `None` for a process on its way out.
    pub count: Result<Option<u64>, Refusal>,
    /// Why descriptors are missing, though they are counted.
    pub refused: Option<Refusal>,
    /// Why the mapped files are missing.
    pub mapped_refused: Option<Refusal>,
    /// Why descriptors of threads with a table of their own may be missing.
    pub threads_refused: Option<Refusal>,
    /// Its root directory as its link names it, which is before each of its paths.
    pub root: Vec<u8>,
}

/// What asking for an inode brought.
pub(crate) type FileStatusResult = Result<Box<FileStatus>, Refusal>;

/// How a process has a file open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum EntryKind {
    /// As its working directory.
    Cwd,
    /// As its root directory.
    Root,
    /// As its program.
    Exe,
    /// Mapped into its memory.
    Mapped,
    /// By a descriptor.
    Descriptor(i32),
}

/// A file that a process has open.
#[derive(Debug)]
pub(crate) struct OpenEntry {
    /// How.
    pub kind: EntryKind,
    /// Of a descriptor in a table of its own: the first thread that has it.
    pub thread: Option<i32>,
    /// Where its link leads.
    pub link: Box<[u8]>,
    /// What `fdinfo` says; `None` where it has none or was not asked for.
    pub info: Option<Result<FdInfo, Refusal>>,
    /// The inode; `None` for what has no file system, and where it was not asked for.
    pub status: Option<FileStatusResult>,
    /// Of a mapped file: device and inode.
    pub mapped: Option<(u64, u64, u64)>,
    /// Whether the file is memory.
    pub in_memory: bool,
    /// The mount, where that is one that may not answer: then `status` was not asked for here.
    pub remote: Option<u32>,
}

/// How much is read of each file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileDetail {
    /// All there is.
    Everything,
    /// The descriptors, as far as it takes to tell their types and what removed files take.
    Types,
    /// The descriptors of removed files.
    Deleted,
}

/// What all walkers share.
#[derive(Debug)]
pub(crate) struct OpenFilesContext {
    file_systems: KnownFileSystems,
    memory: AtomicUsize,
}

impl Default for OpenFilesContext {
    fn default() -> Self {
        Self {
            file_systems: KnownFileSystems::default(),
            memory: AtomicUsize::new(MEMORY),
        }
    }
}

impl OpenFilesContext {
    /// Whether there is room for so much more.
    fn takes(&self, bytes: usize) -> bool {
        let less = |left: usize| left.checked_sub(bytes);
        let order = Ordering::Relaxed;
        self.memory.fetch_update(order, order, less).is_ok()
    }
}

impl ProcessFiles<'_> {
    /// Reads them.
    pub(crate) fn open_files(
        &mut self,
        context: &OpenFilesContext,
        proc: &ProcDir,
        detail: FileDetail,
        threads: u32,
    ) -> OpenFileTable {
        let mut reading = Reading {
            seen: OnceCell::new(),
            context,
            proc,
            detail,
            entries: Vec::new(),
            is_full: false,
        };
        let mut root = Vec::new();
        if detail == FileDetail::Everything {
            root = self.process.read_link(c"root").unwrap_or_default();
            let links = [
                (c"cwd", EntryKind::Cwd),
                (c"root", EntryKind::Root),
                (c"exe", EntryKind::Exe),
            ];
            for (name, kind) in links {
                reading.held(self, name, kind);
            }
        }
        let mapped_refused = match detail {
            FileDetail::Everything => reading.mapped(self).err(),
            // The memory of a process is not locked for what is asked every few seconds.
            FileDetail::Types | FileDetail::Deleted => None,
        };
        let (count, refused) = reading.descriptors(self);
        let mut threads_refused = None;
        if detail == FileDetail::Everything && threads > 1 && refused.is_none() && count.is_ok() {
            threads_refused = reading.of_threads(self);
        }
        let refused = if reading.is_full {
            let fewer = "fewer processes: --pids, --name or --user";
            Some(Refusal::of(Reason::Limit).needing(fewer))
        } else {
            refused
        };
        OpenFileTable {
            entries: reading.entries,
            count,
            refused,
            mapped_refused,
            threads_refused,
            root,
        }
    }
}

/// The files of one process while they are read.
struct Reading<'a> {
    context: &'a OpenFilesContext,
    proc: &'a ProcDir,
    /// The mounts that the process sees, once one has to be looked up.
    seen: OnceCell<Arc<FileSystems>>,
    detail: FileDetail,
    entries: Vec<OpenEntry>,
    is_full: bool,
}

impl Reading<'_> {
    fn seen(&self, process: &ProcessDir) -> &FileSystems {
        let known = &self.context.file_systems;
        self.seen.get_or_init(|| known.of(process, &mut Vec::new()))
    }

    fn kind(&self, process: &ProcessDir, mount_id: u32) -> FileSystemKind {
        let known = &self.context.file_systems;
        known.kind(self.seen(process), mount_id, self.proc)
    }

    fn push(&mut self, entry: OpenEntry) -> bool {
        let detail = matches!(&entry.info, Some(Ok(info)) if info.detail.is_some());
        let bytes = ENTRY + entry.link.len() + if detail { DETAIL } else { 0 };
        if !self.context.takes(bytes) {
            self.is_full = true;
            return false;
        }
        self.entries.push(entry);
        true
    }

    /// `cwd`, `root` or `exe`; nothing for what has none any more.
    fn held(&mut self, files: &mut ProcessFiles<'_>, name: &CStr, kind: EntryKind) {
        // Why it is refused, that of the descriptors tells, which is recorded.
        let Ok(link) = files.process.read_link(name) else {
            return;
        };
        let (mut in_memory, mut remote) = (false, None);
        let status = match HeldLink::open(files.process, name) {
            Ok(held) => match held.mount_id.map(|id| (id, self.kind(files.process, id))) {
                Some((id, FileSystemKind::Remote)) => {
                    remote = Some(id);
                    Err(remote_fs::NOT_TRIED)
                }
                known => {
                    in_memory = matches!(known, Some((_, FileSystemKind::Memory)));
                    held.status()
                }
            },
            Err(errno) => Err(errno),
        };
        let status = status.map(Box::new).map_err(status_refusal);
        self.push(OpenEntry {
            kind,
            thread: None,
            link: link.into(),
            info: None,
            status: Some(status),
            mapped: None,
            in_memory,
            remote,
        });
    }

    /// The mapped files but for the program, which is there already.
    fn mapped(&mut self, files: &mut ProcessFiles<'_>) -> Result<(), Refusal> {
        let process = files.process;
        match process.read_records(c"maps", file_limits::MAPS, files.buffer) {
            Ok(Truncation::Whole) => {}
            Ok(Truncation::AtLimit) => {
                let end = files.buffer.iter().rposition(|byte| *byte == b'\n');
                files.buffer.truncate(end.unwrap_or(0));
            }
            // On its way out.
            Err(Errno::ENOENT | Errno::ESRCH) => return Ok(()),
            Err(errno) => return Err(files.refused(errno, AccessCheck::Ptrace)),
        }
        let program = self
            .entries
            .iter()
            .find(|entry| entry.kind == EntryKind::Exe);
        let program = program.map(|entry| entry.link.clone());
        for mapped in maps::mapped(files.buffer, MAPPED) {
            if program.as_deref() == Some(&mapped.path) || mapped.inode == 0 {
                continue;
            }
            let is_deleted = mapped.path.ends_with(DELETED);
            let entry = self.of_mapping(files, mapped, is_deleted);
            if !self.push(entry) {
                break;
            }
        }
        Ok(())
    }

    fn of_mapping(
        &self,
        files: &mut ProcessFiles<'_>,
        mapped: MappedFile,
        is_deleted: bool,
    ) -> OpenEntry {
        let device = (mapped.major, mapped.minor);
        let file_system = self.seen(files.process).kind_of_device(device);
        // What a removed file takes; of others the inode is enough.
        let status = is_deleted.then(|| match file_system {
            None | Some(FileSystemKind::Remote) => Err(status_refusal(remote_fs::NOT_TRIED)),
            Some(_) => match mapped_status(files.process, &mapped.range) {
                Ok(status) => Ok(Box::new(status)),
                Err(errno) => Err(Refusal {
                    errno: Some(format!("{errno:?}")),
                    ..Refusal::of(Reason::Capability)
                        .needing("CAP_CHECKPOINT_RESTORE in the initial user namespace")
                }),
            },
        });
        OpenEntry {
            kind: EntryKind::Mapped,
            thread: None,
            mapped: Some((mapped.major, mapped.minor, mapped.inode)),
            link: mapped.path.into(),
            info: None,
            status,
            in_memory: file_system == Some(FileSystemKind::Memory),
            remote: None,
        }
    }

    fn descriptors(
        &mut self,
        files: &mut ProcessFiles<'_>,
    ) -> (Result<Option<u64>, Refusal>, Option<Refusal>) {
        let directory = match FdDirectory::open(files.process) {
            Ok(directory) => directory,
            // On its way out: its files are closed already.
            Err(Errno::ENOENT | Errno::ESRCH) => return (Ok(None), None),
            Err(errno) => return (Err(files.refused(errno, AccessCheck::Owner)), None),
        };
        let read = directory.each(|name, fd, link| {
            match self.descriptor(files, &directory, name, fd, link) {
                Some(entry) => self.push(entry),
                None => true,
            }
        });
        match read {
            Ok(table) => {
                let refused = table.refused;
                let refused = refused.map(|errno| files.refused(errno, AccessCheck::Ptrace));
                (Ok(Some(table.count)), refused)
            }
            Err(errno) => (Err(files.refused(errno, AccessCheck::Owner)), None),
        }
    }

    /// The descriptors of threads that have a table of their own; gives why some may be missing.
    fn of_threads(&mut self, files: &mut ProcessFiles<'_>) -> Option<Refusal> {
        let process = files.process;
        let OwnTables { threads, unclear } = own_tables(process, self.proc).ok()?;
        for thread in threads {
            let Ok(directory) = FdDirectory::of_thread(process, Some(thread)) else {
                continue;
            };
            let _ = directory.each(|name, fd, link| {
                let Some(mut entry) = self.descriptor(files, &directory, name, fd, link) else {
                    return true;
                };
                entry.thread = Some(thread);
                // What asks it later looks for it among the descriptors of the process.
                entry.remote = None;
                self.push(entry)
            });
        }
        unclear.then(|| {
            Refusal::of(Reason::Limit)
                .needing("kcmp(2), which tells whether threads share their descriptors")
        })
    }

    /// One of them; `None` for one that was closed meanwhile or is not asked for.
    fn descriptor(
        &self,
        files: &mut ProcessFiles<'_>,
        directory: &FdDirectory<'_>,
        name: &CStr,
        fd: i32,
        link: &[u8],
    ) -> Option<OpenEntry> {
        if self.detail == FileDetail::Deleted && !link.ends_with(DELETED) {
            return None;
        }
        if self.detail == FileDetail::Types && !link.ends_with(DELETED) {
            return Some(OpenEntry {
                kind: EntryKind::Descriptor(fd),
                thread: None,
                link: link.into(),
                info: None,
                status: None,
                mapped: None,
                in_memory: false,
                remote: None,
            });
        }
        let info = match directory.info(name, FDINFO, files.buffer) {
            Ok(Truncation::Whole) => FdInfo::parse(files.buffer).map_err(malformed),
            Ok(Truncation::AtLimit) => Err(Refusal::of(Reason::Limit)),
            Err(Errno::ENOENT) => return None,
            Err(errno) => Err(files.refused(errno, AccessCheck::Ptrace)),
        };
        let (mut in_memory, mut remote) = (false, None);
        let status = match FdLink::of(link) {
            FdLink::Path(_) => {
                let mount_id = info.as_ref().ok().and_then(|info| info.mount_id);
                let mount = mount_id.map(|id| (id, self.kind(files.process, id)));
                match mount {
                    // Without its mount there is nothing to tell whether it answers.
                    None => Some(Err(status_refusal(remote_fs::NOT_TRIED))),
                    Some((id, FileSystemKind::Remote)) => {
                        remote = Some(id);
                        Some(Err(status_refusal(remote_fs::NOT_TRIED)))
                    }
                    Some((_, kind)) => {
                        in_memory = kind == FileSystemKind::Memory;
                        match directory.status(name) {
                            Ok(status) => Some(Ok(Box::new(status))),
                            Err(Errno::ENOENT) => return None,
                            Err(errno) => Some(Err(status_refusal(errno))),
                        }
                    }
                }
            }
            _ => None,
        };
        Some(OpenEntry {
            kind: EntryKind::Descriptor(fd),
            thread: None,
            link: link.into(),
            info: Some(info),
            status,
            mapped: None,
            in_memory,
            remote,
        })
    }
}

/// The inodes that the walk has not asked for, as their mounts may not answer, by the place of
/// their entry: one attempt for each mount. To be asked where it can be left behind.
pub(crate) fn ask_remote(
    process: &ProcessDir,
    entries: &[OpenEntry],
) -> HashMap<usize, FileStatusResult> {
    let mut answers = HashMap::new();
    let mut descriptors: BTreeMap<u32, Vec<(usize, i32)>> = BTreeMap::new();
    for (index, entry) in entries.iter().enumerate() {
        let Some(mount_id) = entry.remote else {
            continue;
        };
        let name = match entry.kind {
            EntryKind::Descriptor(fd) => {
                descriptors.entry(mount_id).or_default().push((index, fd));
                continue;
            }
            EntryKind::Cwd => c"cwd",
            EntryKind::Root => c"root",
            EntryKind::Exe => c"exe",
            EntryKind::Mapped => continue,
        };
        let held = HeldLink::open(process, name);
        let status = held.and_then(|held| held.status_remote(mount_id));
        answers.insert(index, status.map(Box::new).map_err(status_refusal));
    }
    let directory = FdDirectory::open(process);
    for (mount_id, asked) in descriptors {
        let numbers: Vec<i32> = asked.iter().map(|(_, fd)| *fd).collect();
        let found = match &directory {
            Ok(directory) => directory.status_remote(mount_id, numbers),
            Err(errno) => Err(*errno),
        };
        for (place, (index, _)) in asked.into_iter().enumerate() {
            let answer = match &found {
                Ok(found) => found.get(place).copied().unwrap_or(Err(Errno::ENOENT)),
                Err(errno) => Err(*errno),
            };
            answers.insert(index, answer.map(Box::new).map_err(status_refusal));
        }
    }
    answers
}

/// The flags of open(2) of one descriptor; `None` where its `fdinfo` does not tell them.
///
/// # Errors
/// The errno of reading it: ENOENT or ESRCH where it was closed meanwhile.
pub(crate) fn flags_of_descriptor(process: &ProcessDir, fd: i32) -> Result<Option<u32>, Errno> {
    let directory = FdDirectory::open(process)?;
    let name = CString::new(fd.to_string()).map_err(|_| Errno::EINVAL)?;
    let mut buffer = Vec::new();
    Ok(match directory.info(&name, FDINFO, &mut buffer)? {
        Truncation::Whole => FdInfo::parse(&buffer).ok().and_then(|info| info.flags),
        Truncation::AtLimit => None,
    })
}

fn status_refusal(errno: Errno) -> Refusal {
    remote_fs::refusal(errno).unwrap_or_else(|| Refusal {
        errno: Some(format!("{errno:?}")),
        ..Refusal::of(match errno {
            Errno::ENOENT | Errno::ESRCH => Reason::Vanished,
            _ => Reason::Io,
        })
    })
}
