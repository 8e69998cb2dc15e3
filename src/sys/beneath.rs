//! Paths below a directory that no link leads away from: those of a copy of a /proc, in which `root`,
//! `exe` and `cwd` are links that would lead to files of this machine.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat, readlinkat};
use nix::sys::stat::{Mode, SFlag, fstat};

const STEP: OFlag = OFlag::O_PATH
    .union(OFlag::O_NOFOLLOW)
    .union(OFlag::O_CLOEXEC);

/// Opens a path, none of whose parts may be a link.
///
/// # Errors
/// The errno of open(2); ELOOP where a part is a link.
pub(super) fn open(dir: BorrowedFd<'_>, path: &CStr, flags: OFlag) -> Result<OwnedFd, Errno> {
    let parent = parent(dir, path)?;
    let parent = parent.as_ref().map_or(dir, |parent| parent.as_fd());
    let name = last(path)?;
    let file = match openat(
        parent,
        name.as_c_str(),
        flags | OFlag::O_NOFOLLOW,
        Mode::empty(),
    ) {
        // Where a directory is wanted, a link is none.
        Err(Errno::ENOTDIR) if readlinkat(parent, name.as_c_str()).is_ok() => {
            return Err(Errno::ELOOP);
        }
        opened => opened?,
    };
    match kind(&file)? {
        // With O_PATH the link itself is opened.
        SFlag::S_IFLNK => Err(Errno::ELOOP),
        SFlag::S_IFREG | SFlag::S_IFDIR => Ok(file),
        // A FIFO or a device is no copy of a file.
        _ => Err(Errno::EINVAL),
    }
}

/// Where a link leads, whose path has no other link in it.
///
/// # Errors
/// The errno of readlink(2); ELOOP where a part before the last is a link.
pub(super) fn read_link(dir: BorrowedFd<'_>, path: &CStr) -> Result<std::ffi::OsString, Errno> {
    let parent = parent(dir, path)?;
    let parent = parent.as_ref().map_or(dir, |parent| parent.as_fd());
    readlinkat(parent, last(path)?.as_c_str())
}

fn parent(dir: BorrowedFd<'_>, path: &CStr) -> Result<Option<OwnedFd>, Errno> {
    let mut found: Option<OwnedFd> = None;
    let mut parts: Vec<&[u8]> = path.to_bytes().split(|byte| *byte == b'/').collect();
    parts.pop();
    for part in parts {
        let above = found.as_ref().map_or(dir, |found| found.as_fd());
        let next = openat(above, name(part)?.as_c_str(), STEP, Mode::empty())?;
        if kind(&next)? == SFlag::S_IFLNK {
            return Err(Errno::ELOOP);
        }
        found = Some(next);
    }
    Ok(found)
}

fn last(path: &CStr) -> Result<CString, Errno> {
    let mut parts = path.to_bytes().rsplit(|byte| *byte == b'/');
    name(parts.next().unwrap_or_default())
}

fn name(part: &[u8]) -> Result<CString, Errno> {
    CString::new(part).map_err(|_| Errno::EINVAL)
}

fn kind(file: &OwnedFd) -> Result<SFlag, Errno> {
    Ok(SFlag::from_bits_truncate(fstat(file)?.st_mode) & SFlag::S_IFMT)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn no_part_of_a_path_is_a_link() {
        let house = tempfile::tempdir().unwrap();
        let at = |name: &str| house.path().join(name);
        fs::create_dir_all(at("net")).unwrap();
        fs::write(at("net/tcp"), "x").unwrap();
        symlink("/etc/passwd", at("net/link")).unwrap();
        symlink("net", at("other")).unwrap();
        nix::unistd::mkfifo(&at("net/fifo"), Mode::S_IRWXU).unwrap();
        let dir = fs::File::open(house.path()).unwrap();
        let read = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let opened = |path: &CStr, flags| open(dir.as_fd(), path, flags).map(drop);
        for flags in [read, OFlag::O_PATH | OFlag::O_CLOEXEC] {
            assert_eq!(opened(c"net/tcp", flags), Ok(()));
            assert_eq!(opened(c"net/link", flags), Err(Errno::ELOOP));
            assert_eq!(opened(c"other/tcp", flags), Err(Errno::ELOOP));
            assert_eq!(opened(c"net/fifo", flags), Err(Errno::EINVAL));
            assert_eq!(opened(c"net/none", flags), Err(Errno::ENOENT));
        }
        assert_eq!(opened(c"other", OFlag::O_DIRECTORY), Err(Errno::ELOOP));
        assert_eq!(opened(c"net/tcp", OFlag::O_DIRECTORY), Err(Errno::ENOTDIR));
        let link = |path: &CStr| read_link(dir.as_fd(), path);
        assert_eq!(link(c"net/link"), Ok("/etc/passwd".into()));
        assert_eq!(link(c"other/link"), Err(Errno::ELOOP));
    }
}
