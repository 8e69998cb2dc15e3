//! The security context of a process, as the section `capabilities` shows it.

use serde::{Deserialize, Serialize};

use super::byte_string::ByteString;
use super::pod_security::PodSecurity;
use super::seen::Seen;

/// One set of capabilities.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CapabilitySet {
    /// 16 hexadecimal digits, as in `/proc/PID/status`.
    pub mask: String,
    /// By rising bit, as capabilities(7) names them; a bit without a known name is its number.
    pub names: Vec<String>,
}

/// The five sets of a thread.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CapabilitySets {
    /// Effective set, which the kernel checks: `CapEff`.
    pub effective: Seen<CapabilitySet>,
    /// Permitted set, which it may make effective: `CapPrm`.
    pub permitted: Seen<CapabilitySet>,
    /// Inheritable set, which a program with matching file capabilities keeps over exec: `CapInh`.
    pub inheritable: Seen<CapabilitySet>,
    /// Bounding set, which no exec can go beyond: `CapBnd`.
    pub bounding: Seen<CapabilitySet>,
    /// Ambient set, which a non-root user's program keeps over exec: `CapAmb`.
    pub ambient: Seen<CapabilitySet>,
}

/// A user or a group.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Account {
    /// Its number, as the viewer's user namespace counts.
    pub id: u32,
    /// Its number in the process's own user namespace, where that is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inside_id: Option<u32>,
    /// Its name in the target's own `/etc/passwd` or `/etc/group`; absent where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Seen<ByteString>>,
}

/// The four ids of a line `Uid` or `Gid`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct AccountIds {
    /// Real id.
    pub real: Account,
    /// Effective id.
    pub effective: Account,
    /// Saved id.
    pub saved: Account,
    /// File system id.
    pub filesystem: Account,
}

/// Whether system calls are filtered: `Seccomp` of status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SeccompMode {
    /// Disabled: no call is filtered.
    Off,
    /// Strict: only read, write, exit and sigreturn.
    Strict,
    /// Filtered.
    Filter,
}

impl SeccompMode {
    /// From the kernel's number; `None` for one that proc(5) does not list.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Off),
            1 => Some(Self::Strict),
            2 => Some(Self::Filter),
            _ => None,
        }
    }
}

/// What each thread has for itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Privileges {
    /// User ids.
    pub uids: Seen<AccountIds>,
    /// Group ids.
    pub gids: Seen<AccountIds>,
    /// Supplementary groups.
    pub groups: Seen<Vec<Account>>,
    /// The five sets.
    pub sets: CapabilitySets,
    /// Effective, permitted and inheritable as `getpcaps` prints them.
    pub text: Seen<String>,
    /// `no_new_privs`: whether an exec can give it no new privileges.
    pub no_new_privs: Seen<bool>,
    /// Whether its system calls are filtered.
    pub seccomp: Seen<SeccompMode>,
    /// By how many filters, since Linux 5.9.
    pub seccomp_filters: Seen<u32>,
}

/// The label of a security module.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SecurityLabel {
    /// The module, derived from the form of the label if nothing else shows it.
    pub module: SecurityModule,
    /// The profile with its mode, or the context.
    pub label: ByteString,
}

/// The module that labels processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum SecurityModule {
    /// `AppArmor`.
    AppArmor,
    /// `SELinux`.
    SeLinux,
    /// Another module.
    Other,
}

/// A range of ids that a user namespace maps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct MappedIds {
    /// The first id in the process's user namespace.
    pub inside: u32,
    /// The id that it maps to, as the viewer sees it; in the parent namespace, where the viewer is
    /// in the same one.
    pub outside: u32,
    /// How many consecutive ids.
    pub length: u32,
}

/// A three-valued answer: the kernel does not always tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Yes.
    Yes,
    /// No.
    No,
    /// Unknown: it cannot be derived from what is readable.
    Unknown,
}

/// The user namespace of the process.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct UserNamespace {
    /// `uid_map` as the viewer reads it.
    pub uid_map: Seen<Vec<MappedIds>>,
    /// `gid_map` as the viewer reads it.
    pub gid_map: Seen<Vec<MappedIds>>,
    /// Whether uid 0 in it is uid 0 of the node.
    pub root_is_node_root: Answer,
    /// The evidence.
    pub evidence: String,
}

