//! What is at the places, as the target's own user may read it. A file that several places lead
//! to is read once; a file system that does not answer costs itself only.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use nix::errno::Errno;

use super::contents::{PlaceContents, odd};
use super::places::{Place, Takes};
use super::reading::{Reading, StoreFile};
use crate::model::gap::{Reason, Refusal};
use crate::model::trust_store::{PlaceKind, PlaceState};
use crate::parse::certificate_paths::is_hash_name;
use crate::pki::{self, AskedRuntime, StorePlace};
use crate::rights::file_mode::{FileSubject, Ownership};
use crate::sys::file_limits;
use crate::sys::opened_file::{FileKind, OpenedFile};
use crate::sys::time_box::{TimeBudget, TimedOutcome, each_in_time};
use crate::sys::{InRoot, Truncation, remote_fs};

const DIRECTORY_ENTRIES: usize = 5_000;
const ROOTS: usize = 10_000;
/// Local file systems answer within milliseconds.
const PATIENCE: TimeBudget = TimeBudget {
    each: Duration::from_secs(5),
    all: Duration::from_secs(10),
    stuck: 2,
};

/// One reading for each place. With `enough`, up to the first place that there is, where that gives
/// an authority which has not expired by then: the runtime uses that place, whatever its order.
pub(super) fn read(
    root: InRoot,
    reader: Result<FileSubject, Refusal>,
    places: &[Place],
    asked: Option<&AskedRuntime>,
    enough: Option<SystemTime>,
) -> Vec<Reading> {
    let reader = StoreReader {
        root,
        reader,
        files: Mutex::default(),
        left: AtomicUsize::new(ROOTS),
        asked: asked.cloned(),
    };
    let (nothing_before, is_enough) = (AtomicBool::new(true), AtomicBool::new(false));
    let outcomes = each_in_time(places.to_vec(), PATIENCE, move |place| {
        if is_enough.load(Ordering::Relaxed) {
            return None;
        }
        let reading = reader.look(place);
        if place.only_for.is_none() {
            let is_missing = matches!(reading.state, Ok(PlaceState::Missing));
            let is_first = nothing_before.fetch_and(is_missing, Ordering::Relaxed);
            let gives = enough.is_some_and(|now| reading.gives_valid(now));
            is_enough.store(is_first && gives, Ordering::Relaxed);
        }
        Some(reading)
    });
    let reading = |outcome| match outcome {
        TimedOutcome::Done(reading) => reading,
        TimedOutcome::Late | TimedOutcome::NotBegun => Some(Reading::refused(
            Refusal::of(Reason::Timeout).needing("the file system to respond (the read timed out)"),
        )),
        TimedOutcome::NoThread => Some(Reading::refused(
            Refusal::of(Reason::Limit).needing("a higher pids limit for spyhole's container"),
        )),
    };
    outcomes.into_iter().map_while(reading).collect()
}

/// What came of one file.
enum File {
    Missing,
    /// Not for the target's user.
    Unreadable,
    /// Neither file nor link to one.
    Other,
    Refused(Refusal),
    Read(Arc<StoreFile>),
}

type StoreFiles = HashMap<((u64, u64), StorePlace), Arc<StoreFile>>;

struct StoreReader {
    root: InRoot,
    reader: Result<FileSubject, Refusal>,
    /// By device and inode, for each way in which it is read.
    files: Mutex<StoreFiles>,
    /// How many certificates may still be kept.
    left: AtomicUsize,
    /// Who takes them.
    asked: Option<AskedRuntime>,
}

impl StoreReader {
    fn look(&self, place: &Place) -> Reading {
        match (&place.path, place.kind) {
            (None, _) | (_, PlaceKind::BuiltIn) => Reading::nothing(PlaceState::Present),
            (Some(path), _) if path.is_empty() => Reading::nothing(PlaceState::Missing),
            (Some(path), PlaceKind::File) => self.file_place(place, path),
            (Some(path), PlaceKind::Directory) => self.directory_place(place, path),
        }
    }

    fn file_place(&self, place: &Place, path: &[u8]) -> Reading {
        match self.on_the_way(path).map(|()| self.file(place, path)) {
            Err(File::Refused(refusal)) | Ok(File::Refused(refusal)) => Reading::refused(refusal),
            Err(_) | Ok(File::Unreadable) => Reading::nothing(PlaceState::Unreadable),
            Ok(File::Missing) => Reading::nothing(PlaceState::Missing),
            Ok(File::Other) => Reading {
                says: Some("it is not a regular file".to_owned()),
                ..Reading::nothing(PlaceState::Empty)
            },
            Ok(File::Read(held)) => {
                let mut contents = PlaceContents::new(place, self.asked.as_ref());
                contents.put(&held);
                let says = [odd(place, &held), contents.says()];
                let says: Vec<String> = says.into_iter().flatten().collect();
                Reading {
                    says: (!says.is_empty()).then(|| says.join("; ")),
                    ..contents.reading()
                }
            }
        }
    }

