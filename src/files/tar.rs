//! `tar cf - PATH…`: an archive of paths of the target. What of a file may be shown is decided as for
//! every command ([`super::content`]); the archive is valid whatever is left out or changes meanwhile.

use std::collections::HashMap;

use ring::digest::{Context, SHA256};

use super::content::Content;
use super::error::FileError;
use super::output::{FilesEnd, Output, Stopped};
use super::target_files::TargetFiles;
use super::walk::{WalkEntry, WalkOptions, WalkOrder};
use crate::model::escape::escaped;
use crate::model::shell::quoted;
use crate::parse::tar::{
    BLOCK, DataRange, MemberKind, NewMember, SparseMap, encode_sha256, encode_sparse_map, padding,
};
use crate::sys::tree_entry::EntryKind;

/// What is shown of a file is held up to this size, so that its length is known before its header is
/// written. A longer one that may hold secrets is read twice.
const HELD_BYTES: u64 = 1 << 20;
/// Files with several names that are kept in mind; further ones are archived once for each name.
const HARD_LINKS: usize = 100_000;
/// Holes of this size are kept without being asked for.
const HOLES_BYTES: u64 = 1 << 20;
/// Archives end at a multiple of this: 20 blocks.
const RECORD_BYTES: u64 = 20 * BLOCK as u64;

/// What goes into an archive, and how.
#[derive(Debug, Clone, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub(crate) struct ArchiveOptions {
    /// In their order.
    pub(crate) paths: Vec<ArchivePath>,
    /// Whether other file systems below a path are entered.
    pub(crate) cross: bool,
    /// Whether holes of any size are kept.
    pub(crate) sparse: bool,
    /// Whether extended attributes are kept.
    pub(crate) xattrs: bool,
    /// Whether the names of owners are left out.
    pub(crate) numeric_owner: bool,
    /// Whether each further name of a file gets its content, too.
    pub(crate) hard_dereference: bool,
    /// Whether each name is said on stderr.
    pub(crate) verbose: bool,
    /// Whether a path that is a link is followed, and a checksum is written behind each file.
    pub(crate) for_cp: bool,
}

/// A path to archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ArchivePath {
    /// Where it is in the target.
    pub(crate) path: Vec<u8>,
    /// Its name in the archive: relative, without `..`.
    pub(crate) name: Vec<u8>,
}

impl ArchivePath {
    /// A path as it was given, beneath a directory.
    pub(crate) fn of(directory: &[u8], given: &[u8]) -> Self {
        let mut path = Vec::new();
        if !given.starts_with(b"/") {
            path.extend_from_slice(directory);
            path.push(b'/');
        }
        path.extend_from_slice(given);
        let mut parts: Vec<&[u8]> = Vec::new();
        for part in given.split(|byte| *byte == b'/') {
            match part {
                b"" | b"." => {}
                b".." => {
                    parts.pop();
                }
                part => parts.push(part),
            }
        }
        let name = if parts.is_empty() {
            b".".to_vec()
        } else {
            parts.join(&b'/')
        };
        Self { path, name }
    }
}

/// Writes the archive.
///
/// # Errors
/// [`Stopped`].
pub(crate) fn write_archive(
    files: &TargetFiles,
    output: &mut Output,
    options: &ArchiveOptions,
) -> Result<FilesEnd, Stopped> {
    let mut archive = Archive {
        files,
        output,
        options,
        written: 0,
        names: HashMap::new(),
        header: Vec::new(),
    };
    for path in &options.paths {
        archive.tree(path)?;
    }
    archive.end()?;
    Ok(FilesEnd::Done)
}

/// Device and inode.
type FileIdentity = ((u32, u32), u64);
/// Names and values.
type ExtendedAttributes = Vec<(Vec<u8>, Vec<u8>)>;

struct Archive<'a> {
    files: &'a TargetFiles,
    output: &'a mut Output,
    options: &'a ArchiveOptions,
    /// Bytes so far.
    written: u64,
    /// The first name of each file that has several, and how many are still to come.
    names: HashMap<FileIdentity, (Vec<u8>, u64)>,
    header: Vec<u8>,
}

