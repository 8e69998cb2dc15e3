//! What a document says is what the kernel says: names of interfaces, removed directories, empty
//! words, memory, and copies of /proc.

use std::fs;
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;
use std::process::Command;

use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrIn, bind, listen, setsockopt, socket,
    sockopt,
};

use super::fake::FakeProc;
use super::host::{args, list, only, run, spyhole};
use super::lab::Lab;

#[needs(root)]
fn a_socket_bound_to_an_interface_shows_its_name_as_ss_does() {
    let listener = socket(
        AddressFamily::Inet,
        SockType::Stream,
        SockFlag::SOCK_CLOEXEC,
        None,
    )
    .unwrap();
    setsockopt(&listener, sockopt::BindToDevice, &"lo".into()).unwrap();
    let address = SockaddrIn::from(std::net::SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0));
    bind(listener.as_raw_fd(), &address).unwrap();
    listen(&listener, Backlog::new(1).unwrap()).unwrap();
    let own: SockaddrIn = nix::sys::socket::getsockname(listener.as_raw_fd()).unwrap();
    let port = own.port();
    let ss = run(Command::new("ss").args(["-Hltn", &format!("sport = :{port}")]));
    assert!(
        ss.stdout_text().contains(&format!("0.0.0.0%lo:{port}")),
        "{ss}"
    );
    let port = port.to_string();
    let words = ["--self", "ss", "-tl", "--port", &port];
    let table = spyhole(words).ended_with(0).stdout_text();
    assert!(table.contains(&format!("0.0.0.0%lo:{port}")), "{table}");
    assert!(table.contains("loopback only"), "{table}");
    let document = spyhole(words.iter().chain(&["-o", "json"])).document();
    let socket = only(list(&document, "sockets"), |_| true);
    assert_eq!(socket["interface"], "lo");
    assert_eq!(socket["loopback_only"], true);
}

#[needs(root)]
fn a_directory_that_was_removed_is_stale_and_takes_no_file() {
    let house = tempfile::tempdir().unwrap();
    let path = |name: &str| house.path().join(name);
    for directory in ["gone", "kept"] {
        fs::create_dir(path(directory)).unwrap();
    }
    fs::write(path("config"), "one").unwrap();
    let web = Lab::webapp()
        .bind(&path("gone"), "/gone")
        .bind(&path("kept"), "/kept")
        .bind(&path("config"), "/config")
        .start();
    fs::remove_dir(path("gone")).unwrap();
    // As who edits a file: the new one takes the name of the old.
    fs::write(path("new"), "two").unwrap();
    fs::rename(path("new"), path("config")).unwrap();
    let inside = web.host_proc_path("root/gone/file");
    assert!(fs::write(inside, "x").is_err(), "the kernel refuses it");
    let seen = web.spyhole().args(["mounts", "-o", "json"]).run();
    let document = seen.document();
    let mounts = list(&document, "mounts");
    let mount = |point: &str| only(mounts, |mount| mount["mount_point"] == point);
    assert_eq!(mount("/gone")["stale"], true);
    assert_eq!(mount("/gone")["writable_by_target"], false);
    assert_eq!(mount("/gone")["writable_because"], "removed");
    assert_eq!(mount("/config")["stale"], true);
    assert_eq!(mount("/config")["writable_by_target"], true);
    assert_eq!(mount("/kept")["writable_by_target"], true);
    assert!(mount("/kept").get("stale").is_none());
    let table = web.spyhole().args(["mounts"]).run().stdout_text();
    let line = table.lines().find(|line| line.starts_with("/config"));
    assert!(line.is_some_and(|line| line.contains("stale")), "{table}");
}

