//! A process, as the section `processes` shows it.

use serde::{Deserialize, Serialize};

use super::byte_string::ByteString;
use super::process_details::ProcessDetails;
use super::secret::Argument;
use super::seen::Seen;
use super::time::Timestamp;

bitflags::bitflags! {
    /// Groups of fields that cost a read of their own; only those asked for are filled.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Fields: u16 {
        /// `/proc/PID/status`: real ids, locked and swapped memory, signals.
        const STATUS = 1;
        /// `/proc/PID/cmdline`.
        const ARGS = 1 << 1;
        /// `/proc/PID/exe`.
        const EXE = 1 << 2;
        /// `/proc/PID/cwd`.
        const CWD = 1 << 3;
        /// The number of entries of `/proc/PID/fd`.
        const FDS = 1 << 4;
        /// `/proc/PID/limits`.
        const LIMITS = 1 << 5;
        /// `/proc/PID/oom_score` and `oom_score_adj`.
        const OOM = 1 << 6;
        /// `/proc/PID/smaps_rollup`: costly, so only on request.
        const PSS = 1 << 7;
        /// `/proc/PID/task/*/stat`.
        const THREADS = 1 << 8;
        /// Memory in RAM: `/proc/PID/statm`, or `status` where that is read anyway.
        const RSS = 1 << 9;
        /// `/proc/PID/wchan`.
        const WCHAN = 1 << 10;
        /// Scheduling and page faults.
        const SCHEDULING = 1 << 11;
        /// `/proc/PID/io`.
        const IO = 1 << 12;
        /// `/proc/PID/ns/*`.
        const NAMESPACES = 1 << 13;
    }
}

impl Fields {
    /// What a whole document holds unless more is asked for.
    pub const DOCUMENT: Self = Self::all()
        .difference(Self::PSS)
        .difference(Self::THREADS)
        .difference(Self::DETAILS);
    /// What `details` holds.
    pub const DETAILS: Self = Self::WCHAN
        .union(Self::SCHEDULING)
        .union(Self::IO)
        .union(Self::NAMESPACES);
}

/// The state of a process: `/proc/PID/stat` field 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ProcessState {
    /// `R`: running, or ready to.
    Running,
    /// `S`: waits and can be interrupted.
    Sleeping,
    /// `D`: waits and cannot be interrupted, usually for a disk.
    DiskSleep,
    /// `T`: stopped by a signal.
    Stopped,
    /// `t`: stopped by a tracer.
    Traced,
    /// `Z`: ended, its parent has not waited for it.
    Zombie,
    /// `X`: dead, about to vanish.
    Dead,
    /// `I`: an idle kernel thread.
    Idle,
    /// `P`: parked.
    Parked,
    /// A letter that proc(5) does not list.
    Other,
}

impl ProcessState {
    /// From the kernel's letter.
    #[must_use]
    pub fn from_letter(letter: u8) -> Self {
        match letter {
            b'R' => Self::Running,
            b'S' => Self::Sleeping,
            b'D' => Self::DiskSleep,
            b'T' => Self::Stopped,
            b't' => Self::Traced,
            b'Z' => Self::Zombie,
            b'X' | b'x' => Self::Dead,
            b'I' => Self::Idle,
            b'P' => Self::Parked,
            _ => Self::Other,
        }
    }

    /// The kernel's letter again.
    #[must_use]
    pub fn letter(self) -> char {
        match self {
            Self::Running => 'R',
            Self::Sleeping => 'S',
            Self::DiskSleep => 'D',
            Self::Stopped => 'T',
            Self::Traced => 't',
            Self::Zombie => 'Z',
            Self::Dead => 'X',
            Self::Idle => 'I',
            Self::Parked => 'P',
            Self::Other => '?',
        }
    }
}

/// Processor time used.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CpuSeconds {
    /// In user mode: `/proc/PID/stat` field 14.
    pub user: f64,
    /// In the kernel: `/proc/PID/stat` field 15.
    pub system: f64,
}

impl CpuSeconds {
    /// Both together.
    #[must_use]
    pub fn total(self) -> f64 {
        self.user + self.system
    }
}

/// A resource limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// No limit.
    Unlimited,
    /// Up to this many.
    #[serde(untagged)]
    Value(u64),
}

/// Soft and hard limit of one resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LimitPair {
    /// Soft limit, which is enforced.
    pub soft: Limit,
    /// Hard limit, up to which the process may raise the soft one.
    pub hard: Limit,
}

/// How a process handles signals, by their names without `SIG`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Signals {
    /// Waiting to be delivered to the process: `ShdPnd`.
    pub pending: Vec<String>,
    /// Blocked: `SigBlk`.
    pub blocked: Vec<String>,
    /// Ignored: `SigIgn`.
    pub ignored: Vec<String>,
    /// Handled: `SigCgt`.
    pub caught: Vec<String>,
}

/// One thread: `/proc/PID/task/TID/stat`.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Thread {
    /// Its id.
    pub tid: i32,
    /// Its name.
    pub comm: ByteString,
    /// Its state.
    pub state: ProcessState,
    /// Processor time used.
    pub cpu_seconds: CpuSeconds,
}

