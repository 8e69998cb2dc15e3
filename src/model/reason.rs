//! Why a value could not be seen.

use serde::{Deserialize, Serialize};

/// Why data could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The viewer's uid is not the target's real, effective and saved uid.
    Uid,
    /// The uids match, the gids do not.
    Gid,
    /// A capability is missing: the target holds one that the viewer lacks.
    Capability,
    /// The target is in another user namespace.
    UserNamespace,
    /// The target is not dumpable (it changed its ids, or asked for it).
    NotDumpable,
    /// /proc is mounted with hidepid or subset=pid.
    Hidepid,
    /// The viewer's seccomp filter refused the system call.
    Seccomp,
    /// A security module (`AppArmor`, `SELinux`) refused, though ids and capabilities suffice.
    SecurityModule,
    /// Refused for an unknown reason.
    Denied,
    /// The process has overwritten it, usually with its title.
    Overwritten,
    /// Not in the copy of /proc; the value of this machine would be another.
    Copy,
    /// It no longer exists: the process ended, or the file was removed.
    Vanished,
    /// Not supported by this kernel or sandbox.
    Unsupported,
    /// Timed out.
    Timeout,
    /// Not tried: it is on a file system that is not local, and one that does not respond would
    /// keep spyhole's container from ending.
    RemoteFs,
    /// Cut off at a limit on size or count.
    Limit,
    /// Malformed: not in the form that the kernel documents.
    Malformed,
    /// Another system error; see errno.
    Io,
}

impl Reason {
    /// The word for it in a table.
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Self::Uid => "not the same user",
            Self::Gid => "not the same group",
            Self::Capability => "a capability is missing",
            Self::UserNamespace => "another user namespace",
            Self::NotDumpable => "the process is not dumpable",
            Self::Hidepid => "hidden by the mount options of /proc",
            Self::Seccomp => "refused by the viewer's seccomp filter",
            Self::SecurityModule => "refused by a security module",
            Self::Denied => "permission denied",
            Self::Overwritten => "overwritten by the process",
            Self::Copy => "not in the copy of /proc",
            Self::Vanished => "no longer exists",
            Self::Unsupported => "not supported by this kernel",
            Self::Timeout => "timed out",
            Self::RemoteFs => "on a file system that is not local",
            Self::Limit => "limit reached",
            Self::Malformed => "unexpected format",
            Self::Io => "system error",
        }
    }
}
