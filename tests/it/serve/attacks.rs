//! What strangers can do to the server with many connections, slow ones and broken ones: before,
//! during and after, an ordinary request is answered.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::thread;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::client::{dial, dial_narrow, drain, exchange, request, reset};
use super::server::Server;
use crate::fake::FakeProc;
use crate::patience::eventually;
use crate::support::fake_root::FakeRoot;

/// A user whose threads nobody else's are counted with.
const NOBODY_ELSE: &[&str] = &["--reuid=54321", "--regid=54321", "--clear-groups"];
const HALF: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: loc";
const WHOLE: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// How many connections this process may hold beside what other tests need.
fn holdable(wanted: usize) -> usize {
    let limits = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limits.maximum,
        maximum: limits.maximum,
    };
    let _ = setrlimit(Resource::Nofile, raised);
    let most = limits.maximum.unwrap_or(1 << 20) / 3;
    wanted.min(usize::try_from(most).unwrap())
}

/// Opens so many, each with these first bytes; the oldest go where not all can be held.
fn stalled(server: &Server, count: usize, first: &[u8]) -> Vec<TcpStream> {
    let held = holdable(count);
    let mut open = std::collections::VecDeque::new();
    for _ in 0..count {
        if open.len() == held {
            open.pop_front();
        }
        let mut stream = dial(server.address());
        drop(stream.write_all(first));
        open.push_back(stream);
    }
    open.into()
}

