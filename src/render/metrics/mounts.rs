//! Space and inodes of what the target has mounted, views of the kernel left out.

use super::family::{Family, Merge};
use super::{Figures, Page, number};
use crate::model::Report;
use crate::model::label::label;
use crate::model::mount::Mount;
use crate::model::seen::Seen;

/// Mounts that are shown.
const MOUNTS: usize = 100;

/// The part of the section `mounts`.
pub(crate) fn collect(report: &Report, _: &Figures<'_>, page: &mut Page) {
    let Some(Seen::Value(list)) = &report.mounts else {
        return;
    };
    let (families, more) = families(list);
    page.add(families);
    page.fold("mounts", more);
}

/// The metrics, and how many mounts are not shown.
fn families(mounts: &[Mount]) -> (Vec<Family>, usize) {
    let gauge = |name, help| Family::gauge(name, help).merging(Merge::Greatest);
    let mut size = gauge("spyhole_mount_size_bytes", "Size of the file system.");
    let mut used = gauge("spyhole_mount_used_bytes", "Used size of the file system.");
    let mut available = gauge(
        "spyhole_mount_available_bytes",
        "Space available to non-root users.",
    );
    let mut inodes = gauge(
        "spyhole_mount_inodes",
        "Total inodes of the file system; absent if it does not count them.",
    );
    let mut inodes_used = gauge(
        "spyhole_mount_inodes_used",
        "Used inodes of the file system.",
    );
    let mut read_only = gauge(
        "spyhole_mount_read_only",
        "1 if the mount or its file system is read-only, otherwise 0.",
    );
    let shown = |mount: &&Mount| {
        let usual = matches!(&mount.volume, Some(volume) if volume.kind.is_usual_file());
        mount.space.is_some() && !usual
    };
    let all = mounts.iter().filter(shown).count();
    for mount in mounts.iter().filter(shown).take(MOUNTS) {
        let labels = || {
            [
                ("mount_point", label(mount.mount_point.as_bytes())),
                ("fstype", label(mount.fstype.as_bytes())),
            ]
        };
        read_only.add(labels(), f64::from(u8::from(!mount.writable)));
        let Some(Seen::Value(space)) = &mount.space else {
            continue;
        };
        size.add(labels(), number(space.size_bytes));
        used.add(labels(), number(space.used_bytes));
        available.add(labels(), number(space.available_bytes));
        if let (Some(all), Some(taken)) = (space.inodes, space.inodes_used) {
            inodes.add(labels(), number(all));
            inodes_used.add(labels(), number(taken));
        }
    }
    let families = vec![size, used, available, inodes, inodes_used, read_only];
    (families, all.saturating_sub(MOUNTS))
}
