//! Why a file, or a part of one, gives nothing.

use std::fmt;

use nix::errno::Errno;

use crate::model::escape::escaped;
use crate::model::gap::{Reason, Refusal};
use crate::model::secret::SecretKind;
use crate::model::shell::quoted;
use crate::scan::no_target::NoTarget;
use crate::sys::remote_fs;

use super::read_decision::NeverRead;

/// Why a path gives nothing, or not all of it. Its text never has content of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileError {
    /// As it was asked for, or as the walk met it.
    pub(crate) path: Vec<u8>,
    pub(crate) kind: FileErrorKind,
}

/// The reasons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FileErrorKind {
    /// A system call failed.
    Errno(Errno),
    /// It is a directory, where content was asked for.
    IsDirectory,
    /// It is a secret as a whole.
    HeldBack(HeldBack),
    /// Content of its kind is never read.
    NeverRead(NeverRead),
    /// The directory leads back to one that it is in.
    Loop,
    /// More names than are kept of one directory, or of all that lead to one.
    TooMany,
    /// A path longer than any that is followed.
    TooDeep,
    /// The directory was moved while it was walked.
    Moved,
    /// The time of the whole command is over.
    TimedOut,
}

/// Why a file is a secret as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeldBack {
    /// By its place, its name or its first bytes.
    Secret(SecretKind),
    /// It holds secrets in places, and what was asked for is about the whole.
    HoldsSecrets,
    /// A core file is the memory of a process, environment included.
    CoreFile,
}

impl FileError {
    #[must_use]
    pub(crate) fn of(path: &[u8], kind: FileErrorKind) -> Self {
        Self {
            path: path.to_vec(),
            kind,
        }
    }

    #[must_use]
    pub(crate) fn errno(path: &[u8], errno: Errno) -> Self {
        Self::of(path, FileErrorKind::Errno(errno))
    }

    /// The same as a gap has it; with the remedy.
    #[must_use]
    pub(crate) fn refusal(&self) -> Refusal {
        match &self.kind {
            FileErrorKind::Errno(errno) => refusal_of(*errno),
            FileErrorKind::TimedOut => Refusal::of(Reason::Timeout).needing("a longer --timeout"),
            FileErrorKind::TooMany | FileErrorKind::TooDeep => Refusal::of(Reason::Limit),
            FileErrorKind::Moved => Refusal::of(Reason::Vanished),
            _ => Refusal::of(Reason::Denied),
        }
    }
}

/// What the errno of a file means.
#[must_use]
pub(crate) fn refusal_of(errno: Errno) -> Refusal {
    let reason = match errno {
        Errno::ENOENT => Refusal::of(Reason::Vanished),
        errno => crate::scan::target::by_its_mode(errno),
    };
    Refusal {
        errno: Some(format!("{errno:?}")),
        ..reason
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = escaped(&self.path);
        match &self.kind {
            FileErrorKind::Errno(errno) => {
                write!(out, "cannot read {path}: {}", words(*errno))?;
                let needs = refusal_of(*errno).needs;
                needs.map_or(Ok(()), |needs| write!(out, "; needs {needs}"))
            }
            FileErrorKind::IsDirectory => write!(out, "cannot read {path}: is a directory"),
            FileErrorKind::HeldBack(why) => write!(
                out,
                "{path} is held back: {why}; to show it: --reveal-file {} (or --reveal-all)",
                quoted(&path)
            ),
            FileErrorKind::NeverRead(why) => write!(out, "{path} is not read: {why}"),
            FileErrorKind::Loop => write!(
                out,
                "{path} is not entered: it is a directory that leads to it"
            ),
            FileErrorKind::TooMany => write!(
                out,
                "{path} is not listed completely: too many names (limit reached)"
            ),
            FileErrorKind::TooDeep => {
                write!(out, "{path} is not entered: its path is too long")
            }
            FileErrorKind::Moved => write!(
                out,
                "{path} is not listed completely: it was moved or removed meanwhile"
            ),
            FileErrorKind::TimedOut => write!(
                out,
                "timed out at {path}: the rest was not read; use a longer --timeout"
            ),
        }
    }
}

impl fmt::Display for HeldBack {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret(SecretKind::Name) => {
                out.write_str("its name or its place is that of a secret")
            }
            Self::Secret(SecretKind::PrivateKey) => {
                out.write_str("it is a private key or keystore")
            }
            Self::Secret(kind) => write!(out, "it is a secret ({})", kind.describe()),
            Self::HoldsSecrets => out.write_str("it holds secrets"),
            Self::CoreFile => {
                out.write_str("a core file holds the environment and the memory of its process")
            }
        }
    }
}

/// An errno as a person reads it.
#[must_use]
pub(crate) fn words(errno: Errno) -> String {
    match errno {
        Errno::ENOENT => "not found".to_owned(),
        Errno::ELOOP => "too many symbolic links, links in a circle, or a link of proc that leads out of the root".to_owned(),
        remote_fs::NOT_TRIED => "it is on a file system that is not local".to_owned(),
        remote_fs::NO_ANSWER => "its file system did not respond in time".to_owned(),
        errno => {
            let words = errno.desc();
            let mut letters = words.chars();
            let first = letters.next().map(|first| first.to_ascii_lowercase());
            first.into_iter().chain(letters).collect()
        }
    }
}

/// Why no file of the target can be reached.
#[derive(Debug)]
pub(crate) enum FilesUnavailable {
    /// There is no target, or more than one.
    NoTarget(NoTarget),
    /// Its root directory cannot be entered.
    Root {
        /// The main process of the target.
        pid: i32,
        refusal: Refusal,
    },
}

impl fmt::Display for FilesUnavailable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTarget(none) => none.fmt(out),
            Self::Root { pid, refusal } => {
                write!(
                    out,
                    "cannot enter the target's root directory (/proc/{pid}/root): {}",
                    refusal.reason.describe()
                )?;
                if let Some(errno) = &refusal.errno {
                    write!(out, " ({errno})")?;
                }
                if let Some(needs) = &refusal.needs {
                    write!(out, "; needs {needs}")?;
                }
                Ok(())
            }
        }
    }
}
