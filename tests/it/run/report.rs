//! `--report`: one JSON document, its owner's alone, without a secret.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::host::{list, run};
use crate::lab::{Lab, Output, Setup, spyhole};

fn reported(directory: &Path, words: &[&str]) -> (Output, Value) {
    let path = directory.join("report.json");
    let own = run(Command::new(spyhole())
        .arg("run")
        .arg("--report")
        .arg(&path)
        .args(words)
        .env("DB_PASSWORD", "correct-horse-battery"));
    let text = fs::read_to_string(&path).unwrap_or_else(|why| panic!("{why}: {own}"));
    assert!(!text.contains("correct-horse-battery"), "a secret: {text}");
    assert!(!text.contains("s3cr3t-t0ken"), "a secret: {text}");
    assert!(
        !own.stderr_text().contains("s3cr3t-t0ken"),
        "a secret: {own}"
    );
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let names = fs::read_dir(directory).unwrap().count();
    assert_eq!(names, 1, "no other file is left");
    (own, serde_json::from_str(&text).unwrap())
}

#[test]
fn an_end_by_exit_code() {
    let house = TempDir::new().unwrap();
    let words = [
        "--no-dump",
        "--",
        "sh",
        "-c",
        "sleep 0.2; exit 3",
        "sh",
        "--token=s3cr3t-t0ken",
    ];
    let (own, report) = reported(house.path(), &words);
    own.ended_with(3);
    assert_eq!(report["schema"], "spyhole-run/v1");
    assert_eq!(report["program"], "sh");
    assert_eq!(report["exit_code"], 3);
    assert_eq!(
        report["end"],
        serde_json::json!({"kind": "exited", "code": 3})
    );
    assert_eq!(report["path"], "/usr/bin/sh");
    assert_eq!(list(&report, "arguments").len(), 4);
    assert_eq!(report["arguments"][3]["text"], "--token=‹redacted 12›");
    assert!(report["seconds"].as_f64().unwrap() >= 0.2, "{report:#}");
    assert!(report["used"]["max_rss_bytes"].as_u64().unwrap() > 100_000);
    assert!(
        report.get("dump").is_none() && report.get("cause").is_none(),
        "{report:#}"
    );
}

#[test]
fn an_end_by_signal_with_a_core() {
    let house = TempDir::new().unwrap();
    let work = TempDir::new().unwrap();
    let script = format!(
        "cd {}; ulimit -c unlimited; kill -SEGV $$",
        work.path().display()
    );
    let (own, report) = reported(house.path(), &["--no-dump", "--", "sh", "-c", &script]);
    own.ended_with(139);
    assert_eq!(report["end"]["kind"], "signaled");
    assert_eq!(report["end"]["name"], "SIGSEGV");
    assert_eq!(report["cause"]["kind"], "signal");
    // What the kernel tells any other parent of the same.
    let python = "import os, sys; p = os.fork()\n\
        if p == 0: os.execvp('sh', ['sh', '-c', sys.argv[1]])\n\
        print(os.WCOREDUMP(os.waitpid(p, 0)[1]))";
    let other = run(Command::new("python3").args(["-c", python, &script]));
    let core_dumped = other.stdout_text().trim() == "True";
    assert_eq!(report["end"]["core_dumped"], core_dumped, "{other}");
}

#[test]
fn a_program_that_is_not_there() {
    let house = TempDir::new().unwrap();
    let (own, report) = reported(house.path(), &["--no-dump", "--", "no-such-program"]);
    own.ended_with(127);
    assert_eq!(report["end"]["kind"], "not_started");
    assert_eq!(report["end"]["errno"], "ENOENT");
    assert!(!list(&report["end"], "searched").is_empty());
    assert_eq!(report["cause"]["kind"], "not_there");
    for absent in ["pid", "used", "memory", "path"] {
        assert!(report.get(absent).is_none(), "{report:#}");
    }
}

