//! What may be shown of one file, as a stream: the only way from a file of the target to an output.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::model::escape::escaped;
use crate::redact::Redactor;
use crate::redact::binary_files::{begin_of_last_text, mask_texts};
use crate::redact::files::FileLines;
use crate::sys::time_box;
use crate::sys::tree_entry::{OpenedContent, TreeEntry};

use super::error::{FileError, FileErrorKind, HeldBack};

/// By so much a file is judged before anything of it is shown.
const FIRST_BYTES: usize = 64 << 10;
/// What is read at a time.
const PIECE_BYTES: usize = 256 << 10;
/// A NUL byte among so many makes it a binary file, as for grep.
const BINARY_BYTES: usize = 32 << 10;
/// A longer line is redacted in parts.
const LINE_BYTES: usize = 1 << 20;
/// What is read of a file that tells no size, such as one of a cgroup.
const UNSIZED_BYTES: u64 = 4 << 20;
/// Where reading begins in the middle, so much before that is searched for the beginning of a
/// private key: the largest that are in use have 13 KiB.
const LOOK_BACK_BYTES: u64 = 128 << 10;

/// Where something is found in bytes of a file, of any number of lines.
pub(crate) type LineFilter = Arc<dyn Fn(&[u8]) -> Option<usize>>;

/// What may be shown of one file. It ends where the file ended when it was opened.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a state of its own of the file that is read"
)]
pub(crate) struct Content<'a> {
    redactor: &'a Redactor,
    path: Vec<u8>,
    identity: ((u32, u32), u64),
    file: OpenedContent,
    /// Where the next byte is read.
    offset: u64,
    /// Where reading ends.
    end: u64,
    is_unsized: bool,
    /// Read and not yet shown: no whole line, where lines are redacted.
    pending: Vec<u8>,
    shown: Vec<u8>,
    form: ContentForm,
    /// What of the lines is shown, in the form in which they are redacted.
    lines: FileLines<'a>,
    redactions: u64,
    ending: Option<FileWarning>,
    is_done: bool,
    /// Whether a last line without its end is kept: the rest of it may follow.
    holds_last_line: bool,
    /// Lines in which this is not found need not be shown.
    wanted: Option<LineFilter>,
    /// Lines that were left out because of it, since that was last asked.
    skipped: u64,
    /// Whether a block was met that may be a key: its lines depend on each other.
    has_key: bool,
    has_nul: bool,
}

/// How content of a file is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ContentForm {
    /// As it is.
    Verbatim,
    /// With secrets replaced, line by line.
    Redacted,
    /// With secrets overwritten, each byte at its place.
    Masked,
}

/// That not all of a file was shown, or that it changed meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileWarning {
    path: Vec<u8>,
    kind: FileWarningKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FileWarningKind {
    Grew { bytes: u64 },
    Shrank { bytes: u64, of: u64 },
    Endless { bytes: u64 },
}

impl fmt::Display for FileWarning {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = escaped(&self.path);
        match self.kind {
            FileWarningKind::Grew { bytes } => write!(
                out,
                "{path} grew while it was read: ended at the {bytes} bytes that it had at first"
            ),
            FileWarningKind::Shrank { bytes, of } => {
                write!(
                    out,
                    "{path} was cut while it was read: {bytes} of {of} bytes"
                )
            }
            FileWarningKind::Endless { bytes } => write!(
                out,
                "{path} tells no size and goes on: ended after {bytes} bytes"
            ),
        }
    }
}

impl<'a> Content<'a> {
    pub(super) fn begin(
        redactor: &'a Redactor,
        path: &[u8],
        entry: &TreeEntry,
        file: OpenedContent,
        is_view: bool,
        judge: impl FnOnce(&[u8]) -> Result<ContentForm, FileError>,
    ) -> Result<Self, FileError> {
        let mut content = Self {
            redactor,
            path: path.to_vec(),
            identity: entry.stat().identity(),
            offset: 0,
            // Views of the kernel tell no size, or one that means nothing.
            end: if is_view { 0 } else { file.size_bytes() },
            is_unsized: false,
            file,
            pending: Vec::new(),
            shown: Vec::new(),
            form: ContentForm::Verbatim,
            lines: FileLines::new(redactor),
            redactions: 0,
            ending: None,
            is_done: false,
            holds_last_line: false,
            wanted: None,
            skipped: 0,
            has_key: false,
            has_nul: false,
        };
        if content.end == 0 {
            content.end = UNSIZED_BYTES;
            content.is_unsized = true;
        }
        content.read(FIRST_BYTES)?;
        if !is_view {
            content.form = judge(&content.pending)?;
        }
        let begin = content
            .pending
            .get(..content.pending.len().min(BINARY_BYTES));
        content.has_nul = begin.is_some_and(|begin| memchr::memchr(0, begin).is_some());
        Ok(content)
    }

