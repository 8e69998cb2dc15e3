//! The commands that bring spyhole to a container, or start one under its eyes.

use std::ffi::OsString;
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

fn run_command() -> Command {
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

/// The matches of `spyhole run` alone.
pub(super) fn parse_run(words: &[OsString]) -> Result<ArgMatches, clap::Error> {
    let narrow = Global::augment_args(Command::new("spyhole")).subcommand(run_command());
    narrow.try_get_matches_from(words)
}

/// `spyhole run` without clap, which would take as long as all the rest and more memory: it
/// stands before every start of an application. `None` for what is not written plainly.
pub(super) fn run_at_once(words: &[OsString]) -> Option<ExitCode> {
    let (options, quiet) = plain_run(words)?;
    // The other flags matter to a report only, and none of them was there.
    let redactor = || {
        let matches = parse_run(words).map_err(|error| error.to_string())?;
        let global = Global::from_arg_matches(&matches).map_err(|error| error.to_string())?;
        super::redactor(&global).map_err(|failure| failure.message)
    };
    Some(run::run(&options, quiet, redactor).into())
}

fn plain_run(words: &[OsString]) -> Option<(run::Options, bool)> {
    let mut rest = words.get(1..)?.iter();
    if rest.next()? != RUN {
        return None;
    }
    let (mut report, mut no_dump, mut quiet) = (None, false, false);
    let first = loop {
        let word = rest.next()?;
        match word.as_encoded_bytes() {
            b"--" => break rest.next()?,
            b"--report" if report.is_none() => {
                let file = rest.next()?;
                if file.as_encoded_bytes().starts_with(b"-") || file.is_empty() {
                    return None;
                }
                report = Some(file.into());
            }
            b"--no-dump" if !no_dump => no_dump = true,
            b"-q" | b"--quiet" if !quiet => quiet = true,
            [b'-', ..] | [] => return None,
            _ => break word,
        }
    };
    if no_dump && report.is_none() {
        return None;
    }
    let command = std::iter::once(first).chain(rest).cloned().collect();
    let options = run::Options {
        report,
        no_dump,
        command,
    };
    Some((options, quiet))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn what_is_read_without_clap_is_what_clap_reads() {
        let mut plain = 0;
        for line in [
            "spyhole run -- /app --report x -- -q",
            "spyhole run /app -q",
            "spyhole run -q --no-dump --report /r /app run --",
            "spyhole run --report /r -- -app",
            "spyhole run --quiet -- ps",
            "spyhole run --report -- /app",
            "spyhole run --report=/r /app",
            "spyhole run --no-dump /app",
            "spyhole run -q -q /app",
            "spyhole run --reprot /r /app",
            "spyhole run --report /r --report /s /app",
            "spyhole run --pid 1 /app",
            "spyhole run --",
            "spyhole run",
            "spyhole run -h",
            "spyhole ps run -- /app",
            "spyhole",
        ] {
            let words = words(line);
            let Some((own, quiet)) = plain_run(&words) else {
                continue;
            };
            plain += 1;
            let matches = parse_run(&words).unwrap_or_else(|why| panic!("{line}: {why}"));
            let (_, of_run) = matches.subcommand().unwrap();
            let other = run::Options::from_arg_matches(of_run).unwrap();
            assert_eq!(own.command, other.command, "{line}");
            assert_eq!((own.report, own.no_dump), (other.report, other.no_dump));
            assert_eq!(quiet, Global::from_arg_matches(&matches).unwrap().quiet);
        }
        assert_eq!(plain, 5);
    }
}
