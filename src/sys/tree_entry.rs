//! An entry of the target's tree: found, looked at, and opened only for what it is.
//!
//! It is held by an `O_PATH` descriptor, so that a FIFO, a device or a socket is never touched, and
//! what was looked at is what is read.

use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;

use nix::errno::Errno;
use nix::fcntl::readlinkat;
use nix::sys::stat::{SFlag, fstat, major, minor};
use rustix::buffer::spare_capacity;
use rustix::fs::{AtFlags, Statx, StatxFlags, StatxTimestamp};

use super::bounded::Truncation;
use super::errno::from_rustix;
use super::in_root::{InRoot, link_of, open_held};
use super::opened_file::{FileKind, entries, path_in_root};
use super::target_file::{HeldFile, mount_id};

/// Extended attributes of one file, names and values together; the kernel allows 64 KiB of each.
const XATTR_BYTES: usize = 1 << 20;
/// One value, or the list of names, as the kernel bounds them.
const XATTR_VALUE_BYTES: usize = 64 << 10;

/// What an entry is, as the type bits of its mode tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A named pipe.
    Fifo,
    /// A Unix socket.
    Socket,
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
    /// None of those that Linux documents.
    Unknown,
}

/// A moment as the file system keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FileTime {
    /// Since 1970, negative before.
    pub seconds: i64,
    /// Part of a second, below 1,000,000,000.
    pub nanoseconds: u32,
}

/// What statx(2) tells of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileStat {
    /// What it is.
    pub kind: EntryKind,
    /// The whole mode, with the bits of its type.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Hard links.
    pub nlink: u64,
    /// Length; of a link that of its text.
    pub size_bytes: u64,
    /// Allocated blocks of 512 bytes.
    pub blocks: u64,
    /// The preferred size of a read.
    pub block_size_bytes: u64,
    /// Major and minor number of the device that it is on.
    pub device: (u32, u32),
    /// Major and minor number of the device that it is.
    pub special_device: (u32, u32),
    /// Inode number.
    pub inode: u64,
    /// Last access.
    pub accessed: FileTime,
    /// Last change of the content.
    pub modified: FileTime,
    /// Last change of the content, the owner or the mode.
    pub changed: FileTime,
    /// Creation, where the file system keeps it.
    pub born: Option<FileTime>,
}

impl FileStat {
    /// The mode without the bits of the type.
    #[must_use]
    pub(crate) fn permissions(&self) -> u32 {
        self.mode & 0o7777
    }

    /// What sets it apart from every other file at one moment.
    #[must_use]
    pub(crate) fn identity(&self) -> ((u32, u32), u64) {
        (self.device, self.inode)
    }
}

/// The names in a directory, and what the list tells of their kinds.
pub(crate) type ListedNames = Vec<(Vec<u8>, FileKind)>;
/// Names of extended attributes with their values.
pub(crate) type ExtendedAttributes = Vec<(Vec<u8>, Vec<u8>)>;

/// An entry, held.
#[derive(Debug, Clone)]
pub(crate) struct TreeEntry {
    held: HeldFile,
    stat: FileStat,
    mount_id: Option<u32>,
}

impl TreeEntry {
    /// Resolves a path inside the root, links followed.
    ///
    /// # Errors
    /// The errno of resolving it, or of statx(2); those of [`remote_fs`](super::remote_fs).
    pub(crate) fn at(root: &InRoot, path: &[u8]) -> Result<Self, Errno> {
        Self::of(root.locate(path)?)
    }

    /// The same, but a link that the path itself names is not followed.
    ///
    /// # Errors
    /// As [`TreeEntry::at`].
    pub(crate) fn at_no_follow(root: &InRoot, path: &[u8]) -> Result<Self, Errno> {
        let cut = path.iter().rposition(|byte| *byte == b'/');
        let (above, name) = match cut {
            Some(cut) => path.split_at_checked(cut + 1).unwrap_or((path, b"")),
            None => (&b"/"[..], path),
        };
        if matches!(name, b"" | b"." | b"..") {
            return Self::at(root, path);
        }
        Self::at(root, above)?.child(root, name)
    }

