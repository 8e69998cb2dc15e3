//! What Podman mounts, named.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use super::{at, json};
use crate::podman::PodmanLab;

#[needs(podman)]
fn volumes_and_files_of_podman_have_their_names() {
    let podman = PodmanLab::get();
    let outside = TempDir::new().unwrap();
    fs::write(outside.path().join("file"), "x").unwrap();
    let bind = format!("{}:/outside:ro", outside.path().display());
    let flags = [
        "--user",
        "1000:1000",
        "--read-only",
        "--read-only-tmpfs=false",
        "--volume",
        "spyhole-data:/data",
        "--volume",
        &bind,
        "--tmpfs",
        "/scratch:size=1m",
    ];
    let web = podman.webapp(&flags, &[]);
    let words = ["mounts", "-o", "json"];
    let viewer = ["--user", "1000:1000"];
    let seen = json(&podman.viewer(&web, &viewer, &words));
    let kind = |point: &str| at(&seen, point)["volume"]["kind"].clone();
    assert_eq!(kind("/"), "container_root");
    assert_eq!(at(&seen, "/")["writable_because"], "read_only_mount");
    assert_eq!(at(&seen, "/data")["volume"]["name"], "spyhole-data");
    assert_eq!(kind("/data"), "engine_volume");
    assert_eq!(kind("/etc/hosts"), "hosts");
    assert_eq!(kind("/dev/shm"), "shared_memory");
    assert_eq!(at(&seen, "/outside")["writable"], false);
    assert_eq!(at(&seen, "/scratch")["writable_by_target"], true);
    assert_eq!(at(&seen, "/scratch")["space"]["size_bytes"], 1 << 20);
    let masked = |mount: &&Value| mount["masked"] == true;
    let masked = seen["mounts"]
        .as_array()
        .unwrap()
        .iter()
        .filter(masked)
        .count();
    assert!(masked > 3, "{seen}");
    let list = podman.viewer(&web, &viewer, &["findmnt"]);
    let text = list.stdout_text();
    assert!(
        text.contains(&format!("({masked} paths in /proc and /sys masked")),
        "{list}"
    );
    assert!(!text.contains("/proc/acpi"), "{list}");
    let all = podman.viewer(&web, &viewer, &["findmnt", "--all"]);
    assert!(all.stdout_text().contains("masked"), "{all}");
    let space = podman.viewer(&web, &viewer, &["mounts", "--space"]);
    assert!(
        space.stdout_text().contains("engine_volume spyhole-data"),
        "{space}"
    );
}