    /// The next piece of what is shown; `None` at the end.
    ///
    /// # Errors
    /// Why the rest cannot be read.
    pub(crate) fn next(&mut self) -> Result<Option<&[u8]>, FileError> {
        self.shown.clear();
        while self.shown.is_empty() {
            match self.form {
                ContentForm::Verbatim => std::mem::swap(&mut self.shown, &mut self.pending),
                ContentForm::Redacted => self.redact_pending(),
                ContentForm::Masked => self.mask_pending(),
            }
            if !self.shown.is_empty() {
                break;
            }
            if self.is_done {
                return Ok(None);
            }
            self.read(PIECE_BYTES)?;
        }
        Ok(Some(&self.shown))
    }

    /// Keeps a last line without its end until the rest of it comes, or no longer: where lines are
    /// redacted, half of one would give away half of a secret.
    pub(crate) fn hold_last_line(&mut self, hold: bool) {
        self.holds_last_line = hold;
    }

    /// Leaves out lines where `wanted` finds nothing in the bytes of the file: those before the first
    /// where it does are counted, those behind it are shown empty. It has to find something in each
    /// line of which what is shown would be wanted. A file with a key in it is shown whole all the
    /// same.
    pub(crate) fn leave_out_unless(&mut self, wanted: LineFilter) {
        self.wanted = Some(wanted);
    }

    /// How many lines were left out before the piece that came last.
    pub(crate) fn take_skipped(&mut self) -> u64 {
        std::mem::take(&mut self.skipped)
    }

    /// Whether it begins as a binary file does.
    #[must_use]
    pub(crate) fn has_nul(&self) -> bool {
        self.has_nul
    }

    /// Whether a last line without its end is kept.
    #[must_use]
    pub(crate) fn holds_last_line(&self) -> bool {
        self.holds_last_line
    }

    /// Whether the file told a size when it was opened.
    #[must_use]
    pub(crate) fn is_sized(&self) -> bool {
        !self.is_unsized
    }

    /// Where reading ends.
    #[must_use]
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// Goes on at this place of the file instead of at its beginning, or at the beginning of the
    /// line that it is in: only whole lines can be redacted. Where it goes on.
    ///
    /// # Errors
    /// Why that part cannot be read.
    pub(crate) fn seek(&mut self, offset: u64) -> Result<u64, FileError> {
        self.pending.clear();
        self.is_done = false;
        self.ending = None;
        let offset = offset.min(self.end);
        if self.is_verbatim() || offset == 0 {
            self.offset = offset;
            return Ok(offset);
        }
        let back = offset.saturating_sub(LOOK_BACK_BYTES);
        let mut before = Vec::new();
        self.read_into(back, &mut before, offset - back)?;
        let line = before.iter().rposition(|byte| *byte == b'\n');
        // A line that is longer begins where it is cut: its beginning is searched no further.
        let line = line.map_or(0, |line| line + 1);
        let above = before.get(..line).unwrap_or_default();
        self.lines = FileLines::new(self.redactor);
        // So that it knows whether this is inside of a key.
        if memchr::memmem::find(above, b"-----BEGIN").is_some() {
            for line in above.split(|byte| *byte == b'\n') {
                let _ = self.lines.line(line);
            }
        } else {
            self.lines.go_on_below(above);
        }
        self.offset = back + u64::try_from(line).unwrap_or_default();
        Ok(self.offset)
    }

    /// Shows this part of the file and no more, of one whose bytes keep their places. No text may begin
    /// before it or go on behind it.
    pub(crate) fn read_range(&mut self, offset: u64, end: u64) {
        self.pending.clear();
        self.is_done = false;
        self.ending = None;
        self.offset = offset;
        self.end = end;
    }

