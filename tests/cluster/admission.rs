//! Pods as Pod Security judges them: the API server on a dry run, against what `kubectl spyhole` says
//! of the same pod.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::Verdict;
use crate::cluster::{Cluster, Namespace, output, with_stdin};

/// So many have to be judged by both, of those that the API server takes for pods at all.
const AT_LEAST: usize = 35;

pub(crate) fn recorded_pods(cluster: &Cluster) -> Verdict {
    let path = "tests/fixtures/kubernetes/pod-security.json";
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    let recorded: Value = serde_json::from_str(&text).unwrap();
    let pods: Vec<Value> = recorded["cases"]
        .as_array()
        .unwrap()
        .iter()
        .enumerate()
        .map(|(number, case)| changed(&recorded["base"], &case["set"], number))
        .collect();
    let ours = Ours::new(cluster);
    let (mut judged, mut refused, mut wrong) = (0, 0, Vec::new());
    for level in ["baseline", "restricted"] {
        let namespace = cluster.namespace(Some(level));
        let theirs = Theirs::of(&namespace, &pods);
        for (number, pod) in pods.iter().enumerate() {
            let Some(is_refused) = theirs.is_refused(number) else {
                continue;
            };
            judged += 1;
            refused += usize::from(is_refused);
            let said = ours.breaks(pod, level);
            if said.is_some() != is_refused {
                wrong.push(format!(
                    "{level}: {pod}: refused: {is_refused}; ours: {said:?}"
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {judged}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(
        judged >= 2 * AT_LEAST && refused >= AT_LEAST,
        "{judged} judged, {refused} refused"
    );
    Verdict::Holds(format!(
        "{judged} judgements, {refused} of them refusals, none differs"
    ))
}

/// The base with these fields, by their JSON pointers; null takes one away.
fn changed(base: &Value, fields: &Value, number: usize) -> Value {
    let mut pod = base.clone();
    for (pointer, value) in fields.as_object().unwrap() {
        let mut place = &mut pod;
        let mut keys: Vec<_> = pointer
            .split('/')
            .skip(1)
            .map(|key| key.replace("~1", "/"))
            .collect();
        let last = keys.pop().unwrap();
        for key in keys {
            place = match place {
                Value::Array(members) => &mut members[key.parse::<usize>().unwrap()],
                other => {
                    if other[&key].is_null() {
                        other[&key] = json!({});
                    }
                    &mut other[&key]
                }
            };
        }
        if value.is_null() {
            place.as_object_mut().unwrap().remove(&last);
        } else {
            place[&last] = value.clone();
        }
    }
    pod["metadata"]["name"] = format!("pod-{number:03}").into();
    pod["metadata"].as_object_mut().unwrap().remove("namespace");
    pod
}

/// What the API server says.
struct Theirs {
    refused: BTreeSet<usize>,
    invalid: BTreeSet<usize>,
}

impl Theirs {
    fn of(namespace: &Namespace<'_>, pods: &[Value]) -> Self {
        let list = json!({"apiVersion": "v1", "kind": "List", "items": pods}).to_string();
        let words = [
            "create",
            "--dry-run=server",
            "--output=name",
            "--filename=-",
        ];
        let said = with_stdin(&mut namespace.command(&words), &list);
        let (mut refused, mut invalid) = (BTreeSet::new(), BTreeSet::new());
        for line in said.stderr.lines() {
            let Some((_, rest)) = line.split_once("\"pod-") else {
                continue;
            };
            let Some(number) = rest.get(..3).and_then(|number| number.parse().ok()) else {
                continue;
            };
            if line.contains("violates PodSecurity") {
                refused.insert(number);
            } else if !line.contains("Warning") {
                invalid.insert(number);
            }
        }
        let admitted = said
            .stdout
            .lines()
            .filter(|line| line.starts_with("pod/"))
            .count();
        let known = admitted + refused.union(&invalid).count();
        assert_eq!(known, pods.len(), "each pod has an answer: {said}");
        Self { refused, invalid }
    }

    /// `None` where it is no valid pod for this server.
    fn is_refused(&self, number: usize) -> Option<bool> {
        (!self.invalid.contains(&number)).then(|| self.refused.contains(&number))
    }
}

/// What the plugin says: a kubectl stands before the real one that knows the pod.
struct Ours {
    place: TempDir,
}

impl Ours {
    fn new(cluster: &Cluster) -> Self {
        let place = TempDir::new().unwrap();
        let version = cluster
            .kubectl(&["version", "--output=json"])
            .ended_with(0)
            .stdout;
        fs::write(place.path().join("version"), version).unwrap();
        let script = "#!/bin/sh\ncase $1 in version) cat \"${0%/*}/version\" ;; *) cat \"${0%/*}/pod\" ;; esac\n";
        let kubectl = place.path().join("kubectl");
        fs::write(&kubectl, script).unwrap();
        fs::set_permissions(&kubectl, fs::Permissions::from_mode(0o755)).unwrap();
        Self { place }
    }

    /// What of the pod breaks the level.
    fn breaks(&self, pod: &Value, level: &str) -> Option<String> {
        let mut running = pod.clone();
        running["metadata"]["namespace"] = "shop".into();
        running["spec"]["nodeName"] = "node".into();
        let state = json!({"running": {}});
        running["status"] =
            json!({"phase": "Running", "containerStatuses": [{"name": "app", "state": state}]});
        fs::write(self.place.path().join("pod"), running.to_string()).unwrap();
        let mut plugin = Command::new(env!("CARGO_BIN_EXE_spyhole"));
        plugin
            .args(["kubectl", "web", "--dry-run", "--level", level])
            .env("SPYHOLE_KUBECTL", self.place.path().join("kubectl"));
        let said = output(&mut plugin).ended_with(0);
        let line = said
            .stderr
            .lines()
            .find(|line| line.contains("the pod itself does not fit"));
        line.map(str::to_owned)
    }
}
