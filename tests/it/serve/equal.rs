//! What is served is what the command line prints for the same question: one type holds the
//! flags of both.

use std::fs;
use std::os::unix::fs::chown;

use spyhole::api::section_names;

use super::lab::Beside;
use crate::lab::Lab;

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

/// The document without what differs between two viewers one after the other: when they looked and
/// so the share of a processor since the start, which processes they are themselves, and how wide a
/// column is for that.
fn stable(text: &[u8], has_headings: bool) -> String {
    let text = String::from_utf8(text.to_vec()).unwrap();
    let moves = |line: &str| {
        let key = line.trim_start_matches(['-', ' ']).replace('"', "");
        let key = key.split(':').next().unwrap_or_default();
        ["taken_at", "started_at", "pid", "main_pid", "cpu_percent"].contains(&key)
            || key.contains(" self ")
            || line.contains("pid-")
    };
    // Which word of a line is %CPU: without headings the third, as with them.
    let mut cpu_column = (!has_headings).then_some(2);
    let mut kept = Vec::new();
    for line in text.lines().filter(|line| !moves(line)) {
        let mut words: Vec<&str> = line.split_whitespace().collect();
        let heading = words.iter().position(|word| *word == "%CPU");
        if words.is_empty() {
            cpu_column = None;
        } else if heading.is_some() {
            cpu_column = heading;
        } else if let Some(share) = cpu_column.and_then(|at| words.get_mut(at))
            && share.parse::<f64>().is_ok()
        {
            *share = "%";
        }
        kept.push(words.join(" "));
    }
    kept.join("\n")
}

#[needs(root)]
fn the_body_is_what_the_command_line_prints() {
    let web = Lab::webapp().uid(1000).caps("none").start();
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("key");
    fs::write(&key, [7; 32]).unwrap();
    chown(&key, Some(1000), None).unwrap();
    let viewer = || {
        // In a network of its own, so that its sockets are not among the target's.
        let setup = web.spyhole().share_net(false);
        let setup = setup.uid(1000).caps("none").no_new_privs();
        setup.copy(&key, "/key")
    };
    let fingerprints = ["--fingerprint-key-file", "/key"];
    let server = Beside::start(viewer(), 1000, &fingerprints);

    let plain = section_names().map(|name| (name, &[][..], ""));
    let questions: Vec<_> = plain
        .chain([("dump", &[][..], "")])
        .chain(QUESTIONS.iter().copied())
        .collect();
    let mut replies = Vec::new();
    for (section, words, query) in &questions {
        for output in outputs(words) {
            let path = format!("/v1/{section}?output={output}&{query}");
            replies.push((path.clone(), server.get(&path)));
        }
    }
    // It is a process in sight, which the command line would tell of.
    drop(server);
    let mut wrong = Vec::new();
    let mut replies = replies.into_iter();
    for (section, words, _) in &questions {
        for output in outputs(words) {
            let (path, reply) = replies.next().unwrap();
            let shown = viewer()
                .args(fingerprints)
                .arg(section)
                .args(["-o", output])
                .args(*words)
                .run();
            let has_headings = !words.contains(&"--no-headers");
            let stable = |text: &[u8]| stable(text, has_headings);
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

/// All of them where nothing else is asked.
fn outputs(words: &[&str]) -> &'static [&'static str] {
    if words.is_empty() {
        &["json", "table", "wide", "yaml"]
    } else {
        &["json", "table"]
    }
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
