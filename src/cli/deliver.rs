//! The commands that bring spyhole to a container, or start one under its eyes.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::parser::ValueSource;
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
const RUN: &str = "run";
const DOCKER: &str = "docker";
const PODMAN: &str = "podman";

/// Their subcommands.
pub(super) fn commands() -> [Command; 5] {
    [
        install::Options::augment_args(Command::new(INSTALL))
            .about("Copies spyhole into a volume, without a shell")
            .after_help("Example:\n  spyhole install /spy"),
        run::Options::augment_args(Command::new(RUN))
            .about("Starts an application as its PID 1 and says why it ended")
            .after_help("Example:\n  spyhole run -- /app --listen 8080"),
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

/// Runs one of them; `None` where it is another command.
pub(super) fn run(matches: &ArgMatches) -> Option<Result<ExitCode, Failure>> {
    let (name, own) = matches.subcommand()?;
    Some(match name {
        INSTALL => given(own).and_then(|options| installed(&options)),
        RUN => given(own).map(|options| run::run(&options).into()),
        KUBECTL => given(own).and_then(|options| attached(kubernetes::run(&options))),
        DOCKER => beside(Engine::Docker, DOCKER, own),
        PODMAN => beside(Engine::Podman, PODMAN, own),
        _ => return None,
    })
}

fn given<O: FromArgMatches>(own: &ArgMatches) -> Result<O, Failure> {
    O::from_arg_matches(own).map_err(|error| Failure::usage(error.to_string()))
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

fn beside(engine: Engine, name: &str, own: &ArgMatches) -> Result<ExitCode, Failure> {
    let options: engine::Options = given(own)?;
    if let Some(flag) = stray_flag(own) {
        return Err(Failure::usage(format!(
            "--{flag} says what spyhole does beside the container: put it after --, as in \
             spyhole {name} {} -- dump --{flag} …",
            escaped(options.container.as_bytes())
        )));
    }
    attached(engine::run(engine, &options, own.get_flag("quiet")))
}

/// A flag for looking, given to a command that only brings spyhole where it shall look.
fn stray_flag(own: &ArgMatches) -> Option<String> {
    let global = Global::augment_args(Command::new(""));
    let given = |flag: &&clap::Arg| {
        let id = flag.get_id().as_str();
        id != "quiet" && own.value_source(id) == Some(ValueSource::CommandLine)
    };
    let stray = global.get_arguments().find(given)?;
    Some(stray.get_long()?.to_owned())
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
