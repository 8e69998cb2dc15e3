//! Kernels, sandboxes and nodes that no machine at hand has, as a directory in
//! place of /proc.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::Value;
use tempfile::TempDir;

use super::fake::FakeProc;
use super::host::{bytes, list, only, shell, spyhole};

const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const OTHER: &str = "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210";
const POD: &str = "3c1f7a5e-9f0b-4d52-8a53-0d2f6e1b7c94";
const POD_SLICE: &str = "3c1f7a5e_9f0b_4d52_8a53_0d2f6e1b7c94";

fn gap<'a>(document: &'a Value, section: &str, field: &str) -> Option<&'a Value> {
    let fits = |gap: &&Value| gap["section"] == section && gap["field"] == field;
    list(document, "gaps").iter().find(fits)
}

fn of_pid(document: &Value, pid: i32) -> &Value {
    only(list(document, "processes"), |process| process["pid"] == pid)
}

#[test]
fn a_usual_process_is_seen_whole() {
    let fake = FakeProc::new();
    fake.process(1).comm(b"nginx");
    let document = fake.spyhole(["ps", "-o", "json"]).document();
    let nginx = of_pid(&document, 1);
    assert_eq!(nginx["comm"], "nginx");
    assert_eq!(nginx["args"], serde_json::json!(["app", "--serve"]));
    assert_eq!(nginx["exe"], "/app");
    assert_eq!(nginx["rss_bytes"], 1 << 20);
    assert_eq!(
        nginx["cpu_seconds"],
        serde_json::json!({"user": 1.5, "system": 0.5})
    );
    assert_eq!(nginx["signals"]["ignored"], serde_json::json!(["PIPE"]));
    assert_eq!(nginx["fd_limit"]["soft"], 1024);
    assert_eq!(document["gaps"], serde_json::json!([]), "{document:#}");
}

// ---- other kernels and sandboxes

#[test]
fn gvisor_lacks_files_and_lines_which_is_told_and_not_zero() {
    let fake = FakeProc::new();
    for pid in [1, 7] {
        fake.process(pid)
            .status_without(&[
                "Umask",
                "NStgid",
                "NSpid",
                "VmLck",
                "VmSwap",
                "ShdPnd",
                "SigPnd",
                "SigBlk",
                "SigIgn",
                "SigCgt",
                "NoNewPrivs",
                "Seccomp",
                "Seccomp_filters",
                "CapAmb",
            ])
            .without("smaps_rollup")
            .without("limits")
            .without("oom_score")
            .without("ns");
    }
    let document = fake.spyhole(["ps", "--pss", "-o", "json"]).document();
    assert_eq!(list(&document, "processes").len(), 2);
    let app = of_pid(&document, 1);
    for field in [
        "swap_bytes",
        "locked_bytes",
        "signals",
        "pss_bytes",
        "fd_limit",
        "oom_score",
    ] {
        assert_eq!(app.get(field), Some(&Value::Null), "{field} of {app:#}");
        let gap =
            gap(&document, "processes", field).unwrap_or_else(|| panic!("{field}: {document:#}"));
        assert_eq!(
            (&gap["reason"], &gap["count"]),
            (&"unsupported".into(), &2.into()),
            "{gap:#}"
        );
    }
    assert_eq!(app["oom_score_adj"], 0, "this one is there");
    assert!(app.get("namespace_pids").is_none(), "{app:#}");
}

#[test]
fn an_old_kernel_without_umask_and_nspid_is_no_gap() {
    let fake = FakeProc::new();
    fake.process(1)
        .status_without(&["Umask", "NStgid", "NSpid"]);
    let document = fake.spyhole(["ps", "-o", "json"]).document();
    assert_eq!(document["gaps"], serde_json::json!([]), "{document:#}");
}

#[test]
fn what_was_refused_is_a_question_mark_with_its_note() {
    let fake = FakeProc::new();
    fake.process(1).without("limits");
    let seen = fake
        .spyhole(["ps", "--columns", "pid,fdlimit,command"])
        .ended_with(0);
    let text = seen.stdout_text();
    assert!(
        text.lines()
            .any(|line| line.split_whitespace().eq(["1", "?", "app", "--serve"])),
        "{seen}"
    );
    assert!(
        text.contains("? fd_limit of pid 1: not offered by this kernel"),
        "{seen}"
    );
}

#[test]
fn hidepid_hides_pid_1_and_that_is_not_taken_for_nobody() {
    // As with hidepid=2: only one's own process is listed, and it is not the first.
    let fake = FakeProc::new();
    fake.own(7);
    let seen = fake.spyhole(["ps"]).ended_with(3);
    let said = seen.stderr_text();
    assert!(
        said.contains("hidepid"),
        "PID 1 must exist, and /proc hides it: {seen}"
    );
}

#[test]
fn a_process_that_is_listed_and_may_not_be_entered_is_a_gap() {
    // As with hidepid=1, where every number is listed and nothing behind it opens.
    let fake = FakeProc::new();
    fake.process(1);
    fake.own(7);
    fake.process(8).without("stat");
    // A directory in its place cannot be read: the same for a reader who is root.
    fs::create_dir(fake.path().join("8/stat")).unwrap();
    let document = fake.spyhole(["ps", "--all", "-o", "json"]).document();
    assert_eq!(list(&document, "processes").len(), 1);
    let gaps = list(&document, "gaps");
    let told = gaps
        .iter()
        .any(|gap| list(gap, "subjects").contains(&8.into()));
    assert!(
        told,
        "process 8 is listed and left out without a word: {document:#}"
    );
}