    /// Lets it go on to where the file ends now: after it has ended, for what was appended.
    ///
    /// # Errors
    /// The errno of fstat(2).
    pub(crate) fn extend(&mut self) -> Result<u64, FileError> {
        let now = self.file.size_now();
        let now = now.map_err(|errno| FileError::errno(&self.path, errno))?;
        if now > self.end || self.is_unsized {
            self.end = now;
            self.is_done = false;
            self.is_unsized = false;
        }
        self.ending = None;
        Ok(now)
    }

    /// How many bytes of the file itself were read.
    #[must_use]
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// What it was found by.
    #[must_use]
    pub(crate) fn path(&self) -> &[u8] {
        &self.path
    }

    /// Device and inode of the file.
    #[must_use]
    pub(crate) fn identity(&self) -> ((u32, u32), u64) {
        self.identity
    }

    /// How many secrets were replaced so far.
    #[must_use]
    pub(crate) fn redactions(&self) -> u64 {
        self.redactions
    }

    /// That the end was not that of the file as it was opened.
    #[must_use]
    pub(crate) fn ending(&self) -> Option<&FileWarning> {
        self.ending.as_ref()
    }

    /// The size of the file when it was opened. What is shown may be longer or shorter where
    /// something was redacted.
    #[must_use]
    pub(crate) fn size_bytes(&self) -> u64 {
        self.file.size_bytes()
    }

    /// Whether it is shown byte for byte.
    #[must_use]
    pub(crate) fn is_verbatim(&self) -> bool {
        self.form == ContentForm::Verbatim
    }

    /// Whether every byte that is shown stands where it stands in the file.
    #[must_use]
    pub(crate) fn keeps_places(&self) -> bool {
        self.form != ContentForm::Redacted
    }

    /// The file itself, for its holes.
    #[must_use]
    pub(crate) fn file(&self) -> &OpenedContent {
        &self.file
    }

    /// Reads it to the end, for what is about the whole of it.
    ///
    /// # Errors
    /// Why it cannot be read; that it holds secrets.
    pub(crate) fn each_whole(&mut self, mut each: impl FnMut(&[u8])) -> Result<(), FileError> {
        while let Some(piece) = self.next()? {
            each(piece);
            if self.redactions > 0 {
                let kind = FileErrorKind::HeldBack(HeldBack::HoldsSecrets);
                return Err(FileError::of(&self.path, kind));
            }
        }
        Ok(())
    }

    /// Reads the next bytes behind what is pending.
    fn read(&mut self, at_most: usize) -> Result<(), FileError> {
        let left = self.end.saturating_sub(self.offset);
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(at_most);
        let before = self.pending.len();
        if wanted > 0 {
            let mut pending = std::mem::take(&mut self.pending);
            let read = self.read_into(self.offset, &mut pending, wanted as u64);
            self.pending = pending;
            read?;
        }
        let got = self.pending.len() - before;
        self.offset += got as u64;
        if got < wanted {
            self.is_done = true;
            if !self.is_unsized {
                self.warn(FileWarningKind::Shrank {
                    bytes: self.offset,
                    of: self.end,
                });
            }
        } else if self.offset >= self.end {
            self.is_done = true;
            self.look_beyond()?;
        }
        Ok(())
    }

    /// Whether there is more than there was.
    fn look_beyond(&mut self) -> Result<(), FileError> {
        let mut more = Vec::new();
        self.read_into(self.offset, &mut more, 1)?;
        if !more.is_empty() {
            let bytes = self.offset;
            self.warn(if self.is_unsized {
                FileWarningKind::Endless { bytes }
            } else {
                FileWarningKind::Grew { bytes }
            });
        }
        Ok(())
    }

    fn warn(&mut self, kind: FileWarningKind) {
        self.ending = Some(FileWarning {
            path: self.path.clone(),
            kind,
        });
    }

    /// Reads exactly that much, less only at the end of the file.
    fn read_into(&self, offset: u64, buffer: &mut Vec<u8>, wanted: u64) -> Result<(), FileError> {
        if time_box::is_over() {
            return Err(FileError::of(&self.path, FileErrorKind::TimedOut));
        }
        let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
        let mut got = 0;
        while got < wanted {
            let at = offset + got as u64;
            let read = self.file.read_at(at, buffer, wanted - got);
            match read.map_err(|errno| FileError::errno(&self.path, errno))? {
                0 => break,
                more => got += more,
            }
        }
        Ok(())
    }

