//! What `spyhole program` says of a JVM, beside what that JVM says itself.
//!
//! It is asked as jcmd(1) asks it, over the socket in its /tmp: no JDK is needed.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::host::{list, only, spyhole};
use crate::lab::process::Process;
use crate::patience::eventually;

/// A JVM that waits: keytool asks for a password.
struct Jvm {
    child: Child,
}

impl Jvm {
    fn start(flags: &[&str]) -> Self {
        let mut command = Command::new("keytool");
        command.args(flags.iter().map(|flag| format!("-J{flag}")));
        command.args(["-genseckey", "-keystore", "/nonexistent/store"]);
        command.stdin(Stdio::piped());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let jvm = Self {
            child: command.spawn().unwrap(),
        };
        eventually("the JVM has its counters", || {
            fs::read(jvm.file()).is_ok_and(|bytes| bytes.get(7) == Some(&1))
        });
        jvm
    }

    fn pid(&self) -> String {
        self.child.id().to_string()
    }

    fn file(&self) -> String {
        format!("/tmp/hsperfdata_root/{}", self.pid())
    }

    /// A command of jcmd(1).
    fn ask(&self, words: &str) -> String {
        let pid = self.pid();
        let socket = format!("/tmp/.java_pid{pid}");
        if UnixStream::connect(&socket).is_err() {
            fs::write(format!("/tmp/.attach_pid{pid}"), "").unwrap();
            kill(Pid::from_raw(pid.parse().unwrap()), Signal::SIGQUIT).unwrap();
            eventually("the JVM listens", || UnixStream::connect(&socket).is_ok());
            fs::remove_file(format!("/tmp/.attach_pid{pid}")).unwrap();
        }
        let mut stream = UnixStream::connect(&socket).unwrap();
        write!(stream, "1\0jcmd\0{words}\0\0\0").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn seen(&self) -> Value {
        let seen = spyhole(["program", "--pid", &self.pid(), "-o", "json"]).document();
        assert_eq!(seen["gaps"], json!([]), "{seen:#}");
        seen["program"]["jvm"].clone()
    }
}

impl Drop for Jvm {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        drop(fs::remove_file(format!(
            "/tmp/.java_pid{}",
            self.child.id()
        )));
    }
}

/// `12.345 s`, in the answer to `VM.uptime`.
fn seconds(answer: &str) -> f64 {
    let number = answer.lines().find_map(|line| line.strip_suffix(" s"));
    number
        .unwrap_or_else(|| panic!("{answer}"))
        .trim()
        .parse()
        .unwrap()
}

