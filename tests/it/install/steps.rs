//! What it does in which order, killed or failed at each step.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{assert_whole, names};
use crate::host::run;
use crate::lab::{Output, spyhole};

/// The names of the system calls that change a directory, across architectures.
const RENAME: &str = "?rename,renameat,renameat2";

/// `spyhole install` under strace; its trace goes to stderr, without spyhole's own words.
fn traced(directory: &Path, flags: &[&str]) -> Output {
    run(Command::new("strace")
        .args(flags)
        .arg(spyhole())
        .args(["--quiet", "install"])
        .arg(directory))
}

/// Which opening of a file is the one of a file without a name.
fn unnamed_opening() -> String {
    let house = tempfile::tempdir().unwrap();
    let seen = traced(house.path(), &["-e", "trace=openat"]).ended_with(0);
    let text = seen.stderr_text();
    let mut openings = text.lines().filter(|line| line.starts_with("openat("));
    let place = openings.position(|line| line.contains("O_TMPFILE"));
    (place.expect("O_TMPFILE") + 1).to_string()
}

/// The flags for a file system that knows no files without a name.
fn without_unnamed() -> String {
    format!("inject=openat:error=EOPNOTSUPP:when={}", unnamed_opening())
}

#[test]
fn everything_is_on_disk_before_it_has_its_name() {
    let house = tempfile::tempdir().unwrap();
    let calls = format!("trace=openat,fchmod,fsync,linkat,{RENAME}");
    let order = |seen: Output, wanted: &[(&str, &str)]| {
        let text = seen.ended_with(0).stderr_text();
        let mut lines = text.lines();
        for (call, argument) in wanted {
            let found = lines.find(|line| line.starts_with(call) && line.contains(argument));
            assert!(found.is_some(), "{call} {argument} in its place in\n{text}");
        }
    };
    let copied = [("openat", "O_TMPFILE"), ("fchmod", "0555"), ("fsync", "")];
    let fresh = [&copied[..], &[("linkat", "\"spyhole\""), ("fsync", "")]].concat();
    order(traced(house.path(), &["-e", &calls]), &fresh);
    // In place of an old one.
    let old = house.path().join("spyhole");
    fs::remove_file(&old).unwrap();
    fs::write(&old, "old").unwrap();
    let replaced = [
        &copied[..],
        &[
            ("linkat", "\".spyhole-"),
            ("rename", "\"spyhole\""),
            ("fsync", ""),
        ],
    ]
    .concat();
    order(traced(house.path(), &["-e", &calls]), &replaced);
    // By a file with a name.
    fs::remove_file(&old).unwrap();
    let named = [
        ("openat", "O_CREAT|O_EXCL|"),
        ("fchmod", "0555"),
        ("fsync", ""),
        ("rename", "\"spyhole\""),
        ("fsync", ""),
    ];
    order(
        traced(house.path(), &["-e", &calls, "-e", &without_unnamed()]),
        &named,
    );
    assert_whole(&old);
    assert_eq!(names(house.path()), ["spyhole"]);
}

/// Kills it at a system call, with nothing or with an old file there, and gives what is left.
fn killed_at(call: &str, old: bool, more: &[&str]) -> Vec<String> {
    let house = tempfile::tempdir().unwrap();
    let copy = house.path().join("spyhole");
    if old {
        fs::write(&copy, "old").unwrap();
    }
    let kill = format!("inject={call}:signal=SIGKILL:when=1");
    let trace = format!("trace=openat,{call}");
    let seen = traced(house.path(), &[&["-e", &trace, "-e", &kill], more].concat());
    let text = seen.stderr_text();
    assert!(text.contains("+++ killed by SIGKILL +++"), "{call}: {text}");
    // The old one, or the new one whole.
    if copy.exists() && fs::read(&copy).unwrap() != b"old" {
        assert_whole(&copy);
    }
    let mut left = names(house.path());
    if old {
        assert!(copy.exists());
        left.retain(|name| name != "spyhole");
    }
    left
}

#[test]
fn killed_in_the_middle_it_leaves_nothing() {
    for call in ["copy_file_range,sendfile", "fchmod", "fsync"] {
        assert!(killed_at(call, false, &[]).is_empty(), "{call}");
        assert!(killed_at(call, true, &[]).is_empty(), "{call}");
    }
    // The name itself comes in one step.
    assert!(matches!(&killed_at("linkat", false, &[])[..], [] | [_]));
    let replacing = killed_at(RENAME, true, &[]);
    assert!(replacing.len() <= 1, "{replacing:?}");
}

#[test]
fn killed_in_the_middle_without_unnamed_files_it_leaves_no_half_file_under_the_name() {
    let no_unnamed = without_unnamed();
    let flags = ["-e", &no_unnamed];
    for call in ["copy_file_range,sendfile", "fchmod", "fsync"] {
        let left = killed_at(call, false, &flags);
        assert!(!left.contains(&"spyhole".to_owned()), "{call}: {left:?}");
        killed_at(call, true, &flags);
    }
}

#[test]
fn a_step_that_fails_leaves_what_was_there() {
    let no_unnamed = without_unnamed();
    for more in [&[][..], &["-e", &no_unnamed]] {
        for (call, errno, code, words) in [
            ("fsync", "EDQUOT", 2, "the quota of"),
            ("fsync", "ENOSPC", 2, "is full: "),
            ("fsync", "EIO", 5, "cannot copy into"),
            ("fchmod", "EPERM", 2, "is not writable"),
            (RENAME, "EIO", 5, "cannot copy into"),
        ] {
            let house = tempfile::tempdir().unwrap();
            let copy = house.path().join("spyhole");
            fs::write(&copy, "old").unwrap();
            let fail = format!("inject={call}:error={errno}:when=1");
            let trace = format!("trace=openat,{call}");
            let flags = [&["-e", &trace, "-e", &fail], more].concat();
            let seen = traced(house.path(), &flags).ended_with(code);
            let text = seen.stderr_text();
            assert!(text.contains(words), "{words}: {text}");
            assert_eq!(names(house.path()), ["spyhole"], "{call} {errno}");
            assert_eq!(fs::read(&copy).unwrap(), b"old", "{call} {errno}");
        }
    }
}
