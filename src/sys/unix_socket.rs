//! Sockets in the file system that spyhole listens on.

use std::io;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use rustix::fs::Mode;
use rustix::process::umask;

/// Binds and listens, for the owner alone (0600). A socket that nobody listens on any more is
/// replaced; anything else at the path is left alone.
///
/// # Errors
/// `AddrInUse` where something is there, or another error of binding.
pub fn listen(path: &Path) -> io::Result<UnixListener> {
    if is_left_over(path) {
        remove(path);
    }
    // Between bind(2) and chmod(2) others could connect.
    let before = umask(Mode::RWXG | Mode::RWXO | Mode::XUSR);
    let listener = UnixListener::bind(path);
    umask(before);
    listener
}

/// Removes a socket that spyhole made; an error leaves a file behind and nothing more.
pub fn remove(path: &Path) {
    let _ = std::fs::remove_file(path);
}

fn is_left_over(path: &Path) -> bool {
    let is_socket =
        std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket());
    let refused = |error: io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
    is_socket && UnixStream::connect(path).err().is_some_and(refused)
}
