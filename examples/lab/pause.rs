//! The process that holds a pod's namespaces: PID 1 of a shared PID
//! namespace, which reaps what others leave and stops when told.

use std::env;
use std::process::ExitCode;

use nix::sys::signal::{SigSet, Signal};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};

use crate::args::{Inside, Pair, Spec};
use crate::caps::Caps;
use crate::{Done, Step};

/// This very program as `/pause` of an otherwise empty root.
pub(crate) fn spec(mut inside: Box<Inside>) -> Done<Box<Spec>> {
    let source = env::current_exe().step("find the program of lab, which is the pause too")?;
    inside.copies.push(Pair {
        source,
        target: "pause".into(),
        read_only: false,
    });
    if inside.uid == 0 && inside.gid.is_none() {
        inside.uid = 65535;
        inside.caps = Caps(0);
    }
    Ok(Box::new(Spec {
        inside: *inside,
        command: vec!["/pause".into()],
    }))
}

/// The life of `/pause`.
pub(crate) fn main() -> ExitCode {
    let mut signals = SigSet::empty();
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGCHLD] {
        signals.add(signal);
    }
    if let Err(why) = signals.thread_block() {
        eprintln!("pause: {why}");
        return ExitCode::FAILURE;
    }
    loop {
        if !matches!(signals.wait(), Ok(Signal::SIGCHLD)) {
            return ExitCode::SUCCESS;
        }
        while matches!(
            waitpid(None, Some(WaitPidFlag::WNOHANG)),
            Ok(WaitStatus::Exited(..) | WaitStatus::Signaled(..))
        ) {}
    }
}
