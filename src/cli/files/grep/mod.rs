//! `grep`: it searches what is shown, so that no pattern confirms a secret that is not.

pub(in crate::cli) mod pattern;
mod search;

use std::ffi::OsString;
use std::io::IsTerminal;

use clap::{ArgAction, ArgMatches, Args, Command};

use super::cat::say_redactions;
use super::find::base_name;
use super::{
    ContentArgs, FilesCommand, Start, paths, refuse_format, without_help_letter, without_short,
};
use crate::cli::exit::Exit;
use crate::cli::global::{Color, Global};
use crate::cli::{Failure, given};
use crate::files::{
    Content, FileError, FileErrorKind, FilesEnd, Output, Stopped, TargetFiles, WalkEntry,
    WalkOptions,
};
use crate::parse::glob::Glob;
use crate::parse::posix_regex::RegexGrammar;
use crate::sys::tree_entry::EntryKind;
use pattern::{LinePattern, PatternStyle};
use search::{SearchStyle, Searcher};

pub(super) const GREP: FilesCommand = FilesCommand {
    name: "grep",
    command,
    run,
};

/// What `grep` takes.
#[derive(Debug, Clone, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
struct GrepArgs {
    /// The pattern (unless -e is given), then files of the target; with -r also directories
    /// (default /).
    #[arg(value_name = "PATTERN|PATH")]
    words: Vec<OsString>,
    /// Search for this pattern (repeatable).
    #[arg(short = 'e', long = "regexp", value_name = "PATTERN", action = ArgAction::Append, allow_hyphen_values = true)]
    patterns: Vec<OsString>,
    /// Read patterns as extended regular expressions.
    #[arg(short = 'E', long, overrides_with_all = ["fixed_strings", "basic_regexp"])]
    extended_regexp: bool,
    /// Read patterns as plain text.
    #[arg(short = 'F', long, overrides_with_all = ["extended_regexp", "basic_regexp"])]
    fixed_strings: bool,
    /// Read patterns as basic regular expressions (default).
    #[arg(short = 'G', long)]
    basic_regexp: bool,
    /// Ignore upper and lower case.
    #[arg(short = 'i', long, visible_short_alias = 'y')]
    ignore_case: bool,
    /// Print the lines that do not match.
    #[arg(short = 'v', long)]
    invert_match: bool,
    /// Match whole words only.
    #[arg(short = 'w', long)]
    word_regexp: bool,
    /// Match whole lines only.
    #[arg(short = 'x', long)]
    line_regexp: bool,
    /// Search directories, too; links in them are not followed.
    #[arg(short = 'r', long)]
    recursive: bool,
    /// Likewise, links followed.
    #[arg(short = 'R', long)]
    dereference_recursive: bool,
    /// Print line numbers.
    #[arg(short = 'n', long)]
    line_number: bool,
    /// Print only how many lines match in each file.
    #[arg(short = 'c', long = "count")]
    count: bool,
    /// Print only the names of files that match.
    #[arg(short = 'l', long)]
    files_with_matches: bool,
    /// Print only the names of files that do not match.
    #[arg(short = 'L', long)]
    files_without_match: bool,
    /// Print file names in front of lines.
    #[arg(short = 'H', long, overrides_with = "no_filename")]
    with_filename: bool,
    /// Print no file names.
    #[arg(short = 'h', long)]
    no_filename: bool,
    /// Print only what matches.
    #[arg(short = 'o', long)]
    only_matching: bool,
    /// Print nothing; the exit code says whether a line matches.
    #[arg(short = 'q', long = "silent")]
    silent: bool,
    /// Say nothing of files that are missing or unreadable.
    #[arg(short = 's', long)]
    no_messages: bool,
    /// Print this many lines behind each match.
    #[arg(short = 'A', long, value_name = "N")]
    after_context: Option<usize>,
    /// Print this many lines before each match.
    #[arg(short = 'B', long, value_name = "N")]
    before_context: Option<usize>,
    /// Print this many lines around each match; also -NUMBER.
    #[arg(short = 'C', long, value_name = "N")]
    context: Option<usize>,
    /// Stop after this many matching lines in each file.
    #[arg(short = 'm', long, value_name = "N")]
    max_count: Option<u64>,
    /// Treat binary files as text.
    #[arg(short = 'a', long)]
    text: bool,
    /// Leave out binary files.
    #[arg(short = 'I')]
    no_binary: bool,
    /// With -r, search only files of this name (a pattern; repeatable).
    #[arg(long, value_name = "GLOB", action = ArgAction::Append)]
    include: Vec<OsString>,
    /// Leave out files of this name.
    #[arg(long, value_name = "GLOB", action = ArgAction::Append)]
    exclude: Vec<OsString>,
    /// With -r, leave out directories of this name.
    #[arg(long, value_name = "GLOB", action = ArgAction::Append)]
    exclude_dir: Vec<OsString>,
    /// With -r, also enter other file systems; never those of the kernel.
    #[arg(long)]
    cross: bool,
    #[command(flatten)]
    content: ContentArgs,
}

