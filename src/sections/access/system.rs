//! What is around viewer and target: the mount of the /proc in use, security modules.

use std::ffi::CString;
use std::fmt::Write as _;
use std::os::fd::{AsFd, AsRawFd};
use std::path::Path;

use nix::errno::Errno;

use super::attempted::Attempted;
use crate::model::access::What;
use crate::model::escape::escaped;
use crate::model::gap::{Reason, Refusal};
use crate::rights::ptrace_access::{AccessCheck, Blocker, Credentials, may_ptrace};
use crate::scan::Scan;
use crate::scan::proc_mount::ProcMount;
use crate::scan::self_process;
use crate::scan::target::TargetHandle;
use crate::sys::file_limits;
use crate::sys::{InRoot, ProcessDir};

pub(super) struct SystemContext {
    /// spyhole's own entry.
    pub(super) own: Option<ProcessDir>,
    /// The path of the /proc in use.
    pub(super) proc_path: String,
    /// `None` where spyhole's mountinfo does not tell.
    mount: Option<ProcMount>,
    pub(super) target_label: Option<String>,
    pub(super) viewer_label: Option<String>,
}

impl SystemContext {
    pub(super) fn of(scan: &Scan, held: &TargetHandle, buffer: &mut Vec<u8>) -> Self {
        let own = self_process::find(&scan.reader.proc);
        let descriptor = held.main.as_fd().as_raw_fd();
        let path = own.as_ref().and_then(|own| {
            let name = CString::new(format!("fd/{descriptor}")).ok()?;
            let path = own.read_link(&name).ok()?;
            let (proc, _) = std::str::from_utf8(&path).ok()?.rsplit_once('/')?;
            Some(proc.to_owned())
        });
        let mount = own
            .as_ref()
            .and_then(|own| ProcMount::of(own, descriptor, buffer));
        // A copy was not made by this process.
        let own = own.filter(|_| scan.is_live());
        Self {
            viewer_label: own.as_ref().and_then(|own| label(own, buffer)),
            target_label: label(&held.main, buffer),
            proc_path: path.unwrap_or_else(|| "/proc".to_owned()),
            mount,
            own,
        }
    }

    /// Whether PID 1, which must be there where spyhole has another number, can be seen.
    pub(super) fn process_list(&self, scan: &Scan) -> Attempted {
        let viewer = &scan.reader.viewer;
        let proc = &scan.reader.proc;
        let first = || {
            let listed = proc.pids()?.contains(&1);
            let alone = scan.own_pid.is_none_or(|pid| pid == 1);
            match listed {
                true => proc
                    .process(1)?
                    .read(c"stat", file_limits::SMALL, &mut Vec::new())
                    .map(drop),
                false if alone => Ok(()),
                false => Err(Errno::ENOENT),
            }
        };
        let hides = self.hiding(viewer).is_some();
        let (result, partly) = match first() {
            Ok(()) if hides => (Err(Refusal::of(Reason::Hidepid)), true),
            // It ended meanwhile: then there is no list to speak of.
            Ok(()) | Err(Errno::ESRCH) => (Ok(()), false),
            Err(errno) => {
                let reason = if hides {
                    Reason::Hidepid
                } else {
                    Reason::Denied
                };
                let refusal = Refusal {
                    errno: Some(format!("{errno:?}")),
                    ..Refusal::of(reason)
                };
                (Err(refusal), false)
            }
        };
        Attempted {
            what: What::ProcessList,
            check: AccessCheck::Open,
            path: self.proc_path.clone(),
            result,
            partly,
        }
    }

    /// The mount of the /proc in use, where it hides processes from this viewer.
    pub(super) fn hiding(&self, viewer: &Credentials) -> Option<&ProcMount> {
        self.mount.as_ref().filter(|mount| mount.hides_from(viewer))
    }

