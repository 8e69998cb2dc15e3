//! `tail -f`: what is appended, after a rotation and after a truncation too, until the target ends.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::process::Command;

use nix::sys::signal::Signal;

use crate::lab;
use crate::lab::process::Process;
use crate::support::fake_root::FakeRoot;
use crate::support::idle::Idle;

fn append(path: &std::path::Path, text: &str) {
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

#[test]
fn what_is_appended_is_printed_whatever_becomes_of_the_file() {
    let root = FakeRoot::new();
    let log = root.write("app.log", "one\ntwo\n");
    let target = Idle::sleep();
    let pid = target.id().to_string();
    let mut tail = Process::start(
        Command::new(lab::spyhole())
            .args(["--pid", &pid, "tail", "-n", "1", "-f", "-s", "0.05"])
            .arg(&log),
        Signal::SIGTERM,
    );
    tail.wait_for_line("two");
    append(&log, "three\n");
    tail.wait_for_line("three");
    // Half a line waits for its end: it may hold half a secret.
    append(&log, "password: tr0ub");
    append(&log, "4dor-Zx9q\nfour\n");
    tail.wait_for_line("four");
    fs::rename(&log, root.path("app.log.1")).unwrap();
    append(&root.path("app.log.1"), "five\n");
    append(&log, "six\n");
    tail.wait_for_line("six");
    fs::write(&log, "").unwrap();
    std::thread::sleep(std::time::Duration::from_millis(200));
    append(&log, "seven\nlast");
    tail.wait_for_line("seven");
    drop(target);
    let seen = tail.wait();
    assert_eq!(seen.code, Some(0), "{seen}");
    let text = format!("{}{}", seen.stdout_text(), seen.stderr_text());
    assert!(seen.stdout_text().contains("five\nsix\n"), "{seen}");
    assert!(seen.stdout_text().ends_with("seven\nlast"), "{seen}");
    assert!(!text.contains("tr0ub") && !text.contains("Zx9q"), "{text}");
    assert!(text.contains("the target has ended"), "{text}");
}

#[test]
fn it_ends_when_its_output_is_closed() {
    let root = FakeRoot::new();
    let log = root.write("app.log", "one\n");
    let pid = std::process::id();
    let line = format!("\"$0\" --pid {pid} tail -f {} | head -n 1", log.display());
    let seen = crate::host::shell(&line).ended_with(0);
    assert_eq!(seen.stdout_text(), "one\n");
}
