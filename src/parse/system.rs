//! What is asked of the whole machine: its memory (`/proc/meminfo`), when it started
//! (`/proc/stat`) and how long ago that was (`/proc/uptime`).

use super::{Malformed, text};

/// `MemTotal` of `/proc/meminfo`: usable memory of the machine in bytes. Not of the container,
/// unless something like lxcfs stands in for the file.
///
/// # Errors
/// If there is no such line, or it is not a number of kB.
pub(crate) fn mem_total_bytes(meminfo: &[u8]) -> Result<u64, Malformed> {
    value(meminfo, b"MemTotal:")
        .and_then(text::kibibytes)
        .ok_or(Malformed {
            what: "MemTotal in /proc/meminfo",
            expected: "a number of kB",
        })
}

/// What follows a key at the start of a whole line.
fn value<'a>(bytes: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    bytes
        .split_inclusive(|byte| *byte == b'\n')
        .filter_map(|line| line.strip_suffix(b"\n"))
        .find_map(|line| line.strip_prefix(key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::mutate::{self, BAD_NUMBERS};
    use proptest::prelude::*;

    const MEMINFO: &[u8] =
        b"MemTotal:       24684092 kB\nMemFree:        20158392 kB\nMemAvailable:   23204508 kB\n";

    #[test]
    fn captured_files() {
        assert_eq!(mem_total_bytes(MEMINFO), Ok(24_684_092 * 1024));
    }

    #[test]
    fn what_is_missing_or_cut_is_malformed() {
        for bytes in [&b""[..], b"\n", b"MemFree: 1 kB\n", b"MemTotal: 246 k"] {
            assert!(mem_total_bytes(bytes).is_err());
        }
    }

    #[test]
    fn nonsense_is_malformed() {
        for bad in BAD_NUMBERS {
            assert!(mem_total_bytes(format!("MemTotal: {bad} kB\n").as_bytes()).is_err());
        }
        assert!(mem_total_bytes(b"MemTotal: 18446744073709551615 kB\n").is_err());
    }

    fn all(bytes: &[u8]) {
        let _ = mem_total_bytes(bytes);
    }

    #[test]
    fn survives_damage() {
        mutate::survives(MEMINFO, all);
    }

    proptest! {
        #[test]
        fn never_panics(bytes in any::<Vec<u8>>()) {
            all(&bytes);
        }
    }
}
