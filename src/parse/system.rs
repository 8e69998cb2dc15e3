//! What is asked of the whole machine: its memory (`/proc/meminfo`), when it started
//! (`/proc/stat`) and how long ago that was (`/proc/uptime`).

use super::{Malformed, text};

/// `MemTotal` of `/proc/meminfo`: usable memory of the machine in bytes. Not of the container,
/// unless something like lxcfs stands in for the file.
///
/// # Errors
/// If there is no such line, or it is not a number of kB.
pub fn mem_total_bytes(meminfo: &[u8]) -> Result<u64, Malformed> {
    value(meminfo, b"MemTotal:")
        .and_then(text::kibibytes)
        .ok_or(Malformed {
            what: "MemTotal in /proc/meminfo",
            expected: "a number of kB",
        })
}

/// `btime` of `/proc/stat`: when the machine started, in seconds since 1970.
///
/// Computed by the kernel from the wall clock, so setting the clock moves it; it is not in the
/// reader's time namespace as `starttime` is.
///
/// # Errors
/// If there is no such line, or it is not a number.
pub fn btime_seconds(stat: &[u8]) -> Result<u64, Malformed> {
    value(stat, b"btime ")
        .and_then(|value| text::decimal(value.trim_ascii()))
        .ok_or(Malformed {
            what: "btime in /proc/stat",
            expected: "a decimal number of seconds",
        })
}

/// The first number of `/proc/uptime`: seconds since the start, in the reader's time namespace.
///
/// # Errors
/// If it is not a number with a fraction, as `1174.15`.
pub fn uptime_seconds(uptime: &[u8]) -> Result<f64, Malformed> {
    uptime_of(uptime).ok_or(Malformed {
        what: "/proc/uptime",
        expected: "two decimal numbers of seconds",
    })
}

/// What follows a key at the start of a whole line.
fn value<'a>(bytes: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    bytes
        .split_inclusive(|byte| *byte == b'\n')
        .filter_map(|line| line.strip_suffix(b"\n"))
        .find_map(|line| line.strip_prefix(key))
}

fn uptime_of(bytes: &[u8]) -> Option<f64> {
    let (first, _) = text::split_once(bytes, b' ')?;
    let (whole, fraction) = text::split_once(first, b'.')?;
    // The standard parser takes signs, exponents and "inf" too, so check the digits before.
    text::decimal::<u64>(whole)?;
    text::decimal::<u64>(fraction)?;
    std::str::from_utf8(first).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::mutate::{self, BAD_NUMBERS};
    use proptest::prelude::*;

    const MEMINFO: &[u8] =
        b"MemTotal:       24684092 kB\nMemFree:        20158392 kB\nMemAvailable:   23204508 kB\n";
    const STAT: &[u8] = b"cpu  8351 0 2214 213312 1043 0 40 0 0 0\ncpu0 8351 0 2214 213312 1043 0 40 0 0 0\nintr 301\nctxt 1\nbtime 1795461953\nprocesses 8253\n";
    const UPTIME: &[u8] = b"1174.15 2133.12\n";

    #[test]
    fn captured_files() {
        assert_eq!(mem_total_bytes(MEMINFO), Ok(24_684_092 * 1024));
        assert_eq!(btime_seconds(STAT), Ok(1_795_461_953));
        assert_eq!(
            uptime_seconds(UPTIME).map(|s| format!("{s:.2}")),
            Ok("1174.15".to_owned())
        );
    }

    #[test]
    fn what_is_missing_or_cut_is_malformed() {
        for bytes in [
            &b""[..],
            b"\n",
            b"MemFree: 1 kB\n",
            b"MemTotal: 246 k",
            b"btime 179",
            b"1174.15",
        ] {
            assert!(mem_total_bytes(bytes).is_err());
            assert!(btime_seconds(bytes).is_err());
            assert!(uptime_seconds(bytes).is_err());
        }
    }

    #[test]
    fn nonsense_is_malformed() {
        for bad in BAD_NUMBERS {
            assert!(mem_total_bytes(format!("MemTotal: {bad} kB\n").as_bytes()).is_err());
            assert!(btime_seconds(format!("btime {bad}\n").as_bytes()).is_err());
            assert!(uptime_seconds(format!("{bad} 1.0\n").as_bytes()).is_err());
            assert!(uptime_seconds(format!("{bad}.0 1.0\n").as_bytes()).is_err());
        }
        assert!(mem_total_bytes(b"MemTotal: 18446744073709551615 kB\n").is_err());
        assert!(uptime_seconds(b"inf nan\n").is_err());
    }

    fn all(bytes: &[u8]) {
        let _ = (
            mem_total_bytes(bytes),
            btime_seconds(bytes),
            uptime_seconds(bytes),
        );
    }

    #[test]
    fn survives_damage() {
        for sample in [MEMINFO, STAT, UPTIME] {
            mutate::survives(sample, all);
        }
    }

    proptest! {
        #[test]
        fn never_panics(bytes in any::<Vec<u8>>()) {
            all(&bytes);
        }

        #[test]
        fn uptime_is_a_finite_time(text in "[0-9.+eE-]{0,30} [0-9.]{0,9}") {
            if let Ok(seconds) = uptime_seconds(text.as_bytes()) {
                prop_assert!(seconds.is_finite() && seconds >= 0.0);
            }
        }
    }
}
