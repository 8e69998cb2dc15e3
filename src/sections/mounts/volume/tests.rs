//! What the mounts of real and of documented containers mean.
//!
//! `mountinfo.podman` is captured (Podman 4.3.1, runc 1.1.5). `mountinfo.containerd`,
//! `mountinfo.crio` and `mountinfo.docker` are built: lines in the form that users of those
//! runtimes publish and that the sources of kubelet and engines document, ids and names invented.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;
use crate::model::volume::Certainty;
use crate::parse::{mountinfo, mutate};

const PODMAN: &[u8] = include_bytes!("../../../../tests/fixtures/proc/mountinfo.podman");
const CONTAINERD: &[u8] = include_bytes!("../../../../tests/fixtures/proc/mountinfo.containerd");
const CRIO: &[u8] = include_bytes!("../../../../tests/fixtures/proc/mountinfo.crio");
const DOCKER: &[u8] = include_bytes!("../../../../tests/fixtures/proc/mountinfo.docker");
const MACHINE: &[u8] = include_bytes!("../../../../tests/fixtures/proc/mountinfo");
const POD: &str = "3c1f7a5e-9f0b-4d52-8a53-0d2f6e1b7c94";

/// `mount point: meaning` of every mount that is no mask; `-` where nothing tells.
fn meanings(file: &[u8], container: bool) -> Vec<String> {
    let entries: Vec<_> = mountinfo::entries(file).map(Result::unwrap).collect();
    let around = MountContext::of(&entries, container);
    let shown = entries.iter().filter(|entry| !is_mask(entry));
    shown
        .map(|entry| {
            let meaning = volume(entry, &around).map_or(b"-".to_vec(), |found| found.describe());
            let point = String::from_utf8_lossy(&entry.mount_point);
            format!("{point}: {}", String::from_utf8_lossy(&meaning))
        })
        .collect()
}

fn masked(file: &[u8]) -> Vec<String> {
    let entries = mountinfo::entries(file).map(Result::unwrap);
    entries
        .filter(is_mask)
        .map(|entry| String::from_utf8_lossy(&entry.mount_point).into_owned())
        .collect()
}

/// The meaning of the mount at this place.
fn at(file: &[u8], point: &str) -> Volume {
    let entries: Vec<_> = mountinfo::entries(file).map(Result::unwrap).collect();
    let around = MountContext::of(&entries, false);
    let entry = entries
        .iter()
        .find(|entry| *entry.mount_point == *point.as_bytes());
    volume(entry.unwrap(), &around).unwrap()
}

#[test]
fn a_pod_under_containerd() {
    assert_eq!(
        meanings(CONTAINERD, false),
        [
            "/: container_root",
            "/proc: kernel",
            "/dev: devices",
            "/dev/pts: kernel",
            "/dev/mqueue: kernel",
            "/sys: kernel",
            "/sys/fs/cgroup: kernel",
            "/etc/app: config_map app-config",
            "/opt/app.yaml: config_map app-config:..2026_05_11_12_36_52.1754749256/app.yaml",
            "/tmp: empty_dir scratch",
            "/data: persistent_volume?",
            "/mnt/efs: persistent_volume?",
            "/cache: persistent_volume? pvc-7d1a9c52-0b7e-4c11-9a55-61f1f0b2a3c4_shop_cache",
            "/host/log: host_path?",
            "/run/containerd/containerd.sock: host_path?",
            "/models: image?",
            // A Secret, a projected volume, an emptyDir in memory: nothing tells which.
            "/etc/tls: -",
            "/etc/hosts: hosts",
            "/dev/termination-log: termination_log",
            "/etc/hostname: hostname",
            "/etc/resolv.conf: resolv_conf",
            "/dev/shm: shared_memory",
            "/run/secrets/kubernetes.io/serviceaccount: service_account_token",
        ]
    );
    let config = at(CONTAINERD, "/etc/app");
    assert_eq!(config.pod_uid.as_deref(), Some(POD));
    assert_eq!(config.certainty, Certainty::Certain);
    let log = at(CONTAINERD, "/dev/termination-log");
    assert_eq!(log.container, Some("app".into()));
    assert_eq!(at(CONTAINERD, "/tmp").medium, Some(Medium::Disk));
    assert_eq!(at(CONTAINERD, "/host/log").certainty, Certainty::Likely);
}

