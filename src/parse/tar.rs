//! Members of a tar archive, header blocks and extended headers, to plain data and back: ustar, pax,
//! and the long names and sparse maps of GNU tar. The content of a member passes by elsewhere.

use std::borrow::Cow;

use tar::{EntryType, Header};

use super::Malformed;

/// A block; each header and each content fills whole ones.
pub(crate) const BLOCK: usize = 512;
/// The longest name that a header itself holds.
const NAME_BYTES: usize = 100;
/// The largest id that seven octal digits hold.
const MAX_ID: u32 = 0o777_7777;
/// The largest size and time that eleven octal digits hold.
const MAX_NUMBER: u64 = 0o777_7777_7777;
/// The key of the record by which `spyhole cp` checks the file before it.
const SHA256: &[u8] = b"SPYHOLE.sha256";

const BAD_HEADER: Malformed = Malformed {
    what: "a header of the archive",
    expected: "a header block of tar with its checksum",
};
const BAD_RECORD: Malformed = Malformed {
    what: "an extended header of the archive",
    expected: "records of pax",
};
const BAD_MAP: Malformed = Malformed {
    what: "the map of a sparse file in the archive",
    expected: "at most 65536 ranges in their order",
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
        // One before 1970 is in base 256, or in a record.
        modified_seconds: header.mtime().map_err(|_| BAD_HEADER)?.cast_signed(),
    }))
}

/// The sum of all bytes, those of the sum itself counted as blanks.
fn checksum(block: &[u8; BLOCK]) -> u32 {
    let counted = |(at, byte): (usize, &u8)| {
        let is_sum = (148..156).contains(&at);
        u32::from(if is_sum { b' ' } else { *byte })
    };
    block.iter().enumerate().map(counted).sum()
}

/// What the records of an extended header say of the next member, or of the one before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PaxRecords {
    pub path: Option<Vec<u8>>,
    pub link_path: Option<Vec<u8>>,
    pub size_bytes: Option<u64>,
    pub modified_seconds: Option<i64>,
    pub modified_nanoseconds: u32,
    /// The name of a sparse file; that of its header is made up.
    pub sparse_name: Option<Vec<u8>>,
    /// How long a sparse file is, its holes counted.
    pub sparse_size_bytes: Option<u64>,
    /// The version of the sparse format.
    pub sparse_version: Option<(u64, u64)>,
    /// The SHA-256 of the file before.
    pub sha256: Option<[u8; 32]>,
}

/// Reads `LENGTH KEY=VALUE\n` records; a value holds any byte.
///
/// # Errors
/// [`Malformed`] where a length does not fit, or a number is none.
pub(crate) fn records(mut bytes: &[u8]) -> Result<PaxRecords, Malformed> {
    let mut records = PaxRecords::default();
    while !bytes.is_empty() {
        let blank = memchr::memchr(b' ', bytes).ok_or(BAD_RECORD)?;
        let length = decimal(bytes.get(..blank).ok_or(BAD_RECORD)?).ok_or(BAD_RECORD)?;
        let length = usize::try_from(length).map_err(|_| BAD_RECORD)?;
        let (record, rest) = bytes.split_at_checked(length).ok_or(BAD_RECORD)?;
        let record = record.get(blank + 1..).ok_or(BAD_RECORD)?;
        let record = record.strip_suffix(b"\n").ok_or(BAD_RECORD)?;
        let equals = memchr::memchr(b'=', record).ok_or(BAD_RECORD)?;
        let (key, value) = record.split_at_checked(equals).ok_or(BAD_RECORD)?;
        records.take(key, value.get(1..).unwrap_or_default())?;
        bytes = rest;
    }
    Ok(records)
}

