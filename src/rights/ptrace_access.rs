//! How viewer and target stand to each other: why the kernel refuses, found by
//! comparing credentials and not by guessing from an errno.
//!
//! The rule is the kernel's ptrace access check in read mode with file-system
//! ids (ptrace(2), "Ptrace access mode checking").

use std::fmt::Write as _;

use nix::errno::Errno;

pub(crate) use crate::model::access::Blocker;
use crate::model::gap::{Reason, Refusal};
use crate::parse::capabilities::{self, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_SYS_PTRACE};
use crate::parse::id_map::{IdMap, OVERFLOW_ID};
use crate::parse::status::{Ids, Status};
use crate::sys::ProcessDir;
use crate::sys::{file_limits, remote_fs};

/// What the kernel's checks compare, of one process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Credentials {
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
    /// `CapBnd:` of status.
    pub cap_bounding: Option<u64>,
    /// `NoNewPrivs:` of status, since Linux 4.10.
    pub no_new_privs: Option<bool>,
    /// `Seccomp:` of status.
    pub seccomp: Option<u8>,
    /// The text of `uid_map` as the viewer reads it: differs where the user namespace does.
    pub uid_map: Option<Vec<u8>>,
    /// Who owns its files in /proc: its effective ids, or root where it is not dumpable.
    pub files_owner: Option<(u32, u32)>,
    /// Whether the process is dumpable, where that shows: its files belong to root
    /// when it is not, which says nothing for a process of root.
    pub dumpable: Option<bool>,
}

/// What a file of `/proc/PID` asks of its reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AccessCheck {
    /// The ptrace access check: `maps`, and the links `root`, `exe`, `cwd`, `ns/*`.
    Ptrace,
    /// Mode 0400, and behind that the ptrace check: `environ`, `io`, the links in `fd`.
    OwnerAndPtrace,
    /// Only owner and mode: listing `fd`.
    Owner,
    /// Readable by everyone.
    Open,
}

impl Credentials {
    /// Reads what can be read of a process; what cannot stays `None`.
    #[must_use]
    pub(crate) fn of(process: &ProcessDir, buffer: &mut Vec<u8>) -> Self {
        let status = process.read(c"status", file_limits::STATUS, buffer);
        let status = status.ok().and_then(|_| Status::parse(buffer).ok());
        Self::with_status(process, status.unwrap_or_default(), buffer)
    }

    /// The same where `status` was read before.
    #[must_use]
    pub(crate) fn with_status(process: &ProcessDir, status: Status, buffer: &mut Vec<u8>) -> Self {
        let uid_map = process.read(c"uid_map", file_limits::SMALL, buffer);
        let uid_map = uid_map.ok().map(|_| buffer.clone());
        // The owner of a file of a copy says nothing of the process.
        let owner = process.stat_entry(c"environ").ok();
        let owner = owner.filter(|_| process.is_live());
        let mut credentials = Self {
            pid: process.pid(),
            uid: status.uid,
            gid: status.gid,
            groups: status.groups,
            cap_effective: status.cap_eff,
            cap_permitted: status.cap_prm,
            cap_bounding: status.cap_bnd,
            no_new_privs: status.no_new_privs,
            seccomp: status.seccomp,
            uid_map,
            files_owner: owner.map(|owner| (owner.st_uid, owner.st_gid)),
            dumpable: None,
        };
        // Without memory (zombies, kernel threads) there is nothing to dump.
        if status.vm_rss_bytes.is_some() {
            credentials.dumpable = credentials.find_dumpable();
        }
        credentials
    }

    fn find_dumpable(&self) -> Option<bool> {
        let (uid, gid) = (self.uid?.effective, self.gid?.effective);
        if self.files_owner? != (uid, gid) {
            return Some(false);
        }
        // Root of its user namespace owns the files either way.
        let map = self
            .uid_map
            .as_deref()
            .and_then(|map| IdMap::parse(map).ok());
        let outside = map.and_then(|map| map.translate(0));
        let root = |id| id == 0 || id == OVERFLOW_ID || Some(id) == outside;
        (!(root(uid) && root(gid))).then_some(true)
    }

    /// Whether a capability is effective.
    #[must_use]
    pub(crate) fn can(&self, capability: u8) -> bool {
        self.cap_effective
            .is_some_and(|mask| capabilities::contains(mask, capability))
    }

    /// Whether this is the initial user namespace, above all others.
    fn is_initial(&self) -> bool {
        let map = self
            .uid_map
            .as_deref()
            .and_then(|map| IdMap::parse(map).ok());
        map.is_some_and(|map| map.is_identity())
    }
}

