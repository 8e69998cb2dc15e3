//! The terminal that stdout may be, and who started this process.

use std::fs::File;
use std::io::{Read, stdout};
use std::os::fd::AsFd;
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, getpid, getppid, getsid};
use rustix::termios::tcgetwinsize;

/// `comm` has at most 15 bytes and a line end.
const COMM_LIMIT: u64 = 64;

/// How often the size is asked for while it is waited for.
const EVERY: Duration = Duration::from_millis(10);

/// Whether stdout is a terminal whose size is not set: none of its rows, none of its columns.
#[must_use]
pub(crate) fn has_no_size() -> bool {
    tcgetwinsize(stdout()).is_ok_and(|size| size.ws_row == 0 && size.ws_col == 0)
}

/// Waits until the terminal has a size, or for so long. The size is asked for: SIGWINCH comes with
/// each change of it, and waiting for a signal would take it from every thread first.
pub(crate) fn wait_for_size(at_most: Duration) {
    let until = Instant::now() + at_most;
    while has_no_size() && Instant::now() < until {
        thread::sleep(EVERY);
    }
}

/// Whether nothing reads any more what is written there: the other end of the pipe is closed.
#[must_use]
pub(crate) fn is_hung_up(output: &impl AsFd) -> bool {
    let mut asked = [PollFd::new(output, PollFlags::empty())];
    let answered = poll(&mut asked, Some(&Timespec::default()));
    answered.is_ok_and(|count| count > 0)
        && asked
            .iter()
            .any(|fd| fd.revents().intersects(PollFlags::ERR | PollFlags::HUP))
}

/// Whether the parent is outside of this PID namespace, as that of a container's first process is.
#[must_use]
pub(crate) fn parent_is_outside() -> bool {
    getppid().is_none()
}

/// The name of the parent (`comm`), where this process leads a session: so a runtime starts the
/// first process of a container that shares the PID namespace of the machine.
#[must_use]
pub(crate) fn parent_of_session_leader() -> Option<Vec<u8>> {
    let leads = getsid(None) == Ok(getpid());
    let parent = getppid().filter(|_| leads)?;
    comm(parent)
}

fn comm(process: Pid) -> Option<Vec<u8>> {
    let path = format!("/proc/{}/comm", process.as_raw_nonzero());
    let mut name = Vec::new();
    let file = File::open(path).ok()?;
    file.take(COMM_LIMIT).read_to_end(&mut name).ok()?;
    Some(name.trim_ascii_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_has_its_parent_in_sight() {
        assert!(!parent_is_outside());
        let parent = getppid().unwrap();
        assert!(!comm(parent).unwrap().is_empty());
    }
}