/// What becomes the content of a member.
struct Sink {
    left: u64,
    digest: Option<Context>,
}

impl Archive<'_> {
    fn tree(&mut self, path: &ArchivePath) -> Result<(), Stopped> {
        let options = WalkOptions {
            max_depth: None,
            follow_start: self.options.for_cp,
            cross: self.options.cross,
            order: WalkOrder::PreOrder,
        };
        for met in self.files.walk(&path.path, options) {
            match met {
                Err(error) => self.output.complain(error)?,
                Ok(met) => {
                    let below = met.path.get(path.path.len()..).unwrap_or_default();
                    let below = below.strip_prefix(b"/").unwrap_or(below);
                    let name = match below {
                        b"" => path.name.clone(),
                        below => [&path.name, &b"/"[..], below].concat(),
                    };
                    self.entry(&met, &name)?;
                }
            }
        }
        Ok(())
    }

    fn entry(&mut self, met: &WalkEntry, name: &[u8]) -> Result<(), Stopped> {
        if self.options.verbose {
            self.output.note(escaped(name))?;
        }
        let stat = met.entry.stat();
        match stat.kind {
            EntryKind::File => return self.file(met, name),
            EntryKind::Directory => {
                let name = [name, b"/"].concat();
                self.plain(met, MemberKind::Directory, &name, b"")?;
                if met.is_other_mount {
                    self.say_not_entered(met)?;
                }
                return Ok(());
            }
            EntryKind::Link => {
                return match met.entry.link_target() {
                    Ok(goal) => self.plain(met, MemberKind::SymbolicLink, name, &goal),
                    Err(errno) => self.output.complain(FileError::errno(&met.path, errno)),
                };
            }
            EntryKind::Fifo => self.plain(met, MemberKind::Fifo, name, b"")?,
            EntryKind::CharDevice => self.plain(met, MemberKind::CharacterDevice, name, b"")?,
            EntryKind::BlockDevice => self.plain(met, MemberKind::BlockDevice, name, b"")?,
            EntryKind::Socket => {
                let path = escaped(&met.path);
                self.output.note(format_args!("{path}: socket ignored"))?;
            }
            EntryKind::Unknown => {
                let path = escaped(&met.path);
                let words = format_args!("{path}: unknown file type; file ignored");
                self.output.complain(words)?;
            }
        }
        Ok(())
    }

    /// Views of the kernel are expected to be left out, volumes are not.
    fn say_not_entered(&mut self, met: &WalkEntry) -> Result<(), Stopped> {
        let path = escaped(&met.path);
        if self.files.is_kernel_view(&met.entry) {
            let words = format_args!("{path} is not entered: a file system of the kernel");
            return self.output.note(words);
        }
        self.output.complain(format_args!(
            "{path} is not entered: another file system is mounted there; name it as a path of \
             its own, or use --cross"
        ))
    }

    fn member<'m>(
        &'m self,
        met: &WalkEntry,
        kind: MemberKind,
        name: &'m [u8],
        attributes: &'m [(Vec<u8>, Vec<u8>)],
    ) -> NewMember<'m> {
        let stat = met.entry.stat();
        let names = !self.options.numeric_owner;
        let user = self.files.user(stat.uid).filter(|_| names);
        let group = self.files.group(stat.gid).filter(|_| names);
        NewMember {
            kind,
            name,
            link: b"",
            size_bytes: 0,
            sparse_size_bytes: None,
            mode: stat.permissions(),
            uid: stat.uid,
            gid: stat.gid,
            user: user.unwrap_or_default(),
            group: group.unwrap_or_default(),
            modified_seconds: stat.modified.seconds,
            modified_nanoseconds: stat.modified.nanoseconds,
            device: stat.special_device,
            attributes,
        }
    }

    /// A member without content.
    fn plain(
        &mut self,
        met: &WalkEntry,
        kind: MemberKind,
        name: &[u8],
        link: &[u8],
    ) -> Result<(), Stopped> {
        let attributes = self.attributes(met)?;
        let mut header = std::mem::take(&mut self.header);
        let mut member = self.member(met, kind, name, &attributes);
        member.link = link;
        member.encode(&mut header);
        self.put_header(header)
    }

    fn attributes(&mut self, met: &WalkEntry) -> Result<ExtendedAttributes, Stopped> {
        if !self.options.xattrs {
            return Ok(Vec::new());
        }
        let mut attributes = match met.entry.xattrs() {
            Ok(attributes) => attributes,
            Err(errno) => {
                self.output.complain(FileError::errno(&met.path, errno))?;
                return Ok(Vec::new());
            }
        };
        // Where its name would end is not known then.
        attributes.retain(|(name, _)| !name.contains(&b'='));
        let redactor = &self.files.scan().redactor;
        let before = attributes.len();
        attributes.retain(|(name, value)| {
            redactor.variable(name, value).is_none() && *redactor.text(value) == **value
        });
        if attributes.len() < before {
            let path = escaped(&met.path);
            self.output.complain(format_args!(
                "{path}: extended attributes are held back: they look like secrets; to archive \
                 them: --reveal-all"
            ))?;
        }
        Ok(attributes)
    }

    fn file(&mut self, met: &WalkEntry, name: &[u8]) -> Result<(), Stopped> {
        if let Some(first) = self.first_name(met) {
            return self.plain(met, MemberKind::HardLink, name, &first);
        }
        let content = match self.files.content_of(met) {
            Ok(content) => content,
            Err(error) => return self.output.complain(error),
        };
        // Of a file without a size the content has to be seen first.
        let written = if !content.keeps_places() || content.size_bytes() == 0 {
            self.redacted(met, name, content)?
        } else {
            self.verbatim(met, name, content)?
        };
        if written {
            self.keep_name(met, name);
        }
        Ok(())
    }

    /// The name under which a file with several names was archived before.
    fn first_name(&mut self, met: &WalkEntry) -> Option<Vec<u8>> {
        let identity = met.entry.stat().identity();
        let (name, left) = self.names.get_mut(&identity)?;
        *left = left.saturating_sub(1);
        if *left > 0 {
            return Some(name.clone());
        }
        self.names.remove(&identity).map(|(name, _)| name)
    }

    fn keep_name(&mut self, met: &WalkEntry, name: &[u8]) {
        let stat = met.entry.stat();
        let is_kept = stat.nlink > 1 && !self.options.hard_dereference;
        if is_kept && self.names.len() < HARD_LINKS {
            let kept = (name.to_vec(), stat.nlink - 1);
            self.names.insert(stat.identity(), kept);
        }
    }

    /// A file of which each byte keeps its place in the archive.
    fn verbatim(
        &mut self,
        met: &WalkEntry,
        name: &[u8],
        content: Content<'_>,
    ) -> Result<bool, Stopped> {
        let size = content.size_bytes();
        let holes = size.saturating_sub(met.entry.stat().blocks.saturating_mul(512));
        let is_sparse = holes >= HOLES_BYTES || (holes > 0 && self.options.sparse);
        if is_sparse && let Some(ranges) = data_ranges(&content) {
            return self.sparse(met, name, content, &ranges);
        }
        let sink = self.begin(met, name, size)?;
        self.pour(met, sink, content)?;
        Ok(true)
    }

    /// A file in which secrets are replaced.
    fn redacted(
        &mut self,
        met: &WalkEntry,
        name: &[u8],
        mut content: Content<'_>,
    ) -> Result<bool, Stopped> {
        let (mut held, mut total) = (Vec::new(), 0);
        loop {
            match content.next() {
                Err(error) => {
                    self.output.complain(error)?;
                    return Ok(false);
                }
                Ok(None) => break,
                Ok(Some(piece)) => {
                    total += piece.len() as u64;
                    if total <= HELD_BYTES {
                        held.extend_from_slice(piece);
                    } else {
                        held = Vec::new();
                    }
                }
            }
            // One message may be long in coming.
            if total > HELD_BYTES {
                self.output.ask()?;
            }
        }
        if let Some(warning) = content.ending() {
            self.output.complain(warning.clone())?;
        }
        self.say_redacted(met, &content)?;
        let mut sink = self.begin(met, name, total)?;
        if total <= HELD_BYTES {
            self.pour_piece(&mut sink, &held)?;
            self.finish(sink)?;
            return Ok(true);
        }
        match self.files.content_of(met) {
            Ok(again) => self.pour(met, sink, again)?,
            Err(error) => {
                self.output.complain(error)?;
                self.finish(sink)?;
            }
        }
        Ok(true)
    }

    fn say_redacted(&mut self, met: &WalkEntry, content: &Content<'_>) -> Result<(), Stopped> {
        let path = escaped(&met.path);
        let lines = match content.redactions() {
            0 => return Ok(()),
            1 => "1 line".to_owned(),
            several => format!("{several} lines"),
        };
        let quoted = quoted(&path);
        self.output.complain(format_args!(
            "{path}: secrets in {lines} replaced in the archive; to archive it as it is: \
             --reveal-file {quoted} (or --reveal-all)"
        ))
    }

    /// A file with holes: the map of its data, then the data.
    fn sparse(
        &mut self,
        met: &WalkEntry,
        name: &[u8],
        mut content: Content<'_>,
        ranges: &[DataRange],
    ) -> Result<bool, Stopped> {
        let map = encode_sparse_map(ranges);
        let data: u64 = ranges.iter().map(|(_, length)| *length).sum();
        let attributes = self.attributes(met)?;
        let mut header = std::mem::take(&mut self.header);
        let mut member = self.member(met, MemberKind::File, name, &attributes);
        member.size_bytes = data + map.len() as u64;
        member.sparse_size_bytes = Some(content.size_bytes());
        member.encode(&mut header);
        let left = member.size_bytes;
        self.put_header(header)?;
        let mut sink = self.sink(left);
        self.pour_piece(&mut sink, &map)?;
        for (offset, length) in ranges {
            let end = offset + length;
            content.read_range(*offset, end);
            loop {
                match content.next() {
                    Ok(Some(piece)) => self.pour_piece(&mut sink, piece)?,
                    Ok(None) => break,
                    Err(error) => {
                        self.output.complain(error)?;
                        self.finish(sink)?;
                        return Ok(true);
                    }
                }
            }
            if content.offset() < end {
                self.say_changed(met)?;
                break;
            }
        }
        self.say_redacted(met, &content)?;
        self.finish(sink)?;
        Ok(true)
    }

    fn begin(&mut self, met: &WalkEntry, name: &[u8], size_bytes: u64) -> Result<Sink, Stopped> {
        let attributes = self.attributes(met)?;
        let mut header = std::mem::take(&mut self.header);
        let mut member = self.member(met, MemberKind::File, name, &attributes);
        member.size_bytes = size_bytes;
        member.encode(&mut header);
        self.put_header(header)?;
        Ok(self.sink(size_bytes))
    }

    fn sink(&self, left: u64) -> Sink {
        Sink {
            left,
            digest: self.options.for_cp.then(|| Context::new(&SHA256)),
        }
    }

    /// All of a content: no more than its header says, and filled up where it ends before.
    fn pour(
        &mut self,
        met: &WalkEntry,
        mut sink: Sink,
        mut content: Content<'_>,
    ) -> Result<(), Stopped> {
        let mut is_cut = false;
        loop {
            match content.next() {
                Ok(Some(piece)) => {
                    let room = usize::try_from(sink.left).unwrap_or(usize::MAX);
                    let taken = piece.get(..room).unwrap_or(piece);
                    is_cut |= taken.len() < piece.len();
                    self.pour_piece(&mut sink, taken)?;
                    if is_cut {
                        break;
                    }
                }
                Ok(None) => break,
                Err(error) => {
                    self.output.complain(error)?;
                    return self.finish(sink);
                }
            }
        }
        match content.ending() {
            // What is read twice has said so the first time.
            Some(warning) if content.keeps_places() => self.output.complain(warning.clone())?,
            _ if is_cut || sink.left > 0 => self.say_changed(met)?,
            _ => {}
        }
        if content.keeps_places() {
            self.say_redacted(met, &content)?;
        }
        self.finish(sink)
    }

    fn say_changed(&mut self, met: &WalkEntry) -> Result<(), Stopped> {
        let path = escaped(&met.path);
        self.output.complain(format_args!(
            "{path} changed while it was read: it has its first size in the archive, cut or \
             filled with zeros"
        ))
    }

    fn pour_piece(&mut self, sink: &mut Sink, piece: &[u8]) -> Result<(), Stopped> {
        if let Some(digest) = &mut sink.digest {
            digest.update(piece);
        }
        sink.left = sink.left.saturating_sub(piece.len() as u64);
        self.put(piece)
    }

    /// The end of a content: zeros for what did not come, those that fill the last block, and the
    /// checksum.
    fn finish(&mut self, mut sink: Sink) -> Result<(), Stopped> {
        let zeros = [0; 16 << 10];
        while sink.left > 0 {
            let room = usize::try_from(sink.left).unwrap_or(usize::MAX);
            self.pour_piece(&mut sink, zeros.get(..room).unwrap_or(&zeros))?;
        }
        let padding = padding(self.written);
        self.put(zeros.get(..padding).unwrap_or_default())?;
        if let Some(digest) = sink.digest {
            let mut header = std::mem::take(&mut self.header);
            encode_sha256(digest.finish().as_ref(), &mut header);
            self.put_header(header)?;
        }
        Ok(())
    }

    /// Two blocks of zeros, and those that fill the last record.
    fn end(&mut self) -> Result<(), Stopped> {
        self.put(&[0; 2 * BLOCK])?;
        while !self.written.is_multiple_of(RECORD_BYTES) {
            self.put(&[0; BLOCK])?;
        }
        Ok(())
    }

    fn put_header(&mut self, mut header: Vec<u8>) -> Result<(), Stopped> {
        let done = self.put(&header);
        header.clear();
        self.header = header;
        done
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Stopped> {
        self.written += bytes.len() as u64;
        self.output.write(bytes)
    }
}

