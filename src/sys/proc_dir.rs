//! /proc and the processes in it, by descriptors that are held.
//!
//! A held `/proc/PID` never turns into another process when the number is used
//! again: reads then say ESRCH. So nothing here opens a process twice by number.

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open, openat};
use nix::sys::stat::{FileStat, Mode, fstat, fstatat};

use super::bounded::{Truncation, Until, read_bounded};
use super::errno::from_io;
use super::numbers::numbers;

const DIRECTORY: OFlag = OFlag::O_DIRECTORY.union(OFlag::O_CLOEXEC);
const PATH_ONLY: OFlag = OFlag::O_PATH.union(DIRECTORY);
const READ: OFlag = OFlag::O_RDONLY
    .union(OFlag::O_CLOEXEC)
    .union(OFlag::O_NONBLOCK)
    .union(OFlag::O_NOCTTY);

/// A mounted /proc: one's own, or a node's under another path.
#[derive(Debug)]
pub(crate) struct ProcDir {
    dir: OwnedFd,
}

/// One process: a descriptor on `/proc/PID`.
#[derive(Debug)]
pub(crate) struct ProcessDir {
    dir: OwnedFd,
    pid: i32,
    /// `/proc/PID/task/TID`, where the first thread has ended and others live: see
    /// [`Self::read_through`].
    thread: Mutex<Option<Arc<OwnedFd>>>,
    /// Whether something below it was not there.
    missed: AtomicBool,
}

impl ProcDir {
    /// Opens the directory where proc is mounted.
    ///
    /// # Errors
    /// The errno of open(2).
    pub(crate) fn open(path: &Path) -> Result<Self, Errno> {
        Ok(Self {
            dir: open(path, DIRECTORY, Mode::empty())?,
        })
    }

    /// The ids of all processes that are listed, in the directory's order.
    ///
    /// # Errors
    /// The errno of opening or reading the directory.
    pub(crate) fn pids(&self) -> Result<Vec<i32>, Errno> {
        let mut pids = numeric_entries(self.dir.as_fd(), c".")?;
        pids.sort_unstable();
        Ok(pids)
    }

    /// Opens one process.
    ///
    /// # Errors
    /// ENOENT where there is none of that number (or hidepid hides it), or another errno.
    pub(crate) fn process(&self, pid: i32) -> Result<ProcessDir, Errno> {
        let dir = openat(
            &self.dir,
            pid.to_string().as_str(),
            PATH_ONLY,
            Mode::empty(),
        )?;
        Ok(ProcessDir {
            dir,
            pid,
            thread: Mutex::default(),
            missed: AtomicBool::new(false),
        })
    }

    /// The id under which this /proc lists the calling process: where `self` leads.
    ///
    /// # Errors
    /// ENOENT where the caller is not in the PID namespace of this /proc.
    pub(crate) fn own_pid(&self) -> Result<i32, Errno> {
        let link = nix::fcntl::readlinkat(&self.dir, c"self")?;
        link.to_str()
            .and_then(|text| text.parse().ok())
            .ok_or(Errno::ENOENT)
    }

    /// Reads a file beside the processes (`meminfo`, `uptime`).
    ///
    /// # Errors
    /// The errno of open(2) or read(2).
    pub(crate) fn read(
        &self,
        name: &CStr,
        limit: usize,
        buffer: &mut Vec<u8>,
    ) -> Result<Truncation, Errno> {
        let file = openat(&self.dir, name, READ, Mode::empty())?;
        read_bounded(&file, limit, Until::Empty, buffer)
    }
}

impl ProcessDir {
    /// Its id, as the /proc that it was opened from numbers it.
    #[must_use]
    pub(crate) fn pid(&self) -> i32 {
        self.pid
    }

    /// Another descriptor on the same process.
    ///
    /// # Errors
    /// The errno of fcntl(2).
    pub(crate) fn try_clone(&self) -> Result<Self, Errno> {
        Ok(Self {
            dir: self.dir.try_clone().map_err(|error| from_io(&error))?,
            pid: self.pid,
            thread: Mutex::new(self.thread()),
            missed: AtomicBool::new(false),
        })
    }

    /// From now on reads what the threads of a process share (memory, files, namespaces) from the
    /// directory of this thread. Where the first thread has ended, the kernel shows `/proc/PID`
    /// itself as a zombie, without any of them. `stat` and `task` stay those of the process.
    ///
    /// # Errors
    /// The errno of open(2): ENOENT where the thread has ended.
    pub(crate) fn read_through(&self, tid: i32) -> Result<(), Errno> {
        let path = format!("task/{tid}");
        let thread = openat(&self.dir, path.as_str(), PATH_ONLY, Mode::empty())?;
        let mut current = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        *current = Some(Arc::new(thread));
        Ok(())
    }

    fn thread(&self) -> Option<Arc<OwnedFd>> {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        thread.clone()
    }

