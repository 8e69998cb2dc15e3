//! Many who ask cost one look, and a look that the kernel holds costs nobody else anything.

use std::collections::HashSet;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;

use super::server::Server;
use crate::host::run;
use crate::mounts::{in_new_namespace, silent};
use crate::patience::eventually;

/// When the look of an answer was.
fn taken_at(server: &Server, path: &str) -> String {
    let reply = server.get(path);
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()["taken_at"].as_str().unwrap().to_owned()
}

#[test]
fn a_hundred_at_once_cost_one_look() {
    // Longer than it takes a busy machine to start a hundred clients.
    let server = Server::start(&["--access-log", "off", "--cache", "10m"]);
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
    let server = Server::start(&["--cache", "3s"]);
    let first = taken_at(&server, "/v1/containers");
    let mut shared = 0;
    let second = eventually("another look", || {
        let now = taken_at(&server, "/v1/containers");
        shared += u32::from(now == first);
        (now != first).then_some(now)
    });
    assert!(shared > 0, "{first} {second}");
    let moment = |text: &str| humantime::parse_rfc3339(text).unwrap();
    let apart = moment(&second).duration_since(moment(&first)).unwrap();
    assert!(apart >= Duration::from_millis(2_900), "{apart:?}");
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
    assert_eq!(server.ends(), Some(0));
    let trace = std::fs::read_to_string(trace.path()).unwrap();
    let walks = trace.lines().filter(|line| line.contains("\"/proc\", "));
    let walks: Vec<&str> = walks.collect();
    assert_eq!(walks.len(), 1, "{walks:?}");
}

#[needs(root, fuse)]
fn a_look_that_the_kernel_holds_holds_nobody_else() {
    in_new_namespace(|namespace| {
        let dead = namespace.house.join("dead");
        let _device = silent(&dead);
        let proc = dead.to_str().unwrap();
        let flags = ["--proc", proc, "--timeout", "200ms", "--no-connect"];
        let mut server = Server::start(&flags);
        server.answers();
        let all_get = |paths: Vec<String>, among: &[u16]| {
            thread::scope(|scope| {
                for path in paths {
                    let server = &server;
                    scope.spawn(move || {
                        let reply = server.get(&path);
                        let is_expected = among.contains(&reply.status);
                        assert!(is_expected, "{path}: {} {}", reply.status, reply.text());
                    });
                }
                server.answers();
            });
        };
        // Two looks may be under way; who asks the same waits for the same.
        let mut first = vec!["/v1/processes".to_owned(); 20];
        first.push("/v1/mounts".to_owned());
        all_get(first, &[504]);
        // The kernel still holds both; two others may try, and the rest gets no turn.
        let others = (0..20).map(|number| format!("/v1/sockets?pid={number}1"));
        all_get(others.collect(), &[503, 504]);
        server.answers();
        eventually(
            "the one that serves, the log, and one for each reader that may be stuck",
            || {
                let cost = server.cost();
                let is_bounded = (4..=10).contains(&cost.threads);
                is_bounded.then_some(()).ok_or(format!("{cost:?}"))
            },
        );
        server.signal(Signal::SIGTERM);
        assert_eq!(server.ends(), Some(0));
        assert!(!server.said().contains("panicked"), "{}", server.said());
    });
}
