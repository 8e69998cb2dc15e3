//! Requests and limits, from what was used.

use std::time::Duration;

use super::volumes::quantity;
use super::{Beside, Evidenced, not_seen};
use crate::doctor::{Facts, NotJudged, seen, seen_if_there};
use crate::model::Report;
use crate::model::byte_string::ByteString;
use crate::model::process::Limit;
use crate::model::resources::{CpuLimit, CpuResources, MemoryResources};
use crate::model::units::bytes_short;

/// Of what was used at most, where there is no limit now.
const HEADROOM_PERCENT: u64 = 150;
/// Some runtimes need several mebibytes to start a container at all.
const LEAST_LIMIT_BYTES: u64 = 16 << 20;
/// No container asks for less.
const LEAST_MILLICORES: u64 = 10;

/// Requests and limits, as Kubernetes writes quantities.
#[derive(Debug, Clone, Default)]
pub(super) struct Requirements {
    pub(super) request_cpu: Option<Evidenced<String>>,
    pub(super) request_memory: Option<Evidenced<String>>,
    pub(super) limit_cpu: Option<Evidenced<String>>,
    pub(super) limit_memory: Option<Evidenced<String>>,
    pub(super) remarks: Vec<String>,
}

/// Use over a time: the maxima.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ResourceWatch {
    over: Duration,
    looks: u32,
    working_set_bytes: Option<u64>,
    cores: Option<f64>,
    /// Processor time at the last look, and when that was.
    last: Option<(Duration, f64)>,
}

impl ResourceWatch {
    /// Takes in a look, so long after the first one.
    pub(crate) fn take(&mut self, report: &Report, since_first: Duration) {
        self.over = since_first;
        self.looks += 1;
        let resources = report.resources.as_ref();
        let memory = resources.and_then(|one| one.memory.value());
        let working_set = memory.and_then(|memory| memory.working_set_bytes.as_ref()?.value());
        self.working_set_bytes = self.working_set_bytes.max(working_set.copied());
        let cpu = resources.and_then(|one| one.cpu.value());
        let Some(seconds) = cpu.and_then(|cpu| cpu.usage_seconds.value()) else {
            return;
        };
        if let Some((before, used)) = self.last.replace((since_first, *seconds)) {
            let over = since_first.saturating_sub(before).as_secs_f64();
            if over > 0.0 {
                let cores = ((seconds - used) / over).max(0.0);
                self.cores = Some(self.cores.map_or(cores, |most| most.max(cores)));
            }
        }
    }
}

/// What the container is to ask for.
pub(super) fn resources(facts: &Facts<'_>, beside: &Beside) -> Requirements {
    let mut found = Requirements::default();
    let resources = match facts.resources() {
        Ok(resources) => resources,
        Err(why) => {
            found.remarks.push(not_seen("resources", why));
            return found;
        }
    };
    let watch = beside.watch.as_ref();
    let memory = seen("resources.memory", &resources.memory)
        .and_then(|memory| of_memory(facts, memory, watch, &mut found));
    let cpu =
        seen("resources.cpu", &resources.cpu).and_then(|cpu| of_cpu(facts, cpu, watch, &mut found));
    let failures = [("memory", memory), ("CPU", cpu)];
    for (what, result) in failures {
        if let Err(why) = result {
            found.remarks.push(not_seen(what, why));
        }
    }
    found
}

/// Which cgroup a measure is of.
enum Scope {
    /// The target's own, which it sees as the whole hierarchy.
    Own,
    /// The whole machine's, unless it is seen from within a cgroup namespace.
    Root,
    /// One that others may be in, too.
    Other,
}

fn scope(facts: &Facts<'_>, cgroup: &ByteString) -> Scope {
    let mut mounts = facts.mounts().unwrap_or_default().iter();
    let hierarchy = mounts.rfind(|mount| {
        matches!(mount.fstype.as_bytes(), b"cgroup" | b"cgroup2") && mount.mount_point == *cgroup
    });
    match hierarchy {
        None => Scope::Other,
        Some(mount) if mount.root.as_bytes() == b"/" => Scope::Root,
        Some(_) => Scope::Own,
    }
}

