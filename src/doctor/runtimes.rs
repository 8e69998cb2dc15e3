//! What runtimes are told of memory and processors, against the limits.

use super::facts::{Facts, seen, seen_if_there};
use super::resources::memory_limit;
use super::rule::{Evidence, Judged, Rule, Severity};
use crate::model::resources::CpuLimit;
use crate::model::units::bytes_short;

pub(super) const RULES: &[Rule] = &[
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
            "program.format",
            "resources.cpu",
            "resources.cpu.limit_cores",
            "environment.variables",
        ],
        why: "Go before 1.25 runs as many threads as the node has processors, and is throttled.",
        remedy: "Set GOMAXPROCS to the limit, or build with Go 1.25 or later.",
        wrong_if: "The program sets it itself (automaxprocs).",
        judge: go_processors,
    },
    Rule {
        id: "SPY-RES-015",
        severity: Severity::Hint,
        title: "More processors are configured than the CPU limit gives",
        reads: &[
            "resources.cpu",
            "resources.cpu.limit_cores",
            "environment.variables",
            "processes.args",
        ],
        why: "More threads run at once than there is time for: the cgroup is throttled in each period.",
        remedy: "Set it to the limit, rounded up, or leave it out.",
        wrong_if: "The threads mostly wait.",
        judge: configured_processors,
    },
];

fn heap_beyond_limit(facts: &Facts<'_>) -> Judged {
    let Some(limit) = memory_limit(facts)? else {
        return Ok(Vec::new());
    };
    let mut settings: Vec<(String, u64)> = Vec::new();
    for (name, parse) in [
        ("GOMEMLIMIT", go_bytes as fn(&str, u64) -> Option<u64>),
        ("JAVA_TOOL_OPTIONS", java_heap),
        ("JDK_JAVA_OPTIONS", java_heap),
        ("JAVA_OPTS", java_heap),
        ("NODE_OPTIONS", node_heap),
    ] {
        let value = facts.variable(name)?.map(|value| value.to_text());
        if let Some(bytes) = value.as_deref().and_then(|value| parse(value, limit)) {
            settings.push((format!("{name} of the environment"), bytes));
        }
    }
    let main = facts.main_process()?;
    let arguments = seen_if_there("processes.args", main.args.as_ref())?;
    for argument in arguments.into_iter().flatten() {
        let text = argument.text.to_text();
        let bytes = java_heap(&text, limit).or_else(|| node_heap(&text, limit));
        settings.extend(bytes.map(|bytes| ("an argument".to_owned(), bytes)));
    }
    // Stacks, code and what the runtime needs itself come on top of the heap.
    let most = limit / 20 * 19;
    let beyond = settings.into_iter().filter(|(_, bytes)| *bytes > most);
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
fn go_bytes(text: &str, _: u64) -> Option<u64> {
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

/// The last `-Xmx` of a line of options, or the last `-XX:MaxRAMPercentage` of the limit.
fn java_heap(options: &str, limit: u64) -> Option<u64> {
    let last_of = |option: &str| {
        let words = options.split_ascii_whitespace();
        words
            .filter_map(|word| word.strip_prefix(option))
            .next_back()
    };
    let Some(last) = last_of("-Xmx") else {
        let percent: u64 = last_of("-XX:MaxRAMPercentage=")?
            .split('.')
            .next()?
            .parse()
            .ok()?;
        return (limit / 100).checked_mul(percent);
    };
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
fn node_heap(options: &str, _: u64) -> Option<u64> {
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
    let go = facts.elf()?.and_then(|elf| elf.go.as_ref());
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
    Ok(vec![Evidence::new(46, says)])
}

fn configured_processors(facts: &Facts<'_>) -> Judged {
    let cpu = seen("resources.cpu", &facts.resources()?.cpu)?;
    let CpuLimit::Cores(cores) = seen("resources.cpu.limit_cores", &cpu.limit_cores)? else {
        return Ok(Vec::new());
    };
    let mut settings = Vec::new();
    for name in ["GOMAXPROCS", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS"] {
        if let Some(value) = facts.variable(name)? {
            settings.push((name, value.to_text().into_owned()));
        }
    }
    let arguments = seen_if_there("processes.args", facts.main_process()?.args.as_ref())?;
    for argument in arguments.into_iter().flatten() {
        settings.push(("an argument", argument.text.to_text().into_owned()));
    }
    let evidence = settings.into_iter().filter_map(|(place, text)| {
        let option = text.split("-XX:ActiveProcessorCount=").nth(1);
        let count = match (place, option) {
            ("GOMAXPROCS", _) => text.as_str(),
            (_, option) => option?.split_ascii_whitespace().next()?,
        };
        let count: u32 = count.parse().ok()?;
        let is_beyond = f64::from(count) > cores.ceil();
        let says = || format!("{place} sets {count} processors; the limit is {cores} cores");
        is_beyond.then(|| Evidence::new(46, says()))
    });
    Ok(evidence.collect())
}
