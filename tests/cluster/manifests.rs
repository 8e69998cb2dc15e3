//! `manifests/`: what each folder builds to becomes ready, with its own probes.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::cluster::{Cluster, Namespace, SPYHOLE, WEBAPP, output};
use crate::http::{Forwarded, get};
use crate::patience::eventually;
use crate::{Verdict, holds};

/// The documents of a folder, with the images of this suite, in a namespace where one is named.
pub(crate) fn built_with(folder: &str, namespace: &str) -> Vec<Value> {
    let copy = TempDir::new().unwrap();
    let manifests = Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests");
    output(
        Command::new("cp")
            .arg("-r")
            .arg(&manifests)
            .arg(copy.path()),
    )
    .ended_with(0);
    let image = |name: &str, new: &str| {
        let (new_name, tag) = new.rsplit_once(':').unwrap();
        json!({"name": name, "newName": new_name, "newTag": tag})
    };
    let mut overlay = json!({
        "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization",
        "resources": [format!("../manifests/{folder}")],
        "images": [image("spyhole", SPYHOLE), image("spyhole-example", WEBAPP)],
    });
    if !namespace.is_empty() {
        overlay["namespace"] = namespace.into();
    }
    // Before 5.8 Kustomize knows the images of containers only.
    let place = copy.path().join("overlay");
    std::fs::create_dir(&place).unwrap();
    if folder.ends_with("image-volume") {
        let known = copy
            .path()
            .join("manifests/example/with-image-volume/images.yaml");
        std::fs::copy(known, place.join("images.yaml")).unwrap();
        overlay["configurations"] = json!(["images.yaml"]);
    }
    std::fs::write(place.join("kustomization.yaml"), overlay.to_string()).unwrap();
    let built = output(Command::new("kubectl").arg("kustomize").arg(&place)).ended_with(0);
    let documents = built
        .stdout
        .split("\n---\n")
        .filter(|one| !one.trim().is_empty());
    documents
        .map(|one| serde_saphyr::from_str(one).unwrap())
        .collect()
}

const TOKEN: &str = "the-first-token-of-this-test-0123456789";
const NEXT_TOKEN: &str = "the-next-token-of-this-test-9876543210";

fn secret(token: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "spyhole-token"},
        "stringData": {"token": token},
    })
}

/// An example, in a namespace that enforces restricted; its one pod once it is ready.
fn example<'a>(cluster: &'a Cluster, folder: &str) -> (Namespace<'a>, Value) {
    let namespace = cluster.namespace(Some("restricted"));
    namespace.apply(&[secret(TOKEN)]);
    namespace.apply(&built_with(&format!("example/{folder}"), ""));
    namespace.wait_for("deployment/spyhole-example", "condition=Available");
    let pods = namespace.get("pods");
    let pod = pods["items"][0].clone();
    for status in pod["status"]["containerStatuses"].as_array().unwrap() {
        assert_eq!(
            (&status["ready"], &status["restartCount"]),
            (&true.into(), &0.into()),
            "{status}"
        );
    }
    (namespace, pod)
}

pub(crate) fn base(cluster: &Cluster) -> Verdict {
    example(cluster, "base");
    holds()
}

pub(crate) fn with_sidecar(cluster: &Cluster) -> Verdict {
    let (namespace, pod) = example(cluster, "with-sidecar");
    // The kubelet asks by exec; the first answer is not waited for to be ready.
    let name = pod["metadata"]["name"].as_str().unwrap();
    let check = ["/spyhole", "check", "http://127.0.0.1:7794/healthz"];
    let words = [&["exec", name, "--container=spyhole", "--"], &check[..]].concat();
    namespace.kubectl(&words).ended_with(0);
    let forwarded = Forwarded::start(&namespace, "deployment/spyhole-example", 7794);
    assert_served(forwarded.port, TOKEN);
    assert_eq!(
        get(forwarded.port, "/v1/processes", "another").unwrap().0,
        401
    );
    holds()
}

/// Everything of the application is seen by the sidecar, which has its user.
fn assert_served(port: u16, token: &str) {
    let (status, body) = get(port, "/v1/environment", token).unwrap();
    assert_eq!(status, 200, "{body}");
    let document: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(document["target"]["comm"], "webapp", "{body}");
    assert!(document["environment"][0]["variables"].is_array(), "{body}");
}

pub(crate) fn with_init_volume(cluster: &Cluster) -> Verdict {
    let (namespace, _) = example(cluster, "with-init-volume");
    assert_inside(&namespace);
    holds()
}

