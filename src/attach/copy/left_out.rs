//! What a copy leaves out, and why.

use std::fmt;

use rustix::io::Errno;

use crate::model::escape::escaped;
use crate::parse::tar::MemberKind;

/// Something that was not copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LeftOut {
    /// Its name in the archive.
    pub path: Vec<u8>,
    /// Why.
    pub reason: LeftOutReason,
}

/// Why something was not copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LeftOutReason {
    /// It is no file, directory or link.
    Kind(MemberKind),
    /// A link whose goal is not in the copy.
    LinkOut(Vec<u8>),
    /// A further name of a file that was not copied.
    NotCopied(Vec<u8>),
    /// This machine refuses it.
    Errno(Errno),
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = escaped(&self.path);
        match &self.reason {
            LeftOutReason::Kind(kind) => write!(f, "{path}: not copied: {}", kind_words(*kind)),
            LeftOutReason::LinkOut(goal) => write!(
                f,
                "{path}: not copied: a link to {}, which is outside the copy",
                escaped(goal)
            ),
            LeftOutReason::NotCopied(goal) => write!(
                f,
                "{path}: not copied: a hard link to {}, which was not copied",
                escaped(goal)
            ),
            LeftOutReason::Errno(Errno::LOOP | Errno::NOTDIR) => write!(
                f,
                "{path}: not copied: a link or a file is in its way on this machine"
            ),
            LeftOutReason::Errno(Errno::ISDIR) => {
                write!(f, "{path}: not copied: a directory has its name here")
            }
            LeftOutReason::Errno(Errno::EXIST) => write!(
                f,
                "{path}: not copied: a device, FIFO or socket has its name here"
            ),
            LeftOutReason::Errno(errno) => write!(f, "{path}: not copied: {errno}"),
        }
    }
}

fn kind_words(kind: MemberKind) -> &'static str {
    match kind {
        MemberKind::CharacterDevice | MemberKind::BlockDevice => "a device",
        MemberKind::Fifo => "a FIFO",
        MemberKind::SymbolicLink => "a link",
        MemberKind::HardLink => "a hard link",
        _ => "not a file, directory or link",
    }
}
