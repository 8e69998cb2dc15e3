//! The ids that a container's processes run as: from this machine's /proc where the engine is here,
//! otherwise from the engine's own list of processes, otherwise from what was asked for.

use std::collections::BTreeSet;
use std::ffi::CStr;
use std::path::Path;

use memchr::memmem;

use super::container::Container;
use crate::parse::capabilities::bit;
use crate::parse::cgroup::CgroupPaths;
use crate::parse::container_id::from_cgroups;
use crate::parse::id_map::IdMap;
use crate::parse::mountinfo;
use crate::parse::status::Status;
use crate::rights::ptrace_access::{Credentials, uniform};
use crate::sys::file_limits;
use crate::sys::{ProcDir, ProcessDir};

/// Docker's `userns-remap` moves ids to above these, and `docker top` shows them moved.
const LARGEST_UNMOVED: u32 = 65_535;

/// The ids of one process, as the container's user namespace numbers them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ProcessIdentity {
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// Its permitted capabilities; `None` if unknown.
    pub(super) permitted: Option<u64>,
    /// Whether only `CAP_SYS_PTRACE` opens it: its real, effective and saved ids differ, or it is
    /// not dumpable.
    pub(super) closed: bool,
    /// Its further groups, sorted; those that the container does not number are left out.
    pub(super) groups: Vec<u32>,
}

/// All that run in a container; equal ones once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ProcessIdentities {
    pub(super) whos: BTreeSet<ProcessIdentity>,
    pub(super) source: Source,
    /// Whether the first process has another number than 1 where the container sees it.
    pub(super) shares_pids: Option<bool>,
}

/// Where it is known from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// /proc of this machine: the engine is here, and takes files of this machine.
    Here,
    /// The engine's list of processes.
    Top,
    /// The user that the container was started with.
    Asked,
    /// It is not.
    Nowhere,
}

impl ProcessIdentities {
    /// From this machine's /proc; `None` where the container's first process is not in it, since
    /// the engine is elsewhere, or not readable.
    pub(super) fn here(container: &Container) -> Option<Self> {
        let proc = ProcDir::open(Path::new("/proc")).ok()?;
        let mut buffer = Vec::new();
        let first = proc.process(container.state.pid).ok()?;
        let marks = [by_cgroup, by_mounts];
        let is_of = marks
            .into_iter()
            .find(|is_of| is_of(&first, &container.id, &mut buffer))?;
        let shares_pids = {
            first
                .read(c"status", file_limits::STATUS, &mut buffer)
                .ok()?;
            let innermost = Status::parse(&buffer).ok()?.ns_pid?.last().copied()?;
            innermost != 1
        };
        let mut whos = BTreeSet::new();
        for pid in proc.pids().ok()? {
            let process = proc.process(pid).ok();
            let own = process.filter(|process| is_of(process, &container.id, &mut buffer));
            // One that ends meanwhile needs no reader.
            whos.extend(own.and_then(|process| ProcessIdentity::of(&process, &mut buffer)));
        }
        (!whos.is_empty()).then_some(Self {
            whos,
            source: Source::Here,
            shares_pids: Some(shares_pids),
        })
    }

    /// From what `docker top ID -eo pid,uid,gid` prints.
    pub(super) fn from_docker_top(text: &str) -> Option<Self> {
        let identity = |line: &str| {
            let mut words = line.split_whitespace().skip(1).map(str::parse);
            let (uid, gid) = (words.next()?.ok()?, words.next()?.ok()?);
            (uid <= LARGEST_UNMOVED && gid <= LARGEST_UNMOVED)
                .then(|| ProcessIdentity::told(uid, gid, None))
        };
        Self::from_top(text, identity)
    }

    /// From what `podman top ID user,group,capprm` prints.
    pub(super) fn from_podman_top(text: &str) -> Option<Self> {
        let identity = |line: &str| {
            let mut words = line.split_whitespace();
            // A name is one of the container's own files, and may be anybody's.
            let (uid, gid) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
            let permitted = match words.next()? {
                "none" => 0,
                "full" => u64::MAX,
                names => names.split(',').try_fold(0, |mask, name| {
                    // Podman calls those that are newer than itself so.
                    let bit = if name == "unknown" { 63 } else { bit(name)? };
                    Some(mask | 1_u64.checked_shl(bit.into())?)
                })?,
            };
            Some(ProcessIdentity::told(uid, gid, Some(permitted)))
        };
        Self::from_top(text, identity)
    }

    /// One line that is not understood makes the whole list nobody's: better root than half.
    fn from_top(text: &str, identity: impl Fn(&str) -> Option<ProcessIdentity>) -> Option<Self> {
        let whos: Option<BTreeSet<_>> = text.lines().skip(1).map(identity).collect();
        let whos = whos.filter(|whos| !whos.is_empty())?;
        Some(Self {
            whos,
            source: Source::Top,
            shares_pids: None,
        })
    }

    /// From the user that it was started with.
    pub(super) fn asked(container: &Container) -> Self {
        let identity = container.numeric_user();
        Self {
            source: match identity {
                Some(_) => Source::Asked,
                None => Source::Nowhere,
            },
            whos: identity
                .map(|(uid, gid)| ProcessIdentity::told(uid, gid, None))
                .into_iter()
                .collect(),
            shares_pids: None,
        }
    }
}

impl ProcessIdentity {
    fn told(uid: u32, gid: u32, permitted: Option<u64>) -> Self {
        Self {
            uid,
            gid,
            permitted,
            closed: false,
            groups: Vec::new(),
        }
    }

