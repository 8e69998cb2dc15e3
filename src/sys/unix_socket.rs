//! Sockets in the file system that spyhole listens on.

use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixListener;
use std::path::Path;

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};
use rustix::fs::Mode;
use rustix::process::umask;

/// Binds and listens, for the owner alone (0600). A socket without a listener is
/// replaced; anything else at the path is left alone.
///
/// # Errors
/// `AddrInUse` where something is there, or another error of binding.
pub(crate) fn listen(path: &Path) -> io::Result<UnixListener> {
    if is_left_over(path) {
        remove(path, stamp(path));
    }
    // Between bind(2) and chmod(2) others could connect.
    let before = umask(Mode::RWXG | Mode::RWXO | Mode::XUSR);
    let listener = UnixListener::bind(path);
    umask(before);
    listener
}

/// Tells one socket from another that was bound at the same path later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    device: u64,
    inode: u64,
}

/// The stamp of the socket at a path, links not followed.
#[must_use]
pub(crate) fn stamp(path: &Path) -> Option<Stamp> {
    let found = std::fs::symlink_metadata(path).ok()?;
    found.file_type().is_socket().then(|| Stamp {
        device: found.dev(),
        inode: found.ino(),
    })
}

/// Removes that socket, if it is still the one at the path; an error leaves a file behind and
/// nothing more.
pub(crate) fn remove(path: &Path, own: Option<Stamp>) {
    if own.is_some() && stamp(path) == own {
        let _ = std::fs::remove_file(path);
    }
}

/// Whether a socket without a listener is there.
fn is_left_over(path: &Path) -> bool {
    stamp(path).is_some() && refuses(path).unwrap_or_default()
}

/// Without waiting, which connect(2) would do where the queue of who listens is full.
fn refuses(path: &Path) -> nix::Result<bool> {
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let socket = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    let connected = connect(socket.as_raw_fd(), &UnixAddr::new(path)?);
    Ok(connected == Err(Errno::ECONNREFUSED))
}
