//! An archive that a peer sends, unpacked beneath one place of this machine. The peer is not trusted:
//! a name that leads elsewhere ends the copy, and what is no file, directory or link within the copy
//! is left out.

use std::io::Write;

use ring::digest::{Context, SHA256};
use rustix::io::Errno;

use super::left_out::{LeftOut, LeftOutReason};
use super::place::CopyPlace;
use crate::parse::tar::{ArchiveError, ArchiveMember, Item, MemberKind, Members, SparseMap};
use crate::sys::destination::{Destination, IncomingFile};

/// As deep as names may lead.
const DEPTH: usize = 256;
const BUFFER: usize = 128 << 10;

/// What a copy may take of this machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CopyLimits {
    /// All files together, their holes counted.
    pub bytes: u64,
    /// Files, directories and links.
    pub members: u64,
}

/// What was copied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Copied {
    /// Regular files, further names of one counted.
    pub files: u64,
    /// Directories.
    pub directories: u64,
    /// Symbolic links.
    pub links: u64,
    /// All files together, their holes counted.
    pub bytes: u64,
    /// What was left out.
    pub left_out: u64,
}

impl Copied {
    /// All that came.
    fn all(&self) -> u64 {
        self.files + self.directories + self.links + self.left_out
    }
}

/// Why a copy ended early. Files that were complete by then stay.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UnpackError {
    /// The archive cannot be read on.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// A name in it leads out of the copy.
    #[error("the archive names {}, which is outside the requested path: nothing more is copied", .0)]
    Outside(String),
    /// The content of a file is not what its sender read.
    #[error("the checksum of {} does not match: it was damaged on its way", .0)]
    Checksum(String),
    /// A file came without a checksum.
    #[error("the archive has no checksum of {}: the other side is not spyhole, or too old", .0)]
    NoChecksum(String),
    /// There is more than may be copied.
    #[error("more than {} bytes: allow more with --max-size", .0)]
    TooManyBytes(u64),
    /// There are more files than may be copied.
    #[error("more than {} files and directories: copy a directory below", .0)]
    TooManyMembers(u64),
    /// A file does not fit.
    #[error("{path} has {bytes} bytes, and {available} are available here")]
    NoSpace {
        path: String,
        bytes: u64,
        available: u64,
    },
    /// The place cannot be written to.
    #[error("cannot write {path}: {errno}")]
    Write { path: String, errno: Errno },
    /// There was no file or directory in it.
    #[error("nothing was copied")]
    Empty,
}

/// Unpacks an archive of `remote`, a path without `.` and `..`, at a place.
///
/// # Errors
/// [`UnpackError`]; the file that was being written is removed then.
pub(crate) fn unpack(
    input: impl std::io::Read,
    remote: &[&[u8]],
    place: &CopyPlace,
    limits: CopyLimits,
    say: &mut dyn FnMut(LeftOut),
) -> Result<Copied, UnpackError> {
    let mut unpacker = Unpacker {
        members: Members::new(input),
        remote,
        place,
        limits,
        root: None,
        last: None,
        copied: Copied::default(),
        seen: 0,
        taken: 0,
        buffer: vec![0; BUFFER],
        say,
    };
    unpacker.run()?;
    Ok(unpacker.copied)
}

struct Unpacker<'a, R> {
    members: Members<R>,
    remote: &'a [&'a [u8]],
    place: &'a CopyPlace,
    limits: CopyLimits,
    /// The copy of the directory that was asked for; `None` until it comes, and for a file.
    root: Option<Destination>,
    /// The directory that was written to last, and its path below the root.
    last: Option<(Vec<Vec<u8>>, Destination)>,
    copied: Copied,
    /// What came so far, checksums included.
    seen: u64,
    /// Bytes that it takes or has taken, holes counted.
    taken: u64,
    buffer: Vec<u8>,
    say: &'a mut dyn FnMut(LeftOut),
}

/// Why a member was not made.
enum Failed {
    /// The copy goes on without it.
    LeftOut(LeftOutReason),
    /// The copy ends.
    Ended(UnpackError),
}

impl From<ArchiveError> for Failed {
    fn from(error: ArchiveError) -> Self {
        Self::Ended(error.into())
    }
}

