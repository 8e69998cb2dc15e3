//! spyhole as the ENTRYPOINT of an image, without any argument: the overview where somebody looks,
//! one whole document where something collects.

use std::fs::File;
use std::io::Read;
use std::process::{Command, Stdio};

use nix::pty::{Winsize, openpty};
use serde_json::Value;

use super::document::assert_keeps_the_contract;
use super::fake::FakeProc;
use super::host::spyhole;
use super::lab::{self, Lab};
use super::podman::{PodmanLab, SPYHOLE_IMAGE};

/// What it comes to, spelled out.
const DUMP: [&str; 3] = ["dump", "-o", "json"];

/// Fails unless it is one document that has all that a dump has.
fn assert_whole(document: &Value, dump: &Value) {
    assert_keeps_the_contract(document, "without arguments");
    let keys = |of: &Value| of.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(document), keys(dump));
    for section in ["processes", "sockets", "environment", "mounts"] {
        assert!(document.get(section).is_some(), "{section}");
    }
}

/// Fails unless it is the overview, on one screen.
fn assert_overview(text: &str) {
    assert!(!text.trim_start().starts_with('{'), "{text}");
    assert!(text.lines().count() <= 30, "{text}");
    for part in [
        "/webapp",
        "uid 1000",
        "listening  127.0.0.1:8080",
        "spyhole doctor",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[needs(root)]
fn without_a_terminal_it_prints_one_document_and_no_other_word() {
    let web = Lab::webapp().uid(1000).caps("none").start();
    for viewer in [web.spyhole().uid(1000), web.spyhole().uid(65532)] {
        // Whether or not it may see everything: what is missing is told in the document.
        let viewer = viewer.caps("none");
        let dump = viewer.clone().args(DUMP).run().document();
        let seen = viewer.run();
        assert_whole(&seen.document(), &dump);
        assert_eq!(seen.stderr_text(), "");
    }
}

#[test]
fn words_about_tables_do_not_come_beside_the_document() {
    let fake = FakeProc::new();
    fake.process(1).without("environ");
    let seen = fake.spyhole(["--no-headers"]).ended_with(0);
    assert!(!seen.json()["gaps"].as_array().unwrap().is_empty());
    assert_eq!(seen.stderr_text(), "");
}

#[test]
fn its_help_begins_with_what_it_is() {
    let help = spyhole(["--help"]).ended_with(0).stdout_text();
    assert!(
        help.starts_with("Inspect a running container that has no shell\n"),
        "{help}"
    );
}

#[needs(root)]
fn with_nobody_else_in_sight_the_document_is_whole_and_the_exit_code_says_so() {
    let dump = Lab::bare().args(DUMP).run().json();
    let seen = Lab::bare().run().ended_with(3);
    assert_whole(&seen.json(), &dump);
    assert!(seen.stderr_text().contains("--target=CONTAINER"), "{seen}");
}

#[needs(root)]
fn with_a_terminal_it_prints_the_overview() {
    let program = lab::spyhole();
    let web = Lab::webapp().bind_read_only(program.parent().unwrap(), "/spy");
    let web = web.uid(1000).caps("none").start();
    let size = Winsize {
        ws_row: 24,
        ws_col: 100,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    let terminal = openpty(Some(&size), None).unwrap();
    let mut command = Command::new("nsenter");
    command
        .args(["--target", &web.host_pid.to_string()])
        .args(["--mount", "--pid", "--net", "--root", "--", "/spy/spyhole"])
        .stdin(Stdio::from(terminal.slave.try_clone().unwrap()))
        .stdout(Stdio::from(terminal.slave));
    let mut child = command.spawn().unwrap();
    // It holds the other end too.
    drop(command);
    let mut text = Vec::new();
    let mut screen = File::from(terminal.master);
    let mut some = [0; 4096];
    // EIO once nobody has the terminal any more.
    while let Ok(read @ 1..) = screen.read(&mut some) {
        text.extend_from_slice(&some[..read]);
    }
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let text = String::from_utf8(text).unwrap();
    assert_overview(&text);
    assert!(text.lines().count() < usize::from(size.ws_row), "{text}");
}

#[needs(podman)]
fn logs_of_podman_hold_one_document_and_its_terminal_the_overview() {
    let podman = PodmanLab::get();
    let web = podman.webapp(&["--user", "1000:1000"], &[]);
    let pid = format!("container:{}", web.id);
    let beside = ["--pid", &pid, "--network", &pid, "--user", "1000:1000"];
    let start = [&["run", "--detach"][..], &beside, &[SPYHOLE_IMAGE]].concat();
    let id = podman.must(&start).stdout_text().trim().to_owned();
    let code = podman.must(&["wait", &id]).stdout_text();
    let logs = podman.must(&["logs", &id]);
    podman.must(&["rm", &id]);
    assert_eq!(code.trim(), "0", "{logs}");
    let dump = podman.viewer(&web, &["--user", "1000:1000"], &DUMP);
    assert_whole(&logs.json(), &dump.document());
    assert_eq!(logs.stderr_text(), "");
    let looking = [&["run", "--rm", "--tty"][..], &beside, &[SPYHOLE_IMAGE]].concat();
    assert_overview(&podman.must(&looking).stdout_text());
    // With arguments, that command.
    let seen = podman.viewer(&web, &["--user", "1000:1000"], &["ps"]);
    assert!(seen.ended_with(0).stdout_text().starts_with("USER"));
}