    /// An entry of this directory; never followed where it is a link.
    ///
    /// # Errors
    /// As [`TreeEntry::at`]; ENOTDIR where this is no directory.
    pub(crate) fn child(&self, root: &InRoot, name: &[u8]) -> Result<Self, Errno> {
        let (held, same_mount) = root.child(&self.held, name)?;
        let mut child = Self::of(held)?;
        if same_mount == Some(true) {
            child.mount_id = child.mount_id.or(self.mount_id);
        }
        Ok(child)
    }

    /// The directory above this one.
    ///
    /// # Errors
    /// As [`TreeEntry::at`].
    pub(crate) fn above(&self, root: &InRoot) -> Result<Self, Errno> {
        Self::of(root.above(&self.held)?)
    }

    fn of(held: HeldFile) -> Result<Self, Errno> {
        let (stat, mount_id) = if held.remote().is_none() {
            look(&held)?
        } else {
            held.on(look)??
        };
        Ok(Self {
            held,
            stat,
            mount_id,
        })
    }

    /// What it is.
    #[must_use]
    pub(crate) fn stat(&self) -> &FileStat {
        &self.stat
    }

    /// The id of its mount, as mountinfo numbers it; `None` where the kernel does not tell.
    #[must_use]
    pub(crate) fn mount_id(&self) -> Option<u32> {
        self.mount_id
    }

    /// Where a link leads, as it is written.
    ///
    /// # Errors
    /// The errno of readlink(2): EINVAL or ENOENT for what is no link.
    pub(crate) fn link_target(&self) -> Result<Vec<u8>, Errno> {
        let read = |file: &OwnedFd| readlinkat(file, c"").map(OsStringExt::into_vec);
        self.held.on(read)?
    }

    /// The names in a directory, at most `limit`, sorted by their bytes.
    ///
    /// # Errors
    /// The errno of opening or listing it; ENOTDIR for what is no directory.
    pub(crate) fn names(&self, limit: usize) -> Result<(ListedNames, Truncation), Errno> {
        let listed = self.held.on(move |file| {
            let mut names = Vec::new();
            let cut = entries(file, limit, |_, name, kind| {
                names.push((name.to_bytes().to_vec(), kind));
            });
            cut.map(|cut| (names, cut))
        });
        let (mut names, cut) = listed??;
        names.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        Ok((names, cut))
    }

    /// The extended attributes that this user may read, names with their values, at most 1 MiB;
    /// none of a link.
    ///
    /// # Errors
    /// The errno of listxattr(2), but not where the file system has none.
    pub(crate) fn xattrs(&self) -> Result<ExtendedAttributes, Errno> {
        if self.stat.kind == EntryKind::Link {
            return Ok(Vec::new());
        }
        self.held.on(xattrs)?
    }

    /// Its path without any link, as the target sees it; `None` where the kernel does not tell one
    /// below the target's root.
    #[must_use]
    pub(crate) fn resolved_path(&self, root: &InRoot) -> Option<Vec<u8>> {
        path_in_root(root, &self.held)
    }

    /// Opens a regular file for reading.
    ///
    /// # Errors
    /// The errno of open(2); EINVAL for what is not a regular file.
    pub(crate) fn open(&self) -> Result<OpenedContent, Errno> {
        let held = open_held(&self.held)?;
        let size_bytes = if held.remote().is_none() {
            size_of(&held)?
        } else {
            held.on(size_of)??
        };
        Ok(OpenedContent { held, size_bytes })
    }

    /// The type of its file system by statfs(2), for a mount that no list has.
    ///
    /// # Errors
    /// The errno of fstatfs(2).
    pub(crate) fn file_system_magic(&self) -> Result<i64, Errno> {
        let asked = self.held.on(|file| rustix::fs::fstatfs(file));
        let told = asked?.map_err(from_rustix)?;
        Ok(told.f_type)
    }
}

