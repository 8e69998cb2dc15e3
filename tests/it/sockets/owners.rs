//! Owners cost a walk through the descriptors of every process: they are looked for where they
//! are shown, and nowhere else.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use super::crowd::Crowd;
use super::{document, pids, sockets};
use crate::host::run;
use crate::lab::spyhole;

/// The processes whose `fd` was opened, as strace tells it, and the exit code.
fn walked(words: &[&str], code: i32) -> BTreeSet<String> {
    let trace = tempfile::NamedTempFile::new().unwrap();
    let mut command = Command::new("strace");
    command
        .args(["-f", "-y", "-e", "trace=openat", "-o"])
        .arg(trace.path())
        .arg(spyhole())
        .args(words);
    run(&mut command).ended_with(code);
    let text = fs::read_to_string(trace.path()).unwrap();
    let opened = text.lines().filter(|line| line.contains(">, \"fd\""));
    opened
        .filter_map(|line| Some(line.split_once("</proc/")?.1.split_once('>')?.0.to_owned()))
        .collect()
}

#[needs(root)]
fn descriptors_are_walked_for_owners_that_are_shown() {
    let _crowd = Crowd::gather();
    for words in [
        &["ss", "-tan"][..],
        &["ss", "-tan", "-o", "wide"],
        &["netstat", "-an"],
        &["ss", "--no-owners", "-o", "json"],
        &["ss", "-s"],
    ] {
        assert_eq!(walked(words, 0), BTreeSet::new(), "{words:?}");
    }
    let own = std::process::id().to_string();
    for words in [
        &["ss", "-tanp"][..],
        &["netstat", "-tanp"],
        &["ss", "-o", "json"],
    ] {
        let all = walked(words, 0);
        assert!(all.contains(&own), "{words:?}: {all:?}");
    }
    for words in [
        &["ss", "-tanp", "--pid", &own][..],
        &["ss", "-o", "json", "--pid", &own],
    ] {
        assert_eq!(walked(words, 0), BTreeSet::from([own.clone()]), "{words:?}");
    }
}

#[test]
fn the_table_has_the_column_where_it_is_asked_for() {
    let _crowd = Crowd::gather();
    let table = |words: &[&str]| {
        let seen = run(Command::new(spyhole()).args(words)).ended_with(0);
        String::from_utf8_lossy(&seen.stdout).into_owned()
    };
    let own = format!("pid={} ", std::process::id());
    for words in [&["ss", "-tan"][..], &["ss", "-tan", "-o", "wide"]] {
        let text = table(words);
        assert!(
            !text.contains("PROCESS") && !text.contains("pid="),
            "{text}"
        );
    }
    for words in [&["ss", "-tanp"][..], &["netstat", "-tnlp"]] {
        let text = table(words);
        assert!(text.contains("PROCESS") && text.contains(&own), "{text}");
    }
}

#[test]
fn the_document_has_owners_unless_they_are_not_wanted() {
    let crowd = Crowd::gather();
    let held = |document: &serde_json::Value| {
        let mut all = sockets(document).iter();
        all.find(|socket| socket["inode"] == crowd.shared)
            .unwrap()
            .clone()
    };
    let asked = held(&document(&["-t"]));
    assert!(pids(&asked).contains(&std::process::id().into()), "{asked}");
    let without = document(&["-tux", "-a", "--no-owners"]);
    let fields = ["owners", "held_elsewhere", "peer_owners"];
    for socket in sockets(&without) {
        let has = |field: &&str| socket.get(*field).is_some();
        assert!(!fields.iter().any(has), "{socket}");
    }
    assert_eq!(held(&without)["local_port"], asked["local_port"]);
}
