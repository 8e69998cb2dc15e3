//! What a request needs of a scan: which files of which processes.

use std::path::PathBuf;
use std::time::Duration;

use crate::redact::Redactor;

bitflags::bitflags! {
    /// Files of a process that a section wants beyond `stat`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Files: u32 {
        /// `status`.
        const STATUS = 1;
        /// `cmdline`.
        const CMDLINE = 1 << 1;
        /// `environ`.
        const ENVIRON = 1 << 2;
        /// The link `exe`.
        const EXE = 1 << 3;
        /// The link `cwd`.
        const CWD = 1 << 4;
        /// The entries of `fd`, counted.
        const FD_COUNT = 1 << 5;
        /// `limits`.
        const LIMITS = 1 << 6;
        /// Of `limits` how many files may be open, where no more of it is wanted.
        const FD_LIMIT = 1 << 12;
        /// `oom_score` and `oom_score_adj`.
        const OOM = 1 << 7;
        /// `smaps_rollup`.
        const SMAPS_ROLLUP = 1 << 8;
        /// `task/*/stat`.
        const TASKS = 1 << 9;
        /// `mountinfo`, where it has to be read anyway to tell the container.
        const MOUNTINFO = 1 << 10;
        /// `statm`, for the memory that is in RAM; not read where `status` is, which tells it too.
        const STATM = 1 << 11;
        /// The security context beyond `status`: id maps, label, namespaces, the program's file.
        const SECURITY = 1 << 13;
        /// `task/*/status`.
        const TASK_STATUS = 1 << 14;
        /// The links in `fd`, which are counted on the way.
        const FD_LINKS = 1 << 16;
        /// What tells the network namespace.
        const NET_NAMESPACE = 1 << 17;
        /// The links in `fd` that lead to files with names as certificates have them.
        const OPEN_FILES = 1 << 18;
        /// What is open, with `fdinfo` and the inodes; `maps`, `cwd`, `root` and `exe`.
        const FD_TABLE = 1 << 20;
        /// Of the descriptors those of removed files.
        const FD_DELETED = 1 << 21;
        /// Of the descriptors what tells their types.
        const FD_TYPES = 1 << 26;
        /// `wchan`.
        const WCHAN = 1 << 22;
        /// The scheduling in `stat` and `status`.
        const SCHEDULING = 1 << 23;
        /// `io`.
        const IO = 1 << 24;
        /// The links in `ns`.
        const NAMESPACES = 1 << 25;
        /// `personality`.
        #[cfg(feature = "sample-section")]
        const PERSONALITY = 1 << 19;
    }
}

/// How to look.
pub(crate) struct ScanOptions {
    /// Where proc is mounted: `--proc`.
    pub proc: PathBuf,
    /// What was named as target.
    pub choice: Choice,
    /// How long the whole look may take: `--timeout`.
    pub timeout: Duration,
    /// Which connections may be opened: `--no-connect`.
    pub net: NetPolicy,
    /// Decides which values are kept back.
    pub redactor: Redactor,
}

/// How much of what is visible a request covers; the later ones include the earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scope {
    /// The main process of the target.
    Main,
    /// Every process of the target.
    Target,
    /// Every process of the target; all visible ones are assigned to their containers.
    Containers,
    /// Every visible process.
    All,
}

/// What one request needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Needs {
    /// Files of each process in scope.
    pub files: Files,
    /// Which processes.
    pub scope: Scope,
    /// Whether there must be one target; a list of what is visible needs none.
    pub target: bool,
}

/// What the requests of one document need together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CombinedNeeds {
    /// Files of every process in scope.
    pub(crate) files: Files,
    /// Files of the main process: what a section shows of that one alone is not
    /// read of all the others.
    pub(crate) main_files: Files,
    pub(crate) scope: Scope,
    pub(crate) target: bool,
}

impl CombinedNeeds {
    pub(crate) fn of(needs: &[Needs]) -> Self {
        let files = |needs: &mut dyn Iterator<Item = &Needs>| {
            needs.fold(Files::empty(), |files, needs| files | needs.files)
        };
        Self {
            files: files(&mut needs.iter().filter(|needs| needs.scope > Scope::Main)),
            main_files: files(&mut needs.iter()),
            scope: needs
                .iter()
                .map(|needs| needs.scope)
                .max()
                .unwrap_or(Scope::Main),
            target: needs.iter().any(|needs| needs.target),
        }
    }
}

/// Which connections a request may open, and how long one of them may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NetPolicy {
    /// The addresses that it allows.
    pub connect: ConnectPolicy,
    /// How long one server may take to answer.
    pub dial_timeout: Duration,
}

/// The addresses that a request may connect to; each allows what those before it allow, but for
/// `Endpoint`, which names one address and not the listeners.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConnectPolicy {
    /// None: `--no-connect`.
    None,
    /// To the target's own listeners, on addresses of its network namespace.
    Listeners,
    /// To the one endpoint that the request itself was declared with.
    Endpoint,
    /// To any address.
    Any,
}

impl NetPolicy {
    /// No connection at all.
    #[must_use]
    pub(crate) fn none() -> Self {
        Self {
            connect: ConnectPolicy::None,
            dial_timeout: Duration::ZERO,
        }
    }

    /// The same time, with another policy; a policy of no connections stays.
    #[must_use]
    pub(crate) fn limited_to(self, connect: ConnectPolicy) -> Self {
        Self {
            connect: match self.connect {
                ConnectPolicy::None => ConnectPolicy::None,
                _ => connect,
            },
            ..self
        }
    }

    /// The time for one connection to the target's own listeners, where that is allowed.
    #[must_use]
    pub(crate) fn to_listeners(self) -> Option<Duration> {
        matches!(self.connect, ConnectPolicy::Listeners | ConnectPolicy::Any)
            .then_some(self.dial_timeout)
    }

    /// The time for one connection to an address that the request names, where that is allowed.
    #[must_use]
    pub(crate) fn to_endpoint(self) -> Option<Duration> {
        matches!(self.connect, ConnectPolicy::Endpoint | ConnectPolicy::Any)
            .then_some(self.dial_timeout)
    }
}

/// What the user named as target.
#[derive(Debug, Clone, Default)]
pub(crate) struct Choice {
    /// `--pid`: this process alone.
    pub pid: Option<i32>,
    /// `--container`: a name, an id or its beginning, one of these behind `POD/` or
    /// `NAMESPACE/POD/`, or `pid-N` for the container of a process.
    pub container: Option<String>,
    /// `--pod`: the name of a pod, also behind `NAMESPACE/`, or its UID.
    pub pod: Option<String>,
    /// `--self`.
    pub own: bool,
}
