//! The commands that bring spyhole to a container, or start one under its eyes.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{ArgMatches, Args, Command, FromArgMatches};

use super::Failure;
use super::exit::Exit;
use super::global::Global;
use crate::attach::engine::Engine;
use crate::attach::{AttachError, engine, kubernetes};
use crate::inject::{install, run};
use crate::model::escape::escaped;

/// The command that is the plugin of kubectl.
pub(super) const KUBECTL: &str = "kubectl";
const INSTALL: &str = "install";
/// The command that starts an application.
pub(super) const RUN: &str = "run";
const DOCKER: &str = "docker";
const PODMAN: &str = "podman";

/// Their subcommands.
pub(super) fn commands() -> [Command; 5] {
    [
        install::Options::augment_args(Command::new(INSTALL))
            .about("Copies spyhole into a volume, without a shell")
            .after_help("Example:\n  spyhole install /spy"),
        run_command(),
        kubernetes::Options::augment_args(Command::new(KUBECTL))
            .about("Looks into a pod, by an ephemeral container (as a plugin: kubectl spyhole)")
            .after_help("Example:\n  spyhole kubectl web-7d9f -c app -- ps"),
        engine::Options::augment_args(Command::new(DOCKER))
            .about("Looks into a container of Docker")
            .after_help("Example:\n  spyhole docker web -- ss -tlnp"),
        engine::Options::augment_args(Command::new(PODMAN))
            .about("Looks into a container of Podman")
            .after_help("Example:\n  spyhole podman web -- ss -tlnp"),
    ]
}

/// The one that may cost nothing to parse: it stands before every start of an application.
pub(super) fn run_command() -> Command {
    run::Options::augment_args(Command::new(RUN))
        .about("Starts an application as its PID 1 and says why it ended")
        .after_help(
            "What follows CMD belongs to it. Exit code: that of CMD, 128 and its number for a signal, \
             126 where CMD cannot be run, 127 where it is not there.\n\n\
             Example:\n  spyhole run -- /app --listen 8080",
        )
}

/// Runs one of them; `None` where it is another command.
pub(super) fn run(matches: &ArgMatches) -> Option<Result<ExitCode, Failure>> {
    let (name, own) = matches.subcommand()?;
    Some(match name {
        INSTALL => given(own).and_then(|options| installed(&options)),
        RUN => given(own).and_then(|options| started(&options, matches)),
        KUBECTL => given(own).and_then(|options| attached(kubernetes::run(&options))),
        DOCKER => given(own).and_then(|options| attached(engine::run(Engine::Docker, &options))),
        PODMAN => given(own).and_then(|options| attached(engine::run(Engine::Podman, &options))),
        _ => return None,
    })
}

fn given<O: FromArgMatches>(own: &ArgMatches) -> Result<O, Failure> {
    O::from_arg_matches(own).map_err(|error| Failure::usage(error.to_string()))
}

fn started(options: &run::Options, matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let global =
        Global::from_arg_matches(matches).map_err(|error| Failure::usage(error.to_string()))?;
    let redactor = || super::redactor(&global).map_err(|failure| failure.message);
    Ok(run::run(options, global.quiet, redactor).into())
}

fn installed(options: &install::Options) -> Result<ExitCode, Failure> {
    match install::run(options) {
        Ok(done) => {
            // What was done stands, whether or not anybody reads of it.
            let _ = writeln!(io::stderr(), "{}", escaped(done.as_bytes()));
            Ok(Exit::Done.into())
        }
        Err(error) => Err(Failure::usage(error.to_string())),
    }
}

fn attached(ended: Result<u8, AttachError>) -> Result<ExitCode, Failure> {
    ended.map(ExitCode::from).map_err(|error| Failure {
        exit: match error {
            AttachError::Usage(_) => Exit::Usage,
            AttachError::Tool(_) | AttachError::Target(_) => Exit::Target,
        },
        message: error.to_string(),
    })
}
