//! The section `processes`.

use std::collections::HashMap;
use std::time::Duration;

use clap::Args;
use serde::Deserialize;

use super::look::{Needs, Scope};
use super::section::{Detail, Query};
use super::view::View;
use super::walk::{Attempt, Facts, Files};
use crate::model::gap::{Reason, Refusal};
use crate::model::process::{
    CpuSeconds, Fields, Limit, LimitPair, Process, ProcessState, Signals, Thread,
};
use crate::model::process_table::{self, Column};
use crate::model::secret::Argument;
use crate::model::seen::Seen;
use crate::model::time::Timestamp;
use crate::model::{ByteString, Report, Table};
use crate::parse::limits::{self, Limits};
use crate::parse::stat::Stat;
use crate::parse::status::Status;
use crate::parse::{signals, system, tty};
use crate::sys::clock::Clock;

/// Flags of `spyhole processes`.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProcessesQuery {
    /// Every process in sight, not only the target's.
    #[arg(short = 'A', long, short_alias = 'e')]
    pub all: bool,
    /// Parents above their children.
    #[arg(long, alias = "forest", short_alias = 'H')]
    pub tree: bool,
    /// A row for each thread.
    #[arg(short = 'L', long, short_alias = 'T')]
    pub threads: bool,
    /// More columns, as `ps -f`.
    #[arg(short = 'f', long)]
    pub full: bool,
    /// Also the proportional share of memory (reads smaps_rollup, which costs time).
    #[arg(long)]
    pub pss: bool,
    /// Measure %CPU over this time instead of since the start, such as 500ms.
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    #[serde(deserialize_with = "duration")]
    pub sample: Option<Duration>,
    /// Sort by a column; `-` before it for largest first, as `--sort=-rss`.
    #[arg(long, value_name = "COLUMN", allow_hyphen_values = true)]
    pub sort: Option<String>,
    /// These columns, as `ps -o` names them: pid,ppid,user,rss,args,…
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub columns: Vec<String>,
    /// Only these process ids.
    #[arg(short = 'p', long = "pids", value_name = "LIST", value_delimiter = ',')]
    pub pids: Vec<i32>,
    /// Only processes with this name.
    #[arg(short = 'C', long, value_name = "NAME")]
    pub name: Option<String>,
    /// Only processes of this user (name or uid).
    #[arg(short = 'u', long, value_name = "USER")]
    pub user: Option<String>,
    /// Only processes in these states: letters as in STAT, such as Z or DR.
    #[arg(long, value_name = "LETTERS")]
    pub state: Option<String>,
    /// `aux`, `ax` and the like are taken as the default view that they ask for.
    #[arg(value_name = "BSD", hide = true)]
    pub bsd: Vec<String>,
}

const SECTION: &str = ProcessesQuery::NAME;

