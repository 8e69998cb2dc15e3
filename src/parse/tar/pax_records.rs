//! Reads the records of extended headers.

use super::SHA256;
use crate::parse::Malformed;

const BAD_RECORD: Malformed = Malformed {
    what: "an extended header of the archive",
    expected: "records of pax",
};

/// What the records of an extended header say of the next member, or of the one before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PaxRecords {
    pub path: Option<Vec<u8>>,
    pub link_path: Option<Vec<u8>>,
    pub size_bytes: Option<u64>,
    pub modified_seconds: Option<i64>,
    pub modified_nanoseconds: u32,
    /// The owner.
    pub uid: Option<u32>,
    /// The group.
    pub gid: Option<u32>,
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
            b"uid" => self.uid = Some(u32::try_from(number()?).map_err(|_| BAD_RECORD)?),
            b"gid" => self.gid = Some(u32::try_from(number()?).map_err(|_| BAD_RECORD)?),
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

pub(super) fn decimal(digits: &[u8]) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let digits = std::str::from_utf8(digits).ok().filter(|_| is_number)?;
    digits.parse().ok()
}

/// `-1.5`: 1.5 s before 1970, which is 2 s before it and half a second.
pub(super) fn time(value: &[u8]) -> Option<(i64, u32)> {
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