impl PaxRecords {
    fn take(&mut self, key: &[u8], value: &[u8]) -> Result<(), Malformed> {
        let number = || decimal(value).ok_or(BAD_RECORD);
        match key {
            b"path" => self.path = Some(value.to_vec()),
            b"linkpath" => self.link_path = Some(value.to_vec()),
            b"size" => self.size_bytes = Some(number()?),
            b"mtime" => {
                let (seconds, nanoseconds) = time(value).ok_or(BAD_RECORD)?;
                self.modified_seconds = Some(seconds);
                self.modified_nanoseconds = nanoseconds;
            }
            b"GNU.sparse.name" => self.sparse_name = Some(value.to_vec()),
            b"GNU.sparse.realsize" | b"GNU.sparse.size" => {
                self.sparse_size_bytes = Some(number()?);
            }
            b"GNU.sparse.major" => {
                let minor = self.sparse_version.map_or(0, |(_, minor)| minor);
                self.sparse_version = Some((number()?, minor));
            }
            b"GNU.sparse.minor" => {
                let major = self.sparse_version.map_or(0, |(major, _)| major);
                self.sparse_version = Some((major, number()?));
            }
            SHA256 => {
                let bytes = data_encoding::HEXLOWER.decode(value);
                let bytes = bytes.ok().and_then(|bytes| bytes.try_into().ok());
                self.sha256 = Some(bytes.ok_or(BAD_RECORD)?);
            }
            _ => {}
        }
        Ok(())
    }
}

fn decimal(digits: &[u8]) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let digits = std::str::from_utf8(digits).ok().filter(|_| is_number)?;
    digits.parse().ok()
}

/// `-1.5`: 1.5 s before 1970, which is 2 s before it and half a second.
fn time(value: &[u8]) -> Option<(i64, u32)> {
    let (is_before, value) = match value.strip_prefix(b"-") {
        Some(rest) => (true, rest),
        None => (false, value),
    };
    let mut halves = value.splitn(2, |byte| *byte == b'.');
    let seconds = i64::try_from(decimal(halves.next()?)?).ok()?;
    let mut fraction = halves.next().unwrap_or_default().to_vec();
    if !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    fraction.resize(9, b'0');
    let nanoseconds = u32::try_from(decimal(&fraction)?).ok()?;
    Some(match (is_before, nanoseconds) {
        (false, _) => (seconds, nanoseconds),
        (true, 0) => (-seconds, 0),
        (true, _) => (-seconds - 1, 1_000_000_000 - nanoseconds),
    })
}

/// A member that is to be written.
#[derive(Debug, Clone)]
pub(crate) struct NewMember<'a> {
    /// What it is.
    pub kind: MemberKind,
    /// Its name.
    pub name: &'a [u8],
    /// What it links to; empty where it is no link.
    pub link: &'a [u8],
    /// Bytes of content that will follow, without the padding.
    pub size_bytes: u64,
    /// How long the file is, where that is sparse and its content begins with its map.
    pub sparse_size_bytes: Option<u64>,
    /// Permission bits.
    pub mode: u32,
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// The name of the owner; empty where it is not known.
    pub user: &'a [u8],
    /// The name of the group; empty where it is not known.
    pub group: &'a [u8],
    /// When it was modified, in seconds since 1970.
    pub modified_seconds: i64,
    /// And nanoseconds.
    pub modified_nanoseconds: u32,
    /// Major and minor number of a device.
    pub device: (u32, u32),
    /// Extended attributes, by their names.
    pub attributes: &'a [(Vec<u8>, Vec<u8>)],
}

