//! How the processes of the container run.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::facts::{Facts, NotJudged, seen, seen_if_there};
use super::rule::{Evidence, Judged, Rule, Severity, gather};
use crate::model::process::{Process, ProcessState};
use crate::model::program::OnDisk;
use crate::model::seen::Seen;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "SPY-PROC-001",
        severity: Severity::Risk,
        title: "PID 1 ignores SIGTERM",
        reads: &["processes", "processes.namespace_pids", "processes.signals"],
        why: "The kernel ignores SIGTERM for a PID 1 that has no handler, so each stop waits for the grace period and then kills.",
        remedy: "Handle SIGTERM in the application, or start it below an init (spyhole run, tini, docker run --init).",
        wrong_if: "The image sets another STOPSIGNAL that the application handles.",
        judge: no_sigterm_handler,
    },
    Rule {
        id: "SPY-PROC-002",
        severity: Severity::Problem,
        title: "Ended processes are not reaped",
        reads: &["processes", "processes.state", "processes.ppid"],
        why: "Each zombie keeps a process id until the pids limit is reached.",
        remedy: "Let the parent wait for its children, or start the application below an init (spyhole run, tini, docker run --init).",
        wrong_if: "The parent reaps them later: their number does not grow.",
        judge: zombies,
    },
    Rule {
        id: "SPY-PROC-003",
        severity: Severity::Problem,
        title: "A process is stopped",
        reads: &["processes", "processes.state"],
        why: "A stopped process does nothing until it gets SIGCONT, and keeps what it holds.",
        remedy: "Send SIGCONT, and find out who sent SIGSTOP or SIGTSTP.",
        wrong_if: "The process is being debugged.",
        judge: stopped,
    },
    Rule {
        id: "SPY-PROC-004",
        severity: Severity::Risk,
        title: "Processes wait for the kernel",
        reads: &["processes", "processes.state"],
        why: "A process in state D waits for a disk or a file system, and not even SIGKILL ends it.",
        remedy: "See what it waits for: spyhole ps --details; look at the mounts that are not local: spyhole findmnt.",
        wrong_if: "The state is another in the next look.",
        judge: disk_sleep,
    },
    Rule {
        id: "SPY-PROC-005",
        severity: Severity::Risk,
        title: "The program on disk is not the one that runs",
        reads: &["program", "program.on_disk"],
        why: "After a restart another program runs; crash dumps and symbols do not fit.",
        remedy: "Restart the container after an update of its files.",
        wrong_if: "The file was replaced by an equal one.",
        judge: replaced,
    },
    Rule {
        id: "SPY-PROC-006",
        severity: Severity::Risk,
        title: "A shell is PID 1",
        reads: &["processes", "processes.namespace_pids"],
        why: "A shell does not pass SIGTERM on to the application.",
        remedy: "Use the exec form of ENTRYPOINT, or exec in the script.",
        wrong_if: "The script traps SIGTERM and passes it on.",
        judge: shell_as_first,
    },
    Rule {
        id: "SPY-PROC-007",
        severity: Severity::Risk,
        title: "A process is traced",
        reads: &["processes", "processes.state"],
        why: "A tracer stops the process at each event: it is slow, and stands still where the tracer does.",
        remedy: "End the tracer (strace, gdb, dlv).",
        wrong_if: "The process is being debugged.",
        judge: traced,
    },
    Rule {
        id: "SPY-PROC-008",
        severity: Severity::Risk,
        title: "The program is emulated",
        reads: &["processes", "processes.exe"],
        why: "The image is for another processor: everything is many times slower, and some system calls are missing.",
        remedy: "Build or pull the image for this platform (--platform).",
        wrong_if: "The emulator is the application itself.",
        judge: emulated,
    },
];

/// `NAME (PID)`.
fn named(process: &Process) -> String {
    format!("{} ({})", process.comm.to_text(), process.pid)
}

/// The first process of a PID namespace of its own.
fn first_of_container<'a>(facts: &Facts<'a>) -> Result<Option<&'a Process>, NotJudged> {
    let processes = facts.processes()?;
    let is_first = |process: &&Process| {
        let inner = process.namespace_pids.as_ref().and_then(|pids| pids.last());
        inner == Some(&1)
    };
    // Where spyhole is in the same namespace, the number is seen as it is.
    let plain = |process: &&Process| process.pid == 1 && process.namespace_pids.is_none();
    let first = processes.iter().find(is_first);
    Ok(first.or_else(|| processes.iter().find(plain)))
}

fn no_sigterm_handler(facts: &Facts<'_>) -> Judged {
    let Some(first) = first_of_container(facts)? else {
        return Ok(Vec::new());
    };
    let signals = seen_if_there("processes.signals", first.signals.as_ref())?;
    let Some(signals) = signals.filter(|signals| !signals.caught.iter().any(|name| name == "TERM"))
    else {
        return Ok(Vec::new());
    };
    let how = if signals.ignored.iter().any(|name| name == "TERM") {
        "ignores SIGTERM"
    } else {
        "has no handler for SIGTERM"
    };
    let says = format!("{} {how} (SigCgt of its status)", named(first));
    Ok(vec![Evidence::new(70, says)])
}

fn of_state(facts: &Facts<'_>, state: ProcessState, certainty: u8, word: &str) -> Judged {
    let processes = facts.processes()?.iter();
    let of_it = processes.filter(|process| process.state == state);
    let evidence = of_it.map(|process| {
        let says = format!("{} {word}", named(process));
        Ok(Some(Evidence::new(certainty, says)))
    });
    gather(evidence.chain(unread(facts)))
}

