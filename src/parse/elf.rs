//! Executables (ELF): what they need to run, and which compiler made them.
//!
//! Nothing is opened here: the caller hands over parts of the file as they are asked for, so that
//! of a program of hundreds of MiB a few KiB are read. Each part is bounded, whatever the file
//! says of itself.

mod go;

use elf::ParseError;
use elf::abi;
use elf::dynamic::DynamicTable;
use elf::endian::{AnyEndian, EndianParse};
use elf::file::{Class, FileHeader, parse_ident};
use elf::section::SectionHeaderTable;
use elf::segment::{ProgramHeader, SegmentTable};

use super::Malformed;

pub(crate) use go::{Go, counted};

/// What an executable or a shared library says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own about the file"
)]
pub(crate) struct Image {
    /// The instruction set, as `EM_…` numbers it: 62 is x86-64, 183 is aarch64.
    pub machine: u16,
    /// 32 or 64.
    pub bits: u8,
    /// Whether the kernel takes it for a program at all: an object file is none.
    pub is_program: bool,
    /// Where in the file that ends which says how it is started: the table of its segments, and the
    /// name of its interpreter. The largest number where the table is longer than what is read of it.
    pub start_end: u64,
    /// The program that loads it (`/lib64/ld-linux-x86-64.so.2`); `None` for what the kernel
    /// starts by itself, and for libraries.
    pub interpreter: Option<Vec<u8>>,
    /// The libraries that it asks for by name, in its order. Further ones may be loaded later.
    pub needed: Vec<Vec<u8>>,
    /// Where it says that its libraries and theirs are: `DT_RPATH`, parted by colons; may hold
    /// `$ORIGIN`. None where there is a `DT_RUNPATH`, which loaders take instead.
    pub rpaths: Vec<Vec<u8>>,
    /// Where it says that its own libraries are: `DT_RUNPATH`.
    pub runpaths: Vec<Vec<u8>>,
    /// Whether it is to be linked when it starts; otherwise it is one static program.
    pub dynamic: bool,
    /// Whether it is a program that may be loaded at any address.
    pub position_independent: bool,
    /// How much of the tables of its linkage is read-only once it runs.
    pub relro: Relro,
    /// Whether its stack is executable.
    pub executable_stack: bool,
    /// `NT_GNU_BUILD_ID`; `None` if the linker left none.
    pub build_id: Option<Vec<u8>>,
    /// What Go's linker left; `None` where no Go made it.
    pub go: Option<Go>,
    /// The Rust compiler that made some of it, as `rustc version 1.95.0 (…)`; `None` says
    /// little, as the section with it can be removed.
    pub rustc: Option<String>,
    /// Its sections; none where they were stripped off.
    pub sections: Vec<Section>,
}

/// Which tables the loader makes read-only, against programs that overwrite them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Relro {
    /// None.
    #[default]
    None,
    /// All but the table of functions that are bound when they are first called.
    Partial,
    /// All: everything is bound at start.
    Full,
}

/// A section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Section {
    /// Its name.
    pub name: Vec<u8>,
    /// Where it begins in the file.
    pub offset: u64,
    /// How long it is there; 0 for what takes no room in the file.
    pub size: u64,
}

impl Image {
    /// The section of a name.
    #[must_use]
    pub(crate) fn section(&self, name: &[u8]) -> Option<&Section> {
        self.sections.iter().find(|section| section.name == name)
    }
}

/// Reads at most this many bytes from an offset on; fewer at the end of the file, none where it
/// cannot be read.
pub(crate) type Fetch<'a> = dyn FnMut(u64, usize) -> Vec<u8> + 'a;

const IDENT: usize = abi::EI_NIDENT;
const HEADER: usize = 64;
/// Real ones have a dozen segments, and a hundred sections at most.
const SEGMENTS: usize = 512;
const SECTIONS: usize = 4096;
const NAMES_BYTES: usize = 256 << 10;
const NEEDED: usize = 1024;
const DYNAMIC_BYTES: usize = 64 << 10;
const PATH_BYTES: usize = 4096;
const COMMENT_BYTES: usize = 64 << 10;
const NOTE_BYTES: usize = 64 << 10;

const MALFORMED: Malformed = Malformed {
    what: "an executable",
    expected: "an ELF header and its tables",
};

