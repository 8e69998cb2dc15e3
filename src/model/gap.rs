//! What could not be seen, why, and what would show it.

use serde::{Deserialize, Serialize};

use super::byte_string::ByteString;
pub use super::reason::Reason;
use super::seen::{Seen, Unseen};

/// How many subjects a gap names; further ones are only counted.
pub const SUBJECTS_PER_GAP: usize = 64;
/// What the gaps of the walk itself are recorded under: they concern every section.
pub const WALK: &str = "walk";
/// What those of the containers that it met are recorded under: as their section is called.
pub const CONTAINERS: &str = "containers";

/// One attempt that failed, before anyone decided where to show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub reason: Reason,
    /// The error of the system call, by its name (`EACCES`), where there was one.
    pub errno: Option<String>,
    /// What would show it, as a sentence part.
    pub needs: Option<std::sync::Arc<str>>,
}

impl Refusal {
    /// A refusal with neither errno nor remedy.
    #[must_use]
    pub fn of(reason: Reason) -> Self {
        Self {
            reason,
            errno: None,
            needs: None,
        }
    }

    /// The same with its remedy.
    #[must_use]
    pub fn needing(self, needs: &str) -> Self {
        Self {
            needs: Some(needs.into()),
            ..self
        }
    }
}

/// The subject of a gap: a process or a file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Subject {
    /// The id of a process, as the viewer's /proc numbers it.
    Pid(i32),
    /// A path, as the target sees it.
    Path(ByteString),
}

impl From<i32> for Subject {
    fn from(pid: i32) -> Self {
        Self::Pid(pid)
    }
}

impl From<&str> for Subject {
    fn from(path: &str) -> Self {
        Self::Path(path.into())
    }
}

/// Data that could not be read. Equal gaps are one entry.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Gap {
    /// The section it is missing from (`processes`).
    pub section: String,
    /// The field that is `null` (`exe`; nested `target.dumpable`), or the data that is missing.
    pub field: String,
    /// Why.
    pub reason: Reason,
    /// The name of the system's error (`EACCES`), where there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errno: Option<String>,
    /// What is needed to read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub needs: Option<String>,
    /// How many times.
    pub count: u64,
    /// The processes or paths; the first 64 of them.
    pub subjects: Vec<Subject>,
}

/// The gaps of one report. They are recorded through [`SectionGaps`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gaps(Vec<Gap>);

impl Gaps {
    /// The gaps of a document that was saved.
    pub(super) fn restore(gaps: Vec<Gap>) -> Self {
        Self(gaps)
    }

    /// The mark for a `null` of a saved document: with the reason of the gap that tells of this
    /// field, by preference of this subject; `None` where none does.
    pub(super) fn restored(
        &self,
        section: &str,
        field: &str,
        subject: Option<&Subject>,
    ) -> Option<Unseen> {
        let tells = |gap: &&Gap| gap.section == section && names(&gap.field, field);
        let of_subject = |gap: &&Gap| subject.is_some_and(|one| gap.subjects.contains(one));
        let mut all = self.0.iter().filter(tells);
        let gap = all.clone().find(of_subject).or_else(|| all.next())?;
        Some(Unseen::new(gap.reason))
    }

    /// Those of one section, to record more of them.
    pub fn section(&mut self, section: &'static str) -> SectionGaps<'_> {
        SectionGaps { section, all: self }
    }

    /// All of them, in the order in which they were met.
    #[must_use]
    pub fn as_slice(&self) -> &[Gap] {
        &self.0
    }

    /// Adds a gap; equal ones are one.
    fn add(&mut self, mut more: Gap) {
        let same = self.0.iter_mut().find(|gap| {
            gap.section == more.section
                && gap.field == more.field
                && gap.reason == more.reason
                && gap.errno == more.errno
                && gap.needs == more.needs
        });
        match same {
            Some(gap) => {
                gap.count += more.count;
                let room = SUBJECTS_PER_GAP.saturating_sub(gap.subjects.len());
                more.subjects.truncate(room);
                gap.subjects.append(&mut more.subjects);
            }
            None => self.0.push(more),
        }
    }
}

/// The gaps of one section while it is filled: the only place where an [`Unseen`] is made.
#[derive(Debug)]
pub struct SectionGaps<'a> {
    section: &'static str,
    all: &'a mut Gaps,
}

