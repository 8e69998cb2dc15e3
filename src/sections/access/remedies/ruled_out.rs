//! Why a remedy that usually helps does not help here.

use std::fmt;

/// Why a remedy is ruled out. "It" is the target, or spyhole itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RuledOutReason {
    /// The target's memory belongs to root: ids alone do not suffice.
    NotDumpable,
    /// The target's uids or gids differ among themselves.
    MixedIds,
    /// spyhole runs that way, and is refused all the same; by this, where it is known.
    AlreadyRunsThatWay { evidence: Option<String> },
    /// The target has capabilities that an engine gives to root alone.
    CapabilitiesOfNonRoot(Vec<String>),
    /// The target, as root, has more capabilities than the runtime gives by default.
    CapabilitiesBeyondDefault(Vec<String>),
}

impl fmt::Display for RuledOutReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotDumpable => {
                f.write_str("it is not dumpable, so only CAP_SYS_PTRACE can read it")
            }
            Self::MixedIds => f.write_str(
                "its real, effective and saved ids differ, so no viewer can have the same",
            ),
            Self::AlreadyRunsThatWay { evidence } => write!(
                f,
                "it already runs that way; access is denied by {}",
                evidence.as_deref().unwrap_or("an unknown cause")
            ),
            Self::CapabilitiesOfNonRoot(names) => write!(
                f,
                "it has {}, which a non-root user does not get on Kubernetes and Docker",
                names.join(", ")
            ),
            Self::CapabilitiesBeyondDefault(names) => write!(
                f,
                "it has {} beyond the runtime's default for root: SYS_PTRACE alone is a smaller \
                 request",
                names.join(", ")
            ),
        }
    }
}
