//! Which files of the target's root were changed since it was started: a walk over its names and
//! times, without its other mounts.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, UNIX_EPOCH};

use super::command::first_process;
use crate::doctor::Facts;
use crate::files::{FilesOptions, TargetFiles, WalkEntry, WalkOptions, WalkOrder};
use crate::model::Report;
use crate::model::byte_string::ByteString;
use crate::model::open_files::{OpenAccess, OpenFile, OpenFileType, OpenFilesProcess, OpenedAs};
use crate::model::reason::Reason;
use crate::model::seen::Seen;
use crate::model::time::Timestamp;
use crate::sys::reader_process::{self, NoAnswer};
use crate::sys::tree_entry::{EntryKind, FileStat, FileTime};

/// Directories that are kept; what is beyond makes the answer incomplete.
const DIRECTORIES: usize = 64;
/// Entries that are looked at.
const ENTRIES: u64 = 2_000_000;
/// How much longer than its time-out a walk is waited for.
const GRACE: Duration = Duration::from_secs(10);

/// What a walk found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ChangedFiles {
    pub(super) directories: Vec<ChangedDirectory>,
    /// What root made and gave to another user.
    pub(super) given_away: Option<String>,
    /// What root made where only another user may write.
    pub(super) overridden: Option<String>,
    /// Why not all of it was seen.
    pub(super) incomplete: Option<String>,
}

/// A directory in which something was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ChangedDirectory {
    pub(super) path: Vec<u8>,
    pub(super) evidence: String,
    /// Entries below it that are older than the process: an emptyDir would hide them.
    pub(super) older: u64,
}

/// What a walk looks for.
#[derive(Debug, Clone)]
pub(crate) struct WantedFiles {
    started_at: Timestamp,
    /// Files of the root that are open for writing.
    open: BTreeSet<Vec<u8>>,
    /// Directories of those that were removed.
    removed_in: BTreeSet<Vec<u8>>,
}

/// What to look for in the target of a document; `None` where its start was not seen.
pub(crate) fn wanted_files(report: &Report) -> Option<WantedFiles> {
    let facts = Facts::of(report);
    let first = first_process(&facts).ok()?;
    let started_at = *first.started_at.value()?;
    let mut wanted = WantedFiles {
        started_at,
        open: BTreeSet::new(),
        removed_in: BTreeSet::new(),
    };
    for file in open_for_writing(&facts) {
        let path = file.path.as_ref().map(ByteString::as_bytes);
        let path = path.unwrap_or_default().to_vec();
        if file.deleted {
            wanted.removed_in.insert(parent(&path).to_vec());
        } else {
            wanted.open.insert(path);
        }
    }
    Some(wanted)
}

/// The files of the root that are open for writing.
pub(super) fn open_for_writing<'a>(facts: &Facts<'a>) -> Vec<&'a OpenFile> {
    let mounts = facts.mounts().unwrap_or_default().iter();
    let root = mounts
        .filter(|mount| mount.mount_point.as_bytes() == b"/" && !mount.hidden)
        .map(|mount| mount.mount_id)
        .next_back();
    let Ok(open) = facts.open_files() else {
        return Vec::new();
    };
    let is_written = |file: &&OpenFile| {
        file.opened_as == OpenedAs::Descriptor
            && file.path.is_some()
            && file.mount_id.is_some()
            && file.mount_id == root
            && matches!(
                file.kind.value(),
                Some(OpenFileType::File | OpenFileType::Fifo)
            )
            && matches!(
                file.access.as_ref().and_then(Seen::value),
                Some(OpenAccess::Write | OpenAccess::ReadWrite)
            )
    };
    open.files.iter().flatten().filter(is_written).collect()
}

/// Why not every file that is open was seen; `None` where each was.
pub(super) fn unseen_open_files(facts: &Facts<'_>) -> Option<String> {
    let nothing = || Some("open files are not seen".to_owned());
    let Ok(open) = facts.open_files() else {
        return nothing();
    };
    let Some(files) = &open.files else {
        return nothing();
    };
    if facts.all_processes().is_err() {
        return Some("not every process is seen".to_owned());
    }
    let is_unseen =
        |process: &&OpenFilesProcess| process.fd_count.as_ref().is_some_and(is_unseen_still);
    if let Some(process) = open.processes.iter().find(is_unseen) {
        let name = process.comm.to_text();
        return Some(format!(
            "open files of {name} ({}) are not seen",
            process.pid
        ));
    }
    let is_unknown = |file: &&OpenFile| {
        file.opened_as == OpenedAs::Descriptor
            && (is_unseen_still(&file.kind) || file.access.as_ref().is_some_and(is_unseen_still))
    };
    let file = files.iter().find(is_unknown)?;
    Some(format!(
        "how a descriptor of process {} is open is not seen",
        file.pid
    ))
}

