//! What an engine refuses is a sentence with its remedy, and ends with 3.

use std::process::Command;

use super::Desk;
use crate::host;
use crate::lab;
use crate::podman::{PodmanLab, WEBAPP_IMAGE};

/// What spyhole says on stderr, after exit code 3 and an empty stdout.
fn refused(desk: &Desk, words: &[&str]) -> String {
    let output = desk.spyhole(words).ended_with(3);
    assert!(output.stdout.is_empty(), "{output}");
    output.stderr_text()
}

#[needs(podman)]
fn a_container_that_is_not_there_or_does_not_run_is_named() {
    let (desk, podman) = (Desk::with_podman(), PodmanLab::get());
    let name = |what: &str| format!("{what}-{}", std::process::id());
    let (shop, ended, created) = (name("shop"), name("ended"), name("created"));
    let _web = podman.webapp(&["--name", &shop], &[]);
    podman.must(&[
        "run",
        "--name",
        &ended,
        "--network",
        "none",
        WEBAPP_IMAGE,
        "--help",
    ]);
    podman.must(&[
        "create",
        "--name",
        &created,
        "--network",
        "none",
        WEBAPP_IMAGE,
    ]);

    let said = refused(&desk, &["podman", &shop[..4]]);
    assert!(
        said.contains("has no container shop; running: shop-"),
        "{said}"
    );
    let said = refused(&desk, &["podman", &ended]);
    assert!(
        said.contains("is not running: it exited with code 0"),
        "{said}"
    );
    assert!(said.contains("spyhole run"), "{said}");
    let said = refused(&desk, &["podman", &created]);
    assert!(
        said.contains(&format!("has not been started: podman start {created}")),
        "{said}"
    );
    podman.must(&["rm", &ended, &created]);

    let said = refused(
        &desk,
        &["podman", &shop, "--image", "localhost/spyhole-is-not-here"],
    );
    assert!(
        said.contains("podman can neither find nor pull the image"),
        "{said}"
    );
}

#[needs(podman)]
fn a_paused_container_is_looked_into_all_the_same() {
    let (desk, podman) = (Desk::with_podman(), PodmanLab::get());
    let web = podman.webapp(&["--user", "1000:1000"], &[]);
    podman.must(&["pause", &web.id]);
    let seen = desk.spyhole(&["podman", &web.id[..12], "--", "env", "-o", "json"]);
    podman.must(&["unpause", &web.id]);
    assert!(!seen.document()["environment"][0]["variables"].is_null());
    assert!(seen.stderr_text().contains("is paused"), "{seen}");
}

#[test]
fn words_that_cannot_be_meant_so_are_usage() {
    let desk = Desk::with("podman", "#!/bin/sh\necho \"$*\" >> \"$0.called\"\n");
    for words in [
        &["podman"][..],
        &["podman", "-x"],
        &["podman", "../web"],
        &["podman", ""],
        &["podman", "a\nb"],
        &["podman", "web", "--columns", "pid"],
        &["podman", "web", "-o", "paper"],
    ] {
        let output = desk.spyhole(words).ended_with(2);
        assert!(output.stdout.is_empty(), "{output}");
    }
    assert!(!desk.path().join("podman.called").exists());
}

#[test]
fn an_engine_that_is_not_there_is_said_so() {
    for engine in ["podman", "docker"] {
        let mut command = Command::new(lab::spyhole());
        let output = host::run(command.args([engine, "web"]).env("PATH", "/nonexistent"));
        let said = output.ended_with(3).stderr_text();
        assert_eq!(
            said,
            format!("spyhole: {engine} is not installed, or not in PATH\n")
        );
    }
}
