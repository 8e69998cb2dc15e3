//! /proc and the processes in it, by descriptors that are held.
//!
//! A held `/proc/PID` never turns into another process when the number is used
//! again: reads then say ESRCH. So nothing here opens a process twice by number.

use std::ffi::{CStr, CString};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open, openat};
use nix::sys::stat::{FileStat, Mode, fstat, fstatat};
use nix::sys::statfs::{PROC_SUPER_MAGIC, fstatfs};
use nix::sys::utsname::uname;
use nix::unistd::{AccessFlags, faccessat};
use rustix::fs::readlinkat_raw;
use rustix::path::DecInt;

use super::bounded::{Truncation, Until, read_bounded};
use super::errno::{from_io, from_rustix};
use super::numbers::{LONGEST_LINK, numbers};
use super::{attempts, beneath, file_limits, reader_process, time_box};

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
    /// Whether it is a proc of this kernel, and not a copy of one.
    live: bool,
    /// Whether the size of `fd` is the number of its entries.
    sizes_count: bool,
    stalled: Stalled,
}

/// Processes whose memory could not be read in time.
type Stalled = Arc<StalledPids>;

/// Asked before each read of memory, by every thread, and nearly always empty.
#[derive(Debug, Default)]
struct StalledPids {
    any: AtomicBool,
    pids: Mutex<Vec<i32>>,
}

/// Files for which the kernel reads the memory of the process or takes its lock: a page that is
/// on a file system that does not answer holds up both.
const OF_MEMORY: [&CStr; 5] = [c"cmdline", c"environ", c"maps", c"smaps", c"smaps_rollup"];
/// How long one of them may take, where nothing says how long the whole may.
const MEMORY_PATIENCE: Duration = Duration::from_secs(10);

/// One process: a descriptor on `/proc/PID`.
#[derive(Debug)]
pub(crate) struct ProcessDir {
    dir: OwnedFd,
    pid: i32,
    /// As of its [`ProcDir`].
    live: bool,
    /// As of its [`ProcDir`].
    sizes_count: bool,
    /// `/proc/PID/task/TID`, where the first thread has ended and others live: see
    /// [`Self::read_through`].
    thread: Mutex<Option<(i32, Arc<OwnedFd>)>>,
    stalled: Stalled,
    /// Whether something below it was not there.
    missed: AtomicBool,
}

impl ProcDir {
    /// Opens the directory where proc is mounted.
    ///
    /// # Errors
    /// The errno of open(2).
    pub(crate) fn open(path: &Path) -> Result<Self, Errno> {
        let dir = open(path, DIRECTORY, Mode::empty())?;
        // Where a filter refuses the question, it is not taken for a copy.
        let live = fstatfs(&dir).is_ok_and(|stat| stat.filesystem_type() == PROC_SUPER_MAGIC);
        let sizes_count = live && kernel_is_at_least(6, 2);
        Ok(Self {
            dir,
            live,
            sizes_count,
            stalled: Stalled::default(),
        })
    }

    /// Whether it is a proc of this kernel, and not a copy of one.
    #[must_use]
    pub(crate) fn is_live(&self) -> bool {
        self.live
    }

    /// Notes that the memory of a process could not be read in time: it is not tried again.
    pub(crate) fn note_stalled(&self, pid: i32) {
        note_stalled(&self.stalled, pid);
    }

    /// The ids of all processes that are listed, in the directory's order.
    ///
    /// # Errors
    /// The errno of opening or reading the directory.
    pub(crate) fn pids(&self) -> Result<Vec<i32>, Errno> {
        let mut pids = numbers(openat(&self.dir, c".", DIRECTORY, Mode::empty())?)?;
        pids.sort_unstable();
        Ok(pids)
    }

    /// Opens one process.
    ///
    /// # Errors
    /// ENOENT if there is no such process (or hidepid hides it), or another errno.
    pub(crate) fn process(&self, pid: i32) -> Result<ProcessDir, Errno> {
        let name = DecInt::new(pid);
        let dir = open_below(self.live, self.dir.as_fd(), name.as_c_str(), PATH_ONLY);
        // A link of that name in a copy is no process.
        let dir = dir.map_err(|errno| match errno {
            Errno::ELOOP => Errno::ENOENT,
            errno => errno,
        })?;
        Ok(ProcessDir {
            dir,
            pid,
            live: self.live,
            sizes_count: self.sizes_count,
            thread: Mutex::default(),
            stalled: Arc::clone(&self.stalled),
            missed: AtomicBool::new(false),
        })
    }

