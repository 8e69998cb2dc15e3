//! What a file's content tells while it passes by: what kind of program it is, whether a secret is in
//! it, and the few files that are kept for later.

use memchr::memmem;

use super::error::ImageError;
use super::kept::{self, Kept};
use crate::model::secret::SecretKind;
use crate::parse::elf;
use crate::redact::files::{FilePlace, is_secret_file};
use crate::redact::marked_token;
use crate::scan::program::file::{Content, content_of_start};

/// The first bytes, in which the headers of a program are.
const HEAD: usize = 64 << 10;
/// Text that is looked through at once, and what of it is looked at once more with what follows.
const PIECE: usize = 1 << 20;
const OVERLAP: usize = 4 << 10;
/// What Go's linker writes before version and modules, and as much as is read behind it.
const GO_MAGIC: &[u8] = b"\xff Go buildinf:";
const GO_BYTES: usize = 4 << 10;
/// Where the strings begin.
const GO_STRINGS: usize = 32;
const RUSTC: &[u8] = b"rustc version ";

/// What happens when the kernel is asked to run a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Program {
    Elf {
        machine: u16,
        interpreter: Option<Box<[u8]>>,
    },
    Script {
        interpreter: Box<[u8]>,
    },
    Empty,
    /// A program whose headers lie behind what is read.
    Unknown,
    /// Anything else, in words.
    Other(&'static str),
}

/// What was found in a file.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// Of what may be executed.
    pub(super) program: Option<Program>,
    /// Such as `go1.22.3`, and the main package or module.
    pub(super) go: Option<(String, String)>,
    /// The version of the compiler.
    pub(super) rust: Option<String>,
    /// Why it holds a secret, and whether its content says so, not its name alone.
    pub(super) secret: Option<(SecretKind, bool)>,
    /// What is kept of it.
    pub(super) kept: Option<Kept>,
}

/// A file that passes by.
pub(super) struct Passing<'a> {
    pub(super) path: &'a [u8],
    pub(super) mode: u16,
    pub(super) size_bytes: u64,
    /// What was not read of it yet.
    pub(super) left_bytes: u64,
    /// Fills as much of a buffer as it can; 0 at the end.
    pub(super) read: &'a mut dyn FnMut(&mut [u8]) -> Result<usize, ImageError>,
}

impl Passing<'_> {
    /// Appends up to so many bytes.
    fn append(&mut self, to: &mut Vec<u8>, count: usize) -> Result<usize, ImageError> {
        let start = to.len();
        // No more room than is filled: most files are small.
        let count = usize::try_from(self.left_bytes).unwrap_or(count).min(count);
        to.resize(start + count, 0);
        let mut filled = start;
        while let Some(room) = to.get_mut(filled..).filter(|room| !room.is_empty()) {
            match (self.read)(room)? {
                0 => break,
                more => filled += more,
            }
        }
        to.truncate(filled);
        self.left_bytes -= (filled - start) as u64;
        Ok(filled - start)
    }

    /// Looks at it. `buffer` is used again from file to file.
    pub(super) fn sniff(mut self, buffer: &mut Vec<u8>) -> Result<Facts, ImageError> {
        buffer.clear();
        self.append(buffer, HEAD)?;
        let mut facts = Facts::default();
        let is_elf = buffer.starts_with(b"\x7fELF");
        if self.mode & 0o111 != 0 || is_elf {
            facts.program = Some(program(buffer));
        }
        if self.size_bytes > 0 {
            facts.secret = self.secret_place(buffer);
        }
        if let Some(what) = kept::what(self.path) {
            let limit = what.limit_bytes();
            if self.size_bytes > limit as u64 {
                facts.kept = Some(Kept::TooLong);
            } else {
                let rest = limit.saturating_sub(buffer.len());
                let rest = usize::try_from(self.size_bytes).unwrap_or(limit).min(rest);
                self.append(buffer, rest)?;
                facts.kept = Some(what.keep(buffer));
            }
        } else if is_elf {
            self.search_program(buffer, &mut facts)?;
        } else if facts.secret.is_none() && !buffer.contains(&0) {
            self.search_text(buffer, &mut facts)?;
        }
        Ok(facts)
    }

    fn secret_place(&self, head: &[u8]) -> Option<(SecretKind, bool)> {
        let path = [b"/", self.path].concat();
        let place = FilePlace {
            path: &path,
            secret_volume: false,
        };
        let kind = is_secret_file(place, head)?;
        let is_shadow = [&b"shadow"[..], b"gshadow", b"shadow-"]
            .iter()
            .any(|name| path.ends_with(name));
        if is_shadow {
            // Accounts without a password have `*` or `!` there.
            return memmem::find(head, b":$").map(|_| (SecretKind::PasswordHash, true));
        }
        Some((kind, kind != SecretKind::Name))
    }

    /// Tokens and keys in a text.
    fn search_text(&mut self, buffer: &mut Vec<u8>, facts: &mut Facts) -> Result<(), ImageError> {
        loop {
            let room = PIECE.saturating_sub(buffer.len());
            let more = self.append(buffer, room)?;
            if let Some(kind) = marked_token(buffer) {
                facts.secret = Some((kind, true));
                return Ok(());
            }
            if more < room || memchr::memchr(0, buffer).is_some() {
                return Ok(());
            }
            buffer.drain(..buffer.len().saturating_sub(OVERLAP));
        }
    }

    /// What compilers leave in a program.
    fn search_program(
        &mut self,
        buffer: &mut Vec<u8>,
        facts: &mut Facts,
    ) -> Result<(), ImageError> {
        let go = memmem::Finder::new(GO_MAGIC);
        let rust = memmem::Finder::new(RUSTC);
        loop {
            let room = PIECE.saturating_sub(buffer.len());
            let is_end = self.append(buffer, room)? < room;
            if facts.rust.is_none()
                && let Some(at) = rust.find(buffer)
            {
                facts.rust = rust_version(buffer.get(at + RUSTC.len()..).unwrap_or_default());
            }
            let mut from = 0;
            let mut kept = buffer.len().saturating_sub(OVERLAP);
            while let Some(at) = go.find(buffer.get(from..).unwrap_or_default()) {
                let start = from + at;
                let found = buffer.get(start..).unwrap_or_default();
                if found.len() < GO_BYTES && !is_end {
                    kept = start;
                    break;
                }
                facts.go = go_build(found);
                if facts.go.is_some() {
                    return Ok(());
                }
                from = start + GO_MAGIC.len();
            }
            if is_end {
                return Ok(());
            }
            buffer.drain(..kept);
        }
    }
}

