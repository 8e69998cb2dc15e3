//! Runs a scan where it can be left behind: in a process of its own that shares this one's memory.
//!
//! A thread that waits in the kernel for a FUSE server cannot be killed, and a process with such a
//! thread does not end: its descriptors stay open and its parent waits. A *reader process* is not
//! one of spyhole's threads. Where it does not come back, spyhole goes on, and ends, without it.
//!
//! It is made as `posix_spawn(3)` makes one: clone(2) with `CLONE_VM | CLONE_VFORK`. A thread of
//! spyhole, the supervisor, sleeps in that call while its reader runs with the thread's own
//! thread-local storage, and is woken when the reader has ended. So no memory is copied, and an
//! answer is a value that is handed over, not a message that has to be parsed.
//!
//! What the two do not share is the descriptor table. A reader begins by closing its copies of all
//! descriptors that are not for reading only: neither spyhole's pipes and terminal nor a server's
//! sockets stay open because of it. A value that holds a descriptor must therefore never go from
//! one to the other. It is killed when spyhole ends, and no signal but SIGKILL reaches it before.

#![allow(
    unsafe_code,
    reason = "clone(2) with CLONE_VM and a stack has no safe wrapper"
)]

mod stack;

use std::any::Any;
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::os::fd::{FromRawFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::atomic::{AtomicI32, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::attempts;
use super::numbers::numbers;
use stack::{Signals, Stack};

/// The name of a reader process in lists of processes.
pub(crate) const NAME: &[u8] = b"spyhole-reader";
const NAME_WITH_NUL: &std::ffi::CStr = c"spyhole-reader";

/// What a supervisor itself needs.
const SUPERVISOR_STACK_BYTES: usize = 128 << 10;
/// How long a reader that has given its answer may take to end before it counts as stuck.
const ENDING: Duration = Duration::from_secs(1);
/// Readers that may be stuck before no further one is started.
pub(crate) const STUCK: usize = 8;

/// Of the process that starts readers.
static OWN_PID: AtomicI32 = AtomicI32::new(0);
/// Readers that were left behind and have not ended.
static LEFT_BEHIND: AtomicUsize = AtomicUsize::new(0);
/// Processor time of readers that have ended, in nanoseconds.
static ENDED_CPU_NS: AtomicU64 = AtomicU64::new(0);

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    /// It did not come in time.
    Late,
    /// Too many readers are stuck: no further one is started.
    Stuck,
    /// The work panicked, with these words, or its process was killed.
    Lost(String),
}

/// Does the work in a reader process and waits for its value, at most so long.
///
/// Where no reader may be started (spyhole is the first process of its PID namespace, a filter
/// refuses clone(2), no process is left to be had) the work is done in this process.
///
/// # Errors
/// [`NoAnswer`]; the reader is then left behind.
pub(crate) fn call<R: Send + 'static>(
    patience: Duration,
    work: impl FnOnce() -> R + Send + 'static,
) -> Result<R, NoAnswer> {
    if LEFT_BEHIND.load(Ordering::Relaxed) >= STUCK {
        return Err(NoAnswer::Stuck);
    }
    OWN_PID.store(own_pid(), Ordering::Relaxed);
    let deadline = Instant::now() + patience;
    let (tell, told) = sync_channel(1);
    let job = Arc::new(Job {
        work: Mutex::new(Some(Box::new(move || {
            // What the panic hook prints leads nowhere in a reader.
            let _ = tell.send(catch_unwind(AssertUnwindSafe(work)).map_err(|panic| words(&*panic)));
        }))),
        state: AtomicU8::new(AWAITED),
    });
    // Nothing is sent: the supervisor hangs up when its reader has ended.
    let (alive, ended) = sync_channel::<()>(0);
    let supervised = Arc::clone(&job);
    let supervisor = thread::Builder::new()
        .name("supervisor".to_owned())
        .stack_size(SUPERVISOR_STACK_BYTES)
        .spawn(move || {
            supervise(&supervised);
            supervised.note_end();
            drop(alive);
        });
    if supervisor.is_err() {
        job.run();
    }
    let answer = told
        .recv_timeout(deadline.saturating_duration_since(Instant::now()))
        .map_err(|error| match error {
            RecvTimeoutError::Timeout => NoAnswer::Late,
            RecvTimeoutError::Disconnected => NoAnswer::Lost("killed".to_owned()),
        })
        .and_then(|answer| answer.map_err(NoAnswer::Lost));
    let is_late = matches!(answer, Err(NoAnswer::Late));
    let grace = if is_late { Duration::ZERO } else { ENDING };
    if supervisor.is_ok() && ended.recv_timeout(grace) == Err(RecvTimeoutError::Timeout) {
        job.leave_behind();
    }
    answer
}

