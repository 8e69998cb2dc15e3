//! A directory that files from elsewhere come into. It is held as a descriptor, every name is taken
//! beneath it one by one, and no link is followed there. A file is written under a name of its own
//! and gets its real one when it is complete.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, Timespec, Timestamps, UTIME_OMIT, fchmod, fstat,
    fstatvfs, futimens, linkat, mkdirat, openat, renameat, statat, symlinkat, unlinkat,
};
use rustix::io::Errno;

use super::random;

const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC);
/// Its owner may always go on in a directory: files may have to come into it.
const OWNER: u32 = 0o700;

/// What a path of this machine leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LocalKind {
    /// Nothing is there.
    Nothing,
    /// A directory, or a link to one.
    Directory,
    /// A regular file.
    File,
    /// A link to anything but a directory.
    Link,
    /// A device, a FIFO, a socket.
    Special,
}

/// What a path that the user gave leads to.
///
/// # Errors
/// The errno of fstatat(2).
pub(crate) fn kind_at(path: &Path) -> Result<LocalKind, Errno> {
    let is_directory = |mode| FileType::from_raw_mode(mode) == FileType::Directory;
    if statat(CWD, path, AtFlags::empty()).is_ok_and(|stat| is_directory(stat.st_mode)) {
        return Ok(LocalKind::Directory);
    }
    let path: PathBuf = path.components().collect();
    match statat(CWD, &path, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => LocalKind::File,
            FileType::Symlink => LocalKind::Link,
            _ => LocalKind::Special,
        }),
        Err(Errno::NOENT) => Ok(LocalKind::Nothing),
        Err(errno) => Err(errno),
    }
}

/// A directory that files come into.
#[derive(Debug)]
pub(crate) struct Destination {
    directory: OwnedFd,
}

impl Destination {
    /// Opens a directory that the user gave; links in its path are the user's own word.
    ///
    /// # Errors
    /// The errno of open(2).
    pub(crate) fn open(path: &Path) -> Result<Self, Errno> {
        let directory = openat(CWD, path, DIRECTORY, Mode::empty())?;
        Ok(Self { directory })
    }

    /// The same directory once more.
    ///
    /// # Errors
    /// The errno of fcntl(2).
    pub(crate) fn try_clone(&self) -> Result<Self, Errno> {
        let directory = rustix::io::fcntl_dupfd_cloexec(&self.directory, 3)?;
        Ok(Self { directory })
    }

    /// The directory of this name, and whether it was made now.
    ///
    /// # Errors
    /// ELOOP or ENOTDIR where the name is a link or no directory; another errno of mkdir(2) or
    /// open(2).
    pub(crate) fn make_below(&self, name: &[u8]) -> Result<(Self, bool), Errno> {
        let is_new = match mkdirat(&self.directory, name, Mode::from_raw_mode(OWNER)) {
            Ok(()) => true,
            Err(Errno::EXIST) => false,
            Err(errno) => return Err(errno),
        };
        Ok((self.below(name)?, is_new))
    }

    /// The directory of this name.
    ///
    /// # Errors
    /// ELOOP or ENOTDIR where the name is a link or no directory; another errno of open(2).
    pub(crate) fn below(&self, name: &[u8]) -> Result<Self, Errno> {
        let flags = DIRECTORY | OFlags::NOFOLLOW;
        let directory = openat(&self.directory, name, flags, Mode::empty())?;
        Ok(Self { directory })
    }

    /// Gives the directory the permissions of `mode`, without setuid, setgid and sticky bit; its
    /// owner keeps all.
    ///
    /// # Errors
    /// The errno of fchmod(2).
    pub(crate) fn set_mode(&self, mode: u32) -> Result<(), Errno> {
        fchmod(&self.directory, Mode::from_raw_mode(mode & 0o777 | OWNER))
    }

    /// Space of its file system for this user, in bytes.
    ///
    /// # Errors
    /// The errno of fstatvfs(3).
    pub(crate) fn available_bytes(&self) -> Result<u64, Errno> {
        let told = fstatvfs(&self.directory)?;
        Ok(told.f_bavail.saturating_mul(told.f_frsize))
    }

