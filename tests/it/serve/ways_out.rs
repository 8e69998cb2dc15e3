//! One secret in each place that is shown, and every output looked at.

use std::fs;
use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};

use super::server::Server;
use crate::host::spyhole;

/// A secret for each place; put together here, so that no scanner of sources takes it for real.
struct Planted {
    directory: String,
    socket: String,
    argument: &'static str,
    variable: &'static str,
    title: &'static str,
    request: &'static str,
}

impl Planted {
    fn new() -> Self {
        Self {
            directory: format!("gh{}{}", "p_", "D1rCwdExeQmv29TbLw73RnYc54Hd06Fg"),
            socket: format!("gh{}{}", "p_", "S0ckUn1xQmv29TbLw73RnYc54Hd06Fg"),
            argument: "Arg-Zebra-Crossing",
            variable: "Var-Zebra-Crossing",
            title: "T1tle-Zebra-Cr0ssing",
            request: "R3quest-Zebra-Cr0ssing",
        }
    }

    fn all(&self) -> [&str; 6] {
        [
            self.directory.as_str(),
            self.socket.as_str(),
            self.argument,
            self.variable,
            self.title,
            self.request,
        ]
    }

    fn assert_absent(&self, text: &str, from: &str) {
        for secret in self.all() {
            assert!(!text.contains(secret), "{from} shows {secret}:\n{text}");
        }
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "one case after the other")]
fn no_secret_leaves_by_any_command_or_route() {
    let planted = Planted::new();
    let base = tempfile::tempdir().unwrap();
    let directory = base.path().join(&planted.directory);
    fs::create_dir(&directory).unwrap();
    let program = directory.join("sleep");
    fs::copy("/bin/sleep", &program).unwrap();
    let listener =
        UnixListener::bind(base.path().join(format!("{}.sock", planted.socket))).unwrap();
    let script = format!(
        "read wait; : --password={}; echo {} | docker login --password-stdin",
        planted.argument, planted.title
    );
    let mut target = Command::new("sh")
        .args(["-c", &script])
        .stdin(Stdio::piped())
        .env("DB_PASSWORD", planted.variable)
        .current_dir(&directory)
        .spawn()
        .unwrap();
    let mut copied = Command::new(&program)
        .arg("1000")
        .current_dir(&directory)
        .spawn()
        .unwrap();

    for pid in [target.id().to_string(), copied.id().to_string()] {
        for command in [
            &["ps", "--all", "--columns", "pid,exe,command,comm"][..],
            &["ps", "-f", "--tree"],
            &["env", "--all", "--all-vars"],
            &["ss", "-xa"],
            &["findmnt"],
            &["caps"],
            &["containers"],
            &["dump"],
        ] {
            for format in ["table", "wide", "json", "yaml"] {
                let words = [&["--pid", pid.as_str()][..], command, &["-o", format]].concat();
                let seen = spyhole(&words);
                planted.assert_absent(
                    &(seen.stdout_text() + &seen.stderr_text()),
                    &words.join(" "),
                );
            }
        }
    }

    // What was typed is repeated in lines, events and errors, the secret in it is not.
    let url = format!("http://bob:{}@127.0.0.1:1/x", planted.request);
    let tcp = format!("tcp:{url}");
    let query = format!("http://127.0.0.1:1/x?token={}", planted.request);
    let odd = format!("--password={}", planted.request);
    let name = format!("postgres://bob:{}@db", planted.request);
    for words in [
        &["check", url.as_str()][..],
        &["check", query.as_str()],
        &["check", tcp.as_str()],
        &["env", odd.as_str()],
        &["-c", name.as_str(), "env"],
        &["tls", name.as_str()],
    ] {
        let seen = spyhole(words);
        planted.assert_absent(
            &(seen.stdout_text() + &seen.stderr_text()),
            &words.join(" "),
        );
    }
    let report = base.path().join("report.json");
    let words = [
        "run",
        "--report",
        report.to_str().unwrap(),
        "--",
        "false",
        odd.as_str(),
    ];
    let seen = spyhole(words);
    planted.assert_absent(&(seen.stdout_text() + &seen.stderr_text()), "run");
    planted.assert_absent(&fs::read_to_string(&report).unwrap(), "--report");

    let pid = copied.id().to_string();
    let probe = format!("web={query}");
    for form in ["text", "json"] {
        let server = Server::start(&["--access-log", form, "--pid", &pid, "--probe", &probe]);
        let greeting = server.said();
        planted.assert_absent(&greeting, "the greeting");
        for (path, _) in spyhole::api::routes() {
            for output in ["", "?output=table", "?output=wide", "?output=yaml"] {
                let reply = server.get(&format!("{path}{output}"));
                planted.assert_absent(&(reply.head.clone() + &reply.text()), &path);
            }
        }
        for path in [
            "/probe/web".to_owned(),
            format!("/v1/processes?container={name}"),
            format!("/v1/processes?{odd}=1"),
            format!("/x?token={}", planted.request),
            format!("/password={}", planted.request),
        ] {
            let reply = server.get(&path);
            planted.assert_absent(&(reply.head.clone() + &reply.text()), &path);
        }
        server.get("/last");
        planted.assert_absent(&server.wait_for("/last"), "the log");
        server.ends_well();
    }
    for child in [&mut target, &mut copied] {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    drop(listener);
}

#[test]
fn only_a_switch_lets_a_request_name_whom_to_connect_to() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let pid = std::process::id().to_string();
    let path = format!("/v1/tls?endpoint=127.0.0.1:{port}");

    let server = Server::start(&["--pid", &pid]);
    let refused = server.get(&path);
    assert_eq!(refused.status, 403, "{}", refused.text());
    assert!(
        refused.detail().contains("--allow-connect"),
        "{}",
        refused.detail()
    );
    server.ends_well();
    // Nothing came.
    listener.set_nonblocking(true).unwrap();
    assert!(
        listener.accept().is_err(),
        "the server connected all the same"
    );
    listener.set_nonblocking(false).unwrap();

    let probe = format!("web=tcp:127.0.0.1:{port}");
    let server = Server::start(&["--pid", &pid, "--probe", &probe]);
    let passed = server.get("/probe/web");
    assert_eq!(
        passed.status,
        200,
        "a probe reaches its own endpoint: {}",
        passed.text()
    );
    drop(listener.accept().unwrap());
    server.ends_well();

    let server = Server::start(&["--pid", &pid, "--allow-connect"]);
    let answers = std::thread::spawn(move || {
        use std::io::Write as _;
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.write_all(b"SSH-2.0-Of_the_inner_network\r\n");
    });
    let seen = server.get(&path);
    assert_eq!(seen.status, 200, "{}", seen.text());
    let says = seen.json()["tls"]["failure"]["says"].to_string();
    assert!(!says.contains("inner_network"), "{says}");
    answers.join().unwrap();
    server.ends_well();

    let server = Server::start(&["--pid", &pid, "--allow-connect", "--no-connect"]);
    let refused = server.get(&path);
    assert_eq!(refused.status, 403);
    assert!(
        refused.detail().contains("--no-connect"),
        "{}",
        refused.detail()
    );
    server.ends_well();
}

