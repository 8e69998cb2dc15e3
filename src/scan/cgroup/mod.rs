//! Finds the cgroups of a process: version 2, version 1, and both on hybrid hosts.
//!
//! Which directory it is follows from `/proc/PID/cgroup` and from the mount of the hierarchy in
//! `/proc/PID/mountinfo`. The kernel shows both relative to the reader's cgroup namespace, so the
//! same rule finds spyhole's own cgroup and a target's. The files are read below the root of the
//! process that is in the cgroup: what is mounted there is hostile input.

pub(crate) mod memory;

use std::sync::Arc;

use nix::errno::Errno;

use crate::model::gap::{Reason, Refusal};
use crate::parse::cgroup::CgroupPaths;
use crate::parse::mountinfo;
use crate::sys::file_limits;
use crate::sys::{InRoot, ProcessDir, Truncation, remote_fs};

/// Which of the two file systems a controller is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    /// `cgroup`.
    One,
    /// `cgroup2`.
    Two,
}

/// A cgroup that holds a controller of a process, below the root of that process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cgroup {
    /// Where its hierarchy is mounted.
    top: Vec<u8>,
    /// Its directory: `top` or below.
    directory: Vec<u8>,
    version: Version,
}

/// `/proc/PID/cgroup` and `/proc/PID/mountinfo` of one process.
pub(crate) struct CgroupMounts {
    paths: CgroupPaths,
    mounts: Arc<[u8]>,
}

impl CgroupMounts {
    /// Reads both files.
    ///
    /// # Errors
    /// Why one of them cannot be read, and what would help.
    pub(crate) fn read(process: &ProcessDir) -> Result<Self, Refusal> {
        let mut mounts = Vec::new();
        let cut = process.read_records(c"mountinfo", file_limits::MOUNTINFO, &mut mounts);
        Self::with_mountinfo(process, whole(cut, "mountinfo").map(|()| mounts.into())?)
    }

    /// The same, where mountinfo has been read.
    ///
    /// # Errors
    /// Why `/proc/PID/cgroup` cannot be read.
    pub(crate) fn with_mountinfo(process: &ProcessDir, mounts: Arc<[u8]>) -> Result<Self, Refusal> {
        let mut paths = Vec::new();
        let cut = process.read_records(c"cgroup", file_limits::SMALL, &mut paths);
        whole(cut, "cgroup")?;
        Self::parse(&paths, mounts)
            .ok_or_else(|| Refusal::of(Reason::Malformed).needing("a well-formed /proc/PID/cgroup"))
    }

    fn parse(paths: &[u8], mounts: Arc<[u8]>) -> Option<Self> {
        let paths = CgroupPaths::parse(paths).ok()?;
        Some(Self { paths, mounts })
    }

    /// The cgroup whose `controller` governs the process. Version 2 may leave a controller out of
    /// a cgroup: then the nearest one above that has `file` does.
    ///
    /// # Errors
    /// [`Reason::Unsupported`] if no mount leads to it.
    pub(crate) fn controller(
        &self,
        controller: &str,
        file: &str,
        root: &InRoot,
    ) -> Result<Cgroup, Refusal> {
        let mut cgroup = self.locate(controller).ok_or_else(|| {
            let needs = format!("the {controller} cgroup mounted at /sys/fs/cgroup");
            Refusal::of(Reason::Unsupported).needing(&needs)
        })?;
        while cgroup.version == Version::Two && cgroup.contents(root, file).is_err() {
            match cgroup.parent() {
                Some(parent) => cgroup = parent,
                None => break,
            }
        }
        Ok(cgroup)
    }

    /// Where the hierarchy with this controller is mounted, and the directory of the process in it.
    fn locate(&self, controller: &str) -> Option<Cgroup> {
        // On a hybrid host the controllers are in version 1.
        let (entry, version) = match self.paths.v1(controller) {
            Some(entry) => (entry, Version::One),
            None => (self.paths.v2()?, Version::Two),
        };
        mountinfo::entries(&self.mounts)
            .flatten()
            .find_map(|mount| {
                let fits = match version {
                    Version::Two => &*mount.fstype == b"cgroup2",
                    Version::One => {
                        &*mount.fstype == b"cgroup" && mount.has_super_option(controller)
                    }
                };
                if !fits {
                    return None;
                }
                let below = match &*mount.root {
                    b"/" => &*entry.path,
                    root => {
                        let below = entry.path.strip_prefix(root)?;
                        (below.is_empty() || below.starts_with(b"/")).then_some(below)?
                    }
                };
                // Above the mount there is no path to it.
                if below.split(|byte| *byte == b'/').any(|part| part == b"..") {
                    return None;
                }
                let top = mount.mount_point.to_vec();
                let below = below.strip_suffix(b"/").unwrap_or(below);
                let directory = [&top, below].concat();
                Some(Cgroup {
                    top,
                    directory,
                    version,
                })
            })
    }
}

impl Cgroup {
    /// Its directory, as the process sees it.
    #[must_use]
    pub(crate) fn path(&self) -> &[u8] {
        &self.directory
    }

    /// Which version of cgroups its controller is in.
    #[must_use]
    pub(crate) fn version(&self) -> Version {
        self.version
    }

    /// The cgroup above it, as far as the mount shows one.
    #[must_use]
    pub(crate) fn parent(&self) -> Option<Self> {
        if self.directory == self.top {
            return None;
        }
        let end = self.directory.iter().rposition(|byte| *byte == b'/')?;
        let directory = self.directory.get(..end)?.to_vec();
        Some(Self {
            directory,
            ..self.clone()
        })
    }

