//! Reads what kind of program a file is: a script, an ELF file, or something that does not start.

use nix::errno::Errno;

use crate::parse::elf::{self, Image};
use crate::sys::InRoot;
use crate::sys::ranges::Ranges;

/// As much as the kernel looks at: the `#!` line has to end in it.
const START: usize = 256;

/// What a file holds.
#[derive(Debug)]
pub(crate) enum Content {
    /// It begins with `#!`.
    Script {
        /// What follows there, up to the first blank or line end; a carriage return is part of it.
        interpreter: Vec<u8>,
    },
    /// An ELF file.
    Elf(Box<Image>),
    /// Text without `#!`.
    Text,
    /// Something else, in words.
    Other(&'static str),
}

/// Looks into a file.
pub(crate) fn content(root: &InRoot, path: &[u8]) -> Result<Content, Errno> {
    content_of(&Ranges::in_root(root, path)?)
}

/// The same of a file that is open.
pub(crate) fn content_of(file: &Ranges) -> Result<Content, Errno> {
    let start = file.read(0, START)?;
    if start.starts_with(b"\x7fELF") {
        return Ok(
            image(file).map_or(Content::Other("it is a damaged ELF file"), |image| {
                Content::Elf(Box::new(image))
            }),
        );
    }
    Ok(content_of_start(&start))
}

/// The ELF headers of a file; `None` if it is no ELF file, or a damaged one.
pub(crate) fn image(file: &Ranges) -> Option<Image> {
    elf::read(&mut |offset, length| file.read(offset, length).unwrap_or_default()).ok()
}

/// Whether a program has a symbol, by the names of its symbols; `None` where it has none of them, or
/// not all of them were read.
pub(crate) fn holds_symbol(file: &Ranges, image: &Image, symbol: &[u8]) -> Option<bool> {
    let mut found = None;
    for name in [&b".dynstr"[..], b".strtab"] {
        let Some(section) = image.section(name).filter(|section| section.size > 1) else {
            continue;
        };
        match names_hold(file, (section.offset, section.size), symbol) {
            Some(true) => return Some(true),
            Some(false) => found = Some(false),
            None => return None,
        }
    }
    found
}

/// Bytes of names that are looked through; the largest browsers have a tenth.
const NAMES: u64 = 256 << 20;
/// Bytes that are read at a time.
const PIECE: usize = 1 << 20;

/// Whether a table of names, each between two zeros, has one.
fn names_hold(file: &Ranges, (offset, size): (u64, u64), symbol: &[u8]) -> Option<bool> {
    let sought = [b"\0", symbol, b"\0"].concat();
    let mut piece = Vec::new();
    let mut done = 0;
    while done < size.min(NAMES) {
        let length = usize::try_from(size - done).unwrap_or(PIECE).min(PIECE);
        let read = file.read(offset.checked_add(done)?, length).ok()?;
        if read.len() < length {
            return None;
        }
        piece.extend_from_slice(&read);
        if memchr::memmem::find(&piece, &sought).is_some() {
            return Some(true);
        }
        // What may be the beginning of it.
        piece.drain(..piece.len().saturating_sub(sought.len() - 1));
        done += length as u64;
    }
    (size <= NAMES).then_some(false)
}

/// What the first bytes of a file tell that is no ELF file; 256 are enough.
pub(crate) fn content_of_start(start: &[u8]) -> Content {
    if let Some(line) = start.strip_prefix(b"#!") {
        let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
        let line = line.split(|byte| *byte == b'\n' || *byte == 0).next();
        let mut words = line.unwrap_or_default().split(is_blank);
        let interpreter = words.find(|word| !word.is_empty()).unwrap_or_default();
        return Content::Script {
            interpreter: interpreter.to_vec(),
        };
    }
    match start {
        [b'M', b'Z', ..] => Content::Other("it is a Windows program"),
        [0xcf | 0xce, 0xfa, 0xed, 0xfe, ..] | [0xca, 0xfe, 0xba, 0xbe, ..] => {
            Content::Other("it is a program for macOS, or of Java classes")
        }
        [0, b'a', b's', b'm', ..] => Content::Other("it is a WebAssembly module"),
        [b'P', b'K', 3, 4, ..] => Content::Other("it is a ZIP or JAR archive"),
        [0x1f, 0x8b, ..] => Content::Other("it is compressed with gzip"),
        text if text.starts_with(b"version https://git-lfs") => {
            Content::Other("it is a Git LFS pointer: the file itself was not fetched")
        }
        text if text
            .iter()
            .all(|byte| !matches!(byte, 0..=8 | 14..=26 | 28..=31)) =>
        {
            Content::Text
        }
        _ => Content::Other("it is not an executable format that this kernel supports"),
    }
}

/// `e_machine` of the programs that this processor runs.
pub(crate) const OWN_MACHINE: u16 = match std::env::consts::ARCH.as_bytes() {
    b"x86_64" => 62,
    b"aarch64" => 183,
    b"x86" => 3,
    b"arm" => 40,
    b"riscv64" => 243,
    b"powerpc64" => 21,
    b"s390x" => 22,
    b"loongarch64" => 258,
    _ => 0,
};

/// A machine as Docker and Go name it.
pub(crate) fn machine(number: u16) -> String {
    match number {
        3 => "386 (32 bits)".to_owned(),
        8 => "mips".to_owned(),
        21 => "ppc64le".to_owned(),
        22 => "s390x".to_owned(),
        40 => "arm (32 bits)".to_owned(),
        62 => "amd64 (x86-64)".to_owned(),
        183 => "arm64 (aarch64)".to_owned(),
        243 => "riscv64".to_owned(),
        258 => "loong64".to_owned(),
        other => format!("the ELF machine {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn interpreter(start: &[u8]) -> Vec<u8> {
        match content_of_start(start) {
            Content::Script { interpreter } => interpreter,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_interpreter_is_read_as_the_kernel_reads_it() {
        assert_eq!(interpreter(b"#!/bin/sh\n"), b"/bin/sh");
        assert_eq!(
            interpreter(b"#! \t/usr/bin/env  bash -e\n"),
            b"/usr/bin/env"
        );
        assert_eq!(interpreter(b"#!/bin/sh\r\necho\r\n"), b"/bin/sh\r");
        assert_eq!(interpreter(b"#!/bin/sh"), b"/bin/sh");
        assert_eq!(interpreter(b"#!\n"), b"");
    }

    #[test]
    fn what_is_no_program_is_told_by_its_first_bytes() {
        assert!(matches!(content_of_start(b"echo hello\n"), Content::Text));
        assert!(matches!(
            content_of_start("grüß\n".as_bytes()),
            Content::Text
        ));
        for (start, word) in [
            (&b"MZ\x90\0"[..], "Windows"),
            (b"\xcf\xfa\xed\xfe\x07", "macOS"),
            (b"\0asm\x01\0\0\0", "WebAssembly"),
            (b"PK\x03\x04", "JAR"),
            (
                b"version https://git-lfs.github.com/spec/v1\noid",
                "Git LFS",
            ),
            (b"\x01\x02\x03", "not an executable format"),
        ] {
            let Content::Other(says) = content_of_start(start) else {
                panic!("{start:?}")
            };
            assert!(says.contains(word), "{says}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(start in any::<Vec<u8>>()) {
            let _ = content_of_start(&start);
        }
    }
}
