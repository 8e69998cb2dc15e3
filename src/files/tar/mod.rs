//! `tar cf - PATH…`: an archive of paths of the target. What of a file may be shown is decided as for
//! every command ([`super::content`]); the archive is valid whatever is left out or changes meanwhile.

mod contents;
mod options;

use std::collections::HashMap;

use super::error::FileError;
use super::output::{FilesEnd, Output, Stopped};
use super::target_files::TargetFiles;
use super::walk::{WalkEntry, WalkOptions, WalkOrder};
use crate::model::escape::escaped;
use crate::parse::tar::{BLOCK, MemberKind, NewMember};
use crate::sys::tree_entry::EntryKind;
pub(crate) use options::{ArchiveOptions, ArchivePath};

/// Files with several names that are kept in mind; further ones are archived once for each name.
const HARD_LINKS: usize = 100_000;
/// Archives end at a multiple of this: 20 blocks.
const RECORD_BYTES: u64 = 20 * BLOCK as u64;

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
