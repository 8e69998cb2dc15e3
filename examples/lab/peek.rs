//! Asks the kernel about single paths, so that a test can hold what is
//! known about access to /proc against the kernel it runs on.

use std::fmt::Display;
use std::fs::{File, OpenOptions, read_link};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, openat2};

/// One line a path: `PATH open=ok read=ok openat2=ok readlink=EINVAL`.
pub(crate) fn peek(paths: &[PathBuf]) -> u8 {
    let how = OpenHow::new().flags(OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC);
    for path in paths {
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
            .open(path);
        println!(
            "{} open={} read={} openat2={} readlink={}",
            path.display(),
            said(file.as_ref().map(|_| "ok")),
            file.as_ref()
                .map_or("-".to_owned(), |file| said(read(file))),
            said(
                openat2(AT_FDCWD, path, how)
                    .map(|_| "ok")
                    .map_err(io::Error::from)
            ),
            said(link(path)),
        );
    }
    0
}

fn read(mut file: &File) -> io::Result<&'static str> {
    let mut some = [0_u8; 1];
    file.read(&mut some).map(|_| "ok")
}

fn link(path: &Path) -> io::Result<String> {
    Ok(format!("ok:{}", read_link(path)?.display()))
}

/// The value, or the name of the errno.
fn said<T: Display, E: std::borrow::Borrow<io::Error>>(outcome: Result<T, E>) -> String {
    match outcome {
        Ok(value) => value.to_string(),
        Err(why) => why
            .borrow()
            .raw_os_error()
            .map_or("?".to_owned(), |raw| format!("{:?}", Errno::from_raw(raw))),
    }
}
