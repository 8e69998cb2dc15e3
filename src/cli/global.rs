//! The flags that every command takes.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, ValueEnum};

use crate::model::format::Format;

/// Flags before or after any command.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub struct Global {
    /// Look at this process alone.
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(i32).range(1..), help_heading = TARGET)]
    pub pid: Option<i32>,

    /// Look into this container: its name, its id or the beginning of it, or pid-N for the one that process N is in.
    #[arg(short = 'c', long, global = true, value_name = "NAME|ID", help_heading = TARGET)]
    pub container: Option<String>,

    /// Look into spyhole's own container, itself included.
    #[arg(long = "self", global = true, conflicts_with_all = ["pid", "container"], help_heading = TARGET)]
    pub own: bool,

    /// Use another /proc, such as the node's mounted at /host/proc.
    #[arg(long, global = true, value_name = "DIR", default_value = "/proc", help_heading = TARGET)]
    pub proc: PathBuf,

    /// table, wide, json or yaml; pem for certificates.
    #[arg(short = 'o', long, global = true, value_name = "FORMAT", value_enum, hide_possible_values = true, help_heading = OUTPUT)]
    pub output: Option<Format>,

    /// Leave out headings; notes on what could not be seen go to stderr.
    #[arg(long, global = true, help_heading = OUTPUT)]
    pub no_headers: bool,

    /// auto, always or never; NO_COLOR is heeded.
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t = Color::Auto, hide_possible_values = true, hide_default_value = true, help_heading = OUTPUT)]
    pub color: Color,

    /// No words on stderr beside errors.
    #[arg(short = 'q', long, global = true, help_heading = OUTPUT)]
    pub quiet: bool,

    /// Exit with 4 if anything that was asked could not be read.
    #[arg(long, global = true, help_heading = OUTPUT)]
    pub strict: bool,

    /// End with what was seen by then; the rest is told as gaps. 30s unless said otherwise, 10s for a server that is asked.
    #[arg(long, global = true, value_name = "DURATION", value_parser = humantime::parse_duration, help_heading = OUTPUT)]
    pub timeout: Option<Duration>,

    /// Open no connection, whatever is asked.
    #[arg(long, global = true, help_heading = TARGET)]
    pub no_connect: bool,

    /// Show the value of this variable or argument flag though it is taken for a secret (repeatable).
    #[arg(long, global = true, value_name = "NAME", action = ArgAction::Append, help_heading = SECRETS)]
    pub reveal: Vec<String>,

    /// Show every secret.
    #[arg(long, global = true, help_heading = SECRETS)]
    pub reveal_all: bool,

    /// Make fingerprints with the key in this file, so that documents of two pods compare.
    #[arg(long, global = true, value_name = "FILE", help_heading = SECRETS)]
    pub fingerprint_key_file: Option<PathBuf>,
}

const TARGET: &str = "Target";
const OUTPUT: &str = "Output";
const SECRETS: &str = "Secrets";

/// `--color`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}
