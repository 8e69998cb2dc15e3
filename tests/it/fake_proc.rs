//! Kernels, sandboxes and nodes that no machine at hand has, as a directory in
//! place of /proc.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::Value;
use tempfile::TempDir;

use super::fake::FakeProc;
use super::host::{bytes, list, only, shell, spyhole};

fn gap<'a>(document: &'a Value, section: &str, field: &str) -> Option<&'a Value> {
    let fits = |gap: &&Value| gap["section"] == section && gap["field"] == field;
    list(document, "gaps").iter().find(fits)
}

fn of_pid(document: &Value, pid: i32) -> &Value {
    only(list(document, "processes"), |process| process["pid"] == pid)
}

#[test]
fn a_usual_process_is_seen_whole() {
    let fake = FakeProc::new();
    fake.process(1).comm(b"nginx");
    let document = fake.spyhole(["ps", "-o", "json"]).document();
    let nginx = of_pid(&document, 1);
    assert_eq!(nginx["comm"], "nginx");
    assert_eq!(nginx["args"], serde_json::json!(["app", "--serve"]));
    assert_eq!(nginx["exe"], "/app");
    assert_eq!(nginx["rss_bytes"], 1 << 20);
    assert_eq!(
        nginx["cpu_seconds"],
        serde_json::json!({"user": 1.5, "system": 0.5})
    );
    assert_eq!(nginx["signals"]["ignored"], serde_json::json!(["PIPE"]));
    assert_eq!(nginx["fd_limit"]["soft"], 1024);
    assert_eq!(document["gaps"], serde_json::json!([]), "{document:#}");
}

// ---- other kernels and sandboxes

#[test]
fn gvisor_lacks_files_and_lines_which_is_told_and_not_zero() {
    let fake = FakeProc::new();
    for pid in [1, 7] {
        fake.process(pid)
            .status_without(&[
                "Umask",
                "NStgid",
                "NSpid",
                "VmLck",
                "VmSwap",
                "ShdPnd",
                "SigPnd",
                "SigBlk",
                "SigIgn",
                "SigCgt",
                "NoNewPrivs",
                "Seccomp",
                "Seccomp_filters",
                "CapAmb",
            ])
            .without("smaps_rollup")
            .without("limits")
            .without("oom_score")
            .without("ns");
    }
    let document = fake.spyhole(["ps", "--pss", "-o", "json"]).document();
    assert_eq!(list(&document, "processes").len(), 2);
    let app = of_pid(&document, 1);
    for field in [
        "swap_bytes",
        "locked_bytes",
        "signals",
        "pss_bytes",
        "fd_limit",
        "oom_score",
    ] {
        assert_eq!(app.get(field), Some(&Value::Null), "{field} of {app:#}");
        let gap =
            gap(&document, "processes", field).unwrap_or_else(|| panic!("{field}: {document:#}"));
        // Of a file that is not there a copy does not tell why.
        let is_file = ["pss_bytes", "fd_limit", "oom_score"].contains(&field);
        let reason = if is_file { "copy" } else { "unsupported" };
        assert_eq!(
            (&gap["reason"], &gap["count"]),
            (&reason.into(), &2.into()),
            "{gap:#}"
        );
    }
    assert_eq!(app["oom_score_adj"], 0, "this one is there");
    assert!(app.get("namespace_pids").is_none(), "{app:#}");
}

#[test]
fn an_old_kernel_without_umask_and_nspid_is_no_gap() {
    let fake = FakeProc::new();
    fake.process(1)
        .status_without(&["Umask", "NStgid", "NSpid"]);
    let document = fake.spyhole(["ps", "-o", "json"]).document();
    assert_eq!(document["gaps"], serde_json::json!([]), "{document:#}");
}

#[test]
fn what_was_refused_is_a_question_mark_with_its_note() {
    let fake = FakeProc::new();
    fake.process(1).without("limits");
    let seen = fake
        .spyhole(["ps", "--columns", "pid,fdlimit,command"])
        .ended_with(0);
    let text = seen.stdout_text();
    assert!(
        text.lines()
            .any(|line| line.split_whitespace().eq(["1", "?", "app", "--serve"])),
        "{seen}"
    );
    assert!(
        text.contains("pid 1: fd_limit not readable (not in the copy of /proc)"),
        "{seen}"
    );
}

#[test]
fn a_process_that_is_listed_and_may_not_be_entered_is_a_gap() {
    // As with hidepid=1, where every number is listed and nothing behind it opens.
    let fake = FakeProc::new();
    fake.process(1);
    fake.process(8).without("stat");
    // A directory in its place cannot be read: the same for a reader who is root.
    fs::create_dir(fake.path().join("8/stat")).unwrap();
    let document = fake.spyhole(["ps", "--all", "-o", "json"]).document();
    assert_eq!(list(&document, "processes").len(), 1);
    let gaps = list(&document, "gaps");
    let told = gaps
        .iter()
        .any(|gap| list(gap, "subjects").contains(&8.into()));
    assert!(
        told,
        "process 8 is listed and left out without a word: {document:#}"
    );
}

#[test]
fn a_passwd_that_is_too_long_to_be_read_is_no_passwd_without_names() {
    let fake = FakeProc::new();
    fake.process(1);
    let etc = fake.path().join("1/root/etc");
    fs::create_dir_all(&etc).unwrap();
    fs::write(etc.join("passwd"), "x".repeat((1 << 20) + 1)).unwrap();
    let document = fake.spyhole(["ps", "-o", "json"]).document();
    assert!(of_pid(&document, 1)["user"].is_null(), "{document:#}");
    let told = |gap: &serde_json::Value| gap["field"] == "user" && gap["reason"] == "limit";
    assert!(list(&document, "gaps").iter().any(told), "{document:#}");
}

