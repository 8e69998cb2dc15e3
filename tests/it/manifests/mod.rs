//! `manifests/`: each folder builds, is what Kubernetes takes, keeps to the Pod Security level
//! that its README claims, and calls spyhole by words that it knows.

mod alerts;
mod build;
mod containers;
mod pod_security;
mod schemas;

use std::fs;

use serde_json::Value;
use spyhole::model::pod_security::PodSecurityLevel::Restricted;

use super::kubectl::tool::Kubectl;
use build::{Built, all, manifests, pods, yaml};

#[needs(each_kubectl)]
fn the_oldest_and_the_newest_kubectl_build_the_same() {
    let [oldest, newest] = Kubectl::both().as_ref().unwrap();
    assert_ne!(oldest.minor, newest.minor);
    for one in all() {
        let folder = manifests().join(&one.folder);
        let built = build::build_by(oldest, &folder).unwrap();
        assert_eq!(built, one.documents, "{}", one.folder);
    }
}

#[needs(each_kubectl)]
fn each_folder_builds_and_says_what_it_is() {
    let built = all();
    let names: Vec<_> = built.iter().map(|one| one.folder.as_str()).collect();
    let top: Vec<_> = fs::read_dir(manifests())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    for expected in [
        "ephemeral",
        "example",
        "image-volume",
        "init-volume",
        "monitoring",
        "node",
        "rbac",
        "sidecar",
    ] {
        assert!(
            top.iter().any(|name| name == expected),
            "{expected} in {top:?}"
        );
        let readme = fs::read_to_string(manifests().join(expected).join("README.md")).unwrap();
        let first = readme.lines().next().unwrap();
        assert!(
            first.len() > 40 && !first.starts_with('#'),
            "{expected}: {first}"
        );
        // How to apply it: the folder itself, or the example that uses the component.
        let applied = readme.split("kubectl apply -k manifests/").skip(1);
        let applied: Vec<_> = applied
            .map(|rest| rest.split([' ', '`', '\n']).next().unwrap())
            .collect();
        assert!(
            !applied.is_empty(),
            "{expected} does not say how to apply it"
        );
        for folder in applied {
            let one = built.iter().find(|one| one.folder == folder);
            let one = one.unwrap_or_else(|| panic!("{expected}: {folder} is none of {names:?}"));
            assert!(!one.component && !one.documents.is_empty(), "{folder}");
        }
    }
    for one in built.iter().filter(|one| one.component) {
        assert!(
            one.documents.is_empty(),
            "{}: {:?}",
            one.folder,
            one.documents
        );
        assert!(!one.users().is_empty(), "no example uses {}", one.folder);
    }
}

#[needs(each_kubectl)]
fn one_place_names_the_registry_of_every_image() {
    let copy = build::copy();
    let mut changed = 0;
    for path in build::kustomizations(copy.path()) {
        let text = fs::read_to_string(&path).unwrap();
        let Some((rest, block)) = text.split_once("\n# images:\n") else {
            continue;
        };
        let block = block.replace("# ", "").replace('#', "");
        fs::write(&path, format!("{rest}\nimages:\n{block}")).unwrap();
        changed += 1;
        let folder = path.parent().unwrap();
        let mut images = 0;
        for document in build::build(folder).unwrap() {
            images += each_image(&document, &mut |image| {
                assert!(
                    image.starts_with("registry.example/spyhole") && image.ends_with(":0.1.0"),
                    "{}: {image}",
                    folder.display()
                );
            });
        }
        assert!(images > 0, "{}", folder.display());
    }
    assert_eq!(changed, 5);
}

