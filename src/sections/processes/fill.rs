//! Facts of a visit → the processes of the document.

use std::collections::HashMap;
use std::time::Duration;

use super::details;
use crate::model::ByteString;
use crate::model::gap::{Reason, Refusal, SectionGaps};
use crate::model::process::{CpuSeconds, Limit, LimitPair, Process, ProcessState, Signals, Thread};
use crate::model::secret::Argument;
use crate::model::seen::Seen;
use crate::model::time::Timestamp;
use crate::parse::limits::{self, Limits};
use crate::parse::namespace_link::NamespaceLink;
use crate::parse::stat::Stat;
use crate::parse::status::Status;
use crate::parse::{signals, system, tty};
use crate::rights::ptrace_access::not_copied;
use crate::scan::Scan;
use crate::scan::needs::Files;
use crate::scan::snapshot::{ProcessSnapshot, overwritten_args};
use crate::sys::clock::Clock;
use crate::sys::file_limits;

/// Turns facts into processes; records what is missing.
pub(super) struct Filler<'a> {
    scan: &'a Scan,
    gaps: SectionGaps<'a>,
    memory_bytes: Result<u64, Refusal>,
    /// Percent of a processor during `--sample`, by pid.
    sampled: Option<HashMap<i32, f64>>,
    /// Where namespaces are compared.
    own_namespaces: Result<Vec<NamespaceLink>, Refusal>,
}

impl<'a> Filler<'a> {
    pub(super) fn new(
        scan: &'a Scan,
        gaps: &'a mut SectionGaps<'_>,
        sample: Option<Duration>,
    ) -> Self {
        // What was copied does not run on.
        let sample = sample.filter(|_| scan.is_live());
        let sampled = sample.map(|time| sampled(scan, time));
        Self {
            memory_bytes: memory_bytes(scan),
            own_namespaces: if scan.files.contains(Files::NAMESPACES) {
                details::own_namespaces(scan)
            } else {
                Ok(Vec::new())
            },
            scan,
            gaps: gaps.reborrow(),
            sampled,
        }
    }