    /// Begins a file.
    ///
    /// # Errors
    /// As for [`Self::check_vacant`]; another errno of open(2).
    pub(crate) fn begin_file(&self) -> Result<IncomingFile<'_>, Errno> {
        let name = temporary_name()?;
        let flags =
            OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::WRONLY | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let file = openat(&self.directory, &*name, flags, mode)?;
        Ok(IncomingFile {
            file: File::from(file),
            temporary: TemporaryName {
                directory: self,
                name,
            },
        })
    }

    /// Makes a symbolic link, in place of the file or link of that name.
    ///
    /// # Errors
    /// As for [`Self::check_vacant`]; another errno of symlinkat(2) or renameat(2).
    pub(crate) fn symbolic_link(&self, name: &[u8], goal: &[u8]) -> Result<(), Errno> {
        self.check_vacant(name)?;
        let temporary = temporary_name()?;
        symlinkat(goal, &self.directory, &*temporary)?;
        let temporary = TemporaryName {
            directory: self,
            name: temporary,
        };
        temporary.becomes(name)
    }

    /// Gives a regular file that is in a destination one more name.
    ///
    /// # Errors
    /// ELOOP where it is a link, EINVAL where it is anything else; as for
    /// [`Self::check_vacant`]; another errno of linkat(2).
    pub(crate) fn hard_link(
        &self,
        name: &[u8],
        from: &Destination,
        from_name: &[u8],
    ) -> Result<(), Errno> {
        self.check_vacant(name)?;
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(&from.directory, from_name, flags, Mode::empty())?;
        match FileType::from_raw_mode(fstat(&file)?.st_mode) {
            FileType::RegularFile => {}
            FileType::Symlink => return Err(Errno::LOOP),
            _ => return Err(Errno::INVAL),
        }
        let held = format!("/proc/self/fd/{}", file.as_raw_fd());
        let temporary = temporary_name()?;
        let followed = AtFlags::SYMLINK_FOLLOW;
        linkat(CWD, held, &self.directory, &*temporary, followed)?;
        let temporary = TemporaryName {
            directory: self,
            name: temporary,
        };
        temporary.becomes(name)
    }

    /// Whether a file may come under this name: nothing, a file or a link has it.
    ///
    /// # Errors
    /// EISDIR for a directory, EEXIST for a device, a FIFO or a socket.
    pub(crate) fn check_vacant(&self, name: &[u8]) -> Result<(), Errno> {
        match statat(&self.directory, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => match FileType::from_raw_mode(stat.st_mode) {
                FileType::RegularFile | FileType::Symlink => Ok(()),
                FileType::Directory => Err(Errno::ISDIR),
                _ => Err(Errno::EXIST),
            },
            Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(errno),
        }
    }
}

/// A file on its way. Nothing of it is left where it does not get its name.
#[derive(Debug)]
pub(crate) struct IncomingFile<'a> {
    file: File,
    temporary: TemporaryName<'a>,
}

impl IncomingFile<'_> {
    /// Leaves a hole.
    ///
    /// # Errors
    /// Those of lseek(2).
    pub(crate) fn skip_to(&mut self, offset: u64) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(offset)).map(drop)
    }

    /// Ends the file at this length, by a hole where less was written.
    ///
    /// # Errors
    /// Those of ftruncate(2).
    pub(crate) fn set_length(&mut self, length: u64) -> io::Result<()> {
        self.file.set_len(length)
    }

    /// Gives the complete file its name, its permissions (without setuid, setgid and sticky bit)
    /// and its time.
    ///
    /// # Errors
    /// As for [`Destination::check_vacant`]; another errno of fchmod(2) or renameat(2).
    pub(crate) fn finish(
        self,
        name: &[u8],
        mode: u32,
        modified_seconds: i64,
        modified_nanoseconds: u32,
    ) -> Result<(), Errno> {
        self.temporary.directory.check_vacant(name)?;
        fchmod(&self.file, Mode::from_raw_mode(mode & 0o777))?;
        let times = Timestamps {
            last_access: Timespec {
                tv_sec: 0,
                tv_nsec: UTIME_OMIT,
            },
            last_modification: Timespec {
                tv_sec: modified_seconds,
                tv_nsec: modified_nanoseconds.into(),
            },
        };
        // A file system that takes no such time still has the content.
        let _ = futimens(&self.file, &times);
        self.temporary.becomes(name)
    }
}

impl Write for IncomingFile<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A name on the way to another; whatever has it is removed at the end.
#[derive(Debug)]
struct TemporaryName<'a> {
    directory: &'a Destination,
    name: String,
}

