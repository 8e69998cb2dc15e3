//! What form a file has, by its first bytes: whether its lines are text in which a secret may stand.

/// Forms whose bytes are no lines: compressed, or programs and pictures as they were built.
const BINARY: [&[u8]; 24] = [
    b"\x7fELF",
    b"\x1f\x8b",
    b"\x1f\x9d",
    b"BZh",
    b"\xfd7zXZ\0",
    b"\x28\xb5\x2f\xfd",
    b"\x04\x22\x4d\x18",
    b"7z\xbc\xaf\x27\x1c",
    b"PK\x03\x04",
    b"!<arch>\n",
    b"\x89PNG\r\n",
    b"\xff\xd8\xff",
    b"GIF8",
    b"RIFF",
    b"\0asm",
    b"\xca\xfe\xba\xbe",
    b"MZ",
    b"wOFF",
    b"wOF2",
    b"OTTO",
    b"\0\x01\0\0",
    b"\xde\x12\x04\x95",
    b"\x95\x04\x12\xde",
    b"TZif",
];

/// The type of an ELF file that is a core.
const ET_CORE: u16 = 4;

/// Whether it is shown byte for byte: lines of text are not to be expected in it. A NUL byte alone
/// does not make it one: logs that were truncated have them.
#[must_use]
pub(super) fn is_known_binary(first: &[u8]) -> bool {
    let known = BINARY.iter().any(|magic| first.starts_with(magic));
    // `MZ` and `RIFF` may begin a word.
    known && (first.len() < 16 || first.iter().take(512).any(|byte| !is_text(*byte)))
}

/// Whether the file is no text: it has bytes that no text has. A NUL byte alone does not make it one, as
/// logs that were truncated have them, but without any text it is none either.
#[must_use]
pub(super) fn is_binary(first: &[u8]) -> bool {
    let odd = controls(first) + misfits_of_utf8(first);
    if memchr::memchr(0, first).is_some() {
        odd > 0 || !first.iter().any(|byte| is_text(*byte))
    } else {
        odd > first.len() / 10
    }
}

/// How many bytes are controls that no text has.
fn controls(bytes: &[u8]) -> usize {
    const EACH: u64 = u64::MAX / 0xff;
    let is_control =
        |byte: &u8| *byte < b' ' && !matches!(byte, 0 | 7..=13 | 0x1b) || *byte == 0x7f;
    let count = |bytes: &[u8]| bytes.iter().filter(|byte| is_control(byte)).count();
    // Eight bytes at a time: few have one that is less than a blank, or DEL.
    let may_have = |bytes: &&[u8; 8]| {
        let word = u64::from_le_bytes(**bytes);
        let below_blank = word.wrapping_sub(EACH * u64::from(b' ')) & !word;
        let other = word ^ (EACH * 0x7f);
        let is_del = other.wrapping_sub(EACH) & !other;
        (below_blank | is_del) & (EACH * 0x80) != 0
    };
    let (words, rest) = bytes.as_chunks::<8>();
    let in_words = words.iter().filter(may_have).map(|bytes| count(bytes));
    in_words.sum::<usize>() + count(rest)
}

/// How many bytes do not fit into UTF-8.
fn misfits_of_utf8(bytes: &[u8]) -> usize {
    // Most files are text, which is known sooner.
    if std::str::from_utf8(bytes).is_ok() {
        return 0;
    }
    let (mut misfits, mut last) = (0, 0);
    for chunk in bytes.utf8_chunks() {
        last = chunk.invalid().len();
        misfits += last;
    }
    // The last character may be cut.
    misfits - last
}

/// Whether it is the core file of a process: its memory.
#[must_use]
pub(super) fn is_core(first: &[u8]) -> bool {
    let [0x7f, b'E', b'L', b'F', _, order, ..] = first else {
        return false;
    };
    let Some(Ok(kind)) = first.get(16..18).map(<[u8; 2]>::try_from) else {
        return false;
    };
    let kind = if *order == 2 {
        u16::from_be_bytes(kind)
    } else {
        u16::from_le_bytes(kind)
    };
    kind == ET_CORE
}

fn is_text(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_are_counted_wherever_they_stand() {
        for byte in 0..=u8::MAX {
            let is_control = byte < b' ' && !matches!(byte, 0 | 7..=13 | 0x1b) || byte == 0x7f;
            for (before, behind) in [(0, 0), (3, 0), (5, 9), (16, 2)] {
                let text = [vec![b'x'; before], vec![byte, 0xff], vec![b' '; behind]].concat();
                assert_eq!(controls(&text), usize::from(is_control), "{text:?}");
            }
        }
        assert_eq!(controls(&[1; 20]), 20);
    }

    #[test]
    fn what_has_bytes_of_no_text_is_binary() {
        for text in [
            &b""[..],
            b"GET / 200\nGET /x 404\n",
            b"\0\0\0\0after truncation\n",
            b"\x1b[31mred\x1b[0m\r\n",
            "schön\0".as_bytes(),
            b"cut sch\xc3",
            b"Latin-1: sch\xf6n, and so on",
        ] {
            assert!(!is_binary(text), "{text:?}");
        }
        for binary in [
            &b"\0\0\0\0"[..],
            b"SQLite format 3\0\x10\0\x01\x01",
            b"JAVA PROFILE 1.0.2\0\0\0\0\x08\0\0\x01",
            b"\x93\x05\xf1\x80\x9f",
        ] {
            assert!(is_binary(binary), "{binary:?}");
        }
    }

    #[test]
    fn a_form_is_known_by_its_first_bytes() {
        let elf = |kind: u8| {
            let mut first = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
            first.extend([kind, 0, 62, 0]);
            first
        };
        assert!(is_known_binary(&elf(3)) && !is_core(&elf(3)));
        assert!(is_core(&elf(4)));
        assert!(is_known_binary(b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x4b"));
        for text in [
            &b""[..],
            b"plain text, longer than a few bytes",
            b"MZ is how this long line of text begins",
            b"line\0\0\0\0password=x",
        ] {
            assert!(!is_known_binary(text) && !is_core(text));
        }
    }
}
