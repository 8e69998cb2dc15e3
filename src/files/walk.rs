//! Walks a tree: names in order, links not followed, other mounts not entered, any depth with few
//! descriptors.

use std::vec;

use nix::errno::Errno;

use crate::sys::Truncation;
use crate::sys::opened_file::FileKind;
use crate::sys::tree_entry::{EntryKind, TreeEntry};

use super::content::Content;
use super::error::{FileError, FileErrorKind};
use super::target_files::TargetFiles;

/// Names that are kept of one directory.
const NAMES_OF_ONE: usize = 1_000_000;
/// Names that are kept of all directories that lead to an entry.
const NAMES_OF_ALL: usize = 2_000_000;
/// Directories that are held open, those next to the entry; the others are found again by `..`.
const HELD: usize = 32;
/// No longer path is followed.
const PATH_BYTES: usize = 64 << 10;

/// How to walk.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct WalkOptions {
    /// How many directories below the start; `Some(0)` is the start alone.
    pub(crate) max_depth: Option<usize>,
    /// Whether a link that the start names is followed.
    pub(crate) follow_start: bool,
    /// Whether other file systems are entered; never those of the kernel.
    pub(crate) cross: bool,
    pub(crate) order: WalkOrder,
}

/// When a directory comes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum WalkOrder {
    /// Before what is in it.
    #[default]
    PreOrder,
    /// After it.
    PostOrder,
}

/// An entry that was met.
#[derive(Debug)]
pub(crate) struct WalkEntry {
    /// The start as it was given, and the names below it.
    pub(crate) path: Vec<u8>,
    /// Directories below the start.
    pub(crate) depth: usize,
    pub(crate) entry: TreeEntry,
    /// Whether something else is mounted there, which is not entered.
    pub(crate) is_other_mount: bool,
    /// Where it is without links, where the kernel tells.
    pub(crate) resolved: Option<Vec<u8>>,
}

/// The walk, as an iterator. Each part that cannot be read is an error of its own, and the walk goes
/// on.
pub(crate) struct Walk<'a> {
    files: &'a TargetFiles,
    options: WalkOptions,
    start: Start,
    path: Vec<u8>,
    /// The start without links, and how much of `path` it stands for.
    resolved_start: Option<Vec<u8>>,
    start_len: usize,
    stack: Vec<Frame>,
    names: usize,
    /// A directory that was handed out and not entered yet.
    entered_next: Option<TreeEntry>,
    /// In post-order a directory that comes behind an error in it.
    queued: Option<WalkEntry>,
    is_over: bool,
}

enum Start {
    NotYet,
    Begun,
}

/// A directory that the walk is in.
struct Frame {
    /// `None`: left by descriptor, to be found again.
    directory: Option<TreeEntry>,
    identity: ((u32, u32), u64),
    names: vec::IntoIter<(Vec<u8>, FileKind)>,
    counted: usize,
    /// Length of its path.
    path_len: usize,
    /// In post-order it comes when its names are done.
    last: Option<WalkEntry>,
}

impl TargetFiles {
    /// Walks a tree.
    pub(crate) fn walk(&self, start: &[u8], options: WalkOptions) -> Walk<'_> {
        Walk::begin(self, start, options)
    }

    /// The content of an entry that a walk met, as far as it may be shown.
    ///
    /// # Errors
    /// Why nothing of it is shown.
    pub(crate) fn content_of(&self, met: &WalkEntry) -> Result<Content<'_>, FileError> {
        self.content_at(&met.path, &met.entry, met.resolved.as_deref())
    }
}

impl<'a> Walk<'a> {
    fn begin(files: &'a TargetFiles, start: &[u8], options: WalkOptions) -> Self {
        Self {
            files,
            options,
            start: Start::NotYet,
            path: start.to_vec(),
            resolved_start: None,
            start_len: start.len(),
            stack: Vec::new(),
            names: 0,
            entered_next: None,
            queued: None,
            is_over: false,
        }
    }

    /// Leaves out what is in the directory that came last.
    pub(crate) fn skip_children(&mut self) {
        self.entered_next = None;
    }

    fn begin_walk(&mut self) -> Option<Result<WalkEntry, FileError>> {
        self.start = Start::Begun;
        let found = if self.options.follow_start {
            self.files.entry(&self.path)
        } else {
            self.files.entry_no_follow(&self.path)
        };
        let entry = match found {
            Ok(entry) => entry,
            Err(error) => return Some(Err(error)),
        };
        self.resolved_start = entry.resolved_path(self.files.root());
        self.meet(entry, 0, false)
    }

    /// An entry that was found: handed out, or in post-order entered first.
    fn meet(
        &mut self,
        entry: TreeEntry,
        depth: usize,
        is_other_mount: bool,
    ) -> Option<Result<WalkEntry, FileError>> {
        let met = WalkEntry {
            path: self.path.clone(),
            depth,
            is_other_mount,
            resolved: self.resolved(),
            entry,
        };
        let is_entered = met.entry.stat().kind == EntryKind::Directory
            && !is_other_mount
            && self.options.max_depth.is_none_or(|most| depth < most);
        if !is_entered {
            return Some(Ok(met));
        }
        if self.options.order == WalkOrder::PreOrder {
            self.entered_next = Some(met.entry.clone());
            return Some(Ok(met));
        }
        let directory = met.entry.clone();
        self.enter(directory, Some(met)).err().map(Err)
    }

