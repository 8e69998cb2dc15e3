//! Prints a document, and derives the exit code from it.

use std::io::{self, BufWriter, IsTerminal, Write};

use super::Failure;
use super::exit::Exit;
use super::global::{Color, Global};
use crate::model::Report;
use crate::model::escape::escaped;
use crate::model::format::Format;
use crate::model::truth_value::TruthValue;
use crate::render::{self, Style};
use crate::scan::wrong_namespace;
use crate::sections;
use crate::sections::section::{Detail, Request};

/// A document for programs, tables for people.
pub(super) fn default_format(whole: bool) -> Format {
    if whole && !io::stdout().is_terminal() {
        Format::Json
    } else {
        Format::Table
    }
}

/// The certificates for `-o pem`; a usage error where no section has any.
pub(super) fn pem(report: &Report, requests: &[Box<dyn Request>]) -> Result<String, Failure> {
    let blocks: Vec<String> = requests
        .iter()
        .filter_map(|request| request.pem(report))
        .collect();
    if blocks.is_empty() {
        let names: Vec<&str> = requests.iter().map(|request| request.info().name).collect();
        return Err(Failure::usage(format!(
            "-o pem is not supported for {}: it has no certificates; use table, wide, json or yaml",
            names.join(", ")
        )));
    }
    Ok(blocks.concat())
}

pub(super) fn print(
    report: &Report,
    requests: &[Box<dyn Request>],
    format: Format,
    pem: Option<&str>,
    global: &Global,
) -> io::Result<()> {
    let stdout = io::stdout();
    let mut out = BufWriter::with_capacity(1 << 16, stdout.lock());
    match format {
        Format::Json | Format::Sarif | Format::Junit => render::json(report, &mut out)?,
        Format::Pem => out.write_all(pem.unwrap_or_default().as_bytes())?,
        Format::Yaml => render::yaml(report, &mut out)?,
        Format::Table | Format::Wide => {
            let style = style(global, is_bare(requests, global));
            let tables = sections::tables(report, requests, Detail::of(format));
            render::tables(&tables, report, style, &mut out)?;
        }
    }
    out.flush()
}

/// How tables look on stdout. `bare`: rows alone.
pub(super) fn style(global: &Global, bare: bool) -> Style {
    let terminal = io::stdout().is_terminal();
    Style {
        color: match global.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|no| no.is_empty()),
        },
        width: terminal_size::terminal_size()
            .filter(|_| terminal)
            .map(|(width, _)| width.0.into()),
        bare,
    }
}

/// Whether a document is that of spyhole's own container, which was not asked for; stderr then says
/// how to attach.
pub(super) fn is_wrong_place(report: &Report) -> bool {
    let words = wrong_namespace::words(report);
    if let Some(words) = &words {
        let _ = writeln!(io::stderr(), "{words}");
    }
    words.is_some()
}

/// Whether stdout has rows alone.
fn is_bare(requests: &[Box<dyn Request>], global: &Global) -> bool {
    global.no_headers || requests.iter().any(|request| request.is_bare())
}

/// The exit code of a run that has printed its document; notes go to stderr.
pub(super) fn verdict(
    report: &Report,
    requests: &[Box<dyn Request>],
    format: Format,
    global: &Global,
) -> Exit {
    let notes = requests.iter().flat_map(|request| request.notes(report));
    let mut words: Vec<String> = notes
        .map(|line| escaped(line.as_bytes()).into_owned())
        .collect();
    match format {
        Format::Pem => {
            let beside = requests
                .iter()
                .flat_map(|request| request.beside_pem(report));
            words.extend(beside.map(|line| escaped(line.as_bytes()).into_owned()));
            words.extend(render::notes(report));
        }
        Format::Table | Format::Wide if is_bare(requests, global) => {
            words.extend(render::notes(report));
        }
        _ => {}
    }
    let alone = wrong_namespace::words(report);
    let is_alone = alone.is_some();
    words.extend(alone);
    let wrong_place = is_alone && requests.iter().any(|request| request.is_of_target());
    if !global.quiet || wrong_place {
        for line in words {
            let _ = writeln!(io::stderr(), "{line}");
        }
    }
    if wrong_place {
        return Exit::Target;
    }
    let unknown = (global.strict && !report.gaps.is_empty())
        || requests.iter().all(|request| request.saw_nothing(report));
    let no = requests.iter().any(|request| request.says_no(report));
    let seen = TruthValue::true_or_unknown(!unknown);
    Exit::of(seen.and((!no).into()))
}
