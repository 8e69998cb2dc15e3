//! A process whose first thread has ended while others live is no zombie: all of it is seen
//! through a living thread, as the kernel and ps show it.

use std::fs;
use std::process::Command;

use nix::sys::signal::Signal;
use serde_json::Value;

use super::host::{args, list, only, spyhole};
use super::lab::example;
use super::lab::process::Process;
use super::patience::eventually;

/// The state letter that the kernel shows of the process itself.
fn state(pid: &str) -> String {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let rest = stat.rsplit_once(") ").unwrap().1;
    rest.get(..1).unwrap().to_owned()
}

/// A zombie by its own `stat`, with its port and a word in its environment.
fn ended_first_thread() -> (Process, String, u64) {
    let mut command = Command::new(example("first_thread_ends"));
    command.arg("--word").env("MARK", "of the test");
    let mut process = Process::start(&mut command, Signal::SIGKILL);
    let line = process.wait_for_line("ready ");
    let port = line.split(' ').nth(1).unwrap().parse().unwrap();
    let pid = process.id().to_string();
    eventually("its first thread has ended", || state(&pid) == "Z");
    (process, pid, port)
}

fn look(pid: &str, words: &[&str]) -> Value {
    spyhole([&["--pid", pid], words, &["-o", "json"]].concat()).document()
}

#[test]
fn it_is_a_process_with_memory_and_arguments() {
    let (_process, pid, _) = ended_first_thread();
    let document = look(&pid, &["ps", "--pss", "--threads"]);
    let process = &list(&document, "processes")[0];
    assert_eq!(process["zombie"], false, "{process:#}");
    assert_ne!(process["state"], "zombie", "{process:#}");
    assert_eq!(args(process).last().unwrap(), b"--word");
    let exe = process["exe"].as_str().unwrap();
    assert!(exe.ends_with("/first_thread_ends"), "{process:#}");
    assert!(process["cwd"].is_string() && process["fd_count"].as_u64() > Some(2));
    for memory in ["rss_bytes", "pss_bytes", "virtual_bytes"] {
        assert!(
            process[memory].as_u64() > Some(30 << 20),
            "{memory}: {process:#}"
        );
    }
    // Both threads, the ended one too, as the kernel lists them.
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap().count();
    assert_eq!(process["threads"], tasks, "{process:#}");
    let threads = list(process, "thread_list");
    assert_eq!(threads.len(), tasks);
    let first = only(threads, |thread| thread["tid"].as_i64() == pid.parse().ok());
    assert_eq!(first["state"], "zombie");
    assert_eq!(document["gaps"], serde_json::json!([]));
    // The default table takes memory from elsewhere.
    let words = [
        "--pid",
        &pid,
        "ps",
        "--no-headers",
        "--columns",
        "pid,stat,rss,command",
    ];
    let table = spyhole(words).ended_with(0).stdout_text();
    assert!(table.contains("--word") && !table.contains(" Z"), "{table}");
}

#[test]
fn its_environment_and_mounts_are_seen() {
    let (_process, pid, _) = ended_first_thread();
    let document = look(&pid, &["env"]);
    let variables = list(&list(&document, "environment")[0], "variables");
    assert_eq!(
        only(variables, |one| one["name"] == "MARK")["value"],
        "of the test"
    );
    let document = look(&pid, &["mounts"]);
    assert!(!list(&document, "mounts").is_empty());
    assert_eq!(document["gaps"], serde_json::json!([]), "{document:#}");
    let document = look(&pid, &["caps"]);
    assert_eq!(document["gaps"], serde_json::json!([]), "{document:#}");
}

#[test]
fn its_socket_has_its_owner() {
    let (_process, pid, port) = ended_first_thread();
    let document = look(&pid, &["ss", "-tln"]);
    let socket = only(list(&document, "sockets"), |socket| {
        socket["local_port"] == port
    });
    let owners = list(socket, "owners");
    assert_eq!(owners.len(), 1, "{socket:#}");
    assert_eq!(owners[0]["pid"].to_string(), pid);
}

#[test]
fn what_access_says_can_be_read_can_be_read() {
    let (_process, pid, _) = ended_first_thread();
    let document = look(&pid, &["access"]);
    let checks = list(&document["access"], "checks");
    let denied: Vec<&Value> = checks
        .iter()
        .filter(|one| one["outcome"] != "allowed")
        .collect();
    assert!(denied.is_empty() && checks.len() > 10, "{denied:#?}");
}

#[test]
fn a_true_zombie_stays_one() {
    let mut command = Command::new("sh");
    // The shell that is replaced never waits for its child.
    command.args(["-c", "true & exec sleep 3600"]);
    let process = Process::start(&mut command, Signal::SIGKILL);
    let parent = process.id();
    let child = eventually("a zombie", || {
        let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).ok()?;
        let child = children.split_whitespace().next()?.to_owned();
        (state(&child) == "Z").then_some(child)
    });
    let document = look(&child, &["ps"]);
    let zombie = &list(&document, "processes")[0];
    assert_eq!(
        (&zombie["zombie"], &zombie["state"]),
        (&true.into(), &"zombie".into())
    );
    assert_eq!(
        (&zombie["args"], &zombie["rss_bytes"]),
        (&serde_json::json!([]), &0.into())
    );
}

#[needs(root)]
fn a_dump_of_it_lacks_nothing() {
    let (_process, pid, _) = ended_first_thread();
    let document = look(&pid, &["dump", "--no-connect"]);
    assert!(document["target"]["exe"].is_string(), "{document:#}");
    let gaps = list(&document, "gaps");
    assert!(gaps.is_empty(), "{gaps:#?}");
}
