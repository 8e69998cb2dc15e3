//! Declared probes: one word for everyone, the reason for who holds the token.

use std::net::TcpListener;
use std::thread;

use super::server::Server;
use crate::fake::FakeProc;
use crate::host::{CLOSED_PORT, spyhole};

/// A port that accepts, and one that nobody listens on.
fn ports() -> (TcpListener, u16, u16) {
    let open = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = open.local_addr().unwrap().port();
    (open, port, CLOSED_PORT)
}

#[test]
fn everyone_is_told_pass_or_fail_and_the_reason_needs_the_token() {
    let (_open, port, closed) = ports();
    let (up, down) = (
        format!("up=tcp:127.0.0.1:{port}"),
        format!("down=tcp:127.0.0.1:{closed}"),
    );
    let server = Server::start(&["--self", "--probe", &up, "--probe", &down]);
    let passed = server.ask("/probe/up", &[]);
    assert_eq!((passed.status, passed.text().as_str()), (200, "pass\n"));
    let failed = server.ask("/probe/down", &[]);
    assert_eq!((failed.status, failed.text().as_str()), (503, "fail\n"));
    let reason = server.get("/probe/down").text();
    assert!(reason.contains("refused"), "{reason}");
    assert_eq!(server.ask("/probe/other", &[]).status, 404);
    let metrics = server.get("/metrics").text();
    assert!(
        metrics.contains("spyhole_probe_success{probe=\"up\"} 1"),
        "{metrics}"
    );
    assert!(
        metrics.contains("spyhole_probe_success{probe=\"down\"} 0"),
        "{metrics}"
    );
}

#[test]
fn readiness_waits_for_its_probes_only() {
    let (_open, port, closed) = ports();
    let (up, down) = (
        format!("up=tcp:127.0.0.1:{port}"),
        format!("down=tcp:127.0.0.1:{closed}"),
    );
    let flags = ["--self", "--probe", &up, "--probe", &down, "--ready-on"];
    let ready = Server::start(&[&flags[..], &["up"]].concat());
    assert_eq!(ready.ask("/readyz", &[]).status, 200);
    let waits = Server::start(&[&flags[..], &["down"]].concat());
    assert_eq!(waits.ask("/readyz", &[]).status, 503);
    assert_eq!(waits.ask("/healthz", &[]).status, 200);
}

#[test]
fn a_probe_may_fail_a_few_times_before_that_is_told() {
    let (_open, _, closed) = ports();
    let down = format!("down=tcp:127.0.0.1:{closed},fail-after=3");
    let server = Server::start(&["--self", "--cache", "0s", "--probe", &down]);
    let told: Vec<u16> = (0..4)
        .map(|_| server.ask("/probe/down", &[]).status)
        .collect();
    assert_eq!(told, [200, 200, 503, 503]);
}

#[test]
fn a_probe_that_hangs_keeps_nobody_else_waiting() {
    let (open, port, _) = ports();
    let hangs = format!("hangs=http://127.0.0.1:{port}/,timeout=10m");
    let server = Server::start(&["--self", "--probe", &hangs]);
    thread::scope(|scope| {
        let asked = scope.spawn(|| server.ask("/probe/hangs", &[]).status);
        let held = open.accept().unwrap();
        // It would hang for longer than this test waits.
        assert_eq!(server.ask("/healthz", &[]).status, 200);
        drop(held);
        assert_eq!(asked.join().unwrap(), 503);
    });
}

#[test]
fn an_unknown_answer_is_reported_as_was_said() {
    let fake = FakeProc::new();
    let _app = fake.process(1).without("fd");
    let proc = fake.path().to_str().unwrap();
    let flags = ["--proc", proc, "--probe", "fds=fds:<80%"];
    for (more, status, text) in [
        (&[][..], 503, "unknown\n"),
        (&["--unknown", "fail"], 503, "unknown\n"),
        (&["--unknown", "pass"], 200, "pass (unknown)\n"),
    ] {
        let server = Server::start(&[&flags[..], more].concat());
        let reply = server.ask("/probe/fds", &[]);
        assert_eq!((reply.status, reply.text().as_str()), (status, text));
    }
}

#[test]
fn declarations_that_cannot_be_meant_are_refused_at_the_start() {
    for (flags, says) in [
        (&["--probe", "a=tcp:b"][..], "HOST:PORT"),
        (&["--probe", "a b=listen:1"], "letters"),
        (&["--probe", "listen:1"], "NAME=CHECK"),
        (&["--probe", "a=listen:1", "--probe", "a=listen:2"], "twice"),
        (&["--ready-on", "a"], "--ready-on a"),
    ] {
        let words = ["serve", "--listen", "127.0.0.1:0"].iter().chain(flags);
        let seen = spyhole(words).ended_with(2);
        assert!(seen.stderr_text().contains(says), "{seen}");
    }
}
