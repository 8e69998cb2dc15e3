//! `cat`.

use std::ffi::OsString;

use clap::{ArgMatches, Args, Command};

use super::escaping::TerminalPieces;
use super::{ContentArgs, FilesCommand, Start, paths, refuse_format};
use crate::cli::exit::Exit;
use crate::cli::global::Global;
use crate::cli::{Failure, given};
use crate::files::{Content, FileError, FilesEnd, Output, Stopped, TargetFiles};

pub(super) const CAT: FilesCommand = FilesCommand {
    name: "cat",
    command,
    run,
};

/// What `cat` takes.
#[derive(Debug, Clone, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
struct CatArgs {
    /// Files of the target.
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<OsString>,
    /// Number the lines.
    #[arg(short = 'n', long)]
    number: bool,
    /// Number the lines that are not empty.
    #[arg(short = 'b', long, overrides_with = "number")]
    number_nonblank: bool,
    /// Show control characters, tabs and ends of lines, like -vET.
    #[arg(short = 'A', long)]
    show_all: bool,
    /// Show the ends of lines as $.
    #[arg(short = 'E', long)]
    show_ends: bool,
    /// Show tabs as ^I.
    #[arg(short = 'T', long)]
    show_tabs: bool,
    /// Show control characters as ^X and M-X.
    #[arg(short = 'v', long)]
    show_nonprinting: bool,
    /// Show several empty lines as one.
    #[arg(short = 's', long)]
    squeeze_blank: bool,
    #[command(flatten)]
    content: ContentArgs,
}

fn command() -> Command {
    CatArgs::augment_args(Command::new("cat"))
        .about("Print files of the target")
        .long_about(None)
        .after_help("Example:\n  spyhole cat /etc/nginx/nginx.conf")
}

fn run(own: &ArgMatches, global: &Global) -> Result<Exit, Failure> {
    let args: CatArgs = given(own)?;
    refuse_format("cat", global)?;
    let style = Style::of(&args);
    let paths = paths(&args.paths);
    let start = Start::of(global).with(&args.content);
    start.run(move |files, output| {
        let mut lines = style.map(Lines::new);
        for path in paths {
            let opened = open(files, &path);
            let shown = opened.map(|mut content| show(&mut content, &mut lines, output));
            match shown {
                Ok(shown) => shown?,
                Err(error) => output.complain(error)?,
            }
        }
        Ok(FilesEnd::Done)
    })
}

/// The content of a path, links followed.
pub(super) fn open<'a>(files: &'a TargetFiles, path: &[u8]) -> Result<Content<'a>, FileError> {
    files.content(path, &files.entry(path)?)
}

/// Says what is to be said of content that was shown.
pub(super) fn say_ending(
    content: &Content<'_>,
    path: &[u8],
    output: &mut Output,
) -> Result<(), Stopped> {
    if let Some(warning) = content.ending() {
        output.note(warning)?;
    }
    say_redactions(content.redactions(), path, output)
}

/// Says that something was redacted, and how to see it.
pub(super) fn say_redactions(count: u64, path: &[u8], output: &mut Output) -> Result<(), Stopped> {
    use crate::model::escape::escaped;
    use crate::model::shell::quoted;
    if count == 0 {
        return Ok(());
    }
    let path = escaped(path);
    let lines = if count == 1 { "line" } else { "lines" };
    output.note(format!(
        "{path}: secrets in {count} {lines} redacted; to show them: --reveal-file {}",
        quoted(&path)
    ))
}

fn show(
    content: &mut Content<'_>,
    lines: &mut Option<Lines>,
    output: &mut Output,
) -> Result<(), Stopped> {
    loop {
        match content.next() {
            Ok(None) => break,
            Ok(Some(piece)) => match lines {
                None => output.write(piece)?,
                Some(lines) => {
                    let mut out = Vec::with_capacity(piece.len() * 2);
                    lines.add(piece, &mut out);
                    output.write(&out)?;
                }
            },
            Err(error) => {
                output.complain(error)?;
                break;
            }
        }
    }
    if let Some(lines) = lines {
        let mut out = Vec::new();
        lines.end(&mut out);
        output.write(&out)?;
    }
    let path = content.path().to_vec();
    say_ending(content, &path, output)
}

/// What is changed in the lines.
#[derive(Clone, Copy)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
struct Style {
    number: bool,
    number_nonblank: bool,
    ends: bool,
    tabs: bool,
    nonprinting: bool,
    squeeze: bool,
    terminal: bool,
}

