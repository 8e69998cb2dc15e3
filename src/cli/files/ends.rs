//! `head` and `tail`.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::thread;
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Args, Command};

use super::cat::{open, say_ending, say_redactions};
use super::escaping::TerminalPieces;
use super::{ContentArgs, FilesCommand, Start, paths, refuse_format, without_short};
use crate::cli::exit::Exit;
use crate::cli::global::Global;
use crate::cli::{Failure, given};
use crate::files::{Content, FileError, FileErrorKind, FilesEnd, Output, Stopped, TargetFiles};
use crate::model::escape::escaped;
use crate::sys::tree_entry::OpenedContent;

pub(super) const HEAD: FilesCommand = FilesCommand {
    name: "head",
    command: head_command,
    run: run_head,
};

pub(super) const TAIL: FilesCommand = FilesCommand {
    name: "tail",
    command: tail_command,
    run: run_tail,
};

/// Lines where none are asked for.
const LINES: Amount = Amount {
    from_start: false,
    is_minus: false,
    count: 10,
};
/// Read at a time from the end.
const BACK_BYTES: u64 = 64 << 10;
/// As much of what is shown is kept, for `tail -c` and `head -n -N`.
const KEPT_BYTES: u64 = 16 << 20;
/// As many lines are kept for `head -n -N`.
const KEPT_LINES: u64 = 1 << 20;

/// What both take.
#[derive(Debug, Clone, Args)]
struct EndsArgs {
    /// Files of the target.
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<OsString>,
    /// Print this many lines (default 10); also -NUMBER. head: -N leaves out the last N; tail: +N
    /// begins with line N.
    #[arg(short = 'n', long, value_name = "N", value_parser = amount, allow_hyphen_values = true, overrides_with = "bytes")]
    lines: Option<Amount>,
    /// Print this many bytes (suffixes K, M, G).
    #[arg(short = 'c', long, value_name = "N", value_parser = amount, allow_hyphen_values = true)]
    bytes: Option<Amount>,
    /// Always print the names of the files above them.
    #[arg(short = 'v', long, overrides_with = "no_names")]
    verbose: bool,
    /// Never print the names of the files.
    #[arg(short = 'q', long = "silent", id = "no_names")]
    no_names: bool,
    #[command(flatten)]
    content: ContentArgs,
}

/// A number of lines or bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Amount {
    /// `+N`.
    from_start: bool,
    /// `-N`.
    is_minus: bool,
    count: u64,
}

fn amount(text: &str) -> Result<Amount, String> {
    let (from_start, rest) = match text.strip_prefix('+') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (is_minus, rest) = match rest.strip_prefix('-') {
        Some(rest) if !from_start => (true, rest),
        _ => (false, rest),
    };
    let digits = rest.trim_end_matches(|letter: char| !letter.is_ascii_digit());
    let suffix = rest.get(digits.len()..).unwrap_or_default();
    let unit: u64 = match suffix {
        "" => 1,
        "b" => 512,
        "k" | "K" | "KiB" => 1 << 10,
        "m" | "M" | "MiB" => 1 << 20,
        "G" | "GiB" => 1 << 30,
        "T" | "TiB" => 1 << 40,
        "kB" | "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        _ => return Err("expected a number such as 20 or 4K".to_owned()),
    };
    let count: u64 = digits
        .parse()
        .map_err(|_| "expected a number such as 20 or 4K".to_owned())?;
    Ok(Amount {
        from_start,
        is_minus,
        count: count.saturating_mul(unit),
    })
}

fn head_command() -> Command {
    let command = EndsArgs::augment_args(Command::new("head"))
        .about("Print the first lines of files of the target")
        .long_about(None)
        .after_help("Example:\n  spyhole head -n 20 /etc/services");
    without_short(command, &["container", "quiet"])
}

