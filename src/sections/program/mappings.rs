//! Whether the program and the libraries that it has mapped are still the files on disk.

use super::{Subject, jvm, runtime};
use crate::model::gap::{Reason, Refusal, SectionGaps};
use crate::model::program::{MappedFile, OnDisk, Program};
use crate::model::seen::Seen;
use crate::parse::maps::{self, Mapping};
use crate::rights::ptrace_access::AccessCheck;
use crate::sys::InRoot;
use crate::sys::opened_file::OpenedFile;

/// Programs have up to a few hundred.
const FILES: usize = 2048;
/// What a path of the kernel ends with once nothing leads to the file.
const DELETED: &[u8] = b" (deleted)";

pub(super) fn compare(subject: &Subject<'_>, program: &mut Program, gaps: &mut SectionGaps<'_>) {
    let target = subject.target;
    let viewer = &subject.scan.reader.viewer;
    let pid = target.main.pid();
    let root = target.root(viewer).map_err(Clone::clone);
    let maps = target.maps();
    if let (Ok(root), Ok(maps)) = (&root, &maps) {
        program.jvm = jvm::counters(subject, root, maps, gaps);
    }
    let mapped = maps
        .map(|bytes| maps::executables(&bytes))
        .map_err(|errno| target.refusal(errno, AccessCheck::Ptrace, viewer));
    let found = root.and_then(|root| Ok((root, mapped?)));
    let path = subject.path();
    let on_disk = found
        .as_ref()
        .map_err(Clone::clone)
        .and_then(|(root, mapped)| Ok(state_of_program(root, &path?, mapped)));
    program.on_disk = Some(gaps.seen("on_disk", pid, on_disk));
    if let Ok((_, mapped)) = &found
        && mapped.len() > FILES
    {
        gaps.record("changed_mappings", pid, &Refusal::of(Reason::Limit));
    }
    if let Ok((root, mapped)) = &found {
        let exe = program.path.value().map(|path| path.as_bytes().to_vec());
        program.runtime = runtime::version(subject, root, exe.as_deref(), mapped);
    }
    let changed = found.map(|(root, mapped)| {
        let mapped = mapped.iter().take(FILES);
        let changed = mapped.filter_map(|one| {
            let state = state(root, one);
            (state != OnDisk::Same).then(|| MappedFile {
                path: subject.shown(&one.path),
                state,
            })
        });
        changed.collect()
    });
    program.changed_mappings = Some(gaps.seen("changed_mappings", pid, changed));
}

/// A path without the kernel's mark, where that says that the file is gone.
pub(super) fn without_mark(path: Vec<u8>, program: &Program) -> Vec<u8> {
    let is_gone = matches!(
        program.on_disk,
        Some(Seen::Value(OnDisk::Deleted | OnDisk::Replaced))
    );
    match path.strip_suffix(DELETED) {
        Some(before) if is_gone => before.to_vec(),
        _ => path,
    }
}

fn state_of_program(root: &InRoot, path: &[u8], mapped: &[Mapping]) -> OnDisk {
    if let Some(before) = path.strip_suffix(DELETED)
        // A name may end so.
        && OpenedFile::at(root, path).is_err()
    {
        return gone(root, before);
    }
    let own = mapped.iter().find(|one| one.path == path);
    own.map_or(OnDisk::Same, |own| state(root, own))
}

fn state(root: &InRoot, mapping: &Mapping) -> OnDisk {
    if mapping.deleted {
        return gone(root, &mapping.path);
    }
    let Ok(found) = OpenedFile::at(root, &mapping.path) else {
        // It may be on a mount that this root does not have.
        return OnDisk::Same;
    };
    // Where file systems are stacked, maps has the number of another device: that proves nothing.
    let same_device = found.device() == mapping.device;
    if same_device && found.identity().1 != mapping.inode {
        OnDisk::Replaced
    } else {
        OnDisk::Same
    }
}

fn gone(root: &InRoot, path: &[u8]) -> OnDisk {
    match OpenedFile::at(root, path) {
        Ok(_) => OnDisk::Replaced,
        Err(_) => OnDisk::Deleted,
    }
}
