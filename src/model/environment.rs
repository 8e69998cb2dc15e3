//! The environment of a process at the moment of its exec.

use serde::{Deserialize, Serialize};

use super::byte_string::ByteString;
use super::secret::Redacted;
use super::seen::Seen;
use super::time::Timestamp;

/// The environment of one process: `/proc/PID/environ`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Environment {
    /// The process.
    pub pid: i32,
    /// Its name.
    pub comm: ByteString,
    /// Always `exec`: the kernel shows the environment that the process was started with. Later
    /// changes are in the process's memory only.
    pub as_of: AsOf,
    /// When the process was started (forked; its exec came then or later).
    pub started_at: Seen<Timestamp>,
    /// One for each entry, in the process's order.
    pub variables: Seen<Vec<Variable>>,
    /// Names that the parent's environment has and this one lacks; present only where the document
    /// contains both.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing_from_parent: Option<Vec<ByteString>>,
}

/// The moment at which the environment was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AsOf {
    /// When the process called exec.
    Exec,
}

/// One entry of an environment.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Variable {
    /// The part before the first `=`; the whole entry where it has none.
    pub name: ByteString,
    /// The part after it; absent where it is redacted or the entry has no `=`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<ByteString>,
    /// Replaces a value that is treated as a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redacted: Option<Redacted>,
    /// The entry has no `=`; getenv(3) does not find it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub without_equals: bool,
    /// An earlier entry has the same name; getenv(3) finds that one.
    #[serde(default, skip_serializing_if = "is_false")]
    pub shadowed: bool,
    /// Kubernetes sets it for a Service of the namespace.
    #[serde(default, skip_serializing_if = "is_false")]
    pub service_link: bool,
    /// Compared with the parent's environment, where it is in the same document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub against_parent: Option<AgainstParent>,
}

/// How an entry differs from the parent's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AgainstParent {
    /// The parent has it with the same value.
    Same,
    /// The parent has another value.
    Changed,
    /// The parent does not have it.
    Added,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks for a reference"
)]
fn is_false(flag: &bool) -> bool {
    !flag
}
