//! `stat`.

use std::ffi::OsString;

use clap::{ArgMatches, Args, Command};

use super::document::FilesDocument;
use super::listing::{mode_string, stat_time};
use super::{FilesCommand, Start, is_document, paths, without_short};
use crate::cli::exit::Exit;
use crate::cli::global::Global;
use crate::cli::{Failure, given};
use crate::files::{FilesEnd, TargetFiles};
use crate::model::escape::escaped;
use crate::sys::tree_entry::{EntryKind, FileTime, TreeEntry};

pub(super) const STAT: FilesCommand = FilesCommand {
    name: "stat",
    command,
    run,
};

/// What `stat` takes.
#[derive(Debug, Clone, Args)]
struct StatArgs {
    /// Files of the target.
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<OsString>,
    /// Print this for each file and a line break; directives as those of GNU stat, such as %n %s
    /// %A %a %U %G %y.
    #[arg(short = 'c', long, value_name = "FORMAT", allow_hyphen_values = true)]
    format: Option<OsString>,
    /// The same without a line break, and with \n and \t understood.
    #[arg(
        long,
        value_name = "FORMAT",
        conflicts_with = "format",
        allow_hyphen_values = true
    )]
    printf: Option<OsString>,
    /// Follow links.
    #[arg(short = 'L', long)]
    dereference: bool,
    /// Print one line of numbers for each file.
    #[arg(short = 't', long, conflicts_with_all = ["format", "printf"])]
    terse: bool,
}

fn command() -> Command {
    let command = StatArgs::augment_args(Command::new("stat"))
        .about("Show owner, mode, size and times of files of the target")
        .long_about(None)
        .after_help("Example:\n  spyhole stat -c '%A %U:%G %n' /etc/passwd");
    without_short(command, &["container"])
}

fn run(own: &ArgMatches, global: &Global) -> Result<Exit, Failure> {
    let args: StatArgs = given(own)?;
    let is_document = is_document(global)?;
    let template = match (&args.format, &args.printf) {
        (Some(format), _) => Some(Template::parse(format.as_encoded_bytes(), false)?),
        (None, Some(format)) => Some(Template::parse(format.as_encoded_bytes(), true)?),
        (None, None) if args.terse => Some(Template::parse(TERSE, false)?),
        (None, None) => None,
    };
    let line_end: &[u8] = if args.printf.is_some() { b"" } else { b"\n" };
    Start::of(global).run(move |files, output| {
        let mut document = None;
        if is_document {
            document = Some(FilesDocument::begin("files", output)?);
        }
        for path in paths(&args.paths) {
            let found = if args.dereference {
                files.entry(&path)
            } else {
                files.entry_no_follow(&path)
            };
            match (found, &mut document) {
                (Err(error), Some(document)) => document.miss(&error, output)?,
                (Err(error), None) => output.complain(error)?,
                (Ok(entry), Some(document)) => {
                    document.add(&files.describe(&path, &entry), output)?;
                }
                (Ok(entry), None) => match &template {
                    Some(template) => {
                        let mut text = Vec::new();
                        template.write(files, &path, &entry, &mut text);
                        text.extend_from_slice(line_end);
                        output.write(&text)?;
                    }
                    None => output.write(card(files, &path, &entry).as_bytes())?,
                },
            }
        }
        if let Some(document) = document {
            document.end(output)?;
        }
        Ok(FilesEnd::Done)
    })
}

const TERSE: &[u8] = b"%n %s %b %f %u %g %D %i %h %t %T %X %Y %Z %W %o";

/// What GNU stat prints without a format.
fn card(files: &TargetFiles, path: &[u8], entry: &TreeEntry) -> String {
    let stat = entry.stat();
    let mut name = escaped(path).into_owned();
    if let Some(target) = target(entry) {
        name = format!("{name} -> {}", escaped(&target));
    }
    let owner = |name: Option<&[u8]>| {
        let name = name.map_or_else(|| "UNKNOWN".into(), escaped);
        format!("{name:>8}")
    };
    let is_device = matches!(stat.kind, EntryKind::CharDevice | EntryKind::BlockDevice);
    let device = format!("Device: {},{}", stat.device.0, stat.device.1);
    let mut links = format!("Links: {}", stat.nlink);
    if is_device {
        let (major, minor) = stat.special_device;
        links = format!("{links:<11} Device type: {major},{minor}");
    }
    format!(
        "  File: {name}\n  \
         Size: {:<10}\tBlocks: {:<10} IO Block: {:<6} {}\n\
         {device}\tInode: {:<11} {links}\n\
         Access: ({:04o}/{})  Uid: ({:>5}/{})   Gid: ({:>5}/{})\n\
         Access: {}\nModify: {}\nChange: {}\n Birth: {}\n",
        stat.size_bytes,
        stat.blocks,
        stat.block_size_bytes,
        kind_words(entry),
        stat.inode,
        stat.permissions(),
        mode_string(stat),
        stat.uid,
        owner(files.user(stat.uid)),
        stat.gid,
        owner(files.group(stat.gid)),
        stat_time(stat.accessed),
        stat_time(stat.modified),
        stat_time(stat.changed),
        stat.born.map_or_else(|| "-".to_owned(), stat_time),
    )
}