pub(crate) fn with_image_volume(cluster: &Cluster) -> Verdict {
    if cluster.minor < 35 {
        return Verdict::NotJudged(format!(
            "volumes of type image are off by default in 1.{}",
            cluster.minor
        ));
    }
    let (namespace, _) = example(cluster, "with-image-volume");
    assert_inside(&namespace);
    let words = [
        "exec",
        "deployment/spyhole-example",
        "--",
        "/spy/spyhole",
        "mounts",
        "-o",
        "json",
    ];
    let mounts = namespace.kubectl(&words).ended_with(0).json();
    let all = mounts["mounts"]["mounts"]
        .as_array()
        .or_else(|| mounts["mounts"].as_array());
    let volume = all.unwrap().iter().find(|one| one["mount_point"] == "/spy");
    let volume = volume.unwrap_or_else(|| panic!("{mounts:#}"));
    assert_eq!(volume["volume"]["kind"], "image", "{volume:#}");
    holds()
}

/// The probes ask by the spyhole in the volume, and so does a person.
fn assert_inside(namespace: &Namespace<'_>) {
    let exec = |words: &[&str]| {
        let words = [
            &["exec", "deployment/spyhole-example", "--", "/spy/spyhole"],
            words,
        ]
        .concat();
        namespace.kubectl(&words)
    };
    let seen = exec(&["env", "-o", "json"]).ended_with(0).json();
    assert!(seen["environment"][0]["variables"].is_array(), "{seen:#}");
    exec(&["check", "tcp:127.0.0.1:8080"]).ended_with(0);
    exec(&["check", "tcp:127.0.0.1:8081"]).ended_with(1);
}

/// The probe over HTTP, and a new token that the server takes without a restart.
pub(crate) fn secret_is_rotated(cluster: &Cluster) -> Verdict {
    let (namespace, _) = example(cluster, "with-sidecar-http");
    let forwarded = Forwarded::start(&namespace, "deployment/spyhole-example", 7794);
    assert_served(forwarded.port, TOKEN);
    let begun = std::time::Instant::now();
    namespace.apply(&[secret(NEXT_TOKEN)]);
    let status = |token| get(forwarded.port, "/v1/processes", token).map(|answer| answer.0);
    eventually("the next token is taken", || status(NEXT_TOKEN) == Ok(200));
    assert_eq!(status(TOKEN), Ok(401), "the first one no longer is");
    let seconds = begun.elapsed().as_secs();
    let pods = namespace.get("pods");
    let sidecar = &pods["items"][0]["status"]["initContainerStatuses"][0];
    assert_eq!(sidecar["restartCount"], 0, "{sidecar:#}");
    Verdict::Holds(format!(
        "after {seconds} s, which is the kubelet's time to update the volume"
    ))
}

/// The `DaemonSet`: every process of the node by its mounted /proc.
pub(crate) fn node(cluster: &Cluster) -> Verdict {
    let namespace = cluster.namespace(Some("privileged"));
    namespace.apply(&[secret(TOKEN)]);
    let documents = built_with("node", &namespace.name);
    let documents: Vec<_> = documents
        .into_iter()
        .filter(|one| one["kind"] != "Namespace")
        .collect();
    namespace.apply(&documents);
    namespace
        .kubectl(&["rollout", "status", "daemonset/spyhole", "--timeout=180s"])
        .ended_with(0);
    let forwarded = Forwarded::start(&namespace, "daemonset/spyhole", 7794);
    let (status, body) = get(forwarded.port, "/v1/processes", TOKEN).unwrap();
    assert_eq!(status, 200, "{body}");
    let document: Value = serde_json::from_str(&body).unwrap();
    let processes = document["processes"].as_array().unwrap();
    let kubelet = processes.iter().find(|one| one["comm"] == "kubelet");
    assert!(
        kubelet.is_some(),
        "no kubelet among {} processes",
        processes.len()
    );
    // By the names of pods: its own, and one of another namespace if there is any.
    let own = namespace
        .kubectl(&["get", "pods", "-o", "name"])
        .ended_with(0);
    let own = own.stdout.trim().rsplit_once('/').unwrap().1.to_owned();
    let place = format!("/v1/containers?pod={}/{own}", namespace.name);
    let (status, body) = get(forwarded.port, &place, TOKEN).unwrap();
    assert_eq!(status, 200, "{body}");
    let document: Value = serde_json::from_str(&body).unwrap();
    let containers = document["containers"].as_array().unwrap();
    let is_own = |one: &Value| one["pod"] == own.as_str() && one["name"] == "spyhole";
    assert!(containers.iter().any(is_own), "{body}");
    Verdict::Holds(format!("{} processes", processes.len()))
}

pub(crate) fn monitoring(cluster: &Cluster) -> Verdict {
    let namespace = cluster.namespace(None);
    let documents = built_with("monitoring", "");
    let (own, others): (Vec<_>, Vec<_>) = documents
        .into_iter()
        .partition(|one| one["kind"] == "NetworkPolicy");
    assert_eq!(own.len(), 2);
    namespace.apply(&own);
    let applied = namespace.try_apply(&others);
    if applied.stderr.contains("no matches for kind") {
        return Verdict::NotJudged(
            "the cluster has no PodMonitor and no PrometheusRule; the policies are taken"
                .to_owned(),
        );
    }
    applied.ended_with(0);
    holds()
}
