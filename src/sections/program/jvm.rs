//! What a `HotSpot` JVM tells of itself in `/tmp/hsperfdata_USER/PID`, which it has mapped.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::errno::Errno;

use super::Subject;
use crate::model::gap::{Reason, Refusal, SectionGaps};
use crate::model::program::{JvmCollector, JvmCounters};
use crate::model::seen::Seen;
use crate::parse::hsperfdata::PerfData;
use crate::parse::maps::{self, MappedFile};
use crate::scan::process_files::malformed;
use crate::sys::opened_file::OpenedFile;
use crate::sys::{InRoot, Truncation};

/// A JVM has 32 KiB of it, more by `-XX:PerfDataMemorySize`.
const LIMIT: usize = 4 << 20;
/// Mapped files that are looked through.
const MAPPED: usize = 65_536;
/// Collectors that a JVM has: for young, old and, since Java 21, concurrent cycles.
const COLLECTORS: usize = 8;
const DIRECTORY: &[u8] = b"hsperfdata_";
const DELETED: &[u8] = b" (deleted)";

/// The counters; `None` for a process that has no such file mapped.
pub(super) fn counters(
    subject: &Subject<'_>,
    root: &InRoot,
    maps: &[u8],
    gaps: &mut SectionGaps<'_>,
) -> Option<Seen<JvmCounters>> {
    let mapped = maps::mapped(maps, MAPPED);
    let mapped = mapped.iter().find(|mapped| is_perf_data(&mapped.path))?;
    let read = read(root, mapped).map(|data| of(subject, &mapped.path, &data));
    Some(gaps.seen("jvm", subject.target.main.pid(), read))
}

/// `/tmp/hsperfdata_app/1`, by the number that the process has in its own PID namespace.
fn is_perf_data(path: &[u8]) -> bool {
    let path = path.strip_suffix(DELETED).unwrap_or(path);
    let mut parts = path.rsplit(|byte| *byte == b'/');
    let number = parts.next().unwrap_or_default();
    let directory = parts.next().unwrap_or_default();
    directory.starts_with(DIRECTORY) && !number.is_empty() && number.iter().all(u8::is_ascii_digit)
}

fn read(root: &InRoot, mapped: &MappedFile) -> Result<PerfData, Refusal> {
    let gone = || Refusal::of(Reason::Vanished).needing("the file, which was removed or replaced");
    if mapped.path.ends_with(DELETED) {
        return Err(gone());
    }
    let failed = |errno: Errno| Refusal {
        errno: Some(format!("{errno:?}")),
        ..match errno {
            Errno::ENOENT | Errno::ENOTDIR => gone(),
            errno => crate::scan::target::by_its_mode(errno),
        }
    };
    let found = OpenedFile::at(root, &mapped.path).map_err(failed)?;
    if found.identity().1 != mapped.inode {
        return Err(gone());
    }
    let mut bytes = Vec::new();
    match root.read(&mapped.path, LIMIT, &mut bytes).map_err(failed)? {
        Truncation::Whole => {}
        Truncation::AtLimit => return Err(Refusal::of(Reason::Limit)),
    }
    let data = PerfData::parse(&bytes).map_err(malformed)?;
    data.ok_or_else(|| Refusal::of(Reason::Vanished).needing("a JVM that has finished starting"))
}

fn of(subject: &Subject<'_>, path: &[u8], data: &PerfData) -> JvmCounters {
    let text = |name: &str| data.text(name).map(|text| subject.shown(text.as_bytes()));
    let collector = |number: usize| {
        let name = |counter: &str| format!("sun.gc.collector.{number}.{counter}");
        Some(JvmCollector {
            name: text(&name("name"))?,
            collections: data.number(&name("invocations"))?,
            seconds: data.seconds(&name("time"))?,
        })
    };
    JvmCounters {
        file: subject.shown(path),
        version: text("java.property.java.version")
            .or_else(|| text("java.property.java.vm.specification.version")),
        vm_name: text("java.property.java.vm.name"),
        vm_version: text("java.property.java.vm.version"),
        uptime_seconds: uptime(subject.scan.clock.now, data),
        heap_capacity_bytes: data.heap("capacity"),
        heap_used_bytes: data.heap("used"),
        metaspace_capacity_bytes: data.number("sun.gc.metaspace.capacity"),
        metaspace_used_bytes: data.number("sun.gc.metaspace.used"),
        collectors: (0..COLLECTORS).filter_map(collector).collect(),
    }
}

/// Since Java 25 it no longer notes the time, only when it began.
fn uptime(now: SystemTime, data: &PerfData) -> Option<f64> {
    let begun = data
        .number("sun.rt.createVmBeginTime")
        .filter(|begun| *begun > 0);
    let begun = begun.and_then(|begun| UNIX_EPOCH.checked_add(Duration::from_millis(begun)));
    let since = begun.and_then(|begun| now.duration_since(begun).ok());
    let since = since.map(|since| since.as_secs_f64());
    since.or_else(|| data.seconds("sun.os.hrt.ticks"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_the_file_is() {
        for (path, is) in [
            (&b"/tmp/hsperfdata_app/1"[..], true),
            (b"/tmp/hsperfdata_a b/17 (deleted)", true),
            (b"/tmp/hsperfdata_app/1x", false),
            (b"/tmp/hsperfdata_app/", false),
            (b"/hsperfdata/1", false),
        ] {
            assert_eq!(is_perf_data(path), is);
        }
    }
}
