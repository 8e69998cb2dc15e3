//! What SIGTERM does: a service in a scratch image is PID 1, where no handler
//! means that the signal is lost, so each way must be there to be looked at.
#![allow(
    unsafe_code,
    reason = "a handler that shows in SigCgt can only be installed through sigaction"
)]

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

/// The way to take SIGTERM.
#[derive(Clone, Copy)]
pub(crate) enum OnSigterm {
    /// A handler that exits 0.
    Exit,
    /// `SIG_IGN`.
    Ignore,
    /// `SIG_DFL`, which the kernel drops for PID 1.
    Default,
}

impl OnSigterm {
    pub(crate) fn install(self) -> nix::Result<()> {
        let handler = match self {
            Self::Exit => SigHandler::Handler(exit_now),
            Self::Ignore => SigHandler::SigIgn,
            Self::Default => SigHandler::SigDfl,
        };
        let action = SigAction::new(handler, SaFlags::empty(), SigSet::empty());
        // SAFETY: the handler only calls _exit, which is async-signal-safe.
        unsafe { sigaction(Signal::SIGTERM, &action) }.map(drop)
    }
}

extern "C" fn exit_now(_signal: libc::c_int) {
    // SAFETY: _exit is async-signal-safe and does not return.
    unsafe { libc::_exit(0) }
}