// ---- hostile and broken files

#[test]
fn a_name_that_ends_the_parenthesis_stays_a_name() {
    let fake = FakeProc::new();
    fake.process(1).comm(b") R 1\n");
    let document = fake.spyhole(["ps", "-o", "json"]).document();
    let app = of_pid(&document, 1);
    assert_eq!(bytes(&app["comm"]), b") R 1\n");
    assert_eq!(
        (&app["state"], &app["ppid"]),
        (&"sleeping".into(), &0.into())
    );
}

#[test]
fn a_status_with_every_group_there_can_be_is_read() {
    let groups: Vec<String> = (0..65_536)
        .map(|group| (4_294_000_000_u32 + group).to_string())
        .collect();
    let fake = FakeProc::new();
    fake.process(1)
        .status_with("Groups", &groups.join(" "))
        .status_with("VmSwap", "    42 kB");
    let document = fake.spyhole(["ps", "-o", "json"]).document();
    assert_eq!(of_pid(&document, 1)["swap_bytes"], 42 * 1024);
    assert_eq!(document["gaps"], serde_json::json!([]), "{document:#}");
}

#[test]
fn a_broken_stat_takes_its_process_out_and_no_other() {
    let whole = "8 (app) S 1 8 8 0 -1 4194560 900 0 0 0 150 50 0 0 20 0 1 0 1008 10485760 256 1 ";
    for broken in [
        "",
        "8",
        "8 (app",
        "8 (app) ",
        &whole[..40],
        "8 (app) S x 8 8 0 -1 1 1 1 1 1\n",
    ] {
        let fake = FakeProc::new();
        fake.process(1);
        fake.process(8).file("stat", broken);
        fake.process(9);
        let document = fake.spyhole(["ps", "-o", "json"]).document();
        let pids: Vec<_> = list(&document, "processes")
            .iter()
            .map(|one| one["pid"].clone())
            .collect();
        assert_eq!(pids.len(), 2, "with stat {broken:?}: {document:#}");
        assert!(!pids.contains(&8.into()));
    }
}

#[test]
fn a_broken_status_is_told_and_costs_only_its_fields() {
    for broken in [
        "",
        "Uid:\tnobody\n",
        "Name:\tapp\nState:\tS (sleeping)\nUid:\t0\t0\n",
    ] {
        let fake = FakeProc::new();
        fake.process(1).file("status", broken);
        let document = fake.spyhole(["ps", "-o", "json"]).document();
        let app = of_pid(&document, 1);
        assert_eq!(app["real_uid"], Value::Null, "with {broken:?}: {app:#}");
        assert_eq!(app["args"], serde_json::json!(["app", "--serve"]));
        assert!(
            gap(&document, "processes", "real_uid").is_some(),
            "{document:#}"
        );
    }
}

#[test]
fn what_vanishes_between_listing_and_opening_is_no_error() {
    let fake = FakeProc::new();
    fake.process(1);
    symlink("nowhere", fake.path().join("8")).unwrap();
    fs::create_dir(fake.path().join("9")).unwrap();
    fake.process(10).without("stat");
    let seen = fake.spyhole(["ps", "--strict", "-o", "json"]);
    let document = seen.document();
    assert_eq!(list(&document, "processes").len(), 1, "{document:#}");
}

#[test]
fn files_that_would_block_or_never_end_do_not_hold_it_up() {
    let fake = FakeProc::new();
    fake.process(1);
    let fifo = fake.path().join("8");
    fake.process(8).without("cmdline").without("limits");
    nix::unistd::mkfifo(&fifo.join("cmdline"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    symlink("/dev/zero", fifo.join("limits")).unwrap();
    let document = fake.spyhole(["ps", "-o", "json"]).document();
    let gap = gap(&document, "processes", "fd_limit").unwrap_or_else(|| panic!("{document:#}"));
    assert_eq!(gap["reason"], "limit");
}

#[test]
fn many_containers_need_few_descriptors() {
    let fake = FakeProc::new();
    for pid in 1..=60 {
        fake.process(pid).cgroup(&format!("/docker/{pid:064x}"));
    }
    for (words, section) in [("containers", "containers"), ("ps --all", "processes")] {
        let proc = fake.path().display();
        let line = format!("ulimit -n 16; exec \"$0\" --proc '{proc}' {words} -o json");
        let document = shell(&line).document();
        assert_eq!(list(&document, section).len(), 60, "{words}: {document:#}");
    }
}

// ---- telling containers apart

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
    assert!(
        seen.stderr_text().contains("more than one container"),
        "{seen}"
    );
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

// ---- no /proc at all

#[test]
fn what_is_no_proc_is_refused_by_the_name_of_the_flag() {
    let empty = TempDir::new().unwrap();
    let file = empty.path().join("file");
    fs::write(&file, "x").unwrap();
    let nowhere = empty.path().join("nowhere");
    fs::create_dir(empty.path().join("empty")).unwrap();
    for path in [empty.path().join("empty"), file, nowhere] {
        let seen = spyhole(["--proc".as_ref(), path.as_os_str(), "ps".as_ref()]).ended_with(3);
        let said = seen.stderr_text();
        assert!(
            said.contains(path.to_str().unwrap()) && said.contains("--proc"),
            "{seen}"
        );
        assert!(seen.stdout.is_empty(), "{seen}");
    }
}
