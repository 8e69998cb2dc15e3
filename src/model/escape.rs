//! What a terminal would obey, made visible.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Text for a terminal from bytes that someone else chose.
///
/// Control characters, line breaks, bidirectional and other invisible format
/// characters, and bytes that are not UTF-8 are written out (`\n`, `\x1b`,
/// `\u{202e}`, `\xff`); a backslash is doubled only beside one of those, so that
/// usual text stays as it is.
#[must_use]
pub fn escaped(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) if is_printable_ascii(bytes) || !text.chars().any(must_hide) => {
            Cow::Borrowed(text)
        }
        _ => Cow::Owned(write_out(bytes)),
    }
}

/// Most text is, and needs no look at each character.
fn is_printable_ascii(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, b' '..=b'~'))
}

fn write_out(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\\' => text.push_str("\\\\"),
                '\n' => text.push_str("\\n"),
                '\r' => text.push_str("\\r"),
                '\t' => text.push_str("\\t"),
                hidden if must_hide(hidden) => {
                    let code = u32::from(hidden);
                    // Writing into a String cannot fail.
                    let _ = if code < 0x80 {
                        write!(text, "\\x{code:02x}")
                    } else {
                        write!(text, "\\u{{{code:x}}}")
                    };
                }
                shown => text.push(shown),
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

/// Whether a terminal or an editor would not show a character as it is: control characters, and
/// those that reorder or vanish: the bidirectional marks, embeddings, overrides and isolates,
/// zero-width and line-separating characters.
#[must_use]
pub fn must_hide(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_text_stays() {
        for text in [
            "nginx: worker process",
            r"C:\temp",
            "käse ‹redacted 3› 日本",
        ] {
            assert_eq!(escaped(text.as_bytes()), text);
        }
    }

    #[test]
    fn what_a_terminal_would_obey_is_written_out() {
        let cases: [(&[u8], &str); 6] = [
            (b"worker\x1b[31m", r"worker\x1b[31m"),
            (b"a\nb\r\tc\\", r"a\nb\r\tc\\"),
            (b"\xff\xfe ok", r"\xff\xfe ok"),
            ("safe\u{202e}exe".as_bytes(), r"safe\u{202e}exe"),
            ("\u{9b}31m".as_bytes(), r"\u{9b}31m"),
            (b"\x7f\x00", r"\x7f\x00"),
        ];
        for (bytes, text) in cases {
            assert_eq!(escaped(bytes), text);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_byte_string_reaches_the_terminal_raw(bytes: Vec<u8>) {
            let text = escaped(&bytes);
            proptest::prop_assert!(!text.chars().any(must_hide));
        }

        #[test]
        fn different_bytes_look_different(a: Vec<u8>, b: Vec<u8>) {
            // A name made of a written-out escape must not pass for the escape itself.
            let hostile = |bytes: &[u8]| matches!(escaped(bytes), Cow::Owned(_));
            if a != b && hostile(&a) && hostile(&b) {
                proptest::prop_assert_ne!(escaped(&a), escaped(&b));
            }
        }
    }
}