impl SectionGaps<'_> {
    /// The same, for less long.
    pub fn reborrow(&mut self) -> SectionGaps<'_> {
        SectionGaps {
            section: self.section,
            all: self.all,
        }
    }

    /// Records a refusal and gives the mark to put in the field's place.
    pub fn record(
        &mut self,
        field: &str,
        subject: impl Into<Subject>,
        refusal: &Refusal,
    ) -> Unseen {
        let subject = subject.into();
        let section = self.section;
        let same = self.all.0.iter_mut().find(|gap| {
            gap.section == section
                && gap.field == field
                && gap.reason == refusal.reason
                && gap.errno == refusal.errno
                && gap.needs.as_deref() == refusal.needs.as_deref()
        });
        match same {
            Some(gap) => {
                gap.count += 1;
                if gap.subjects.len() < SUBJECTS_PER_GAP {
                    gap.subjects.push(subject);
                }
            }
            None => self.all.0.push(Gap {
                section: section.to_owned(),
                field: field.to_owned(),
                reason: refusal.reason,
                errno: refusal.errno.clone(),
                needs: refusal.needs.as_deref().map(str::to_owned),
                count: 1,
                subjects: vec![subject],
            }),
        }
        Unseen::new(refusal.reason)
    }

    /// A value as seen, or its refusal recorded.
    pub fn seen<T>(
        &mut self,
        field: &str,
        subject: impl Into<Subject>,
        attempt: Result<T, Refusal>,
    ) -> Seen<T> {
        match attempt {
            Ok(value) => Seen::Value(value),
            Err(refusal) => Seen::Unseen(self.record(field, subject, &refusal)),
        }
    }

    /// Gaps aside, for what may turn out not to be missing; [`Self::absorb`] takes them in.
    #[must_use]
    pub fn scratch(&self) -> ScratchGaps {
        ScratchGaps {
            section: self.section,
            gaps: Gaps::default(),
        }
    }

    /// Takes in what was recorded aside.
    pub fn absorb(&mut self, scratch: ScratchGaps) {
        for gap in scratch.gaps.0 {
            self.all.add(gap);
        }
    }

    /// Why the walk itself has left something out, by the first that it has; `None`: nothing.
    #[must_use]
    pub fn walk_refusal(&self) -> Option<Refusal> {
        let gap = self.all.0.iter().find(|gap| gap.section == WALK)?;
        Some(Refusal {
            reason: gap.reason,
            errno: gap.errno.clone(),
            needs: gap.needs.as_deref().map(Into::into),
        })
    }
}

/// Gaps of a section that are not yet in the report.
#[derive(Debug, Clone)]
pub struct ScratchGaps {
    section: &'static str,
    gaps: Gaps,
}

impl ScratchGaps {
    /// To record them.
    pub fn section(&mut self) -> SectionGaps<'_> {
        self.gaps.section(self.section)
    }
}

/// Whether a gap's field (`uids.name`) stands for a path (`uids.real.name`): the same key at the
/// end, the rest in its order.
fn names(field: &str, path: &str) -> bool {
    let mut keys = path.split('.');
    let in_order = field.split('.').all(|part| keys.any(|key| key == part));
    in_order && field.rsplit('.').next() == path.rsplit('.').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_gaps_are_one_line() {
        let mut gaps = Gaps::default();
        let refusal = Refusal::of(Reason::Uid).needing("uid 1000");
        let mut processes = gaps.section("processes");
        for pid in 1..=3_000 {
            processes.record("exe", pid, &refusal);
        }
        processes.record("cwd", 1, &refusal);
        let [exe, cwd] = gaps.as_slice() else {
            panic!("two entries: {gaps:?}")
        };
        assert_eq!((exe.count, exe.subjects.len()), (3_000, SUBJECTS_PER_GAP));
        assert_eq!((cwd.field.as_str(), cwd.count), ("cwd", 1));
    }

    #[test]
    fn an_unseen_field_is_null() {
        let mut gaps = Gaps::default();
        let seen: Seen<u32> =
            gaps.section("processes")
                .seen("exe", 7, Err(Refusal::of(Reason::Gid)));
        assert_eq!(serde_json::to_string(&seen).unwrap(), "null");
        assert_eq!(gaps.as_slice()[0].subjects, [Subject::Pid(7)]);
    }

    #[test]
    fn what_was_recorded_aside_counts_once_it_is_taken_in() {
        let mut gaps = Gaps::default();
        let mut tls = gaps.section("tls");
        let refusal = Refusal::of(Reason::Uid);
        tls.record("trust_store", 1, &refusal);
        let mut given_up = tls.scratch();
        given_up.section().record("chain", 1, &refusal);
        drop(given_up);
        let mut aside = tls.scratch();
        for pid in 2..=100 {
            aside.section().record("trust_store", pid, &refusal);
        }
        aside.section().record("chain", "/x", &refusal);
        tls.absorb(aside);
        let [store, chain] = gaps.as_slice() else {
            panic!("two entries: {gaps:?}")
        };
        assert_eq!((store.count, store.subjects.len()), (100, SUBJECTS_PER_GAP));
        assert_eq!((chain.section.as_str(), chain.count), ("tls", 1));
    }
}