impl TemporaryName<'_> {
    fn becomes(self, name: &[u8]) -> Result<(), Errno> {
        let directory = self.directory.directory.as_fd();
        renameat(directory, &*self.name, directory, name)
    }
}

impl Drop for TemporaryName<'_> {
    fn drop(&mut self) {
        // After the renaming nothing has this name, unless both were names of one file.
        let _ = unlinkat(&self.directory.directory, &*self.name, AtFlags::empty());
    }
}

fn temporary_name() -> Result<String, Errno> {
    let key = random::key()?;
    let (some, _) = key.split_at(8);
    Ok(format!(".spyhole-{}.part", HEXLOWER.encode(some)))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use super::*;

    fn put(into: &Destination, name: &[u8], content: &[u8], mode: u32) -> Result<(), Errno> {
        let mut file = into.begin_file()?;
        file.write_all(content).unwrap();
        file.finish(name, mode, 1_000_000_000, 5)
    }

    #[test]
    fn a_file_has_its_name_once_it_is_complete() {
        let house = tempfile::tempdir().unwrap();
        let into = Destination::open(house.path()).unwrap();
        fs::write(house.path().join("x"), "old").unwrap();
        let mut file = into.begin_file().unwrap();
        file.write_all(b"ne").unwrap();
        assert_eq!(fs::read(house.path().join("x")).unwrap(), b"old");
        drop(file);
        assert_eq!(fs::read_dir(house.path()).unwrap().count(), 1);
        put(&into, b"x", b"new", 0o6751).unwrap();
        let now = fs::metadata(house.path().join("x")).unwrap();
        assert_eq!(now.permissions().mode() & 0o7777, 0o751);
        assert_eq!((now.mtime(), now.mtime_nsec()), (1_000_000_000, 5));
        assert_eq!(fs::read_dir(house.path()).unwrap().count(), 1);
    }

    #[test]
    fn no_link_is_followed_and_nothing_but_files_is_replaced() {
        let house = tempfile::tempdir().unwrap();
        let at = |name: &str| house.path().join(name);
        fs::create_dir_all(at("in/dir")).unwrap();
        fs::create_dir(at("out")).unwrap();
        fs::write(at("out/kept"), "kept").unwrap();
        symlink(at("out"), at("in/way")).unwrap();
        symlink(at("out/kept"), at("in/file")).unwrap();
        nix::unistd::mkfifo(&at("in/fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        let into = Destination::open(&at("in")).unwrap();
        for name in [&b"way"[..], b"fifo", b"file"] {
            assert!(into.make_below(name).is_err(), "{name:?}");
        }
        assert_eq!(put(&into, b"dir", b"", 0o600), Err(Errno::ISDIR));
        assert_eq!(put(&into, b"fifo", b"", 0o600), Err(Errno::EXIST));
        put(&into, b"file", b"new", 0o600).unwrap();
        assert_eq!(fs::read(at("out/kept")).unwrap(), b"kept");
        assert_eq!(fs::read(at("in/file")).unwrap(), b"new");
        assert_eq!(into.hard_link(b"2", &into, b"way"), Err(Errno::LOOP));
        assert_eq!(into.hard_link(b"2", &into, b"fifo"), Err(Errno::INVAL));
        into.hard_link(b"2", &into, b"file").unwrap();
        // Twice the same is no other name, and leaves none behind.
        into.hard_link(b"2", &into, b"file").unwrap();
        assert_eq!(fs::metadata(at("in/2")).unwrap().nlink(), 2);
        assert_eq!(fs::read_dir(at("in")).unwrap().count(), 5);
    }

    #[test]
    fn a_path_of_the_user_is_known_by_what_it_leads_to() {
        let house = tempfile::tempdir().unwrap();
        let at = |name: &str| house.path().join(name);
        fs::create_dir(at("dir")).unwrap();
        fs::write(at("file"), "").unwrap();
        symlink("dir", at("to-dir")).unwrap();
        symlink("file", at("to-file")).unwrap();
        for (name, kind) in [
            ("dir", LocalKind::Directory),
            ("to-dir", LocalKind::Directory),
            ("file", LocalKind::File),
            ("to-file", LocalKind::Link),
            ("none", LocalKind::Nothing),
        ] {
            assert_eq!(kind_at(&at(name)), Ok(kind), "{name}");
        }
        assert_eq!(kind_at(Path::new("/dev/null")), Ok(LocalKind::Special));
    }
}
