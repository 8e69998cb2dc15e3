//! Reads the security context of a process beyond `status`.

use std::ffi::{CStr, CString};

use nix::errno::Errno;

use super::process_files::{ProcessFiles, TASKS_LIMIT};
use super::snapshot::{Namespaces, Security, Task};
use crate::model::capabilities::MappedIds;
use crate::model::gap::{Reason, Refusal};
use crate::parse::id_map::{IdMap, IdRange};
use crate::parse::namespace_link::{NamespaceKind, NamespaceLink};
use crate::parse::security_label::SecurityLabel;
use crate::parse::status::Status;
use crate::rights::ptrace_access::AccessCheck;
use crate::sys::file_limits;
use crate::sys::program::Program;
use crate::sys::{ProcessDir, Truncation};

/// The ranges of a map, for the document.
pub(crate) fn mapped_ids(map: &IdMap) -> Vec<MappedIds> {
    let mapped = |range: &IdRange| MappedIds {
        inside: range.inside,
        outside: range.outside,
        length: range.length,
    };
    map.ranges.iter().map(mapped).collect()
}

impl Security {
    /// Reads it all; `bodiless` are zombies and kernel threads.
    pub(crate) fn read(reader: &mut ProcessFiles<'_>, bodiless: bool) -> Self {
        let owner = reader.process.stat_entry(c"environ").ok();
        // The owner of a file of a copy says nothing of the process.
        let owner = owner.filter(|_| reader.process.is_live());
        Self {
            uid_map: reader.parsed(
                c"uid_map",
                file_limits::SMALL,
                AccessCheck::Open,
                IdMap::parse,
            ),
            gid_map: reader.parsed(
                c"gid_map",
                file_limits::SMALL,
                AccessCheck::Open,
                IdMap::parse,
            ),
            label: label(reader),
            files_owner: owner
                .filter(|_| !bodiless)
                .map(|stat| (stat.st_uid, stat.st_gid)),
            namespaces: Namespaces::of(reader.process),
            program: if bodiless { Ok(None) } else { program(reader) },
        }
    }
}

impl Namespaces {
    /// Of a process.
    #[must_use]
    pub(crate) fn of(process: &ProcessDir) -> Self {
        let inode = |name: &CStr, kind| {
            let link = NamespaceLink::parse(&process.read_link(name).ok()?).ok()?;
            (link.kind == kind).then_some(link.inode)
        };
        Self {
            ipc: inode(c"ns/ipc", NamespaceKind::Ipc),
            net: inode(c"ns/net", NamespaceKind::Net),
            pid: inode(c"ns/pid", NamespaceKind::Pid),
            user: inode(c"ns/user", NamespaceKind::User),
        }
    }
}

fn label(reader: &mut ProcessFiles<'_>) -> Result<Option<SecurityLabel>, Refusal> {
    // Since Linux 5.8; tells AppArmor apart also where modules are stacked.
    let own = reader
        .process
        .read(c"attr/apparmor/current", file_limits::SMALL, reader.buffer);
    if own == Ok(Truncation::Whole)
        && let Some(label) = SecurityLabel::of_apparmor(reader.buffer)
    {
        return Ok(Some(label));
    }
    match reader
        .process
        .read(c"attr/current", file_limits::SMALL, reader.buffer)
    {
        Ok(Truncation::Whole) => Ok(SecurityLabel::parse(reader.buffer)),
        Ok(Truncation::AtLimit) => Err(Refusal::of(Reason::Limit)),
        // The kernel's word for: no module has a label for it.
        Err(Errno::EINVAL) => Ok(None),
        Err(errno) => Err(reader.refused(errno, AccessCheck::Open)),
    }
}

fn program(reader: &mut ProcessFiles<'_>) -> Result<Option<Program>, Refusal> {
    match Program::of(reader.process) {
        Ok(program) => Ok(Some(program)),
        // On its way out: it has given up its memory, so there is no program any more.
        Err(Errno::ENOENT) => Ok(None),
        Err(errno) => Err(reader.refused(errno, AccessCheck::Ptrace)),
    }
}

/// Every thread but the first; one that ended between two reads is simply gone.
pub(crate) fn tasks(reader: &mut ProcessFiles<'_>) -> Result<Vec<Task>, Refusal> {
    let mut ids = match reader.process.numbers_in(c"task") {
        Ok(ids) => ids,
        Err(errno) => return Err(reader.refused(errno, AccessCheck::Open)),
    };
    if ids.len() > TASKS_LIMIT {
        return Err(Refusal::of(Reason::Limit));
    }
    ids.retain(|id| *id != reader.process.pid());
    ids.sort_unstable();
    let mut tasks = Vec::new();
    for tid in ids {
        if !task_file(reader, tid, "status", file_limits::STATUS)? {
            continue;
        }
        let status = Status::parse(reader.buffer).map_err(|error| {
            Refusal::of(Reason::Malformed).needing(&format!("a report of this: {error}"))
        })?;
        let comm = task_file(reader, tid, "comm", file_limits::SMALL)?.then(|| {
            let comm = reader.buffer.as_slice();
            comm.strip_suffix(b"\n").unwrap_or(comm).to_vec()
        });
        tasks.push(Task { tid, comm, status });
    }
    Ok(tasks)
}

/// Whether the file is in the buffer; not, where the thread has ended.
fn task_file(
    reader: &mut ProcessFiles<'_>,
    tid: i32,
    name: &str,
    limit: usize,
) -> Result<bool, Refusal> {
    let Ok(path) = CString::new(format!("task/{tid}/{name}")) else {
        return Ok(false);
    };
    match reader.process.read(&path, limit, reader.buffer) {
        Ok(Truncation::Whole) => Ok(true),
        Ok(Truncation::AtLimit) => Err(Refusal::of(Reason::Limit)),
        Err(Errno::ENOENT | Errno::ESRCH) => Ok(false),
        Err(errno) => Err(reader.refused(errno, AccessCheck::Open)),
    }
}
