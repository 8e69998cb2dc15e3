//! One child process, and being a good parent to it: signals are passed on, orphans are reaped.
//!
//! Every signal is blocked in the parent and taken out of the queue one by one, as tini does:
//! so it needs no handler, none can end it, and as PID 1 it gets those that it has no handler
//! for. The child starts with the mask and the dispositions that the parent was started with.

#![allow(
    unsafe_code,
    reason = "posix_spawn(3), rt_sigtimedwait(2) with all 64 signals, and waitid(2) with usage have no safe wrapper"
)]

use std::ffi::{CStr, CString};
use std::mem::MaybeUninit;
use std::ptr;
use std::time::Duration;

use nix::errno::Errno;
use rustix::process::set_child_subreaper;

/// How long nothing must happen before it counts as running.
const SETTLING: Duration = Duration::from_secs(1);
/// Bytes of the kernel's signal mask, which is not that of the C library.
const MASK_BYTES: usize = 8;
/// Signals that the kernel itself sends to the whole foreground group of a terminal, which the
/// child is in as well.
const OF_TERMINAL: [i32; 6] = [
    libc::SIGINT,
    libc::SIGQUIT,
    libc::SIGTSTP,
    libc::SIGTTIN,
    libc::SIGTTOU,
    libc::SIGWINCH,
];
/// `si_code` of what the kernel sends.
const SI_KERNEL: i32 = 0x80;

unsafe extern "C" {
    /// The environment as it came: handed on without a copy.
    static environ: *const *mut libc::c_char;
}

/// This process as a parent: its signals are blocked.
#[derive(Debug)]
pub(crate) struct Parent {
    /// The mask that it was started with.
    mask: u64,
    first: bool,
}

/// A child that was started.
#[derive(Debug)]
pub(crate) struct Child {
    pid: i32,
    first: bool,
}

/// How a child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// By itself, with this code.
    Exited(u8),
    /// By this signal.
    Signaled {
        /// Its number.
        signal: u8,
        /// Whether the kernel says that it dumped core.
        core_dumped: bool,
    },
}

/// What a child and the children that it waited for have used, as getrusage(2) tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Usage {
    /// Processor time in its own code.
    pub user: Duration,
    /// Processor time in the kernel.
    pub system: Duration,
    /// The most memory that one of them had in RAM. The kernel counts from the fork on, so it
    /// is never less than what the parent had then.
    pub max_rss_bytes: u64,
    /// Page faults that waited for a disk.
    pub major_faults: u64,
    /// Page faults that did not.
    pub minor_faults: u64,
}

impl Parent {
    /// Blocks every signal, and becomes the subreaper of orphaned descendants.
    #[must_use]
    pub(crate) fn begin() -> Self {
        // An ignored SIGCHLD would have the kernel reap the child behind our back.
        // SAFETY: no handler is installed.
        unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
        let first = std::process::id() == 1;
        if !first {
            // Without it orphans fall to someone else, as they would have without spyhole.
            let _ = set_child_subreaper(rustix::process::Pid::from_raw(1));
        }
        Self {
            mask: set_mask(u64::MAX),
            first,
        }
    }

    /// Starts a program: `path` is where it is, the first of `words` what it is called.
    ///
    /// It has all descriptors of this process, its group and its terminal.
    ///
    /// # Errors
    /// The errno of fork(2) or of execve(2); no process is left then.
    pub(crate) fn start(&self, path: &CStr, words: &[CString]) -> Result<Child, Errno> {
        let mut argv: Vec<*mut libc::c_char> =
            words.iter().map(|word| word.as_ptr().cast_mut()).collect();
        argv.push(ptr::null_mut());
        let mut attributes = MaybeUninit::<libc::posix_spawnattr_t>::uninit();
        let mut pid = 0;
        // SAFETY: the attributes are initialized before they are used and destroyed after;
        // `argv` ends in a null and points to strings that outlive the call; the environment
        // is not changed by anyone: there is one thread.
        let errno = unsafe {
            let made = libc::posix_spawnattr_init(attributes.as_mut_ptr());
            if made != 0 {
                return Err(Errno::from_raw(made));
            }
            let attributes = attributes.assume_init_mut();
            let flags = libc::POSIX_SPAWN_SETSIGMASK | libc::POSIX_SPAWN_SETSIGDEF;
            // The flags are small constants.
            libc::posix_spawnattr_setflags(attributes, flags.try_into().unwrap_or(0));
            libc::posix_spawnattr_setsigmask(attributes, &raw const *set_of(self.mask).as_ptr());
            // Rust's start-up ignores SIGPIPE.
            let of_rust = set_of(1 << (libc::SIGPIPE - 1));
            libc::posix_spawnattr_setsigdefault(attributes, &raw const *of_rust.as_ptr());
            let errno = libc::posix_spawn(
                &raw mut pid,
                path.as_ptr(),
                ptr::null(),
                attributes,
                argv.as_ptr(),
                environ,
            );
            libc::posix_spawnattr_destroy(attributes);
            errno
        };
        match errno {
            0 => Ok(Child {
                pid,
                first: self.first,
            }),
            errno => Err(Errno::from_raw(errno)),
        }
    }
}

