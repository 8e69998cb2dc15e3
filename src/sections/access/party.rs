//! One side of the comparison, as the document shows it.

use crate::model::access::{CapabilitySets, Ids, Party};
use crate::model::capabilities::{MappedIds, SeccompMode};
use crate::model::gap::{Reason, Refusal, SectionGaps};
use crate::model::seen::Seen;
use crate::parse::id_map::IdMap;
use crate::parse::{capabilities, status};
use crate::rights::ptrace_access::Credentials;
use crate::scan::security::mapped_ids;

/// A line that `status` lacks is not offered by this kernel; where `status` itself
/// could not be read, `unreadable` tells why.
pub(super) fn of(
    gaps: &mut SectionGaps<'_>,
    side: &str,
    of: &Credentials,
    unreadable: Option<&Refusal>,
) -> Party {
    let mut fields = Fields {
        gaps: gaps.reborrow(),
        side,
        pid: of.pid,
        unreadable,
    };
    let mask = |mask| capabilities::names(mask).map(Into::into).collect();
    Party {
        pid: Some(of.pid),
        uids: fields.seen("uids", of.uid.map(ids)),
        gids: fields.seen("gids", of.gid.map(ids)),
        groups: fields.seen("groups", of.groups.clone()),
        capabilities: CapabilitySets {
            effective: fields.seen("capabilities.effective", of.cap_effective.map(mask)),
            permitted: fields.seen("capabilities.permitted", of.cap_permitted.map(mask)),
            bounding: fields.seen("capabilities.bounding", of.cap_bounding.map(mask)),
        },
        no_new_privs: fields.seen("no_new_privs", of.no_new_privs),
        seccomp: fields.seen("seccomp", of.seccomp.and_then(SeccompMode::from_number)),
        uid_map: fields.seen("uid_map", of.uid_map.as_deref().and_then(ranges)),
        dumpable: None,
        security_label: None,
    }
}

struct Fields<'a> {
    gaps: SectionGaps<'a>,
    side: &'a str,
    pid: i32,
    unreadable: Option<&'a Refusal>,
}

impl Fields<'_> {
    fn seen<T>(&mut self, field: &str, value: Option<T>) -> Seen<T> {
        let unseen = || {
            let lacking = || Refusal::of(Reason::Unsupported);
            self.unreadable.cloned().unwrap_or_else(lacking)
        };
        let attempt = value.ok_or_else(unseen);
        let field = format!("{}.{field}", self.side);
        self.gaps.seen(&field, self.pid, attempt)
    }
}

impl Party {
    /// Says whether it is dumpable, where that shows or `matters`.
    pub(super) fn with_dumpable(
        mut self,
        gaps: &mut SectionGaps<'_>,
        of: &Credentials,
        matters: bool,
    ) -> Self {
        self.dumpable = match of.dumpable {
            Some(dumpable) => Some(Seen::Value(dumpable)),
            None if matters => {
                let hidden = Refusal::of(Reason::Unsupported)
                    .needing("CAP_SYS_PTRACE (with it, dumpability makes no difference)");
                let unseen = gaps.record("target.dumpable", of.pid, &hidden);
                Some(Seen::Unseen(unseen))
            }
            None => None,
        };
        self
    }

    /// With the label of a security module.
    pub(super) fn labelled(mut self, label: Option<String>) -> Self {
        self.security_label = label;
        self
    }

    /// With the number under which the /proc in use lists it.
    pub(super) fn listed(mut self, pid: Option<i32>) -> Self {
        self.pid = pid;
        self
    }
}

fn ids(ids: status::Ids) -> Ids {
    Ids {
        real: ids.real,
        effective: ids.effective,
        saved: ids.saved,
        filesystem: ids.filesystem,
    }
}

fn ranges(text: &[u8]) -> Option<Vec<MappedIds>> {
    Some(mapped_ids(&IdMap::parse(text).ok()?))
}
