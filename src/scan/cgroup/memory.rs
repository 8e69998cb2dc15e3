//! Reads the memory controller of a cgroup.

use super::{Cgroup, CgroupMounts, Version};
use crate::model::gap::{Reason, Refusal};
use crate::parse::cgroup_files::{keyed, limit, number};
use crate::parse::limits::Limit;
use crate::sys::{InRoot, ProcessDir};

/// The memory cgroup of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MemoryCgroup(Cgroup);

impl MemoryCgroup {
    /// Finds the memory cgroup of a process, whose root is `root`.
    ///
    /// # Errors
    /// Why it is not found, and what would help.
    pub(crate) fn of(process: &ProcessDir, root: &InRoot) -> Result<Self, Refusal> {
        Self::among(&CgroupMounts::read(process)?, root)
    }

    /// The same, where the mounts have been read.
    ///
    /// # Errors
    /// As [`MemoryCgroup::of`].
    pub(crate) fn among(mounts: &CgroupMounts, root: &InRoot) -> Result<Self, Refusal> {
        mounts
            .controller("memory", Version::Two.events(), root)
            .map(Self)
    }

    /// The cgroup itself.
    #[must_use]
    pub(crate) fn cgroup(&self) -> &Cgroup {
        &self.0
    }

    /// How many processes of it the OOM killer has killed so far.
    ///
    /// # Errors
    /// Why the count cannot be read.
    pub(crate) fn oom_kills(&self, root: &InRoot) -> Result<u64, Refusal> {
        let text = self.0.contents(root, self.0.version.events())?;
        keyed(&text, "oom_kill").ok_or_else(|| {
            Refusal::of(Reason::Unsupported).needing("a kernel that counts OOM kills (4.13)")
        })
    }

    /// Its own limit in bytes, `None` for none; cgroups above it may have a lower one.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub(crate) fn limit_bytes(&self, root: &InRoot) -> Result<Option<u64>, Refusal> {
        let text = self.0.contents(root, self.0.version.limit())?;
        match limit(&text) {
            Some(Limit::Value(bytes)) => Ok(Some(bytes)),
            Some(Limit::Unlimited) => Ok(None),
            None => Err(Refusal::of(Reason::Malformed)),
        }
    }

    /// Bytes in use.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub(crate) fn current_bytes(&self, root: &InRoot) -> Result<u64, Refusal> {
        let text = self.0.contents(root, self.0.version.current())?;
        number(&text).ok_or(Refusal::of(Reason::Malformed))
    }

    /// The working set in bytes, as the kubelet computes it: what is in use without the page
    /// cache that the kernel gives back first.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub(crate) fn working_set_bytes(&self, root: &InRoot) -> Result<u64, Refusal> {
        let used = self.current_bytes(root)?;
        let stat = self.0.contents(root, "memory.stat")?;
        let inactive = keyed(&stat, self.0.version.inactive_file()).ok_or_else(|| {
            Refusal::of(Reason::Unsupported).needing("inactive_file in memory.stat")
        })?;
        Ok(used.saturating_sub(inactive))
    }

    /// Its directory, as the process sees it.
    #[must_use]
    pub(crate) fn path(&self) -> &[u8] {
        self.0.path()
    }
}

impl Version {
    /// Bytes in use.
    fn current(self) -> &'static str {
        match self {
            Self::One => "memory.usage_in_bytes",
            Self::Two => "memory.current",
        }
    }

    /// The limit in bytes.
    pub(crate) fn limit(self) -> &'static str {
        match self {
            Self::One => "memory.limit_in_bytes",
            Self::Two => "memory.max",
        }
    }

    /// Counts OOM kills: in version 1 since Linux 4.13.
    pub(crate) fn events(self) -> &'static str {
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

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
        let cgroup = MemoryCgroup(Cgroup {
            top: Vec::new(),
            directory: Vec::new(),
            version,
        });
        (directory, root, cgroup)
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
        let nowhere = MemoryCgroup(Cgroup {
            top: Vec::new(),
            directory: b"/nowhere".to_vec(),
            version: Version::Two,
        });
        let unsupported = |refused: Refusal| assert_eq!(refused.reason, Reason::Unsupported);
        unsupported(nowhere.oom_kills(&root).unwrap_err());
        unsupported(nowhere.limit_bytes(&root).unwrap_err());
        unsupported(nowhere.working_set_bytes(&root).unwrap_err());
        let old = cgroup(Version::One, &[("memory.oom_control", "under_oom 0\n")]);
        unsupported(old.2.oom_kills(&old.1).unwrap_err());
    }
}
