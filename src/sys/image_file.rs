//! The file of an image that the user named, and what comes from a pipe, kept in a file without a name.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{MemfdFlags, Mode, OFlags, memfd_create};

use super::tree_entry::OpenedContent;

/// The most that is kept on a disk, and the most that is kept in memory where no directory takes it.
const DISK_BYTES: u64 = 16 << 30;
const MEMORY_BYTES: u64 = 256 << 20;

/// What the user named.
#[derive(Debug)]
pub(crate) enum NamedImage {
    /// A directory.
    Directory,
    /// A regular file.
    File(OpenedContent),
}

/// Opens what the user named, without waiting for the other end of a FIFO.
///
/// # Errors
/// Those of open(2); that it is neither a directory nor a regular file.
pub(crate) fn open(path: &Path) -> io::Result<NamedImage> {
    let file = File::options()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(path)?;
    let kind = file.metadata()?.file_type();
    if kind.is_dir() {
        return Ok(NamedImage::Directory);
    }
    if !kind.is_file() {
        let why = "is neither a directory nor a regular file; use - to read stdin";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    }
    Ok(NamedImage::File(OpenedContent::of_own(file.into())?))
}

/// A file without a name: it is gone when it is closed, however this process ends.
pub(crate) struct Spool {
    file: File,
    left: u64,
}

impl Spool {
    /// In `TMPDIR`, `/var/tmp` or `/tmp`, otherwise in memory.
    ///
    /// # Errors
    /// Those of `memfd_create(2)`.
    pub(crate) fn begin() -> io::Result<Self> {
        let named = std::env::var_os("TMPDIR").map(PathBuf::from);
        let usual = ["/var/tmp", "/tmp"].map(PathBuf::from);
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::EXCL | OFlags::CLOEXEC;
        let unnamed = named
            .into_iter()
            .chain(usual)
            .find_map(|directory| rustix::fs::open(directory, flags, Mode::RUSR | Mode::WUSR).ok());
        let (file, left): (OwnedFd, u64) = match unnamed {
            Some(file) => (file, DISK_BYTES),
            None => (
                memfd_create("spyhole-image", MemfdFlags::CLOEXEC)?,
                MEMORY_BYTES,
            ),
        };
        let file = file.into();
        Ok(Self { file, left })
    }

    /// Ends the writing.
    ///
    /// # Errors
    /// The errno of fstat(2).
    pub(crate) fn finish(self) -> io::Result<OpenedContent> {
        Ok(OpenedContent::of_own(
            self.file.as_fd().try_clone_to_owned()?,
        )?)
    }
}

impl Write for Spool {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() as u64 > self.left {
            let why = "the archive is longer than what is kept of one";
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
        }
        let count = self.file.write(bytes)?;
        self.left -= count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spool_is_read_back_and_has_no_name() {
        let mut spool = Spool::begin().unwrap();
        spool.write_all(b"an archive").unwrap();
        let held = spool.finish().unwrap();
        assert_eq!(held.size_bytes(), 10);
        let mut read = Vec::new();
        held.read_at(3, &mut read, 100).unwrap();
        assert_eq!(read, b"archive");
    }

    #[test]
    fn what_is_no_file_is_refused_at_once() {
        let directory = tempfile::tempdir().unwrap();
        let fifo = directory.path().join("fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert!(open(&fifo).is_err());
        assert!(matches!(open(directory.path()), Ok(NamedImage::Directory)));
    }
}
