//! What removed files take that are still open.

use super::family::Family;
use super::{Figures, Page, number};
use crate::model::Report;

/// The part of the section `open_files`.
pub(crate) fn collect(report: &Report, _: &Figures<'_>, page: &mut Page) {
    let Some(open) = &report.open_files else {
        return;
    };
    // Where a process could not be read, the sums would be too small.
    if report.gaps.iter().any(|gap| gap.section == "open_files") {
        return;
    }
    let gauge = |name, help, value: u64| Family::gauge(name, help).with(Some(number(value)));
    page.add([
        gauge(
            "spyhole_deleted_open_files",
            "Removed files that a descriptor keeps; absent if a process could not be read.",
            open.deleted.files,
        ),
        gauge(
            "spyhole_deleted_open_disk_bytes",
            "Disk space of removed files that a descriptor keeps.",
            open.deleted.disk_bytes,
        ),
        gauge(
            "spyhole_deleted_open_memory_bytes",
            "Memory of removed files that a descriptor keeps: on tmpfs, memfd.",
            open.deleted.memory_bytes,
        ),
    ]);
}
