//! The life of one container: namespaces, fork, root, credentials, exec; then
//! signals in one direction and the exit code in the other.
#![allow(
    unsafe_code,
    reason = "fork, poll and resetting SIGPIPE have no safe form"
)]

use std::ffi::{CString, OsStr};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::prctl;
use nix::sys::signal::{SigHandler, SigSet, Signal, kill, killpg, signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::{ForkResult, Pid, execve, fork, getppid, pipe2, setsid};

use crate::args::{Inside, Spec};
use crate::namespaces::Userns;
use crate::{Done, Step, creds, namespaces, root, seccomp};

/// How often to see whether whoever started lab is still there.
const PARENT_CHECK_MS: libc::c_int = 200;

/// Runs the container to its end and gives its exit code.
pub(crate) fn run(spec: &Spec) -> Done<u8> {
    let parent = getppid();
    let place = root::Place::new(spec.inside.root.as_deref())?;
    let userns = namespaces::before_fork(&spec.inside)?;
    let signals = watched();
    signals.thread_block().step("block signals")?;
    let (alive, hold) = pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK).step("make a pipe")?;
    let (said, say) = pipe2(OFlag::O_CLOEXEC).step("make a pipe")?;
    // SAFETY: lab has one thread, so that the child may do whatever the parent could.
    let child = match unsafe { fork() }.step_or("fork", "a joined PID namespace may have ended")? {
        ForkResult::Child => {
            drop((hold, said));
            let (code, why) = become_container(&place.path, spec, userns, &alive);
            let mut say = File::from(say);
            drop(
                say.write_all(&[code])
                    .and_then(|()| say.write_all(why.as_bytes())),
            );
            // SAFETY: ends the child at once, without the parent's destructors.
            unsafe { libc::_exit(i32::from(code)) }
        }
        ForkResult::Parent { child } => child,
    };
    drop((alive, say));
    let mut report = Vec::new();
    File::from(said)
        .read_to_end(&mut report)
        .step("hear from the container")?;
    if let Some((code, why)) = report.split_first() {
        let _ = waitpid(child, None);
        eprintln!("lab: {}", String::from_utf8_lossy(why));
        return Ok(*code);
    }
    // The pipe closed without a word: the program runs, and its root no longer hangs on a directory.
    drop(place);
    if let Some(path) = &spec.inside.pidfile {
        let outcome = write_whole(path, &format!("{child}\n"))
            .step(&format!("write --pidfile {}", path.display()));
        if outcome.is_err() {
            let _ = kill(child, Signal::SIGKILL);
            outcome?;
        }
    }
    let code = stay_with(child, parent, &signals);
    drop(hold);
    code
}

/// A reader of the pid file sees nothing or all of it.
fn write_whole(path: &Path, text: &str) -> std::io::Result<()> {
    let part = path.with_extension("part");
    fs::write(&part, text)?;
    fs::rename(part, path)
}

fn watched() -> SigSet {
    let mut set = SigSet::empty();
    for signal in [
        Signal::SIGCHLD,
        Signal::SIGTERM,
        Signal::SIGINT,
        Signal::SIGHUP,
        Signal::SIGQUIT,
    ] {
        set.add(signal);
    }
    set
}

/// Returns only when it failed, with the exit code and the reason.
fn become_container(place: &Path, spec: &Spec, userns: Userns, alive: &OwnedFd) -> (u8, String) {
    match prepare(place, &spec.inside, userns, alive) {
        Ok(()) => exec(spec),
        Err(why) => (1, why),
    }
}

fn prepare(place: &Path, inside: &Inside, userns: Userns, alive: &OwnedFd) -> Done<()> {
    setsid().step("start a session")?;
    if userns == Userns::Joined {
        creds::become_mapped(inside)?;
    }
    namespaces::in_child(inside)?;
    root::enter(place, inside)?;
    if userns == Userns::Last {
        namespaces::new_userns(inside)?;
    }
    seccomp::install(inside.seccomp)?;
    creds::become_user(inside, userns != Userns::None)?;
    // Only now: a change of credentials clears it.
    prctl::set_pdeathsig(Signal::SIGKILL).step("tie the container to lab")?;
    match nix::unistd::read(alive, &mut [0]) {
        Err(Errno::EAGAIN) => {}
        _ => return Err("lab was killed meanwhile".to_owned()),
    }
    close_on_exec();
    watched().thread_unblock().step("unblock signals")?;
    // SAFETY: no handler is installed; Rust had SIGPIPE ignored, which exec would keep.
    unsafe { signal(Signal::SIGPIPE, SigHandler::SigDfl) }
        .step("reset SIGPIPE")
        .map(drop)
}

