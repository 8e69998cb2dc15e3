//! The memory cgroup that spyhole and its child are in: whether the kernel killed for want of
//! memory. The kernel says it nowhere else: to the parent it is a SIGKILL like any other.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::model::{Reason, Refusal};
use crate::parse::cgroup::CgroupPaths;
use crate::parse::mountinfo;
use crate::sys::file_limits;
use crate::sys::{ProcDir, own_file};

/// Version 1 writes "no limit" as the largest number of whole pages.
const NO_LIMIT: u64 = 1 << 62;

/// Where its files are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MemoryCgroup {
    directory: PathBuf,
    unified: bool,
}

impl MemoryCgroup {
    /// That of this process.
    pub(super) fn own() -> Result<Self, Refusal> {
        let unreadable = |file: &str| Refusal::of(Reason::Io).needing(file);
        let proc = ProcDir::open(Path::new("/proc"))
            .and_then(|proc| proc.process(proc.own_pid()?))
            .map_err(|_| unreadable("a mounted /proc"))?;
        let mut cgroup = Vec::new();
        proc.read_records(c"cgroup", file_limits::SMALL, &mut cgroup)
            .map_err(|_| unreadable("a readable /proc/self/cgroup"))?;
        let mut mounts = Vec::new();
        proc.read_records(c"mountinfo", file_limits::MOUNTINFO, &mut mounts)
            .map_err(|_| unreadable("a readable /proc/self/mountinfo"))?;
        let (top, mut place) = place(&cgroup, &mounts).ok_or_else(|| {
            Refusal::of(Reason::Unsupported).needing("the memory cgroup mounted at /sys/fs/cgroup")
        })?;
        // Where a cgroup has no memory controller, the next one above that has is in charge.
        while place.unified
            && place.directory != top
            && place.contents("memory.events").is_err()
            && place.directory.pop()
        {}
        Ok(place)
    }

    /// How many processes of it the OOM killer has ended so far.
    pub(super) fn oom_kills(&self) -> Result<u64, Refusal> {
        let file = if self.unified {
            "memory.events"
        } else {
            "memory.oom_control"
        };
        let text = self.contents(file)?;
        // Version 1 has it since Linux 4.13.
        field(&text, "oom_kill").ok_or_else(|| {
            Refusal::of(Reason::Unsupported).needing("a kernel that counts OOM kills (4.13)")
        })
    }

    /// Its own limit; those above it may be lower.
    pub(super) fn limit(&self) -> Result<Option<u64>, Refusal> {
        let text = self.contents(if self.unified {
            "memory.max"
        } else {
            "memory.limit_in_bytes"
        })?;
        match text.trim() {
            "max" => Ok(None),
            number => number
                .parse()
                .map(|bytes| (bytes < NO_LIMIT).then_some(bytes))
                .map_err(|_| Refusal::of(Reason::Malformed)),
        }
    }

    /// Where the files are, for gaps.
    pub(super) fn path(&self) -> &[u8] {
        self.directory.as_os_str().as_bytes()
    }

    fn contents(&self, file: &str) -> Result<String, Refusal> {
        let path = self.directory.join(file);
        let bytes = own_file::contents(&path, file_limits::SMALL as u64).map_err(|error| {
            let reason = match error.kind() {
                std::io::ErrorKind::NotFound => Reason::Unsupported,
                std::io::ErrorKind::PermissionDenied => Reason::Denied,
                _ => Reason::Io,
            };
            let shown = path.display();
            Refusal::of(reason).needing(&format!("a readable {shown}"))
        })?;
        String::from_utf8(bytes).map_err(|_| Refusal::of(Reason::Malformed))
    }
}

/// `name number` on a line of its own.
fn field(text: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().filter_map(|line| line.split_once(' '));
    let (_, number) = lines.find(|(key, _)| *key == name)?;
    number.trim().parse().ok()
}

/// Where a hierarchy with the memory controller is mounted, and which directory of it is that of
/// the process.
fn place(cgroup: &[u8], mounts: &[u8]) -> Option<(PathBuf, MemoryCgroup)> {
    let paths = CgroupPaths::parse(cgroup).ok()?;
    // On a hybrid host the controller is in version 1.
    let (entry, unified) = match paths.v1("memory") {
        Some(entry) => (entry, false),
        None => (paths.v2()?, true),
    };
    mountinfo::entries(mounts).flatten().find_map(|mount| {
        let fits = if unified {
            &*mount.fstype == b"cgroup2"
        } else {
            &*mount.fstype == b"cgroup" && mount.has_super_option("memory")
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
        // Outside of the reader's cgroup namespace there is no way by the mount.
        if below.split(|byte| *byte == b'/').any(|part| part == b"..") {
            return None;
        }
        let top = Path::new(OsStr::from_bytes(&mount.mount_point)).to_owned();
        let below = Path::new(OsStr::from_bytes(below));
        let below = below.strip_prefix("/").unwrap_or(below);
        let directory = if below.as_os_str().is_empty() {
            top.clone()
        } else {
            top.join(below)
        };
        Some((top, MemoryCgroup { directory, unified }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const V2: &str = "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup rw,nsdelegate\n";
    const V1: &str = "25 23 0:22 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n\
        26 23 0:23 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
        27 23 0:24 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
    const V1_IN_CONTAINER: &str =
        "26 23 0:23 /docker/0123 /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n";

    fn at(cgroup: &str, mounts: &str) -> Option<(String, bool)> {
        let (_, found) = place(cgroup.as_bytes(), mounts.as_bytes())?;
        Some((found.directory.to_str()?.to_owned(), found.unified))
    }

    #[test]
    fn its_directory_is_found_in_every_layout() {
        let found = |path: &str, unified| Some((path.to_owned(), unified));
        assert_eq!(at("0::/\n", V2), found("/sys/fs/cgroup", true));
        assert_eq!(
            at("0::/a.slice/b\n", V2),
            found("/sys/fs/cgroup/a.slice/b", true)
        );
        assert_eq!(
            at("4:memory:/x\n0::/\n", V1),
            found("/sys/fs/cgroup/memory/x", false)
        );
        assert_eq!(
            at("4:memory:/docker/0123\n", V1_IN_CONTAINER),
            found("/sys/fs/cgroup/memory", false)
        );
        assert_eq!(
            at("4:memory:/docker/0123/app\n", V1_IN_CONTAINER),
            found("/sys/fs/cgroup/memory/app", false)
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

    #[test]
    fn counts_and_limits_are_read_in_both_forms() {
        let events = "low 0\nhigh 0\nmax 3\noom 2\noom_kill 7\noom_group_kill 1\n";
        assert_eq!(field(events, "oom_kill"), Some(7));
        let control = "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n";
        assert_eq!(field(control, "oom_kill"), Some(2));
        assert_eq!(field("oom_kill_disable 0\nunder_oom 0\n", "oom_kill"), None);
    }

    #[test]
    fn a_directory_without_the_files_is_a_refusal_and_no_zero() {
        let nowhere = MemoryCgroup {
            directory: "/nowhere".into(),
            unified: true,
        };
        assert_eq!(nowhere.oom_kills().unwrap_err().reason, Reason::Unsupported);
        assert_eq!(nowhere.limit().unwrap_err().reason, Reason::Unsupported);
    }
}
