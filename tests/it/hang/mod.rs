//! File systems and processes of the target that do not respond: they cost themselves alone, and
//! spyhole ends.

mod autofs;
pub(crate) mod fuse;

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use self::fuse::{Behavior, Request, Shape, Target, below};
use crate::host::{list, run, spyhole};
use crate::lab::{self, Output};
use crate::patience::eventually;

/// Every kind of request that can hang.
const REQUESTS: [Request; 8] = [
    Request::Lookup,
    Request::GetAttr,
    Request::ReadLink,
    Request::Open,
    Request::Read,
    Request::StatFs,
    Request::GetXAttr,
    Request::ReadDir,
];

/// Looks at a target. That this returns is what the tests here are about: its process has ended and
/// its pipes are closed.
fn look(target: &Target, words: &[&str]) -> Output {
    let pid = target.pid.to_string();
    spyhole([&["--pid", &pid, "--timeout", "4s"], words].concat())
}

fn has_gap(document: &Value, reason: &str) -> bool {
    list(document, "gaps")
        .iter()
        .any(|gap| gap["reason"] == reason)
}

/// The commands that open files of the target, with one below its mount.
fn commands(target: &Target, shape: Shape) -> Vec<Vec<String>> {
    let (file, link) = (
        below(target, shape, "tls.crt"),
        below(target, shape, "link"),
    );
    let etc = below(target, shape, "etc");
    let words = [
        "ps -o json".to_owned(),
        "env -o json".to_owned(),
        "mounts -o json".to_owned(),
        "df".to_owned(),
        "caps -o json".to_owned(),
        "ss -o json".to_owned(),
        "lsof -o json".to_owned(),
        "access -o json".to_owned(),
        format!("certs -o json --file {file} --dir {etc}"),
        format!("check file:{file}"),
        format!("check cert:{link}"),
        "dump -o json".to_owned(),
    ];
    words
        .iter()
        .map(|line| line.split(' ').map(str::to_owned).collect())
        .collect()
}

fn ends_with_all_commands(behavior: Behavior, shape: Shape) {
    for number in 0.. {
        let target = Target::start(behavior, shape);
        let Some(words) = commands(&target, shape).into_iter().nth(number) else {
            return;
        };
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let seen = look(&target, &words);
        assert!(
            matches!(seen.code, Some(0 | 1 | 4)),
            "{behavior:?} {shape:?} {words:?}: {seen}"
        );
        if words.contains(&"json") {
            let document = seen.json();
            assert_eq!(document["target"]["pid"], target.pid, "{words:?}: {seen}");
        }
    }
}

#[needs(root, fuse)]
fn a_mount_that_hangs_keeps_no_command_from_ending() {
    for request in REQUESTS {
        ends_with_all_commands(Behavior::Hang(request), Shape::Mounted);
    }
}

#[needs(root, fuse)]
fn a_root_that_hangs_keeps_no_command_from_ending() {
    for request in REQUESTS {
        ends_with_all_commands(Behavior::Hang(request), Shape::Root);
    }
}

/// The commands on files, each at a request that it makes of the file system.
#[needs(root, fuse)]
fn a_mount_that_hangs_keeps_no_command_on_files_from_ending() {
    for (request, command, file) in [
        (Request::Lookup, "stat", "tls.crt"),
        (Request::GetAttr, "ls -l", "etc"),
        (Request::ReadLink, "cat", "link"),
        (Request::Open, "head", "tls.crt"),
        (Request::Read, "tail", "tls.crt"),
        (Request::Read, "grep -r .", "etc"),
        (Request::Read, "tar cf -", "etc"),
        (Request::ReadDir, "find", "etc"),
        (Request::ReadDir, "du", "etc"),
    ] {
        let shape = Shape::Mounted;
        let target = Target::start(Behavior::Hang(request), shape);
        let line = format!("{command} {}", below(&target, shape, file));
        let pid = target.pid.to_string();
        let global = ["--pid", &pid, "--timeout", "1s"];
        let seen = spyhole(global.into_iter().chain(line.split(' ')));
        assert_eq!(seen.code, Some(4), "{request:?} {line}: {seen}");
        assert!(!seen.stderr_text().is_empty(), "{request:?} {line}: {seen}");
    }
}