fn tail_command() -> Command {
    let command = EndsArgs::augment_args(Command::new("tail"))
        .about("Print the last lines of files of the target, and what is appended")
        .long_about(None)
        .arg(
            Arg::new("follow")
                .short('f')
                .long("follow")
                .value_name("HOW")
                .num_args(0..=1)
                .require_equals(true)
                .default_missing_value("descriptor")
                .value_parser(["name", "descriptor"])
                .hide_possible_values(true)
                .help("Print what is appended, until the target ends; also after a rotation"),
        )
        .arg(
            Arg::new("follow_name")
                .short('F')
                .action(ArgAction::SetTrue)
                .help("Like -f, also where the file does not exist yet"),
        )
        .arg(
            Arg::new("interval")
                .short('s')
                .long("sleep-interval")
                .value_name("SECONDS")
                .value_parser(seconds)
                .help("How often to look for more (default 1)"),
        )
        .after_help("Example:\n  spyhole tail -f /var/log/app.log");
    without_short(command, &["container", "quiet"])
}

fn seconds(text: &str) -> Result<Duration, String> {
    let number: f64 = text
        .parse()
        .map_err(|_| "expected a number of seconds".to_owned())?;
    if !(0.01..=86_400.0).contains(&number) {
        return Err("expected a number of seconds from 0.01 to 86400".to_owned());
    }
    Ok(Duration::from_secs_f64(number))
}

fn run_head(own: &ArgMatches, global: &Global) -> Result<Exit, Failure> {
    let args: EndsArgs = given(own)?;
    refuse_format("head", global)?;
    let plus = |amount: &Amount| amount.from_start;
    if [args.lines, args.bytes].iter().flatten().any(plus) {
        return Err(Failure::usage(
            "head +N: not supported; nearest: spyhole tail -n +N",
        ));
    }
    let start = Start::of(global).with(&args.content);
    start.run(move |files, output| {
        let mut printer = Printer::new(&args);
        for path in paths(&args.paths) {
            match open(files, &path) {
                Err(error) => output.complain(error)?,
                Ok(mut content) => {
                    printer.heading(&path, output)?;
                    head(&mut content, &args, &mut printer, output)?;
                }
            }
        }
        Ok(FilesEnd::Done)
    })
}

/// The next piece; an error is said and is the end.
fn next(content: &mut Content<'_>, output: &mut Output) -> Result<Option<Vec<u8>>, Stopped> {
    match content.next() {
        Ok(piece) => Ok(piece.map(<[u8]>::to_vec)),
        Err(error) => {
            output.complain(error)?;
            Ok(None)
        }
    }
}

fn head(
    content: &mut Content<'_>,
    args: &EndsArgs,
    printer: &mut Printer,
    output: &mut Output,
) -> Result<(), Stopped> {
    let amount = args.bytes.or(args.lines).unwrap_or(LINES);
    if amount.is_minus {
        return all_but_the_last(content, args.bytes.is_some(), amount.count, printer, output);
    }
    let mut left = amount.count;
    let mut is_whole = false;
    while left > 0 {
        let Some(piece) = next(content, output)? else {
            is_whole = true;
            break;
        };
        let shown = if args.bytes.is_some() {
            let fits = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
            left -= fits as u64;
            fits
        } else {
            let mut fits = piece.len();
            for at in memchr::memchr_iter(b'\n', &piece) {
                left -= 1;
                if left == 0 {
                    fits = at + 1;
                    break;
                }
            }
            fits
        };
        printer.add(piece.get(..shown).unwrap_or_default(), output)?;
    }
    printer.end(output)?;
    let path = content.path().to_vec();
    if is_whole {
        say_ending(content, &path, output)
    } else {
        say_redactions(content.redactions(), &path, output)
    }
}

