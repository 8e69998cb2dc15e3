//! Directories of /proc whose entries are numbers: processes, threads, descriptors.

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::AsFd;

use nix::errno::Errno;
use rustix::fs::RawDir;

use super::errno::from_rustix;
use super::{attempts, time_box};

/// A page of entries at a time: enough for the descriptors of most processes, and on
/// the stack, so that a walk over thousands of processes allocates nothing for it.
pub(super) const PAGE: usize = 4096;
/// The kernel makes no longer link than this: it has a page for it.
pub(super) const LONGEST_LINK: usize = 4096;
/// The deadline is checked after this many entries.
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
            Ok(entry) => numbers.extend(number(entry.file_name())),
            Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(from_rustix(errno)),
        }
    }
    Ok(numbers)
}

/// A name that is a number as the kernel writes it.
pub(super) fn number(name: &CStr) -> Option<i32> {
    let digits = name.to_bytes();
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_i32, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| i32::from(digit - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}