/// The program's file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Executable {
    /// Its path, as the target sees it.
    pub path: Seen<ByteString>,
    /// What executing its file grants.
    pub file: Seen<ExecutableFile>,
}

/// What executing the file of a program grants.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ExecutableFile {
    /// Owner, as the viewer's user namespace counts.
    pub owner_uid: u32,
    /// Group, as the viewer's user namespace counts.
    pub owner_gid: u32,
    /// Permission bits in octal (`0755`).
    #[serde(default)]
    pub mode: String,
    /// Runs as the owner.
    pub setuid: bool,
    /// Runs as the group.
    pub setgid: bool,
    /// Its file capabilities; absent where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Seen<FileCapabilitySets>>,
    /// Whether its mount disables them (nosuid); absent where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nosuid: Option<bool>,
}

/// The extended attribute `security.capability`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FileCapabilitySets {
    /// As `getcap` prints them.
    pub text: String,
    /// Granted where the bounding set has them, too.
    pub permitted: CapabilitySet,
    /// Granted where the process's inheritable set has them, too.
    pub inheritable: CapabilitySet,
    /// Whether the granted capabilities are effective at once.
    pub effective: bool,
    /// 1, 2 or 3.
    pub revision: u8,
    /// They count only in user namespaces whose root is this uid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root_uid: Option<u32>,
}

/// The bounding set compared with what runtimes give to root by default.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct AgainstDefault {
    /// The runtime of the default: `docker`, `containerd`, `cri-o`, `podman`.
    pub runtimes: Vec<String>,
    /// The default that was compared with.
    pub default_mask: String,
    /// Capabilities beyond the default.
    pub added: Vec<String>,
    /// Capabilities of the default that are missing.
    pub dropped: Vec<String>,
}

/// How much harm a capability can do in wrong hands, in a container of the node's own
/// user namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Risk {
    /// Unknown to this version.
    Unknown,
    /// Little beyond the process itself.
    Low,
    /// Others in the container, the pod or its network.
    Medium,
    /// Beyond the container, together with another flaw.
    High,
    /// The node.
    Critical,
}

impl Risk {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// A capability of the permitted set in plain words.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct HeldCapability {
    /// As capabilities(7) names it.
    pub name: String,
    /// What the process can do with it.
    pub allows: String,
    /// How much harm it can do.
    pub risk: Risk,
}

/// A thread that differs from the first one of its process.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ThreadContext {
    /// Its id.
    pub tid: i32,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comm: Option<ByteString>,
    /// The fields that differ: `uids`, `gids`, `groups`, the names of the sets, `no_new_privs`,
    /// `seccomp`, `seccomp_filters`.
    pub differs_in: Vec<String>,
    /// What it has itself.
    #[serde(flatten)]
    pub privileges: Privileges,
}

/// The security context of one process.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SecurityContext {
    /// The process.
    pub pid: i32,
    /// Its name.
    pub comm: ByteString,
    /// What its first thread has.
    #[serde(flatten)]
    pub privileges: Privileges,
    /// Its label; absent where no security module labels processes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<Seen<SecurityLabel>>,
    /// Its user namespace, in which its ids are counted.
    pub user_namespace: UserNamespace,
    /// Whether processes of the same user may inspect it. Shown by the owner of its files in
    /// /proc, which says nothing for a process whose user and group are root.
    pub dumpable: Answer,
    /// The program that it runs; absent for zombies and kernel threads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub executable: Option<Executable>,
    /// The bounding set compared with the defaults, of its runtime or, if that is unknown, of each,
    /// closest first; absent where the bounding set could not be seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub against_defaults: Option<Vec<AgainstDefault>>,
    /// The permitted set in plain words; absent where it could not be seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<Vec<HeldCapability>>,
    /// The Pod Security Standards against what runs.
    pub pod_security: PodSecurity,
    /// Threads that differ from the first thread, with `--threads`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub differing_threads: Option<Seen<Vec<ThreadContext>>>,
}
