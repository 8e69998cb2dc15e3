//! Telling containers apart by what runtimes leave in cgroup paths and mounts, on
//! nodes that are not at hand.

use serde_json::Value;

use super::fake::FakeProc;
use super::host::{list, only};

const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const OTHER: &str = "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210";
const POD: &str = "3c1f7a5e-9f0b-4d52-8a53-0d2f6e1b7c94";
const POD_SLICE: &str = "3c1f7a5e_9f0b_4d52_8a53_0d2f6e1b7c94";

/// The one container of a process with this cgroup path and these roots of mounts.
fn named(cgroup: &str, roots: &[&str]) -> Value {
    let fill = |text: &str| {
        text.replace("SLICE", POD_SLICE)
            .replace("POD", POD)
            .replace("ID", ID)
    };
    let mut all = vec!["/".to_owned()];
    all.extend(roots.iter().map(|root| fill(root)));
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let fake = FakeProc::new();
    fake.process(1).comm(b"systemd");
    fake.process(7).cgroup(&fill(cgroup)).mounts(&all);
    let document = fake.spyhole(["containers", "-o", "json"]).document();
    only(list(&document, "containers"), |one| one["main_pid"] == 7).clone()
}

#[test]
fn runtimes_are_known_by_their_cgroup_paths() {
    for (cgroup, runtime) in [
        (
            "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podSLICE.slice/cri-containerd-ID.scope",
            "containerd",
        ),
        (
            "/kubepods.slice/kubepods-podSLICE.slice/crio-ID.scope",
            "cri-o",
        ),
        (
            "/kubepods.slice/kubepods-podSLICE.slice/crio-ID.scope/container",
            "cri-o",
        ),
        ("/system.slice/docker-ID.scope", "docker"),
        ("/docker/ID", "docker"),
        ("/machine.slice/libpod-ID.scope", "podman"),
        ("/libpod_parent/libpod-ID", "podman"),
        ("/../cri-containerd-ID.scope", "containerd"),
    ] {
        let container = named(cgroup, &[]);
        assert_eq!(container["id"], ID, "{cgroup}");
        assert_eq!(container["runtime"], runtime, "{cgroup}");
        assert_eq!(container["kind"], "container", "{cgroup}");
        let pod = cgroup.contains("SLICE").then(|| POD.into());
        assert_eq!(container.get("pod_uid"), pod.as_ref(), "{cgroup}");
    }
}

#[test]
fn the_cgroupfs_driver_of_containerd_names_pod_and_id_only() {
    let container = named("/kubepods/burstable/podPOD/ID", &[]);
    assert_eq!(
        (&container["id"], &container["pod_uid"]),
        (&ID.into(), &POD.into())
    );
}

#[test]
fn the_kubelets_termination_log_gives_the_name() {
    let log = "/var/lib/kubelet/pods/POD/containers/web/1a2b3c4d";
    let hosts = "/var/lib/kubelet/pods/POD/etc-hosts";
    let container = named("/kubepods/burstable/podPOD/ID", &[hosts, log]);
    assert_eq!(container["name"], "web");
    assert_eq!(container["pod_uid"], POD);
    // In a cgroup namespace of its own there is no id to be seen, but still the name.
    let container = named("/", &[hosts, log]);
    assert_eq!(
        (&container["name"], container.get("id")),
        (&"web".into(), None)
    );
}

#[test]
fn podman_leaves_the_id_in_its_mounts() {
    let file = "/run/containers/storage/overlay-containers/ID/userdata/.containerenv";
    let container = named("/", &[file]);
    assert_eq!(
        (&container["id"], &container["runtime"]),
        (&ID.into(), &"podman".into())
    );
}