    /// Whether it is the root of its hierarchy: that one has no limits and counts less.
    ///
    /// # Errors
    /// Why that cannot be seen.
    pub(crate) fn is_root(&self, root: &InRoot) -> Result<bool, Refusal> {
        match self.version {
            Version::One => Ok(self.optional(root, "release_agent")?.is_some()),
            Version::Two => Ok(self.optional(root, "cgroup.type")?.is_none()),
        }
    }

    /// A file of it, whole.
    ///
    /// # Errors
    /// Why it cannot be read; [`Reason::Unsupported`] if it does not exist.
    pub(crate) fn contents(&self, root: &InRoot, file: &str) -> Result<String, Refusal> {
        let path = [&self.directory, &b"/"[..], file.as_bytes()].concat();
        let mut bytes = Vec::new();
        match root.read(&path, file_limits::SMALL, &mut bytes) {
            Ok(Truncation::Whole) => {
                String::from_utf8(bytes).map_err(|_| Refusal::of(Reason::Malformed))
            }
            Ok(Truncation::AtLimit) => Err(Refusal::of(Reason::Limit)),
            Err(errno) => {
                let shown = String::from_utf8_lossy(&path);
                Err(refused(errno).needing(&format!("a readable {shown}")))
            }
        }
    }

    /// A file of it that older kernels, or the root cgroup, do not have: `None` there.
    ///
    /// # Errors
    /// Why an existing one cannot be read.
    pub(crate) fn optional(&self, root: &InRoot, file: &str) -> Result<Option<String>, Refusal> {
        match self.contents(root, file) {
            Err(refusal) if refusal.reason == Reason::Unsupported => Ok(None),
            other => other.map(Some),
        }
    }
}

/// Of a file that was cut, what is missing may be the very line.
fn whole(read: Result<Truncation, Errno>, file: &str) -> Result<(), Refusal> {
    let needs = format!("a readable /proc/PID/{file}");
    match read {
        Ok(Truncation::Whole) => Ok(()),
        Ok(Truncation::AtLimit) => Err(Refusal::of(Reason::Limit).needing(&needs)),
        Err(errno) => Err(refused(errno).needing(&needs)),
    }
}

fn refused(errno: Errno) -> Refusal {
    if let Some(refusal) = remote_fs::refusal(errno) {
        return refusal;
    }
    let reason = match errno {
        Errno::ENOENT => Reason::Unsupported,
        Errno::ESRCH => Reason::Vanished,
        Errno::EACCES | Errno::EPERM => Reason::Denied,
        _ => Reason::Io,
    };
    Refusal {
        errno: Some(format!("{errno:?}")),
        ..Refusal::of(reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const V2: &str = "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup rw,nsdelegate\n";
    const V2_OF_A_SIBLING: &str =
        "30 23 0:26 /../cri-containerd-01.scope /sys/fs/cgroup ro - cgroup2 cgroup rw\n";
    const V1: &str = "25 23 0:22 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n\
        26 23 0:23 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
        27 23 0:24 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
    const V1_IN_CONTAINER: &str =
        "26 23 0:23 /docker/0123 /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n";

    fn located(paths: &str, mounts: &str) -> Option<Cgroup> {
        let mounts = mounts.as_bytes().into();
        CgroupMounts::parse(paths.as_bytes(), mounts)?.locate("memory")
    }

    #[test]
    fn its_directory_is_found_in_every_layout() {
        for (paths, mounts, directory, version) in [
            ("0::/\n", V2, "/sys/fs/cgroup", Version::Two),
            (
                "0::/a.slice/b\n",
                V2,
                "/sys/fs/cgroup/a.slice/b",
                Version::Two,
            ),
            (
                "0::/../cri-containerd-01.scope\n",
                V2_OF_A_SIBLING,
                "/sys/fs/cgroup",
                Version::Two,
            ),
            (
                "4:memory:/x\n0::/\n",
                V1,
                "/sys/fs/cgroup/memory/x",
                Version::One,
            ),
            (
                "4:memory:/docker/0123\n",
                V1_IN_CONTAINER,
                "/sys/fs/cgroup/memory",
                Version::One,
            ),
            (
                "4:memory:/docker/0123/app\n",
                V1_IN_CONTAINER,
                "/sys/fs/cgroup/memory/app",
                Version::One,
            ),
        ] {
            let found = located(paths, mounts).unwrap();
            let shown = String::from_utf8_lossy(found.path());
            assert_eq!((&*shown, found.version()), (directory, version), "{paths}");
        }
    }

    #[test]
    fn what_no_mount_leads_to_is_not_guessed() {
        assert_eq!(located("4:memory:/docker/01234\n", V1_IN_CONTAINER), None);
        assert_eq!(located("0::/../other\n", V2), None);
        assert_eq!(located("0::/\n", ""), None);
        assert_eq!(located("", V2), None);
        assert_eq!(located("nonsense", V2), None);
    }

    #[test]
    fn the_cgroups_above_end_at_the_mount() {
        let found = located("0::/a.slice/b\n", V2).unwrap();
        let above = std::iter::successors(Some(found), Cgroup::parent);
        let above: Vec<_> = above
            .map(|one| String::from_utf8(one.directory).unwrap())
            .collect();
        assert_eq!(
            above,
            [
                "/sys/fs/cgroup/a.slice/b",
                "/sys/fs/cgroup/a.slice",
                "/sys/fs/cgroup"
            ]
        );
    }

    #[test]
    fn a_refusal_names_its_reason() {
        assert_eq!(refused(Errno::EACCES).reason, Reason::Denied);
        assert_eq!(refused(Errno::ESRCH).reason, Reason::Vanished);
        assert_eq!(refused(Errno::ENOENT).reason, Reason::Unsupported);
    }
}
