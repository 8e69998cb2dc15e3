//! Capability bits and the masks of `/proc/PID/status`, by name as capabilities(7) says them.

use std::borrow::Cow;

/// Its bit: passes the mode bits of any file.
pub(crate) const CAP_DAC_OVERRIDE: u8 = 1;
/// Its bit: passes the mode bits to read files and to search directories.
pub(crate) const CAP_DAC_READ_SEARCH: u8 = 2;
/// Its bit: passes the ptrace access check.
pub(crate) const CAP_SYS_PTRACE: u8 = 19;

/// The names by bit, 0 to 40. A newer kernel may know more.
pub(crate) const NAMES: [&str; 41] = [
    "cap_chown",
    "cap_dac_override",
    "cap_dac_read_search",
    "cap_fowner",
    "cap_fsetid",
    "cap_kill",
    "cap_setgid",
    "cap_setuid",
    "cap_setpcap",
    "cap_linux_immutable",
    "cap_net_bind_service",
    "cap_net_broadcast",
    "cap_net_admin",
    "cap_net_raw",
    "cap_ipc_lock",
    "cap_ipc_owner",
    "cap_sys_module",
    "cap_sys_rawio",
    "cap_sys_chroot",
    "cap_sys_ptrace",
    "cap_sys_pacct",
    "cap_sys_admin",
    "cap_sys_boot",
    "cap_sys_nice",
    "cap_sys_resource",
    "cap_sys_time",
    "cap_sys_tty_config",
    "cap_mknod",
    "cap_lease",
    "cap_audit_write",
    "cap_audit_control",
    "cap_setfcap",
    "cap_mac_override",
    "cap_mac_admin",
    "cap_syslog",
    "cap_wake_alarm",
    "cap_block_suspend",
    "cap_audit_read",
    "cap_perfmon",
    "cap_bpf",
    "cap_checkpoint_restore",
];

/// `19` → `cap_sys_ptrace`; `None` for a bit without a known name.
#[must_use]
pub(crate) fn name(bit: u8) -> Option<&'static str> {
    NAMES.get(usize::from(bit)).copied()
}

/// The bit of a name, with or without `cap_`, in any case: `SYS_PTRACE` as Kubernetes says it.
#[must_use]
pub(crate) fn bit(name: &str) -> Option<u8> {
    let lower = name.to_ascii_lowercase();
    let bare = lower.strip_prefix("cap_").unwrap_or(&lower);
    let mut known = NAMES.iter().map(|name| name.strip_prefix("cap_"));
    known.position(|known| known == Some(bare))?.try_into().ok()
}

/// Whether a mask holds a bit.
#[must_use]
pub(crate) fn contains(mask: u64, bit: u8) -> bool {
    mask.checked_shr(u32::from(bit))
        .is_some_and(|shifted| shifted & 1 == 1)
}

/// The capabilities of a mask, by rising bit; a bit without a known name is its number.
pub(crate) fn names(mask: u64) -> impl Iterator<Item = Cow<'static, str>> {
    (0..64_u8)
        .filter(move |bit| contains(mask, *bit))
        .map(|bit| match name(bit) {
            Some(name) => name.into(),
            None => bit.to_string().into(),
        })
}

/// A mask as it stands in `/proc/PID/status`: hexadecimal, with or without `0x`.
#[must_use]
pub(crate) fn mask(text: &str) -> Option<u64> {
    let digits = text.strip_prefix("0x").or(text.strip_prefix("0X"));
    super::text::hexadecimal(digits.unwrap_or(text).as_bytes())
}

/// The mask of a kernel that knows `known` capabilities, all of them held.
#[must_use]
pub(crate) fn all(known: u8) -> u64 {
    u64::MAX
        .checked_shr(64_u32.saturating_sub(u32::from(known)))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn listed(mask: u64) -> Vec<String> {
        names(mask).map(Cow::into_owned).collect()
    }

    #[test]
    fn the_default_set_of_containerd_and_docker() {
        assert_eq!(
            listed(0xa804_25fb),
            [
                "cap_chown",
                "cap_dac_override",
                "cap_fowner",
                "cap_fsetid",
                "cap_kill",
                "cap_setgid",
                "cap_setuid",
                "cap_setpcap",
                "cap_net_bind_service",
                "cap_net_raw",
                "cap_sys_chroot",
                "cap_mknod",
                "cap_audit_write",
                "cap_setfcap",
            ]
        );
    }

    #[test]
    fn bits_without_a_name_are_numbers() {
        assert_eq!(
            listed(1 << 40 | 1 << 41 | 1 << 63),
            ["cap_checkpoint_restore", "41", "63"]
        );
        assert_eq!(listed(0), Vec::<String>::new());
        assert_eq!(listed(0x1ff_ffff_ffff), NAMES);
    }

    #[test]
    fn masks_as_status_prints_them_and_as_people_write_them() {
        for text in ["00000000a80425fb", "a80425fb", "0xA80425FB", "0Xa80425fb"] {
            assert_eq!(mask(text), Some(0xa804_25fb), "{text}");
        }
        for none in ["", "0x", "g", "-1", " 1", "10000000000000000"] {
            assert_eq!(mask(none), None, "{none:?}");
        }
        assert_eq!((all(0), all(41), all(64)), (0, 0x1ff_ffff_ffff, u64::MAX));
    }

    #[test]
    fn bits_of_names() {
        for name in [
            "cap_sys_ptrace",
            "SYS_PTRACE",
            "CAP_SYS_PTRACE",
            "sys_ptrace",
        ] {
            assert_eq!(bit(name), Some(19));
        }
        for none in ["", "cap_", "19", "cap_cap_kill", "sys_ptrac"] {
            assert_eq!(bit(none), None, "{none:?}");
        }
    }

    proptest! {
        #[test]
        fn a_mask_is_its_names(mask: u64) {
            let back = listed(mask).iter().fold(0_u64, |mask, name| {
                mask | 1 << bit(name).unwrap_or_else(|| name.parse().unwrap())
            });
            prop_assert_eq!(back, mask);
        }

        #[test]
        fn never_panics(text in any::<String>(), mask: u64, number: u8) {
            let _ = (bit(&text), name(number), contains(mask, number));
        }
    }
}
