//! Randomness from the kernel.

use rustix::io::Errno;
use rustix::rand::{GetRandomFlags, getrandom};

/// An unpredictable key, made anew in each run; by the system call, as a
/// scratch container may have no `/dev/urandom`.
///
/// # Errors
/// The errno of getrandom(2), which no supported kernel gives once it is up.
pub(crate) fn key() -> Result<[u8; 32], Errno> {
    let mut key = [0; 32];
    let mut filled = 0;
    while let Some(rest @ [_, ..]) = key.get_mut(filled..) {
        match getrandom(rest, GetRandomFlags::empty()) {
            Ok(count) => filled += count,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(key)
}

/// Unpredictable numbers, such as the identifiers of questions to a name server.
///
/// # Errors
/// As for [`key`].
pub(crate) fn numbers() -> Result<[u16; 16], Errno> {
    let key = key()?;
    let (pairs, _) = key.as_chunks::<2>();
    let mut numbers = [0; 16];
    for (number, pair) in numbers.iter_mut().zip(pairs) {
        *number = u16::from_ne_bytes(*pair);
    }
    Ok(numbers)
}
