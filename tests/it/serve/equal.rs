//! What is served is what the command line prints for the same question: one type holds the
//! flags of both.

use std::fs;
use std::os::unix::fs::chown;

use spyhole::inspect::REGISTRY;

use super::lab::Beside;
use crate::lab::{Lab, requires_root};

/// Flags as words, the same as a query.
const QUESTIONS: &[(&str, &[&str], &str)] = &[
    ("processes", &["--threads"], "threads"),
    ("processes", &["--sort", "rss"], "sort=rss"),
    ("processes", &["--pid", "1"], "pid=1"),
    ("processes", &["--no-headers"], "no-headers"),
    ("sockets", &["--listening"], "listening"),
    ("sockets", &["--tcp", "--numeric"], "tcp&numeric=true"),
    ("environment", &["--all-vars"], "all-vars"),
    ("mounts", &["--pid=1"], "pid=1"),
];

/// What changes between two looks at a container that stands still.
fn stable(text: &[u8]) -> String {
    let text = String::from_utf8(text.to_vec()).unwrap();
    let moves = [
        "taken_at",
        "available_bytes",
        "free_bytes",
        "used_bytes",
        "inodes",
    ];
    let lines = text
        .lines()
        .filter(|line| !moves.iter().any(|name| line.contains(name)));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_body_is_what_the_command_line_prints() {
    if !requires_root("serve: what it serves beside what is printed") {
        return;
    }
    let web = Lab::webapp().uid(1000).caps("none").start();
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("key");
    fs::write(&key, [7; 32]).unwrap();
    chown(&key, Some(1000), None).unwrap();
    let viewer = || {
        let setup = web.spyhole().uid(1000).caps("none").no_new_privs();
        setup.copy(&key, "/key").env("UNSEEN", "x")
    };
    let fingerprints = ["--fingerprint-key-file", "/key"];
    let server = Beside::start(viewer(), 1000, &fingerprints);

    let plain = REGISTRY.iter().filter(|section| section.whole().is_some());
    let plain = plain.map(|section| (section.name, &[][..], ""));
    let questions: Vec<_> = plain
        .chain([("dump", &[][..], "")])
        .chain(QUESTIONS.iter().copied())
        .collect();
    let mut served = Vec::new();
    for (section, _, query) in &questions {
        for output in ["json", "table", "wide", "yaml"] {
            let path = format!("/v1/{section}?output={output}&{query}");
            served.push((path.clone(), server.get(&path)));
        }
    }
    // It is a process in sight, which the command line would tell of.
    drop(server);
    let mut wrong = Vec::new();
    let mut served = served.into_iter();
    for (section, words, _) in &questions {
        for output in ["json", "table", "wide", "yaml"] {
            let (path, reply) = served.next().unwrap();
            let shown = viewer()
                .args(fingerprints)
                .arg(section)
                .args(["-o", output])
                .args(*words)
                .run();
            let (http, cli) = (stable(&reply.body), stable(&shown.stdout));
            if reply.status != 200 || http != cli {
                wrong.push(format!(
                    "{path}: {}\n{}",
                    reply.status,
                    difference(&http, &cli)
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn difference(http: &str, cli: &str) -> String {
    let mut lines: Vec<String> = http
        .lines()
        .zip(cli.lines())
        .filter(|(one, other)| one != other)
        .map(|(one, other)| format!("  http {one}\n  cli  {other}"))
        .take(6)
        .collect();
    lines.push(format!(
        "  {} and {} lines",
        http.lines().count(),
        cli.lines().count()
    ));
    lines.join("\n")
}
