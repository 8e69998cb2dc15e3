//! Directories of /proc whose entries are numbers: processes, threads, descriptors.

use std::mem::MaybeUninit;
use std::os::fd::AsFd;

use nix::errno::Errno;
use rustix::fs::RawDir;

use super::{attempts, time_box};

/// A page of entries at a time: enough for the descriptors of most processes, and on
/// the stack, so that a walk over thousands of processes allocates nothing for it.
const PAGE: usize = 4096;
/// After so many the time is looked at.
const MANY: usize = 4096;

/// The entries that are numbers, in the directory's order.
///
/// # Errors
/// The errno of getdents64(2).
pub(super) fn numbers(directory: impl AsFd) -> Result<Vec<i32>, Errno> {
    let mut page = [MaybeUninit::uninit(); PAGE];
    let mut entries = RawDir::new(directory.as_fd(), &mut page);
    let mut numbers = Vec::new();
    while let Some(entry) = entries.next() {
        match entry {
            Ok(_) if numbers.len() % MANY == MANY - 1 && time_box::is_over() => {
                return Err(attempts::NO_ANSWER);
            }
            Ok(entry) => {
                let name = entry.file_name().to_str().ok();
                numbers.extend(name.and_then(|name| name.parse::<i32>().ok()));
            }
            Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(Errno::from_raw(errno.raw_os_error())),
        }
    }
    Ok(numbers)
}
