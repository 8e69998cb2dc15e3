//! The files that a process has open: the links in `/proc/PID/fd`, what `fdinfo` says of them, and
//! the inodes behind them.
//!
//! fstatat(2) through such a link asks the file system that the file is on. The caller knows by the
//! mount in `fdinfo` whether that is a local one; [`FdDirectory::status_remote`] is for the others.

use std::cell::OnceCell;
use std::ffi::{CStr, CString};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::OnceLock;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::stat::{FileStat, Mode, fstat, fstatat, major, minor};
use rustix::fs::{RawDir, readlinkat_raw};

use super::bounded::{Truncation, Until, read_bounded};
use super::errno::{from_io, from_rustix};
use super::fd_links::{FdTable, MANY};
use super::in_root::{InRoot, link_of};
use super::numbers::{LONGEST_LINK, PAGE, number};
use super::proc_dir::ProcessDir;
use super::target_file::mount_id;
use super::{attempts, remote_fs, time_box};

const DIRECTORY: OFlag = OFlag::O_DIRECTORY.union(OFlag::O_CLOEXEC);
const READ: OFlag = OFlag::O_RDONLY.union(OFlag::O_CLOEXEC);

/// What the inode of an open file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileStatus {
    /// Type and permissions, as `st_mode`.
    pub mode: u32,
    /// Device number of its file system, both halves.
    pub device: (u64, u64),
    /// Of a device file: the number of the device.
    pub special: (u64, u64),
    /// Its inode.
    pub inode: u64,
    /// How many names it has.
    pub links: u64,
    /// Its length.
    pub size_bytes: u64,
    /// The space that it takes.
    pub allocated_bytes: u64,
}

impl From<FileStat> for FileStatus {
    fn from(stat: FileStat) -> Self {
        let unsigned = |number: i64| u64::try_from(number).unwrap_or(0);
        Self {
            mode: stat.st_mode,
            device: (major(stat.st_dev), minor(stat.st_dev)),
            special: (major(stat.st_rdev), minor(stat.st_rdev)),
            inode: stat.st_ino,
            links: stat.st_nlink,
            size_bytes: unsigned(stat.st_size),
            allocated_bytes: unsigned(stat.st_blocks).saturating_mul(512),
        }
    }
}

/// The descriptors of one process.
#[derive(Debug)]
pub(crate) struct FdDirectory<'a> {
    process: &'a ProcessDir,
    /// A thread with a table of its own.
    thread: Option<i32>,
    links: OwnedFd,
    /// Opened once it is needed.
    infos: OnceCell<Result<OwnedFd, Errno>>,
}

impl<'a> FdDirectory<'a> {
    /// Opens `fd`.
    ///
    /// # Errors
    /// The errno of opening `fd`.
    pub(crate) fn open(process: &'a ProcessDir) -> Result<Self, Errno> {
        Self::of_thread(process, None)
    }

    /// Opens that of a thread, or of the process.
    ///
    /// # Errors
    /// The errno of opening `fd`.
    pub(crate) fn of_thread(process: &'a ProcessDir, thread: Option<i32>) -> Result<Self, Errno> {
        let name = below_task(thread, "fd")?;
        Ok(Self {
            process,
            thread,
            links: process.open_entry(&name, DIRECTORY)?,
            infos: OnceCell::new(),
        })
    }

    /// Hands over the name and number of each descriptor with where it leads. After the first that
    /// is refused, or once `each` says `false`, the others are only counted.
    ///
    /// # Errors
    /// The errno of reading the directory.
    pub(crate) fn each(
        &self,
        mut each: impl FnMut(&CStr, i32, &[u8]) -> bool,
    ) -> Result<FdTable, Errno> {
        let mut page = [MaybeUninit::uninit(); PAGE];
        let mut goal = [MaybeUninit::uninit(); LONGEST_LINK];
        let mut entries = RawDir::new(&self.links, &mut page);
        let mut table = FdTable {
            count: 0,
            refused: None,
        };
        let mut is_full = false;
        while let Some(entry) = entries.next() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(rustix::io::Errno::INTR) => continue,
                Err(errno) => return Err(from_rustix(errno)),
            };
            let name = entry.file_name();
            let Some(fd) = number(name) else {
                continue;
            };
            table.count += 1;
            if table.refused.is_some() || is_full {
                continue;
            }
            if table.count.is_multiple_of(MANY) && time_box::is_over() {
                table.refused = Some(attempts::NO_ANSWER);
                continue;
            }
            match readlinkat_raw(&self.links, name, &mut goal) {
                Ok((goal, _)) => is_full = !each(name, fd, goal),
                Err(rustix::io::Errno::NOENT) => {}
                Err(errno) => table.refused = Some(from_rustix(errno)),
            }
        }
        Ok(table)
    }

    /// Reads what `fdinfo` says of a descriptor.
    ///
    /// # Errors
    /// The errno of open(2) or read(2); ENOENT once it is closed.
    pub(crate) fn info(
        &self,
        name: &CStr,
        limit: usize,
        buffer: &mut Vec<u8>,
    ) -> Result<Truncation, Errno> {
        let open = || {
            let name = below_task(self.thread, "fdinfo")?;
            self.process.open_entry(&name, DIRECTORY | OFlag::O_PATH)
        };
        let infos = self.infos.get_or_init(open);
        let infos = infos.as_ref().map_err(|errno| *errno)?;
        let file = openat(infos, name, READ, Mode::empty())?;
        read_bounded(&file, limit, Until::Short, buffer)
    }

    /// The inode behind a descriptor. Its file system is asked.
    ///
    /// # Errors
    /// The errno of fstatat(2); ENOENT once it is closed.
    pub(crate) fn status(&self, name: &CStr) -> Result<FileStatus, Errno> {
        fstatat(&self.links, name, AtFlags::empty()).map(FileStatus::from)
    }

    /// The inodes behind descriptors on one mount that may not answer, in their order.
    ///
    /// # Errors
    /// [`remote_fs::NOT_TRIED`] or [`remote_fs::NO_ANSWER`], for all of them.
    pub(crate) fn status_remote(
        &self,
        mount_id: u32,
        descriptors: Vec<i32>,
    ) -> Result<Vec<Result<FileStatus, Errno>>, Errno> {
        let links = self.links.try_clone().map_err(|error| from_io(&error))?;
        remote_fs::attempt(mount_id, move || {
            let status = |fd: i32| fstatat(&links, fd.to_string().as_str(), AtFlags::empty());
            let each = descriptors.into_iter().map(status);
            each.map(|found| found.map(FileStatus::from)).collect()
        })
    }
}

