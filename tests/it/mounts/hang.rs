//! File systems that do not answer.

use std::fs::{self, File, OpenOptions};
use std::os::fd::AsRawFd;
use std::path::Path;

use nix::mount::{MsFlags, mount};

use super::{at, gap, in_new_namespace, tmpfs};

/// A file system in user space whose user never says a word; dropping the file ends it.
pub(crate) fn silent(path: &Path) -> File {
    fs::create_dir_all(path).unwrap();
    let device = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/fuse")
        .unwrap();
    let fd = device.as_raw_fd();
    let options = format!("fd={fd},rootmode=40000,user_id=0,group_id=0,allow_other");
    let flags = MsFlags::MS_NODEV | MsFlags::MS_NOSUID;
    mount(
        Some("silent"),
        path,
        Some("fuse.silent"),
        flags,
        Some(options.as_str()),
    )
    .unwrap();
    device
}

#[needs(root, fuse)]
fn a_mount_that_hangs_costs_itself_only() {
    in_new_namespace(|namespace| {
        let dead = namespace.directory("dead");
        let _device = silent(&dead);
        let alive = namespace.directory("alive");
        tmpfs(&alive, "size=1m");
        let seen = namespace.document(&["--space-timeout", "200ms"]);
        assert_eq!(
            at(&seen, alive.to_str().unwrap())["space"]["size_bytes"],
            1 << 20
        );
        let mount = at(&seen, dead.to_str().unwrap());
        assert!(
            mount["space"].is_null() && mount["writable_by_target"].is_null(),
            "{mount}"
        );
        assert_eq!(mount["fstype"], "fuse.silent");
        let gap = gap(&seen, "space", "timeout");
        assert_eq!(gap["subjects"], serde_json::json!([dead.to_str().unwrap()]));
        assert!(gap["needs"].as_str().unwrap().contains("--space-timeout"));
        // The plain list asks no file system.
        let list = namespace.spyhole(&["findmnt", "--strict"]);
        assert_eq!(list.code, Some(0), "{list}");
    });
}

#[needs(root, fuse)]
fn many_that_hang_are_given_up_after_a_few() {
    in_new_namespace(|namespace| {
        let devices: Vec<File> = (0..7)
            .map(|number| silent(&namespace.directory(format!("dead-{number}"))))
            .collect();
        let seen = namespace.document(&["--space-timeout", "100ms"]);
        let gaps = seen["gaps"].as_array().unwrap();
        let counted: Vec<u64> = gaps
            .iter()
            .filter(|gap| gap["field"] == "space" && gap["reason"] == "timeout")
            .map(|gap| gap["count"].as_u64().unwrap())
            .collect();
        assert_eq!(counted, [4, 3], "{gaps:?}");
        drop(devices);
    });
}