/// Everything that makes the kernel refuse this check; empty where nothing that
/// can be compared does. To be asked of a check that was refused: a few things that
/// let a viewer through (owning the target's user namespace) cannot be compared.
#[must_use]
pub(crate) fn blockers(
    check: AccessCheck,
    viewer: &Credentials,
    target: &Credentials,
) -> Vec<Blocker> {
    match check {
        AccessCheck::Open => Vec::new(),
        AccessCheck::Owner => owner_blockers(viewer, target),
        AccessCheck::Ptrace => ptrace_blockers(viewer, target),
        AccessCheck::OwnerAndPtrace => {
            let mut found = ptrace_blockers(viewer, target);
            for blocker in owner_blockers(viewer, target) {
                if !found.iter().any(|known| known.reason == blocker.reason) {
                    found.push(blocker);
                }
            }
            found
        }
    }
}

fn ptrace_blockers(viewer: &Credentials, target: &Credentials) -> Vec<Blocker> {
    let other_namespace = same_user_namespace(viewer, target) == Some(false);
    if may_ptrace(viewer, target) {
        return Vec::new();
    }
    let mut found = Vec::new();
    if other_namespace {
        found.push(user_namespace(viewer, target));
    }
    let own = fs_ids(viewer);
    if let (Some((uid, _)), Some(target)) = (own, target.uid)
        && [target.real, target.effective, target.saved] != [uid; 3]
    {
        let evidence = format!("viewer uid {uid}, target uid {}", spread(target));
        found.push(blocker(
            Reason::Uid,
            format!("not the same user: {evidence}"),
        ));
    }
    if let (Some((_, gid)), Some(target)) = (own, target.gid)
        && [target.real, target.effective, target.saved] != [gid; 3]
    {
        let evidence = format!("viewer gid {gid}, target gid {}", spread(target));
        found.push(blocker(
            Reason::Gid,
            format!("not the same group: {evidence}"),
        ));
    }
    // Ids that are shown alike may be others, where one has no number here.
    let ids = [target.uid, target.gid].into_iter().flatten();
    let mut ids = ids.flat_map(|ids| [ids.real, ids.effective, ids.saved]);
    if !other_namespace && ids.any(|id| is_unmapped(viewer, id)) {
        found.push(unmapped(viewer));
    }
    if target.dumpable == Some(false) {
        found.push(not_dumpable(target));
    }
    if !other_namespace
        && let (Some(effective), Some(permitted)) = (viewer.cap_effective, target.cap_permitted)
        && permitted & !effective != 0
    {
        let missing: Vec<_> = capabilities::names(permitted & !effective).collect();
        let evidence = format!(
            "the target has capabilities that the viewer lacks: {}",
            missing.join(", ")
        );
        found.push(blocker(Reason::Capability, evidence));
    }
    found.extend(inert_capability(viewer));
    found
}

/// Whether `CAP_SYS_PTRACE` is effective and counts where the target is: in the same
/// user namespace or in one below.
#[must_use]
pub(crate) fn may_ptrace(viewer: &Credentials, target: &Credentials) -> bool {
    let below = same_user_namespace(viewer, target) != Some(false) || viewer.is_initial();
    viewer.can(CAP_SYS_PTRACE) && below
}

/// The trap that every second debug container falls into.
fn inert_capability(viewer: &Credentials) -> Option<Blocker> {
    let bounding = viewer.cap_bounding?;
    let (uid, effective) = (viewer.uid?.effective, viewer.cap_effective?);
    let granted = capabilities::contains(bounding, CAP_SYS_PTRACE) && !viewer.can(CAP_SYS_PTRACE);
    if !granted || uid == 0 {
        return None;
    }
    // A full set is what a privileged container and a process of the node have.
    let everything = (1 << capabilities::NAMES.len()) - 1;
    let how = if bounding & everything == everything {
        "SYS_PTRACE is in the bounding set but is not effective: a non-root user gets no \
         capability from securityContext.privileged or capabilities.add on Kubernetes and Docker"
    } else {
        "SYS_PTRACE was granted but is not effective: a non-root user gets no capability \
         from securityContext.capabilities.add on Kubernetes and Docker"
    };
    let mut evidence =
        format!("{how} (viewer uid {uid}, CapBnd {bounding:016x}, CapEff {effective:016x}");
    if viewer.no_new_privs == Some(true) {
        evidence.push_str(", and NoNewPrivs prevents file capabilities from granting it");
    }
    evidence.push(')');
    Some(blocker(Reason::Capability, evidence))
}

