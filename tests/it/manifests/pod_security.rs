//! The Pod Security Standards as the API server applies them to a manifest, against the levels
//! that the READMEs claim.
//!
//! <https://kubernetes.io/docs/concepts/security/pod-security-standards/>, and
//! `pod-security-admission/policy` of Kubernetes where the two differ (volumes of type image).

use serde_json::{Value, json};
use spyhole::model::pod_security::PodSecurityLevel;
use spyhole::model::pod_security::PodSecurityLevel::{Baseline, Privileged, Restricted};

use super::build::{all, pods};
use super::{claims, containers_of, custom, pod_with};

#[needs(each_kubectl)]
fn each_pod_is_at_the_level_that_its_readme_claims() {
    let mut judged = 0;
    for one in all() {
        let claimed = claims(&one.folder);
        // A component is what the examples make of it.
        let users = one.users();
        let documents = users.iter().flat_map(|user| &user.documents);
        let documents: Vec<_> = documents.chain(&one.documents).cloned().collect();
        let pods = pods(&documents);
        if pods.is_empty() {
            let none = |(level, file): &(String, Option<String>)| {
                level == "no pods" || (one.folder == "ephemeral" && file.is_some())
            };
            assert!(claimed.iter().all(none), "{}: {claimed:?}", one.folder);
        }
        for (name, pod) in pods {
            let (level, against) = judge(pod);
            let folder = &one.folder;
            assert_eq!(
                claimed,
                [(level.as_str().to_owned(), None)],
                "{folder}: {name}: {against:?}"
            );
            judged += 1;
        }
        for namespace in documents
            .iter()
            .filter(|document| document["kind"] == "Namespace")
        {
            let enforced = &namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"];
            assert_eq!(enforced, claimed[0].0.as_str(), "{}", one.folder);
        }
    }
    assert!(judged >= 9, "{judged}");
}

#[test]
fn each_custom_container_is_at_the_level_that_the_readme_claims() {
    let claimed = claims("ephemeral");
    for (name, container) in custom() {
        let (level, against) = judge(&pod_with(&container));
        let claim = (level.as_str().to_owned(), Some(name));
        assert!(
            claimed.contains(&claim),
            "{claim:?} in {claimed:?}: {against:?}"
        );
    }
    assert_eq!(claimed.len(), 3);
}

#[test]
fn each_clause_is_seen() {
    let good = pod_with(&json!({"securityContext": {
        "runAsNonRoot": true,
        "allowPrivilegeEscalation": false,
        "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]},
        "seccompProfile": {"type": "Localhost", "localhostProfile": "p"},
    }}));
    assert_eq!(judge(&good), (Restricted, vec![]));
    for (level, path, value) in BREACHES {
        let mut pod = good.clone();
        let (parent, key) = path.rsplit_once('/').unwrap();
        let parent = parent.replace("/own", "/ephemeralContainers/0/securityContext");
        let value = serde_json::from_str(value).unwrap();
        pod.pointer_mut(&parent).unwrap()[key] = value;
        let (found, against) = judge(&pod);
        assert_eq!(found, level, "{path}: {against:?}");
    }
}

