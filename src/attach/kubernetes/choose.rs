//! The ids that spyhole runs as: what the namespace admits, and of that what reads the target.
//!
//! The kernel lets a process be read by its own user and group, whose effective capabilities
//! cover the target's permitted ones, or by `CAP_SYS_PTRACE`. A runtime gives root a set of
//! capabilities; to any other user Kubernetes gives none that take effect.

use serde_json::{Map, Value, json};

use super::admission::{Admission, beyond};
use super::pod::{Target, at};
use super::pod_security::shown;
use super::{RunAs, User};
use crate::model::pod_security::PodSecurityLevel::{Baseline, Privileged, Restricted};

/// The ids that spyhole will run as, and by what means.
#[derive(Debug, Clone)]
pub(super) struct Choice {
    pub(super) run_as: RunAs,
    /// Of kubectl debug.
    pub(super) profile: &'static str,
    /// The security context of the container.
    pub(super) context: Value,
    pub(super) because: Vec<String>,
    pub(super) limits: Vec<String>,
}

/// What the command line says of the ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Given {
    /// Nothing: the pod decides.
    Nothing,
    /// `--run-as`: the target's user, as far as its user knows it.
    User(User),
    /// `--as-root`.
    RootWithPtrace,
}

/// Decides.
pub(super) fn choose(target: &Target, admission: &Admission, given: Given) -> Choice {
    let found = (target.uid, target.gid);
    let mut choice = match given {
        Given::RootWithPtrace => as_root_given(target, admission),
        Given::User(User { uid: 0, .. }) if target.is_not_root() => plain_root(target, admission),
        Given::User(User { uid, gid }) => for_ids(target, admission, Some(uid), gid),
        Given::Nothing => for_ids(target, admission, found.0, found.1),
    };
    choice.because.push(admission.because.clone());
    choice.add_circumstances(target);
    choice.add_violations(admission);
    choice
}

fn for_ids(target: &Target, admission: &Admission, uid: Option<u32>, gid: Option<u32>) -> Choice {
    match uid {
        Some(0) => for_root(target, admission),
        Some(uid) => for_user(target, admission, uid, gid),
        None => for_unknown(target, admission),
    }
}

/// Root that may read every process, whatever the target is.
fn as_root_given(target: &Target, admission: &Admission) -> Choice {
    let why = "--as-root: root with SYS_PTRACE reads any user, also what is not dumpable";
    let mut choice = as_root(target, why.to_owned());
    if admission.level != Privileged {
        choice.limits.push(format!(
            "Pod Security {} does not admit SYS_PTRACE and DAC_READ_SEARCH: the container will be \
             refused, unless you are exempt",
            admission.level.as_str()
        ));
    }
    choice
}

/// Root beside a target that is another user: it has the runtime's capabilities, as what the target
/// dropped is no measure of what root needs.
fn plain_root(target: &Target, admission: &Admission) -> Choice {
    if admission.level == Restricted && !admission.lets_root(target) {
        return stranger(
            "restricted does not admit root (--run-as 0) for a new container".to_owned(),
            "environment, files, descriptors and limits of the target, unless it runs as \
             65532:65532",
        );
    }
    let user = target
        .uid
        .map_or_else(|| "not root".to_owned(), |uid| format!("user {uid}"));
    let mut choice = as_target(
        target,
        admission,
        0,
        0,
        format!("--run-as 0; the target is {user}"),
    );
    let capabilities = match admission.level {
        Restricted => json!({"drop": ["ALL"]}),
        Baseline | Privileged => json!({}),
    };
    set(&mut choice.context, "capabilities", capabilities);
    let remedy = match admission.level {
        Privileged => ": --as-root adds it",
        Baseline | Restricted => ", which this level does not admit",
    };
    choice.limits.push(format!(
        "root needs SYS_PTRACE for the environment, files and descriptors of another user{remedy}"
    ));
    choice
}

