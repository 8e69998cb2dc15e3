//! The flags that every command takes.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, Args, Command, ValueEnum};

use crate::model::format::Format;
use crate::sys::remote_fs::RemoteFs;

/// Flags before or after any command.
#[derive(Debug, Clone, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub(crate) struct Global {
    /// Inspect only this process.
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(i32).range(1..), help_heading = TARGET)]
    pub pid: Option<i32>,

    /// Inspect this container: its name, id or id prefix, POD/NAME or NAMESPACE/POD/NAME, or pid-N
    /// for the container of process N.
    #[arg(short = 'c', long, global = true, value_name = "NAME|ID", help_heading = TARGET)]
    pub container: Option<String>,

    /// Inspect the container of this pod on a node: the pod's name, NAMESPACE/NAME or UID.
    // `kubectl spyhole POD` has the other id.
    #[arg(id = "of_pod", long = "pod", global = true, value_name = "POD", help_heading = TARGET)]
    pub pod: Option<String>,

    /// Inspect spyhole's own container, including spyhole itself.
    #[arg(long = "self", global = true, conflicts_with_all = ["pid", "container", "of_pod"], help_heading = TARGET)]
    pub own: bool,

    /// Read processes from this /proc, such as the node's mounted at /host/proc.
    #[arg(long, global = true, value_name = "DIR", default_value = "/proc", help_heading = TARGET)]
    pub proc: PathBuf,

    /// Output format: table, wide, json or yaml; pem for certificates.
    #[arg(short = 'o', long, global = true, value_name = "FORMAT", value_enum, hide_possible_values = true, help_heading = OUTPUT)]
    pub output: Option<Format>,

    /// Omit headings; print notes about missing data on stderr.
    #[arg(long, global = true, help_heading = OUTPUT)]
    pub no_headers: bool,

    /// Use colors: auto, always or never (default auto; respects NO_COLOR).
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t = Color::Auto, hide_possible_values = true, hide_default_value = true, help_heading = OUTPUT)]
    pub color: Color,

    /// Print only errors on stderr.
    #[arg(short = 'q', long, global = true, help_heading = OUTPUT)]
    pub quiet: bool,

    /// Exit with 4 if any requested data could not be read.
    #[arg(long, global = true, help_heading = OUTPUT)]
    pub strict: bool,

    /// Stop after this long and report what is missing as gaps (default 30s; 10s for tls and
    /// serve).
    #[arg(long, global = true, value_name = "DURATION", value_parser = humantime::parse_duration, help_heading = OUTPUT)]
    pub timeout: Option<Duration>,

    /// Read files on NFS, FUSE and other file systems that are not local: auto, try or skip (default
    /// auto: skip where a reader that gets stuck would keep the container from ending).
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t = RemoteFs::Auto, hide_possible_values = true, hide_default_value = true, help_heading = TARGET)]
    pub remote_fs: RemoteFs,

    /// Never open network connections.
    #[arg(long, global = true, help_heading = TARGET)]
    pub no_connect: bool,

    /// Show the value of this variable or argument flag even if it looks like a secret
    /// (repeatable).
    #[arg(long, global = true, value_name = "NAME", action = ArgAction::Append, help_heading = SECRETS)]
    pub reveal: Vec<String>,

    /// Show all secrets.
    #[arg(long, global = true, help_heading = SECRETS)]
    pub reveal_all: bool,

    /// Compute fingerprints with the key in this file, so that they can be compared between pods.
    #[arg(long, global = true, value_name = "FILE", help_heading = SECRETS)]
    pub fingerprint_key_file: Option<PathBuf>,
}

/// The flags of every command that were given: they are meant for spyhole beside the target.
pub(super) fn passed_on<O: Args>(own: &ArgMatches) -> Vec<OsString> {
    let every = Global::augment_args(Command::new(""));
    let own_too = O::augment_args(Command::new(""));
    let mut words = Vec::new();
    for arg in every.get_arguments() {
        let id = arg.get_id();
        let given = own.value_source(id.as_str()) == Some(ValueSource::CommandLine);
        let taken = own_too.get_arguments().any(|other| other.get_id() == id);
        // What is said about the plan stays here, or is left out here.
        let taken = taken || id == "quiet";
        let Some(long) = arg.get_long().filter(|_| given && !taken) else {
            continue;
        };
        if arg.get_action().takes_values() {
            for value in own.get_raw(id.as_str()).into_iter().flatten() {
                let mut word = OsString::from(format!("--{long}="));
                word.push(value);
                words.push(word);
            }
        } else {
            words.push(format!("--{long}").into());
        }
    }
    words
}

const TARGET: &str = "Target";
const OUTPUT: &str = "Output";
const SECRETS: &str = "Secrets";

/// `--color`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}
