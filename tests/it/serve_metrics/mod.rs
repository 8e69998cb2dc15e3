//! `/metrics`: what promtool and a Prometheus server make of it, and that it tells the truth.
#![allow(
    clippy::float_cmp,
    clippy::cast_precision_loss,
    reason = "what is compared are counts, which come as they were written"
)]

mod prometheus;
pub(crate) mod server;

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use server::{Metrics, Server};
use tempfile::TempDir;

use super::host::run;
use super::lab::{Lab, example};
use super::serve::lab::Beside;
use super::support::idle::Idle;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0";

#[needs(promtool)]
fn promtool_has_nothing_to_say_about_a_real_scrape() {
    let notes = TempDir::new().unwrap();
    let _hostile = Idle::called(notes.path(), "a\n\"}\\ 1");
    let server = Server::start(&[], &[], &notes.path().join("token"));
    let text = server.metrics().0;
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = promtool.stdin.take().unwrap();
    stdin.write_all(text.as_bytes()).unwrap();
    drop(stdin);
    let said = promtool.wait_with_output().unwrap();
    let words = [said.stdout, said.stderr].concat();
    let words = String::from_utf8_lossy(&words);
    assert!(said.status.success() && words.is_empty(), "{words}\n{text}");
}

#[test]
fn the_form_is_the_one_that_accept_prefers() {
    let notes = TempDir::new().unwrap();
    let server = Server::start(&[], &[], &notes.path().join("token"));
    let text = server.get("/metrics", &[]);
    assert_eq!(
        text.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    assert!(
        text.text()
            .contains("\nspyhole_http_requests_total{code=\"2xx\"} ")
    );
    assert!(
        text.text()
            .contains("# TYPE spyhole_http_requests_total counter\n")
    );
    assert!(!text.text().contains("# EOF") && !text.text().contains("# UNIT"));
    let open = server.get("/metrics", &[("Accept", OPEN_METRICS)]);
    assert_eq!(
        open.header("content-type"),
        Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
    );
    assert!(open.text().ends_with("\n# EOF\n"));
    assert!(
        open.text()
            .contains("# TYPE spyhole_http_requests counter\n")
    );
    assert!(open.text().contains("# TYPE spyhole_build info\n"));
    let weighed = format!("{OPEN_METRICS};q=0.1, text/plain;q=0.9");
    let weighed = server.get("/metrics", &[("Accept", &weighed)]);
    assert!(!weighed.text().contains("# EOF"));
}

#[test]
fn a_token_is_asked_for_unless_metrics_are_public() {
    let notes = TempDir::new().unwrap();
    let token = notes.path().join("token");
    let closed = Server::start(&[], &[], &token);
    assert_eq!(closed.get_bare("/metrics", &[]).status, 401);
    let metrics = closed.metrics();
    assert_eq!(metrics.value("spyhole_http_auth_failures_total", ""), 1.0);
    assert_eq!(metrics.value("spyhole_http_requests_total", "4xx"), 1.0);
    let open = Server::start(&[], &["--public-metrics"], &token);
    assert_eq!(open.get_bare("/metrics", &[]).status, 200);
    let dump = open.get_bare("/v1/dump", &[]);
    assert_eq!(dump.status, 401, "only the metrics are public");
}

#[test]
fn it_takes_no_parameter() {
    let notes = TempDir::new().unwrap();
    let server = Server::start(&[], &[], &notes.path().join("token"));
    for query in ["pid=1", "format=x", "all", "reveal_all", "output=table"] {
        let answer = server.get(&format!("/metrics?{query}"), &[]);
        assert_eq!(answer.status, 400, "{query}: {}", answer.text());
        let name = query.split('=').next().unwrap();
        assert!(answer.text().contains(name), "{query}: {}", answer.text());
    }
}

/// The figures of one process of this machine.
fn of_one(pid: u32) -> Metrics {
    let notes = TempDir::new().unwrap();
    let pid = pid.to_string();
    Server::start(&["--pid", &pid], &[], &notes.path().join("token")).metrics()
}

#[test]
fn the_figures_are_those_of_the_kernel() {
    let notes = TempDir::new().unwrap();
    let child = Idle::called(notes.path(), "still").named("still");
    let pid = child.id();
    let metrics = of_one(pid);
    let group = |metric: &str| {
        let metric = format!("spyhole_process_group_{metric}");
        metrics.value(&metric, "name=\"still\"")
    };
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let kib: f64 = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.trim().strip_suffix(" kB")?.parse().ok())
        .unwrap();
    assert_eq!(group("resident_memory_bytes"), kib * 1024.0);
    let open = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count();
    assert_eq!(group("open_fds"), open as f64);
    let limits = run(Command::new("prlimit")
        .args(["--noheadings", "--output", "SOFT", "--nofile"])
        .args(["--pid", &pid.to_string()]));
    let soft: f64 = limits.stdout_text().trim().parse().unwrap();
    assert!((group("worst_fd_ratio") - open as f64 / soft).abs() < 1e-12);
    assert_eq!((group("processes"), group("threads")), (1.0, 1.0));
    let started = group("oldest_start_time_seconds");
    let now = || {
        let since = std::time::SystemTime::UNIX_EPOCH.elapsed();
        since.unwrap().as_secs_f64()
    };
    let before = now();
    let ps = run(Command::new("ps").args(["-o", "etimes=", "-p", &pid.to_string()]));
    let after = now();
    let age: f64 = ps.stdout_text().trim().parse().unwrap();
    // In whole seconds, and at some moment in between.
    let known = before - age - 3.0..after - age + 3.0;
    assert!(known.contains(&started), "{started} in {known:?}");
    let root = metrics.value("spyhole_mount_size_bytes", "mount_point=\"/\",");
    let df = run(Command::new("df").args(["-B1", "--output=size", "/"]));
    let df: f64 = df
        .stdout_text()
        .lines()
        .last()
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    assert_eq!(root, df);
}

