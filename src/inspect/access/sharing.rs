//! Which namespaces viewer and target share, told without the links where those are refused.

use std::ffi::CStr;

use super::SECTION;
use super::surroundings::Surroundings;
use crate::inspect::standing::{Check, Credentials, refusal_below, same_user_namespace};
use crate::inspect::view::{Held, View};
use crate::inspect::visit::Attempt;
use crate::model::access::Shared;
use crate::model::gap::{Gaps, Reason, Refusal};
use crate::parse::status::Status;
use crate::sys::ProcessDir;

/// What is shared, before the gaps are written.
pub(super) struct Sharing {
    pid: i32,
    pid_namespace: Attempt<bool>,
    network_namespace: Attempt<bool>,
    user_namespace: Attempt<bool>,
}

impl Sharing {
    pub(super) fn of(
        view: &View,
        held: &Held,
        target: &Credentials,
        surroundings: &Surroundings,
    ) -> Self {
        let viewer = &view.visitor.viewer;
        let own = surroundings.own.as_ref();
        let by_link = |name: &CStr| -> Attempt<bool> {
            let own = own.ok_or_else(|| Refusal::of(Reason::Unsupported))?;
            let link = |of: &ProcessDir| {
                of.read_link(name).map_err(|errno| {
                    refusal_below(of, errno, Check::Ptrace, viewer, || target.clone())
                })
            };
            Ok(link(&held.main)? == link(own)?)
        };
        let by_depth = || {
            let own = own.filter(|_| view.own_pid.is_some())?;
            let mut buffer = Vec::new();
            own.read(c"status", 1 << 20, &mut buffer).ok()?;
            let own = Status::parse(&buffer).ok()?.ns_tgid?.len();
            let other = view.main_facts()?.status.as_ref()?.as_ref().ok()?;
            match (own, other.ns_tgid.as_ref()?.len()) {
                // Both are in the namespace of the /proc in use.
                (1, 1) => Some(true),
                // Of two nested ones nobody knows whether they are nested in the same.
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

    pub(super) fn record(self, gaps: &mut Gaps) -> Shared {
        let mut seen = |field: &str, attempt| gaps.seen(SECTION, field, self.pid, attempt);
        Shared {
            pid_namespace: seen("shared.pid_namespace", self.pid_namespace),
            network_namespace: seen("shared.network_namespace", self.network_namespace),
            user_namespace: seen("shared.user_namespace", self.user_namespace),
        }
    }
}
