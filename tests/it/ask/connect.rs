//! `spyhole connect`: every address, and Unix sockets of any type.

use std::net::TcpListener;
use std::os::unix::net::{UnixDatagram, UnixListener};

use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, listen, socket,
};
use std::os::fd::AsRawFd;

use crate::host::{CLOSED_PORT, spyhole};
use crate::lab::Lab;

fn connect(words: &[&str]) -> crate::lab::Output {
    spyhole([&["--self", "connect"], words].concat())
}

#[test]
fn a_listener_accepts_and_what_is_closed_refuses_as_nc_has_it() {
    let open = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = open.local_addr().unwrap().port().to_string();
    let seen = connect(&["127.0.0.1", &port]).ended_with(0);
    let text = seen.stdout_text();
    let mut rows = text.lines();
    let words =
        |line: &str| -> Vec<String> { line.split_whitespace().map(str::to_owned).collect() };
    assert_eq!(words(rows.next().unwrap()), ["ADDRESS", "TIME", "RESULT"]);
    let row = words(rows.next().unwrap());
    assert_eq!(row[0], format!("127.0.0.1:{port}"), "{seen}");
    assert_eq!(row[2..], ["ms", "connected"], "{seen}");
    let closed = connect(&[&format!("127.0.0.1:{CLOSED_PORT}")]).ended_with(1);
    assert!(
        closed.stdout_text().contains("connection refused"),
        "{closed}"
    );
    // Both families of a name, one of which is closed.
    let seen = connect(&["localhost", &port]).ended_with(0);
    assert!(
        seen.stdout_text().contains(&format!("127.0.0.1:{port}")),
        "{seen}"
    );
    connect(&["-6", "127.0.0.1", &port]).ended_with(1);
    let habit = spyhole(["--self", "nc", "-zv", "-w", "2", "127.0.0.1", &port]);
    assert!(habit.ended_with(0).stdout_text().contains("connected"));
    let never = spyhole([
        "--self",
        "--no-connect",
        "connect",
        &format!("127.0.0.1:{port}"),
    ]);
    never.ended_with(4);
    connect(&["localhost"]).ended_with(2);
    connect(&["no-such-name.invalid:1"]).ended_with(1);
}

#[test]
fn a_unix_socket_of_any_type_is_connected_to() {
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name);
    let _stream = UnixListener::bind(path("stream")).unwrap();
    let _datagram = UnixDatagram::bind(path("datagram")).unwrap();
    let packets = socket(
        AddressFamily::Unix,
        SockType::SeqPacket,
        SockFlag::SOCK_CLOEXEC,
        None,
    )
    .unwrap();
    let address = UnixAddr::new(&path("packets")).unwrap();
    bind(packets.as_raw_fd(), &address).unwrap();
    listen(&packets, Backlog::new(1).unwrap()).unwrap();
    drop(UnixListener::bind(path("left")).unwrap());
    // The target is a process of this test: its root is this one.
    let own = std::process::id().to_string();
    for (name, code, result) in [
        ("stream", 0, "connected\n"),
        ("datagram", 0, "connected (datagram)"),
        ("packets", 0, "connected (seqpacket)"),
        ("left", 1, "connection refused"),
    ] {
        let to = format!("unix:{}", path(name).display());
        let seen = spyhole(["--pid", &own, "connect", &to]).ended_with(code);
        let text = seen.stdout_text();
        assert!(
            text.contains(result) && text.contains(&to),
            "{name}: {seen}"
        );
    }
    let missing = format!("unix:{}", path("none").display());
    let seen = spyhole(["--pid", &own, "connect", &missing]).ended_with(1);
    assert!(
        seen.stderr_text().contains("No such file or directory"),
        "{seen}"
    );
}

#[needs(root)]
fn the_listener_of_a_container_is_reached_from_its_network_and_refused_from_another() {
    let web = Lab::webapp().uid(1000).start();
    let ask = |same: bool| {
        let beside = web
            .spyhole()
            .uid(1000)
            .gid(1000)
            .caps("none")
            .share_net(same);
        beside.args(["connect", "127.0.0.1:8080"]).run()
    };
    let seen = ask(true).ended_with(0);
    assert!(seen.stdout_text().contains("connected"), "{seen}");
    // 127.0.0.1 is another machine there.
    let seen = ask(false).ended_with(4);
    assert!(seen.stdout.is_empty(), "{seen}");
    assert!(seen.stderr_text().contains("network namespace"), "{seen}");
}
