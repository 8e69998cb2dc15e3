//! Capability sets and their names.

use std::str::FromStr;

/// A set, one bit a capability.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Caps(pub(crate) u64);

/// What Docker and containerd leave to root.
pub(crate) const DEFAULT: Caps = Caps(0xa804_25fb);

/// In the order of their bits, linux/capability.h.
const NAMES: [&str; 41] = [
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "linux_immutable",
    "net_bind_service",
    "net_broadcast",
    "net_admin",
    "net_raw",
    "ipc_lock",
    "ipc_owner",
    "sys_module",
    "sys_rawio",
    "sys_chroot",
    "sys_ptrace",
    "sys_pacct",
    "sys_admin",
    "sys_boot",
    "sys_nice",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "mknod",
    "lease",
    "audit_write",
    "audit_control",
    "setfcap",
    "mac_override",
    "mac_admin",
    "syslog",
    "wake_alarm",
    "block_suspend",
    "audit_read",
    "perfmon",
    "bpf",
    "checkpoint_restore",
];

impl FromStr for Caps {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" | "" => return Ok(Self(0)),
            "default" => return Ok(DEFAULT),
            "all" => return Ok(Self((1 << NAMES.len()) - 1)),
            _ => {}
        }
        let relative = text.starts_with(['+', '-']);
        let start = if relative { DEFAULT } else { Self(0) };
        text.trim_start_matches('=')
            .split(',')
            .try_fold(start, |Self(set), word| {
                let (drop, name) = match word.strip_prefix('-') {
                    Some(name) if relative => (true, name),
                    _ => (false, word.trim_start_matches('+')),
                };
                let bit = bit(name)?;
                Ok(Self(if drop { set & !bit } else { set | bit }))
            })
    }
}

fn bit(name: &str) -> Result<u64, String> {
    let wanted = name.to_ascii_lowercase();
    let wanted = wanted.strip_prefix("cap_").unwrap_or(&wanted);
    NAMES
        .iter()
        .position(|known| *known == wanted)
        .map(|bit| 1 << bit)
        .ok_or_else(|| format!("no capability is called {name}"))
}
