//! The overview: one screen of who a container is, what it does, what is wrong, what was not seen, and
//! where to look next.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::diagnosis::Diagnosis;
use super::facts::{SOCKET_TABLES, local_end, peer_end};
use super::layout::{cut, duration, wrapped};
use crate::model::Report;
use crate::model::byte_string::ByteString;
use crate::model::container::Container;
use crate::model::escape::escaped;
use crate::model::mount::Mount;
use crate::model::process::Limit;
use crate::model::program::Program;
use crate::model::resources::{CpuLimit, Resources};
use crate::model::seen::Seen;
use crate::model::socket::{Protocol, Socket, State};
use crate::model::units::bytes_short;

/// The room that there is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Screen {
    /// Columns.
    pub(crate) width: usize,
    /// Lines.
    pub(crate) lines: usize,
}

/// A finding is shown however small the screen is.
const FINDINGS_LEAST: usize = 1;
/// How many there may be of what else has a line each.
const DISKS: usize = 3;
const REASONS: usize = 3;

/// The lines for a terminal. Names of the target are escaped in them.
#[must_use]
pub(crate) fn overview(report: &Report, diagnosis: &Diagnosis, screen: Screen) -> Vec<String> {
    let width = screen.width;
    let mut lines = wrapped(&identity(report), width, 3);
    lines.extend(wrapped(&usage(report), width, 4));
    lines.extend(headed("listening", listening(report), width, 4));
    lines.extend(headed("connected", connected(report), width, 3));
    let unseen = unseen(report, diagnosis, width);
    let next = wrapped(&next(diagnosis), width, 2);
    // Two lines are empty.
    let taken = lines.len() + unseen.len() + next.len() + 2;
    let room = screen.lines.saturating_sub(taken).max(FINDINGS_LEAST);
    lines.push(String::new());
    lines.extend(findings(diagnosis, width, room));
    lines.extend(unseen);
    lines.push(String::new());
    lines.extend(next);
    lines
}

fn shown(bytes: &ByteString) -> String {
    escaped(bytes.as_bytes()).into_owned()
}

fn headed(heading: &str, mut parts: Vec<String>, width: usize, lines: usize) -> Vec<String> {
    if let Some(first) = parts.first_mut() {
        first.insert_str(0, &format!("{heading}  "));
    }
    wrapped(&parts, width, lines)
}

// ---- who

fn identity(report: &Report) -> Vec<String> {
    let Some(target) = &report.target else {
        return vec!["no target".to_owned()];
    };
    let containers = report.containers.iter().flatten();
    let container = containers.into_iter().find(|container| container.target);
    let processes = report.processes.as_deref().unwrap_or_default();
    let main = processes.iter().find(|process| process.pid == target.pid);
    let name = container.map(Container::label);
    let name = target.container.clone().or(name);
    let name = name.or_else(|| main?.container.clone());
    let name = name.map_or_else(
        || shown(&target.comm),
        |name| escaped(name.as_bytes()).into_owned(),
    );
    let path = report
        .program
        .as_ref()
        .and_then(|program| program.path.value());
    let path = path.or_else(|| target.exe.as_ref()?.value());
    let program = path.map_or_else(
        || format!("{} (program not seen)", shown(&target.comm)),
        shown,
    );
    let runtime = report.program.as_ref().and_then(runtime);
    let runtime = runtime.map_or_else(String::new, |runtime| format!(" ({runtime})"));
    let user = main.and_then(|main| main.user.as_ref()?.value());
    let user = user.map_or_else(String::new, |user| format!(" ({})", shown(user)));
    let mut parts = vec![
        name,
        format!("{program}{runtime}"),
        format!("pid {}", target.pid),
        format!("uid {}{user}", target.uid),
    ];
    let started = main.map(|main| &main.started_at);
    let started = started.or(container.map(|container| &container.started_at));
    if let Some(started) = started.and_then(Seen::value) {
        let age = started.until(report.taken_at).as_secs();
        parts.push(format!("up {}", duration(age)));
    }
    let pod = target.pod.as_ref().map(|pod| {
        let namespace = target.namespace.as_deref().unwrap_or("?");
        format!("pod {namespace}/{pod}")
    });
    let pod = pod.or_else(|| target.pod_uid.as_ref().map(|uid| format!("pod {uid}")));
    parts.extend(pod.map(|pod| escaped(pod.as_bytes()).into_owned()));
    let engine = container.and_then(|container| container.runtime.as_ref());
    parts.extend(engine.map(|engine| format!("by {}", escaped(engine.as_bytes()))));
    let zombies = processes.iter().filter(|process| process.zombie).count();
    let plural = if processes.len() == 1 { "" } else { "es" };
    let zombies = match zombies {
        0 => String::new(),
        count => format!(", {count} not reaped"),
    };
    parts.push(format!("{} process{plural}{zombies}", processes.len()));
    parts
}

