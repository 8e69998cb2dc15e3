//! What is asked of the whole machine: its memory (`/proc/meminfo`), when it started
//! (`/proc/stat`) and how long ago that was (`/proc/uptime`).

use std::time::Duration;

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

/// `/proc/uptime`: since boot, sleep included.
#[must_use]
pub(crate) fn uptime(uptime: &[u8]) -> Option<Duration> {
    let (seconds, _) = text::split_once(uptime, b' ')?;
    let (whole, hundredths) = text::split_once(seconds, b'.')?;
    let hundredths: u32 = text::decimal(hundredths).filter(|part| *part < 100)?;
    Some(Duration::new(
        text::decimal(whole)?,
        hundredths * 10_000_000,
    ))
}

/// `btime` of `/proc/stat`: when the machine booted, from the epoch.
#[must_use]
pub(crate) fn boot_time(stat: &[u8]) -> Option<Duration> {
    value(stat, b"btime ")
        .and_then(text::decimal)
        .map(Duration::from_secs)
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
    fn the_boot_and_the_time_since() {
        let stat = b"cpu  1 2 3\nintr 5 6\nbtime 1764312345\nprocesses 7\n";
        assert_eq!(boot_time(stat), Some(Duration::from_secs(1_764_312_345)));
        assert_eq!(
            uptime(b"15304.25 60000.11\n"),
            Some(Duration::from_millis(15_304_250))
        );
        for bytes in [&b""[..], b"1 2", b"1.2.3 4", b"-1.00 2", b"1.100 2"] {
            assert_eq!(uptime(bytes), None);
        }
        assert_eq!(boot_time(b"btime 17"), None);
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
        let _ = (mem_total_bytes(bytes), uptime(bytes), boot_time(bytes));
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
