//! `spyhole check`: an exec probe where there is no shell to write one in.

use std::io::{self, Write};

use clap::{ArgMatches, Args, Command, FromArgMatches};

use super::exit::Exit;
use super::{Failure, written};
use crate::check::{self, Check, CheckOutcome, UnknownAs};
use crate::model::escape::escaped;
use crate::model::truth_value::TruthValue;
use crate::redact::Redactor;
use crate::scan::needs::ScanOptions;

/// Its name.
pub(super) const CHECK: &str = "check";

/// What `spyhole check` takes.
#[derive(Debug, Args)]
struct CheckArgs {
    /// Checks to run; all of them must pass.
    #[arg(value_name = "CHECK", required = true)]
    checks: Vec<Check>,
    /// Exit as if an unknown check had passed, or had failed: pass or fail (default: exit 4).
    #[arg(
        long,
        value_name = "pass|fail",
        value_enum,
        hide_possible_values = true
    )]
    unknown: Option<UnknownAs>,
}

/// Its subcommand.
pub(super) fn command() -> Command {
    CheckArgs::augment_args(Command::new(CHECK))
        .about("Run checks, for example as an exec probe: exit 0 or 1")
        .long_about(None)
        .after_help(
            "Checks:\n  \
             tcp:HOST:PORT                                accepts TCP connections\n  \
             http://HOST/PATH[,status=2xx][,body~TEXT]    answers; also https, certificate not verified\n  \
             grpc:HOST:PORT[,service=NAME]                answers SERVING (gRPC health checking); grpcs: over TLS\n  \
             tls:HOST:PORT[,min-days=N][,verify=target|mozilla|none][,servername=NAME]\n  \
             process:WORD[,min=1][,max=N][,min-uptime=30s]\n  \
             listen:PORT[,protocol=udp]                   is listening in the target's network namespace\n  \
             file:PATH[,max-age=5m][,min-size=N]          exists in the target\n  \
             cert:PATH[,min-days=N][,verify[=target|mozilla]]  certificate in the target has not expired, and verifies\n  \
             dns:NAME                                     resolves with the target's resolver\n  \
             memory:<90%                                  of the limit of the target's cgroup\n  \
             fds:<80%                                     of the limit on descriptors\n  \
             not CHECK, all(CHECK; CHECK), any(CHECK; CHECK)\n  \
             each with [,timeout=2s]\n\n\
             Exit codes: 0 passed, 1 failed, 4 unknown (what it takes could not be read; see \
             --unknown).\n\n\
             Example:\n  spyhole check tcp:127.0.0.1:8080 'memory:<90%'",
        )
}

/// Runs the checks, says one line, and tells the exit code.
///
/// # Errors
/// Those of `options`, once, and that the line cannot be written.
pub(super) fn run(
    own: &ArgMatches,
    options: &mut dyn FnMut() -> Result<ScanOptions, Failure>,
) -> Result<Exit, Failure> {
    let asked = CheckArgs::from_arg_matches(own);
    let asked = asked.map_err(|error| Failure::usage(error.to_string()))?;
    let exit = |answer: TruthValue| match (&asked.unknown, answer) {
        (Some(unknown_as), TruthValue::Unknown) => Exit::of(unknown_as.answer()),
        _ => Exit::of(answer),
    };
    let mut passed = Vec::new();
    let mut unknown = None;
    // A kubelet copies the line into an event: no secret of a check's URL gets there.
    let redactor = options()?.redactor;
    for check in &asked.checks {
        let outcome = check::run_in_reader(check, options()?);
        match outcome.answer {
            TruthValue::True => passed.push(outcome.to_string()),
            TruthValue::False => return say(&redactor, check, &outcome, exit(outcome.answer)),
            TruthValue::Unknown => unknown = unknown.or(Some((check, outcome))),
        }
    }
    if let Some((check, outcome)) = unknown {
        return say(&redactor, check, &outcome, exit(outcome.answer));
    }
    let line = format!("{}: {}", check::word(TruthValue::True), passed.join("; "));
    print(&redactor, &line, exit(TruthValue::True))
}

fn say(
    redactor: &Redactor,
    check: &Check,
    outcome: &CheckOutcome,
    exit: Exit,
) -> Result<Exit, Failure> {
    let word = check::word(outcome.answer);
    print(redactor, &format!("{word}: {check}: {outcome}"), exit)
}

/// One line: what came from outside cannot make two of it.
fn print(redactor: &Redactor, line: &str, exit: Exit) -> Result<Exit, Failure> {
    match writeln!(io::stdout(), "{}", escaped(&redactor.text(line.as_bytes()))) {
        Ok(()) => Ok(exit),
        // The answer stands although its sentence is not read.
        Err(error) => written(&error).map(|_| exit),
    }
}