/// `head -n -N` and `head -c -N`.
fn all_but_the_last(
    content: &mut Content<'_>,
    bytes: bool,
    count: u64,
    printer: &mut Printer,
    output: &mut Output,
) -> Result<(), Stopped> {
    let mut kept: Vec<u8> = Vec::new();
    while let Some(piece) = next(content, output)? {
        kept.extend_from_slice(&piece);
        let cut = if bytes {
            let count = usize::try_from(count).unwrap_or(usize::MAX);
            kept.len().saturating_sub(count)
        } else {
            // A last line without its end counts too; it may still get one.
            begin_of_last(&kept, count.saturating_add(1))
        };
        if cut > 0 {
            let rest = kept.split_off(cut);
            printer.add(&kept, output)?;
            kept = rest;
        }
        let lines = memchr::memchr_iter(b'\n', &kept).count() as u64;
        if kept.len() as u64 > KEPT_BYTES || lines > KEPT_LINES.max(count.saturating_add(1)) {
            let error = FileError::of(content.path(), FileErrorKind::TooMany);
            output.complain(error)?;
            break;
        }
    }
    if !bytes {
        let cut = begin_of_last(&kept, count);
        printer.add(kept.get(..cut).unwrap_or_default(), output)?;
    }
    printer.end(output)?;
    let path = content.path().to_vec();
    say_ending(content, &path, output)
}

/// Where the last lines of a text begin; the whole where it has no more.
fn begin_of_last(text: &[u8], count: u64) -> usize {
    if count == 0 {
        return text.len();
    }
    let body = text.strip_suffix(b"\n").unwrap_or(text);
    let skipped = usize::try_from(count - 1).unwrap_or(usize::MAX);
    let mut ends = memchr::memrchr_iter(b'\n', body);
    ends.nth(skipped).map_or(0, |at| at + 1)
}

/// What is printed of several files, with their names.
struct Printer {
    names: bool,
    has_printed: bool,
    escapes: bool,
    pieces: TerminalPieces,
}

impl Printer {
    fn new(args: &EndsArgs) -> Self {
        Self {
            names: args.verbose || args.paths.len() > 1 && !args.no_names,
            has_printed: false,
            escapes: args.content.escapes(),
            pieces: TerminalPieces::default(),
        }
    }

    fn heading(&mut self, path: &[u8], output: &mut Output) -> Result<(), Stopped> {
        if self.names {
            let gap = if self.has_printed { "\n" } else { "" };
            output.write(format!("{gap}==> {} <==\n", escaped(path)).as_bytes())?;
        }
        self.has_printed = true;
        Ok(())
    }

    fn add(&mut self, piece: &[u8], output: &mut Output) -> Result<(), Stopped> {
        if !self.escapes {
            return output.write(piece);
        }
        let mut out = Vec::with_capacity(piece.len());
        self.pieces.add(piece, &mut out);
        output.write(&out)
    }

    fn end(&mut self, output: &mut Output) -> Result<(), Stopped> {
        let mut out = Vec::new();
        self.pieces.end(&mut out);
        output.write(&out)
    }
}

fn run_tail(own: &ArgMatches, global: &Global) -> Result<Exit, Failure> {
    let args: EndsArgs = given(own)?;
    refuse_format("tail", global)?;
    let minus = |amount: Option<Amount>| {
        amount.map(|amount| Amount {
            is_minus: false,
            ..amount
        })
    };
    // `tail -n -5` is `tail -n 5`.
    let args = EndsArgs {
        lines: minus(args.lines),
        bytes: minus(args.bytes),
        ..args
    };
    let by_name = own.get_flag("follow_name");
    let follows = by_name || own.contains_id("follow");
    let every = own.get_one::<Duration>("interval").copied();
    let every = every.unwrap_or(Duration::from_secs(1));
    let start = Start::of(global).with(&args.content).following(follows);
    start.run(move |files, output| {
        let mut printer = Printer::new(&args);
        let mut followed = Vec::new();
        for path in paths(&args.paths) {
            match open(files, &path) {
                Err(error) => {
                    let waits = by_name && is_missing(&error);
                    output.complain(&error)?;
                    if waits {
                        followed.push(Followed::missing(path));
                    }
                }
                Ok(mut content) => {
                    content.hold_last_line(follows);
                    printer.heading(&path, output)?;
                    tail(&mut content, &args, &mut printer, output)?;
                    if follows {
                        followed.push(Followed::of(path, content));
                    }
                }
            }
        }
        if follows && !followed.is_empty() {
            follow(files, &mut followed, every, &mut printer, output)?;
        }
        Ok(FilesEnd::Done)
    })
}

