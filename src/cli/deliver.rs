//! The commands that bring spyhole to a container, or start one under its eyes.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use clap::{ArgMatches, Args, Command};

use super::exit::Exit;
use super::global::{Global, passed_on};
use super::run as start;
use super::{Failure, argv0, ask, attached, beforehand, copy, given};
use crate::attach::engine::Engine;
use crate::attach::{AttachError, engine, kubernetes};
use crate::in_container::install;
use crate::in_container::install::InstallError;
use crate::in_container::own_commands::own_commands;
use crate::model::escape::escaped;
use crate::redact;
use crate::scan::needs::Files;

pub(super) const KUBECTL: &str = kubernetes::COMMAND;
pub(super) const INSTALL: &str = "install";
pub(super) const DOCKER: &str = "docker";
pub(super) const PODMAN: &str = "podman";

/// Their subcommands.
pub(super) fn commands() -> [Command; 5] {
    [
        install::InstallOptions::augment_args(Command::new(INSTALL))
            .about("Copy spyhole into a volume, without a shell")
            .after_help(
                "Examples:\n  spyhole install /spy --link ps ss\n  spyhole install /spy --link all",
            ),
        start::command(),
        kubernetes::KubectlOptions::augment_args(Command::new(KUBECTL))
            .about("Inspect a pod through an ephemeral container (as a plugin: kubectl spyhole)")
            .after_help(
                "Flags under Target, Output and Secrets are passed to the spyhole that \
                runs next to the target.\nSPYHOLE_KUBECTL names another kubectl.\n\nExample:\n  \
                spyhole kubectl web-7d9f -c app -- ps",
            ),
        engine::EngineOptions::augment_args(Command::new(DOCKER))
            .about("Inspect a Docker container")
            .after_help(
                "Flags under Target, Output and Secrets are passed to the spyhole that \
                runs next to the target.\n\nExample:\n  spyhole docker web -- ss -tlnp",
            ),
        engine::EngineOptions::augment_args(Command::new(PODMAN))
            .about("Inspect a Podman container")
            .after_help(
                "Flags under Target, Output and Secrets are passed to the spyhole that \
                runs next to the target.\n\nExample:\n  spyhole podman web -- ss -tlnp",
            ),
    ]
}

/// Looks into a pod.
pub(super) fn kubectl(own: &ArgMatches, words: &[OsString]) -> Result<ExitCode, Failure> {
    // It prints while it works.
    attached::wait(words);
    let mut options: kubernetes::KubectlOptions = given(own)?;
    options.passed_on = passed_on::<kubernetes::KubectlOptions>(own);
    if !options.serve && is_for_prompt(&options.command, &options.passed_on) {
        (options.stdin, options.tty) = (true, true);
        options.command = prompt();
    }
    if let Some(answered) = beforehand::check(&options.passed_on, &options.command) {
        return answered;
    }
    let by_exec = !options.stdin && !options.tty && !options.serve;
    options.copy = copy::request(by_exec, &options.passed_on, &options.command)?;
    if let Some(request) = &options.copy {
        options.command.clone_from(&request.words);
        options.passed_on.clear();
        options.quiet |= request.quiet;
    }
    attached(kubernetes::run(&options))
}

/// Copies spyhole into a volume.
pub(super) fn installed(
    own: &ArgMatches,
    global: &Global,
    words: &[OsString],
) -> Result<Exit, Failure> {
    attached::wait(words);
    let mut options: install::InstallOptions = given(own)?;
    let left_out = all_links(&mut options, global)?;
    for name in &options.link {
        argv0::check(name).map_err(Failure::usage)?;
    }
    let done = install::run(&options).map_err(|error| Failure {
        exit: match error {
            InstallError::Refused(_) => Exit::Usage,
            InstallError::Failed(_) => Exit::Internal,
        },
        message: escaped(error.to_string().as_bytes()).into_owned(),
    })?;
    if !global.quiet {
        if !left_out.is_empty() {
            let names = left_out.join(", ");
            let _ = writeln!(
                io::stderr(),
                "not linked, as the target has its own (--force-link): {names}"
            );
        }
        // What was done stands, whether or not anybody reads of it.
        for line in done.lines() {
            let line = redact::sentence(&line);
            let _ = writeln!(io::stderr(), "{}", escaped(line.as_bytes()));
        }
    }
    Ok(Exit::Done)
}

/// Puts the names in place of `all`; those that are left out, as they are commands of the target.
fn all_links(
    options: &mut install::InstallOptions,
    global: &Global,
) -> Result<Vec<&'static str>, Failure> {
    let given = options.link.len();
    options.link.retain(|name| name != "all");
    if options.link.len() == given {
        return Ok(Vec::new());
    }
    let names: Vec<&str> = argv0::names().collect();
    let mut own = Vec::new();
    if !options.force_link {
        let (of, links) = (names.clone(), options.directory.clone());
        let found = ask::in_reader(global, Files::ENVIRON, move |context| {
            own_commands(context, &of, &links)
        })?;
        own = found.map_err(|why| {
            Failure::usage(format!(
                "--link all: {why}, so which names are its own commands is unknown; name the links, or \
                 add --force-link"
            ))
        })?;
    }
    let links = names.iter().filter(|name| !own.contains(name));
    options.link.extend(links.map(|name| (*name).to_owned()));
    Ok(own)
}

/// Looks into a container of an engine.
pub(super) fn beside(
    engine: Engine,
    own: &ArgMatches,
    words: &[OsString],
) -> Result<ExitCode, Failure> {
    attached::wait(words);
    let mut options: engine::EngineOptions = given(own)?;
    let passed_on = passed_on::<engine::EngineOptions>(own);
    if is_for_prompt(&options.command, &passed_on) {
        options.command = prompt();
    }
    if let Some(answered) = beforehand::check(&passed_on, &options.command) {
        return answered;
    }
    if !options.serve {
        options.copy = copy::request(false, &passed_on, &options.command)?;
    }
    if let Some(request) = &options.copy {
        options.command.clone_from(&request.words);
    } else {
        options.command.splice(0..0, passed_on);
    }
    let quiet = own.get_flag("quiet") || options.copy.as_ref().is_some_and(|copy| copy.quiet);
    attached(engine::run(engine, &options, quiet))
}

/// Whether a person, at a terminal, has named no command and no form of a document.
fn is_for_prompt(command: &[OsString], flags: &[OsString]) -> bool {
    let has_form = |flag: &OsString| flag.as_encoded_bytes().starts_with(b"--output");
    command.is_empty()
        && !flags.iter().any(has_form)
        && io::stdin().is_terminal()
        && io::stdout().is_terminal()
}

/// The overview and the prompt, which ends after a time without input: a container must not stay when
/// its terminal is gone.
fn prompt() -> Vec<OsString> {
    [super::shell::SHELL, "--idle-exit=15m"]
        .map(OsString::from)
        .into()
}

fn attached(ended: Result<u8, AttachError>) -> Result<ExitCode, Failure> {
    ended.map(ExitCode::from).map_err(|error| Failure {
        exit: match &error {
            AttachError::Usage(_) => Exit::Usage,
            AttachError::Copy(error) => copy::exit(error),
            AttachError::Tool(_)
            | AttachError::Kubectl(_)
            | AttachError::Engine(_)
            | AttachError::Random(_)
            | AttachError::Target(_) => Exit::Target,
        },
        message: error.to_string(),
    })
}
