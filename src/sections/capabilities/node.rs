//! What of the node a process shares: namespaces, and whether its root is the node's.

use crate::model::capabilities::Answer;
use crate::parse::id_map::IdMap;
use crate::parse::stat::Stat;
use crate::parse::status::Status;
use crate::scan::Scan;
use crate::scan::snapshot::Namespaces;
use crate::sys::ProcessDir;
use crate::sys::file_limits;

/// The kernel's first namespaces have fixed inodes: `proc_ns.h`.
const FIRST_IPC: u64 = 0xefff_ffff;
const FIRST_USER: u64 = 0xefff_fffd;
const FIRST_PID: u64 = 0xefff_fffc;
/// From Linux 6.18 on; before, it was some number that was free.
const FIRST_NET: u64 = 0xefff_fff9;

/// What is known beside the process itself, read once.
#[derive(Debug, Clone, Default)]
pub(super) struct NodeContext {
    /// How many capabilities the kernel knows: `cap_last_cap` and the one at 0.
    pub(super) known_capabilities: u8,
    /// `uid_map` of the viewer.
    pub(super) viewer_map: Option<IdMap>,
    /// Whether the viewer is in the kernel's first user namespace.
    pub(super) viewer_in_first_user_namespace: Option<bool>,
    /// Whether the kernel's threads are among the processes of this /proc; `None` where
    /// hidepid may hide them.
    pub(super) kernel_threads: Option<bool>,
    /// Whether the kernel is one whose first network namespace has a fixed inode.
    pub(super) net_is_fixed: bool,
    /// The namespaces of the kernel's threads.
    pub(super) kernel: Namespaces,
}

impl Namespaces {
    /// Whether the process is in the IPC namespace of the node.
    pub(super) fn is_host_ipc(&self) -> Option<bool> {
        self.ipc.map(|inode| inode == FIRST_IPC)
    }
}

impl NodeContext {
    /// Reads them.
    #[must_use]
    pub(super) fn read(scan: &Scan) -> Self {
        let (proc, viewer) = (&scan.reader.proc, &scan.reader.viewer);
        let mut buffer = Vec::new();
        let last = proc.read(c"sys/kernel/cap_last_cap", file_limits::SMALL, &mut buffer);
        let last: Option<u8> = last
            .ok()
            .and_then(|_| std::str::from_utf8(&buffer).ok()?.trim().parse().ok());
        let release = proc.read(c"sys/kernel/osrelease", file_limits::SMALL, &mut buffer);
        let net_is_fixed = release.is_ok() && is_at_least(&buffer, (6, 18));
        let own = scan.own_pid.and_then(|pid| proc.process(pid).ok());
        // kthreadd is the second process of every kernel, and of no container.
        let second = proc.process(2).ok();
        let kernel_threads = match &second {
            Some(process) => process
                .read(c"stat", file_limits::SMALL, &mut buffer)
                .ok()
                .and_then(|_| Stat::parse(&buffer).ok())
                .map(|stat| stat.is_kernel_thread()),
            // hidepid may hide it; but not whose namespace this is.
            None => own
                .as_ref()
                .filter(|own| is_in_this_namespace(own, &mut buffer))
                .and_then(|own| Namespaces::of(own).pid)
                .filter(|inode| *inode != FIRST_PID)
                .map(|_| false),
        };
        Self {
            known_capabilities: last.map_or(41, |last| last.saturating_add(1)).min(64),
            viewer_map: viewer
                .uid_map
                .as_ref()
                .and_then(|map| IdMap::parse(map).ok()),
            viewer_in_first_user_namespace: own
                .as_ref()
                .and_then(|own| Namespaces::of(own).user)
                .map(|inode| inode == FIRST_USER),
            kernel: match (&second, kernel_threads) {
                (Some(kthreadd), Some(true)) => Namespaces::of(kthreadd),
                _ => Namespaces::default(),
            },
            kernel_threads,
            net_is_fixed,
        }
    }

