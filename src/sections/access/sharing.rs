//! Which namespaces caller and target share, determined without the links where those are refused.

use crate::sys::file_limits;
use std::ffi::CStr;

use super::system::SystemContext;
use crate::model::access::Shared;
use crate::model::gap::{Reason, Refusal, SectionGaps};
use crate::parse::status::Status;
use crate::rights::ptrace_access::{
    AccessCheck, Credentials, not_copied, refusal_below, same_user_namespace,
};
use crate::scan::Scan;
use crate::scan::target::TargetHandle;
use crate::sys::ProcessDir;

/// What is shared, before the gaps are written.
pub(super) struct Sharing {
    pid: i32,
    pid_namespace: Result<bool, Refusal>,
    network_namespace: Result<bool, Refusal>,
    user_namespace: Result<bool, Refusal>,
}

impl Sharing {
    pub(super) fn of(
        scan: &Scan,
        held: &TargetHandle,
        target: &Credentials,
        system: &SystemContext,
    ) -> Self {
        let viewer = &scan.reader.viewer;
        let own = system.own.as_ref();
        let by_link = |name: &CStr| -> Result<bool, Refusal> {
            let missing = || match scan.is_live() {
                true => Refusal::of(Reason::Unsupported),
                false => not_copied(),
            };
            let own = own.ok_or_else(missing)?;
            let link = |of: &ProcessDir| {
                of.read_link(name).map_err(|errno| {
                    refusal_below(of, errno, AccessCheck::Ptrace, viewer, || target.clone())
                })
            };
            Ok(link(&held.main)? == link(own)?)
        };
        let by_depth = || {
            let own = own.filter(|_| scan.own_pid.is_some())?;
            let mut buffer = Vec::new();
            own.read(c"status", file_limits::STATUS, &mut buffer).ok()?;
            let own = Status::parse(&buffer).ok()?.ns_tgid?.len();
            let other = scan.main_process()?.status.as_ref()?.as_ref().ok()?;
            match (own, other.ns_tgid.as_ref()?.len()) {
                // Both are in the namespace of the /proc in use.
                (1, 1) => Some(true),
                // Of two nested ones it is unknown whether they are nested in the same.
                (own, other) => (own != other).then_some(false),
            }
        };
        // gVisor, which lacks NoNewPrivs, numbers its files otherwise.
        let by_inode = || {
            let own = own.filter(|_| viewer.no_new_privs.is_some())?;
            let own = own.stat_entry(c"net/tcp").ok()?;
            let other = held.main.stat_entry(c"net/tcp").ok()?;
            (own.st_dev == other.st_dev).then_some(own.st_ino == other.st_ino)
        };
        let or = |refusal: Refusal, other: Option<bool>| other.ok_or(refusal);
        Self {
            pid: held.main.pid(),
            pid_namespace: by_link(c"ns/pid").or_else(|refusal| or(refusal, by_depth())),
            network_namespace: by_link(c"ns/net").or_else(|refusal| or(refusal, by_inode())),
            user_namespace: by_link(c"ns/user")
                .or_else(|refusal| or(refusal, same_user_namespace(viewer, target))),
        }
    }

    /// Whether the network namespace is shared, where that is known.
    pub(super) fn network(&self) -> Option<bool> {
        self.network_namespace.as_ref().ok().copied()
    }

    pub(super) fn record(self, gaps: &mut SectionGaps<'_>) -> Shared {
        let mut seen = |field: &str, attempt| gaps.seen(field, self.pid, attempt);
        Shared {
            pid_namespace: seen("shared.pid_namespace", self.pid_namespace),
            network_namespace: seen("shared.network_namespace", self.network_namespace),
            user_namespace: seen("shared.user_namespace", self.user_namespace),
        }
    }
}
