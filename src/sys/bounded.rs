//! One reader for everything: bounded, with the caller's buffer.

use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;

/// Whether a read reached the end or was cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// All of it was read.
    Whole,
    /// There was more than the bound allows.
    AtLimit,
}

/// How the end of a file shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
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
pub fn read_bounded(
    file: impl AsFd,
    limit: usize,
    until: Until,
    buffer: &mut Vec<u8>,
) -> Result<Cut, Errno> {
    let file = file.as_fd();
    let mut filled = 0;
    buffer.clear();
    loop {
        if filled == buffer.len() {
            if filled == limit {
                return at_limit(file);
            }
            buffer.resize((filled * 2).max(FIRST_READ).min(limit), 0);
        }
        let room = buffer.get_mut(filled..).unwrap_or_default();
        let asked = room.len();
        match nix::unistd::read(file, room) {
            Ok(got) => {
                filled += got;
                if got == 0 || (until == Until::Short && got < asked) {
                    buffer.truncate(filled);
                    return Ok(Cut::Whole);
                }
            }
            Err(Errno::EINTR) => {}
            Err(errno) => {
                buffer.clear();
                return Err(errno);
            }
        }
    }
}

/// Asks whether anything follows the last byte that was allowed.
fn at_limit(file: BorrowedFd<'_>) -> Result<Cut, Errno> {
    loop {
        match nix::unistd::read(file, &mut [0_u8]) {
            Ok(0) => return Ok(Cut::Whole),
            Ok(_) => return Ok(Cut::AtLimit),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
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
                assert_eq!((cut, buffer.len()), (Cut::Whole, size), "{size} {until:?}");
                assert!(buffer.iter().all(|byte| *byte == b'x'));
            }
        }
    }

    #[test]
    fn an_endless_file_is_cut() {
        let endless = std::fs::File::open("/dev/zero").unwrap();
        let mut buffer = Vec::new();
        let cut = read_bounded(&endless, 10_000, Until::Empty, &mut buffer).unwrap();
        assert_eq!((cut, buffer.len()), (Cut::AtLimit, 10_000));
    }

    #[test]
    fn exactly_the_limit_is_whole() {
        let mut buffer = Vec::new();
        let cut = read_bounded(file_of(10_000), 10_000, Until::Empty, &mut buffer).unwrap();
        assert_eq!((cut, buffer.len()), (Cut::Whole, 10_000));
    }
}