/// The target runs as root.
fn for_root(target: &Target, admission: &Admission) -> Choice {
    let more = beyond(&target.added);
    let holds_more = target.privileged || !more.is_empty();
    let held = if target.privileged {
        "all capabilities".to_owned()
    } else {
        more.join(", ")
    };
    match admission.level {
        Privileged if holds_more => as_root(
            target,
            format!("the target is root and has {held}: SYS_PTRACE is required"),
        ),
        Restricted if !admission.lets_root(target) => stranger(
            "the target is root, which restricted does not admit for a new container".to_owned(),
            "environment, files, descriptors and limits of the target (owned by root)",
        ),
        Baseline | Privileged | Restricted => {
            let why = "the target is root: root with the same capabilities can read it";
            let mut choice = as_target(target, admission, 0, 0, why.to_owned());
            if holds_more {
                choice.limits.push(format!(
                    "the target has {held}, which baseline does not admit for a new container: \
                     environment, files and descriptors are not visible"
                ));
            }
            choice
        }
    }
}

/// The target runs as another user.
fn for_user(target: &Target, admission: &Admission, uid: u32, gid: Option<u32>) -> Choice {
    let has_means = target.privileged || !target.added.is_empty();
    if admission.level == Privileged && has_means && target.may_escalate {
        return as_root(
            target,
            format!(
                "the target is user {uid} and may have file capabilities: using SYS_PTRACE, which \
                 reads it in any case"
            ),
        );
    }
    let Some(gid) = gid else {
        if admission.level == Privileged {
            return as_root(
                target,
                format!(
                    "the target is user {uid}, but the pod does not specify its group, which must \
                     match too: using SYS_PTRACE, which reads it in any case"
                ),
            );
        }
        let why = format!("the target is user {uid}: using the same user");
        let mut choice = as_target(target, admission, uid, 0, why);
        choice.limits.push(format!(
            "the pod does not specify the target's group: assuming 0, as for a user missing in \
             the image's passwd. If it differs, its files are not visible: `-- access` shows the \
             group, --run-as {uid}:GID sets it"
        ));
        return choice;
    };
    let source = if target.ids_from_node {
        " (reported by its node)"
    } else {
        ""
    };
    let why = format!("the target is {uid}:{gid}{source}: using the same user");
    let mut choice = as_target(target, admission, uid, gid, why);
    if has_means && target.may_escalate {
        choice.limits.push(
            "if the target's program has file capabilities, only root with SYS_PTRACE can read \
             it, which this level does not admit"
                .to_owned(),
        );
    }
    choice
}

/// The user is the image's, which the pod does not hold.
fn for_unknown(target: &Target, admission: &Admission) -> Choice {
    let unknown = "the pod does not specify the target's user: it depends on the image";
    match admission.level {
        Privileged => as_root(
            target,
            format!("{unknown}; using SYS_PTRACE, which reads any user"),
        ),
        Baseline if !target.run_as_non_root => {
            let why = format!("{unknown}; assuming root, as in most images");
            let mut choice = as_target(target, admission, 0, 0, why);
            choice.limits.push(format!(
                "if the target is not root, its environment, files and descriptors are not \
                 visible: {FIND_OUT}"
            ));
            choice
        }
        Baseline | Restricted => {
            let mut choice = stranger(
                unknown.to_owned(),
                "environment, files, descriptors and limits of the target, unless it runs as \
                 65532:65532",
            );
            choice.limits.push(FIND_OUT.to_owned());
            choice
        }
    }
}

const FIND_OUT: &str = "`-- access` shows the target's user, --run-as UID:GID sets it";

fn as_target(target: &Target, admission: &Admission, uid: u32, gid: u32, why: String) -> Choice {
    let mut context = json!({
        "runAsUser": uid,
        "runAsGroup": gid,
        "runAsNonRoot": uid != 0,
        "allowPrivilegeEscalation": false,
        "readOnlyRootFilesystem": true,
        "seccompProfile": {"type": "RuntimeDefault"},
    });
    if uid != 0 {
        set(&mut context, "capabilities", json!({"drop": ["ALL"]}));
    } else if let Some(capabilities) = same_capabilities(target) {
        set(&mut context, "capabilities", capabilities);
    }
    confine(&mut context, target, admission.level == Privileged);
    Choice {
        run_as: RunAs::Target { uid, gid },
        profile: if uid == 0 { "baseline" } else { "restricted" },
        context,
        because: vec![why],
        limits: Vec::new(),
    }
}

