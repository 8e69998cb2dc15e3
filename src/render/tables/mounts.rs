//! The tables of mounts: the list and the tree, space and inodes, where the target may write.

use super::table::{Align, Cell, Heading, Table};
use super::tree::depth_first;
use crate::model::byte_string::ByteString;
use crate::model::mount::{Because, Mount, Space};
use crate::model::seen::Seen;
use crate::model::units::bytes_short;
use crate::model::volume::VolumeKind;

/// How to show mounts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub(crate) struct Style {
    /// Draw them below the mounts that they are mounted on.
    pub tree: bool,
    /// Also what is folded otherwise.
    pub all: bool,
    /// More columns.
    pub wide: bool,
    /// Exact numbers instead of short ones.
    pub bytes: bool,
    /// Among other tables: what the runtime mounts in every container is counted.
    pub brief: bool,
}

/// Whether the runtime mounts it so in every container: it tells nothing of this one. A writable /sys
/// does.
fn is_usual(mount: &Mount) -> bool {
    let fstype = mount.fstype.as_bytes();
    let tells_more = mount.writable && matches!(fstype, b"sysfs" | b"cgroup" | b"cgroup2");
    let of_kernel = mount
        .volume
        .as_ref()
        .is_some_and(|volume| matches!(volume.kind, VolumeKind::Kernel | VolumeKind::Devices));
    of_kernel && !tells_more && !mount.hidden && !mount.stale
}

/// What is mounted where: the columns of `findmnt`, and what each is.
#[must_use]
pub(crate) fn list(mounts: &[Mount], style: Style) -> Table {
    let mut titles = vec!["MOUNT POINT", "VOLUME", "SOURCE", "FSTYPE"];
    if style.wide {
        titles.extend(["ROOT", "ID", "PARENT", "DEVICE", "PROPAGATION"]);
    }
    titles.push("OPTIONS");
    if style.wide {
        titles.push("SUPER OPTIONS");
    }
    let mut shown: Vec<&Mount> = mounts
        .iter()
        .filter(|mount| style.all || !mount.masked)
        .collect();
    let folded = mounts.len() - shown.len();
    shown.retain(|mount| !style.brief || !is_usual(mount));
    let usual = mounts.len() - shown.len() - folded;
    let lines = if style.tree {
        depth_first(&shown, |mount| mount.mount_id, |mount| mount.parent_id)
    } else {
        shown.iter().map(|mount| (String::new(), mount)).collect()
    };
    let row = |(branch, mount): (String, &&Mount)| {
        let place = [branch.as_bytes(), mount.mount_point.as_bytes()].concat();
        let mut row = vec![
            Cell::Outside(place.into()),
            volume(mount),
            Cell::from(&mount.source),
            Cell::from(&mount.fstype),
        ];
        if style.wide {
            row.push(Cell::from(&mount.root));
            row.extend([mount.mount_id, mount.parent_id].map(Cell::number));
            row.push(format!("{}:{}", mount.major, mount.minor).into());
            row.push(mount.propagation.as_str().into());
        }
        row.push(options(mount));
        if style.wide {
            row.push(Cell::from(&mount.super_options));
        }
        row
    };
    let mut table = Table {
        headings: titles.into_iter().map(heading).collect(),
        rows: lines.into_iter().map(row).collect(),
        ..Table::default()
    };
    if folded > 0 {
        table.notes.push(format!(
            "({folded} {} in /proc and /sys masked or read-only by the runtime not shown; use \
             --all)",
            plural(folded, "path", "paths")
        ));
    }
    if usual > 0 {
        table.notes.push(format!(
            "({usual} {} that every container gets, such as /proc and /dev, not shown; use spyhole \
             mounts)",
            plural(usual, "mount", "mounts")
        ));
    }
    table
}

/// In place of a list that could not be read: the notes tell why.
#[must_use]
pub(crate) fn unseen() -> Table {
    Table {
        headings: vec![heading("MOUNT POINT")],
        rows: vec![vec![Cell::Unseen]],
        ..Table::default()
    }
}

/// The columns of `df`, or of `df -i`.
#[must_use]
pub(crate) fn space(mounts: &[Mount], inodes: bool, style: Style) -> Table {
    let titles: &[&str] = if inodes {
        &["FILESYSTEM", "INODES", "IUSED", "IFREE", "IUSE%"]
    } else {
        &["FILESYSTEM", "SIZE", "USED", "AVAIL", "USE%"]
    };
    let shown = |mount: &&Mount| {
        let file = matches!(&mount.volume, Some(volume) if volume.kind.is_usual_file());
        style.all || (mount.space.is_some() && !file)
    };
    let with_space = mounts.iter().filter(|mount| mount.space.is_some()).count();
    let rows: Vec<Vec<Cell>> = mounts
        .iter()
        .filter(shown)
        .map(|mount| {
            let mut row = vec![Cell::from(&mount.source)];
            row.extend(if inodes {
                inode_cells(mount)
            } else {
                space_cells(mount, style.bytes)
            });
            row.extend([Cell::from(&mount.mount_point), volume(mount)]);
            row
        })
        .collect();
    let folded = with_space.saturating_sub(rows.len());
    let mut table = Table {
        headings: titles
            .iter()
            .chain(&["MOUNT POINT", "VOLUME"])
            .map(|title| heading(title))
            .collect(),
        rows,
        ..Table::default()
    };
    if folded > 0 {
        table.notes.push(format!(
            "({folded} {} that every container gets not shown; use --all)",
            plural(folded, "file", "files")
        ));
    }
    table
}

