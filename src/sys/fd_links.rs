//! The open files of a process: `/proc/PID/fd`, counted and read in one pass.

use std::fmt::Write as _;

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat, readlinkat};
use nix::sys::stat::Mode;

use super::numbers::numbers;
use super::proc_dir::ProcessDir;
use super::{attempts, time_box};

/// Only so many links may take longer than the time that there is.
const MANY: u64 = 1024;

/// What came of reading `fd`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FdTable {
    /// How many are open.
    pub count: u64,
    /// Why a link could not be read; those that were closed meanwhile do not count.
    pub refused: Option<Errno>,
}

/// Hands over each descriptor's number with where it leads, such as `socket:[549]`.
/// After the first that is refused the others are only counted.
///
/// # Errors
/// The errno of opening or reading the directory.
pub(crate) fn fd_links(
    process: &ProcessDir,
    mut each: impl FnMut(i32, &[u8]),
) -> Result<FdTable, Errno> {
    let flags = OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let links = process.noted(openat(process, c"fd", flags, Mode::empty()))?;
    let numbers = numbers(&links)?;
    let mut table = FdTable {
        count: numbers.len() as u64,
        refused: None,
    };
    let mut name = String::new();
    for fd in numbers {
        if table.count > MANY && time_box::is_over() {
            table.refused = Some(attempts::NO_ANSWER);
            break;
        }
        name.clear();
        // Writing into a String cannot fail.
        let _ = write!(name, "{fd}");
        match readlinkat(&links, name.as_str()) {
            Ok(goal) => each(fd, goal.as_encoded_bytes()),
            Err(Errno::ENOENT) => {}
            Err(errno) => {
                table.refused = Some(errno);
                break;
            }
        }
    }
    Ok(table)
}