impl NewMember<'_> {
    /// Its header blocks, the extended header before them where it needs one.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let mut extended = Vec::new();
        let mut name = Cow::Borrowed(self.name);
        if let Some(size) = self.sparse_size_bytes {
            record(&mut extended, b"GNU.sparse.major", b"1");
            record(&mut extended, b"GNU.sparse.minor", b"0");
            record(&mut extended, b"GNU.sparse.name", self.name);
            record(
                &mut extended,
                b"GNU.sparse.realsize",
                size.to_string().as_bytes(),
            );
            // As GNU tar calls it, for programs that do not know the records.
            name = Cow::Owned(beneath_made_up_directory(self.name));
        }
        if name.len() > NAME_BYTES {
            record(&mut extended, b"path", &name);
        }
        if self.link.len() > NAME_BYTES {
            record(&mut extended, b"linkpath", self.link);
        }
        if self.size_bytes > MAX_NUMBER {
            record(
                &mut extended,
                b"size",
                self.size_bytes.to_string().as_bytes(),
            );
        }
        let seconds = u64::try_from(self.modified_seconds).ok();
        let seconds = seconds.filter(|seconds| *seconds <= MAX_NUMBER);
        if seconds.is_none() || self.modified_nanoseconds != 0 {
            let time = time_text(self.modified_seconds, self.modified_nanoseconds);
            record(&mut extended, b"mtime", time.as_bytes());
        }
        for (key, id) in [(&b"uid"[..], self.uid), (b"gid", self.gid)] {
            if id > MAX_ID {
                record(&mut extended, key, id.to_string().as_bytes());
            }
        }
        for (key, name) in [(&b"uname"[..], self.user), (b"gname", self.group)] {
            if name.len() > 31 {
                record(&mut extended, key, name);
            }
        }
        for (key, value) in self.attributes {
            record(&mut extended, &[b"SCHILY.xattr.", &key[..]].concat(), value);
        }
        if !extended.is_empty() {
            extension(out, MemberKind::Extended, &extended);
        }
        let mut header = blank_header(self.kind, &name, self.link, self.size_bytes);
        header.set_mode(self.mode & 0o7777);
        let id = |id: u32| u64::from(if id > MAX_ID { 0 } else { id });
        header.set_uid(id(self.uid));
        header.set_gid(id(self.gid));
        header.set_mtime(seconds.unwrap_or(0));
        if let Some(fields) = header.as_ustar_mut() {
            fill(&mut fields.uname, self.user.get(..31).unwrap_or(self.user));
            fill(
                &mut fields.gname,
                self.group.get(..31).unwrap_or(self.group),
            );
        }
        // These fail for another format of the header only.
        let _ = header.set_device_major(self.device.0 & 0o777_7777);
        let _ = header.set_device_minor(self.device.1 & 0o777_7777);
        header.set_cksum();
        out.extend_from_slice(header.as_bytes());
    }
}

/// `a/b` → `a/GNUSparseFile.0/b`.
fn beneath_made_up_directory(name: &[u8]) -> Vec<u8> {
    let slash = memchr::memrchr(b'/', name).map_or(0, |at| at + 1);
    let (above, last) = name.split_at_checked(slash).unwrap_or((&[], name));
    [above, b"GNUSparseFile.0/", last].concat()
}

/// The member that says what the SHA-256 of the file before it is. Programs that do not know it pass
/// over it.
pub(crate) fn encode_sha256(sha256: &[u8], out: &mut Vec<u8>) {
    let mut text = Vec::new();
    let hex = data_encoding::HEXLOWER.encode(sha256);
    record(&mut text, SHA256, hex.as_bytes());
    extension(out, MemberKind::Global, &text);
}

/// A header with records, padded.
fn extension(out: &mut Vec<u8>, kind: MemberKind, records: &[u8]) {
    let mut header = blank_header(kind, b"././@PaxHeader", b"", records.len() as u64);
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_cksum();
    out.extend_from_slice(header.as_bytes());
    out.extend_from_slice(records);
    let padding = padding(records.len() as u64);
    out.resize(out.len() + padding, 0);
}

fn blank_header(kind: MemberKind, name: &[u8], link: &[u8], size_bytes: u64) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(EntryType::new(kind.flag()));
    let fields = header.as_old_mut();
    fill(&mut fields.name, name);
    fill(&mut fields.linkname, link);
    header.set_size(if size_bytes > MAX_NUMBER {
        0
    } else {
        size_bytes
    });
    header.set_uid(0);
    header.set_gid(0);
    header
}

/// As much of a text as the field holds.
fn fill(field: &mut [u8], text: &[u8]) {
    for (byte, given) in field.iter_mut().zip(text) {
        *byte = *given;
    }
}

/// `LENGTH KEY=VALUE\n`, where the length counts its own digits.
fn record(out: &mut Vec<u8>, key: &[u8], value: &[u8]) {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while length != rest + digits(length) {
        length = rest + digits(length);
    }
    out.extend_from_slice(length.to_string().as_bytes());
    out.push(b' ');
    out.extend_from_slice(key);
    out.push(b'=');
    out.extend_from_slice(value);
    out.push(b'\n');
}

fn digits(number: usize) -> usize {
    number.to_string().len()
}

