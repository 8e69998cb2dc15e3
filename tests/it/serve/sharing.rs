//! Many who ask cost one look, and a look that the kernel holds costs nobody else anything.

use std::collections::HashSet;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::server::Server;
use crate::host::run;
use crate::mounts::{in_new_namespace, requires_fuse, silent};

/// When the look of an answer was.
fn taken_at(server: &Server, path: &str) -> String {
    let reply = server.get(path);
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()["taken_at"].as_str().unwrap().to_owned()
}

#[test]
fn a_hundred_at_once_cost_one_look() {
    // Longer than it takes a busy machine to start a hundred clients.
    let server = Server::start(&["--access-log", "off", "--cache", "20s"]);
    server.get("/v1/containers");
    let start = Barrier::new(100);
    let ask = || {
        start.wait();
        taken_at(&server, "/v1/processes")
    };
    let looks: HashSet<String> = thread::scope(|scope| {
        let all: Vec<_> = (0..100).map(|_| scope.spawn(ask)).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(looks.len(), 1, "{looks:?}");
    server.ends_well();
}

#[test]
fn an_answer_is_kept_as_long_as_was_said() {
    let server = Server::start(&["--cache", "1s"]);
    let begun = Instant::now();
    let mut looks = Vec::new();
    while begun.elapsed() < Duration::from_millis(2_500) {
        looks.push(taken_at(&server, "/v1/containers"));
        thread::sleep(Duration::from_millis(10));
    }
    let asked = looks.len();
    looks.dedup();
    assert!((2..=3).contains(&looks.len()), "{looks:?}");
    assert!(asked > 20, "{asked}");
    server.ends_well();

    let server = Server::start(&["--cache", "0s"]);
    let looks: HashSet<String> = (0..5)
        .map(|_| taken_at(&server, "/v1/containers"))
        .collect();
    assert_eq!(looks.len(), 5);
    server.ends_well();
}

#[test]
fn what_is_asked_otherwise_is_not_shared() {
    let server = Server::start(&["--cache", "10s"]);
    let json = server.get("/v1/containers");
    let yaml = server.get("/v1/containers?output=yaml");
    let bearer = format!("Bearer {}", server.token());
    let accept = |kind| {
        let headers = [("Authorization", bearer.as_str()), ("Accept", kind)];
        server.ask("/v1/containers", &headers)
    };
    assert_eq!(json.header("content-type"), Some("application/json"));
    assert_eq!(yaml.header("content-type"), Some("application/yaml"));
    for (kind, expected) in [
        ("application/yaml", &yaml),
        ("application/json, text/plain;q=0.5", &json),
        ("*/*", &json),
        ("text/html, */*;q=0.1", &json),
    ] {
        let reply = accept(kind);
        assert_eq!(
            reply.header("content-type"),
            expected.header("content-type"),
            "{kind}"
        );
    }
    let table = accept("text/plain");
    assert!(table.text().starts_with("NAME "), "{}", table.text());
    assert!(yaml.text().starts_with("schema: "), "{}", yaml.text());
    server.ends_well();
}

#[test]
fn with_a_long_cache_many_questions_are_still_answered() {
    let server = Server::start(&["--cache", "1h"]);
    for number in 0..150 {
        let reply = server.get(&format!(
            "/v1/containers?output=json&pid={}",
            1_000_000 + number
        ));
        assert_eq!(reply.status, 404, "{number}: {}", reply.text());
    }
    assert_eq!(server.get("/v1/containers").status, 200);
    server.ends_well();
}

/// How often the kernel was asked for the list of processes, as strace sees it.
#[test]
fn strace_counts_one_walk_for_a_hundred() {
    let trace = tempfile::NamedTempFile::new().unwrap();
    // With `--self` it does not look, at its start, whether anybody is there.
    let flags = ["--self", "--cache", "5s", "--access-log", "off"];
    let path = trace.path().to_str().unwrap();
    let words = [
        "strace",
        "--follow-forks",
        "--trace=openat,open",
        "--output",
        path,
    ];
    let mut server = Server::wrapped(&words, &flags);
    for _ in 0..3 {
        thread::scope(|scope| {
            for _ in 0..33 {
                scope.spawn(|| assert_eq!(server.get("/v1/processes").status, 200));
            }
        });
    }
    assert_eq!(server.get("/v1/processes").status, 200);
    // The signal is for spyhole: strace itself waits for it.
    let children = format!("/proc/{0}/task/{0}/children", server.pid());
    let spyhole = std::fs::read_to_string(children).unwrap();
    run(std::process::Command::new("kill").arg(spyhole.trim())).ended_with(0);
    assert_eq!(server.ends().0, Some(0));
    let trace = std::fs::read_to_string(trace.path()).unwrap();
    let walks = trace.lines().filter(|line| line.contains("\"/proc\", "));
    let walks: Vec<&str> = walks.collect();
    assert_eq!(walks.len(), 1, "{walks:?}");
}

#[test]
fn a_look_that_the_kernel_holds_holds_nobody_else() {
    if !requires_fuse("serve: a /proc that hangs") {
        return;
    }
    in_new_namespace(|namespace| {
        let dead = namespace.house.join("dead");
        let _device = silent(&dead);
        let proc = dead.to_str().unwrap();
        let flags = ["--proc", proc, "--timeout", "200ms", "--no-connect"];
        let mut server = Server::start(&flags);
        server.answers_within(Duration::from_millis(100));
        let begun = Instant::now();
        thread::scope(|scope| {
            let ask = |path: String, status: u16| {
                let server = &server;
                scope.spawn(move || {
                    let reply = server.get(&path);
                    assert_eq!(reply.status, status, "{path}: {}", reply.text());
                })
            };
            // Two looks may be under way; who asks the same waits for the same.
            for _ in 0..20 {
                ask("/v1/processes".to_owned(), 504);
            }
            ask("/v1/mounts".to_owned(), 504);
            thread::sleep(Duration::from_millis(300));
            for number in 0..20 {
                ask(format!("/v1/sockets?pid={number}1"), 503);
            }
            thread::sleep(Duration::from_millis(100));
            server.answers_within(Duration::from_millis(100));
        });
        assert!(
            begun.elapsed() < Duration::from_secs(6),
            "{:?}",
            begun.elapsed()
        );
        server.answers_within(Duration::from_millis(100));
        // The one that serves, the log, and the two that are held.
        assert_eq!(server.cost().threads, 4);
        server.signal(Signal::SIGTERM);
        let (code, took) = server.ends();
        assert_eq!(code, Some(0));
        assert!(took < Duration::from_millis(1400), "{took:?}");
        assert!(!server.said().contains("panicked"), "{}", server.said());
    });
}