/// A regular file, opened for reading.
#[derive(Debug)]
pub(crate) struct OpenedContent {
    held: HeldFile,
    size_bytes: u64,
}

impl OpenedContent {
    /// A regular file of this machine that is open.
    ///
    /// # Errors
    /// The errno of fstat(2).
    pub(super) fn of_own(file: OwnedFd) -> Result<Self, Errno> {
        let size_bytes = size_of(&file)?;
        let held = HeldFile::local(file);
        Ok(Self { held, size_bytes })
    }

    /// Its size when it was opened.
    #[must_use]
    pub(crate) fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Its size now.
    ///
    /// # Errors
    /// The errno of fstat(2).
    pub(crate) fn size_now(&self) -> Result<u64, Errno> {
        self.held.on(size_of)?
    }

    /// Appends at most `at_most` bytes from `offset` on to `buffer`; how many, 0 at the end.
    ///
    /// # Errors
    /// The errno of pread(2); EINTR is repeated.
    pub(crate) fn read_at(
        &self,
        offset: u64,
        buffer: &mut Vec<u8>,
        at_most: usize,
    ) -> Result<usize, Errno> {
        if self.held.remote().is_none() {
            return read_at(&self.held, offset, buffer, at_most);
        }
        let read = self.held.on(move |file| {
            let mut own = Vec::new();
            read_at(file, offset, &mut own, at_most).map(|_| own)
        });
        let own = read??;
        buffer.extend_from_slice(&own);
        Ok(own.len())
    }

    /// The next stretch of data at or behind `offset`, holes left out: its start and its end.
    /// `None`: only a hole follows. A file system without holes tells all that follows.
    ///
    /// # Errors
    /// The errno of lseek(2).
    pub(crate) fn next_data(&self, offset: u64) -> Result<Option<(u64, u64)>, Errno> {
        let size = self.size_bytes;
        let found = self.held.on(move |file| {
            use rustix::fs::{SeekFrom, seek};
            match seek(file, SeekFrom::Data(offset)) {
                Err(rustix::io::Errno::NXIO) => Ok(None),
                Err(rustix::io::Errno::INVAL) => Ok(Some((offset, size))),
                Err(errno) => Err(from_rustix(errno)),
                Ok(start) => match seek(file, SeekFrom::Hole(start)) {
                    Ok(end) => Ok(Some((start, end))),
                    Err(errno) => Err(from_rustix(errno)),
                },
            }
        });
        found?
    }
}

fn size_of(file: &impl AsFd) -> Result<u64, Errno> {
    Ok(u64::try_from(fstat(file)?.st_size).unwrap_or_default())
}

fn read_at(
    file: &impl AsFd,
    offset: u64,
    buffer: &mut Vec<u8>,
    at_most: usize,
) -> Result<usize, Errno> {
    let before = buffer.len();
    buffer.reserve_exact(at_most);
    loop {
        match rustix::io::pread(file, spare_capacity(buffer), offset) {
            Ok(_) => break,
            Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(from_rustix(errno)),
        }
    }
    // The buffer may have had more room than was asked for.
    buffer.truncate(before + at_most);
    Ok(buffer.len() - before)
}

fn look(file: &impl AsFd) -> Result<(FileStat, Option<u32>), Errno> {
    let wanted = StatxFlags::BASIC_STATS | StatxFlags::BTIME | StatxFlags::MNT_ID;
    match rustix::fs::statx(file, c"", AtFlags::EMPTY_PATH, wanted) {
        Ok(told) => {
            let told_id = told.stx_mask & StatxFlags::MNT_ID.bits() != 0;
            let id = told_id.then(|| u32::try_from(told.stx_mnt_id).ok());
            let id = id.unwrap_or_else(|| mount_id(file.as_fd()));
            Ok((of_statx(&told), id))
        }
        // Missing, or refused by a seccomp profile that does not know it.
        Err(rustix::io::Errno::NOSYS | rustix::io::Errno::PERM) => {
            Ok((of_stat(&fstat(file)?), mount_id(file.as_fd())))
        }
        Err(errno) => Err(from_rustix(errno)),
    }
}