fn time_text(seconds: i64, nanoseconds: u32) -> String {
    let (sign, whole, fraction) = if seconds < 0 && nanoseconds > 0 {
        let before = (seconds + 1).unsigned_abs();
        ("-", before, 1_000_000_000 - nanoseconds)
    } else if seconds < 0 {
        ("-", seconds.unsigned_abs(), 0)
    } else {
        ("", seconds.unsigned_abs(), nanoseconds)
    };
    format!("{sign}{whole}.{fraction:09}")
}

/// How many zeros follow a content of this length.
pub(crate) fn padding(size_bytes: u64) -> usize {
    let over = usize::try_from(size_bytes % BLOCK as u64).unwrap_or(0);
    (BLOCK - over) % BLOCK
}

/// A part of a sparse file that is no hole: where it begins, and its length in bytes.
pub(crate) type DataRange = (u64, u64);

/// The map of a sparse file, padded: what its content begins with.
pub(crate) fn encode_sparse_map(ranges: &[DataRange]) -> Vec<u8> {
    let mut map = format!("{}\n", ranges.len()).into_bytes();
    for (offset, length) in ranges {
        map.extend_from_slice(format!("{offset}\n{length}\n").as_bytes());
    }
    map.resize(map.len() + padding(map.len() as u64), 0);
    map
}

/// Numbers of a sparse map, one a line, as its blocks come.
#[derive(Debug, Default)]
pub(crate) struct SparseMap {
    numbers: Vec<u64>,
    digits: Vec<u8>,
}

impl SparseMap {
    /// The most ranges that are taken: their numbers are held.
    pub(crate) const RANGES: usize = 1 << 16;

    /// Takes one more block; the ranges once they are complete, in their order and not overlapping.
    ///
    /// # Errors
    /// [`Malformed`]; also where there are too many ranges.
    pub(crate) fn take(
        &mut self,
        block: &[u8; BLOCK],
    ) -> Result<Option<Vec<DataRange>>, Malformed> {
        for byte in block {
            if *byte != b'\n' {
                self.digits.push(*byte);
                if self.digits.len() > 20 {
                    return Err(BAD_MAP);
                }
                continue;
            }
            self.numbers.push(decimal(&self.digits).ok_or(BAD_MAP)?);
            self.digits.clear();
            let (count, rest) = self.numbers.split_first().ok_or(BAD_MAP)?;
            let count = usize::try_from(*count).map_err(|_| BAD_MAP)?;
            if count > Self::RANGES {
                return Err(BAD_MAP);
            }
            if rest.len() == 2 * count {
                return ordered(rest).map(Some);
            }
        }
        Ok(None)
    }
}