    /// Whether the process is in the PID namespace of the node. `depth` is in how many PID
    /// namespaces below the /proc in sight it has a number, its own counted.
    #[must_use]
    pub(super) fn host_pid(&self, depth: Option<usize>) -> Option<bool> {
        match depth {
            Some(2..) => Some(false),
            _ => self.kernel_threads,
        }
    }

    /// Whether the process is in the network namespace of the node.
    #[must_use]
    pub(super) fn host_net(&self, namespaces: &Namespaces) -> Option<bool> {
        match (namespaces.net?, self.kernel.net) {
            (FIRST_NET, _) => Some(true),
            (own, Some(kernel)) => Some(own == kernel),
            (_, None) if self.net_is_fixed => Some(false),
            (_, None) => None,
        }
    }

    /// Whether ids of this process, as the viewer reads them, are those inside already.
    #[must_use]
    pub(super) fn same_user_namespace(&self, map: &IdMap) -> bool {
        self.viewer_map.as_ref().is_none_or(|own| own == map)
    }

    /// Whether uid 0 of the process's user namespace is uid 0 of the node, and from what
    /// that is judged.
    #[must_use]
    pub(super) fn root_is_node_root(&self, map: &IdMap, user: Option<u64>) -> (Answer, String) {
        if user == Some(FIRST_USER) {
            return (
                Answer::Yes,
                format!("it is in the kernel's first user namespace{SANDBOX}"),
            );
        }
        let Some(root) = map.translate(0) else {
            return (Answer::No, "its uid_map does not map uid 0".to_owned());
        };
        let Some(own) = &self.viewer_map else {
            return (
                Answer::Unknown,
                "the viewer's own uid_map cannot be read, so the ids cannot be mapped".to_owned(),
            );
        };
        let first = self.viewer_in_first_user_namespace;
        match (own == map, root) {
            (true, 0) if own.is_identity() && first == Some(true) => (
                Answer::Yes,
                format!(
                    "it has the viewer's uid_map, and that is in the kernel's first user namespace{SANDBOX}"
                ),
            ),
            (true, 0) if own.is_identity() && first.is_none() => (
                Answer::Yes,
                format!("its uid_map maps every id to itself{SANDBOX}"),
            ),
            (false, 0) if own.is_identity() && first != Some(false) => (
                Answer::Yes,
                format!(
                    "its uid_map maps uid 0 to uid 0 of the viewer's user namespace, which maps every id to itself{SANDBOX}"
                ),
            ),
            (_, u32::MAX) => (
                Answer::Unknown,
                "its uid 0 is not mapped in the viewer's user namespace".to_owned(),
            ),
            (true, 0) => (
                Answer::Unknown,
                "uid 0 is uid 0 of the parent user namespace, whose mapping to the node is not \
                 visible"
                    .to_owned(),
            ),
            (true, above) => (
                Answer::No,
                format!("uid 0 is uid {above} of the parent user namespace"),
            ),
            (false, outside @ 1..) if own.is_identity() => {
                (Answer::No, format!("uid 0 is uid {outside} outside"))
            }
            (false, outside) => match own.translate(outside) {
                Some(above) if above != 0 => (
                    Answer::No,
                    format!(
                        "uid 0 is uid {outside} of the viewer, which is uid {above} of the \
                        parent user namespace"
                    ),
                ),
                _ => (
                    Answer::Unknown,
                    format!(
                        "uid 0 is uid {outside} of the viewer's user namespace, whose mapping to \
                         the node is not visible"
                    ),
                ),
            },
        }
    }
}

/// Whether a release such as `6.18.3-generic` is this version or a later one.
fn is_at_least(release: &[u8], version: (u32, u32)) -> bool {
    let text = std::str::from_utf8(release).unwrap_or_default().trim();
    let mut numbers = text
        .split(|letter: char| !letter.is_ascii_digit())
        .map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) >= version,
        _ => false,
    }
}

/// Whether the process has no other number than that in the visible /proc.
fn is_in_this_namespace(process: &ProcessDir, buffer: &mut Vec<u8>) -> bool {
    process.read(c"status", file_limits::STATUS, buffer).is_ok()
        && Status::parse(buffer)
            .ok()
            .and_then(|status| status.ns_tgid)
            .is_some_and(|pids| pids.len() == 1)
}

