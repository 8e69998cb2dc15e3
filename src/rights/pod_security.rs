//! What the Pod Security Standards allow, by the version of Kubernetes that judges: 1.29 and later.
//!
//! <https://kubernetes.io/docs/concepts/security/pod-security-standards/>

/// The newest minor version whose rules are known.
pub(crate) const NEWEST_MINOR: u32 = 37;
/// Since 1.35 a pod with `hostUsers: false` may run as root under restricted, and have another
/// `procMount` under baseline.
pub(crate) const USER_NAMESPACE_MINOR: u32 = 35;
/// Since 1.34 baseline refuses hosts of probes and lifecycle hooks.
pub(crate) const PROBE_HOST_MINOR: u32 = 34;

/// What may be added under baseline, as in `securityContext.capabilities.add`.
pub(crate) const BASELINE_CAPABILITIES: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// What may be added under restricted.
pub(crate) const RESTRICTED_CAPABILITIES: [&str; 1] = ["NET_BIND_SERVICE"];

/// The kinds of volumes that restricted allows.
pub(crate) const RESTRICTED_VOLUMES: [&str; 9] = [
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

/// The SELinux types that baseline allows, with the minor version that added each.
const SELINUX_TYPES: [(&str, u32); 4] = [
    ("container_t", 0),
    ("container_init_t", 0),
    ("container_kvm_t", 0),
    ("container_engine_t", 31),
];

/// The sysctls that baseline allows, with the minor version that added each.
const SYSCTLS: [(&str, u32); 12] = [
    ("kernel.shm_rmid_forced", 0),
    ("net.ipv4.ip_local_port_range", 0),
    ("net.ipv4.tcp_syncookies", 0),
    ("net.ipv4.ping_group_range", 0),
    ("net.ipv4.ip_unprivileged_port_start", 0),
    ("net.ipv4.ip_local_reserved_ports", 27),
    ("net.ipv4.tcp_keepalive_time", 29),
    ("net.ipv4.tcp_fin_timeout", 29),
    ("net.ipv4.tcp_keepalive_intvl", 29),
    ("net.ipv4.tcp_keepalive_probes", 29),
    ("net.ipv4.tcp_rmem", 32),
    ("net.ipv4.tcp_wmem", 32),
];

/// Whether baseline of 1.`minor` allows this SELinux type.
#[must_use]
pub(crate) fn is_container_selinux_type(name: &str, minor: u32) -> bool {
    SELINUX_TYPES
        .iter()
        .any(|(known, since)| *known == name && minor >= *since)
}

/// Whether baseline of 1.`minor` allows this sysctl.
#[must_use]
pub(crate) fn is_safe_sysctl(name: &str, minor: u32) -> bool {
    SYSCTLS
        .iter()
        .any(|(known, since)| *known == name && minor >= *since)
}
