//! `spyhole why`: the same process as `ss` and `lsof` name, by three callers, and over HTTP.

use std::fs::File;
use std::process::{Command, Stdio};

use nix::sys::signal::Signal;
use serde_json::Value;

use super::host::{CLOSED_PORT, list, run, spyhole};
use super::lab::process::Process;
use super::lab::{self, Lab};
use crate::support::idle::Idle;
use crate::support::server::Server;

fn pid_of(holder: &Value) -> i64 {
    holder["pid"].as_i64().unwrap()
}

/// A web server, and the port where it listens.
fn served() -> (Process, String) {
    let mut command = Command::new(lab::example("webapp"));
    command.args(["--listen", "127.0.0.1:0", "--no-zombie"]);
    let mut web = Process::start(&mut command, Signal::SIGKILL);
    let ready = web.wait_for_line("ready ");
    let listen = ready.split("listen=").nth(1).unwrap();
    let port = listen
        .split(' ')
        .next()
        .unwrap()
        .rsplit(':')
        .next()
        .unwrap();
    let port = port.to_owned();
    (web, port)
}

#[test]
fn a_port_is_held_by_the_process_that_ss_names() {
    let (web, port) = served();
    let mut ss = Command::new("ss");
    let ss = run(ss.args(["-Hltnp", &format!("sport = :{port}")])).stdout_text();
    let number = |text: &str, key: &str| -> i64 {
        let rest = text.split(key).nth(1).unwrap_or_else(|| panic!("{text}"));
        rest.split(|letter: char| !letter.is_ascii_digit())
            .next()
            .unwrap()
            .parse()
            .unwrap()
    };
    let asked = format!(":{port}");
    let answer = spyhole(["why", &asked, "--all", "-o", "json"])
        .ended_with(0)
        .json();
    assert_eq!(answer["verdict"], "held");
    let [holder] = &**list(&answer, "holders") else {
        panic!("{answer:#}")
    };
    assert_eq!(pid_of(holder), number(&ss, "pid="), "{ss}");
    let holds = holder["holds"][0].as_str().unwrap();
    assert!(
        holds.ends_with(&format!("(fd {})", number(&ss, "fd="))),
        "{holds}: {ss}"
    );
    // As /proc names the parents.
    let chain: Vec<i64> = list(holder, "chain").iter().map(pid_of).collect();
    let mut expected = vec![pid_of(holder)];
    while let Some(parent) = parent_of(expected[0]).filter(|parent| *parent > 0) {
        expected.insert(0, parent);
    }
    assert!(expected.ends_with(&chain), "{chain:?} {expected:?}");
    assert_eq!(pid_of(holder), i64::from(web.id()), "{chain:?}");
    let status = std::fs::read_link(format!("/proc/{}/exe", pid_of(holder))).unwrap();
    assert_eq!(holder["exe"], status.to_str().unwrap());
    let doubts = holder["doubts"].to_string();
    assert!(doubts.contains("loopback only"), "{doubts}");
    let text = spyhole(["why", &asked, "--all"])
        .ended_with(0)
        .stdout_text();
    assert!(
        text.contains("→ webapp (") && text.contains("held by webapp (pid "),
        "{text}"
    );
    // The same process by its number, and by its name among others.
    let pid = pid_of(holder).to_string();
    let by_pid = spyhole(["why", &pid, "--all", "-o", "json"])
        .ended_with(0)
        .json();
    assert_eq!(by_pid["holders"][0]["chain"], holder["chain"]);
    assert!(
        by_pid["holders"][0]["listens_on"]
            .to_string()
            .contains(&port)
    );
    let by_name = spyhole(["why", "webapp", "--pid", &pid, "-o", "json"])
        .ended_with(0)
        .json();
    assert_eq!(by_name["holders"][0]["pid"], holder["pid"]);
}

fn parent_of(pid: i64) -> Option<i64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit(')')
        .next()?
        .split_whitespace()
        .nth(1)?
        .parse()
        .ok()
}

#[test]
fn a_file_is_held_by_the_processes_that_lsof_names() {
    let files = tempfile::TempDir::new().unwrap();
    let path = files.path().join("held.log");
    let file = File::create(&path).unwrap();
    let writer = Idle::shell(|shell| {
        shell.stdout(Stdio::from(file)).env("LOG_FILE", &path);
    });
    let path = path.to_str().unwrap();
    let lsof = run(Command::new("lsof").args(["-t", path])).stdout_text();
    let expected: Vec<i64> = lsof.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(expected, [i64::from(writer.pid())], "{lsof}");
    let answer = spyhole(["why", path, "--all", "-o", "json"])
        .ended_with(0)
        .json();
    let pids: Vec<i64> = list(&answer, "holders").iter().map(pid_of).collect();
    assert_eq!(pids, expected, "{answer:#}");
    let holder = &answer["holders"][0];
    assert_eq!(holder["holds"][0], format!("{path} (fd 1, write)"));
    let named = format!("LOG_FILE={path}");
    assert_eq!(holder["named_by"][0]["text"], named, "{holder:#}");
    drop(writer);
    // Where none holds it.
    let mut sleep = Command::new("sleep");
    let sleep = Idle::start(sleep.arg("1000").env("LOG_FILE", path));
    let pid = sleep.pid().to_string();
    let answer = spyhole(["why", path, "--pid", &pid, "-o", "json"])
        .ended_with(1)
        .json();
    assert_eq!(answer["verdict"], "not_held", "{answer:#}");
    assert_eq!(answer["nearest"][0]["text"], named);
}

