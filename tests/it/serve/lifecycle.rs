//! How it starts, where it listens, and that it ends when it shall.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::client::{dial, dial_narrow, drain, exchange, request};
use super::server::Server;
use crate::host::{run, spyhole};

/// One second, and a little for a busy machine.
const SOON: Duration = Duration::from_millis(1_400);

#[test]
fn a_signal_ends_it_at_once_and_in_order() {
    for (signal, name) in [(Signal::SIGTERM, "SIGTERM"), (Signal::SIGINT, "SIGINT")] {
        let mut server = Server::start(&[]);
        server.signal(signal);
        let (code, took) = server.ends();
        assert_eq!(code, Some(0));
        assert!(took < Duration::from_millis(500), "{took:?}");
        server.wait_for(&format!("ends: {name}"));
    }
}

#[test]
fn those_who_stall_do_not_hold_the_end() {
    let mut server = Server::start(&["--access-log", "off"]);
    let mut open = Vec::new();
    for first in [
        "",
        "GET /hea",
        "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ] {
        let mut stream = dial(server.address());
        stream.write_all(first.as_bytes()).unwrap();
        open.push(stream);
    }
    let mut unread = dial_narrow(server.address());
    unread.set_nonblocking(true).unwrap();
    let flood = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(20_000);
    drop(unread.write(&flood));
    let mut half_tls = dial(server.address());
    half_tls.write_all(b"\x16\x03\x01\x02").unwrap();
    thread::sleep(Duration::from_millis(100));
    server.signal(Signal::SIGTERM);
    let (code, took) = server.ends();
    assert_eq!(code, Some(0));
    assert!(took < SOON, "{took:?}");
}

#[test]
fn what_is_under_way_is_finished_first() {
    let mut server = Server::start(&[]);
    let bearer = format!("Bearer {}", server.token());
    // A look that takes its time: two samples of CPU.
    let path = "/v1/processes?sample=400ms";
    let ask = request(path, "localhost", &[("Authorization", &bearer)]);
    let mut stream = dial(server.address());
    stream.write_all(ask.as_bytes()).unwrap();
    thread::sleep(Duration::from_millis(100));
    server.signal(Signal::SIGTERM);
    let answer = String::from_utf8(drain(&mut stream)).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let (code, took) = server.ends();
    assert_eq!(code, Some(0));
    assert!(took < SOON, "{took:?}");
}

