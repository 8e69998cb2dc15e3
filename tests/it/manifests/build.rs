//! The folders, built by Kustomize once for all tests.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

use crate::host::run;
use crate::kubectl::tool::Kubectl;

/// A folder that Kustomize builds.
pub(super) struct Built {
    /// Below `manifests`, such as `example/base`.
    pub(super) folder: String,
    pub(super) documents: Vec<Value>,
}

pub(super) fn manifests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests")
}

/// Every folder with a kustomization, built.
pub(super) fn all() -> &'static [Built] {
    static BUILT: OnceLock<Vec<Built>> = OnceLock::new();
    BUILT.get_or_init(|| {
        let top = manifests();
        let found = kustomizations(&top).into_iter().map(|path| {
            let folder = path.parent().unwrap();
            Built {
                folder: folder.strip_prefix(&top).unwrap().display().to_string(),
                documents: build(folder),
            }
        });
        found.collect()
    })
}

/// What a folder builds to.
fn build(folder: &Path) -> Vec<Value> {
    let kubectl = Kubectl::find().as_ref().unwrap();
    let built = run(Command::new(&kubectl.program).arg("kustomize").arg(folder)).ended_with(0);
    let text = built.stdout_text();
    let documents = text.split("\n---\n").filter(|part| !part.trim().is_empty());
    documents.map(yaml).collect()
}

/// The kustomization of each folder below this one.
fn kustomizations(top: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut left = vec![top.to_owned()];
    while let Some(folder) = left.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
            } else if path.ends_with("kustomization.yaml") {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(found.len() > 10, "{found:?}");
    found
}

pub(super) fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap_or_else(|why| panic!("{why}\n{text}"))
}

/// The pods that these would make, each with the kind and name of what makes it.
pub(super) fn pods(documents: &[Value]) -> Vec<(String, &Value)> {
    let mut pods = Vec::new();
    for document in documents {
        let pod = match document["kind"].as_str().unwrap() {
            "Pod" => &document["spec"],
            "Deployment" | "DaemonSet" | "StatefulSet" | "Job" => {
                &document["spec"]["template"]["spec"]
            }
            _ => continue,
        };
        let name = &document["metadata"]["name"];
        pods.push((format!("{} {name}", document["kind"]), pod));
    }
    pods
}
