//! A server whose target does not respond answers everything else, and ends.

use nix::sys::signal::Signal;

use super::server::Server;
use crate::hang::fuse::{Behavior, Request, Shape, Target};
use crate::patience::eventually;

fn start(target: &Target) -> Server {
    let pid = target.pid.to_string();
    Server::start(&["--pid", &pid, "--timeout", "2s", "--cache", "0s"])
}

#[needs(root, fuse)]
fn readers_that_are_stuck_keep_nobody_waiting_and_are_reaped() {
    let mut target = Target::start(Behavior::Hang(Request::StatFs), Shape::Mounted);
    let server = start(&target);
    // More than may scan at once, and more than may be stuck.
    for _ in 0..12 {
        let reply = server.get("/v1/mounts");
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert_eq!(server.get("/v1/processes").status, 200);
    }
    assert!(target.hangs());
    let gaps = server.get("/v1/mounts").json()["gaps"].to_string();
    assert!(
        gaps.contains("remote_fs") || gaps.contains("timeout"),
        "{gaps}"
    );
    target.end_server();
    // Once the requests have come back, it is read again.
    eventually("the mount says that its server has ended", || {
        let gaps = server.get("/v1/mounts").json()["gaps"].to_string();
        let is_dead = gaps.contains("ENOTCONN") || gaps.contains("ECONNABORTED");
        is_dead.then_some(()).ok_or(gaps)
    });
    server.ends_well();
}

#[needs(root, fuse)]
fn it_ends_while_readers_are_stuck() {
    for shape in [Shape::Root, Shape::Pages] {
        let request = if shape == Shape::Root {
            Request::Lookup
        } else {
            Request::Read
        };
        let target = Target::start(Behavior::Hang(request), shape);
        let mut server = start(&target);
        for _ in 0..3 {
            let reply = server.get("/v1/processes");
            assert!(matches!(reply.status, 200 | 504), "{}", reply.text());
        }
        assert!(target.hangs());
        assert_eq!(server.get("/healthz").status, 200);
        server.signal(Signal::SIGTERM);
        assert_eq!(server.ends(), Some(0));
    }
}

#[test]
fn a_fifo_for_a_file_of_its_own_is_refused_at_the_start() {
    let house = tempfile::tempdir().unwrap();
    let fifo = house.path().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let fifo = fifo.to_str().unwrap();
    let listen = ["serve", "--listen", "127.0.0.1:0"];
    for words in [
        [&listen[..], &["--token-file", fifo]].concat(),
        [&listen[..], &["--tls-cert", fifo, "--tls-key", fifo]].concat(),
        vec!["--fingerprint-key-file", fifo, "env"],
        vec!["certs", "--password-file", fifo],
        vec!["tls", "127.0.0.1:1", "--cert", fifo, "--key", fifo],
        vec!["tls", "127.0.0.1:1", "--ca", fifo],
    ] {
        // Each of them waited for a writer.
        let seen = crate::host::spyhole(&words).ended_with(2);
        assert!(seen.stderr_text().contains("FIFO"), "{words:?}: {seen}");
    }
}
