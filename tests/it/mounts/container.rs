//! Mounts of a container, seen from beside it.

use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use nix::mount::{MsFlags, mount};
use nix::unistd::{Gid, Uid, setfsgid, setfsuid};
use serde_json::{Value, json};

use super::{NONE, at, bind, gap, inside, json, tmpfs};
use crate::lab::{Container, Lab, Setup};

/// The document of a viewer with the target's ids.
fn look(container: &Container, words: &[&str]) -> Value {
    let viewer = container.spyhole().uid(1000).caps("none");
    json(&viewer.args(["mounts", "-o", "json"]).args(words).run())
}

fn app() -> Setup {
    Lab::webapp().uid(1000).caps("none")
}

#[needs(root)]
fn names_of_any_bytes_stay_whole() {
    let web = app().start();
    let names: [&[u8]; 3] = [b"/with a blank\\and\ttab", b"/two\nlines", b"/\xff\xfe"];
    inside(web.host_pid, || {
        for name in names {
            tmpfs(Path::new(OsStr::from_bytes(name)), "size=1m");
        }
    });
    let seen = look(&web, &[]);
    let points: Vec<Value> = seen["mounts"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|mount| mount["space"]["size_bytes"] == 1 << 20)
        .map(|mount| mount["mount_point"].clone())
        .collect();
    assert_eq!(
        points,
        [
            json!("/with a blank\\and\ttab"),
            json!("/two\nlines"),
            json!({"base64": "L//+", "lossy": "/\u{fffd}\u{fffd}"}),
        ]
    );
    let table = web.spyhole().uid(1000).caps("none").args(["findmnt"]).run();
    let table = table.stdout_text();
    assert!(
        table.contains(r"/two\nlines") && table.contains(r"/\xff\xfe"),
        "{table}"
    );
}

#[needs(root)]
fn places_are_found_without_openat2() {
    let web = app().start();
    inside(web.host_pid, || tmpfs(Path::new("/data/deep"), "size=1m"));
    for profile in ["no-openat2", "deny-openat2"] {
        let viewer = web.spyhole().uid(1000).caps("none").seccomp(profile);
        let seen = json(&viewer.args(["mounts", "-o", "json"]).run());
        let space = &at(&seen, "/data/deep")["space"];
        assert_eq!(space["size_bytes"], 1 << 20, "{profile}: {seen}");
        assert_eq!(seen["gaps"], json!([]), "{profile}");
    }
}

#[needs(root)]
fn read_only_is_told_by_mount_and_by_file_system() {
    let web = app().start();
    inside(web.host_pid, || {
        tmpfs(Path::new("/rw"), "size=1m,mode=777");
        for name in ["/ro-bind", "/ro-super"] {
            fs::create_dir(name).unwrap();
        }
        bind(Path::new("/rw"), Path::new("/ro-bind"));
        let read_only = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY;
        mount(NONE, "/ro-bind", NONE, read_only, NONE).unwrap();
        let flags = MsFlags::MS_RDONLY;
        mount(
            Some("t"),
            "/ro-super",
            Some("tmpfs"),
            flags,
            Some("mode=777"),
        )
        .unwrap();
        let writable = MsFlags::MS_REMOUNT | MsFlags::MS_BIND;
        mount(NONE, "/ro-super", NONE, writable, NONE).unwrap();
    });
    let seen = look(&web, &[]);
    for (point, writable, may, because) in [
        ("/rw", true, true, "others"),
        ("/ro-bind", false, false, "read_only_mount"),
        ("/ro-super", false, false, "read_only_file_system"),
    ] {
        let mount = at(&seen, point);
        assert_eq!(mount["writable"], writable, "{mount}");
        assert_eq!(mount["writable_by_target"], may, "{mount}");
        assert_eq!(mount["writable_because"], because, "{mount}");
    }
    let rw = |field: &str, point: &str| at(&seen, point)[field].as_str().unwrap().to_owned();
    assert!(rw("mount_options", "/ro-super").starts_with("rw"));
    assert!(rw("super_options", "/ro-super").starts_with("ro"));
}

/// Directories by name, owner, group and mode.
const DIRECTORIES: [(&str, u32, u32, u32); 7] = [
    ("own", 1000, 0, 0o700),
    ("own-but-read-only", 1000, 1000, 0o500),
    ("group", 0, 1000, 0o770),
    ("group-reads", 0, 1000, 0o757),
    ("others", 0, 0, 0o777),
    ("sticky", 0, 0, 0o1777),
    ("root", 0, 0, 0o755),
];

