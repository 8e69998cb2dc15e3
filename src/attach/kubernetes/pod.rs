//! Reads the target from the document of its pod. Its content is untrusted: a field of another
//! type than expected counts as absent.

use serde_json::{Map, Value};

use super::AttachError;
use super::kubectl::Kubectl;
use super::target_refusal::{StoppedState, TargetRefusal};
use crate::model::escape::escaped;

/// The container that is looked into.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct Target {
    pub(super) namespace: String,
    pub(super) pod: String,
    pub(super) container: String,
    /// The runtime's id of it, where the node tells it.
    pub(super) container_id: Option<String>,
    /// How often its node has started it again.
    pub(super) restarts: u64,
    /// The other containers, if none was named.
    pub(super) passed_over: Vec<String>,
    pub(super) uid: Option<u32>,
    pub(super) gid: Option<u32>,
    /// Whether the node tells the ids, and not the specification.
    pub(super) ids_from_node: bool,
    pub(super) run_as_non_root: bool,
    /// Capabilities that were added and dropped, without `CAP_`.
    pub(super) added: Vec<String>,
    pub(super) dropped: Vec<String>,
    pub(super) privileged: bool,
    /// Whether its program may gain privileges by its file.
    pub(super) may_escalate: bool,
    /// Labels of security modules of the container itself; those of the pod are inherited.
    pub(super) confinement: Map<String, Value>,
    /// Whether more than its own processes are in its PID namespace.
    pub(super) shares_processes: bool,
    pub(super) host_pid: bool,
    pub(super) own_user_namespace: bool,
    pub(super) being_deleted: bool,
    /// Containers of the pod that were added for debugging.
    pub(super) ephemeral: Vec<Ephemeral>,
    /// The whole document.
    pub(super) document: Value,
}

/// A container that was added to the pod.
#[derive(Debug, Clone)]
pub(super) struct Ephemeral {
    pub(super) name: String,
    pub(super) image: String,
    pub(super) target: String,
    pub(super) args: Vec<String>,
    pub(super) security_context: Value,
    pub(super) running: bool,
}

/// How a container stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// Not begun, with the node's reason and words.
    Waiting { reason: String, message: String },
    /// It runs.
    Running,
    /// It has ended.
    Terminated {
        code: u8,
        reason: String,
        message: String,
    },
}

impl Target {
    /// # Errors
    /// Where spyhole cannot be put beside it.
    pub(super) fn of(
        document: &Value,
        name: &str,
        named: Option<&str>,
        kubectl: &Kubectl,
    ) -> Result<Self, AttachError> {
        let (spec, status) = (at(document, &["spec"]), at(document, &["status"]));
        let pod = escaped(name.as_bytes()).into_owned();
        let namespace = text(at(document, &["metadata", "namespace"]));
        let namespace = namespace.filter(|name| is_name(name));
        let namespace = namespace.ok_or_else(|| TargetRefusal::Incomplete {
            pod: pod.clone(),
            lacks: "namespace",
        })?;
        lives(document, &pod)?;
        let containers = containers(spec);
        let (container, passed_over) = pick(document, &containers, named, &pod)?;
        let specified = containers
            .iter()
            .find(|one| at(one, &["name"]) == container.as_str());
        let specified = specified.copied().unwrap_or(&Value::Null);
        let stands = status_of(status, &container);
        is_running(stands, &container, &pod, || {
            let container = format!("--container={container}");
            kubectl.line(Some(namespace), &["logs", name, &container, "--previous"])
        })?;
        let own = at(specified, &["securityContext"]);
        let pods = at(spec, &["securityContext"]);
        let either = |key: &str| {
            if at(own, &[key]).is_null() {
                at(pods, &[key])
            } else {
                at(own, &[key])
            }
        };
        let from_node = at(stands.unwrap_or(&Value::Null), &["user", "linux"]);
        let (uid, gid) = (id(at(from_node, &["uid"])), id(at(from_node, &["gid"])));
        let confinement = ["seLinuxOptions", "appArmorProfile"]
            .into_iter()
            .filter(|key| at(own, &[*key]).is_object())
            .map(|key| (key.to_owned(), at(own, &[key]).clone()))
            .collect();
        Ok(Self {
            namespace: namespace.to_owned(),
            pod: name.to_owned(),
            container,
            container_id: stands.and_then(container_id),
            restarts: stands.map(restarts).unwrap_or_default(),
            passed_over,
            ids_from_node: uid.is_some(),
            uid: uid.or_else(|| id(either("runAsUser"))),
            gid: gid.or_else(|| id(either("runAsGroup"))),
            run_as_non_root: either("runAsNonRoot") == true,
            added: capabilities(at(own, &["capabilities", "add"])),
            dropped: capabilities(at(own, &["capabilities", "drop"])),
            privileged: at(own, &["privileged"]) == true,
            may_escalate: at(own, &["allowPrivilegeEscalation"]) != false,
            confinement,
            shares_processes: at(spec, &["shareProcessNamespace"]) == true
                || at(spec, &["hostPID"]) == true,
            host_pid: at(spec, &["hostPID"]) == true,
            own_user_namespace: at(spec, &["hostUsers"]) == false,
            being_deleted: !at(document, &["metadata", "deletionTimestamp"]).is_null(),
            ephemeral: ephemeral(spec, status),
            document: document.clone(),
        })
    }
}

