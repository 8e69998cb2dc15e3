//! Commands on files: each needs a server that listens, in a network that others use too.

use serde_json::{Value, json};

use crate::cluster::{Cluster, Namespace, SPYHOLE, pod, restricted};
use crate::{Verdict, holds};

/// Where spyhole serves by itself.
const PORT: &str = "127.0.0.1:7794";

fn user() -> Value {
    restricted(&json!({"runAsUser": 1000, "runAsGroup": 1000}))
}

fn listening(name: &str, address: &str) -> Value {
    let mut pod = pod(name, &user());
    pod["spec"]["containers"][0]["args"] = json!(["--listen", address]);
    pod
}

#[track_caller]
fn shows_its_name(namespace: &Namespace<'_>, words: &[&str], name: &str) {
    let words = [words, &["cat", "/etc/hostname"]].concat();
    let seen = namespace.spyhole(&words).ended_with(0);
    assert_eq!(seen.stdout, format!("{name}\n"), "{seen}");
}

pub(crate) fn ports(cluster: &Cluster) -> Verdict {
    let namespace = cluster.namespace(None);
    let mut two = pod("two", &user());
    let mut other = two["spec"]["containers"][0].clone();
    other["name"] = "other".into();
    other["args"] = json!(["--listen", "127.0.0.1:9090"]);
    two["spec"]["containers"]
        .as_array_mut()
        .unwrap()
        .push(other);
    namespace.start(&two);
    for words in [
        &["two", "-c", "app"][..],
        &["two", "-c", "other"],
        &["two", "-c", "app", "--new"],
        // In the container of the first.
        &["two", "-c", "app"],
    ] {
        shows_its_name(&namespace, words, "two");
    }
    assert_eq!(namespace.added("two").len(), 3);

    let mut beside = pod("beside", &user());
    let sidecar = json!({
        "name": "spyhole", "image": SPYHOLE, "imagePullPolicy": "IfNotPresent",
        "args": ["serve", "--insecure-no-auth"], "securityContext": user(),
    });
    let containers = beside["spec"]["containers"].as_array_mut().unwrap();
    containers.push(sidecar);
    namespace.start(&beside);
    shows_its_name(&namespace, &["beside"], "beside");

    // What nothing in the pod tells is in the log, and a retry listens elsewhere.
    namespace.start(&listening("unseen", PORT));
    let refused = namespace
        .spyhole(&["unseen", "cat", "/etc/hostname"])
        .ended_with(3);
    refused.says("cannot listen on 127.0.0.1:7794: Address already in use");
    refused.says("A retry adds another container, which listens on another port");
    shows_its_name(&namespace, &["unseen"], "unseen");

    for (name, address) in [("first", "127.0.0.1:18181"), ("second", "127.0.0.1:18182")] {
        let mut pod = listening(name, address);
        pod["spec"]["hostNetwork"] = true.into();
        namespace.start(&pod);
        let seen = namespace
            .spyhole(&[name, "cat", "/etc/hostname"])
            .ended_with(0);
        assert!(!seen.stdout.is_empty(), "{seen}");
    }
    holds()
}