    pub(super) fn process(&mut self, facts: &ProcessSnapshot) -> Process {
        let (stat, clock) = (&facts.stat, self.scan.clock);
        let zombie = stat.state == b'Z';
        let started_at = clock.at_ticks(stat.starttime_ticks);
        let started_at = started_at.map(Timestamp).ok_or_else(not_copied);
        let started_at = self.gaps.seen("started_at", facts.pid, started_at);
        let cpu_seconds = cpu_seconds(stat, &clock);
        // `stat` leaves out what the kernel's counters of each processor still hold; `status` and
        // `statm` do not.
        let exact = facts
            .status
            .as_ref()
            .and_then(|status| status.as_ref().ok()?.vm_rss_bytes);
        let pages = facts.resident_pages.unwrap_or(stat.rss_pages);
        let rss_bytes = exact.unwrap_or(pages.saturating_mul(clock.page_bytes));
        let (user, group) = self.names(facts);
        let status = facts.status.as_ref();
        let (exe, exe_deleted) = self.exe(facts);
        let pod = facts.identity.pod.as_ref();
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
            cwd: {
                let redactor = &self.scan.redactor;
                self.optional(facts, "cwd", facts.cwd.as_ref(), |path| {
                    (*redactor.text(path)).into()
                })
            },
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
            memory_percent: Some(self.memory_percent(facts.pid, rss_bytes)),
            virtual_bytes: stat.vsize_bytes,
            swap_bytes: self.of_memory(facts, "swap_bytes", |status| status.vm_swap_bytes),
            locked_bytes: self.of_memory(facts, "locked_bytes", |status| status.vm_lck_bytes),
            pss_bytes: self.pss_bytes(facts),
            fd_count: self.optional(facts, "fd_count", facts.fd_count.as_ref(), |count| *count),
            fd_limit: facts
                .limits
                .as_ref()
                .map(|attempt| self.gaps.seen("fd_limit", facts.pid, fd_limit(attempt))),
            oom_score: self.oom(facts, "oom_score", 0),
            oom_score_adj: self.oom(facts, "oom_score_adj", 1),
            container: self.scan.label(&facts.identity),
            pod: pod.map(|pod| pod.name.clone()),
            namespace: pod.map(|pod| pod.namespace.clone()),
            pod_uid: facts
                .identity
                .pod_uid
                .clone()
                .filter(|_| pod.is_none() && self.scan.has_several_pods),
            signals: self.of_status(facts, "signals", signals_of),
            zombie,
            kernel_thread: stat.is_kernel_thread(),
            tracer_pid: status
                .and_then(|status| status.as_ref().ok()?.tracer_pid)
                .filter(|tracer| *tracer != 0),
            details: details::of(facts, self.own_namespaces.as_deref(), &mut self.gaps),
            thread_list: facts.tasks.as_ref().map(|attempt| {
                let threads = attempt.as_ref().map(|tasks| threads(tasks, &clock));
                self.gaps
                    .seen("thread_list", facts.pid, threads.map_err(Clone::clone))
            }),
        }
    }

    fn names(
        &mut self,
        facts: &ProcessSnapshot,
    ) -> (Option<Seen<ByteString>>, Option<Seen<ByteString>>) {
        // Only the target's own files say what its ids are called.
        let Some(target) = self
            .scan
            .target
            .as_ref()
            .filter(|target| target.identity.key == facts.identity.key)
        else {
            return (None, None);
        };
        let gaps = &mut self.gaps;
        match target.names(&self.scan.reader.viewer) {
            Ok(names) => {
                let name = |name: Option<&[u8]>| name.map(|name| Seen::Value(name.into()));
                (
                    name(names.users.name(facts.uid)),
                    name(names.groups.name(facts.gid)),
                )
            }
            Err(refusal) => (
                Some(Seen::Unseen(gaps.record("user", facts.pid, refusal))),
                Some(Seen::Unseen(gaps.record("group", facts.pid, refusal))),
            ),
        }
    }

    fn args(&mut self, facts: &ProcessSnapshot) -> Option<Seen<Vec<Argument>>> {
        let redactor = &self.scan.redactor;
        let attempt = facts
            .args
            .as_ref()?
            .as_ref()
            .map(|args| redactor.arguments(args));
        if facts.has_title && attempt.is_ok() {
            self.gaps.record("args", facts.pid, &overwritten_args());
        }
        Some(
            self.gaps
                .seen("args", facts.pid, attempt.map_err(Clone::clone)),
        )
    }

    fn exe(&mut self, facts: &ProcessSnapshot) -> (Option<Seen<ByteString>>, Option<bool>) {
        // The kernel marks a removed file by this suffix.
        const DELETED: &[u8] = b" (deleted)";
        let redactor = &self.scan.redactor;
        let path = |path: &Vec<u8>| {
            let path = path.strip_suffix(DELETED).unwrap_or(path);
            (*redactor.text(path)).into()
        };
        let deleted = match &facts.exe {
            Some(Ok(Some(path))) => Some(path.ends_with(DELETED)),
            _ => None,
        };
        (
            self.optional(facts, "exe", facts.exe.as_ref(), path),
            deleted,
        )
    }

    fn cpu_percent(&mut self, facts: &ProcessSnapshot, used: CpuSeconds) -> Seen<f64> {
        let age = self.scan.clock.since(facts.stat.starttime_ticks);
        let attempt = match (&self.sampled, age) {
            (Some(sampled), _) => Ok(sampled.get(&facts.pid).copied().unwrap_or_default()),
            (None, Some(age)) if age.is_zero() => Ok(0.0),
            (None, Some(age)) => Ok(rounded(used.total() / age.as_secs_f64() * 100.0)),
            (None, None) => Err(not_copied()),
        };
        self.gaps.seen("cpu_percent", facts.pid, attempt)
    }

    #[expect(clippy::cast_precision_loss, reason = "a percentage needs no more")]
    fn memory_percent(&mut self, pid: i32, rss_bytes: u64) -> Seen<f64> {
        let attempt = match &self.memory_bytes {
            Ok(all) => Ok(rounded(rss_bytes as f64 / (*all).max(1) as f64 * 100.0)),
            Err(refusal) => Err(refusal.clone()),
        };
        self.gaps.seen("memory_percent", pid, attempt)
    }

    fn pss_bytes(&mut self, facts: &ProcessSnapshot) -> Option<Seen<u64>> {
        let attempt = match facts.smaps.as_ref()? {
            Ok(None) => return None,
            Ok(Some(rollup)) => rollup.pss_bytes.ok_or(Refusal::of(Reason::Unsupported)),
            Err(refusal) => Err(refusal.clone()),
        };
        Some(self.gaps.seen("pss_bytes", facts.pid, attempt))
    }

    fn oom(&mut self, facts: &ProcessSnapshot, field: &str, which: usize) -> Option<Seen<i64>> {
        let attempt = facts.oom.as_ref()?.get(which)?.clone();
        Some(self.gaps.seen(field, facts.pid, attempt))
    }

    /// A field of memory, which zombies and kernel threads do not have.
    fn of_memory(
        &mut self,
        facts: &ProcessSnapshot,
        field: &str,
        pick: fn(&Status) -> Option<u64>,
    ) -> Option<Seen<u64>> {
        if facts.stat.is_bodiless() {
            None
        } else {
            self.of_status(facts, field, pick)
        }
    }

    /// A field of `status`; a line that this kernel lacks is a gap.
    fn of_status<T>(
        &mut self,
        facts: &ProcessSnapshot,
        field: &str,
        pick: fn(&Status) -> Option<T>,
    ) -> Option<Seen<T>> {
        let attempt = match facts.status.as_ref()? {
            Ok(status) => pick(status).ok_or(Refusal::of(Reason::Unsupported)),
            Err(refusal) => Err(refusal.clone()),
        };
        Some(self.gaps.seen(field, facts.pid, attempt))
    }

    /// A field that some processes do not have at all.
    fn optional<T, U>(
        &mut self,
        facts: &ProcessSnapshot,
        field: &str,
        attempt: Option<&Result<Option<T>, Refusal>>,
        change: impl FnOnce(&T) -> U,
    ) -> Option<Seen<U>> {
        match attempt? {
            Ok(None) => None,
            Ok(Some(value)) => Some(Seen::Value(change(value))),
            Err(refusal) => Some(Seen::Unseen(self.gaps.record(field, facts.pid, refusal))),
        }
    }
}