fn of_statx(told: &Statx) -> FileStat {
    let time = |time: StatxTimestamp| FileTime {
        seconds: time.tv_sec,
        nanoseconds: time.tv_nsec,
    };
    let mode = u32::from(told.stx_mode);
    FileStat {
        kind: kind(mode),
        mode,
        uid: told.stx_uid,
        gid: told.stx_gid,
        nlink: told.stx_nlink.into(),
        size_bytes: told.stx_size,
        blocks: told.stx_blocks,
        block_size_bytes: told.stx_blksize.into(),
        device: (told.stx_dev_major, told.stx_dev_minor),
        special_device: (told.stx_rdev_major, told.stx_rdev_minor),
        inode: told.stx_ino,
        accessed: time(told.stx_atime),
        modified: time(told.stx_mtime),
        changed: time(told.stx_ctime),
        born: (told.stx_mask & StatxFlags::BTIME.bits() != 0).then(|| time(told.stx_btime)),
    }
}

#[allow(
    clippy::useless_conversion,
    clippy::unnecessary_fallible_conversions,
    reason = "the widths of these fields differ between architectures"
)]
fn of_stat(told: &nix::sys::stat::FileStat) -> FileStat {
    let time = |seconds: i64, nanoseconds: i64| FileTime {
        seconds,
        nanoseconds: u32::try_from(nanoseconds).unwrap_or_default(),
    };
    let numbers = |device: u64| {
        let part = |part: u64| u32::try_from(part).unwrap_or_default();
        (part(major(device)), part(minor(device)))
    };
    FileStat {
        kind: kind(told.st_mode),
        mode: told.st_mode,
        uid: told.st_uid,
        gid: told.st_gid,
        nlink: told.st_nlink.into(),
        size_bytes: u64::try_from(told.st_size).unwrap_or_default(),
        blocks: u64::try_from(told.st_blocks).unwrap_or_default(),
        block_size_bytes: u64::try_from(told.st_blksize).unwrap_or_default(),
        device: numbers(told.st_dev),
        special_device: numbers(told.st_rdev),
        inode: told.st_ino,
        accessed: time(told.st_atime, told.st_atime_nsec),
        modified: time(told.st_mtime, told.st_mtime_nsec),
        changed: time(told.st_ctime, told.st_ctime_nsec),
        born: None,
    }
}

fn kind(mode: u32) -> EntryKind {
    let kind = SFlag::from_bits_truncate(mode) & SFlag::S_IFMT;
    [
        (SFlag::S_IFREG, EntryKind::File),
        (SFlag::S_IFDIR, EntryKind::Directory),
        (SFlag::S_IFLNK, EntryKind::Link),
        (SFlag::S_IFIFO, EntryKind::Fifo),
        (SFlag::S_IFSOCK, EntryKind::Socket),
        (SFlag::S_IFCHR, EntryKind::CharDevice),
        (SFlag::S_IFBLK, EntryKind::BlockDevice),
    ]
    .into_iter()
    .find(|(bits, _)| *bits == kind)
    .map_or(EntryKind::Unknown, |(_, kind)| kind)
}

