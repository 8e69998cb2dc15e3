//! The words of the command line.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::caps::Caps;

/// A container runtime in miniature
#[derive(Parser)]
#[command(name = "lab", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run a program in a scratch root of its own, in the foreground
    Run(Box<Spec>),
    /// Hold the namespaces of a pod: PID 1 is `/pause`, which reaps
    Pause(Box<Inside>),
    /// Try to open and to readlink each path, print what the kernel said
    Peek {
        #[arg(required = true)]
        paths: Vec<PathBuf>,
    },
}

#[derive(Args)]
pub(crate) struct Spec {
    #[command(flatten)]
    pub(crate) inside: Inside,

    /// The program, by its path inside the root, and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    pub(crate) command: Vec<OsString>,
}

#[derive(Args)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub(crate) struct Inside {
    /// An empty directory gets a fresh tmpfs, any other is bind-mounted as the root
    /// (default: a tmpfs on a temporary directory)
    #[arg(long, value_name = "DIR")]
    pub(crate) root: Option<PathBuf>,
    /// Copy a file or directory of the host into the root
    #[arg(long = "copy", value_name = "SRC:DST")]
    pub(crate) copies: Vec<Pair>,
    /// Bind-mount a file or directory of the host
    #[arg(long = "bind", value_name = "SRC:DST[:ro]")]
    pub(crate) binds: Vec<Pair>,
    /// Mount the root read-only
    #[arg(long)]
    pub(crate) read_only: bool,
    /// Options of the container's /proc, such as hidepid=2 or subset=pid
    #[arg(long, value_name = "OPTIONS")]
    pub(crate) proc_options: Option<String>,

    #[arg(long, default_value_t = 0)]
    pub(crate) uid: u32,
    /// [default: the uid]
    #[arg(long)]
    pub(crate) gid: Option<u32>,
    /// `none`, `default` (Docker's), `all`, `+add,-drop,…` from the default, or `=exact,list`
    #[arg(long, default_value = "default", allow_hyphen_values = true)]
    pub(crate) caps: Caps,
    /// Capabilities that survive into a program that is not root
    #[arg(long, value_name = "CAP,…", default_value = "none")]
    pub(crate) ambient: Caps,
    #[arg(long)]
    pub(crate) no_new_privs: bool,
    #[arg(long, value_enum, default_value = "none")]
    pub(crate) seccomp: Seccomp,
    /// Make a user namespace that maps the caller to --uid and --gid
    /// (on its own where the caller is not root)
    #[arg(long)]
    pub(crate) userns: bool,

    #[arg(long)]
    pub(crate) hostname: Option<OsString>,
    /// `new` (loopback only), `host`, or `join:PID`, which joins its UTS and IPC too
    #[arg(long, default_value = "new")]
    pub(crate) net: Net,
    /// `new` or `join:PID`
    #[arg(long, default_value = "new")]
    pub(crate) pid: Pid,

    /// A variable of the environment, which is empty otherwise
    #[arg(long = "env", value_name = "K=V")]
    pub(crate) environment: Vec<OsString>,
    /// The same with the value as hexadecimal bytes
    #[arg(long = "env-hex", value_name = "K=HEX")]
    pub(crate) environment_hex: Vec<HexVariable>,
    /// Where to write the host's pid of CMD, once it runs
    #[arg(long, value_name = "FILE")]
    pub(crate) pidfile: Option<PathBuf>,
}

impl Inside {
    pub(crate) fn gid(&self) -> u32 {
        self.gid.unwrap_or(self.uid)
    }
}

/// `SRC:DST[:ro]`
#[derive(Clone)]
pub(crate) struct Pair {
    pub(crate) source: PathBuf,
    pub(crate) target: PathBuf,
    pub(crate) read_only: bool,
}

impl FromStr for Pair {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (text, read_only) = text
            .strip_suffix(":ro")
            .map_or((text, false), |text| (text, true));
        match text.split_once(':') {
            Some((source, target)) if target.starts_with('/') => Ok(Self {
                source: source.into(),
                target: target.trim_start_matches('/').into(),
                read_only,
            }),
            _ => Err("expected SRC:/DST".to_owned()),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Net {
    New,
    Host,
    Join(i32),
}

impl FromStr for Net {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "new" => Ok(Self::New),
            "host" => Ok(Self::Host),
            _ => join(text).map(Self::Join),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pid {
    New,
    Join(i32),
}

impl FromStr for Pid {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "new" => Ok(Self::New),
            _ => join(text).map(Self::Join),
        }
    }
}

fn join(text: &str) -> Result<i32, String> {
    text.strip_prefix("join:")
        .and_then(|pid| pid.parse().ok())
        .ok_or_else(|| "expected new or join:PID".to_owned())
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Seccomp {
    None,
    /// openat2 fails with EPERM, as under an engine older than the call
    DenyOpenat2,
    /// openat2 fails with ENOSYS, as on a kernel before 5.6
    NoOpenat2,
    /// What engines refuse by default, in short
    DefaultLike,
}

/// `K=HEX`, kept as `K=bytes`.
#[derive(Clone)]
pub(crate) struct HexVariable(pub(crate) OsString);

impl FromStr for HexVariable {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, hex) = text.split_once('=').ok_or("expected K=HEX")?;
        let mut variable = format!("{key}=").into_bytes();
        let value = data_encoding::HEXLOWER_PERMISSIVE
            .decode(hex.as_bytes())
            .map_err(|why| why.to_string())?;
        variable.extend(value);
        Ok(Self(OsString::from_vec(variable)))
    }
}
