//! Which files are asked for, as one asks lsof.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Holder, document, files};
use crate::host::{list, run, spyhole};

fn fds(document: &Value) -> BTreeSet<i64> {
    let all = files(document).iter();
    all.filter_map(|file| file["fd"].as_i64()).collect()
}

/// The descriptors that lsof lists with these flags, among those of one process.
fn lsof_fds(pid: &str, flags: &[&str]) -> BTreeSet<i64> {
    let mut command = std::process::Command::new("lsof");
    command
        .args(["-nP", "-w", "-F", "f", "-a", "-p", pid])
        .args(flags);
    let seen = run(&mut command).stdout_text();
    let of_file = seen.lines().filter_map(|line| line.strip_prefix('f'));
    of_file.filter_map(|fd| fd.parse().ok()).collect()
}

#[needs(root)]
fn the_same_files_as_lsof_selects() {
    let holder = Holder::start();
    let pid = holder.pid();
    let all = document(&pid, &[]);
    let listener = super::descriptor(files(&all), holder.named["listener"]);
    let port = listener["socket"]["local_port"].to_string();
    let (plain, of_port) = (holder.path("plain"), format!(":{port}"));
    let of_tcp = format!("TCP:{port}");
    for flags in [
        &["-i"][..],
        &["-iTCP"],
        &["-i", "6"],
        &["-i", "UDP"],
        &["-i", &of_port],
        &["-i", &of_tcp, "-sTCP:LISTEN"],
        &["-i", "TCP@127.0.0.1"],
        &["-U"],
        &["+L1"],
        &[&plain],
    ] {
        // Files with another name are no removed ones to +L1, which counts names.
        let mut theirs = lsof_fds(&pid, flags);
        // lsof lists no socket that has no protocol of the internet's; both leave it out.
        let ours = fds(&document(&pid, flags));
        if flags == ["+L1"] {
            theirs.insert(holder.named["linked"]);
            // What has no name at all has no links either.
            theirs.retain(|fd| ours.contains(fd) || !holder.named.values().any(|of| of == fd));
        }
        assert_eq!(ours, theirs, "{flags:?}");
        assert!(!ours.is_empty(), "{flags:?}");
    }
}

#[needs(root)]
fn any_of_the_criteria_or_all() {
    let holder = Holder::start();
    let pid = holder.pid();
    let any = fds(&document(&pid, &["-U", "-iTCP"]));
    let unix = fds(&document(&pid, &["-U"]));
    let tcp = fds(&document(&pid, &["-iTCP"]));
    assert_eq!(any, &unix | &tcp);
    assert!(fds(&document(&pid, &["-a", "-U", "-iTCP"])).is_empty());
    assert_eq!(fds(&document(&pid, &["-a", "-p", &pid, "-U"])), unix);
    assert_eq!(fds(&document(&pid, &["-a", "-c", "pyth", "-U"])), unix);
    assert!(fds(&document(&pid, &["-a", "-c", "nginx", "-U"])).is_empty());
    assert_eq!(fds(&document(&pid, &["-a", "-u", "0", "-U"])), unix);
    let directory = holder.path("");
    let below = fds(&document(&pid, &["+D", directory.trim_end_matches('/')]));
    assert!(below.contains(&holder.named["plain"]) && below.contains(&holder.named["gone"]));
    assert!(!below.contains(&holder.named["null"]));
}

#[needs(root)]
fn a_path_is_found_by_every_name_and_a_mount_by_its_files() {
    let holder = Holder::start();
    let pid = holder.pid();
    let other = fds(&document(&pid, &[&holder.path("other name")]));
    assert_eq!(other, [holder.named["linked"]].into());
    assert!(fds(&document(&pid, &[&holder.path("none")])).is_empty());
    let on_root = fds(&document(&pid, &["/dev"]));
    assert!(on_root.contains(&holder.named["null"]), "{on_root:?}");
}

#[test]
fn what_cannot_be_read_is_a_usage_error() {
    for (words, expected) in [
        (
            &["lsof", "relative"][..],
            "expected a process id, or an absolute path",
        ),
        (&["lsof", "-i", ":http"], "expected port numbers"),
        (&["lsof", "-i", "sctp"], "unknown protocol"),
        (&["lsof", "--state", "nonsense"], "unknown state"),
        (&["lsof", "-c", "/sh/"], "lsof -c /sh/: not supported"),
        (&["lsof", "-F", "n"], "spyhole lsof -o json"),
        (&["lsof", "+M"], "lsof +M: not supported"),
    ] {
        let seen = spyhole(words).ended_with(2);
        assert!(seen.stderr_text().contains(expected), "{words:?}: {seen}");
    }
}

/// PID 1 of this machine may keep its descriptors from its own root: of it nothing is asked.
#[test]
fn of_a_process_that_is_not_asked_for_nothing_is_shown_and_nothing_is_missing() {
    let holder = Holder::start();
    let pid = holder.pid();
    for words in [&["fds", &pid][..], &["lsof", "-p", &pid]] {
        let table = spyhole(words).ended_with(0);
        assert!(!table.to_string().contains("pid 1 "), "{table}");
        let json = spyhole([words, &["-o", "json"]].concat()).document();
        let seen = list(&json["open_files"], "processes").iter();
        let pids: Vec<_> = seen.map(|process| process["pid"].to_string()).collect();
        assert_eq!(pids, std::slice::from_ref(&pid));
        for gap in list(&json, "gaps")
            .iter()
            .filter(|gap| gap["section"] == "open_files")
        {
            assert_ne!(gap["field"], "files", "{gap:#}");
        }
    }
}
