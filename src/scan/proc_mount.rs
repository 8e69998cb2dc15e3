//! How the /proc in use was mounted: whether it hides processes.

use std::ffi::CString;

use crate::parse::capabilities::CAP_SYS_PTRACE;
use crate::parse::mountinfo;
use crate::rights::ptrace_access::Credentials;
use crate::sys::ProcessDir;
use crate::sys::file_limits;

/// How a /proc was mounted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ProcMount {
    /// Where.
    pub mount_point: Vec<u8>,
    /// As mountinfo says it: `noaccess`, `invisible`, `ptraceable`, or a number.
    pub hidepid: Option<String>,
    /// Whose members `hidepid` spares.
    pub gid: Option<u32>,
}

impl ProcMount {
    /// The mount that a descriptor of spyhole's own lies on, by spyhole's own entry; `None` where
    /// its mountinfo does not tell.
    pub(crate) fn of(own: &ProcessDir, descriptor: i32, buffer: &mut Vec<u8>) -> Option<Self> {
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
        Some(Self {
            mount_point: mount.mount_point.to_vec(),
            hidepid: option("hidepid"),
            gid: option("gid").and_then(|gid| gid.parse().ok()),
        })
    }

    /// Whether it hides processes from this viewer.
    #[must_use]
    pub(crate) fn hides_from(&self, viewer: &Credentials) -> bool {
        let hidepid = self.hidepid.as_deref().unwrap_or("off");
        // `ptraceable` spares no group.
        let spared = self.gid.is_some_and(|gid| is_member(viewer, gid))
            && !matches!(hidepid, "4" | "ptraceable");
        !matches!(hidepid, "0" | "off") && !spared && !viewer.can(CAP_SYS_PTRACE)
    }
}

fn is_member(viewer: &Credentials, gid: u32) -> bool {
    let own = viewer.gid.is_some_and(|ids| ids.filesystem == gid);
    own || viewer
        .groups
        .as_ref()
        .is_some_and(|groups| groups.contains(&gid))
}