/// Reads an image.
///
/// # Errors
/// [`Malformed`], where it is no ELF, or its header makes no sense. A table behind the header
/// that makes none is left out.
pub(crate) fn read(fetch: &mut Fetch<'_>) -> Result<Image, Malformed> {
    let start = fetch(0, HEADER);
    let header = header(&start).map_err(|_| MALFORMED)?;
    let mut parts = Parts { fetch, header };
    let segments = parts.segments();
    let mut image = Image {
        machine: parts.header.e_machine,
        bits: match parts.header.class {
            Class::ELF32 => 32,
            Class::ELF64 => 64,
        },
        is_program: matches!(parts.header.e_type, abi::ET_EXEC | abi::ET_DYN)
            && parts.header.e_phnum > 0,
        start_end: parts.segments_end(),
        sections: parts.sections(),
        ..Image::default()
    };
    let of_type = |wanted| segments.iter().find(|segment| segment.p_type == wanted);
    if let Some(interpreter) = of_type(abi::PT_INTERP) {
        let end = interpreter.p_offset.saturating_add(interpreter.p_filesz);
        image.start_end = image.start_end.max(end);
    }
    image.interpreter = of_type(abi::PT_INTERP)
        .map(|segment| parts.text(segment.p_offset, bounded(segment.p_filesz, PATH_BYTES)))
        .filter(|path| !path.is_empty());
    let linkage = of_type(abi::PT_DYNAMIC).map(|dynamic| parts.linkage(dynamic, &segments));
    let has_relro = of_type(abi::PT_GNU_RELRO).is_some();
    let is_shared = parts.header.e_type == abi::ET_DYN;
    let names_pie = linkage.as_ref().is_some_and(|linkage| linkage.names_pie);
    image.position_independent = is_shared && (image.interpreter.is_some() || names_pie);
    image.relro = match (has_relro, linkage.as_ref()) {
        (false, _) => Relro::None,
        (true, Some(linkage)) if linkage.binds_now => Relro::Full,
        (true, _) => Relro::Partial,
    };
    // Without the header the kernel gives an executable one.
    image.executable_stack =
        of_type(abi::PT_GNU_STACK).is_none_or(|stack| stack.p_flags & abi::PF_X != 0);
    image.build_id = parts.build_id(&segments);
    if let Some(linkage) = linkage {
        (image.needed, image.runpaths) = (linkage.needed, linkage.runpaths);
        if image.runpaths.is_empty() {
            image.rpaths = linkage.rpaths;
        }
        // A static program that may be loaded anywhere has this table too.
        image.dynamic = image.interpreter.is_some() || !image.needed.is_empty();
    }
    if let Some(comment) = image.section(b".comment").cloned() {
        let bytes = (parts.fetch)(comment.offset, bounded(comment.size, COMMENT_BYTES));
        image.rustc = bytes
            .split(|byte| *byte == 0)
            .find(|text| text.starts_with(b"rustc version "))
            .map(|text| String::from_utf8_lossy(text).into_owned());
    }
    image.go = go::find(&mut parts, &image, &segments);
    Ok(image)
}

fn header(start: &[u8]) -> Result<FileHeader<AnyEndian>, ParseError> {
    let (ident, tail) = start
        .split_at_checked(IDENT)
        .ok_or(ParseError::BadOffset(0))?;
    FileHeader::parse_tail(parse_ident::<AnyEndian>(ident)?, tail)
}

/// What the table of its linkage says.
#[derive(Default)]
struct Linkage {
    needed: Vec<Vec<u8>>,
    rpaths: Vec<Vec<u8>>,
    runpaths: Vec<Vec<u8>>,
    binds_now: bool,
    names_pie: bool,
}

/// Segments of notes that are looked at, and bytes of an id.
const NOTES: usize = 16;
const BUILD_ID: usize = 64;

/// The file in parts.
struct Parts<'a, 'f> {
    fetch: &'a mut Fetch<'f>,
    header: FileHeader<AnyEndian>,
}

impl Parts<'_, '_> {
    fn segments_end(&self) -> u64 {
        let count = usize::from(self.header.e_phnum);
        if count > SEGMENTS {
            return u64::MAX;
        }
        let bytes = count * usize::from(self.header.e_phentsize);
        self.header.e_phoff.saturating_add(bytes as u64)
    }

    fn segments(&mut self) -> Vec<ProgramHeader> {
        let count = usize::from(self.header.e_phnum).min(SEGMENTS);
        let size = usize::from(self.header.e_phentsize);
        let bytes = (self.fetch)(self.header.e_phoff, count * size);
        let (endian, class) = (self.header.endianness, self.header.class);
        SegmentTable::new(endian, class, &bytes)
            .iter()
            .take(count)
            .collect()
    }

    fn sections(&mut self) -> Vec<Section> {
        let count = usize::from(self.header.e_shnum).min(SECTIONS);
        let size = usize::from(self.header.e_shentsize);
        if self.header.e_shoff == 0 {
            return Vec::new();
        }
        let bytes = (self.fetch)(self.header.e_shoff, count * size);
        let (endian, class) = (self.header.endianness, self.header.class);
        let headers: Vec<_> = SectionHeaderTable::new(endian, class, &bytes)
            .iter()
            .take(count)
            .collect();
        let names = headers
            .get(usize::from(self.header.e_shstrndx))
            .map(|names| (self.fetch)(names.sh_offset, bounded(names.sh_size, NAMES_BYTES)))
            .unwrap_or_default();
        let name = |at: u32| {
            let rest = names.get(usize::try_from(at).ok()?..)?;
            rest.split(|byte| *byte == 0).next().map(<[u8]>::to_vec)
        };
        headers
            .iter()
            .map(|header| Section {
                name: name(header.sh_name).unwrap_or_default(),
                offset: header.sh_offset,
                size: if header.sh_type == abi::SHT_NOBITS {
                    0
                } else {
                    header.sh_size
                },
            })
            .collect()
    }

