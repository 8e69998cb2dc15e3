//! One walk of /proc for every section.
//!
//! The reading is done on threads of its own, so that a file on which the kernel
//! stalls (a `cmdline` behind a dead page fault) costs its process and not the answer.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::container_key::{Identity, Key};
use super::needs::Files;
use super::reader::{ProcessFilter, ProcessReadError, ProcessReader};
use super::snapshot::ProcessSnapshot;
use crate::model::gap::Refusal;
use crate::sys::{ProcessDir, time_box};

/// Below this number of processes a second thread costs more than it saves.
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
    /// Whose files are read; of the others only the container is determined.
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
    #[expect(
        clippy::vec_box,
        reason = "they are large, and are gathered and sorted"
    )]
    pub facts: Vec<Box<ProcessSnapshot>>,
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
        workers: (0..threads + STUCK).map(|_| Worker::default()).collect(),
    });
    let (tell, ended) = channel();
    let mut running: Vec<usize> = (0..threads)
        .filter(|worker| job.start(*worker, &tell))
        .collect();
    let has_threads = !running.is_empty();
    if !has_threads {
        // No thread to be had (RLIMIT_NPROC, a full pids cgroup): the work is done
        // here, without the guard against a kernel that stalls.
        job.run(0, Some(deadline));
    }
    meanwhile();
    let stuck = job.wait(&mut running, threads, &tell, &ended, deadline);
    let mut walk = Walk::default();
    for worker in &job.workers {
        walk.take(std::mem::take(&mut *lock(&worker.results)));
    }
    for pid in stuck {
        walk.take(job.visit_without_memory(pid));
    }
    if !running.is_empty() || !has_threads || job.has_more() {
        walk.find_stalled(&job.plan.pids);
    }
    walk.facts.sort_by_key(|facts| facts.pid);
    // One that was stuck may have come back while it was read again.
    walk.facts.dedup_by_key(|facts| facts.pid);
    walk
}

/// Threads that may be left behind before the walk goes no further.
const STUCK: usize = 4;

/// The work of all threads.
struct WalkJob {
    reader: Arc<ProcessReader>,
    plan: Plan,
    /// The index of the next process to be read.
    next: AtomicUsize,
    /// One for each thread, and one for each that may take the place of one that is stuck.
    workers: Vec<Worker>,
}

/// One thread of the walk.
#[derive(Debug, Default)]
struct Worker {
    results: Mutex<Walk>,
    /// The process that it reads; 0 before the first.
    at: AtomicI32,
    is_left: AtomicBool,
}

impl WalkJob {
    /// Starts a thread that sends its number when it has ended; false if it cannot be started.
    fn start(self: &Arc<Self>, worker: usize, tell: &Sender<usize>) -> bool {
        let (job, tell) = (Arc::clone(self), tell.clone());
        let thread = std::thread::Builder::new()
            .name("walk".to_owned())
            .stack_size(STACK_BYTES);
        let (_, work) = time_box::boxed(move || {
            job.run(worker, None);
            let _ = tell.send(worker);
        });
        thread.spawn(work).is_ok()
    }

    /// Waits until all threads have ended or the time is over. One that reads the same process for
    /// long is left behind, and another takes its place; gives those processes.
    fn wait(
        self: &Arc<Self>,
        running: &mut Vec<usize>,
        mut unused: usize,
        tell: &Sender<usize>,
        ended: &Receiver<usize>,
        deadline: Instant,
    ) -> Vec<i32> {
        let step = deadline.saturating_duration_since(Instant::now()) / 4;
        let mut seen = vec![0; self.workers.len()];
        let mut stuck = Vec::new();
        while !running.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            match ended.recv_timeout(left.min(step)) {
                Ok(worker) => running.retain(|other| *other != worker),
                Err(_) if left <= step => break,
                Err(_) => {
                    for worker in running.clone() {
                        let Some(pid) = self.is_stuck(worker, &mut seen) else {
                            continue;
                        };
                        self.reader.proc.note_stalled(pid);
                        stuck.push(pid);
                        running.retain(|other| *other != worker);
                        if unused < self.workers.len() && self.start(unused, tell) {
                            running.push(unused);
                        }
                        unused += 1;
                    }
                }
            }
        }
        stuck
    }

    /// The process that a thread still reads since the last time; it is left behind then.
    fn is_stuck(&self, worker: usize, seen: &mut [i32]) -> Option<i32> {
        let pid = self.workers.get(worker)?.at.load(Ordering::Relaxed);
        let before = std::mem::replace(seen.get_mut(worker)?, pid);
        if pid == 0 || pid != before {
            return None;
        }
        let worker = self.workers.get(worker)?;
        worker.is_left.store(true, Ordering::Relaxed);
        Some(pid)
    }

    /// What can be read of a process without its memory.
    fn visit_without_memory(self: &Arc<Self>, pid: i32) -> Walk {
        let job = Arc::clone(self);
        let patience = time_box::left().unwrap_or_default() / 2;
        let visited = time_box::in_time(patience, move || {
            let results = Mutex::default();
            job.visit(pid, &results, &mut Vec::new());
            results.into_inner().unwrap_or_else(PoisonError::into_inner)
        });
        visited.unwrap_or_else(|| Walk {
            stalled: vec![pid],
            ..Walk::default()
        })
    }

    /// Whether there are processes that no thread has begun.
    fn has_more(&self) -> bool {
        self.next.load(Ordering::Relaxed) < self.plan.pids.len()
    }

    fn run(&self, worker: usize, deadline: Option<Instant>) {
        let Some(worker) = self.workers.get(worker) else {
            return;
        };
        let mut buffer = Vec::new();
        while let Some(&pid) = self
            .plan
            .pids
            .get(self.next.fetch_add(1, Ordering::Relaxed))
        {
            worker.at.store(pid, Ordering::Relaxed);
            self.visit(pid, &worker.results, &mut buffer);
            let is_over = deadline.is_some_and(|deadline| Instant::now() >= deadline);
            if is_over || worker.is_left.load(Ordering::Relaxed) {
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
        self.stalled.extend(other.stalled);
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
