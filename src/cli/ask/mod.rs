//! The commands that ask the network as the target would. They are no sections: no document of all
//! has them, and no route.

mod connect;
mod dns;
mod fetch;

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::time::Duration;

use clap::{ArgMatches, Command};

use super::exit::Exit;
use super::global::Global;
use super::output::style;
use super::progress::Progress;
use super::scan_options::options;
use super::{Failure, attached, written};
use crate::ask::Answered;
use crate::check::CheckContext;
use crate::model::escape::escaped;
use crate::model::format::Format;
use crate::render;
use crate::scan::needs::Files;
use crate::scan::no_target::NoTarget;
use crate::sys::reader_process;

/// What a question that takes long says on stderr.
pub(super) const WAITING: &str = "waiting for an answer";
/// How much longer than twice its time-out a question is waited for.
const GRACE: Duration = Duration::from_secs(10);

/// One of the commands.
pub(super) struct AskCommand {
    /// Its name.
    pub(super) name: &'static str,
    /// The tools that it stands for.
    pub(super) aliases: &'static [&'static str],
    command: fn() -> Command,
    run: fn(&ArgMatches, &Global) -> Result<Exit, Failure>,
}

/// In the order of the help.
const COMMANDS: &[AskCommand] = &[dns::DNS, fetch::FETCH, connect::CONNECT];

impl AskCommand {
    /// The one of this name.
    pub(super) fn named(word: &OsStr) -> Option<&'static Self> {
        COMMANDS.iter().find(|command| {
            word == command.name || command.aliases.iter().any(|name| word == *name)
        })
    }

    /// Asks, and prints what came of it.
    pub(super) fn run(
        &self,
        own: &ArgMatches,
        global: &Global,
        words: &[OsString],
    ) -> Result<Exit, Failure> {
        attached::wait(words);
        refuse_format(self.name, global)?;
        (self.run)(own, global)
    }
}

/// Their subcommands.
pub(super) fn commands() -> impl Iterator<Item = Command> {
    COMMANDS.iter().map(|command| {
        let aliases = command.aliases.iter().copied();
        (command.command)().visible_aliases(aliases)
    })
}

/// Their names, with those of the tools that they stand for.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    COMMANDS
        .iter()
        .flat_map(|command| std::iter::once(command.name).chain(command.aliases.iter().copied()))
}

fn refuse_format(name: &str, global: &Global) -> Result<(), Failure> {
    match global.output {
        None | Some(Format::Table | Format::Wide | Format::Json) => Ok(()),
        Some(_) => Err(Failure::usage(format!(
            "--output: {name} is printed as table or json, and as nothing else"
        ))),
    }
}

/// Whether the answer is printed as data.
fn is_json(global: &Global) -> bool {
    global.output == Some(Format::Json)
}

/// Does the work in the reader process, with the target's files at hand.
pub(super) fn in_reader<R: Send + 'static>(
    global: &Global,
    files: Files,
    work: impl FnOnce(&mut CheckContext) -> R + Send + 'static,
) -> Result<R, Failure> {
    let options = options(global)?;
    let patience = options.timeout + options.net.dial_timeout * 2 + GRACE;
    let _progress = Progress::start(WAITING, global);
    let asked = reader_process::call(patience, move || {
        let mut memory = Vec::new();
        let mut context = CheckContext::of_question(options, files, &mut memory)?;
        Ok::<_, NoTarget>(work(&mut context))
    });
    let asked = asked.map_err(|none| Failure::no_answer(&none))?;
    asked.map_err(|none| Failure {
        exit: Exit::Target,
        message: super::advice::no_target(&none),
    })
}

fn print_notes(notes: &[String], is_quiet: bool) {
    if !is_quiet {
        for note in notes {
            let _ = writeln!(io::stderr(), "spyhole: note: {}", escaped(note.as_bytes()));
        }
    }
}

/// Prints what was seen to stdout, and what has to be known of it to stderr.
fn print(name: &str, answered: &Answered, bare: bool, global: &Global) -> Result<Exit, Failure> {
    if is_json(global) {
        let document = answered.document(name);
        if let Err(error) = render::document(&document, &mut io::stdout().lock()) {
            written(&error)?;
        }
        return Ok(Exit::of(answered.answer));
    }
    let mut text = Vec::new();
    let style = style(global, bare || global.no_headers);
    render::plain_tables(&answered.tables, style, &mut text)
        .map_err(|error| Failure::internal(error.to_string()))?;
    if let Err(error) = io::stdout().write_all(&text) {
        written(&error)?;
    }
    print_notes(&answered.notes, global.quiet);
    if let Some(failure) = &answered.failure {
        let _ = writeln!(
            io::stderr(),
            "spyhole: {name}: {}",
            escaped(failure.as_bytes())
        );
    }
    Ok(Exit::of(answered.answer))
}