fn as_root(target: &Target, why: String) -> Choice {
    let mut context = json!({
        "runAsUser": 0,
        "runAsGroup": 0,
        "runAsNonRoot": false,
        "allowPrivilegeEscalation": false,
        "readOnlyRootFilesystem": true,
        // The one opens what the kernel guards, the other the files of another user: to read alone.
        "capabilities": {"drop": ["ALL"], "add": ["SYS_PTRACE", "DAC_READ_SEARCH"]},
    });
    if target.privileged {
        // Security modules let the confined read the unconfined no more than the kernel does.
        set(
            &mut context,
            "appArmorProfile",
            json!({"type": "Unconfined"}),
        );
        set(&mut context, "seLinuxOptions", json!({"type": "spc_t"}));
    }
    confine(&mut context, target, true);
    Choice {
        run_as: RunAs::RootWithPtrace,
        profile: "general",
        context,
        because: vec![why],
        limits: Vec::new(),
    }
}

fn stranger(why: String, unseen: &str) -> Choice {
    Choice {
        run_as: RunAs::Stranger,
        profile: "restricted",
        context: json!({
            "runAsUser": NOBODY,
            "runAsGroup": NOBODY,
            "runAsNonRoot": true,
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        }),
        because: vec![why],
        limits: vec![format!("not visible: {unseen}")],
    }
}

/// The user of spyhole's image.
const NOBODY: u32 = 65_532;

/// What root gets as the target got it, so that nothing is missing that the target has.
fn same_capabilities(target: &Target) -> Option<Value> {
    let mut capabilities = Map::new();
    let beyond = beyond(&target.added);
    let added: Vec<_> = target
        .added
        .iter()
        .filter(|name| !beyond.contains(&name.as_str()))
        .collect();
    if !added.is_empty() {
        capabilities.insert("add".to_owned(), json!(added));
    }
    if !target.dropped.is_empty() {
        capabilities.insert("drop".to_owned(), json!(target.dropped));
    }
    (!capabilities.is_empty()).then_some(Value::Object(capabilities))
}

fn set(context: &mut Value, key: &str, value: Value) {
    if let Some(context) = context.as_object_mut() {
        context.insert(key.to_owned(), value);
    }
}

/// A container with a label of its own is read by what has the same.
fn confine(context: &mut Value, target: &Target, any: bool) {
    for (key, value) in &target.confinement {
        if any || at(value, &["type"]) != "Unconfined" {
            set(context, key, value.clone());
        }
    }
}

impl Choice {
    /// A pod that breaks the level by itself gets no container, whatever that one is like.
    fn add_violations(&mut self, admission: &Admission) {
        let listed = shown(&admission.broken);
        if !listed.is_empty() {
            let level = admission.level.as_str();
            self.limits.push(format!(
                "the pod itself does not fit Pod Security {level}, so no container can be added, \
                 except by a user who is exempt: {}",
                listed.join("; ")
            ));
        }
    }

    fn add_circumstances(&mut self, target: &Target) {
        if !target.passed_over.is_empty() {
            self.because.push(format!(
                "{} is the pod's default container; use -c to select another: {}",
                target.container,
                target.passed_over.join(", ")
            ));
        }
        if target.host_pid {
            self.because.push(
                "the pod uses its node's PID namespace: spyhole inspects only the \
                 container"
                    .to_owned(),
            );
        } else if target.shares_processes {
            self.because.push(
                "the pod's containers share a PID namespace: spyhole inspects only this \
                 one"
                .to_owned(),
            );
        }
        if target.own_user_namespace {
            self.because
                .push("the pod has its own user namespace, and spyhole runs in it".to_owned());
        }
        if target.being_deleted {
            self.limits
                .push("the pod is being deleted; its node may refuse new containers".to_owned());
        }
    }
}
