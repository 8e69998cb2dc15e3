//! The values behind the words of `find`.

use super::tests_of_files::{Count, FileTest, PermKind};
use crate::sys::tree_entry::EntryKind;

/// A name of digits is an id.
pub(super) fn number_in(value: &[u8]) -> Option<Count> {
    let text = std::str::from_utf8(value).ok()?;
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| Count::parse(text)).flatten()
}

pub(super) fn kinds(text: &str) -> Result<Vec<EntryKind>, String> {
    let kind = |letter: &str| {
        Some(match letter {
            "f" => EntryKind::File,
            "d" => EntryKind::Directory,
            "l" => EntryKind::Link,
            "p" => EntryKind::Fifo,
            "s" => EntryKind::Socket,
            "c" => EntryKind::CharDevice,
            "b" => EntryKind::BlockDevice,
            _ => return None,
        })
    };
    let kinds: Option<Vec<_>> = text.split(',').map(kind).collect();
    kinds.ok_or_else(|| format!("find -type {text}: expected f, d, l, p, s, c or b"))
}

pub(super) fn size(text: &str) -> Result<FileTest, String> {
    let unknown =
        || format!("find -size {text}: expected a number with c, w, b, k, M or G behind it");
    let unit = |letter: char| {
        Some(match letter {
            'c' => 1,
            'w' => 2,
            'b' => 512,
            'k' => 1 << 10,
            'M' => 1 << 20,
            'G' => 1 << 30,
            _ => return None,
        })
    };
    let last = text.chars().last().ok_or_else(unknown)?;
    let (digits, unit) = if last.is_ascii_digit() {
        (text, 512)
    } else {
        let unit = unit(last).ok_or_else(unknown)?;
        (text.strip_suffix(last).unwrap_or(text), unit)
    };
    let count = Count::parse(digits).ok_or_else(unknown)?;
    Ok(FileTest::Size { count, unit })
}

pub(super) fn perm(text: &str) -> Result<FileTest, String> {
    let (kind, mode) = match text.as_bytes().first() {
        Some(b'-') => (PermKind::All, text.get(1..)),
        Some(b'/') => (PermKind::Any, text.get(1..)),
        _ => (PermKind::Exactly, Some(text)),
    };
    let mode = mode.unwrap_or_default();
    let octal = || {
        let is_octal = !mode.is_empty() && mode.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
        is_octal
            .then(|| u32::from_str_radix(mode, 8).ok())
            .flatten()
    };
    let bits = octal()
        .filter(|bits| *bits <= 0o7777)
        .or_else(|| symbolic(mode));
    let bits =
        bits.ok_or_else(|| format!("find -perm {text}: expected a mode such as 644 or u+w"))?;
    Ok(FileTest::Perm(kind, bits))
}

/// `u+rwx,g=r`: from no bit at all.
fn symbolic(mode: &str) -> Option<u32> {
    let mut bits = 0;
    for clause in mode.split(',') {
        let operator = clause.find(['+', '=', '-'])?;
        let (who, rest) = clause.split_at_checked(operator)?;
        let mut shifts = Vec::new();
        for letter in who.chars() {
            match letter {
                'u' => shifts.push(6),
                'g' => shifts.push(3),
                'o' => shifts.push(0),
                'a' => shifts.extend([6, 3, 0]),
                _ => return None,
            }
        }
        if shifts.is_empty() {
            shifts.extend([6, 3, 0]);
        }
        let mut set = 0;
        for letter in rest.get(1..)?.chars() {
            for shift in &shifts {
                set |= match letter {
                    'r' => 4 << shift,
                    'w' => 2 << shift,
                    'x' => 1 << shift,
                    's' if *shift == 6 => 0o4000,
                    's' if *shift == 3 => 0o2000,
                    's' => 0,
                    't' => 0o1000,
                    _ => return None,
                };
            }
        }
        if rest.starts_with('-') {
            bits &= !set;
        } else {
            bits |= set;
        }
    }
    Some(bits)
}

#[cfg(test)]
mod tests {
    use super::symbolic;

    #[test]
    fn modes_may_be_symbols() {
        assert_eq!(symbolic("u+rwx,g=r"), Some(0o740));
        assert_eq!(symbolic("a+x,u+s,+t"), Some(0o5111));
        assert_eq!(symbolic("u+q"), None);
    }
}