fn is_missing(error: &FileError) -> bool {
    error.kind == FileErrorKind::Errno(nix::errno::Errno::ENOENT)
}

fn tail(
    content: &mut Content<'_>,
    args: &EndsArgs,
    printer: &mut Printer,
    output: &mut Output,
) -> Result<(), Stopped> {
    let amount = args.bytes.or(args.lines).unwrap_or(LINES);
    let done = match (args.bytes.is_some(), amount.from_start) {
        (bytes, true) => from_start(content, bytes, amount.count, printer, output),
        (true, false) => last_bytes(content, amount.count, printer, output),
        (false, false) => last_lines(content, amount.count, printer, output),
    };
    match done? {
        Ok(()) => {}
        Err(error) => output.complain(error)?,
    }
    printer.end(output)?;
    let path = content.path().to_vec();
    if content.holds_last_line() {
        // What grows is followed.
        return say_redactions(content.redactions(), &path, output);
    }
    say_ending(content, &path, output)
}

/// Outer: the output; inner: the file.
type Shown = Result<Result<(), FileError>, Stopped>;

/// Prints all that follows, after so much was left out.
fn from_start(
    content: &mut Content<'_>,
    bytes: bool,
    first: u64,
    printer: &mut Printer,
    output: &mut Output,
) -> Shown {
    let mut skipped = first.saturating_sub(1);
    loop {
        let piece = match content.next() {
            Ok(Some(piece)) => piece,
            Ok(None) => return Ok(Ok(())),
            Err(error) => return Ok(Err(error)),
        };
        let begin = if skipped == 0 {
            0
        } else if bytes {
            let fits = usize::try_from(skipped)
                .unwrap_or(usize::MAX)
                .min(piece.len());
            skipped -= fits as u64;
            fits
        } else {
            let mut begin = piece.len();
            for at in memchr::memchr_iter(b'\n', piece) {
                skipped -= 1;
                if skipped == 0 {
                    begin = at + 1;
                    break;
                }
            }
            begin
        };
        printer.add(piece.get(begin..).unwrap_or_default(), output)?;
    }
}

fn last_lines(
    content: &mut Content<'_>,
    count: u64,
    printer: &mut Printer,
    output: &mut Output,
) -> Shown {
    if content.is_sized() {
        match place_of_last(content.file(), content.end(), count) {
            Ok(place) => {
                if let Err(error) = content.seek(place) {
                    return Ok(Err(error));
                }
            }
            Err(errno) => return Ok(Err(FileError::errno(content.path(), errno))),
        }
        if count == 0 {
            // To the end, for what is appended later.
            return Ok(Ok(()));
        }
    }
    let is_sized = content.is_sized();
    // A file without a size is read from its start, so nothing is left out yet.
    let mut kept = Vec::new();
    let mut lines = VecDeque::new();
    loop {
        match content.next() {
            Ok(Some(piece)) if is_sized => printer.add(piece, output)?,
            Ok(Some(piece)) => kept.extend_from_slice(piece),
            Ok(None) => break,
            Err(error) => return Ok(Err(error)),
        }
    }
    lines.extend(kept.split_inclusive(|byte| *byte == b'\n'));
    let skipped = (lines.len() as u64).saturating_sub(count);
    for line in lines
        .into_iter()
        .skip(usize::try_from(skipped).unwrap_or(usize::MAX))
    {
        printer.add(line, output)?;
    }
    Ok(Ok(()))
}

