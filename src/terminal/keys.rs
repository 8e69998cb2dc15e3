//! Bytes of a keyboard → keys.

/// A key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    /// A character.
    Char(char),
    /// Control and this letter, in lower case.
    Ctrl(char),
    /// Alt (or Escape before it) and this character.
    Alt(char),
    Enter,
    Tab,
    Backspace,
    Delete,
    Left,
    Right,
    Up,
    Down,
    WordLeft,
    WordRight,
    Home,
    End,
    PageUp,
    PageDown,
    /// F1 is 1.
    Function(u8),
    Escape,
    /// A key that means nothing here.
    Other,
}

/// No sequence of a key is longer.
const LONGEST: usize = 16;

/// Bytes that have come, and may be half a key.
#[derive(Debug, Default)]
pub(crate) struct KeyDecoder {
    pending: Vec<u8>,
}

impl KeyDecoder {
    /// Adds what has come.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
    }

    /// Whether a key may have begun and not ended.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.pending.is_empty()
    }

    /// The next key. `is_all`: nothing more has come for a while, so that a lone Escape is the key
    /// itself.
    pub(crate) fn next(&mut self, is_all: bool) -> Option<Key> {
        let (key, length) = decode(&self.pending, is_all)?;
        self.pending.drain(..length.min(self.pending.len()));
        Some(key)
    }
}

/// The first key and how many bytes it is.
fn decode(bytes: &[u8], is_all: bool) -> Option<(Key, usize)> {
    let key = match *bytes.first()? {
        b'\r' | b'\n' => Key::Enter,
        b'\t' => Key::Tab,
        0x08 | 0x7f => Key::Backspace,
        0x1b => return escape(bytes, is_all),
        control @ 1..=0x1a => Key::Ctrl(char::from(control + b'a' - 1)),
        0 | 0x1c..=0x1f => Key::Other,
        first => return character(bytes, first, is_all),
    };
    Some((key, 1))
}

fn character(bytes: &[u8], first: u8, is_all: bool) -> Option<(Key, usize)> {
    let length = match first {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 1,
    };
    let Some(encoded) = bytes.get(..length) else {
        return is_all.then_some((Key::Other, 1));
    };
    let decoded = std::str::from_utf8(encoded).ok();
    let key = decoded.and_then(|text| text.chars().next());
    Some(key.map_or((Key::Other, 1), |key| (Key::Char(key), length)))
}

fn escape(bytes: &[u8], is_all: bool) -> Option<(Key, usize)> {
    match bytes.get(1) {
        None => is_all.then_some((Key::Escape, 1)),
        Some(b'[' | b'O') => match sequence(bytes) {
            Some(found) => Some(found),
            None if is_all || bytes.len() > LONGEST => Some((Key::Other, bytes.len())),
            None => None,
        },
        Some(0x1b) => Some((Key::Escape, 1)),
        Some(0x08 | 0x7f) => Some((Key::Ctrl('w'), 2)),
        Some(_) => {
            let (key, length) = decode(bytes.get(1..)?, is_all)?;
            let key = match key {
                Key::Char(letter) => Key::Alt(letter),
                _ => Key::Other,
            };
            Some((key, length + 1))
        }
    }
}

/// `ESC [ numbers letter` and `ESC O letter`.
fn sequence(bytes: &[u8]) -> Option<(Key, usize)> {
    let rest = bytes.get(2..)?;
    // The console of Linux has ESC [ [ A for F1.
    if let [b'[', letter, ..] = rest {
        let key = match letter {
            b'A'..=b'E' => Key::Function(letter - b'A' + 1),
            _ => Key::Other,
        };
        return Some((key, 4));
    }
    let end = rest.iter().position(|byte| (0x40..=0x7e).contains(byte))?;
    let numbers = std::str::from_utf8(rest.get(..end)?).unwrap_or_default();
    let is_modified = numbers.contains(';');
    let number = numbers.split(';').next().unwrap_or_default();
    let key = match (*rest.get(end)?, number) {
        (b'A', _) => Key::Up,
        (b'B', _) => Key::Down,
        (b'C', _) if is_modified => Key::WordRight,
        (b'D', _) if is_modified => Key::WordLeft,
        (b'C', _) => Key::Right,
        (b'D', _) => Key::Left,
        (b'H', _) | (b'~', "1" | "7") => Key::Home,
        (b'F', _) | (b'~', "4" | "8") => Key::End,
        (b'~', "3") => Key::Delete,
        (b'~', "5") => Key::PageUp,
        (b'~', "6") => Key::PageDown,
        (letter @ b'P'..=b'S', _) => Key::Function(letter - b'P' + 1),
        (b'~', "11" | "12" | "13" | "14" | "15") => {
            Key::Function(number.parse::<u8>().map_or(0, |number| number - 10))
        }
        (b'~', "17" | "18" | "19" | "20" | "21") => {
            Key::Function(number.parse::<u8>().map_or(0, |number| number - 11))
        }
        _ => Key::Other,
    };
    Some((key, end + 3))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn keys(bytes: &[u8]) -> Vec<Key> {
        let mut decoder = KeyDecoder::default();
        decoder.push(bytes);
        std::iter::from_fn(|| decoder.next(true)).collect()
    }

    #[test]
    fn keys_are_known_by_what_terminals_send() {
        use Key::*;
        assert_eq!(
            keys(b"a\xc3\xa4\x01\r\x7f\t\x1b[A\x1bOB\x1b[1;5C\x1b[3~\x1b[5~\x1bb\x1b[15~\x1bOP\x1b[H"),
            [
                Char('a'),
                Char('ä'),
                Ctrl('a'),
                Enter,
                Backspace,
                Tab,
                Up,
                Down,
                WordRight,
                Delete,
                PageUp,
                Alt('b'),
                Function(5),
                Function(1),
                Home
            ]
        );
        assert_eq!(keys(b"\x1b"), [Escape]);
    }

    #[test]
    fn a_key_may_come_in_pieces() {
        let mut decoder = KeyDecoder::default();
        decoder.push(b"\x1b");
        assert_eq!(decoder.next(false), None);
        decoder.push(b"[");
        assert_eq!(decoder.next(false), None);
        decoder.push(b"D\xe6\x97");
        assert_eq!(decoder.next(false), Some(Key::Left));
        assert_eq!(decoder.next(false), None);
        decoder.push(b"\xa5");
        assert_eq!(decoder.next(false), Some(Key::Char('日')));
        assert!(!decoder.is_waiting());
    }

    proptest! {
        #[test]
        fn any_bytes_come_to_an_end(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut decoder = KeyDecoder::default();
            decoder.push(&bytes);
            let mut count = 0;
            while decoder.next(true).is_some() {
                count += 1;
                prop_assert!(count <= bytes.len());
            }
            prop_assert!(!decoder.is_waiting());
        }
    }
}
