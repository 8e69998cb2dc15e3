//! A container runtime in miniature.
//!
//! The demo and the container tests must show a scratch container, and a
//! viewer beside it, on a machine that has no container engine and no daemon.
//! `lab` makes the same namespaces, roots and credentials that an engine
//! makes, with one system call behind each flag, so that a test can vary the
//! one thing it is about.
#![allow(
    clippy::disallowed_methods,
    reason = "a container runtime in miniature has to do all of this"
)]

mod args;
mod caps;
mod creds;
mod namespaces;
mod pause;
mod peek;
mod root;
mod run;
mod seccomp;

use std::env;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;

/// What went wrong: the step, the errno and what to do, in one sentence.
pub(crate) type Done<T> = Result<T, String>;

/// Says which step failed, and what helps where that is known.
pub(crate) trait Step<T> {
    fn step(self, what: &str) -> Done<T>;
    fn step_or(self, what: &str, hint: &str) -> Done<T>;
}

impl<T, E: std::fmt::Display> Step<T> for Result<T, E> {
    fn step(self, what: &str) -> Done<T> {
        self.map_err(|why| format!("{what}: {why}"))
    }

    fn step_or(self, what: &str, hint: &str) -> Done<T> {
        self.map_err(|why| format!("{what}: {why}\n  {hint}"))
    }
}

fn main() -> ExitCode {
    // Inside a pod the same file stands as `/pause`.
    let name = env::args_os().next();
    if name.is_some_and(|name| Path::new(&name).file_name() == Some("pause".as_ref())) {
        return pause::main();
    }
    let outcome = match args::Cli::parse().command {
        args::Command::Run(spec) => run::run(&spec),
        args::Command::Pause(spec) => pause::spec(spec).and_then(|spec| run::run(&spec)),
        args::Command::Peek { paths } => Ok(peek::peek(&paths)),
    };
    outcome.map_or_else(
        |why| {
            eprintln!("lab: {why}");
            ExitCode::FAILURE
        },
        ExitCode::from,
    )
}