/// What is added to the evidence of a measure, as far as it is of another cgroup.
fn of_cgroup(scope: &Scope, cgroup: &ByteString) -> String {
    match scope {
        Scope::Own => String::new(),
        Scope::Root | Scope::Other => format!(", of the cgroup {}", cgroup.to_text()),
    }
}

fn of_machine(what: &str, cgroup: &ByteString) -> String {
    format!(
        "not seen: use of {what}: {} is the root of its hierarchy, which counts the whole machine \
         unless the target has a cgroup namespace of its own",
        cgroup.to_text()
    )
}

fn of_memory(
    facts: &Facts<'_>,
    memory: &MemoryResources,
    watch: Option<&ResourceWatch>,
    found: &mut Requirements,
) -> Result<(), NotJudged> {
    let limit = seen("resources.memory.limit_bytes", &memory.limit_bytes)?;
    let scope = scope(facts, &memory.cgroup);
    if matches!((&scope, limit), (Scope::Root, Limit::Unlimited)) {
        let says = of_machine("memory", &memory.cgroup);
        found.remarks.push(says);
        return Ok(());
    }
    let of_cgroup = of_cgroup(&scope, &memory.cgroup);
    let field = "resources.memory.working_set_bytes";
    let now = seen_if_there(field, memory.working_set_bytes.as_ref())?.copied();
    let watched = watch.and_then(|watch| Some((watch, watch.working_set_bytes?)));
    let used = match (watched, now) {
        (Some((watch, most)), now) => {
            let most = now.map_or(most, |now| now.max(most));
            let says = format!(
                "working set at most {}, {}{of_cgroup}",
                bytes_short(most),
                watch_words(watch)
            );
            Some((most, says))
        }
        (None, Some(now)) => Some((
            now,
            format!("working set {} at one moment{of_cgroup}", bytes_short(now)),
        )),
        (None, None) => {
            let says = "not seen: use of memory: this cgroup does not count it";
            found.remarks.push(says.to_owned());
            None
        }
    };
    let peak = seen_if_there("resources.memory.peak_bytes", memory.peak_bytes.as_ref())?;
    let limit = match limit {
        Limit::Value(limit) => {
            found.limit_memory = Some(Evidenced::new(quantity(*limit), "the limit now"));
            Some(*limit)
        }
        Limit::Unlimited => None,
    };
    if let (None, Some(most)) = (limit, peak.copied().max(used.as_ref().map(|used| used.0))) {
        let limit = most.saturating_mul(HEADROOM_PERCENT) / 100;
        let chosen = if limit < LEAST_LIMIT_BYTES {
            "half as much again is less than some runtimes need for the start"
        } else {
            "here with half as much again"
        };
        let limit = limit.max(LEAST_LIMIT_BYTES);
        let says = format!(
            "no limit now; the most in use so far was {}, page cache included{of_cgroup}, {chosen}",
            bytes_short(most)
        );
        found.limit_memory = Some(Evidenced::new(quantity(limit), says));
    }
    found.request_memory = used.map(|(used, says)| {
        let used = limit.map_or(used, |limit| used.min(limit));
        Evidenced::new(quantity(used), says)
    });
    Ok(())
}

fn of_cpu(
    facts: &Facts<'_>,
    cpu: &CpuResources,
    watch: Option<&ResourceWatch>,
    found: &mut Requirements,
) -> Result<(), NotJudged> {
    let quota = seen("resources.cpu.limit_cores", &cpu.limit_cores);
    let scope = scope(facts, &cpu.cgroup);
    if matches!((&scope, &quota), (Scope::Root, Ok(CpuLimit::Unlimited))) {
        found.remarks.push(of_machine("CPU", &cpu.cgroup));
        return Ok(());
    }
    let of_cgroup = of_cgroup(&scope, &cpu.cgroup);
    let used = seen_if_there("resources.cpu.used_cores", cpu.used_cores.as_ref())?;
    let used = match (watch.and_then(|watch| Some((watch, watch.cores?))), used) {
        (Some((watch, cores)), _) => Some((
            cores,
            format!(
                "at most {cores:.3} cores, {}{of_cgroup}",
                watch_words(watch)
            ),
        )),
        (None, Some(cores)) => Some((
            *cores,
            match cpu.used_over_seconds {
                Some(seconds) => {
                    format!("{cores:.3} cores on average over {seconds:.1} s{of_cgroup}")
                }
                None => format!("{cores:.3} cores on average since the start{of_cgroup}"),
            },
        )),
        (None, None) => {
            found
                .remarks
                .push("not seen: use of CPU over a known time; --watch 10m measures it".to_owned());
            None
        }
    };
    found.request_cpu = used.map(|(cores, says)| {
        // More than the limit is refused.
        let cores = match quota {
            Ok(CpuLimit::Cores(most)) => cores.min(*most),
            Ok(CpuLimit::Unlimited) | Err(_) => cores,
        };
        Evidenced::new(millicores(cores), says)
    });
    match quota? {
        CpuLimit::Cores(cores) => {
            found.limit_cpu = Some(Evidenced::new(millicores(*cores), "the quota now"));
        }
        CpuLimit::Unlimited => found
            .remarks
            .push("left out: limits.cpu: there is no quota now".to_owned()),
    }
    Ok(())
}

