//! Processes that lie, swell or vanish, and a viewer that has next to nothing.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

use super::host::{args, bytes, copy_program, list, only, run, shell, spyhole};
use super::lab::process::Process;
use super::lab::{self, Lab, example};
use super::patience::eventually;
use super::support::fake_root::FakeRoot;
use super::support::idle::Idle;

const HOSTILE: &[u8] = b") R 1\n\x1b[31m";

impl Idle {
    fn look(&self, words: &[&str]) -> super::lab::Output {
        let pid = self.id().to_string();
        spyhole([&["--pid", &pid], words].concat())
    }
}

// ---- names

#[needs(root)]
fn a_hostile_name_reaches_no_terminal_and_is_whole_in_the_document() {
    let web = Lab::webapp()
        .args(["--hostile-name", "--no-zombie"])
        .start();
    let look = |words: &[&str]| web.spyhole().args(words).run().ended_with(0);
    let document = look(&["ps", "-o", "json"]).json();
    let worker = only(list(&document, "processes"), |one| {
        bytes(&one["comm"]) == HOSTILE
    });
    assert_eq!(
        (&worker["state"], &worker["ppid"]),
        (&"sleeping".into(), &1.into())
    );
    assert_eq!(
        list(&document, "processes").len(),
        3,
        "no line became a process"
    );

    let columns = ["ps", "--columns", "pid,comm,exe,cwd,container,command"];
    let tree = ["ps", "--tree", "--threads"];
    for words in [
        &["ps"][..],
        &columns,
        &tree,
        &["ps", "-o", "wide"],
        &["env", "-A"],
        &["containers"],
        &["dump", "-o", "table"],
    ] {
        for color in ["never", "auto"] {
            let seen = look(&[words, &["--color", color]].concat());
            assert!(
                !seen.stdout.contains(&0x1b),
                "{words:?} lets an escape through: {seen}"
            );
        }
    }
    let table = look(&["ps", "--columns", "pid,comm", "--no-headers"]).stdout_text();
    assert_eq!(table.lines().count(), 3, "a row for each process: {table}");
    assert!(table.contains(r") R 1\n\x1b[31m"), "{table}");
    for format in ["json", "yaml"] {
        let seen = look(&["dump", "-o", format]);
        assert!(!seen.stdout.contains(&0x1b), "{format}: {seen}");
    }
}

#[needs(root)]
fn a_hostile_name_in_an_error_is_written_out() {
    let shelf = TempDir::new().unwrap();
    let hostile = shelf.path().join(OsStr::from_bytes(b"a\x1b[31m\nb"));
    copy_program(&example("webapp"), &hostile);
    let pod = Lab::pod();
    let _web = pod.webapp().start();
    let other = pod
        .program(&hostile)
        .args(["--listen", "127.0.0.1:8081"])
        .ready("ready ");
    let _other = other.start();
    let seen = pod.spyhole().arg("ps").run().ended_with(3);
    assert!(!seen.stderr.contains(&0x1b), "{seen}");
    assert!(seen.stderr_text().contains(r"a\x1b[31m\nb"), "{seen}");
}

#[needs(root)]
fn what_is_not_utf8_comes_back_byte_by_byte() {
    let web = Lab::webapp().args(["--non-utf8", "--no-zombie"]).start();
    let document = web.spyhole().args(["dump", "-o", "json"]).run().document();
    let label = b"--label=caf\xe9\xff".to_vec();
    let worker = only(list(&document, "processes"), |one| {
        args(one).contains(&label)
    });
    let pid = worker["pid"].to_string();
    let words = ["--pid", &pid, "env", "-o", "json"];
    let document = web.spyhole().args(words).run().document();
    let variables = list(&list(&document, "environment")[0], "variables");
    let variable = only(variables, |one| bytes(&one["name"]) == b"CAF\xc9");
    assert_eq!(bytes(&variable["value"]), b"cr\xe8me");
    let table = web.spyhole().args(["ps"]).run().ended_with(0).stdout_text();
    assert!(table.contains(r"--label=caf\xe9\xff"), "{table}");
}

