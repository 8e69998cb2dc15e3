//! The columns of the process table: one registry serves the default and the
//! wide table, `--columns` and `--sort`.

use std::cmp::Ordering;

use super::table::{Cell, Heading, Table};
use crate::model::byte_string::ByteString;
use crate::model::process::{Fields, Limit, Process};
use crate::model::process_details::{ProcessDetails, ProcessIo, ProcessScheduling};
use crate::model::seen::Seen;
use crate::model::time::Timestamp;
use crate::model::units::{bytes_short, cpu_time, elapsed};

/// One column.
pub(crate) struct Column {
    /// As `--columns` and `--sort` name it, which is as `ps -o` does.
    pub name: &'static str,
    /// Other names that fingers know.
    pub aliases: &'static [&'static str],
    /// Its heading and the side its cells stand on.
    pub heading: Heading,
    /// What must be read to fill it.
    pub fields: Fields,
    cell: fn(&Process, Timestamp) -> Cell,
    order: fn(&Process, &Process) -> Ordering,
}

/// The columns of `ps aux`.
pub(crate) const DEFAULT: &[&str] = &[
    "user", "pid", "%cpu", "%mem", "vsz", "rss", "tty", "stat", "start", "time", "command",
];

/// The columns of `ps -ef`.
pub(crate) const FULL: &[&str] = &[
    "user", "pid", "ppid", "%cpu", "start", "tty", "time", "command",
];

/// The columns that `--details` adds, and `-o wide` has.
pub(crate) const DETAILS: &[&str] = &[
    "wchan", "policy", "pri", "cpus", "majflt", "rbytes", "wbytes", "otherns",
];

/// The columns of `-o wide`.
pub(crate) const WIDE: &[&str] = &[
    "user",
    "uid",
    "gid",
    "pid",
    "ppid",
    "%cpu",
    "%mem",
    "vsz",
    "rss",
    "swap",
    "nlwp",
    "ni",
    "fds",
    "fdlimit",
    "oom",
    "oomadj",
    "tty",
    "stat",
    "start",
    "time",
    "wchan",
    "policy",
    "pri",
    "cpus",
    "majflt",
    "rbytes",
    "wbytes",
    "otherns",
    "container",
    "pod",
    "namespace",
    "exe",
    "cwd",
    "command",
];

/// The column of that name or alias.
#[must_use]
pub(crate) fn column(name: &str) -> Option<&'static Column> {
    COLUMNS
        .iter()
        .find(|column| column.name == name || column.aliases.contains(&name))
}