#[needs(root)]
fn three_callers_get_what_each_may_know() {
    let secret = "k-9d41f7aa0c6e-8081";
    let web = Lab::webapp()
        .uid(1000)
        .caps("none")
        .args(["--listen", "127.0.0.1:8081", &format!("--api-key={secret}")])
        .env("METRICS_ADDR", "127.0.0.1:8081")
        .env("DB_PASSWORD", secret)
        .start();
    let callers = [
        web.spyhole().caps("+sys_ptrace,dac_read_search"),
        web.spyhole().uid(1000).caps("none"),
        web.spyhole().uid(65532).caps("none"),
    ];
    let closed = format!(":{CLOSED_PORT}");
    for (index, caller) in callers.iter().enumerate() {
        let ask = |words: &[&str]| caller.clone().args([&["why"], words].concat()).run();
        let port = ask(&[":8081", "-o", "json"]);
        let text = ask(&[":8081"]).stdout_text();
        assert!(
            !(text.clone() + &port.stdout_text()).contains(secret),
            "{index}: {text}"
        );
        // That none listens there is seen by all of them.
        let none = ask(&[&closed]).ended_with(1).stdout_text();
        assert!(none.contains("tcp 127.0.0.1:8081"), "{index}: {none}");
        ask(&["no-such-name"]).ended_with(1);
        let process = ask(&["webapp", "-o", "json"]).ended_with(0).json();
        assert_eq!(process["holders"][0]["pid"], 1, "{process:#}");
        if index == 2 {
            let answer = port.ended_with(4).json();
            assert_eq!(answer["verdict"], "unknown");
            assert_eq!(answer["not_seen"][0]["reason"], "uid", "{answer:#}");
            assert!(
                text.contains("not seen") && text.contains("uid 1000"),
                "{text}"
            );
            ask(&["/no/such/file"]).ended_with(4);
            let hidden = process["holders"][0]["not_seen"].to_string();
            assert!(hidden.contains("processes.exe"), "{hidden}");
            continue;
        }
        let answer = port.ended_with(0).json();
        let [holder] = &**list(&answer, "holders") else {
            panic!("{answer:#}")
        };
        assert_eq!((pid_of(holder), holder["uid"].as_i64()), (1, Some(1000)));
        let named = holder["named_by"].to_string();
        for setting in ["--listen 127.0.0.1:8081", "METRICS_ADDR=127.0.0.1:8081"] {
            assert!(named.contains(setting), "{index}: {named}");
        }
        ask(&["/no/such/file"]).ended_with(1);
        ask(&["/webapp"]).ended_with(0);
    }
}

#[test]
fn what_is_not_offered_is_a_usage_error() {
    for words in [
        &["why"][..],
        &["why", ":0"],
        &["why", ""],
        &["why", "x", "-o", "yaml"],
    ] {
        spyhole(words).ended_with(2);
    }
}

#[test]
fn over_http_it_is_the_same_answer() {
    let (web, port) = served();
    let server = Server::start(&["--pid", &web.id().to_string()]);
    let cli = spyhole(["why", &format!(":{port}"), "--all", "-o", "json"]).json();
    let http = server.get(&format!("/v1/why?subject=:{port}&all")).json();
    for key in ["verdict", "asked", "schema"] {
        assert_eq!(http[key], cli[key], "{http:#}");
    }
    assert_eq!(http["holders"][0]["chain"], cli["holders"][0]["chain"]);
    let text = server.get(&format!("/v1/why?subject=:{port}&all&output=table"));
    assert!(text.text().contains("held by webapp"), "{}", text.text());
    let id = web.id().to_string();
    let found = |document: &Value| -> Vec<String> {
        let findings = list(document, "findings").iter();
        // What the machine has left may differ between two moments.
        findings
            .map(|one| one["id"].as_str().unwrap().to_owned())
            .filter(|id| !id.starts_with("SPY-RES-"))
            .collect()
    };
    let cli = spyhole(["doctor", "--pid", &id, "--expect-port", "1", "-o", "json"]).json();
    let http = server.get("/v1/doctor?expect_port=1").json();
    assert_eq!(found(&http), found(&cli));
    assert!(found(&http).contains(&"SPY-NET-004".to_owned()), "{http:#}");
    let ignored = server
        .get("/v1/doctor?expect_port=1&ignore=SPY-NET-004=planned")
        .json();
    assert!(
        !found(&ignored).contains(&"SPY-NET-004".to_owned()),
        "{ignored:#}"
    );
    let rule = server.get("/v1/explain?id=spy-net-004").json();
    assert_eq!(rule["rules"][0]["id"], "SPY-NET-004");
    // The metric has the same findings, and no other.
    let metrics = server.get("/metrics").text();
    let http = found(&server.get("/v1/doctor").json());
    let samples = metrics
        .lines()
        .filter(|line| line.starts_with("spyhole_finding{") && !line.contains("SPY-RES-"));
    let samples: Vec<&str> = samples.collect();
    assert_eq!(samples.len(), http.len(), "{samples:?} {http:?}");
    for id in http {
        let label = format!("id=\"{id}\"");
        assert!(
            samples.iter().any(|sample| sample.contains(&label)),
            "{id}: {samples:?}"
        );
    }
    for (path, status) in [
        ("/v1/why", 400),
        ("/v1/why?subject=:0", 400),
        ("/v1/why?subject=:1&nonsense=1", 400),
        ("/v1/doctor?expect_port=0", 400),
        ("/v1/doctor?ignore=SPY-XXX-001=x", 400),
        ("/v1/doctor?output=yaml", 400),
        ("/v1/explain?id=SPY-XXX-001", 404),
    ] {
        assert_eq!(server.get(path).status, status, "{path}");
    }
    server.ends_well();
}