impl Style {
    /// `None`: nothing is changed.
    fn of(args: &CatArgs) -> Option<Self> {
        let style = Self {
            number: args.number,
            number_nonblank: args.number_nonblank,
            ends: args.show_all || args.show_ends,
            tabs: args.show_all || args.show_tabs,
            nonprinting: args.show_all || args.show_nonprinting,
            squeeze: args.squeeze_blank,
            terminal: args.content.escapes(),
        };
        let changes = style.number
            || style.number_nonblank
            || style.ends
            || style.tabs
            || style.nonprinting
            || style.squeeze
            || style.terminal;
        changes.then_some(style)
    }
}

/// Lines on their way, over pieces and files.
struct Lines {
    style: Style,
    count: u64,
    is_at_begin: bool,
    /// Line ends that came one after the other.
    newlines: u8,
    terminal: TerminalPieces,
}

impl Lines {
    fn new(style: Style) -> Self {
        Self {
            style,
            count: 0,
            is_at_begin: true,
            newlines: 1,
            terminal: TerminalPieces::default(),
        }
    }

    fn add(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        let mut changed = Vec::with_capacity(piece.len() * 2);
        for line in piece.split_inclusive(|byte| *byte == b'\n') {
            self.line(line, &mut changed);
        }
        if self.style.terminal && !self.style.nonprinting {
            self.terminal.add(&changed, out);
        } else {
            out.append(&mut changed);
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.terminal.end(out);
    }

    /// A line, or a part of one.
    fn line(&mut self, line: &[u8], out: &mut Vec<u8>) {
        let is_blank = line == b"\n";
        if self.is_at_begin {
            if is_blank && self.newlines > 1 && self.style.squeeze {
                return;
            }
            let numbered = if self.style.number_nonblank {
                !is_blank
            } else {
                self.style.number
            };
            if numbered {
                self.count += 1;
                out.extend_from_slice(format!("{:>6}\t", self.count).as_bytes());
            }
        }
        let (text, is_whole) = match line.strip_suffix(b"\n") {
            Some(text) => (text, true),
            None => (line, false),
        };
        for byte in text {
            self.byte(*byte, out);
        }
        if is_whole {
            if self.style.ends {
                out.push(b'$');
            }
            out.push(b'\n');
            self.newlines = if self.is_at_begin && is_blank {
                self.newlines.saturating_add(1)
            } else {
                1
            };
        }
        self.is_at_begin = is_whole;
    }

    fn byte(&self, byte: u8, out: &mut Vec<u8>) {
        if byte == b'\t' {
            if self.style.tabs {
                out.extend_from_slice(b"^I");
            } else {
                out.push(byte);
            }
            return;
        }
        if !self.style.nonprinting {
            out.push(byte);
            return;
        }
        let low = if byte >= 0x80 {
            out.extend_from_slice(b"M-");
            byte - 0x80
        } else {
            byte
        };
        match low {
            0x7f => out.extend_from_slice(b"^?"),
            0..=0x1f => out.extend_from_slice(&[b'^', low + 0x40]),
            plain => out.push(plain),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn style() -> Style {
        Style {
            number: false,
            number_nonblank: false,
            ends: false,
            tabs: false,
            nonprinting: false,
            squeeze: false,
            terminal: false,
        }
    }

    fn shown(style: Style, pieces: &[&str]) -> String {
        let mut lines = Lines::new(style);
        let mut out = Vec::new();
        for piece in pieces {
            lines.add(piece.as_bytes(), &mut out);
        }
        lines.end(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn lines_are_numbered_over_pieces() {
        let numbered = Style {
            number: true,
            ..style()
        };
        let text = shown(numbered, &["a\nb", "b\n\nc"]);
        assert_eq!(text, "     1\ta\n     2\tbb\n     3\t\n     4\tc");
        let nonblank = Style {
            number_nonblank: true,
            squeeze: true,
            ..style()
        };
        let text = shown(nonblank, &["a\n\n\n", "\nb\n"]);
        assert_eq!(text, "     1\ta\n\n     2\tb\n");
    }

    #[test]
    fn control_characters_are_shown_as_by_cat() {
        let all = Style {
            ends: true,
            tabs: true,
            nonprinting: true,
            ..style()
        };
        assert_eq!(shown(all, &["a\t\x01\u{e9}\x7f\n"]), "a^I^AM-CM-)^?$\n");
    }
}
