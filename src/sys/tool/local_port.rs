//! A port of this machine's loopback whose connections are each passed to a run of a program: a way
//! to a server that only programs reach, as `podman exec` does.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd as _, OwnedFd};
use std::process::{Child, Command, ExitStatus, Stdio};

use nix::sys::socket::sockopt::ReuseAddr;
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrIn, accept4, bind, listen, setsockopt,
    socket,
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{Background, Caught, ToolError, end_with_this_process, refused};

/// Connections at once; further ones wait.
const CONNECTIONS: usize = 32;
/// Connections that the kernel keeps while they are not accepted.
const BACKLOG: i32 = 64;
/// How often the server is looked at.
const POLL: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 100_000_000,
};

/// A listening socket.
#[derive(Debug)]
pub(crate) struct LocalPort(OwnedFd);

impl LocalPort {
    /// Listens on 127.0.0.1.
    ///
    /// # Errors
    /// Those of socket(2), bind(2) and listen(2).
    pub(crate) fn listen(port: u16) -> io::Result<Self> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let made = socket(AddressFamily::Inet, SockType::Stream, flags, None)?;
        setsockopt(&made, ReuseAddr, &true)?;
        bind(made.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, port))?;
        listen(&made, Backlog::new(BACKLOG)?)?;
        Ok(Self(made))
    }

    /// Passes each connection to a run of the program, until the server ends, whose exit status is
    /// the answer, or until SIGINT or SIGTERM.
    ///
    /// # Errors
    /// [`ToolError`], where the program does not run.
    pub(crate) fn pass_on(
        &self,
        program: &OsStr,
        words: &[OsString],
        server: &mut Background,
    ) -> Result<Option<ExitStatus>, ToolError> {
        let _caught = Caught::begin();
        let mut running: Vec<Ending> = Vec::new();
        loop {
            if let Some(status) = server.ended()? {
                return Ok(Some(status));
            }
            if Caught::came() {
                return Ok(None);
            }
            running.retain_mut(|one| matches!(one.0.try_wait(), Ok(None)));
            let room = running.len() < CONNECTIONS;
            let events = if room {
                PollFlags::IN
            } else {
                PollFlags::empty()
            };
            // An interrupt is looked for above.
            let _ = poll(&mut [PollFd::new(&self.0, events)], Some(&POLL));
            if let Some(connection) = room.then(|| self.accept()).flatten() {
                running.push(run(program, words, &connection)?);
            }
        }
    }

    /// A connection that waits; none where it is gone again.
    #[allow(unsafe_code, reason = "nix gives a bare number")]
    fn accept(&self) -> Option<OwnedFd> {
        let accepted = accept4(self.0.as_raw_fd(), SockFlag::SOCK_CLOEXEC).ok()?;
        // SAFETY: the kernel has just made it, and nothing else knows of it.
        Some(unsafe { OwnedFd::from_raw_fd(accepted) })
    }
}

/// A child that does not outlive its connection.
struct Ending(Child);

impl Drop for Ending {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn run(program: &OsStr, words: &[OsString], connection: &OwnedFd) -> Result<Ending, ToolError> {
    let refused = |source| refused(program, source);
    let mut command = Command::new(program);
    command
        .args(words)
        .stdin(Stdio::from(connection.try_clone().map_err(refused)?))
        .stdout(Stdio::from(connection.try_clone().map_err(refused)?))
        .stderr(Stdio::null());
    end_with_this_process(&mut command);
    command.spawn().map(Ending).map_err(refused)
}
