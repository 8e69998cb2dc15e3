//! What is at the mount points and at the usual directories, seen through the target's root:
//! space, and whether the target may write. File systems that do not answer cost themselves only.

mod contents;

use std::collections::HashMap;
use std::time::Duration;

use nix::errno::Errno;

use super::volume::is_kernel;
use crate::model::gap::{Reason, Refusal, SectionGaps, Subject};
use crate::model::mount::{Because, Mount, Purpose, Space, UsualDirectory};
use crate::rights::file_mode::FileSubject;
use crate::rights::ptrace_access::{AccessCheck, not_copied};
use crate::scan::Scan;
use crate::scan::process_files::CallerCredentials;
use crate::scan::snapshot::overwritten_environ;
use crate::scan::target::TargetHandle;
use crate::sys::place::{Place, look_at};
use crate::sys::time_box::{TimeBudget, TimedOutcome, each_in_time};
use crate::sys::{InRoot, remote_fs};

/// File systems that may not answer before the rest is given up.
const STUCK: usize = 4;
/// All of them together get this many times what one gets, within the whole scan.
const ALL_TIMES: u32 = 10;

/// Looks at every place and puts what it saw into the mounts.
pub(super) fn fill(scan: &Scan, gaps: &mut SectionGaps<'_>, mounts: &mut [Mount], each: Duration) {
    let directories = usual_directories(scan, gaps);
    let Some(held) = &scan.target else { return };
    let viewer = &scan.reader.viewer;
    let party = FileSubject::of(held.credentials(), viewer);
    let mut judge = Judge {
        held,
        viewer,
        party: party.as_ref(),
        gaps: gaps.reborrow(),
    };
    let wanted: Vec<usize> = mounts
        .iter()
        .enumerate()
        .filter(|(_, mount)| is_place(mount))
        .map(|(index, _)| index)
        .collect();
    let points = wanted.iter().filter_map(|index| mounts.get(*index));
    let mut paths: Vec<Vec<u8>> = points
        .map(|mount| mount.mount_point.as_bytes().to_vec())
        .collect();
    paths.extend(directories.iter().map(|(_, path)| path.clone()));
    let patience = TimeBudget {
        each,
        all: each.saturating_mul(ALL_TIMES).min(scan.timeout),
        stuck: STUCK,
    };
    let mut seen = judge.look(paths, patience).into_iter();
    for (index, attempt) in wanted.into_iter().zip(&mut seen) {
        if let Some(mount) = mounts.get_mut(index) {
            judge.mount(mount, attempt);
        }
    }
    for ((purpose, path), attempt) in directories.into_iter().zip(seen) {
        judge.directory(mounts, purpose, path, attempt);
    }
    contents::fill(&mut judge, mounts, patience);
}

/// Whether a path leads to it and files can be in it.
fn is_place(mount: &Mount) -> bool {
    !mount.hidden && !mount.masked && !is_kernel(mount.fstype.as_bytes())
}

/// Where programs write by habit, as far as the target's environment and links show.
fn usual_directories(scan: &Scan, gaps: &mut SectionGaps<'_>) -> Vec<(Purpose, Vec<u8>)> {
    let Some(facts) = scan.main_process() else {
        return Vec::new();
    };
    let pid = facts.pid;
    let mut refused: Vec<Refusal> = Vec::new();
    let mut found = Vec::new();
    let (environ, cwd) = (facts.environ(), &facts.cwd);
    if environ.is_some() || cwd.is_some() {
        found.push((Purpose::Tmp, b"/tmp".to_vec()));
    }
    match environ {
        Some(Ok(environ)) => {
            if environ.overwritten {
                refused.push(overwritten_environ());
            }
            let value = |name: &[u8]| {
                let entry = environ.entries.iter().find(|entry| entry.name == name)?;
                entry.value.clone().filter(|path| path.starts_with(b"/"))
            };
            let named = [(Purpose::Tmpdir, &b"TMPDIR"[..]), (Purpose::Home, b"HOME")];
            found.extend(
                named
                    .into_iter()
                    .filter_map(|(purpose, name)| Some((purpose, value(name)?))),
            );
        }
        Some(Err(refusal)) => refused.push(refusal),
        None => {}
    }
    match cwd {
        Some(Ok(Some(path))) => found.push((Purpose::WorkingDirectory, path.clone())),
        Some(Err(refusal)) => refused.push(refusal.clone()),
        Some(Ok(None)) | None => {}
    }
    refused.dedup();
    for refusal in refused {
        gaps.record("usual_directories", pid, &refusal);
    }
    found
}

/// Turns what was seen into fields and gaps.
struct Judge<'a> {
    held: &'a TargetHandle,
    viewer: &'a CallerCredentials,
    party: Result<&'a FileSubject, &'a Refusal>,
    gaps: SectionGaps<'a>,
}