#[needs(root, fuse)]
fn what_hangs_is_a_gap_and_the_rest_is_seen() {
    let target = Target::start(Behavior::Hang(Request::StatFs), Shape::Mounted);
    let seen = look(&target, &["mounts", "-o", "json"]).ended_with(0);
    let document = seen.json();
    assert!(has_gap(&document, "timeout"), "{seen}");
    let mounts = list(&document, "mounts");
    let hung = mounts
        .iter()
        .find(|mount| mount["mount_point"] == *target.mount_point);
    assert!(hung.unwrap()["space"].is_null(), "{seen}");
    let with_space = |mount: &&Value| mount["space"]["size_bytes"].is_u64();
    assert!(mounts.iter().any(|mount| with_space(&mount)), "{seen}");

    // The names of users are in files of a root that hangs; the process itself is not.
    let target = Target::start(Behavior::Hang(Request::Lookup), Shape::Root);
    let seen = look(&target, &["ps", "-o", "json"]).ended_with(0);
    let processes = list(&seen.json(), "processes").clone();
    assert_eq!(processes[0]["pid"], target.pid, "{seen}");
    assert!(processes[0]["rss_bytes"].is_u64(), "{seen}");
    assert!(has_gap(&seen.json(), "timeout"), "{seen}");
    assert!(target.hangs());
}

