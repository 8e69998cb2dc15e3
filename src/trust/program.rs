//! The main program as it can be looked at: its file, what it has mapped, and the libraries in
//! the target's root. Huge files are read in parts.

use std::cell::OnceCell;

use memchr::memmem::Finder;
use nix::errno::Errno;

use crate::parse::elf::{Image, Section};
use crate::parse::maps;
use crate::scan::program::file::image;
use crate::scan::snapshot::ProcessSnapshot;
use crate::sys::ranges::Ranges;
use crate::sys::{InRoot, ProcessDir};

/// The names of dynamic symbols of the largest programs that export any (Node: 5 MiB).
const SYMBOLS_BYTES: usize = 16 << 20;
/// Constants of a program that are searched.
const CONSTANTS_BYTES: u64 = 48 << 20;
const CHUNK_BYTES: usize = 1 << 20;
/// The longest text that is searched for, with what follows it.
const OVERLAP_BYTES: usize = 512;

/// What can be seen of the main program.
pub(super) struct ProgramImage<'a> {
    pub(super) root: &'a InRoot,
    /// Where its file is, as the target names it.
    pub(super) path: Option<Vec<u8>>,
    /// The paths of mapped files.
    mapped: Vec<Vec<u8>>,
    program: Result<Ranges, Errno>,
    image: OnceCell<Option<Image>>,
    symbols: OnceCell<Vec<u8>>,
    constants: OnceCell<Constants>,
}

/// What the constants of a program hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Constants {
    /// The directory that OpenSSL was built to use.
    pub(super) openssl_dir: Option<Vec<u8>>,
    /// A path in Rust's own library.
    pub(super) rust: bool,
    /// The name of the variable that overrides the usual places.
    pub(super) ssl_cert_file: bool,
    /// The name of an authority that every copy of Mozilla's has.
    pub(super) an_authority: bool,
}

impl<'a> ProgramImage<'a> {
    pub(super) fn of(
        process: &ProcessDir,
        maps: &[u8],
        facts: Option<&ProcessSnapshot>,
        root: &'a InRoot,
    ) -> Self {
        let mapped = maps::files(maps);
        let path = facts.and_then(|facts| facts.exe.as_ref()?.clone().ok()?);
        Self::new(root, path, mapped, Ranges::of_program(process, root))
    }

    pub(super) fn new(
        root: &'a InRoot,
        path: Option<Vec<u8>>,
        mapped: Vec<Vec<u8>>,
        program: Result<Ranges, Errno>,
    ) -> Self {
        Self {
            root,
            path,
            mapped,
            program,
            image: OnceCell::new(),
            symbols: OnceCell::new(),
            constants: OnceCell::new(),
        }
    }

    /// Whether neither its file nor its mappings could be looked at.
    pub(super) fn is_blind(&self) -> bool {
        self.program.is_err() && self.mapped.is_empty()
    }

    /// The first mapped file whose name begins so.
    pub(super) fn mapped(&self, name: &[u8]) -> Option<&[u8]> {
        self.all_mapped()
            .find(|path| base_name(path).starts_with(name))
    }

    pub(super) fn all_mapped(&self) -> impl Iterator<Item = &[u8]> {
        self.mapped.iter().map(Vec::as_slice)
    }

    pub(super) fn image(&self) -> Option<&Image> {
        let read = || image(self.program.as_ref().ok()?);
        self.image.get_or_init(read).as_ref()
    }

    /// Whether it exports a symbol.
    pub(super) fn exports(&self, symbol: &[u8]) -> bool {
        let symbols = self.symbols.get_or_init(|| {
            let section = self.image().and_then(|image| image.section(b".dynstr"));
            section
                .map(|section| self.section(section, SYMBOLS_BYTES))
                .unwrap_or_default()
        });
        Finder::new(symbol)
            .find_iter(symbols)
            .any(|at| symbols.get(at + symbol.len()) == Some(&0) && starts_name(symbols, at))
    }

    /// What a section begins with.
    pub(super) fn section(&self, section: &Section, limit: usize) -> Vec<u8> {
        let length = usize::try_from(section.size).unwrap_or(limit).min(limit);
        let program = self.program.as_ref().ok();
        program
            .and_then(|program| program.read(section.offset, length).ok())
            .unwrap_or_default()
    }

    /// What its constants hold. This reads all of them.
    pub(super) fn constants(&self) -> &Constants {
        self.constants.get_or_init(|| {
            let program = self.program.as_ref().ok();
            program
                .map(|program| constants(program, self.image()))
                .unwrap_or_default()
        })
    }