// ---- hostile and broken files

#[test]
fn a_name_that_ends_the_parenthesis_stays_a_name() {
    let fake = FakeProc::new();
    fake.process(1).comm(b") R 1\n");
    let document = fake.spyhole(["ps", "-o", "json"]).document();
    let app = of_pid(&document, 1);
    assert_eq!(bytes(&app["comm"]), b") R 1\n");
    assert_eq!(
        (&app["state"], &app["ppid"]),
        (&"sleeping".into(), &0.into())
    );
}

#[test]
fn a_status_with_every_group_there_can_be_is_read() {
    let groups: Vec<String> = (0..65_536)
        .map(|group| (4_294_000_000_u32 + group).to_string())
        .collect();
    let fake = FakeProc::new();
    fake.process(1)
        .status_with("Groups", &groups.join(" "))
        .status_with("VmSwap", "    42 kB");
    let document = fake.spyhole(["ps", "-o", "json"]).document();
    assert_eq!(of_pid(&document, 1)["swap_bytes"], 42 * 1024);
    assert_eq!(document["gaps"], serde_json::json!([]), "{document:#}");
}

#[test]
fn a_broken_stat_takes_its_process_out_and_no_other() {
    let whole = "8 (app) S 1 8 8 0 -1 4194560 900 0 0 0 150 50 0 0 20 0 1 0 1008 10485760 256 1 ";
    for broken in [
        "",
        "8",
        "8 (app",
        "8 (app) ",
        &whole[..40],
        "8 (app) S x 8 8 0 -1 1 1 1 1 1\n",
    ] {
        let fake = FakeProc::new();
        fake.process(1);
        fake.process(8).file("stat", broken);
        fake.process(9);
        let document = fake.spyhole(["ps", "-o", "json"]).document();
        let pids: Vec<_> = list(&document, "processes")
            .iter()
            .map(|one| one["pid"].clone())
            .collect();
        assert_eq!(pids.len(), 2, "with stat {broken:?}: {document:#}");
        assert!(!pids.contains(&8.into()));
    }
}

#[test]
fn a_broken_status_is_told_and_costs_only_its_fields() {
    for broken in [
        "",
        "Uid:\tnobody\n",
        "Name:\tapp\nState:\tS (sleeping)\nUid:\t0\t0\n",
    ] {
        let fake = FakeProc::new();
        fake.process(1).file("status", broken);
        let document = fake.spyhole(["ps", "-o", "json"]).document();
        let app = of_pid(&document, 1);
        assert_eq!(app["real_uid"], Value::Null, "with {broken:?}: {app:#}");
        assert_eq!(app["args"], serde_json::json!(["app", "--serve"]));
        assert!(
            gap(&document, "processes", "real_uid").is_some(),
            "{document:#}"
        );
    }
}

#[test]
fn what_vanishes_between_listing_and_opening_is_no_error() {
    let fake = FakeProc::new();
    fake.process(1);
    symlink("nowhere", fake.path().join("8")).unwrap();
    fs::create_dir(fake.path().join("9")).unwrap();
    fake.process(10).without("stat");
    let seen = fake.spyhole(["ps", "--strict", "-o", "json"]);
    let document = seen.document();
    assert_eq!(list(&document, "processes").len(), 1, "{document:#}");
}

#[test]
fn files_that_would_block_or_never_end_do_not_hold_it_up() {
    let fake = FakeProc::new();
    fake.process(1);
    let fifo = fake.path().join("8");
    fake.process(8).without("cmdline").without("limits");
    nix::unistd::mkfifo(&fifo.join("cmdline"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let endless = fs::File::create(fifo.join("limits")).unwrap();
    endless.set_len(1 << 40).unwrap();
    let document = fake.spyhole(["ps", "-o", "json"]).document();
    let gap = gap(&document, "processes", "fd_limit").unwrap_or_else(|| panic!("{document:#}"));
    assert_eq!(gap["reason"], "limit");
    assert!(of_pid(&document, 8)["args"].is_null(), "{document:#}");
}

#[test]
fn many_containers_need_few_descriptors() {
    let fake = FakeProc::new();
    for pid in 1..=60 {
        fake.process(pid).cgroup(&format!("/docker/{pid:064x}"));
    }
    for (words, section) in [("containers", "containers"), ("ps --all", "processes")] {
        let proc = fake.path().display();
        let line = format!("ulimit -n 16; exec \"$0\" --proc '{proc}' {words} -o json");
        let document = shell(&line).document();
        assert_eq!(list(&document, section).len(), 60, "{words}: {document:#}");
    }
}

// ---- no /proc at all

#[test]
fn what_is_no_proc_is_refused_by_the_name_of_the_flag() {
    let empty = TempDir::new().unwrap();
    let file = empty.path().join("file");
    fs::write(&file, "x").unwrap();
    let nowhere = empty.path().join("nowhere");
    fs::create_dir(empty.path().join("empty")).unwrap();
    for path in [empty.path().join("empty"), file, nowhere] {
        let seen = spyhole(["--proc".as_ref(), path.as_os_str(), "ps".as_ref()]).ended_with(3);
        let said = seen.stderr_text();
        assert!(
            said.contains(path.to_str().unwrap()) && said.contains("--proc"),
            "{seen}"
        );
        assert!(seen.stdout.is_empty(), "{seen}");
    }
}
