//! Processes that wrote their title over arguments and environment: real servers as Debian ships
//! them, and a script that writes any bytes, each compared with what it was started with.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use nix::sys::signal::Signal;
use serde_json::Value;
use tempfile::TempDir;

use super::host::{args, list, only, run, spyhole};
use super::lab::Output;
use super::lab::process::Process;
use super::patience::eventually;
use crate::support::needs::allowed;

const SECRET: &str = "hunter2hunter2hunter2";
/// `PostgreSQL` does not run as root.
const NOBODY: u32 = 65534;

/// What each is started with: long enough that no title covers it all.
fn environment() -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, String> = (0..20)
        .map(|n| (format!("NAME_{n:02}"), format!("value {n}")))
        .collect();
    all.insert("DATABASE_PASSWORD".to_owned(), SECRET.to_owned());
    all.insert("PATH".to_owned(), "/usr/bin:/bin:/usr/sbin".to_owned());
    all
}

/// `end` also ends the children.
fn start(command: &mut Command, end: Signal) -> Process {
    command.env_clear().envs(environment());
    Process::start(command, end)
}

fn installed(program: &str) -> Result<(), String> {
    let there = Path::new(program).exists();
    there
        .then_some(())
        .ok_or_else(|| format!("no {program}: see scripts/prepare"))
}

fn cmdline(pid: u32) -> Vec<u8> {
    fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default()
}

/// The children of a process that have a title of their own.
fn titled_children(pid: u32, start: &[u8]) -> Vec<u32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    let children = children.unwrap_or_default();
    let pids = children.split_whitespace().map(|pid| pid.parse().unwrap());
    pids.filter(|pid| cmdline(*pid).starts_with(start))
        .collect()
}

fn look(pid: u32, words: &[&str]) -> Output {
    let pid = pid.to_string();
    spyhole([&["--pid", &pid], words].concat())
}

fn gap<'a>(document: &'a Value, field: &str) -> &'a Value {
    only(list(document, "gaps"), |gap| gap["field"] == field)
}

fn no_trace_of_the_secret(seen: &Output) {
    let text = seen.stdout_text() + &seen.stderr_text();
    for tail in ["hunter2", "nter2", "ter2"] {
        assert!(!text.contains(tail), "{seen}");
    }
}

/// Nothing is left of the environment of this process, and spyhole says so.
fn assert_gone(pid: u32, title: &str) {
    let seen = look(pid, &["env", "-o", "json"]).ended_with(4);
    let document = seen.json();
    let environment = &list(&document, "environment")[0];
    assert!(environment["variables"].is_null(), "{document:#}");
    let told = gap(&document, "variables");
    assert_eq!(told["reason"], "overwritten", "{told:#}");
    assert_eq!(told["subjects"], serde_json::json!([pid]));
    assert!(told["needs"].as_str().unwrap().contains("configuration"));
    no_trace_of_the_secret(&seen);
    let table = look(pid, &["env"]).ended_with(4);
    let text = table.stdout_text() + &table.stderr_text();
    assert!(text.contains("overwritten by the process"), "{table}");
    // The title is what ps shows of it.
    let document = look(pid, &["ps", "-o", "json"]).ended_with(0).json();
    let process = &list(&document, "processes")[0];
    let shown = args(process);
    assert!(shown[0].starts_with(title.as_bytes()), "{process:#}");
    // What else reads the environment says that it could not.
    let mounts = look(pid, &["mounts", "-o", "json"]).json();
    assert_eq!(gap(&mounts, "usual_directories")["reason"], "overwritten");
}

#[test]
fn nginx_has_no_environment_left() {
    if !allowed("rewritten: nginx", &installed("/usr/sbin/nginx")) {
        return;
    }
    let house = TempDir::new().unwrap();
    let path = |name: &str| house.path().join(name).display().to_string();
    let config = format!(
        "pid {}; error_log {}; events {{}} http {{ access_log off; server {{ listen unix:{}; }} }}",
        path("pid"),
        path("errors"),
        path("socket")
    );
    fs::write(path("nginx.conf"), config).unwrap();
    let mut command = Command::new("/usr/sbin/nginx");
    command.args(["-c", &path("nginx.conf"), "-g", "daemon off;"]);
    let nginx = start(&mut command, Signal::SIGTERM);
    let worker = eventually("a worker", || {
        titled_children(nginx.id(), b"nginx: worker process").pop()
    });
    assert_gone(nginx.id(), "nginx: master process");
    assert_gone(worker, "nginx: worker process");
}

