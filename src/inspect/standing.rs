//! How viewer and target stand to each other: why the kernel refuses, found by
//! comparing credentials and not by guessing from an errno.
//!
//! The rule is the kernel's ptrace access check in read mode with file-system
//! ids (ptrace(2), "Ptrace access mode checking").

use nix::errno::Errno;

use crate::model::gap::{Reason, Refusal};
use crate::parse::capabilities;
use crate::parse::status::{Ids, Status};
use crate::sys::ProcessDir;

/// The bit of `CAP_SYS_PTRACE`.
pub const CAP_SYS_PTRACE: u8 = 19;
const CAP_DAC_OVERRIDE: u8 = 1;
const CAP_DAC_READ_SEARCH: u8 = 2;

/// What the kernel's checks compare, of one process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    /// Process id in the /proc that was read.
    pub pid: i32,
    /// `Uid:` of status.
    pub uid: Option<Ids>,
    /// `Gid:` of status.
    pub gid: Option<Ids>,
    /// `Groups:` of status.
    pub groups: Option<Vec<u32>>,
    /// `CapEff:` of status.
    pub cap_effective: Option<u64>,
    /// `CapPrm:` of status.
    pub cap_permitted: Option<u64>,
    /// `NoNewPrivs:` of status, since Linux 4.10.
    pub no_new_privs: Option<bool>,
    /// `Seccomp:` of status.
    pub seccomp: Option<u8>,
    /// The text of `uid_map` as the viewer reads it: differs where the user namespace does.
    pub uid_map: Option<Vec<u8>>,
    /// Whether the process is dumpable, where that shows: its files belong to root
    /// when it is not, which says nothing for a process of root.
    pub dumpable: Option<bool>,
}

/// What a file of `/proc/PID` asks of its reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// The ptrace access check: `environ`, `maps`, `io`, and the links.
    Ptrace,
    /// Only owner and mode: listing `fd` and `task`.
    Owner,
    /// Readable by everyone.
    Open,
}

/// One thing that stands between viewer and target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocker {
    /// Which comparison fails.
    pub reason: Reason,
    /// With the values that were compared.
    pub evidence: String,
}

impl Credentials {
    /// Reads what can be read of a process; what cannot stays `None`.
    #[must_use]
    pub fn of(process: &ProcessDir, buffer: &mut Vec<u8>) -> Self {
        let read = |name, buffer: &mut Vec<u8>| process.read(name, 1 << 20, buffer).ok();
        let status = read(c"status", buffer).and_then(|_| Status::parse(buffer).ok());
        let uid_map = read(c"uid_map", buffer).map(|_| buffer.clone());
        Self::from_status(process, status.unwrap_or_default(), uid_map)
    }

    fn from_status(process: &ProcessDir, status: Status, uid_map: Option<Vec<u8>>) -> Self {
        let effective = status.uid.map(|uid| uid.effective);
        Self {
            pid: process.pid(),
            uid: status.uid,
            gid: status.gid,
            groups: status.groups,
            cap_effective: status.cap_eff,
            cap_permitted: status.cap_prm,
            no_new_privs: status.no_new_privs,
            seccomp: status.seccomp,
            uid_map,
            dumpable: dumpable(process, effective),
        }
    }

    /// Whether a capability is effective.
    #[must_use]
    pub fn can(&self, capability: u8) -> bool {
        self.cap_effective
            .is_some_and(|mask| capabilities::contains(mask, capability))
    }
}

fn dumpable(process: &ProcessDir, effective_uid: Option<u32>) -> Option<bool> {
    let owner = process.stat_entry(c"environ").ok()?.st_uid;
    match effective_uid? {
        0 => None,
        uid => Some(uid == owner),
    }
}

/// Everything that makes the kernel refuse this check; empty where nothing that
/// can be compared does.
#[must_use]
pub fn blockers(check: Check, viewer: &Credentials, target: &Credentials) -> Vec<Blocker> {
    match check {
        Check::Open => Vec::new(),
        Check::Owner => owner_blockers(viewer, target),
        Check::Ptrace => ptrace_blockers(viewer, target),
    }
}

fn ptrace_blockers(viewer: &Credentials, target: &Credentials) -> Vec<Blocker> {
    let mut found = Vec::new();
    let same_namespace = same_user_namespace(viewer, target);
    if viewer.can(CAP_SYS_PTRACE) {
        if same_namespace == Some(false) {
            found.push(user_namespace(viewer, target));
        }
        return found;
    }
    let (viewer_ids, target_ids) = (fs_ids(viewer), (target.uid, target.gid));
    if let (Some((uid, _)), (Some(target), _)) = (viewer_ids, target_ids)
        && [target.real, target.effective, target.saved] != [uid; 3]
    {
        found.push(Blocker {
            reason: Reason::Uid,
            evidence: format!(
                "not the same user: viewer uid {uid}, target uid {}",
                spread(target)
            ),
        });
    }
    if let (Some((_, gid)), (_, Some(target))) = (viewer_ids, target_ids)
        && [target.real, target.effective, target.saved] != [gid; 3]
    {
        found.push(Blocker {
            reason: Reason::Gid,
            evidence: format!(
                "not the same group: viewer gid {gid}, target gid {}",
                spread(target)
            ),
        });
    }
    if same_namespace == Some(false) {
        found.push(user_namespace(viewer, target));
    }
    if target.dumpable == Some(false) {
        found.push(Blocker {
            reason: Reason::NotDumpable,
            evidence: "the target is not dumpable: it changed its ids after its start, runs a \
                       program with file capabilities or set-id bits, or asked for it by prctl(2)"
                .to_owned(),
        });
    }
    if let (Some(effective), Some(permitted)) = (viewer.cap_effective, target.cap_permitted)
        && permitted & !effective != 0
    {
        let missing = capabilities::names(permitted & !effective)
            .collect::<Vec<_>>()
            .join(", ");
        found.push(Blocker {
            reason: Reason::Capability,
            evidence: format!("the target holds capabilities that the viewer lacks: {missing}"),
        });
    }
    found
}

