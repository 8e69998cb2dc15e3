//! Writes the headers of a member.

use std::borrow::Cow;

use tar::{EntryType, Header};

use super::{MemberKind, SHA256, padding};

/// The longest name that a header itself holds.
const NAME_BYTES: usize = 100;
/// The largest id that seven octal digits hold.
const MAX_ID: u32 = 0o777_7777;
/// The largest size and time that eleven octal digits hold.
const MAX_NUMBER: u64 = 0o777_7777_7777;

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
pub(super) fn fill(field: &mut [u8], text: &[u8]) {
    for (byte, given) in field.iter_mut().zip(text) {
        *byte = *given;
    }
}

/// `LENGTH KEY=VALUE\n`, where the length counts its own digits.
pub(super) fn record(out: &mut Vec<u8>, key: &[u8], value: &[u8]) {
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

pub(super) fn time_text(seconds: i64, nanoseconds: u32) -> String {
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