#[test]
fn one_empty_argument_is_not_none() {
    let fake = FakeProc::new();
    let _app = fake.process(1).file("cmdline", b"\0");
    let _two = fake.process(2).file("cmdline", b"\0\0\0");
    let document = fake.spyhole(["ps", "--all", "-o", "json"]).document();
    let process = |pid: i32| only(list(&document, "processes"), |one| one["pid"] == pid);
    assert_eq!(args(process(1)), [b""]);
    // NULs alone are what a rewritten title leaves.
    assert!(process(2)["args"].is_null());
}

#[test]
fn an_empty_entry_of_the_environment_is_one() {
    let fake = FakeProc::new();
    let _app = fake.process(1).file("environ", b"A=1\0\0B=2\0");
    let document = fake.spyhole(["env", "--pid", "1", "-o", "json"]).document();
    let variables = list(&list(&document, "environment")[0], "variables");
    let names: Vec<_> = variables.iter().map(|one| one["name"].as_str()).collect();
    assert_eq!(names, [Some("A"), Some(""), Some("B")]);
    assert_eq!(variables[1]["without_equals"], true);
}

#[test]
fn nothing_in_a_document_reorders_a_line() {
    let fake = FakeProc::new();
    let text = "safe\u{202e}exe\u{9b}31m\u{200b}\u{7f}";
    let _app = fake
        .process(1)
        .comm("a\u{202e}b".as_bytes())
        .file("cmdline", format!("{text}\0"))
        .file("environ", format!("A={text}\0"));
    for format in ["json", "yaml"] {
        let seen = fake.spyhole(["--pid", "1", "dump", "-o", format]);
        let out = seen.stdout_text();
        let hidden = |character: char| {
            "\u{202e}\u{9b}\u{200b}\u{7f}".contains(character)
                || (character.is_control() && character != '\n')
        };
        assert!(!out.contains(hidden), "{format}: {out}");
        if format == "json" {
            let document = seen.json();
            let process = only(list(&document, "processes"), |one| one["pid"] == 1);
            assert_eq!(args(process), [text.as_bytes()]);
        }
    }
}

#[test]
fn a_table_has_the_memory_that_the_document_has() {
    let fake = FakeProc::new();
    let _app = fake.process(1).status_with("VmRSS", "    3072 kB");
    let document = fake.spyhole(["ps", "--all", "-o", "json"]).document();
    let process = only(list(&document, "processes"), |one| one["pid"] == 1);
    assert_eq!(process["rss_bytes"], 3 << 20);
    for columns in ["pid,rss", "rss,%mem"] {
        let table = fake
            .spyhole(["ps", "--all", "--columns", columns])
            .stdout_text();
        assert!(table.contains("3.0M") || table.contains("3M"), "{table}");
    }
}

#[test]
fn a_copy_of_proc_is_read_with_its_own_clock_and_not_with_this_network() {
    let fake = FakeProc::new();
    let namespace = fs::read_link("/proc/self/ns/net").unwrap();
    let _app = fake.process(1).link("ns/net", namespace);
    let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
    fs::create_dir_all(fake.path().join("1/net")).unwrap();
    for name in ["tcp", "tcp6", "udp", "udp6"] {
        fs::write(fake.path().join("1/net").join(name), table).unwrap();
    }
    fs::write(fake.path().join("stat"), "cpu 1 2\nbtime 1000000000\n").unwrap();
    fs::write(fake.path().join("uptime"), "500.00 400.00\n").unwrap();
    // It began 1,001 ticks after the boot.
    let document = fake.spyhole(["ps", "--all", "-o", "json"]).document();
    let process = only(list(&document, "processes"), |one| one["pid"] == 1);
    let began = process["started_at"].as_str().unwrap();
    assert!(began.starts_with("2001-09-09T01:46:50"), "{began}");
    // A listener of this machine is none of it, though the link names this namespace.
    let _listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let document = fake.spyhole(["ss", "--pid", "1", "-o", "json"]).document();
    assert!(list(&document, "sockets").is_empty(), "{document:#}");
    let source = &list(&document, "socket_sources")[0];
    assert_eq!(source["same_as_viewer"], false);
}
