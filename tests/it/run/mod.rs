//! `spyhole run`: a wrapper that changes nothing while all is well, and says what happened
//! when it is not.

mod codes;
mod failures;
mod first;
pub(crate) mod memory;
mod podman;
mod report;
mod signals;
mod terminal;

use std::ffi::OsStr;
use std::process::Command;

use super::host::run;
use super::lab::Output;

/// `spyhole run -- WORDS` on this machine.
fn wrapped<A: AsRef<OsStr>>(words: impl IntoIterator<Item = A>) -> Output {
    run(&mut wrapper(words))
}

fn wrapper<A: AsRef<OsStr>>(words: impl IntoIterator<Item = A>) -> Command {
    let mut command = undisturbed(super::lab::spyhole());
    command.args(["run", "--"]).args(words);
    command
}

/// A program with all signals at their defaults: a shell without job control starts what it puts in
/// the background with SIGINT and SIGQUIT ignored, and that is inherited.
fn undisturbed(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("/usr/bin/env");
    command.arg("--default-signal").arg(program);
    command
}
