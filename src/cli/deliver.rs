//! The commands that bring spyhole to a container, or start one under its eyes.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command};

use super::exit::Exit;
use super::global::{Global, passed_on};
use super::run as start;
use super::{Failure, argv0, ask, attached, beforehand, copy, given, parse, top};
use crate::attach::engine::Engine;
use crate::attach::{AttachError, engine, kubernetes};
use crate::in_container::install;
use crate::in_container::install::InstallError;
use crate::in_container::own_commands::own_commands;
use crate::model::escape::escaped;
use crate::model::shell::quoted;
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
    let may_attach = !options.serve && !options.stdin && !options.tty;
    if !options.serve && is_for_prompt(&options.command, &options.passed_on) {
        options.needs_terminal = true;
        options.command = prompt();
    }
    match beforehand::check(&options.passed_on, &options.command) {
        Some(Err(refused)) => return Err(with_pod_first(refused, &options)),
        Some(answered) => return answered,
        None => {}
    }
    let words = command_line(&options.passed_on, &options.command);
    if let Ok(line) = parse(&words)
        && let Some((name, own)) = line.matches.subcommand()
    {
        options.lasts = lasts(name, own);
        if may_attach && is_for_terminal(name, own, &options)? {
            options.needs_terminal = true;
            let is_shell = name == super::shell::SHELL;
            if is_shell && own.value_source("idle_exit") != Some(ValueSource::CommandLine) {
                options.command.push(IDLE_EXIT.into());
            }
        }
    }
    if options.needs_terminal {
        (options.stdin, options.tty) = (true, true);
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
    command.is_empty() && !flags.iter().any(has_form) && has_terminal()
}

/// The overview and the prompt, which ends after a time without input: a container must not stay when
/// its terminal is gone.
fn prompt() -> Vec<OsString> {
    [super::shell::SHELL, IDLE_EXIT].map(OsString::from).into()
}

const IDLE_EXIT: &str = "--idle-exit=15m";

fn has_terminal() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// Whether a command, for which no terminal was asked, is of use on one only.
///
/// # Errors
/// Without a terminal it would not end.
fn is_for_terminal(
    name: &str,
    own: &ArgMatches,
    options: &kubernetes::KubectlOptions,
) -> Result<bool, Failure> {
    if name == super::shell::SHELL {
        return Ok(has_terminal());
    }
    if name != top::TOP {
        return Ok(false);
    }
    if has_terminal() && !own.get_flag("batch") {
        return Ok(true);
    }
    if own.get_one::<u32>("iterations").is_some() {
        return Ok(false);
    }
    let line = format!("kubectl spyhole {} top", quoted(&options.pod));
    Err(Failure::usage(format!(
        "top would not end without a terminal; use {line} -b -n 1, or {line} on a terminal"
    )))
}

/// How long a command takes by its own flags, beyond a look.
fn lasts(name: &str, own: &ArgMatches) -> Duration {
    let of = |flag: &str| own.try_get_one::<Duration>(flag).ok().flatten().copied();
    let waits = ["watch", "sample"].into_iter().filter_map(of).sum();
    if name != top::TOP {
        return waits;
    }
    let count = own.get_one::<u32>("iterations").copied();
    let delay = of("delay").unwrap_or(Duration::from_secs(1));
    // Each look of it takes a moment.
    (delay + Duration::from_secs(1)).saturating_mul(count.unwrap_or_default())
}

fn command_line(flags: &[OsString], command: &[OsString]) -> Vec<OsString> {
    std::iter::once("spyhole".into())
        .chain(flags.iter().chain(command).cloned())
        .collect()
}

/// The refusal of words that were meant as `spyhole COMMAND POD`, or as `kubectl cp POD:PATH LOCAL`.
fn with_pod_first(mut refused: Failure, options: &kubernetes::KubectlOptions) -> Failure {
    let others = [copy::CP, top::TOP, super::shell::SHELL];
    let is_command = argv0::names().chain(others).any(|name| name == options.pod);
    let first = options.command.first().and_then(|word| word.to_str());
    let Some(first) = first.filter(|_| is_command) else {
        return refused;
    };
    let rest = options
        .command
        .iter()
        .skip(1)
        .map(|word| word.to_string_lossy());
    let (pod, path) = match first.split_once(':') {
        Some((pod, path)) if options.pod == copy::CP => (pod, Some(path)),
        _ => (first, None),
    };
    let words = [pod, &options.pod]
        .into_iter()
        .chain(path)
        .map(str::to_owned);
    let words: Vec<String> = words
        .chain(rest.map(std::borrow::Cow::into_owned))
        .collect();
    let words: Vec<_> = words.iter().map(|word| quoted(word)).collect();
    let line = words.join(" ");
    let why = refused.message.lines().next().unwrap_or_default();
    refused.message = format!(
        "{why}\n  The pod comes first: kubectl spyhole {}",
        escaped(line.as_bytes())
    );
    refused
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
