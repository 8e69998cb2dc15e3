//! `spyhole check`: yes, no, or not to be seen, in one line and one exit code.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;
use std::thread;

use super::host::{CLOSED_PORT, spyhole};
use super::lab::{self, Lab};

/// A listener whose every connection is answered so.
fn server(answer: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let mut held = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            if answer.is_empty() {
                // Silent, and open.
                held.push(stream);
            } else {
                let _ = stream.read(&mut [0; 1024]);
                let _ = stream.write_all(answer);
            }
        }
    });
    port
}

#[track_caller]
fn check(spec: &str, code: i32, word: &str) {
    let seen = spyhole(["--self", "check", spec]).ended_with(code);
    let text = seen.stdout_text();
    assert!(text.starts_with(word), "{spec}: {seen}");
    assert_eq!(text.lines().count(), 1, "{spec}: {seen}");
}

#[test]
fn something_accepts_connections_or_does_not() {
    let port = server(b"x");
    check(&format!("tcp:127.0.0.1:{port}"), 0, "passes");
    check(&format!("not tcp:127.0.0.1:{port}"), 1, "fails");
    check(&format!("tcp:127.0.0.1:{CLOSED_PORT}"), 1, "fails");
    check(&format!("not tcp:127.0.0.1:{CLOSED_PORT}"), 0, "passes");
    check(
        &format!("all(tcp:127.0.0.1:{port}; tcp:127.0.0.1:{CLOSED_PORT})"),
        1,
        "fails",
    );
}

#[test]
fn an_http_server_answers_as_expected_or_not() {
    let port = server(b"HTTP/1.1 503 Busy\r\nContent-Length: 9\r\n\r\nnot ready");
    let url = format!("http://127.0.0.1:{port}/health");
    check(&url, 1, "fails");
    check(&format!("{url},status=503"), 0, "passes");
    check(&format!("{url},status=5xx,body~not ready"), 0, "passes");
    check(&format!("{url},status=5xx,body~all well"), 1, "fails");
    let other = server(b"220 mail ESMTP\r\n");
    check(&format!("http://127.0.0.1:{other}/"), 1, "fails");
}

#[test]
fn a_server_that_is_silent_ends_with_the_time_out() {
    let port = server(b"");
    check(&format!("http://127.0.0.1:{port}/,timeout=2s"), 1, "fails");
}

#[test]
fn nothing_is_dialled_where_that_is_forbidden() {
    let port = server(b"x");
    let spec = format!("tcp:127.0.0.1:{port}");
    let seen = spyhole(["--no-connect", "check", &spec]).ended_with(4);
    assert!(seen.stdout_text().starts_with("unknown"), "{seen}");
}

#[test]
fn what_is_no_check_is_a_usage_error_that_says_what_is() {
    for spec in ["ping:db", "tcp:db", "memory:90%", "cert:tls.crt"] {
        let seen = spyhole(["check", spec]).ended_with(2);
        assert!(seen.stderr_text().contains("expected"), "{seen}");
    }
    spyhole(["check"]).ended_with(2);
}

#[needs(root)]
fn of_a_container_its_processes_listeners_and_files_are_checked() {
    let house = tempfile::tempdir().unwrap();
    let alive = house.path().join("alive");
    fs::write(&alive, "x").unwrap();
    let web = Lab::webapp().uid(1000).copy(&alive, "/alive").start();
    let ask = |uid: u32, spec: &str| {
        let spyhole = web.spyhole().uid(uid).gid(uid).caps("none");
        spyhole.args(["check", spec]).run()
    };
    for (spec, code) in [
        ("listen:8080", 0),
        ("listen:22", 1),
        ("tcp:127.0.0.1:8080", 0),
        ("process:webapp", 0),
        ("process:webapp,min=50", 1),
        ("process:webapp,max=1", 1),
        ("process:webapp,min-uptime=1h", 1),
        ("process:nobody-has-this-name", 1),
        ("not process:nobody-has-this-name", 0),
        ("file:/alive", 0),
        ("file:/alive,max-age=1h,min-size=1", 0),
        ("file:/alive,min-size=2", 1),
        ("file:/absent", 1),
        ("cert:/alive", 4),
        ("not cert:/alive", 4),
        ("cert:/absent", 1),
        ("fds:<80%", 0),
        ("fds:>80%", 1),
        ("dns:localhost", 0),
        ("all(listen:8080; file:/alive; not listen:22)", 0),
    ] {
        let seen = ask(1000, spec);
        assert_eq!(seen.code, Some(code), "{spec}: {seen}");
    }
    // A stranger cannot see the files: neither yes nor no.
    for spec in [
        "file:/alive",
        "file:/absent",
        "not file:/absent",
        "cert:/alive",
    ] {
        let seen = ask(65_532, spec);
        assert_eq!(seen.code, Some(4), "{spec}: {seen}");
        assert!(seen.stdout_text().starts_with("unknown"), "{seen}");
    }
    let listening = ask(65_532, "listen:8080");
    assert_eq!(listening.code, Some(0), "{listening}");
}

#[test]
fn what_keeps_a_check_from_being_asked_is_a_usage_error_that_is_printed_once() {
    let two = ["memory:<90%", "fds:<80%"];
    for (flags, why) in [
        (
            &["--fingerprint-key-file", "/no/such/file"][..],
            "/no/such/file",
        ),
        (&["--fingerprint-key-file", "/dev/null"], "0 bytes"),
    ] {
        let words = [&["--self"], flags, &["check"], &two].concat();
        let seen = spyhole(words).ended_with(2);
        assert!(seen.stdout.is_empty(), "{seen}");
        assert_eq!(seen.stderr_text().matches(why).count(), 1, "{seen}");
        assert_eq!(seen.stderr_text().lines().count(), 1, "{seen}");
    }
}

#[test]
fn an_answer_that_is_not_read_stands_in_the_exit_code() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = Command::new(lab::spyhole());
    command.args(["check", &format!("tcp:127.0.0.1:{CLOSED_PORT}")]);
    let status = command.stdout(writer).status().unwrap();
    assert_eq!(status.code(), Some(1));
}
