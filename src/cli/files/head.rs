//! `head`.

use clap::{ArgMatches, Args, Command};

use super::cat::{open, say_ending, say_redactions};
use super::ends::{Amount, EndsArgs, KEPT_BYTES, LINES, Printer, next};
use super::{FilesCommand, Start, paths, refuse_format, without_short};
use crate::cli::exit::Exit;
use crate::cli::global::Global;
use crate::cli::{Failure, given};
use crate::files::{Content, FileError, FileErrorKind, FilesEnd, Output, Stopped};

pub(super) const HEAD: FilesCommand = FilesCommand {
    name: "head",
    command: head_command,
    run: run_head,
};

/// As many lines are kept for `head -n -N`.
const KEPT_LINES: u64 = 1 << 20;

fn head_command() -> Command {
    let command = EndsArgs::augment_args(Command::new("head"))
        .about("Print the first lines of files of the target")
        .long_about(None)
        .after_help("Example:\n  spyhole head -n 20 /etc/services");
    without_short(command, &["container", "quiet"])
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_begin_behind_a_line_end() {
        assert_eq!(begin_of_last(b"a\nb\nc\n", 1), 4);
        assert_eq!(begin_of_last(b"a\nb\nc", 2), 2);
        assert_eq!(begin_of_last(b"a\nb\n", 5), 0);
        assert_eq!(begin_of_last(b"a\nb\n", 0), 4);
        assert_eq!(begin_of_last(b"", 3), 0);
    }
}
