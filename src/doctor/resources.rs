//! What the container uses, against its limits.

use std::collections::BTreeMap;

use super::facts::{Facts, NotJudged, seen, seen_if_there};
use super::rule::{Evidence, Judged, Rule, Severity, gather};
use crate::model::mount::Space;
use crate::model::process::Limit;
use crate::model::resources::MemoryResources;
use crate::model::units::bytes_short;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "SPY-RES-001",
        severity: Severity::Problem,
        title: "Memory is near its limit",
        reads: &[
            "resources.memory",
            "resources.memory.limit_bytes",
            "resources.memory.working_set_bytes",
        ],
        why: "At the limit the kernel kills a process of this container.",
        remedy: "Raise resources.limits.memory, or make the application use less.",
        wrong_if: "The kernel can reclaim the difference: compare the anonymous memory in spyhole resources.",
        judge: memory_near_limit,
    },
    Rule {
        id: "SPY-RES-002",
        severity: Severity::Problem,
        title: "The kernel killed processes for lack of memory",
        reads: &["resources.memory", "resources.memory.oom_kills"],
        why: "A killed process loses its work; where it was the first one, the container restarts.",
        remedy: "Raise resources.limits.memory, or make the application use less.",
        wrong_if: "The kills are from before a change of the limit: the counter lives as long as the cgroup.",
        judge: oom_kills,
    },
    Rule {
        id: "SPY-RES-003",
        severity: Severity::Problem,
        title: "The CPU limit throttles",
        reads: &[
            "resources.cpu",
            "resources.cpu.periods",
            "resources.cpu.throttled_periods",
        ],
        why: "In a throttled period all threads stand still until the next one, up to 100 ms.",
        remedy: "Raise resources.limits.cpu, or run fewer threads (GOMAXPROCS, -XX:ActiveProcessorCount).",
        wrong_if: "It was throttled at its start only: compare two looks.",
        judge: throttled,
    },
    Rule {
        id: "SPY-RES-004",
        severity: Severity::Problem,
        title: "Open files are near their limit",
        reads: &[
            "open_files",
            "open_files.processes.fd_count",
            "open_files.processes.fd_limit",
        ],
        why: "At the limit open(2) and accept(2) fail with EMFILE: too many open files.",
        remedy: "Find what is not closed: spyhole lsof -p PID; or raise the limit (ulimit -n, --ulimit nofile).",
        wrong_if: "The number does not grow and the limit is meant.",
        judge: descriptors,
    },
    Rule {
        id: "SPY-RES-005",
        severity: Severity::Problem,
        title: "Processes and threads are near their limit",
        reads: &[
            "resources.pids",
            "resources.pids.limit",
            "resources.pids.current",
        ],
        why: "At the limit fork(2) and new threads fail with EAGAIN.",
        remedy: "Find what is started and not ended: spyhole ps --threads; or raise the pids limit.",
        wrong_if: "The number does not grow and the limit is meant.",
        judge: pids,
    },
    Rule {
        id: "SPY-RES-006",
        severity: Severity::Risk,
        title: "Deleted files hold disk space",
        reads: &["open_files", "open_files.deleted"],
        why: "The space comes back only when the process closes them or ends; du(1) does not show it.",
        remedy: "Reopen logs after rotation (SIGHUP or copytruncate), or restart the process: spyhole lsof +L1.",
        wrong_if: "They are temporary files of a database, which deletes them on purpose.",
        judge: deleted_files,
    },
    Rule {
        id: "SPY-RES-007",
        severity: Severity::Problem,
        title: "A file system is full",
        reads: &["mounts", "mounts.space"],
        why: "Writes fail with ENOSPC; a kubelet evicts pods of a full node.",
        remedy: "Free space or enlarge the volume: spyhole df.",
        wrong_if: "Nothing of this container writes there.",
        judge: full_file_systems,
    },
    Rule {
        id: "SPY-RES-008",
        severity: Severity::Problem,
        title: "A file system has no inodes left",
        reads: &["mounts", "mounts.space"],
        why: "No file can be created although there is space.",
        remedy: "Remove small files: spyhole df -i.",
        wrong_if: "Nothing of this container writes there.",
        judge: full_inodes,
    },
    Rule {
        id: "SPY-RES-009",
        severity: Severity::Risk,
        title: "Tasks wait for memory",
        reads: &["resources.memory", "resources.memory.pressure"],
        why: "While memory is reclaimed all tasks of the container stand still.",
        remedy: "Raise resources.limits.memory.",
        wrong_if: "It was a burst: look again in a minute.",
        judge: memory_pressure,
    },
    Rule {
        id: "SPY-RES-012",
        severity: Severity::Problem,
        title: "Inotify instances are near their limit",
        reads: &[
            "open_files",
            "open_files.processes.fd_types",
            "open_files.inotify_instance_limit",
        ],
        why: "At the limit inotify_init(2) fails with EMFILE, for all containers of this user on the node.",
        remedy: "Use one instance for many files, or raise fs.inotify.max_user_instances on the node.",
        wrong_if: "The number does not grow and the limit is meant.",
        judge: inotify,
    },
    Rule {
        id: "SPY-RES-013",
        severity: Severity::Risk,
        title: "/dev/shm is small",
        reads: &["mounts", "mounts.space"],
        why: "Shared memory beyond it fails with ENOSPC or ends the process with SIGBUS.",
        remedy: "Mount an emptyDir with medium: Memory at /dev/shm, or start with --shm-size.",
        wrong_if: "What is there does not grow.",
        judge: small_shared_memory,
    },
    Rule {
        id: "SPY-RES-014",
        severity: Severity::Risk,
        title: "Tasks wait for the CPU or for a disk",
        reads: &["resources.cpu", "resources.cpu.pressure", "resources.io"],
        why: "For part of each minute there is work and nothing runs it.",
        remedy: "Raise resources.limits.cpu or requests, use a faster volume, or move the pod.",
        wrong_if: "It was a burst: look again in a minute.",
        judge: other_pressure,
    },
];