/// What loosens a restricted pod to which level; `/own` is the context of one container.
const BREACHES: [(PodSecurityLevel, &str, &str); 24] = [
    (Privileged, "/hostPID", "true"),
    (Privileged, "/hostNetwork", "true"),
    (Privileged, "/hostIPC", "true"),
    (
        Privileged,
        CONTEXT,
        r#"{"windowsOptions": {"hostProcess": true}}"#,
    ),
    (
        Privileged,
        CONTEXT,
        r#"{"seccompProfile": {"type": "Unconfined"}}"#,
    ),
    (
        Privileged,
        CONTEXT,
        r#"{"appArmorProfile": {"type": "Unconfined"}}"#,
    ),
    (Privileged, CONTEXT, r#"{"seLinuxOptions": {"user": "u"}}"#),
    (
        Privileged,
        CONTEXT,
        r#"{"sysctls": [{"name": "kernel.msgmax"}]}"#,
    ),
    (Baseline, CONTEXT, r#"{"runAsUser": 0}"#),
    (Privileged, "/volumes", r#"[{"name": "v", "hostPath": {}}]"#),
    (Baseline, "/volumes", r#"[{"name": "v", "nfs": {}}]"#),
    (Restricted, "/volumes", r#"[{"name": "v", "image": {}}]"#),
    (Privileged, "/containers/0/ports", r#"[{"hostPort": 80}]"#),
    (
        Privileged,
        "/containers/0/livenessProbe",
        r#"{"httpGet": {"host": "h"}}"#,
    ),
    (Privileged, "/own/privileged", "true"),
    (Privileged, "/own/procMount", r#""Unmasked""#),
    (Privileged, "/own/capabilities/add", r#"["SYS_PTRACE"]"#),
    (Baseline, "/own/capabilities/add", r#"["CHOWN"]"#),
    (Baseline, "/own/capabilities/drop", r#"["NET_RAW"]"#),
    (Baseline, "/own/allowPrivilegeEscalation", "null"),
    (Baseline, "/own/runAsNonRoot", "null"),
    (Baseline, "/own/runAsUser", "0"),
    (Baseline, "/own/seccompProfile", "null"),
    (Privileged, "/own/seccompProfile/type", r#""Unconfined""#),
];
const CONTEXT: &str = "/securityContext";

/// The tightest level that admits the pod, and what the tighter ones have against it.
pub(super) fn judge(pod: &Value) -> (PodSecurityLevel, Vec<String>) {
    let mut against = Vec::new();
    let mut say = |level, what: &str| against.push((level, what.to_owned()));
    for key in ["hostPID", "hostIPC", "hostNetwork"] {
        if pod[key] == true {
            say(Baseline, key);
        }
    }
    for volume in pod["volumes"].as_array().into_iter().flatten() {
        judge_volume(volume, &mut say);
    }
    let own = &pod["securityContext"];
    judge_context(own, &mut say);
    for sysctl in own["sysctls"].as_array().into_iter().flatten() {
        if !SYSCTLS.contains(&sysctl["name"].as_str().unwrap()) {
            say(Baseline, "sysctls");
        }
    }
    for container in containers_of(pod) {
        judge_container(container, own, &mut say);
    }
    let stands = |level| against.iter().all(|(of, _)| *of > level);
    let level = [Restricted, Baseline]
        .into_iter()
        .find(|level| stands(*level));
    let against = against.into_iter().map(|(_, what)| what).collect();
    (level.unwrap_or(Privileged), against)
}

/// What says that a clause of that level is broken.
type Say<'a> = &'a mut dyn FnMut(PodSecurityLevel, &str);

fn judge_volume(volume: &Value, say: Say<'_>) {
    let kinds = volume.as_object().unwrap().keys();
    for kind in kinds.filter(|key| *key != "name") {
        if kind == "hostPath" {
            say(Baseline, "hostPath volumes");
        } else if !VOLUMES.contains(&kind.as_str()) {
            say(Restricted, "volume types");
        }
    }
}

/// What a pod and a container may say alike.
fn judge_context(context: &Value, say: Say<'_>) {
    if context["windowsOptions"]["hostProcess"] == true {
        say(Baseline, "HostProcess");
    }
    if context["seccompProfile"]["type"] == "Unconfined" {
        say(Baseline, "seccomp not Unconfined");
    }
    if context["appArmorProfile"]["type"] == "Unconfined" {
        say(Baseline, "AppArmor");
    }
    let selinux = &context["seLinuxOptions"];
    let kind = selinux["type"].as_str().unwrap_or_default();
    if !SELINUX_TYPES.contains(&kind)
        || ["user", "role"].iter().any(|key| selinux[*key].is_string())
    {
        say(Baseline, "SELinux");
    }
    if context["runAsUser"] == 0 {
        say(Restricted, "runAsUser");
    }
}

fn judge_container(container: &Value, pod: &Value, say: Say<'_>) {
    let context = &container["securityContext"];
    judge_context(context, say);
    if context["privileged"] == true {
        say(Baseline, "privileged");
    }
    if context["procMount"].as_str().unwrap_or("Default") != "Default" {
        say(Baseline, "procMount");
    }
    let ports = container["ports"].as_array();
    if ports
        .into_iter()
        .flatten()
        .any(|port| port["hostPort"].as_u64().unwrap_or(0) != 0)
    {
        say(Baseline, "host ports");
    }
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        for how in ["httpGet", "tcpSocket"] {
            if container[probe][how]["host"].is_string() {
                say(Baseline, "hosts of probes");
            }
        }
    }
    let list = |key: &str| {
        context["capabilities"][key]
            .as_array()
            .cloned()
            .unwrap_or_default()
    };
    for added in list("add") {
        let added = added.as_str().unwrap();
        if !BASELINE.contains(&added) {
            say(Baseline, &format!("capabilities: {added}"));
        }
        if added != "NET_BIND_SERVICE" {
            say(Restricted, &format!("capabilities: {added}"));
        }
    }
    if !list("drop").contains(&json!("ALL")) {
        say(Restricted, "capabilities drop ALL");
    }
    if context["allowPrivilegeEscalation"] != false {
        say(Restricted, "allowPrivilegeEscalation");
    }
    let given = |key: &str| match &context[key] {
        Value::Null => pod[key].clone(),
        own => own.clone(),
    };
    if given("runAsNonRoot") != true {
        say(Restricted, "runAsNonRoot");
    }
    let seccomp = given("seccompProfile");
    if seccomp["type"] != "RuntimeDefault" && seccomp["type"] != "Localhost" {
        say(Restricted, "seccomp RuntimeDefault or Localhost");
    }
}

/// What may be added under baseline.
const BASELINE: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];
const SELINUX_TYPES: [&str; 5] = [
    "",
    "container_t",
    "container_init_t",
    "container_kvm_t",
    "container_engine_t",
];
const SYSCTLS: [&str; 9] = [
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.ping_group_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
];
/// What a volume may be under restricted; image since Kubernetes 1.33.
const VOLUMES: [&str; 9] = [
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
];