/// What no process of such a sandbox can tell.
const SANDBOX: &str = " (a sandbox with its own kernel, such as Kata or gVisor, looks the same)";

#[cfg(test)]
mod tests {
    use super::*;

    fn map(text: &str) -> IdMap {
        IdMap::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn root_of_the_node_is_told_as_far_as_maps_tell() {
        const ALL: &str = "0 0 4294967295\n";
        const PART: &str = "0 0 65536\n";
        const SHIFTED: &str = "0 100000 65536\n";
        for (viewer, first, target, inode, wanted) in [
            (ALL, Some(true), ALL, None, Answer::Yes),
            (ALL, None, ALL, None, Answer::Yes),
            // Every id to itself, and yet a namespace of its own.
            (ALL, Some(false), ALL, None, Answer::Unknown),
            (PART, Some(false), PART, Some(FIRST_USER), Answer::Yes),
            (ALL, Some(true), SHIFTED, None, Answer::No),
            (ALL, Some(true), PART, None, Answer::Yes),
            (ALL, Some(true), "", None, Answer::No),
            (ALL, Some(true), "1 1 5\n", None, Answer::No),
            (SHIFTED, Some(false), SHIFTED, None, Answer::No),
            (PART, Some(false), PART, None, Answer::Unknown),
            (ALL, Some(false), PART, None, Answer::Unknown),
            (SHIFTED, Some(false), "0 1000 1\n", None, Answer::No),
            (PART, Some(false), "0 0 1\n", None, Answer::Unknown),
            (
                SHIFTED,
                Some(false),
                "0 4294967295 1\n",
                None,
                Answer::Unknown,
            ),
        ] {
            let around = NodeContext {
                viewer_map: Some(map(viewer)),
                viewer_in_first_user_namespace: first,
                ..NodeContext::default()
            };
            let (answer, evidence) = around.root_is_node_root(&map(target), inode);
            assert_eq!(
                answer, wanted,
                "{viewer:?} {first:?} {target:?}: {evidence}"
            );
        }
        let blind = NodeContext::default();
        assert_eq!(blind.root_is_node_root(&map(ALL), None).0, Answer::Unknown);
    }

    #[test]
    fn releases_compare_by_number() {
        for (release, wanted) in [
            ("6.18.44-fc\n", true),
            ("6.18-rc1", true),
            ("6.9.1", false),
            ("10.0", true),
            ("5.99.1", false),
            ("6", false),
            ("", false),
        ] {
            assert_eq!(
                is_at_least(release.as_bytes(), (6, 18)),
                wanted,
                "{release}"
            );
        }
    }

    #[test]
    fn shared_namespaces_of_the_node() {
        let around = NodeContext {
            kernel_threads: Some(true),
            kernel: Namespaces {
                net: Some(4_026_531_840),
                ..Namespaces::default()
            },
            ..NodeContext::default()
        };
        assert_eq!(around.host_pid(Some(1)), Some(true));
        assert_eq!(around.host_pid(Some(2)), Some(false), "a number of its own");
        assert_eq!(NodeContext::default().host_pid(Some(1)), None);
        let own = |ipc, net| Namespaces {
            ipc: Some(ipc),
            net: Some(net),
            ..Namespaces::default()
        };
        assert_eq!(own(FIRST_IPC, 1).is_host_ipc(), Some(true));
        assert_eq!(own(4_026_532_000, 1).is_host_ipc(), Some(false));
        assert_eq!(Namespaces::default().is_host_ipc(), None);
        assert_eq!(around.host_net(&own(1, 4_026_531_840)), Some(true));
        assert_eq!(around.host_net(&own(1, 4_026_532_000)), Some(false));
        assert_eq!(around.host_net(&own(1, FIRST_NET)), Some(true));
        assert_eq!(NodeContext::default().host_net(&own(1, 2)), None);
        let fixed = NodeContext {
            net_is_fixed: true,
            ..NodeContext::default()
        };
        assert_eq!(fixed.host_net(&own(1, 2)), Some(false));
    }
}
