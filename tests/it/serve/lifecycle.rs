//! How it starts, where it listens, and that it ends when it shall.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
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
use crate::lab::process::Process;
use crate::patience::eventually;

#[test]
fn a_signal_ends_it_in_order() {
    for (signal, name) in [(Signal::SIGTERM, "SIGTERM"), (Signal::SIGINT, "SIGINT")] {
        let mut server = Server::start(&[]);
        server.signal(signal);
        assert_eq!(server.ends(), Some(0));
        server.wait_for(&format!("exiting: {name}"));
    }
}

#[test]
fn those_who_stall_do_not_hold_the_end() {
    // Longer than this test waits.
    let patient = ["--header-timeout", "10m", "--write-timeout", "10m"];
    let mut server = Server::start(&[&["--access-log", "off"], &patient[..]].concat());
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
    assert_eq!(server.ends(), Some(0));
}

#[test]
fn what_is_under_way_is_finished_first() {
    // A probe that waits for this test, which knows when it is under way.
    let asked = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = asked.local_addr().unwrap();
    let probe = format!("slow=http://{address}/,timeout=10m");
    let mut server = Server::start(&["--self", "--probe", &probe]);
    thread::scope(|scope| {
        let answer = scope.spawn(|| server.ask("/probe/slow", &[]));
        let (mut probed, _) = asked.accept().unwrap();
        let mut some = [0; 4096];
        assert!(probed.read(&mut some).unwrap() > 0);
        server.signal(Signal::SIGTERM);
        server.wait_for("exiting: SIGTERM");
        let well = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        probed.write_all(well).unwrap();
        let answer = answer.join().unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
    });
    assert_eq!(server.ends(), Some(0));
}

#[test]
fn it_ends_when_nobody_asks_and_when_its_time_is_over() {
    let mut idle = Server::start(&["--idle-exit", "5s"]);
    let mut short = Server::start(&["--lifetime", "1s"]);
    // Who is not let in keeps nothing alive.
    let stranger = dial(idle.address());
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(7) {
        thread::sleep(Duration::from_millis(250));
        assert_eq!(idle.ask("/healthz", &[]).status, 200);
    }
    assert!(!idle.has_ended());
    let ask = request("/v1/dump", &idle.host(), &[]);
    eventually("it ends, though strangers go on asking", || {
        if let Ok(mut stream) = TcpStream::connect(idle.address()) {
            drop(stream.write_all(ask.as_bytes()));
        }
        idle.has_ended()
    });
    assert_eq!(idle.ends(), Some(0));
    idle.wait_for("--idle-exit");
    assert_eq!(short.ends(), Some(0));
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
    let v6 = v6.strip_prefix("spyhole: listening on http://").unwrap();
    let v6 = v6.trim_end_matches('/').to_owned();
    let ask = |host: &str| request("/", host, &[("Authorization", &bearer)]);
    assert_eq!(server.get("/").status, 200);
    let reply = exchange(dial(v6.parse().unwrap()), ask(&v6).as_bytes());
    assert_eq!(reply.status, 200, "{}", reply.text());
    let stream = UnixStream::connect(&socket).unwrap();
    assert_eq!(exchange(stream, ask("localhost").as_bytes()).status, 200);
    server.signal(Signal::SIGTERM);
    assert_eq!(server.ends(), Some(0));
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
    eventually("it listens", || UnixStream::connect(&path));
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
    assert!(healthy(&path));
    let pid = nix::unistd::Pid::from_raw(child.id().try_into().unwrap());
    nix::sys::signal::kill(pid, Signal::SIGTERM).unwrap();
    let ended = eventually("it ends and does not wait for its log", || {
        child.try_wait().unwrap()
    });
    assert_eq!(ended.code(), Some(0));
}

#[test]
fn a_stderr_that_is_closed_holds_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let line = format!(
        "exec \"$0\" serve --insecure-no-auth --listen unix:{} 2>&-",
        path.display()
    );
    let mut command = Command::new("sh");
    command.args(["-c", &line]).arg(crate::lab::spyhole());
    let mut server = Process::start(&mut command, Signal::SIGKILL);
    eventually("it listens", || UnixStream::connect(&path));
    for _ in 0..5 {
        assert!(healthy(&path));
    }
    let stream = UnixStream::connect(&path).unwrap();
    let dump = exchange(stream, request("/v1/dump", "localhost", &[]).as_bytes());
    assert_eq!(dump.status, 200);
    server.signal(Signal::SIGTERM);
    server.wait().ended_with(0);
}

#[needs(root)]
fn a_port_below_1024_is_bound_before_the_capability_goes() {
    let lab = crate::lab::Lab::bare()
        .caps("=net_bind_service,sys_ptrace,dac_read_search")
        .args(["serve", "--listen", "127.0.0.1:80", "--lifetime", "300ms"])
        .run();
    let lab = lab.ended_with(0);
    assert!(lab.stderr_text().contains("http://127.0.0.1:80/"), "{lab}");
}
