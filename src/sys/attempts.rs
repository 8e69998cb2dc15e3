//! The attempts on files that may never answer, so that a mount with one that is stuck is not tried
//! again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::errno::Errno;

/// What an attempt says that was not made: the file is on a file system that is not read here.
pub(crate) const NOT_TRIED: Errno = Errno::EREMOTE;
/// What an attempt says that did not come back.
pub(crate) const NO_ANSWER: Errno = Errno::ETIMEDOUT;

static TICKETS: AtomicU64 = AtomicU64::new(0);
static UNDER_WAY: Mutex<Vec<Attempt>> = Mutex::new(Vec::new());

/// An attempt that is under way.
#[derive(Debug)]
struct Attempt {
    ticket: u64,
    mount_id: u32,
    /// The process that makes it.
    pid: i32,
    /// The time box that makes it.
    time_box: u64,
    given_up: bool,
}

/// Ends an attempt when it is dropped.
pub(super) struct Ticket(u64);

impl Drop for Ticket {
    fn drop(&mut self) {
        under_way().retain(|attempt| attempt.ticket != self.0);
    }
}

/// Notes that nothing waits any more for what this time box does.
pub(super) fn give_up(time_box: u64) {
    for attempt in under_way().iter_mut() {
        attempt.given_up |= attempt.time_box == time_box;
    }
}

/// Forgets the attempts of a process that has ended.
pub(super) fn forget(pid: i32) {
    under_way().retain(|attempt| attempt.pid != pid);
}

/// Notes an attempt until the ticket is dropped.
///
/// # Errors
/// [`NO_ANSWER`] where an earlier one on the same mount is stuck.
pub(super) fn begin(mount_id: u32, time_box: Option<u64>) -> Result<Ticket, Errno> {
    let mut attempts = under_way();
    let is_stuck = |attempt: &Attempt| attempt.mount_id == mount_id && attempt.given_up;
    if attempts.iter().any(is_stuck) {
        return Err(NO_ANSWER);
    }
    let ticket = TICKETS.fetch_add(1, Ordering::Relaxed);
    attempts.push(Attempt {
        ticket,
        mount_id,
        pid: nix::unistd::getpid().as_raw(),
        time_box: time_box.unwrap_or(u64::MAX),
        given_up: false,
    });
    Ok(Ticket(ticket))
}

fn under_way() -> MutexGuard<'static, Vec<Attempt>> {
    UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner)
}
