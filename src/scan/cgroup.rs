//! Reads the memory cgroup of a process: version 2, version 1, and both on hybrid hosts.
//!
//! Which directory it is follows from `/proc/PID/cgroup` and from the mount of the hierarchy in
//! `/proc/PID/mountinfo`. The kernel shows both relative to the reader's cgroup namespace, so the
//! same rule finds spyhole's own cgroup and a target's.

use nix::errno::Errno;

use crate::model::gap::{Reason, Refusal};
use crate::parse::cgroup::CgroupPaths;
use crate::parse::mountinfo;
use crate::sys::file_limits;
use crate::sys::{InRoot, ProcessDir, Truncation, remote_fs};

/// Version 1 writes "no limit" as the largest number of whole pages.
const NO_LIMIT: u64 = 1 << 62;

/// The directory of a memory cgroup, below the root of the process that is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MemoryCgroup {
    directory: Vec<u8>,
    version: Version,
}

/// Which of the two file systems has the memory controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    /// `cgroup`.
    One,
    /// `cgroup2`.
    Two,
}

impl Version {
    /// Bytes in use.
    fn current(self) -> &'static str {
        match self {
            Self::One => "memory.usage_in_bytes",
            Self::Two => "memory.current",
        }
    }

    fn limit(self) -> &'static str {
        match self {
            Self::One => "memory.limit_in_bytes",
            Self::Two => "memory.max",
        }
    }

    /// Counts OOM kills: in version 1 since Linux 4.13.
    fn events(self) -> &'static str {
        match self {
            Self::One => "memory.oom_control",
            Self::Two => "memory.events",
        }
    }

    /// The key of `memory.stat` for page cache that the kernel gives back first.
    fn inactive_file(self) -> &'static str {
        match self {
            Self::One => "total_inactive_file",
            Self::Two => "inactive_file",
        }
    }
}

impl MemoryCgroup {
    /// Finds the memory cgroup of a process, whose root is `root`.
    ///
    /// # Errors
    /// Why it cannot be told, with what would tell it.
    pub(crate) fn of(process: &ProcessDir, root: &InRoot) -> Result<Self, Refusal> {
        let read = |name: &std::ffi::CStr, limit, what: &str| {
            let mut buffer = Vec::new();
            match process.read_records(name, limit, &mut buffer) {
                Ok(Truncation::Whole) => Ok(buffer),
                // What is missing may be the very line.
                Ok(Truncation::AtLimit) => Err(Refusal::of(Reason::Limit).needing(what)),
                Err(errno) => Err(refused(errno).needing(what)),
            }
        };
        let paths = read(c"cgroup", file_limits::SMALL, "a readable /proc/PID/cgroup")?;
        let mounts = read(
            c"mountinfo",
            file_limits::MOUNTINFO,
            "a readable /proc/PID/mountinfo",
        )?;
        let (top, mut cgroup) = locate(&paths, &mounts).ok_or_else(|| {
            Refusal::of(Reason::Unsupported).needing("the memory cgroup mounted at /sys/fs/cgroup")
        })?;
        // Where a cgroup has no memory controller, the next one above that has is in charge.
        while cgroup.version == Version::Two
            && cgroup.directory != top
            && cgroup.contents(root, cgroup.version.events()).is_err()
        {
            let Some(end) = cgroup.directory.iter().rposition(|byte| *byte == b'/') else {
                break;
            };
            cgroup.directory.truncate(end);
        }
        Ok(cgroup)
    }

    /// How many processes of it the OOM killer has killed so far.
    ///
    /// # Errors
    /// Why the count cannot be read.
    pub(crate) fn oom_kills(&self, root: &InRoot) -> Result<u64, Refusal> {
        let text = self.contents(root, self.version.events())?;
        field(&text, "oom_kill").ok_or_else(|| {
            Refusal::of(Reason::Unsupported).needing("a kernel that counts OOM kills (4.13)")
        })
    }