/// What runs the program, with its version.
fn runtime(program: &Program) -> Option<String> {
    if let Some(runtime) = &program.runtime {
        let version = shown(&runtime.version);
        return Some(format!("{} {version}", escaped(runtime.name.as_bytes())));
    }
    let elf = program.elf.as_ref()?;
    let go = elf.go.as_ref().and_then(|go| go.version.as_deref());
    if let Some(version) = go {
        let version = version.strip_prefix("go").unwrap_or(version);
        return Some(format!("Go {}", escaped(version.as_bytes())));
    }
    elf.rust.as_ref().map(|_| "Rust".to_owned())
}

// ---- what it uses

fn usage(report: &Report) -> Vec<String> {
    let mut parts = Vec::new();
    if let Some(resources) = &report.resources {
        parts.extend(processor(resources));
        parts.extend(memory(resources));
        parts.extend(tasks(resources));
    }
    parts.extend(descriptors(report));
    parts.extend(disks(report));
    parts
}

fn processor(resources: &Resources) -> Option<String> {
    let Seen::Value(cpu) = &resources.cpu else {
        return Some("CPU ?".to_owned());
    };
    let used = cpu.used_cores.as_ref().and_then(Seen::value);
    let mut text = match (used, &cpu.limit_cores) {
        (Some(used), Seen::Value(CpuLimit::Cores(limit))) => {
            format!("CPU {used:.2} of {limit:.2} cores")
        }
        (None, Seen::Value(CpuLimit::Cores(limit))) => format!("CPU limit {limit:.2} cores"),
        (Some(used), Seen::Value(CpuLimit::Unlimited)) => format!("CPU {used:.2} cores"),
        (Some(used), Seen::Unseen(_)) => format!("CPU {used:.2} of ? cores"),
        (None, _) => return None,
    };
    let count = |field: &Option<Seen<u64>>| field.as_ref().and_then(Seen::value).copied();
    let periods = count(&cpu.periods).unwrap_or(0);
    let throttled = count(&cpu.throttled_periods).unwrap_or(0);
    let percent = throttled.saturating_mul(100).checked_div(periods);
    if let Some(percent) = percent.filter(|percent| *percent > 0) {
        let _ = write!(text, ", throttled {percent} %");
    }
    Some(text)
}

fn memory(resources: &Resources) -> Option<String> {
    let Seen::Value(memory) = &resources.memory else {
        return Some("memory ?".to_owned());
    };
    let used = match memory.current_bytes.as_ref()? {
        Seen::Value(bytes) => bytes_short(*bytes),
        Seen::Unseen(_) => "?".to_owned(),
    };
    let kills = memory.oom_kills.as_ref().and_then(Seen::value);
    let kills = kills.filter(|kills| **kills > 0);
    let kills = kills.map_or_else(String::new, |kills| format!(", OOM kills {kills}"));
    let limit = limited(&memory.limit_bytes, bytes_short, memory.used_percent);
    Some(format!("memory {used}{limit}{kills}"))
}

fn tasks(resources: &Resources) -> Option<String> {
    let Seen::Value(pids) = &resources.pids else {
        return Some("tasks ?".to_owned());
    };
    let current = pids.current.as_ref()?.value()?;
    let limit = limited(&pids.limit, |limit| limit.to_string(), pids.used_percent);
    Some(format!("tasks {current}{limit}"))
}

/// ` of LIMIT (PERCENT %)`, where there is one.
fn limited(limit: &Seen<Limit>, show: impl Fn(u64) -> String, percent: Option<f64>) -> String {
    match limit {
        Seen::Value(Limit::Unlimited) => String::new(),
        Seen::Value(Limit::Value(limit)) => {
            let percent = percent.map_or_else(String::new, |percent| format!(" ({percent:.0} %)"));
            format!(" of {}{percent}", show(*limit))
        }
        Seen::Unseen(_) => " of ?".to_owned(),
    }
}

