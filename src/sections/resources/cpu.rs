//! Processor time of the cgroup that the main process is in.

use std::time::{Duration, Instant};

use super::cgroups::{Reader, lowest, number_of, seconds, version};
use crate::model::gap::{Reason, Refusal};
use crate::model::resources::{CpuLimit, CpuResources, tenth};
use crate::model::seen::Seen;
use crate::parse::cgroup_files::{self, CpuQuota, keyed};
use crate::scan::cgroup::{Cgroup, Version};
use crate::scan::snapshot::ProcessSnapshot;
use crate::sys::InRoot;
use crate::sys::clock::{Clock, processors};

/// Processor time of a cgroup, in seconds.
struct Usage {
    total: Result<f64, Refusal>,
    user: Result<f64, Refusal>,
    system: Result<f64, Refusal>,
}

impl Reader<'_, '_> {
    pub(super) fn cpu(
        &mut self,
        main: &ProcessSnapshot,
        sample: Option<Duration>,
    ) -> Seen<CpuResources> {
        let found = self.find("cpu", "cpu.stat").and_then(|(cgroup, root)| {
            // In version 1 the time is counted by a controller of its own, often mounted together.
            let accounting = match cgroup.version() {
                Version::Two => cgroup.clone(),
                Version::One => self.find("cpuacct", "cpu.stat")?.0,
            };
            Ok((cgroup, accounting, root))
        });
        let (cgroup, accounting, root) = match found {
            Ok(found) => found,
            Err(refusal) => return self.unseen("cpu", &refusal),
        };
        let first = usage(&accounting, root);
        let average = cores(&first, (&accounting, root), main, sample, self.clock);
        let (used_cores, over) = average.unzip();
        let (limit, limit_set_by) = match lowest(&cgroup, |one| quota(one, root)) {
            Ok(None) => (Ok(CpuLimit::Unlimited), None),
            Ok(Some((cores, set_by))) => (Ok(CpuLimit::Cores(cores)), set_by),
            Err(refusal) => (Err(refusal), None),
        };
        let used_percent = match (&used_cores, &limit) {
            (Some(Ok(used)), Ok(CpuLimit::Cores(limit))) if *limit > 0.0 => {
                Some(tenth(used / limit * 100.0))
            }
            _ => None,
        };
        let stat = cgroup.contents(root, "cpu.stat");
        let weight = match cgroup.version() {
            Version::One => "cpu.shares",
            Version::Two => "cpu.weight",
        };
        let (key, per_second) = match cgroup.version() {
            Version::One => ("throttled_time", 1e9),
            Version::Two => ("throttled_usec", 1e6),
        };
        let throttled = self.counted(&stat, key, "cpu.throttled_seconds");
        Seen::Value(CpuResources {
            cgroup: self.shown(cgroup.path()),
            cgroup_version: version(&cgroup),
            usage_seconds: self.seen("cpu.usage_seconds", first.total),
            user_seconds: self.seen("cpu.user_seconds", first.user),
            system_seconds: self.seen("cpu.system_seconds", first.system),
            used_cores: used_cores.map(|used| self.seen("cpu.used_cores", used)),
            used_over_seconds: over,
            limit_cores: self.seen("cpu.limit_cores", limit),
            limit_set_by: limit_set_by.map(|above| self.shown(above.path())),
            used_percent,
            weight: self.optional(
                cgroup.optional(root, weight),
                "cpu.weight",
                cgroup_files::number,
            ),
            periods: self.counted(&stat, "nr_periods", "cpu.periods"),
            throttled_periods: self.counted(&stat, "nr_throttled", "cpu.throttled_periods"),
            throttled_seconds: throttled.map(|time| time.map(|time| scaled(time, per_second))),
            pressure: self.pressure(&cgroup, root, "cpu"),
        })
    }
}

fn usage(cgroup: &Cgroup, root: &InRoot) -> Usage {
    match cgroup.version() {
        Version::Two => {
            let stat = cgroup.contents(root, "cpu.stat");
            let of = |key: &str| match &stat {
                Ok(text) => keyed(text, key)
                    .map(seconds)
                    .ok_or(Refusal::of(Reason::Unsupported)),
                Err(refusal) => Err(refusal.clone()),
            };
            Usage {
                total: of("usage_usec"),
                user: of("user_usec"),
                system: of("system_usec"),
            }
        }
        Version::One => {
            let of = |file: &str| {
                number_of(cgroup, root, file).map(|nanoseconds| seconds(nanoseconds / 1000))
            };
            Usage {
                total: of("cpuacct.usage"),
                user: of("cpuacct.usage_user"),
                system: of("cpuacct.usage_sys"),
            }
        }
    }
}

/// Cores in use on average, and over how many seconds; `None` if no time is known.
fn cores(
    first: &Usage,
    (cgroup, root): (&Cgroup, &InRoot),
    main: &ProcessSnapshot,
    sample: Option<Duration>,
    clock: &Clock,
) -> Option<(Result<f64, Refusal>, f64)> {
    let used = first.total.clone();
    let rate = |used: f64, seconds: f64| (used / seconds.max(0.001) * 1000.0).round() / 1000.0;
    let Some(sample) = sample else {
        // Only an init process is as old as its cgroup.
        let status = main.status.as_ref()?.as_ref().ok()?;
        if status.ns_tgid.as_ref()?.last() != Some(&1) {
            return None;
        }
        let seconds = clock.since(main.stat.starttime_ticks)?.as_secs_f64();
        // More than all processors can do since then was used before it: the cgroup is an older one.
        let most = f64::from(processors()) * seconds;
        if used.as_ref().is_ok_and(|used| *used > most + 1.0) {
            return None;
        }
        return Some((used.map(|used| rate(used, seconds)), tenth(seconds)));
    };
    let start = Instant::now();
    std::thread::sleep(sample);
    let later = usage(cgroup, root).total;
    let elapsed = start.elapsed().as_secs_f64();
    let used = used.and_then(|first| Ok((later? - first).max(0.0)));
    Some((used.map(|used| rate(used, elapsed)), elapsed))
}

/// The quota of one cgroup, in cores.
fn quota(cgroup: &Cgroup, root: &InRoot) -> Result<Option<f64>, Refusal> {
    let quota = match cgroup.version() {
        Version::Two => match cgroup.optional(root, "cpu.max")? {
            Some(text) => cgroup_files::cpu_max(&text),
            None => return Ok(None),
        },
        Version::One => match cgroup.optional(root, "cpu.cfs_quota_us")? {
            Some(quota) => {
                cgroup_files::cpu_quota(&quota, &cgroup.contents(root, "cpu.cfs_period_us")?)
            }
            None => return Ok(None),
        },
    };
    let quota = quota.ok_or(Refusal::of(Reason::Malformed))?;
    Ok(quota_cores(quota))
}

fn quota_cores(quota: CpuQuota) -> Option<f64> {
    let period = seconds(quota.period_microseconds);
    let cores = seconds(quota.quota_microseconds?) / period;
    Some((cores * 1000.0).round() / 1000.0)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "exact up to 104 days of nanoseconds"
)]
fn scaled(time: u64, per_second: f64) -> f64 {
    time as f64 / per_second
}
