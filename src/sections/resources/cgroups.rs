//! Memory, processes and I/O of the cgroups that the main process is in.

use crate::model::byte_string::ByteString;
use crate::model::gap::{Reason, Refusal, SectionGaps};
use crate::model::process::Limit;
use crate::model::resources::{
    IoDevice, IoResources, MemoryResources, PidsResources, Pressure, PressureLine, percent_of_limit,
};
use crate::model::seen::Seen;
use crate::parse::cgroup_files::{self, DeviceIo, keyed};
use crate::parse::limits;
use crate::redact::Redactor;
use crate::scan::Scan;
use crate::scan::cgroup::memory::MemoryCgroup;
use crate::scan::cgroup::{Cgroup, CgroupMounts, Version};
use crate::scan::target::TargetHandle;
use crate::sys::clock::Clock;
use crate::sys::{InRoot, Truncation};

/// Reads the cgroups of the target's main process.
pub(super) struct Reader<'a, 'gaps> {
    pub(super) pid: i32,
    pub(super) gaps: SectionGaps<'gaps>,
    pub(super) clock: &'a Clock,
    redactor: &'a Redactor,
    place: Result<(&'a InRoot, CgroupMounts), Refusal>,
}

impl<'a, 'gaps> Reader<'a, 'gaps> {
    pub(super) fn new(
        scan: &'a Scan,
        target: &'a TargetHandle,
        gaps: &'gaps mut SectionGaps<'_>,
    ) -> Self {
        let place = target
            .root(&scan.reader.viewer)
            .map_err(Clone::clone)
            .and_then(|root| Ok((root, mounts(scan, target)?)));
        Self {
            pid: target.main.pid(),
            gaps: gaps.reborrow(),
            clock: &scan.clock,
            redactor: &scan.redactor,
            place,
        }
    }

    /// The cgroup with a controller; `file` is one that it has wherever the controller is on.
    pub(super) fn find(
        &self,
        controller: &str,
        file: &str,
    ) -> Result<(Cgroup, &'a InRoot), Refusal> {
        let (root, mounts) = self.place.as_ref().map_err(Clone::clone)?;
        Ok((mounts.controller(controller, file, root)?, root))
    }

    pub(super) fn memory(&mut self) -> Seen<MemoryResources> {
        let found = match &self.place {
            Ok((root, mounts)) => MemoryCgroup::among(mounts, root).map(|found| (found, *root)),
            Err(refusal) => Err(refusal.clone()),
        };
        let (memory, root) = match found {
            Ok(found) => found,
            Err(refusal) => return self.unseen("memory", &refusal),
        };
        let cgroup = memory.cgroup();
        let stat = cgroup.contents(root, "memory.stat");
        let names = MemoryFiles::of(cgroup.version());
        // The root cgroup of version 2 does not count.
        let counts = match (cgroup.version(), cgroup.is_root(root)) {
            (Version::Two, Ok(is_root)) => !is_root,
            _ => true,
        };
        let current = memory.current_bytes(root);
        let (limit, limit_set_by) = self.lowest_limit(cgroup, root, cgroup.version().limit());
        let used_percent = match (&current, &limit) {
            (Ok(current), Ok(limit)) => percent_of_limit(*current, *limit),
            _ => None,
        };
        let mut of_stat = |key: &str, field: &str| {
            let value = match &stat {
                Ok(text) => keyed(text, key).ok_or(Refusal::of(Reason::Unsupported)),
                Err(refusal) => Err(refusal.clone()),
            };
            self.gaps.seen(field, self.pid, value)
        };
        let anonymous_bytes = of_stat(names.anonymous, "memory.anonymous_bytes");
        let cache_bytes = of_stat(names.cache, "memory.cache_bytes");
        let kernel_bytes = match cgroup.version() {
            Version::One => self.optional(
                cgroup.optional(root, "memory.kmem.usage_in_bytes"),
                "memory.kernel_bytes",
                cgroup_files::number,
            ),
            Version::Two => self.counted(&stat, "kernel", "memory.kernel_bytes"),
        };
        let number = cgroup_files::number;
        let limit_of = |text: &str| cgroup_files::limit(text).map(super::limits::model_limit);
        let swap_current = match cgroup.version() {
            Version::One => self.counted(&stat, "total_swap", "memory.swap_current_bytes"),
            Version::Two => self.optional(
                cgroup.optional(root, "memory.swap.current"),
                "memory.swap_current_bytes",
                number,
            ),
        };
        Seen::Value(MemoryResources {
            cgroup: self.shown(cgroup.path()),
            cgroup_version: version(cgroup),
            working_set_bytes: counts.then(|| {
                let working_set = memory.working_set_bytes(root);
                self.seen("memory.working_set_bytes", working_set)
            }),
            current_bytes: counts.then(|| self.seen("memory.current_bytes", current)),
            peak_bytes: self.optional(
                cgroup.optional(root, names.peak),
                "memory.peak_bytes",
                number,
            ),
            limit_bytes: self.seen("memory.limit_bytes", limit),
            limit_set_by,
            used_percent,
            high_bytes: match cgroup.version() {
                Version::One => None,
                Version::Two => self.optional(
                    cgroup.optional(root, "memory.high"),
                    "memory.high_bytes",
                    limit_of,
                ),
            },
            swap_current_bytes: swap_current,
            swap_limit_bytes: self.optional(
                cgroup.optional(root, names.swap_limit),
                "memory.swap_limit_bytes",
                limit_of,
            ),
            anonymous_bytes,
            cache_bytes,
            kernel_bytes,
            oom_events: self.oom_events(cgroup, root),
            oom_kills: counts.then(|| {
                let kills = memory.oom_kills(root);
                self.seen("memory.oom_kills", kills)
            }),
            pressure: self.pressure(cgroup, root, "memory"),
        })
    }

