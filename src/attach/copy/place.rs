//! Where a copy goes: the rules of `cp -r`.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::CopyFailure;
use crate::model::escape::escaped;
use crate::sys::destination::{LocalKind, kind_at};

/// Where a copy goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CopyPlace {
    /// The content of a directory goes into this one.
    Contents(PathBuf),
    /// The copy gets this name.
    As {
        /// In this directory.
        directory: PathBuf,
        /// One part of a path.
        name: Vec<u8>,
        /// LOCAL ends with a slash and is not there yet.
        must_be_directory: bool,
    },
}

impl CopyPlace {
    /// The place that LOCAL means for a copy of this remote path.
    ///
    /// # Errors
    /// [`CopyFailure::Local`] where LOCAL cannot be written to.
    pub(crate) fn of(local: &Path, remote: &RemotePath) -> Result<Self, CopyFailure> {
        let refused = |why: &str| CopyFailure::Local {
            path: escaped(local.as_os_str().as_bytes()).into_owned(),
            why: why.to_owned(),
        };
        let kind = kind_at(local).map_err(|errno| refused(&errno.to_string()))?;
        match kind {
            LocalKind::Directory => Ok(match remote.name() {
                Some(name) => Self::As {
                    directory: local.to_owned(),
                    name: name.to_vec(),
                    must_be_directory: false,
                },
                None => Self::Contents(local.to_owned()),
            }),
            LocalKind::Link => Err(refused(
                "is a link, which would be replaced; use the path that it leads to",
            )),
            LocalKind::Special => Err(refused(
                "is a device, FIFO or socket; use - to write the archive to stdout",
            )),
            LocalKind::File | LocalKind::Nothing => {
                let name = local.file_name().map(OsStr::as_bytes);
                let name = name.ok_or_else(|| refused("has no file name"))?.to_vec();
                let parent = local.parent().filter(|parent| *parent != Path::new(""));
                let directory = parent.unwrap_or(Path::new(".")).to_owned();
                if kind_at(&directory) != Ok(LocalKind::Directory) {
                    return Err(refused("the directory above it does not exist"));
                }
                Ok(Self::As {
                    directory,
                    name,
                    must_be_directory: local.as_os_str().as_bytes().ends_with(b"/"),
                })
            }
        }
    }

    /// For a person.
    pub(crate) fn shown(&self) -> String {
        let path = match self {
            Self::Contents(path) => path.clone(),
            Self::As {
                directory, name, ..
            } if directory == Path::new(".") => PathBuf::from(OsStr::from_bytes(name)),
            Self::As {
                directory, name, ..
            } => directory.join(OsStr::from_bytes(name)),
        };
        escaped(path.as_os_str().as_bytes()).into_owned()
    }
}

/// A path of the target, without `.` and `..`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RemotePath {
    parts: Vec<Vec<u8>>,
    /// It ends with `/.`: the content is meant, not the directory.
    contents: bool,
}

impl RemotePath {
    /// Reads a path; `..` leads to the part above, and never above the root.
    pub(crate) fn of(path: &[u8]) -> Self {
        let mut parts: Vec<Vec<u8>> = Vec::new();
        for part in path.split(|byte| *byte == b'/') {
            match part {
                b"" | b"." => {}
                b".." => {
                    parts.pop();
                }
                part => parts.push(part.to_vec()),
            }
        }
        Self {
            contents: parts.is_empty() || path.ends_with(b"/."),
            parts,
        }
    }

    /// Its parts from the root on.
    pub(crate) fn parts(&self) -> Vec<&[u8]> {
        self.parts.iter().map(Vec::as_slice).collect()
    }

    /// Its last part; `None` where only the content of it is meant.
    fn name(&self) -> Option<&[u8]> {
        self.parts
            .last()
            .filter(|_| !self.contents)
            .map(Vec::as_slice)
    }

    /// Absolute, as the command there takes it.
    pub(crate) fn absolute(&self) -> Vec<u8> {
        let mut path = Vec::new();
        for part in &self.parts {
            path.push(b'/');
            path.extend_from_slice(part);
        }
        if path.is_empty() {
            path.push(b'/');
        }
        path
    }
}
