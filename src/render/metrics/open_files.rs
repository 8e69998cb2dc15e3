//! What removed files take that are still open or mapped.

use super::family::Family;
use super::{Figures, Page, number};
use crate::model::Report;

/// The part of the section `open_files`.
pub(crate) fn collect(report: &Report, _: &Figures<'_>, page: &mut Page) {
    let Some(open) = &report.open_files else {
        return;
    };
    // Where a process could not be read, the sums would be too small.
    let section = |gap: &&crate::model::gap::Gap| gap.section == "open_files";
    if report.gaps.iter().any(|gap| section(&gap)) {
        return;
    }
    let gauge = |name, help, value: u64| Family::gauge(name, help).with(Some(number(value)));
    page.add([
        gauge(
            "spyhole_deleted_open_files",
            "Removed files that are still open or mapped; absent if a process could not be read.",
            open.deleted.files,
        ),
        gauge(
            "spyhole_deleted_open_disk_bytes",
            "Disk space of removed files that are still open or mapped.",
            open.deleted.disk_bytes,
        ),
        gauge(
            "spyhole_deleted_open_memory_bytes",
            "Memory of removed files that are still open or mapped: tmpfs, memfd, shared memory.",
            open.deleted.memory_bytes,
        ),
    ]);
}
