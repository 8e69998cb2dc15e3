//! Pods that are unlike others: the node's PIDs, one PID namespace, a user namespace, static, without a
//! node.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::cluster::{Cluster, WEBAPP, pod, restricted};
use crate::patience::eventually;
use crate::{Verdict, holds};

/// Among all processes of the node, those of the container alone.
pub(crate) fn host_pid(cluster: &Cluster) -> Verdict {
    let namespace = cluster.namespace(Some("privileged"));
    let mut with_pids = pod("web", &json!({"runAsUser": 1000, "runAsGroup": 1000}));
    with_pids["spec"]["hostPID"] = true.into();
    namespace.start(&with_pids);
    let seen = namespace
        .spyhole(&["web", "-o", "json", "--", "ps"])
        .ended_with(0);
    seen.says("the pod uses its node's PID namespace");
    assert_eq!(
        names(&seen.json()),
        BTreeSet::from(["webapp".to_owned()]),
        "{seen}"
    );
    holds()
}

pub(crate) fn shared_processes(cluster: &Cluster) -> Verdict {
    let namespace = cluster.namespace(Some("restricted"));
    let context = restricted(&json!({"runAsUser": 1000, "runAsGroup": 1000}));
    let mut shared = pod("web", &context);
    shared["spec"]["shareProcessNamespace"] = true.into();
    let containers = shared["spec"]["containers"].as_array_mut().unwrap();
    containers.push(json!({
        "name": "other", "image": WEBAPP, "imagePullPolicy": "IfNotPresent",
        "args": ["--listen", "127.0.0.1:9090", "--no-zombie"],
        "env": [{"name": "OTHER", "value": "yes"}], "securityContext": context,
    }));
    namespace.start(&shared);
    for (container, own, others) in [("app", "KEPT", "OTHER"), ("other", "OTHER", "KEPT")] {
        let words = ["web", "-c", container, "-o", "json", "--", "env"];
        let seen = namespace.spyhole(&words).ended_with(0);
        assert!(
            seen.stdout.contains(own) && !seen.stdout.contains(others),
            "{container}: {seen}"
        );
    }
    holds()
}

fn names(document: &Value) -> BTreeSet<String> {
    let processes = document["processes"].as_array().unwrap().iter();
    processes
        .map(|one| one["comm"].as_str().unwrap().to_owned())
        .collect()
}

/// Root in a user namespace of the pod, which restricted admits since 1.35.
pub(crate) fn user_namespace(cluster: &Cluster) -> Verdict {
    let level = if cluster.minor >= 35 {
        "restricted"
    } else {
        "privileged"
    };
    let namespace = cluster.namespace(Some(level));
    let context = json!({
        "runAsUser": 0, "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    });
    let mut own = pod("web", &context);
    own["spec"]["hostUsers"] = false.into();
    namespace.apply(&[own]);
    let waited = namespace.kubectl(&["wait", "pod/web", "--for=condition=Ready", "--timeout=60s"]);
    if waited.code != 0 {
        let events = namespace.get("events");
        let messages = events["items"].as_array().unwrap().iter();
        let messages: BTreeSet<_> = messages
            .filter(|event| event["type"] == "Warning")
            .map(|event| event["message"].as_str().unwrap_or_default().to_owned())
            .collect();
        let why = messages.into_iter().collect::<Vec<_>>().join("; ");
        return Verdict::NotJudged(format!(
            "the node does not start a pod with hostUsers: false: {why}"
        ));
    }
    let seen = namespace
        .spyhole(&["web", "-o", "json", "--", "env"])
        .ended_with(0);
    seen.says("the pod has its own user namespace");
    assert!(seen.stdout.contains("KEPT"), "{seen}");
    holds()
}

/// A static pod takes no ephemeral container, which is known before anything is asked for. Where no node
/// runs one, the API server has the pod of a node that does not exist.
pub(crate) fn static_pod(cluster: &Cluster) -> Verdict {
    let words = ["get", "pods", "--all-namespaces", "--output=json"];
    let all = cluster.kubectl(&words).ended_with(0).json();
    let annotation = "kubernetes.io/config.mirror";
    let pods = all["items"].as_array().unwrap().iter();
    let mut mirrors = pods.filter(|pod| !pod["metadata"]["annotations"][annotation].is_null());
    if let Some(mirror) = mirrors.next() {
        let metadata = &mirror["metadata"];
        let (name, namespace) = (&metadata["name"], &metadata["namespace"]);
        assert_static(cluster, name.as_str().unwrap(), namespace.as_str().unwrap());
        return Verdict::Holds(format!("by {name}"));
    }
    let namespace = cluster.namespace(None);
    let mut mirror = pod("web", &json!({}));
    mirror["metadata"]["annotations"] =
        json!({annotation: "0", "kubernetes.io/config.source": "file"});
    mirror["spec"]["nodeName"] = "no-such-node".into();
    namespace.apply(&[mirror]);
    assert_static(cluster, "web", &namespace.name);
    Verdict::Holds("by the pod of a node that does not exist: no node here runs one".to_owned())
}

fn assert_static(cluster: &Cluster, name: &str, namespace: &str) {
    let refused = cluster.kubectl(&["spyhole", name, "--namespace", namespace, "--", "ps"]);
    assert_eq!(refused.code, 3, "{refused}");
    refused.says("is a static pod: Kubernetes cannot add a container to it");
    let image = format!("--image={WEBAPP}");
    let words = [
        "debug",
        name,
        "--namespace",
        namespace,
        &image,
        "--attach=false",
    ];
    let by_kubectl = cluster.kubectl(&words);
    assert!(by_kubectl.code != 0, "Kubernetes takes it: {by_kubectl}");
    by_kubectl.says("static pods do not support ephemeral containers");
}

/// A pod that no node takes: the scheduler's words.
pub(crate) fn without_a_node(cluster: &Cluster) -> Verdict {
    let namespace = cluster.namespace(None);
    let mut lost = pod("web", &json!({}));
    lost["spec"]["nodeSelector"] = json!({"kubernetes.io/hostname": "no-such-node"});
    namespace.apply(&[lost]);
    let conditions = || {
        let pod = namespace.get("pod/web");
        let all = pod["status"]["conditions"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        all.iter().any(|one| one["reason"] == "Unschedulable")
    };
    eventually("the scheduler gives up", conditions);
    let refused = namespace.spyhole(&["web", "--", "ps"]).ended_with(3);
    refused.says("the pod web is not scheduled to a node yet: Unschedulable: 0/");
    holds()
}
