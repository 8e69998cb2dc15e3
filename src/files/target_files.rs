//! The files of one target, held by its root directory.

use crate::model::Reason;
use crate::model::Report;
use crate::model::gap::Refusal;
use crate::model::time::Timestamp;
use crate::redact::files::{FilePlace, is_secret_file};
use crate::rights::ptrace_access::AccessCheck;
use crate::scan::Scan;
use crate::scan::needs::{Files, Needs, ScanOptions, Scope};
use crate::scan::target::{Names, TargetHandle};
use crate::scan::wrong_namespace;
use crate::sections::mounts::fill::volumes;
use crate::sys::tree_entry::{EntryKind, TreeEntry};
use crate::sys::{InRoot, time_box};

use super::content::{Content, ContentForm};
use super::error::{FileError, FileErrorKind, FilesUnavailable, HeldBack};
use super::forms::{is_binary, is_core, is_known_binary};
use super::mounts::FileMounts;
use super::read_decision::{NeverRead, is_harmless, shown_by};

/// How to get at the files of a target.
pub(crate) struct FilesOptions {
    pub(crate) scan: ScanOptions,
    /// Secrets that are shown all the same, by their exact paths: `--reveal-file`.
    pub(crate) reveal_files: Vec<Vec<u8>>,
    /// `--reveal-all`.
    pub(crate) reveal_all: bool,
    /// Whether it goes on until it is stopped, with no limit of time.
    pub(crate) follow: bool,
}

/// The root of a target, its mounts, the names of its users, and what may be shown.
pub(crate) struct TargetFiles {
    scan: Scan,
    root: InRoot,
    mounts: FileMounts,
    reveal_files: Vec<Vec<u8>>,
    reveal_all: bool,
    /// The words where spyhole sees only its own container, which was not asked for.
    alone: Option<String>,
    /// Why the mounts are not known.
    mounts_refused: Option<Refusal>,
}

impl TargetFiles {
    /// Finds the target and holds its root.
    ///
    /// # Errors
    /// [`FilesUnavailable`]: no target, or its root cannot be entered.
    pub(crate) fn open(options: FilesOptions) -> Result<Self, FilesUnavailable> {
        let needs = Needs {
            files: Files::empty(),
            scope: Scope::Main,
            target: true,
        };
        let opened = Scan::open(options.scan, &[needs], None, Vec::new());
        let (scan, mut gaps) = opened.map_err(FilesUnavailable::NoTarget)?;
        if options.follow {
            time_box::end_never();
        }
        let mut report = Report::begin(Timestamp(scan.clock.now));
        report.target = scan.describe_target(&mut gaps);
        report.gaps = gaps.as_slice().to_vec();
        let pid = scan.main_pid();
        let gone = || FilesUnavailable::Root {
            pid,
            refusal: Refusal::of(Reason::Vanished),
        };
        let target = scan.target.as_ref().ok_or_else(gone)?;
        let root = InRoot::of(&target.main).map_err(|errno| FilesUnavailable::Root {
            pid,
            refusal: target.refusal(errno, AccessCheck::Ptrace, &scan.reader.viewer),
        })?;
        let (mounts, mounts_refused) = match volumes(&scan) {
            Ok(mounts) => (mounts, None),
            Err(refusal) => (Vec::new(), Some(refusal)),
        };
        Ok(Self {
            mounts: FileMounts::new(mounts),
            alone: wrong_namespace::words(&report),
            root,
            scan,
            reveal_files: options.reveal_files,
            reveal_all: options.reveal_all,
            mounts_refused,
        })
    }

    /// The root directory of the target.
    pub(crate) fn root(&self) -> &InRoot {
        &self.root
    }

    /// The scan that found the target.
    pub(crate) fn scan(&self) -> &Scan {
        &self.scan
    }

    /// What to say where this is spyhole's own container, which was not asked for.
    pub(super) fn alone(&self) -> Option<&str> {
        self.alone.as_deref()
    }

    /// Why the mounts of the target are not known, where they are not.
    pub(crate) fn mounts_refused(&self) -> Option<&Refusal> {
        self.mounts_refused.as_ref()
    }

    /// What the target calls a user.
    pub(crate) fn user(&self, uid: u32) -> Option<&[u8]> {
        self.names().ok()?.users.name(uid)
    }

    /// What the target calls a group.
    pub(crate) fn group(&self, gid: u32) -> Option<&[u8]> {
        self.names().ok()?.groups.name(gid)
    }

    /// The users and groups of the target.
    ///
    /// # Errors
    /// Why its `/etc/passwd` or `/etc/group` cannot be read.
    pub(crate) fn names(&self) -> Result<&Names, &Refusal> {
        static GONE: std::sync::LazyLock<Refusal> =
            std::sync::LazyLock::new(|| Refusal::of(Reason::Vanished));
        let target = self.scan.target.as_ref().ok_or(&*GONE)?;
        target.names(&self.scan.reader.viewer)
    }

    /// Whether the time of the whole command is over.
    #[expect(clippy::unused_self, reason = "it is the time of this look")]
    pub(crate) fn is_over(&self) -> bool {
        time_box::is_over()
    }

    /// Whether the main process of the target has ended.
    pub(crate) fn target_has_ended(&self) -> bool {
        let ended = |target: &TargetHandle| target.main.has_ended();
        self.scan.target.as_ref().is_none_or(ended)
    }

    /// Finds a path, links followed; one without a slash at its beginning from `/` on.
    ///
    /// # Errors
    /// The errno of resolving it.
    pub(crate) fn entry(&self, path: &[u8]) -> Result<TreeEntry, FileError> {
        TreeEntry::at(&self.root, path).map_err(|errno| FileError::errno(path, errno))
    }