fn owner_blockers(viewer: &Credentials, target: &Credentials) -> Vec<Blocker> {
    if viewer.can(CAP_DAC_OVERRIDE) || viewer.can(CAP_DAC_READ_SEARCH) {
        return Vec::new();
    }
    let (Some((uid, _)), Some(owner)) = (fs_ids(viewer), target.uid) else {
        return Vec::new();
    };
    if uid != owner.effective {
        return vec![Blocker {
            reason: Reason::Uid,
            evidence: format!(
                "not the same user: viewer uid {uid}, target uid {}",
                owner.effective
            ),
        }];
    }
    if target.dumpable == Some(false) {
        return vec![Blocker {
            reason: Reason::NotDumpable,
            evidence: "the target is not dumpable, so its files belong to root".to_owned(),
        }];
    }
    Vec::new()
}

fn fs_ids(viewer: &Credentials) -> Option<(u32, u32)> {
    Some((viewer.uid?.filesystem, viewer.gid?.filesystem))
}

/// Equal texts of `uid_map` mean the same user namespace, but for a child namespace
/// that maps every id to itself, which cannot be told apart without its `ns/user`.
fn same_user_namespace(viewer: &Credentials, target: &Credentials) -> Option<bool> {
    Some(viewer.uid_map.as_ref()? == target.uid_map.as_ref()?)
}

fn user_namespace(viewer: &Credentials, target: &Credentials) -> Blocker {
    let map = |side: &Credentials| {
        let text =
            String::from_utf8_lossy(side.uid_map.as_deref().unwrap_or_default()).into_owned();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    Blocker {
        reason: Reason::UserNamespace,
        evidence: format!(
            "another user namespace: uid_map of the viewer is \"{}\", of the target \"{}\"",
            map(viewer),
            map(target)
        ),
    }
}

fn spread(ids: Ids) -> String {
    if ids.real == ids.effective && ids.real == ids.saved {
        ids.real.to_string()
    } else {
        format!("{} (real {}, saved {})", ids.effective, ids.real, ids.saved)
    }
}

/// What would let this viewer see this target.
#[must_use]
pub fn needs(viewer: &Credentials, target: &Credentials) -> Option<String> {
    let as_target = match (target.uid, target.gid, target.cap_permitted) {
        (Some(uid), Some(gid), Some(permitted)) => {
            let mut text = format!("run as uid {} gid {}", uid.effective, gid.effective);
            if permitted != 0 {
                text.push_str(" with the target's capabilities");
            }
            Some(text)
        }
        _ => None,
    };
    let with_ptrace = "as root with CAP_SYS_PTRACE".to_owned();
    if viewer.can(CAP_SYS_PTRACE) && same_user_namespace(viewer, target) != Some(false) {
        return Some(
            "a security policy (AppArmor, SELinux, Landlock) that lets spyhole read it".to_owned(),
        );
    }
    if target.dumpable == Some(false) || viewer.can(CAP_SYS_PTRACE) {
        return Some(format!("run {with_ptrace} in the target's user namespace"));
    }
    Some(as_target.map_or(format!("run {with_ptrace}"), |text| {
        format!("{text}, or {with_ptrace}")
    }))
}

/// The reason for an errno that a file of `/proc/PID` gave.
#[must_use]
pub fn refusal(
    errno: Errno,
    check: Check,
    viewer: &Credentials,
    target: impl FnOnce() -> Credentials,
) -> Refusal {
    let reason = match errno {
        Errno::EACCES | Errno::EPERM => {
            let target = target();
            let reason = match blockers(check, viewer, &target).first() {
                Some(blocker) => blocker.reason,
                None if check == Check::Ptrace && viewer.can(CAP_SYS_PTRACE) => {
                    Reason::SecurityModule
                }
                None => Reason::Denied,
            };
            return Refusal {
                reason,
                errno: Some(format!("{errno:?}")),
                needs: needs(viewer, &target).map(Into::into),
            };
        }
        Errno::ESRCH => Reason::Vanished,
        Errno::ENOENT | Errno::ENOSYS | Errno::EOPNOTSUPP | Errno::EINVAL | Errno::ENOTTY => {
            Reason::Unsupported
        }
        _ => Reason::Io,
    };
    Refusal {
        errno: Some(format!("{errno:?}")),
        ..Refusal::of(reason)
    }
}