    /// `None` for a process that is gone, or a zombie: nothing of it is left to read.
    fn of(process: &ProcessDir, buffer: &mut Vec<u8>) -> Option<Self> {
        process.read(c"status", file_limits::STATUS, buffer).ok()?;
        let status = Status::parse(buffer).ok()?;
        status.vm_rss_bytes?;
        let (uid, gid) = (status.uid?, status.gid?);
        let users = map(process, c"uid_map", buffer)?;
        let groups = map(process, c"gid_map", buffer)?;
        let mut further: Vec<u32> = status
            .groups
            .iter()
            .flatten()
            .filter_map(|group| groups.translate_back(*group))
            .collect();
        further.sort_unstable();
        // For a user of the container only a process that is dumpable opens.
        let hidden =
            Credentials::with_status(process, status.clone(), buffer).dumpable == Some(false);
        let inside_gid = groups.translate_back(gid.effective)?;
        further.retain(|group| *group != inside_gid);
        Some(Self {
            uid: users.translate_back(uid.effective)?,
            gid: inside_gid,
            permitted: status.cap_prm,
            closed: uniform(uid).is_none() || uniform(gid).is_none() || hidden,
            groups: further,
        })
    }
}

fn map(process: &ProcessDir, name: &CStr, buffer: &mut Vec<u8>) -> Option<IdMap> {
    process
        .read_records(name, file_limits::SMALL, buffer)
        .ok()?;
    IdMap::parse(buffer).ok()
}

/// Whether the cgroup of a process names this container.
fn by_cgroup(process: &ProcessDir, id: &str, buffer: &mut Vec<u8>) -> bool {
    let read = process.read_records(c"cgroup", file_limits::SMALL, buffer);
    let paths = read.ok().and_then(|_| CgroupPaths::parse(buffer).ok());
    paths
        .and_then(|paths| from_cgroups(&paths))
        .is_some_and(|found| found.id == id)
}

/// Whether a process has files mounted that the engine made for this container: where containers
/// have no cgroups, as those of a user on cgroup v1. Who shares its network may have them too.
fn by_mounts(process: &ProcessDir, id: &str, buffer: &mut Vec<u8>) -> bool {
    let read = process.read_records(c"mountinfo", file_limits::MOUNTINFO, buffer);
    let has = |path: &[u8]| memmem::find(path, id.as_bytes()).is_some();
    // The engine's own processes have them where they were made, the container's elsewhere.
    read.is_ok()
        && mountinfo::entries(buffer)
            .flatten()
            .any(|entry| has(&entry.root) && !has(&entry.mount_point))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::scratch::Scratch;

    #[test]
    fn the_list_of_docker_is_read_by_number() {
        let text = "PID   UID   GID\n7596  1000  1000\n7616  1000  1000\n7617  33    33\n";
        let identities = ProcessIdentities::from_docker_top(text).unwrap();
        let told: Vec<_> = identities
            .whos
            .iter()
            .map(|identity| (identity.uid, identity.gid))
            .collect();
        assert_eq!(told, [(33, 33), (1000, 1000)]);
    }

    #[test]
    fn ids_that_docker_moved_say_nothing_of_those_inside() {
        assert_eq!(
            ProcessIdentities::from_docker_top("PID UID GID\n7 231072 231072\n"),
            None
        );
    }

    #[test]
    fn the_list_of_podman_tells_capabilities_too() {
        let text = "USER  GROUP  PERMITTED CAPS\n1000  1000  none\n0  0  CHOWN,NET_BIND_SERVICE\n";
        let identities = ProcessIdentities::from_podman_top(text).unwrap();
        let told: Vec<_> = identities
            .whos
            .iter()
            .map(|identity| identity.permitted)
            .collect();
        assert_eq!(told, [Some((1 << 0) | (1 << 10)), Some(0)]);
    }

    #[test]
    fn a_list_with_names_or_without_lines_is_none() {
        for text in [
            "",
            "USER GROUP PERMITTED CAPS\n",
            "USER GROUP PERMITTED CAPS\nnginx nginx none\n",
            "USER GROUP PERMITTED CAPS\n0 0 SOMETHING_NEW\n",
            "USER GROUP PERMITTED CAPS\n0 0\n",
        ] {
            assert_eq!(ProcessIdentities::from_podman_top(text), None, "{text:?}");
        }
    }

    #[test]
    fn where_containers_have_no_cgroups_the_mounts_of_the_engine_tell_them() {
        let id = "ab".repeat(32);
        let mount = |root: &str, point: &str| {
            format!("7 6 0:5 {root} {point} rw - tmpfs tmpfs rw\n").replace("ID", &id)
        };
        let userdata = "/run/overlay-containers/ID/userdata";
        let scratch = Scratch::new();
        for (pid, cgroup, mounts) in [
            ("1", "0::/init.scope\n".to_owned(), mount("/", "/")),
            // The application, and the engine's own process for it.
            (
                "2",
                "0::/user.slice\n".to_owned(),
                mount(&format!("{userdata}/hosts"), "/etc/hosts"),
            ),
            (
                "3",
                "0::/user.slice\n".to_owned(),
                mount("/", &format!("{userdata}/shm")),
            ),
            (
                "4",
                format!("0::/libpod_parent/libpod-{id}\n"),
                mount("/", "/"),
            ),
        ] {
            scratch.write(&format!("{pid}/cgroup"), cgroup);
            scratch.write(&format!("{pid}/mountinfo"), mounts);
        }
        let proc = ProcDir::open(&scratch.path("")).unwrap();
        let marked = |by: fn(&ProcessDir, &str, &mut Vec<u8>) -> bool| {
            let of = |pid: &i32| by(&proc.process(*pid).unwrap(), &id, &mut Vec::new());
            (1..=4).filter(of).collect::<Vec<_>>()
        };
        assert_eq!(marked(by_mounts), [2]);
        assert_eq!(marked(by_cgroup), [4]);
    }
}
