//! One reader for everything: bounded, with the caller's buffer.

use std::os::fd::AsFd;

use nix::errno::Errno;
use rustix::buffer::spare_capacity;

use super::errno::from_rustix;
use super::{attempts, time_box};

/// Whether a read reached the end or was cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Truncation {
    /// All of it was read.
    Whole,
    /// There was more than the bound allows.
    AtLimit,
}

/// How the end of a file shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// A read that returns nothing: true of every file.
    Empty,
    /// A read that returns less than it could: true of the files of /proc that are
    /// one record (`stat`, `status`, `cmdline`), and saves them the second call.
    Short,
}

/// The first read: takes a whole `stat`, `status` or usual `cmdline`.
const FIRST_READ: usize = 4096;

/// Reads a descriptor to its end, at most `limit` bytes, into `buffer`, whose old content goes.
///
/// # Errors
/// The errno of read(2). EINTR is repeated.
pub(crate) fn read_bounded(
    file: impl AsFd,
    limit: usize,
    until: Until,
    buffer: &mut Vec<u8>,
) -> Result<Truncation, Errno> {
    buffer.clear();
    buffer.reserve(FIRST_READ);
    for reads in 0_usize.. {
        // Most files take two.
        if reads >= 4 && time_box::is_over() {
            buffer.clear();
            return Err(attempts::NO_ANSWER);
        }
        if buffer.len() == buffer.capacity() {
            buffer.reserve(buffer.len());
        }
        let asked = buffer.capacity() - buffer.len();
        // Into memory that is not cleared before: most files are far smaller than it.
        match rustix::io::read(&file, spare_capacity(buffer)) {
            // One byte more than the limit tells a longer file from one of just that size.
            Ok(_) if buffer.len() > limit => {
                buffer.truncate(limit);
                return Ok(Truncation::AtLimit);
            }
            Ok(0) => return Ok(Truncation::Whole),
            Ok(got) if until == Until::Short && got < asked => return Ok(Truncation::Whole),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(errno) => {
                buffer.clear();
                return Err(from_rustix(errno));
            }
        }
    }
    Ok(Truncation::AtLimit)
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, Write};

    use super::*;

    fn file_of(size: usize) -> std::fs::File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&vec![b'x'; size]).unwrap();
        file.rewind().unwrap();
        file
    }

    #[test]
    fn reads_whole_files_of_any_size() {
        for size in [0, 1, 4095, 4096, 4097, 100_000] {
            for until in [Until::Empty, Until::Short] {
                let mut buffer = vec![b'o'; 9];
                let cut = read_bounded(file_of(size), 1 << 20, until, &mut buffer).unwrap();
                assert_eq!(
                    (cut, buffer.len()),
                    (Truncation::Whole, size),
                    "{size} {until:?}"
                );
                assert!(buffer.iter().all(|byte| *byte == b'x'));
            }
        }
    }

    #[test]
    fn an_endless_file_is_cut() {
        let endless = std::fs::File::open("/dev/zero").unwrap();
        let mut buffer = Vec::new();
        let cut = read_bounded(&endless, 10_000, Until::Empty, &mut buffer).unwrap();
        assert_eq!((cut, buffer.len()), (Truncation::AtLimit, 10_000));
    }

    #[test]
    fn exactly_the_limit_is_whole() {
        let mut buffer = Vec::new();
        let cut = read_bounded(file_of(10_000), 10_000, Until::Empty, &mut buffer).unwrap();
        assert_eq!((cut, buffer.len()), (Truncation::Whole, 10_000));
    }
}