#[needs(root)]
fn every_null_has_its_gap() {
    let report = in_container(Lab::bare(), &["--no-dump", "--", "/spyhole", "nonsense"]);
    assert_eq!(report["memory"]["oom_kills_before"], Value::Null);
    let fields: Vec<_> = list(&report, "gaps")
        .iter()
        .map(|gap| &gap["field"])
        .collect();
    for field in ["oom_kills_before", "oom_kills_after", "limit_bytes"] {
        assert!(
            fields.iter().any(|gap| **gap == format!("memory.{field}")),
            "{report:#}"
        );
    }
}

#[needs(root)]
fn the_dump_is_that_of_the_container_while_the_application_is_a_zombie() {
    let setup = Lab::bare().env("API_TOKEN", "s3cr3t-t0ken");
    let report = in_container(setup, &["--", "/spyhole", "nonsense"]);
    assert_eq!(report["exit_code"], 2);
    let dump = &report["dump"];
    assert_eq!(dump["schema"], "spyhole/v1");
    let processes = list(dump, "processes");
    let application = report["pid"].as_i64();
    let zombie = processes
        .iter()
        .find(|one| one["pid"].as_i64() == application);
    let zombie = zombie.unwrap_or_else(|| panic!("{application:?} in {dump:#}"));
    assert_eq!(zombie["state"], "zombie", "{zombie:#}");
    assert!(!list(dump, "mounts").is_empty());
}

/// spyhole run as PID 1 of a container; the report is read from outside.
fn in_container(setup: Setup, words: &[&str]) -> Value {
    let house = TempDir::new().unwrap();
    let own = setup
        .bind(house.path(), "/reports")
        .args(["run", "--report", "/reports/report.json"])
        .args(words)
        .run();
    let text = fs::read_to_string(house.path().join("report.json"));
    let text = text.unwrap_or_else(|why| panic!("{why}: {own}"));
    assert!(!text.contains("s3cr3t-t0ken"), "a secret: {text}");
    serde_json::from_str(&text).unwrap()
}

#[test]
fn success_writes_no_report() {
    let house = TempDir::new().unwrap();
    let path = house.path().join("report.json");
    let own = run(Command::new(spyhole())
        .arg("run")
        .arg("--report")
        .arg(&path)
        .args(["--", "true"]));
    own.ended_with(0);
    assert!(!path.exists());
}

#[test]
fn a_report_that_cannot_be_written_changes_no_exit_code() {
    let house = TempDir::new().unwrap();
    let goal = house.path().join("goal");
    fs::write(&goal, "precious").unwrap();
    let link = house.path().join("link");
    symlink(&goal, &link).unwrap();
    for (path, word) in [
        (link, "is a link"),
        (house.path().join("no/such"), "cannot write"),
    ] {
        let own = run(Command::new(spyhole())
            .arg("run")
            .arg("--report")
            .arg(&path)
            .args(["--no-dump", "--", "sh", "-c", "exit 6"]))
        .ended_with(6);
        assert!(own.stderr_text().contains(word), "{own}");
    }
    assert_eq!(fs::read(&goal).unwrap(), b"precious");
}

#[test]
fn the_look_is_bounded_in_time() {
    let house = TempDir::new().unwrap();
    let (own, _) = reported(house.path(), &["--", "sh", "-c", "exit 3"]);
    own.ended_with(3);
    // Two seconds, and what a debug build and a busy machine add.
}

#[test]
fn a_usage_that_the_kernel_does_not_tell_is_a_gap() {
    let house = TempDir::new().unwrap();
    let path = house.path().join("report.json");
    // The second question is the one for the usage.
    let mut words = Command::new("strace");
    words.args(["--follow-forks", "--output=/dev/null", "--trace=waitid"]);
    words.arg("--inject=waitid:error=EPERM:when=2");
    words.arg(spyhole()).args(["run", "--no-dump", "--report"]);
    let own = run(words.arg(&path).args(["--", "false"])).ended_with(1);
    assert!(!own.stderr_text().contains("used:"), "{own}");
    let report: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(report["used"], Value::Null);
    assert!(report.as_object().unwrap().contains_key("used"));
    let told = list(&report, "gaps")
        .iter()
        .find(|gap| gap["field"] == "used");
    assert_eq!(told.unwrap()["errno"], "EPERM");
}
