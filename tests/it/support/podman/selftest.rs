//! That Podman stands in the tests as it does elsewhere.

use std::fs;
use std::path::Path;

use super::{PodmanContainer, PodmanLab};
use crate::lab::example;

fn peek(podman: &PodmanLab, beside: &PodmanContainer, flags: &[&str], path: &str) -> String {
    let output = podman.program(&example("lab"), beside, flags, &["peek", path]);
    assert_eq!(output.code, Some(0), "{output}");
    output.stdout_text()
}

#[needs(podman)]
fn a_container_stands_and_the_host_sees_its_id() {
    let podman = PodmanLab::get();
    let web = podman.webapp(&["--user", "1000:1000"], &["--api-key=s3cret"]);
    let cgroup = String::from_utf8(web.host_proc("cgroup")).unwrap();
    assert!(cgroup.contains(&format!("libpod-{}", web.id)), "{cgroup}");
    assert_eq!(web.host_proc("comm"), b"webapp\n");
    let status = String::from_utf8(web.host_proc("status")).unwrap();
    assert!(status.contains("Uid:\t1000\t"), "{status}");
}

#[needs(podman)]
fn a_viewer_shares_pid_and_network_and_is_held_to_the_same_rules() {
    let podman = PodmanLab::get();
    let web = podman.webapp(&[], &[]);
    for (flags, wanted) in [
        (["--user", "1000:1000"].as_slice(), "open=ok"),
        (&["--user", "65532:65532"], "open=EACCES"),
        (&["--user", "0:0"], "open=EACCES"),
        (&["--user", "0:0", "--cap-add", "SYS_PTRACE"], "open=ok"),
    ] {
        let seen = peek(podman, &web, flags, "/proc/1/root");
        assert!(seen.contains(wanted), "{flags:?}: {seen}");
    }
    let network = fs::read_link(web.host_proc_path("ns/net")).unwrap();
    let seen = peek(podman, &web, &[], "/proc/self/ns/net");
    assert!(seen.contains(network.to_str().unwrap()), "{seen}");
    let seen = podman.viewer(&web, &["--user", "1000:1000"], &[]);
    assert!(seen.code.is_some(), "{seen}");
}

#[needs(podman)]
fn a_pod_of_a_manifest_has_its_pause_as_pid_1() {
    let podman = PodmanLab::get();
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = manifest.join("tests/pods/share-process-namespace.yaml");
    let pod = podman.kube_play(&manifest);
    let (web, sidecar) = (pod.container("web"), pod.container("sidecar"));
    let namespace = |of: &PodmanContainer| fs::read_link(of.host_proc_path("ns/pid")).unwrap();
    assert_eq!(namespace(&web), namespace(&sidecar));
    let status = String::from_utf8(web.host_proc("status")).unwrap();
    let pids = status.lines().find(|line| line.starts_with("NSpid:"));
    let inner = pids
        .and_then(|line| line.split_whitespace().last())
        .unwrap();
    assert_ne!(inner, "1", "{status}");
    let flags = ["--user", "1000:1000"];
    let seen = peek(podman, &web, &flags, &format!("/proc/{inner}/root"));
    assert!(seen.contains("open=ok"), "{seen}");
    let seen = peek(podman, &web, &flags, "/proc/1/root");
    assert!(seen.contains("open=EACCES"), "{seen}");
}

#[needs(podman)]
fn nothing_is_left_of_a_container() {
    let podman = PodmanLab::get();
    let web = podman.webapp(&[], &[]);
    let (id, pid) = (web.id.clone(), web.host_proc_path(""));
    drop(web);
    assert!(!pid.exists());
    let all = podman.must(&["ps", "--all", "--no-trunc", "--quiet"]);
    assert!(!all.stdout_text().contains(&id), "{all}");
}