/// Of the process that is nearest to its limit.
fn descriptors(report: &Report) -> Option<String> {
    let processes = &report.open_files.as_ref()?.processes;
    let percent = |percent: Option<f64>| percent.unwrap_or(0.0);
    let nearest = processes
        .iter()
        .filter(|process| process.fd_count.as_ref().and_then(Seen::value).is_some())
        .max_by(|one, other| percent(one.used_percent).total_cmp(&percent(other.used_percent)));
    let Some(nearest) = nearest else {
        return (!processes.is_empty()).then(|| "open files ?".to_owned());
    };
    let count = nearest.fd_count.as_ref()?.value()?;
    let limit = match nearest.fd_limit.as_ref().and_then(Seen::value)?.soft {
        Limit::Value(limit) => format!(" of {limit}"),
        Limit::Unlimited => String::new(),
    };
    let whose = if processes.len() > 1 {
        format!(" (pid {})", nearest.pid)
    } else {
        String::new()
    };
    Some(format!("open files {count}{limit}{whose}"))
}

/// The fullest file systems, each once.
fn disks(report: &Report) -> Vec<String> {
    let mounts = report.mounts.as_ref().and_then(Seen::value);
    let space = |mount: &Mount| mount.space.as_ref()?.value().cloned();
    // An overlay has the numbers of the file system below it.
    let mut known = BTreeSet::new();
    let mut full: Vec<(u8, &Mount)> = mounts
        .into_iter()
        .flatten()
        .filter(|mount| !mount.hidden && !mount.masked)
        .filter_map(|mount| {
            let space = space(mount)?;
            let share = space.used_percent.filter(|share| *share > 0)?;
            let is_new = known.insert((space.size_bytes, space.used_bytes));
            is_new.then_some((share, mount))
        })
        .collect();
    full.sort_by_key(|(share, _)| std::cmp::Reverse(*share));
    let disk =
        |(share, mount): &(u8, &Mount)| format!("disk {} {share} %", shown(&mount.mount_point));
    full.iter().take(DISKS).map(disk).collect()
}

// ---- what it does

/// A socket of a process of the target, as far as that was seen.
fn is_own(socket: &Socket) -> bool {
    let owners = socket.owners.as_ref().and_then(Seen::value);
    !socket.held_elsewhere && owners.is_none_or(|owners| !owners.is_empty())
}

fn sockets(report: &Report) -> Option<&[Socket]> {
    let sources = report.socket_sources.as_deref().unwrap_or_default();
    let is_read = sources.iter().any(|source| !source.sources.is_empty());
    let sockets = report.sockets.as_deref()?;
    (is_read || !sockets.is_empty()).then_some(sockets)
}

fn is_listener(socket: &Socket) -> bool {
    match socket.protocol {
        Protocol::Tcp => socket.state == State::Listen,
        Protocol::Udp => socket.state == State::Unconnected && socket.local_port.is_some(),
        _ => false,
    }
}

fn listening(report: &Report) -> Vec<String> {
    let Some(sockets) = sockets(report) else {
        return vec!["not seen".to_owned()];
    };
    let (own, others): (Vec<&Socket>, Vec<&Socket>) = sockets
        .iter()
        .filter(|socket| is_listener(socket))
        .partition(|socket| is_own(socket));
    let mut parts: Vec<String> = Vec::new();
    for socket in own {
        let mut text = local_end(socket);
        if socket.protocol == Protocol::Udp {
            text.push_str("/udp");
        }
        let owners_unseen = matches!(socket.owners, Some(Seen::Unseen(_)));
        let remarks = [
            (socket.loopback_only == Some(true), "loopback only"),
            (socket.accept_queue_full(), "accept queue full"),
            (owners_unseen, "owner not seen"),
        ];
        let remarks: Vec<&str> = remarks
            .into_iter()
            .filter_map(|(holds, remark)| holds.then_some(remark))
            .collect();
        if !remarks.is_empty() {
            let _ = write!(text, " ({})", remarks.join(", "));
        }
        // Several workers may listen on one port.
        if !parts.contains(&text) {
            parts.push(text);
        }
    }
    if parts.is_empty() {
        let mut gaps = report.gaps.iter();
        let is_partial =
            gaps.any(|gap| gap.section == "sockets" && SOCKET_TABLES.contains(&gap.field.as_str()));
        let word = if is_partial {
            "not all seen"
        } else {
            "nothing"
        };
        parts.push(word.to_owned());
    }
    if !others.is_empty() {
        parts.push(format!("{} outside this container", others.len()));
    }
    parts
}

