//! The children: two workers made from the same program, and one that has
//! ended and was never reaped.

use std::env;
use std::ffi::{CString, OsString};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;

use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;

use crate::{bytes, own_program};

/// The variable that tells a worker the name to take; the hostile one has a
/// newline and an escape sequence, which no argument should need.
const NAME: &str = "WEBAPP_WORKER_NAME";
const HOSTILE: &[u8] = b") R 1\n\x1b[31m";

/// One worker to start.
pub(crate) struct Role {
    args: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
}

/// The first takes the hostile name, the second has a changed environment and
/// the bytes that are no UTF-8.
pub(crate) fn roles(hostile_name: bool, non_utf8: bool) -> [Role; 2] {
    let args: Vec<OsString> = vec!["worker".into(), "--queue=mail".into()];
    let mut first = Role {
        args: args.clone(),
        environment: Vec::new(),
    };
    let mut second = Role {
        args,
        environment: vec![("QUEUE_CONCURRENCY".into(), "8".into())],
    };
    if hostile_name {
        first.environment.push((NAME.into(), bytes(HOSTILE)));
    }
    if non_utf8 {
        second.args.push(bytes(b"--label=caf\xe9\xff"));
        second
            .environment
            .push((bytes(b"CAF\xc9"), bytes(b"cr\xe8me")));
    }
    [first, second]
}

impl Role {
    /// Returns once the worker stands under its name.
    pub(crate) fn start(&self) -> io::Result<Child> {
        let (program, name) = own_program();
        let mut child = Command::new(program)
            .arg0(name)
            .args(&self.args)
            .envs(self.environment.iter().map(|(key, value)| (key, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut up = [0_u8; 1];
        child
            .stdout
            .as_mut()
            .ok_or(io::ErrorKind::BrokenPipe)?
            .read_exact(&mut up)?;
        Ok(child)
    }
}

/// The life of a worker: take the name, say so with one byte, idle.
pub(crate) fn work(args: &[OsString]) -> ExitCode {
    // A worker must not outlive the service where the service is not PID 1.
    let tied = prctl::set_pdeathsig(Signal::SIGKILL);
    let name = env::var_os(NAME).map_or(Ok(()), |name| {
        let name = CString::new(name.as_bytes()).unwrap_or_default();
        prctl::set_name(&name)
    });
    if let Err(why) = tied.and(name) {
        eprintln!("webapp {args:?}: {why}");
        return ExitCode::FAILURE;
    }
    let mut out = io::stdout().lock();
    if out.write_all(b"+").and_then(|()| out.flush()).is_err() {
        return ExitCode::FAILURE;
    }
    loop {
        thread::park();
    }
}

/// Starts a child that ends at once and waits until it is dead, not reaped.
pub(crate) fn leave_zombie() -> io::Result<()> {
    let (program, name) = own_program();
    let child = Command::new(program).arg0(name).arg("leave").spawn()?;
    let pid = i32::try_from(child.id()).map_err(io::Error::other)?;
    // Dropping a `Child` does not reap it, and WNOWAIT leaves it as it is.
    waitid(
        Id::Pid(Pid::from_raw(pid)),
        WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT,
    )?;
    Ok(())
}
