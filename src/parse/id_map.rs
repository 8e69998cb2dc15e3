//! `/proc/PID/uid_map` and `gid_map`: how a user namespace's numbers are those of another.

use super::{Malformed, text};

/// The ranges of one map. Empty until it is written: then every id is the overflow id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IdMap {
    /// The lines, at most 340 (five before Linux 4.15).
    pub ranges: Vec<IdRange>,
}

/// What the kernel shows for an id that has no number in the reader's user namespace.
pub(crate) const OVERFLOW_ID: u32 = 65_534;

/// One line: `inside outside length`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IdRange {
    /// The first id in the process's user namespace.
    pub inside: u32,
    /// The id that this is in the reader's user namespace; or in the parent of the process's, if
    /// the reader is in the same one.
    pub outside: u32,
    /// How many ids follow each other.
    pub length: u32,
}

impl IdMap {
    /// Reads the content of one map.
    ///
    /// # Errors
    /// If a line is not three numbers, or the last one is cut.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let ranges = text::lines(bytes, "an id map of /proc/PID")?
            .map(|line| range(line).ok_or(LINE))
            .collect::<Result<_, _>>()?;
        Ok(Self { ranges })
    }

    /// The id outside for one inside; `None` if it is not mapped.
    #[must_use]
    pub(crate) fn translate(&self, inside: u32) -> Option<u32> {
        let moved = |range: &IdRange| shift(inside, range.inside, range.outside, range.length);
        self.ranges.iter().find_map(moved)
    }

    /// The id inside for one outside; `None` if it is not mapped.
    #[must_use]
    pub(crate) fn translate_back(&self, outside: u32) -> Option<u32> {
        let moved = |range: &IdRange| shift(outside, range.outside, range.inside, range.length);
        self.ranges.iter().find_map(moved)
    }

    /// Whether every id is itself, as in the initial user namespace.
    #[must_use]
    pub(crate) fn is_identity(&self) -> bool {
        matches!(
            self.ranges.as_slice(),
            [IdRange {
                inside: 0,
                outside: 0,
                length: u32::MAX
            }]
        )
    }
}

fn shift(id: u32, from: u32, to: u32, length: u32) -> Option<u32> {
    let offset = id.checked_sub(from).filter(|offset| *offset < length)?;
    to.checked_add(offset)
}

fn range(line: &[u8]) -> Option<IdRange> {
    let mut words = text::words(line).map(text::decimal);
    let range = IdRange {
        inside: words.next()??,
        outside: words.next()??,
        length: words.next()??,
    };
    words.next().is_none().then_some(range)
}

const LINE: Malformed = Malformed {
    what: "a line of an id map of /proc/PID",
    expected: "three decimal numbers",
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::mutate::{self, BAD_NUMBERS};
    use proptest::prelude::*;

    const INITIAL: &[u8] = b"         0          0 4294967295\n";
    const ROOTLESS: &[u8] = b"         0       1000          1\n         1     100000      65536\n";

    #[test]
    fn rootless_ids_are_somebody_elses_outside() {
        let map = IdMap::parse(ROOTLESS).unwrap();
        assert_eq!(map.translate(0), Some(1000));
        assert_eq!(map.translate(65536), Some(165_535));
        assert_eq!(map.translate(65537), None);
        assert_eq!(map.translate_back(1000), Some(0));
        assert_eq!(map.translate_back(999), None);
        assert!(!map.is_identity());
    }

    #[test]
    fn the_initial_namespace_maps_all_but_the_last() {
        let map = IdMap::parse(INITIAL).unwrap();
        assert!(map.is_identity());
        assert_eq!(map.translate(u32::MAX - 1), Some(u32::MAX - 1));
        assert_eq!(map.translate(u32::MAX), None);
    }

    #[test]
    fn nothing_is_mapped_before_it_is_written() {
        let map = IdMap::parse(b"").unwrap();
        assert_eq!((map.translate(0), map.translate_back(0)), (None, None));
    }

    #[test]
    fn nonsense_is_malformed_and_nothing_overflows() {
        for bad in BAD_NUMBERS {
            assert!(
                IdMap::parse(format!("0 0 {bad}\n").as_bytes()).is_err(),
                "{bad:?}"
            );
        }
        assert!(IdMap::parse(b"0 0 1 1\n").is_err());
        assert!(IdMap::parse(b"0 0 65536").is_err(), "might be cut");
        let map = IdMap::parse(b"0 4294967295 4294967295\n").unwrap();
        assert_eq!(map.translate(1), None);
    }

    #[test]
    fn survives_damage() {
        mutate::survives(ROOTLESS, |bytes| {
            let _ = IdMap::parse(bytes);
        });
    }

    proptest! {
        #[test]
        fn never_panics(bytes in any::<Vec<u8>>(), id: u32) {
            if let Ok(map) = IdMap::parse(&bytes) {
                let _ = (map.translate(id), map.translate_back(id));
            }
        }

        #[test]
        fn back_and_forth_is_the_same(inside: u32, outside: u32, length: u32, id: u32) {
            let map = IdMap { ranges: vec![IdRange { inside, outside, length }] };
            if let Some(there) = map.translate(id) {
                prop_assert_eq!(map.translate_back(there), Some(id));
            }
        }
    }
}