/// Descriptors that the caller of lab left open are not the container's.
fn close_on_exec() {
    // SAFETY: only sets a flag. Before Linux 5.11 it is refused, which costs tidiness only.
    unsafe {
        libc::syscall(
            libc::SYS_close_range,
            3,
            libc::c_uint::MAX,
            libc::CLOSE_RANGE_CLOEXEC,
        )
    };
}

fn exec(spec: &Spec) -> (u8, String) {
    let bytes = |text: &OsStr| CString::new(text.as_bytes()).unwrap_or_default();
    let command: Vec<CString> = spec.command.iter().map(|arg| bytes(arg)).collect();
    let hex = spec.inside.environment_hex.iter().map(|hex| &hex.0);
    let environment: Vec<CString> = spec
        .inside
        .environment
        .iter()
        .chain(hex)
        .map(|variable| bytes(variable))
        .collect();
    let Some(program) = command.first() else {
        return (2, "no command".to_owned());
    };
    let why = match execve(program, &command, &environment) {
        Ok(never) => match never {},
        Err(why) => why,
    };
    let code = if why == Errno::ENOENT { 127 } else { 126 };
    (
        code,
        format!(
            "exec {}: {why}\n  it is looked for inside the root; --copy or --bind puts it there",
            program.to_string_lossy()
        ),
    )
}

/// Forwards signals until the container ends; ends it when asked twice or by
/// SIGQUIT, or when whoever started lab is gone.
fn stay_with(child: Pid, parent: Pid, signals: &SigSet) -> Done<u8> {
    let incoming = SignalFd::with_flags(signals, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)
        .step("listen for signals")?;
    let mut asked = false;
    let status = loop {
        if let Some(status) = ended(child)? {
            break status;
        }
        wait_readable(&incoming, PARENT_CHECK_MS);
        if getppid() != parent {
            let _ = kill(child, Signal::SIGKILL);
        }
        while let Ok(Some(info)) = incoming.read_signal() {
            let number = i32::try_from(info.ssi_signo).unwrap_or(libc::SIGTERM);
            match Signal::try_from(number) {
                Ok(Signal::SIGCHLD) | Err(_) => {}
                Ok(signal) => {
                    let at_once = asked || signal == Signal::SIGQUIT;
                    let _ = kill(child, if at_once { Signal::SIGKILL } else { signal });
                    asked = true;
                }
            }
        }
    };
    Ok(match status {
        WaitStatus::Exited(_, code) => u8::try_from(code).unwrap_or(u8::MAX),
        WaitStatus::Signaled(_, signal, _) => u8::try_from(128 + signal as i32).unwrap_or(u8::MAX),
        _ => u8::MAX,
    })
}

/// Once it has ended, what it left in a joined PID namespace goes too.
fn ended(child: Pid) -> Done<Option<WaitStatus>> {
    let seen = waitid(
        Id::Pid(child),
        WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT | WaitPidFlag::WNOHANG,
    )
    .step("wait for the container")?;
    if seen == WaitStatus::StillAlive {
        return Ok(None);
    }
    // Not reaped yet, so that the number is still that of its group.
    let _ = killpg(child, Signal::SIGKILL);
    waitpid(child, None)
        .step("wait for the container")
        .map(Some)
}

fn wait_readable(file: &SignalFd, at_most_ms: libc::c_int) {
    let mut poll = libc::pollfd {
        fd: std::os::fd::AsFd::as_fd(file).as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: one pollfd is passed, and it outlives the call.
    unsafe { libc::poll(&raw mut poll, 1, at_most_ms) };
}
