//! The parts of an image by their names: the members of an archive, or the files of a layout.

use std::collections::BTreeMap;
use std::io::{self, Read};

use super::blob::Blob;
use super::error::ImageError;
use crate::parse::tar::{Item, MemberKind, Members};
use crate::sys::InRoot;
use crate::sys::image_file::Spool;
use crate::sys::tree_entry::TreeEntry;

/// Members of an archive: a layout of an index has some hundreds.
const MEMBERS: usize = 20_000;
const NAME_BYTES: usize = 1024;
/// Links from one member to another.
const LINKS: usize = 8;

/// Where the parts are.
pub(super) enum Store {
    Directory(InRoot),
    Archive {
        blob: Blob,
        parts: BTreeMap<String, Part>,
    },
}

/// A member of an archive.
#[derive(Debug, Clone)]
pub(super) enum Part {
    At { offset: u64, size_bytes: u64 },
    Link(String),
}

impl Store {
    /// Lists the members of an archive; one that is compressed as a whole is decompressed into a file
    /// without a name.
    pub(super) fn of_archive(blob: Blob) -> Result<Self, ImageError> {
        let mut whole = blob.decompressed()?;
        let blob = if whole.is_compressed() {
            let mut spool = Spool::begin()?;
            io::copy(&mut whole, &mut spool)?;
            Blob::whole(spool.finish()?)
        } else {
            blob
        };
        let parts = parts(&blob)?;
        Ok(Self::Archive { blob, parts })
    }

    /// A part; `None` where there is none of this name.
    pub(super) fn find(&self, name: &str) -> Result<Option<Blob>, ImageError> {
        match self {
            Self::Directory(root) => {
                let opened = TreeEntry::at(root, name.as_bytes()).and_then(|entry| entry.open());
                match opened {
                    Ok(content) => Ok(Some(Blob::whole(content))),
                    Err(nix::errno::Errno::ENOENT | nix::errno::Errno::ENOTDIR) => Ok(None),
                    Err(errno) => Err(ImageError::Read(errno.into())),
                }
            }
            Self::Archive { blob, parts } => {
                let mut name = normal("", name);
                for _ in 0..LINKS {
                    match parts.get(&name) {
                        None => return Ok(None),
                        Some(Part::Link(goal)) => name = goal.clone(),
                        Some(Part::At { offset, size_bytes }) => {
                            let part = blob.part(*offset, *size_bytes);
                            return part.map(Some).ok_or(ImageError::Archive(
                                crate::parse::tar::ArchiveError::Truncated,
                            ));
                        }
                    }
                }
                Ok(None)
            }
        }
    }

    /// Whether it is a directory with one for blobs.
    pub(super) fn has_blobs(&self) -> bool {
        match self {
            Self::Directory(root) => TreeEntry::at(root, b"blobs").is_ok(),
            Self::Archive { .. } => false,
        }
    }

    /// The same, where it has to be there.
    pub(super) fn part(&self, name: &str) -> Result<Blob, ImageError> {
        let found = self.find(name)?;
        found.ok_or_else(|| ImageError::Missing(name.to_owned()))
    }
}

fn parts(blob: &Blob) -> Result<BTreeMap<String, Part>, ImageError> {
    let mut parts = BTreeMap::new();
    let mut reader = Positioned {
        blob,
        position: 0,
        reader: blob.reader(),
    };
    loop {
        let item = match Members::new(&mut reader as &mut dyn Read).next() {
            Err(crate::parse::tar::ArchiveError::Absent) if !parts.is_empty() => break,
            item => item?,
        };
        let Item::Member(member) = item else { break };
        let at = reader.position;
        if at.saturating_add(member.size_bytes) > blob.size_bytes {
            return Err(ImageError::Archive(
                crate::parse::tar::ArchiveError::Truncated,
            ));
        }
        let padded = member.size_bytes.checked_next_multiple_of(512);
        reader.skip(padded.unwrap_or(u64::MAX));
        let name = String::from_utf8_lossy(&member.path);
        let name = normal("", &name);
        let link = String::from_utf8_lossy(&member.link);
        let part = match member.kind {
            MemberKind::File => Part::At {
                offset: at,
                size_bytes: member.size_bytes,
            },
            MemberKind::HardLink => Part::Link(normal("", &link)),
            MemberKind::SymbolicLink => {
                let above = name.rsplit_once('/').map_or("", |(above, _)| above);
                Part::Link(normal(above, &link))
            }
            _ => continue,
        };
        if parts.len() >= MEMBERS || name.len() > NAME_BYTES {
            return Err(ImageError::TooLarge {
                what: "the list of the archive's members".to_owned(),
                limit: MEMBERS as u64,
            });
        }
        if parts.insert(name.clone(), part).is_some() {
            return Err(ImageError::Duplicate(name));
        }
    }
    Ok(parts)
}

/// A blob whose position is known: members are passed over, not read.
struct Positioned<'a> {
    blob: &'a Blob,
    position: u64,
    reader: super::blob::BlobReader,
}

impl Positioned<'_> {
    fn skip(&mut self, bytes: u64) {
        self.position = self.position.saturating_add(bytes);
        let end = self.blob.size_bytes;
        self.reader.seek(self.position.min(end));
    }
}

impl Read for Positioned<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(out)?;
        self.position += count as u64;
        Ok(count)
    }
}

/// Without `.` and `..`, below a directory of the archive; what leads out ends at the top.
fn normal(above: &str, name: &str) -> String {
    let mut kept: Vec<&str> = if name.starts_with('/') {
        Vec::new()
    } else {
        above.split('/').filter(|part| !part.is_empty()).collect()
    };
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            part => kept.push(part),
        }
    }
    kept.join("/")
}
