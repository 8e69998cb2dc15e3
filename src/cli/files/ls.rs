//! `ls`.

use std::cmp::Ordering;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::IsTerminal;

use clap::{ArgMatches, Args, Command};
use time::OffsetDateTime;
use unicode_width::UnicodeWidthStr;

use super::document::FilesDocument;
use super::listing::{human, ls_time, mode_string};
use super::{FilesCommand, Start, is_document, paths, without_help_letter};
use crate::cli::exit::Exit;
use crate::cli::global::Global;
use crate::cli::{Failure, given};
use crate::files::{FileError, FileErrorKind, FilesEnd, Output, Stopped, TargetFiles};
use crate::model::escape::escaped;
use crate::sys::Truncation;
use crate::sys::opened_file::FileKind;
use crate::sys::tree_entry::{EntryKind, FileStat, TreeEntry};

pub(super) const LS: FilesCommand = FilesCommand {
    name: "ls",
    command,
    run,
};

/// Names of one directory that are listed.
const NAMES: usize = 1_000_000;

/// What `ls` takes.
#[derive(Debug, Clone, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
struct LsArgs {
    /// Files or directories of the target (default /).
    #[arg(value_name = "PATH")]
    paths: Vec<OsString>,
    /// Show mode, links, owner, group, size and time (UTC) of each.
    #[arg(short = 'l')]
    long: bool,
    /// Include names that begin with a dot.
    #[arg(short = 'a', long)]
    all: bool,
    /// The same, without . and ..
    #[arg(short = 'A', long)]
    almost_all: bool,
    /// List directories below, too.
    #[arg(short = 'R', long)]
    recursive: bool,
    /// List directories themselves, not what is in them.
    #[arg(short = 'd', long)]
    directory: bool,
    /// Show sizes in K, M, G.
    #[arg(short = 'h', long)]
    human_readable: bool,
    /// Newest first.
    #[arg(short = 't', overrides_with = "by_size")]
    by_time: bool,
    /// Largest first.
    #[arg(short = 'S')]
    by_size: bool,
    /// Reverse the order.
    #[arg(short = 'r', long)]
    reverse: bool,
    /// One name a line.
    #[arg(short = '1')]
    one: bool,
    /// Like -l, with numbers for owner and group.
    #[arg(short = 'n', long)]
    numeric_uid_gid: bool,
    /// Show inode numbers.
    #[arg(short = 'i', long)]
    inode: bool,
    /// Also list directories on other file systems; never those of the kernel.
    #[arg(long)]
    cross: bool,
}

fn command() -> Command {
    let command = LsArgs::augment_args(Command::new("ls"))
        .about("List files of the target")
        .long_about(None)
        .after_help("Example:\n  spyhole ls -la /etc");
    without_help_letter(command)
}

fn run(own: &ArgMatches, global: &Global) -> Result<Exit, Failure> {
    let args: LsArgs = given(own)?;
    let mut paths = paths(&args.paths);
    if paths.is_empty() {
        paths.push(b"/".to_vec());
    }
    let is_document = is_document(global)?;
    let is_terminal = std::io::stdout().is_terminal();
    let width = terminal_size::terminal_size()
        .filter(|_| is_terminal && !args.one)
        .map(|(width, _)| usize::from(width.0));
    Start::of(global).run(move |files, output| {
        let mut lister = Lister {
            is_long: args.long || args.numeric_uid_gid,
            args,
            files,
            document: None,
            width,
            now: OffsetDateTime::now_utc(),
            has_printed: false,
        };
        if is_document {
            lister.document = Some(FilesDocument::begin("files", output)?);
        }
        lister.list(&paths, output)?;
        if let Some(document) = lister.document {
            document.end(output)?;
        }
        Ok(FilesEnd::Done)
    })
}

struct Lister<'a> {
    args: LsArgs,
    is_long: bool,
    files: &'a TargetFiles,
    document: Option<FilesDocument>,
    /// Of the terminal, for names in columns.
    width: Option<usize>,
    now: OffsetDateTime,
    has_printed: bool,
}

/// One entry of a list.
struct Row {
    path: Vec<u8>,
    name: Vec<u8>,
    kind: FileKind,
    /// Where it was needed and could be read.
    entry: Option<TreeEntry>,
}

impl Row {
    fn stat(&self) -> Option<&FileStat> {
        self.entry.as_ref().map(TreeEntry::stat)
    }
}

