//! `cp`: a file or a directory of the target → this machine.

use std::ffi::OsString;
use std::io;
use std::thread;

use clap::{ArgMatches, Args, Command};

use super::deliver::passed_on;
use super::exit::Exit;
use super::files::write_for_cp;
use super::global::Global;
use super::{Failure, given, parse};
use crate::attach::copy::{CopyError, CopyOptions, CopyRequest, UnpackError, ended as copied};
use crate::files::tar::{ArchiveOptions, ArchivePath};

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
        sparse: true,
        for_cp: true,
        ..ArchiveOptions::default()
    };
    let no_pipe = |error: io::Error| Failure::internal(format!("cannot make a pipe: {error}"));
    let (mut reader, mut writer) = io::pipe().map_err(no_pipe)?;
    let (received, written) = thread::scope(|scope| {
        let receiver = thread::Builder::new().spawn_scoped(scope, || {
            let received = request.receive(&mut reader);
            // Where it gave up, the other side need not go on.
            drop(reader);
            received
        });
        let written = write_for_cp(&mut writer, global, &options.reveal_file, archive);
        drop(writer);
        let received = receiver.map(|receiver| receiver.join());
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