#[test]
fn a_pod_under_cri_o() {
    assert_eq!(
        meanings(CRIO, false),
        [
            "/: container_root",
            "/proc: kernel",
            "/dev: devices",
            "/dev/shm: shared_memory",
            "/etc/resolv.conf: resolv_conf",
            "/etc/hostname: hostname",
            "/run/secrets: engine_file",
            "/etc/hosts: hosts",
            "/dev/termination-log: termination_log",
            "/var/lib/data: persistent_volume pvc-9b2d6f70-3f1c-4d6d-8a2b-5e7c1a0d9f84",
            "/run/secrets/kubernetes.io/serviceaccount: service_account_token",
        ]
    );
    let data = at(CRIO, "/var/lib/data");
    assert_eq!((data.plugin, data.sub_path), (Some("csi".into()), None));
    assert_eq!(masked(CRIO), ["/proc/kcore", "/proc/acpi"]);
}

#[test]
fn a_container_of_docker() {
    assert_eq!(
        meanings(DOCKER, false),
        [
            "/: container_root",
            "/proc: kernel",
            "/dev: devices",
            "/dev/pts: kernel",
            "/sys: kernel",
            "/sys/fs/cgroup: kernel",
            "/dev/mqueue: kernel",
            "/dev/shm: shared_memory",
            "/etc/resolv.conf: resolv_conf",
            "/etc/hostname: hostname",
            "/etc/hosts: hosts",
            "/var/lib/postgresql/data: engine_volume db-data",
            "/src: host_path?",
            "/run/secrets/db-password: secret? db-password",
            "/run/docker.sock: host_path?",
            "/dev/console: kernel",
        ]
    );
}

#[test]
fn a_container_of_podman() {
    let meanings = meanings(PODMAN, false);
    for expected in [
        "/: container_root",
        "/etc/hosts: hosts",
        "/etc/hostname: hostname",
        "/run/.containerenv: engine_file .containerenv",
        "/dev/shm: shared_memory",
        "/sys/fs/cgroup/memory: kernel",
    ] {
        assert!(meanings.iter().any(|line| line == expected), "{meanings:?}");
    }
    assert_eq!(
        masked(PODMAN),
        [
            "/proc/bus",
            "/proc/fs",
            "/proc/irq",
            "/proc/sys",
            "/proc/acpi",
            "/proc/keys",
            "/proc/timer_list",
            "/sys/firmware",
            "/sys/dev/block",
        ]
    );
}

#[test]
fn a_machine_has_no_masks_and_no_container_root() {
    assert!(masked(MACHINE).is_empty());
    assert!(meanings(MACHINE, false).contains(&"/: -".to_owned()));
}

/// As containerd 2.4 mounts one on Kubernetes 1.36, and what looks alike.
#[test]
fn an_image_volume_is_a_read_only_snapshot() {
    let snapshots = "/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots";
    let line = |options: &str, upper: &str| {
        format!(
            "1 0 0:126 / / rw,relatime - overlay overlay rw,lowerdir={snapshots}/222/fs,upperdir={snapshots}/300/fs,workdir={snapshots}/300/work\n\
             470 1 0:127 / /spy {options},relatime - overlay overlay rw,lowerdir={snapshots}/222/fs,upperdir={upper},workdir={snapshots}/306/work,uuid=on\n"
        )
    };
    let kind = |options: &str, upper: &str| {
        let file = line(options, upper);
        meanings(file.as_bytes(), false).pop().unwrap()
    };
    let own = format!("{snapshots}/306/fs");
    assert_eq!(kind("ro", &own), "/spy: image");
    assert_eq!(kind("rw", &own), "/spy: -");
    assert_eq!(kind("ro", "/upper"), "/spy: -");
    assert_eq!(kind("ro", "/data/snapshots/306/fs"), "/spy: -");
    assert_eq!(
        meanings(line("ro", &own).as_bytes(), false)[0],
        "/: container_root"
    );
}

