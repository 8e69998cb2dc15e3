//! This very program, copied into a directory: whole under its name, or not there at all.
//!
//! The directory is held as a descriptor and links are never followed in it. A copy gets its name
//! when it is complete, on disk and compared.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use ring::digest::{Context, SHA256};
use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, Stat, StatVfsMountFlags, fchmod, fstat, fstatvfs, linkat,
    openat, readlinkat, renameat, statat, symlinkat, unlinkat,
};
use rustix::io::Errno;
use rustix::process::{getegid, geteuid};

use super::random;

/// Readable and executable by everyone, so that an application of any uid can run it; writable
/// by nobody.
pub(crate) const MODE: u32 = 0o555;

const READING: OFlags = OFlags::RDONLY.union(OFlags::CLOEXEC);

/// The file of the running program.
#[derive(Debug)]
pub(crate) struct Program {
    file: File,
    /// How long it is.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: [u8; 32],
}

impl Program {
    /// By `/proc/self/exe`, which leads to the file also where its name was removed, or is in
    /// an image that is mounted nowhere.
    ///
    /// # Errors
    /// ENOENT where /proc is not mounted, or is that of a PID namespace without this process;
    /// EACCES where the file may be executed and not read; another errno of open(2) or read(2).
    pub(crate) fn running() -> Result<Self, Errno> {
        let file = File::from(openat(CWD, "/proc/self/exe", READING, Mode::empty())?);
        let (bytes, sha256) = digest(&file)?;
        Ok(Self {
            file,
            bytes,
            sha256,
        })
    }
}

/// What a name in the directory refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Entry {
    /// Nothing has this name.
    Nothing,
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link, and what it holds.
    Link(OsString),
    /// A device, a FIFO, a socket.
    Special,
}

/// At which step a copy failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Making a file in the directory.
    Create,
    /// Writing it, or bringing it to disk.
    Write,
    /// Reading it again.
    ReadBack,
    /// Giving it the name, in place of what had it.
    Name,
}

/// Why there is no copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CopyError {
    /// A system call failed.
    System(Step, Errno),
    /// What was read again is not what was written.
    Differs,
}

/// Who may do what in a directory, for the words of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rights {
    /// Whose the directory is.
    pub owner: (u32, u32),
    /// Its permission bits.
    pub mode: u32,
    /// The effective uid and gid of this process.
    pub own: (u32, u32),
}

/// A directory to copy into.
#[derive(Debug)]
pub(crate) struct Directory {
    descriptor: OwnedFd,
}

impl Directory {
    /// Opens a directory; the last part of its path may be no link.
    ///
    /// # Errors
    /// ENOTDIR for a link and for what is no directory; another errno of open(2).
    pub(crate) fn open(path: &Path) -> Result<Self, Errno> {
        // A slash at the end would follow a link.
        let path: PathBuf = path.components().collect();
        let flags = READING | OFlags::DIRECTORY | OFlags::NOFOLLOW;
        let descriptor = openat(CWD, &path, flags, Mode::empty())?;
        Ok(Self { descriptor })
    }

    /// Whether its mount lets no file be executed.
    ///
    /// # Errors
    /// The errno of fstatvfs(3).
    pub(crate) fn is_noexec(&self) -> Result<bool, Errno> {
        let told = fstatvfs(&self.descriptor)?;
        Ok(told.f_flag.contains(StatVfsMountFlags::NOEXEC))
    }

    /// Space of its file system for this user, in bytes.
    ///
    /// # Errors
    /// The errno of fstatvfs(3).
    pub(crate) fn available_bytes(&self) -> Result<u64, Errno> {
        let told = fstatvfs(&self.descriptor)?;
        Ok(told.f_bavail.saturating_mul(told.f_frsize))
    }

    /// Whose it is, beside who asks.
    ///
    /// # Errors
    /// The errno of fstat(2).
    pub(crate) fn rights(&self) -> Result<Rights, Errno> {
        let stat = fstat(&self.descriptor)?;
        Ok(Rights {
            owner: (stat.st_uid, stat.st_gid),
            mode: stat.st_mode & 0o7777,
            own: (geteuid().as_raw(), getegid().as_raw()),
        })
    }