impl Query for ProcessesQuery {
    const NAME: &'static str = "processes";
    const ALIASES: &'static [&'static str] = &["ps"];
    const ABOUT: &'static str = "Processes: tree, threads, memory, CPU, signals";
    const EXAMPLE: &'static str = "spyhole ps --tree --columns user,pid,rss,command";

    fn check(&self) -> Result<(), String> {
        for name in self
            .columns
            .iter()
            .map(String::as_str)
            .chain(self.sort_name())
        {
            if process_table::column(name).is_none() {
                return Err(format!(
                    "there is no column {name:?}; there are: {}",
                    column_names()
                ));
            }
        }
        match self
            .bsd
            .iter()
            .find(|word| !word.bytes().all(|letter| b"aefuxlwAL-".contains(&letter)))
        {
            Some(word) => Err(format!(
                "{word:?} is no process filter; use -p PIDS, -C NAME or -u USER"
            )),
            None => Ok(()),
        }
    }

    fn needs(&self, detail: Detail) -> Needs {
        let wanted = self.fields(detail);
        let files = [
            (Fields::STATUS, Files::STATUS),
            (Fields::ARGS, Files::CMDLINE),
            (Fields::EXE, Files::EXE),
            (Fields::CWD, Files::CWD),
            (Fields::FDS, Files::FD_COUNT),
            (Fields::LIMITS, Files::LIMITS),
            (Fields::OOM, Files::OOM),
            (Fields::PSS, Files::SMAPS_ROLLUP),
            (Fields::THREADS, Files::TASKS),
        ];
        let files = files
            .into_iter()
            .filter(|(field, _)| wanted.contains(*field))
            .fold(Files::empty(), |files, (_, file)| files | file);
        let scope = if self.all { Scope::All } else { Scope::Target };
        Needs {
            files,
            scope,
            target: !self.all,
        }
    }

    fn fill(&self, view: &mut View, report: &mut Report) {
        let mut filler = Filler::new(view, self.sample);
        let facts = std::mem::take(&mut filler.view.facts);
        let mut processes = Vec::with_capacity(facts.len());
        for facts in facts.iter().filter(|facts| facts.read) {
            if self.keeps_cheaply(facts) {
                processes.push(filler.process(facts));
            }
        }
        view.facts = facts;
        if let Some(user) = &self.user {
            processes.retain(|process| {
                let named = matches!(&process.user, Some(Seen::Value(name)) if name.as_bytes() == user.as_bytes());
                named || process.uid.to_string() == *user
            });
        }
        if let Some(column) = self.sort_name().and_then(process_table::column) {
            let descending = self.sort.as_ref().is_some_and(|name| name.starts_with('-'));
            process_table::sort(&mut processes, column, descending);
        }
        report.processes = Some(processes);
    }

    fn tables(&self, report: &Report, detail: Detail) -> Vec<Table> {
        let processes = report.processes.as_deref().unwrap_or_default();
        vec![process_table::table(
            processes,
            &self.shown(detail),
            self.tree,
            report.taken_at,
        )]
    }
}

impl ProcessesQuery {
    fn shown(&self, detail: Detail) -> Vec<&'static Column> {
        let names: Vec<&str> = match (self.columns.is_empty(), detail) {
            (false, _) => self.columns.iter().map(String::as_str).collect(),
            (true, Detail::Wide) => process_table::WIDE.to_vec(),
            (true, _) if self.full => process_table::FULL.to_vec(),
            (true, _) => process_table::DEFAULT.to_vec(),
        };
        names
            .into_iter()
            .filter_map(process_table::column)
            .collect()
    }

    fn fields(&self, detail: Detail) -> Fields {
        let mut fields = match detail {
            Detail::Document => Fields::DOCUMENT,
            Detail::Table | Detail::Wide => process_table::fields(&self.shown(detail)),
        };
        if let Some(column) = self.sort_name().and_then(process_table::column) {
            fields |= column.fields;
        }
        fields.set(Fields::PSS, fields.contains(Fields::PSS) || self.pss);
        fields.set(Fields::THREADS, self.threads);
        fields
    }

    /// The column to sort by, without its sign.
    fn sort_name(&self) -> Option<&str> {
        self.sort
            .as_deref()
            .map(|name| name.trim_start_matches(['-', '+']))
    }

    /// The filters that need no name.
    fn keeps_cheaply(&self, facts: &Facts) -> bool {
        let name = self
            .name
            .as_ref()
            .is_none_or(|name| facts.stat.comm == name.as_bytes());
        let state = self
            .state
            .as_ref()
            .is_none_or(|letters| letters.as_bytes().contains(&facts.stat.state));
        name && state && (self.pids.is_empty() || self.pids.contains(&facts.pid))
    }
}

fn column_names() -> String {
    let names: Vec<&str> = process_table::COLUMNS
        .iter()
        .map(|column| column.name)
        .collect();
    names.join(", ")
}

fn duration<'de, D: serde::Deserializer<'de>>(source: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(source)?;
    humantime::parse_duration(&text)
        .map(Some)
        .map_err(serde::de::Error::custom)
}

/// Turns facts into processes; records what is missing.
struct Filler<'a> {
    view: &'a mut View,
    memory_bytes: Attempt<u64>,
    /// Percent of a processor during `--sample`, by pid.
    sampled: Option<HashMap<i32, f64>>,
}