/// One process. A key that is absent does not apply or was not asked for.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Process {
    /// Its id, as the viewer's /proc numbers it.
    pub pid: i32,
    /// Its parent; 0 where that is outside of the visible PID namespace.
    pub ppid: i32,
    /// Its ids in the PID namespaces below, outermost first (`NSpid` without the first).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace_pids: Option<Vec<i32>>,
    /// Effective user id: the owner of the directory `/proc/PID`.
    pub uid: u32,
    /// Effective group id, from the same place.
    pub gid: u32,
    /// Real user id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub real_uid: Option<Seen<u32>>,
    /// Real group id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub real_gid: Option<Seen<u32>>,
    /// The name of `uid` in the target's /etc/passwd; absent where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<Seen<ByteString>>,
    /// The name of `gid` in the target's /etc/group; absent where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<Seen<ByteString>>,
    /// Its state.
    pub state: ProcessState,
    /// Its name: up to 15 bytes, which it may set itself.
    pub comm: ByteString,
    /// Its arguments, secrets replaced; empty for zombies and kernel threads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub args: Option<Seen<Vec<Argument>>>,
    /// The program it runs, as the target sees the path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exe: Option<Seen<ByteString>>,
    /// Whether the program's file was removed or replaced since the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exe_deleted: Option<bool>,
    /// Its working directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cwd: Option<Seen<ByteString>>,
    /// Its controlling terminal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tty: Option<String>,
    /// Its process group.
    pub process_group: i32,
    /// Its session.
    pub session: i32,
    /// Whether its group has the terminal.
    pub foreground: bool,
    /// How many threads it has.
    pub threads: i64,
    /// −20 (favoured) to 19.
    pub nice: i64,
    /// When it was started (forked; not when it last called exec).
    pub started_at: Seen<Timestamp>,
    /// Processor time used.
    pub cpu_seconds: CpuSeconds,
    /// Percent of one processor, since the start or during `--sample`.
    pub cpu_percent: Seen<f64>,
    /// Memory that is in RAM: `VmRSS` of `/proc/PID/status`, or the same number of pages from
    /// `statm` where nothing else of `status` is shown.
    pub rss_bytes: u64,
    /// `rss_bytes` in percent of the machine's memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_percent: Option<Seen<f64>>,
    /// Address space.
    pub virtual_bytes: u64,
    /// Memory that is swapped out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub swap_bytes: Option<Seen<u64>>,
    /// Memory that is locked into RAM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locked_bytes: Option<Seen<u64>>,
    /// Its share of memory, shared pages divided by their users.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pss_bytes: Option<Seen<u64>>,
    /// How many descriptors are open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fd_count: Option<Seen<u64>>,
    /// How many may be open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fd_limit: Option<Seen<LimitPair>>,
    /// The score by which the kernel's OOM killer chooses, 0 to 2000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oom_score: Option<Seen<i64>>,
    /// The adjustment of that score, −1000 (never) to 1000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oom_score_adj: Option<Seen<i64>>,
    /// The container it belongs to: name, or id if no name is visible.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// The name of its Kubernetes pod, where the node tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<String>,
    /// The pod's namespace, together with its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The pod's UID, where several pods are visible and the name is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_uid: Option<String>,
    /// How it handles signals.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signals: Option<Seen<Signals>>,
    /// Ended, and its parent has not waited for it.
    pub zombie: bool,
    /// A kernel thread, not a program.
    pub kernel_thread: bool,
    /// The process that traces it (ptrace(2)); absent where none does, or none that is visible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracer_pid: Option<i32>,
    /// Its threads, with `--threads`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread_list: Option<Seen<Vec<Thread>>>,
    /// What it waits for, how it is scheduled, its I/O and its namespaces: with `--details`, or
    /// where one of their columns is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<Box<ProcessDetails>>,
}

impl Process {
    /// A process of which nothing more is known: asleep, and without any cost.
    #[must_use]
    pub fn bare(pid: i32, comm: impl Into<ByteString>, started_at: Timestamp) -> Self {
        Self {
            pid,
            ppid: 0,
            namespace_pids: None,
            uid: 0,
            gid: 0,
            real_uid: None,
            real_gid: None,
            user: None,
            group: None,
            state: ProcessState::Sleeping,
            comm: comm.into(),
            args: None,
            exe: None,
            exe_deleted: None,
            cwd: None,
            tty: None,
            process_group: pid,
            session: pid,
            foreground: false,
            threads: 1,
            nice: 0,
            started_at: Seen::Value(started_at),
            cpu_seconds: CpuSeconds {
                user: 0.0,
                system: 0.0,
            },
            cpu_percent: Seen::Value(0.0),
            rss_bytes: 0,
            memory_percent: None,
            virtual_bytes: 0,
            swap_bytes: None,
            locked_bytes: None,
            pss_bytes: None,
            fd_count: None,
            fd_limit: None,
            oom_score: None,
            oom_score_adj: None,
            container: None,
            pod: None,
            namespace: None,
            pod_uid: None,
            signals: None,
            zombie: false,
            kernel_thread: false,
            tracer_pid: None,
            thread_list: None,
            details: None,
        }
    }
}