#[test]
fn redis_has_no_environment_left() {
    if !allowed("rewritten: Redis", &installed("/usr/bin/redis-server")) {
        return;
    }
    let house = TempDir::new().unwrap();
    let socket = house.path().join("socket").display().to_string();
    let mut command = Command::new("/usr/bin/redis-server");
    command.args(["--port", "0", "--save", "", "--unixsocket", &socket]);
    let redis = start(&mut command, Signal::SIGKILL);
    eventually("redis has its title", || {
        cmdline(redis.id()).starts_with(b"/usr/bin/redis-server unixsocket:")
    });
    assert_gone(redis.id(), "/usr/bin/redis-server unixsocket:");
}

#[test]
fn the_children_of_postgres_have_none_and_the_postmaster_has_its_own() {
    let bin = fs::read_dir("/usr/lib/postgresql")
        .ok()
        .and_then(|versions| {
            let mut bins = versions.map(|version| version.unwrap().path().join("bin"));
            bins.find(|bin| bin.join("initdb").exists())
        });
    let stands = bin
        .clone()
        .map(drop)
        .ok_or_else(|| "no postgresql".to_owned());
    if !allowed("rewritten: PostgreSQL", &stands) {
        return;
    }
    let bin = bin.unwrap();
    let house = TempDir::new().unwrap();
    let root = nix::unistd::geteuid().is_root();
    if root {
        chown(house.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let program = |name: &str| {
        let mut command = Command::new(bin.join(name));
        if root {
            command.uid(NOBODY).gid(NOBODY);
        }
        command.arg("-D").arg(house.path().join("data"));
        command
    };
    let mut initdb = program("initdb");
    initdb.args([
        "--auth",
        "trust",
        "--no-sync",
        "--locale",
        "C",
        "-U",
        "nobody",
    ]);
    run(initdb.current_dir(house.path())).ended_with(0);
    let mut command = program("postgres");
    command.args(["-c", "listen_addresses="]);
    command.arg("-c");
    command.arg(format!(
        "unix_socket_directories={}",
        house.path().display()
    ));
    let postmaster = start(&mut command, Signal::SIGQUIT);
    let child = eventually("a child", || {
        // Not one of those that end by themselves.
        titled_children(postmaster.id(), b"postgres: checkpointer").pop()
    });
    assert_gone(child, "postgres: ");
    let words = ["env", "--reveal-all", "-o", "json"];
    let document = look(postmaster.id(), &words).ended_with(0).json();
    assert_eq!(shown(&list(&document, "environment")[0]), environment());
}

#[test]
fn python_with_setproctitle_has_no_environment_left() {
    let module = "/usr/lib/python3/dist-packages/setproctitle";
    let stands = installed(module).or_else(|_| {
        let there = fs::read_dir("/usr/lib/python3/dist-packages")
            .into_iter()
            .flatten()
            .any(|entry| {
                entry
                    .unwrap()
                    .file_name()
                    .to_string_lossy()
                    .starts_with("setproctitle")
            });
        there
            .then_some(())
            .ok_or_else(|| "no python3-setproctitle".to_owned())
    });
    if !allowed("rewritten: python3-setproctitle", &stands) {
        return;
    }
    let long = format!("worker: {}", "long ".repeat(40));
    for title in ["worker", long.trim_end()] {
        let script = "import setproctitle, sys, time\n\
                      setproctitle.setproctitle(sys.argv[1]); print('ready', flush=True)\n\
                      time.sleep(3600)";
        let mut command = Command::new("/usr/bin/python3");
        let mut python = start(command.args(["-c", script, title]), Signal::SIGKILL);
        python.wait_for_line("ready");
        assert_gone(python.id(), title);
    }
}

#[test]
fn perl_fills_with_blanks() {
    if !allowed("rewritten: Perl", &installed("/usr/bin/perl")) {
        return;
    }
    for title in ["perl title", &"a perl title ".repeat(9)] {
        let script = "$0 = $ARGV[0]; $| = 1; print \"ready\\n\"; sleep 3600";
        let mut command = Command::new("/usr/bin/perl");
        let mut perl = start(command.args(["-e", script, title]), Signal::SIGKILL);
        perl.wait_for_line("ready");
        assert_gone(perl.id(), title);
    }
}

/// What [`WRITER`] writes.
struct Written {
    /// Behind the arguments, up to a NUL; before it they are all title, with the secret's beginning
    /// at their end. Where this is empty, the title ends within the arguments.
    spill: String,
    /// So many NULs follow.
    padding: usize,
}

/// Starts a child that has the whole environment, then writes over its own arguments and what
/// follows them.
const WRITER: &str = "
import ctypes, subprocess, sys
child = subprocess.Popen(['cat'], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
fields = open('/proc/self/stat').read().rsplit(')', 1)[1].split()
start, end = int(fields[45]), int(fields[46])
spill, padding = sys.argv[1].encode(), int(sys.argv[2])
if spill:
    last = b' --password=hunter2'
    title = (b'worker ' + b'x' * (end - start))[:end - start - len(last)] + last + spill + b'\\0'
else:
    title = b'worker'.ljust(end - start, b'\\0')
title += b'\\0' * padding
ctypes.memmove(start, title, len(title))
print('ready', child.pid, flush=True)
child.wait()
";

fn shown(environment: &Value) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    list(environment, "variables")
        .iter()
        .map(|one| (text(&one["name"]), text(&one["value"])))
        .collect()
}

#[test]
fn a_title_that_runs_into_the_environment_leaves_the_sure_part() {
    if !allowed("rewritten: python3", &installed("/usr/bin/python3")) {
        return;
    }
    for (spill, padding) in [
        (&SECRET[7..], 0),
        (&format!("{} -v and more words", &SECRET[7..]), 0),
        (&SECRET[7..], 60),
        ("", 40),
    ] {
        let written = Written {
            spill: spill.to_owned(),
            padding,
        };
        assert_the_sure_part_is_left(&written);
    }
}

fn assert_the_sure_part_is_left(written: &Written) {
    let Written { spill, padding } = written;
    let mut command = Command::new("/usr/bin/python3");
    command.args(["-c", WRITER, spill, &padding.to_string()]);
    let mut process = start(&mut command, Signal::SIGKILL);
    let line = process.wait_for_line("ready");
    let child: u32 = line.split_whitespace().nth(1).unwrap().parse().unwrap();

    let seen = look(process.id(), &["env", "--reveal-all", "-o", "json"]).ended_with(0);
    let document = seen.json();
    let left = shown(&list(&document, "environment")[0]);
    let had = environment();
    assert!(left.len() >= 10 && left.len() < had.len(), "{left:?}");
    for (name, value) in &left {
        assert_eq!(had.get(name), Some(value), "{document:#}");
    }
    assert_eq!(gap(&document, "variables")["reason"], "overwritten");
    look(process.id(), &["env", "--strict"]).ended_with(4);
    for words in [["env"], ["ps"]] {
        no_trace_of_the_secret(&look(process.id(), &words).ended_with(0));
    }
    if !spill.is_empty() {
        let document = look(process.id(), &["ps", "-o", "json"])
            .ended_with(0)
            .json();
        assert_eq!(gap(&document, "args")["reason"], "overwritten");
    }
    // The child has all of it, and is not compared with what is left of its parent's.
    let container = format!("pid-{child}");
    let document = spyhole(["-c", &container, "env", "--all", "-o", "json"]).json();
    let child = only(list(&document, "environment"), |one| one["pid"] == child);
    assert!(child.get("missing_from_parent").is_none(), "{child:#}");
    let variables = list(child, "variables");
    // Python adds LC_CTYPE.
    assert!(variables.len() >= had.len(), "{child:#}");
    assert!(
        variables
            .iter()
            .all(|one| one.get("against_parent").is_none()),
        "{child:#}"
    );
}

#[test]
fn arguments_of_nothing_but_nuls_are_not_empty() {
    if !allowed("rewritten: python3", &installed("/usr/bin/python3")) {
        return;
    }
    let script = "import ctypes, time\n\
         fields = open('/proc/self/stat').read().rsplit(')', 1)[1].split()\n\
         ctypes.memset(int(fields[45]), 0, int(fields[46]) - int(fields[45]))\n\
         print('ready', flush=True); time.sleep(3600)";
    let mut command = Command::new("/usr/bin/python3");
    let mut process = start(command.args(["-c", script]), Signal::SIGKILL);
    process.wait_for_line("ready");
    let document = look(process.id(), &["ps", "-o", "json"])
        .ended_with(0)
        .json();
    assert!(
        list(&document, "processes")[0]["args"].is_null(),
        "{document:#}"
    );
    assert_eq!(gap(&document, "args")["reason"], "overwritten");
}
