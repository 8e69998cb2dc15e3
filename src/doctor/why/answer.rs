//! What came of it.

use serde::Serialize;

use crate::model::byte_string::ByteString;
use crate::model::gap::Gap;
use crate::model::reason::Reason;
use crate::model::secret::Argument;
use crate::model::time::Timestamp;

/// The answer of `spyhole why`. Each list is bounded; `left_out` counts the holders beyond.
#[derive(Debug, Serialize)]
pub(crate) struct WhyAnswer {
    /// `spyhole/why/v1`.
    pub(crate) schema: &'static str,
    /// The version of spyhole that answered.
    pub(crate) version: &'static str,
    /// When the walk began.
    pub(crate) taken_at: Timestamp,
    /// As it was asked.
    pub(crate) asked: String,
    /// Whether a process was asked about, by number or name.
    #[serde(skip)]
    pub(super) of_process: bool,
    /// Whether a process holds it.
    pub(crate) verdict: WhyVerdict,
    /// The processes that hold it; of a parent and its children only the parent.
    pub(crate) holders: Vec<Holder>,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) left_out: usize,
    /// Where nothing holds it: what listens, or runs, instead.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) elsewhere: Vec<String>,
    /// Where nothing holds it: the arguments and variables that come nearest.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) nearest: Vec<NearestSetting>,
    /// What no process holds, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) notes: Vec<String>,
    /// What could not be seen.
    pub(crate) not_seen: Vec<NotSeen>,
}

impl WhyAnswer {
    /// Whether anything that belongs to the answer could not be seen.
    pub(crate) fn has_unseen(&self) -> bool {
        !self.not_seen.is_empty()
            || self
                .holders
                .iter()
                .any(|holder| !holder.not_seen.is_empty())
    }
}

/// Whether a process holds what was asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WhyVerdict {
    Held,
    NotHeld,
    /// It could not be seen.
    Unknown,
}

/// A process, and how it came to be.
#[derive(Debug, Serialize)]
pub(crate) struct Holder {
    pub(crate) pid: i32,
    pub(crate) name: ByteString,
    /// What of the question it holds: socket or file, and descriptor.
    pub(crate) holds: Vec<String>,
    /// Descendants that hold the same.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) also_held_by: Vec<NamedProcess>,
    /// From the first process that is visible to this one.
    pub(crate) chain: Vec<NamedProcess>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) container: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pod: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) namespace: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) exe: Option<ByteString>,
    /// Null where the process is not in the list of processes.
    pub(crate) uid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<ByteString>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) started_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) seconds_after_parent: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cwd: Option<ByteString>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) args: Option<Vec<Argument>>,
    /// Arguments and variables that name the port or the path.
    pub(crate) named_by: Vec<Setting>,
    /// Where it listens. Null where its descriptors were not read.
    pub(crate) listens_on: Option<Vec<String>>,
    /// Connections that it has. Null where its descriptors were not read.
    pub(crate) connections: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) open_files: Option<u64>,
    /// What may be wrong with it.
    pub(crate) doubts: Vec<String>,
    /// What of this process could not be seen.
    pub(crate) not_seen: Vec<NotSeen>,
}

/// A process by number and name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct NamedProcess {
    pub(crate) pid: i32,
    pub(crate) name: ByteString,
}

/// An argument or a variable of a process, with secrets replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Setting {
    pub(crate) kind: SettingKind,
    /// `--listen 127.0.0.1:9090`, `PORT=9090`.
    pub(crate) text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SettingKind {
    Argument,
    Variable,
}

/// A setting of a process that does not hold what was asked about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct NearestSetting {
    pub(crate) pid: i32,
    pub(crate) name: ByteString,
    #[serde(flatten)]
    pub(crate) setting: Setting,
}

/// A part of the document that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct NotSeen {
    /// Section and field.
    pub(crate) field: String,
    pub(crate) reason: Reason,
    /// What would show it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) needs: Option<String>,
}

impl NotSeen {
    pub(super) fn of(gap: &Gap) -> Self {
        let field = if gap.section == gap.field {
            gap.field.clone()
        } else {
            format!("{}.{}", gap.section, gap.field)
        };
        Self {
            field,
            reason: gap.reason,
            needs: gap.needs.clone(),
        }
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks for a reference"
)]
fn is_zero(count: &usize) -> bool {
    *count == 0
}
