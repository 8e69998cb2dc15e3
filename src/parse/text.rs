//! What the formats share: numbers and lines out of bytes.

use memchr::memchr;

use super::Malformed;

/// An unsigned integer that a decimal text can be read into.
pub(super) trait Unsigned: Sized {
    /// The value, unless it does not fit.
    fn narrow(value: u64) -> Option<Self>;
}

macro_rules! unsigned {
    ($($t:ty),*) => {$(
        impl Unsigned for $t {
            #[inline]
            fn narrow(value: u64) -> Option<Self> {
                value.try_into().ok()
            }
        }
    )*};
}
unsigned!(u8, u32, u64);

/// Digits only, at least one: no sign, no space, no overflow.
#[inline]
pub(super) fn decimal<T: Unsigned>(bytes: &[u8]) -> Option<T> {
    T::narrow(digits(bytes, 10)?)
}

/// As [`decimal`], with an optional leading minus.
#[inline]
pub(super) fn signed(bytes: &[u8]) -> Option<i64> {
    match bytes.strip_prefix(b"-") {
        Some(rest) => 0_i64.checked_sub_unsigned(digits(rest, 10)?),
        None => digits(bytes, 10)?.try_into().ok(),
    }
}

/// Hexadecimal digits without `0x`.
pub(super) fn hexadecimal(bytes: &[u8]) -> Option<u64> {
    digits(bytes, 16)
}

/// Octal digits.
pub(super) fn octal(bytes: &[u8]) -> Option<u32> {
    u32::narrow(digits(bytes, 8)?)
}

#[inline]
fn digits(bytes: &[u8], radix: u32) -> Option<u64> {
    if bytes.is_empty() {
        return None;
    }
    bytes.iter().try_fold(0_u64, |value, byte| {
        let digit = char::from(*byte).to_digit(radix)?;
        value
            .checked_mul(u64::from(radix))?
            .checked_add(u64::from(digit))
    })
}

/// `  1740 kB` → bytes. The kernel's kB are 1024 bytes.
pub(super) fn kibibytes(bytes: &[u8]) -> Option<u64> {
    let count = bytes.trim_ascii().strip_suffix(b" kB")?;
    decimal::<u64>(count.trim_ascii())?.checked_mul(1024)
}

/// The words of a line, parted by runs of blanks.
pub(super) fn words(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty())
}

/// The lines of a kernel file, without their newlines; an error if the last line was cut.
pub(super) fn lines<'a>(
    bytes: &'a [u8],
    what: &'static str,
) -> Result<impl Iterator<Item = &'a [u8]>, Malformed> {
    let expected = "a newline at its end";
    let mut rest = match bytes.strip_suffix(b"\n") {
        None if !bytes.is_empty() => return Err(Malformed { what, expected }),
        body => body,
    };
    Ok(std::iter::from_fn(move || {
        let (line, after) = match split_once(rest?, b'\n') {
            Some((line, after)) => (line, Some(after)),
            None => (rest?, None),
        };
        rest = after;
        Some(line)
    }))
}

/// The halves around the first `separator`, which is in neither.
pub(super) fn split_once(bytes: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = memchr(separator, bytes)?;
    Some((bytes.get(..at)?, bytes.get(at.checked_add(1)?..)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::mutate::BAD_NUMBERS;

    #[test]
    fn numbers_are_strict() {
        assert_eq!(decimal::<u64>(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(decimal::<u32>(b"4294967296"), None);
        assert_eq!(signed(b"-9223372036854775808"), Some(i64::MIN));
        assert_eq!(signed(b"-9223372036854775809"), None);
        assert_eq!(signed(b"9223372036854775808"), None);
        assert_eq!(signed(b"--1"), None);
        assert_eq!(hexadecimal(b"ffffffffffffffff"), Some(u64::MAX));
        assert_eq!(octal(b"0022"), Some(18));
        assert_eq!(octal(b"8"), None);
        for bad in BAD_NUMBERS {
            assert_eq!(decimal::<u64>(bad.as_bytes()), None, "{bad:?}");
        }
    }

    #[test]
    fn kibibytes_become_bytes() {
        assert_eq!(kibibytes(b"\t    1740 kB"), Some(1_781_760));
        assert_eq!(kibibytes(b"1740"), None);
        assert_eq!(kibibytes(b"18446744073709551615 kB"), None);
    }

    #[test]
    fn a_cut_last_line_is_an_error_and_no_line_is_none() {
        let collect = |bytes| lines(bytes, "x").map(Iterator::collect::<Vec<_>>);
        assert_eq!(collect(b""), Ok(vec![]));
        assert_eq!(collect(b"a\n\nb\n"), Ok(vec![&b"a"[..], b"", b"b"]));
        assert!(collect(b"a\nb").is_err());
    }
}
