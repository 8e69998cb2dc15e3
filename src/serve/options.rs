//! The flags of `spyhole serve`, with safe defaults.

use std::ffi::OsString;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use clap::{ArgAction, Args, ValueEnum};

use super::declared::Declared;
use crate::check::UnknownAs;
use crate::redact::Redactor;
use crate::scan::needs::Choice;
use crate::scan::needs::{ConnectPolicy, NetPolicy, ScanOptions};
use crate::scan::self_process;

/// The variable that may name the token file instead of `--token-file`.
pub(crate) const TOKEN_FILE_VARIABLE: &str = "SPYHOLE_TOKEN_FILE";

/// How the server is run.
#[derive(Debug, Clone, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub(crate) struct ServeOptions {
    /// Listen on ADDR:PORT or unix:PATH (repeatable).
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7794", action = ArgAction::Append)]
    pub listen: Vec<Listen>,

    /// Read the token from this file (default: SPYHOLE_TOKEN_FILE, else a generated token, which is
    /// printed).
    #[arg(long, value_name = "FILE", help_heading = AUTH)]
    pub token_file: Option<PathBuf>,
    /// Read tokens from stdin, one a line; each is accepted, also one that comes later.
    #[arg(long, help_heading = AUTH, conflicts_with_all = ["token_file", "insecure_no_auth"])]
    pub token_stdin: bool,
    /// Allow /metrics without a token.
    #[arg(long, help_heading = AUTH)]
    pub public_metrics: bool,
    /// Require no token: anyone who can reach the address can read everything.
    #[arg(long, help_heading = AUTH, conflicts_with = "token_file")]
    pub insecure_no_auth: bool,
    /// Accept this name in the Host header, too (repeatable).
    #[arg(long, value_name = "NAME", action = ArgAction::Append, help_heading = AUTH)]
    pub allowed_host: Vec<String>,
    /// Allow ?reveal= and ?reveal_all= to show secrets.
    #[arg(long, help_heading = AUTH)]
    pub allow_reveal: bool,
    /// Allow requests to name a server to connect to, as /v1/tls does.
    #[arg(long, help_heading = AUTH)]
    pub allow_connect: bool,

    /// Serve files of the target at /v1/files and /v1/files/content.
    #[arg(long, help_heading = AUTH)]
    pub allow_files: bool,

    /// Serve TLS with this certificate chain (PEM; reloaded when it changes).
    #[arg(long, value_name = "FILE", requires = "tls_key", help_heading = TLS)]
    pub tls_cert: Option<PathBuf>,
    /// Private key of the certificate (PEM).
    #[arg(long, value_name = "FILE", requires = "tls_cert", help_heading = TLS)]
    pub tls_key: Option<PathBuf>,
    /// Accept client certificates issued by these CAs in place of a token.
    #[arg(long, value_name = "FILE", requires = "tls_cert", help_heading = TLS)]
    pub client_ca: Option<PathBuf>,

    /// Declare a probe, served at /probe/NAME without a token (repeatable); for CHECK see spyhole
    /// check --help.
    #[arg(long, value_name = "NAME=CHECK", action = ArgAction::Append, help_heading = PROBES)]
    pub probe: Vec<Declared>,
    /// Report a probe whose answer is unknown as passing or as failing: pass or fail.
    #[arg(long, value_name = "pass|fail", value_enum, default_value_t = UnknownAs::Fail, hide_possible_values = true, help_heading = PROBES)]
    pub unknown: UnknownAs,
    /// Report ready (/readyz) only while this probe passes (repeatable).
    #[arg(long, value_name = "NAME", action = ArgAction::Append, help_heading = PROBES)]
    pub ready_on: Vec<String>,

    /// Reuse an answer for this long.
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = humantime::parse_duration, help_heading = LIMITS)]
    pub cache: Duration,
    /// Exit after this long without a request.
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration, help_heading = LIMITS)]
    pub idle_exit: Option<Duration>,
    /// Exit after this long.
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration, help_heading = LIMITS)]
    pub lifetime: Option<Duration>,
    /// Maximum open connections; a further one closes the oldest.
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u16).range(1..), help_heading = LIMITS)]
    pub max_connections: u16,
    /// Close a connection after this long; its last answer says so before (Connection: close).
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = humantime::parse_duration, help_heading = LIMITS)]
    pub connection_lifetime: Duration,
    /// Wait at most this long for the head of a request.
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = humantime::parse_duration, help_heading = LIMITS)]
    pub header_timeout: Duration,
    /// Close a connection whose client reads nothing for this long.
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = humantime::parse_duration, help_heading = LIMITS)]
    pub write_timeout: Duration,
    /// Maximum number of headers of a request.
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1024), help_heading = LIMITS)]
    pub max_headers: u16,
    /// Maximum size of the request line and headers, in KiB.
    #[arg(long, value_name = "KIB", default_value_t = 8, value_parser = clap::value_parser!(u8).range(4..=64), help_heading = LIMITS)]
    pub max_head: u8,
    /// Maximum size of an answer, in MiB; all answers in memory together may take twice that.
    #[arg(long, value_name = "MIB", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1024), help_heading = LIMITS)]
    pub max_response: u16,
    /// Maximum concurrent scans.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=4), help_heading = LIMITS)]
    pub max_collections: u8,

    /// Format of the access log on stderr: text, json or off.
    #[arg(long, value_name = "FORM", value_enum, default_value_t = AccessLog::Text, hide_possible_values = true)]
    pub access_log: AccessLog,

    /// Pass stdin and stdout on to the socket of a server that runs here.
    #[arg(long, value_name = "PATH", hide = true)]
    pub relay: Option<PathBuf>,
}

