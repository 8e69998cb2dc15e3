//! Writes the members that have content: as it is, with secrets replaced, or with its holes.

use ring::digest::{Context, SHA256};

use super::Archive;
use crate::files::content::Content;
use crate::files::output::Stopped;
use crate::files::walk::WalkEntry;
use crate::model::escape::escaped;
use crate::model::shell::quoted;
use crate::parse::tar::{
    DataRange, MemberKind, SparseMap, encode_sha256, encode_sparse_map, padding,
};

/// What is shown of a file is held up to this size, so that its length is known before its header is
/// written. A longer one that may hold secrets is read twice.
const HELD_BYTES: u64 = 1 << 20;
/// Holes of this size are kept without being asked for.
const HOLES_BYTES: u64 = 1 << 20;

/// What becomes the content of a member.
struct Sink {
    left: u64,
    digest: Option<Context>,
}

impl Archive<'_> {
    /// A file of which each byte keeps its place in the archive.
    pub(super) fn verbatim(
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
    pub(super) fn redacted(
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
