//! Work in a copy of this process: fork(2) without exec. What it does to its memory, how it ends and
//! which signal ends it leave this process as it is.
//!
//! Only a process with one thread may start such a copy, for locks that another thread holds would
//! never be given back in it.

#![allow(
    unsafe_code,
    reason = "fork(2) and waitpid(2) have no safe wrapper in what is linked here"
)]

use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use rustix::process::{Signal, set_parent_process_death_signal};

use super::console;
use super::errno::from_io;

/// The exit code of a copy that panicked, as Rust has it.
const PANICKED: u8 = 101;
/// What a signal adds to its number as an exit code.
const BY_SIGNAL: u8 = 128;
/// How often is looked whether a signal asks to end.
const SLICE: Duration = Duration::from_secs(1);

/// The descriptors of a copy.
#[derive(Debug, Default)]
pub(crate) struct ForkedFiles {
    pub(crate) stdin: Option<OwnedFd>,
    pub(crate) stdout: Option<OwnedFd>,
    /// Whether stderr leads nowhere.
    pub(crate) silent: bool,
}

/// Copies that work together, and are waited for together.
#[derive(Debug)]
pub(crate) struct ForkedJob {
    pids: Vec<i32>,
    /// Ends when all of them have.
    alive: OwnedFd,
    /// Held by each of them.
    held: Option<OwnedFd>,
}

/// How the last of them ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JobEnd {
    /// With this code; 128 and more: by a signal.
    Code(u8),
    /// It took too long, and was ended.
    TimedOut,
}

impl ForkedJob {
    /// None yet.
    ///
    /// # Errors
    /// The errno of pipe(2).
    pub(crate) fn new() -> Result<Self, Errno> {
        let (alive, held) = new_pipe()?;
        Ok(Self {
            pids: Vec::new(),
            alive,
            held: Some(held),
        })
    }

    /// Starts one: it ends with the code that the work returns. `kept` are this process's own
    /// descriptors that it must not hold.
    ///
    /// # Errors
    /// The errno of fork(2), such as EAGAIN at a limit of processes.
    pub(crate) fn start(
        &mut self,
        files: ForkedFiles,
        kept: &[&OwnedFd],
        work: impl FnOnce() -> u8,
    ) -> Result<(), Errno> {
        let _ = std::io::stdout().flush();
        // SAFETY: this process has one thread, so no lock is held by another one.
        let pid = Errno::result(unsafe { libc::fork() })?;
        if pid != 0 {
            drop(files);
            self.pids.push(pid);
            return Ok(());
        }
        for fd in kept {
            // SAFETY: the copy's own descriptor, which nothing in it uses any more.
            unsafe { libc::close(fd.as_raw_fd()) };
        }
        let code = catch_unwind(AssertUnwindSafe(|| {
            become_child(&files);
            work()
        }));
        let _ = std::io::stdout().flush();
        std::process::exit(code.unwrap_or(PANICKED).into());
    }

    /// Waits until all have ended, or `is_late`, asked now and then, says that it took too long.
    /// A signal that asks this process to end also ends them.
    #[must_use]
    pub(crate) fn wait(mut self, mut is_late: impl FnMut() -> bool) -> JobEnd {
        self.held = None;
        let mut was_late = false;
        let mut is_asked = false;
        loop {
            if console::wait_for(self.alive.as_fd(), SLICE) == Ok(true) {
                break;
            }
            if console::ending().is_some() && !is_asked {
                is_asked = true;
                self.signal(libc::SIGTERM);
            } else if was_late || is_asked {
                self.signal(libc::SIGKILL);
            } else if is_late() {
                was_late = true;
                self.signal(libc::SIGTERM);
            }
        }
        let codes: Vec<u8> = self.pids.iter().map(|pid| reap(*pid)).collect();
        self.pids.clear();
        if was_late {
            return JobEnd::TimedOut;
        }
        JobEnd::Code(codes.last().copied().unwrap_or(0))
    }

    fn signal(&self, signal: i32) {
        for pid in &self.pids {
            // SAFETY: plain numbers; none of them is reaped yet.
            unsafe { libc::kill(*pid, signal) };
        }
    }
}