fn target(entry: &TreeEntry) -> Option<Vec<u8>> {
    (entry.stat().kind == EntryKind::Link).then(|| entry.link_target().ok())?
}

/// `%F`.
fn kind_words(entry: &TreeEntry) -> &'static str {
    let stat = entry.stat();
    match stat.kind {
        EntryKind::File if stat.size_bytes == 0 => "regular empty file",
        EntryKind::File => "regular file",
        EntryKind::Directory => "directory",
        EntryKind::Link => "symbolic link",
        EntryKind::Fifo => "fifo",
        EntryKind::Socket => "socket",
        EntryKind::CharDevice => "character special file",
        EntryKind::BlockDevice => "block special file",
        EntryKind::Unknown => "weird file",
    }
}

/// A format, taken apart.
struct Template(Vec<Part>);

enum Part {
    Text(Vec<u8>),
    Directive {
        flags: Vec<u8>,
        width: usize,
        precision: Option<usize>,
        letters: &'static str,
    },
}

/// What is offered.
const DIRECTIVES: &[&str] = &[
    "Hd", "Ld", "Hr", "Lr", "a", "A", "b", "B", "d", "D", "f", "F", "g", "G", "h", "i", "m", "n",
    "N", "o", "r", "R", "s", "t", "T", "u", "U", "w", "W", "x", "X", "y", "Y", "z", "Z",
];

impl Template {
    fn parse(format: &[u8], escapes: bool) -> Result<Self, Failure> {
        let mut parts = Vec::new();
        let mut text = Vec::new();
        let mut rest = format;
        while let Some((first, after)) = rest.split_first() {
            rest = after;
            match first {
                b'\\' if escapes => {
                    let (letter, after) = rest.split_first().unwrap_or((&b'\\', &[]));
                    rest = after;
                    match letter {
                        b'n' => text.push(b'\n'),
                        b't' => text.push(b'\t'),
                        b'0' => text.push(0),
                        b'\\' => text.push(b'\\'),
                        other => text.extend_from_slice(&[b'\\', *other]),
                    }
                }
                b'%' if rest.first() == Some(&b'%') => {
                    text.push(b'%');
                    rest = rest.get(1..).unwrap_or_default();
                }
                b'%' => {
                    let (part, after) = directive(rest)?;
                    parts.push(Part::Text(std::mem::take(&mut text)));
                    parts.push(part);
                    rest = after;
                }
                other => text.push(*other),
            }
        }
        parts.push(Part::Text(text));
        Ok(Self(parts))
    }

    fn write(&self, files: &TargetFiles, path: &[u8], entry: &TreeEntry, out: &mut Vec<u8>) {
        for part in &self.0 {
            match part {
                Part::Text(text) => out.extend_from_slice(text),
                Part::Directive {
                    flags,
                    width,
                    precision,
                    letters,
                } => {
                    let mut value = value(letters, *precision, files, path, entry);
                    let is_octal = matches!(*letters, "a");
                    if is_octal && flags.contains(&b'#') && !value.starts_with(b"0") {
                        value.insert(0, b'0');
                    }
                    let missing = width.saturating_sub(value.len());
                    if flags.contains(&b'-') {
                        value.resize(value.len() + missing, b' ');
                    } else {
                        let zero = flags.contains(&b'0');
                        let fill = vec![if zero { b'0' } else { b' ' }; missing];
                        value.splice(0..0, fill);
                    }
                    out.append(&mut value);
                }
            }
        }
    }
}