impl Child {
    /// Its id.
    #[must_use]
    pub(crate) fn pid(&self) -> i32 {
        self.pid
    }

    /// Waits until it has ended, and leaves it as a zombie. Meanwhile every signal is passed
    /// on, `passed` told of each, and orphans are reaped. `settled` is called once it has run for a
    /// second without any.
    ///
    /// # Errors
    /// The errno of waiting, which then never works.
    pub(crate) fn wait(
        &self,
        settled: impl FnOnce(),
        mut passed: impl FnMut(u8),
    ) -> Result<Ended, Errno> {
        let mut settled = Some(settled);
        loop {
            let patience = settled.as_ref().map(|_| SETTLING);
            let Some(signal) = next_signal(patience)? else {
                if let Some(settled) = settled.take() {
                    settled();
                }
                continue;
            };
            if signal.si_signo == libc::SIGCHLD {
                if let Some(ended) = self.reap_others()? {
                    return Ok(ended);
                }
                self.stop_with_it();
            } else if !(signal.si_code == SI_KERNEL && OF_TERMINAL.contains(&signal.si_signo)) {
                self.pass_on(&signal);
                passed(u8::try_from(signal.si_signo).unwrap_or(0));
            }
        }
    }

    /// What it has used, once it has ended. It stays a zombie.
    ///
    /// # Errors
    /// The errno of waitid(2).
    pub(crate) fn usage(&self) -> Result<Usage, Errno> {
        let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
        let mut usage = MaybeUninit::<libc::rusage>::zeroed();
        // SAFETY: the kernel's call takes one more argument than the C library's; both are
        // written whole, or stay zero.
        let usage = unsafe {
            Errno::result(libc::syscall(
                libc::SYS_waitid,
                libc::P_PID,
                self.pid,
                info.as_mut_ptr(),
                libc::WEXITED | libc::WNOHANG | libc::WNOWAIT,
                usage.as_mut_ptr(),
            ))?;
            usage.assume_init()
        };
        let count = |number: libc::c_long| u64::try_from(number).unwrap_or(0);
        Ok(Usage {
            user: duration(usage.ru_utime),
            system: duration(usage.ru_stime),
            max_rss_bytes: count(usage.ru_maxrss).saturating_mul(1024),
            major_faults: count(usage.ru_majflt),
            minor_faults: count(usage.ru_minflt),
        })
    }

    /// Lets go of it, once it has ended.
    ///
    /// # Errors
    /// The errno of waitid(2).
    pub(crate) fn reap(self) -> Result<(), Errno> {
        wait_for(libc::P_PID, self.pid.unsigned_abs(), libc::WEXITED).map(drop)
    }

    /// Reaps every ended process but the child itself; how that ended, once it has.
    fn reap_others(&self) -> Result<Option<Ended>, Errno> {
        loop {
            let flags = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
            let Some(found) = wait_for(libc::P_ALL, 0, flags)? else {
                return Ok(None);
            };
            if found.pid == self.pid {
                return Ok(Some(found.ended()));
            }
            let id = found.pid.unsigned_abs();
            wait_for(libc::P_PID, id, libc::WEXITED | libc::WNOHANG)?;
        }
    }