impl From<UnpackError> for Failed {
    fn from(error: UnpackError) -> Self {
        Self::Ended(error)
    }
}

impl<R: std::io::Read> Unpacker<'_, R> {
    fn run(&mut self) -> Result<(), UnpackError> {
        loop {
            let item = self.members.next()?;
            self.seen += 1;
            // A checksum may stand behind each of them.
            if self.copied.all() > self.limits.members || self.seen > 2 * self.limits.members {
                return Err(UnpackError::TooManyMembers(self.limits.members));
            }
            let member = match item {
                Item::Member(member) => member,
                // That of a file that was left out.
                Item::Sha256(_) => continue,
                Item::End => break,
            };
            let size = member.sparse_size_bytes.unwrap_or(0).max(member.size_bytes);
            self.taken = self.taken.saturating_add(size);
            if self.taken > self.limits.bytes {
                return Err(UnpackError::TooManyBytes(self.limits.bytes));
            }
            let below = self.below(&member.path)?;
            match self.make(&member, &below) {
                Ok(()) => {}
                Err(Failed::Ended(error)) => return Err(error),
                Err(Failed::LeftOut(reason)) => {
                    self.copied.left_out += 1;
                    (self.say)(LeftOut {
                        path: member.path,
                        reason,
                    });
                }
            }
        }
        if self.copied.all() == 0 {
            return Err(UnpackError::Empty);
        }
        Ok(())
    }

    /// The parts of a name behind the path that was asked for.
    fn below(&self, name: &[u8]) -> Result<Vec<Vec<u8>>, UnpackError> {
        let outside = || UnpackError::Outside(shown(name));
        let parts = parts(name).ok_or_else(outside)?;
        let below = parts.strip_prefix(self.remote).ok_or_else(outside)?;
        if below.len() > DEPTH {
            return Err(outside());
        }
        Ok(below.iter().map(|part| part.to_vec()).collect())
    }

    fn make(&mut self, member: &ArchiveMember, below: &[Vec<u8>]) -> Result<(), Failed> {
        let Some((name, above)) = below.split_last() else {
            return self.make_top(member);
        };
        if self.root.is_none() {
            // A file has nothing below it.
            return Err(UnpackError::Outside(shown(&member.path)).into());
        }
        match member.kind {
            MemberKind::Directory => self.make_directory(member, below),
            MemberKind::File => {
                let directory = self.directory(above)?;
                let made = self.make_file(&directory, name, member);
                self.last = Some((above.to_vec(), directory));
                made
            }
            MemberKind::SymbolicLink => {
                if !stays_within(&member.link, above.len()) {
                    return Err(Failed::LeftOut(LeftOutReason::LinkOut(member.link.clone())));
                }
                let directory = self.directory(above)?;
                let made = directory.symbolic_link(name, &member.link);
                self.last = Some((above.to_vec(), directory));
                made.map_err(|errno| failed(errno, member))?;
                self.copied.links += 1;
                Ok(())
            }
            MemberKind::HardLink => self.make_hard_link(member, above, name),
            kind => Err(Failed::LeftOut(LeftOutReason::Kind(kind))),
        }
    }

    /// What was asked for itself.
    fn make_top(&mut self, member: &ArchiveMember) -> Result<(), Failed> {
        let failed = |errno| {
            Failed::Ended(UnpackError::Write {
                path: self.place.shown(),
                errno,
            })
        };
        match (member.kind, self.place) {
            (MemberKind::Directory, _) if self.root.is_some() => Ok(()),
            (MemberKind::Directory, CopyPlace::Contents(path)) => {
                self.root = Some(Destination::open(path).map_err(failed)?);
                self.copied.directories += 1;
                Ok(())
            }
            (
                MemberKind::Directory,
                CopyPlace::As {
                    directory, name, ..
                },
            ) => {
                let parent = Destination::open(directory).map_err(failed)?;
                let (made, is_new) = parent.make_below(name).map_err(failed)?;
                if is_new {
                    made.set_mode(member.mode).map_err(failed)?;
                }
                self.root = Some(made);
                self.copied.directories += 1;
                Ok(())
            }
            (
                MemberKind::File,
                CopyPlace::As {
                    directory,
                    name,
                    must_be_directory: false,
                },
            ) if self.root.is_none() => {
                let parent = Destination::open(directory).map_err(failed)?;
                // Where that cannot be written, nothing is copied at all.
                parent.check_vacant(name).map_err(failed)?;
                self.make_file(&parent, name, member)
            }
            (MemberKind::File, CopyPlace::As { .. }) => Err(failed(Errno::NOTDIR)),
            (MemberKind::File, CopyPlace::Contents(_)) => {
                Err(UnpackError::Outside(shown(&member.path)).into())
            }
            (kind, _) => Err(Failed::LeftOut(LeftOutReason::Kind(kind))),
        }
    }

    fn make_directory(&mut self, member: &ArchiveMember, below: &[Vec<u8>]) -> Result<(), Failed> {
        let Some((name, above)) = below.split_last() else {
            return Ok(());
        };
        let parent = self.directory(above)?;
        let made = parent.make_below(name).and_then(|(made, is_new)| {
            if is_new {
                made.set_mode(member.mode)?;
            }
            Ok(made)
        });
        match made {
            Ok(made) => {
                self.last = Some((below.to_vec(), made));
                self.copied.directories += 1;
                Ok(())
            }
            Err(errno) => {
                self.last = Some((above.to_vec(), parent));
                Err(failed(errno, member))
            }
        }
    }

    fn make_hard_link(
        &mut self,
        member: &ArchiveMember,
        above: &[Vec<u8>],
        name: &[u8],
    ) -> Result<(), Failed> {
        let goal = self.below(&member.link)?;
        let Some((goal_name, goal_above)) = goal.split_last() else {
            return Err(UnpackError::Outside(shown(&member.link)).into());
        };
        let absent = |_| Failed::LeftOut(LeftOutReason::NotCopied(member.link.clone()));
        let mut from = self.root()?;
        for part in goal_above {
            from = from.below(part).map_err(absent)?;
        }
        let directory = self.directory(above)?;
        let made = directory.hard_link(name, &from, goal_name);
        self.last = Some((above.to_vec(), directory));
        match made {
            Ok(()) => {
                self.copied.files += 1;
                Ok(())
            }
            Err(errno @ (Errno::NOENT | Errno::LOOP | Errno::INVAL)) => Err(absent(errno)),
            Err(errno) => Err(failed(errno, member)),
        }
    }

    fn root(&self) -> Result<Destination, Failed> {
        let root = self.root.as_ref().ok_or(UnpackError::Empty)?;
        root.try_clone().map_err(|errno| {
            Failed::Ended(UnpackError::Write {
                path: self.place.shown(),
                errno,
            })
        })
    }

    /// The directory of this path below the root, made where it is not there.
    fn directory(&mut self, path: &[Vec<u8>]) -> Result<Destination, Failed> {
        if let Some((known, directory)) = self.last.take()
            && known == path
        {
            return Ok(directory);
        }
        let mut directory = self.root()?;
        for part in path {
            let next = directory.make_below(part);
            directory = next
                .map_err(|errno| left_out_or_ended(errno, || self.place.shown()))?
                .0;
        }
        Ok(directory)
    }

    fn make_file(
        &mut self,
        directory: &Destination,
        name: &[u8],
        member: &ArchiveMember,
    ) -> Result<(), Failed> {
        let failed = |errno| left_out_or_ended(errno, || shown(&member.path));
        directory.check_vacant(name).map_err(failed)?;
        let available = directory.available_bytes().map_err(failed)?;
        if member.size_bytes > available {
            return Err(Failed::Ended(UnpackError::NoSpace {
                path: shown(&member.path),
                bytes: member.size_bytes,
                available,
            }));
        }
        let mut file = directory.begin_file().map_err(failed)?;
        let mut digest = Context::new(&SHA256);
        if let Some(length) = member.sparse_size_bytes {
            self.write_sparse(member, length, &mut file, &mut digest)?;
        } else {
            self.write(member, member.size_bytes, &mut file, &mut digest)?;
        }
        match self.members.next()? {
            Item::Sha256(said) if said == digest.finish().as_ref() => {}
            Item::Sha256(_) => return Err(UnpackError::Checksum(shown(&member.path)).into()),
            _ => return Err(UnpackError::NoChecksum(shown(&member.path)).into()),
        }
        let (seconds, nanoseconds) = (member.modified_seconds, member.modified_nanoseconds);
        let finished = file.finish(name, member.mode, seconds, nanoseconds);
        finished.map_err(failed)?;
        self.copied.files += 1;
        self.copied.bytes += member.sparse_size_bytes.unwrap_or(member.size_bytes);
        Ok(())
    }

    fn write(
        &mut self,
        member: &ArchiveMember,
        length: u64,
        file: &mut IncomingFile<'_>,
        digest: &mut Context,
    ) -> Result<(), Failed> {
        let mut left = length;
        while left > 0 {
            let room = usize::try_from(left).unwrap_or(usize::MAX).min(BUFFER);
            let room = self.buffer.get_mut(..room).unwrap_or_default();
            let count = self.members.read(room)?;
            let piece = self.buffer.get(..count).unwrap_or_default();
            if piece.is_empty() {
                return Err(ArchiveError::Truncated.into());
            }
            digest.update(piece);
            file.write_all(piece)
                .map_err(|error| of_io(&error, member))?;
            left -= count as u64;
        }
        Ok(())
    }

    /// The map, then the ranges that are no holes.
    fn write_sparse(
        &mut self,
        member: &ArchiveMember,
        length: u64,
        file: &mut IncomingFile<'_>,
        digest: &mut Context,
    ) -> Result<(), Failed> {
        let mut map = SparseMap::default();
        let ranges = loop {
            let block = self.members.content_block()?;
            digest.update(&block);
            let ranges = map.take(&block).map_err(ArchiveError::from)?;
            if let Some(ranges) = ranges {
                break ranges;
            }
        };
        for (offset, size) in ranges {
            if offset.saturating_add(size) > length {
                return Err(ArchiveError::Truncated.into());
            }
            file.skip_to(offset)
                .map_err(|error| of_io(&error, member))?;
            self.write(member, size, file, digest)?;
        }
        file.set_length(length)
            .map_err(|error| of_io(&error, member))?;
        Ok(())
    }
}