#[test]
fn processor_time_only_rises_when_processes_end() {
    let notes = TempDir::new().unwrap();
    let server = Server::start(&[], &["--cache", "0s"], &notes.path().join("token"));
    let link = notes.path().join("burner");
    symlink("/bin/sh", &link).unwrap();
    let burn = || {
        let script = "i=0; while [ $i -lt 150000 ]; do i=$((i+1)); done; sleep 3600";
        Idle::start(Command::new(&link).args(["-c", script]))
    };
    let used = |metrics: &Metrics| {
        metrics.value(
            "spyhole_process_group_cpu_seconds_total",
            "name=\"burner\",mode=\"user\"",
        )
    };
    let ticks = |child: &Idle| {
        let stat = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
        let fields: Vec<_> = stat
            .rsplit_once(')')
            .unwrap()
            .1
            .split_whitespace()
            .collect();
        fields[11].parse::<f64>().unwrap() / 100.0
    };
    let settle = |child: &Idle| {
        let mut last = -1.0;
        while ticks(child) == 0.0 || ticks(child) != last {
            last = ticks(child);
            std::thread::sleep(std::time::Duration::from_millis(300));
        }
        last
    };
    let (first, second) = (burn(), burn());
    let both = settle(&first) + settle(&second);
    let before = used(&server.metrics());
    assert!((before - both).abs() < 0.005, "{before} {both}");
    drop(first);
    let after = used(&server.metrics());
    assert!((after - both).abs() < 0.005, "{after} {both}");
}

#[needs(root)]
fn a_target_of_another_user_has_gaps_and_no_zeros() {
    let web = Lab::webapp().uid(1000).start();
    let server = Server::in_lab(web.spyhole().uid(65_532).caps("none"), &[]);
    let metrics = server.metrics();
    assert_eq!(metrics.value("spyhole_look_success", ""), 1.0);
    assert!(metrics.value("spyhole_process_group_processes", "name=\"webapp\"") >= 3.0);
    assert!(
        metrics.value(
            "spyhole_process_group_resident_memory_bytes",
            "name=\"webapp\""
        ) > 0.0
    );
    for absent in [
        "spyhole_process_group_open_fds",
        "spyhole_process_group_worst_fd_ratio",
        "spyhole_mount_size_bytes",
        "spyhole_mount_inodes",
        // In another network, sock_diag does not serve.
        "spyhole_listening_port_accept_queue_limit_connections",
    ] {
        assert!(metrics.lacks(absent), "{absent} in\n{}", metrics.0);
    }
    assert!(metrics.value("spyhole_gaps", "section=\"processes\",reason=\"uid\"") >= 3.0);
    assert!(metrics.value("spyhole_gaps", "section=\"mounts\",reason=\"uid\"") >= 1.0);
    // What everyone may read is there all the same.
    assert_eq!(
        metrics.value(
            "spyhole_listening_port_accept_queue_connections",
            "port=\"8080\""
        ),
        0.0
    );

    let same = Server::in_lab(web.spyhole().uid(1000).caps("none"), &[]);
    let metrics = same.metrics();
    assert!(metrics.value("spyhole_process_group_open_fds", "name=\"webapp\"") > 3.0);
    assert!(metrics.value("spyhole_mount_size_bytes", "mount_point=\"/\"") > 0.0);
}