    /// Its own limit in bytes, `None` for none; cgroups above it may have a lower one.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub(crate) fn limit_bytes(&self, root: &InRoot) -> Result<Option<u64>, Refusal> {
        let text = self.contents(root, self.version.limit())?;
        if text.trim() == "max" {
            return Ok(None);
        }
        number(&text).map(|bytes| (bytes < NO_LIMIT).then_some(bytes))
    }

    /// The working set in bytes, as the kubelet computes it: what is in use without the page
    /// cache that the kernel gives back first.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub(crate) fn working_set_bytes(&self, root: &InRoot) -> Result<u64, Refusal> {
        let used = number(&self.contents(root, self.version.current())?)?;
        let stat = self.contents(root, "memory.stat")?;
        let inactive = field(&stat, self.version.inactive_file()).ok_or_else(|| {
            Refusal::of(Reason::Unsupported).needing("inactive_file in memory.stat")
        })?;
        Ok(used.saturating_sub(inactive))
    }

    /// Its directory, as the process sees it.
    #[must_use]
    pub(crate) fn path(&self) -> &[u8] {
        &self.directory
    }

    fn contents(&self, root: &InRoot, file: &str) -> Result<String, Refusal> {
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

fn number(text: &str) -> Result<u64, Refusal> {
    text.trim()
        .parse()
        .map_err(|_| Refusal::of(Reason::Malformed))
}

/// `name number` on a line of its own.
fn field(text: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().filter_map(|line| line.split_once(' '));
    let (_, number) = lines.find(|(key, _)| *key == name)?;
    number.trim().parse().ok()
}

/// Where the hierarchy with the memory controller is mounted, and the directory of the process
/// in it.
fn locate(cgroup: &[u8], mounts: &[u8]) -> Option<(Vec<u8>, MemoryCgroup)> {
    let paths = CgroupPaths::parse(cgroup).ok()?;
    // On a hybrid host the controller is in version 1.
    let (entry, version) = match paths.v1("memory") {
        Some(entry) => (entry, Version::One),
        None => (paths.v2()?, Version::Two),
    };
    mountinfo::entries(mounts).flatten().find_map(|mount| {
        let fits = match version {
            Version::Two => &*mount.fstype == b"cgroup2",
            Version::One => &*mount.fstype == b"cgroup" && mount.has_super_option("memory"),
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
        Some((top, MemoryCgroup { directory, version }))
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const V2: &str = "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup rw,nsdelegate\n";
    const V2_OF_A_SIBLING: &str =
        "30 23 0:26 /../cri-containerd-01.scope /sys/fs/cgroup ro - cgroup2 cgroup rw\n";
    const V1: &str = "25 23 0:22 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n\
        26 23 0:23 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
        27 23 0:24 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
    const V1_IN_CONTAINER: &str =
        "26 23 0:23 /docker/0123 /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n";

    fn at(cgroup: &str, mounts: &str) -> Option<(String, Version)> {
        let (_, found) = locate(cgroup.as_bytes(), mounts.as_bytes())?;
        Some((String::from_utf8(found.directory).unwrap(), found.version))
    }

    #[test]
    fn its_directory_is_found_in_every_layout() {
        let found = |path: &str, version| Some((path.to_owned(), version));
        assert_eq!(at("0::/\n", V2), found("/sys/fs/cgroup", Version::Two));
        assert_eq!(
            at("0::/a.slice/b\n", V2),
            found("/sys/fs/cgroup/a.slice/b", Version::Two)
        );
        assert_eq!(
            at("0::/../cri-containerd-01.scope\n", V2_OF_A_SIBLING),
            found("/sys/fs/cgroup", Version::Two)
        );
        assert_eq!(
            at("4:memory:/x\n0::/\n", V1),
            found("/sys/fs/cgroup/memory/x", Version::One)
        );
        assert_eq!(
            at("4:memory:/docker/0123\n", V1_IN_CONTAINER),
            found("/sys/fs/cgroup/memory", Version::One)
        );
        assert_eq!(
            at("4:memory:/docker/0123/app\n", V1_IN_CONTAINER),
            found("/sys/fs/cgroup/memory/app", Version::One)
        );
    }

    #[test]
    fn what_no_mount_leads_to_is_not_guessed() {
        assert_eq!(at("4:memory:/docker/01234\n", V1_IN_CONTAINER), None);
        assert_eq!(at("0::/../other\n", V2), None);
        assert_eq!(at("0::/\n", ""), None);
        assert_eq!(at("", V2), None);
        assert_eq!(at("nonsense", V2), None);
    }

    /// A cgroup of a temporary directory.
    #[allow(clippy::disallowed_methods, reason = "the files that are then read")]
    fn cgroup(
        version: Version,
        files: &[(&str, &str)],
    ) -> (tempfile::TempDir, InRoot, MemoryCgroup) {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(directory.path().join(name), text).unwrap();
        }
        let root = InRoot::at(directory.path()).unwrap();
        let directory_of = MemoryCgroup {
            directory: Vec::new(),
            version,
        };
        (directory, root, directory_of)
    }

    #[test]
    fn both_versions_tell_the_same() {
        let two = cgroup(
            Version::Two,
            &[
                ("memory.current", "1000\n"),
                ("memory.max", "max\n"),
                ("memory.stat", "anon 1\ninactive_file 400\n"),
                (
                    "memory.events",
                    "low 0\noom 2\noom_kill 7\noom_group_kill 1\n",
                ),
            ],
        );
        let one = cgroup(
            Version::One,
            &[
                ("memory.usage_in_bytes", "1000\n"),
                ("memory.limit_in_bytes", "9223372036854771712\n"),
                ("memory.stat", "inactive_file 1\ntotal_inactive_file 400\n"),
                (
                    "memory.oom_control",
                    "oom_kill_disable 0\nunder_oom 0\noom_kill 7\n",
                ),
            ],
        );
        for (_directory, root, cgroup) in [two, one] {
            assert_eq!(cgroup.working_set_bytes(&root).unwrap(), 600);
            assert_eq!(cgroup.limit_bytes(&root).unwrap(), None);
            assert_eq!(cgroup.oom_kills(&root).unwrap(), 7);
        }
    }

    #[test]
    fn a_directory_without_the_files_is_a_refusal_and_no_zero() {
        let root = InRoot::at(Path::new("/")).unwrap();
        let nowhere = MemoryCgroup {
            directory: b"/nowhere".to_vec(),
            version: Version::Two,
        };
        let unsupported = |refused: Refusal| assert_eq!(refused.reason, Reason::Unsupported);
        unsupported(nowhere.oom_kills(&root).unwrap_err());
        unsupported(nowhere.limit_bytes(&root).unwrap_err());
        unsupported(nowhere.working_set_bytes(&root).unwrap_err());
        assert_eq!(refused(Errno::EACCES).reason, Reason::Denied);
        assert_eq!(refused(Errno::ESRCH).reason, Reason::Vanished);
        let old = cgroup(Version::One, &[("memory.oom_control", "under_oom 0\n")]);
        unsupported(old.2.oom_kills(&old.1).unwrap_err());
    }
}
