//! `spyhole run`: read without clap where it is written plainly.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{ArgMatches, Args, Command, FromArgMatches};

use super::global::Global;
use super::{Failure, given};
use crate::in_container::run;

/// Its name.
pub(super) const RUN: &str = "run";

/// Its subcommand.
pub(super) fn command() -> Command {
    run::RunOptions::augment_args(Command::new(RUN))
        .about("Run an application under spyhole as PID 1 and report why it ended")
        .after_help(
            "Everything after CMD is passed to it. Exit code: that of CMD; 128 plus the number of \
             the signal that ended it; 126 if CMD cannot be executed; 127 if it was not found.\n\n\
             Example:\n  spyhole run -- /app --listen 8080",
        )
}

/// The matches of `spyhole run` alone.
pub(super) fn parse(words: &[OsString]) -> Result<ArgMatches, clap::Error> {
    let narrow = Global::augment_args(Command::new("spyhole")).subcommand(command());
    narrow.try_get_matches_from(words)
}

/// `spyhole run` without clap, which would take as long as all the rest and more memory: it
/// stands before every start of an application. `None` for what is not written plainly.
pub(super) fn at_once(words: &[OsString]) -> Option<ExitCode> {
    let (options, quiet) = plain(words)?;
    // The other flags matter to a report only, and none of them was there.
    let redactor = || {
        let matches = parse(words).map_err(|error| error.to_string())?;
        let global = Global::from_arg_matches(&matches).map_err(|error| error.to_string())?;
        super::redactor(&global).map_err(|failure| failure.message)
    };
    Some(run::run(&options, quiet, redactor).into())
}

fn plain(words: &[OsString]) -> Option<(run::RunOptions, bool)> {
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
    let options = run::RunOptions {
        report,
        no_dump,
        command,
    };
    Some((options, quiet))
}

/// Starts the application that clap has read.
pub(super) fn started(own: &ArgMatches, global: &Global) -> Result<ExitCode, Failure> {
    let options: run::RunOptions = given(own)?;
    let redactor = || super::redactor(global).map_err(|failure| failure.message);
    Ok(run::run(&options, global.quiet, redactor).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn what_is_read_without_clap_is_what_clap_reads() {
        let mut read = 0;
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
            let Some((own, quiet)) = plain(&words) else {
                continue;
            };
            read += 1;
            let matches = parse(&words).unwrap_or_else(|why| panic!("{line}: {why}"));
            let (_, of_run) = matches.subcommand().unwrap();
            let other = run::RunOptions::from_arg_matches(of_run).unwrap();
            assert_eq!(own.command, other.command, "{line}");
            assert_eq!((own.report, own.no_dump), (other.report, other.no_dump));
            assert_eq!(quiet, Global::from_arg_matches(&matches).unwrap().quiet);
        }
        assert_eq!(read, 5);
    }
}
