//! A check says neither yes nor no of what it did not see: exit code 4, also behind `not`.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use super::fake::FakeProc;
use super::host::{CLOSED_PORT, run, shell, spyhole};
use super::lab::process::Process;
use super::lab::{Lab, Output, Setup};
use nix::sys::signal::Signal;

/// Both the check and its opposite come out so, with their words.
#[track_caller]
fn unknown(spec: &str, says: &str, ask: impl Fn(&str) -> Output) {
    for spec in [spec.to_owned(), format!("not {spec}")] {
        let seen = ask(&spec);
        assert_eq!(seen.code, Some(4), "{spec}: {seen}");
        let text = seen.stdout_text();
        assert!(text.starts_with("unknown"), "{spec}: {seen}");
        assert!(text.contains(says), "{spec}: no {says:?} in {seen}");
    }
}

/// A check of a container, by a user beside it without any capability.
fn by(viewer: Setup, uid: u32) -> Setup {
    viewer.uid(uid).gid(uid).caps("none")
}

#[needs(root)]
fn processes_that_hidepid_hides_are_not_counted_as_absent() {
    let web = Lab::webapp().uid(1000).start();
    for option in ["hidepid=1", "hidepid=2"] {
        let ask = |spec: &str| {
            let viewer = by(web.spyhole(), 65_532).proc_options(option);
            viewer.args(["check", spec]).run()
        };
        for spec in [
            "process:webapp",
            "process:nobody-has-this-name",
            "fds:<80%",
            "file:/webapp",
            "cert:/webapp",
            "memory:<90%",
        ] {
            unknown(spec, "hide", ask);
        }
        // PID 1 is named and cannot be seen.
        let named = by(web.spyhole(), 65_532).proc_options("hidepid=2");
        let named = named.args(["--pid", "1", "check", "fds:<80%"]).run();
        assert_eq!(named.code, Some(4), "{named}");
    }
    // The first process is seen, another user's would not be.
    let ask = |spec: &str| {
        let viewer = by(web.spyhole(), 1000).proc_options("hidepid=2");
        viewer.args(["check", spec]).run()
    };
    unknown("process:nobody-has-this-name", "hidepid", ask);
    unknown("process:webapp,max=50", "hidepid", ask);
    unknown("fds:<80%", "not readable", ask);
    for (spec, code) in [
        ("process:webapp", 0),
        ("not process:webapp", 1),
        ("process:webapp,max=1", 1),
        ("fds:<0.00000001%", 1),
        ("any(process:nobody-has-this-name; process:webapp)", 0),
        ("all(process:nobody-has-this-name; file:/absent)", 1),
        ("any(process:nobody-has-this-name; file:/absent)", 4),
        ("all(process:nobody-has-this-name; process:webapp)", 4),
    ] {
        let seen = ask(spec);
        assert_eq!(seen.code, Some(code), "{spec}: {seen}");
    }
}

#[test]
fn a_walk_that_its_deadline_ends_counts_nothing() {
    for spec in ["process:nobody-has-this-name", "fds:<99%"] {
        let ask = |spec: &str| spyhole(["--self", "check", &format!("{spec},timeout=1ns")]);
        unknown(spec, "", ask);
    }
}

#[test]
fn without_descriptors_nothing_is_known_to_be_absent() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    for limit in (3..16).chain([20, 24, 32]) {
        for spec in [
            format!("tcp:127.0.0.1:{port}"),
            format!("http://127.0.0.1:{port}/,timeout=100ms"),
            format!("listen:{port}"),
            "process:spyhole".to_owned(),
            "file:/etc/passwd".to_owned(),
            "dns:localhost".to_owned(),
        ] {
            let line = format!("ulimit -n {limit}; exec \"$0\" check '{spec}'");
            let seen = shell(&line);
            let text = seen.stdout_text();
            // The server here never answers HTTP, and spyhole never counts itself.
            let may_fail = spec.starts_with("http") || spec.starts_with("process");
            let fine = matches!(seen.code, Some(0 | 4)) || (may_fail && seen.code == Some(1));
            // Where it cannot even start there is no answer.
            let fine = fine || (text.is_empty() && seen.code != Some(1));
            assert!(fine, "{limit} descriptors: {spec}: {seen}");
        }
    }
}

