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
use crate::parse::mountinfo;
use crate::rights::ptrace_access::{AccessCheck, Blocker, CAP_SYS_PTRACE, Credentials, may_ptrace};
use crate::scan::Scan;
use crate::scan::target::TargetHandle;
use crate::sys::file_limits;
use crate::sys::{InRoot, ProcDir, ProcessDir};

/// How the /proc in use was mounted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ProcMount {
    pub(super) mount_point: Vec<u8>,
    /// As mountinfo says it: `noaccess`, `invisible`, `ptraceable`, or a number.
    pub(super) hidepid: Option<String>,
    /// Whose members `hidepid` spares.
    pub(super) gid: Option<u32>,
}

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
        // The one that holds the descriptors of this scan.
        let caller = scan.reader.proc.caller_pid().ok();
        let listed = caller.and_then(|pid| scan.reader.proc.process(pid).ok());
        let own = listed.or_else(|| {
            let proc = ProcDir::open(Path::new("/proc")).ok()?;
            proc.process(proc.caller_pid().ok()?).ok()
        });
        let descriptor = held.main.as_fd().as_raw_fd();
        let path = own.as_ref().and_then(|own| {
            let name = CString::new(format!("fd/{descriptor}")).ok()?;
            let path = own.read_link(&name).ok()?;
            let (proc, _) = std::str::from_utf8(&path).ok()?.rsplit_once('/')?;
            Some(proc.to_owned())
        });
        let mount = own
            .as_ref()
            .and_then(|own| proc_mount(own, descriptor, buffer));
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
        let mount = self.mount.as_ref()?;
        let hidepid = mount.hidepid.as_deref().unwrap_or("off");
        // `ptraceable` spares no group.
        let spared = mount.gid.is_some_and(|gid| in_group(viewer, gid))
            && !matches!(hidepid, "4" | "ptraceable");
        let hides = !matches!(hidepid, "0" | "off") && !spared && !viewer.can(CAP_SYS_PTRACE);
        hides.then_some(mount)
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

fn in_group(viewer: &Credentials, gid: u32) -> bool {
    let own = viewer.gid.is_some_and(|ids| ids.filesystem == gid);
    own || viewer
        .groups
        .as_ref()
        .is_some_and(|groups| groups.contains(&gid))
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

/// The mount that a descriptor of spyhole's lies on.
fn proc_mount(own: &ProcessDir, descriptor: i32, buffer: &mut Vec<u8>) -> Option<ProcMount> {
    let name = CString::new(format!("fdinfo/{descriptor}")).ok()?;
    own.read(&name, file_limits::SMALL, buffer).ok()?;
    let text = std::str::from_utf8(buffer).ok()?;
    let id = text.lines().find_map(|line| line.strip_prefix("mnt_id:"))?;
    let id: u32 = id.trim().parse().ok()?;
    own.read_records(c"mountinfo", file_limits::MOUNTINFO, buffer)
        .ok()?;
    let mount = mountinfo::entries(buffer)
        .filter_map(Result::ok)
        .find(|entry| entry.mount_id == id && entry.fstype.as_ref() == b"proc")?;
    let options = String::from_utf8_lossy(&mount.super_options).into_owned();
    let option = |key: &str| {
        let mut values = options.split(',').filter_map(|word| word.strip_prefix(key));
        values
            .next()
            .and_then(|value| value.strip_prefix('='))
            .map(str::to_owned)
    };
    Some(ProcMount {
        mount_point: mount.mount_point.to_vec(),
        hidepid: option("hidepid"),
        gid: option("gid").and_then(|gid| gid.parse().ok()),
    })
}