/// Where the target may write, with what is left there.
#[must_use]
pub(crate) fn writable(mounts: &[Mount], target: &str, style: Style) -> Table {
    let titles = ["PATH", "WHAT", "WRITABLE", "BECAUSE", "AVAIL", "USE%"];
    let mut rows = Vec::new();
    for mount in mounts {
        let [_, _, available, share] = space_cells(mount, style.bytes);
        let free = [available, share];
        let row = |path: &ByteString, what, may: &Seen<bool>, because: Option<Because>| {
            let mut row = vec![Cell::from(path), what, verdict(may), reason(because)];
            row.extend(free.clone());
            row
        };
        let worth = |may: &Seen<bool>| style.all || may.value() != Some(&false);
        if let Some(may) = mount.writable_by_target.as_ref().filter(|may| worth(may)) {
            rows.push(row(
                &mount.mount_point,
                volume(mount),
                may,
                mount.writable_because,
            ));
        }
        for directory in &mount.usual_directories {
            let may = &directory.writable_by_target;
            if worth(may) && directory.path != mount.mount_point {
                let what = directory.purpose.describe().into();
                rows.push(row(&directory.path, what, may, directory.writable_because));
            }
        }
    }
    let mut table = Table {
        headings: titles.into_iter().map(heading).collect(),
        rows,
        ..Table::default()
    };
    if table.rows.is_empty() {
        let nothing = "no writable directory found";
        table.notes.push(format!("{nothing} for {target}"));
    } else {
        table.notes.push(format!(
            "for {target}, by owner, group and mode of the directory itself; access control \
             lists are not considered"
        ));
    }
    table
}

/// What it is, or that no path leads to it.
pub(super) fn volume(mount: &Mount) -> Cell {
    let described = mount
        .volume
        .as_ref()
        .map(crate::model::volume::Volume::describe);
    let state = match mount {
        Mount { hidden: true, .. } => Some("hidden"),
        Mount { masked: true, .. } => return "masked".into(),
        Mount { stale: true, .. } => Some("stale"),
        _ => None,
    };
    match (state, described) {
        (Some(state), Some(text)) => {
            Cell::Outside([state.as_bytes(), b": ", &text].concat().into())
        }
        (Some(state), None) => state.into(),
        (None, Some(text)) => Cell::Outside(text.into()),
        (None, None) => Cell::Absent,
    }
}

/// The mount's own; where it is writable and its file system is not, that stands first.
fn options(mount: &Mount) -> Cell {
    let own = mount.mount_options.as_bytes();
    let claims = own.split(|byte| *byte == b',').any(|word| word == b"rw");
    if claims && !mount.writable {
        return Cell::Outside([&b"(file system ro) "[..], own].concat().into());
    }
    Cell::from(&mount.mount_options)
}

fn space_cells(mount: &Mount, bytes: bool) -> [Cell; 4] {
    let show = |number: u64| -> Cell {
        if bytes {
            Cell::number(number)
        } else {
            bytes_short(number).into()
        }
    };
    cells(mount, |space| {
        [
            show(space.size_bytes),
            show(space.used_bytes),
            show(space.available_bytes),
            share(space.used_percent),
        ]
    })
}

fn inode_cells(mount: &Mount) -> [Cell; 4] {
    cells(mount, |space| match (space.inodes, space.inodes_used) {
        (Some(all), Some(used)) => [
            Cell::number(all),
            Cell::number(used),
            Cell::number(all.saturating_sub(used)),
            share(space.inodes_used_percent),
        ],
        _ => [const { Cell::Absent }; 4],
    })
}

pub(super) fn cells(mount: &Mount, show: impl FnOnce(&Space) -> [Cell; 4]) -> [Cell; 4] {
    match &mount.space {
        None => [const { Cell::Absent }; 4],
        Some(Seen::Unseen(_)) => [const { Cell::Unseen }; 4],
        Some(Seen::Value(space)) => show(space),
    }
}

pub(super) fn share(percent: Option<u8>) -> Cell {
    percent.map_or(Cell::Absent, |percent| format!("{percent}%").into())
}

fn verdict(may: &Seen<bool>) -> Cell {
    Cell::of(Some(may), |may| if *may { "yes" } else { "no" }.into())
}

fn reason(because: Option<Because>) -> Cell {
    because.map_or(Cell::Absent, |because| because.describe().into())
}

fn heading(title: &'static str) -> Heading {
    let number = matches!(
        title,
        "SIZE"
            | "USED"
            | "AVAIL"
            | "USE%"
            | "INODES"
            | "IUSED"
            | "IFREE"
            | "IUSE%"
            | "ID"
            | "PARENT"
    );
    Heading {
        title,
        align: if number { Align::Right } else { Align::Left },
    }
}

fn plural<'a>(count: usize, one: &'a str, many: &'a str) -> &'a str {
    if count == 1 { one } else { many }
}
