//! `spyhole lsof` and `fds` beside `lsof -F` and `ls -l /proc/PID/fd`.

mod callers;
mod ends;
mod flags;
mod hostile;
mod selection;
mod threads;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::host::{bytes, list, only, run, spyhole};
use crate::lab::process::Process;
use crate::patience::eventually;
use crate::support::needs::allowed;

/// A program that has a file of each kind open.
struct Holder {
    directory: TempDir,
    process: Process,
    /// Descriptors by what it calls them.
    named: BTreeMap<String, i64>,
}

impl Holder {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/open_files/holder.py");
        let mut command = Command::new("python3");
        command.arg(script).arg(directory.path());
        let mut process = Process::start(&mut command, Signal::SIGKILL);
        process.wait_for_line("ready");
        let said = fs::read_to_string(directory.path().join("numbers")).unwrap();
        let pairs = said.lines().filter_map(|line| line.split_once(' '));
        let named = pairs.map(|(name, fd)| (name.to_owned(), fd.parse().unwrap()));
        Self {
            named: named.collect(),
            directory,
            process,
        }
    }

    fn pid(&self) -> String {
        self.process.id().to_string()
    }

    fn path(&self, name: &str) -> String {
        let directory = self.directory.path().canonicalize().unwrap();
        directory.join(name).to_str().unwrap().to_owned()
    }
}

/// The document of `spyhole lsof` about one process of this machine.
fn document(pid: &str, flags: &[&str]) -> Value {
    let words = ["lsof", "--pid", pid, "-o", "json"];
    spyhole(words.iter().chain(flags)).document()
}

fn files(document: &Value) -> &Vec<Value> {
    list(&document["open_files"], "files")
}

fn descriptor(files: &[Value], fd: i64) -> &Value {
    only(files, |file| file["fd"] == fd)
}

/// What `lsof -F` says of each file: the fields by their letters, with `f` first.
fn lsof(pid: &str) -> Vec<BTreeMap<char, String>> {
    let mut command = Command::new("lsof");
    command.args(["-nP", "-w", "+c", "0", "-F", "faltDsikn", "-p", pid]);
    let seen = run(&mut command).ended_with(0).stdout_text();
    let mut files: Vec<BTreeMap<char, String>> = Vec::new();
    for line in seen.lines() {
        let (letter, value) = line.split_at(1);
        let letter = letter.chars().next().unwrap();
        if letter == 'f' {
            files.push(BTreeMap::new());
        }
        if let Some(last) = files.last_mut() {
            last.insert(letter, value.to_owned());
        }
    }
    files
}