fn memory<'a>(facts: &Facts<'a>) -> Result<&'a MemoryResources, NotJudged> {
    seen("resources.memory", &facts.resources()?.memory)
}

/// The limit, where there is one.
pub(super) fn memory_limit(facts: &Facts<'_>) -> Result<Option<u64>, NotJudged> {
    let limit = seen("resources.memory.limit_bytes", &memory(facts)?.limit_bytes)?;
    Ok(match limit {
        Limit::Value(bytes) => Some(*bytes),
        Limit::Unlimited => None,
    })
}

fn memory_near_limit(facts: &Facts<'_>) -> Judged {
    let Some(limit) = memory_limit(facts)? else {
        return Ok(Vec::new());
    };
    let memory = memory(facts)?;
    let field = "resources.memory.working_set_bytes";
    let Some(used) = seen_if_there(field, memory.working_set_bytes.as_ref())?.copied() else {
        return Ok(Vec::new());
    };
    if limit == 0 || used.saturating_mul(10) < limit.saturating_mul(9) {
        return Ok(Vec::new());
    }
    let percent = used.saturating_mul(100) / limit;
    let says = format!(
        "working set {} of {} ({percent} %), read in {}",
        bytes_short(used),
        bytes_short(limit),
        memory.cgroup.to_text()
    );
    let half_more = bytes_short(limit.saturating_add(limit / 2));
    let remedy = format!(
        "Raise resources.limits.memory, to {half_more} for instance, or make the application use less."
    );
    Ok(vec![Evidence::new(88, says).with_remedy(remedy)])
}

fn oom_kills(facts: &Facts<'_>) -> Judged {
    let memory = memory(facts)?;
    let field = "resources.memory.oom_kills";
    match seen_if_there(field, memory.oom_kills.as_ref())? {
        Some(kills) if *kills > 0 => {
            let says = format!("oom_kill {kills}, read in {}", memory.cgroup.to_text());
            Ok(vec![Evidence::new(93, says)])
        }
        _ => Ok(Vec::new()),
    }
}

