//! A file that was to be run: what decides whether the kernel runs it.

use std::ffi::{CStr, OsStr};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::stat::{SFlag, fstat};
use nix::sys::statvfs::{FsFlags, fstatvfs};
use rustix::fs::{Access, AtFlags, CWD, FileType};

use super::errno::from_rustix;
use super::in_root::InRoot;
use super::program::attribute;

/// What is at a path, links followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Executable {
    /// Whether it is a regular file.
    pub file: bool,
    /// Whether it is a directory.
    pub directory: bool,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Permission bits.
    pub mode: u32,
    /// Length in bytes.
    pub size_bytes: u64,
    /// Whether its mount is noexec; `None` if unknown.
    pub noexec: Option<bool>,
    /// The attribute `security.capability`; `None` if it has none or it is unknown.
    pub capability: Option<Vec<u8>>,
}

impl Executable {
    /// Looks at a path. Nothing is opened.
    ///
    /// # Errors
    /// The errno of resolving the path, or of fstat(2).
    pub(crate) fn at(root: &InRoot, path: &[u8]) -> Result<Self, Errno> {
        root.locate(path)?.on(Self::of)?
    }

    fn of(found: &OwnedFd) -> Result<Self, Errno> {
        let stat = fstat(found)?;
        let kind = SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT;
        Ok(Self {
            file: kind == SFlag::S_IFREG,
            directory: kind == SFlag::S_IFDIR,
            uid: stat.st_uid,
            gid: stat.st_gid,
            mode: stat.st_mode & 0o7777,
            size_bytes: u64::try_from(stat.st_size).unwrap_or_default(),
            noexec: fstatvfs(found)
                .ok()
                .map(|told| told.flags().contains(FsFlags::ST_NOEXEC)),
            capability: attribute(found).ok().flatten(),
        })
    }
}

/// Whether this process may run what is at a path, as far as modes and mounts decide.
///
/// # Errors
/// The errno of looking at it; EACCES for what may not be run or is no regular file.
pub(crate) fn may_run(path: &CStr) -> Result<(), Errno> {
    let stat = rustix::fs::stat(path).map_err(from_rustix)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(Errno::EACCES);
    }
    rustix::fs::accessat(CWD, path, Access::EXEC_OK, AtFlags::EACCESS).map_err(from_rustix)
}

/// The effective uid and gid of this process.
#[must_use]
pub(crate) fn own_ids() -> (u32, u32) {
    let (uid, gid) = (rustix::process::geteuid(), rustix::process::getegid());
    (uid.as_raw(), gid.as_raw())
}

/// Where a symbolic link leads; `None` for any other file.
#[must_use]
pub(crate) fn link_goal(path: &Path) -> Option<PathBuf> {
    std::fs::read_link(path).ok()
}

/// The path from the root on, without resolving anything.
#[must_use]
pub(crate) fn absolute(path: &OsStr) -> PathBuf {
    let path = Path::new(OsStr::from_bytes(path.as_bytes()));
    match std::env::current_dir() {
        Ok(here) if path.is_relative() => here.join(path).components().collect(),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::CString;

    use super::*;
    use crate::sys::scratch::Scratch;

    #[test]
    fn what_may_be_run_is_a_file_with_the_bit_set() {
        let house = Scratch::new();
        house.write("/app", "#!/bin/sh\n");
        house.directory("/directory");
        let may = |path: &str| {
            let path = house.path(path).into_os_string().into_encoded_bytes();
            may_run(&CString::new(path).unwrap())
        };
        house.mode("/app", 0o644);
        assert_eq!(may("/app"), Err(Errno::EACCES));
        house.mode("/app", 0o755);
        assert_eq!(may("/app"), Ok(()));
        assert_eq!(may("/directory"), Err(Errno::EACCES));
        assert_eq!(may("/none"), Err(Errno::ENOENT));
        let found = Executable::at(&house.in_root(), b"/app").unwrap();
        assert_eq!(
            (found.file, found.mode, found.size_bytes),
            (true, 0o755, 10)
        );
        assert_eq!((found.noexec, found.capability), (Some(false), None));
    }
}