/// What the work writes to stdout, its first `limit` bytes; `None` where it did not end in time.
#[must_use]
pub(crate) fn capture(
    limit: usize,
    patience: Duration,
    silent: bool,
    work: impl FnOnce() -> u8,
) -> Option<(Vec<u8>, u8)> {
    let (reading, writing) = new_pipe().ok()?;
    let mut job = ForkedJob::new().ok()?;
    let files = ForkedFiles {
        stdout: Some(writing),
        silent,
        ..ForkedFiles::default()
    };
    job.start(files, &[&reading], work).ok()?;
    let until = Instant::now() + patience;
    let mut text = Vec::new();
    let mut piece = vec![0; 64 << 10];
    let mut file = std::fs::File::from(reading);
    while text.len() < limit {
        let left = until.saturating_duration_since(Instant::now());
        match console::wait_for(file.as_fd(), left) {
            Ok(true) => {}
            Err(rustix::io::Errno::INTR) if console::ending().is_none() => continue,
            Ok(false) | Err(_) => break,
        }
        match file.read(&mut piece) {
            Ok(read @ 1..) => text.extend_from_slice(piece.get(..read).unwrap_or_default()),
            _ => break,
        }
    }
    drop(file);
    text.truncate(limit);
    match job.wait(|| Instant::now() >= until) {
        JobEnd::Code(code) => Some((text, code)),
        JobEnd::TimedOut => None,
    }
}

/// Both ends of a pipe: to read from, to write to.
///
/// # Errors
/// The errno of pipe(2).
pub(crate) fn new_pipe() -> Result<(OwnedFd, OwnedFd), Errno> {
    let (reading, writing) = std::io::pipe().map_err(|error| from_io(&error))?;
    Ok((reading.into(), writing.into()))
}

fn become_child(files: &ForkedFiles) {
    console::reset_signals();
    let _ = set_parent_process_death_signal(Some(Signal::TERM));
    // SAFETY: plain calls on descriptors of this process, which has one thread.
    unsafe {
        if let Some(stdin) = &files.stdin {
            libc::dup2(stdin.as_raw_fd(), libc::STDIN_FILENO);
            libc::close(stdin.as_raw_fd());
        }
        if let Some(stdout) = &files.stdout {
            libc::dup2(stdout.as_raw_fd(), libc::STDOUT_FILENO);
            libc::close(stdout.as_raw_fd());
        }
        if files.silent {
            // Without /dev/null: what is written there is lost with an error.
            let nowhere = libc::open(c"/".as_ptr(), libc::O_PATH | libc::O_CLOEXEC);
            libc::dup2(nowhere, libc::STDERR_FILENO);
        }
    }
}

fn reap(pid: i32) -> u8 {
    let mut status = 0;
    loop {
        // SAFETY: the status is written, or stays as it is.
        let got = unsafe { libc::waitpid(pid, &raw mut status, 0) };
        match Errno::result(got) {
            Err(Errno::EINTR) => {}
            Err(_) => return 0,
            Ok(_) => break,
        }
    }
    let number = if libc::WIFEXITED(status) {
        return u8::try_from(libc::WEXITSTATUS(status)).unwrap_or(u8::MAX);
    } else {
        libc::WTERMSIG(status)
    };
    BY_SIGNAL.saturating_add(u8::try_from(number).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::panic::resume_unwind;

    use super::*;

    const LONG: Duration = Duration::from_mins(10);

    #[test]
    fn a_panic_ends_the_copy_alone() {
        // Without the hook, which takes locks that another thread of these tests may hold.
        let panics = capture(1, LONG, true, || resume_unwind(Box::new(())));
        assert_eq!(panics, Some((Vec::new(), PANICKED)));
    }

    #[test]
    fn a_copy_is_captured_up_to_a_limit_and_not_longer_than_a_time() {
        let say = |text: &'static [u8], code| {
            let write = move || {
                // SAFETY: the bytes live for ever.
                unsafe { libc::write(libc::STDOUT_FILENO, text.as_ptr().cast(), text.len()) };
                code
            };
            capture(3, LONG, true, write)
        };
        assert_eq!(say(b"ab", 7), Some((b"ab".to_vec(), 7)));
        assert_eq!(
            say(b"abcdef", 0).map(|(text, _)| text),
            Some(b"abc".to_vec())
        );
        let stuck = capture(3, Duration::from_millis(10), true, || {
            loop {
                // SAFETY: waits for a signal.
                unsafe { libc::pause() };
            }
        });
        assert_eq!(stuck, None);
    }
}
