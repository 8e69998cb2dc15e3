//! What is read of a process only where it is asked for: what it waits for, how it is scheduled,
//! its I/O, its namespaces.

use std::ffi::CString;

use super::needs::Files;
use super::process_files::{ProcessFiles, malformed};
use crate::model::gap::{Reason, Refusal};
use crate::parse::Malformed;
use crate::parse::namespace_link::{NamespaceKind, NamespaceLink};
use crate::parse::scheduling::{Io, Scheduling, cpus_allowed};
use crate::rights::ptrace_access::AccessCheck;
use crate::sys::{ProcessDir, file_limits};

/// All files of it.
pub(crate) const FLAGS: Files = Files::WCHAN
    .union(Files::SCHEDULING)
    .union(Files::IO)
    .union(Files::NAMESPACES);

/// What was read; `None`: not asked for.
#[derive(Debug)]
pub(crate) struct Details {
    /// `wchan`; `Ok(None)` for what does not wait in the kernel.
    pub wchan: Option<Result<Option<Vec<u8>>, Refusal>>,
    /// From `stat`.
    pub scheduling: Option<Result<Scheduling, Refusal>>,
    /// From `status`.
    pub cpus_allowed: Option<Result<String, Refusal>>,
    /// `io`.
    pub io: Option<Result<Io, Refusal>>,
    /// The links in `ns`, those that this kernel has; `Ok(None)` for zombies.
    pub namespaces: Option<Result<Option<Vec<NamespaceLink>>, Refusal>>,
}

impl Details {
    /// Reads those that are asked for.
    pub(crate) fn read(reader: &mut ProcessFiles<'_>, files: Files, is_zombie: bool) -> Self {
        let scheduled = files.contains(Files::SCHEDULING);
        Self {
            wchan: files.contains(Files::WCHAN).then(|| wchan(reader)),
            scheduling: scheduled.then(|| {
                let check = AccessCheck::Open;
                reader.parsed(c"stat", file_limits::SMALL, check, Scheduling::parse)
            }),
            cpus_allowed: scheduled.then(|| {
                reader.read(c"status", file_limits::STATUS, AccessCheck::Open)?;
                cpus_allowed(reader.buffer).ok_or(Refusal::of(Reason::Unsupported))
            }),
            // That of a zombie is root's alone.
            io: (files.contains(Files::IO) && !is_zombie).then(|| {
                let check = AccessCheck::OwnerAndPtrace;
                reader.parsed(c"io", file_limits::SMALL, check, Io::parse)
            }),
            namespaces: files.contains(Files::NAMESPACES).then(|| {
                if is_zombie {
                    return Ok(None);
                }
                let links = namespaces(reader.process).map_err(|error| match error {
                    NamespacesError::Read(errno) => reader.refused(errno, AccessCheck::Ptrace),
                    NamespacesError::Malformed(error) => malformed(error),
                });
                links.map(Some)
            }),
        }
    }
}

/// `0` says that it does not wait, and that it may not be told.
fn wchan(reader: &mut ProcessFiles<'_>) -> Result<Option<Vec<u8>>, Refusal> {
    reader.read(c"wchan", file_limits::SMALL, AccessCheck::Open)?;
    if reader.buffer.as_slice() != b"0" {
        return Ok(Some(reader.buffer.clone()));
    }
    match reader.process.read_link(c"ns/pid") {
        Ok(_) | Err(nix::errno::Errno::ENOENT) => Ok(None),
        Err(errno) => Err(reader.refused(errno, AccessCheck::Ptrace)),
    }
}

/// Why the namespaces of a process are not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NamespacesError {
    /// A link may not be read.
    Read(nix::errno::Errno),
    /// A link is not as the kernel writes it, or names a namespace of another kind.
    Malformed(Malformed),
}

/// The namespaces that a process is in; kinds that this kernel does not have are left out.
///
/// # Errors
/// [`NamespacesError`], of the first link that cannot be read.
pub(crate) fn namespaces(process: &ProcessDir) -> Result<Vec<NamespaceLink>, NamespacesError> {
    let mut found = Vec::new();
    for kind in NamespaceKind::ALL {
        let Ok(name) = CString::new(format!("ns/{}", kind.as_str())) else {
            continue;
        };
        match process.read_link(&name) {
            Ok(link) => {
                let link = NamespaceLink::parse(&link).map_err(NamespacesError::Malformed)?;
                if link.kind != kind {
                    return Err(NamespacesError::Malformed(NamespaceLink::MALFORMED));
                }
                found.push(link);
            }
            Err(nix::errno::Errno::ENOENT) => {}
            Err(errno) => return Err(NamespacesError::Read(errno)),
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use super::*;
    use crate::sys::ProcDir;

    fn of_copy(links: &[(&str, &str)]) -> Result<Vec<NamespaceLink>, NamespacesError> {
        let top = tempfile::tempdir().unwrap();
        let directory = top.path().join("7/ns");
        std::fs::create_dir_all(&directory).unwrap();
        for (name, goal) in links {
            symlink(Path::new(goal), directory.join(name)).unwrap();
        }
        namespaces(&ProcDir::open(top.path()).unwrap().process(7).unwrap())
    }

    #[test]
    fn a_link_that_cannot_be_read_is_not_a_kind_that_is_not_there() {
        let found = of_copy(&[("net", "net:[4026531840]"), ("pid", "pid:[4026531836]")]);
        assert_eq!(found.unwrap().len(), 2);
        for bad in ["net:[x]", "net", "uts:[4026531840]", "mesh:[7]"] {
            let found = of_copy(&[("net", bad), ("pid", "pid:[4026531836]")]);
            assert!(matches!(found, Err(NamespacesError::Malformed(_))), "{bad}");
        }
    }
}