#[needs(root)]
fn the_verdict_on_writing_is_the_kernels() {
    let web = app().start();
    // What the kernel itself says to these ids.
    let truth = inside(web.host_pid, || {
        for (name, uid, gid, mode) in DIRECTORIES {
            let path = Path::new("/").join(name);
            tmpfs(&path, "size=1m");
            chown(&path, Some(uid), Some(gid)).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        }
        setfsgid(Gid::from_raw(1000));
        setfsuid(Uid::from_raw(1000));
        DIRECTORIES.map(|(name, ..)| File::create(Path::new("/").join(name).join("x")).is_ok())
    });
    assert_eq!(truth, [true, false, true, false, true, true, false]);
    let seen = look(&web, &[]);
    for ((name, ..), truth) in DIRECTORIES.into_iter().zip(truth) {
        let mount = at(&seen, &format!("/{name}"));
        assert_eq!(mount["writable_by_target"], truth, "{mount}");
    }
    let root = at(&seen, "/");
    assert_eq!(root["writable_by_target"], false);
    let usual = &root["usual_directories"][0];
    assert_eq!(usual["path"], "/tmp");
    assert_eq!(
        (&usual["purpose"], &usual["writable_by_target"]),
        (&json!("tmp"), &json!(true))
    );

    let only = look(&web, &["--writable"]);
    let points: Vec<&Value> = only["mounts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|mount| &mount["mount_point"])
        .collect();
    assert_eq!(points, ["/", "/own", "/group", "/others", "/sticky"]);
    let viewer = web.spyhole().uid(1000).caps("none");
    let table = viewer.args(["mounts", "--writable"]).run().stdout_text();
    assert!(table.contains("/tmp") && !table.contains("\n/ "), "{table}");
    assert!(table.contains("for uid 1000 gid 1000"), "{table}");
}

#[needs(root)]
fn root_without_the_capability_is_held_to_the_mode() {
    for (caps, may, because) in [
        ("none", false, "others"),
        ("=dac_override", true, "dac_override"),
    ] {
        let web = Lab::webapp().uid(0).caps(caps).start();
        inside(web.host_pid, || {
            tmpfs(Path::new("/of-app"), "size=1m,uid=1000,gid=1000,mode=700");
        });
        let viewer = web.spyhole().uid(0).caps("+sys_ptrace");
        let seen = json(&viewer.args(["mounts", "-o", "json"]).run());
        let mount = at(&seen, "/of-app");
        assert_eq!(mount["writable_by_target"], may, "{mount}");
        assert_eq!(mount["writable_because"], because, "{mount}");
    }
}

#[needs(root)]
fn home_and_working_directory_are_looked_at() {
    let web = app().env("HOME", "/nowhere").env("TMPDIR", "/dev").start();
    let seen = look(&web, &[]);
    let purposes = |point: &str| -> Vec<String> {
        let usual = &at(&seen, point)["usual_directories"];
        let usual = usual.as_array().cloned().unwrap_or_default();
        usual
            .iter()
            .map(|one| one["purpose"].as_str().unwrap().to_owned())
            .collect()
    };
    // What is not there is no place to write.
    assert_eq!(purposes("/"), ["tmp", "working_directory"]);
    assert_eq!(purposes("/dev"), ["tmpdir"]);
}

#[needs(root)]
fn a_stranger_sees_the_mounts_and_is_told_what_space_needs() {
    let web = app().read_only().start();
    let stranger = || web.spyhole().uid(65532).caps("none");
    let seen = json(&stranger().args(["mounts", "-o", "json"]).run());
    let root = at(&seen, "/");
    assert_eq!(root["space"], Value::Null);
    assert!(root.as_object().unwrap().contains_key("space"));
    // A read-only mount needs no look.
    assert_eq!(root["writable_by_target"], false);
    let gap = gap(&seen, "space", "uid");
    assert!(
        gap["needs"]
            .as_str()
            .unwrap()
            .contains("run as uid 1000 gid 1000"),
        "{gap}"
    );
    let table = stranger().args(["mounts", "--space"]).run();
    assert!(
        table.stdout_text().contains("space not readable ("),
        "{table}"
    );
    // The plain list needs nothing of that.
    let strict = stranger().args(["findmnt", "--strict"]).run();
    assert_eq!(strict.code, Some(0), "{strict}");
}
