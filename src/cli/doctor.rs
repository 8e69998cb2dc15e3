//! `spyhole doctor` and `spyhole explain`.

use std::io::{self, Write};

use clap::{ArgMatches, Args, Command, ValueEnum};

use super::exit::Exit;
use super::global::Global;
use super::scan_options::options;
use super::{Failure, attached, given, report, written};
use crate::doctor::{self, Diagnosis, Ignored, Severity};
use crate::model::escape::escaped;
use crate::model::format::Format;
use crate::sections::registry;

pub(super) const DOCTOR: &str = "doctor";
pub(super) const EXPLAIN: &str = "explain";

/// What `spyhole doctor` takes.
#[derive(Debug, Args)]
struct DoctorArgs {
    /// Exit with 1 if a finding is at least this severe: problem, risk, hint or never.
    #[arg(
        long,
        value_name = "SEVERITY",
        value_enum,
        default_value_t = FailOn::Problem,
        hide_possible_values = true
    )]
    fail_on: FailOn,
    /// Leave out the findings of this rule, and say why (repeatable).
    #[arg(long, value_name = "ID=REASON")]
    ignore: Vec<Ignored>,
    /// Report a problem if no process of the target listens on this TCP port (repeatable).
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    expect_port: Vec<u16>,
}

/// `--fail-on`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOn {
    Problem,
    Risk,
    Hint,
    Never,
}

impl FailOn {
    fn severity(self) -> Option<Severity> {
        match self {
            Self::Problem => Some(Severity::Problem),
            Self::Risk => Some(Severity::Risk),
            Self::Hint => Some(Severity::Hint),
            Self::Never => None,
        }
    }
}

/// Their subcommands.
pub(super) fn commands() -> [Command; 2] {
    let explain = Command::new(EXPLAIN)
        .about("Explain a finding of doctor, or list all of them")
        .after_help("Example:\n  spyhole explain SPY-RES-001")
        .arg(clap::Arg::new("id").value_name("ID"));
    let doctor = DoctorArgs::augment_args(Command::new(DOCTOR))
        .about("Find what is wrong with a container, worst first")
        .long_about(None)
        .after_help(
            "Exit codes: 0 nothing as severe as --fail-on, 1 found, 4 no rule could be judged (with \
             --strict: not all of them).\n\n\
             Example:\n  spyhole doctor --fail-on risk",
        );
    [doctor, explain]
}

/// Judges and prints.
///
/// # Errors
/// The document cannot be read, there is no target, or the output cannot be written.
pub(super) fn run(
    own: &ArgMatches,
    global: &Global,
    words: &[std::ffi::OsString],
) -> Result<Exit, Failure> {
    let asked: DoctorArgs = given(own)?;
    let format = global.output.unwrap_or(Format::Table);
    if !matches!(format, Format::Table | Format::Json) {
        let word = format.to_possible_value();
        let word = word.as_ref().map_or("", |word| word.get_name());
        return Err(Failure::usage(format!(
            "-o {word} is not supported for doctor; use table or json"
        )));
    }
    let (_, report) = report(options(global)?, registry::whole(), Format::Json)?;
    let diagnosis = doctor::examine(&report, &asked.expect_port, &asked.ignore);
    attached::wait(words);
    let printed = match format {
        Format::Json => print_json(&diagnosis),
        _ => print_lines(&doctor::lines(&diagnosis)),
    };
    if let Err(error) = printed {
        written(&error)?;
    }
    Ok(exit(&diagnosis, asked.fail_on, global.strict))
}

fn exit(diagnosis: &Diagnosis, fail_on: FailOn, strict: bool) -> Exit {
    let fails = |severity| diagnosis.worst().is_some_and(|worst| worst >= severity);
    if fail_on.severity().is_some_and(fails) {
        return Exit::CheckFailed;
    }
    if diagnosis.rules_judged == 0 || strict && !diagnosis.not_judged.is_empty() {
        return Exit::Unreadable;
    }
    Exit::Done
}

fn print_json(diagnosis: &Diagnosis) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, diagnosis)?;
    writeln!(out)
}

/// Names and paths of the target stand in the lines: none of them makes another line.
pub(super) fn print_lines(lines: &[String]) -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    for line in lines {
        writeln!(out, "{}", escaped(line.as_bytes()))?;
    }
    out.flush()
}

/// Prints a rule, or the list of them.
///
/// # Errors
/// No such rule, or the output cannot be written.
pub(super) fn explain(own: &ArgMatches) -> Result<Exit, Failure> {
    let lines = match own.get_one::<String>("id") {
        None => doctor::index(),
        Some(id) => {
            let rule = doctor::find_rule(id).ok_or_else(|| {
                Failure::usage(format!(
                    "unknown rule {}; spyhole explain lists them",
                    escaped(id.as_bytes())
                ))
            })?;
            doctor::explanation(rule)
        }
    };
    match print_lines(&lines) {
        Ok(()) => Ok(Exit::Done),
        Err(error) => written(&error),
    }
}
