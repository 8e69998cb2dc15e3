//! What Go's linker leaves in an executable: the version and the modules it was made of.
//!
//! The layout is that of `debug/buildinfo` in Go's own library: sixteen bytes, `\xff Go
//! buildinf:`, the size of a pointer and flags; then, since Go 1.18, at byte 32 two strings, each
//! after its length as a varint; before that two addresses of strings.

use elf::abi;
use elf::endian::{AnyEndian, EndianParse};
use elf::segment::ProgramHeader;

use super::{Image, Parts, bounded, offset_of};

/// A Go program.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Go {
    /// Such as `go1.22.3`; `None` where the linker left only a build id.
    pub version: Option<String>,
    /// The modules and settings, a line each, tabs between the fields (`dep\tPATH\tVERSION`,
    /// `build\tCGO_ENABLED=1`); empty where the program was not built from modules.
    pub modules: String,
}

impl Go {
    /// Whether a module was linked into it.
    #[must_use]
    pub(crate) fn has_module(&self, path: &str) -> bool {
        self.modules.lines().any(|line| {
            let mut fields = line.split('\t');
            matches!(fields.next(), Some("dep" | "=>")) && fields.next() == Some(path)
        })
    }
}

const MAGIC: &[u8] = b"\xff Go buildinf:";
const HEADER: usize = 32;
const ALIGN: usize = 16;
/// As far as Go's own reader searches.
const SEARCHED_BYTES: usize = 64 << 10;
/// Programs of a thousand modules have 100 KiB of them.
const STRING_BYTES: usize = 1 << 20;
/// Before and after the list of modules; the linker puts them there.
const FRAME: usize = 16;

pub(super) fn find(
    parts: &mut Parts<'_, '_>,
    image: &Image,
    segments: &[ProgramHeader],
) -> Option<Go> {
    let named = image.section(b".go.buildinfo");
    let (offset, size) = match named {
        Some(section) => (section.offset, section.size),
        None if image.sections.is_empty() => {
            let writable = segments.iter().find(|segment| {
                segment.p_type == abi::PT_LOAD
                    && segment.p_flags & (abi::PF_W | abi::PF_X) == abi::PF_W
            })?;
            (writable.p_offset, writable.p_filesz)
        }
        None => (0, 0),
    };
    let searched = (parts.fetch)(offset, bounded(size, SEARCHED_BYTES));
    let at = searched
        .chunks(ALIGN)
        .position(|chunk| chunk.starts_with(MAGIC))
        .map(|chunk| chunk * ALIGN);
    let Some(at) = at else {
        let has_id = image.section(b".note.go.buildid").is_some();
        return (named.is_some() || has_id).then(Go::default);
    };
    let header = searched.get(at..at + HEADER)?;
    let [.., pointer, flags] = *header.get(..ALIGN)? else {
        return None;
    };
    let (version, modules) = if flags & 2 == 0 {
        by_address(parts, header, pointer, flags, segments)
    } else {
        let start = offset.saturating_add((at + HEADER) as u64);
        in_line(parts, start)
    };
    Some(Go {
        version: Some(version).filter(|version| !version.is_empty()),
        modules: without_frame(&modules),
    })
}

/// Two strings that follow, each after its length.
fn in_line(parts: &mut Parts<'_, '_>, start: u64) -> (String, Vec<u8>) {
    let bytes = (parts.fetch)(start, STRING_BYTES);
    let Some((version, rest)) = counted(&bytes) else {
        return (String::new(), Vec::new());
    };
    let modules = counted(rest).map(|(modules, _)| modules.to_vec());
    (
        String::from_utf8_lossy(version).into_owned(),
        modules.unwrap_or_default(),
    )
}

/// A string after its length as a varint: seven bits a byte, the lowest first.
pub(crate) fn counted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut length = 0_usize;
    for (index, byte) in bytes.iter().take(4).enumerate() {
        length |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return bytes.get(index + 1..)?.split_at_checked(length);
        }
    }
    None
}

/// Two addresses of strings, which are an address and a length each.
fn by_address(
    parts: &mut Parts<'_, '_>,
    header: &[u8],
    pointer: u8,
    flags: u8,
    segments: &[ProgramHeader],
) -> (String, Vec<u8>) {
    let endian = if flags & 1 == 0 {
        AnyEndian::Little
    } else {
        AnyEndian::Big
    };
    let size = usize::from(pointer);
    let number = |bytes: &[u8], index: usize| {
        let mut at = index * size;
        match size {
            4 => endian.parse_u32_at(&mut at, bytes).ok().map(u64::from),
            8 => endian.parse_u64_at(&mut at, bytes).ok(),
            _ => None,
        }
    };
    let addresses = header.get(ALIGN..).unwrap_or_default();
    let mut string = |index: usize| {
        let (at, _) = offset_of(number(addresses, index)?, segments)?;
        let pair = (parts.fetch)(at, 2 * size);
        let (address, length) = (number(&pair, 0)?, number(&pair, 1)?);
        let (at, _) = offset_of(address, segments)?;
        Some((parts.fetch)(at, bounded(length, STRING_BYTES)))
    };
    let version = string(0).unwrap_or_default();
    let modules = string(1).unwrap_or_default();
    (String::from_utf8_lossy(&version).into_owned(), modules)
}

fn without_frame(modules: &[u8]) -> String {
    let end = modules.len().saturating_sub(FRAME);
    match modules.get(FRAME..end) {
        Some(inner) if inner.ends_with(b"\n") => String::from_utf8_lossy(inner).into_owned(),
        _ => String::new(),
    }
}