// ---- environments

#[needs(root)]
fn an_environment_of_any_shape_is_shown_entry_by_entry() {
    let web = Lab::webapp()
        .env("TWICE", "first")
        .env("TWICE", "second")
        .env("EMPTY", "")
        .env("EQUALS", "a=b=c")
        .env_bytes("BYTES", b"\xff\x01")
        .env_bytes("LINES", b"one\ntwo\x1b[2J")
        .env("", "without a name")
        .start();
    let raw = web.host_proc("environ");
    let document = web.spyhole().args(["env", "-o", "json"]).run().document();
    let variables = list(&list(&document, "environment")[0], "variables");
    let all = |name: &str| -> Vec<&Value> {
        variables.iter().filter(|one| one["name"] == name).collect()
    };
    let [first, second] = all("TWICE")[..] else {
        panic!("{document:#}")
    };
    assert_eq!(
        (&first["value"], first.get("shadowed")),
        (&"first".into(), None)
    );
    assert_eq!(
        (&second["value"], &second["shadowed"]),
        (&"second".into(), &true.into())
    );
    assert_eq!(all("EMPTY")[0]["value"], "", "empty is not absent");
    assert_eq!(all("EQUALS")[0]["value"], "a=b=c");
    assert_eq!(bytes(&all("LINES")[0]["value"]), b"one\ntwo\x1b[2J");
    assert_eq!(all("")[0]["value"], "without a name");
    // Every byte of the kernel's file is there again.
    let entry = |one: &Value| {
        if one["value"].is_null() {
            bytes(&one["name"])
        } else {
            [bytes(&one["name"]), bytes(&one["value"])].join(&b'=')
        }
    };
    let mut back = variables.iter().map(entry).collect::<Vec<_>>().join(&0);
    back.push(0);
    assert_eq!(back, raw, "{document:#}");
    let table = web.spyhole().args(["env"]).run().ended_with(0);
    assert!(table.stdout_text().contains(r"one\ntwo\x1b[2J"), "{table}");
    assert!(!table.stdout.contains(&0x1b), "{table}");
}

#[needs(root)]
fn an_entry_without_equals_is_no_variable_and_says_so() {
    // The harness makes pairs only, so this is the lab itself.
    let notes = TempDir::new().unwrap();
    let pidfile = notes.path().join("pid");
    let mut command = Command::new(example("lab"));
    command.arg("run").arg("--pidfile").arg(&pidfile);
    command.args(["--env", "JUST_WORDS", "--env", "PAIR=1", "--copy"]);
    command.arg(format!("{}:/webapp", example("webapp").display()));
    command.args(["--", "/webapp", "--no-zombie"]);
    let mut process = Process::start(&mut command, Signal::SIGQUIT);
    process.wait_for_line("ready ");
    // Written as soon as the program runs, which may be after its first word.
    let pid = eventually("the pid", || fs::read_to_string(&pidfile));
    let look = |format: &str| spyhole(["--pid", pid.trim(), "env", "-o", format]).ended_with(0);
    let document = look("json").json();
    let variables = list(&list(&document, "environment")[0], "variables");
    let words = only(variables, |one| one["name"] == "JUST_WORDS");
    assert_eq!(
        (words.get("value"), &words["without_equals"]),
        (None, &true.into())
    );
    assert_eq!(only(variables, |one| one["name"] == "PAIR")["value"], "1");
    assert!(look("table").stdout_text().contains("no = in this entry"));
    process.stop();
}

#[test]
fn two_mebibytes_of_environment_are_read_whole() {
    // The kernel bounds one entry to 128 KiB and all to a quarter of the stack limit.
    let value = "v".repeat(120_000);
    let names: Vec<String> = (0..15).map(|number| format!("BIG_{number}")).collect();
    let idle = Idle::shell(|command| {
        command.env_clear().env("PATH", "/usr/bin:/bin");
        command.envs(names.iter().map(|name| (name, &value)));
    });
    let document = idle.look(&["env", "--reveal-all", "-o", "json"]).document();
    let variables = list(&list(&document, "environment")[0], "variables");
    for name in &names {
        let variable = only(variables, |one| one["name"] == name.as_str());
        assert_eq!(variable["value"].as_str().map(str::len), Some(value.len()));
    }
    assert_eq!(document["gaps"], serde_json::json!([]));
}

