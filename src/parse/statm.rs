//! `/proc/PID/statm`: sizes of memory, the cheapest exact answer to how much of it is in RAM.
//!
//! Since Linux 6.17 the kernel adds up the counters of all processors for it, as for `VmRSS` of
//! `status`; the number in `stat` still leaves out what each processor has not yet accounted.

use super::{Malformed, text};

/// The pages that are in RAM: the second of seven numbers. 0 for what has no memory.
///
/// # Errors
/// [`Malformed`], where that number is not there or is not followed by another one.
pub(crate) fn resident_pages(bytes: &[u8]) -> Result<u64, Malformed> {
    let field = bytes.split(|byte| *byte == b' ').nth(1);
    // What is cut might be the beginning of a larger number.
    let is_whole = bytes.iter().filter(|byte| **byte == b' ').nth(1).is_some();
    field
        .filter(|_| is_whole)
        .and_then(text::decimal)
        .ok_or(Malformed {
            what: "resident in /proc/PID/statm",
            expected: "a number of pages",
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::mutate;
    use proptest::prelude::*;

    const SAMPLE: &[u8] = b"1203 812 640 5 0 289 0\n";

    #[test]
    fn the_second_number_is_taken_whole_or_not_at_all() {
        assert_eq!(resident_pages(SAMPLE), Ok(812));
        assert_eq!(resident_pages(b"0 0 0 0 0 0 0\n"), Ok(0));
        for damaged in [
            &b"1203 81"[..],
            b"1203",
            b"",
            b"1203 x 640\n",
            b"1203 -1 640\n",
        ] {
            assert!(resident_pages(damaged).is_err(), "{damaged:?}");
        }
    }

    #[test]
    fn survives_damage() {
        mutate::survives(SAMPLE, |bytes| {
            let _ = resident_pages(bytes);
        });
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in any::<Vec<u8>>()) {
            let _ = resident_pages(&bytes);
        }
    }
}