    /// Where job control has stopped the child, the shell that waits for this process has to
    /// see that too. SIGSTOP is meant for the child alone.
    fn stop_with_it(&self) {
        // SAFETY: isatty only looks at the descriptor.
        if self.first || unsafe { libc::isatty(libc::STDIN_FILENO) } == 0 {
            return;
        }
        let id = self.pid.unsigned_abs();
        let stopped = wait_for(libc::P_PID, id, libc::WSTOPPED | libc::WNOHANG);
        if let Ok(Some(stopped)) = stopped
            && [libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU].contains(&stopped.status)
        {
            // SAFETY: a signal to itself, which no handler sees.
            unsafe { libc::raise(libc::SIGSTOP) };
        }
    }

    /// The child is not reaped yet, so its number is still its own.
    fn pass_on(&self, signal: &libc::siginfo_t) {
        // SAFETY: `si_value` is there where `si_code` says so; both calls take plain numbers.
        unsafe {
            if signal.si_code == libc::SI_QUEUE {
                libc::sigqueue(self.pid, signal.si_signo, signal.si_value());
            } else {
                libc::kill(self.pid, signal.si_signo);
            }
        }
    }
}

/// A child that has ended or stopped.
struct Changed {
    pid: i32,
    code: i32,
    status: i32,
}

impl Changed {
    fn ended(&self) -> Ended {
        let status = u8::try_from(self.status & 0xff).unwrap_or(u8::MAX);
        match self.code {
            libc::CLD_EXITED => Ended::Exited(status),
            code => Ended::Signaled {
                signal: status,
                core_dumped: code == libc::CLD_DUMPED,
            },
        }
    }
}

fn wait_for(which: libc::idtype_t, id: u32, flags: i32) -> Result<Option<Changed>, Errno> {
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    // SAFETY: `info` is zero if waitid finds no child, and otherwise that of a child.
    let (info, pid, status) = unsafe {
        let got = Errno::result(libc::waitid(which, id, info.as_mut_ptr(), flags));
        match got {
            // No child is left, or has stopped.
            Err(Errno::ECHILD) if which == libc::P_PID => return Ok(None),
            other => other?,
        };
        let info = info.assume_init();
        (info, info.si_pid(), info.si_status())
    };
    Ok((pid != 0).then_some(Changed {
        pid,
        code: info.si_code,
        status,
    }))
}

/// The next of all signals, taken out of the queue; `None` where none came in time.
fn next_signal(patience: Option<Duration>) -> Result<Option<libc::siginfo_t>, Errno> {
    let every = u64::MAX;
    let patience = patience.map(|time| libc::timespec {
        tv_sec: libc::time_t::try_from(time.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: time.subsec_nanos().into(),
    });
    let patience = patience.as_ref().map_or(ptr::null(), ptr::from_ref);
    loop {
        let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
        // SAFETY: the mask has the given length, and `info` is written whole or stays
        // zero. The C library would leave out the signals that it keeps for its threads.
        let got = unsafe {
            libc::syscall(
                libc::SYS_rt_sigtimedwait,
                &raw const every,
                info.as_mut_ptr(),
                patience,
                MASK_BYTES,
            )
        };
        match Errno::result(got) {
            // SAFETY: as above.
            Ok(_) => return Ok(Some(unsafe { info.assume_init() })),
            Err(Errno::EAGAIN) => return Ok(None),
            // It was stopped and goes on.
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}

/// Blocks these signals and no others; tells which were blocked before.
fn set_mask(mask: u64) -> u64 {
    let mut before = 0_u64;
    // SAFETY: both masks have the given length.
    unsafe {
        libc::syscall(
            libc::SYS_rt_sigprocmask,
            libc::SIG_SETMASK,
            &raw const mask,
            &raw mut before,
            MASK_BYTES,
        );
    }
    before
}

/// The C library's set of a kernel's mask.
fn set_of(mask: u64) -> MaybeUninit<libc::sigset_t> {
    let mut set = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: every C library's set begins with the kernel's words, and is no shorter.
    unsafe { set.as_mut_ptr().cast::<u64>().write_unaligned(mask) };
    set
}

fn duration(time: libc::timeval) -> Duration {
    let micros = u64::try_from(time.tv_usec).unwrap_or(0);
    Duration::from_secs(u64::try_from(time.tv_sec).unwrap_or(0)) + Duration::from_micros(micros)
}
