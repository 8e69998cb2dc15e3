//! `spyhole` on a terminal, without a command: one screen.

use std::ffi::OsString;
use std::io::{self, BufWriter, IsTerminal, Write};

use clap::Command;

use super::exit::Exit;
use super::global::Global;
use super::output::{is_wrong_place, style};
use super::scan_options::options;
use super::{Failure, attached, report_with_progress, written};
use crate::doctor::{self, Screen};
use crate::model::format::Format;
use crate::render::Style;
use crate::scan::needs::NetPolicy;
use crate::sections::requests_of_doctor;

pub(super) const OVERVIEW: &str = "overview";

/// The most lines of it.
const LINES: usize = 30;
/// Where no terminal tells: in a container of which only the log is shown.
const WIDTH: usize = 80;
/// Narrower than that nothing can be said.
const WIDTH_LEAST: usize = 40;

/// Its subcommand.
pub(super) fn command() -> Command {
    Command::new(OVERVIEW)
        .about("Show the target on one screen: what it is and does, what is wrong, where to look next")
        .after_help(
            "On a terminal this is what spyhole shows without a command. It opens no connection.\n\n\
             Example:\n  spyhole overview",
        )
}

/// Whether a command line without a command asks for it.
pub(super) fn is_default(global: &Global) -> bool {
    global.output.is_none() && io::stdout().is_terminal()
}

/// Looks, judges and prints.
///
/// # Errors
/// There is no target, or the output cannot be written.
pub(super) fn run(global: &Global, words: &[OsString]) -> Result<Exit, Failure> {
    if global.output.is_some_and(|format| format != Format::Table) {
        return Err(Failure::usage(
            "-o is not supported for overview; use spyhole dump or spyhole doctor",
        ));
    }
    let mut options = options(global)?;
    options.net = NetPolicy::none();
    let (_, report) =
        report_with_progress(global, options, requests_of_doctor(false), Format::Json)?;
    let diagnosis = doctor::examine(&report, &doctor::Expectations::default());
    attached::wait(words);
    let style = style(global, false);
    let lines = doctor::overview(&report, &diagnosis, screen(style));
    if let Err(error) = print(&lines, style) {
        written(&error)?;
    }
    if is_wrong_place(&report) {
        return Ok(Exit::Target);
    }
    if global.strict && !report.gaps.is_empty() {
        return Ok(Exit::Unreadable);
    }
    Ok(Exit::Done)
}

fn screen(style: Style) -> Screen {
    let height = terminal_size::terminal_size().map(|(_, height)| usize::from(height.0));
    // The prompt takes a line.
    let height = height
        .filter(|_| style.width.is_some())
        .map(|all| all.saturating_sub(1));
    Screen {
        width: style.width.unwrap_or(WIDTH).max(WIDTH_LEAST),
        lines: height.unwrap_or(LINES).min(LINES),
    }
}

fn print(lines: &[String], style: Style) -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    for (index, line) in lines.iter().enumerate() {
        let severity = ["PROBLEM", "RISK"].iter().zip([31, 33]);
        let mut mark =
            severity.filter_map(|(word, color)| Some((line.strip_prefix(word)?, word, color)));
        match mark.next().filter(|_| style.color) {
            Some((rest, word, color)) => writeln!(out, "\x1b[{color}m{word}\x1b[0m{rest}")?,
            None if index == 0 && style.color => writeln!(out, "\x1b[1m{line}\x1b[0m")?,
            None => writeln!(out, "{line}")?,
        }
    }
    out.flush()
}