impl Lister<'_> {
    fn list(&mut self, paths: &[Vec<u8>], output: &mut Output) -> Result<(), Stopped> {
        let mut plain = Vec::new();
        let mut directories = Vec::new();
        for path in paths {
            match self.find(path) {
                Err(error) => self.miss(&error, output)?,
                Ok(entry) => {
                    let is_directory = entry.stat().kind == EntryKind::Directory;
                    let row = Row {
                        path: path.clone(),
                        name: path.clone(),
                        kind: FileKind::Unknown,
                        entry: Some(entry),
                    };
                    if is_directory && !self.args.directory {
                        directories.push(row);
                    } else {
                        plain.push(row);
                    }
                }
            }
        }
        self.sort(&mut plain);
        self.sort(&mut directories);
        if !plain.is_empty() {
            self.print(&plain, Some(&directories), output)?;
        }
        let headings = paths.len() > 1 || self.args.recursive;
        // The next one last.
        let mut pending: Vec<Row> = directories.into_iter().rev().collect();
        while let Some(row) = pending.pop() {
            if self.files.is_over() {
                let over = FileError::of(&row.path, FileErrorKind::TimedOut);
                return self.miss(&over, output);
            }
            let below = self.directory(&row, headings, output)?;
            pending.extend(below.into_iter().rev());
        }
        Ok(())
    }

    /// A path of the command line: a link is followed where its directory is to be listed.
    fn find(&self, path: &[u8]) -> Result<TreeEntry, FileError> {
        let entry = self.files.entry_no_follow(path)?;
        if entry.stat().kind != EntryKind::Link || self.is_long || self.args.directory {
            return Ok(entry);
        }
        match self.files.entry(path) {
            Ok(followed) if followed.stat().kind == EntryKind::Directory => Ok(followed),
            _ => Ok(entry),
        }
    }

    /// Lists a directory; those below it that are to be listed too.
    fn directory(
        &mut self,
        row: &Row,
        headings: bool,
        output: &mut Output,
    ) -> Result<Vec<Row>, Stopped> {
        let found = match &row.entry {
            Some(entry) => Ok(entry.clone()),
            None => self.files.entry_no_follow(&row.path),
        };
        let directory = match found {
            Ok(directory) => directory,
            Err(error) => return self.miss(&error, output).map(|()| Vec::new()),
        };
        let (names, cut) = match directory.names(NAMES) {
            Ok(listed) => listed,
            Err(errno) => {
                let error = FileError::errno(&row.path, errno);
                return self.miss(&error, output).map(|()| Vec::new());
            }
        };
        let mut rows = self.rows(&row.path, &directory, names, output)?;
        self.sort(&mut rows);
        if headings && self.document.is_none() {
            let gap = if self.has_printed { "\n" } else { "" };
            let heading = format!("{gap}{}:\n", escaped(&row.path));
            output.write(heading.as_bytes())?;
            self.has_printed = true;
        }
        self.print(&rows, None, output)?;
        if cut == Truncation::AtLimit {
            let error = FileError::of(&row.path, FileErrorKind::TooMany);
            self.miss(&error, output)?;
        }
        if !self.args.recursive {
            return Ok(Vec::new());
        }
        rows.retain(|row| !matches!(&*row.name, b"." | b".."));
        let below = rows
            .into_iter()
            .filter(|row| self.is_entered(row, &directory));
        // Held no longer: there may be many.
        Ok(below.map(|row| Row { entry: None, ..row }).collect())
    }

    fn is_entered(&self, row: &Row, directory: &TreeEntry) -> bool {
        if !matches!(row.kind, FileKind::Directory | FileKind::Unknown) {
            return false;
        }
        let found = match &row.entry {
            Some(entry) => Some(entry.clone()),
            None => directory.child(self.files.root(), &row.name).ok(),
        };
        found.is_some_and(|entry| {
            entry.stat().kind == EntryKind::Directory
                && (entry.mount_id() == directory.mount_id()
                    || self.args.cross && !self.files.is_kernel_view(&entry))
        })
    }

    fn rows(
        &mut self,
        path: &[u8],
        directory: &TreeEntry,
        names: Vec<(Vec<u8>, FileKind)>,
        output: &mut Output,
    ) -> Result<Vec<Row>, Stopped> {
        let shows_hidden = self.args.all || self.args.almost_all;
        let needs_stat = self.is_long
            || self.args.by_time
            || self.args.by_size
            || self.args.inode
            || self.document.is_some();
        let dots: &[&[u8]] = if self.args.all && self.document.is_none() {
            &[b".", b".."]
        } else {
            &[]
        };
        let dots = dots.iter().map(|name| (name.to_vec(), FileKind::Directory));
        let shown = names
            .into_iter()
            .filter(|(name, _)| shows_hidden || !name.starts_with(b"."));
        let mut rows = Vec::new();
        for (name, kind) in dots.chain(shown) {
            let slash: &[u8] = if path.ends_with(b"/") { b"" } else { b"/" };
            let whole = [path, slash, &name].concat();
            let mut entry = None;
            if needs_stat {
                if self.files.is_over() {
                    let over = FileError::of(&whole, FileErrorKind::TimedOut);
                    self.miss(&over, output)?;
                    break;
                }
                let found = if matches!(&*name, b"." | b"..") {
                    self.files.entry(&whole)
                } else {
                    let child = directory.child(self.files.root(), &name);
                    child.map_err(|errno| FileError::errno(&whole, errno))
                };
                match found {
                    Ok(found) => entry = Some(found),
                    // Removed since its name was read.
                    Err(error) if is_gone(&error) => continue,
                    Err(error) => self.miss(&error, output)?,
                }
            }
            rows.push(Row {
                path: whole,
                name,
                kind,
                entry,
            });
        }
        Ok(rows)
    }

    fn sort(&self, rows: &mut [Row]) {
        let newest = |one: &Row, other: &Row| {
            let time = |row: &Row| row.stat().map(|stat| stat.modified);
            time(other).cmp(&time(one))
        };
        let largest = |one: &Row, other: &Row| {
            let size = |row: &Row| row.stat().map(|stat| stat.size_bytes);
            size(other).cmp(&size(one))
        };
        rows.sort_by(|one, other| {
            let first = if self.args.by_time {
                newest(one, other)
            } else if self.args.by_size {
                largest(one, other)
            } else {
                Ordering::Equal
            };
            first.then_with(|| one.name.cmp(&other.name))
        });
        if self.args.reverse {
            rows.reverse();
        }
    }

    fn miss(&mut self, error: &FileError, output: &mut Output) -> Result<(), Stopped> {
        match &mut self.document {
            Some(document) => document.miss(error, output),
            None => output.complain(error),
        }
    }

    /// `beside`: directories that were named with them on the command line, as wide as which columns
    /// are; `None`: they are what is in a directory.
    fn print(
        &mut self,
        rows: &[Row],
        beside: Option<&[Row]>,
        output: &mut Output,
    ) -> Result<(), Stopped> {
        if let Some(document) = &mut self.document {
            for row in rows {
                if let Some(entry) = &row.entry {
                    document.add(&self.files.describe(&row.path, entry), output)?;
                }
            }
            return Ok(());
        }
        self.has_printed |= !rows.is_empty();
        if self.is_long {
            return self.print_long(rows, beside, output);
        }
        let cells: Vec<String> = rows.iter().map(|row| self.cell(row, rows)).collect();
        let text = match self.width {
            Some(width) => in_columns(&cells, width),
            None => cells.join("\n") + if cells.is_empty() { "" } else { "\n" },
        };
        output.write(text.as_bytes())
    }

    /// A name, with its inode where that is wanted.
    fn cell(&self, row: &Row, rows: &[Row]) -> String {
        let name = escaped(&row.name);
        if !self.args.inode {
            return name.into_owned();
        }
        let inode = |row: &Row| {
            row.stat()
                .map_or("?".to_owned(), |stat| stat.inode.to_string())
        };
        let width = rows.iter().map(|row| inode(row).len()).max().unwrap_or(0);
        format!("{:>width$} {name}", inode(row))
    }

    fn print_long(
        &self,
        rows: &[Row],
        beside: Option<&[Row]>,
        output: &mut Output,
    ) -> Result<(), Stopped> {
        let cells: Vec<[String; 6]> = rows.iter().map(|row| self.columns(row)).collect();
        let all: Vec<[String; 6]> = beside
            .into_iter()
            .flatten()
            .map(|row| self.columns(row))
            .collect();
        let widths: [usize; 6] = std::array::from_fn(|index| {
            let column = cells.iter().chain(&all).filter_map(|line| line.get(index));
            column.map(|cell| cell.width()).max().unwrap_or(0)
        });
        let mut text = String::new();
        if beside.is_none() {
            let blocks = rows.iter().filter_map(Row::stat).map(|stat| stat.blocks);
            let bytes = blocks.sum::<u64>().saturating_mul(512);
            let shown = if self.args.human_readable {
                human(bytes)
            } else {
                bytes.div_ceil(1024).to_string()
            };
            let _ = writeln!(text, "total {shown}");
        }
        // Writing into a String cannot fail.
        let [inode_width, modes, link_width, users, groups, sizes] = widths;
        for (row, [inode, mode, link, user, group, size]) in rows.iter().zip(&cells) {
            if self.args.inode {
                let _ = write!(text, "{inode:>inode_width$} ");
            }
            let time = row.stat().map_or_else(
                || "           ?".to_owned(),
                |stat| ls_time(stat.modified, self.now),
            );
            let pad = |text: &str, width: usize| " ".repeat(width.saturating_sub(text.width()));
            let _ = write!(
                text,
                "{mode:<modes$} {link:>link_width$} {user}{} {group}{} {size:>sizes$} {time} {}",
                pad(user, users),
                pad(group, groups),
                escaped(&row.name)
            );
            if let Some(target) = row.entry.as_ref().and_then(target) {
                let _ = write!(text, " -> {}", escaped(&target));
            }
            text.push('\n');
        }
        output.write(text.as_bytes())
    }

    /// Inode, mode, links, user, group and size.
    fn columns(&self, row: &Row) -> [String; 6] {
        let Some(entry) = &row.entry else {
            return std::array::from_fn(|column| match column {
                1 => "??????????".to_owned(),
                _ => "?".to_owned(),
            });
        };
        let stat = entry.stat();
        let name = |name: Option<&[u8]>, id: u32| match name {
            Some(name) if !self.args.numeric_uid_gid => escaped(name).into_owned(),
            _ => id.to_string(),
        };
        let is_device = matches!(stat.kind, EntryKind::CharDevice | EntryKind::BlockDevice);
        let size = if is_device {
            format!("{}, {}", stat.special_device.0, stat.special_device.1)
        } else if self.args.human_readable {
            human(stat.size_bytes)
        } else {
            stat.size_bytes.to_string()
        };
        let mut mode = mode_string(stat);
        if stat.kind != EntryKind::Link && has_acl(entry) {
            mode.push('+');
        }
        [
            stat.inode.to_string(),
            mode,
            stat.nlink.to_string(),
            name(self.files.user(stat.uid), stat.uid),
            name(self.files.group(stat.gid), stat.gid),
            size,
        ]
    }
}

