//! What becomes of a process that spyhole leaves behind.

use std::sync::OnceLock;

use nix::fcntl::{OFlag, open};
use nix::sys::stat::{Mode, stat};

use super::bounded::{Until, read_bounded};

/// Inode of the machine's own PID namespace (`PROC_PID_INIT_INO`).
const INITIAL_PID_NAMESPACE: u64 = 0xEFFF_FFFC;
/// Programs that, as the first of a PID namespace, reap what is not theirs.
const INITS: [&str; 17] = [
    "init",
    "systemd",
    "pause",
    "catatonit",
    "tini",
    "tini-static",
    "dumb-init",
    "docker-init",
    "podman-init",
    "s6-svscan",
    "runsvdir",
    "runit",
    "supervisord",
    "bash",
    "dash",
    "sh",
    "busybox",
];

/// Whether a process that is left behind is reaped when it ends: orphans fall to the first process
/// of the PID namespace, and an application in that place may never reap them.
#[must_use]
pub(crate) fn are_reaped() -> bool {
    static ARE_REAPED: OnceLock<bool> = OnceLock::new();
    *ARE_REAPED.get_or_init(|| {
        let namespace = stat("/proc/self/ns/pid").map(|found| found.st_ino);
        namespace == Ok(INITIAL_PID_NAMESPACE) || first_is_init()
    })
}

fn first_is_init() -> bool {
    let Ok(file) = open(
        "/proc/1/comm",
        OFlag::O_RDONLY | OFlag::O_CLOEXEC,
        Mode::empty(),
    ) else {
        return false;
    };
    let mut name = Vec::new();
    let read = read_bounded(&file, 64, Until::Short, &mut name);
    read.is_ok()
        && INITS
            .iter()
            .any(|init| init.as_bytes() == name.trim_ascii())
}
