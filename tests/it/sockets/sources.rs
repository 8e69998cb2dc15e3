//! `sock_diag` and the text tables make the same document of the same sockets, as far as
//! both tell a field.

use std::process::Command;

use serde_json::Value;

use super::crowd::Crowd;
use super::{document, gap, parsed, sockets};
use crate::lab::{process, spyhole};

/// What the text tables do not tell, and `null` with a gap stands for.
const ONLY_DIAG: [&str; 8] = [
    "accept_queue",
    "accept_queue_limit",
    "peer_inode",
    "receive_queue_bytes",
    "send_queue_bytes",
    "tcp",
    "uid",
    "v6_only",
];

#[needs(root)]
fn both_sources_tell_the_same() {
    let crowd = Crowd::gather();
    let pid = std::process::id().to_string();
    let words = ["--pid", &pid, "-tuxwae"];
    let by_diag = document(&words);
    let output = process::run("unshare".as_ref(), |command: &mut Command| {
        command.arg("-n").arg(spyhole()).arg("ss").args(words);
        command.args(["-o", "json"]);
    });
    let by_text = parsed(&output);
    let source = |document: &Value| document["socket_sources"][0].clone();
    assert_eq!(source(&by_diag)["sources"]["tcp"], "sock_diag", "{by_diag}");
    assert_eq!(source(&by_text)["sources"]["tcp"], "proc", "{by_text}");
    assert_eq!(source(&by_diag)["same_as_viewer"], true);
    assert_eq!(source(&by_text)["same_as_viewer"], false);
    let mut wrong = Vec::new();
    for (inode, name) in &crowd.inodes {
        let find = |document| {
            let found = sockets(document)
                .iter()
                .find(|socket| socket["inode"] == *inode);
            found.unwrap_or_else(|| panic!("{name} is missing")).clone()
        };
        wrong.extend(differences(&find(&by_diag), &find(&by_text), name));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for field in ONLY_DIAG {
        assert!(gap(&by_diag, field).is_none(), "{field}: {by_diag}");
        let told = gap(&by_text, field).unwrap_or_else(|| panic!("no gap for {field}"));
        assert_eq!(told["reason"], "unsupported");
        assert!(
            told["needs"]
                .as_str()
                .unwrap()
                .contains("network namespace")
        );
    }
}

fn differences(diag: &Value, text: &Value, name: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let (diag, text) = (diag.as_object().unwrap(), text.as_object().unwrap());
    for key in diag.keys().chain(text.keys()) {
        let (from_diag, from_text) = (diag.get(key), text.get(key));
        let same = match (from_diag, from_text) {
            // It runs on between the two looks.
            (Some(Value::Object(a)), Some(Value::Object(b))) if key == "timer" => {
                a["kind"] == b["kind"] && a["retransmits"] == b["retransmits"]
            }
            (_, Some(Value::Null)) => ONLY_DIAG.contains(&key.as_str()),
            // Follows from the peer's inode.
            (Some(_), None) => key == "peer_owners",
            (a, b) => a == b,
        };
        if !same {
            wrong.push(format!(
                "{name}: {key}: sock_diag {from_diag:?}, text {from_text:?}"
            ));
        }
    }
    wrong
}
