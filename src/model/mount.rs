//! The mounts of the target: what is mounted where, what it is, how full it is, and
//! whether the target may write there.

use serde::{Deserialize, Serialize};

use super::byte_string::ByteString;
use super::secret::Redacted;
use super::seen::Seen;
use super::time::Timestamp;
use super::volume::Volume;

/// One mount: a line of `/proc/PID/mountinfo` and what follows from it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a property that a mount has or has not"
)]
pub struct Mount {
    /// Where it is mounted, as the target sees it.
    pub mount_point: ByteString,
    /// What it was mounted from: a device, an export, a name; may be empty.
    pub source: ByteString,
    /// The file system's type.
    pub fstype: ByteString,
    /// The directory or file within the file system that is mounted; `/` is its root.
    pub root: ByteString,
    /// Options of this mount.
    pub mount_options: ByteString,
    /// Options of the file system, which all its mounts share. Values that are taken for
    /// secrets are written `‹redacted N›`.
    pub super_options: ByteString,
    /// One for each secret redacted in `source` and `super_options`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redacted: Vec<Redacted>,
    /// The mount's id, unique while it is mounted.
    pub mount_id: u32,
    /// The id of the mount that it is mounted on; for the topmost, one that the target cannot see.
    pub parent_id: u32,
    /// The device number of the file system, first half (major).
    pub major: u32,
    /// The device number, second half (minor).
    pub minor: u32,
    /// Propagation of mounts and unmounts between this mount and others.
    pub propagation: Propagation,
    /// The peer group that it shares events with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer_group: Option<u32>,
    /// The peer group that it receives events from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub master_group: Option<u32>,
    /// Whether writing is possible at all: neither the mount nor its file system is read-only.
    pub writable: bool,
    /// Programs on it cannot be executed (noexec).
    pub noexec: bool,
    /// Set-user-ID bits and file capabilities are ignored (nosuid).
    pub nosuid: bool,
    /// Device files on it cannot be opened (nodev).
    pub nodev: bool,
    /// Mounted over, by a later mount on the same or on a parent directory: no path leads to it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub hidden: bool,
    /// The mounted file or directory was removed or replaced since: the mount shows the old
    /// content, like a `subPath` whose file was replaced.
    #[serde(default, skip_serializing_if = "is_false")]
    pub stale: bool,
    /// Mounted by the runtime over a path of `/proc` or `/sys`, to hide it or make it read-only.
    #[serde(default, skip_serializing_if = "is_false")]
    pub masked: bool,
    /// The volume of Kubernetes or of the engine; absent where it is not recognised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume: Option<Volume>,
    /// Size and use of the file system; absent where it has no blocks, where the mount is hidden
    /// or masked, and where it was not asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub space: Option<Seen<Space>>,
    /// Whether the target's main process may write at the mount point: for a directory, make files
    /// in it. By owner, group, mode and `CAP_DAC_OVERRIDE`; access control lists are not
    /// considered. Absent for views of the kernel and for hidden and masked mounts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub writable_by_target: Option<Seen<bool>>,
    /// What decided it; absent where it could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub writable_because: Option<Because>,
    /// Directories on this mount that programs usually write to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub usual_directories: Vec<UsualDirectory>,
    /// Of a service account's token: when it was issued; absent where it does not say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_issued_at: Option<Timestamp>,
    /// Of a service account's token: when it ends; absent where it does not say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_expires_at: Option<Seen<Timestamp>>,
    /// Of a volume that is an image, a `ConfigMap` or a Secret: whether no file is in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub empty: Option<Seen<bool>>,
}

/// Propagation of mounts and unmounts between a mount and others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Propagation {
    /// None (private).
    Private,
    /// None, and it cannot be bind-mounted (unbindable).
    Unbindable,
    /// In both directions within its peer group (shared).
    Shared,
    /// Received from its master group (slave).
    Slave,
    /// Received from its master group and shared within its peer group.
    SharedSlave,
}

impl Propagation {
    /// As `findmnt -o PROPAGATION` writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Unbindable => "unbindable",
            Self::Shared => "shared",
            Self::Slave => "private,slave",
            Self::SharedSlave => "shared,slave",
        }
    }
}

/// Size and use of a file system, by statvfs(3) and df(1)'s arithmetic.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Space {
    /// Total size.
    pub size_bytes: u64,
    /// In use.
    pub used_bytes: u64,
    /// Available to non-root users: some file systems have a reserve.
    pub available_bytes: u64,
    /// Used of used and available together, in whole per cent, rounded up; absent where both
    /// are zero.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used_percent: Option<u8>,
    /// Total inodes; absent where the file system does not count them (btrfs, vfat).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inodes: Option<u64>,
    /// Used inodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inodes_used: Option<u64>,
    /// Used inodes in whole per cent, rounded up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inodes_used_percent: Option<u8>,
}

/// What statvfs(3) counts, before any arithmetic.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Bytes of a block.
    pub block_bytes: u64,
    /// Blocks in all; 0 for a file system that has none.
    pub blocks: u64,
    /// Free ones.
    pub blocks_free: u64,
    /// Free ones that are not kept for root.
    pub blocks_available: u64,
    /// Inodes in all.
    pub inodes: u64,
    /// Free ones.
    pub inodes_free: u64,
}

