//! Each document against the published schemas of Kubernetes, offline.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::build::all;
use super::{custom, pod_with};
use crate::support::needs::prepared;

/// Kinds of the Prometheus Operator, of which Kubernetes has no schema: see
/// [`a_pod_monitor_says_what_the_operator_knows`] and the rules under promtool.
const OF_THE_OPERATOR: [&str; 2] = ["PodMonitor", "PrometheusRule"];
/// The first that knows volumes of type image, by its minor version.
const IMAGE_VOLUMES: u64 = 31;

#[needs(each_kubectl, kubernetes_validate)]
fn each_document_is_valid_from_kubernetes_1_29_to_the_newest() {
    let mut subjects = Vec::new();
    for one in all() {
        for document in &one.documents {
            let kind = document["kind"].as_str().unwrap();
            if !OF_THE_OPERATOR.contains(&kind) {
                let name = format!("{} {kind}", one.folder);
                subjects.push(json!({"name": name, "document": document}));
            }
        }
    }
    for (file, container) in custom() {
        let mut pod = pod_of(&pod_with(&container));
        subjects.push(json!({"name": format!("ephemeral {file}"), "document": pod}));
        pod["spec"]["containers"][0]["securityContext"]["runAsnonRoot"] = true.into();
        subjects.push(json!({"name": format!("misspelt {file}"), "document": pod}));
    }
    assert!(subjects.len() > 15, "{}", subjects.len());
    let said = validated(&subjects);
    let versions: Vec<_> = said["versions"]
        .as_array()
        .unwrap()
        .iter()
        .map(minor)
        .collect();
    assert_eq!(versions[0], 29);
    assert!(*versions.last().unwrap() >= 37, "{versions:?}");

    let mut expected: Vec<(u64, String)> = Vec::new();
    for version in versions {
        if version < IMAGE_VOLUMES {
            let name = "example/with-image-volume Deployment".to_owned();
            expected.push((version, name));
        }
        for (file, _) in custom() {
            expected.push((version, format!("misspelt {file}")));
        }
    }
    let refused = said["refused"].as_array().unwrap();
    let found: Vec<_> = refused
        .iter()
        .map(|one| {
            let name = one["name"].as_str().unwrap();
            let says = one["says"].as_str().unwrap();
            let about = if name.starts_with("misspelt") {
                "'runAsnonRoot' was unexpected"
            } else {
                "'image' was unexpected"
            };
            assert!(says.contains(about), "{one}");
            (minor(&one["version"]), name.to_owned())
        })
        .collect();
    assert_eq!(found, expected);
}

fn pod_of(spec: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod"}, "spec": spec})
}

fn minor(version: &Value) -> u64 {
    let text = version.as_str().unwrap();
    text.strip_prefix("1.").unwrap().parse().unwrap()
}

fn validated(subjects: &[Value]) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/manifests/schemas.py");
    let mut child = Command::new(prepared("bin/python"))
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin
        .write_all(json!(subjects).to_string().as_bytes())
        .unwrap();
    drop(stdin);
    let said = child.wait_with_output().unwrap();
    assert!(said.status.success(), "{}", said.status);
    serde_json::from_slice(&said.stdout).unwrap()
}

/// <https://prometheus-operator.dev/docs/api-reference/api/>: what is used of it, written down.
#[needs(each_kubectl)]
fn a_pod_monitor_says_what_the_operator_knows() {
    let documents = all().iter().flat_map(|one| &one.documents);
    let monitors: Vec<_> = documents
        .filter(|one| one["kind"] == "PodMonitor")
        .collect();
    assert_eq!(monitors.len(), 1);
    let monitor = monitors[0];
    assert_eq!(monitor["apiVersion"], "monitoring.coreos.com/v1");
    let spec = &monitor["spec"];
    only(spec, &["selector", "podMetricsEndpoints"]);
    only(&spec["selector"], &["matchLabels"]);
    for endpoint in spec["podMetricsEndpoints"].as_array().unwrap() {
        let known = [
            "port",
            "path",
            "interval",
            "scrapeTimeout",
            "scheme",
            "authorization",
            "relabelings",
        ];
        only(endpoint, &known);
        assert_eq!(endpoint["path"], "/metrics");
        assert!(["http", "https"].contains(&endpoint["scheme"].as_str().unwrap()));
        only(&endpoint["authorization"], &["type", "credentials"]);
        only(&endpoint["authorization"]["credentials"], &["name", "key"]);
        for relabeling in endpoint["relabelings"].as_array().unwrap() {
            only(relabeling, &["action", "regex"]);
        }
    }

    // It chooses what the sidecar and the DaemonSet call themselves, at a port that they have.
    let chosen = &spec["selector"]["matchLabels"];
    let port = &spec["podMetricsEndpoints"][0]["port"];
    let token = &spec["podMetricsEndpoints"][0]["authorization"]["credentials"];
    for folder in ["example/with-sidecar-http", "node"] {
        let built = all().iter().find(|one| one.folder == folder).unwrap();
        let kinds = ["Deployment", "DaemonSet"];
        let template = built.documents.iter();
        let mut template = template.filter(|one| kinds.iter().any(|kind| one["kind"] == *kind));
        let template = &template.next().unwrap()["spec"]["template"];
        for (key, value) in chosen.as_object().unwrap() {
            assert_eq!(&template["metadata"]["labels"][key], value, "{folder}");
        }
        let text = template.to_string();
        assert!(
            text.contains(&format!(r#""containerPort":7794,"name":{port}"#)),
            "{text}"
        );
        assert!(
            text.contains(&format!(r#""secretName":{}"#, token["name"])),
            "{text}"
        );
        let file = format!(
            "--token-file=/etc/spyhole/{}",
            token["key"].as_str().unwrap()
        );
        assert!(text.contains(&file), "{text}");
    }
    let policies = all().iter().flat_map(|one| &one.documents);
    let policies: Vec<_> = policies
        .filter(|one| one["kind"] == "NetworkPolicy")
        .collect();
    assert_eq!(policies.len(), 2);
    for policy in policies {
        assert_eq!(&policy["spec"]["podSelector"]["matchLabels"], chosen);
    }
}

/// The object has no keys but these.
fn only(object: &Value, known: &[&str]) {
    let object = object.as_object().unwrap_or_else(|| panic!("{object}"));
    for key in object.keys() {
        assert!(known.contains(&key.as_str()), "{key} is none of {known:?}");
    }
}
