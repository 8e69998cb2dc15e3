//! What a check can see: whether processes may be hidden, and whether what spyhole would use is
//! what the target would use.

use std::os::fd::{AsFd, AsRawFd};

use crate::model::gap::{Gaps, Reason, Subject, WALK};
use crate::model::target::ChosenBy;
use crate::parse::mountinfo;
use crate::rights::ptrace_access::Credentials;
use crate::scan::Scan;
use crate::scan::proc_mount::ProcMount;
use crate::sys::file_limits;
use crate::sys::{ProcDir, ProcessDir};

/// Why there may be processes that were not seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Partial {
    /// /proc leaves out processes.
    Hidden,
    /// The walk left out this many; why of the first.
    Unread { count: u64, reason: Reason },
    /// Command lines of processes could not be read.
    CommandLines,
}

/// Why there may be processes of the target that the walk did not see; `None`: it saw all.
pub(super) fn partial(scan: &Scan, gaps: &Gaps) -> Option<Partial> {
    // A process that was named by its number is there, and it alone counts.
    let named = scan
        .target
        .as_ref()
        .filter(|held| held.chosen_by == ChosenBy::Pid)
        .map(|held| Subject::Pid(held.main.pid()));
    let concerns = |subject: &Subject| named.as_ref().is_none_or(|named| named == subject);
    let mut walk = gaps.as_slice().iter().filter(|gap| {
        let is_whole = gap.count == gap.subjects.len() as u64;
        gap.section == WALK && (!is_whole || gap.subjects.iter().any(concerns))
    });
    let first = walk.next();
    match first {
        Some(first) if first.reason == Reason::Hidepid => Some(Partial::Hidden),
        Some(first) => Some(Partial::Unread {
            count: walk.fold(first.count, |all, gap| all + gap.count),
            reason: first.reason,
        }),
        None if named.is_none() && hides_processes(&scan.reader.proc, &scan.reader.viewer) => {
            Some(Partial::Hidden)
        }
        None => None,
    }
}

/// Whether this /proc leaves out processes, by the options of its mount.
pub(super) fn hides_processes(proc: &ProcDir, viewer: &Credentials) -> bool {
    let own = proc.caller_pid().and_then(|pid| proc.process(pid));
    let Ok(own) = own else { return false };
    let descriptor = own.as_fd().as_raw_fd();
    ProcMount::of(&own, descriptor, &mut Vec::new()).is_some_and(|mount| mount.hides_from(viewer))
}

/// Whether a path leads to the same file for spyhole as for the target, by device and root of the
/// mounts; `None` where that cannot be compared.
pub(super) fn is_same_file(scan: &Scan, path: &str) -> Option<bool> {
    if !scan.is_live() {
        return Some(false);
    }
    let own = scan.own_process()?;
    let target = &scan.target.as_ref()?.main;
    let (mut own_mounts, mut target_mounts) = (Vec::new(), Vec::new());
    read_mounts(&own, &mut own_mounts)?;
    read_mounts(target, &mut target_mounts)?;
    let path = path.as_bytes();
    Some(place_of(&own_mounts, path)? == place_of(&target_mounts, path)?)
}

fn read_mounts(process: &ProcessDir, buffer: &mut Vec<u8>) -> Option<()> {
    process
        .read_records(c"mountinfo", file_limits::MOUNTINFO, buffer)
        .ok()?;
    (!buffer.is_empty()).then_some(())
}

/// Where a path is: the device of its file system, and its path below that one's root.
type Place = ((u32, u32), Vec<u8>);

fn place_of(mounts: &[u8], path: &[u8]) -> Option<Place> {
    let carrying = mountinfo::entries(mounts)
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let below = below(path, &entry.mount_point)?.to_vec();
            Some((entry, below))
        })
        // Of several in one place, the later one hides those before it.
        .max_by_key(|(entry, _)| entry.mount_point.len())?;
    let (entry, rest) = carrying;
    let mut full = entry.root.to_vec();
    if full.ends_with(b"/") {
        full.pop();
    }
    full.extend(rest);
    Some(((entry.major, entry.minor), full))
}

/// The rest of a path below a mount point, with its slash; empty for the mount point itself.
fn below<'a>(path: &'a [u8], mount_point: &[u8]) -> Option<&'a [u8]> {
    let mount_point = mount_point.strip_suffix(b"/").unwrap_or(mount_point);
    let rest = path.strip_prefix(mount_point)?;
    (rest.is_empty() || rest.starts_with(b"/")).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &[u8] = b"\
20 1 0:50 / / rw - overlay overlay rw
21 20 8:1 /pods/a/etc-hosts /etc/hosts rw - ext4 /dev/sda1 rw
22 20 8:1 /pods/a/volumes/run /run rw - ext4 /dev/sda1 rw
23 22 0:60 / /run/lock rw - tmpfs tmpfs rw
";

    #[test]
    fn a_path_is_on_the_mount_nearest_to_it() {
        let place = |path: &str| place_of(MOUNTS, path.as_bytes()).unwrap();
        assert_eq!(place("/etc/hosts"), ((8, 1), b"/pods/a/etc-hosts".to_vec()));
        assert_eq!(place("/etc/hosts2"), ((0, 50), b"/etc/hosts2".to_vec()));
        assert_eq!(
            place("/run/db.sock"),
            ((8, 1), b"/pods/a/volumes/run/db.sock".to_vec())
        );
        assert_eq!(place("/run/lock/x"), ((0, 60), b"/x".to_vec()));
        assert_eq!(place_of(b"", b"/x"), None);
    }
}