    /// The same, but a link that the path itself names is not followed.
    ///
    /// # Errors
    /// The errno of resolving it.
    pub(crate) fn entry_no_follow(&self, path: &[u8]) -> Result<TreeEntry, FileError> {
        TreeEntry::at_no_follow(&self.root, path).map_err(|errno| FileError::errno(path, errno))
    }

    /// Where the mount of an entry is mounted.
    pub(crate) fn mount_point(&self, entry: &TreeEntry) -> Option<&[u8]> {
        self.mounts.point(entry)
    }

    /// Whether an entry is on a file system whose files are views of the kernel.
    pub(crate) fn is_kernel_view(&self, entry: &TreeEntry) -> bool {
        self.mounts.kernel_view(entry, || None).is_some()
    }

    /// The content of an entry as far as it may be shown. `path` is what it was found by.
    ///
    /// # Errors
    /// Why nothing of it is shown.
    pub(crate) fn content(&self, path: &[u8], entry: &TreeEntry) -> Result<Content<'_>, FileError> {
        self.content_resolved(path, entry, &mut Resolved::Unknown)
    }

    /// The same of an entry whose path without links is known.
    ///
    /// # Errors
    /// Why nothing of it is shown.
    pub(super) fn content_at(
        &self,
        path: &[u8],
        entry: &TreeEntry,
        resolved: Option<&[u8]>,
    ) -> Result<Content<'_>, FileError> {
        let mut resolved = match resolved {
            Some(resolved) => Resolved::Known(Some(resolved.to_vec())),
            None => Resolved::Unknown,
        };
        self.content_resolved(path, entry, &mut resolved)
    }

    fn content_resolved(
        &self,
        path: &[u8],
        entry: &TreeEntry,
        resolved: &mut Resolved,
    ) -> Result<Content<'_>, FileError> {
        let view = self.decide(path, entry, resolved)?;
        let opened = entry
            .open()
            .map_err(|errno| FileError::errno(path, errno))?;
        Content::begin(&self.scan.redactor, path, entry, opened, view, |first| {
            self.form_of(path, entry, resolved, first)
        })
    }

    /// Whether it is read; `true`: it is a harmless view of the kernel.
    fn decide(
        &self,
        path: &[u8],
        entry: &TreeEntry,
        resolved: &mut Resolved,
    ) -> Result<bool, FileError> {
        let never = |why| Err(FileError::of(path, FileErrorKind::NeverRead(why)));
        match entry.stat().kind {
            EntryKind::File => {}
            EntryKind::Directory => return Err(FileError::of(path, FileErrorKind::IsDirectory)),
            EntryKind::Link => return never(NeverRead::Link),
            kind => return never(NeverRead::Kind(kind)),
        }
        let find = || resolved.get(entry, &self.root).map(<[u8]>::to_vec);
        let Some(view) = self.mounts.kernel_view(entry, find) else {
            return Ok(false);
        };
        let place = view.path.as_deref();
        if place.is_some_and(|place| is_harmless(&view.fstype, place)) {
            return Ok(true);
        }
        never(NeverRead::Kernel {
            instead: place.and_then(|place| shown_by(&view.fstype, place)),
            fstype: view.fstype,
        })
    }

    /// How the content of a file is shown, by where it is and how it begins.
    ///
    /// # Errors
    /// That it is held back.
    fn form_of(
        &self,
        path: &[u8],
        entry: &TreeEntry,
        resolved: &mut Resolved,
        first: &[u8],
    ) -> Result<ContentForm, FileError> {
        if self.reveal_all {
            return Ok(ContentForm::Verbatim);
        }
        let asked = absolute(path);
        let resolved = resolved.get(entry, &self.root);
        let is_revealed = |revealed: &Vec<u8>| {
            let revealed = absolute(revealed);
            revealed == asked || resolved == Some(&*revealed)
        };
        if self.reveal_files.iter().any(is_revealed) {
            return Ok(ContentForm::Verbatim);
        }
        let secret_volume = self.mounts.is_secret(entry, &self.root);
        let kind = [Some(&*asked), resolved]
            .into_iter()
            .flatten()
            .find_map(|path| {
                let place = FilePlace {
                    path,
                    secret_volume,
                };
                is_secret_file(place, first)
            });
        let held_back = kind
            .map(HeldBack::Secret)
            .or_else(|| is_core(first).then_some(HeldBack::CoreFile));
        if let Some(why) = held_back {
            return Err(FileError::of(path, FileErrorKind::HeldBack(why)));
        }
        Ok(if is_known_binary(first) {
            ContentForm::Verbatim
        } else if is_binary(first) {
            ContentForm::Masked
        } else {
            ContentForm::Redacted
        })
    }
}

/// The path of an entry without links, asked for once.
enum Resolved {
    Unknown,
    Known(Option<Vec<u8>>),
}

impl Resolved {
    fn get(&mut self, entry: &TreeEntry, root: &InRoot) -> Option<&[u8]> {
        if matches!(self, Self::Unknown) {
            *self = Self::Known(entry.resolved_path(root));
        }
        match self {
            Self::Known(path) => path.as_deref(),
            Self::Unknown => None,
        }
    }
}

/// A path from the target's root on, without doubled slashes and dots.
fn absolute(path: &[u8]) -> Vec<u8> {
    let parts = path.split(|byte| *byte == b'/');
    let mut whole = Vec::with_capacity(path.len() + 1);
    for part in parts.filter(|part| !part.is_empty() && *part != b".") {
        whole.push(b'/');
        whole.extend_from_slice(part);
    }
    if whole.is_empty() {
        whole.push(b'/');
    }
    whole
}
