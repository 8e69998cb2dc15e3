//! Files on file systems that may never answer: which those are, whether they are read at all, and
//! which of them do not answer now.

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use nix::errno::Errno;

use crate::model::gap::{Reason, Refusal};

pub(crate) use super::attempts::{NO_ANSWER, NOT_TRIED};
use super::{attempts, orphans, reader_process, time_box};

/// The most that one attempt may take, where nothing says how long the whole may.
const ATTEMPT: Duration = Duration::from_secs(10);
/// Readers that may be stuck before file systems that are not local are not read any more.
const STUCK: usize = reader_process::STUCK / 2;

/// Whether files on file systems that are not local are read: `--remote-fs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum RemoteFs {
    /// Where a reader that gets stuck can be left behind.
    #[default]
    Auto,
    /// Always.
    Try,
    /// Never.
    Skip,
}

static POLICY: AtomicU8 = AtomicU8::new(RemoteFs::Auto as u8);

/// Sets what holds for this whole process.
pub(crate) fn set_policy(policy: RemoteFs) {
    POLICY.store(policy as u8, Ordering::Relaxed);
}

/// Whether such a file is read now.
#[must_use]
pub(crate) fn is_read() -> bool {
    let policy = POLICY.load(Ordering::Relaxed);
    if policy == RemoteFs::Auto as u8 {
        reader_process::is_reader()
            && orphans::are_reaped()
            && reader_process::left_behind() < STUCK
    } else {
        policy == RemoteFs::Try as u8
    }
}

/// What these two mean for the document; `None` for any other error.
#[must_use]
pub(crate) fn refusal(errno: Errno) -> Option<Refusal> {
    let (reason, needs) = match errno {
        NOT_TRIED if reader_process::left_behind() >= STUCK => (
            Reason::RemoteFs,
            "the file systems that were read before to respond (this one was not tried)",
        ),
        NOT_TRIED => (
            Reason::RemoteFs,
            "--remote-fs=try (if the file system does not respond, spyhole's container may not end)",
        ),
        NO_ANSWER => (
            Reason::Timeout,
            "a longer --timeout, or its file system to respond",
        ),
        _ => return None,
    };
    Some(Refusal::of(reason).needing(needs))
}

/// Does work on a file of this mount, where it can be left behind.
///
/// # Errors
/// [`NOT_TRIED`]; [`NO_ANSWER`], also where an earlier attempt on the same mount is still stuck.
pub(crate) fn attempt<R: Send + 'static>(
    mount_id: u32,
    work: impl FnOnce() -> R + Send + 'static,
) -> Result<R, Errno> {
    if !is_read() {
        return Err(NOT_TRIED);
    }
    if time_box::current().is_some() {
        let _ticket = attempts::begin(mount_id, time_box::current())?;
        return Ok(work());
    }
    let half = time_box::left().map_or(ATTEMPT, |left| left / 2);
    time_box::in_time(half, move || {
        let _ticket = attempts::begin(mount_id, time_box::current())?;
        Ok(work())
    })
    .unwrap_or(Err(NO_ANSWER))
}

/// Whether a file system of this type answers without a network, a FUSE server or an automounter.
/// A type that is not known here does not count as local.
#[must_use]
pub(crate) fn is_local(fstype: &[u8]) -> bool {
    LOCAL.iter().any(|local| local.as_bytes() == fstype)
}

/// virtiofs is what a virtual machine has for a disk, as that of a Kata container.
const LOCAL: [&str; 58] = [
    "aufs",
    "bcachefs",
    "bdev",
    "binder",
    "binfmt_misc",
    "bpf",
    "btrfs",
    "cgroup",
    "cgroup2",
    "configfs",
    "cramfs",
    "debugfs",
    "devpts",
    "devtmpfs",
    "efivarfs",
    "erofs",
    "exfat",
    "ext2",
    "ext3",
    "ext4",
    "f2fs",
    "fusectl",
    "hfsplus",
    "hugetlbfs",
    "iso9660",
    "jffs2",
    "jfs",
    "minix",
    "mqueue",
    "msdos",
    "nilfs2",
    "nsfs",
    "ntfs3",
    "overlay",
    "pipefs",
    "proc",
    "pstore",
    "ramfs",
    "reiserfs",
    "resctrl",
    "romfs",
    "rootfs",
    "rpc_pipefs",
    "securityfs",
    "selinuxfs",
    "shiftfs",
    "sockfs",
    "squashfs",
    "sysfs",
    "tmpfs",
    "tracefs",
    "ubifs",
    "udf",
    "vfat",
    "virtiofs",
    "xfs",
    "zfs",
    "zonefs",
];
