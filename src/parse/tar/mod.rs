//! Members of a tar archive, header blocks and extended headers, to plain data and back: ustar, pax,
//! and the long names and sparse maps of GNU tar. The content of a member passes by elsewhere.

mod members;
mod new_member;
mod pax_records;
mod sparse_map;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use tar::{EntryType, Header};

use super::Malformed;
pub(crate) use members::{ArchiveError, ArchiveMember, Item, Members};
pub(crate) use new_member::{NewMember, encode_sha256};
pub(crate) use pax_records::{PaxRecords, records};
pub(crate) use sparse_map::{DataRange, SparseMap, encode_sparse_map};

/// A block; each header and each content fills whole ones.
pub(crate) const BLOCK: usize = 512;
/// The key of the record by which `spyhole cp` checks the file before it.
const SHA256: &[u8] = b"SPYHOLE.sha256";

const BAD_HEADER: Malformed = Malformed {
    what: "a header of the archive",
    expected: "a header block of tar with its checksum",
};

/// What a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MemberKind {
    /// A regular file.
    File,
    /// One more name of a file before it.
    HardLink,
    /// A symbolic link.
    SymbolicLink,
    /// A directory.
    Directory,
    /// A character device.
    CharacterDevice,
    /// A block device.
    BlockDevice,
    /// A FIFO.
    Fifo,
    /// [`PaxRecords`] for the next member.
    Extended,
    /// [`PaxRecords`] for all members that follow.
    Global,
    /// The name of the next member.
    LongName,
    /// What the next member links to.
    LongLink,
    /// Any other typeflag.
    Other(u8),
}

impl MemberKind {
    fn of(flag: EntryType) -> Self {
        match flag.as_byte() {
            b'0' | b'7' | 0 => Self::File,
            b'1' => Self::HardLink,
            b'2' => Self::SymbolicLink,
            b'3' => Self::CharacterDevice,
            b'4' => Self::BlockDevice,
            b'5' => Self::Directory,
            b'6' => Self::Fifo,
            b'x' => Self::Extended,
            b'g' => Self::Global,
            b'L' => Self::LongName,
            b'K' => Self::LongLink,
            other => Self::Other(other),
        }
    }

    fn flag(self) -> u8 {
        match self {
            Self::File => b'0',
            Self::HardLink => b'1',
            Self::SymbolicLink => b'2',
            Self::CharacterDevice => b'3',
            Self::BlockDevice => b'4',
            Self::Directory => b'5',
            Self::Fifo => b'6',
            Self::Extended => b'x',
            Self::Global => b'g',
            Self::LongName => b'L',
            Self::LongLink => b'K',
            Self::Other(flag) => flag,
        }
    }
}

/// A header block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MemberHeader {
    /// What follows.
    pub kind: MemberKind,
    /// Its name, as it stands there.
    pub name: Vec<u8>,
    /// What it links to; empty where it is no link.
    pub link: Vec<u8>,
    /// Bytes of content that follow, without the padding.
    pub size_bytes: u64,
    /// Permission bits.
    pub mode: u32,
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// When it was modified, in seconds since 1970.
    pub modified_seconds: i64,
}

/// Reads a header block; `None` for a block of zeros.
///
/// # Errors
/// [`Malformed`] where the checksum or a number of it is wrong.
pub(crate) fn header(block: &[u8; BLOCK]) -> Result<Option<MemberHeader>, Malformed> {
    if block.iter().all(|byte| *byte == 0) {
        return Ok(None);
    }
    let header = Header::from_byte_slice(block);
    if header.cksum().map_err(|_| BAD_HEADER)? != checksum(block) {
        return Err(BAD_HEADER);
    }
    let kind = MemberKind::of(header.entry_type());
    let size_bytes = header.entry_size().map_err(|_| BAD_HEADER)?;
    let mut name = header.path_bytes().into_owned();
    // Before typeflags there were, a directory was known by its name.
    let is_old_directory = kind == MemberKind::File && name.ends_with(b"/");
    if is_old_directory {
        name.pop();
    }
    Ok(Some(MemberHeader {
        kind: if is_old_directory {
            MemberKind::Directory
        } else {
            kind
        },
        name,
        link: header
            .link_name_bytes()
            .map(Cow::into_owned)
            .unwrap_or_default(),
        size_bytes,
        mode: header.mode().map_err(|_| BAD_HEADER)? & 0o7777,
        uid: id(&header.as_old().uid, header.uid())?,
        gid: id(&header.as_old().gid, header.gid())?,
        // One before 1970 is in base 256, or in a record.
        modified_seconds: header.mtime().map_err(|_| BAD_HEADER)?.cast_signed(),
    }))
}

/// An owner or group; a field that was left empty is 0.
fn id(field: &[u8], number: std::io::Result<u64>) -> Result<u32, Malformed> {
    if field.iter().all(|byte| matches!(byte, 0 | b' ')) {
        return Ok(0);
    }
    let number = number.map_err(|_| BAD_HEADER)?;
    u32::try_from(number).map_err(|_| BAD_HEADER)
}

/// The sum of all bytes, those of the sum itself counted as blanks.
fn checksum(block: &[u8; BLOCK]) -> u32 {
    let counted = |(at, byte): (usize, &u8)| {
        let is_sum = (148..156).contains(&at);
        u32::from(if is_sum { b' ' } else { *byte })
    };
    block.iter().enumerate().map(counted).sum()
}

/// How many zeros follow a content of this length.
pub(crate) fn padding(size_bytes: u64) -> usize {
    let over = usize::try_from(size_bytes % BLOCK as u64).unwrap_or(0);
    (BLOCK - over) % BLOCK
}