/// Not seen, and not because it has ended meanwhile.
fn is_unseen_still<T>(value: &Seen<T>) -> bool {
    matches!(value, Seen::Unseen(unseen) if unseen.reason() != Reason::Vanished)
}

/// The directory that a path is in.
pub(super) fn parent(path: &[u8]) -> &[u8] {
    let slash = path.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
    path.get(..slash.max(1)).unwrap_or(b"/")
}

/// Walks the target's root.
///
/// # Errors
/// The walk did not come back.
pub(crate) fn find_changed_files(
    options: FilesOptions,
    wanted: WantedFiles,
) -> Result<ChangedFiles, NoAnswer> {
    let patience = options.scan.timeout.saturating_mul(2).saturating_add(GRACE);
    reader_process::call(patience, move || match TargetFiles::open(options) {
        Ok(files) => walk(&files, &wanted),
        Err(why) => ChangedFiles {
            incomplete: Some(why.to_string()),
            ..ChangedFiles::default()
        },
    })
}

fn walk(files: &TargetFiles, wanted: &WantedFiles) -> ChangedFiles {
    let options = WalkOptions {
        order: WalkOrder::PostOrder,
        ..WalkOptions::default()
    };
    let mut finder = Finder {
        wanted,
        levels: BTreeMap::new(),
        unread: BTreeSet::new(),
        found: ChangedFiles::default(),
    };
    let mut entries = 0;
    for met in files.walk(b"/", options) {
        match met {
            Ok(met) => finder.meet(&met),
            Err(error) => {
                let says = error.to_string();
                finder.found.incomplete.get_or_insert(says);
                finder.unread.insert(error.path);
            }
        }
        entries += 1;
        if entries > ENTRIES {
            finder.found.incomplete = Some(format!("only {ENTRIES} entries are looked at"));
            break;
        }
    }
    finder.found
}

/// What was met in a directory that the walk has not left.
#[derive(Default)]
struct Level {
    /// Entries from before the start.
    older: u64,
    has_mount: bool,
    /// The first change, by its path, and how it was seen.
    change: Option<(Vec<u8>, String)>,
    /// Changed entries by owner, with one path of each.
    owners: Vec<(u32, Vec<u8>)>,
    /// Directories in it that hold nothing older.
    new: Vec<ChangedDirectory>,
}

struct Finder<'a> {
    wanted: &'a WantedFiles,
    /// By depth.
    levels: BTreeMap<usize, Level>,
    /// Directories that may hold anything.
    unread: BTreeSet<Vec<u8>>,
    found: ChangedFiles,
}

