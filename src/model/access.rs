//! What of the target may be read, what not, why, and what would help: the data
//! of the section `access`.

use serde::{Deserialize, Serialize};

use super::capabilities::{MappedIds, SeccompMode};
use super::gap::Reason;
use super::pod_security::PodSecurityLevel;
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
    /// Each operation that may be refused, with its result.
    pub checks: Vec<Check>,
    /// Every reason for a refusal, the most important first; empty where nothing was refused.
    pub blockers: Vec<Blocker>,
    /// Remedies, best first; empty where nothing was refused.
    pub remedies: Vec<Remedy>,
    /// Remedies that usually help and do not here.
    pub ruled_out: Vec<RuledOut>,
}

/// One side of the comparison: the fields that the kernel checks. Ids are as spyhole's user
/// namespace sees them.
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
    /// no_new_privs: whether an exec can give it no new privileges (`allowPrivilegeEscalation:
    /// false`).
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
    /// Real id.
    pub real: u32,
    /// Effective id.
    pub effective: u32,
    /// Saved id.
    pub saved: u32,
    /// File system id, which file systems and the checks of /proc compare.
    pub filesystem: u32,
}

/// The sets that were compared.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CapabilitySets {
    /// Effective set, which the kernel checks: `CapEff`.
    pub effective: Seen<Vec<String>>,
    /// Permitted set, which it may make effective: `CapPrm`.
    pub permitted: Seen<Vec<String>>,
    /// Bounding set, the most that an exec may give: `CapBnd`.
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

/// One operation that may be refused.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "AccessCheck"))]
pub struct Check {
    /// What the data is used for.
    pub what: What,
    /// The operation that was tried.
    pub path: String,
    /// The result.
    pub outcome: Outcome,
    /// Why it was refused; absent where it was allowed. `blockers` has the evidence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// The name of the system's error, where there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errno: Option<String>,
}

/// The subject of an attempt.
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
    /// The links in `fd`, which show the owners of sockets.
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

/// The result of an attempt.
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
    /// Not supported by this kernel or sandbox, or not in this root.
    Unsupported,
    /// Another error, or the process ended in the meantime.
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
    /// The kind of comparison that failed.
    pub reason: Reason,
    /// The comparison that failed, with its values.
    pub evidence: String,
}

/// A remedy: how to see more.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Remedy {
    /// What it does, such as "run spyhole as the target's user".
    pub title: String,
    /// The lowest Pod Security level that it needs; absent outside of Kubernetes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_security: Option<PodSecurityLevel>,
    /// Command lines for a shell, in order. Capitals (`POD`) are placeholders for unknown values.
    pub commands: Vec<String>,
}

/// A remedy that usually helps and does not here.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RuledOut {
    /// As the title of a [`Remedy`].
    pub title: String,
    /// Why it does not help.
    pub because: String,
}