#[needs(each_kubectl)]
fn the_components_fit_any_kind_of_workload_and_leave_what_it_has() {
    let kinds = [
        ("apps/v1", "StatefulSet"),
        ("apps/v1", "DaemonSet"),
        ("apps/v1", "Deployment"),
        ("batch/v1", "Job"),
    ];
    for volume in ["init-volume", "image-volume"] {
        let copy = build::copy();
        let folder = copy.path().join("manifests/example/any");
        fs::create_dir(&folder).unwrap();
        let workloads: Vec<_> = kinds
            .iter()
            .map(|(version, kind)| {
                let own = r#"{"name": "other", "image": "i", "volumeMounts": [{"name": "data", "mountPath": "/data"}]}"#;
                format!(
                    r#"{{"apiVersion": "{version}", "kind": "{kind}", "metadata": {{"name": "any"}},
                    "spec": {{"template": {{"spec": {{"volumes": [{{"name": "data", "emptyDir": {{}}}}],
                    "initContainers": [{own}], "containers": [{own}]}}}}}}}}"#
                )
            })
            .collect();
        fs::write(folder.join("any.yaml"), workloads.join("\n---\n")).unwrap();
        let components = format!(
            "resources: [any.yaml]\ncomponents: [../../sidecar, ../../sidecar/http, ../../{volume}]\n"
        );
        fs::write(folder.join("kustomization.yaml"), components).unwrap();
        let documents = build::build(&folder).unwrap();
        let pods = pods(&documents);
        assert_eq!(pods.len(), kinds.len());
        for (kind, pod) in pods {
            let names = |key: &str| -> Vec<&str> {
                let all = pod[key].as_array().unwrap().iter();
                all.map(|one| one["name"].as_str().unwrap()).collect()
            };
            assert_eq!(names("containers"), ["other"], "{kind}");
            let mut before = names("initContainers");
            before.sort_unstable();
            let installs = (volume == "init-volume").then_some("spyhole-install");
            let expected = ["other", "spyhole"].into_iter().chain(installs);
            assert_eq!(before, expected.collect::<Vec<_>>(), "{kind}");
            let mounts = &pod["containers"][0]["volumeMounts"];
            let both = serde_json::json!([
                {"name": "data", "mountPath": "/data"},
                {"name": "spyhole", "mountPath": "/spy", "readOnly": true},
            ]);
            assert_eq!(*mounts, both, "{kind}");
            // Whatever the pod says of itself, or leaves unsaid.
            let all = containers_of(pod).into_iter();
            for own in all.filter(|container| container["image"] == "spyhole") {
                let alone = serde_json::json!({"containers": [own]});
                assert_eq!(pod_security::judge(&alone), (Restricted, vec![]), "{own}");
            }
            let mut volumes = names("volumes");
            volumes.sort_unstable();
            assert_eq!(volumes, ["data", "spyhole", "spyhole-token"], "{kind}");
        }
    }
}

/// Calls with each image in it and tells how many there were.
fn each_image(value: &Value, seen: &mut dyn FnMut(&str)) -> usize {
    match value {
        Value::Object(object) => object
            .iter()
            .map(|(key, value)| match (key.as_str(), value) {
                ("image" | "reference", Value::String(image)) => {
                    seen(image);
                    1
                }
                _ => each_image(value, seen),
            })
            .sum(),
        Value::Array(items) => items.iter().map(|item| each_image(item, seen)).sum(),
        _ => 0,
    }
}

#[needs(each_kubectl)]
fn every_command_in_them_is_one_that_spyhole_takes() {
    let mut tried = Vec::new();
    for one in all() {
        for (_, pod) in pods(&one.documents) {
            for container in containers_of(pod) {
                let image = container["image"].as_str().unwrap();
                if image == "spyhole" {
                    assert!(container.get("command").is_none(), "{container}");
                    tried.push(words(&container["args"]));
                }
                for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
                    if let Some(command) = container[probe]["exec"].get("command") {
                        let command = words(command);
                        let path = &command[0];
                        assert!(path == "/spyhole" || path == "/spy/spyhole", "{command:?}");
                        tried.push(command[1..].to_vec());
                    }
                }
            }
        }
    }
    assert!(tried.len() >= 9, "{tried:?}");
    for words in tried {
        let line = std::iter::once("spyhole".to_owned()).chain(words.clone());
        if let Err(why) = spyhole::api::command().try_get_matches_from(line) {
            panic!("{words:?}: {why}");
        }
        // The parser leaves what a check says to the command that asks it.
        if words[0] == "check" {
            assert_eq!(words.len(), 2, "{words:?}");
        }
    }
}

