//! `sha256sum`.

use std::ffi::OsString;

use clap::{ArgMatches, Args, Command};
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::cat::open;
use super::{ContentArgs, FilesCommand, Start, paths, refuse_format};
use crate::cli::exit::Exit;
use crate::cli::global::Global;
use crate::cli::{Failure, given};
use crate::files::FilesEnd;

pub(super) const SHA256SUM: FilesCommand = FilesCommand {
    name: "sha256sum",
    command,
    run,
};

/// What `sha256sum` takes.
#[derive(Debug, Clone, Args)]
struct SumArgs {
    /// Files of the target.
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<OsString>,
    /// Mark the files as read in binary mode.
    #[arg(short = 'b', long, overrides_with = "text")]
    binary: bool,
    /// Do not mark them (default).
    #[arg(short = 't', long)]
    text: bool,
    /// End each line with NUL, and write names as they are.
    #[arg(short = 'z', long)]
    zero: bool,
    #[command(flatten)]
    content: ContentArgs,
}

fn command() -> Command {
    SumArgs::augment_args(Command::new("sha256sum"))
        .about("Print checksums of files of the target; not of files that hold secrets")
        .long_about(None)
        .after_help("Example:\n  spyhole sha256sum /app/server")
}

fn run(own: &ArgMatches, global: &Global) -> Result<Exit, Failure> {
    let args: SumArgs = given(own)?;
    refuse_format("sha256sum", global)?;
    let start = Start::of(global).with(&args.content);
    start.run(move |files, output| {
        for path in paths(&args.paths) {
            let mut sum = Sha256::new();
            let summed = open(files, &path).and_then(|mut content| {
                content.each_whole(|piece| sum.update(piece))?;
                Ok(content)
            });
            match summed {
                Err(error) => output.complain(error)?,
                Ok(content) => {
                    output.write(&line(&HEXLOWER.encode(&sum.finalize()), &path, &args))?;
                    if let Some(warning) = content.ending() {
                        output.note(warning)?;
                    }
                }
            }
        }
        Ok(FilesEnd::Done)
    })
}

/// As `sha256sum` writes it: a name with a line break or a backslash is escaped, and a backslash
/// leads the line.
fn line(sum: &str, path: &[u8], args: &SumArgs) -> Vec<u8> {
    let special = |byte: &u8| matches!(byte, b'\n' | b'\r' | b'\\');
    let escapes = !args.zero && path.iter().any(special);
    let mut text = Vec::with_capacity(sum.len() + path.len() + 4);
    if escapes {
        text.push(b'\\');
    }
    text.extend_from_slice(sum.as_bytes());
    text.push(b' ');
    text.push(if args.binary { b'*' } else { b' ' });
    for byte in path {
        match byte {
            b'\n' if escapes => text.extend_from_slice(b"\\n"),
            b'\r' if escapes => text.extend_from_slice(b"\\r"),
            b'\\' if escapes => text.extend_from_slice(b"\\\\"),
            byte => text.push(*byte),
        }
    }
    text.push(if args.zero { 0 } else { b'\n' });
    text
}
