//! The commands on the target's files. They are no sections: no document of all has them, and no
//! route.
//!
//! Each is a clap command and the work that it does in the reader process. A tool's own short flags
//! win over the global ones: `head -c 5` are bytes, `--container` is the container everywhere.

mod cat;
mod document;
mod du;
mod ends;
pub(super) mod escaping;
mod find;
mod follow;
mod grep;
pub(super) use grep::pattern as grep_pattern;
mod head;
mod listing;
mod ls;
mod refusals;
mod sha256sum;
mod spelling;
mod stat;
mod tail;
pub(super) mod tar;

use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStringExt;

use clap::{Arg, ArgAction, ArgMatches, Args, Command};

use super::exit::Exit;
use super::global::Global;
use super::progress::ByteProgress;
use super::scan_options::options;
use super::{Failure, habits, written};
use crate::files::error::FilesUnavailable;
use crate::files::output::NotRun;
use crate::files::tar::{ArchiveOptions, write_archive};
use crate::files::{
    FileError, FilesEnd, FilesOptions, Message, Output, Stopped, TargetFiles, run_in_reader,
};
use crate::model::format::Format;
use crate::sys::tree_entry::EntryKind;
pub(super) use spelling::in_clap_words;

/// One of the commands.
pub(super) struct FilesCommand {
    pub(super) name: &'static str,
    command: fn() -> Command,
    run: fn(&ArgMatches, &Global) -> Result<Exit, Failure>,
}

/// In the order of the help.
const COMMANDS: &[FilesCommand] = &[
    ls::LS,
    cat::CAT,
    head::HEAD,
    tail::TAIL,
    stat::STAT,
    find::FIND,
    grep::GREP,
    du::DU,
    sha256sum::SHA256SUM,
    tar::TAR,
];

impl FilesCommand {
    /// The one of this name.
    pub(super) fn named(word: &OsStr) -> Option<&'static Self> {
        COMMANDS.iter().find(|command| word == command.name)
    }

    /// Its subcommand.
    pub(super) fn command(&self) -> Command {
        (self.command)()
    }

    /// What is said of a flag of its tool that is not offered; `None`: the error is another one.
    pub(super) fn refusal(&self, error: &clap::Error) -> Option<clap::Error> {
        refusals::of(self.name, error)
    }

    /// Does it.
    pub(super) fn run(&self, own: &ArgMatches, global: &Global) -> Result<Exit, Failure> {
        (self.run)(own, global)
    }
}

/// The one that a command line names.
pub(super) fn named_in(words: &[OsString]) -> Option<&'static FilesCommand> {
    let at = habits::command_at(words)?;
    FilesCommand::named(words.get(at)?)
}

/// Their subcommands.
pub(super) fn commands() -> impl Iterator<Item = Command> {
    COMMANDS.iter().map(FilesCommand::command)
}

/// Their names.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    COMMANDS.iter().map(|command| command.name)
}

/// Flags of the commands that show content.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct ContentArgs {
    /// Show this file even if it is a secret, by its exact path (repeatable).
    #[arg(long, value_name = "PATH", action = ArgAction::Append, help_heading = "Secrets")]
    pub(super) reveal_file: Vec<OsString>,
    /// On a terminal, write control characters as they are.
    #[arg(long, help_heading = "Output")]
    pub(super) raw: bool,
}

impl ContentArgs {
    fn revealed(&self) -> Vec<Vec<u8>> {
        let paths = self.reveal_file.iter().cloned();
        paths.map(OsStringExt::into_vec).collect()
    }

    /// Whether control characters are written out.
    fn escapes(&self) -> bool {
        !self.raw && io::stdout().is_terminal()
    }
}

/// A subcommand whose own short flags are also global ones: those are left to their long names.
pub(super) fn without_short(mut command: Command, ids: &[&str]) -> Command {
    let global = Global::augment_args(Command::new(""));
    for arg in global.get_arguments() {
        if ids.iter().any(|id| arg.get_id() == *id) {
            command = command.arg(arg.clone().short(None).global(false));
        }
    }
    command
}

/// A subcommand in which `-h` is a flag of its own.
fn without_help_letter(command: Command) -> Command {
    command.disable_help_flag(true).arg(
        Arg::new("help")
            .long("help")
            .action(ArgAction::Help)
            .help("Print help"),
    )
}

/// The bytes of paths on the command line.
fn paths(words: &[OsString]) -> Vec<Vec<u8>> {
    words.iter().cloned().map(OsStringExt::into_vec).collect()
}

/// Whether the output is a document, for a command that has such a form.
fn is_document(global: &Global) -> Result<bool, Failure> {
    match global.output {
        None | Some(Format::Table | Format::Wide) => Ok(false),
        Some(Format::Json) => Ok(true),
        Some(_) => Err(Failure::usage(
            "ls, stat, find and du have the formats table and json alone; nearest: -o json",
        )),
    }
}

/// Refuses `-o json` and its like for a command that shows content.
fn refuse_format(name: &str, global: &Global) -> Result<(), Failure> {
    match global.output {
        None | Some(Format::Table | Format::Wide) => Ok(()),
        Some(_) => Err(Failure::usage(format!(
            "{name} has no --output format: it prints content as it is; ls, stat, find and du have \
             json"
        ))),
    }
}

