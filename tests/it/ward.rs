//! The containers of examples/sick that start fast: each sickness is the first finding, the sound ones
//! have no problem, and a stranger is told nothing else. `make sick` plays all of them.

use std::path::Path;
use std::process::Command;

use super::lab;

#[needs(root)]
fn each_sickness_is_found_first() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let spyhole = lab::spyhole();
    lab::example("webapp");
    let mut command = Command::new(root.join("scripts/sick"));
    let command = command.arg("--quick").env("BIN", spyhole.parent().unwrap());
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let why = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{why}");
    let sick = said.lines().filter(|line| line.ends_with("| found |"));
    assert!(sick.count() >= 15, "{said}");
}