/// Compares each descriptor with what lsof says of it.
fn compare_with_lsof(pid: &str) -> usize {
    let document = document(pid, &[]);
    let files = files(&document);
    let mut compared = 0;
    for theirs in lsof(pid) {
        let field = |letter: char| theirs.get(&letter).map(String::as_str);
        let ours = match field('f').unwrap() {
            "cwd" => only(files, |file| file["opened_as"] == "working_directory"),
            "rtd" => only(files, |file| file["opened_as"] == "root_directory"),
            "txt" => only(files, |file| file["opened_as"] == "program"),
            "mem" | "DEL" => {
                let inode: u64 = field('i').unwrap_or("0").parse().unwrap();
                let name = field('n').unwrap();
                let mapped = |file: &Value| {
                    file["opened_as"] == "mapped" && file["inode"] == inode && file["path"] == *name
                };
                only(files, mapped)
            }
            number => descriptor(files, number.parse().unwrap()),
        };
        let what = format!("{theirs:?}\n{ours:#}");
        if let Some(access) = field('a') {
            let word = match access {
                "r" => json!(["read", "path"]),
                "w" => json!(["write"]),
                "u" => json!(["read_write", "path"]),
                _ => json!([Value::Null, "path"]),
            };
            let of_descriptor = ours["opened_as"] == "descriptor";
            let fits = word.as_array().unwrap().contains(&ours["access"]);
            assert!(!of_descriptor || fits, "access: {what}");
        }
        let kind = match field('t').unwrap_or_default() {
            "REG" => &["file", "memfd", "namespace"][..],
            "DIR" => &["directory"],
            "CHR" => &["character_device"],
            "FIFO" => &["pipe", "fifo"],
            "IPv4" | "IPv6" | "unix" | "sock" | "netlink" | "pack" => &["socket"],
            "a_inode" | "pidfd" => &[
                "eventfd",
                "epoll",
                "timerfd",
                "signalfd",
                "inotify",
                "pidfd",
                "io_uring",
                "bpf",
                "anonymous",
            ],
            other => panic!("unknown type {other}: {what}"),
        };
        let ours_kind = ours["type"].as_str().unwrap();
        assert!(kind.contains(&ours_kind), "type: {what}");
        let of_file = ["file", "directory", "memfd", "pipe", "fifo"].contains(&ours_kind);
        if let Some(inode) = field('i').filter(|_| of_file) {
            assert_eq!(ours["inode"].to_string(), inode, "{what}");
        }
        if let Some(device) = field('D').filter(|_| of_file && ours["device"].is_string()) {
            let device = u64::from_str_radix(device.trim_start_matches("0x"), 16).unwrap();
            let (major, minor) = (nix::sys::stat::major(device), nix::sys::stat::minor(device));
            assert_eq!(ours["device"], format!("{major}:{minor}"), "{what}");
        }
        if let Some(size) = field('s').filter(|_| ours["size_bytes"].is_u64()) {
            assert_eq!(ours["size_bytes"].to_string(), size, "{what}");
        }
        if let Some(links) = field('k').filter(|_| ours["links"].is_u64()) {
            assert_eq!(ours["links"].to_string(), links, "{what}");
        }
        compared += 1;
    }
    compared
}

/// Compares each link of `/proc/PID/fd`, and the position beside it.
fn compare_with_links(pid: &str) {
    let document = document(pid, &[]);
    let files = files(&document);
    let directory = format!("/proc/{pid}/fd");
    let mut count = 0;
    for entry in fs::read_dir(&directory).unwrap() {
        let entry = entry.unwrap();
        let fd: i64 = entry.file_name().to_str().unwrap().parse().unwrap();
        let link = fs::read_link(entry.path()).unwrap().into_os_string();
        let link = link.into_encoded_bytes();
        let ours = descriptor(files, fd);
        if link.starts_with(b"/") {
            let mut path = bytes(&ours["path"]);
            if ours["deleted"] == true {
                path.extend(b" (deleted)");
            }
            let hidden = String::from_utf8_lossy(&path).contains("redacted");
            assert!(hidden || path == link, "{ours:#}\n{link:?}");
        } else if let Some(inode) = link
            .strip_suffix(b"]")
            .filter(|_| !link.starts_with(b"anon"))
        {
            let inode = inode.rsplit(|byte| *byte == b'[').next().unwrap();
            assert_eq!(ours["inode"].to_string().as_bytes(), inode, "{ours:#}");
        }
        let info = fs::read_to_string(format!("/proc/{pid}/fdinfo/{fd}")).unwrap();
        let value = |name: &str| {
            let found = info.lines().find_map(|line| line.strip_prefix(name));
            found.unwrap().trim().to_owned()
        };
        assert_eq!(ours["position"].to_string(), value("pos:"), "{ours:#}");
        assert_eq!(ours["mount_id"].to_string(), value("mnt_id:"), "{ours:#}");
        count += 1;
    }
    let shown = files
        .iter()
        .filter(|file| file["opened_as"] == "descriptor");
    assert_eq!(shown.count(), count);
    assert_eq!(document["gaps"], json!([]));
}

#[needs(root)]
fn each_kind_of_file_is_what_lsof_and_the_kernel_say() {
    let holder = Holder::start();
    let pid = holder.pid();
    assert!(compare_with_lsof(&pid) > 40);
    compare_with_links(&pid);
}

