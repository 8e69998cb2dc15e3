//! Content for a terminal: lines and tabs stay, all else that a terminal would obey is written out.

use crate::model::escape::escaped;

/// Appends content with its control characters written out.
pub(super) fn escape_content(content: &[u8], out: &mut Vec<u8>) {
    for part in content.split_inclusive(|byte| matches!(byte, b'\n' | b'\t')) {
        let (text, end) = match part.split_last() {
            Some((end @ (b'\n' | b'\t'), text)) => (text, Some(*end)),
            _ => (part, None),
        };
        // The end of a line of Windows changes nothing on a terminal.
        let (text, carriage) = match (text.strip_suffix(b"\r"), end) {
            (Some(text), Some(b'\n')) => (text, true),
            _ => (text, false),
        };
        out.extend_from_slice(escaped(text).as_bytes());
        if carriage {
            out.push(b'\r');
        }
        out.extend(end);
    }
}

/// Pieces of content on their way to a terminal: what a piece ends with may be half a character.
#[derive(Default)]
pub(in crate::cli) struct TerminalPieces {
    rest: Vec<u8>,
}

impl TerminalPieces {
    /// Appends a piece, without a last character that may go on.
    pub(in crate::cli) fn add(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        self.rest.extend_from_slice(piece);
        let keep = unfinished(&self.rest);
        let whole = self.rest.len() - keep;
        let rest = self.rest.split_off(whole);
        escape_content(&self.rest, out);
        self.rest = rest;
    }

    /// Appends what is left.
    pub(in crate::cli) fn end(&mut self, out: &mut Vec<u8>) {
        escape_content(&std::mem::take(&mut self.rest), out);
    }
}

/// How many bytes at the end may be the beginning of a longer character, or of `\r\n`.
fn unfinished(bytes: &[u8]) -> usize {
    let end = bytes
        .get(bytes.len().saturating_sub(3)..)
        .unwrap_or_default();
    for (back, byte) in end.iter().rev().enumerate() {
        let length = match byte {
            b'\r' if back == 0 => 2,
            0xc0..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf7 => 4,
            0x80..=0xbf => continue,
            _ => return 0,
        };
        return if length > back + 1 { back + 1 } else { 0 };
    }
    0
}

/// A name for a line of output: written out where `escapes`.
pub(super) fn shown_name(name: &[u8], escapes: bool) -> Vec<u8> {
    if escapes {
        escaped(name).as_bytes().to_vec()
    } else {
        name.to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_written_out() {
        let mut out = Vec::new();
        escape_content(b"a\tb\r\n\x1b[31mred\xff\n\rover", &mut out);
        assert_eq!(out, b"a\tb\r\n\\x1b[31mred\\xff\n\\rover");
    }

    #[test]
    fn a_character_may_be_in_two_pieces() {
        let text = "käse 日本 \u{1f600}\r\nend";
        for cut in 0..text.len() {
            let (one, two) = text.as_bytes().split_at(cut);
            let (mut pieces, mut out) = (TerminalPieces::default(), Vec::new());
            pieces.add(one, &mut out);
            pieces.add(two, &mut out);
            pieces.end(&mut out);
            assert_eq!(String::from_utf8(out).unwrap(), text, "{cut}");
        }
    }
}
