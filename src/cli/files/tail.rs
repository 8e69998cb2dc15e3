//! `tail`.

use std::collections::VecDeque;
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Args, Command};

use super::cat::{open, say_ending, say_redactions};
use super::ends::{Amount, EndsArgs, KEPT_BYTES, LINES, Printer};
use super::follow::{Followed, follow};
use super::{FilesCommand, Start, paths, refuse_format, without_short};
use crate::cli::exit::Exit;
use crate::cli::global::Global;
use crate::cli::{Failure, given};
use crate::files::{Content, FileError, FileErrorKind, FilesEnd, Output, Stopped};
use crate::sys::tree_entry::OpenedContent;

pub(super) const TAIL: FilesCommand = FilesCommand {
    name: "tail",
    command: tail_command,
    run: run_tail,
};

/// Read at a time from the end.
const BACK_BYTES: u64 = 64 << 10;

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
