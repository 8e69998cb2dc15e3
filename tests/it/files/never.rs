//! What is never read, what ends at its bound, and what is left out of a walk.

use std::fs;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

use nix::fcntl::{OFlag, openat};
use nix::sys::stat::{Mode, mkdirat};

use crate::patience::eventually;
use crate::support::idle::Idle;

use super::Tree;

#[test]
fn views_of_the_kernel_and_devices_are_not_read() {
    let tree = Tree::new();
    for (path, words) in [
        (
            "/proc/self/environ",
            "is not read: it is a view of the kernel (proc); use spyhole env",
        ),
        ("/proc/1/environ", "use spyhole env"),
        ("/proc/1/cmdline", "use spyhole ps"),
        ("/proc/1/mem", "a view of the kernel"),
        ("/proc/kmsg", "a view of the kernel"),
        ("/dev/zero", "it is a device"),
        ("@/etc/fifo", "it is a named pipe"),
        ("@/etc/socket", "it is a socket"),
        ("@/etc", "is a directory"),
        ("@/etc/dangling", "not found"),
    ] {
        for command in ["cat", "tail", "head", "sha256sum", "grep x"] {
            let seen = tree.spyhole(&format!("{command} {path}"));
            assert_eq!(
                (seen.code, seen.stdout_text()),
                (Some(4), String::new()),
                "{seen}"
            );
            // A link of /proc itself may not be followed at all.
            let known = seen.stderr_text().contains(words) || path == "/proc/self/environ";
            assert!(known, "{command} {path}\n{seen}");
        }
    }
    for path in ["/proc/meminfo", "/proc/cpuinfo", "/proc/sys/kernel/ostype"] {
        let seen = tree.spyhole(&format!("cat {path}")).ended_with(0);
        assert!(!seen.stdout.is_empty(), "{seen}");
    }
    let ostype = tree
        .spyhole("tail -n 1 /proc/sys/kernel/ostype")
        .ended_with(0);
    assert_eq!(ostype.stdout_text(), "Linux\n");
    // By another path to the same file.
    std::os::unix::fs::symlink("/proc/1/environ", tree.root.path("etc/innocent")).unwrap();
    tree.spyhole("cat @/etc/innocent").ended_with(4);
}

#[test]
fn a_file_that_grows_ends_where_it_ended() {
    let tree = Tree::new();
    let log = tree.root.write("grows", "line\n".repeat(10_000));
    let file = fs::OpenOptions::new().append(true).open(&log).unwrap();
    let _writer = Idle::start(
        Command::new("sh")
            .args(["-c", "while :; do echo more; done"])
            .stdin(Stdio::null())
            .stdout(file),
    );
    // On a busy machine the writer may not get its turn while one of them reads.
    eventually("it grows meanwhile", || {
        let seen = tree.spyhole("cat @/grows").ended_with(0);
        assert!(seen.stdout.starts_with(b"line\n"));
        seen.stderr_text().contains("grew while it was read")
    });
}

#[test]
fn a_walk_of_any_depth_keeps_few_descriptors() {
    let tree = Tree::new();
    // Deeper than descriptors may be open, and than a path may be long.
    let mut deepest = OwnedFd::from(fs::File::open(tree.root.path("log")).unwrap());
    for _ in 0..1500 {
        mkdirat(&deepest, "dddd", Mode::S_IRWXU).unwrap();
        deepest = openat(&deepest, "dddd", OFlag::O_DIRECTORY, Mode::empty()).unwrap();
    }
    mkdirat(&deepest, "end", Mode::S_IRWXU).unwrap();
    let line = "find @/log -name end".to_owned();
    let pid = std::process::id();
    let limited = format!(
        "ulimit -n 64; exec \"$0\" --pid {pid} {}",
        line.replace('@', tree.root.top().to_str().unwrap())
    );
    let seen = crate::host::shell(&limited).ended_with(0);
    assert_eq!(
        seen.stdout_text().matches("dddd").count(),
        1500,
        "{}",
        seen.stderr_text()
    );
    let space = tree.spyhole("du -s @/log").ended_with(0).stdout_text();
    assert_eq!(space, tree.tool("du -s @/log").stdout_text());
    tree.tool("rm -r @/log").ended_with(0);
}

#[test]
fn other_mounts_are_entered_on_request_alone() {
    let tree = Tree::new();
    let seen = tree.spyhole("find / -maxdepth 2 -name meminfo");
    assert_eq!(seen.stdout_text(), "", "{seen}");
    let seen = tree
        .spyhole("find /proc -maxdepth 1 -name meminfo")
        .ended_with(0);
    assert_eq!(seen.stdout_text(), "/proc/meminfo\n");
    let crossed = tree.spyhole("find / --cross -maxdepth 2 -name meminfo");
    assert_eq!(
        crossed.stdout_text(),
        "",
        "the kernel's are not entered: {crossed}"
    );
}
