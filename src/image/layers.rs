//! Layers, one after the other, into one tree; what their files tell is noted in passing.

use std::collections::{BTreeSet, HashMap};
use std::io::{self, Read};

use super::blob::{Blob, Hashed};
use super::error::ImageError;
use super::kept::{Kept, KeptFile};
use super::sniff::{Facts, Passing, Program};
use super::tree::{Node, NodeKind, Tree, join, split};
use crate::model::secret::SecretKind;
use crate::parse::tar::{ArchiveMember, Item, MemberKind, Members};

const WHITEOUT: &[u8] = b".wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";
/// As many places of secrets, and of programs with a known compiler, are held.
const PLACES: usize = 1000;
/// Bytes that are held of files and of the interpreters of programs.
const HELD_BYTES: usize = 12 << 20;

/// What is known of an image's files.
#[derive(Debug)]
pub(super) struct Collected {
    pub(super) tree: Tree,
    /// By the number of the file.
    pub(super) programs: HashMap<u32, Program>,
    pub(super) kept: HashMap<u32, Kept>,
    pub(super) secrets: Vec<SecretPlace>,
    pub(super) built: Vec<Built>,
    /// Secrets beyond those that are held, and programs.
    pub(super) more_places: u64,
    pub(super) more_built: u64,
    /// What the layers that follow may decompress to.
    pub(super) unpacked_bytes_left: u64,
    held_bytes_left: usize,
    buffer: Vec<u8>,
}

/// What there is of a file whose content is needed.
pub(super) enum KeptAt<'a> {
    /// No file is there.
    Nothing,
    /// What was kept of it, if anything: not where a link leads to a file of another name.
    File(Option<&'a Kept>, &'a Node),
}

/// Where a secret is.
#[derive(Debug, Clone)]
pub(super) struct SecretPlace {
    pub(super) path: Vec<u8>,
    pub(super) file: u32,
    pub(super) layer: u16,
    pub(super) kind: SecretKind,
    /// Not its name alone.
    pub(super) by_content: bool,
}

/// A program with what its compiler left.
#[derive(Debug, Clone)]
pub(super) struct Built {
    pub(super) path: Vec<u8>,
    pub(super) file: u32,
    pub(super) language: &'static str,
    pub(super) version: String,
    /// The main package.
    pub(super) package: String,
}

/// What a layer takes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct LayerSize {
    /// Its archive, without its compression.
    pub(super) archive_bytes: u64,
    /// Its regular files, each counted once.
    pub(super) size_bytes: u64,
    pub(super) files: u64,
    /// Names that it removes.
    pub(super) whiteouts: u64,
}

impl Collected {
    pub(super) fn new() -> Self {
        Self {
            tree: Tree::new(),
            programs: HashMap::new(),
            kept: HashMap::new(),
            secrets: Vec::new(),
            built: Vec::new(),
            more_places: 0,
            more_built: 0,
            unpacked_bytes_left: u64::MAX,
            held_bytes_left: HELD_BYTES,
            buffer: Vec::new(),
        }
    }