fn is_gone(error: &FileError) -> bool {
    error.kind == FileErrorKind::Errno(nix::errno::Errno::ENOENT)
}

fn target(entry: &TreeEntry) -> Option<Vec<u8>> {
    (entry.stat().kind == EntryKind::Link).then(|| entry.link_target().ok())?
}

fn has_acl(entry: &TreeEntry) -> bool {
    let Ok(attributes) = entry.xattrs() else {
        return false;
    };
    attributes
        .iter()
        .any(|(name, _)| name.starts_with(b"system.posix_acl_"))
}

/// Names in as few lines as fit, down and then across.
fn in_columns(cells: &[String], width: usize) -> String {
    const GAP: usize = 2;
    let lengths: Vec<usize> = cells.iter().map(|cell| cell.width()).collect();
    let laid_out = |lines: usize| -> Option<Vec<usize>> {
        let columns: Vec<usize> = lengths
            .chunks(lines)
            .map(|column| column.iter().copied().max().unwrap_or(0))
            .collect();
        let all = columns.iter().sum::<usize>() + GAP * columns.len().saturating_sub(1);
        (all <= width).then_some(columns)
    };
    let (lines, columns) = (1..=cells.len().min(LINES_TRIED))
        .find_map(|lines| Some((lines, laid_out(lines)?)))
        .unwrap_or_else(|| (cells.len().max(1), Vec::new()));
    let mut text = String::new();
    for line in 0..lines.min(cells.len()) {
        let mut row = cells
            .iter()
            .zip(&lengths)
            .skip(line)
            .step_by(lines)
            .peekable();
        let mut widths = columns.iter();
        while let Some((cell, length)) = row.next() {
            text.push_str(cell);
            let column = widths.next().copied().unwrap_or(0);
            if row.peek().is_some() {
                text.push_str(&" ".repeat(column.saturating_sub(*length) + GAP));
            }
        }
        text.push('\n');
    }
    text
}

/// Longer lists are printed one name a line.
const LINES_TRIED: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fill_the_width_column_by_column() {
        let cells: Vec<String> = ["a", "bbbb", "c", "dd", "e"].map(str::to_owned).to_vec();
        assert_eq!(in_columns(&cells, 80), "a  bbbb  c  dd  e\n");
        assert_eq!(in_columns(&cells, 12), "a     c   e\nbbbb  dd\n");
        assert_eq!(in_columns(&cells, 3), "a\nbbbb\nc\ndd\ne\n");
        assert_eq!(in_columns(&[], 3), "");
    }
}
