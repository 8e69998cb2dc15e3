//! `/proc/PID/personality`: eight hexadecimal digits.

use super::Malformed;

/// The mask.
///
/// # Errors
/// [`Malformed`] for anything else.
pub(crate) fn parse(bytes: &[u8]) -> Result<u32, Malformed> {
    let digits = bytes.strip_suffix(b"\n").filter(|digits| {
        (1..=8).contains(&digits.len()) && digits.iter().all(u8::is_ascii_hexdigit)
    });
    digits
        .and_then(|digits| std::str::from_utf8(digits).ok())
        .and_then(|digits| u32::from_str_radix(digits, 16).ok())
        .ok_or(Malformed {
            what: "/proc/PID/personality",
            expected: "up to eight hexadecimal digits",
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_the_kernel_prints_is_read() {
        assert_eq!(parse(b"00040000\n"), Ok(0x4_0000));
        for damaged in [&b"00040000"[..], b"\n", b"+1\n", b"000400000\n", b""] {
            assert!(parse(damaged).is_err());
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in any::<Vec<u8>>()) {
            let _ = parse(&bytes);
        }

        #[test]
        fn every_mask_is_read_back(mask in any::<u32>()) {
            prop_assert_eq!(parse(format!("{mask:08x}\n").as_bytes()), Ok(mask));
        }
    }
}