impl Target {
    /// Whether it is known that its user is not root.
    pub(super) fn is_not_root(&self) -> bool {
        self.uid.map_or(self.run_as_non_root, |uid| uid != 0)
    }
}

/// What stands at these keys; null where nothing does.
pub(super) fn at<'a>(value: &'a Value, keys: &[&str]) -> &'a Value {
    let found = keys.iter().try_fold(value, |value, key| value.get(key));
    found.unwrap_or(&Value::Null)
}

/// The containers that the specification names, those for the start last.
pub(super) fn containers(spec: &Value) -> Vec<&Value> {
    let list = |key: &str| {
        at(spec, &[key])
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default()
    };
    let all = list("containers").iter().chain(list("initContainers"));
    all.collect()
}

/// How a container that was added stands; `None` where the node does not know it yet.
pub(super) fn state(document: &Value, name: &str) -> Option<State> {
    let list = at(document, &["status", "ephemeralContainerStatuses"]).as_array()?;
    let status = list.iter().find(|status| at(status, &["name"]) == name)?;
    state_of(at(status, &["state"]))
}

/// How the target ended since `target` was read: its exit code and the node's reason, and whether it
/// runs again. `None` where it goes on, or its node has not reported the end.
pub(super) fn ended_since(document: &Value, target: &Target) -> Option<TargetEnd> {
    let status = status_of(at(document, &["status"]), &target.container)?;
    let now = state_of(at(status, &["state"]));
    let last = state_of(at(status, &["lastState"]));
    let is_new = restarts(status) > target.restarts;
    let (ended, runs_again) = match (now, is_new) {
        (ended @ Some(State::Terminated { .. }), _) => (ended, false),
        (Some(State::Running), true) => (last, true),
        (Some(State::Waiting { .. }), _) => (last, false),
        (Some(State::Running) | None, _) => return None,
    };
    let Some(State::Terminated { code, reason, .. }) = ended else {
        return None;
    };
    Some(TargetEnd {
        code,
        reason,
        runs_again,
    })
}

/// How a target ended while spyhole was beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TargetEnd {
    pub(super) code: u8,
    pub(super) reason: String,
    pub(super) runs_again: bool,
}

/// Capabilities as Kubernetes names them, whatever way they are written.
pub(super) fn capabilities(list: &Value) -> Vec<String> {
    let names = list.as_array().into_iter().flatten().filter_map(text);
    names
        .map(|name| name.to_ascii_uppercase().replacen("CAP_", "", 1))
        .collect()
}

fn lives(document: &Value, pod: &str) -> Result<(), TargetRefusal> {
    let spec = at(document, &["spec"]);
    let windows = at(spec, &["os", "name"]) == "windows"
        || at(spec, &["nodeSelector", "kubernetes.io/os"]) == "windows";
    let pod_name = || pod.to_owned();
    if windows {
        return Err(TargetRefusal::Windows { pod: pod_name() });
    }
    if !at(
        document,
        &["metadata", "annotations", "kubernetes.io/config.mirror"],
    )
    .is_null()
    {
        return Err(TargetRefusal::StaticPod { pod: pod_name() });
    }
    is_scheduled(document, pod)?;
    match text(at(document, &["status", "phase"])) {
        Some(phase @ ("Succeeded" | "Failed")) => Err(TargetRefusal::PodEnded {
            pod: pod_name(),
            phase: phase.to_lowercase(),
        }),
        _ => Ok(()),
    }
}

/// A pod without a node cannot start a container.
fn is_scheduled(document: &Value, pod: &str) -> Result<(), TargetRefusal> {
    let node = text(at(document, &["spec", "nodeName"]));
    if node.is_some_and(|node| !node.is_empty()) {
        return Ok(());
    }
    let conditions = at(document, &["status", "conditions"]).as_array();
    let condition = conditions
        .into_iter()
        .flatten()
        .find(|one| at(one, &["type"]) == "PodScheduled" && at(one, &["status"]) == "False");
    let words = |key: &str| words(at(condition.unwrap_or(&Value::Null), &[key]));
    let why = match (words("reason"), words("message")) {
        (reason, message) if message.is_empty() => reason,
        (reason, message) => format!("{reason}: {message}"),
    };
    let pod = pod.to_owned();
    Err(TargetRefusal::NotScheduled { pod, why })
}