#[needs(root)]
fn what_only_some_kinds_have() {
    let holder = Holder::start();
    let document = document(&holder.pid(), &[]);
    let files = files(&document);
    let of = |name: &str| descriptor(files, holder.named[name]);
    assert_eq!(of("eventfd")["detail"]["eventfd_count"], 42);
    assert_eq!(of("epoll")["detail"]["epoll_targets"], 1);
    assert_eq!(of("inotify")["detail"]["watches"], 2);
    assert_eq!(of("signalfd")["detail"]["signals"], json!(["USR1"]));
    let pid: i64 = holder.pid().parse().unwrap();
    assert_eq!(of("pidfd")["detail"]["pidfd_pid"], pid);
    let timer = &of("timerfd")["detail"]["timer"];
    assert_eq!(
        (&timer["clock"], &timer["interval_seconds"]),
        (&json!("CLOCK_MONOTONIC"), &json!(5.0))
    );
    let expires = timer["expires_in_seconds"].as_f64().unwrap();
    assert!((4000.0..=5000.0).contains(&expires), "{timer}");
    assert_eq!(
        of("plain")["detail"]["locks"],
        json!([{"type": "flock", "access": "write", "start": 0}])
    );
    let part = json!([{"type": "posix", "access": "read", "start": 5, "end": 14}]);
    assert_eq!(of("part")["detail"]["locks"], part);
    let appended = of("appended")["flags"].as_array().unwrap();
    assert!(appended.contains(&json!("O_APPEND")) && appended.contains(&json!("O_CLOEXEC")));
    assert_eq!(of("path")["access"], "path");
    assert_eq!(of("namespace")["type"], "namespace");
    assert_eq!(
        (&of("memfd")["type"], &of("memfd")["in_memory"]),
        (&json!("memfd"), &json!(true))
    );
}

#[needs(root)]
fn sockets_and_pipes_have_both_ends() {
    let holder = Holder::start();
    let document = document(&holder.pid(), &["--ends"]);
    let files = files(&document);
    let of = |name: &str| descriptor(files, holder.named[name]);
    let (client, server) = (&of("client")["socket"], &of("server")["socket"]);
    assert_eq!(client["local_port"], server["peer_port"]);
    assert_eq!(client["peer_port"], of("listener")["socket"]["local_port"]);
    assert_eq!(client["state"], "established");
    assert_eq!(of("udp6")["socket"]["local_address"], "::1");
    assert_eq!(of("unbound")["detail"]["socket_protocol"], "UDP");
    let pid: i64 = holder.pid().parse().unwrap();
    for (one, other) in [
        ("pipe_read", "pipe_write"),
        ("pipe_write", "pipe_read"),
        ("pair", "pair_other"),
        ("pair_other", "pair"),
    ] {
        let ends = list(of(one), "other_ends");
        let fds: Vec<_> = ends.iter().map(|end| (&end["pid"], &end["fd"])).collect();
        let expected = (&json!(pid), &json!(holder.named[other]));
        assert_eq!(fds, [expected], "{one}");
    }
}

#[needs(root)]
fn removed_files_are_told_from_those_that_are_called_so() {
    let holder = Holder::start();
    let document = document(&holder.pid(), &[]);
    let files = files(&document);
    let of = |name: &str| descriptor(files, holder.named[name]);
    for (name, path, deleted, links) in [
        ("gone", "gone", true, 0),
        ("suffix", "suffix (deleted)", false, 1),
        ("gone_suffix", "gone (deleted)", true, 0),
        ("linked", "linked", true, 1),
        ("plain", "plain", false, 1),
    ] {
        let file = of(name);
        assert_eq!(file["path"], holder.path(path), "{name}");
        assert_eq!(file["deleted"] == true, deleted, "{name}");
        assert_eq!(file["links"], links, "{name}");
    }
    // Each inode once, and what has another name holds nothing.
    let deleted = &document["open_files"]["deleted"];
    let link = format!("/proc/{}/fd/{}", holder.pid(), holder.named["gone"]);
    let blocks = std::os::unix::fs::MetadataExt::blocks(&fs::metadata(&link).unwrap());
    let memory = format!("/proc/{}/fd/{}", holder.pid(), holder.named["memfd"]);
    let pages = std::os::unix::fs::MetadataExt::blocks(&fs::metadata(&memory).unwrap());
    let in_memory = of("gone")["in_memory"] == true;
    let (disk, memory) = if in_memory {
        (0, (blocks + pages) * 512)
    } else {
        (blocks * 512, pages * 512)
    };
    assert_eq!(
        *deleted,
        json!({"files": 3, "disk_bytes": disk, "memory_bytes": memory})
    );
}

