//! What a path of the target leads to: held, looked at, and only then read or listed.
//!
//! It is found without being opened, so that a FIFO, a device or a socket is never touched, and
//! what was looked at is what is read: the path is resolved once.

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::time::{Duration, SystemTime};

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat, readlink, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, major, minor};
use rustix::fs::{FileType, RawDir};

use super::bounded::Truncation;
use super::errno::from_rustix;
use super::in_root::{InRoot, link_of, read_held};
use super::target_file::HeldFile;

/// Bytes of entries that are read at a time.
const PAGE: usize = 32 << 10;

/// What it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link; only of an entry that was not resolved.
    Link,
    /// A FIFO, a device or a socket.
    Special,
    /// An entry whose kind its file system does not tell in the list.
    Unknown,
}

/// A file or directory of the target, held.
#[derive(Debug)]
pub(crate) struct OpenedFile {
    held: HeldFile,
    stat: FileStat,
}

/// A name in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    /// The name.
    pub name: Vec<u8>,
    /// Whether it is a link to another name in the same directory.
    pub links_beside: bool,
}

impl OpenedFile {
    /// Resolves a path inside the root, links followed.
    ///
    /// # Errors
    /// The errno of resolving it, or of fstat(2).
    pub(crate) fn at(root: &InRoot, path: &[u8]) -> Result<Self, Errno> {
        let held = root.locate(path)?;
        let stat = held.on(|file| fstat(file))??;
        Ok(Self { held, stat })
    }

    /// What it is.
    #[must_use]
    pub(crate) fn kind(&self) -> FileKind {
        match SFlag::from_bits_truncate(self.stat.st_mode) & SFlag::S_IFMT {
            SFlag::S_IFREG => FileKind::File,
            SFlag::S_IFDIR => FileKind::Directory,
            _ => FileKind::Special,
        }
    }

    /// What sets it apart from every other: device and inode.
    #[must_use]
    pub(crate) fn identity(&self) -> (u64, u64) {
        (self.stat.st_dev, self.stat.st_ino)
    }

    /// Major and minor number of its device.
    #[must_use]
    pub(crate) fn device(&self) -> (u64, u64) {
        (major(self.stat.st_dev), minor(self.stat.st_dev))
    }

    /// Owner and group.
    #[must_use]
    pub(crate) fn owner(&self) -> (u32, u32) {
        (self.stat.st_uid, self.stat.st_gid)
    }

    /// Permission bits.
    #[must_use]
    pub(crate) fn mode(&self) -> u32 {
        self.stat.st_mode & 0o7777
    }

    /// Length in bytes.
    #[must_use]
    pub(crate) fn size_bytes(&self) -> u64 {
        u64::try_from(self.stat.st_size).unwrap_or_default()
    }

    /// When its content last changed.
    #[must_use]
    pub(crate) fn modified(&self) -> SystemTime {
        let distance = Duration::from_secs(self.stat.st_mtime.unsigned_abs());
        let epoch = SystemTime::UNIX_EPOCH;
        let moment = if self.stat.st_mtime < 0 {
            epoch.checked_sub(distance)
        } else {
            epoch.checked_add(distance)
        };
        let nanos = u32::try_from(self.stat.st_mtime_nsec).unwrap_or_default();
        let moment = moment.and_then(|moment| moment.checked_add(Duration::new(0, nanos)));
        moment.unwrap_or(epoch)
    }

    /// Its path without any link, as the target sees it; `None` where the kernel does not tell
    /// one below the target's root.
    #[must_use]
    pub(crate) fn path(&self, root: &InRoot) -> Option<Vec<u8>> {
        path_in_root(root, &self.held)
    }

    /// Reads a regular file, at most `limit` bytes.
    ///
    /// # Errors
    /// The errno of opening or reading; EINVAL for what is not a regular file.
    pub(crate) fn read(&self, limit: usize, buffer: &mut Vec<u8>) -> Result<Truncation, Errno> {
        read_held(&self.held, limit, buffer)
    }