    /// What the constants of a library hold.
    pub(super) fn constants_of(&self, library: &[u8]) -> Option<Constants> {
        let library = Ranges::in_root(self.root, library).ok()?;
        Some(constants(&library, image(&library).as_ref()))
    }

    /// The number that follows a text among the constants of the program, or of a library: digits
    /// and dots.
    pub(super) fn number_after(&self, library: Option<&[u8]>, text: &[u8]) -> Option<String> {
        let finder = Finder::new(text);
        let mut found = None;
        let mut look = |chunk: &[u8]| {
            let mut places = finder.find_iter(chunk);
            found = places.find_map(|at| number(chunk.get(at + text.len()..)?));
            found.is_some()
        };
        match library {
            Some(library) => {
                let library = Ranges::in_root(self.root, library).ok()?;
                search(&library, image(&library).as_ref(), &mut look);
            }
            None => search(self.program.as_ref().ok()?, self.image(), &mut look),
        }
        found
    }

    /// Whether the constants of a library hold a text.
    pub(super) fn library_holds(&self, library: &[u8], text: &[u8]) -> bool {
        let Ok(library) = Ranges::in_root(self.root, library) else {
            return false;
        };
        let mut found = false;
        let finder = Finder::new(text);
        search(&library, image(&library).as_ref(), |chunk| {
            found |= finder.find(chunk).is_some();
            found
        });
        found
    }
}

pub(super) fn base_name(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
}

/// The digits and dots at the beginning of a text that goes on.
fn number(text: &[u8]) -> Option<String> {
    let is_part = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
    let end = text.iter().position(|byte| !is_part(byte))?;
    let number = std::str::from_utf8(text.get(..end)?).ok()?;
    let is_number = number.starts_with(|first: char| first.is_ascii_digit());
    is_number.then(|| number.to_owned())
}

fn starts_name(symbols: &[u8], at: usize) -> bool {
    at.checked_sub(1)
        .is_none_or(|before| symbols.get(before) == Some(&0))
}

fn constants(file: &Ranges, image: Option<&Image>) -> Constants {
    const OPENSSL_DIR: &[u8] = b"OPENSSLDIR: \"";
    let mut found = Constants::default();
    let [openssl, library, variable, authority] =
        [OPENSSL_DIR, b"/rustc/", b"SSL_CERT_FILE", b"ISRG Root X1"].map(Finder::new);
    search(file, image, |chunk| {
        if let Some(at) = openssl.find(chunk) {
            let text = chunk.get(at + OPENSSL_DIR.len()..).unwrap_or_default();
            found.openssl_dir = quoted_path(text);
        }
        found.rust = found.rust || library.find(chunk).is_some();
        found.ssl_cert_file = found.ssl_cert_file || variable.find(chunk).is_some();
        found.an_authority = found.an_authority || authority.find(chunk).is_some();
        found.openssl_dir.is_some()
    });
    found
}

/// An absolute path with a quotation mark behind it that ends the text, as a compiler of C leaves
/// it.
fn quoted_path(text: &[u8]) -> Option<Vec<u8>> {
    let end = text.iter().position(|byte| *byte == 0)?;
    let path = text.get(..end)?.strip_suffix(b"\"")?;
    let plain = |byte: &u8| !byte.is_ascii_control() && *byte != b'"';
    (path.starts_with(b"/") && path.iter().all(plain)).then(|| path.to_vec())
}

/// Hands over the constants piece by piece until one was enough; the end of each piece is the
/// beginning of the next one.
fn search(file: &Ranges, image: Option<&Image>, mut enough: impl FnMut(&[u8]) -> bool) {
    let section = image.and_then(|image| image.section(b".rodata"));
    let (mut at, size) = section.map_or((0, CONSTANTS_BYTES), |section| {
        (section.offset, section.size.min(CONSTANTS_BYTES))
    });
    let end = at.saturating_add(size);
    while at < end {
        let left = usize::try_from(end - at).unwrap_or(CHUNK_BYTES);
        let Ok(chunk) = file.read(at, left.min(CHUNK_BYTES)) else {
            return;
        };
        if enough(&chunk) || chunk.len() < left.min(CHUNK_BYTES) || chunk.len() == left {
            return;
        }
        at += (chunk.len() - OVERLAP_BYTES) as u64;
    }
}
