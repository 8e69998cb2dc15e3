//! spyhole as a sidecar in a pod, and what a probe by exec asks inside of an application that has
//! no shell.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::host::{list, shell};
use crate::lab::{Output, spyhole};
use crate::podman::{PodmanContainer, PodmanLab};

/// As tests/pods/sidecar.yaml has it.
const TOKEN: &str = "a-token-of-the-tests-and-of-nobody-else";
const SERVER: &str = "http://127.0.0.1:7794";

/// What curl in the pod's network gets; the status is the last line of stdout.
fn curl(from: &PodmanContainer, path: &str, flags: &[&str]) -> Output {
    let url = format!("{SERVER}{path}");
    let words = [
        "curl",
        "--silent",
        "--show-error",
        "--write-out",
        "\n%{http_code}",
        &url,
    ];
    from.in_its_network(&[&words, flags].concat())
}

/// The body of an answer with this status.
fn body(of: &Output, status: &str) -> String {
    let text = of.stdout_text();
    let (body, code) = text.rsplit_once('\n').unwrap_or_else(|| panic!("{of}"));
    assert_eq!(code, status, "{of}");
    body.to_owned()
}

/// The first process of a container and its children, which are all that the sample application
/// has, as the kernel numbers them in the pod.
fn pids_of(container: &PodmanContainer) -> BTreeSet<u64> {
    let first = container.host_pid.to_string();
    let children = shell(&format!("ps -o pid= --ppid {first}")).ended_with(0);
    let in_the_pod = |pid: &str| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let pids = status.lines().find(|line| line.starts_with("NSpid:"));
        let last = pids.and_then(|line| line.split_whitespace().last());
        last.unwrap().parse().unwrap()
    };
    let text = children.stdout_text();
    let all = text.split_whitespace().chain([first.as_str()]);
    all.map(in_the_pod).collect()
}

#[needs(podman)]
fn a_sidecar_answers_for_the_application_beside_it() {
    let podman = PodmanLab::get();
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pod = podman.kube_play(&manifest.join("tests/pods/sidecar.yaml"));
    let app = pod.container("app");
    let sidecar = pod.container_that_says("spyhole", "listening on");
    let bearer = format!("Authorization: Bearer {TOKEN}");
    let with_token = ["--header", bearer.as_str()];

    assert_eq!(body(&curl(&app, "/healthz", &[]), "200"), "ok\n");
    for path in ["/v1/processes", "/metrics"] {
        body(&curl(&app, path, &[]), "401");
    }

    let answer = body(&curl(&app, "/v1/processes", &with_token), "200");
    let document: serde_json::Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(document["target"]["container_id"], app.id.as_str());
    let seen: BTreeSet<u64> = list(&document, "processes")
        .iter()
        .map(|process| process["pid"].as_u64().unwrap())
        .collect();
    assert_eq!(seen, pids_of(&app), "{document:#}");
    assert!(seen.len() >= 3, "{seen:?}");

    let metrics = body(&curl(&app, "/metrics", &with_token), "200");
    let line = |start: &str| {
        let found = metrics.lines().find(|line| line.starts_with(start));
        found.unwrap_or_else(|| panic!("no {start} in {metrics}"))
    };
    assert_eq!(line("spyhole_look_success"), "spyhole_look_success 1");
    let group = line("spyhole_process_group_open_fds{");
    assert!(group.contains("name=\"webapp\""), "{group}");

    // Its own probe, where the kubelet cannot come to a loopback address.
    let health = format!("{SERVER}/healthz");
    sidecar.exec(&["/spyhole", "check", &health]).ended_with(0);
    sidecar
        .exec(&["/spyhole", "check", "tcp:127.0.0.1:7795"])
        .ended_with(1);
}

#[needs(podman)]
fn a_probe_by_exec_passes_and_fails_where_no_shell_exists() {
    let podman = PodmanLab::get();
    let volume = format!("{}:/spy/spyhole:ro", spyhole().display());
    let flags = [
        "--user",
        "1000:1000",
        "--read-only",
        "--cap-drop",
        "ALL",
        "--volume",
        &volume,
    ];
    let app = podman.webapp(&flags, &[]);
    // Podman says 127 or 126 of what it cannot start, which a probe would take for a failure.
    app.exec(&["/bin/sh", "-c", "true"]).ended_with(127);
    let check = |check: &str| app.exec(&["/spy/spyhole", "check", check]);
    let passes = check("tcp:127.0.0.1:8080").ended_with(0);
    assert!(passes.stdout_text().starts_with("passes: "), "{passes}");
    let fails = check("tcp:127.0.0.1:8081").ended_with(1);
    assert!(fails.stdout_text().contains("refused"), "{fails}");
    check("process:webapp,min=3").ended_with(0);
    check("listen:8080").ended_with(0);
    check("file:/no/such").ended_with(1);
}