/// What a panic says.
fn words(panic: &(dyn Any + Send)) -> String {
    let literal = panic
        .downcast_ref::<&str>()
        .map(|words| (*words).to_owned());
    let made = || panic.downcast_ref::<String>().cloned();
    literal
        .or_else(made)
        .unwrap_or_else(|| "panicked".to_owned())
}

/// Whether this code runs in a reader process, and not in spyhole itself.
#[must_use]
pub(crate) fn is_reader() -> bool {
    let own = OWN_PID.load(Ordering::Relaxed);
    own != 0 && own != id()
}

/// The id of spyhole itself, in its own PID namespace, also where a reader asks.
#[must_use]
pub(crate) fn own_pid() -> i32 {
    if is_reader() {
        OWN_PID.load(Ordering::Relaxed)
    } else {
        id()
    }
}

/// How many readers were left behind and have not ended.
#[must_use]
pub(crate) fn left_behind() -> usize {
    LEFT_BEHIND.load(Ordering::Relaxed)
}

/// Processor time of readers that have ended.
#[must_use]
pub(crate) fn ended_cpu() -> Duration {
    Duration::from_nanos(ENDED_CPU_NS.load(Ordering::Relaxed))
}

/// The id of the process that runs this code.
#[must_use]
pub(crate) fn id() -> i32 {
    nix::unistd::getpid().as_raw()
}

/// The work, to be taken once.
struct Job {
    work: Mutex<Option<Box<dyn FnOnce() + Send>>>,
    state: AtomicU8,
}

/// Its reader has not ended, and is waited for.
const AWAITED: u8 = 0;
/// Its reader was left behind.
const LEFT: u8 = 1;
/// Its reader has ended.
const ENDED: u8 = 2;

