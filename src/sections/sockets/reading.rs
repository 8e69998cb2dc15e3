//! What is known while the tables of one network namespace are read: the owners, where the table
//! is read, and the gaps, of which each field has one for all sockets of the namespace.

use super::owners::Owners;
use crate::model::gap::{Reason, Refusal, SectionGaps};
use crate::model::seen::{Seen, Unseen};
use crate::model::socket::Source;
use crate::redact::Redactor;

/// The state of one read.
pub(super) struct Reading<'a> {
    /// Where the walk has read descriptors.
    pub(super) owners: Option<&'a Owners>,
    /// Whether each socket gets its owners.
    pub(super) with_owners: bool,
    /// Hides secrets in the names of unix sockets.
    pub(super) redactor: &'a Redactor,
    /// Whether `tcp_info` is asked for.
    pub(super) extended: bool,
    /// Where the table at hand is read.
    pub(super) source: Source,
    /// The process that the namespace is held by.
    pub(super) pid: i32,
    pub(super) gaps: SectionGaps<'a>,
    /// Why a field is missing that only `sock_diag` tells.
    pub(super) only_diag: Refusal,
    /// Fields whose gap is written already.
    pub(super) unseen: Vec<(&'static str, Unseen)>,
}

impl<'a> Reading<'a> {
    /// The owners, where each socket gets them.
    pub(super) fn shown_owners(&self) -> Option<&'a Owners> {
        self.owners.filter(|_| self.with_owners)
    }

    /// The mark of a field that only `sock_diag` tells.
    pub(super) fn only_diag(&mut self, field: &'static str) -> Unseen {
        let refusal = self.only_diag.clone();
        self.once(field, &refusal)
    }

    /// The mark of a number that the kernel printed and that cannot be.
    pub(super) fn negative(&mut self, field: &'static str) -> Unseen {
        self.once(field, &Refusal::of(Reason::Malformed))
    }

    fn once(&mut self, field: &'static str, refusal: &Refusal) -> Unseen {
        let same = |(known, unseen): &&(&'static str, Unseen)| {
            *known == field && unseen.reason() == refusal.reason
        };
        if let Some((_, unseen)) = self.unseen.iter().find(same) {
            return *unseen;
        }
        let unseen = self.gaps.record(field, self.pid, refusal);
        self.unseen.push((field, unseen));
        unseen
    }
}

/// A value, or the mark of why there is none.
pub(super) fn seen<T>(value: Option<T>, unseen: impl FnOnce() -> Unseen) -> Seen<T> {
    value.map_or_else(|| Seen::Unseen(unseen()), Seen::Value)
}
