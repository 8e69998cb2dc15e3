//! Executables (ELF): what they need to run, and which compiler made them.
//!
//! Nothing is opened here: the caller hands over parts of the file as they are asked for, so that
//! of a program of hundreds of MiB a few KiB are read. Each part is bounded, whatever the file
//! says of itself.

mod go;

use elf::ParseError;
use elf::abi;
use elf::dynamic::DynamicTable;
use elf::endian::AnyEndian;
use elf::file::{Class, FileHeader, parse_ident};
use elf::section::SectionHeaderTable;
use elf::segment::{ProgramHeader, SegmentTable};

use super::Malformed;

pub(crate) use go::Go;

/// What an executable or a shared library says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Image {
    /// The instruction set, as `EM_…` numbers it: 62 is x86-64, 183 is aarch64.
    pub machine: u16,
    /// 32 or 64.
    pub bits: u8,
    /// The program that loads it (`/lib64/ld-linux-x86-64.so.2`); `None` for what the kernel
    /// starts by itself, and for libraries.
    pub interpreter: Option<Vec<u8>>,
    /// The libraries that it asks for by name, in its order. Further ones may be loaded later.
    pub needed: Vec<Vec<u8>>,
    /// Where it says that its libraries are: `DT_RPATH` and `DT_RUNPATH`, parted by colons; may
    /// hold `$ORIGIN`.
    pub run_paths: Vec<Vec<u8>>,
    /// Whether it is to be linked when it starts; otherwise it is one static program.
    pub dynamic: bool,
    /// What Go's linker left; `None` where no Go made it.
    pub go: Option<Go>,
    /// The Rust compiler that made some of it, as `rustc version 1.95.0 (…)`; `None` says
    /// little, as the section with it can be removed.
    pub rustc: Option<String>,
    /// Its sections; none where they were stripped off.
    pub sections: Vec<Section>,
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
        sections: parts.sections(),
        ..Image::default()
    };
    let of_type = |wanted| segments.iter().find(|segment| segment.p_type == wanted);
    image.interpreter = of_type(abi::PT_INTERP)
        .map(|segment| parts.text(segment.p_offset, bounded(segment.p_filesz, PATH_BYTES)))
        .filter(|path| !path.is_empty());
    if let Some(dynamic) = of_type(abi::PT_DYNAMIC) {
        (image.needed, image.run_paths) = parts.libraries(dynamic, &segments);
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

/// The file in parts.
struct Parts<'a, 'f> {
    fetch: &'a mut Fetch<'f>,
    header: FileHeader<AnyEndian>,
}

impl Parts<'_, '_> {
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

    /// What it needs by name, and where it says that this is.
    fn libraries(
        &mut self,
        dynamic: &ProgramHeader,
        segments: &[ProgramHeader],
    ) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
        let bytes = (self.fetch)(dynamic.p_offset, bounded(dynamic.p_filesz, DYNAMIC_BYTES));
        let table = DynamicTable::new(self.header.endianness, self.header.class, &bytes);
        let entries: Vec<_> = table
            .iter()
            .take_while(|entry| entry.d_tag != abi::DT_NULL)
            .collect();
        let strings = entries
            .iter()
            .find(|entry| entry.d_tag == abi::DT_STRTAB)
            .and_then(|entry| offset_of(entry.d_ptr(), segments));
        let Some((strings, _)) = strings else {
            return (Vec::new(), Vec::new());
        };
        let mut texts = |tags: &[i64]| {
            entries
                .iter()
                .filter(|entry| tags.contains(&entry.d_tag))
                .take(NEEDED)
                .map(|entry| self.text(strings.saturating_add(entry.d_val()), PATH_BYTES))
                .filter(|name| !name.is_empty())
                .collect()
        };
        let needed = texts(&[abi::DT_NEEDED]);
        (needed, texts(&[abi::DT_RPATH, abi::DT_RUNPATH]))
    }

    /// Bytes up to the first NUL.
    fn text(&mut self, offset: u64, limit: usize) -> Vec<u8> {
        let mut bytes = (self.fetch)(offset, limit);
        let end = bytes.iter().position(|byte| *byte == 0);
        bytes.truncate(end.unwrap_or(bytes.len()));
        bytes
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