fn command() -> Command {
    let command = GrepArgs::augment_args(Command::new("grep"))
        .about("Search files of the target for lines; secrets are searched as they are shown")
        .long_about(None)
        .after_help(
            "Exit codes: 0 a line was found, 1 none was, 4 a file was missing, unreadable or held \
             back.\n\nExample:\n  spyhole grep -rn listen /etc/nginx",
        );
    without_short(
        without_help_letter(command),
        &["container", "output", "quiet"],
    )
}

fn run(own: &ArgMatches, global: &Global) -> Result<Exit, Failure> {
    let args: GrepArgs = given(own)?;
    refuse_format("grep", global)?;
    let mut words = paths(&args.words).into_iter();
    let mut patterns = paths(&args.patterns);
    if patterns.is_empty() {
        let first = words.next();
        patterns.push(first.ok_or_else(|| Failure::usage("grep: a PATTERN is missing"))?);
    }
    let recursive = args.recursive || args.dereference_recursive;
    let mut starts: Vec<Vec<u8>> = words.collect();
    if starts.is_empty() {
        if !recursive {
            return Err(Failure::usage(
                "grep: a PATH of the target is missing; with -r it is / where none is given",
            ));
        }
        starts.push(b"/".to_vec());
    }
    let grammar = if args.fixed_strings {
        RegexGrammar::Fixed
    } else if args.extended_regexp {
        RegexGrammar::Extended
    } else {
        RegexGrammar::Basic
    };
    let is_terminal = std::io::stdout().is_terminal();
    let has_color = match global.color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => {
            is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        }
    };
    let pattern = LinePattern::new(
        &patterns,
        PatternStyle {
            grammar,
            ignore_case: args.ignore_case,
            whole_word: args.word_regexp,
            whole_line: args.line_regexp,
            needs_ends: args.only_matching || has_color,
        },
    );
    let pattern = pattern.map_err(Failure::usage)?;
    let style = style_of(&args, has_color);
    Start::of(global)
        .with(&args.content)
        .run(move |files, output| {
            let mut grep = Grep {
                files,
                include: globs(&args.include),
                exclude: globs(&args.exclude),
                exclude_dir: globs(&args.exclude_dir),
                searcher: Searcher::new(pattern, style),
                several: starts.len() > 1,
                args,
            };
            for start in starts {
                if grep.searcher.has_found && grep.args.silent {
                    break;
                }
                grep.search(&start, output)?;
            }
            let found = grep.searcher.has_found;
            Ok(match (found, grep.args.silent) {
                (true, true) => FilesEnd::Found,
                (true, false) => FilesEnd::Done,
                (false, _) => FilesEnd::NothingFound,
            })
        })
}

fn style_of(args: &GrepArgs, color: bool) -> SearchStyle {
    let names_only = args.files_with_matches || args.files_without_match;
    SearchStyle {
        inverts: args.invert_match,
        numbers: args.line_number,
        counts: args.count && !names_only,
        lists_matching: args.files_with_matches,
        lists_others: args.files_without_match && !args.files_with_matches,
        only_matching: args.only_matching,
        silent: args.silent,
        before: args.before_context.or(args.context).unwrap_or(0),
        after: args.after_context.or(args.context).unwrap_or(0),
        has_context: args
            .before_context
            .or(args.after_context)
            .or(args.context)
            .is_some(),
        most: args.max_count,
        binary_as_text: args.text,
        no_binary: args.no_binary,
        color,
        escapes: args.content.escapes(),
    }
}

fn globs(words: &[OsString]) -> Vec<Glob> {
    let words = paths(words);
    words.iter().map(|word| Glob::parse(word, false)).collect()
}

fn any(globs: &[Glob], path: &[u8]) -> bool {
    let name = base_name(path);
    globs
        .iter()
        .any(|glob| glob.matches(name) || glob.matches(path))
}

/// Device and inode.
type Identity = ((u32, u32), u64);

struct Grep<'a> {
    args: GrepArgs,
    files: &'a TargetFiles,
    include: Vec<Glob>,
    exclude: Vec<Glob>,
    exclude_dir: Vec<Glob>,
    searcher: Searcher,
    several: bool,
}