/// A mount point is looked at by its path, and shown without the secret in it.
#[needs(root)]
fn a_mount_point_with_a_secret_is_looked_at_and_not_shown() {
    let planted = Planted::new();
    let base = tempfile::tempdir().unwrap();
    let point = base.path().join(&planted.directory);
    fs::create_dir(&point).unwrap();
    let script = format!(
        "mount -t tmpfs -o size=4m none {} && exec sleep 1000",
        point.display()
    );
    let mut target = Command::new("unshare")
        .args(["-m", "sh", "-c", &script])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let pid = target.id().to_string();
    crate::patience::eventually("sleep runs", || {
        fs::read_to_string(format!("/proc/{pid}/comm")).unwrap() == "sleep\n"
    });
    let seen = spyhole(["findmnt", "--pid", &pid, "-o", "json"]);
    planted.assert_absent(&seen.stdout_text(), "findmnt");
    let document = seen.document();
    let hidden = |mount: &serde_json::Value| {
        mount["mount_point"]
            .as_str()
            .is_some_and(|point| point.contains("redacted"))
    };
    let mounts = crate::host::list(&document, "mounts");
    let mount = crate::host::only(mounts, hidden);
    assert_eq!(mount["space"]["size_bytes"], 4 << 20, "{mount:#}");
    assert_eq!(mount["writable_by_target"], true, "{mount:#}");
    // By its own path it is found.
    let named = spyhole([
        "findmnt",
        "--pid",
        &pid,
        "-o",
        "json",
        point.to_str().unwrap(),
    ]);
    assert_eq!(crate::host::list(&named.document(), "mounts").len(), 1);
    target.kill().unwrap();
    target.wait().unwrap();
}