/// Connections by peer, or by the listener that took them; the most first.
fn connected(report: &Report) -> Vec<String> {
    let sockets = sockets(report).unwrap_or_default();
    let own: Vec<&Socket> = sockets
        .iter()
        .filter(|socket| socket.protocol == Protocol::Tcp && is_own(socket))
        .collect();
    let listening: BTreeSet<Option<u32>> = own
        .iter()
        .filter(|socket| socket.state == State::Listen)
        .map(|socket| socket.local_port)
        .collect();
    let mut counts = BTreeMap::<(String, State), usize>::new();
    let mut peers = BTreeMap::<String, BTreeSet<String>>::new();
    for socket in own {
        // What has ended is no connection, though the kernel remembers it.
        if matches!(
            socket.state,
            State::Listen
                | State::Unconnected
                | State::TimeWait
                | State::Close
                | State::BoundInactive
        ) {
            continue;
        }
        let end = if listening.contains(&socket.local_port) {
            let port = socket.local_port.unwrap_or_default();
            let peer = socket.peer_address.map(|address| address.to_string());
            let end = format!("in :{port}");
            peers.entry(end.clone()).or_default().extend(peer);
            end
        } else {
            format!("out {}", peer_end(socket))
        };
        *counts.entry((end, socket.state)).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let part = |((end, state), count): ((String, State), usize)| {
        let from = peers.get(&end).map(BTreeSet::len);
        let from = from.map_or_else(String::new, |peers| format!(" from {peers}"));
        let state = match state {
            State::Established => "",
            state => &format!(" {}", state.as_str()),
        };
        format!("{end} ×{count}{from}{state}")
    };
    counts.into_iter().map(part).collect()
}

// ---- what is wrong, what was not seen, and where to look

fn findings(diagnosis: &Diagnosis, width: usize, room: usize) -> Vec<String> {
    if diagnosis.findings.is_empty() {
        let judged = diagnosis.rules_judged;
        return vec![format!("nothing found; {judged} rules judged")];
    }
    let all = diagnosis.findings.len();
    let fitting = if all > room {
        room.saturating_sub(1).max(1)
    } else {
        all
    };
    let mut lines: Vec<String> = Vec::new();
    for finding in diagnosis.findings.iter().take(fitting) {
        let severity = finding.severity.as_str().to_uppercase();
        let evidence = finding
            .evidence
            .first()
            .map(String::as_str)
            .unwrap_or_default();
        let text = format!(
            "{severity:<7}  {}  {}: {evidence}",
            finding.id, finding.title
        );
        lines.push(cut(&escaped(text.as_bytes()), width));
    }
    if all > fitting && room > 1 {
        lines.push(format!("and {} more: spyhole doctor", all - fitting));
    }
    lines
}

/// A line for each reason for which something was not read, and how many rules that left unjudged.
fn unseen(report: &Report, diagnosis: &Diagnosis, width: usize) -> Vec<String> {
    let mut by_reason: Vec<(&'static str, Vec<&str>)> = Vec::new();
    for gap in &report.gaps {
        let reason = gap.reason.describe();
        let section = gap.section.as_str();
        match by_reason.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, sections)) if sections.contains(&section) => {}
            Some((_, sections)) => sections.push(section),
            None => by_reason.push((reason, vec![section])),
        }
    }
    let unjudged = diagnosis.not_judged.len();
    let mut lines = Vec::new();
    let left_out = by_reason.len().saturating_sub(REASONS);
    for (reason, sections) in by_reason.iter().take(REASONS) {
        let text = format!("not all seen, {reason}: {}", sections.join(", "));
        lines.push(cut(&escaped(text.as_bytes()), width));
    }
    if unjudged > 0 || !lines.is_empty() {
        let more = match left_out {
            0 => String::new(),
            count => format!("{count} more reasons; "),
        };
        let command = if report.gaps.is_empty() {
            "spyhole doctor"
        } else {
            "spyhole access"
        };
        let plural = if unjudged == 1 { "" } else { "s" };
        lines.push(format!(
            "{more}{unjudged} rule{plural} not judged: {command}"
        ));
    }
    lines
}

/// The command that shows more of what a family of rules is about.
const VIEWS: &[(&str, &str)] = &[
    ("SPY-NET-", "spyhole ss -tanp"),
    ("SPY-PROC-", "spyhole ps --tree"),
    ("SPY-RES-", "spyhole resources"),
    ("SPY-SEC-", "spyhole caps"),
    ("SPY-IMG-", "spyhole program"),
    ("SPY-CERT-", "spyhole certs --served"),
    ("SPY-K8S-", "spyhole mounts"),
];

