//! What could not be seen, why, and what would show it.

use serde::{Deserialize, Serialize};

use super::byte_string::ByteString;
pub use super::reason::Reason;
use super::seen::{Seen, Unseen};

/// How many subjects a gap names; further ones are only counted.
pub const SUBJECTS_PER_GAP: usize = 64;

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

    /// The same with the remedy told.
    #[must_use]
    pub fn needing(self, needs: &str) -> Self {
        Self {
            needs: Some(needs.into()),
            ..self
        }
    }
}

/// What a gap is about: a process or a file.
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

/// Something that could not be seen. Equal gaps are one entry.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Gap {
    /// The section it is missing from (`processes`).
    pub section: String,
    /// The field that is `null` there (`exe`; inside of another one `target.dumpable`),
    /// or what is missing altogether.
    pub field: String,
    /// Why.
    pub reason: Reason,
    /// The name of the system's error (`EACCES`), where there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errno: Option<String>,
    /// What would show it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub needs: Option<String>,
    /// How often.
    pub count: u64,
    /// Which processes or paths; the first 64 of them.
    pub subjects: Vec<Subject>,
}

/// The gaps of one report, and the only place where an [`Unseen`] is made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gaps(Vec<Gap>);

impl Gaps {
    /// Records a refusal and gives the mark to put in the field's place.
    pub fn record(
        &mut self,
        section: &str,
        field: &str,
        subject: impl Into<Subject>,
        refusal: &Refusal,
    ) -> Unseen {
        let subject = subject.into();
        let same = self.0.iter_mut().find(|gap| {
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
            None => self.0.push(Gap {
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
        section: &str,
        field: &str,
        subject: impl Into<Subject>,
        attempt: Result<T, Refusal>,
    ) -> Seen<T> {
        match attempt {
            Ok(value) => Seen::Value(value),
            Err(refusal) => Seen::Unseen(self.record(section, field, subject, &refusal)),
        }
    }

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

    /// All of them, in the order in which they were met.
    #[must_use]
    pub fn as_slice(&self) -> &[Gap] {
        &self.0
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
        for pid in 1..=3_000 {
            gaps.record("processes", "exe", pid, &refusal);
        }
        gaps.record("processes", "cwd", 1, &refusal);
        let [exe, cwd] = gaps.as_slice() else {
            panic!("two entries: {gaps:?}")
        };
        assert_eq!((exe.count, exe.subjects.len()), (3_000, SUBJECTS_PER_GAP));
        assert_eq!((cwd.field.as_str(), cwd.count), ("cwd", 1));
    }

    #[test]
    fn an_unseen_field_is_null() {
        let mut gaps = Gaps::default();
        let seen: Seen<u32> = gaps.seen("processes", "exe", 7, Err(Refusal::of(Reason::Gid)));
        assert_eq!(serde_json::to_string(&seen).unwrap(), "null");
        assert_eq!(gaps.as_slice()[0].subjects, [Subject::Pid(7)]);
    }
}