/// That a process could not be read, which may be the one.
fn unread(facts: &Facts<'_>) -> Option<Result<Option<Evidence>, NotJudged>> {
    facts.all_processes().err().map(Err)
}

/// One may wait for its parent for a moment.
const ZOMBIES_MANY: usize = 3;

fn zombies(facts: &Facts<'_>) -> Judged {
    let processes = facts.processes()?;
    let mut by_parent = BTreeMap::<i32, usize>::new();
    for process in processes.iter().filter(|process| process.zombie) {
        *by_parent.entry(process.ppid).or_default() += 1;
    }
    let many = by_parent
        .into_iter()
        .filter(|(_, count)| *count >= ZOMBIES_MANY);
    let evidence = many.map(|(parent, count)| {
        let found = processes.iter().find(|process| process.pid == parent);
        let parent = found.map_or_else(|| format!("process {parent}"), named);
        let says = format!("{count} zombies are children of {parent}");
        Ok(Some(Evidence::new(85, says)))
    });
    gather(evidence.chain(unread(facts)))
}

fn stopped(facts: &Facts<'_>) -> Judged {
    of_state(facts, ProcessState::Stopped, 95, "is stopped (state T)")
}

fn disk_sleep(facts: &Facts<'_>) -> Judged {
    let remote = facts.mounts().unwrap_or_default().iter();
    let remote = remote.filter(|mount| is_remote(&mount.fstype.to_text()));
    let remote: Vec<String> = remote
        .map(|mount| {
            format!(
                "{} ({})",
                mount.mount_point.to_text(),
                mount.fstype.to_text()
            )
        })
        .collect();
    let processes = facts.processes()?.iter();
    let waiting = processes.filter(|process| process.state == ProcessState::DiskSleep);
    let evidence = waiting.map(|process| {
        let details = process.details.as_ref();
        let channel = details.and_then(|details| details.wait_channel.as_ref());
        let mut says = format!("{} is in state D", named(process));
        if let Some(channel) = channel.and_then(Seen::value) {
            let _ = write!(says, ", in {}", channel.to_text());
        }
        if !remote.is_empty() {
            let _ = write!(says, "; not local is {}", remote.join(", "));
        }
        // Whoever waits for a local disk mostly waits for a moment.
        let certainty = if remote.is_empty() { 71 } else { 78 };
        Ok(Some(Evidence::new(certainty, says)))
    });
    gather(evidence.chain(unread(facts)))
}

/// File systems that a server or another program answers for.
fn is_remote(fstype: &str) -> bool {
    ["nfs", "cifs", "smb", "fuse", "9p", "ceph", "lustre", "afs"]
        .iter()
        .any(|kind| fstype.starts_with(kind))
}

fn traced(facts: &Facts<'_>) -> Judged {
    let processes = facts.processes()?.iter();
    let evidence = processes.filter_map(|process| {
        let says = match (process.state, process.tracer_pid) {
            (ProcessState::Traced, _) => {
                format!("{} is stopped by a tracer (state t)", named(process))
            }
            (_, Some(tracer)) => format!(
                "{} is traced by process {tracer} (TracerPid)",
                named(process)
            ),
            _ => return None,
        };
        Some(Ok(Some(Evidence::new(76, says))))
    });
    gather(evidence.chain(unread(facts)))
}

fn emulated(facts: &Facts<'_>) -> Judged {
    let processes = facts.processes()?.iter();
    gather(processes.map(|process| {
        let exe = seen_if_there("processes.exe", process.exe.as_ref())?;
        let path = exe.map(|path| path.to_text());
        let name = path.as_deref().and_then(|path| path.rsplit('/').next());
        let is_emulator = name.is_some_and(|name| {
            let of_user = name.strip_prefix("qemu-");
            of_user.is_some_and(|rest| !rest.starts_with("system") && !rest.starts_with("img"))
                || name.starts_with("rosetta")
        });
        Ok(is_emulator.then(|| {
            let says = format!("{} runs {}", named(process), path.unwrap_or_default());
            Evidence::new(77, says)
        }))
    }))
}

fn replaced(facts: &Facts<'_>) -> Judged {
    let program = facts.program()?;
    let how = match seen_if_there("program.on_disk", program.on_disk.as_ref())? {
        Some(OnDisk::Deleted) => "was deleted",
        Some(OnDisk::Replaced) => "was replaced",
        Some(OnDisk::Same) | None => return Ok(Vec::new()),
    };
    let path = seen("program.path", &program.path)?;
    let says = format!("{} {how} since it was started", path.to_text());
    Ok(vec![Evidence::new(70, says)])
}

const SHELLS: &[&[u8]] = &[b"sh", b"bash", b"dash", b"ash", b"busybox"];

fn shell_as_first(facts: &Facts<'_>) -> Judged {
    let Some(first) = first_of_container(facts)? else {
        return Ok(Vec::new());
    };
    let children = facts.processes()?.iter();
    let mut children = children.filter(|process| process.ppid == first.pid && !process.zombie);
    let Some(child) = children
        .next()
        .filter(|_| SHELLS.contains(&first.comm.as_bytes()))
    else {
        return Ok(Vec::new());
    };
    let says = format!("{} is the parent of {}", named(first), named(child));
    Ok(vec![Evidence::new(72, says)])
}