    fn oom_events(&mut self, cgroup: &Cgroup, root: &InRoot) -> Option<Seen<u64>> {
        if cgroup.version() == Version::One {
            return None;
        }
        self.optional(
            cgroup.optional(root, "memory.events"),
            "memory.oom_events",
            |text| keyed(text, "oom"),
        )
    }

    pub(super) fn pids(&mut self) -> Seen<PidsResources> {
        let (cgroup, root) = match self.find("pids", "pids.current") {
            Ok(found) => found,
            Err(refusal) => return self.unseen("pids", &refusal),
        };
        let is_root = cgroup.is_root(root).unwrap_or(false);
        let current = number_of(&cgroup, root, "pids.current");
        let (limit, limit_set_by) = self.lowest_limit(&cgroup, root, "pids.max");
        let used_percent = match (&current, &limit) {
            (Ok(current), Ok(limit)) => percent_of_limit(*current, *limit),
            _ => None,
        };
        Seen::Value(PidsResources {
            cgroup: self.shown(cgroup.path()),
            cgroup_version: version(&cgroup),
            current: (!is_root).then(|| self.seen("pids.current", current)),
            peak: self.optional(
                cgroup.optional(root, "pids.peak"),
                "pids.peak",
                cgroup_files::number,
            ),
            limit: self.seen("pids.limit", limit),
            limit_set_by,
            used_percent,
            fork_failures: self.optional(
                cgroup.optional(root, "pids.events"),
                "pids.fork_failures",
                |text| keyed(text, "max"),
            ),
        })
    }

    pub(super) fn io(&mut self) -> Option<Seen<IoResources>> {
        let two = self.find("io", "io.stat");
        // In version 1 the controller is called blkio.
        let found = match two {
            Ok((cgroup, root)) if cgroup.version() == Version::Two => Ok((cgroup, root)),
            _ => self.find("blkio", "io.stat"),
        };
        let (cgroup, root) = match found {
            Ok(found) => found,
            Err(refusal) if refusal.reason == Reason::Unsupported => return None,
            Err(refusal) => return Some(self.unseen("io", &refusal)),
        };
        let devices = match cgroup.version() {
            Version::Two => cgroup
                .contents(root, "io.stat")
                .and_then(|text| cgroup_files::io_stat(&text).ok_or(malformed())),
            Version::One => cgroup
                .contents(root, "blkio.throttle.io_service_bytes")
                .and_then(|bytes| Ok((bytes, cgroup.contents(root, "blkio.throttle.io_serviced")?)))
                .and_then(|(bytes, operations)| {
                    cgroup_files::blkio(&bytes, &operations).ok_or(malformed())
                }),
        };
        let devices = match devices {
            Ok(devices) => devices.into_iter().map(io_device).collect(),
            Err(refusal) if refusal.reason == Reason::Unsupported => return None,
            Err(refusal) => return Some(self.unseen("io", &refusal)),
        };
        Some(Seen::Value(IoResources {
            cgroup: self.shown(cgroup.path()),
            cgroup_version: version(&cgroup),
            devices,
            pressure: self.pressure(&cgroup, root, "io"),
        }))
    }

    pub(super) fn pressure(
        &mut self,
        cgroup: &Cgroup,
        root: &InRoot,
        resource: &str,
    ) -> Option<Seen<Pressure>> {
        // Version 1 has no pressure of cgroups.
        if cgroup.version() == Version::One {
            return None;
        }
        let line = |line: cgroup_files::PressureLine| PressureLine {
            avg10_percent: line.avg10_percent,
            avg60_percent: line.avg60_percent,
            avg300_percent: line.avg300_percent,
            total_seconds: seconds(line.total_microseconds),
        };
        self.optional(
            cgroup.optional(root, &format!("{resource}.pressure")),
            &format!("{resource}.pressure"),
            |text| {
                let pressure = cgroup_files::pressure(text)?;
                Some(Pressure {
                    some: line(pressure.some),
                    full: pressure.full.map(line),
                })
            },
        )
    }

    pub(super) fn seen<T>(&mut self, field: &str, attempt: Result<T, Refusal>) -> Seen<T> {
        self.gaps.seen(field, self.pid, attempt)
    }