    fn resolved(&self) -> Option<Vec<u8>> {
        let start = self.resolved_start.as_ref()?;
        let below = self.path.get(self.start_len..)?;
        if below.is_empty() {
            return Some(start.clone());
        }
        let start = start.strip_suffix(b"/").unwrap_or(start);
        let slash: &[u8] = if below.starts_with(b"/") { b"" } else { b"/" };
        Some([start, slash, below].concat())
    }

    /// Lists a directory. `last` is its own entry in post-order.
    fn enter(&mut self, directory: TreeEntry, last: Option<WalkEntry>) -> Result<(), FileError> {
        let identity = directory.stat().identity();
        let left = NAMES_OF_ALL.saturating_sub(self.names);
        let listed = if self.stack.iter().any(|frame| frame.identity == identity) {
            Err(FileError::of(&self.path, FileErrorKind::Loop))
        } else {
            let listed = directory.names(NAMES_OF_ONE.min(left));
            listed.map_err(|errno| FileError::errno(&self.path, errno))
        };
        let (names, cut) = match listed {
            Ok(listed) => listed,
            Err(error) => {
                // The directory itself comes behind what is missing in it.
                self.queued = last;
                return Err(error);
            }
        };
        let counted = names.len();
        self.names += counted;
        self.stack.push(Frame {
            directory: Some(directory),
            identity,
            names: names.into_iter(),
            counted,
            path_len: self.path.len(),
            last,
        });
        // The last ones stay open.
        if let Some(far) = self.stack.len().checked_sub(HELD + 1)
            && let Some(frame) = self.stack.get_mut(far)
        {
            frame.directory = None;
        }
        match cut {
            Truncation::Whole => Ok(()),
            Truncation::AtLimit => Err(FileError::of(&self.path, FileErrorKind::TooMany)),
        }
    }

    /// The next entry of the directory that the walk is in; `None` where there was none to hand out.
    fn step(&mut self) -> Option<Result<WalkEntry, FileError>> {
        let frame = self.stack.last_mut()?;
        self.path.truncate(frame.path_len);
        let Some((name, _)) = frame.names.next() else {
            return self.leave();
        };
        if self.path.last() != Some(&b'/') {
            self.path.push(b'/');
        }
        self.path.extend_from_slice(&name);
        let depth = self.stack.len();
        let frame = self.stack.last()?;
        let directory = frame.directory.as_ref()?;
        if self.path.len() > PATH_BYTES {
            return Some(Err(FileError::of(&self.path, FileErrorKind::TooDeep)));
        }
        match directory.child(self.files.root(), &name) {
            // It was removed since its name was read.
            Err(Errno::ENOENT) => None,
            Err(errno) => Some(Err(FileError::errno(&self.path, errno))),
            Ok(entry) => {
                let is_other = entry.mount_id() != directory.mount_id();
                let is_entered = self.options.cross && !self.files.is_kernel_view(&entry);
                self.meet(entry, depth, is_other && !is_entered)
            }
        }
    }

    /// Goes back to the directory above.
    fn leave(&mut self) -> Option<Result<WalkEntry, FileError>> {
        let left = self.stack.pop()?;
        self.names = self.names.saturating_sub(left.counted);
        match self.find_again(&left) {
            None => left.last.map(Ok),
            Some(error) => {
                self.queued = left.last;
                Some(Err(error))
            }
        }
    }

    /// Holds the directory above again, where it was let go.
    fn find_again(&mut self, left: &Frame) -> Option<FileError> {
        let root = self.files.root();
        let above = self.stack.last_mut()?;
        if above.directory.is_some() {
            return None;
        }
        let found = left.directory.as_ref().map(|below| below.above(root));
        match found {
            Some(Ok(found)) if found.stat().identity() == above.identity => {
                above.directory = Some(found);
                None
            }
            _ => {
                above.names = Vec::new().into_iter();
                let path = self.path.get(..above.path_len).unwrap_or_default();
                Some(FileError::of(path, FileErrorKind::Moved))
            }
        }
    }
}

impl Iterator for Walk<'_> {
    type Item = Result<WalkEntry, FileError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        if matches!(self.start, Start::NotYet)
            && let Some(met) = self.begin_walk()
        {
            return Some(met);
        }
        if let Some(met) = self.queued.take() {
            return Some(Ok(met));
        }
        if let Some(directory) = self.entered_next.take()
            && let Err(error) = self.enter(directory, None)
        {
            return Some(Err(error));
        }
        while !self.stack.is_empty() {
            if self.files.is_over() {
                self.is_over = true;
                return Some(Err(FileError::of(&self.path, FileErrorKind::TimedOut)));
            }
            if let Some(met) = self.step() {
                return Some(met);
            }
        }
        None
    }
}