/// What must be read to show these columns.
#[must_use]
pub(crate) fn fields(columns: &[&'static Column]) -> Fields {
    columns
        .iter()
        .fold(Fields::empty(), |fields, column| fields | column.fields)
}

/// Sorts by a column, largest first where `descending`; equal ones by pid.
pub(crate) fn sort(processes: &mut [Process], by: &Column, descending: bool) {
    processes.sort_by(|a, b| {
        let order = (by.order)(a, b);
        let order = if descending { order.reverse() } else { order };
        order.then(a.pid.cmp(&b.pid))
    });
}

/// Lays processes out in rows, with children drawn below their parents where
/// `tree`, and a row for each thread where threads were read.
#[must_use]
pub(crate) fn table(
    processes: &[Process],
    columns: &[&'static Column],
    tree: bool,
    now: Timestamp,
) -> Table {
    let mut rows = Vec::with_capacity(processes.len());
    let lines = if tree {
        super::tree::depth_first(processes, |process| process.pid, |process| process.ppid)
    } else {
        processes
            .iter()
            .map(|process| (String::new(), process))
            .collect()
    };
    for (branch, process) in lines {
        let row = columns.iter().map(|column| {
            let cell = (column.cell)(process, now);
            if branch.is_empty() || column.name != "command" {
                cell
            } else {
                prefixed(&branch, cell)
            }
        });
        rows.push(row.collect());
        if let Some(Seen::Value(threads)) = &process.thread_list {
            for thread in threads.iter().filter(|thread| thread.tid != process.pid) {
                rows.push(
                    columns
                        .iter()
                        .map(|column| thread_cell(column, thread))
                        .collect(),
                );
            }
        }
    }
    Table {
        headings: columns
            .iter()
            .map(|column| column.heading.clone())
            .collect(),
        rows,
        ..Table::default()
    }
}

fn thread_cell(column: &Column, thread: &crate::model::process::Thread) -> Cell {
    match column.name {
        "pid" => Cell::number(thread.tid),
        "stat" | "state" => Cell::from(thread.state.letter().to_string()),
        "time" => Cell::from(cpu_time(thread.cpu_seconds.total())),
        "command" | "comm" => Cell::Outside(
            [b"{".as_slice(), thread.comm.as_bytes(), b"}"]
                .concat()
                .into(),
        ),
        _ => Cell::Absent,
    }
}

fn prefixed(branch: &str, cell: Cell) -> Cell {
    match cell {
        Cell::Outside(bytes) => {
            Cell::Outside([branch.as_bytes(), bytes.as_bytes()].concat().into())
        }
        Cell::Text(text) => Cell::from(format!("{branch}{text}")),
        other => other,
    }
}

fn command(process: &Process) -> Cell {
    let bracketed = |after: &str| {
        let name = [
            b"[".as_slice(),
            process.comm.as_bytes(),
            b"]",
            after.as_bytes(),
        ];
        Cell::Outside(name.concat().into())
    };
    match &process.args {
        _ if process.zombie => bracketed(" <defunct>"),
        None => bracketed(""),
        Some(Seen::Unseen(_)) => Cell::Unseen,
        Some(Seen::Value(args)) if args.iter().all(|arg| arg.text.is_empty()) => bracketed(""),
        Some(Seen::Value(args)) => {
            let words: Vec<&[u8]> = args.iter().map(|arg| arg.text.as_bytes()).collect();
            Cell::Outside(words.join(&b' ').into())
        }
    }
}

/// The STAT column of ps(1).
fn stat(process: &Process) -> String {
    let mut letters = String::from(process.state.letter());
    if process.nice < 0 {
        letters.push('<');
    } else if process.nice > 0 {
        letters.push('N');
    }
    if matches!(process.locked_bytes, Some(Seen::Value(1..))) {
        letters.push('L');
    }
    if process.session == process.pid {
        letters.push('s');
    }
    if process.threads > 1 {
        letters.push('l');
    }
    if process.foreground {
        letters.push('+');
    }
    letters
}

fn limit(limit: &Limit) -> Cell {
    match limit {
        Limit::Unlimited => "unlimited".into(),
        Limit::Value(value) => Cell::number(value),
    }
}

fn names(names: &[String]) -> Cell {
    if names.is_empty() {
        Cell::Absent
    } else {
        Cell::from(names.join(","))
    }
}

fn outside(field: Option<&Seen<ByteString>>) -> Cell {
    Cell::of(field, |bytes| Cell::from(bytes))
}

fn value<T: Copy>(field: Option<&Seen<T>>) -> Option<T> {
    field.and_then(Seen::value).copied()
}

macro_rules! columns {
    ($($name:literal $(| $alias:literal)* : $heading:expr, $fields:expr, $cell:expr, $order:expr;)*) => {
        &[$(Column {
            name: $name,
            aliases: &[$($alias),*],
            heading: $heading,
            fields: $fields,
            cell: $cell,
            order: $order,
        }),*]
    };
}

const NONE: Fields = Fields::empty();

/// Every column there is.
pub(crate) const COLUMNS: &[Column] = columns! {
    "user" | "euser" | "uname": Heading::left("USER"), NONE, |p, _| match &p.user {
        Some(Seen::Value(name)) => Cell::from(name),
        _ => Cell::number(p.uid),
    }, |a, b| value_of_name(a).cmp(&value_of_name(b));
    "uid" | "euid": Heading::right("UID"), NONE, |p, _| Cell::number(p.uid), |a, b| a.uid.cmp(&b.uid);
    "gid" | "egid": Heading::right("GID"), NONE, |p, _| Cell::number(p.gid), |a, b| a.gid.cmp(&b.gid);
    "ruid": Heading::right("RUID"), Fields::STATUS, |p, _| Cell::of(p.real_uid.as_ref(), |number| Cell::number(number)),
        |a, b| value(a.real_uid.as_ref()).cmp(&value(b.real_uid.as_ref()));
    "group" | "egroup": Heading::left("GROUP"), NONE, |p, _| match &p.group {
        Some(Seen::Value(name)) => Cell::from(name),
        _ => Cell::number(p.gid),
    }, |a, b| a.gid.cmp(&b.gid);
    "pid" | "tgid": Heading::right("PID"), NONE, |p, _| Cell::number(p.pid), |a, b| a.pid.cmp(&b.pid);
    "ppid": Heading::right("PPID"), NONE, |p, _| Cell::number(p.ppid), |a, b| a.ppid.cmp(&b.ppid);
    "nspid": Heading::right("NSPID"), Fields::STATUS, |p, _| match &p.namespace_pids {
        Some(pids) => Cell::from(pids.iter().map(i32::to_string).collect::<Vec<_>>().join(",")),
        None => Cell::Absent,
    }, |a, b| a.namespace_pids.cmp(&b.namespace_pids);
    "pgid" | "pgrp": Heading::right("PGID"), NONE, |p, _| Cell::number(p.process_group),
        |a, b| a.process_group.cmp(&b.process_group);
    "sid" | "sess" | "session": Heading::right("SID"), NONE, |p, _| Cell::number(p.session),
        |a, b| a.session.cmp(&b.session);
    "%cpu" | "pcpu" | "cpu": Heading::right("%CPU"), NONE, |p, _| Cell::of(Some(&p.cpu_percent), |percent| format!("{percent:.1}").into()),
        |a, b| percent(a).total_cmp(&percent(b));
    "%mem" | "pmem" | "mem": Heading::right("%MEM"), Fields::RSS,
        |p, _| Cell::of(p.memory_percent.as_ref(), |percent| format!("{percent:.1}").into()),
        |a, b| a.rss_bytes.cmp(&b.rss_bytes);
    "vsz" | "vsize": Heading::right("VSZ"), NONE, |p, _| bytes_short(p.virtual_bytes).into(),
        |a, b| a.virtual_bytes.cmp(&b.virtual_bytes);
    "rss" | "rssize" | "rsz": Heading::right("RSS"), Fields::RSS, |p, _| bytes_short(p.rss_bytes).into(),
        |a, b| a.rss_bytes.cmp(&b.rss_bytes);
    "swap": Heading::right("SWAP"), Fields::STATUS,
        |p, _| Cell::of(p.swap_bytes.as_ref(), |bytes| bytes_short(*bytes).into()),
        |a, b| value(a.swap_bytes.as_ref()).cmp(&value(b.swap_bytes.as_ref()));
    "pss": Heading::right("PSS"), Fields::PSS,
        |p, _| Cell::of(p.pss_bytes.as_ref(), |bytes| bytes_short(*bytes).into()),
        |a, b| value(a.pss_bytes.as_ref()).cmp(&value(b.pss_bytes.as_ref()));
    "tty" | "tt" | "tname": Heading::left("TTY"), NONE,
        |p, _| p.tty.as_ref().map_or(Cell::Absent, |tty| Cell::from(tty.clone())),
        |a, b| a.tty.cmp(&b.tty);
    "stat": Heading::left("STAT"), NONE, |p, _| stat(p).into(), |a, b| stat(a).cmp(&stat(b));
    "state" | "s": Heading::left("S"), NONE, |p, _| p.state.letter().to_string().into(),
        |a, b| a.state.letter().cmp(&b.state.letter());
    "start" | "stime" | "start_time" | "lstart": Heading::left("START"), NONE,
        |p, now| Cell::of(Some(&p.started_at), |at| at.short(now).into()), |a, b| started(a).cmp(&started(b));
    "time" | "cputime": Heading::right("TIME"), NONE, |p, _| cpu_time(p.cpu_seconds.total()).into(),
        |a, b| a.cpu_seconds.total().total_cmp(&b.cpu_seconds.total());
    "etime": Heading::right("ELAPSED"), NONE,
        |p, now| Cell::of(Some(&p.started_at), |at| elapsed(at.until(now).as_secs()).into()),
        |a, b| started(b).cmp(&started(a));
    "etimes": Heading::right("ELAPSED"), NONE,
        |p, now| Cell::of(Some(&p.started_at), |at| Cell::number(at.until(now).as_secs())),
        |a, b| started(b).cmp(&started(a));
    "nlwp" | "thcount" | "threads": Heading::right("THREADS"), NONE, |p, _| Cell::number(p.threads),
        |a, b| a.threads.cmp(&b.threads);
    "ni" | "nice": Heading::right("NICE"), NONE, |p, _| Cell::number(p.nice), |a, b| a.nice.cmp(&b.nice);
    "fds": Heading::right("FDS"), Fields::FDS, |p, _| Cell::of(p.fd_count.as_ref(), |number| Cell::number(number)),
        |a, b| value(a.fd_count.as_ref()).cmp(&value(b.fd_count.as_ref()));
    "fdlimit": Heading::right("FDLIMIT"), Fields::LIMITS,
        |p, _| Cell::of(p.fd_limit.as_ref(), |pair| limit(&pair.soft)), |a, b| a.pid.cmp(&b.pid);
    "oom": Heading::right("OOM"), Fields::OOM, |p, _| Cell::of(p.oom_score.as_ref(), |number| Cell::number(number)),
        |a, b| value(a.oom_score.as_ref()).cmp(&value(b.oom_score.as_ref()));
    "oomadj": Heading::right("OOMADJ"), Fields::OOM, |p, _| Cell::of(p.oom_score_adj.as_ref(), |number| Cell::number(number)),
        |a, b| value(a.oom_score_adj.as_ref()).cmp(&value(b.oom_score_adj.as_ref()));
    "pending": Heading::left("PENDING"), Fields::STATUS,
        |p, _| Cell::of(p.signals.as_ref(), |signals| names(&signals.pending)), |a, b| a.pid.cmp(&b.pid);
    "blocked": Heading::left("BLOCKED"), Fields::STATUS,
        |p, _| Cell::of(p.signals.as_ref(), |signals| names(&signals.blocked)), |a, b| a.pid.cmp(&b.pid);
    "ignored": Heading::left("IGNORED"), Fields::STATUS,
        |p, _| Cell::of(p.signals.as_ref(), |signals| names(&signals.ignored)), |a, b| a.pid.cmp(&b.pid);
    "caught": Heading::left("CAUGHT"), Fields::STATUS,
        |p, _| Cell::of(p.signals.as_ref(), |signals| names(&signals.caught)), |a, b| a.pid.cmp(&b.pid);
    "wchan": Heading::left("WCHAN"), Fields::WCHAN,
        |p, _| Cell::of(wait_channel(p), |name| Cell::from(name)),
        |a, b| wait_channel(a).and_then(Seen::value).cmp(&wait_channel(b).and_then(Seen::value));
    "policy" | "cls" | "class" | "sched": Heading::left("POLICY"), Fields::SCHEDULING,
        |p, _| Cell::of(scheduling(p), |one| Cell::from(one.policy.clone())),
        |a, b| of_scheduling(a, |one| one.policy.clone()).cmp(&of_scheduling(b, |one| one.policy.clone()));
    "pri" | "priority": Heading::right("PRI"), Fields::SCHEDULING,
        |p, _| Cell::of(scheduling(p), |one| Cell::number(one.priority)),
        |a, b| of_scheduling(a, |one| one.priority).cmp(&of_scheduling(b, |one| one.priority));
    "rtprio": Heading::right("RTPRIO"), Fields::SCHEDULING,
        |p, _| Cell::of(scheduling(p), |one| one.realtime_priority.map_or(Cell::Absent, Cell::number)),
        |a, b| of_scheduling(a, |one| one.realtime_priority).cmp(&of_scheduling(b, |one| one.realtime_priority));
    "majflt" | "maj_flt": Heading::right("MAJFLT"), Fields::SCHEDULING,
        |p, _| Cell::of(scheduling(p), |one| Cell::number(one.major_faults)),
        |a, b| of_scheduling(a, |one| one.major_faults).cmp(&of_scheduling(b, |one| one.major_faults));
    "minflt" | "min_flt": Heading::right("MINFLT"), Fields::SCHEDULING,
        |p, _| Cell::of(scheduling(p), |one| Cell::number(one.minor_faults)),
        |a, b| of_scheduling(a, |one| one.minor_faults).cmp(&of_scheduling(b, |one| one.minor_faults));
    "cpus": Heading::left("CPUS"), Fields::SCHEDULING,
        |p, _| Cell::of(details(p).and_then(|it| it.cpus_allowed.as_ref()), |list| Cell::from(list.clone())),
        |a, b| a.pid.cmp(&b.pid);
    "rbytes": Heading::right("READ"), Fields::IO,
        |p, _| Cell::of(io(p), |io| io.read_bytes.map_or(Cell::Absent, |bytes| bytes_short(bytes).into())),
        |a, b| of_io(a, |io| io.read_bytes).cmp(&of_io(b, |io| io.read_bytes));
    "wbytes": Heading::right("WRITTEN"), Fields::IO,
        |p, _| Cell::of(io(p), |io| io.written_bytes.map_or(Cell::Absent, |bytes| bytes_short(bytes).into())),
        |a, b| of_io(a, |io| io.written_bytes).cmp(&of_io(b, |io| io.written_bytes));
    "otherns": Heading::left("OTHERNS"), Fields::NAMESPACES,
        |p, _| Cell::of(details(p).and_then(|it| it.other_namespaces.as_ref()), |kinds| names(kinds)),
        |a, b| a.pid.cmp(&b.pid);
    "container": Heading::left("CONTAINER"), NONE,
        |p, _| p.container.as_ref().map_or(Cell::Absent, |name| Cell::Outside(name.as_str().into())),
        |a, b| a.container.cmp(&b.container);
    "pod": Heading::left("POD"), NONE,
        |p, _| pod(p).map_or(Cell::Absent, |name| Cell::Outside(name.as_str().into())),
        |a, b| pod(a).cmp(&pod(b));
    "namespace": Heading::left("NAMESPACE"), NONE,
        |p, _| p.namespace.as_ref().map_or(Cell::Absent, |name| Cell::Outside(name.as_str().into())),
        |a, b| a.namespace.cmp(&b.namespace);
    "exe": Heading::left("EXE"), Fields::EXE, |p, _| outside(p.exe.as_ref()), |a, b| {
        a.exe.as_ref().and_then(Seen::value).cmp(&b.exe.as_ref().and_then(Seen::value))
    };
    "cwd": Heading::left("CWD"), Fields::CWD, |p, _| outside(p.cwd.as_ref()), |a, b| {
        a.cwd.as_ref().and_then(Seen::value).cmp(&b.cwd.as_ref().and_then(Seen::value))
    };
    "comm" | "ucmd" | "ucomm": Heading::left("COMM"), NONE, |p, _| Cell::from(&p.comm), |a, b| a.comm.cmp(&b.comm);
    "command" | "args" | "cmd": Heading::left("COMMAND"), Fields::ARGS, |p, _| command(p), |a, b| a.comm.cmp(&b.comm);
};

/// The name of its pod, else the UID where that is needed to tell it from others.
fn pod(process: &Process) -> Option<&String> {
    process.pod.as_ref().or(process.pod_uid.as_ref())
}

fn started(process: &Process) -> Option<Timestamp> {
    process.started_at.value().copied()
}

fn percent(process: &Process) -> f64 {
    process.cpu_percent.value().copied().unwrap_or_default()
}

fn details(process: &Process) -> Option<&ProcessDetails> {
    process.details.as_deref()
}

fn wait_channel(process: &Process) -> Option<&Seen<ByteString>> {
    details(process)?.wait_channel.as_ref()
}

fn scheduling(process: &Process) -> Option<&Seen<ProcessScheduling>> {
    details(process)?.scheduling.as_ref()
}

fn of_scheduling<T>(process: &Process, pick: fn(&ProcessScheduling) -> T) -> Option<T> {
    scheduling(process)?.value().map(pick)
}

fn io(process: &Process) -> Option<&Seen<ProcessIo>> {
    details(process)?.io.as_ref()
}

fn of_io(process: &Process, pick: fn(&ProcessIo) -> Option<u64>) -> Option<u64> {
    io(process)?.value().and_then(pick)
}

fn value_of_name(process: &Process) -> Option<&ByteString> {
    process.user.as_ref().and_then(Seen::value)
}