    pub(super) fn unseen<T>(&mut self, field: &str, refusal: &Refusal) -> Seen<T> {
        Seen::Unseen(self.gaps.record(field, self.pid, refusal))
    }

    /// A count of a keyed file; absent if this kernel does not count it.
    pub(super) fn counted(
        &mut self,
        file: &Result<String, Refusal>,
        key: &str,
        field: &str,
    ) -> Option<Seen<u64>> {
        match file {
            Ok(text) => keyed(text, key).map(Seen::Value),
            Err(refusal) => Some(self.unseen(field, refusal)),
        }
    }

    /// A path of the target, with the secrets in it replaced.
    pub(super) fn shown(&self, path: &[u8]) -> ByteString {
        (*self.redactor.text(path)).into()
    }

    /// The lowest limit, and the cgroup above that sets it.
    fn lowest_limit(
        &self,
        cgroup: &Cgroup,
        root: &InRoot,
        file: &str,
    ) -> (Result<Limit, Refusal>, Option<ByteString>) {
        let read = |cgroup: &Cgroup| match cgroup.optional(root, file)? {
            Some(text) => match cgroup_files::limit(&text) {
                Some(limits::Limit::Value(value)) => Ok(Some(value)),
                Some(limits::Limit::Unlimited) => Ok(None),
                None => Err(malformed()),
            },
            None => Ok(None),
        };
        match lowest(cgroup, read) {
            Ok(None) => (Ok(Limit::Unlimited), None),
            Ok(Some((value, set_by))) => {
                let set_by = set_by.map(|above| self.shown(above.path()));
                (Ok(Limit::Value(value)), set_by)
            }
            Err(refusal) => (Err(refusal), None),
        }
    }

    /// The value of a file that need not exist.
    pub(super) fn optional<T>(
        &mut self,
        file: Result<Option<String>, Refusal>,
        field: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<Seen<T>> {
        let value = match file {
            Ok(None) => return None,
            Ok(Some(text)) => parse(&text).ok_or(malformed()),
            Err(refusal) => Err(refusal),
        };
        Some(self.seen(field, value))
    }
}

/// Names that differ between the versions.
struct MemoryFiles {
    peak: &'static str,
    swap_limit: &'static str,
    anonymous: &'static str,
    cache: &'static str,
}

impl MemoryFiles {
    fn of(version: Version) -> Self {
        match version {
            Version::One => Self {
                peak: "memory.max_usage_in_bytes",
                swap_limit: "memory.memsw.limit_in_bytes",
                anonymous: "total_rss",
                cache: "total_cache",
            },
            Version::Two => Self {
                peak: "memory.peak",
                swap_limit: "memory.swap.max",
                anonymous: "anon",
                cache: "file",
            },
        }
    }
}

/// The mounts of the target, as the walk or another section has read them.
fn mounts(scan: &Scan, target: &TargetHandle) -> Result<CgroupMounts, Refusal> {
    match scan.mountinfo()? {
        (mountinfo, Truncation::Whole) => CgroupMounts::with_mountinfo(&target.main, mountinfo),
        // What is missing may be the very line.
        (_, Truncation::AtLimit) => Err(Refusal::of(Reason::Limit)),
    }
}

/// The lowest limit of a cgroup and of those above it that are visible, and which of those above
/// sets it; `None` without any. The root cgroup has none.
///
/// # Errors
/// Why one of them cannot be read: it may be the lowest.
pub(super) fn lowest<T: PartialOrd>(
    cgroup: &Cgroup,
    read: impl Fn(&Cgroup) -> Result<Option<T>, Refusal>,
) -> Result<Option<(T, Option<Cgroup>)>, Refusal> {
    let mut lowest = read(cgroup)?.map(|limit| (limit, None));
    for above in std::iter::successors(cgroup.parent(), Cgroup::parent) {
        if let Some(limit) = read(&above)?
            && lowest.as_ref().is_none_or(|(known, _)| limit < *known)
        {
            lowest = Some((limit, Some(above)));
        }
    }
    Ok(lowest)
}

pub(super) fn number_of(cgroup: &Cgroup, root: &InRoot, file: &str) -> Result<u64, Refusal> {
    let text = cgroup.contents(root, file)?;
    cgroup_files::number(&text).ok_or(malformed())
}

pub(super) fn version(cgroup: &Cgroup) -> u8 {
    match cgroup.version() {
        Version::One => 1,
        Version::Two => 2,
    }
}

fn malformed() -> Refusal {
    Refusal::of(Reason::Malformed)
}

/// To the microsecond.
#[expect(clippy::cast_precision_loss, reason = "exact up to 285 years")]
pub(super) fn seconds(microseconds: u64) -> f64 {
    microseconds as f64 / 1e6
}

fn io_device(device: DeviceIo) -> IoDevice {
    IoDevice {
        device: device.device,
        read_bytes: device.read_bytes,
        written_bytes: device.written_bytes,
        reads: device.reads,
        writes: device.writes,
    }
}