impl Grep<'_> {
    fn search(&mut self, start: &[u8], output: &mut Output) -> Result<(), Stopped> {
        let entry = match self.files.entry(start) {
            Ok(entry) => entry,
            Err(error) => return self.miss(&error, output),
        };
        let recursive = self.args.recursive || self.args.dereference_recursive;
        let is_directory = entry.stat().kind == EntryKind::Directory;
        let names = self.args.with_filename
            || !self.args.no_filename && (self.several || recursive && is_directory);
        self.searcher.names = names;
        if is_directory && recursive {
            return self.tree(start, output);
        }
        if !is_directory && self.is_left_out(start) {
            return Ok(());
        }
        let content = self.files.content(start, &entry);
        self.file(content, start, output)
    }

    fn tree(&mut self, start: &[u8], output: &mut Output) -> Result<(), Stopped> {
        let mut starts = vec![(start.to_vec(), Vec::new())];
        while let Some((start, above)) = starts.pop() {
            // The directories that lead to an entry.
            let mut way: Vec<Identity> = Vec::new();
            let options = WalkOptions {
                follow_start: true,
                cross: self.args.cross,
                ..WalkOptions::default()
            };
            let files = self.files;
            let mut walk = files.walk(&start, options);
            while let Some(met) = walk.next() {
                if self.searcher.has_found && self.args.silent {
                    return Ok(());
                }
                let met = match met {
                    Ok(met) => met,
                    Err(error) => {
                        self.miss(&error, output)?;
                        continue;
                    }
                };
                if met.entry.stat().kind == EntryKind::Directory {
                    let identity = met.entry.stat().identity();
                    if above.contains(&identity) {
                        walk.skip_children();
                        continue;
                    }
                    way.truncate(met.depth);
                    way.push(identity);
                }
                match met.entry.stat().kind {
                    EntryKind::Directory if met.depth > 0 && any(&self.exclude_dir, &met.path) => {
                        walk.skip_children();
                    }
                    EntryKind::File if !self.is_left_out(&met.path) => {
                        let content = files.content_of(&met);
                        self.file(content, &met.path, output)?;
                    }
                    EntryKind::Link if self.args.dereference_recursive => {
                        let own = way.get(..met.depth).unwrap_or_default();
                        let above = [above.as_slice(), own].concat();
                        if self.linked(&met, &above, output)? {
                            starts.push((met.path, above));
                        }
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// What a link leads to: a file is searched; `true`: a directory is to be.
    fn linked(
        &mut self,
        met: &WalkEntry,
        above: &[Identity],
        output: &mut Output,
    ) -> Result<bool, Stopped> {
        let entry = match self.files.entry(&met.path) {
            Ok(entry) => entry,
            Err(error) => return self.miss(&error, output).map(|()| false),
        };
        match entry.stat().kind {
            EntryKind::File if !self.is_left_out(&met.path) => {
                let content = self.files.content(&met.path, &entry);
                self.file(content, &met.path, output).map(|()| false)
            }
            EntryKind::Directory if !any(&self.exclude_dir, &met.path) => {
                let is_loop = above.contains(&entry.stat().identity());
                let is_entered = self.args.cross || entry.mount_id() == met.entry.mount_id();
                Ok(!is_loop && is_entered && !self.files.is_kernel_view(&entry))
            }
            _ => Ok(false),
        }
    }

    fn is_left_out(&self, path: &[u8]) -> bool {
        any(&self.exclude, path) || !self.include.is_empty() && !any(&self.include, path)
    }

    fn file(
        &mut self,
        content: Result<Content<'_>, FileError>,
        path: &[u8],
        output: &mut Output,
    ) -> Result<(), Stopped> {
        let mut content = match content {
            Ok(content) => content,
            Err(error) => return self.miss(&error, output),
        };
        if let Err(error) = self.searcher.file(&mut content, path, output)? {
            self.miss(&error, output)?;
        }
        if content.redactions() > 0 && self.searcher.has_printed_redacted {
            say_redactions(content.redactions(), path, output)?;
        }
        Ok(())
    }

    fn miss(&self, error: &FileError, output: &mut Output) -> Result<(), Stopped> {
        let is_quiet = self.args.no_messages
            && matches!(
                error.kind,
                FileErrorKind::Errno(_) | FileErrorKind::IsDirectory
            );
        if is_quiet {
            output.note_missing();
            return Ok(());
        }
        output.complain(error)
    }
}