fn below_task(thread: Option<i32>, name: &str) -> Result<CString, Errno> {
    let path = thread.map_or_else(|| name.to_owned(), |tid| format!("task/{tid}/{name}"));
    CString::new(path).map_err(|_| Errno::EINVAL)
}

/// Where one of the links `cwd`, `root` and `exe` leads, held and not opened.
#[derive(Debug)]
pub(crate) struct HeldLink {
    file: OwnedFd,
    /// The mount that it is on; `None` where this kernel or sandbox does not tell.
    pub mount_id: Option<u32>,
}

impl HeldLink {
    /// Takes hold of it.
    ///
    /// # Errors
    /// The errno of open(2).
    pub(crate) fn open(process: &ProcessDir, name: &CStr) -> Result<Self, Errno> {
        if process.is_stalled() {
            return Err(attempts::NO_ANSWER);
        }
        let file = process.open_entry(name, OFlag::O_PATH | OFlag::O_CLOEXEC)?;
        let mount_id = mount_id(file.as_fd());
        Ok(Self { file, mount_id })
    }

    /// The inode. Its file system is asked.
    ///
    /// # Errors
    /// The errno of fstat(2).
    pub(crate) fn status(&self) -> Result<FileStatus, Errno> {
        fstat(&self.file).map(FileStatus::from)
    }

    /// The same on a mount that may not answer.
    ///
    /// # Errors
    /// [`remote_fs::NOT_TRIED`], [`remote_fs::NO_ANSWER`], or the errno of fstat(2).
    pub(crate) fn status_remote(self, mount_id: u32) -> Result<FileStatus, Errno> {
        let file = self.file;
        remote_fs::attempt(mount_id, move || fstat(&file).map(FileStatus::from))?
    }
}

/// The inode of a file that is mapped at these addresses (`map_files`). Its file system is asked.
///
/// # Errors
/// The errno of fstatat(2): EPERM without `CAP_CHECKPOINT_RESTORE` in the initial user namespace.
pub(crate) fn mapped_status(process: &ProcessDir, range: &[u8]) -> Result<FileStatus, Errno> {
    let maps = process.open_entry(c"map_files", DIRECTORY | OFlag::O_PATH)?;
    fstatat(&maps, range, AtFlags::empty()).map(FileStatus::from)
}

/// The mount that the kernel has for memory files (`memfd_create(2)`, System V shared memory), which
/// no mountinfo lists: its id and device number. `None` where no such file can be made.
pub(crate) fn memory_mount() -> Option<(u32, (u64, u64))> {
    static MOUNT: OnceLock<Option<(u32, (u64, u64))>> = OnceLock::new();
    *MOUNT.get_or_init(|| {
        let file = memfd_create(c"spyhole", MFdFlags::MFD_CLOEXEC).ok()?;
        let status = FileStatus::from(fstat(&file).ok()?);
        Some((mount_id(file.as_fd())?, status.device))
    })
}

/// Device and inode of what is at a path of the target. Where that is on a file system that is not
/// local, as far as those are read.
///
/// # Errors
/// The errno of finding it, or of fstat(2).
pub(crate) fn identity_at(root: &InRoot, path: &[u8]) -> Result<((u64, u64), u64), Errno> {
    let found = root.locate(path)?;
    let status = found.on(|file| fstat(file).map(FileStatus::from))??;
    Ok((status.device, status.inode))
}

/// The name of a socket's protocol (`TCP`, `UNIX-STREAM`), also where no table lists the socket.
///
/// # Errors
/// The errno of opening `fd` or of getxattr(2).
#[allow(unsafe_code, reason = "nix has no getxattr")]
pub(crate) fn socket_protocol(process: &ProcessDir, fd: i32) -> Result<Vec<u8>, Errno> {
    let links = process.open_entry(c"fd", DIRECTORY | OFlag::O_PATH)?;
    let path = format!("{}/{fd}", link_of(&links));
    let path = CString::new(path).map_err(|_| Errno::EINVAL)?;
    let mut value = vec![0_u8; 64];
    // SAFETY: both names end in a zero, and no more is written than `value` has.
    let length = unsafe {
        libc::getxattr(
            path.as_ptr(),
            c"system.sockprotoname".as_ptr(),
            value.as_mut_ptr().cast(),
            value.len(),
        )
    };
    value.truncate(usize::try_from(Errno::result(length)?).unwrap_or(0));
    // With the zero at its end.
    value.retain(|byte| *byte != 0);
    Ok(value)
}