    /// Hands over the entries of a directory, at most `limit`, in its own order.
    ///
    /// # Errors
    /// The errno of opening it (ENOTDIR for what is none) or of getdents64(2).
    pub(crate) fn list(
        &self,
        limit: usize,
        mut each: impl FnMut(&[u8], FileKind),
    ) -> Result<Truncation, Errno> {
        if self.held.remote().is_none() {
            return entries(&self.held, limit, |_, name, kind| {
                each(name.to_bytes(), kind);
            });
        }
        let listed = self.held.on(move |file| {
            let mut listed = Vec::new();
            let cut = entries(file, limit, |_, name, kind| {
                listed.push((name.to_bytes().to_vec(), kind));
            });
            cut.map(|cut| (listed, cut))
        });
        let (listed, cut) = listed??;
        for (name, kind) in listed {
            each(&name, kind);
        }
        Ok(cut)
    }

    /// The names in a directory, sorted, at most `limit`.
    ///
    /// # Errors
    /// As [`OpenedFile::list`].
    pub(crate) fn names(&self, limit: usize) -> Result<(Vec<Name>, Truncation), Errno> {
        let listed = self.held.on(move |file| {
            let mut names = Vec::new();
            let cut = entries(file, limit, |directory, name, kind| {
                names.push(Name {
                    name: name.to_bytes().to_vec(),
                    links_beside: kind == FileKind::Link && links_beside(directory, name),
                });
            });
            cut.map(|cut| (names, cut))
        });
        let (mut names, cut) = listed??;
        names.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        Ok((names, cut))
    }
}

pub(super) fn entries(
    held: impl AsFd,
    limit: usize,
    mut each: impl FnMut(&OwnedFd, &CStr, FileKind),
) -> Result<Truncation, Errno> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    // As for files: a look leaves no access time behind where it can.
    let directory = match openat(&held, c".", flags | OFlag::O_NOATIME, Mode::empty()) {
        Err(Errno::EPERM) => openat(&held, c".", flags, Mode::empty())?,
        opened => opened?,
    };
    let mut page = vec![MaybeUninit::uninit(); PAGE];
    let mut entries = RawDir::new(&directory, &mut page);
    let mut count = 0;
    while let Some(entry) = entries.next() {
        match entry {
            Ok(entry) => {
                let name = entry.file_name();
                if name == c"." || name == c".." {
                    continue;
                }
                if count == limit {
                    return Ok(Truncation::AtLimit);
                }
                count += 1;
                each(&directory, name, kind(entry.file_type()));
            }
            Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(from_rustix(errno)),
        }
    }
    Ok(Truncation::Whole)
}

fn kind(told: FileType) -> FileKind {
    match told {
        FileType::RegularFile => FileKind::File,
        FileType::Directory => FileKind::Directory,
        FileType::Symlink => FileKind::Link,
        FileType::Unknown => FileKind::Unknown,
        _ => FileKind::Special,
    }
}

/// Where a held file is, as the target sees it; `None` where the kernel does not tell a path below
/// the target's root.
pub(super) fn path_in_root(root: &InRoot, held: &HeldFile) -> Option<Vec<u8>> {
    let top = root.path()?;
    let path = held_path(held)?;
    let below = match top {
        b"/" => path,
        top if path == top => b"/".to_vec(),
        top => path.strip_prefix(top)?.to_vec(),
    };
    below.starts_with(b"/").then_some(below)
}

/// Where a descriptor leads, in the mount namespace that it was found in.
fn held_path(held: &HeldFile) -> Option<Vec<u8>> {
    let path = readlink(link_of(held).as_str()).ok()?;
    Some(path.into_vec())
}