    fn directory_place(&self, place: &Place, path: &[u8]) -> Reading {
        if let Err(stopped) = self.on_the_way(path) {
            return match stopped {
                File::Refused(refusal) => Reading::refused(refusal),
                _ => Reading::nothing(PlaceState::Unreadable),
            };
        }
        let found = match OpenedFile::at(&self.root, path) {
            Ok(found) if found.kind() == FileKind::Directory => found,
            Ok(_) => {
                return Reading {
                    says: Some("it is not a directory".to_owned()),
                    ..Reading::nothing(PlaceState::Empty)
                };
            }
            Err(errno) => {
                return match not_found(errno) {
                    File::Refused(refusal) => Reading::refused(refusal),
                    _ => Reading::nothing(PlaceState::Missing),
                };
            }
        };
        match self.may(&found, FileSubject::may_list) {
            Ok(true) => {}
            Ok(false) => return Reading::nothing(PlaceState::Unreadable),
            Err(refusal) => return Reading::refused(refusal),
        }
        let (names, cut) = match found.names(DIRECTORY_ENTRIES) {
            Ok(listed) => listed,
            Err(errno) => return Reading::refused(by_its_mode(errno)),
        };
        let mut contents = PlaceContents::new(place, self.asked.as_ref());
        if cut == Truncation::AtLimit {
            contents.lacks(&Refusal::of(Reason::Limit));
        }
        for name in &names {
            let wanted = match place.takes {
                Takes::HashNames => is_hash_name(&name.name),
                // What it leads to is read by its own name.
                Takes::All | Takes::SelfIssued => !name.links_beside,
            };
            if wanted {
                match self.file(place, &[path, b"/", &name.name].concat()) {
                    File::Read(held) => contents.put(&held),
                    File::Refused(refusal) => contents.lacks(&refusal),
                    File::Unreadable => contents.unreadable += 1,
                    File::Missing | File::Other => {}
                }
            } else {
                contents.passed_over += 1;
            }
        }
        Reading {
            says: contents.says(),
            ..contents.reading()
        }
    }

    /// Whether the target may pass through the directories that a path names.
    fn on_the_way(&self, path: &[u8]) -> Result<(), File> {
        let Ok(reader) = &self.reader else {
            return Ok(());
        };
        for parent in Path::new(OsStr::from_bytes(path)).ancestors().skip(1) {
            let parent = parent.as_os_str().as_encoded_bytes();
            if let Ok(found) = OpenedFile::at(&self.root, parent) {
                match reader.may_enter(Ownership::of(&found)) {
                    Ok(true) => {}
                    Ok(false) => return Err(File::Unreadable),
                    Err(refusal) => return Err(File::Refused(refusal)),
                }
            }
        }
        Ok(())
    }

    fn may(
        &self,
        found: &OpenedFile,
        what: impl Fn(&FileSubject, Ownership) -> Result<bool, Refusal>,
    ) -> Result<bool, Refusal> {
        let reader = self.reader.as_ref().map_err(Clone::clone)?;
        what(reader, Ownership::of(found))
    }

    fn file(&self, place: &Place, path: &[u8]) -> File {
        let found = match OpenedFile::at(&self.root, path) {
            Ok(found) => found,
            Err(errno) => return not_found(errno),
        };
        if found.kind() != FileKind::File {
            return File::Other;
        }
        match self.may(&found, FileSubject::may_read) {
            Ok(true) => {}
            Ok(false) => return File::Unreadable,
            Err(refusal) => return File::Refused(refusal),
        }
        let key = (found.identity(), place.reads_as());
        if let Some(held) = self.lock().get(&key) {
            return File::Read(Arc::clone(held));
        }
        let mut bytes = Vec::new();
        let cut = match found.read(file_limits::AUTHORITIES, &mut bytes) {
            Ok(cut) => cut,
            Err(errno) => return File::Refused(by_its_mode(errno)),
        };
        let held = Arc::new(self.held(&bytes, cut, place.reads_as()));
        self.lock().insert(key, Arc::clone(&held));
        File::Read(held)
    }

    fn held(&self, bytes: &[u8], cut: Truncation, place: StorePlace) -> StoreFile {
        let Some(contents) = pki::contents(bytes, None) else {
            return StoreFile {
                form: None,
                certificates: Vec::new(),
                bundle: None,
                needs_password: false,
                faults: 0,
                cut,
            };
        };
        let asked = self
            .asked
            .as_ref()
            .filter(|_| contents.form == pki::FileForm::Pem);
        let mut bundle = asked.and_then(|asked| asked.bundle(bytes, place));
        let left = self.left.load(Ordering::Relaxed);
        let taken = bundle.as_ref().map(|bundle| &bundle.certificates);
        let count = taken.unwrap_or(&contents.certificates).len();
        if let Some(bundle) = &mut bundle {
            bundle.certificates.truncate(left);
        }
        self.left
            .store(left.saturating_sub(count), Ordering::Relaxed);
        StoreFile {
            form: Some(contents.form.into()),
            needs_password: contents.needs_password,
            faults: contents.faults.len(),
            cut: if count > left {
                Truncation::AtLimit
            } else {
                cut
            },
            certificates: contents.certificates.into_iter().take(left).collect(),
            bundle,
        }
    }

    fn lock(&self) -> MutexGuard<'_, StoreFiles> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn not_found(errno: Errno) -> File {
    match errno {
        // None of these lets a runtime find anything either.
        Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP | Errno::ENAMETOOLONG | Errno::EINVAL => {
            File::Missing
        }
        _ => File::Refused(by_its_mode(errno)),
    }
}

/// A file that its mode keeps from spyhole.
fn by_its_mode(errno: Errno) -> Refusal {
    if let Some(refusal) = remote_fs::refusal(errno) {
        return refusal;
    }
    let denied = matches!(errno, Errno::EACCES | Errno::EPERM);
    let refusal = Refusal {
        errno: Some(format!("{errno:?}")),
        ..Refusal::of(if denied { Reason::Denied } else { Reason::Io })
    };
    if denied {
        refusal.needing("root or CAP_DAC_READ_SEARCH (the file's mode denies this user)")
    } else {
        refusal
    }
}