#[needs(root)]
fn real_programs_beside_lsof() {
    let directory = tempfile::tempdir().unwrap();
    let top = directory.path();
    let configuration = format!(
        "daemon off; master_process off; pid {0}/pid; error_log {0}/error.log; \
         events {{}} http {{ access_log {0}/access.log; server {{ listen unix:{0}/nginx.sock; }} }}",
        top.display()
    );
    fs::write(top.join("nginx.conf"), configuration).unwrap();
    let mut nginx = Command::new("/usr/sbin/nginx");
    nginx.args(["-p", top.to_str().unwrap(), "-c", "nginx.conf"]);
    let mut redis = Command::new("/usr/bin/redis-server");
    redis.args(["--port", "0", "--save", "", "--unixsocket"]);
    redis.arg(top.join("redis.sock")).current_dir(top);
    for (mut command, log) in [(nginx, "access.log"), (redis, "redis.sock")] {
        let program = command.get_program().to_str().unwrap().to_owned();
        let there = Path::new(&program).exists();
        let there = there.then_some(()).ok_or_else(|| format!("no {program}"));
        if !allowed("a real server", &there) {
            continue;
        }
        let process = Process::start(&mut command, Signal::SIGTERM);
        eventually("it runs", || top.join(log).exists());
        let pid = process.id().to_string();
        // It opens further files while it starts.
        eventually("it has opened its files", || {
            let count = || fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count();
            let before = count();
            std::thread::sleep(std::time::Duration::from_millis(50));
            before > 5 && count() == before
        });
        assert!(compare_with_lsof(&pid) > 10, "{program}");
        compare_with_links(&pid);
    }
}

#[needs(root)]
fn fds_is_what_ls_shows() {
    let holder = Holder::start();
    let seen = spyhole(["fds", "--pid", &holder.pid()]).ended_with(0);
    let text = seen.stdout_text();
    let line = |name: &str| {
        let fd = holder.named[name].to_string();
        let found = text
            .lines()
            .find(|line| line.trim_start().starts_with(&format!("{fd} ")));
        found.unwrap_or_else(|| panic!("{name}: {seen}")).to_owned()
    };
    assert!(
        line("plain").contains("rw") && line("plain").contains("10000"),
        "{seen}"
    );
    assert!(line("gone").contains("/gone (deleted)"), "{seen}");
    assert!(line("appended").contains("APPEND,CLOEXEC"), "{seen}");
    assert!(line("odd").contains(r"new\nline\x1b[31m"), "{seen}");
    assert!(!text.contains("ghp_0123456789"), "{seen}");
    assert!(text.contains("removed and still open: 3 files"), "{seen}");
}

#[needs(root)]
fn a_summary_counts_and_dump_has_nothing_more() {
    let holder = Holder::start();
    let pid = holder.pid();
    let dumped = spyhole(["dump", "--pid", &pid, "-o", "json"]).document();
    let open = &dumped["open_files"];
    assert_eq!(open["files"], Value::Null);
    let process = only(list(open, "processes"), |_| true);
    let count = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count();
    assert_eq!(process["fd_count"], count);
    let types = process["fd_types"].as_object().unwrap();
    let sum: u64 = types.values().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(sum, count as u64, "{types:?}");
    assert_eq!(
        (&types["socket"], &types["eventfd"]),
        (&json!(7), &json!(1))
    );
    assert_eq!(process["deleted"]["files"], 3);
}