fn owner_blockers(viewer: &Credentials, target: &Credentials) -> Vec<Blocker> {
    let by_ids = target.uid.zip(target.gid);
    let by_ids = by_ids.map(|(uid, gid)| (uid.effective, gid.effective));
    let (Some((uid, _)), Some(owner)) = (fs_ids(viewer), target.files_owner.or(by_ids)) else {
        return Vec::new();
    };
    // A capability counts for files whose owner the viewer's user namespace maps.
    let mapped = !is_unmapped(viewer, owner.0) && !is_unmapped(viewer, owner.1);
    let capable = viewer.can(CAP_DAC_OVERRIDE) || viewer.can(CAP_DAC_READ_SEARCH);
    if (uid == owner.0 && !is_unmapped(viewer, uid)) || (capable && mapped) {
        return Vec::new();
    }
    if !mapped {
        let other = same_user_namespace(viewer, target) == Some(false);
        return vec![if other {
            user_namespace(viewer, target)
        } else {
            unmapped(viewer)
        }];
    }
    if target.dumpable == Some(false) {
        return vec![not_dumpable(target)];
    }
    let evidence = format!(
        "viewer uid {uid}, owner uid {}, and neither CAP_DAC_OVERRIDE nor CAP_DAC_READ_SEARCH",
        owner.0
    );
    vec![if may_ptrace(viewer, target) {
        let evidence = format!("a capability is missing to open another user's file: {evidence}");
        blocker(Reason::Capability, evidence)
    } else {
        blocker(Reason::Uid, format!("not the same user: {evidence}"))
    }]
}

fn blocker(reason: Reason, evidence: String) -> Blocker {
    Blocker { reason, evidence }
}

fn fs_ids(viewer: &Credentials) -> Option<(u32, u32)> {
    Some((viewer.uid?.filesystem, viewer.gid?.filesystem))
}

/// Equal texts of `uid_map` mean the same user namespace, but for a child namespace
/// that maps every id to itself, which cannot be distinguished without its `ns/user`.
#[must_use]
pub(crate) fn same_user_namespace(viewer: &Credentials, target: &Credentials) -> Option<bool> {
    Some(viewer.uid_map.as_ref()? == target.uid_map.as_ref()?)
}