fn ordered(numbers: &[u64]) -> Result<Vec<DataRange>, Malformed> {
    let (pairs, _) = numbers.as_chunks::<2>();
    let mut end = 0;
    let mut ranges = Vec::with_capacity(pairs.len());
    for [offset, length] in pairs {
        if *offset < end {
            return Err(BAD_MAP);
        }
        end = offset.checked_add(*length).ok_or(BAD_MAP)?;
        ranges.push((*offset, *length));
    }
    Ok(ranges)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn member(kind: MemberKind, name: &[u8]) -> NewMember<'_> {
        NewMember {
            kind,
            name,
            link: b"",
            size_bytes: 0,
            sparse_size_bytes: None,
            mode: 0o640,
            uid: 7,
            gid: 8,
            user: b"web",
            group: b"web",
            modified_seconds: 1_700_000_000,
            modified_nanoseconds: 0,
            device: (0, 0),
            attributes: &[],
        }
    }

    /// The records and the header of an encoded member.
    fn decoded(member: &NewMember<'_>) -> (PaxRecords, MemberHeader) {
        let mut bytes = Vec::new();
        member.encode(&mut bytes);
        let (blocks, rest) = bytes.as_chunks::<BLOCK>();
        assert!(rest.is_empty());
        let first = header(&blocks[0]).unwrap().unwrap();
        if first.kind != MemberKind::Extended {
            assert_eq!(blocks.len(), 1);
            return (PaxRecords::default(), first);
        }
        let size = usize::try_from(first.size_bytes).unwrap();
        let said = records(&bytes[BLOCK..BLOCK + size]).unwrap();
        let last = header(blocks.last().unwrap()).unwrap().unwrap();
        (said, last)
    }

    #[test]
    fn a_plain_member_is_one_block() {
        let mut plain = member(MemberKind::File, b"etc/hosts");
        plain.size_bytes = 12;
        let (_, read) = decoded(&plain);
        assert_eq!((&read.name[..], read.size_bytes), (&b"etc/hosts"[..], 12));
        assert_eq!((read.mode, read.modified_seconds), (0o640, 1_700_000_000));
        assert_eq!(read.kind, MemberKind::File);
    }

    #[test]
    fn what_a_header_has_no_room_for_is_in_records() {
        let name = [b"long/".repeat(60), b"\xff\n=".to_vec()].concat();
        let link = b"\x01 ".repeat(90);
        let mut large = member(MemberKind::SymbolicLink, &name);
        large.link = &link;
        large.size_bytes = 1 << 40;
        large.modified_seconds = -2;
        large.modified_nanoseconds = 500_000_000;
        let (said, _) = decoded(&large);
        assert_eq!(said.path.as_ref(), Some(&name));
        assert_eq!(said.link_path.as_ref(), Some(&link));
        assert_eq!(said.size_bytes, Some(1 << 40));
        assert_eq!(said.modified_seconds, Some(-2));
        assert_eq!(said.modified_nanoseconds, 500_000_000);
        assert_eq!(time_text(-2, 500_000_000), "-1.500000000");
    }

    #[test]
    fn a_sparse_map_comes_back() {
        let ranges: Vec<DataRange> = (0..200).map(|at| (at << 20, 4096)).collect();
        let bytes = encode_sparse_map(&ranges);
        let (blocks, rest) = bytes.as_chunks::<BLOCK>();
        assert!(rest.is_empty() && blocks.len() > 1);
        let mut map = SparseMap::default();
        let read = blocks.iter().find_map(|block| map.take(block).unwrap());
        assert_eq!(read, Some(ranges));
        let refused = |text: &str| {
            let mut block = [0; BLOCK];
            fill(&mut block, text.as_bytes());
            SparseMap::default().take(&block)
        };
        assert_eq!(refused("2\n5\n5\n9\n1\n"), Err(BAD_MAP), "overlap");
        assert_eq!(refused("9999999\n"), Err(BAD_MAP), "too many");
        assert_eq!(refused("1\n18446744073709551615\n1\n"), Err(BAD_MAP));
        assert_eq!(refused("999999999999999999999999\n"), Err(BAD_MAP));
        assert_eq!(refused("0\n"), Ok(Some(Vec::new())));
    }

    #[test]
    fn a_checksum_says_which_file_it_is_of() {
        let mut bytes = Vec::new();
        encode_sha256(&[7; 32], &mut bytes);
        assert_eq!(bytes.len(), 2 * BLOCK);
        assert_eq!(
            records(&bytes[BLOCK..BLOCK + 83]).unwrap().sha256,
            Some([7; 32])
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_header_or_none(bytes in prop::collection::vec(any::<u8>(), BLOCK)) {
            let mut block: [u8; BLOCK] = bytes.try_into().unwrap();
            let _ = header(&block);
            // With a checksum that fits, the other fields are read.
            let sum = format!("{:06o}\0 ", checksum(&block));
            fill(&mut block[148..156], sum.as_bytes());
            let _ = header(&block);
        }

        #[test]
        fn any_bytes_are_records_or_none(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = records(&bytes);
            let _ = records(&[b"30 mtime=".to_vec(), bytes].concat());
        }

        #[test]
        fn any_value_comes_back(value in prop::collection::vec(any::<u8>(), 0..1200)) {
            let mut bytes = Vec::new();
            record(&mut bytes, b"path", &value);
            record(&mut bytes, b"linkpath", b"x");
            let read = records(&bytes).unwrap();
            prop_assert_eq!(read.path, Some(value));
            prop_assert_eq!(read.link_path, Some(b"x".to_vec()));
        }

        #[test]
        fn any_time_comes_back(seconds in -1_000_000_000_000i64..1_000_000_000_000, nanoseconds in 0..1_000_000_000u32) {
            prop_assert_eq!(time(time_text(seconds, nanoseconds).as_bytes()), Some((seconds, nanoseconds)));
        }
    }
}
