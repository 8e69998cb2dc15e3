//! What `head` and `tail` share: their options, and how several files are printed.

use std::ffi::OsString;

use clap::Args;

use super::ContentArgs;
use super::escaping::TerminalPieces;
use crate::files::{Content, Output, Stopped};
use crate::model::escape::escaped;

/// Lines where none are asked for.
pub(super) const LINES: Amount = Amount {
    from_start: false,
    is_minus: false,
    count: 10,
};
/// As much of what is shown is kept, for `tail -c` and `head -n -N`.
pub(super) const KEPT_BYTES: u64 = 16 << 20;

/// What both take.
#[derive(Debug, Clone, Args)]
pub(super) struct EndsArgs {
    /// Files of the target.
    #[arg(value_name = "PATH", required = true)]
    pub(super) paths: Vec<OsString>,
    /// Print this many lines (default 10); also -NUMBER. head: -N leaves out the last N; tail: +N
    /// begins with line N.
    #[arg(short = 'n', long, value_name = "N", value_parser = amount, allow_hyphen_values = true, overrides_with = "bytes")]
    pub(super) lines: Option<Amount>,
    /// Print this many bytes (suffixes K, M, G).
    #[arg(short = 'c', long, value_name = "N", value_parser = amount, allow_hyphen_values = true)]
    pub(super) bytes: Option<Amount>,
    /// Always print the names of the files above them.
    #[arg(short = 'v', long, overrides_with = "no_names")]
    pub(super) verbose: bool,
    /// Never print the names of the files.
    #[arg(short = 'q', long = "silent", id = "no_names")]
    pub(super) no_names: bool,
    #[command(flatten)]
    pub(super) content: ContentArgs,
}

/// A number of lines or bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Amount {
    /// `+N`.
    pub(super) from_start: bool,
    /// `-N`.
    pub(super) is_minus: bool,
    pub(super) count: u64,
}

pub(super) fn amount(text: &str) -> Result<Amount, String> {
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

/// The next piece; an error is said and is the end.
pub(super) fn next(
    content: &mut Content<'_>,
    output: &mut Output,
) -> Result<Option<Vec<u8>>, Stopped> {
    match content.next() {
        Ok(piece) => Ok(piece.map(<[u8]>::to_vec)),
        Err(error) => {
            output.complain(error)?;
            Ok(None)
        }
    }
}

/// What is printed of several files, with their names.
pub(super) struct Printer {
    names: bool,
    has_printed: bool,
    escapes: bool,
    pieces: TerminalPieces,
}

impl Printer {
    pub(super) fn new(args: &EndsArgs) -> Self {
        Self {
            names: args.verbose || args.paths.len() > 1 && !args.no_names,
            has_printed: false,
            escapes: args.content.escapes(),
            pieces: TerminalPieces::default(),
        }
    }

    pub(super) fn heading(&mut self, path: &[u8], output: &mut Output) -> Result<(), Stopped> {
        if self.names {
            let gap = if self.has_printed { "\n" } else { "" };
            output.write(format!("{gap}==> {} <==\n", escaped(path)).as_bytes())?;
        }
        self.has_printed = true;
        Ok(())
    }

    pub(super) fn add(&mut self, piece: &[u8], output: &mut Output) -> Result<(), Stopped> {
        if !self.escapes {
            return output.write(piece);
        }
        let mut out = Vec::with_capacity(piece.len());
        self.pieces.add(piece, &mut out);
        output.write(&out)
    }

    pub(super) fn end(&mut self, output: &mut Output) -> Result<(), Stopped> {
        let mut out = Vec::new();
        self.pieces.end(&mut out);
        output.write(&out)
    }
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
}