#[test]
fn a_node_sees_volumes_at_their_mount_points() {
    let pods = format!("/var/lib/kubelet/pods/{POD}");
    let mut file = String::from("1 0 8:1 / / rw - ext4 /dev/sda1 rw\n");
    for (id, fstype, path) in [
        (2, "tmpfs", "volumes/kubernetes.io~secret/tls"),
        (
            3,
            "tmpfs",
            "volumes/kubernetes.io~projected/kube-api-access-x7k2p",
        ),
        (4, "tmpfs", "volumes/kubernetes.io~projected/all-in-one"),
        (5, "tmpfs", "volumes/kubernetes.io~empty-dir/fast"),
        (6, "tmpfs", "volumes/kubernetes.io~downward-api/podinfo"),
        (7, "ext4", "volumes/kubernetes.io~local-volume/disk-1"),
        (8, "ext4", "volume-subpaths/data/db/0"),
        (9, "nfs4", "volumes/kubernetes.io~nfs/share"),
        (10, "hugetlbfs", "volumes/kubernetes.io~empty-dir/huge"),
        (11, "ext4", "volumes/kubernetes.io~csi/pvc-1/mount"),
    ] {
        writeln!(file, "{id} 1 0:{id} / {pods}/{path} rw - {fstype} none rw").unwrap();
    }
    let kinds: Vec<String> = meanings(file.as_bytes(), false)
        .into_iter()
        .filter_map(|line| Some(line.split_once(": ")?.1.to_owned()))
        .collect();
    assert_eq!(
        kinds,
        [
            "-",
            "secret tls",
            "service_account_token kube-api-access-x7k2p",
            "projected all-in-one",
            "empty_dir fast (memory)",
            "downward_api podinfo",
            "persistent_volume disk-1",
            "other_volume data:0",
            "persistent_volume share",
            "empty_dir huge (huge pages)",
            "persistent_volume pvc-1",
        ]
    );
}

#[test]
fn a_kubelet_may_live_anywhere_even_in_a_volume_of_an_engine() {
    let file = format!(
        "1 0 0:1 / / rw - overlay overlay rw,lowerdir=/l,upperdir=/u,workdir=/w\n\
         2 1 254:16 /volumes/abc/_data/pods/{POD}/etc-hosts /etc/hosts rw - ext4 /dev/vdb rw\n\
         3 1 254:16 /volumes/abc/_data/pods/{POD}/volumes/kubernetes.io~configmap/a /a ro - ext4 /dev/vdb rw\n\
         4 1 254:16 /pods/not-a-uid/etc-hosts /x ro - ext4 /dev/vdb rw\n"
    );
    assert_eq!(
        meanings(file.as_bytes(), false),
        [
            "/: container_root",
            "/etc/hosts: hosts",
            "/a: config_map a",
            "/x: host_path?"
        ]
    );
}

#[test]
fn engine_files_by_the_storage_driver() {
    let id = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    let root = format!("/c/vfs-containers/{id}/userdata");
    let file = format!(
        "1 0 8:1 {root}/secrets/db-password /run/secrets/db-password ro - ext4 /dev/sda1 rw\n\
         2 0 8:1 {root}/hosts /anywhere ro - ext4 /dev/sda1 rw\n\
         3 0 8:1 /s/volumes/data/_data/sub/dir /d rw - ext4 /dev/sda1 rw\n"
    );
    assert_eq!(
        meanings(file.as_bytes(), true),
        [
            "/run/secrets/db-password: secret db-password",
            "/anywhere: hosts",
            "/d: engine_volume data:sub/dir",
        ]
    );
}

#[test]
fn what_lxcfs_or_a_user_lays_over_proc_is_no_mask() {
    let file = b"1 0 0:1 /proc/cpuinfo /proc/cpuinfo rw - fuse.lxcfs lxcfs rw\n\
                 2 0 8:1 /x /proc/version ro - ext4 /dev/sda1 rw\n\
                 3 0 0:2 / /proc/scratch rw - tmpfs tmpfs rw\n\
                 4 0 0:3 / /sys/fs/cgroup ro - tmpfs tmpfs ro\n";
    assert!(masked(file).is_empty());
}

#[test]
fn survives_damage() {
    mutate::survives(CRIO, |bytes| {
        let entries: Vec<_> = mountinfo::entries(bytes).flatten().collect();
        let around = MountContext::of(&entries, false);
        for entry in &entries {
            let _ = (volume(entry, &around), is_mask(entry));
        }
    });
}

proptest! {
    #[test]
    fn any_paths_have_some_meaning_or_none(root in "(/pods|/volumes|/_data|/[a~.-]{1,3}|/csi|//deleted){0,6}", point in "(/proc|/sys|/dev|/a|/run){0,3}") {
        let line = format!("1 0 0:1 /{root} /{point} ro - tmpfs none rw\n");
        let entries: Vec<_> = mountinfo::entries(line.as_bytes()).flatten().collect();
        let around = MountContext::of(&entries, true);
        for entry in &entries {
            let _ = (volume(entry, &around), is_mask(entry));
        }
    }
}
