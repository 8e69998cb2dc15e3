//! The open files of a process: `/proc/PID/fd`, counted and read in one pass.

use std::ffi::CStr;
use std::mem::MaybeUninit;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use rustix::fs::{RawDir, readlinkat_raw};

use super::errno::from_rustix;
use super::numbers::{LONGEST_LINK, PAGE, number};
use super::proc_dir::ProcessDir;
use super::{attempts, time_box};

/// The deadline is checked from this many links on.
pub(super) const MANY: u64 = 1024;

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
    each: impl FnMut(i32, &[u8]),
) -> Result<FdTable, Errno> {
    links_in(process, c"fd", each)
}

/// The same of a thread (`task/7/fd`).
///
/// # Errors
/// The errno of opening or reading the directory.
pub(super) fn links_in(
    process: &ProcessDir,
    directory: &CStr,
    mut each: impl FnMut(i32, &[u8]),
) -> Result<FdTable, Errno> {
    let flags = OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let links = process.open_entry(directory, flags)?;
    let mut page = [MaybeUninit::uninit(); PAGE];
    let mut goal = [MaybeUninit::uninit(); LONGEST_LINK];
    let mut entries = RawDir::new(&links, &mut page);
    let mut table = FdTable {
        count: 0,
        refused: None,
    };
    // On the stack throughout: a walk over thousands of processes allocates nothing for it.
    while let Some(entry) = entries.next() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(rustix::io::Errno::INTR) => continue,
            Err(errno) => return process.noted(Err(from_rustix(errno))),
        };
        let Some(fd) = number(entry.file_name()) else {
            continue;
        };
        table.count += 1;
        if table.refused.is_some() {
            continue;
        }
        if table.count > MANY && time_box::is_over() {
            table.refused = Some(attempts::NO_ANSWER);
            continue;
        }
        match readlinkat_raw(&links, entry.file_name(), &mut goal) {
            Ok((goal, _)) => each(fd, goal),
            Err(rustix::io::Errno::NOENT) => {}
            Err(errno) => table.refused = Some(from_rustix(errno)),
        }
    }
    Ok(table)
}