impl Judge<'_> {
    /// One attempt for each path, within its time.
    fn look(&self, paths: Vec<Vec<u8>>, patience: TimeBudget) -> Vec<Result<Place, Refusal>> {
        // Space and rights of a copied directory are not those of what it is a copy of.
        if !self.held.main.is_live() {
            return paths.iter().map(|_| Err(not_copied())).collect();
        }
        // A root of its own: a thread that is stuck keeps it.
        let root = match InRoot::of(&self.held.main) {
            Ok(root) => root,
            Err(errno) => {
                let refusal = self.held.refusal(errno, AccessCheck::Ptrace, self.viewer);
                return paths.iter().map(|_| Err(refusal.clone())).collect();
            }
        };
        let outcomes = each_in_time(paths, patience, move |path| look_at(&root, path));
        outcomes
            .into_iter()
            .map(|outcome| match outcome {
                TimedOutcome::Done(Ok(place)) => Ok(place),
                TimedOutcome::Done(Err(errno)) => Err(self.refused(errno)),
                TimedOutcome::Late => Err(Refusal::of(Reason::Timeout)
                    .needing("a longer --space-timeout, or the file system to respond")),
                TimedOutcome::NotBegun => Err(Refusal::of(Reason::Timeout)
                    .needing("the file systems before it to respond (this one was not tried)")),
                TimedOutcome::NoThread => Err(Refusal::of(Reason::Limit)
                    .needing("a higher pids limit for spyhole's container")),
            })
            .collect()
    }

    fn refused(&self, errno: Errno) -> Refusal {
        if let Some(refusal) = remote_fs::refusal(errno) {
            return refusal;
        }
        match errno {
            Errno::ENOENT | Errno::ENOTDIR => Refusal {
                errno: Some(format!("{errno:?}")),
                ..Refusal::of(Reason::Vanished)
            },
            // Of a call that this kernel has: only a filter or a policy says that.
            Errno::EPERM if self.viewer.seccomp == Some(2) => Refusal {
                errno: Some(format!("{errno:?}")),
                ..Refusal::of(Reason::Seccomp)
            },
            _ => self.held.refusal(errno, AccessCheck::Open, self.viewer),
        }
    }

    fn mount(&mut self, mount: &mut Mount, attempt: Result<Place, Refusal>) {
        let attempt = attempt.and_then(|place| leads_here(mount, place));
        let space = match &attempt {
            Ok(place) => match place.counts {
                Ok(counts) if counts.blocks == 0 => None,
                Ok(counts) => {
                    Some(Space::of(&counts).ok_or_else(|| Refusal::of(Reason::Malformed)))
                }
                Err(errno) => Some(Err(self.refused(errno))),
            },
            Err(refusal) => Some(Err(refusal.clone())),
        };
        let subject = || Subject::Path(mount.mount_point.clone());
        mount.space = space.map(|space| self.gaps.seen("space", subject(), space));
        let verdict = self.verdict(mount, attempt.as_ref());
        let because = verdict.as_ref().ok().map(|(_, because)| *because);
        let may = verdict.map(|(may, _)| may);
        mount.writable_by_target = Some(self.gaps.seen("writable_by_target", subject(), may));
        mount.writable_because = because;
    }

    fn directory(
        &mut self,
        mounts: &mut [Mount],
        purpose: Purpose,
        path: Vec<u8>,
        attempt: Result<Place, Refusal>,
    ) {
        let subject = Subject::Path(path.as_slice().into());
        let place = match attempt {
            Ok(place) if place.directory => place,
            // What is not there is nowhere to write.
            Ok(_)
            | Err(Refusal {
                reason: Reason::Vanished,
                ..
            }) => return,
            Err(refusal) => {
                self.gaps.record("usual_directories", subject, &refusal);
                return;
            }
        };
        let by_id: HashMap<u32, usize> = mounts
            .iter()
            .enumerate()
            .map(|(index, mount)| (mount.mount_id, index))
            .collect();
        let id = place.mount_id.or_else(|| super::holder(mounts, &path));
        let on = id.and_then(|id| by_id.get(&id)).copied();
        let Some(mount) = on.and_then(|index| mounts.get_mut(index)) else {
            return;
        };
        let verdict = self.verdict(mount, Ok(&place));
        let because = verdict.as_ref().ok().map(|(_, because)| *because);
        let may = verdict.map(|(may, _)| may);
        let may = self
            .gaps
            .seen("usual_directories.writable_by_target", subject, may);
        mount.usual_directories.push(UsualDirectory {
            path: path.into(),
            purpose,
            writable_by_target: may,
            writable_because: because,
        });
    }

    /// A read-only mount needs no look.
    fn verdict(
        &self,
        mount: &Mount,
        place: Result<&Place, &Refusal>,
    ) -> Result<(bool, Because), Refusal> {
        if !mount.writable {
            let own = mount.mount_options.as_bytes();
            let by_mount = own.split(|byte| *byte == b',').any(|word| word == b"ro");
            return Ok((
                false,
                if by_mount {
                    Because::ReadOnlyMount
                } else {
                    Because::ReadOnlyFileSystem
                },
            ));
        }
        let place = place.map_err(Clone::clone)?;
        self.party.map_err(Clone::clone)?.may_write(place)
    }
}

/// Whether the mount point still leads to this very mount, and not to one that was laid over
/// it since its line was read.
fn leads_here(mount: &Mount, place: Place) -> Result<Place, Refusal> {
    let here = match place.mount_id {
        Some(id) => id == mount.mount_id,
        None => (place.major, place.minor) == (mount.major.into(), mount.minor.into()),
    };
    if here {
        return Ok(place);
    }
    Err(match place.mount_id {
        Some(_) => Refusal::of(Reason::Vanished)
            .needing("another scan (the path now leads to a different mount)"),
        None => Refusal::of(Reason::Unsupported)
            .needing("a kernel that reports the mount of a path (mnt_id in fdinfo)"),
    })
}