#[test]
fn a_socket_table_that_cannot_be_read_holds_no_proof() {
    let fake = FakeProc::new();
    let app = fake.process(1);
    fs::create_dir_all(fake.path().join("1/net/tcp6")).unwrap();
    let head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
    let line = "   0: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100 0 0 10 0\n";
    let app = app.file("net/tcp", format!("{head}{line}"));
    let ask = |spec: &str| fake.spyhole(["--pid", "1", "check", spec]);
    unknown("listen:22", "sockets not readable", ask);
    let seen = ask("listen:8080").ended_with(0);
    assert!(seen.stdout_text().contains("8080"), "{seen}");
    fs::remove_dir(fake.path().join("1/net/tcp6")).unwrap();
    let app = app.file("net/tcp6", head);
    ask("listen:22").ended_with(1);
    fs::remove_file(fake.path().join("1/net/tcp")).unwrap();
    drop(app);
    unknown("listen:8080", "sockets not readable", ask);
}

/// A directory that every user may enter, with files in it.
fn shared(files: &[(&str, &str)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
    for (name, content) in files {
        fs::write(directory.path().join(name), content).unwrap();
    }
    directory
}

#[needs(root)]
fn a_name_is_not_resolved_by_files_that_are_known_to_be_others() {
    let files = shared(&[
        ("hosts", "127.0.0.1 db\n"),
        ("other", "127.0.0.1 db\n"),
        (
            "resolv.conf",
            "nameserver 127.0.0.1\noptions attempts:1 timeout:1\n",
        ),
    ]);
    let file = |name: &str| files.path().join(name);
    let pod = |setup: Setup, hosts: &str| {
        let setup = setup.bind(&file(hosts), "/etc/hosts");
        setup.bind(&file("resolv.conf"), "/etc/resolv.conf")
    };
    let web = pod(Lab::webapp().uid(1000), "hosts").start();
    let ask = |uid: u32, hosts: &'static str| {
        let web = &web;
        let pod = &pod;
        move |spec: &str| {
            by(pod(web.spyhole(), hosts), uid)
                .args(["check", spec])
                .run()
        }
    };
    // Who may read the target's uses those, whatever its own are.
    for spec in ["dns:db", "tcp:db:8080"] {
        ask(1000, "other")(spec).ended_with(0);
    }
    // A stranger's own are the same files: mounted from the same place.
    for spec in ["dns:db", "tcp:db:8080", "not dns:nobody.invalid"] {
        let seen = ask(65_532, "hosts")(spec).ended_with(0);
        assert!(!seen.stdout_text().contains('('), "{seen}");
    }
    // Other files, which happen to say the same.
    for spec in [
        "dns:db",
        "dns:nobody.invalid",
        "tcp:db:8080",
        "tcp:db:1",
        "http://db:8080/",
        "tls:db:8080",
    ] {
        unknown(spec, "/etc/hosts", ask(65_532, "other"));
    }
    // An address needs no file.
    ask(65_532, "other")("tcp:127.0.0.1:8080").ended_with(0);
}

#[needs(root)]
fn loopback_is_another_machine_in_another_network_namespace() {
    let files = shared(&[
        ("hosts", "127.0.0.1 db\n"),
        (
            "resolv.conf",
            "nameserver 127.0.0.11\noptions attempts:1 timeout:1\n",
        ),
    ]);
    let setup = Lab::webapp().uid(1000);
    let setup = setup.bind(&files.path().join("hosts"), "/etc/hosts");
    let setup = setup.bind(&files.path().join("resolv.conf"), "/etc/resolv.conf");
    let web = setup.start();
    let ask = |share: bool| {
        let web = &web;
        move |spec: &str| {
            let viewer = by(web.spyhole().share_net(share), 1000);
            viewer.args(["check", spec]).run()
        }
    };
    for spec in [
        "tcp:127.0.0.1:8080",
        "tcp:127.0.0.1:1",
        "tcp:[::1]:8080",
        "tcp:0.0.0.0:8080",
        "tcp:localhost:8080",
        "tcp:db:8080",
        "tcp:unix:@db",
        "http://127.0.0.1:8080/",
        "http://localhost:8080/",
        "tls:127.0.0.1:8080",
        "tls:localhost:8080",
    ] {
        unknown(spec, "network namespace", ask(false));
    }
    // So is a name server there; what the file of hosts knows needs none.
    unknown("dns:nobody.invalid", "127.0.0.11", ask(false));
    unknown("tcp:nobody.invalid:80", "127.0.0.11", ask(false));
    unknown("tls:nobody.invalid:443", "127.0.0.11", ask(false));
    ask(false)("dns:db").ended_with(0);
    for (spec, code) in [
        ("tcp:127.0.0.1:8080", 0),
        ("tcp:db:8080", 0),
        ("tcp:localhost:1", 1),
        ("tcp:unix:@nobody", 1),
        ("dns:nobody.invalid", 1),
    ] {
        let seen = ask(true)(spec);
        assert_eq!(seen.code, Some(code), "{spec}: {seen}");
    }
}

