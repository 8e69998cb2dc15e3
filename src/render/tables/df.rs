//! The table of df(1): its columns, its units and rounding, and which mounts it leaves out.

use std::collections::HashMap;

use super::mounts::{cells, share, volume};
use super::table::{Cell, Heading, Table};
use crate::model::mount::{Mount, Space};

/// In which units sizes are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BlockSize {
    /// `-h`: the largest unit of 1024 that leaves a number of at least 1.
    Human,
    /// `-H`: likewise with 1000.
    Si,
    /// Whole blocks of this many bytes, under this heading, with this unit behind each number.
    Bytes(u64, &'static str, &'static str),
}

impl BlockSize {
    /// What df takes where nothing is said.
    pub(crate) const KIB: Self = Self::Bytes(1 << 10, "1K-blocks", "");

    /// As `df -B` takes it: a unit alone is printed behind each number.
    #[must_use]
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (bytes, title, unit) = match text {
            "1" => (1, "1B-blocks", ""),
            "K" | "k" => (1 << 10, "1K-blocks", "K"),
            "1K" | "1k" | "1024" => return Some(Self::KIB),
            "M" => (1 << 20, "1M-blocks", "M"),
            "1M" => (1 << 20, "1M-blocks", ""),
            "G" => (1 << 30, "1G-blocks", "G"),
            "1G" => (1 << 30, "1G-blocks", ""),
            "T" => (1 << 40, "1T-blocks", "T"),
            "1T" => (1 << 40, "1T-blocks", ""),
            _ => return None,
        };
        Some(Self::Bytes(bytes, title, unit))
    }

    fn show(self, bytes: u64) -> String {
        match self {
            Self::Human => scaled(bytes, 1024),
            Self::Si => scaled(bytes, 1000),
            Self::Bytes(block, _, unit) => format!("{}{unit}", bytes.div_ceil(block.max(1))),
        }
    }
}

/// Which columns are shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Columns {
    /// The units of sizes.
    pub block: BlockSize,
    /// Inodes instead of sizes.
    pub inodes: bool,
    /// The types of the file systems too.
    pub types: bool,
    /// What each is to Kubernetes or the engine too.
    pub volumes: bool,
}

/// The rows in the columns of df.
#[must_use]
pub(crate) fn table(mounts: &[&Mount], columns: Columns) -> Table {
    let mut headings = vec![Heading::left("Filesystem")];
    if columns.types {
        headings.push(Heading::left("Type"));
    }
    headings.extend(if columns.inodes {
        ["Inodes", "IUsed", "IFree", "IUse%"].map(Heading::right)
    } else {
        let (size, available) = match columns.block {
            BlockSize::Human | BlockSize::Si => ("Size", "Avail"),
            BlockSize::Bytes(_, title, _) => (title, "Available"),
        };
        [size, "Used", available, "Use%"].map(Heading::right)
    });
    headings.push(Heading::left("Mounted on"));
    if columns.volumes {
        headings.push(Heading::left("Volume"));
    }
    let row = |mount: &&Mount| {
        let mut row = vec![Cell::from(&mount.source)];
        if columns.types {
            row.push(Cell::from(&mount.fstype));
        }
        row.extend(cells(mount, |space| {
            if columns.inodes {
                inodes(space, columns.block)
            } else {
                sizes(space, columns.block)
            }
        }));
        row.push(Cell::from(&mount.mount_point));
        if columns.volumes {
            row.push(volume(mount));
        }
        row
    };
    Table {
        headings,
        rows: mounts.iter().map(row).collect(),
        ..Table::default()
    }
}

