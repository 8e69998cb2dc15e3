//! `make demo` on a clean clone: one build, of spyhole and of the programs that the demo starts.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

use super::top;
use crate::host::run;

#[test]
fn the_demo_is_built_once() {
    let mut make = Command::new("make");
    make.args(["--dry-run", "--no-print-directory", "CARGO=cargo", "demo"])
        .current_dir(top());
    let said = run(&mut make).ended_with(0).stdout_text();
    let builds = said.lines().filter(|line| line.starts_with("cargo "));
    let builds: Vec<&str> = builds.collect();
    // No `--examples`, `--tests` or the like: each of them also builds what only tests depend on.
    assert_eq!(builds, ["cargo build --release --locked"], "{said}");
}

#[test]
fn that_build_makes_what_the_demo_starts_of_what_spyhole_is_made_of() {
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .args(["--locked", "--offline"])
        .current_dir(top());
    let metadata = run(&mut cargo).document();
    let by_default = metadata["workspace_default_members"].as_array().unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let package = |name: &str| packages.iter().find(|package| package["name"] == name);
    let examples = package("spyhole-examples").unwrap();
    assert!(by_default.contains(&examples["id"]), "{by_default:?}");
    let targets = examples["targets"].as_array().unwrap();
    for program in ["lab", "webapp"] {
        let is_it = |target: &&Value| target["name"] == program && target["kind"][0] == "bin";
        assert_eq!(targets.iter().filter(is_it).count(), 1, "{targets:?}");
    }
    let theirs = dependencies(examples);
    let ours = dependencies(package("spyhole").unwrap());
    assert!(theirs.is_subset(&ours), "{theirs:?}");
}

/// What a package needs beside its tests.
fn dependencies(package: &Value) -> BTreeSet<&str> {
    let all = package["dependencies"].as_array().unwrap().iter();
    all.filter(|dependency| dependency["kind"] != "dev")
        .map(|dependency| dependency["name"].as_str().unwrap())
        .collect()
}