    /// Moves what is whole texts from what is pending to what is shown.
    fn mask_pending(&mut self) {
        let open = if self.is_done && !self.holds_last_line {
            self.pending.len()
        } else {
            let begin = begin_of_last_text(&self.pending);
            if begin == 0 && self.pending.len() >= LINE_BYTES {
                cut_between_words(&self.pending)
            } else {
                begin
            }
        };
        let rest = self.pending.split_off(open);
        self.redactions += mask_texts(self.redactor, &mut self.pending);
        std::mem::swap(&mut self.shown, &mut self.pending);
        self.pending = rest;
    }

    /// Moves what is whole lines from what is pending to what is shown.
    fn redact_pending(&mut self) {
        let whole = if self.is_done && !self.holds_last_line {
            self.pending.len()
        } else {
            match memchr::memrchr(b'\n', &self.pending) {
                Some(last) => last + 1,
                None if self.pending.len() >= LINE_BYTES => cut_between_words(&self.pending),
                None => return,
            }
        };
        let Some((text, rest)) = self.pending.split_at_checked(whole) else {
            return;
        };
        if let Some(wanted) = &self.wanted {
            if self.has_key || memchr::memmem::find(text, b"-----BEGIN").is_some() {
                self.has_key = true;
            } else {
                let mut left = text;
                while let Some(found) = wanted(left) {
                    let (above, line) = left.split_at_checked(found).unwrap_or((left, b""));
                    let begin = memchr::memrchr(b'\n', above).map_or(0, |at| at + 1);
                    let (above, lines) = left.split_at_checked(begin).unwrap_or((above, line));
                    leave_out(above, &mut self.skipped, &mut self.shown);
                    let end = memchr::memchr(b'\n', lines).map_or(lines.len(), |at| at + 1);
                    let (line, below) = lines.split_at_checked(end).unwrap_or((lines, b""));
                    if !above.is_empty() {
                        let at = text.len() - lines.len();
                        let all_above = text.get(..at).unwrap_or_default();
                        self.lines.go_on_below(all_above);
                    }
                    self.redactions += show(&mut self.lines, line, &mut self.shown);
                    left = below;
                }
                if !left.is_empty() {
                    self.lines.go_on_below(text);
                }
                leave_out(left, &mut self.skipped, &mut self.shown);
                let rest = rest.to_vec();
                self.pending = rest;
                return;
            }
        }
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            self.redactions += show(&mut self.lines, line, &mut self.shown);
        }
        let rest = rest.to_vec();
        self.pending = rest;
    }
}

/// Puts what is shown of a line behind what is shown already; how many of it were changed.
fn show(lines: &mut FileLines<'_>, line: &[u8], shown: &mut Vec<u8>) -> u64 {
    let (body, end) = match line.strip_suffix(b"\n") {
        Some(body) => (body, &b"\n"[..]),
        None => (line, &b""[..]),
    };
    let Some(text) = lines.line(body) else {
        return 0;
    };
    shown.extend_from_slice(&text);
    shown.extend_from_slice(end);
    u64::from(matches!(text, Cow::Owned(_)))
}

/// Leaves out lines that are not wanted: before the first that is shown they are counted, behind it they
/// are empty.
fn leave_out(lines: &[u8], skipped: &mut u64, shown: &mut Vec<u8>) {
    let count = memchr::memchr_iter(b'\n', lines).count();
    if shown.is_empty() {
        *skipped += count as u64;
    } else {
        shown.resize(shown.len() + count, b'\n');
    }
}

/// Where a line that is too long to be kept is cut: behind a blank, so that no word is taken apart.
fn cut_between_words(line: &[u8]) -> usize {
    let from = line.len().saturating_sub(64 << 10);
    let end = line.get(from..).unwrap_or_default();
    let blank = end
        .iter()
        .rposition(|byte| matches!(byte, b' ' | b'\t' | b',' | b';' | 0));
    blank.map_or(line.len(), |blank| from + blank + 1)
}
