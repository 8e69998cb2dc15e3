//! `cp`: a file or a directory of the target → this machine.

use std::ffi::OsString;

use clap::{Args, Command};

use super::deliver::passed_on;
use super::exit::Exit;
use super::{Failure, given, parse};
use crate::attach::copy::{CopyError, CopyOptions, CopyRequest, UnpackError};

pub(super) const CP: &str = crate::attach::copy::COMMAND;

/// Its subcommand.
pub(super) fn command() -> Command {
    CopyOptions::augment_args(Command::new(CP))
        .about("Copy a file or directory out of the target")
        .after_help(
            "Files that hold a secret are left out, secrets in other files are replaced; both are \
             named on stderr, with exit code 4.\n\nExamples:\n  kubectl spyhole web-7d9f cp \
             /var/log/app.log .\n  spyhole podman web cp /etc/nginx nginx",
        )
}

/// The request of a command line for spyhole next to a target, where that is `cp`.
pub(super) fn request(
    flags: &[OsString],
    command: &[OsString],
) -> Result<Option<CopyRequest>, Failure> {
    let words: Vec<OsString> = std::iter::once("spyhole".into())
        .chain(flags.iter().chain(command).cloned())
        .collect();
    let line = parse(&words).map_err(|error| Failure::usage(error.to_string()))?;
    let Some((CP, own)) = line.matches.subcommand() else {
        return Ok(None);
    };
    let options: CopyOptions = given(own)?;
    let request = options.request(passed_on::<CopyOptions>(own));
    request.map(Some).map_err(|error| failure(&error))
}

/// What a copy that ended early means for the exit code.
pub(super) fn exit(error: &CopyError) -> Exit {
    match error {
        CopyError::Local { .. } => Exit::Usage,
        CopyError::Output(_)
        | CopyError::Unpack(UnpackError::Write { .. } | UnpackError::NoSpace { .. }) => {
            Exit::Internal
        }
        CopyError::Unpack(_) => Exit::Unreadable,
    }
}

fn failure(error: &CopyError) -> Failure {
    Failure {
        exit: exit(error),
        message: error.to_string(),
    }
}