#[test]
fn a_hundred_thousand_arguments_are_read_whole() {
    let words: Vec<String> = (0..100_000).map(|number| format!("a{number}")).collect();
    let idle = Idle::shell(|command| {
        command.args(&words);
    });
    let document = idle.look(&["ps", "-o", "json"]).document();
    assert_eq!(
        args(&list(&document, "processes")[0]).len(),
        words.len() + 3
    );
    let table = idle.look(&["ps", "--columns", "pid,command"]).ended_with(0);
    assert_eq!(table.stdout_text().lines().count(), 2);
}

// ---- processes that vanish

#[test]
fn a_crowd_that_comes_and_goes_is_never_an_error_and_never_half_a_process() {
    let go = AtomicBool::new(true);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while go.load(Ordering::Relaxed) {
                    let start = || Command::new("sleep").arg("3600").spawn().unwrap();
                    let mut crowd: Vec<Child> = (0..12).map(|_| start()).collect();
                    for child in &mut crowd {
                        drop(child.kill());
                    }
                    for child in &mut crowd {
                        drop(child.wait());
                    }
                }
            });
        }
        let outcome = std::panic::catch_unwind(|| {
            for run in 0..50 {
                let words: &[&str] = if run % 2 == 0 {
                    &["ps", "-A", "--threads"]
                } else {
                    &["dump"]
                };
                let seen = spyhole([words, &["-o", "json"]].concat());
                assert_whole(&seen.document());
                assert!(seen.stderr.is_empty(), "{seen}");
            }
        });
        go.store(false, Ordering::Relaxed);
        outcome.unwrap();
    });
}

fn assert_whole(document: &Value) {
    let mut met = HashSet::new();
    for process in list(document, "processes") {
        assert!(met.insert(&process["pid"]), "twice: {process:#}");
        if process["comm"] == "sleep" && process["zombie"] == false {
            for key in ["real_uid", "signals", "fd_limit", "oom_score"] {
                assert!(!process[key].is_null(), "no {key}: {process:#}");
            }
            // On its way out it lacks its memory and all that is in it, or nothing. (In the
            // middle of exec the arguments alone are empty, for a moment.)
            let lacks = ["exe", "swap_bytes", "locked_bytes"].map(|key| process.get(key).is_none());
            assert_eq!(lacks, [lacks[0]; 3], "{process:#}");
            let no_args = process["args"] == serde_json::json!([]);
            assert!(no_args || !lacks[0], "{process:#}");
        }
    }
    // Mounts of the tests beside this one come and go as well, which is told.
    let gaps = list(document, "gaps").iter();
    for gap in gaps.filter(|gap| gap["section"] != "mounts") {
        let told = ["vanished", "malformed", "io", "unsupported"]
            .contains(&gap["reason"].as_str().unwrap());
        assert!(
            !told,
            "who is gone is left out, not told in pieces: {gap:#}"
        );
    }
}

#[test]
fn a_target_that_is_gone_is_no_target() {
    let idle = Idle::shell(|_| {});
    let pid = idle.id().to_string();
    drop(idle);
    let seen = spyhole(["--pid", &pid, "env"]).ended_with(3);
    assert!(
        seen.stderr_text()
            .contains(&format!("process {pid} not found")),
        "{seen}"
    );
}

#[test]
fn a_stopped_process_is_looked_at_and_stays_stopped() {
    let idle = Idle::shell(|_| {});
    kill(Pid::from_raw(idle.pid()), Signal::SIGSTOP).unwrap();
    let stat = format!("/proc/{}/stat", idle.id());
    eventually("it is stopped", || {
        fs::read_to_string(&stat).unwrap().contains(") T ")
    });
    for _ in 0..2 {
        let document = idle.look(&["dump", "-o", "json"]).document();
        assert_eq!(list(&document, "processes")[0]["state"], "stopped");
    }
}