fn next(diagnosis: &Diagnosis) -> Vec<String> {
    let Some(worst) = diagnosis.findings.first() else {
        let all = ["next: spyhole ps", "spyhole ss -tulpn", "spyhole dump"];
        return all.map(str::to_owned).to_vec();
    };
    let view = VIEWS
        .iter()
        .find(|(family, _)| worst.id.starts_with(family));
    let view = view.map_or("spyhole dump", |(_, command)| command);
    vec![
        "next: spyhole doctor".to_owned(),
        format!("spyhole explain {}", worst.id),
        view.to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use unicode_width::UnicodeWidthStr;

    use super::*;
    use crate::doctor::{Expectations, examine};
    use crate::model::read;

    const SOUND: &str = include_str!("tests/sound.json");

    fn shown_of(document: &Value, screen: Screen) -> Vec<String> {
        let report = read::read(document.to_string().as_bytes()).unwrap();
        overview(&report, &examine(&report, &Expectations::default()), screen)
    }

    fn screen(width: usize, lines: usize) -> Screen {
        Screen { width, lines }
    }

    #[test]
    fn a_sound_container_on_a_wide_screen() {
        let document = serde_json::from_str(SOUND).unwrap();
        let lines = shown_of(&document, screen(200, 30));
        let text = lines.join("\n");
        for part in [
            "cccccccccccc  /app/webapp (Go 1.",
            "pid 7  uid 65532 (app)  up 1s",
            "2 processes",
            "CPU 0.05 of 0.50 cores  memory 728Ki of 256Mi (0 %)  tasks 3 of 2048 (0 %)",
            "disk / 56 %",
            "listening  0.0.0.0:8080",
            "nothing found; ",
            "next: spyhole ps",
        ] {
            assert!(text.contains(part), "no {part:?} in\n{text}");
        }
    }

    #[test]
    fn what_was_not_seen_is_no_nothing() {
        let mut document: Value = serde_json::from_str(SOUND).unwrap();
        document["sockets"] = json!([]);
        document["resources"]["memory"] = Value::Null;
        document["gaps"] = json!([
            {"section": "sockets", "field": "tcp", "reason": "uid", "count": 1, "subjects": [7]},
            {"section": "resources", "field": "memory", "reason": "uid", "count": 1, "subjects": [7]},
        ]);
        let text = shown_of(&document, screen(100, 30)).join("\n");
        assert!(
            text.contains("listening  not seen") && text.contains("memory ?"),
            "{text}"
        );
        assert!(
            text.contains("not all seen, not the same user: sockets, resources"),
            "{text}"
        );
        assert!(text.contains("not judged: spyhole access"), "{text}");
    }

    #[test]
    fn the_screen_bounds_it_whatever_the_names_are() {
        let mut document: Value = serde_json::from_str(SOUND).unwrap();
        let hostile = "x\u{1b}[2J\n\u{202e}".repeat(50);
        document["target"]["container"] = hostile.as_str().into();
        document["program"]["path"] = hostile.as_str().into();
        document["mounts"][1]["mount_point"] = hostile.as_str().into();
        document["mounts"][1]["space"]["used_percent"] = 97.into();
        let mut sockets = Vec::new();
        for port in 1..500 {
            let mut socket = document["sockets"][0].clone();
            socket["local_port"] = port.into();
            if port % 2 == 0 {
                socket["state"] = "close_wait".into();
                socket["peer_address"] = format!("10.0.0.{}", port % 200).into();
                socket["peer_port"] = (port + 1000).into();
            }
            sockets.push(socket);
        }
        document["sockets"] = sockets.into();
        for (width, most) in [(40, 30), (80, 30), (200, 30), (80, 20)] {
            let lines = shown_of(&document, screen(width, most));
            assert!(lines.len() <= most, "{}\n{}", lines.len(), lines.join("\n"));
            for line in &lines {
                assert!(line.width() <= width, "{width}: {line}");
                assert!(!line.contains(crate::model::escape::must_hide), "{line:?}");
            }
            assert!(
                lines.iter().any(|line| line.starts_with("PROBLEM")),
                "{lines:?}"
            );
            assert!(lines.last().unwrap().contains("spyhole"), "{lines:?}");
        }
    }
}
