//! The file that a process runs, taken by its link `exe`: the inode itself, also where the
//! path leads elsewhere by now or was removed. It is found, never opened.

use std::ffi::CString;
use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::fstat;
use nix::sys::statvfs::{FsFlags, fstatvfs};

use super::attempts;
use super::in_root::link_of;
use super::proc_dir::ProcessDir;

/// The largest attribute that makes sense is 24 bytes; the kernel takes no other length.
const ATTRIBUTE_LIMIT: usize = 256;

/// What of a program's file decides about privileges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Program {
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Kind and permissions, as `st_mode`.
    pub mode: u32,
    /// The attribute `security.capability` as it is; `None` where the file has none.
    pub capability: Result<Option<Vec<u8>>, Errno>,
    /// Whether set-id bits and file capabilities count for nothing there: the mount is nosuid.
    /// Asked only where the file has either.
    pub nosuid: Option<bool>,
}

impl Program {
    /// Of a process.
    ///
    /// # Errors
    /// EACCES where the ptrace check refuses, ENOENT for what runs no program, or another errno.
    pub(crate) fn of(process: &ProcessDir) -> Result<Self, Errno> {
        if process.is_stalled() {
            return Err(attempts::NO_ANSWER);
        }
        let flags = OFlag::O_PATH | OFlag::O_CLOEXEC;
        let file = process.open_entry(c"exe", flags)?;
        let stat = fstat(&file)?;
        let capability = attribute(&file);
        let set_id = stat.st_mode & (libc::S_ISUID | libc::S_ISGID) != 0;
        let nosuid = (set_id || !matches!(capability, Ok(None)))
            .then(|| fstatvfs(&file).ok())
            .flatten()
            .map(|stat| stat.flags().contains(FsFlags::ST_NOSUID));
        Ok(Self {
            uid: stat.st_uid,
            gid: stat.st_gid,
            mode: stat.st_mode,
            capability,
            nosuid,
        })
    }
}

/// The attributes of a descriptor that was opened by path only are reached through its link.
#[allow(unsafe_code, reason = "nix has no getxattr")]
pub(super) fn attribute(file: &OwnedFd) -> Result<Option<Vec<u8>>, Errno> {
    let path = CString::new(link_of(file));
    let path = path.map_err(|_| Errno::EINVAL)?;
    let mut value = vec![0_u8; ATTRIBUTE_LIMIT];
    // SAFETY: both names end in a zero, and no more is written than `value` has.
    let length = unsafe {
        libc::getxattr(
            path.as_ptr(),
            c"security.capability".as_ptr(),
            value.as_mut_ptr().cast(),
            value.len(),
        )
    };
    match Errno::result(length) {
        Ok(length) => {
            value.truncate(usize::try_from(length).unwrap_or(0));
            Ok(Some(value))
        }
        // As at exec: a file system without attributes gives no capabilities.
        Err(Errno::ENODATA | Errno::EOPNOTSUPP) => Ok(None),
        Err(errno) => Err(errno),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::sys::ProcDir;

    #[test]
    fn of_this_very_test() {
        let proc = ProcDir::open(Path::new("/proc")).unwrap();
        let process = proc.process(proc.own_pid().unwrap()).unwrap();
        let program = Program::of(&process).unwrap();
        assert_eq!(program.mode & libc::S_IFMT, libc::S_IFREG);
        assert_eq!((program.capability, program.nosuid), (Ok(None), None));
    }
}
