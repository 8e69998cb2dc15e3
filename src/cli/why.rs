//! `spyhole why`.

use std::ffi::OsString;
use std::io;

use clap::{ArgMatches, Args, Command};

use super::doctor::print_lines;
use super::exit::Exit;
use super::global::Global;
use super::output::is_wrong_place;
use super::scan_options::options;
use super::{Failure, attached, given, report_with_progress, written};
use crate::doctor::{WhySubject, WhyVerdict, explain_holders, why_lines};
use crate::model::format::Format;
use crate::render;
use crate::sections::requests_of_holders;

pub(super) const WHY: &str = "why";

/// What `spyhole why` takes.
#[derive(Debug, Args)]
struct WhyArgs {
    /// A local port (:8080, or with its address 127.0.0.1:8080), a process by id or name, or the path
    /// of a file, directory or Unix socket as the target sees it (@NAME for an abstract one).
    #[arg(value_name = ":PORT|PID|NAME|PATH")]
    subject: String,
    /// Look at every visible process, not only the target's.
    #[arg(short = 'A', long)]
    all: bool,
}

/// Its subcommand.
pub(super) fn command() -> Command {
    WhyArgs::augment_args(Command::new(WHY))
        .about("Explain which process holds a port, a file or a name, and how it was started")
        .long_about(None)
        .after_help(
            "Exit codes: 0 a process holds it, 1 none does, 4 that could not be seen.\n\n\
             Example:\n  spyhole why :8080\n  spyhole why /data/app.db",
        )
}

/// Looks, explains and prints.
///
/// # Errors
/// There is no target, or the output cannot be written.
pub(super) fn run(own: &ArgMatches, global: &Global, words: &[OsString]) -> Result<Exit, Failure> {
    let asked: WhyArgs = given(own)?;
    let subject: WhySubject = asked.subject.parse().map_err(Failure::usage)?;
    let format = global.output.unwrap_or(Format::Table);
    if !matches!(format, Format::Table | Format::Json) {
        return Err(Failure::usage(
            "-o: why is printed as table or json, and as nothing else",
        ));
    }
    let requests = requests_of_holders(asked.all, subject.path());
    let (_, report) = report_with_progress(global, options(global)?, requests, Format::Json)?;
    let answer = explain_holders(&report, &subject, &asked.subject);
    attached::wait(words);
    let printed = match format {
        Format::Json => render::document(&answer, &mut io::stdout().lock()),
        _ => print_lines(&why_lines(&answer)),
    };
    if let Err(error) = printed {
        written(&error)?;
    }
    if is_wrong_place(&report) {
        return Ok(Exit::Target);
    }
    Ok(match answer.verdict {
        WhyVerdict::NotHeld => Exit::CheckFailed,
        WhyVerdict::Unknown => Exit::Unreadable,
        WhyVerdict::Held if global.strict && answer.has_unseen() => Exit::Unreadable,
        WhyVerdict::Held => Exit::Done,
    })
}
