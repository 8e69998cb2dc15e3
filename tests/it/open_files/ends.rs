//! The other ends of pipes and sockets in other processes, which are looked for on request only.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::Signal;
use serde_json::Value;

use super::{descriptor, files};
use crate::host::{list, run, spyhole};
use crate::lab;
use crate::lab::process::Process;
use crate::patience::eventually;
use crate::support::idle::Idle;

/// A writer and a reader of one pipe.
struct Pipeline {
    writer: Child,
    reader: Child,
}

impl Pipeline {
    fn start() -> Self {
        let (read, write) = std::io::pipe().unwrap();
        let mut sleep = Command::new("sleep");
        let writer = sleep.arg("3600").stdin(Stdio::null()).stdout(write);
        let mut cat = Command::new("cat");
        let reader = cat.stdin(read).stdout(Stdio::null());
        let started = Self {
            writer: writer.spawn().unwrap(),
            reader: reader.spawn().unwrap(),
        };
        for (child, name) in [(&started.writer, "sleep"), (&started.reader, "cat")] {
            let comm = format!("/proc/{}/comm", child.id());
            eventually(name, || fs::read_to_string(&comm).unwrap().trim() == name);
        }
        started
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        for child in [&mut self.writer, &mut self.reader] {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// `PID,COMMAND,FDMODE` of each other end, as lsof names it behind a pipe.
fn lsof_ends(pid: &str, fd: &str) -> BTreeSet<(i64, i64)> {
    let mut command = Command::new("lsof");
    command.args(["-nP", "-w", "-E", "-F", "fn", "-a", "-p", pid, "-d", fd]);
    let seen = run(&mut command).ended_with(0).stdout_text();
    let name = seen
        .lines()
        .find_map(|line| line.strip_prefix('n'))
        .unwrap();
    let ends = name.split_whitespace().skip(1);
    ends.map(|end| {
        let mut parts = end.split(',');
        let pid = parts.next().unwrap().parse().unwrap();
        let fd = parts.nth(1).unwrap().trim_end_matches(char::is_alphabetic);
        (pid, fd.parse().unwrap())
    })
    .collect()
}

fn our_ends(document: &Value, fd: i64) -> BTreeSet<(i64, i64)> {
    let ends = list(descriptor(files(document), fd), "other_ends").iter();
    ends.map(|end| (end["pid"].as_i64().unwrap(), end["fd"].as_i64().unwrap()))
        .collect()
}

#[needs(root)]
fn the_other_end_in_another_process_is_found_on_request() {
    let pipe = Pipeline::start();
    for (pid, fd, other, name) in [
        (&pipe.writer, 1, &pipe.reader, "cat"),
        (&pipe.reader, 0, &pipe.writer, "sleep"),
    ] {
        let (pid, other) = (&pid.id().to_string(), other.id().to_string());
        for words in [
            &["lsof", "-p", pid][..],
            &["fds", pid],
            &["lsof", "--pid", pid],
        ] {
            let json = ["-o", "json"];
            let without = spyhole(words.iter().chain(&json)).document();
            let file = descriptor(files(&without), fd);
            assert_eq!(file.get("other_ends"), None, "{words:?} {file:#}");
            let seen = spyhole(words.iter().chain(&json).chain(&["-E"])).document();
            let ends = our_ends(&seen, fd);
            assert_eq!(ends, lsof_ends(pid, &fd.to_string()), "{words:?}");
            assert!(ends.iter().any(|(pid, _)| pid.to_string() == other));
            let named = &descriptor(files(&seen), fd)["other_ends"];
            assert!(named.to_string().contains(name), "{named:#}");
        }
    }
}

/// As strace sees it: nothing below another process is opened.
#[needs(root, strace)]
fn only_the_processes_that_are_asked_for_are_read() {
    let (one, other) = (Idle::shell(|_| {}), Idle::sleep());
    let pid = one.id().to_string();
    for words in [
        &["fds", &pid][..],
        &["fds", "--pid", &pid],
        &["lsof", "-p", &pid],
        &["lsof", "-A", "-p", &pid],
    ] {
        assert!(!touches(words, other.id()), "{words:?}");
        assert!(touches(words, one.id()), "{words:?}");
    }
    // Standard input of the one is a pipe; who has none has no other end to be looked for.
    assert!(touches(&["fds", &pid, "-E"], other.id()));
}

fn touches(words: &[&str], pid: u32) -> bool {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut command = Command::new("strace");
    command.args(["-f", "-y", "-e", "trace=openat,readlinkat,getdents64", "-o"]);
    command.arg(file.path()).arg(lab::spyhole()).args(words);
    run(&mut command).ended_with(0);
    let text = fs::read_to_string(file.path()).unwrap();
    text.contains(&format!("</proc/{pid}>")) || text.contains(&format!("</proc/{pid}/"))
}

/// What a process has of its own pipe is not the other end of it.
#[needs(root)]
fn a_copy_of_a_descriptor_is_at_the_same_end() {
    let script = "
import os, time
r, w = os.pipe()
same = os.dup(r)
both = os.open(f'/proc/self/fd/{r}', os.O_RDWR)
print('ready', r, w, same, both, flush=True)
time.sleep(3600)";
    let mut command = Command::new("python3");
    command.args(["-c", script]);
    let mut holder = Process::start(&mut command, Signal::SIGKILL);
    let line = holder.wait_for_line("ready");
    let fds: Vec<i64> = line
        .split(' ')
        .skip(1)
        .map(|fd| fd.trim().parse().unwrap())
        .collect();
    let pid = holder.id().to_string();
    let seen = spyhole(["lsof", "-E", "-p", &pid, "-o", "json"]).document();
    let ends =
        |fd: i64| -> Vec<i64> { our_ends(&seen, fd).into_iter().map(|(_, fd)| fd).collect() };
    let [r, w, same, both] = fds[..] else {
        panic!("{line}")
    };
    assert_eq!(ends(r), [w, both]);
    assert_eq!(ends(w), [r, same, both]);
    assert_eq!(ends(both), [r, w, same]);
    // Another process may keep its descriptors from root; none of these is unclear.
    let unclear = |gap: &Value| gap["reason"] == "malformed";
    assert!(!list(&seen, "gaps").iter().any(unclear), "{seen:#}");
}
