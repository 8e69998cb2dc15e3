//! `spyhole run -- CMD ARGS…`: starts an application, is a good PID 1 to it, and says why it ended.

use std::ffi::OsString;

use clap::Args;

/// What `spyhole run` takes.
#[derive(Debug, Args)]
pub struct Options {
    /// The program and its arguments.
    #[arg(
        value_name = "CMD",
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    pub command: Vec<OsString>,
}

/// Runs the application to its end.
///
/// Returns the exit code: the application's own, 128 and the signal's number where a signal
/// ended it, 126 or 127 where it could not be started.
#[must_use]
pub fn run(_options: &Options) -> u8 {
    0
}
