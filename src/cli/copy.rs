//! `cp`: a file or a directory of the target → this machine.

use std::ffi::OsString;
use std::io;
use std::thread;

use clap::{ArgMatches, Args, Command};

use super::exit::Exit;
use super::files::{FilesCommand, write_for_cp};
use super::global::{Global, passed_on};
use super::{Failure, given, parse};
use crate::attach::copy::{CopyFailure, CopyOptions, CopyRequest, UnpackError, ended as copied};
use crate::files::tar::{ArchiveOptions, ArchivePath};

pub(super) const CP: &str = crate::attach::copy::COMMAND;

/// Its subcommand.
pub(super) fn command() -> Command {
    CopyOptions::augment_args(Command::new(CP))
        .about("Copy a file or directory out of the target")
        .after_help(
            "Files that hold a secret are left out, secrets in other files are replaced; both are \
             named on stderr, with exit code 4.\n\nExamples:\n  spyhole podman web cp \
             /etc/nginx nginx\n  kubectl spyhole web-7d9f cp /var/log/app.log .",
        )
}

/// The request of a command line for spyhole next to a target, where that is `cp`. With `by_exec` also
/// of one that shows files: their content is for the caller alone, not for the log of a container.
pub(super) fn request(
    by_exec: bool,
    flags: &[OsString],
    command: &[OsString],
) -> Result<Option<CopyRequest>, Failure> {
    let words: Vec<OsString> = std::iter::once("spyhole".into())
        .chain(flags.iter().chain(command).cloned())
        .collect();
    let line = parse(&words).map_err(|error| Failure::usage(error.to_string()))?;
    let own = match line.matches.subcommand() {
        Some((CP, own)) => own,
        Some((name, own)) if by_exec && FilesCommand::named(name.as_ref()).is_some() => {
            let words = words.into_iter().skip(1).collect();
            return Ok(Some(CopyRequest::passing_on(words, own.get_flag("quiet"))));
        }
        _ => return Ok(None),
    };
    let options: CopyOptions = given(own)?;
    let request = options.request(passed_on::<CopyOptions>(own), own.get_flag("quiet"));
    request.map(Some).map_err(|error| failure(&error))
}

/// Copies out of a target that this spyhole sees itself.
pub(super) fn run(own: &ArgMatches, global: &Global) -> Result<Exit, Failure> {
    let options: CopyOptions = given(own)?;
    let request = options.request(Vec::new(), global.quiet);
    let request = request.map_err(|error| failure(&error))?;
    let archive = ArchiveOptions {
        paths: vec![ArchivePath::of(b"", &request.remote())],
        cross: options.cross,
        sparse: !request.is_to_stdout(),
        for_cp: !request.is_to_stdout(),
        ..ArchiveOptions::default()
    };
    let no_pipe = |error: io::Error| Failure::internal(format!("cannot make a pipe: {error}"));
    let (mut reader, mut writer) = io::pipe().map_err(no_pipe)?;
    let (received, written) = thread::scope(|scope| {
        let unpacking = thread::Builder::new().spawn_scoped(scope, || {
            let received = request.receive(&mut reader);
            // Where it gave up, the other side need not go on.
            drop(reader);
            received
        });
        let written = write_for_cp(&mut writer, global, &options.reveal_file, archive);
        drop(writer);
        let received = unpacking.map(thread::ScopedJoinHandle::join);
        (received, written)
    });
    let written = written?;
    let no_thread = || Failure::internal("no thread can be started");
    let received = received.ok().and_then(Result::ok).ok_or_else(no_thread)?;
    let code = copied(&request, received, written as u8, true, global.quiet);
    let code = code.map_err(|error| failure(&error))?;
    Ok(if code == 0 {
        written
    } else {
        Exit::of_code(code)
    })
}

/// What a copy that ended early means for the exit code.
pub(super) fn exit(error: &CopyFailure) -> Exit {
    match error {
        CopyFailure::Local { .. } => Exit::Usage,
        CopyFailure::Output(_)
        | CopyFailure::Unpack(UnpackError::Write { .. } | UnpackError::NoSpace { .. }) => {
            Exit::Internal
        }
        CopyFailure::Unpack(_) => Exit::Unreadable,
    }
}

fn failure(error: &CopyFailure) -> Failure {
    Failure {
        exit: exit(error),
        message: error.to_string(),
    }
}
