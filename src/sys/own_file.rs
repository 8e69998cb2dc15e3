//! Files of spyhole's own side, which the user named.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Shorter keys can be guessed.
const KEY_BYTES: usize = 16;
const KEY_LIMIT: u64 = 64 << 10;

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
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(KEY_LIMIT).read_to_string(&mut text))
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
    let mut key = Vec::new();
    File::open(path)
        .and_then(|file| file.take(KEY_LIMIT).read_to_end(&mut key))
        .map_err(|source| KeyError::Unreadable {
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
    File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        let why = format!("longer than {limit} bytes");
        return Err(std::io::Error::new(std::io::ErrorKind::FileTooLarge, why));
    }
    Ok(bytes)
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