fn memory_bytes(scan: &Scan) -> Result<u64, Refusal> {
    let mut buffer = Vec::new();
    let read = scan
        .reader
        .proc
        .read(c"meminfo", file_limits::SMALL, &mut buffer);
    read.map_err(|errno| Refusal {
        errno: Some(format!("{errno:?}")),
        ..if scan.is_live() {
            Refusal::of(Reason::Unsupported)
        } else {
            not_copied()
        }
    })?;
    system::mem_total_bytes(&buffer).map_err(|_| Refusal::of(Reason::Malformed))
}

/// Waits, then reads the processor time of each process again.
fn sampled(scan: &Scan, time: Duration) -> HashMap<i32, f64> {
    std::thread::sleep(time);
    let times = (Clock::read().since_boot, scan.clock.since_boot);
    let (later, first) = (times.0.unwrap_or_default(), times.1.unwrap_or_default());
    let elapsed = later.saturating_sub(first).as_secs_f64();
    let mut buffer = Vec::new();
    let mut sampled = HashMap::new();
    for facts in scan.processes.iter().filter(|facts| facts.read) {
        let Ok(process) = scan.reader.proc.process(facts.pid) else {
            continue;
        };
        if process
            .read(c"stat", file_limits::SMALL, &mut buffer)
            .is_err()
        {
            continue;
        }
        let Ok(stat) = Stat::parse(&buffer) else {
            continue;
        };
        // The same number and the same start: the same process.
        if stat.starttime_ticks == facts.stat.starttime_ticks {
            let used = cpu_seconds(&stat, &scan.clock).total()
                - cpu_seconds(&facts.stat, &scan.clock).total();
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
    let inner = status.ns_tgid.as_ref()?.get(1..)?;
    (!inner.is_empty()).then(|| inner.to_vec())
}

fn fd_limit(attempt: &Result<Box<Limits>, Refusal>) -> Result<LimitPair, Refusal> {
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