fn directive(text: &[u8]) -> Result<(Part, &[u8]), Failure> {
    /// No column is wider.
    const WIDEST: usize = 1000;
    let flags = text
        .iter()
        .take_while(|byte| b"-0#+ '".contains(byte))
        .count();
    let (flags, rest) = text.split_at_checked(flags).unwrap_or((b"", text));
    let number = |text: &[u8]| -> (usize, usize) {
        let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let word = String::from_utf8_lossy(text.get(..digits).unwrap_or_default()).into_owned();
        (word.parse().unwrap_or(0).min(WIDEST), digits)
    };
    let (width, digits) = number(rest);
    let mut rest = rest.get(digits..).unwrap_or_default();
    let mut precision = None;
    if let Some(after) = rest.strip_prefix(b".") {
        let (value, digits) = number(after);
        precision = Some(if digits == 0 { 9 } else { value.min(9) });
        rest = after.get(digits..).unwrap_or_default();
    }
    let known = DIRECTIVES
        .iter()
        .find(|known| rest.starts_with(known.as_bytes()));
    let Some(letters) = known else {
        let typed = String::from_utf8_lossy(rest.get(..1).unwrap_or_default()).into_owned();
        return Err(Failure::usage(format!(
            "stat -c %{typed}: not supported; nearest: spyhole stat -o json"
        )));
    };
    let part = Part::Directive {
        flags: flags.to_vec(),
        width,
        precision,
        letters,
    };
    Ok((part, rest.get(letters.len()..).unwrap_or_default()))
}

/// The number of a device as `st_dev` has it.
fn device_number((major, minor): (u32, u32)) -> u64 {
    let (major, minor) = (u64::from(major), u64::from(minor));
    (major & 0xfff) << 8 | (major >> 12) << 44 | (minor & 0xff) | (minor >> 8) << 20
}

fn value(
    letters: &str,
    precision: Option<usize>,
    files: &TargetFiles,
    path: &[u8],
    entry: &TreeEntry,
) -> Vec<u8> {
    let stat = entry.stat();
    let epoch = |time: Option<FileTime>| match (time, precision) {
        (None, _) => "0".to_owned(),
        (Some(time), None) => time.seconds.to_string(),
        (Some(time), Some(digits)) => {
            let part = format!("{:09}", time.nanoseconds);
            format!("{}.{}", time.seconds, part.get(..digits).unwrap_or(&part))
        }
    };
    let name = |name: Option<&[u8]>| name.map_or_else(|| "UNKNOWN".into(), escaped).into_owned();
    match letters {
        "Hd" => stat.device.0.to_string(),
        "Ld" => stat.device.1.to_string(),
        "Hr" => stat.special_device.0.to_string(),
        "Lr" => stat.special_device.1.to_string(),
        "a" => format!("{:o}", stat.permissions()),
        "A" => mode_string(stat),
        "b" => stat.blocks.to_string(),
        "B" => "512".to_owned(),
        "d" => device_number(stat.device).to_string(),
        "D" => format!("{:x}", device_number(stat.device)),
        "f" => format!("{:x}", stat.mode),
        "F" => kind_words(entry).to_owned(),
        "g" => stat.gid.to_string(),
        "G" => name(files.group(stat.gid)),
        "h" => stat.nlink.to_string(),
        "i" => stat.inode.to_string(),
        "m" => files
            .mount_point(entry)
            .map_or_else(|| "?".to_owned(), |point| escaped(point).into_owned()),
        "n" => escaped(path).into_owned(),
        "N" => match target(entry) {
            Some(target) => format!("'{}' -> '{}'", escaped(path), escaped(&target)),
            None => format!("'{}'", escaped(path)),
        },
        "o" => stat.block_size_bytes.to_string(),
        "r" => device_number(stat.special_device).to_string(),
        "R" => format!("{:x}", device_number(stat.special_device)),
        "s" => stat.size_bytes.to_string(),
        "t" => format!("{:x}", stat.special_device.0),
        "T" => format!("{:x}", stat.special_device.1),
        "u" => stat.uid.to_string(),
        "U" => name(files.user(stat.uid)),
        "w" => stat.born.map_or_else(|| "-".to_owned(), stat_time),
        "W" => epoch(stat.born),
        "x" => stat_time(stat.accessed),
        "X" => epoch(Some(stat.accessed)),
        "y" => stat_time(stat.modified),
        "Y" => epoch(Some(stat.modified)),
        "z" => stat_time(stat.changed),
        "Z" => epoch(Some(stat.changed)),
        _ => String::new(),
    }
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_has_the_number_of_st_dev() {
        for (major, minor) in [(8, 1), (0, 49), (259, 300), (5000, 70_000)] {
            let expected = nix::sys::stat::makedev(major.into(), minor.into());
            assert_eq!(device_number((major, minor)), expected);
        }
    }

    #[test]
    fn a_directive_that_is_not_offered_is_refused() {
        for format in ["%", "%q", "%C", "%n %"] {
            assert!(
                Template::parse(format.as_bytes(), false).is_err(),
                "{format}"
            );
        }
        assert!(Template::parse(b"%-10n|%05a %% %.3Y %Hd", false).is_ok());
    }
}