/// By the magic link: an `O_PATH` descriptor has no attributes of its own.
fn xattrs(file: &impl AsFd) -> Result<ExtendedAttributes, Errno> {
    let link = link_of(file);
    let mut names = Vec::with_capacity(XATTR_VALUE_BYTES);
    match rustix::fs::listxattr(link.as_str(), spare_capacity(&mut names)) {
        Err(rustix::io::Errno::NOTSUP | rustix::io::Errno::NOSYS) => return Ok(Vec::new()),
        Err(errno) => return Err(from_rustix(errno)),
        Ok(_) => {}
    }
    let mut found = ExtendedAttributes::new();
    let mut bytes = 0;
    let listed = names.split(|byte| *byte == 0);
    for name in listed.filter(|name| !name.is_empty()) {
        let mut value = Vec::with_capacity(XATTR_VALUE_BYTES);
        // One that is not for this user, or is gone meanwhile, is left out as getfattr(1) does.
        if rustix::fs::getxattr(link.as_str(), name, spare_capacity(&mut value)).is_err() {
            continue;
        }
        bytes += name.len() + value.len();
        if bytes > XATTR_BYTES {
            break;
        }
        value.shrink_to_fit();
        found.push((name.to_vec(), value));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, symlink};

    use super::*;

    fn house() -> (tempfile::TempDir, [InRoot; 2]) {
        let house = tempfile::tempdir().unwrap();
        fs::create_dir_all(house.path().join("etc/deep")).unwrap();
        fs::write(house.path().join("etc/file"), "content").unwrap();
        symlink("/etc/file", house.path().join("etc/link")).unwrap();
        let roots = [
            InRoot::at(house.path()).unwrap(),
            InRoot::at(house.path()).unwrap().by_component(),
        ];
        (house, roots)
    }

    #[test]
    fn a_stat_is_the_kernels() {
        let (house, roots) = house();
        let expected = fs::symlink_metadata(house.path().join("etc/file")).unwrap();
        for root in &roots {
            let found = TreeEntry::at_no_follow(root, b"/etc/file").unwrap();
            let stat = found.stat();
            assert_eq!(stat.mode, expected.mode());
            assert_eq!(stat.size_bytes, 7);
            assert_eq!(stat.inode, expected.ino());
            assert_eq!(stat.modified.seconds, expected.mtime());
            let (major, minor) = (stat.device.0.into(), stat.device.1.into());
            assert_eq!(nix::sys::stat::makedev(major, minor), expected.dev());
            assert!(found.mount_id().is_some());
            let by_stat = of_stat(&nix::sys::stat::fstat(&found.held).unwrap());
            assert_eq!(
                FileStat {
                    born: None,
                    ..stat.clone()
                },
                by_stat
            );
        }
    }

    #[test]
    fn a_link_is_followed_only_on_request() {
        let (_house, roots) = house();
        for root in &roots {
            let link = TreeEntry::at_no_follow(root, b"/etc/link").unwrap();
            assert_eq!(link.stat().kind, EntryKind::Link);
            assert_eq!(link.link_target().as_deref(), Ok(&b"/etc/file"[..]));
            assert_eq!(link.open().map(drop), Err(Errno::EINVAL));
            let file = TreeEntry::at(root, b"/etc/link").unwrap();
            assert_eq!(file.stat().kind, EntryKind::File);
            assert_eq!(file.resolved_path(root).as_deref(), Some(&b"/etc/file"[..]));
            let directory = TreeEntry::at(root, b"etc").unwrap();
            for name in [&b""[..], b".", b"..", b"deep/..", b"a\0b"] {
                let found = directory.child(root, name).map(drop);
                assert_eq!(found, Err(Errno::EINVAL), "{name:?}");
            }
            let above = directory.child(root, b"deep").unwrap().above(root).unwrap();
            assert_eq!(above.stat().identity(), directory.stat().identity());
        }
    }

    #[test]
    fn content_is_read_from_any_place() {
        let (_house, roots) = house();
        let file = TreeEntry::at(&roots[0], b"/etc/file").unwrap();
        let opened = file.open().unwrap();
        let mut buffer = b"before ".to_vec();
        assert_eq!(opened.read_at(3, &mut buffer, 2), Ok(2));
        assert_eq!(buffer, b"before te");
        assert_eq!(opened.read_at(7, &mut buffer, 2), Ok(0));
        assert_eq!(opened.next_data(0), Ok(Some((0, 7))));
        assert_eq!(opened.next_data(7), Ok(None));
    }
}
