//! `manifests/`: what they say of spyhole, held against spyhole. What is only read of them is
//! checked by `scripts/lint-packaging`.

mod alerts;
mod build;
mod containers;

use std::fs;

use serde_json::Value;

use build::{all, manifests, pods, yaml};

#[needs(kubectl)]
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