impl Space {
    /// The sums; `None` where the counts contradict each other, as a file system in user space
    /// or a server may say anything.
    #[must_use]
    pub fn of(counts: &Counts) -> Option<Self> {
        let bytes = |blocks: u64| blocks.checked_mul(counts.block_bytes);
        let used = counts.blocks.checked_sub(counts.blocks_free)?;
        let available = counts.blocks_available;
        if available > counts.blocks {
            return None;
        }
        let counted = counts.inodes > 0;
        let inodes_used = counts.inodes.checked_sub(counts.inodes_free)?;
        Some(Self {
            size_bytes: bytes(counts.blocks)?,
            used_bytes: bytes(used)?,
            available_bytes: bytes(available)?,
            used_percent: percent(used, available),
            inodes: counted.then_some(counts.inodes),
            inodes_used: counted.then_some(inodes_used),
            inodes_used_percent: percent(inodes_used, counts.inodes_free).filter(|_| counted),
        })
    }
}

/// Used of the sum of both, rounded up.
fn percent(used: u64, left: u64) -> Option<u8> {
    let all = u128::from(used) + u128::from(left);
    if all == 0 {
        return None;
    }
    u8::try_from((u128::from(used) * 100).div_ceil(all)).ok()
}

/// What decided whether the target may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Because {
    /// The mount is read-only.
    ReadOnlyMount,
    /// The file system is read-only, and so are all its mounts.
    ReadOnlyFileSystem,
    /// The target owns it: the owner's mode bits apply.
    Owner,
    /// One of the target's groups owns it: the group's mode bits apply.
    Group,
    /// Neither: the mode bits for others apply.
    Others,
    /// The mode would not allow it, `CAP_DAC_OVERRIDE` does.
    DacOverride,
    /// The directory was removed: no file can be made in it.
    Removed,
}

impl Because {
    /// The reason as words, for a verdict either way.
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Self::ReadOnlyMount => "read-only mount",
            Self::ReadOnlyFileSystem => "read-only file system",
            Self::Owner => "owner",
            Self::Group => "group",
            Self::Others => "others",
            Self::DacOverride => "CAP_DAC_OVERRIDE",
            Self::Removed => "removed",
        }
    }
}

/// A directory that programs usually write to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct UsualDirectory {
    /// Its path, as the target sees it.
    pub path: ByteString,
    /// Why programs write to it.
    pub purpose: Purpose,
    /// Whether the target's main process may create files in it, as for a mount point.
    pub writable_by_target: Seen<bool>,
    /// What decided it; absent where it could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub writable_because: Option<Because>,
}

/// Why programs write to a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// `/tmp`.
    Tmp,
    /// The value of `TMPDIR` at exec time.
    Tmpdir,
    /// The value of `HOME` at exec time.
    Home,
    /// The working directory.
    WorkingDirectory,
}

impl Purpose {
    /// The word for a table.
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Self::Tmp => "/tmp",
            Self::Tmpdir => "TMPDIR",
            Self::Home => "HOME",
            Self::WorkingDirectory => "working directory",
        }
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks for a reference"
)]
fn is_false(flag: &bool) -> bool {
    !flag
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(blocks: u64, free: u64, available: u64) -> Counts {
        Counts {
            block_bytes: 4096,
            blocks,
            blocks_free: free,
            blocks_available: available,
            inodes: 10,
            inodes_free: 3,
        }
    }

    #[test]
    fn the_share_is_rounded_up_as_df_does() {
        let share = |blocks, free, available| {
            Space::of(&counts(blocks, free, available)).and_then(|space| space.used_percent)
        };
        assert_eq!(share(100, 100, 100), Some(0));
        assert_eq!(share(1000, 999, 999), Some(1));
        assert_eq!(share(100, 0, 0), Some(100));
        // A reserve for root counts for neither: 90 used, 5 left.
        assert_eq!(share(100, 10, 5), Some(95));
        assert_eq!(share(100, 100, 0), None);
    }

    #[test]
    fn bytes_and_inodes_are_counted() {
        let space = Space::of(&counts(100, 40, 30)).unwrap();
        assert_eq!(
            (space.size_bytes, space.used_bytes, space.available_bytes),
            (409_600, 245_760, 122_880)
        );
        assert_eq!(
            (space.inodes, space.inodes_used, space.inodes_used_percent),
            (Some(10), Some(7), Some(70))
        );
        let none = Counts {
            inodes: 0,
            inodes_free: 0,
            ..counts(1, 1, 1)
        };
        assert_eq!(Space::of(&none).unwrap().inodes, None);
    }

    #[test]
    fn counts_that_contradict_each_other_are_no_space() {
        assert_eq!(Space::of(&counts(100, 101, 1)), None);
        assert_eq!(Space::of(&counts(100, 1, 101)), None);
        assert_eq!(Space::of(&counts(u64::MAX, 1, 1)), None);
        let inodes = Counts {
            inodes_free: 11,
            ..counts(1, 1, 1)
        };
        assert_eq!(Space::of(&inodes), None);
    }

    proptest::proptest! {
        #[test]
        fn any_counts_give_sums_or_none(numbers: [u64; 6]) {
            let [block_bytes, blocks, blocks_free, blocks_available, inodes, inodes_free] = numbers;
            let counts = Counts { block_bytes, blocks, blocks_free, blocks_available, inodes, inodes_free };
            if let Some(space) = Space::of(&counts) {
                proptest::prop_assert!(space.used_bytes <= space.size_bytes);
                proptest::prop_assert!(space.used_percent.is_none_or(|share| share <= 100));
            }
        }
    }
}