/// Where the last lines of a file begin.
fn place_of_last(file: &OpenedContent, end: u64, count: u64) -> Result<u64, nix::errno::Errno> {
    let mut place = end;
    let mut left = count;
    let mut is_last = true;
    let mut buffer = Vec::new();
    while place > 0 && left > 0 {
        let from = place.saturating_sub(BACK_BYTES);
        let length = usize::try_from(place - from).unwrap_or_default();
        buffer.clear();
        let got = file.read_at(from, &mut buffer, length)?;
        if got < length {
            // It was cut meanwhile.
            return Ok(from);
        }
        // The end of the last line begins no further one.
        let body = if is_last && buffer.ends_with(b"\n") {
            length.saturating_sub(1)
        } else {
            length
        };
        is_last = false;
        for at in memchr::memrchr_iter(b'\n', buffer.get(..body).unwrap_or_default()) {
            left -= 1;
            if left == 0 {
                return Ok(from + at as u64 + 1);
            }
        }
        place = from;
    }
    Ok(place)
}

/// The last bytes of what is shown: not of the file, of which half a secret may be the end.
fn last_bytes(
    content: &mut Content<'_>,
    count: u64,
    printer: &mut Printer,
    output: &mut Output,
) -> Shown {
    let kept_most = count.min(KEPT_BYTES);
    if content.is_sized() {
        // What is redacted may be shorter than it was: one more block, and the rest of its line.
        let back = if content.is_verbatim() {
            count
        } else {
            count.saturating_mul(2).saturating_add(BACK_BYTES)
        };
        let place = content.end().saturating_sub(back);
        if let Err(error) = content.seek(place) {
            return Ok(Err(error));
        }
        // Too many bytes to keep: whole lines are shown from there.
        if content.is_verbatim() || count > KEPT_BYTES {
            return from_start(content, true, 0, printer, output);
        }
    }
    let kept_most = usize::try_from(kept_most).unwrap_or(usize::MAX);
    let mut kept: Vec<u8> = Vec::new();
    loop {
        match content.next() {
            Ok(Some(piece)) => kept.extend_from_slice(piece),
            Ok(None) => break,
            Err(error) => return Ok(Err(error)),
        }
        if kept.len() > kept_most.saturating_mul(2).max(1 << 20) {
            kept.drain(..kept.len() - kept_most);
        }
    }
    let begin = kept.len().saturating_sub(kept_most);
    printer.add(kept.get(begin..).unwrap_or_default(), output)?;
    Ok(Ok(()))
}

/// A file whose end is watched.
struct Followed<'a> {
    path: Vec<u8>,
    open: Option<FollowedFile<'a>>,
    is_said: bool,
}

struct FollowedFile<'a> {
    content: Content<'a>,
    redactions: u64,
}

impl<'a> Followed<'a> {
    fn missing(path: Vec<u8>) -> Self {
        Self {
            path,
            open: None,
            is_said: true,
        }
    }

    fn of(path: Vec<u8>, content: Content<'a>) -> Self {
        Self {
            path,
            open: Some(FollowedFile {
                redactions: content.redactions(),
                content,
            }),
            is_said: false,
        }
    }
}

/// Prints what is appended until the target ends.
fn follow<'a>(
    files: &'a TargetFiles,
    followed: &mut [Followed<'a>],
    every: Duration,
    printer: &mut Printer,
    output: &mut Output,
) -> Result<(), Stopped> {
    let mut last = followed.len().saturating_sub(1);
    loop {
        output.ask()?;
        let has_ended = files.target_has_ended();
        for (index, one) in followed.iter_mut().enumerate() {
            // What was written to the old file comes before what is in the new one.
            more_of(one, index, &mut last, printer, output)?;
            look_again(files, one, index, &mut last, printer, output)?;
        }
        output.flush()?;
        if has_ended {
            for one in followed.iter_mut() {
                last_line(one, printer, output)?;
            }
            return output.note("the target has ended");
        }
        thread::sleep(every);
    }
}

