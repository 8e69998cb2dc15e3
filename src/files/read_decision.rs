//! Which files are never read: those that are no stored content, but a view of the kernel or of a
//! device, where reading may block, act, or show what sections show redacted.

use std::fmt;

use crate::model::escape::escaped;
use crate::sys::tree_entry::EntryKind;

/// Why content is never read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NeverRead {
    /// Its kind: a device, a FIFO, a socket.
    Kind(EntryKind),
    /// A symbolic link that was not followed.
    Link,
    /// It is on a file system of the kernel.
    Kernel {
        /// Its type.
        fstype: Vec<u8>,
        /// A command of spyhole that shows the same, redacted.
        instead: Option<&'static str>,
    },
}

impl fmt::Display for NeverRead {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kind(EntryKind::Fifo) => out.write_str("it is a named pipe"),
            Self::Kind(EntryKind::Socket) => out.write_str("it is a socket"),
            Self::Kind(EntryKind::CharDevice | EntryKind::BlockDevice) => {
                out.write_str("it is a device")
            }
            Self::Kind(_) => out.write_str("it is no regular file"),
            Self::Link => out.write_str("it is a symbolic link"),
            Self::Kernel { fstype, instead } => {
                write!(out, "it is a view of the kernel ({})", escaped(fstype))?;
                match instead {
                    Some(instead) => write!(out, "; use spyhole {instead}"),
                    None => Ok(()),
                }
            }
        }
    }
}

/// Whether files on a file system of this type are views of the kernel or of devices. What is not
/// among them keeps content of its own.
#[must_use]
pub(crate) fn is_kernel_view(fstype: &[u8]) -> bool {
    KERNEL_VIEWS.binary_search(&fstype).is_ok()
}

/// Sorted.
const KERNEL_VIEWS: [&[u8]; 26] = [
    b"anon_inodefs",
    b"autofs",
    b"binder",
    b"binfmt_misc",
    b"bpf",
    b"cgroup",
    b"cgroup2",
    b"configfs",
    b"debugfs",
    b"devpts",
    b"devtmpfs",
    b"efivarfs",
    b"functionfs",
    b"fusectl",
    b"mqueue",
    b"nfsd",
    b"nsfs",
    b"proc",
    b"pstore",
    b"resctrl",
    b"rpc_pipefs",
    b"securityfs",
    b"selinuxfs",
    b"smackfs",
    b"sysfs",
    b"tracefs",
];

/// The same by the number that statfs(2) gives, for a mount that no list has.
#[must_use]
pub(crate) fn kernel_view_of_magic(magic: i64) -> Option<&'static [u8]> {
    let known: [(i64, &[u8]); 17] = [
        (0x9fa0, b"proc"),
        (0x6265_6572, b"sysfs"),
        (0x0027_e0eb, b"cgroup"),
        (0x6367_7270, b"cgroup2"),
        (0x7472_6163, b"tracefs"),
        (0x6462_6720, b"debugfs"),
        (0x7363_6673, b"securityfs"),
        (0x1cd1, b"devpts"),
        (0x1980_0202, b"mqueue"),
        (0xcafe_4a11, b"bpf"),
        (0x6265_6570, b"configfs"),
        (0xde5e_81e4, b"efivarfs"),
        (0x6e73_6673, b"nsfs"),
        (0x6165_676c, b"pstore"),
        (0xf97c_ff8c, b"selinuxfs"),
        (0x4249_4e4d, b"binfmt_misc"),
        (0x0187, b"autofs"),
    ];
    let found = known.iter().find(|(known, _)| *known == magic);
    found.map(|(_, fstype)| *fstype)
}

/// Whether a path on a file system of the kernel, from that file system's own root on, is one of
/// the few that are harmless: plain values of the machine or of a cgroup, nothing of a process.
#[must_use]
pub(crate) fn is_harmless(fstype: &[u8], path: &[u8]) -> bool {
    let Ok(path) = std::str::from_utf8(path) else {
        return false;
    };
    match fstype {
        b"proc" => PROC.contains(&path),
        b"sysfs" => is_harmless_sysfs(path),
        b"cgroup" | b"cgroup2" => {
            let name = path.rsplit('/').next().unwrap_or_default();
            CGROUP.iter().any(|prefix| name.starts_with(prefix))
        }
        _ => false,
    }
}

/// The command that shows what a file of proc holds.
#[must_use]
pub(crate) fn shown_by(fstype: &[u8], path: &[u8]) -> Option<&'static str> {
    if fstype != b"proc" {
        return None;
    }
    let name = path.rsplit(|byte| *byte == b'/').next()?;
    Some(match name {
        b"environ" => "env",
        b"cmdline" | b"stat" | b"status" | b"comm" => "ps",
        b"maps" | b"smaps" | b"numa_maps" => "program",
        b"mountinfo" | b"mounts" | b"mountstats" => "mounts",
        b"tcp" | b"tcp6" | b"udp" | b"udp6" | b"unix" | b"raw" => "ss",
        b"route" | b"dev" | b"arp" | b"if_inet6" | b"snmp" | b"netstat" => "network",
        b"limits" | b"cgroup" | b"smaps_rollup" | b"io" => "resources",
        _ => return None,
    })
}