impl Finder<'_> {
    fn level(&mut self, depth: usize) -> &mut Level {
        self.levels.entry(depth).or_default()
    }

    fn meet(&mut self, met: &WalkEntry) {
        let stat = met.entry.stat();
        if met.is_other_mount {
            self.level(met.depth).has_mount = true;
        } else if stat.kind == EntryKind::Directory {
            self.leave(met, stat);
        } else {
            self.meet_file(met, stat);
        }
    }

    fn meet_file(&mut self, met: &WalkEntry, stat: &FileStat) {
        let age = self.after_start(stat.modified);
        let is_open = self.wanted.open.contains(&met.path);
        let is_changed = is_open || age.is_some() && !is_of_runtime(&met.path);
        let level = self.level(met.depth);
        if !is_changed {
            // What the runtime leaves there comes again with the next container.
            level.older += u64::from(!is_of_runtime(&met.path));
            return;
        }
        let path = String::from_utf8_lossy(&met.path);
        let says = match age {
            _ if is_open => format!("{path} is open for writing"),
            Some(age) => format!("{path} was changed {}", words(age)),
            None => String::new(),
        };
        level.change.get_or_insert((met.path.clone(), says));
        level.note_owner(stat.uid, &met.path);
    }

    /// A directory, after what is in it.
    fn leave(&mut self, met: &WalkEntry, stat: &FileStat) {
        let mut inner = std::mem::take(self.level(met.depth + 1));
        let age = self.after_start(stat.modified);
        inner.older += u64::from(self.unread.remove(&met.path));
        let is_removed_in = self.wanted.removed_in.contains(&met.path);
        self.judge_owners(&inner, stat);
        let path = String::from_utf8_lossy(&met.path).into_owned();
        // Mount points are made by the runtime, with the directories that lead to them.
        let holds_mounts = inner.has_mount && inner.change.is_none() && inner.new.is_empty();
        if holds_mounts && inner.older == 0 {
            self.level(met.depth).has_mount = true;
            return;
        }
        if let (Some(age), None, false) = (age, &inner.change, inner.has_mount)
            && (is_removed_in || inner.new.is_empty())
        {
            let says = if is_removed_in {
                format!("{path}: a removed file in it is open for writing")
            } else {
                format!("{path} was made, or entries in it, {}", words(age))
            };
            inner.change = Some((met.path.clone(), says));
        }
        let is_new = inner.older == 0
            && age.is_some()
            && met.path != b"/"
            && (inner.change.is_some() || !inner.new.is_empty());
        if is_new {
            let first = inner.change.map(|(_, says)| says);
            let says = first.or_else(|| inner.new.first().map(|one| one.evidence.clone()));
            let above = self.level(met.depth);
            above.note_owner(stat.uid, &met.path);
            above.new.push(ChangedDirectory {
                path: met.path.clone(),
                evidence: says.unwrap_or_default(),
                older: 0,
            });
            return;
        }
        let older = inner.older;
        self.level(met.depth).older += 1;
        for directory in inner.new {
            self.keep(directory);
        }
        if let Some((_, evidence)) = inner.change {
            self.keep(ChangedDirectory {
                path: met.path.clone(),
                evidence,
                older: older.max(1),
            });
        }
    }

    fn keep(&mut self, directory: ChangedDirectory) {
        if self.found.directories.len() < DIRECTORIES {
            self.found.directories.push(directory);
        } else {
            let why = format!("more than {DIRECTORIES} directories were changed");
            self.found.incomplete.get_or_insert(why);
        }
    }

    /// What the owners of new entries tell of who made them.
    fn judge_owners(&mut self, inner: &Level, stat: &FileStat) {
        let is_open_to = |uid: u32| stat.uid == uid || stat.permissions() & 0o022 != 0;
        for (owner, path) in &inner.owners {
            let path = || String::from_utf8_lossy(path);
            if *owner != 0 && stat.uid == 0 && !is_open_to(*owner) {
                self.found.given_away.get_or_insert_with(|| {
                    format!(
                        "{} is new and of uid {owner}, in a directory of root",
                        path()
                    )
                });
            }
            if *owner == 0 && !is_open_to(0) {
                self.found.overridden.get_or_insert_with(|| {
                    format!(
                        "{} is new and of root, in a directory of uid {}",
                        path(),
                        stat.uid
                    )
                });
            }
        }
    }

    /// How long after the start of the process; `None`: before it.
    fn after_start(&self, time: FileTime) -> Option<Duration> {
        let seconds = u64::try_from(time.seconds).ok()?;
        let time =
            UNIX_EPOCH.checked_add(Duration::new(seconds, time.nanoseconds.min(999_999_999)))?;
        time.duration_since(self.wanted.started_at.0).ok()
    }
}

impl Level {
    fn note_owner(&mut self, uid: u32, path: &[u8]) {
        if self.owners.len() < 4 && self.owners.iter().all(|(known, _)| *known != uid) {
            self.owners.push((uid, path.to_vec()));
        }
    }
}

/// Made by Podman or Docker while the container starts.
fn is_of_runtime(path: &[u8]) -> bool {
    matches!(path, b"/etc/mtab" | b"/.dockerenv" | b"/run/.containerenv")
}

fn words(age: Duration) -> String {
    format!("{:.1} s after the start", age.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::gap::{Gaps, Refusal};

    #[test]
    fn descriptors_that_are_not_seen_are_not_none() {
        let mut report: Report =
            crate::model::read::read(include_bytes!("../doctor/tests/sound.json")).unwrap();
        let why = unseen_open_files(&Facts::of(&report));
        assert_eq!(why.as_deref(), Some("open files are not seen"));

        let open = report.open_files.as_mut().unwrap();
        open.files = Some(Vec::new());
        assert_eq!(unseen_open_files(&Facts::of(&report)), None);

        let open = report.open_files.as_mut().unwrap();
        let first = open.processes.first_mut().unwrap();
        let mut gaps = Gaps::default();
        let mut gaps = gaps.section("open_files");
        let unseen = gaps.record("processes.fd_count", 7, &Refusal::of(Reason::Uid));
        first.fd_count = Some(Seen::Unseen(unseen));
        let why = unseen_open_files(&Facts::of(&report));
        let says = "open files of webapp (7) are not seen";
        assert_eq!(why.as_deref(), Some(says));

        report.open_files = None;
        assert!(unseen_open_files(&Facts::of(&report)).is_some());
    }
}
