//! What of the target may be read, what not, why, and what would help: the data
//! of the section `access`.

use serde::{Deserialize, Serialize};

use super::capabilities::{MappedIds, SeccompMode};
use super::gap::Reason;
use super::seen::Seen;

/// The viewer, the target, and what the viewer can read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Access {
    /// The main process of the target.
    pub target: Party,
    /// spyhole itself.
    pub viewer: Party,
    /// The namespaces that both are in.
    pub shared: Shared,
    /// Each thing that may be refused, as it was tried.
    pub checks: Vec<Check>,
    /// Every reason for a refusal, the most important first; empty where nothing was refused.
    pub blockers: Vec<Blocker>,
    /// What would help, best first; empty where nothing was refused.
    pub remedies: Vec<Remedy>,
    /// Ways that usually help and do not here.
    pub ruled_out: Vec<RuledOut>,
}

/// One side of the comparison: what the kernel's checks look at. Ids are as spyhole's
/// user namespace sees them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Party {
    /// Its process id; absent for a viewer that the /proc in use does not list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<i32>,
    /// User ids.
    pub uids: Seen<Ids>,
    /// Group ids.
    pub gids: Seen<Ids>,
    /// Supplementary groups.
    pub groups: Seen<Vec<u32>>,
    /// Capabilities by set, named as in capabilities(7).
    pub capabilities: CapabilitySets,
    /// Whether an exec may give it new privileges no more (`allowPrivilegeEscalation: false`).
    pub no_new_privs: Seen<bool>,
    /// Its seccomp mode.
    pub seccomp: Seen<SeccompMode>,
    /// How its user namespace maps ids, as spyhole reads it.
    pub uid_map: Seen<Vec<MappedIds>>,
    /// Whether it is dumpable (prctl(2)). Absent for the viewer, and where it does not
    /// show (root's processes) and makes no difference (the viewer holds `CAP_SYS_PTRACE`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dumpable: Option<Seen<bool>>,
    /// Its `AppArmor` profile or `SELinux` context; absent where no security module labels it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_label: Option<String>,
}

/// The four ids of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Ids {
    /// Who started it.
    pub real: u32,
    /// Who it acts as.
    pub effective: u32,
    /// What it may go back to.
    pub saved: u32,
    /// Who it is to file systems and to the checks of /proc.
    pub filesystem: u32,
}

/// The sets that decide here.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CapabilitySets {
    /// What is checked: `CapEff`.
    pub effective: Seen<Vec<String>>,
    /// What it may make effective: `CapPrm`.
    pub permitted: Seen<Vec<String>>,
    /// What an exec may give at most: `CapBnd`.
    pub bounding: Seen<Vec<String>>,
}

/// Whether viewer and target are in the same namespace.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Shared {
    /// Compared by the link, or by how many PID namespaces either is seen in.
    pub pid_namespace: Seen<bool>,
    /// Compared by the link, or by the inode of `net/tcp`, which differs between network
    /// namespaces.
    pub network_namespace: Seen<bool>,
    /// Compared by the link, or by the text of `uid_map`.
    pub user_namespace: Seen<bool>,
}

/// One thing that may be refused.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "AccessCheck"))]
pub struct Check {
    /// What it is good for.
    pub what: What,
    /// What was tried.
    pub path: String,
    /// What came of it.
    pub outcome: Outcome,
    /// Why not; absent where it was allowed. `blockers` has the evidence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// The name of the system's error, where there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errno: Option<String>,
}

/// What a check is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// The processes that share the PID namespace.
    ProcessList,
    /// `status`: ids, capabilities, memory.
    Status,
    /// `cmdline`.
    Arguments,
    /// `mountinfo`.
    Mounts,
    /// `limits`.
    Limits,
    /// `cgroup`.
    CgroupMembership,
    /// `net/tcp`: sockets without their owners.
    Sockets,
    /// `environ`.
    Environment,
    /// `root`: the files of the target.
    Files,
    /// Limits and usage in the target's `/sys/fs/cgroup`.
    CgroupFiles,
    /// `exe`.
    Program,
    /// `cwd`.
    WorkingDirectory,
    /// The entries of `fd`.
    Descriptors,
    /// The links in `fd`, which tell the owners of sockets.
    SocketOwners,
    /// `maps`.
    MemoryMap,
    /// `smaps_rollup`.
    MemoryRollup,
    /// `io`.
    Io,
    /// The links in `ns`.
    Namespaces,
    /// `personality`.
    #[cfg(feature = "sample-section")]
    Personality,
}

impl What {
    /// The words for it in a table.
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Self::ProcessList => "process list",
            Self::Status => "ids and capabilities",
            Self::Arguments => "arguments",
            Self::Mounts => "mounts",
            Self::Limits => "resource limits",
            Self::CgroupMembership => "cgroup",
            Self::Sockets => "sockets, no owners",
            Self::Environment => "environment",
            Self::Files => "files of the target",
            Self::CgroupFiles => "cgroup limits",
            Self::Program => "program",
            Self::WorkingDirectory => "working directory",
            Self::Descriptors => "open descriptors",
            Self::SocketOwners => "socket owners",
            Self::MemoryMap => "memory map",
            Self::MemoryRollup => "shared memory (PSS)",
            Self::Io => "bytes read and written",
            Self::Namespaces => "namespaces",
            #[cfg(feature = "sample-section")]
            Self::Personality => "personality",
        }
    }
}

/// What came of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was read.
    Allowed,
    /// Some of it may be hidden.
    Partial,
    /// It was refused.
    Denied,
    /// This kernel, sandbox or root does not have it.
    Unsupported,
    /// Another error, or the process ended meanwhile.
    Failed,
}

impl Outcome {
    /// The word for it in a table.
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Self::Allowed => "yes",
            Self::Partial => "partly",
            Self::Denied => "denied",
            Self::Unsupported => "absent",
            Self::Failed => "failed",
        }
    }
}

/// One reason why the viewer cannot read the target.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Blocker {
    /// Which comparison fails.
    pub reason: Reason,
    /// With the values that were compared.
    pub evidence: String,
}

/// A way to see more.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Remedy {
    /// What it does, as "run spyhole as the target's user".
    pub title: String,
    /// The lowest Pod Security level that it needs; absent outside of Kubernetes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_security: Option<PodSecurity>,
    /// Lines to paste into a shell, one after the other. Capitals (`POD`) stand for
    /// what could not be found out.
    pub commands: Vec<String>,
}

/// The Pod Security Standards of Kubernetes, strictest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum PodSecurity {
    /// Admitted even there.
    Restricted,
    /// Rejected by `restricted`.
    Baseline,
    /// Rejected by `baseline`.
    Privileged,
}

/// A way that usually helps and does not here.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RuledOut {
    /// As the title of a [`Remedy`].
    pub title: String,
    /// Why not.
    pub because: String,
}