const PROC: [&str; 60] = [
    "/buddyinfo",
    "/cpuinfo",
    "/crypto",
    "/devices",
    "/diskstats",
    "/filesystems",
    "/interrupts",
    "/loadavg",
    "/meminfo",
    "/misc",
    "/partitions",
    "/pressure/cpu",
    "/pressure/io",
    "/pressure/memory",
    "/softirqs",
    "/stat",
    "/swaps",
    "/sys/fs/aio-max-nr",
    "/sys/fs/aio-nr",
    "/sys/fs/file-max",
    "/sys/fs/file-nr",
    "/sys/fs/inotify/max_queued_events",
    "/sys/fs/inotify/max_user_instances",
    "/sys/fs/inotify/max_user_watches",
    "/sys/fs/nr_open",
    "/sys/fs/pipe-max-size",
    "/sys/kernel/core_pattern",
    "/sys/kernel/domainname",
    "/sys/kernel/hostname",
    "/sys/kernel/osrelease",
    "/sys/kernel/ostype",
    "/sys/kernel/pid_max",
    "/sys/kernel/sem",
    "/sys/kernel/shmall",
    "/sys/kernel/shmmax",
    "/sys/kernel/shmmni",
    "/sys/kernel/threads-max",
    "/sys/kernel/version",
    "/sys/kernel/yama/ptrace_scope",
    "/sys/net/core/rmem_default",
    "/sys/net/core/rmem_max",
    "/sys/net/core/somaxconn",
    "/sys/net/core/wmem_default",
    "/sys/net/core/wmem_max",
    "/sys/net/ipv4/ip_forward",
    "/sys/net/ipv4/ip_local_port_range",
    "/sys/net/ipv4/ip_unprivileged_port_start",
    "/sys/net/ipv4/tcp_fin_timeout",
    "/sys/net/ipv4/tcp_keepalive_intvl",
    "/sys/net/ipv4/tcp_keepalive_probes",
    "/sys/net/ipv4/tcp_keepalive_time",
    "/sys/net/ipv4/tcp_max_syn_backlog",
    "/sys/net/ipv4/tcp_rmem",
    "/sys/net/ipv4/tcp_wmem",
    "/sys/vm/max_map_count",
    "/sys/vm/overcommit_memory",
    "/sys/vm/swappiness",
    "/uptime",
    "/version",
    "/vmstat",
];

const CGROUP: [&str; 17] = [
    "blkio.",
    "cgroup.",
    "cpu.",
    "cpuacct.",
    "cpuset.",
    "devices.",
    "freezer.",
    "hugetlb.",
    "io.",
    "irq.",
    "memory.",
    "misc.",
    "net_cls.",
    "net_prio.",
    "pids.",
    "rdma.",
    "tasks",
];

fn is_harmless_sysfs(path: &str) -> bool {
    let whole = [
        "/kernel/mm/transparent_hugepage/enabled",
        "/kernel/mm/transparent_hugepage/defrag",
        "/kernel/mm/transparent_hugepage/shmem_enabled",
        "/devices/system/cpu/online",
        "/devices/system/cpu/possible",
        "/devices/system/cpu/present",
    ];
    if whole.contains(&path) {
        return true;
    }
    // /sys/class/net/eth0 is a link to /sys/devices/…/net/eth0.
    let parts: Vec<&str> = path.split('/').collect();
    match parts.as_slice() {
        ["", "devices", .., "net", _, name] => [
            "address",
            "carrier",
            "duplex",
            "ifindex",
            "mtu",
            "operstate",
            "speed",
            "tx_queue_len",
            "type",
        ]
        .contains(name),
        ["", "devices", .., "net", _, "statistics", _] => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_types_are_sorted() {
        assert!(KERNEL_VIEWS.is_sorted());
        assert!(PROC.is_sorted());
        assert!(is_kernel_view(b"proc") && is_kernel_view(b"tracefs"));
        for content in [&b"ext4"[..], b"overlay", b"tmpfs", b"nfs4", b"fuse.sshfs"] {
            assert!(!is_kernel_view(content));
        }
    }

    #[test]
    fn only_plain_values_are_harmless() {
        for (fstype, path) in [
            ("proc", "/meminfo"),
            ("proc", "/sys/net/core/somaxconn"),
            ("cgroup2", "/memory.max"),
            ("cgroup", "/docker/abc/memory.limit_in_bytes"),
            ("sysfs", "/devices/virtual/net/lo/mtu"),
            ("sysfs", "/devices/pci0/net/eth0/statistics/rx_bytes"),
        ] {
            assert!(is_harmless(fstype.as_bytes(), path.as_bytes()), "{path}");
        }
        for (fstype, path) in [
            ("proc", "/1/environ"),
            ("proc", "/1/mem"),
            ("proc", "/1/cmdline"),
            ("proc", "/1/stat"),
            ("proc", "/kmsg"),
            ("proc", "/kcore"),
            ("proc", "/sys/net/ipv4/tcp_fastopen_key"),
            ("proc", "/meminfo/"),
            ("sysfs", "/kernel/debug/x"),
            ("sysfs", "/memory.max"),
            ("tracefs", "/trace_pipe"),
            ("devtmpfs", "/meminfo"),
            ("cgroup2", "/notify"),
        ] {
            assert!(!is_harmless(fstype.as_bytes(), path.as_bytes()), "{path}");
        }
        assert_eq!(shown_by(b"proc", b"/1/environ"), Some("env"));
        assert_eq!(shown_by(b"proc", b"/kmsg"), None);
    }
}