/// The container that is meant, and those that could have been.
fn pick(
    document: &Value,
    containers: &[&Value],
    named: Option<&str>,
    pod: &str,
) -> Result<(String, Vec<String>), TargetRefusal> {
    // What is no name of a container cannot be asked for, nor be taken for a flag.
    let known: Vec<&str> = containers
        .iter()
        .filter_map(|one| text(at(one, &["name"])).filter(|name| is_name(name)))
        .collect();
    if let Some(named) = named {
        if known.contains(&named) {
            return Ok((named.to_owned(), Vec::new()));
        }
        return Err(TargetRefusal::NoContainer {
            pod: pod.to_owned(),
            name: escaped(named.as_bytes()).into_owned(),
            others: known.into_iter().map(str::to_owned).collect(),
        });
    }
    let by_default = at(
        document,
        &[
            "metadata",
            "annotations",
            "kubectl.kubernetes.io/default-container",
        ],
    );
    let default = text(by_default).filter(|name| known.contains(name));
    let picked = default.or(known.first().copied());
    let picked = picked.ok_or_else(|| TargetRefusal::Incomplete {
        pod: pod.to_owned(),
        lacks: "container",
    })?;
    let usual = at(document, &["spec", "containers"]).as_array();
    let others = usual
        .into_iter()
        .flatten()
        .filter_map(|one| text(at(one, &["name"])));
    let others = others.filter(|name| *name != picked && is_name(name));
    Ok((picked.to_owned(), others.map(str::to_owned).collect()))
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.len() <= 63
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

fn status_of<'a>(status: &'a Value, container: &str) -> Option<&'a Value> {
    let lists = ["containerStatuses", "initContainerStatuses"];
    let all = lists
        .into_iter()
        .filter_map(|key| at(status, &[key]).as_array());
    all.flatten().find(|one| at(one, &["name"]) == container)
}

fn restarts(status: &Value) -> u64 {
    at(status, &["restartCount"]).as_u64().unwrap_or_default()
}

/// The id in `containerd://0123…`.
fn container_id(status: &Value) -> Option<String> {
    let (_, id) = text(at(status, &["containerID"]))?.split_once("://")?;
    let is_id = id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_id.then(|| id.to_owned())
}

/// Only beside a process is there a namespace to enter.
fn is_running(
    status: Option<&Value>,
    container: &str,
    pod: &str,
    logs: impl Fn() -> String,
) -> Result<(), TargetRefusal> {
    let state = status.and_then(|status| state_of(at(status, &["state"])));
    let state = match state {
        Some(State::Running) => return Ok(()),
        Some(State::Terminated { code, reason, .. }) => StoppedState::Ended {
            code,
            reason,
            line: logs(),
        },
        Some(State::Waiting { reason, message }) if reason.contains("CrashLoop") => {
            StoppedState::Restarting {
                reason,
                message,
                line: logs(),
            }
        }
        Some(State::Waiting { reason, message }) => StoppedState::Waiting { reason, message },
        None => StoppedState::Unreported,
    };
    Err(TargetRefusal::NotRunning {
        pod: pod.to_owned(),
        container: container.to_owned(),
        state,
    })
}

/// Words of a cluster, which end up in a sentence.
fn words(value: &Value) -> String {
    let words: String = text(value).unwrap_or_default().chars().take(600).collect();
    escaped(words.trim().as_bytes()).into_owned()
}

fn state_of(state: &Value) -> Option<State> {
    if at(state, &["running"]).is_object() {
        return Some(State::Running);
    }
    let of = |which: &Value| {
        (
            words(at(which, &["reason"])),
            words(at(which, &["message"])),
        )
    };
    let (terminated, waiting) = (at(state, &["terminated"]), at(state, &["waiting"]));
    if terminated.is_object() {
        let (reason, message) = of(terminated);
        let code = at(terminated, &["exitCode"]).as_i64();
        let code = code
            .and_then(|code| u8::try_from(code).ok())
            .unwrap_or(u8::MAX);
        return Some(State::Terminated {
            code,
            reason,
            message,
        });
    }
    let (reason, message) = of(waiting);
    waiting
        .is_object()
        .then_some(State::Waiting { reason, message })
}

fn ephemeral(spec: &Value, status: &Value) -> Vec<Ephemeral> {
    let specified = at(spec, &["ephemeralContainers"])
        .as_array()
        .into_iter()
        .flatten();
    let owned = |value: &Value| text(value).unwrap_or_default().to_owned();
    let known = specified.filter_map(|one| {
        let name = text(at(one, &["name"])).filter(|name| is_name(name))?;
        let statuses = at(status, &["ephemeralContainerStatuses"]).as_array();
        let stands = statuses
            .into_iter()
            .flatten()
            .find(|of| at(of, &["name"]) == name);
        let args = at(one, &["args"]).as_array().into_iter().flatten();
        Some(Ephemeral {
            name: name.to_owned(),
            image: owned(at(one, &["image"])),
            target: owned(at(one, &["targetContainerName"])),
            args: args.filter_map(text).map(str::to_owned).collect(),
            security_context: at(one, &["securityContext"]).clone(),
            running: stands.is_some_and(|stands| at(stands, &["state", "running"]).is_object()),
        })
    });
    known.collect()
}

fn text(value: &Value) -> Option<&str> {
    value.as_str()
}

fn id(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|id| u32::try_from(id).ok())
}
