//! What `ss` says of the same sockets: state, queues, addresses, and who holds them.

use std::collections::HashMap;

use serde_json::Value;

use super::crowd::Crowd;
use super::{document, pids, sockets};
use crate::lab::process;

#[needs(ss)]
fn every_socket_is_as_ss_shows_it() {
    let crowd = Crowd::gather();
    let lines = lines_of_ss();
    let document = document(&["-A", "-tuxanp"]);
    let mut wrong = Vec::new();
    for (inode, name) in &crowd.inodes {
        let own = sockets(&document)
            .iter()
            .find(|socket| socket["inode"] == *inode);
        let own = own.map(like_ss);
        let line = lines.get(inode);
        if own.as_ref() != line {
            wrong.push(format!("{name}:\n  spyhole {own:?}\n  ss      {line:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let shared = sockets(&document)
        .iter()
        .find(|socket| socket["inode"] == crowd.shared)
        .unwrap();
    let both = [std::process::id().into(), crowd.child.id().into()];
    assert!(
        both.iter().all(|pid: &i64| pids(shared).contains(pid)),
        "{shared}"
    );
}

/// What both tell of a socket.
#[derive(Debug, PartialEq, Eq)]
struct Line {
    kind: String,
    state: String,
    queues: [String; 2],
    local: String,
    peer: String,
    pids: Vec<i64>,
}

/// The lines of `ss -tuxanpe`, by inode.
fn lines_of_ss() -> HashMap<u64, Line> {
    let output = process::run("ss".as_ref(), |command| {
        command.args(["-tuxanpe", "-H", "-O"]);
    });
    assert_eq!(output.code, Some(0), "{output}");
    output.stdout_text().lines().filter_map(line).collect()
}

fn line(text: &str) -> Option<(u64, Line)> {
    let mut words = text.split_whitespace();
    let mut word = || words.next().map(str::to_owned);
    let (kind, state, queues) = (word()?, word()?, [word()?, word()?]);
    let mut pids: Vec<i64> = text
        .split("pid=")
        .skip(1)
        .filter_map(|rest| rest.split(',').next()?.parse().ok())
        .collect();
    pids.sort_unstable();
    pids.dedup();
    let (inode, local, peer);
    if kind.starts_with("u_") {
        // LOCAL and PEER are a name and an inode each; names may hold blanks.
        let rest = text.split("users:").next()?;
        let rest = rest.split(" <->").next()?.trim_end();
        let rest = rest.split(" ino:").next()?.trim_end();
        let words: Vec<&str> = rest.split(' ').filter(|word| !word.is_empty()).collect();
        let star = words.iter().rposition(|word| *word == "*")?;
        inode = words.get(star.checked_sub(1)?)?.parse().ok()?;
        local = words[4..star - 1].join(" ");
        peer = words.get(star + 1)?.to_string();
    } else {
        let (own, other) = (word()?, word()?);
        let after = text.split("ino:").nth(1)?;
        inode = after.split_whitespace().next()?.parse().ok()?;
        (local, peer) = (own, other);
    }
    let line = Line {
        kind,
        state,
        queues,
        local,
        peer,
        pids,
    };
    Some((inode, line))
}

/// A socket of the document in the words of `ss`.
fn like_ss(socket: &Value) -> Line {
    let text = |key: &str| socket[key].as_str().unwrap_or_default().to_owned();
    let number = |keys: [&str; 2]| {
        let found = keys.iter().find_map(|key| socket[*key].as_u64());
        found.map_or("?".to_owned(), |number| number.to_string())
    };
    let kind = match (
        socket["protocol"].as_str().unwrap(),
        socket["type"].as_str(),
    ) {
        ("unix", Some("stream")) => "u_str".to_owned(),
        ("unix", Some("dgram")) => "u_dgr".to_owned(),
        (protocol, _) => protocol.to_owned(),
    };
    let state = match socket["state"].as_str().unwrap() {
        "established" => "ESTAB",
        "listen" => "LISTEN",
        "unconnected" => "UNCONN",
        other => other,
    };
    let (local, peer) = if socket["protocol"] == "unix" {
        let path = text("path")
            .split(' ')
            .filter(|word| !word.is_empty())
            .collect::<Vec<_>>()
            .join(" ");
        let local = match (path.is_empty(), socket["abstract_name"].as_str()) {
            (false, _) => path,
            (true, Some(name)) => format!("@{name}"),
            (true, None) => "*".to_owned(),
        };
        (
            local,
            socket["peer_inode"].as_u64().unwrap_or(0).to_string(),
        )
    } else {
        (address(socket, "local"), address(socket, "peer"))
    };
    Line {
        kind,
        state: state.to_owned(),
        queues: [
            number(["accept_queue", "receive_queue_bytes"]),
            number(["accept_queue_limit", "send_queue_bytes"]),
        ],
        local,
        peer,
        pids: pids(socket),
    }
}

fn address(socket: &Value, side: &str) -> String {
    let port = socket[format!("{side}_port")].as_u64();
    let port = port.map_or("*".to_owned(), |port| port.to_string());
    let dual = socket["v6_only"] == false;
    let any = if socket["family"] == "inet6" {
        "::"
    } else {
        "0.0.0.0"
    };
    let address = socket[format!("{side}_address")].as_str().unwrap_or(any);
    match address {
        "::" if dual => format!("*:{port}"),
        v6 if v6.contains(':') => format!("[{v6}]:{port}"),
        v4 => format!("{v4}:{port}"),
    }
}