#[needs(root)]
fn in_a_pod_of_several_containers_all_are_told_and_none_is_the_target() {
    let pod = Lab::pod();
    let _one = pod.webapp().start();
    let _two = pod.webapp().args(["--listen", "127.0.0.1:8081"]).start();
    let server = Server::in_lab(pod.spyhole(), &["--cache", "0s"]);
    for _ in 0..2 {
        let metrics = server.metrics();
        assert_eq!(metrics.value("spyhole_look_success", ""), 1.0);
        assert!(metrics.value("spyhole_process_group_processes", "name=\"webapp\"") >= 6.0);
        assert!(metrics.lacks("spyhole_target_info") && metrics.lacks("spyhole_mount_size_bytes"));
        for port in ["8080", "8081"] {
            let port = format!("port=\"{port}\",state=\"listen\"");
            assert_eq!(metrics.value("spyhole_listening_port_sockets", &port), 1.0);
        }
    }
}

#[test]
fn a_named_target_that_is_gone_is_told() {
    let notes = TempDir::new().unwrap();
    let child = Idle::called(notes.path(), "soon-gone");
    let pid = child.id().to_string();
    let server = Server::start(
        &["--pid", &pid],
        &["--cache", "0s"],
        &notes.path().join("token"),
    );
    assert_eq!(server.metrics().value("spyhole_look_success", ""), 1.0);
    drop(child);
    let metrics = server.metrics();
    assert_eq!(metrics.value("spyhole_look_success", ""), 0.0);
    assert!(metrics.lacks("spyhole_processes"));
    assert!(metrics.value("spyhole_resident_memory_bytes", "") > 0.0);
}

#[test]
fn hostile_names_stay_values() {
    let notes = TempDir::new().unwrap();
    let name = "x\n\"} 1\\";
    let child = Idle::called(notes.path(), name).named(name);
    let metrics = of_one(child.id());
    let label = r#"name="x\\n\"} 1\\\\""#;
    assert_eq!(metrics.value("spyhole_process_group_processes", label), 1.0);
    for line in metrics.0.lines() {
        assert!(
            line.starts_with("spyhole_") || line.starts_with("# "),
            "{line}"
        );
    }
}

#[test]
fn two_hundred_names_are_fifty_and_other() {
    let notes = TempDir::new().unwrap();
    let names: Vec<String> = (0..200).map(|at| format!("crowd-{at}")).collect();
    let sleeper = |name: &String| Idle::called(notes.path(), name);
    let mut crowd: Vec<Idle> = names.iter().map(sleeper).collect();
    let last = crowd.pop().unwrap().named("crowd-199");
    crowd.push(last);
    let server = Server::start(&[], &[], &notes.path().join("token"));
    let metrics = server.metrics();
    let groups = metrics.of("spyhole_process_group_processes");
    assert!(groups.len() <= 51, "{}", groups.len());
    assert!(metrics.value("spyhole_folded", "process_groups") >= 150.0);
    let counted: f64 = groups.iter().map(|(_, count)| count).sum();
    let by_state = metrics.of("spyhole_processes");
    let by_state: f64 = by_state.iter().map(|(_, count)| count).sum();
    assert_eq!(counted, by_state, "nobody is lost");
    assert!(
        !metrics.0.contains(&format!("\"{}\"", crowd[0].id())),
        "no pids"
    );
}

/// In namespaces of its own: what else this machine does is no part of it.
#[needs(root)]
fn a_full_accept_queue_is_seen() {
    let full = Lab::program(&example("full_queue")).ready("ready ").start();
    let server = Beside::start(full.spyhole(), 0, &[]);
    let metrics = Metrics(server.text("/metrics"));
    let port = full.ready.split(' ').nth(1).unwrap();
    let port = format!("port=\"{port}\"");
    let waiting = metrics.value("spyhole_listening_port_accept_queue_connections", &port);
    let most = metrics.value(
        "spyhole_listening_port_accept_queue_limit_connections",
        &port,
    );
    assert_eq!((waiting, most), (2.0, 1.0));
}