fn links_beside(directory: &OwnedFd, name: &CStr) -> bool {
    readlinkat(directory, name).is_ok_and(|goal| !goal.into_vec().contains(&b'/'))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn house() -> (tempfile::TempDir, InRoot) {
        let house = tempfile::tempdir().unwrap();
        fs::create_dir_all(house.path().join("certs/..2026")).unwrap();
        fs::write(house.path().join("certs/..2026/tls.crt"), "content").unwrap();
        symlink("..2026", house.path().join("certs/..data")).unwrap();
        symlink("..data/tls.crt", house.path().join("certs/tls.crt")).unwrap();
        nix::unistd::mkfifo(&house.path().join("certs/fifo"), Mode::S_IRWXU).unwrap();
        let root = InRoot::at(house.path()).unwrap();
        (house, root)
    }

    #[test]
    fn links_are_followed_and_told() {
        let (_house, root) = house();
        let found = OpenedFile::at(&root, b"/certs/tls.crt").unwrap();
        assert_eq!(
            found.path(&root).as_deref(),
            Some(&b"/certs/..2026/tls.crt"[..])
        );
        let mut content = Vec::new();
        assert_eq!(found.read(3, &mut content), Ok(Truncation::AtLimit));
        assert_eq!(content, b"con");
        let same = OpenedFile::at(&root, b"/certs/..data/tls.crt").unwrap();
        assert_eq!(found.identity(), same.identity());
    }

    #[test]
    fn a_fifo_is_found_and_never_opened() {
        let (_house, root) = house();
        let found = OpenedFile::at(&root, b"/certs/fifo").unwrap();
        assert_eq!(found.kind(), FileKind::Special);
        assert_eq!(found.read(9, &mut Vec::new()), Err(Errno::EINVAL));
        assert_eq!(found.list(9, |_, _| {}), Err(Errno::ENOTDIR));
    }

    #[test]
    fn a_list_ends_at_its_limit() {
        let (_house, root) = house();
        let directory = OpenedFile::at(&root, b"/certs").unwrap();
        let mut names = Vec::new();
        let cut = directory.list(9, |name, kind| names.push((name.to_vec(), kind)));
        names.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        let expected: [(&[u8], FileKind); 4] = [
            (b"..2026", FileKind::Directory),
            (b"..data", FileKind::Link),
            (b"fifo", FileKind::Special),
            (b"tls.crt", FileKind::Link),
        ];
        assert_eq!(cut, Ok(Truncation::Whole));
        assert_eq!(names, expected.map(|(name, kind)| (name.to_vec(), kind)));
        assert_eq!(directory.list(3, |_, _| {}), Ok(Truncation::AtLimit));
    }

    #[test]
    fn names_are_sorted_bounded_and_links_are_told() {
        let (_house, root) = house();
        let directory = OpenedFile::at(&root, b"/certs").unwrap();
        let (all, cut) = directory.names(9).unwrap();
        let told: Vec<(&[u8], bool)> = all
            .iter()
            .map(|name| (name.name.as_slice(), name.links_beside))
            .collect();
        let expected: [(&[u8], bool); 4] = [
            (b"..2026", false),
            (b"..data", true),
            (b"fifo", false),
            (b"tls.crt", false),
        ];
        assert_eq!((told.as_slice(), cut), (&expected[..], Truncation::Whole));
        let (three, cut) = directory.names(3).unwrap();
        assert_eq!((three.len(), cut), (3, Truncation::AtLimit));
        let file = OpenedFile::at(&root, b"/certs/tls.crt").unwrap();
        assert_eq!(file.names(3).map(drop), Err(Errno::ENOTDIR));
    }

    #[test]
    fn what_is_a_directory_or_nothing_is_never_read() {
        let (_house, root) = house();
        let directory = OpenedFile::at(&root, b"/").unwrap();
        assert_eq!(directory.kind(), FileKind::Directory);
        assert_eq!(directory.read(9, &mut Vec::new()), Err(Errno::EINVAL));
        let missing = OpenedFile::at(&root, b"/none").map(drop);
        assert_eq!(missing, Err(Errno::ENOENT));
    }
}