    /// The id under which this /proc lists the process that reads it: where `self` leads. A reader
    /// process has the ids, capabilities and namespaces of spyhole.
    ///
    /// # Errors
    /// ENOENT where that is not in the PID namespace of this /proc, or this is a copy: there `self`
    /// is what made it.
    pub(crate) fn caller_pid(&self) -> Result<i32, Errno> {
        if !self.live {
            return Err(Errno::ENOENT);
        }
        let link = nix::fcntl::readlinkat(&self.dir, c"self")?;
        link.to_str()
            .and_then(|text| text.parse().ok())
            .ok_or(Errno::ENOENT)
    }

    /// The id under which this /proc lists spyhole: where `self` leads, or for a reader process
    /// that of its parent.
    ///
    /// # Errors
    /// ENOENT where spyhole is not in the PID namespace of this /proc.
    pub(crate) fn own_pid(&self) -> Result<i32, Errno> {
        let caller = self.caller_pid()?;
        if !reader_process::is_reader() {
            return Ok(caller);
        }
        if caller == reader_process::id() {
            // Numbered as in spyhole's own PID namespace.
            return Ok(reader_process::own_pid());
        }
        let mut status = Vec::new();
        self.process(caller)?
            .read(c"status", file_limits::STATUS, &mut status)?;
        let field = |name: &[u8]| {
            let mut lines = status.split(|byte| *byte == b'\n');
            lines.find_map(|line| line.strip_prefix(name).map(<[u8]>::trim_ascii))
        };
        field(b"PPid:")
            .and_then(|parent| std::str::from_utf8(parent).ok()?.parse().ok())
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
        let file = open_below(self.live, self.dir.as_fd(), name, READ)?;
        read_bounded(&file, limit, Until::Empty, buffer)
    }
}

impl ProcessDir {
    /// Its id, as the /proc that it was opened from numbers it.
    #[must_use]
    pub(crate) fn pid(&self) -> i32 {
        self.pid
    }

    /// Whether it is a process of this kernel, and not of a copy of a /proc.
    #[must_use]
    pub(crate) fn is_live(&self) -> bool {
        self.live
    }