/// Writes an archive of one path of the target for `cp`.
pub(super) fn write_for_cp<W: Write + AsFd>(
    out: &mut W,
    global: &Global,
    reveal_file: &[OsString],
    options: ArchiveOptions,
) -> Result<Exit, Failure> {
    let content = ContentArgs {
        reveal_file: reveal_file.to_vec(),
        raw: true,
    };
    let mut start = Start::of(global)
        .with(&content)
        .following(global.timeout.is_none());
    // To stdout, which may be the terminal, the file itself is what is seen.
    if options.for_cp {
        start = start.saying("copying");
    }
    start.run_to(out, move |files, output| {
        write_archive(files, output, &options)
    })
}

/// Writes the path of a directory of the target as it is without links.
pub(super) fn write_directory<W: Write + AsFd>(
    out: &mut W,
    global: &Global,
    path: Vec<u8>,
) -> Result<Exit, Failure> {
    Start::of(global).run_to(out, move |files, output| {
        match files.entry(&path) {
            Err(error) => output.complain(error)?,
            Ok(entry) if entry.stat().kind != EntryKind::Directory => {
                output.complain(FileError::errno(&path, nix::errno::Errno::ENOTDIR))?;
            }
            Ok(entry) => {
                let resolved = entry.resolved_path(files.root());
                output.write(&resolved.unwrap_or(path))?;
            }
        }
        Ok(FilesEnd::Done)
    })
}

/// How work is begun.
struct Start<'a> {
    global: &'a Global,
    content: Option<ContentArgs>,
    /// Whether it goes on until it is stopped.
    follow: bool,
    /// What is said on stderr while bytes are passed on.
    progress: Option<&'static str>,
}

impl<'a> Start<'a> {
    fn of(global: &'a Global) -> Self {
        Self {
            global,
            content: None,
            follow: false,
            progress: None,
        }
    }

    fn with(self, content: &ContentArgs) -> Self {
        Self {
            content: Some(content.clone()),
            ..self
        }
    }

    fn following(self, follow: bool) -> Self {
        Self { follow, ..self }
    }

    /// Says how far it is; for output that does not go to the terminal.
    fn saying(self, what: &'static str) -> Self {
        Self {
            progress: Some(what),
            ..self
        }
    }

    /// Does the work in the reader process, and prints what it says.
    fn run(
        self,
        work: impl FnOnce(&TargetFiles, &mut Output) -> Result<FilesEnd, Stopped> + Send + 'static,
    ) -> Result<Exit, Failure> {
        self.run_to(&mut io::stdout().lock(), work)
    }

    /// Does the work in the reader process; its output goes to `out`, its words to stderr.
    fn run_to<W: Write + AsFd>(
        self,
        out: &mut W,
        work: impl FnOnce(&TargetFiles, &mut Output) -> Result<FilesEnd, Stopped> + Send + 'static,
    ) -> Result<Exit, Failure> {
        let files = FilesOptions {
            scan: options(self.global)?,
            reveal_files: self
                .content
                .as_ref()
                .map(ContentArgs::revealed)
                .unwrap_or_default(),
            reveal_all: self.global.reveal_all,
            follow: self.follow,
        };
        let quiet = self.global.quiet;
        let mut failed = None;
        let mut progress = ByteProgress::start(self.progress, self.global);
        let ran = run_in_reader(files, work, |message| match message {
            Message::Out(bytes) => {
                progress.add(bytes.len());
                let done = out.write_all(&bytes).and_then(|()| out.flush());
                done.map_err(|error| {
                    failed = Some(error);
                    Stopped
                })
            }
            Message::Complaint(line) => {
                progress.make_room();
                let _ = writeln!(io::stderr(), "spyhole: {line}");
                Ok(())
            }
            Message::Note(line) => {
                if !quiet {
                    progress.make_room();
                    let _ = writeln!(io::stderr(), "spyhole: {line}");
                }
                Ok(())
            }
            Message::Idle => {
                progress.add(0);
                if crate::sys::terminal::is_hung_up(&*out) {
                    Err(Stopped)
                } else {
                    Ok(())
                }
            }
        });
        drop(progress);
        match ran {
            Ok(verdict) if verdict.is_wrong_place => Ok(Exit::Target),
            Ok(verdict) if verdict.end == FilesEnd::Found => Ok(Exit::Done),
            Ok(verdict) if verdict.complained => Ok(Exit::Unreadable),
            Ok(verdict) if verdict.end == FilesEnd::NothingFound => Ok(Exit::CheckFailed),
            Ok(_) => Ok(Exit::Done),
            Err(NotRun::Stopped) => failed.map_or(Ok(Exit::Done), |error| written(&error)),
            Err(NotRun::NoAnswer(none)) => Err(Failure::no_answer(&none)),
            Err(NotRun::Unavailable(unavailable)) => Err(Failure {
                exit: match unavailable {
                    FilesUnavailable::NoTarget(_) => Exit::Target,
                    FilesUnavailable::Root { .. } => Exit::Unreadable,
                },
                message: match &unavailable {
                    FilesUnavailable::NoTarget(none) => super::advice::no_target(none),
                    root @ FilesUnavailable::Root { .. } => root.to_string(),
                },
            }),
        }
    }
}
