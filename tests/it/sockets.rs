//! `spyhole sockets` against `ss`, its two sources against each other, and in containers.

mod containers;
mod crowd;
mod namespaces;
mod owners;
mod sources;
mod ss;

use std::process::Command;

use serde_json::Value;

use crate::lab::{Output, process, spyhole};

/// Runs `spyhole ss … -o json` on this machine and gives the document.
fn document(words: &[&str]) -> Value {
    let output = process::run(spyhole().as_os_str(), |command: &mut Command| {
        command.arg("ss").args(words).args(["-o", "json"]);
    });
    parsed(&output)
}

fn parsed(output: &Output) -> Value {
    assert_eq!(output.code, Some(0), "{output}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|why| panic!("{why}: {output}"))
}

/// The sockets of a document.
fn sockets(document: &Value) -> &[Value] {
    document["sockets"].as_array().unwrap()
}

/// The gap of a field.
fn gap<'a>(document: &'a Value, field: &str) -> Option<&'a Value> {
    let gaps = document["gaps"].as_array().unwrap();
    gaps.iter()
        .find(|gap| gap["section"] == "sockets" && gap["field"] == field)
}

/// The pids that hold a socket, sorted.
fn pids(socket: &Value) -> Vec<i64> {
    let owners = socket["owners"].as_array().into_iter().flatten();
    let mut pids: Vec<i64> = owners.map(|owner| owner["pid"].as_i64().unwrap()).collect();
    pids.sort_unstable();
    pids.dedup();
    pids
}