impl<'a> Filler<'a> {
    fn new(view: &'a mut View, sample: Option<Duration>) -> Self {
        let sampled = sample.map(|time| sampled(view, time));
        Self {
            memory_bytes: memory_bytes(view),
            view,
            sampled,
        }
    }

    fn process(&mut self, facts: &Facts) -> Process {
        let (stat, clock) = (&facts.stat, self.view.clock);
        let zombie = stat.state == b'Z';
        let started_at = Timestamp(clock.at_ticks(stat.starttime_ticks));
        let cpu_seconds = cpu_seconds(stat, &clock);
        let rss_bytes = stat.rss_pages.saturating_mul(clock.page_bytes);
        let (user, group) = self.names(facts);
        let status = facts.status.as_ref();
        let (exe, exe_deleted) = self.exe(facts);
        Process {
            pid: facts.pid,
            ppid: stat.ppid,
            namespace_pids: status.and_then(|status| inner_pids(status.as_ref().ok()?)),
            uid: facts.uid,
            gid: facts.gid,
            real_uid: self.of_status(facts, "real_uid", |status| status.uid.map(|ids| ids.real)),
            real_gid: self.of_status(facts, "real_gid", |status| status.gid.map(|ids| ids.real)),
            user,
            group,
            state: ProcessState::from_letter(stat.state),
            comm: stat.comm.as_slice().into(),
            args: self.args(facts),
            exe,
            exe_deleted,
            cwd: self.optional(facts, "cwd", facts.cwd.as_ref(), |path| {
                path.as_slice().into()
            }),
            tty: tty::name(stat.tty_nr),
            process_group: stat.pgrp,
            session: stat.session,
            foreground: stat.tpgid > 0 && stat.tpgid == stat.pgrp,
            threads: i64::from(stat.num_threads),
            nice: stat.nice,
            started_at,
            cpu_seconds,
            cpu_percent: self.cpu_percent(facts, cpu_seconds),
            rss_bytes,
            memory_percent: self.memory_percent(facts.pid, rss_bytes),
            virtual_bytes: stat.vsize_bytes,
            swap_bytes: self.of_memory(facts, "swap_bytes", |status| status.vm_swap_bytes),
            locked_bytes: self.of_memory(facts, "locked_bytes", |status| status.vm_lck_bytes),
            pss_bytes: self.pss_bytes(facts),
            fd_count: self.optional(facts, "fd_count", facts.fd_count.as_ref(), |count| *count),
            fd_limit: facts.limits.as_ref().map(|attempt| {
                self.view
                    .gaps
                    .seen(SECTION, "fd_limit", facts.pid, fd_limit(attempt))
            }),
            oom_score: self.oom(facts, "oom_score", 0),
            oom_score_adj: self.oom(facts, "oom_score_adj", 1),
            container: self.view.label(&facts.identity),
            signals: self.of_status(facts, "signals", signals_of),
            zombie,
            kernel_thread: stat.is_kernel_thread(),
            thread_list: facts.tasks.as_ref().map(|attempt| {
                let threads = attempt.as_ref().map(|tasks| threads(tasks, &clock));
                self.view.gaps.seen(
                    SECTION,
                    "thread_list",
                    facts.pid,
                    threads.map_err(Clone::clone),
                )
            }),
        }
    }

    fn names(&mut self, facts: &Facts) -> (Option<Seen<ByteString>>, Option<Seen<ByteString>>) {
        let View {
            held,
            gaps,
            visitor,
            ..
        } = &mut *self.view;
        // Only the target's own files say what its ids are called.
        let Some(held) = held
            .as_ref()
            .filter(|held| held.identity.key == facts.identity.key)
        else {
            return (None, None);
        };
        match held.names(&visitor.viewer) {
            Ok(names) => {
                let name = |name: Option<&[u8]>| name.map(|name| Seen::Value(name.into()));
                (
                    name(names.users.name(facts.uid)),
                    name(names.groups.name(facts.gid)),
                )
            }
            Err(refusal) => (
                Some(Seen::Unseen(
                    gaps.record(SECTION, "user", facts.pid, refusal),
                )),
                Some(Seen::Unseen(
                    gaps.record(SECTION, "group", facts.pid, refusal),
                )),
            ),
        }
    }