/// Whether the server has closed it.
fn is_closed(stream: &mut TcpStream) -> bool {
    stream
        .set_read_timeout(Some(Duration::from_millis(1)))
        .unwrap();
    let mut one = [0];
    !matches!(
        stream.read(&mut one).map_err(|error| error.kind()),
        Ok(1..) | Err(std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
    )
}

#[test]
fn five_thousand_stalled_connections_keep_nobody_out() {
    let server = Server::start(&[]);
    server.answers();
    let start = server.cost();
    let mut open = stalled(&server, 2_500, b"");
    server.answers();
    open.extend(stalled(&server, 2_500, HALF));
    server.answers();
    let cost = server.cost();
    assert!(cost.descriptors <= start.descriptors + 256, "{cost:?}");
    assert_eq!(cost.threads, start.threads);
    assert!(
        cost.memory_kib < start.memory_kib + 16 * 1024,
        "{cost:?} {start:?}"
    );
    drop(open);
    let end = server.returns_to(start);
    println!("under 5,000; {start:?} {cost:?} {end:?}");
    server.ends_well();
}

#[test]
fn a_flood_of_strangers_does_not_cut_off_who_holds_the_token() {
    let server = Server::start(&["--max-connections", "16"]);
    let bearer = format!("Bearer {}", server.token());
    let mut known = dial(server.address());
    let ask = format!("GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: {bearer}\r\n\r\n");
    known.write_all(ask.as_bytes()).unwrap();
    let mut said = Vec::new();
    while !said.ends_with(b"output=table\n") {
        let mut some = [0; 4096];
        let read = known.read(&mut some).unwrap();
        said.extend_from_slice(&some[..read]);
    }
    let mut first = dial(server.address());
    server.answers();
    let open = stalled(&server, 200, HALF);
    assert!(is_closed(&mut first), "the oldest stranger had to go");
    let last = request("/", "localhost", &[("Authorization", &bearer)]);
    let reply = exchange(known, last.as_bytes());
    assert_eq!(reply.status, 200);
    drop(open);
    server.ends_well();
}

#[test]
fn headers_that_drip_are_cut_off_at_the_time_out() {
    let server = Server::start(&["--header-timeout", "1s"]);
    server.answers();
    let start = server.cost();
    let mut dripping = stalled(&server, 100, b"GET /healthz HTTP/1.1\r\nX: ");
    eventually("all are cut off, though they go on", || {
        for stream in &mut dripping {
            drop(stream.write_all(b"y"));
        }
        server.answers();
        dripping.iter_mut().all(is_closed)
    });
    // They are all still held on this side.
    server.returns_to(start);
    server.ends_well();
}

#[test]
fn who_says_nothing_at_all_is_cut_off_too() {
    let server = Server::start(&["--header-timeout", "500ms"]);
    server.answers();
    let start = server.cost();
    let mut silent = stalled(&server, 50, b"");
    // One has asked and keeps the connection for nothing.
    silent.extend(stalled(&server, 1, WHOLE));
    eventually("all are cut off", || silent.iter_mut().all(is_closed));
    server.returns_to(start);
    server.ends_well();
}

#[test]
fn descriptors_that_run_out_end_nothing() {
    let server = Server::wrapped(&["prlimit", "--nofile=64:64", "--"], &[]);
    server.answers();
    let start = server.cost();
    let open = stalled(&server, 600, HALF);
    server.answers();
    assert!(server.cost().descriptors <= 64);
    let dump = server.get("/v1/dump");
    assert_eq!(dump.status, 200);
    for gap in dump.json()["gaps"].as_array().unwrap() {
        assert_ne!(gap["errno"], "EMFILE", "{gap}");
    }
    drop(open);
    let end = server.returns_to(start);
    println!("with 64 descriptors; {start:?} {end:?}");
    server.ends_well();
}

#[test]
fn even_where_every_descriptor_is_taken_it_comes_back() {
    // Fewer than are kept back: accept(2) itself fails.
    let server = Server::wrapped(&["prlimit", "--nofile=64:64", "--"], &[]);
    server.answers();
    // That of its start and of the connection are closed when nothing changes any more.
    let start = eventually("its descriptors settle", || {
        let looks = [(); 5].map(|()| {
            thread::sleep(Duration::from_millis(20));
            server.cost()
        });
        let [first, .., last] = looks;
        let settled = looks.iter().all(|one| one.descriptors == last.descriptors);
        settled
            .then_some(last)
            .ok_or(format!("{first:?}, {last:?}"))
    });
    let limit = format!("--nofile={}:64", start.descriptors + 2);
    let pid = server.pid().to_string();
    crate::host::run(Command::new("prlimit").args(["--pid", &pid, &limit])).ended_with(0);
    let open = stalled(&server, 300, HALF);
    server.answers();
    server.wait_for("cannot accept connections: ");
    drop(open);
    server.returns_to(start);
    server.ends_well();
}

#[needs(root)]
fn no_thread_to_look_on_is_said_and_passes() {
    let server = Server::start(&["--cache", "0s"]);
    assert_eq!(server.get("/v1/processes").status, 200);
    // Root's threads are not counted: as somebody whom nobody else is.
    drop(server);
    let shelf = FakeRoot::new();
    let program = shelf.copy(&crate::lab::spyhole());
    let mut words = Command::new("setpriv");
    words.args(NOBODY_ELSE).arg(program);
    words.args(["serve", "--listen", "127.0.0.1:0", "--cache", "0s"]);
    let server = Server::run(&mut words);
    assert_eq!(server.get("/v1/processes").status, 200);
    let pid = server.pid().to_string();
    let limit = |most: &str| {
        // As the same user, which may do it without a capability.
        let mut words = Command::new("setpriv");
        words.args(NOBODY_ELSE).arg("prlimit");
        crate::host::run(words.args(["--pid", &pid, &format!("--nproc={most}:")])).ended_with(0);
    };
    limit("1");
    for _ in 0..3 {
        let refused = server.get("/v1/processes");
        assert_eq!(refused.status, 503);
        assert!(
            refused.detail().contains("cannot start a thread"),
            "{}",
            refused.text()
        );
        server.answers();
    }
    limit("1000");
    assert_eq!(server.get("/v1/processes").status, 200);
    server.ends_well();
}

#[test]
fn resets_at_any_moment_harm_nobody() {
    let server = Server::start(&[]);
    server.answers();
    let start = server.cost();
    let guarded = format!(
        "GET /v1/processes HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\r\n",
        server.token()
    );
    for round in 0..600 {
        let mut stream = dial(server.address());
        match round % 4 {
            0 => {}
            1 => drop(stream.write_all(HALF)),
            2 => drop(stream.write_all(WHOLE)),
            _ => drop(stream.write_all(guarded.as_bytes())),
        }
        reset(stream);
        if round % 100 == 0 {
            server.answers();
        }
    }
    server.answers();
    server.returns_to(start);
    server.ends_well();
}

#[test]
fn pipelines_that_nobody_reads_stop_at_the_buffers() {
    let server = Server::start(&["--write-timeout", "1s", "--access-log", "off"]);
    server.answers();
    let start = server.cost();
    let flood = WHOLE.repeat(2_000);
    let mut open = Vec::new();
    for _ in 0..20 {
        let mut stream = dial_narrow(server.address());
        stream.set_nonblocking(true).unwrap();
        // As much as the kernel takes, until it takes no more.
        let mut refused = 0;
        while refused < 10 {
            if stream.write_all(&flood).is_err() {
                refused += 1;
                thread::sleep(Duration::from_millis(5));
            }
        }
        open.push(stream);
    }
    server.answers();
    let cost = server.cost();
    assert!(cost.memory_kib < start.memory_kib + 8 * 1024, "{cost:?}");
    // They are held on this side, and their time for writing is over.
    let end = server.returns_to(start);
    println!("under pipelines; {start:?} {cost:?} {end:?}");
    drop(open);
    server.ends_well();
}

#[test]
fn a_pipeline_that_is_read_is_answered_whole_and_others_beside_it() {
    let server = Server::start(&["--access-log", "off"]);
    let stream = dial(server.address());
    let mut writing = stream.try_clone().unwrap();
    let writer = thread::spawn(move || {
        writing.write_all(&WHOLE.repeat(3_000)).unwrap();
        let last = request("/healthz", "localhost", &[]);
        writing.write_all(last.as_bytes()).unwrap();
    });
    server.answers();
    let all = drain(&mut &stream);
    writer.join().unwrap();
    let answers = String::from_utf8(all).unwrap();
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 3_001);
    server.ends_well();
}

