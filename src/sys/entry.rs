//! What a path of the target names, and what a directory of it lists. Nothing is opened that is
//! not a directory.

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open, readlinkat};
use nix::sys::stat::{Mode, SFlag, fstat};
use rustix::fs::{FileType, RawDir};

use super::bounded::{Cut, Until, read_bounded};
use super::in_root::InRoot;

/// Entries are read so many bytes at a time.
const PAGE: usize = 32 << 10;

/// What kind of thing an inode is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// Anything else.
    Other,
}

/// An inode, links followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// The device it is on.
    pub device: u64,
    /// Its number there.
    pub inode: u64,
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// Permission bits.
    pub mode: u32,
}

/// Something that was found and is held, so that what is read is what was looked at.
#[derive(Debug)]
pub struct Found {
    /// What it is.
    pub entry: Entry,
    held: OwnedFd,
}

/// Finds a path of the target, without opening what is there.
///
/// # Errors
/// The errno of resolving the path.
pub fn find(root: &InRoot, path: &[u8]) -> Result<Found, Errno> {
    let held = root.locate(path)?;
    let stat = fstat(&held)?;
    let kind = SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT;
    let entry = Entry {
        kind: match kind {
            SFlag::S_IFREG => Kind::File,
            SFlag::S_IFDIR => Kind::Directory,
            _ => Kind::Other,
        },
        device: stat.st_dev,
        inode: stat.st_ino,
        uid: stat.st_uid,
        gid: stat.st_gid,
        mode: stat.st_mode & 0o7777,
    };
    Ok(Found { entry, held })
}

/// Looks at a path of the target.
///
/// # Errors
/// The errno of resolving the path.
pub fn entry(root: &InRoot, path: &[u8]) -> Result<Entry, Errno> {
    find(root, path).map(|found| found.entry)
}

impl Found {
    /// Reads it where it is a regular file, at most `limit` bytes.
    ///
    /// # Errors
    /// The errno of opening or reading; EINVAL for what is not a regular file.
    pub fn read(&self, limit: usize, buffer: &mut Vec<u8>) -> Result<Cut, Errno> {
        if self.entry.kind != Kind::File {
            return Err(Errno::EINVAL);
        }
        let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
        read_bounded(self.open(flags)?, limit, Until::Empty, buffer)
    }

    /// The names in it where it is a directory, sorted, without `.` and `..`; at most `limit`.
    ///
    /// # Errors
    /// The errno of opening or reading; ENOTDIR for what is no directory.
    pub fn names(&self, limit: usize) -> Result<(Vec<Name>, Cut), Errno> {
        names(
            &self.open(OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC)?,
            limit,
        )
    }

    fn open(&self, flags: OFlag) -> Result<OwnedFd, Errno> {
        let again = format!("/proc/self/fd/{}", self.held.as_raw_fd());
        open(again.as_str(), flags, Mode::empty())
    }
}

/// A name in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// The name.
    pub name: Vec<u8>,
    /// Whether it is a link to another name in the same directory.
    pub links_beside: bool,
}

fn names(directory: &OwnedFd, limit: usize) -> Result<(Vec<Name>, Cut), Errno> {
    let mut page = vec![MaybeUninit::uninit(); PAGE];
    let mut entries = RawDir::new(directory, &mut page);
    let mut names = Vec::new();
    let mut cut = Cut::Whole;
    while let Some(entry) = entries.next() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(rustix::io::Errno::INTR) => continue,
            Err(errno) => return Err(Errno::from_raw(errno.raw_os_error())),
        };
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        if names.len() == limit {
            cut = Cut::AtLimit;
            break;
        }
        names.push(Name {
            name: name.to_bytes().to_vec(),
            links_beside: entry.file_type() == FileType::Symlink && links_beside(directory, name),
        });
    }
    names.sort_unstable_by(|one, other| one.name.cmp(&other.name));
    Ok((names, cut))
}

fn links_beside(directory: &OwnedFd, name: &CStr) -> bool {
    readlinkat(directory, name).is_ok_and(|goal| !goal.into_vec().contains(&b'/'))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn names_are_sorted_bounded_and_links_are_told() {
        let house = tempfile::tempdir().unwrap();
        fs::write(house.path().join("b.pem"), "x").unwrap();
        symlink("b.pem", house.path().join("a.0")).unwrap();
        symlink("/etc/c.pem", house.path().join("c.pem")).unwrap();
        let root = InRoot::at(house.path()).unwrap();
        let (all, cut) = find(&root, b"/").unwrap().names(10).unwrap();
        let told: Vec<(&[u8], bool)> = all
            .iter()
            .map(|name| (name.name.as_slice(), name.links_beside))
            .collect();
        assert_eq!(
            told,
            [(&b"a.0"[..], true), (b"b.pem", false), (b"c.pem", false)]
        );
        assert_eq!(cut, Cut::Whole);
        let (two, cut) = find(&root, b"/").unwrap().names(2).unwrap();
        assert_eq!((two.len(), cut), (2, Cut::AtLimit));
        let file = find(&root, b"/a.0").unwrap();
        assert_eq!(file.names(2).map(drop), Err(Errno::ENOTDIR));
        let mut buffer = Vec::new();
        assert_eq!(file.read(10, &mut buffer), Ok(Cut::Whole));
        assert_eq!(buffer, b"x");
        let itself = find(&root, b"/").unwrap();
        assert_eq!(itself.read(10, &mut buffer), Err(Errno::EINVAL));
        assert_eq!(entry(&root, b"/a.0").unwrap().kind, Kind::File);
        assert_eq!(entry(&root, b"/c.pem"), Err(Errno::ENOENT));
        assert_eq!(entry(&root, b"/").unwrap().kind, Kind::Directory);
    }
}
