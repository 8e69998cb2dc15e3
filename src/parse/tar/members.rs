//! The members of an archive that a peer sends, one after the other. Nothing is held but a header,
//! its records, and what the caller reads.

use std::io::{self, Read};

use super::{BLOCK, MemberHeader, MemberKind, PaxRecords};
use crate::parse::{Malformed, tar};

/// The most bytes of an extended header: names and attributes are some KiB.
const RECORDS_BYTES: u64 = 1 << 20;
/// The most headers that stand before a member.
const HEADERS: usize = 64;
/// The most bytes of a long name.
const NAME_BYTES: u64 = 64 << 10;
/// The most bytes that are taken behind the end of the archive: GNU tar fills 10 KiB.
const REST_BYTES: u64 = 1 << 20;

/// Why an archive cannot be read on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ArchiveError {
    /// Nothing was received.
    #[error("no archive came")]
    Absent,
    /// It ends within a member, or without its end mark.
    #[error("the archive ends early: the connection was cut, or the other side failed")]
    Truncated,
    /// What was received is not an archive.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// A header is longer than any real one.
    #[error("a header of the archive has {bytes} bytes (at most {limit})")]
    HeaderTooLong {
        /// How long it says that it is.
        bytes: u64,
        /// How long it may be.
        limit: u64,
    },
    /// One header after the other, and no file.
    #[error("the archive has more than {HEADERS} headers before a file")]
    TooManyHeaders,
    /// It cannot be read.
    #[error("cannot read the archive: {0}")]
    Read(#[source] io::Error),
}

/// What comes next in an archive.
#[derive(Debug)]
pub(crate) enum Item {
    /// A member; its content can be read.
    Member(ArchiveMember),
    /// The SHA-256 of the file before.
    Sha256([u8; 32]),
    /// The end of the archive.
    End,
}

/// A member, with what its extended header says.
#[derive(Debug)]
pub(crate) struct ArchiveMember {
    pub(crate) kind: MemberKind,
    pub(crate) path: Vec<u8>,
    pub(crate) link: Vec<u8>,
    /// Bytes of content in the archive.
    pub(crate) size_bytes: u64,
    /// How long the file is, where that is sparse and its content begins with its map.
    pub(crate) sparse_size_bytes: Option<u64>,
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) modified_seconds: i64,
    pub(crate) modified_nanoseconds: u32,
}

/// An archive that is read.
pub(crate) struct Members<R> {
    input: R,
    /// Bytes of content that were not read yet.
    unread: u64,
    /// Zeros behind the content.
    padding: usize,
    /// Whether a block was read.
    began: bool,
}

impl<R: Read> Members<R> {
    pub(crate) fn new(input: R) -> Self {
        Self {
            input,
            unread: 0,
            padding: 0,
            began: false,
        }
    }

    /// What comes next; what was not read of a member is passed over.
    pub(crate) fn next(&mut self) -> Result<Item, ArchiveError> {
        let mut records = PaxRecords::default();
        let (mut long_name, mut long_link) = (None, None);
        // Some stand before a member; without end they would keep the reader for ever.
        for _ in 0..HEADERS {
            self.skip()?;
            let Some(header) = tar::header(&self.block()?)? else {
                return self.end().map(|()| Item::End);
            };
            self.unread = header.size_bytes;
            self.padding = tar::padding(header.size_bytes);
            match header.kind {
                MemberKind::Extended => records = tar::records(&self.whole(RECORDS_BYTES)?)?,
                MemberKind::Global => {
                    let said = tar::records(&self.whole(RECORDS_BYTES)?)?;
                    if let Some(sha256) = said.sha256 {
                        return Ok(Item::Sha256(sha256));
                    }
                }
                MemberKind::LongName => long_name = Some(self.text()?),
                MemberKind::LongLink => long_link = Some(self.text()?),
                _ => {
                    let path = records.path.take().or(long_name);
                    let link = records.link_path.take().or(long_link);
                    return Ok(Item::Member(self.member(header, records, path, link)));
                }
            }
        }
        Err(ArchiveError::TooManyHeaders)
    }

