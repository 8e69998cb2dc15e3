//! The floor: the least that a program can do which shows every process as `ps aux` does. It
//! opens, reads once and closes stat, cmdline and status of each, and makes nothing of them.
//! What spyhole needs beyond this is its own; what it needs up to this is the kernel's.
//!
//! Plain libc calls with one fixed buffer, paths relative to one descriptor of /proc (measured:
//! the cheapest form, a descriptor per process costs more than it saves), no allocation in the
//! loop. It is the harness's own binary run again rather than a target of its own: the start of
//! it is under one thousandth of the walk, and its peak RSS, which is judged nowhere, is shown.

#![allow(unsafe_code, reason = "std would put its own costs beneath the floor")]

use std::ffi::{CStr, OsStr, OsString, c_char};
use std::process::ExitCode;

/// What is read of each process.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Floor {
    /// `stat`, `cmdline` and `status`.
    Files,
    /// The links in `fd`.
    Descriptors,
}

/// The floor that a word of the command line names.
pub(crate) fn named(word: &OsStr) -> Option<Floor> {
    match word.to_str()? {
        "floor" => Some(Floor::Files),
        "fd-floor" => Some(Floor::Descriptors),
        _ => None,
    }
}

/// Walks /proc once, and prints how many processes it read. Fewer than `at_least` is a failure:
/// a floor that did not do the work would be too low.
pub(crate) fn run(floor: Floor, at_least: Option<OsString>) -> ExitCode {
    let at_least = at_least
        .and_then(|word| word.to_str()?.parse().ok())
        .unwrap_or(0);
    let seen = walk(floor);
    println!("{seen}");
    if seen < at_least {
        eprintln!("read {seen} of {at_least} processes");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn walk(floor: Floor) -> usize {
    let mut seen = 0;
    // SAFETY: a valid C string; a null result is handled.
    let list = unsafe { libc::opendir(c"/proc".as_ptr()) };
    if list.is_null() {
        return 0;
    }
    // SAFETY: `list` is an open directory stream.
    let proc = unsafe { libc::dirfd(list) };
    let mut buffer = [0_u8; 4096];
    loop {
        // SAFETY: `list` is an open directory stream that only this thread uses.
        let entry = unsafe { libc::readdir64(list) };
        if entry.is_null() {
            break;
        }
        // SAFETY: the kernel's entry is valid until the next readdir64, its name ends with NUL.
        let name =
            unsafe { CStr::from_ptr((&raw const (*entry).d_name).cast::<c_char>()) }.to_bytes();
        if !name.first().is_some_and(u8::is_ascii_digit) {
            continue;
        }
        let read = match floor {
            Floor::Files => [&b"/stat\0"[..], b"/cmdline\0", b"/status\0"]
                .into_iter()
                .all(|file| read_once(proc, name, file, &mut buffer)),
            Floor::Descriptors => read_links(proc, name, &mut buffer),
        };
        seen += usize::from(read);
    }
    // SAFETY: opened above and not used any more.
    unsafe { libc::closedir(list) };
    seen
}

/// Lists `fd` and reads each link in it; a thread of the kernel has none.
fn read_links(proc: i32, pid: &[u8], buffer: &mut [u8; 4096]) -> bool {
    let mut path = [0_u8; 32];
    for (to, from) in path.iter_mut().zip(pid.iter().chain(b"/fd\0")) {
        *to = *from;
    }
    // SAFETY: `path` ends with NUL, the stream owns the descriptor and is closed exactly once;
    // names of entries end with NUL and are valid until the next readdir64; the buffer is writable
    // for the length given.
    unsafe {
        let flags = libc::O_RDONLY | libc::O_DIRECTORY | libc::O_CLOEXEC;
        let fd = libc::openat(proc, path.as_ptr().cast(), flags);
        if fd < 0 {
            return false;
        }
        let list = libc::fdopendir(fd);
        if list.is_null() {
            libc::close(fd);
            return false;
        }
        loop {
            let entry = libc::readdir64(list);
            if entry.is_null() {
                break;
            }
            let name = (&raw const (*entry).d_name).cast::<c_char>();
            if (*name).cast_unsigned().is_ascii_digit() {
                libc::readlinkat(fd, name, buffer.as_mut_ptr().cast(), buffer.len());
            }
        }
        libc::closedir(list);
        true
    }
}

/// `file` starts with the slash and ends with NUL.
fn read_once(proc: i32, pid: &[u8], file: &[u8], buffer: &mut [u8; 4096]) -> bool {
    let mut path = [0_u8; 32];
    for (to, from) in path.iter_mut().zip(pid.iter().chain(file)) {
        *to = *from;
    }
    // SAFETY: `path` ends with NUL: a PID has at most 7 digits and `file` at most 9 bytes. The
    // buffer is writable for the length given, and the descriptor is closed exactly once.
    unsafe {
        let fd = libc::openat(proc, path.as_ptr().cast(), libc::O_RDONLY | libc::O_CLOEXEC);
        if fd < 0 {
            return false;
        }
        let length = libc::read(fd, buffer.as_mut_ptr().cast(), buffer.len());
        libc::close(fd);
        length >= 0
    }
}