    /// Runs a system call with the directory that has this file or directory of the process.
    fn below<T>(
        &self,
        name: &CStr,
        call: impl FnOnce(BorrowedFd<'_>) -> Result<T, Errno>,
    ) -> Result<T, Errno> {
        let of_process = name == c"stat" || name.to_bytes().starts_with(b"task");
        let thread = if of_process { None } else { self.thread() };
        let dir = thread.as_deref().unwrap_or(&self.dir);
        self.noted(call(dir.as_fd()))
    }

    /// Opens a file or directory of the process.
    ///
    /// # Errors
    /// The errno of open(2).
    pub(super) fn open_entry(&self, name: &CStr, flags: OFlag) -> Result<OwnedFd, Errno> {
        self.below(name, |dir| openat(dir, name, flags, Mode::empty()))
    }

    /// Whether the process has ended and was reaped. Files below it are then missing (ENOENT), as
    /// those are that this kernel does not have; `stat` is there as long as the process is.
    #[must_use]
    pub(crate) fn has_ended(&self) -> bool {
        let stat = fstatat(&self.dir, c"stat", AtFlags::AT_SYMLINK_NOFOLLOW);
        matches!(stat, Err(Errno::ENOENT | Errno::ESRCH))
    }

    /// Whether something below it was not there: the process may have ended.
    #[must_use]
    pub(crate) fn has_missed(&self) -> bool {
        self.missed.load(Ordering::Relaxed)
    }

    /// Remembers a result that says that something is not there.
    pub(super) fn noted<T>(&self, result: Result<T, Errno>) -> Result<T, Errno> {
        if matches!(result, Err(Errno::ENOENT | Errno::ESRCH)) {
            self.missed.store(true, Ordering::Relaxed);
        }
        result
    }

    fn open(&self, name: &CStr) -> Result<OwnedFd, Errno> {
        self.open_entry(name, READ)
    }

    /// Reads a file that is one record: `stat`, `status`, `cmdline`, `cgroup`, `limits`.
    ///
    /// # Errors
    /// The errno of open(2) or read(2); ESRCH where the process is gone.
    pub(crate) fn read(
        &self,
        name: &CStr,
        limit: usize,
        buffer: &mut Vec<u8>,
    ) -> Result<Truncation, Errno> {
        let file = self.open(name)?;
        self.noted(read_bounded(&file, limit, Until::Short, buffer))
    }

    /// Reads a file of many records (`mountinfo`, `net/tcp`), where a short read is not the end.
    ///
    /// # Errors
    /// The errno of open(2) or read(2); ESRCH where the process is gone.
    pub(crate) fn read_records(
        &self,
        name: &CStr,
        limit: usize,
        buffer: &mut Vec<u8>,
    ) -> Result<Truncation, Errno> {
        let file = self.open(name)?;
        self.noted(read_bounded(&file, limit, Until::Empty, buffer))
    }

    /// Opens a file for reading and closes it again: whether it would be allowed.
    ///
    /// # Errors
    /// The errno of open(2).
    pub(crate) fn try_open(&self, name: &CStr) -> Result<(), Errno> {
        self.open(name).map(drop)
    }

    /// Where one of its links leads: `exe`, `cwd`, `root`, `ns/mnt`, `fd/3`.
    ///
    /// # Errors
    /// The errno of readlink(2).
    pub(crate) fn read_link(&self, name: &CStr) -> Result<Vec<u8>, Errno> {
        use std::os::unix::ffi::OsStringExt;
        let link = self.below(name, |dir| nix::fcntl::readlinkat(dir, name))?;
        Ok(link.into_vec())
    }

    /// The numbered entries of a directory of it: `fd` or `task`.
    ///
    /// # Errors
    /// The errno of opening or reading the directory.
    pub(crate) fn numbers_in(&self, name: &CStr) -> Result<Vec<i32>, Errno> {
        self.below(name, |dir| numeric_entries(dir, name))
    }

    /// Effective uid and gid: the owner of the directory itself, which the kernel
    /// keeps at the effective ids even where the process is not dumpable.
    ///
    /// Read something else afterwards: for a process that is gone this says root.
    ///
    /// # Errors
    /// The errno of fstat(2).
    pub(crate) fn owner(&self) -> Result<(u32, u32), Errno> {
        fstat(&self.dir).map(|stat| (stat.st_uid, stat.st_gid))
    }

    /// Owner, mode and inode of an entry, links not followed.
    ///
    /// # Errors
    /// The errno of fstatat(2).
    pub(crate) fn stat_entry(&self, name: &CStr) -> Result<FileStat, Errno> {
        self.below(name, |dir| fstatat(dir, name, AtFlags::AT_SYMLINK_NOFOLLOW))
    }

    /// Opens the root directory that the process sees, to be used by
    /// [`InRoot`](super::InRoot) only.
    ///
    /// # Errors
    /// EACCES where the ptrace check refuses, or another errno of open(2).
    pub(super) fn open_root(&self) -> Result<OwnedFd, Errno> {
        self.open_entry(c"root", PATH_ONLY)
    }
}

impl AsFd for ProcessDir {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.dir.as_fd()
    }
}

fn numeric_entries(parent: BorrowedFd<'_>, name: &CStr) -> Result<Vec<i32>, Errno> {
    numbers(openat(parent, name, DIRECTORY, Mode::empty())?)
}
