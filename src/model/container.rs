//! A visible container, as the section `containers` shows it.

use serde::{Deserialize, Serialize};

use super::byte_string::ByteString;
use super::seen::Seen;
use super::time::Timestamp;

/// The role of a group of processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ContainerKind {
    /// A container of the application.
    Container,
    /// The container that holds a pod's namespaces and does nothing else.
    Pause,
    /// The machine itself: processes that are in no container.
    Host,
}

/// Processes that share a container.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Container {
    /// Its name, if a runtime leaves it visible.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The runtime's id for it, or its name where the runtime has no ids.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// `containerd`, `cri-o`, `docker`, `podman`, `lxc`, `systemd-nspawn`, `garden` or `buildkit`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime: Option<String>,
    /// The UID of the Kubernetes pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_uid: Option<String>,
    /// The name of that pod, where the node tells it: see `docs/attach.md`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<String>,
    /// The pod's namespace, together with its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Application, pause container or host.
    pub kind: ContainerKind,
    /// Whether it is the target.
    pub target: bool,
    /// Whether it is the one that spyhole runs in.
    #[serde(rename = "self")]
    pub own: bool,
    /// Its first process.
    pub main_pid: i32,
    /// That process's name.
    pub main_comm: ByteString,
    /// When that process was started.
    pub started_at: Seen<Timestamp>,
    /// How many processes it has.
    pub process_count: u64,
}

impl Container {
    /// What to call it: name, otherwise the first 12 characters of an id of 64 digits, or the id,
    /// otherwise its main process.
    #[must_use]
    pub fn label(&self) -> String {
        match (&self.name, &self.id, self.kind) {
            (Some(name), _, _) => name.clone(),
            (None, Some(id), _) if id.len() == 64 => id.chars().take(12).collect(),
            (None, Some(id), _) => id.clone(),
            (None, None, ContainerKind::Host) => "host".to_owned(),
            (None, None, _) => format!("pid-{}", self.main_pid),
        }
    }

    /// The same behind namespace and pod, as `--container` takes it; the label alone where they
    /// are not known.
    #[must_use]
    pub fn path(&self) -> String {
        match (&self.namespace, &self.pod) {
            (Some(namespace), Some(pod)) => format!("{namespace}/{pod}/{}", self.label()),
            _ => self.label(),
        }
    }
}
