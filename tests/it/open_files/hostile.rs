//! Targets that do not want to be looked at: many descriptors, odd names, processes that end, file
//! systems that do not respond.

use std::fs;
use std::process::{Command, Stdio};

use nix::sys::signal::Signal;
use serde_json::Value;

use super::{descriptor, document, files};
use crate::hang::fuse::{Behavior, Request, Shape, Target, below};
use crate::host::{list, run, spyhole};
use crate::lab;
use crate::lab::process::Process;

fn python(script: &str) -> Process {
    let mut command = Command::new("python3");
    command.args(["-c", script]);
    let mut process = Process::start(&mut command, Signal::SIGKILL);
    process.wait_for_line("ready");
    process
}

/// As many descriptors as this machine lets a process have, up to 100,000.
#[needs(root)]
fn a_hundred_thousand_descriptors() {
    let script = "
import os, resource, time
limit = min(100_000, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
count = 0
try:
    while True:
        os.dup(0)
        count += 1
except OSError:
    pass
print('ready', count, flush=True)
time.sleep(3600)";
    let target = python(script);
    let pid = target.id().to_string();
    let count = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count();
    assert!(count > 1000);
    let mut command = Command::new("/usr/bin/time");
    let has_time = std::path::Path::new("/usr/bin/time").exists();
    let seen = if has_time {
        command.args(["-f", "peak %M"]).arg(lab::spyhole());
        run(command.args(["lsof", "--pid", &pid, "-o", "json"])).ended_with(0)
    } else {
        spyhole(["lsof", "--pid", &pid, "-o", "json"]).ended_with(0)
    };
    let document: Value = serde_json::from_slice(&seen.stdout).unwrap();
    let shown = files(&document).iter().filter(|file| file["fd"].is_i64());
    assert_eq!(shown.count(), count);
    if let Some(peak) = seen
        .stderr_text()
        .lines()
        .find_map(|line| line.strip_prefix("peak "))
    {
        let kilobytes: usize = peak.parse().unwrap();
        // What a document of so many takes; never a multiple of it.
        assert!(kilobytes < 16_384 + count * 3, "{kilobytes} for {count}");
    }
}

#[needs(root)]
fn names_of_any_bytes_come_through() {
    let script = r"
import os, sys, tempfile, time
os.chdir(tempfile.mkdtemp())
for name in [b'a\xff\xfe', b'\x1b]0;x\x07', b'socket:[1]', b'x (deleted) (deleted)', b'n\nCOMMAND PID']:
    os.open(name, os.O_CREAT | os.O_RDWR)
print('ready', flush=True)
time.sleep(3600)";
    let target = python(script);
    let pid = target.id().to_string();
    let seen = document(&pid, &[]);
    // The five that follow the three of each process, in whichever order they were free.
    let own = |file: &&Value| {
        file["path"]
            .as_str()
            .is_none_or(|path| path.contains("/tmp"))
    };
    let named = files(&seen)
        .iter()
        .filter(|file| file["fd"].is_i64())
        .filter(own);
    let fds: Vec<i64> = named
        .filter_map(|file| file["fd"].as_i64().filter(|_| !file["path"].is_null()))
        .collect();
    assert_eq!(fds.len(), 5, "{seen:#}");
    for fd in fds {
        let file = descriptor(files(&seen), fd);
        let link = fs::read_link(format!("/proc/{pid}/fd/{fd}")).unwrap();
        let link = link.into_os_string().into_encoded_bytes();
        assert_eq!(crate::host::bytes(&file["path"]), link, "{file:#}");
        assert_eq!(
            (&file["type"], file.get("deleted")),
            (&Value::from("file"), None)
        );
    }
    let table = spyhole(["lsof", "--pid", &pid]).ended_with(0);
    assert!(
        !table.stdout.contains(&0x1b) && !table.stdout.contains(&7),
        "{table}"
    );
}

#[needs(root)]
fn processes_that_end_meanwhile_are_no_gaps() {
    let script = "while :; do sleep 0.001 & sleep 0.002; done";
    let mut churn = Command::new("sh");
    churn.args(["-c", script]).stdout(Stdio::null());
    let _churn = Process::start(&mut churn, Signal::SIGKILL);
    for _ in 0..5 {
        let seen = spyhole(["lsof", "--all", "-o", "json"]).document();
        let vanished = |gap: &&Value| gap["reason"] == "vanished" && gap["section"] == "open_files";
        let gaps: Vec<_> = list(&seen, "gaps").iter().filter(vanished).collect();
        assert!(gaps.is_empty(), "{gaps:#?}");
    }
}

/// A descriptor on a file system that answers no stat(2): it is named, the rest is a gap.
#[needs(root, fuse)]
fn a_file_that_does_not_answer_is_a_gap_and_the_rest_is_seen() {
    let target = Target::start(Behavior::Hang(Request::GetAttr), Shape::Mounted);
    let path = below(&target, Shape::Mounted, "tls.crt");
    let inside = format!("/proc/{}/root{path}", target.pid);
    let mut holder = Command::new("sh");
    holder.args([
        "-c",
        "exec 7< \"$0\" 8< /dev/null; echo ready; exec sleep 3600",
    ]);
    holder.arg(&inside);
    let mut holder = Process::start(&mut holder, Signal::SIGKILL);
    holder.wait_for_line("ready");
    let pid = holder.id().to_string();
    let words = ["lsof", "--pid", &pid, "--timeout", "4s", "-o", "json"];
    let seen = spyhole(words).ended_with(0);
    let seen = seen.json();
    assert!(!files(&seen).is_empty(), "{seen:#}");
    let hung = descriptor(files(&seen), 7);
    assert_eq!(hung["size_bytes"], Value::Null, "{hung:#}");
    assert!(
        hung["path"].as_str().unwrap().ends_with("tls.crt"),
        "{hung:#}"
    );
    assert_eq!(hung["access"], "read");
    assert_eq!(descriptor(files(&seen), 8)["type"], "character_device");
    let gaps = list(&seen, "gaps").iter();
    let fields: Vec<_> = gaps
        .filter(|gap| gap["reason"] == "timeout")
        .map(|gap| &gap["field"])
        .collect();
    assert!(
        fields.contains(&&Value::from("files.size_bytes")),
        "{seen:#}"
    );
    let skipped = spyhole(["--remote-fs", "skip"].iter().chain(&words))
        .ended_with(0)
        .json();
    let gap = |gap: &Value| gap["field"] == "files.type" && gap["reason"] == "remote_fs";
    assert!(list(&skipped, "gaps").iter().any(gap), "{skipped:#}");
}
