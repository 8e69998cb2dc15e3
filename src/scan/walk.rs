//! One walk of /proc for every section.
//!
//! The reading is done on threads of its own, so that a file on which the kernel
//! stalls (a `cmdline` behind a dead page fault) costs its process and not the answer.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::container_key::{Identity, Key};
use super::needs::Files;
use super::reader::{ProcessFilter, ProcessReadError, ProcessReader};
use super::snapshot::ProcessSnapshot;
use crate::model::gap::Refusal;
use crate::sys::ProcessDir;

/// Below so many processes a second thread costs more than it brings.
const WORTH_A_SECOND_THREAD: usize = 256;
/// A visit is shallow: a small stack is set up and given back sooner.
const STACK_BYTES: usize = 256 << 10;
/// Containers whose first process is held open: more than one is already one too many.
const CONTAINERS_HELD: usize = 3;

/// Which processes a walk reads.
pub(crate) struct Plan {
    /// The processes to visit.
    pub pids: Vec<i32>,
    /// What to read of those that `read` accepts.
    pub files: Files,
    /// What to read of the main process.
    pub main_files: Files,
    /// The main process, where it is known already; otherwise each may be the one.
    pub main: Option<i32>,
    /// Whose files are read; of the others only the container is told.
    pub read: Arc<ProcessFilter>,
    /// Who belongs to the target.
    pub target: Arc<ProcessFilter>,
}

impl Plan {
    fn files_of(&self, pid: i32) -> Files {
        if self.main.is_none_or(|main| main == pid) {
            self.main_files
        } else {
            self.files
        }
    }
}

/// What a walk brought.
#[derive(Debug, Default)]
pub(crate) struct Walk {
    /// By pid.
    pub facts: Vec<ProcessSnapshot>,
    /// Processes that are listed and may not be entered, with the reason.
    pub refused: Vec<(i32, Refusal)>,
    /// Processes on which the kernel stalled until the deadline.
    pub stalled: Vec<i32>,
    /// Of each container of the target its first process, held.
    pub first: Vec<First>,
    /// Processes that were listed and had ended before they could be read.
    gone: Vec<i32>,
}

/// The first process of a container.
#[derive(Debug)]
pub(crate) struct First {
    /// The container.
    pub identity: Arc<Identity>,
    /// Its start, in ticks after boot.
    pub starttime_ticks: u64,
    /// The process, held.
    pub dir: ProcessDir,
}

/// Visits these processes on threads of its own until the deadline; `meanwhile` is done on this one.
pub(crate) fn walk(
    reader: &Arc<ProcessReader>,
    plan: Plan,
    deadline: Instant,
    meanwhile: impl FnOnce(),
) -> Walk {
    if plan.pids.is_empty() {
        meanwhile();
        return Walk::default();
    }
    let threads = if plan.pids.len() < WORTH_A_SECOND_THREAD {
        1
    } else {
        std::thread::available_parallelism().map_or(1, |cores| cores.get().min(2))
    };
    let job = Arc::new(WalkJob {
        reader: Arc::clone(reader),
        plan,
        next: AtomicUsize::new(0),
        results_by_thread: (0..threads).map(|_| Mutex::default()).collect(),
    });
    let (sender, receiver) = sync_channel::<()>(0);
    let mut started = 0;
    for results in 0..threads {
        let (job, sender) = (Arc::clone(&job), sender.clone());
        let thread = std::thread::Builder::new()
            .name("walk".to_owned())
            .stack_size(STACK_BYTES);
        let running = thread.spawn(move || {
            job.run(results, None);
            drop(sender);
        });
        started += usize::from(running.is_ok());
    }
    drop(sender);
    if started == 0 {
        // No thread to be had (RLIMIT_NPROC, a full pids cgroup): the work is done
        // here, without the guard against a kernel that stalls.
        job.run(0, Some(deadline));
    }
    meanwhile();
    // Nothing is ever sent: the last thread that ends hangs up.
    let left = deadline.saturating_duration_since(Instant::now());
    let late = started > 0 && receiver.recv_timeout(left) == Err(RecvTimeoutError::Timeout);
    let mut walk = Walk::default();
    for results in &job.results_by_thread {
        walk.take(std::mem::take(&mut *lock(results)));
    }
    if late || started == 0 {
        walk.find_stalled(&job.plan.pids);
    }
    walk.facts.sort_unstable_by_key(|facts| facts.pid);
    walk
}

/// What the threads of one walk share.
struct WalkJob {
    reader: Arc<ProcessReader>,
    plan: Plan,
    next: AtomicUsize,
    /// One for each thread: what it has brought so far can be had while it is stuck.
    results_by_thread: Vec<Mutex<Walk>>,
}

impl WalkJob {
    fn run(&self, results: usize, deadline: Option<Instant>) {
        let Some(results) = self.results_by_thread.get(results) else {
            return;
        };
        let mut buffer = Vec::new();
        while let Some(&pid) = self
            .plan
            .pids
            .get(self.next.fetch_add(1, Ordering::Relaxed))
        {
            self.visit(pid, results, &mut buffer);
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return;
            }
        }
    }

    fn visit(&self, pid: i32, results: &Mutex<Walk>, buffer: &mut Vec<u8>) {
        let Plan { read, target, .. } = &self.plan;
        let files = self.plan.files_of(pid);
        let visited = self.reader.enter(pid).and_then(|process| {
            let facts = self.reader.visit(&process, files, &**read, buffer)?;
            Ok((process, facts))
        });
        let mut results = lock(results);
        match visited {
            Ok((dir, facts)) => {
                if facts.identity.key != Key::Unknown && target(pid, &facts.identity) {
                    let identity = Arc::clone(&facts.identity);
                    let starttime_ticks = facts.stat.starttime_ticks;
                    keep_first(
                        &mut results.first,
                        First {
                            identity,
                            starttime_ticks,
                            dir,
                        },
                    );
                }
                results.facts.push(facts);
            }
            Err(ProcessReadError::Gone) => results.gone.push(pid),
            Err(ProcessReadError::Refused(refusal)) => results.refused.push((pid, refusal)),
        }
    }
}

impl Walk {
    fn take(&mut self, other: Walk) {
        self.facts.extend(other.facts);
        self.refused.extend(other.refused);
        self.gone.extend(other.gone);
        for first in other.first {
            keep_first(&mut self.first, first);
        }
    }

    fn find_stalled(&mut self, pids: &[i32]) {
        let read = self.facts.iter().map(|facts| facts.pid);
        let refused = self.refused.iter().map(|(pid, _)| *pid);
        let result: HashSet<i32> = read
            .chain(refused)
            .chain(self.gone.iter().copied())
            .collect();
        self.stalled = pids
            .iter()
            .copied()
            .filter(|pid| !result.contains(pid))
            .collect();
    }
}

/// Keeps the process of each container that was started first; the lower id where
/// the clock's ticks cannot tell.
pub(crate) fn keep_first(known: &mut Vec<First>, new: First) {
    let order = |first: &First| (first.starttime_ticks, first.dir.pid());
    let room = known.len() < CONTAINERS_HELD;
    match known
        .iter_mut()
        .find(|first| first.identity.key == new.identity.key)
    {
        Some(first) if order(&new) < order(first) => *first = new,
        None if room => known.push(new),
        Some(_) | None => {}
    }
}

fn lock(results: &Mutex<Walk>) -> MutexGuard<'_, Walk> {
    results.lock().unwrap_or_else(PoisonError::into_inner)
}