#[test]
fn of_a_copied_proc_no_address_on_loopback_is_dialled() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let fake = FakeProc::new();
    let _app = fake.process(1);
    for port in [port, CLOSED_PORT] {
        let ask = |spec: &str| fake.spyhole(["check", spec]);
        unknown(&format!("tcp:127.0.0.1:{port}"), "not in the target's", ask);
    }
}

#[needs(root)]
fn a_socket_path_is_one_of_the_target() {
    let (run_dir, other) = (shared(&[]), shared(&[]));
    let _db = UnixListener::bind(run_dir.path().join("db.sock")).unwrap();
    let _other = UnixListener::bind(other.path().join("other.sock")).unwrap();
    for (directory, name) in [(&run_dir, "db.sock"), (&other, "other.sock")] {
        let path = directory.path().join(name);
        fs::set_permissions(path, Permissions::from_mode(0o777)).unwrap();
    }
    let web = Lab::webapp().uid(1000).bind(run_dir.path(), "/run");
    let web = web.start();
    let ask = |uid: u32, own: &Path| {
        let own = own.to_owned();
        let web = &web;
        move |spec: &str| {
            let viewer = by(web.spyhole(), uid).bind(&own, "/run");
            viewer.args(["check", spec]).run()
        }
    };
    let same_user = ask(1000, other.path());
    let seen = same_user("tcp:unix:/run/db.sock").ended_with(0);
    assert!(seen.stdout_text().contains("unix:/run/db.sock"), "{seen}");
    same_user("tcp:unix:/run/other.sock").ended_with(1);
    // A stranger may not enter the target's root: what it has at the path is another directory,
    // or the same one.
    for spec in ["tcp:unix:/run/db.sock", "tcp:unix:/run/other.sock"] {
        unknown(spec, "leads elsewhere", ask(65_532, other.path()));
    }
    let shares = ask(65_532, run_dir.path());
    shares("tcp:unix:/run/db.sock").ended_with(0);
    shares("tcp:unix:/run/other.sock").ended_with(1);
}

#[test]
fn what_runs_the_check_does_not_pass_it() {
    let word = "worker-that-nobody-has-started";
    for spec in [
        format!("process:{word}"),
        format!("all(process:{word}; fds:<=100%)"),
        format!("process:{word},min=2"),
    ] {
        let line = format!("\"$0\" --self check '{spec},timeout=10m'; exit $?");
        let seen = shell(&line).ended_with(1);
        assert!(seen.stdout_text().contains("0 processes match"), "{seen}");
    }
    let line = format!("\"$0\" --self check 'not process:{word},timeout=10m'; exit $?");
    shell(&line).ended_with(0);
    // The same words in another place do count.
    let _held = Process::start(
        Command::new("sh").args(["-c", "kill -STOP $$", "worker-that-a-test-has-started"]),
        Signal::SIGKILL,
    );
    spyhole([
        "--self",
        "check",
        "process:worker-that-a-test-has-started,timeout=10m",
    ])
    .ended_with(0);
}

#[test]
fn an_unknown_answer_counts_as_was_said() {
    let fake = FakeProc::new();
    let _app = fake.process(1).without("fd");
    let spec = "fds:<80%";
    for (flags, code) in [
        (&[][..], 4),
        (&["--unknown", "pass"], 0),
        (&["--unknown=fail"], 1),
    ] {
        let words = [&["check"], flags, &[spec]].concat();
        let seen = fake.spyhole(words).ended_with(code);
        assert!(seen.stdout_text().starts_with("unknown"), "{seen}");
    }
    // It changes no answer that is known.
    let closed = format!("tcp:127.0.0.1:{CLOSED_PORT}");
    spyhole(["--self", "check", "--unknown", "pass", &closed]).ended_with(1);
    spyhole(["check", "--unknown", "maybe", &closed]).ended_with(2);
    run(Command::new(super::lab::spyhole()).args(["check", "--unknown", "pass", "tcp:[::1"]))
        .ended_with(2);
}