/// The mounts that df shows when no path is named, in its order: those with blocks, one for each
/// file system. With `all`, every mount.
#[must_use]
pub(crate) fn rows(mounts: &[Mount], all: bool) -> Vec<&Mount> {
    if all {
        return mounts.iter().collect();
    }
    let seen: HashMap<&[u8], &Mount> = mounts
        .iter()
        .filter(|mount| !mount.hidden)
        .map(|mount| (mount.mount_point.as_bytes(), mount))
        .collect();
    let mut rows: Vec<&Mount> = Vec::new();
    let mut by_device: HashMap<(u32, u32), usize> = HashMap::new();
    for mount in mounts {
        // df asks for what the path leads to, also at the line of a mount that is mounted over.
        let Some(mount) = seen.get(mount.mount_point.as_bytes()).copied() else {
            continue;
        };
        if mount.space.is_none() {
            continue;
        }
        match by_device.get(&(mount.major, mount.minor)) {
            None => {
                by_device.insert((mount.major, mount.minor), rows.len());
                rows.push(mount);
            }
            Some(at) => {
                if let Some(seen) = rows.get_mut(*at).filter(|seen| wins(mount, seen)) {
                    *seen = mount;
                }
            }
        }
    }
    rows
}

/// Which of two mounts of one file system df shows: a source with a `/` in its name, then the
/// mount point nearer to the root unless it shows a deeper part of the file system.
fn wins(new: &Mount, seen: &Mount) -> bool {
    let device = |mount: &Mount| mount.source.as_bytes().contains(&b'/');
    let depth = |mount: &Mount| mount.mount_point.as_bytes().len();
    let part = |mount: &Mount| mount.root.as_bytes().len();
    let nearer = depth(seen) > depth(new);
    let below = part(seen) < part(new);
    (device(new) && !device(seen))
        || (nearer && !below)
        || (new.source != seen.source && new.mount_point == seen.mount_point)
}

fn sizes(space: &Space, block: BlockSize) -> [Cell; 4] {
    [
        Cell::from(block.show(space.size_bytes)),
        Cell::from(block.show(space.used_bytes)),
        Cell::from(block.show(space.available_bytes)),
        share(space.used_percent),
    ]
}

/// Inodes are counted, and scaled only for people.
fn inodes(space: &Space, block: BlockSize) -> [Cell; 4] {
    let show = |number: u64| {
        Cell::from(match block {
            BlockSize::Human | BlockSize::Si => block.show(number),
            BlockSize::Bytes(..) => number.to_string(),
        })
    };
    match (space.inodes, space.inodes_used) {
        (Some(all), Some(used)) => [
            show(all),
            show(used),
            show(all.saturating_sub(used)),
            share(space.inodes_used_percent),
        ],
        // A file system that does not count them: df says 0 and no share.
        _ => ["0".into(), "0".into(), "0".into(), Cell::Absent],
    }
}

/// As `df -h` does: rounded up, one decimal below 10.
fn scaled(number: u64, base: u64) -> String {
    let units = if base == 1000 {
        ["k", "M", "G", "T", "P", "E"]
    } else {
        ["K", "M", "G", "T", "P", "E"]
    };
    let mut unit = "";
    let mut size: u128 = 1;
    let number = u128::from(number);
    for next in units {
        // What rounds up to a whole step is shown as 1.0 of the next unit.
        if number.div_ceil(size) < u128::from(base) {
            break;
        }
        size *= u128::from(base);
        unit = next;
    }
    let tenths = (number * 10).div_ceil(size);
    if unit.is_empty() || tenths >= 100 {
        format!("{}{unit}", number.div_ceil(size))
    } else {
        format!("{}.{}{unit}", tenths / 10, tenths % 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_for_people_are_rounded_up_as_df_does() {
        for (bytes, binary, decimal) in [
            (0, "0", "0"),
            (999, "999", "999"),
            (1000, "1000", "1.0k"),
            (1023, "1023", "1.1k"),
            (1024, "1.0K", "1.1k"),
            (1025, "1.1K", "1.1k"),
            (10 << 10, "10K", "11k"),
            ((10 << 10) - 1, "10K", "11k"),
            ((1 << 20) - 1, "1.0M", "1.1M"),
            (1_000_001, "977K", "1.1M"),
            (u64::MAX, "16E", "19E"),
        ] {
            assert_eq!(scaled(bytes, 1024), binary, "{bytes}");
            assert_eq!(scaled(bytes, 1000), decimal, "{bytes}");
        }
    }
}