    /// What a name refers to.
    ///
    /// # Errors
    /// The errno of fstatat(2) or readlinkat(2).
    pub(crate) fn entry(&self, name: &str) -> Result<Entry, Errno> {
        Ok(match self.stat(name)? {
            None => Entry::Nothing,
            Some(stat) => match FileType::from_raw_mode(stat.st_mode) {
                FileType::RegularFile => Entry::File,
                FileType::Directory => Entry::Directory,
                FileType::Symlink => Entry::Link(link_text(&self.descriptor, Path::new(name))?),
                _ => Entry::Special,
            },
        })
    }

    /// Whether the program is there under this name, byte for byte and with its mode.
    #[must_use]
    pub(crate) fn holds(&self, name: &str, program: &Program) -> bool {
        let same_outside = |stat: &Stat| {
            FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
                && stat.st_mode & 0o7777 == MODE
                && u64::try_from(stat.st_size) == Ok(program.bytes)
        };
        if !self
            .stat(name)
            .is_ok_and(|stat| stat.is_some_and(|stat| same_outside(&stat)))
        {
            return false;
        }
        // It may be another one by now: a FIFO must not hold up the opening.
        let flags = READING | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let Ok(opened) = openat(&self.descriptor, name, flags, Mode::empty()) else {
            return false;
        };
        fstat(&opened).is_ok_and(|stat| same_outside(&stat))
            && digest(&File::from(opened)).is_ok_and(|(_, sha256)| sha256 == program.sha256)
    }

    /// Puts a copy of the program under a name, in place of any file or link that has it. A
    /// process that runs the old one keeps it.
    ///
    /// # Errors
    /// [`CopyError`]; then the name refers to the same file as before.
    pub(crate) fn put(&self, name: &str, program: &Program) -> Result<(), CopyError> {
        match self.put_unnamed(name, program) {
            Ok(()) => Ok(()),
            // File systems and sandboxes without O_TMPFILE; old kernels take it for O_DIRECTORY.
            Err(CopyError::System(
                Step::Create | Step::Name,
                Errno::OPNOTSUPP
                | Errno::ISDIR
                | Errno::NOSYS
                | Errno::INVAL
                | Errno::NOENT
                | Errno::XDEV,
            )) => self.put_named(name, program),
            Err(error) => Err(error),
        }
    }

    /// Makes a relative symbolic link.
    ///
    /// # Errors
    /// EEXIST where the name is taken; another errno of symlinkat(2).
    pub(crate) fn link(&self, name: &str, goal: &str) -> Result<(), Errno> {
        symlinkat(goal, &self.descriptor, name)
    }

    /// Brings names to disk; file systems that cannot are left alone.
    ///
    /// # Errors
    /// EIO and the like, of fsync(2).
    pub(crate) fn sync(&self) -> Result<(), Errno> {
        match rustix::fs::fsync(&self.descriptor) {
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => Ok(()),
            done => done,
        }
    }

    /// By a file without a name, of which nothing is left whenever this process is killed.
    fn put_unnamed(&self, name: &str, program: &Program) -> Result<(), CopyError> {
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        let file = openat(&self.descriptor, ".", flags, Mode::RUSR | Mode::WUSR);
        let file = File::from(file.map_err(at(Step::Create))?);
        fill(&file, program)?;
        let own = format!("/proc/self/fd/{}", file.as_raw_fd());
        let named = |name: &str| {
            let followed = AtFlags::SYMLINK_FOLLOW;
            linkat(CWD, &own, &self.descriptor, name, followed).map_err(at(Step::Name))
        };
        match named(name) {
            // linkat(2) replaces nothing: by way of a second name.
            Err(CopyError::System(_, Errno::EXIST)) => {
                let passing = passing_name()?;
                named(&passing)?;
                TempName(self, passing).becomes(name)
            }
            done => done,
        }
    }

    /// By a file with an unpredictable name.
    fn put_named(&self, name: &str, program: &Program) -> Result<(), CopyError> {
        let passing = passing_name()?;
        let flags =
            OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::RDWR | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let file = openat(&self.descriptor, &passing, flags, mode).map_err(at(Step::Create))?;
        let passing = TempName(self, passing);
        fill(&File::from(file), program)?;
        passing.becomes(name)
    }

    fn stat(&self, name: &str) -> Result<Option<Stat>, Errno> {
        match statat(&self.descriptor, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(errno),
        }
    }
}

/// What a path leads to if it is a link.
#[must_use]
pub(crate) fn link_at(path: &Path) -> Option<OsString> {
    let path: PathBuf = path.components().collect();
    link_text(CWD, &path).ok()
}