/// Where a file has data; `None` where there are too many ranges to hold, or it does not tell.
fn data_ranges(content: &Content<'_>) -> Option<Vec<DataRange>> {
    let size = content.size_bytes();
    let (mut ranges, mut at) = (Vec::new(), 0);
    while at < size {
        let Some((start, end)) = content.file().next_data(at).ok()? else {
            break;
        };
        let (start, end) = (start.min(size), end.min(size));
        if end <= at {
            break;
        }
        ranges.push((start, end - start));
        if ranges.len() >= SparseMap::RANGES {
            return None;
        }
        at = end;
    }
    // As GNU tar does it: the last range says where the file ends.
    ranges.push((size, 0));
    Some(ranges)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_relative_and_leads_nowhere_else() {
        for (directory, given, path, name) in [
            ("", "/etc/hosts", "/etc/hosts", "etc/hosts"),
            ("", "etc/hosts", "/etc/hosts", "etc/hosts"),
            ("", "./etc//hosts/", "/./etc//hosts/", "etc/hosts"),
            ("", "/", "/", "."),
            ("", "..", "/..", "."),
            ("/srv", ".", "/srv/.", "."),
            ("/srv", "../etc/x", "/srv/../etc/x", "etc/x"),
            ("/srv", "/a/../b", "/a/../b", "b"),
            ("/srv", "-x", "/srv/-x", "-x"),
        ] {
            let of = ArchivePath::of(directory.as_bytes(), given.as_bytes());
            assert_eq!(of.path, path.as_bytes(), "{given}");
            assert_eq!(of.name, name.as_bytes(), "{given}");
        }
    }
}