// ---- a viewer that has next to nothing

#[test]
fn sixteen_descriptors_are_enough() {
    let crowd: Vec<Idle> = (0..40).map(|_| Idle::shell(|_| {})).collect();
    let poor = shell(r#"ulimit -n 16; exec "$0" ps --all -o json"#).document();
    let seen: HashSet<u64> = list(&poor, "processes")
        .iter()
        .map(|process| process["pid"].as_u64().unwrap())
        .collect();
    for idle in &crowd {
        assert!(seen.contains(&idle.id().into()), "{} is missing", idle.id());
    }
    let idle = Idle::shell(|_| {});
    // The directory of a cgroup may be deep below a mount.
    for (descriptors, words) in [(24, "dump"), (16, "env --all"), (16, "containers")] {
        let pid = idle.id();
        let line = format!(r#"ulimit -n {descriptors}; exec "$0" --pid {pid} {words} -o json"#);
        assert_eq!(shell(&line).document()["gaps"], serde_json::json!([]));
    }
}

#[needs(root)]
fn where_no_thread_can_be_had_the_work_is_done_all_the_same() {
    // The limit does not bind root: another user, who must be able to reach the program.
    let shelf = FakeRoot::new();
    let program = shelf.copy(&lab::spyhole());
    let mut command = Command::new("sh");
    command.args(["-c", r#"ulimit -u 1; exec "$0" ps --all -o json"#]);
    let seen = run(command.arg(&program).uid(54_321).gid(54_321));
    let document = seen.document();
    let own = list(&document, "processes");
    assert!(own.iter().any(|one| one["pid"] == 1), "{seen}");
}

#[test]
fn closed_standard_files_do_no_harm() {
    shell(r#"exec "$0" ps --all <&-"#).ended_with(0);
    shell(r#"exec "$0" ps --all 2>&-"#).ended_with(0);
    // Where nobody can be told, the exit code has to do.
    shell(r#"exec "$0" ps --columns nope 2>&-"#).ended_with(2);
    let closed = shell(r#"exec "$0" ps --all >&-"#).ended_with(0);
    assert!(
        closed.stdout.is_empty() && closed.stderr.is_empty(),
        "{closed}"
    );
}

#[test]
fn a_full_disk_is_an_error_and_no_success() {
    for format in ["table", "json", "yaml"] {
        let seen = shell(&format!(r#"exec "$0" ps -o {format} >/dev/full"#)).ended_with(5);
        assert!(seen.stderr_text().contains("No space left"), "{seen}");
    }
}

#[needs(root)]
fn a_read_only_root_without_any_capability_is_enough() {
    let web = Lab::webapp().uid(1000).caps("none").read_only().start();
    for seccomp in ["none", "deny-openat2", "no-openat2", "default-like"] {
        let viewer = web
            .spyhole()
            .uid(1000)
            .caps("none")
            .no_new_privs()
            .read_only();
        let document = viewer
            .seccomp(seccomp)
            .args(["dump", "-o", "json"])
            .run()
            .document();
        // The lab has no cgroups.
        let gaps = list(&document, "gaps");
        let gaps = gaps.iter().filter(|gap| gap["section"] != "resources");
        assert_eq!(gaps.count(), 0, "{seccomp}: {document:#}");
        assert_eq!(list(&document, "processes").len(), 4);
    }
}

#[test]
fn words_of_the_command_line_that_are_no_text_are_refused() {
    let word = OsString::from_vec(b"--\xff\x1b[31m".to_vec());
    let seen = spyhole(["ps".into(), word]).ended_with(2);
    assert!(
        !seen.stderr.contains(&0x1b),
        "an escape sequence comes back raw: {seen}"
    );
    let seen = spyhole(["-c", "a\x1b[31m\nb", "ps"]).ended_with(3);
    assert!(!seen.stderr.contains(&0x1b), "{seen}");
}