    fn args(&mut self, facts: &Facts) -> Option<Seen<Vec<Argument>>> {
        let redactor = &self.view.redactor;
        let attempt = facts
            .args
            .as_ref()?
            .as_ref()
            .map(|args| redactor.arguments(args));
        Some(
            self.view
                .gaps
                .seen(SECTION, "args", facts.pid, attempt.map_err(Clone::clone)),
        )
    }

    fn exe(&mut self, facts: &Facts) -> (Option<Seen<ByteString>>, Option<bool>) {
        // The kernel marks a removed file by this suffix.
        const DELETED: &[u8] = b" (deleted)";
        let path = |path: &Vec<u8>| path.strip_suffix(DELETED).unwrap_or(path).into();
        let deleted = match &facts.exe {
            Some(Ok(Some(path))) => Some(path.ends_with(DELETED)),
            _ => None,
        };
        (
            self.optional(facts, "exe", facts.exe.as_ref(), path),
            deleted,
        )
    }

    fn cpu_percent(&self, facts: &Facts, used: CpuSeconds) -> f64 {
        if let Some(sampled) = &self.sampled {
            return sampled.get(&facts.pid).copied().unwrap_or_default();
        }
        let clock = &self.view.clock;
        let age = clock
            .since_boot
            .saturating_sub(clock.duration(facts.stat.starttime_ticks));
        if age.is_zero() {
            0.0
        } else {
            rounded(used.total() / age.as_secs_f64() * 100.0)
        }
    }

    fn memory_percent(&mut self, pid: i32, rss_bytes: u64) -> Option<Seen<f64>> {
        let attempt = match &self.memory_bytes {
            Ok(all) => Ok(rounded(rss_bytes as f64 / (*all).max(1) as f64 * 100.0)),
            Err(refusal) => Err(refusal.clone()),
        };
        Some(self.view.gaps.seen(SECTION, "memory_percent", pid, attempt))
    }

    fn pss_bytes(&mut self, facts: &Facts) -> Option<Seen<u64>> {
        let attempt = match facts.smaps.as_ref()? {
            Ok(None) => return None,
            Ok(Some(rollup)) => rollup.pss_bytes.ok_or(Refusal::of(Reason::Unsupported)),
            Err(refusal) => Err(refusal.clone()),
        };
        Some(
            self.view
                .gaps
                .seen(SECTION, "pss_bytes", facts.pid, attempt),
        )
    }

    fn oom(&mut self, facts: &Facts, field: &str, which: usize) -> Option<Seen<i64>> {
        let attempt = facts.oom.as_ref()?.get(which)?.clone();
        Some(self.view.gaps.seen(SECTION, field, facts.pid, attempt))
    }

    /// A field of memory, which zombies and kernel threads do not have.
    fn of_memory(
        &mut self,
        facts: &Facts,
        field: &str,
        pick: fn(&Status) -> Option<u64>,
    ) -> Option<Seen<u64>> {
        let bodiless = facts.stat.state == b'Z' || facts.stat.is_kernel_thread();
        if bodiless {
            None
        } else {
            self.of_status(facts, field, pick)
        }
    }

    /// A field of `status`; a line that this kernel lacks is a gap.
    fn of_status<T>(
        &mut self,
        facts: &Facts,
        field: &str,
        pick: fn(&Status) -> Option<T>,
    ) -> Option<Seen<T>> {
        let attempt = match facts.status.as_ref()? {
            Ok(status) => pick(status).ok_or(Refusal::of(Reason::Unsupported)),
            Err(refusal) => Err(refusal.clone()),
        };
        Some(self.view.gaps.seen(SECTION, field, facts.pid, attempt))
    }