fn failed(errno: Errno, member: &ArchiveMember) -> Failed {
    left_out_or_ended(errno, || shown(&member.path))
}

/// The path of a name; `None` where it is absolute or has a `..`.
fn parts(name: &[u8]) -> Option<Vec<&[u8]>> {
    if name.starts_with(b"/") || name.contains(&0) {
        return None;
    }
    let parts = name.split(|byte| *byte == b'/');
    let parts = parts.filter(|part| !part.is_empty() && *part != b".");
    let parts: Vec<&[u8]> = parts.collect();
    (!parts.contains(&&b".."[..])).then_some(parts)
}

/// Whether a link so deep below the copy leads to a place in it, whatever other such links there are:
/// only the first parts may be `..`, for behind the name of a link they would lead anywhere.
fn stays_within(goal: &[u8], depth: usize) -> bool {
    if goal.is_empty() || goal.starts_with(b"/") {
        return false;
    }
    let parts = goal.split(|byte| *byte == b'/');
    let mut parts = parts
        .filter(|part| !part.is_empty() && *part != b".")
        .peekable();
    let mut up = 0;
    while parts.next_if(|part| *part == b"..").is_some() {
        up += 1;
    }
    up <= depth && parts.all(|part| part != b"..")
}

/// What hinders one file lets the others come; what hinders all ends the copy.
fn left_out_or_ended(errno: Errno, path: impl FnOnce() -> String) -> Failed {
    match errno {
        Errno::NOSPC | Errno::DQUOT | Errno::ROFS | Errno::IO | Errno::MFILE | Errno::NFILE => {
            let path = path();
            Failed::Ended(UnpackError::Write { path, errno })
        }
        errno => Failed::LeftOut(LeftOutReason::Errno(errno)),
    }
}

fn of_io(error: &std::io::Error, member: &ArchiveMember) -> Failed {
    let errno = error
        .raw_os_error()
        .map_or(Errno::IO, Errno::from_raw_os_error);
    Failed::Ended(UnpackError::Write {
        path: shown(&member.path),
        errno,
    })
}

fn shown(name: &[u8]) -> String {
    crate::model::escape::escaped(name).into_owned()
}