    /// The blocker behind a process list that is not whole.
    pub(super) fn hidden(&self, viewer: &Credentials) -> Blocker {
        let Some(mount) = self.hiding(viewer) else {
            return Blocker {
                reason: Reason::Denied,
                evidence: "PID 1 must exist but is not visible, and the mount options of /proc do \
                    not explain why"
                    .to_owned(),
            };
        };
        let mut evidence = format!(
            "{} is mounted with hidepid={}",
            escaped(&mount.mount_point),
            escaped(mount.hidepid.as_deref().unwrap_or_default().as_bytes()),
        );
        match mount.gid {
            Some(gid) => {
                let _ = write!(
                    evidence,
                    ", which exempts members of gid {gid}; the viewer is not a member"
                );
            }
            None => evidence.push_str(", which exempts no group"),
        }
        evidence.push_str(
            ": processes are visible only to users who can ptrace them (the same user, or \
             CAP_SYS_PTRACE, which the viewer lacks)",
        );
        Blocker {
            reason: Reason::Hidepid,
            evidence,
        }
    }

    /// The blocker behind a refusal that ids, capabilities and user namespace do not explain.
    pub(super) fn unexplained(
        &self,
        needs_ptrace: bool,
        refusal: &Refusal,
        viewer: &Credentials,
        target: &Credentials,
    ) -> Blocker {
        let labels = self.labels();
        if !needs_ptrace {
            return Blocker {
                reason: refusal.reason,
                evidence: format!(
                    "denied by the file's owner and mode, or by a security module; {labels}"
                ),
            };
        }
        if may_ptrace(viewer, target) {
            return Blocker {
                reason: Reason::SecurityModule,
                evidence: format!(
                    "CAP_SYS_PTRACE is effective in the target's user namespace but access is \
                     still denied: only a security module does this; {labels}"
                ),
            };
        }
        if refusal.reason == Reason::Seccomp {
            return Blocker {
                reason: Reason::Seccomp,
                evidence: format!(
                    "ids, capabilities and user namespace are sufficient; the viewer runs under a \
                     seccomp filter (Seccomp: 2), and the error is EPERM, which the kernel's own \
                     check never returns; {labels}"
                ),
            };
        }
        let confined = [&self.viewer_label, &self.target_label];
        let confined = confined
            .into_iter()
            .flatten()
            .any(|label| label != "unconfined");
        let (reason, evidence) = if target.dumpable.is_none() && !confined {
            (
                Reason::NotDumpable,
                "ids, capabilities and user namespace are sufficient: the remaining cause is that \
                 the target is not dumpable, which cannot be verified for a process of root",
            )
        } else if target.dumpable.is_none() {
            (
                Reason::Denied,
                "ids, capabilities and user namespace are sufficient: the remaining cause is a \
                 target that is not dumpable, which cannot be verified for a process of root, or \
                 a security module",
            )
        } else {
            (
                Reason::SecurityModule,
                "ids, capabilities, user namespace and dumpability are sufficient: the remaining \
                 cause is a security module",
            )
        };
        Blocker {
            reason,
            evidence: format!("{evidence}; {labels}"),
        }
    }

    /// What is known of security modules, as evidence.
    fn labels(&self) -> String {
        let label = |label: &Option<String>| match label {
            Some(label) => format!("\"{label}\""),
            None => "none".to_owned(),
        };
        let mut text = format!(
            "label of the viewer: {}, of the target: {}",
            label(&self.viewer_label),
            label(&self.target_label)
        );
        let mut buffer = Vec::new();
        let modules = InRoot::at(Path::new("/")).and_then(|root| {
            root.read(b"/sys/kernel/security/lsm", file_limits::SMALL, &mut buffer)
        });
        if modules.is_ok() {
            let modules = escaped(buffer.trim_ascii()).into_owned();
            let _ = write!(text, "; modules of this kernel: {modules}");
        }
        text
    }
}

/// What `AppArmor` or `SELinux` calls a process, escaped.
fn label(process: &ProcessDir, buffer: &mut Vec<u8>) -> Option<String> {
    for name in [c"attr/apparmor/current", c"attr/current"] {
        if process.read(name, file_limits::SMALL, buffer).is_ok() {
            let text = buffer.split(|byte| *byte == 0).next().unwrap_or_default();
            let text = text.trim_ascii();
            if !text.is_empty() {
                return Some(escaped(text).into_owned());
            }
        }
    }
    None
}