/// `1.80.0`, of `rustc version 1.80.0 (…)`; a program that only has the words has no digit there.
fn rust_version(rest: &[u8]) -> Option<String> {
    let end = rest.iter().position(|byte| !byte.is_ascii_graphic())?;
    let version = rest.get(..end.min(32))?;
    let is_version = version.first().is_some_and(u8::is_ascii_digit);
    is_version.then(|| String::from_utf8_lossy(version).into_owned())
}

/// Version and main package, where both follow as strings: since Go 1.18.
fn go_build(bytes: &[u8]) -> Option<(String, String)> {
    let flags = *bytes.get(GO_MAGIC.len() + 1)?;
    if flags & 2 == 0 {
        return None;
    }
    let (version, rest) = elf::counted(bytes.get(GO_STRINGS..)?)?;
    let version = std::str::from_utf8(version).ok()?;
    if !version.starts_with("go") && !version.starts_with("devel") {
        return None;
    }
    let text = String::from_utf8_lossy(rest);
    let line = |word: &str| {
        let mut lines = text.lines();
        lines.find_map(|line| {
            line.split_once(word)?
                .1
                .split('\t')
                .next()
                .map(str::to_owned)
        })
    };
    let package = line("path\t").unwrap_or_default();
    Some((version.to_owned(), package))
}

fn program(head: &[u8]) -> Program {
    if head.is_empty() {
        return Program::Empty;
    }
    if head.starts_with(b"\x7fELF") {
        let mut fetch = |offset: u64, length: usize| {
            let start = usize::try_from(offset).unwrap_or(usize::MAX);
            let rest = head.get(start..).unwrap_or_default();
            rest.get(..length).unwrap_or(rest).to_vec()
        };
        return match elf::read(&mut fetch) {
            Ok(image) if !image.is_program => Program::Other("it is an ELF file, but no program"),
            Ok(image) if image.start_end > head.len() as u64 => Program::Unknown,
            Ok(image) => Program::Elf {
                machine: image.machine,
                interpreter: image.interpreter.map(Vec::into_boxed_slice),
            },
            Err(_) => Program::Other("it is a damaged ELF file"),
        };
    }
    match content_of_start(head.get(..256).unwrap_or(head)) {
        Content::Script { interpreter } if interpreter.is_empty() => {
            Program::Other("its #! line names no interpreter")
        }
        Content::Script { interpreter } => Program::Script {
            interpreter: interpreter.into_boxed_slice(),
        },
        Content::Text => Program::Other("it is a text file without a #! line"),
        Content::Other(what) => Program::Other(what),
        Content::Elf(_) => Program::Other("it is a damaged ELF file"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program for x86-64 of one segment, the name of its interpreter.
    fn elf(kind: u8, segments_at: u64, interpreter_at: u64) -> Vec<u8> {
        let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
        bytes.resize(16, 0);
        bytes.extend([kind, 0, 62, 0, 1, 0, 0, 0]);
        bytes.resize(32, 0);
        bytes.extend(segments_at.to_le_bytes());
        bytes.resize(52, 0);
        bytes.extend([64, 0, 56, 0, 1, 0, 64, 0, 0, 0, 0, 0]);
        bytes.extend([3, 0, 0, 0, 4, 0, 0, 0]);
        bytes.extend(interpreter_at.to_le_bytes());
        bytes.resize(96, 0);
        bytes.extend(4_u64.to_le_bytes());
        bytes.resize(120, 0);
        bytes.extend(b"/ld\0");
        bytes
    }

    #[test]
    fn what_lies_behind_the_head_of_a_program_is_not_known() {
        let known = program(&elf(2, 64, 120));
        assert!(
            matches!(&known, Program::Elf { interpreter: Some(path), .. } if **path == *b"/ld"),
            "{known:?}"
        );
        assert_eq!(program(&elf(2, 64, HEAD as u64)), Program::Unknown);
        assert_eq!(program(&elf(2, HEAD as u64, 120)), Program::Unknown);
    }

    #[test]
    fn an_object_file_is_no_program() {
        assert!(matches!(program(&elf(1, 64, 120)), Program::Other(_)));
    }
}