fn throttled(facts: &Facts<'_>) -> Judged {
    let cpu = seen("resources.cpu", &facts.resources()?.cpu)?;
    let periods = seen_if_there("resources.cpu.periods", cpu.periods.as_ref())?;
    let field = "resources.cpu.throttled_periods";
    let throttled = seen_if_there(field, cpu.throttled_periods.as_ref())?;
    let (Some(periods), Some(throttled)) = (periods, throttled) else {
        return Ok(Vec::new());
    };
    if *periods < 50 || throttled.saturating_mul(5) < *periods {
        return Ok(Vec::new());
    }
    let percent = throttled.saturating_mul(100) / periods;
    let says = format!(
        "{throttled} of {periods} periods were throttled ({percent} %), read in {}",
        cpu.cgroup.to_text()
    );
    Ok(vec![Evidence::new(86, says)])
}

fn descriptors(facts: &Facts<'_>) -> Judged {
    gather(facts.open_files()?.processes.iter().map(|process| {
        let field = "open_files.processes.fd_count";
        let count = seen_if_there(field, process.fd_count.as_ref())?;
        let limit = seen_if_there("open_files.processes.fd_limit", process.fd_limit.as_ref())?;
        let (Some(count), Some(limit), Some(percent)) = (count, limit, process.used_percent) else {
            return Ok(None);
        };
        let Limit::Value(limit) = limit.soft else {
            return Ok(None);
        };
        Ok((percent >= 80.0).then(|| {
            let says = format!(
                "{} ({}) has {count} of {limit} descriptors open ({percent:.0} %)",
                process.comm.to_text(),
                process.pid
            );
            Evidence::new(90, says)
        }))
    }))
}

fn pids(facts: &Facts<'_>) -> Judged {
    let pids = seen("resources.pids", &facts.resources()?.pids)?;
    let near_limit = || {
        let limit = seen("resources.pids.limit", &pids.limit)?;
        let current = seen_if_there("resources.pids.current", pids.current.as_ref())?;
        let (Some(current), Limit::Value(limit)) = (current, limit) else {
            return Ok(None);
        };
        let is_near = current.saturating_mul(10) >= limit.saturating_mul(8);
        Ok(is_near.then(|| {
            let says = format!(
                "{current} processes and threads of {limit}, read in {}",
                pids.cgroup.to_text()
            );
            Evidence::new(90, says)
        }))
    };
    let was_hit = || {
        let field = "resources.pids.fork_failures";
        let failures = seen_if_there(field, pids.fork_failures.as_ref())?;
        let failures = failures.filter(|failures| **failures > 0);
        Ok(failures.map(|failures| {
            let says = format!("the limit was hit {failures} times (pids.events)");
            Evidence::new(85, says)
        }))
    };
    gather([near_limit(), was_hit()])
}

const DELETED_MUCH: u64 = 64 << 20;

fn deleted_files(facts: &Facts<'_>) -> Judged {
    let open_files = facts.open_files()?;
    let whole = facts.is_whole(
        "open_files.deleted",
        "open_files",
        &["deleted", "files", "processes.fd_types"],
    );
    let is_much = open_files.deleted.disk_bytes >= DELETED_MUCH;
    let holders = open_files.processes.iter().filter(|process| {
        let holds = process.deleted.disk_bytes > 0;
        is_much && holds
    });
    let evidence = holders.map(|process| {
        let says = format!(
            "{} ({}) holds {} deleted files of {}",
            process.comm.to_text(),
            process.pid,
            process.deleted.files,
            bytes_short(process.deleted.disk_bytes)
        );
        Ok(Some(Evidence::new(75, says)))
    });
    gather(evidence.chain(whole.err().map(Err)))
}

/// Each writable file system once, with what `of` says of it.
fn file_systems(facts: &Facts<'_>, of: impl Fn(&Space) -> Option<String>) -> Judged {
    let mut met = Vec::new();
    let mounts = facts.mounts()?.iter();
    let writable = mounts.filter(|mount| mount.writable && !mount.hidden);
    gather(writable.map(|mount| {
        let device = (mount.major, mount.minor);
        if met.contains(&device) {
            return Ok(None);
        }
        let Some(space) = seen_if_there("mounts.space", mount.space.as_ref())? else {
            return Ok(None);
        };
        met.push(device);
        let says = of(space).map(|says| format!("{}: {says}", mount.mount_point.to_text()));
        Ok(says.map(|says| Evidence::new(82, says)))
    }))
}

