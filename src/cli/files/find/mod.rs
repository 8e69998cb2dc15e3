//! `find`.

mod expression;
mod parser;
mod tests_of_files;
mod values;

use std::ffi::OsString;
use std::io::IsTerminal;
use std::os::unix::ffi::OsStringExt;
use std::time::SystemTime;

use clap::{ArgMatches, Args, Command};
use time::OffsetDateTime;

use super::document::FilesDocument;
use super::escaping::shown_name;
use super::listing::{ls_time, mode_string};
use super::{FilesCommand, Start, is_document};
use crate::cli::exit::Exit;
use crate::cli::global::Global;
use crate::cli::{Failure, given};
use crate::files::{
    FileError, FilesEnd, Output, Stopped, TargetFiles, Walk, WalkEntry, WalkOptions, WalkOrder,
};
use crate::model::escape::escaped;
use crate::sys::tree_entry::EntryKind;
use expression::{Action, Expression, Found};
use parser::parse;
pub(in crate::cli::files) use parser::takes_value;
use tests_of_files::Moment;
pub(in crate::cli::files) use tests_of_files::base_name;

pub(super) const FIND: FilesCommand = FilesCommand {
    name: "find",
    command,
    run,
};

/// What `find` takes.
#[derive(Debug, Clone, Args)]
struct FindArgs {
    /// Paths of the target (default /), then what to look for.
    #[arg(
        value_name = "PATH|EXPRESSION",
        allow_hyphen_values = true,
        trailing_var_arg = true
    )]
    words: Vec<OsString>,
    /// Also enter other file systems; never those of the kernel.
    #[arg(long)]
    cross: bool,
    /// On a terminal, write control characters as they are.
    #[arg(long)]
    raw: bool,
}

fn command() -> Command {
    FindArgs::augment_args(Command::new("find"))
        .about("Find files of the target")
        .long_about(None)
        .after_help(
            "Expressions, as those of GNU find:\n  \
             -name -iname -path -ipath -lname PATTERN   -type f,d,l,p,s,c,b\n  \
             -size [+-]N[cwbkMG]   -empty   -links [+-]N   -inum [+-]N   -perm [-/]MODE\n  \
             -mtime -atime -ctime [+-]DAYS   -mmin -amin -cmin [+-]MINUTES   -newer PATH\n  \
             -user -group NAME|ID   -uid -gid [+-]N   -nouser   -nogroup   -true   -false\n  \
             -maxdepth N   -mindepth N   -depth   -xdev (default)\n  \
             -print   -print0   -ls   -prune   -quit\n  \
             ( )   ! -not   -a -and   -o -or\n\n\
             Example:\n  spyhole find /etc -name '*.conf' -mmin -60",
        )
}

fn run(own: &ArgMatches, global: &Global) -> Result<Exit, Failure> {
    let args: FindArgs = given(own)?;
    let is_document = is_document(global)?;
    let words = args.words.iter().cloned().map(OsStringExt::into_vec);
    let asked = parse(words.collect()).map_err(Failure::usage)?;
    let escapes = !args.raw && std::io::stdout().is_terminal();
    Start::of(global).run(move |files, output| {
        let Some(expression) = asked.expression.resolve(files, output)? else {
            return Ok(FilesEnd::Done);
        };
        let mut finder = Finder {
            files,
            expression,
            min_depth: asked.min_depth,
            document: None,
            escapes,
            now: Moment::now(),
            has_quit: false,
        };
        if is_document {
            finder.document = Some(FilesDocument::begin("files", output)?);
        }
        let options = WalkOptions {
            max_depth: asked.max_depth,
            follow_start: asked.follow_start,
            cross: args.cross,
            order: if asked.depth_first {
                WalkOrder::PostOrder
            } else {
                WalkOrder::PreOrder
            },
        };
        for path in &asked.paths {
            if !finder.has_quit {
                finder.search(path, options, output)?;
            }
        }
        if let Some(document) = finder.document {
            document.end(output)?;
        }
        Ok(FilesEnd::Done)
    })
}

struct Finder<'a> {
    files: &'a TargetFiles,
    expression: Expression,
    min_depth: usize,
    document: Option<FilesDocument>,
    escapes: bool,
    now: Moment,
    has_quit: bool,
}

impl Finder<'_> {
    fn search(
        &mut self,
        start: &[u8],
        options: WalkOptions,
        output: &mut Output,
    ) -> Result<(), Stopped> {
        let files = self.files;
        let mut walk: Walk<'_> = files.walk(start, options);
        while let Some(met) = walk.next() {
            match met {
                Err(error) => self.miss(&error, output)?,
                Ok(met) if met.depth < self.min_depth => {}
                Ok(met) => self.judge(&met, &mut walk, output)?,
            }
            if self.has_quit {
                break;
            }
        }
        Ok(())
    }

    fn judge(
        &mut self,
        met: &WalkEntry,
        walk: &mut Walk<'_>,
        output: &mut Output,
    ) -> Result<(), Stopped> {
        let mut actions = Vec::new();
        let mut errors = Vec::new();
        let found = Found {
            met,
            files: self.files,
            now: self.now,
        };
        self.expression.holds(&found, &mut actions, &mut errors);
        for error in &errors {
            self.miss(error, output)?;
        }
        for action in actions {
            match action {
                Action::Prune => walk.skip_children(),
                Action::Quit => self.has_quit = true,
                shown => self.show(shown, met, output)?,
            }
        }
        Ok(())
    }

    fn show(
        &mut self,
        action: Action,
        met: &WalkEntry,
        output: &mut Output,
    ) -> Result<(), Stopped> {
        if let Some(document) = &mut self.document {
            return document.add(&self.files.describe(&met.path, &met.entry), output);
        }
        match action {
            Action::Print0 => {
                output.write(&met.path)?;
                output.write(&[0])
            }
            Action::Ls => {
                let line = self.ls(met);
                output.write(line.as_bytes())
            }
            _ => {
                output.write(&shown_name(&met.path, self.escapes))?;
                output.write(b"\n")
            }
        }
    }

    /// A line of `-ls`.
    fn ls(&self, met: &WalkEntry) -> String {
        let stat = met.entry.stat();
        let name = |name: Option<&[u8]>, id: u32| match name {
            Some(name) => escaped(name).into_owned(),
            None => id.to_string(),
        };
        let is_device = matches!(stat.kind, EntryKind::CharDevice | EntryKind::BlockDevice);
        let size = if is_device {
            format!("{:>3}, {:>3}", stat.special_device.0, stat.special_device.1)
        } else {
            format!("{:>8}", stat.size_bytes)
        };
        let is_link = stat.kind == EntryKind::Link;
        let target = is_link.then(|| met.entry.link_target().ok()).flatten();
        let target = target.map_or_else(String::new, |target| format!(" -> {}", escaped(&target)));
        format!(
            "{:>9} {:>6} {} {:>3} {:<8} {:<8} {size} {} {}{target}\n",
            stat.inode,
            stat.blocks.div_ceil(2),
            mode_string(stat),
            stat.nlink,
            name(self.files.user(stat.uid), stat.uid),
            name(self.files.group(stat.gid), stat.gid),
            ls_time(stat.modified, OffsetDateTime::from(SystemTime::now())),
            escaped(&met.path),
        )
    }

    fn miss(&mut self, error: &FileError, output: &mut Output) -> Result<(), Stopped> {
        match &mut self.document {
            Some(document) => document.miss(error, output),
            None => output.complain(error),
        }
    }
}
