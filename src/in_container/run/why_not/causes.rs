//! The causes that need no further look at files.

use std::path::Path;

use nix::errno::Errno;

use crate::model::escape::escaped;
use crate::model::run_report::{Cause, CauseKind};
use crate::sys::executable::{Executable, may_run};

/// Modes and mounts.
pub(super) fn may_not_run(path: &Path, there: &Executable) -> Option<Cause> {
    if there.mode & 0o111 == 0 {
        return Some(cause_of(
            CauseKind::NoExecBit,
            format!(
                "it is not executable: mode {:04o}, owner {}:{}",
                there.mode, there.uid, there.gid
            ),
            Some(format!(
                "chmod 0755 {0}, in a Dockerfile COPY --chmod=0755",
                shown(path)
            )),
        ));
    }
    if there.noexec == Some(true) {
        return Some(cause_of(
            CauseKind::NoexecMount,
            "it is on a noexec mount".to_owned(),
            Some("mount that volume without noexec, or keep the program in the image".to_owned()),
        ));
    }
    let name = std::ffi::CString::new(bytes(path)).ok()?;
    if may_run(&name) != Err(Errno::EACCES) {
        return None;
    }
    let (uid, gid) = crate::sys::executable::own_ids();
    let who = if there.mode & 0o001 != 0 {
        "it is not executable by its group or owner"
    } else if there.mode & 0o010 != 0 {
        "only its owner and group can execute it"
    } else {
        "only its owner can execute it"
    };
    Some(cause_of(
        CauseKind::NoExecBit,
        format!(
            "{who}: mode {:04o}, owner {}:{}, current user {uid}:{gid}",
            there.mode, there.uid, there.gid
        ),
        Some(format!(
            "chmod 0755 {0}, in a Dockerfile COPY --chmod=0755",
            shown(path)
        )),
    ))
}

pub(super) fn no_shell(name: &[u8]) -> Cause {
    cause_of(
        CauseKind::NoShell,
        format!(
            "the shell {} does not exist to run the command line",
            escaped(name)
        ),
        Some(
            "write CMD and ENTRYPOINT in exec form, such as [\"/app\", \"--flag\"], or use an \
             image with a shell"
                .to_owned(),
        ),
    )
}

pub(super) fn too_long() -> Cause {
    cause_of(
        CauseKind::TooLong,
        "its arguments and environment together are too long".to_owned(),
        Some(
            "Kubernetes adds variables for each Service: enableServiceLinks: false disables them"
                .to_owned(),
        ),
    )
}

pub(super) fn refused(errno: Errno) -> Cause {
    let hint = match errno {
        Errno::EACCES => Some("a security module (AppArmor, SELinux) may deny it"),
        Errno::ETXTBSY => Some("the file is open for writing by another process"),
        Errno::EAGAIN => Some("the limit on processes is reached (pids.max, RLIMIT_NPROC)"),
        Errno::ENOMEM => Some("out of memory for another process"),
        _ => None,
    };
    cause_of(
        CauseKind::Refused,
        format!(
            "the kernel returned {}: {}",
            errno_name(errno),
            errno.desc()
        ),
        hint.map(str::to_owned),
    )
}

pub(super) fn cause_of(kind: CauseKind, says: String, hint: Option<String>) -> Cause {
    Cause { kind, says, hint }
}

/// `ENOENT`.
fn errno_name(errno: Errno) -> String {
    format!("{errno:?}")
}

pub(super) fn bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_encoded_bytes()
}

pub(super) fn shown(path: &Path) -> String {
    escaped(bytes(path)).into_owned()
}
