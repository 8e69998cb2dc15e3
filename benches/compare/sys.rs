//! The two system calls that neither std nor nix (as the crate uses it) has.

#![allow(unsafe_code, reason = "wait4 and setrlimit are plain libc calls here")]

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ExitStatus};
use std::time::Duration;

/// What the kernel counted for one child and the children that it waited for.
pub(crate) struct Usage {
    pub(crate) cpu: Duration,
    pub(crate) peak_rss_bytes: u64,
}

/// Waits for the child and takes its own resource usage, which `Child::wait` throws away.
pub(crate) fn wait(child: &Child) -> io::Result<(ExitStatus, Usage)> {
    let pid = libc::pid_t::try_from(child.id()).map_err(io::Error::other)?;
    let mut status = 0;
    // SAFETY: an all-zero rusage is a valid one: it holds nothing but integers.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    loop {
        // SAFETY: both pointers are to live, writable variables of the right types. The child
        // is ours and nobody has waited for it, so the number cannot mean another process.
        if unsafe { libc::wait4(pid, &raw mut status, 0, &raw mut usage) } == pid {
            break;
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
    Ok((
        ExitStatus::from_raw(status),
        Usage {
            cpu: duration(usage.ru_utime) + duration(usage.ru_stime),
            peak_rss_bytes: u64::try_from(usage.ru_maxrss).unwrap_or(0) * 1024,
        },
    ))
}

/// Lifts the number of processes that this user may have to the hard limit, which it returns.
/// What is still too low shows itself when a start is refused.
pub(crate) fn raise_process_limit() -> u64 {
    raise(libc::RLIMIT_NPROC)
}

/// The same for the number of files that a process may open.
pub(crate) fn raise_file_limit() -> u64 {
    raise(libc::RLIMIT_NOFILE)
}

fn raise(resource: libc::__rlimit_resource_t) -> u64 {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the pointer is to a live, writable variable of the right type.
    if unsafe { libc::getrlimit(resource, &raw mut limit) } == 0 {
        limit.rlim_cur = limit.rlim_max;
        // SAFETY: the pointer is to a live variable of the right type, only read.
        unsafe { libc::setrlimit(resource, &raw const limit) };
    }
    limit.rlim_max
}

fn duration(time: libc::timeval) -> Duration {
    Duration::from_secs(u64::try_from(time.tv_sec).unwrap_or(0))
        + Duration::from_micros(u64::try_from(time.tv_usec).unwrap_or(0))
}