/// Whether another file has this name now, or the file was cut.
fn look_again<'a>(
    files: &'a TargetFiles,
    one: &mut Followed<'a>,
    index: usize,
    last: &mut usize,
    printer: &mut Printer,
    output: &mut Output,
) -> Result<(), Stopped> {
    let name = escaped(&one.path).into_owned();
    let found = match files.entry(&one.path) {
        Ok(found) => found,
        Err(error) => {
            if !one.is_said {
                one.is_said = true;
                output.note(&error)?;
            }
            return Ok(());
        }
    };
    if let Some(open) = &mut one.open
        && open.content.identity() == found.stat().identity()
    {
        one.is_said = false;
        if found.stat().size_bytes >= open.content.offset() {
            return Ok(());
        }
        output.note(format!(
            "{name} was truncated: following it from its beginning"
        ))?;
    } else {
        output.note(format!("{name} is another file now: following it"))?;
    }
    more_of(one, index, last, printer, output)?;
    last_line(one, printer, output)?;
    one.open = None;
    match files.content(&one.path, &found) {
        Err(error) if one.is_said => {
            let _ = error;
            Ok(())
        }
        Err(error) => {
            one.is_said = true;
            output.complain(error)
        }
        Ok(mut content) => {
            content.hold_last_line(true);
            one.is_said = false;
            one.open = Some(FollowedFile {
                redactions: content.redactions(),
                content,
            });
            more_of(one, index, last, printer, output)
        }
    }
}

/// Prints a last line whose end has not come.
fn last_line(
    one: &mut Followed<'_>,
    printer: &mut Printer,
    output: &mut Output,
) -> Result<(), Stopped> {
    let Some(open) = &mut one.open else {
        return Ok(());
    };
    open.content.hold_last_line(false);
    if let Ok(Some(piece)) = open.content.next() {
        printer.add(piece, output)?;
    }
    printer.end(output)
}

/// Prints what was appended.
fn more_of(
    one: &mut Followed<'_>,
    index: usize,
    last: &mut usize,
    printer: &mut Printer,
    output: &mut Output,
) -> Result<(), Stopped> {
    let Some(open) = &mut one.open else {
        return Ok(());
    };
    // The size may be that of a file which was cut: then it is opened again.
    if open.content.extend().is_err() {
        return Ok(());
    }
    loop {
        match open.content.next() {
            Ok(Some(piece)) => {
                if *last != index {
                    *last = index;
                    printer.heading(&one.path, output)?;
                }
                printer.add(piece, output)?;
            }
            Ok(None) => break,
            Err(error) => {
                output.complain(error)?;
                one.open = None;
                return Ok(());
            }
        }
    }
    let redacted = open.content.redactions();
    if redacted > open.redactions && open.redactions == 0 {
        say_redactions(redacted, &one.path, output)?;
    }
    open.redactions = redacted;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_signs_and_units() {
        let told = |text: &str| {
            let amount = amount(text).ok()?;
            Some((amount.from_start, amount.is_minus, amount.count))
        };
        assert_eq!(told("20"), Some((false, false, 20)));
        assert_eq!(told("+3"), Some((true, false, 3)));
        assert_eq!(told("-2K"), Some((false, true, 2048)));
        assert_eq!(told("1MB"), Some((false, false, 1_000_000)));
        for bad in ["", "x", "+", "5x", "--5", "+-5", "1e3", "web"] {
            assert_eq!(told(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_last_lines_begin_behind_a_line_end() {
        assert_eq!(begin_of_last(b"a\nb\nc\n", 1), 4);
        assert_eq!(begin_of_last(b"a\nb\nc", 2), 2);
        assert_eq!(begin_of_last(b"a\nb\n", 5), 0);
        assert_eq!(begin_of_last(b"a\nb\n", 0), 4);
        assert_eq!(begin_of_last(b"", 3), 0);
    }
}
