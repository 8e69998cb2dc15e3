//! Files of spyhole's own side, which the user named.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Shorter keys can be guessed.
const KEY_BYTES: usize = 16;
const KEY_LIMIT: u64 = 64 << 10;
/// `PIPEFS_MAGIC` of the kernel.
const PIPEFS: i64 = 0x5049_5045;
/// How long a pipe or a terminal may bring nothing.
const PATIENCE: Timespec = Timespec {
    tv_sec: 10,
    tv_nsec: 0,
};

/// Why a password file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("--password-file {path}: {source}")]
pub(crate) struct PasswordError {
    /// As it was given.
    path: PathBuf,
    /// The error of opening or reading.
    source: std::io::Error,
}

/// Reads a password: the first line of a file, without its end.
///
/// # Errors
/// Where it cannot be read, or is not UTF-8.
pub(crate) fn password(path: &Path) -> Result<String, PasswordError> {
    let no_text = |_| io::Error::new(io::ErrorKind::InvalidData, "is not UTF-8");
    let text = contents(path, KEY_LIMIT)
        .and_then(|bytes| String::from_utf8(bytes).map_err(no_text))
        .map_err(|source| PasswordError {
            path: path.to_owned(),
            source,
        })?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// Why a key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyError {
    /// It cannot be read.
    #[error("--fingerprint-key-file {path}: {source}")]
    Unreadable {
        /// As it was given.
        path: PathBuf,
        /// The error of opening or reading.
        source: std::io::Error,
    },
    /// It is too short to keep fingerprints safe from guessing.
    #[error(
        "--fingerprint-key-file {path}: {length} bytes, expected at least {KEY_BYTES}; \
         generate one with: head -c 32 /dev/urandom > FILE"
    )]
    TooShort {
        /// As it was given.
        path: PathBuf,
        /// How long it is.
        length: usize,
    },
}

/// Reads the key for fingerprints.
///
/// # Errors
/// Where it cannot be read, or is shorter than 16 bytes.
pub(crate) fn key(path: &Path) -> Result<Vec<u8>, KeyError> {
    let key = contents(path, KEY_LIMIT).map_err(|source| KeyError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    if key.len() < KEY_BYTES {
        return Err(KeyError::TooShort {
            path: path.to_owned(),
            length: key.len(),
        });
    }
    Ok(key)
}

/// Reads a file that the user named; one longer than `limit` bytes is an error.
///
/// # Errors
/// Those of opening and reading.
pub(crate) fn contents(path: &Path, limit: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        let why = format!("longer than {limit} bytes");
        return Err(std::io::Error::new(std::io::ErrorKind::FileTooLarge, why));
    }
    Ok(bytes)
}

/// Begins a file that the user named, in place of what it held.
///
/// # Errors
/// Those of opening.
pub(crate) fn create(path: &Path) -> io::Result<Box<dyn io::Write>> {
    Ok(Box::new(File::create(path)?))
}

/// A named file to be read: a regular one, or a pipe or terminal that the shell has opened, from
/// which something comes in time.
struct NamedFile {
    file: File,
    is_regular: bool,
}

/// Opens a file that the user named, without waiting for the other end of a FIFO.
fn open(path: &Path) -> io::Result<NamedFile> {
    let file = File::options()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(path)?;
    let kind = file.metadata()?.file_type();
    // That of `<(command)` or of `/dev/stdin` has no name of its own.
    let is_pipe = || rustix::fs::fstatfs(&file).is_ok_and(|of| of.f_type == PIPEFS);
    let refused = if kind.is_dir() {
        Some("directory")
    } else if kind.is_block_device() {
        Some("block device")
    } else if kind.is_fifo() && !is_pipe() {
        Some("FIFO")
    } else {
        None
    };
    if let Some(what) = refused {
        let why = format!("is a {what}, expected a regular file");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    }
    Ok(NamedFile {
        is_regular: kind.is_file(),
        file,
    })
}

impl Read for NamedFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.is_regular {
            let mut ready = [PollFd::new(&self.file, PollFlags::IN)];
            if poll(&mut ready, Some(&PATIENCE))? == 0 {
                let why = "nothing to read within 10s";
                return Err(io::Error::new(io::ErrorKind::TimedOut, why));
            }
        }
        self.file.read(buffer)
    }
}

/// What changes when a file is replaced or written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    device: u64,
    inode: u64,
    size_bytes: u64,
    modified_nanoseconds: i128,
}

/// The stamp of the regular file that a path leads to now, links followed; `None` where there
/// is none.
#[must_use]
pub(crate) fn stamp(path: &Path) -> Option<Stamp> {
    let found = std::fs::metadata(path)
        .ok()
        .filter(std::fs::Metadata::is_file)?;
    Some(Stamp {
        device: found.dev(),
        inode: found.ino(),
        size_bytes: found.size(),
        modified_nanoseconds: i128::from(found.mtime()) * 1_000_000_000
            + i128::from(found.mtime_nsec()),
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::fd::AsRawFd;

    use super::*;
    use crate::sys::scratch::Scratch;

    #[test]
    fn a_fifo_is_refused_and_the_pipe_of_a_shell_is_read() {
        let house = Scratch::new();
        let fifo = house.path("/fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        // Each of these waited for a writer.
        let says = contents(&fifo, 9).unwrap_err().to_string();
        assert!(says.contains("is a FIFO"), "{says}");
        assert!(key(&fifo).is_err() && password(&fifo).is_err());
        assert!(contents(house.path("/").as_path(), 9).is_err());
        // Neither is an endless device a key or a password, cut somewhere.
        let endless = Path::new("/dev/zero");
        assert!(key(endless).is_err() && password(endless).is_err());
        assert!(contents(endless, 9).is_err());
        let (read, write) = nix::unistd::pipe().unwrap();
        File::from(write).write_all(b"token").unwrap();
        let path = format!("/dev/fd/{}", read.as_raw_fd());
        assert_eq!(contents(path.as_ref(), 9).unwrap(), b"token");
    }
}