#[test]
fn it_ends_when_nobody_asks_and_when_its_time_is_over() {
    let begun = Instant::now();
    let mut idle = Server::start(&["--idle-exit", "700ms"]);
    let mut short = Server::start(&["--lifetime", "1s"]);
    // Who is not let in keeps nothing alive.
    let stranger = dial(idle.address());
    for _ in 0..4 {
        thread::sleep(Duration::from_millis(250));
        assert_eq!(idle.ask("/healthz", &[]).status, 200);
    }
    assert!(begun.elapsed() > Duration::from_millis(900));
    let asked = Instant::now();
    while asked.elapsed() < Duration::from_millis(500) {
        assert_eq!(idle.ask("/v1/dump", &[]).status, 401);
        thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(idle.ends().0, Some(0));
    let quiet = asked.elapsed();
    assert!(
        quiet > Duration::from_millis(650) && quiet < Duration::from_millis(2500),
        "{quiet:?}"
    );
    idle.wait_for("--idle-exit");
    assert_eq!(short.ends().0, Some(0));
    short.wait_for("--lifetime");
    drop(stranger);
}

#[test]
fn a_port_that_is_taken_is_said() {
    let server = Server::start(&[]);
    let host = server.host();
    let said = spyhole(["serve", "--listen", &host]).ended_with(2);
    let said = said.stderr_text();
    let expected = format!("spyhole: cannot listen on {host}: Address already in use");
    assert!(said.starts_with(&expected), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn words_that_are_no_address_are_said() {
    for listen in [
        "localhost:80",
        "7794",
        ":7794",
        "127.0.0.1",
        "unix:relative",
        "unix:",
        "[::1]",
    ] {
        let said = spyhole(["serve", "--listen", listen]).ended_with(2);
        let said = said.stderr_text();
        assert!(said.contains("unix:"), "{listen}: {said}");
    }
    let said = spyhole(["serve", "--listen", "unix:/no/where/s"]).ended_with(2);
    let said = said.stderr_text();
    assert!(
        said.contains("cannot listen on unix:/no/where/s: "),
        "{said}"
    );
}

#[test]
fn several_addresses_are_one_server() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("s");
    let listen = format!("unix:{}", socket.display());
    let mut server = Server::start(&["--listen", "[::1]:0", "--listen", &listen]);
    let token = server.token();
    let bearer = format!("Bearer {token}");
    let v6 = server.said().lines().nth(1).unwrap().to_owned();
    let v6 = v6.strip_prefix("spyhole: listens on http://").unwrap();
    let v6 = v6.trim_end_matches('/').to_owned();
    let ask = |host: &str| request("/", host, &[("Authorization", &bearer)]);
    assert_eq!(server.get("/").status, 200);
    let reply = exchange(dial(v6.parse().unwrap()), ask(&v6).as_bytes());
    assert_eq!(reply.status, 200, "{}", reply.text());
    let stream = UnixStream::connect(&socket).unwrap();
    assert_eq!(exchange(stream, ask("localhost").as_bytes()).status, 200);
    server.signal(Signal::SIGTERM);
    assert_eq!(server.ends().0, Some(0));
}

/// On a unix socket alone.
fn on_socket(path: &Path) -> Server {
    Server::run(Command::new(crate::lab::spyhole()).args([
        "serve",
        "--listen",
        &format!("unix:{}", path.display()),
    ]))
}

fn healthy(path: &Path) -> bool {
    let stream = UnixStream::connect(path).unwrap();
    exchange(stream, request("/healthz", "localhost", &[]).as_bytes()).status == 200
}

#[test]
fn a_unix_socket_is_its_owners_and_goes_at_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("spyhole.sock");
    let server = on_socket(&path);
    let found = fs::symlink_metadata(&path).unwrap();
    assert!(found.file_type().is_socket());
    assert_eq!(found.permissions().mode() & 0o777, 0o600);
    assert!(healthy(&path));
    let stream = UnixStream::connect(&path).unwrap();
    let refused = exchange(stream, request("/v1/dump", "localhost", &[]).as_bytes());
    assert_eq!(refused.status, 401);
    // As it says itself.
    let curl = server.wait_for("curl");
    let shown = run(Command::new("sh").args(["-c", &format!("{curl} -s")]));
    assert!(shown.ended_with(0).json()["schema"] == "spyhole/v1");
    server.ends_well();
    assert!(!path.exists());
}

#[test]
fn only_a_socket_that_nobody_listens_on_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let listen = format!("unix:{}", path.display());
    // Left over: whoever listened is gone.
    drop(UnixListener::bind(&path).unwrap());
    let server = on_socket(&path);
    assert!(healthy(&path));
    // Somebody listens.
    let said = spyhole(["serve", "--listen", &listen]).ended_with(2);
    assert!(
        said.stderr_text().contains("Address already in use"),
        "{said}"
    );
    assert!(healthy(&path));
    // Another one in its place is left to its owner.
    fs::remove_file(&path).unwrap();
    let other = UnixListener::bind(&path).unwrap();
    server.ends_well();
    assert!(path.exists());
    drop(other);
    // No socket at all.
    fs::remove_file(&path).unwrap();
    fs::write(&path, "precious").unwrap();
    spyhole(["serve", "--listen", &listen]).ended_with(2);
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    let link = dir.path().join("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let through = format!("unix:{}", link.display());
    spyhole(["serve", "--listen", &through]).ended_with(2);
    assert_eq!(fs::read_to_string(&link).unwrap(), "precious");
}

#[test]
fn a_stderr_that_nobody_reads_holds_nobody() {
    // Through a socket, for its address is said where nobody reads.
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let listen = format!("unix:{}", path.display());
    let mut child = Command::new(crate::lab::spyhole())
        .args(["serve", "--listen", &listen])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let until = Instant::now() + Duration::from_secs(10);
    while UnixStream::connect(&path).is_err() {
        assert!(Instant::now() < until);
        thread::sleep(Duration::from_millis(5));
    }
    // A line is about 80 bytes, a pipe 64 KiB, and 1,024 lines wait.
    let stream = UnixStream::connect(&path).unwrap();
    let mut writing = stream.try_clone().unwrap();
    let writer = thread::spawn(move || {
        let one = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
        writing.write_all(&one.repeat(4_000)).unwrap();
        let last = request("/healthz", "localhost", &[]);
        writing.write_all(last.as_bytes()).unwrap();
    });
    let answers = String::from_utf8(drain(&mut &stream)).unwrap();
    writer.join().unwrap();
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 4_001);
    let begun = Instant::now();
    assert!(healthy(&path));
    assert!(begun.elapsed() < Duration::from_millis(200));
    let pid = nix::unistd::Pid::from_raw(child.id().try_into().unwrap());
    nix::sys::signal::kill(pid, Signal::SIGTERM).unwrap();
    let begun = Instant::now();
    let ended = loop {
        if let Some(ended) = child.try_wait().unwrap() {
            break ended;
        }
        assert!(begun.elapsed() < SOON, "it waits for its log");
        thread::sleep(Duration::from_millis(5));
    };
    assert_eq!(ended.code(), Some(0));
}

#[test]
fn a_stderr_that_is_closed_holds_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let line = format!(
        "exec \"$0\" serve --insecure-no-auth --lifetime 1s --listen unix:{} 2>&-",
        path.display()
    );
    let server = thread::spawn(move || crate::host::shell(&line));
    let until = Instant::now() + Duration::from_secs(10);
    while UnixStream::connect(&path).is_err() {
        assert!(Instant::now() < until);
        thread::sleep(Duration::from_millis(5));
    }
    for _ in 0..5 {
        assert!(healthy(&path));
    }
    let stream = UnixStream::connect(&path).unwrap();
    let dump = exchange(stream, request("/v1/dump", "localhost", &[]).as_bytes());
    assert_eq!(dump.status, 200);
    server.join().unwrap().ended_with(0);
}

#[test]
fn a_port_below_1024_is_bound_before_the_capability_goes() {
    if !crate::lab::requires_root("serve: a port below 1024") {
        return;
    }
    let lab = crate::lab::Lab::bare()
        .caps("=net_bind_service,sys_ptrace,dac_read_search")
        .args(["serve", "--listen", "127.0.0.1:80", "--lifetime", "300ms"])
        .run();
    let lab = lab.ended_with(0);
    assert!(lab.stderr_text().contains("http://127.0.0.1:80/"), "{lab}");
}
