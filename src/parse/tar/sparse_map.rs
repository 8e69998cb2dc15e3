//! The map that the content of a sparse file begins with: reads and writes it.

use super::pax_records::decimal;
use super::{BLOCK, padding};
use crate::parse::Malformed;

pub(super) const BAD_MAP: Malformed = Malformed {
    what: "the map of a sparse file in the archive",
    expected: "at most 65536 ranges in their order",
};

/// A part of a sparse file that is no hole: where it begins, and its length in bytes.
pub(crate) type DataRange = (u64, u64);

/// The map of a sparse file, padded: what its content begins with.
pub(crate) fn encode_sparse_map(ranges: &[DataRange]) -> Vec<u8> {
    let mut map = format!("{}\n", ranges.len()).into_bytes();
    for (offset, length) in ranges {
        map.extend_from_slice(format!("{offset}\n{length}\n").as_bytes());
    }
    map.resize(map.len() + padding(map.len() as u64), 0);
    map
}

/// Numbers of a sparse map, one a line, as its blocks come.
#[derive(Debug, Default)]
pub(crate) struct SparseMap {
    numbers: Vec<u64>,
    digits: Vec<u8>,
}

impl SparseMap {
    /// The most ranges that are taken: their numbers are held.
    pub(crate) const RANGES: usize = 1 << 16;

    /// Takes one more block; the ranges once they are complete, in their order and not overlapping.
    ///
    /// # Errors
    /// [`Malformed`]; also where there are too many ranges.
    pub(crate) fn take(
        &mut self,
        block: &[u8; BLOCK],
    ) -> Result<Option<Vec<DataRange>>, Malformed> {
        for byte in block {
            if *byte != b'\n' {
                self.digits.push(*byte);
                if self.digits.len() > 20 {
                    return Err(BAD_MAP);
                }
                continue;
            }
            self.numbers.push(decimal(&self.digits).ok_or(BAD_MAP)?);
            self.digits.clear();
            let (count, rest) = self.numbers.split_first().ok_or(BAD_MAP)?;
            let count = usize::try_from(*count).map_err(|_| BAD_MAP)?;
            if count > Self::RANGES {
                return Err(BAD_MAP);
            }
            if rest.len() == 2 * count {
                return ordered(rest).map(Some);
            }
        }
        Ok(None)
    }
}

fn ordered(numbers: &[u64]) -> Result<Vec<DataRange>, Malformed> {
    let (pairs, _) = numbers.as_chunks::<2>();
    let mut end = 0;
    let mut ranges = Vec::with_capacity(pairs.len());
    for [offset, length] in pairs {
        if *offset < end {
            return Err(BAD_MAP);
        }
        end = offset.checked_add(*length).ok_or(BAD_MAP)?;
        ranges.push((*offset, *length));
    }
    Ok(ranges)
}