    /// A field that some processes do not have at all.
    fn optional<T, U>(
        &mut self,
        facts: &Facts,
        field: &str,
        attempt: Option<&Attempt<Option<T>>>,
        change: impl FnOnce(&T) -> U,
    ) -> Option<Seen<U>> {
        match attempt? {
            Ok(None) => None,
            Ok(Some(value)) => Some(Seen::Value(change(value))),
            Err(refusal) => Some(Seen::Unseen(
                self.view.gaps.record(SECTION, field, facts.pid, refusal),
            )),
        }
    }
}

fn memory_bytes(view: &View) -> Attempt<u64> {
    let mut buffer = Vec::new();
    let read = view.visitor.proc.read(c"meminfo", 1 << 16, &mut buffer);
    read.map_err(|errno| Refusal {
        errno: Some(format!("{errno:?}")),
        ..Refusal::of(Reason::Unsupported)
    })?;
    system::mem_total_bytes(&buffer).map_err(|_| Refusal::of(Reason::Malformed))
}

/// Waits, then reads the processor time of each process again.
fn sampled(view: &View, time: Duration) -> HashMap<i32, f64> {
    std::thread::sleep(time);
    let elapsed = Clock::read()
        .since_boot
        .saturating_sub(view.clock.since_boot)
        .as_secs_f64();
    let mut buffer = Vec::new();
    let mut sampled = HashMap::new();
    for facts in view.facts.iter().filter(|facts| facts.read) {
        let Ok(process) = view.visitor.proc.process(facts.pid) else {
            continue;
        };
        if process.read(c"stat", 1 << 16, &mut buffer).is_err() {
            continue;
        }
        let Ok(stat) = Stat::parse(&buffer) else {
            continue;
        };
        // The same number and the same start: the same process.
        if stat.starttime_ticks == facts.stat.starttime_ticks {
            let used = cpu_seconds(&stat, &view.clock).total()
                - cpu_seconds(&facts.stat, &view.clock).total();
            sampled.insert(facts.pid, rounded(used / elapsed.max(0.001) * 100.0));
        }
    }
    sampled
}

fn cpu_seconds(stat: &Stat, clock: &Clock) -> CpuSeconds {
    CpuSeconds {
        user: clock.duration(stat.utime_ticks).as_secs_f64(),
        system: clock.duration(stat.stime_ticks).as_secs_f64(),
    }
}

/// To a hundredth: the ticks behind it are no finer.
fn rounded(percent: f64) -> f64 {
    (percent * 100.0).round() / 100.0
}

fn inner_pids(status: &Status) -> Option<Vec<i32>> {
    let inner = status.ns_pid.as_ref()?.get(1..)?;
    (!inner.is_empty()).then(|| inner.to_vec())
}

fn fd_limit(attempt: &Attempt<Limits>) -> Attempt<LimitPair> {
    let limit = |limit: &limits::Limit| match limit {
        limits::Limit::Unlimited => Limit::Unlimited,
        limits::Limit::Value(value) => Limit::Value(*value),
    };
    match attempt {
        Err(refusal) => Err(refusal.clone()),
        Ok(limits) => match limits.max_open_files() {
            Some(row) => Ok(LimitPair {
                soft: limit(&row.soft),
                hard: limit(&row.hard),
            }),
            None => Err(Refusal::of(Reason::Unsupported)),
        },
    }
}

fn signals_of(status: &Status) -> Option<Signals> {
    let names = |mask: u64| {
        signals::names(mask)
            .map(std::borrow::Cow::into_owned)
            .collect()
    };
    Some(Signals {
        pending: names(status.shd_pnd?),
        blocked: names(status.sig_blk?),
        ignored: names(status.sig_ign?),
        caught: names(status.sig_cgt?),
    })
}

fn threads(tasks: &[Stat], clock: &Clock) -> Vec<Thread> {
    let thread = |stat: &Stat| Thread {
        tid: stat.pid,
        comm: stat.comm.as_slice().into(),
        state: ProcessState::from_letter(stat.state),
        cpu_seconds: cpu_seconds(stat, clock),
    };
    tasks.iter().map(thread).collect()
}