#[needs(root, fuse)]
fn the_reader_of_a_pipe_ends_while_the_request_still_hangs() {
    let target = Target::start(Behavior::Hang(Request::StatFs), Shape::Mounted);
    let line = format!(
        "\"$0\" --pid {} --timeout 4s mounts -o json | cat",
        target.pid
    );
    let seen = run(Command::new("sh").args(["-c", &line]).arg(lab::spyhole())).ended_with(0);
    assert!(seen.stdout_text().contains("fuse.hang"), "{seen}");
    assert!(target.hangs());

    // Neither does a signal leave the pipe open.
    let target = Target::start(Behavior::Hang(Request::StatFs), Shape::Mounted);
    let mut killed = Command::new(lab::spyhole())
        .args([
            "--pid",
            &target.pid.to_string(),
            "--timeout",
            "1h",
            "mounts",
        ])
        .args(["-o", "json", "--space-timeout", "1h"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    eventually("the request hangs", || target.hangs());
    killed.kill().unwrap();
    killed.wait().unwrap();
    let mut rest = Vec::new();
    killed
        .stdout
        .take()
        .unwrap()
        .read_to_end(&mut rest)
        .unwrap();
    assert!(target.hangs());
}

#[needs(root, fuse)]
fn a_slow_file_system_is_read_within_the_time() {
    for request in [Request::Lookup, Request::Open, Request::Read] {
        let slow = Behavior::Slow(request, Duration::from_secs(3));
        let target = Target::start(slow, Shape::Mounted);
        let file = format!("file:{},timeout=5m", below(&target, Shape::Mounted, "file"));
        let pid = target.pid.to_string();
        spyhole(["--pid", &pid, "check", &file]).ended_with(0);
    }
    let slow = Behavior::Slow(Request::Read, Duration::from_secs(3));
    let target = Target::start(slow, Shape::Pages);
    let pid = target.pid.to_string();
    let seen = spyhole(["--pid", &pid, "--timeout", "5m", "ps", "-o", "json"]).document();
    assert!(!list(&seen, "processes")[0]["args"].is_null(), "{seen:#}");
}

#[needs(root, fuse)]
fn a_server_that_is_dead_is_an_error_of_its_mount() {
    let mut target = Target::start(Behavior::Well, Shape::Mounted);
    target.end_server();
    let seen = look(&target, &["mounts", "-o", "json"])
        .ended_with(0)
        .json();
    let gaps = list(&seen, "gaps");
    // The second one by kernels since 4.20.
    let is_dead = |gap: &Value| gap["errno"] == "ENOTCONN" || gap["errno"] == "ECONNABORTED";
    assert!(gaps.iter().any(is_dead), "{seen:#}");
    let file = format!("file:{}", below(&target, Shape::Mounted, "file"));
    look(&target, &["check", &file]).ended_with(4);
}

#[needs(root, fuse)]
fn a_process_whose_pages_hang_is_shown_without_its_memory() {
    for words in [
        &["ps", "-o", "json"][..],
        &["env", "-o", "json"],
        &["certs", "-o", "json"],
        &["dump", "-o", "json"],
    ] {
        let target = Target::start(Behavior::Hang(Request::Read), Shape::Pages);
        let seen = look(&target, words);
        assert!(matches!(seen.code, Some(0 | 4)), "{words:?}: {seen}");
        let document = seen.json();
        assert!(has_gap(&document, "timeout"), "{words:?}: {seen}");
        if words[0] == "ps" {
            let process = &list(&document, "processes")[0];
            assert_eq!(process["pid"], target.pid, "{seen}");
            assert!(
                process["args"].is_null() && process["rss_bytes"].is_u64(),
                "{seen}"
            );
        }
        assert!(target.hangs(), "{words:?}");
    }
}

/// Runs spyhole as, or below, the first process of a new PID namespace, in the target's mount
/// namespace.
fn in_own_namespace(target: &Target, program: &[&str], words: &[&str]) -> Output {
    run(Command::new("nsenter")
        .arg(format!("--mount=/proc/{}/ns/mnt", target.pid))
        .args(["unshare", "--pid", "--fork", "--mount-proc"])
        .args(program)
        .arg(lab::spyhole())
        .args(words))
}

#[needs(root, fuse)]
fn where_a_stuck_reader_could_not_be_left_behind_nothing_is_tried() {
    let never_reaps = ["perl", "-e", "system(@ARGV); exit($? >> 8)"];
    for (program, who) in [(&[][..], "--self"), (&never_reaps[..], "--pid=1")] {
        let target = Target::start(Behavior::Hang(Request::StatFs), Shape::Mounted);
        let words = [who, "--timeout", "20s", "mounts", "-o", "json"];
        let seen = in_own_namespace(&target, program, &words).ended_with(0);
        assert!(has_gap(&seen.json(), "remote_fs"), "{seen}");
        assert!(!target.hangs(), "nothing was asked of it");
    }
    // Not a hang, but read all the same.
    let target = Target::start(Behavior::Well, Shape::Mounted);
    let words = ["--self", "--remote-fs=try", "mounts", "-o", "json"];
    let seen = in_own_namespace(&target, &[], &words).ended_with(0).json();
    let mounts = list(&seen, "mounts");
    let there = mounts
        .iter()
        .find(|mount| mount["mount_point"] == *target.mount_point);
    assert!(there.unwrap()["space"]["size_bytes"].is_u64(), "{seen:#}");
    let skipped = look(&target, &["--remote-fs=skip", "mounts", "-o", "json"]).ended_with(0);
    assert!(has_gap(&skipped.json(), "remote_fs"), "{skipped}");
}

#[test]
fn readers_are_no_processes_of_the_target() {
    let child = Command::new(lab::spyhole())
        .args(["--self", "ps", "-o", "json"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let own = child.id();
    let seen = child.wait_with_output().unwrap();
    let document: Value = serde_json::from_slice(&seen.stdout).unwrap();
    let processes = list(&document, "processes");
    // Other tests have readers of their own.
    assert!(
        processes.iter().any(|one| one["pid"] == own),
        "{document:#}"
    );
    assert!(
        !processes.iter().any(|one| one["ppid"] == own),
        "{document:#}"
    );
}