    fn member(
        &mut self,
        header: MemberHeader,
        records: PaxRecords,
        path: Option<Vec<u8>>,
        link: Option<Vec<u8>>,
    ) -> ArchiveMember {
        let size_bytes = records.size_bytes.unwrap_or(header.size_bytes);
        // Only a file has content: what a link says of a size is that of its file.
        let has_content = matches!(header.kind, MemberKind::File | MemberKind::Other(_));
        self.unread = if has_content { size_bytes } else { 0 };
        self.padding = tar::padding(self.unread);
        let is_sparse = header.kind == MemberKind::File && records.sparse_version == Some((1, 0));
        ArchiveMember {
            kind: header.kind,
            path: records
                .sparse_name
                .filter(|_| is_sparse)
                .or(path)
                .unwrap_or(header.name),
            link: link.unwrap_or(header.link),
            size_bytes: self.unread,
            sparse_size_bytes: records.sparse_size_bytes.filter(|_| is_sparse),
            mode: header.mode,
            uid: records.uid.unwrap_or(header.uid),
            gid: records.gid.unwrap_or(header.gid),
            modified_seconds: records.modified_seconds.unwrap_or(header.modified_seconds),
            modified_nanoseconds: records.modified_nanoseconds,
        }
    }

    /// More of the content of a member; 0 at its end.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ArchiveError> {
        let room = usize::try_from(self.unread).unwrap_or(usize::MAX);
        let room = room.min(buffer.len());
        let buffer = buffer.get_mut(..room).unwrap_or_default();
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            match self.input.read(buffer) {
                Ok(0) => return Err(ArchiveError::Truncated),
                Ok(count) => {
                    self.unread = self.unread.saturating_sub(count as u64);
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(ArchiveError::Read(error)),
            }
        }
    }

    /// The next block of the content of a member.
    pub(crate) fn content_block(&mut self) -> Result<[u8; BLOCK], ArchiveError> {
        if self.unread < BLOCK as u64 {
            return Err(ArchiveError::Truncated);
        }
        let block = self.block()?;
        self.unread -= BLOCK as u64;
        Ok(block)
    }

    fn block(&mut self) -> Result<[u8; BLOCK], ArchiveError> {
        let mut block = [0; BLOCK];
        match self.input.read_exact(&mut block).map_err(ended) {
            Err(ArchiveError::Truncated) if !self.began => return Err(ArchiveError::Absent),
            read => read?,
        }
        self.began = true;
        Ok(block)
    }

    /// Passes over what is left of a member.
    fn skip(&mut self) -> Result<(), ArchiveError> {
        let mut buffer = [0; 16 << 10];
        while self.unread > 0 {
            self.read(&mut buffer)?;
        }
        let padding = buffer.get_mut(..self.padding).unwrap_or_default();
        self.input.read_exact(padding).map_err(ended)?;
        self.padding = 0;
        Ok(())
    }

    /// The content of a header.
    fn whole(&mut self, limit: u64) -> Result<Vec<u8>, ArchiveError> {
        let bytes = self.unread;
        if bytes > limit {
            return Err(ArchiveError::HeaderTooLong { bytes, limit });
        }
        let mut content = vec![0; usize::try_from(bytes).unwrap_or(0)];
        self.input.read_exact(&mut content).map_err(ended)?;
        self.unread = 0;
        Ok(content)
    }

    fn text(&mut self) -> Result<Vec<u8>, ArchiveError> {
        let mut text = self.whole(NAME_BYTES)?;
        let end = memchr::memchr(0, &text).unwrap_or(text.len());
        text.truncate(end);
        Ok(text)
    }

    /// The second block of zeros, and what fills the last record.
    fn end(&mut self) -> Result<(), ArchiveError> {
        if tar::header(&self.block()?)?.is_some() {
            return Err(ArchiveError::Truncated);
        }
        let mut rest = (&mut self.input).take(REST_BYTES);
        io::copy(&mut rest, &mut io::sink()).map_err(ArchiveError::Read)?;
        Ok(())
    }
}

fn ended(error: io::Error) -> ArchiveError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => ArchiveError::Truncated,
        _ => ArchiveError::Read(error),
    }
}