fn watch_words(watch: &ResourceWatch) -> String {
    format!(
        "watched for {:.0} s by {} looks",
        watch.over.as_secs_f64(),
        watch.looks
    )
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to what fits"
)]
fn millicores(cores: f64) -> String {
    let millicores = (cores * 1e3).ceil().clamp(0.0, 1e9) as u64;
    format!("{}m", millicores.max(LEAST_MILLICORES))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::seen::Seen;

    #[test]
    fn what_is_watched_is_the_most() {
        let mut report: Report =
            crate::model::read::read(include_bytes!("../doctor/tests/sound.json")).unwrap();
        let mut watch = ResourceWatch::default();
        for (second, bytes, used) in [(0, 100, 1.0), (10, 300, 6.0), (20, 200, 7.0)] {
            let resources = report.resources.as_mut().unwrap();
            if let Seen::Value(memory) = &mut resources.memory {
                memory.working_set_bytes = Some(Seen::Value(bytes));
            }
            if let Seen::Value(cpu) = &mut resources.cpu {
                cpu.usage_seconds = Seen::Value(used);
            }
            watch.take(&report, Duration::from_secs(second));
        }
        assert_eq!(
            (watch.working_set_bytes, watch.cores),
            (Some(300), Some(0.5))
        );
        assert_eq!(watch_words(&watch), "watched for 20 s by 3 looks");
        assert_eq!([millicores(0.5), millicores(0.0)], ["500m", "10m"]);
    }

    #[test]
    fn no_request_is_above_its_limit_and_none_is_of_the_machine() {
        let mut report: Report =
            crate::model::read::read(include_bytes!("../doctor/tests/sound.json")).unwrap();
        let resources_of = |report: &Report| resources(&Facts::of(report), &Beside::default());
        let Seen::Value(cpu) = &mut report.resources.as_mut().unwrap().cpu else {
            panic!("no CPU");
        };
        cpu.used_cores = Some(Seen::Value(0.9));
        cpu.limit_cores = Seen::Value(CpuLimit::Cores(0.5));
        cpu.cgroup = "/sys/fs/cgroup/other".into();
        let found = resources_of(&report);
        let request = found.request_cpu.unwrap();
        assert_eq!(request.value, "500m");
        let of = ", of the cgroup /sys/fs/cgroup/other";
        assert!(request.evidence.ends_with(of), "{}", request.evidence);

        let Seen::Value(mounts) = report.mounts.as_mut().unwrap() else {
            panic!("no mounts");
        };
        let mut hierarchy = mounts.first().unwrap().clone();
        hierarchy.mount_point = "/sys/fs/cgroup/other".into();
        hierarchy.fstype = "cgroup".into();
        hierarchy.root = "/".into();
        mounts.push(hierarchy);
        let Seen::Value(cpu) = &mut report.resources.as_mut().unwrap().cpu else {
            panic!("no CPU");
        };
        cpu.limit_cores = Seen::Value(CpuLimit::Unlimited);
        let found = resources_of(&report);
        assert_eq!(found.request_cpu, None);
        let is_said = |remark: &String| remark.contains("counts the whole machine");
        assert!(found.remarks.iter().any(is_said), "{:?}", found.remarks);
    }
}