impl Job {
    /// Counts its reader as stuck until it has ended.
    fn leave_behind(&self) {
        LEFT_BEHIND.fetch_add(1, Ordering::Relaxed);
        let left = self
            .state
            .compare_exchange(AWAITED, LEFT, Ordering::AcqRel, Ordering::Acquire);
        if left.is_err() {
            LEFT_BEHIND.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn note_end(&self) {
        if self.state.swap(ENDED, Ordering::AcqRel) == LEFT {
            LEFT_BEHIND.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn run(&self) {
        let work = self
            .work
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(work) = work {
            work();
        }
    }
}

/// Runs on a thread: starts a reader, sleeps until it has ended, and reaps it.
fn supervise(job: &Arc<Job>) {
    // The first process of a PID namespace cannot end before all others: the kernel makes it wait.
    if own_pid() == 1 || start_and_wait(job).is_err() {
        job.run();
    }
}

/// What a reader is started with.
struct Start {
    job: Arc<Job>,
    parent: i32,
}

fn start_and_wait(job: &Arc<Job>) -> Result<(), Errno> {
    let stack = Stack::map()?;
    let mut start = Start {
        job: Arc::clone(job),
        parent: id(),
    };
    let signals = Signals::block();
    // SAFETY: the stack is mapped, large enough and used by this reader alone until it has ended:
    // with CLONE_VFORK the call returns only then. Until then this thread does not run, so the
    // reader may use its thread-local storage, and `start` stays where it is.
    let pid = unsafe {
        libc::clone(
            read,
            stack.top(),
            libc::CLONE_VM | libc::CLONE_VFORK,
            ptr::from_mut(&mut start).cast(),
        )
    };
    let started = Errno::result(pid);
    drop(signals);
    let pid = started?;
    ENDED_CPU_NS.fetch_add(reap(pid), Ordering::Relaxed);
    attempts::forget(pid);
    Ok(())
}

/// The reader itself.
extern "C" fn read(start: *mut c_void) -> i32 {
    // SAFETY: the supervisor keeps it for as long as this runs.
    let start = unsafe { &*start.cast::<Start>() };
    // SAFETY: both take plain numbers and a string; getppid(2) cannot fail.
    let parent = unsafe {
        libc::prctl(libc::PR_SET_NAME, NAME_WITH_NUL.as_ptr());
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        libc::getppid()
    };
    if parent == start.parent {
        close_what_others_wait_for();
        start.job.run();
    }
    // Threads that are left in their time boxes go on until their system call returns: what they
    // share with spyhole, such as the allocator's lock, they give back before they end.
    // SAFETY: ends this thread alone, without what the C library does at the end of one.
    unsafe {
        libc::syscall(libc::SYS_exit, 0);
        libc::_exit(0)
    }
}

/// Closes copies of descriptors that are not for reading only; stdout and stderr lead nowhere.
fn close_what_others_wait_for() {
    // SAFETY: plain calls on descriptor numbers of this process alone, which has one thread.
    unsafe {
        let nowhere = libc::open(c"/".as_ptr(), libc::O_PATH | libc::O_CLOEXEC);
        let listed = libc::open(
            c"/proc/self/fd".as_ptr(),
            libc::O_RDONLY | libc::O_DIRECTORY | libc::O_CLOEXEC,
        );
        let listed = (listed >= 0)
            .then(|| numbers(OwnedFd::from_raw_fd(listed)))
            .and_then(Result::ok);
        let Some(listed) = listed else {
            libc::syscall(libc::SYS_close_range, 0, u32::MAX, 0);
            return;
        };
        for fd in listed.into_iter().filter(|fd| *fd != nowhere) {
            let flags = libc::fcntl(fd, libc::F_GETFL);
            let reads_only = fd != 1 && fd != 2 && flags & libc::O_ACCMODE == libc::O_RDONLY;
            if flags < 0 || reads_only {
                continue;
            }
            if fd <= 2 && nowhere >= 0 {
                libc::dup2(nowhere, fd);
            } else {
                libc::close(fd);
            }
        }
        libc::close(nowhere);
    }
}

/// Takes an ended reader out of the list of processes; the processor time that it used, in
/// nanoseconds.
fn reap(pid: i32) -> u64 {
    let mut status = 0;
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    loop {
        // SAFETY: both are written whole, or stay as they are.
        let got = unsafe { libc::wait4(pid, &raw mut status, libc::__WALL, usage.as_mut_ptr()) };
        match Errno::result(got) {
            Err(Errno::EINTR) => {}
            Err(_) => return 0,
            Ok(_) => break,
        }
    }
    // SAFETY: zero is a valid value of each field.
    let usage = unsafe { usage.assume_init() };
    let nanoseconds = |time: libc::timeval| {
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        let micros = u64::try_from(time.tv_usec).unwrap_or(0);
        seconds.saturating_mul(1_000_000_000) + micros.saturating_mul(1_000)
    };
    nanoseconds(usage.ru_utime).saturating_add(nanoseconds(usage.ru_stime))
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Read;

    use super::*;

    const LONG: Duration = Duration::from_mins(10);

    #[test]
    fn it_is_another_process_with_the_same_memory() {
        let own = id();
        let words = Arc::new(Mutex::new(vec!["before".to_owned()]));
        let shared = Arc::clone(&words);
        let (reader, spyhole, is_reader, in_proc) = call(LONG, move || {
            shared.lock().unwrap().push("in the reader".to_owned());
            let proc = crate::sys::ProcDir::open("/proc".as_ref()).unwrap();
            (id(), own_pid(), is_reader(), proc.own_pid())
        })
        .unwrap();
        assert_ne!(reader, own);
        assert_eq!((spyhole, is_reader, in_proc), (own, true, Ok(own)));
        assert!(!super::is_reader());
        assert_eq!(*words.lock().unwrap(), ["before", "in the reader"]);
        // It was reaped: nothing of this number is a child any more.
        assert_eq!(
            nix::sys::stat::stat(format!("/proc/{reader}").as_str()).map(drop),
            Err(Errno::ENOENT)
        );
    }

    #[test]
    fn it_holds_no_descriptor_that_others_wait_for() {
        let (reading, writing) = nix::unistd::pipe().unwrap();
        let (tell, told) = sync_channel::<()>(0);
        let (begun, begins) = sync_channel::<()>(0);
        let call = thread::spawn(move || {
            call(LONG, move || {
                begun.send(()).unwrap();
                told.recv().unwrap();
                // The pipe of this test is open in spyhole alone.
                numbers(File::open("/proc/self/fd").unwrap()).unwrap().len()
            })
        });
        begins.recv().unwrap();
        drop(writing);
        let mut rest = Vec::new();
        File::from(reading).read_to_end(&mut rest).unwrap();
        tell.send(()).unwrap();
        assert!(call.join().unwrap().is_ok());
    }

    #[test]
    fn one_that_does_not_come_back_is_left_behind_and_reaped_later() {
        let (tell, told) = sync_channel::<()>(0);
        let late = call(Duration::from_millis(1), move || told.recv().is_ok());
        assert_eq!(late, Err(NoAnswer::Late));
        assert!(left_behind() > 0);
        tell.send(()).unwrap();
        let until = Instant::now() + LONG;
        while left_behind() > 0 && Instant::now() < until {
            thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(left_behind(), 0);
    }

    #[test]
    fn one_that_panics_is_lost_and_costs_nobody_else() {
        let lost = Err::<(), _>(NoAnswer::Lost("on purpose".to_owned()));
        assert_eq!(call(LONG, || panic!("on purpose")), lost);
        assert_eq!(call(LONG, || 7), Ok(7));
    }
}
