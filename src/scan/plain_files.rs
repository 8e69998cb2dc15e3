//! Lists the files of a process that are kept as they are read: one row each, which the reader
//! reads and `access` tries. What else a file needs is its flag in [`Files`].

use std::ffi::CStr;

use super::needs::Files;
use crate::model::access::What;
use crate::rights::ptrace_access::AccessCheck;
use crate::sys::file_limits;

/// A file of a process that is kept as it is read.
pub(crate) struct PlainFile {
    /// Asks for it.
    pub flag: Files,
    /// Its name in the directory of the process.
    pub name: &'static CStr,
    /// The most that is read of it.
    pub limit: usize,
    /// What the kernel asks of its reader.
    pub check: AccessCheck,
    /// Whether it shows memory: then it is empty for what has none, zombies and kernel threads.
    pub of_memory: bool,
    /// What `access` calls it.
    pub what: What,
}

/// All of them, in the order in which they are read.
pub(crate) const PLAIN_FILES: &[PlainFile] = &[
    PlainFile {
        flag: Files::ENVIRON,
        name: c"environ",
        limit: file_limits::ENVIRON,
        check: AccessCheck::OwnerAndPtrace,
        of_memory: true,
        what: What::Environment,
    },
    #[cfg(feature = "sample-section")]
    PlainFile {
        flag: Files::PERSONALITY,
        name: c"personality",
        limit: file_limits::SMALL,
        check: AccessCheck::OwnerAndPtrace,
        of_memory: false,
        what: What::Personality,
    },
];

/// The flags of all of them.
pub(crate) const FLAGS: Files = flags(PLAIN_FILES);

const fn flags(files: &[PlainFile]) -> Files {
    match files {
        [] => Files::empty(),
        [first, rest @ ..] => first.flag.union(flags(rest)),
    }
}
