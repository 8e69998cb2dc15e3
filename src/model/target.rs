//! The inspected target, and the caller's identity.

use serde::{Deserialize, Serialize};

use super::byte_string::ByteString;
use super::seen::Seen;

/// The container, or the one process, that a report is about.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Target {
    /// Its main process.
    pub pid: i32,
    /// That process's name.
    pub comm: ByteString,
    /// The program it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exe: Option<Seen<ByteString>>,
    /// Effective user id of that process.
    pub uid: u32,
    /// Effective group id of that process.
    pub gid: u32,
    /// The container's name, if a runtime leaves it visible.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// The runtime's id for the container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container_id: Option<String>,
    /// The UID of the Kubernetes pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_uid: Option<String>,
    /// The name of that pod, where the node tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<String>,
    /// The pod's namespace, together with its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// How the target was chosen.
    pub chosen_by: ChosenBy,
    /// The processes that only start it, outermost first: an init such as tini, or `sh -c`. They
    /// are in its container.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wrappers: Vec<Wrapper>,
}

/// A process that starts the target and waits for it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Wrapper {
    /// Its id.
    pub pid: i32,
    /// Its name.
    pub comm: ByteString,
    /// The program it runs, where the kernel shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exe: Option<ByteString>,
    /// How it was recognised.
    pub recognised_by: RecognisedBy,
}

/// How a wrapper was recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RecognisedBy {
    /// The file that it runs, and its only child.
    Exe,
    /// Its name, which it may choose itself, and its only child.
    Name,
}

/// How the target was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ChosenBy {
    /// A process of it was named by `--pid`.
    Pid,
    /// Named by `--container` or `--pod`.
    Container,
    /// It contains PID 1 of the visible PID namespace.
    FirstProcess,
    /// PID 1 is a wrapper, and this is the one program that it started.
    BehindWrapper,
    /// It is the only container apart from the pause container and spyhole's own.
    OnlyContainer,
    /// `--self` asked for spyhole's own container.
    #[serde(rename = "self")]
    Own,
    /// No other process is visible, so this is spyhole's own container: the wrong namespace.
    NobodyElse,
    /// Apart from it only a pause container is visible: the wrong namespace too.
    NobodyElseButPause,
}