#[needs(each_kubectl)]
fn each_container_asks_for_what_was_measured_and_holds_nothing_of_the_api() {
    let mut seen = 0;
    for one in all() {
        for (name, pod) in pods(&one.documents) {
            assert_eq!(pod["automountServiceAccountToken"], false, "{name}");
            for container in containers_of(pod) {
                let resources = &container["resources"];
                assert!(
                    resources["requests"]["cpu"].is_string(),
                    "{name}: {container}"
                );
                assert_eq!(
                    resources["requests"]["memory"], "16Mi",
                    "{name}: {container}"
                );
                let limit = resources["limits"]["memory"].as_str().unwrap();
                assert!(["64Mi", "128Mi"].contains(&limit), "{name}: {container}");
                seen += 1;
            }
        }
    }
    assert!(seen >= 9, "{seen}");
}

#[needs(each_kubectl)]
fn a_sidecar_neither_holds_the_application_back_nor_takes_it_out_of_service() {
    for folder in ["example/with-sidecar", "example/with-sidecar-http"] {
        let built = all().iter().find(|one| one.folder == folder).unwrap();
        let (_, pod) = pods(&built.documents)[0];
        let sidecar = &pod["initContainers"][0];
        assert_eq!(sidecar["restartPolicy"], "Always", "{folder}");
        assert_eq!(pod["shareProcessNamespace"], true, "{folder}");
        assert!(sidecar.get("readinessProbe").is_none(), "{folder}");
        assert!(sidecar.get("startupProbe").is_none(), "{folder}");
        let probe = &sidecar["livenessProbe"];
        let patience =
            probe["periodSeconds"].as_u64().unwrap() * probe["failureThreshold"].as_u64().unwrap();
        assert!(patience >= 300, "{probe}");
        let by_http = folder.ends_with("http");
        assert_eq!(probe.get("httpGet").is_some(), by_http, "{probe}");
        assert_eq!(probe.get("exec").is_some(), !by_http, "{probe}");
    }
}

/// Every container of a pod, those that run before the others included.
fn containers_of(pod: &Value) -> Vec<&Value> {
    ["initContainers", "containers", "ephemeralContainers"]
        .iter()
        .filter_map(|key| pod[*key].as_array())
        .flatten()
        .collect()
}

fn words(value: &Value) -> Vec<String> {
    let words = value.as_array().unwrap().iter();
    words
        .map(|word| word.as_str().unwrap().to_owned())
        .collect()
}

/// The custom container files, by name.
fn custom() -> Vec<(String, Value)> {
    let mut found: Vec<_> = fs::read_dir(manifests().join("ephemeral"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "yaml"))
        .filter(|path| !path.ends_with("kustomization.yaml"))
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, yaml(&fs::read_to_string(&path).unwrap()))
        })
        .collect();
    found.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(found.len(), 3);
    found
}

/// A pod that would be admitted everywhere, with this file's container beside its own.
fn pod_with(custom: &Value) -> Value {
    let mut container = custom.clone();
    container["name"] = "spyhole".into();
    container["image"] = "spyhole".into();
    serde_json::json!({
        "containers": [{
            "name": "app",
            "image": "app",
            "securityContext": {
                "runAsNonRoot": true,
                "allowPrivilegeEscalation": false,
                "capabilities": {"drop": ["ALL"]},
                "seccompProfile": {"type": "RuntimeDefault"},
            },
        }],
        "ephemeralContainers": [container],
    })
}

/// What a README claims: the level, and the file that it is claimed for, if any.
fn claims(folder: &str) -> Vec<(String, Option<String>)> {
    let top = folder.split('/').next().unwrap();
    let readme = fs::read_to_string(manifests().join(top).join("README.md")).unwrap();
    let lines = readme.lines().map(|line| line.trim_start_matches("- "));
    let claimed = lines.filter_map(|line| line.strip_prefix("Pod Security: "));
    let claims: Vec<_> = claimed
        .map(|claim| match claim.split_once(" (") {
            Some((level, file)) => (
                level.to_owned(),
                Some(file.trim_end_matches(')').to_owned()),
            ),
            None => (claim.to_owned(), None),
        })
        .collect();
    assert!(!claims.is_empty(), "{top} claims no level");
    claims
}

impl Built {
    /// The examples that use this component.
    fn users(&self) -> Vec<&'static Self> {
        let path = format!("../../{}", self.folder);
        let uses = |one: &&Self| {
            let components = one.kustomization["components"].as_array();
            components.is_some_and(|all| all.iter().any(|name| *name == path.as_str()))
        };
        all().iter().filter(uses).collect()
    }
}