    /// Another descriptor on the same process.
    ///
    /// # Errors
    /// The errno of fcntl(2).
    pub(crate) fn try_clone(&self) -> Result<Self, Errno> {
        Ok(Self {
            dir: self.dir.try_clone().map_err(|error| from_io(&error))?,
            pid: self.pid,
            live: self.live,
            sizes_count: self.sizes_count,
            thread: Mutex::new(self.thread_and_id()),
            stalled: Arc::clone(&self.stalled),
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
        let path = CString::new(path).map_err(|_| Errno::EINVAL)?;
        let thread = open_below(self.live, self.dir.as_fd(), &path, PATH_ONLY)?;
        let mut current = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        *current = Some((tid, Arc::new(thread)));
        Ok(())
    }

    /// From now on reads everything from the directory of the process again.
    pub(crate) fn read_through_first_thread(&self) {
        let mut current = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        *current = None;
    }

    fn thread(&self) -> Option<Arc<OwnedFd>> {
        self.thread_and_id().map(|(_, thread)| thread)
    }

    fn thread_and_id(&self) -> Option<(i32, Arc<OwnedFd>)> {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        thread.clone()
    }

    /// The thread that its shared files are read through: the first one, or a living one.
    pub(super) fn read_thread(&self) -> i32 {
        self.thread_and_id().map_or(self.pid, |(tid, _)| tid)
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
        self.below(name, |dir| open_below(self.live, dir, name, flags))
    }

    /// Whether the process, or the thread that it is read through, has ended and was reaped. Files
    /// below it are then missing (ENOENT), as those are that this kernel does not have; `stat` is
    /// there as long as the process or thread is.
    #[must_use]
    pub(crate) fn has_ended(&self) -> bool {
        let is_gone = |dir: &OwnedFd| {
            let stat = fstatat(dir, c"stat", AtFlags::AT_SYMLINK_NOFOLLOW);
            matches!(stat, Err(Errno::ENOENT | Errno::ESRCH))
        };
        is_gone(&self.dir) || self.thread().is_some_and(|thread| is_gone(&thread))
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
        self.read_until(name, limit, Until::Short, buffer)
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
        self.read_until(name, limit, Until::Empty, buffer)
    }

    fn read_until(
        &self,
        name: &CStr,
        limit: usize,
        until: Until,
        buffer: &mut Vec<u8>,
    ) -> Result<Truncation, Errno> {
        let live = self.live;
        let read = |directory: BorrowedFd<'_>, buffer: &mut Vec<u8>| {
            let file = open_below(live, directory, name, READ)?;
            read_bounded(&file, limit, until, buffer)
        };
        let Some(of_memory) = OF_MEMORY.into_iter().find(|of_memory| *of_memory == name) else {
            return self.below(name, |dir| read(dir, buffer));
        };
        if self.is_stalled() {
            return Err(attempts::NO_ANSWER);
        }
        if time_box::current().is_some() {
            return self.below(name, |dir| read(dir, buffer));
        }
        let directory = self.thread();
        let directory = directory.as_deref().unwrap_or(&self.dir).try_clone();
        let directory = directory.map_err(|error| from_io(&error))?;
        let half = time_box::left().map_or(MEMORY_PATIENCE, |left| left / 2);
        let attempt = time_box::in_time(half, move || {
            let mut own = Vec::new();
            let file = open_below(live, directory.as_fd(), of_memory, READ)?;
            let read = read_bounded(&file, limit, until, &mut own);
            read.map(|truncation| (truncation, own))
        });
        let Some(attempt) = attempt else {
            note_stalled(&self.stalled, self.pid);
            return Err(attempts::NO_ANSWER);
        };
        let (truncation, bytes) = self.noted(attempt)?;
        *buffer = bytes;
        Ok(truncation)
    }

    /// Whether its memory could not be read in time before.
    #[must_use]
    pub(super) fn is_stalled(&self) -> bool {
        self.stalled.any.load(Ordering::Relaxed) && lock(&self.stalled).contains(&self.pid)
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
        let mut goal = [MaybeUninit::uninit(); LONGEST_LINK];
        self.below(name, |dir| {
            if !self.live {
                return beneath::read_link(dir, name).map(OsStringExt::into_vec);
            }
            match readlinkat_raw(dir, name, &mut goal) {
                Ok((goal, _)) => Ok(goal.to_vec()),
                Err(errno) => Err(from_rustix(errno)),
            }
        })
    }

    /// How many descriptors it has open.
    ///
    /// Since Linux 6.2 the size of `fd` is their number: it takes the same right as to list them,
    /// and the kernel makes no entry for each of them.
    ///
    /// # Errors
    /// The errno of opening or reading the directory.
    pub(crate) fn descriptor_count(&self) -> Result<u64, Errno> {
        let may_list = || {
            let effective = AtFlags::AT_EACCESS;
            self.below(c"fd", |dir| {
                faccessat(dir, c"fd", AccessFlags::R_OK, effective)
            })
            .is_ok()
        };
        // Where there is none, and why something was refused, the directory itself tells.
        if self.sizes_count
            && may_list()
            && let Ok(size) = self.stat_entry(c"fd")
            && let Ok(count @ 1..) = u64::try_from(size.st_size)
        {
            return Ok(count);
        }
        Ok(self.numbers_in(c"fd")?.len() as u64)
    }

    /// The numbered entries of a directory of it: `fd` or `task`.
    ///
    /// # Errors
    /// The errno of opening or reading the directory.
    pub(crate) fn numbers_in(&self, name: &CStr) -> Result<Vec<i32>, Errno> {
        numbers(self.open_entry(name, DIRECTORY)?)
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

fn kernel_is_at_least(major: u32, minor: u32) -> bool {
    let Ok(names) = uname() else { return false };
    let release = names.release().to_string_lossy();
    let mut numbers = release
        .split(|character: char| !character.is_ascii_digit())
        .map_while(|digits| digits.parse::<u32>().ok());
    matches!((numbers.next(), numbers.next()), (Some(first), Some(second)) if (first, second) >= (major, minor))
}

fn note_stalled(stalled: &Stalled, pid: i32) {
    stalled.any.store(true, Ordering::Relaxed);
    let mut stalled = lock(stalled);
    if !stalled.contains(&pid) {
        stalled.push(pid);
    }
}

fn lock(stalled: &Stalled) -> MutexGuard<'_, Vec<i32>> {
    stalled.pids.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Opens what the kernel shows below a directory. The links in a copy lead to files of this machine:
/// there none is followed.
fn open_below(
    live: bool,
    dir: BorrowedFd<'_>,
    name: &CStr,
    flags: OFlag,
) -> Result<OwnedFd, Errno> {
    if live {
        openat(dir, name, flags, Mode::empty())
    } else {
        beneath::open(dir, name, flags)
    }
}
