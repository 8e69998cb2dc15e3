//! Programs of the engineer's own machine: kubectl, docker, podman. Never those of a target.

#![allow(
    clippy::disallowed_methods,
    reason = "the engineer's side stands where such a program is; nothing beside a target calls this"
)]

use std::ffi::{OsStr, OsString};
use std::io;
use std::process::{Command, ExitStatus, Stdio};

/// A program that could not be run.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// It is not there.
    #[error("{program} is not installed, or not in PATH")]
    NotFound {
        /// As it was called.
        program: String,
    },
    /// It could not be started, or not be waited for.
    #[error("cannot run {program}: {source}")]
    Start {
        /// As it was called.
        program: String,
        /// The error of starting it.
        source: io::Error,
    },
}

/// What a program said.
#[derive(Debug)]
pub struct Said {
    /// How it ended.
    pub status: ExitStatus,
    /// Its stdout.
    pub stdout: Vec<u8>,
    /// Its stderr.
    pub stderr: Vec<u8>,
}

/// Runs a program to its end and keeps what it says.
///
/// # Errors
/// [`ToolError`], where it does not run.
pub fn ask(program: &OsStr, words: &[OsString]) -> Result<Said, ToolError> {
    let output = Command::new(program)
        .args(words)
        .stdin(Stdio::null())
        .output()
        .map_err(|source| refused(program, source))?;
    Ok(Said {
        status: output.status,
        stdout: output.stdout,
        stderr: output.stderr,
    })
}

/// Runs a program to its end with this terminal as its own.
///
/// # Errors
/// [`ToolError`], where it does not run.
pub fn hand_over(program: &OsStr, words: &[OsString]) -> Result<ExitStatus, ToolError> {
    Command::new(program)
        .args(words)
        .status()
        .map_err(|source| refused(program, source))
}

fn refused(program: &OsStr, source: io::Error) -> ToolError {
    let program = program.to_string_lossy().into_owned();
    match source.kind() {
        io::ErrorKind::NotFound => ToolError::NotFound { program },
        _ => ToolError::Start { program, source },
    }
}