fn full_file_systems(facts: &Facts<'_>) -> Judged {
    file_systems(facts, |space| {
        let percent = space.used_percent.filter(|percent| *percent >= 95)?;
        let left = bytes_short(space.available_bytes);
        let size = bytes_short(space.size_bytes);
        Some(format!("{percent} % of {size} used, {left} left"))
    })
}

fn full_inodes(facts: &Facts<'_>) -> Judged {
    file_systems(facts, |space| {
        let percent = space.inodes_used_percent.filter(|percent| *percent >= 95)?;
        let all = space.inodes?;
        Some(format!("{percent} % of {all} inodes used"))
    })
}

fn memory_pressure(facts: &Facts<'_>) -> Judged {
    let field = "resources.memory.pressure";
    let Some(pressure) = seen_if_there(field, memory(facts)?.pressure.as_ref())? else {
        return Ok(Vec::new());
    };
    match &pressure.full {
        Some(full) if full.avg60_percent >= 10.0 => {
            let percent = full.avg60_percent;
            let says =
                format!("all tasks waited {percent:.0} % of the last minute (memory.pressure)");
            Ok(vec![Evidence::new(70, says)])
        }
        _ => Ok(Vec::new()),
    }
}

fn inotify(facts: &Facts<'_>) -> Judged {
    let open_files = facts.open_files()?;
    let field = "open_files.inotify_instance_limit";
    let limit = seen_if_there(field, open_files.inotify_instance_limit.as_ref())?;
    let mut by_user = BTreeMap::<u32, u64>::new();
    let mut unseen = Vec::new();
    for process in &open_files.processes {
        match seen_if_there("open_files.processes.fd_types", process.fd_types.as_ref()) {
            Ok(types) => {
                let count = types.and_then(|types| types.get("inotify"));
                *by_user.entry(process.uid).or_default() += count.copied().unwrap_or(0);
            }
            Err(why) => unseen.push(Err(why)),
        }
    }
    let limit = limit.copied().unwrap_or(u64::MAX);
    let near = by_user
        .into_iter()
        .filter(|(_, count)| count.saturating_mul(10) >= limit.saturating_mul(8));
    let evidence = near.map(|(uid, count)| {
        let says = format!(
            "uid {uid} has {count} inotify instances here of {limit} (fs.inotify.max_user_instances)"
        );
        Ok(Some(Evidence::new(88, says)))
    });
    gather(evidence.chain(unseen))
}

fn small_shared_memory(facts: &Facts<'_>) -> Judged {
    let mounts = facts.mounts()?.iter();
    let shared =
        mounts.filter(|mount| mount.mount_point.as_bytes() == b"/dev/shm" && !mount.hidden);
    gather(shared.map(|mount| {
        let Some(space) = seen_if_there("mounts.space", mount.space.as_ref())? else {
            return Ok(None);
        };
        let percent = space.used_percent.filter(|percent| *percent >= 80);
        Ok(percent.map(|percent| {
            let size = bytes_short(space.size_bytes);
            Evidence::new(79, format!("/dev/shm: {percent} % of {size} used"))
        }))
    }))
}

fn other_pressure(facts: &Facts<'_>) -> Judged {
    let resources = facts.resources()?;
    let cpu = || {
        let cpu = seen("resources.cpu", &resources.cpu)?;
        let pressure = seen_if_there("resources.cpu.pressure", cpu.pressure.as_ref())?;
        // A limit makes tasks wait, which is not all of the time.
        Ok(pressure.and_then(|one| waited(one.some.avg60_percent, 50.0, "some", "cpu")))
    };
    let io = || {
        let io = seen_if_there("resources.io", resources.io.as_ref())?;
        let pressure = io.and_then(|io| io.pressure.as_ref());
        let pressure = seen_if_there("resources.io", pressure)?;
        let full = pressure.and_then(|one| one.full.as_ref());
        Ok(full.and_then(|full| waited(full.avg60_percent, 20.0, "all", "io")))
    };
    gather([cpu(), io()])
}

fn waited(percent: f64, most: f64, who: &str, file: &str) -> Option<Evidence> {
    let says = || format!("{who} tasks waited {percent:.0} % of the last minute ({file}.pressure)");
    (percent >= most).then(|| Evidence::new(66, says()))
}
