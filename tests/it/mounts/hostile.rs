//! A mountinfo that no kernel wrote.

use std::fmt::Write as _;
use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use super::{gap, json};
use crate::lab::process::{Output, run};
use crate::lab::spyhole;

/// A /proc with one process, whose mountinfo is this.
fn look(mountinfo: &[u8], words: &[&str]) -> Output {
    let proc = TempDir::new().unwrap();
    let process = proc.path().join("7");
    fs::create_dir(&process).unwrap();
    let stat = "7 (app) S 1 7 7 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 5 0 0 18446744073709551615 \
                0 0 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n";
    fs::write(process.join("stat"), stat).unwrap();
    fs::write(process.join("cgroup"), "0::/\n").unwrap();
    fs::write(process.join("mountinfo"), mountinfo).unwrap();
    run(spyhole().as_os_str(), |command| {
        command.arg("--proc").arg(proc.path());
        command.args(["--pid", "7"]).args(words);
    })
}

fn document(mountinfo: &[u8]) -> Value {
    json(&look(mountinfo, &["mounts", "-o", "json"]))
}

fn count(document: &Value) -> usize {
    document["mounts"].as_array().unwrap().len()
}

#[test]
fn bad_lines_are_counted_and_good_ones_kept() {
    let good = "1 0 0:1 / / rw - tmpfs t rw\n";
    let bad = "-1 0 0:1 / /a rw - tmpfs t rw\n\
               99999999999999999999 0 0:1 / /b rw - tmpfs t rw\n\
               2 0 0:-1 / /c rw - tmpfs t rw\n\
               3 0 0:1 / /d rw tmpfs t rw\n\
               \n\
               \0\0\0\n";
    let cut = "4 1 0:1 / /cut rw - tmp";
    let seen = document(format!("{good}{bad}{cut}").as_bytes());
    assert_eq!(count(&seen), 1);
    assert_eq!(gap(&seen, "line", "malformed")["count"], 7);
}

#[test]
fn a_line_of_a_mebibyte_is_a_line() {
    let long = "x".repeat(1 << 20);
    let text = format!(
        "1 0 0:1 / / rw - overlay overlay rw,lowerdir=/{long}\n2 1 0:2 / /{long} rw - tmpfs t rw\n"
    );
    let seen = document(text.as_bytes());
    assert_eq!(count(&seen), 2);
    let table = look(text.as_bytes(), &["findmnt"]);
    assert_eq!(table.code, Some(0));
}

#[test]
fn nothing_at_all_is_an_empty_list() {
    assert_eq!(count(&document(b"")), 0);
}

#[test]
fn parents_in_circles_are_drawn_once() {
    let text = b"1 2 0:1 / /a rw - tmpfs t rw\n2 1 0:1 / /b rw - tmpfs t rw\n3 3 0:1 / /c rw - tmpfs t rw\n";
    let output = look(text, &["findmnt", "--tree"]);
    assert_eq!(output.code, Some(0), "{output}");
    let text = output.stdout_text();
    for point in ["/a", "/b", "/c"] {
        assert_eq!(text.matches(point).count(), 1, "{text}");
    }
}

#[test]
fn fifty_thousand_mounts_take_seconds_in_a_debug_build() {
    let mut text = String::from("1 0 0:1 / / rw - tmpfs t rw\n");
    for id in 2..=50_000 {
        writeln!(
            text,
            "{id} 1 0:{id} / /mnt/{id} rw,nosuid - tmpfs t rw,size=4k"
        )
        .unwrap();
    }
    for words in [
        ["mounts", "-o", "json"].as_slice(),
        &["findmnt", "--tree"],
        &["mounts", "--space"],
    ] {
        let output = look(text.as_bytes(), words);
        assert_eq!(output.code, Some(0), "{}", output.stderr_text());
        assert!(output.stdout.len() > 500_000);
    }
}

#[test]
fn an_unreadable_mountinfo_is_a_gap_and_no_empty_list() {
    let proc = TempDir::new().unwrap();
    let process = proc.path().join("7");
    fs::create_dir(&process).unwrap();
    fs::write(process.join("stat"), "7 (app) S 1 7 7 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 5 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n").unwrap();
    let output = run(spyhole().as_os_str(), |command| {
        command.arg("--proc").arg(proc.path());
        command.args(["--pid", "7", "mounts", "-o", "json"]);
    });
    assert_eq!(output.code, Some(4), "{output}");
    let seen: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(seen["mounts"].is_null());
    assert_eq!(gap(&seen, "mounts", "copy")["count"], 1);
}
