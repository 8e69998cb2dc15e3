//! The open files of a process: `/proc/PID/fd`, counted and read in one pass.

use std::os::fd::AsFd;

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat, readlinkat};
use nix::sys::stat::Mode;

use super::proc_dir::ProcessDir;

/// What came of reading `fd`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FdTable {
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
pub fn fd_links(process: &ProcessDir, mut each: impl FnMut(i32, &[u8])) -> Result<FdTable, Errno> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let links = openat(process.as_fd(), c"fd", flags, Mode::empty())?;
    let mut listing = Dir::from_fd(links.try_clone().map_err(|_| Errno::EMFILE)?)?;
    let mut table = FdTable {
        count: 0,
        refused: None,
    };
    for entry in listing.iter() {
        let entry = entry?;
        let name = entry.file_name();
        let Some(fd) = name.to_str().ok().and_then(|name| name.parse().ok()) else {
            continue;
        };
        table.count += 1;
        if table.refused.is_none() {
            match readlinkat(&links, name) {
                Ok(goal) => each(fd, goal.as_encoded_bytes()),
                Err(Errno::ENOENT) => {}
                Err(errno) => table.refused = Some(errno),
            }
        }
    }
    Ok(table)
}
