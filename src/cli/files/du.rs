//! `du`.

use std::collections::HashSet;
use std::ffi::OsString;

use clap::{ArgMatches, Args, Command};

use super::document::FilesDocument;
use super::listing::human;
use super::{FilesCommand, Start, is_document, paths, without_help_letter, without_short};
use crate::cli::exit::Exit;
use crate::cli::global::Global;
use crate::cli::{Failure, given};
use crate::files::{
    FileError, FileErrorKind, FilesEnd, Output, Stopped, TargetFiles, WalkOptions, WalkOrder,
};
use crate::model::escape::escaped;
use crate::model::file::SpaceUsed;
use crate::sys::tree_entry::{EntryKind, FileStat};

pub(super) const DU: FilesCommand = FilesCommand {
    name: "du",
    command,
    run,
};

/// Files that are remembered, so that each counts once.
const LINKED: usize = 1 << 20;

/// What `du` takes.
#[derive(Debug, Clone, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
struct DuArgs {
    /// Directories or files of the target (default /).
    #[arg(value_name = "PATH")]
    paths: Vec<OsString>,
    /// Print only the sum of each PATH.
    #[arg(short = 's', long, conflicts_with = "all")]
    summarize: bool,
    /// Print sizes in K, M, G.
    #[arg(short = 'h', long, overrides_with_all = ["bytes", "kilobytes"])]
    human_readable: bool,
    /// Like --apparent-size, in bytes.
    #[arg(short = 'b', long)]
    bytes: bool,
    /// Print sizes in units of 1024 bytes (default).
    #[arg(short = 'k', id = "kilobytes", overrides_with = "bytes")]
    kilobytes: bool,
    /// Print files, too.
    #[arg(short = 'a', long)]
    all: bool,
    /// Print directories down to this depth.
    #[arg(short = 'd', long, value_name = "N", conflicts_with = "summarize")]
    max_depth: Option<usize>,
    /// Print a total.
    #[arg(short = 'c', long)]
    total: bool,
    /// Stay on one file system (default).
    #[arg(short = 'x', long, conflicts_with = "cross")]
    one_file_system: bool,
    /// Count lengths instead of the space that files take.
    #[arg(long)]
    apparent_size: bool,
    /// Also count other file systems; never those of the kernel.
    #[arg(long)]
    cross: bool,
}

fn command() -> Command {
    let command = DuArgs::augment_args(Command::new("du"))
        .about("Print the space that directories of the target take")
        .long_about(None)
        .after_help("Example:\n  spyhole du -sh /var");
    without_short(without_help_letter(command), &["container"])
}

fn run(own: &ArgMatches, global: &Global) -> Result<Exit, Failure> {
    let args: DuArgs = given(own)?;
    let is_document = is_document(global)?;
    let mut paths = paths(&args.paths);
    if paths.is_empty() {
        paths.push(b"/".to_vec());
    }
    Start::of(global).run(move |files, output| {
        let mut counter = Counter {
            document: None,
            has_several: paths.len() > 1,
            linked: HashSet::new(),
            total: Space::default(),
            args,
            files,
        };
        if is_document {
            counter.document = Some(FilesDocument::begin("space", output)?);
        }
        for path in &paths {
            counter.count(path, output)?;
        }
        let total = counter.total;
        if counter.args.total && counter.document.is_none() {
            counter.print(b"total", total, output)?;
        }
        if let Some(document) = counter.document {
            document.end(output)?;
        }
        Ok(FilesEnd::Done)
    })
}

#[derive(Debug, Clone, Copy, Default)]
struct Space {
    apparent_bytes: u64,
    allocated_bytes: u64,
}

impl Space {
    fn of(stat: &FileStat) -> Self {
        Self {
            apparent_bytes: stat.size_bytes,
            allocated_bytes: stat.blocks.saturating_mul(512),
        }
    }

    fn add(&mut self, other: Self) {
        self.apparent_bytes = self.apparent_bytes.saturating_add(other.apparent_bytes);
        self.allocated_bytes = self.allocated_bytes.saturating_add(other.allocated_bytes);
    }
}

struct Counter<'a> {
    args: DuArgs,
    files: &'a TargetFiles,
    document: Option<FilesDocument>,
    has_several: bool,
    linked: HashSet<((u32, u32), u64)>,
    total: Space,
}

impl Counter<'_> {
    fn count(&mut self, top: &[u8], output: &mut Output) -> Result<(), Stopped> {
        let options = WalkOptions {
            cross: self.args.cross,
            order: WalkOrder::PostOrder,
            follow_start: true,
            ..WalkOptions::default()
        };
        // By depth what was met since the directory above came.
        let mut sums: Vec<Space> = Vec::new();
        let most = if self.args.summarize {
            Some(0)
        } else {
            self.args.max_depth
        };
        for met in self.files.walk(top, options) {
            let met = match met {
                Ok(met) => met,
                Err(error) => {
                    self.miss(&error, output)?;
                    continue;
                }
            };
            if met.is_other_mount && met.depth > 0 {
                continue;
            }
            let stat = met.entry.stat();
            let is_directory = stat.kind == EntryKind::Directory;
            // Of several paths one may hold another.
            if self.has_several || !is_directory && stat.nlink > 1 {
                if self.linked.len() >= LINKED {
                    let error = FileError::of(&met.path, FileErrorKind::TooMany);
                    self.miss(&error, output)?;
                } else if !self.linked.insert(stat.identity()) {
                    continue;
                }
            }
            let mut space = Space::of(stat);
            if sums.len() < met.depth + 2 {
                sums.resize(met.depth + 2, Space::default());
            }
            if let Some(below) = sums.get_mut(met.depth + 1) {
                space.add(std::mem::take(below));
            }
            if let Some(own) = sums.get_mut(met.depth) {
                own.add(space);
            }
            let is_shown = met.depth == 0 || is_directory || self.args.all;
            if is_shown && most.is_none_or(|most| met.depth <= most) {
                self.print(&met.path, space, output)?;
            }
        }
        if let Some(sum) = sums.first() {
            self.total.add(*sum);
        }
        Ok(())
    }

    fn miss(&mut self, error: &FileError, output: &mut Output) -> Result<(), Stopped> {
        match &mut self.document {
            Some(document) => document.miss(error, output),
            None => output.complain(error),
        }
    }

    fn print(&mut self, path: &[u8], space: Space, output: &mut Output) -> Result<(), Stopped> {
        if let Some(document) = &mut self.document {
            let used = SpaceUsed {
                path: path.into(),
                apparent_bytes: space.apparent_bytes,
                allocated_bytes: space.allocated_bytes,
            };
            return document.add(&used, output);
        }
        let bytes = if self.args.bytes || self.args.apparent_size {
            space.apparent_bytes
        } else {
            space.allocated_bytes
        };
        let shown = if self.args.human_readable {
            human(bytes)
        } else if self.args.bytes {
            bytes.to_string()
        } else {
            bytes.div_ceil(1024).to_string()
        };
        output.write(format!("{shown}\t{}\n", escaped(path)).as_bytes())
    }
}