/// A document of more than a MiB: one container with processes that have long arguments.
fn crowd() -> FakeProc {
    let fake = FakeProc::new();
    let first = fake.process(1);
    let argument = [b"app\0".as_slice(), &vec![b'x'; 30_000], b"\0"].concat();
    for pid in 2..=120 {
        let process = fake.process(pid).child_of(1);
        process
            .in_the_container_of(&first)
            .file("cmdline", &argument);
    }
    fake
}

#[test]
fn slow_readers_of_a_big_document_hold_it_once() {
    let fake = crowd();
    let proc = fake.path().to_str().unwrap();
    let server = Server::start(&["--write-timeout", "2s", "--cache", "5s", "--proc", proc]);
    let path = "/v1/processes";
    let size = server.get(path).body.len();
    assert!(size > 3 << 20, "{size}");
    server.answers();
    let start = server.cost();
    let bearer = format!("Bearer {}", server.token());
    let ask = request(path, "localhost", &[("Authorization", &bearer)]);
    let mut readers: Vec<TcpStream> = (0..100)
        .map(|_| {
            let mut stream = dial_narrow(server.address());
            stream.write_all(ask.as_bytes()).unwrap();
            stream
        })
        .collect();
    let mut first = [0; 12];
    for reader in &mut readers {
        reader.read_exact(&mut first).unwrap();
        assert_eq!(&first, b"HTTP/1.1 200");
    }
    server.answers();
    let cost = server.cost();
    assert!(cost.memory_kib < start.memory_kib + 16 * 1024, "{cost:?}");
    // They take nothing more, and are held on this side.
    let end = server.returns_to(start);
    println!("under slow readers; {start:?} {cost:?} {end:?}");
    drop(readers);
    server.ends_well();
}

#[test]
fn answers_that_nobody_takes_fill_no_more_than_their_share() {
    let fake = crowd();
    let proc = fake.path().to_str().unwrap();
    let limits = [
        "--max-response",
        "8",
        "--cache",
        "0s",
        "--write-timeout",
        "10m",
    ];
    let server = Server::start(&[&limits[..], &["--proc", proc]].concat());
    let bearer = format!("Bearer {}", server.token());
    let path = "/v1/processes";
    let ask = request(path, "localhost", &[("Authorization", &bearer)]);
    // Each has a document of its own.
    let mut refused = 0;
    let mut readers = Vec::new();
    for _ in 0..12 {
        let mut stream = dial_narrow(server.address());
        stream.write_all(ask.as_bytes()).unwrap();
        let mut first = [0; 12];
        stream.read_exact(&mut first).unwrap();
        refused += u32::from(&first == b"HTTP/1.1 503");
        readers.push(stream);
    }
    assert!((4..12).contains(&refused), "{refused} of 12");
    server.answers();
    assert!(server.cost().memory_kib < 64 * 1024, "{:?}", server.cost());
    drop(readers);
    eventually("there is room again", || {
        let reply = server.get(path);
        (reply.status == 200)
            .then_some(())
            .ok_or_else(|| reply.text())
    });
    server.ends_well();
}

#[test]
fn an_answer_beyond_the_limit_is_refused_and_not_built() {
    let fake = crowd();
    let proc = fake.path().to_str().unwrap();
    let server = Server::start(&["--max-response", "1", "--proc", proc]);
    let refused = server.get("/v1/processes");
    assert_eq!(refused.status, 507);
    assert!(refused.detail().contains("--max-response"));
    assert_eq!(server.get("/v1/containers").status, 200);
    server.ends_well();
}
