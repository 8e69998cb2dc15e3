//! The resource limits of the main process, with what it uses of them.

use crate::model::gap::{Reason, Refusal, SectionGaps};
use crate::model::process::Limit;
use crate::model::resources::{ResourceLimit, percent_of_limit};
use crate::model::seen::Seen;
use crate::parse::limits::{self, LimitRow};
use crate::scan::Scan;
use crate::scan::snapshot::ProcessSnapshot;

/// Reads `/proc/PID/limits`; the use is from `fd`, `stat` and `status`.
pub(super) fn read(
    main: &ProcessSnapshot,
    scan: &Scan,
    gaps: &mut SectionGaps<'_>,
) -> Seen<Vec<ResourceLimit>> {
    let attempt = match &main.limits {
        Some(Ok(limits)) => Ok(limits),
        Some(Err(refusal)) => Err(refusal.clone()),
        None => Err(Refusal::of(Reason::Vanished)),
    };
    let attempt = attempt.map(|limits| {
        let row = |row: &LimitRow| limit(row, main, scan, gaps);
        limits.rows.iter().map(row).collect()
    });
    gaps.seen("limits", main.pid, attempt)
}

fn limit(
    row: &LimitRow,
    main: &ProcessSnapshot,
    scan: &Scan,
    gaps: &mut SectionGaps<'_>,
) -> ResourceLimit {
    let name = row.name.strip_prefix("Max ").unwrap_or(&row.name);
    let resource = name.to_ascii_lowercase().replace(' ', "_");
    let soft = model_limit(row.soft);
    let used = used(&resource, main, scan);
    let used = used.map(|used| gaps.seen("limits.used", main.pid, used));
    let used_percent = match &used {
        Some(Seen::Value(used)) => percent_of_limit(*used, soft),
        _ => None,
    };
    ResourceLimit {
        resource,
        unit: row.units.clone(),
        soft,
        hard: model_limit(row.hard),
        used,
        used_percent,
    }
}

/// What the process uses of it, where that is counted for one process.
fn used(resource: &str, main: &ProcessSnapshot, scan: &Scan) -> Option<Result<u64, Refusal>> {
    match resource {
        "open_files" => match main.fd_count.as_ref()? {
            Ok(count) => Some(Ok((*count)?)),
            Err(refusal) => Some(Err(refusal.clone())),
        },
        "cpu_time" => {
            let ticks = main.stat.utime_ticks.saturating_add(main.stat.stime_ticks);
            Some(Ok(scan.clock.duration(ticks).as_secs()))
        }
        "address_space" => Some(Ok(main.stat.vsize_bytes)),
        "locked_memory" => match main.status.as_ref()? {
            Ok(status) => Some(Ok(status.vm_lck_bytes?)),
            Err(refusal) => Some(Err(refusal.clone())),
        },
        _ => None,
    }
}

pub(super) fn model_limit(limit: limits::Limit) -> Limit {
    match limit {
        limits::Limit::Unlimited => Limit::Unlimited,
        limits::Limit::Value(value) => Limit::Value(value),
    }
}