#[needs(root, keytool)]
fn heap_collections_version_and_uptime_are_what_the_jvm_says() {
    let jvm = Jvm::start(&["-Xms48m", "-Xmx48m", "-XX:+UseSerialGC"]);
    let version = jvm.ask("VM.version");
    let before = seconds(&jvm.ask("VM.uptime"));
    let first = jvm.seen();
    let after = seconds(&jvm.ask("VM.uptime"));
    let vm = format!(
        "{} version {}",
        text(&first["vm_name"]),
        text(&first["vm_version"])
    );
    assert!(version.contains(&vm), "{vm} in {version}");
    assert!(
        version.contains(text(&first["version"])),
        "{first:#} {version}"
    );
    assert_eq!(first["file"], jvm.file());
    let uptime = first["uptime_seconds"].as_f64().unwrap();
    assert!(
        before - 0.1 < uptime && uptime < after + 0.1,
        "{before} {uptime} {after}"
    );
    // Both survivor spaces, of which the JVM counts one.
    let heap = jvm.ask("GC.heap_info");
    let kibibytes = |row: &str, word: &str| -> u64 {
        let line = heap.lines().find(|line| line.trim_start().starts_with(row));
        let rest = line
            .unwrap_or_else(|| panic!("{row}: {heap}"))
            .split_once(word)
            .unwrap()
            .1;
        rest.trim().split('K').next().unwrap().parse().unwrap()
    };
    let capacity = kibibytes("def new generation", "total")
        + kibibytes("tenured generation", "total")
        + kibibytes("from space", "space");
    assert_eq!(first["heap_capacity_bytes"], capacity * 1024, "{heap}");
    // A full collection more than before, and the heap as it left it.
    let full = |seen: &Value| {
        let of_full = |one: &Value| text(&one["name"]).contains("ull");
        only(list(seen, "collectors"), of_full)["collections"]
            .as_u64()
            .unwrap()
    };
    jvm.ask("GC.run");
    jvm.ask("GC.run");
    let second = jvm.seen();
    assert_eq!(full(&second), full(&first) + 2, "{second:#}");
    assert!(second["heap_used_bytes"].as_u64().unwrap() < capacity * 1024);
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

#[needs(root, keytool)]
fn a_jvm_without_the_file_has_no_counters_and_a_removed_one_is_a_gap() {
    let jvm = Jvm::start(&[]);
    fs::remove_file(jvm.file()).unwrap();
    let seen = spyhole(["program", "--pid", &jvm.pid(), "-o", "json"]).document();
    assert_eq!(seen["program"]["jvm"], Value::Null);
    assert!(seen["program"].as_object().unwrap().contains_key("jvm"));
    let gap = only(list(&seen, "gaps"), |gap| gap["field"] == "jvm");
    assert_eq!(gap["reason"], "vanished");
    let own = std::process::id().to_string();
    let seen = spyhole(["program", "--pid", &own, "-o", "json"]).document();
    assert!(!seen["program"].as_object().unwrap().contains_key("jvm"));
}

/// Maps a file as a JVM does, with what is in the file that it is given.
fn mapped(content: &[u8]) -> (tempfile::TempDir, Process) {
    let top = tempfile::tempdir().unwrap();
    let directory = top.path().join("hsperfdata_app");
    fs::create_dir(&directory).unwrap();
    fs::write(directory.join("7"), content).unwrap();
    let script = "import mmap, sys, time\nf = open(sys.argv[1], 'r+b')\nm = mmap.mmap(f.fileno(), 0)\n\
        f.close()\nprint('ready', flush=True)\ntime.sleep(3600)";
    let mut command = Command::new("python3");
    command.args(["-c", script]).arg(directory.join("7"));
    let mut process = Process::start(&mut command, Signal::SIGKILL);
    process.wait_for_line("ready");
    (top, process)
}

#[needs(root)]
fn files_that_are_not_of_a_jvm_are_gaps() {
    let recorded = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/hsperfdata/jdk17-g1.base64"
    );
    let recorded = fs::read_to_string(recorded).unwrap().replace('\n', "");
    let recorded = data_encoding::BASE64.decode(recorded.as_bytes()).unwrap();
    let mut starting = recorded.clone();
    starting[7] = 0;
    let mut endless = recorded.clone();
    endless[32..36].fill(0);
    for (content, reason) in [
        (&recorded[..], None),
        (&recorded[..1000], Some("malformed")),
        (&endless, Some("malformed")),
        (&starting, Some("vanished")),
        (&vec![0; 8 << 20], Some("limit")),
        (b"no counters", Some("malformed")),
    ] {
        let (_top, process) = mapped(content);
        let pid = process.id().to_string();
        let seen = spyhole(["program", "--pid", &pid, "-o", "json"]).document();
        let gap = list(&seen, "gaps").iter().find(|gap| gap["field"] == "jvm");
        assert_eq!(
            gap.map(|gap| gap["reason"].as_str().unwrap()),
            reason,
            "{seen:#}"
        );
        let jvm = &seen["program"]["jvm"];
        assert_eq!(jvm.is_null(), reason.is_some());
        if reason.is_none() {
            assert_eq!(
                (text(&jvm["version"]), &jvm["metaspace_capacity_bytes"]),
                ("17.0.15", &json!(327_680))
            );
            let table = spyhole(["program", "--pid", &pid])
                .ended_with(0)
                .stdout_text();
            assert!(table.contains("G1 young collection pauses: "), "{table}");
        }
    }
}
