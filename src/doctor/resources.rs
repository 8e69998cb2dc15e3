//! What the container uses, against its limits.

use super::facts::{Facts, NotJudged, seen, seen_if_there};
use super::rule::{Evidence, Judged, Rule, Severity, gather};
use crate::model::mount::Space;
use crate::model::process::Limit;
use crate::model::resources::{CpuLimit, MemoryResources};
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
        id: "SPY-RES-010",
        severity: Severity::Problem,
        title: "The runtime's heap may grow beyond the memory limit",
        reads: &[
            "resources.memory",
            "resources.memory.limit_bytes",
            "environment.variables",
            "processes.args",
        ],
        why: "The runtime believes it has more memory than the kernel gives it: it is killed before it collects.",
        remedy: "Set the heap to about three quarters of the limit.",
        wrong_if: "The heap never gets that large.",
        judge: heap_beyond_limit,
    },
    Rule {
        id: "SPY-RES-011",
        severity: Severity::Hint,
        title: "A Go runtime does not know its CPU limit",
        reads: &[
            "program",
            "resources.cpu",
            "resources.cpu.limit_cores",
            "environment.variables",
        ],
        why: "Go before 1.25 runs as many threads as the node has processors, and is throttled.",
        remedy: "Set GOMAXPROCS to the limit, or build with Go 1.25 or later.",
        wrong_if: "The program sets it itself (automaxprocs).",
        judge: go_processors,
    },
];

fn memory<'a>(facts: &Facts<'a>) -> Result<&'a MemoryResources, NotJudged> {
    seen("resources.memory", &facts.resources()?.memory)
}

/// The limit, where there is one.
fn memory_limit(facts: &Facts<'_>) -> Result<Option<u64>, NotJudged> {
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
    let whole = facts.is_whole("open_files.deleted", "open_files", &["deleted", "files"]);
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

fn heap_beyond_limit(facts: &Facts<'_>) -> Judged {
    let Some(limit) = memory_limit(facts)? else {
        return Ok(Vec::new());
    };
    let mut settings: Vec<(String, u64)> = Vec::new();
    for (name, parse) in [
        ("GOMEMLIMIT", go_bytes as fn(&str) -> Option<u64>),
        ("JAVA_TOOL_OPTIONS", java_heap),
        ("JDK_JAVA_OPTIONS", java_heap),
        ("JAVA_OPTS", java_heap),
        ("NODE_OPTIONS", node_heap),
    ] {
        let value = facts.variable(name)?.map(|value| value.to_text());
        if let Some(bytes) = value.as_deref().and_then(parse) {
            settings.push((format!("{name} of the environment"), bytes));
        }
    }
    let main = facts.main_process()?;
    let arguments = seen_if_there("processes.args", main.args.as_ref())?;
    for argument in arguments.into_iter().flatten() {
        let text = argument.text.to_text();
        let bytes = java_heap(&text).or_else(|| node_heap(&text));
        settings.extend(bytes.map(|bytes| ("an argument".to_owned(), bytes)));
    }
    let beyond = settings.into_iter().filter(|(_, bytes)| *bytes > limit);
    let evidence = beyond.map(|(place, bytes)| {
        let says = format!(
            "{place} allows {}; the memory limit is {}",
            bytes_short(bytes),
            bytes_short(limit)
        );
        let three_quarters = bytes_short(limit / 4 * 3);
        Evidence::new(84, says).with_remedy(format!(
            "Set the heap to {three_quarters}, or raise resources.limits.memory."
        ))
    });
    Ok(evidence.collect())
}

/// `GOMEMLIMIT`: a number with `B`, `KiB`, `MiB`, `GiB`, `TiB` or nothing.
fn go_bytes(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let scale = match text.get(digits.len()..)? {
        "" | "B" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        "TiB" => 40,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_shl(scale)
}

/// The last `-Xmx` of a line of options.
fn java_heap(options: &str) -> Option<u64> {
    let last = options
        .split_ascii_whitespace()
        .filter_map(|word| word.strip_prefix("-Xmx"))
        .next_back()?;
    let digits = last.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let scale = match last.get(digits.len()..)? {
        "" => 0,
        "k" | "K" => 10,
        "m" | "M" => 20,
        "g" | "G" => 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(1 << scale)
}

/// The last `--max-old-space-size` of a line of options, in mebibytes there.
fn node_heap(options: &str) -> Option<u64> {
    let words = options.split_ascii_whitespace();
    let mut values = words.filter_map(|word| {
        word.strip_prefix("--max-old-space-size=")
            .or_else(|| word.strip_prefix("--max_old_space_size="))
    });
    values
        .next_back()?
        .parse::<u64>()
        .ok()?
        .checked_mul(1 << 20)
}

fn go_processors(facts: &Facts<'_>) -> Judged {
    let go = facts
        .program()?
        .elf
        .as_ref()
        .and_then(|elf| elf.go.as_ref());
    let Some(version) = go.and_then(|go| go.version.as_deref()) else {
        return Ok(Vec::new());
    };
    let minor = version
        .strip_prefix("go1.")
        .and_then(|rest| rest.split(['.', '-', ' ']).next())
        .and_then(|minor| minor.parse::<u32>().ok());
    let cpu = seen("resources.cpu", &facts.resources()?.cpu)?;
    let limit = seen("resources.cpu.limit_cores", &cpu.limit_cores)?;
    let (Some(minor), CpuLimit::Cores(cores)) = (minor, limit) else {
        return Ok(Vec::new());
    };
    let is_set = facts
        .variables()?
        .any(|variable| variable.name.as_bytes() == b"GOMAXPROCS");
    if minor >= 25 || is_set {
        return Ok(Vec::new());
    }
    let says = format!("{version}, a limit of {cores} cores, and no GOMAXPROCS");
    Ok(vec![Evidence::new(40, says)])
}