const AUTH: &str = "Authentication";
const PROBES: &str = "Probes";
const TLS: &str = "TLS";
const LIMITS: &str = "Limits";

/// The form of the access log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AccessLog {
    /// A line of words.
    Text,
    /// A JSON object a line.
    Json,
    /// None.
    Off,
}

/// What each look of the server has in common with the command line's.
#[derive(Clone)]
pub(crate) struct ScanDefaults {
    /// Where proc is mounted: `--proc`.
    pub proc: PathBuf,
    /// The process that is looked at where a request names none: `--pid`.
    pub pid: Option<i32>,
    /// The container, likewise.
    pub container: Option<String>,
    /// The pod, likewise.
    pub pod: Option<String>,
    /// Whether spyhole's own container is meant: `--self`.
    pub own: bool,
    /// How long a look may take.
    pub timeout: Duration,
    /// Which connections a request may open.
    pub net: NetPolicy,
    /// Decides which values are kept back; one key for the whole run, so that fingerprints of
    /// two answers compare.
    pub redactor: Redactor,
}

impl ScanDefaults {
    /// Whether a target or a /proc was named.
    #[must_use]
    pub(crate) fn names_target(&self) -> bool {
        let elsewhere = self.proc != Path::new(self_process::PROC);
        elsewhere
            || self.own
            || self.pid.is_some()
            || self.container.is_some()
            || self.pod.is_some()
    }

    /// A look for a declared probe, which connects to the endpoint it was declared with and to no
    /// other.
    #[must_use]
    pub(crate) fn probe_options(&self) -> ScanOptions {
        ScanOptions {
            net: self.net.limited_to(ConnectPolicy::Endpoint),
            ..self.options()
        }
    }

    /// A look at the target of the server, no secrets shown.
    #[must_use]
    pub(crate) fn options(&self) -> ScanOptions {
        ScanOptions {
            proc: self.proc.clone(),
            choice: Choice {
                pid: self.pid,
                container: self.container.clone(),
                pod: self.pod.clone(),
                own: self.own,
            },
            timeout: self.timeout,
            net: self.net,
            redactor: self.redactor.clone(),
        }
    }
}

/// A place to listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Listen {
    /// An address and a port.
    Tcp(SocketAddr),
    /// A socket in the file system, for its owner only.
    Unix(PathBuf),
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            return if path.starts_with('/') {
                Ok(Self::Unix(path.into()))
            } else {
                Err("expected an absolute path behind unix:, such as unix:/run/spyhole.sock".into())
            };
        }
        text.parse().map(Self::Tcp).map_err(|_| {
            "expected ADDR:PORT with a numeric address, such as 127.0.0.1:7794 or [::1]:7794, or unix:PATH".into()
        })
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl Listen {
    /// Whether only this pod reaches it.
    #[must_use]
    pub(crate) fn is_local(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().to_canonical().is_loopback(),
            Self::Unix(_) => true,
        }
    }
}

impl ServeOptions {
    /// What the environment says where a flag does not.
    #[must_use]
    pub(crate) fn with_environment(mut self, variable: impl Fn(&str) -> Option<OsString>) -> Self {
        if self.token_file.is_none() && !self.insecure_no_auth && !self.token_stdin {
            self.token_file = variable(TOKEN_FILE_VARIABLE).map(PathBuf::from);
        }
        self
    }

    /// Bytes of the request line and all headers of a request.
    #[must_use]
    pub(crate) fn head_bytes(&self) -> usize {
        usize::from(self.max_head) << 10
    }

    /// Checks what clap cannot.
    ///
    /// # Errors
    /// A sentence that names the flag and what to do.
    pub(crate) fn check(&self) -> Result<(), String> {
        let open = self.listen.iter().find(|listen| !listen.is_local());
        let guarded = self.token_file.is_some()
            || self.token_stdin
            || self.client_ca.is_some()
            || self.insecure_no_auth;
        let endless = [
            ("--connection-lifetime", self.connection_lifetime),
            ("--header-timeout", self.header_timeout),
            ("--write-timeout", self.write_timeout),
        ];
        if let Some((flag, _)) = endless.iter().find(|(_, time)| time.is_zero()) {
            return Err(format!("{flag}: must be greater than zero"));
        }
        match open {
            Some(listen) if !guarded => Err(format!(
                "--listen {listen} is reachable from outside this pod, and authentication is not \
                 configured: use --token-file, --token-stdin, or --client-ca with --tls-cert and --tls-key"
            )),
            _ => Ok(()),
        }
    }
}
