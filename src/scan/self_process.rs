//! Finds spyhole's own process: the one that runs this code. Where that is a reader process, it has
//! the ids, capabilities and namespaces of spyhole, and holds the descriptors of the scan.

use std::path::Path;

use nix::errno::Errno;

use crate::sys::{ProcDir, ProcessDir};

/// Where the kernel's own proc is mounted, whose list is always there at once.
pub(crate) const PROC: &str = "/proc";

/// spyhole in the /proc that is walked; where that does not list it, in its own.
#[must_use]
pub(crate) fn find(proc: &ProcDir) -> Option<ProcessDir> {
    listed(proc).or_else(|_| in_own_proc()).ok()
}

/// spyhole in its own /proc.
///
/// # Errors
/// The errno of open(2), or ENOENT where that /proc is of another PID namespace.
pub(crate) fn in_own_proc() -> Result<ProcessDir, Errno> {
    listed(&ProcDir::open(Path::new(PROC))?)
}

fn listed(proc: &ProcDir) -> Result<ProcessDir, Errno> {
    proc.process(proc.caller_pid()?)
}