fn link_text(beside: impl AsFd, path: &Path) -> Result<OsString, Errno> {
    let text = readlinkat(beside, path, Vec::new())?;
    Ok(OsString::from_vec(text.into_bytes()))
}

/// An unpredictable name.
fn passing_name() -> Result<String, CopyError> {
    let key = random::key().map_err(at(Step::Create))?;
    let (some, _) = key.split_at(8);
    Ok(format!(".spyhole-{}", HEXLOWER.encode(some)))
}

/// A second name of ours on the way to the first; whatever has it is removed at the end.
struct TempName<'a>(&'a Directory, String);

impl TempName<'_> {
    fn becomes(self, name: &str) -> Result<(), CopyError> {
        let directory = &self.0.descriptor;
        renameat(directory, &self.1, directory, name).map_err(at(Step::Name))
    }
}

impl Drop for TempName<'_> {
    fn drop(&mut self) {
        // After the renaming nothing has this name.
        let _ = unlinkat(&self.0.descriptor, &self.1, AtFlags::empty());
    }
}

/// Writes the program into an empty file, brings it to disk, and compares it.
fn fill(mut file: &File, program: &Program) -> Result<(), CopyError> {
    let mut source = &program.file;
    source.rewind().map_err(io_at(Step::Write))?;
    io::copy(&mut source, &mut file).map_err(io_at(Step::Write))?;
    fchmod(file, Mode::from_raw_mode(MODE)).map_err(at(Step::Write))?;
    file.sync_all().map_err(io_at(Step::Write))?;
    let written = digest(file).map_err(at(Step::ReadBack))?;
    if written == (program.bytes, program.sha256) {
        Ok(())
    } else {
        Err(CopyError::Differs)
    }
}

/// Length and SHA-256 of a file, from its beginning.
fn digest(mut file: &File) -> Result<(u64, [u8; 32]), Errno> {
    let mut hash = Context::new(&SHA256);
    let mut length = 0_u64;
    let mut some = vec![0; 64 << 10];
    file.rewind().map_err(|error| errno(&error))?;
    loop {
        match file.read(&mut some) {
            Ok(0) => {
                let digest = hash.finish();
                let sha256 = digest.as_ref().try_into().map_err(|_| Errno::INVAL)?;
                return Ok((length, sha256));
            }
            Ok(count) => {
                hash.update(some.get(..count).unwrap_or_default());
                length = length.saturating_add(count as u64);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(errno(&error)),
        }
    }
}

fn at(step: Step) -> impl Fn(Errno) -> CopyError {
    move |errno| CopyError::System(step, errno)
}

fn io_at(step: Step) -> impl Fn(io::Error) -> CopyError {
    move |error| CopyError::System(step, errno(&error))
}

fn errno(error: &io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_reads_back_as_something_else_gets_no_name() {
        let house = tempfile::tempdir().unwrap();
        fs::write(house.path().join("source"), "what it should be").unwrap();
        let file = File::open(house.path().join("source")).unwrap();
        let (bytes, mut sha256) = digest(&file).unwrap();
        sha256[0] ^= 1;
        let program = Program {
            file,
            bytes,
            sha256,
        };
        let into = house.path().join("into");
        fs::create_dir(&into).unwrap();
        fs::write(into.join("old"), "old").unwrap();
        let directory = Directory::open(&into).unwrap();
        assert_eq!(directory.put("old", &program), Err(CopyError::Differs));
        assert_eq!(
            directory.put_named("old", &program),
            Err(CopyError::Differs)
        );
        assert_eq!(fs::read(into.join("old")).unwrap(), b"old");
        assert_eq!(fs::read_dir(&into).unwrap().count(), 1);
    }

    #[test]
    fn a_program_is_there_only_with_its_bytes_and_its_mode() {
        let house = tempfile::tempdir().unwrap();
        let program = Program::running().unwrap();
        let directory = Directory::open(house.path()).unwrap();
        assert!(!directory.holds("copy", &program));
        directory.put("copy", &program).unwrap();
        assert!(directory.holds("copy", &program));
        directory.link("link", "copy").unwrap();
        assert!(!directory.holds("link", &program), "a link is no copy");
        assert_eq!(directory.entry("link"), Ok(Entry::Link("copy".into())));
        assert_eq!(directory.link("copy", "x"), Err(Errno::EXIST));
    }
}
