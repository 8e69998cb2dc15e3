//! What each capability lets a process do, in one line each, and how far that reaches.
//!
//! The risk is that in a container of the node's own user namespace, with files and
//! devices of its own. In another user namespace most count there only.

use crate::model::capabilities::{HeldCapability, Risk};
use crate::parse::capabilities;

/// The capabilities of a mask in plain words, by rising bit.
#[must_use]
pub(super) fn held(mask: u64) -> Vec<HeldCapability> {
    capabilities::names(mask)
        .map(|name| {
            let known = capabilities::bit(&name).and_then(|bit| WORDS.get(usize::from(bit)));
            let (risk, allows) = *known.unwrap_or(&(Risk::Unknown, NOT_KNOWN));
            HeldCapability {
                name: name.into_owned(),
                allows: allows.to_owned(),
                risk,
            }
        })
        .collect()
}

const NOT_KNOWN: &str = "newer than this version of spyhole";

use Risk::{Critical, High, Low, Medium};

/// By bit, as [`capabilities::NAMES`].
const WORDS: [(Risk, &str); 41] = [
    (Medium, "give any file to any user or group"),
    (
        High,
        "read, write and enter any file and directory, whatever their modes say",
    ),
    (
        Critical,
        "read any file and directory whatever their modes say, and open files by handle, which \
         reaches files of the node outside of the container's root",
    ),
    (
        Medium,
        "act as the owner of any file: change modes, times and ACLs, delete in sticky directories",
    ),
    (
        Low,
        "keep set-id bits on files that are changed, and set them for foreign groups",
    ),
    (Medium, "send signals to visible processes of other users"),
    (
        Medium,
        "become any group, set supplementary groups, write gid maps",
    ),
    (High, "become any user, root included, and write uid maps"),
    (
        Low,
        "add capabilities of the bounding set to the inheritable set, drop from the bounding set, \
         change securebits",
    ),
    (
        Medium,
        "set and clear the attributes immutable and append-only of files",
    ),
    (Low, "listen on ports below 1024"),
    (
        Low,
        "receive netlink messages of other network namespaces; otherwise unused",
    ),
    (
        High,
        "change interfaces, addresses, routes and firewall of its network namespace, which is the \
         pod's or the node's",
    ),
    (
        Medium,
        "use raw and packet sockets: sniff, and forge packets (ARP, DNS) in its network",
    ),
    (
        Low,
        "lock memory beyond its limit, and use huge pages for shared memory",
    ),
    (Low, "use System V IPC objects whatever their modes say"),
    (
        Critical,
        "load kernel modules: any code in the kernel of the node",
    ),
    (
        Critical,
        "reach I/O ports, physical memory and disks below their file systems",
    ),
    (Low, "change its root directory by chroot"),
    (
        High,
        "trace any visible process, read and change its memory and take over its rights",
    ),
    (Low, "switch process accounting on and off"),
    (
        Critical,
        "mount, join namespaces, set quotas and much more: next to root on the node",
    ),
    (Critical, "reboot the node and load another kernel (kexec)"),
    (
        Medium,
        "raise priorities, use real-time scheduling and choose CPUs for any process",
    ),
    (
        Medium,
        "go beyond resource limits, disk quotas and reserved space",
    ),
    (High, "set the clock of the node"),
    (Low, "hang up terminals and configure virtual ones"),
    (
        Medium,
        "make device files; the device rules of its cgroup decide whether they open",
    ),
    (
        Low,
        "take leases on files of others, which delays other openers",
    ),
    (Low, "write records into the audit log of the node"),
    (
        High,
        "switch the audit of the node off and change its rules",
    ),
    (
        Medium,
        "give capabilities to files, and map root of the namespace above into a new user namespace",
    ),
    (
        High,
        "override mandatory access control, where the module allows that (Smack)",
    ),
    (
        High,
        "change the policy of security modules (AppArmor, Smack)",
    ),
    (
        Medium,
        "read and clear the kernel log of the node, and see kernel addresses where they are hidden",
    ),
    (Low, "set timers that wake the node from sleep"),
    (Low, "keep the node from going to sleep"),
    (Medium, "read the audit log of the node as it is written"),
    (
        High,
        "measure and trace the whole node (perf events, BPF tracing), which reads memory of others",
    ),
    (
        High,
        "load BPF programs and maps into the kernel of the node",
    ),
    (
        Medium,
        "choose process ids of new processes, and look into mapped files of others to freeze them",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_capability_has_its_own_words() {
        let all = held(capabilities::all(41));
        assert_eq!(all.len(), 41);
        for one in &all {
            assert_ne!(one.risk, Risk::Unknown, "{}", one.name);
            let same = all.iter().filter(|other| other.allows == one.allows);
            assert_eq!(same.count(), 1, "{}", one.name);
        }
        let said = |name: &str| all.iter().find(|one| one.name == name).unwrap();
        // The places in the table are those of the bits.
        assert!(said("cap_sys_module").allows.contains("modules"));
        assert!(said("cap_net_bind_service").allows.contains("1024"));
        assert!(said("cap_setfcap").allows.contains("capabilities to files"));
        assert!(said("cap_bpf").allows.contains("BPF programs"));
        assert_eq!(said("cap_sys_admin").risk, Risk::Critical);
        assert_eq!(said("cap_mknod").risk, Risk::Medium);
    }

    #[test]
    fn a_newer_one_is_a_number_of_unknown_risk() {
        let [one] = held(1 << 50).try_into().unwrap();
        assert_eq!((one.name.as_str(), one.risk), ("50", Risk::Unknown));
    }
}