fn user_namespace(viewer: &Credentials, target: &Credentials) -> Blocker {
    let map = |side: &Credentials| {
        let text =
            String::from_utf8_lossy(side.uid_map.as_deref().unwrap_or_default()).into_owned();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let evidence = format!(
        "different user namespace: uid_map of the viewer is \"{}\", of the target \"{}\"",
        map(viewer),
        map(target)
    );
    blocker(Reason::UserNamespace, evidence)
}

/// Whether an id may be one that the viewer's user namespace has no number for: the kernel shows
/// all of them as the overflow id.
fn is_unmapped(viewer: &Credentials, id: u32) -> bool {
    id == OVERFLOW_ID && !viewer.is_initial()
}

fn unmapped(viewer: &Credentials) -> Blocker {
    let map = String::from_utf8_lossy(viewer.uid_map.as_deref().unwrap_or_default()).into_owned();
    let evidence = format!(
        "an id of the target is shown as {OVERFLOW_ID}: it may have no number in the viewer's user \
         namespace, whose uid_map is \"{}\"",
        map.split_whitespace().collect::<Vec<_>>().join(" ")
    );
    blocker(Reason::UserNamespace, evidence)
}

fn not_dumpable(target: &Credentials) -> Blocker {
    let mut evidence = "the target is not dumpable: it changed its ids after its start, runs a \
        program with file capabilities or set-id bits, or called prctl(2)"
        .to_owned();
    if let (Some((uid, gid)), Some(own)) = (target.files_owner, target.uid) {
        let _ = write!(
            evidence,
            " (its files in /proc belong to {uid}:{gid}, it runs as uid {})",
            own.effective
        );
    }
    blocker(Reason::NotDumpable, evidence)
}

fn spread(ids: Ids) -> String {
    if uniform(ids).is_some() {
        ids.real.to_string()
    } else {
        format!("{} (real {}, saved {})", ids.effective, ids.real, ids.saved)
    }
}

/// The one id that a process has, where it has one.
#[must_use]
pub(crate) fn uniform(ids: Ids) -> Option<u32> {
    (ids.real == ids.effective && ids.real == ids.saved).then_some(ids.real)
}

/// What would let this viewer see this target.
#[must_use]
pub(crate) fn needs(viewer: &Credentials, target: &Credentials) -> String {
    let other_namespace = same_user_namespace(viewer, target) == Some(false);
    if may_ptrace(viewer, target) {
        let dac = owner_blockers(viewer, target).is_empty();
        let needed = if dac {
            "a security policy (AppArmor, SELinux, Landlock) that lets spyhole read it"
        } else {
            "CAP_DAC_READ_SEARCH in addition to CAP_SYS_PTRACE"
        };
        return needed.to_owned();
    }
    let mut with_ptrace = "as root with CAP_SYS_PTRACE".to_owned();
    if other_namespace {
        with_ptrace.push_str(" in the target's user namespace");
    }
    let ids = (target.uid.and_then(uniform), target.gid.and_then(uniform));
    let permitted = target.cap_permitted.unwrap_or_default();
    let as_target = match ids {
        (Some(uid), Some(gid)) if !other_namespace && target.dumpable != Some(false) => {
            match (permitted, uid) {
                (0, _) => Some(format!("run as uid {uid} gid {gid}")),
                (_, 0) => Some(format!(
                    "run as uid 0 gid {gid} with the target's capabilities"
                )),
                // A user who is not root gets no capability from most engines.
                _ => None,
            }
        }
        _ => None,
    };
    as_target.map_or(format!("run {with_ptrace}"), |text| {
        format!("{text}, or {with_ptrace}")
    })
}

/// The reason for an errno that a file of `/proc/PID` gave.
#[must_use]
pub(crate) fn refusal(
    errno: Errno,
    check: AccessCheck,
    viewer: &Credentials,
    target: impl FnOnce() -> Credentials,
) -> Refusal {
    if let Some(refusal) = remote_fs::refusal(errno) {
        return refusal;
    }
    let reason = match errno {
        Errno::EACCES | Errno::EPERM => {
            let target = target();
            return Refusal {
                reason: denial(errno, check, viewer, &target),
                errno: Some(format!("{errno:?}")),
                needs: Some(needs(viewer, &target).into()),
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

/// The same for a file below a process that is held: what is missing there because the process has
/// ended is no lack of this kernel.
#[must_use]
pub(crate) fn refusal_below(
    process: &ProcessDir,
    errno: Errno,
    check: AccessCheck,
    viewer: &Credentials,
    target: impl FnOnce() -> Credentials,
) -> Refusal {
    if !process.is_live() {
        return refusal_in_copy(errno);
    }
    if errno == Errno::ENOENT && process.has_ended() {
        return Refusal {
            errno: Some(format!("{errno:?}")),
            ..Refusal::of(Reason::Vanished)
        };
    }
    refusal(errno, check, viewer, target)
}

/// What is not in a copy of a /proc, and would be this machine's if it were read here.
#[must_use]
pub(crate) fn not_copied() -> Refusal {
    Refusal::of(Reason::Copy).needing("spyhole on the machine that the copy of /proc was made on")
}

/// The reason for an errno that a file of a copy of a /proc gave: its own mode and nothing else
/// decides who may read it.
#[must_use]
pub(crate) fn refusal_in_copy(errno: Errno) -> Refusal {
    if let Some(refusal) = remote_fs::refusal(errno) {
        return refusal;
    }
    let refusal = match errno {
        // A link is not followed: it leads to what this machine has there.
        Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP | Errno::EINVAL => not_copied(),
        Errno::EACCES | Errno::EPERM => {
            Refusal::of(Reason::Denied).needing("a user that may read the copy of /proc")
        }
        _ => Refusal::of(Reason::Io),
    };
    Refusal {
        errno: Some(format!("{errno:?}")),
        ..refusal
    }
}

fn denial(errno: Errno, check: AccessCheck, viewer: &Credentials, target: &Credentials) -> Reason {
    if let Some(blocker) = blockers(check, viewer, target).first() {
        return blocker.reason;
    }
    match check {
        AccessCheck::Ptrace | AccessCheck::OwnerAndPtrace if may_ptrace(viewer, target) => {
            Reason::SecurityModule
        }
        // The kernel's own checks here say EACCES: EPERM is a filter's word.
        AccessCheck::Ptrace | AccessCheck::OwnerAndPtrace
            if errno == Errno::EPERM && viewer.seccomp == Some(2) =>
        {
            Reason::Seccomp
        }
        _ => Reason::Denied,
    }
}

#[cfg(test)]
mod tests;