    /// The id that the linker made of the content.
    fn build_id(&mut self, segments: &[ProgramHeader]) -> Option<Vec<u8>> {
        let notes = segments.iter().filter(|one| one.p_type == abi::PT_NOTE);
        for segment in notes.take(NOTES) {
            let bytes = (self.fetch)(segment.p_offset, bounded(segment.p_filesz, NOTE_BYTES));
            let align = if segment.p_align == 8 { 8 } else { 4 };
            let id = build_id_of(self.header.endianness, align, &bytes);
            if let Some(id) = id.filter(|id| (1..=BUILD_ID).contains(&id.len())) {
                return Some(id);
            }
        }
        None
    }

    /// What it needs by name, where it says that this is, and when it is bound.
    fn linkage(&mut self, dynamic: &ProgramHeader, segments: &[ProgramHeader]) -> Linkage {
        const BIND_NOW: u64 = 8;
        const NOW: u64 = 1;
        const PIE: u64 = 0x0800_0000;
        let bytes = (self.fetch)(dynamic.p_offset, bounded(dynamic.p_filesz, DYNAMIC_BYTES));
        let table = DynamicTable::new(self.header.endianness, self.header.class, &bytes);
        let entries: Vec<_> = table
            .iter()
            .take_while(|entry| entry.d_tag != abi::DT_NULL)
            .collect();
        let flags = |tag: i64| {
            let entry = entries.iter().find(|entry| entry.d_tag == tag);
            entry.map_or(0, elf::dynamic::Dyn::d_val)
        };
        let mut linkage = Linkage {
            binds_now: entries.iter().any(|entry| entry.d_tag == abi::DT_BIND_NOW)
                || flags(abi::DT_FLAGS) & BIND_NOW != 0
                || flags(abi::DT_FLAGS_1) & NOW != 0,
            names_pie: flags(abi::DT_FLAGS_1) & PIE != 0,
            ..Linkage::default()
        };
        let strings = entries
            .iter()
            .find(|entry| entry.d_tag == abi::DT_STRTAB)
            .and_then(|entry| offset_of(entry.d_ptr(), segments));
        let Some((strings, _)) = strings else {
            return linkage;
        };
        let mut texts = |tag: i64| {
            entries
                .iter()
                .filter(|entry| entry.d_tag == tag)
                .take(NEEDED)
                .map(|entry| self.text(strings.saturating_add(entry.d_val()), PATH_BYTES))
                .filter(|name| !name.is_empty())
                .collect()
        };
        linkage.needed = texts(abi::DT_NEEDED);
        linkage.rpaths = texts(abi::DT_RPATH);
        linkage.runpaths = texts(abi::DT_RUNPATH);
        linkage
    }

    /// Bytes up to the first NUL.
    fn text(&mut self, offset: u64, limit: usize) -> Vec<u8> {
        let mut bytes = (self.fetch)(offset, limit);
        let end = bytes.iter().position(|byte| *byte == 0);
        bytes.truncate(end.unwrap_or(bytes.len()));
        bytes
    }
}

/// The description of the note `NT_GNU_BUILD_ID`: three words, then name and description, each
/// padded. Each note is at least as long as its words, so that this ends.
fn build_id_of(endian: AnyEndian, align: usize, mut rest: &[u8]) -> Option<Vec<u8>> {
    const WORDS: usize = 12;
    loop {
        let mut at = 0;
        let mut word = || endian.parse_u32_at(&mut at, rest).ok();
        let (name_size, size, kind) = (word()?, word()?, word()?);
        let name_size = usize::try_from(name_size).ok()?;
        let size = usize::try_from(size).ok()?;
        let name_end = WORDS.checked_add(name_size)?;
        let start = name_end.checked_next_multiple_of(align)?;
        let end = start.checked_add(size)?;
        let name = rest.get(WORDS..name_end)?;
        let content = rest.get(start..end)?;
        if u64::from(kind) == abi::NT_GNU_BUILD_ID && name == b"GNU\0" {
            return Some(content.to_vec());
        }
        rest = rest.get(end.checked_next_multiple_of(align)?..)?;
    }
}

/// Where an address is in the file, and how much of its segment follows there.
fn offset_of(address: u64, segments: &[ProgramHeader]) -> Option<(u64, u64)> {
    segments
        .iter()
        .filter(|segment| segment.p_type == abi::PT_LOAD)
        .find_map(|segment| {
            let inside = address.checked_sub(segment.p_vaddr)?;
            let rest = segment.p_filesz.checked_sub(inside)?;
            (rest > 0).then(|| (segment.p_offset.saturating_add(inside), rest))
        })
}

fn bounded(size: u64, limit: usize) -> usize {
    usize::try_from(size).unwrap_or(usize::MAX).min(limit)
}

#[cfg(test)]
mod tests;
