//! `/proc/PID/smaps_rollup`: what memory a process really costs, since Linux 4.14.
//!
//! Needs a ptrace check, and takes the kernel a walk over all page tables of the process.

use super::{Malformed, text};

/// Sums over all mappings. What this kernel does not print is `None`, and so is everything for
/// a process without memory (a kernel thread, a zombie), whose file is empty or unreadable.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "the unit is part of a name")]
pub(crate) struct SmapsRollup {
    /// `Rss`: resident memory, exact, shared pages counted whole.
    pub rss_bytes: Option<u64>,
    /// `Pss`: resident memory, each shared page divided by how many map it.
    pub pss_bytes: Option<u64>,
    /// `Swap`: swapped-out memory, shared pages counted whole.
    pub swap_bytes: Option<u64>,
    /// `SwapPss`: swapped-out memory, each shared page divided by how many map it.
    pub swap_pss_bytes: Option<u64>,
}

impl SmapsRollup {
    /// Reads the content of one `smaps_rollup` file.
    ///
    /// # Errors
    /// If one of the lines is not a number of kB, or the last one is cut.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut rollup = Self::default();
        for line in text::lines(bytes, "/proc/PID/smaps_rollup")? {
            let Some((key, value)) = text::split_once(line, b':') else {
                continue;
            };
            let (field, what) = match key {
                b"Rss" => (&mut rollup.rss_bytes, "Rss in /proc/PID/smaps_rollup"),
                b"Pss" => (&mut rollup.pss_bytes, "Pss in /proc/PID/smaps_rollup"),
                b"Swap" => (&mut rollup.swap_bytes, "Swap in /proc/PID/smaps_rollup"),
                b"SwapPss" => (
                    &mut rollup.swap_pss_bytes,
                    "SwapPss in /proc/PID/smaps_rollup",
                ),
                _ => continue,
            };
            let expected = "a number of kB";
            let bytes = text::kibibytes(value).ok_or(Malformed { what, expected })?;
            *field = Some(bytes);
        }
        Ok(rollup)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::mutate;
    use proptest::prelude::*;

    const SAMPLE: &[u8] = include_bytes!("../../tests/fixtures/proc/smaps_rollup");

    #[test]
    fn sums_are_bytes() {
        assert_eq!(
            SmapsRollup::parse(SAMPLE),
            Ok(SmapsRollup {
                rss_bytes: Some(1740 * 1024),
                pss_bytes: Some(402 * 1024),
                swap_bytes: Some(16 * 1024),
                swap_pss_bytes: Some(8 * 1024),
            })
        );
    }

    #[test]
    fn what_is_not_there_is_none() {
        assert_eq!(SmapsRollup::parse(b""), Ok(SmapsRollup::default()));
        let only = SmapsRollup::parse(b"Rss:  0 kB\nPss_Anon:  1 kB\n").unwrap();
        assert_eq!((only.rss_bytes, only.pss_bytes), (Some(0), None));
    }

    #[test]
    fn nonsense_is_named() {
        for (bad, what) in [
            ("Pss:  1\n", "Pss in /proc/PID/smaps_rollup"),
            ("Rss:  -1 kB\n", "Rss in /proc/PID/smaps_rollup"),
            (
                "Swap: 18446744073709551615 kB\n",
                "Swap in /proc/PID/smaps_rollup",
            ),
            ("Rss:  17", "/proc/PID/smaps_rollup"),
        ] {
            assert_eq!(SmapsRollup::parse(bad.as_bytes()).unwrap_err().what, what);
        }
    }

    #[test]
    fn survives_damage() {
        mutate::survives(SAMPLE, |bytes| {
            let _ = SmapsRollup::parse(bytes);
        });
    }

    proptest! {
        #[test]
        fn never_panics(bytes in any::<Vec<u8>>()) {
            let _ = SmapsRollup::parse(&bytes);
        }
    }
}