/// A node: the machine's own processes, and two pods with their pauses.
fn node() -> FakeProc {
    let fake = FakeProc::new();
    fake.process(1).comm(b"systemd");
    fake.process(2).comm(b"kthreadd").child_of(0).cgroup("/");
    let pod = |number: u8| format!("{number}c1f7a5e-9f0b-4d52-8a53-0d2f6e1b7c94");
    let mut pid = 100;
    for number in [1_u8, 2] {
        let uid = pod(number);
        for (which, name) in ["pause", "web", "proxy"].into_iter().enumerate() {
            pid += 1;
            let id = format!("{:064x}", usize::from(number) * 10 + which);
            let log = format!("/var/lib/kubelet/pods/{uid}/containers/{name}/1a2b3c4d");
            let roots = ["/", &log];
            let roots = if name == "pause" {
                &roots[..1]
            } else {
                &roots[..]
            };
            let main = fake.process(pid).comm(name.as_bytes()).child_of(1);
            let main = main
                .cgroup(&format!("/kubepods/pod{uid}/{id}"))
                .mounts(roots);
            pid += 1;
            if name == "web" {
                fake.process(pid)
                    .comm(b"worker")
                    .child_of(pid - 1)
                    .in_the_container_of(&main);
            }
        }
    }
    fake
}

#[test]
fn two_pods_on_a_node_are_told_apart() {
    let fake = node();
    let document = fake.spyhole(["containers", "-o", "json"]).document();
    let containers = list(&document, "containers");
    let pauses = containers.iter().filter(|one| one["kind"] == "pause");
    assert_eq!(pauses.count(), 2, "{document:#}");
    let webs: Vec<_> = containers
        .iter()
        .filter(|one| one["name"] == "web")
        .collect();
    assert_eq!(webs.len(), 2, "{document:#}");
    assert_ne!(webs[0]["pod_uid"], webs[1]["pod_uid"]);
    assert_ne!(webs[0]["id"], webs[1]["id"]);
    assert!(
        webs.iter().all(|one| one["process_count"] == 2),
        "{webs:#?}"
    );
}

#[test]
fn a_name_that_two_pods_have_needs_an_id() {
    let fake = node();
    let seen = fake.spyhole(["-c", "web", "ps"]).ended_with(3);
    assert!(seen.stderr_text().contains("ambiguous target"), "{seen}");
    let ids = fake.spyhole(["containers", "-o", "json"]).document();
    let webs = list(&ids, "containers")
        .iter()
        .filter(|one| one["name"] == "web");
    for web in webs {
        let id = web["id"].as_str().unwrap();
        let document = fake.spyhole(["-c", id, "ps", "-o", "json"]).document();
        assert_eq!(document["target"]["container_id"], id);
        assert_eq!(document["target"]["pid"], web["main_pid"]);
        assert_eq!(list(&document, "processes").len(), 2, "{document:#}");
    }
}

#[test]
fn an_ambiguous_name_is_answered_with_flags_that_decide() {
    let fake = node();
    let seen = fake.spyhole(["-c", "web", "ps"]).ended_with(3);
    let said = seen.stderr_text();
    let flags: Vec<&str> = said
        .lines()
        .filter_map(|line| line.trim().strip_prefix("--container "))
        .collect();
    assert!(flags.len() >= 2, "{seen}");
    for flag in flags.iter().filter(|flag| flag.contains("web")) {
        let name = flag.split_whitespace().next().unwrap();
        let again = fake.spyhole(["-c", name, "ps"]);
        assert_eq!(
            again.code,
            Some(0),
            "`-c {name}`, as it was told to: {again}"
        );
    }
}

#[test]
fn a_zombie_is_counted_to_the_container_of_its_parent() {
    let fake = FakeProc::new();
    fake.process(1).comm(b"systemd");
    fake.process(7).cgroup(&format!("/docker/{ID}"));
    fake.process(8).cgroup(&format!("/docker/{OTHER}"));
    fake.process(9).zombie().child_of(8);
    let document = fake.spyhole(["containers", "-o", "json"]).document();
    let of = |id: &str| {
        only(list(&document, "containers"), |one| one["id"] == id)["process_count"].clone()
    };
    assert_eq!((of(ID), of(OTHER)), (1.into(), 2.into()), "{document:#}");
}
