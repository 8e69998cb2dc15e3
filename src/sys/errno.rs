//! The errors of other crates as nix names them.

use std::io;

use nix::errno::Errno;

/// Of a call by rustix.
pub(super) fn from_rustix(errno: rustix::io::Errno) -> Errno {
    Errno::from_raw(errno.raw_os_error())
}

/// Of a call by std; EIO where it is no error of the system.
pub(super) fn from_io(error: &io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}