    /// What was kept of the file that a path leads to.
    pub(super) fn kept_at(&self, path: &[u8]) -> KeptAt<'_> {
        let found = self.tree.resolve(path).ok();
        let node = found.and_then(|path| self.tree.get(&path));
        match node.map(|node| (&node.kind, node)) {
            Some((NodeKind::File(file), node)) => KeptAt::File(self.kept.get(file), node),
            _ => KeptAt::Nothing,
        }
    }

    /// Whether nothing was left out.
    pub(super) fn is_whole(&self) -> bool {
        self.tree.is_whole() && self.held_bytes_left > 0
    }

    /// Applies a layer, and checks its digest without its compression.
    pub(super) fn apply(
        &mut self,
        blob: &Blob,
        layer: u16,
        diff_id: Option<&str>,
    ) -> Result<LayerSize, ImageError> {
        let mut counted = Counted {
            source: Hashed::new(blob.decompressed()?),
            bytes: 0,
            limit: self.unpacked_bytes_left,
            stored_bytes: blob.size_bytes,
        };
        let mut size = self.members(&mut counted, layer)?;
        // What stands behind the end of the archive counts for the digest.
        io::copy(&mut counted, &mut io::sink())?;
        size.archive_bytes = counted.bytes;
        self.unpacked_bytes_left = self.unpacked_bytes_left.saturating_sub(counted.bytes);
        let found = counted.source.digest();
        match diff_id {
            Some(expected) if expected != found => Err(ImageError::Digest {
                what: "the layer's content".to_owned(),
                expected: expected.to_owned(),
                found,
            }),
            _ => Ok(size),
        }
    }

    fn members(&mut self, input: &mut dyn Read, layer: u16) -> Result<LayerSize, ImageError> {
        let mut size = LayerSize::default();
        let mut members = Members::new(input);
        // Of one directory once: each looks through all that is below it.
        let mut opaque = BTreeSet::new();
        loop {
            match members.next()? {
                Item::End => return Ok(size),
                Item::Sha256(_) => {}
                Item::Member(member) => {
                    self.member(&mut members, &member, layer, &mut size, &mut opaque)?;
                }
            }
        }
    }

    fn member(
        &mut self,
        members: &mut Members<&mut dyn Read>,
        member: &ArchiveMember,
        layer: u16,
        size: &mut LayerSize,
        opaque: &mut BTreeSet<Vec<u8>>,
    ) -> Result<(), ImageError> {
        let Some(path) = self.tree.place(&member.path) else {
            return Ok(());
        };
        let (above, name) = split(&path);
        if name == OPAQUE {
            size.whiteouts += 1;
            if opaque.insert(above.to_vec()) {
                self.tree.make_opaque(above, layer);
            }
            return Ok(());
        }
        if let Some(hidden) = name.strip_prefix(WHITEOUT) {
            size.whiteouts += 1;
            if !hidden.starts_with(WHITEOUT) {
                self.tree.white_out(&join(above, hidden), layer);
            }
            return Ok(());
        }
        let kind = match member.kind {
            MemberKind::Directory => NodeKind::Directory,
            MemberKind::SymbolicLink => NodeKind::Link(member.link.as_slice().into()),
            MemberKind::HardLink => {
                if let Some(target) = self.tree.place(&member.link) {
                    self.tree.link(&path, &target, layer);
                }
                return Ok(());
            }
            MemberKind::File => {
                size.files += 1;
                let bytes = member.sparse_size_bytes.unwrap_or(member.size_bytes);
                size.size_bytes = size.size_bytes.saturating_add(bytes);
                let Some(file) = self.tree.add_file(bytes, layer) else {
                    return Ok(());
                };
                let mut read = |room: &mut [u8]| members.read(room).map_err(ImageError::from);
                let passing = Passing {
                    path: &path,
                    mode: mode_of(member.mode),
                    size_bytes: bytes,
                    left_bytes: member.size_bytes,
                    read: &mut read,
                };
                self.look(passing, file, layer)?;
                NodeKind::File(file)
            }
            _ => NodeKind::Special,
        };
        let node = Node {
            kind,
            mode: mode_of(member.mode),
            layer,
            uid: member.uid,
            gid: member.gid,
            modified_seconds: member.modified_seconds,
        };
        self.tree.put(&path, node);
        Ok(())
    }

    /// Looks at a file that passes by, and keeps what was found.
    pub(super) fn look(
        &mut self,
        passing: Passing<'_>,
        file: u32,
        layer: u16,
    ) -> Result<(), ImageError> {
        let path = passing.path;
        let mut buffer = std::mem::take(&mut self.buffer);
        let facts = passing.sniff(&mut buffer);
        self.buffer = buffer;
        self.note(path, file, layer, facts?);
        Ok(())
    }

    fn note(&mut self, path: &[u8], file: u32, layer: u16, facts: Facts) {
        if let Some(program) = facts.program {
            let bytes = match &program {
                Program::Elf {
                    interpreter: Some(path),
                    ..
                }
                | Program::Script { interpreter: path } => path.len(),
                _ => 0,
            };
            if self.hold(bytes) {
                self.programs.insert(file, program);
            }
        }
        if let Some(kept) = facts.kept
            && self.hold(KeptFile::held_bytes(&kept))
        {
            self.kept.insert(file, kept);
        }
        if let Some((kind, by_content)) = facts.secret {
            // What many names say must not hide what a content says.
            let those = self
                .secrets
                .iter()
                .filter(|one| one.by_content == by_content);
            if those.count() < PLACES {
                self.secrets.push(SecretPlace {
                    path: path.to_vec(),
                    file,
                    layer,
                    kind,
                    by_content,
                });
            } else {
                self.more_places += 1;
            }
        }
        let go = facts.go.map(|(version, package)| ("go", version, package));
        let rust = facts.rust.map(|version| ("rust", version, String::new()));
        if let Some((language, version, package)) = go.or(rust) {
            if self.built.len() >= PLACES {
                self.more_built += 1;
                return;
            }
            self.built.push(Built {
                path: path.to_vec(),
                file,
                language,
                version,
                package,
            });
        }
    }

    /// Whether this many more bytes fit.
    fn hold(&mut self, bytes: usize) -> bool {
        let left = self.held_bytes_left.checked_sub(bytes);
        self.held_bytes_left = left.unwrap_or(0);
        left.is_some()
    }
}

fn mode_of(mode: u32) -> u16 {
    u16::try_from(mode & 0o7777).unwrap_or_default()
}

/// Counts what is read through it, up to a limit.
struct Counted<R> {
    source: R,
    bytes: u64,
    limit: u64,
    stored_bytes: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(out)?;
        self.bytes += count as u64;
        if self.bytes > self.limit {
            return Err(io::Error::other(ImageError::Bomb {
                compressed_bytes: self.stored_bytes,
                limit: self.limit,
            }));
        }
        Ok(count)
    }
}
