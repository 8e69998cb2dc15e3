//! One walk of /proc for every section.
//!
//! The reading is done on threads of its own, so that a file on which the kernel
//! stalls (a `cmdline` behind a dead page fault) costs its process and not the answer.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::time::Instant;

use super::identity::{Identity, Key};
use super::visit::{Facts, Files, Visitor, Wanted};
use crate::sys::ProcessDir;

/// Below so many processes a second thread costs more than it brings.
const WORTH_A_SECOND_THREAD: usize = 256;
/// Facts go over in parcels: enough to make the hand-over cheap, few enough to bound memory.
const PARCEL: usize = 32;
/// Containers whose first process is held open.
const CONTAINERS_HELD: usize = 128;

/// What a walk brought.
#[derive(Debug, Default)]
pub struct Walk {
    /// By pid.
    pub facts: Vec<Facts>,
    /// Processes that were listed and had ended before they could be read.
    pub gone: Vec<i32>,
    /// Processes on which the kernel stalled until the deadline.
    pub stalled: Vec<i32>,
    /// For each container that is wanted its first process, held.
    pub first: Vec<(Arc<Identity>, u64, ProcessDir)>,
}

/// Visits these processes on threads of its own until the deadline.
pub fn walk(
    visitor: &Arc<Visitor>,
    pids: Vec<i32>,
    files: Files,
    wanted: &Arc<Wanted>,
    deadline: Instant,
) -> Walk {
    let threads = if pids.len() < WORTH_A_SECOND_THREAD {
        1
    } else {
        std::thread::available_parallelism().map_or(1, |cores| cores.get().min(2))
    };
    let errand = Arc::new(Errand {
        visitor: Arc::clone(visitor),
        pids,
        next: AtomicUsize::new(0),
        wanted: Arc::clone(wanted),
        files,
    });
    let (sender, receiver) = sync_channel(4);
    let mut started = 0;
    for _ in 0..threads {
        let (errand, sender) = (Arc::clone(&errand), sender.clone());
        let thread = std::thread::Builder::new().name("walk".to_owned());
        started += usize::from(thread.spawn(move || errand.run(&sender)).is_ok());
    }
    drop(sender);
    let mut walk = Walk::default();
    if started == 0 {
        // No thread to be had (RLIMIT_NPROC, a full pids cgroup): the work is done
        // here, without the guard against a kernel that stalls.
        errand.run_here(deadline, &mut walk);
    }
    loop {
        match receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(parcel) => walk.take(parcel),
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                walk.give_up(&errand.pids);
                break;
            }
        }
    }
    walk.facts.sort_unstable_by_key(|facts| facts.pid);
    walk
}

/// What the threads of one walk share.
struct Errand {
    visitor: Arc<Visitor>,
    pids: Vec<i32>,
    next: AtomicUsize,
    wanted: Arc<Wanted>,
    files: Files,
}

/// Some visits, handed over together.
#[derive(Default)]
struct Parcel {
    facts: Vec<Facts>,
    gone: Vec<i32>,
    first: Vec<(Arc<Identity>, u64, ProcessDir)>,
}

impl Errand {
    fn run(&self, sender: &SyncSender<Parcel>) {
        let mut buffer = Vec::new();
        let mut parcel = Parcel::default();
        while let Some(&pid) = self.pids.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            self.visit(pid, &mut parcel, &mut buffer);
            if parcel.facts.len() >= PARCEL && sender.send(std::mem::take(&mut parcel)).is_err() {
                return;
            }
        }
        let _ = sender.send(parcel);
    }

    fn run_here(&self, deadline: Instant, walk: &mut Walk) {
        let mut buffer = Vec::new();
        for &pid in &self.pids {
            let mut parcel = Parcel::default();
            self.visit(pid, &mut parcel, &mut buffer);
            walk.take(parcel);
            if Instant::now() >= deadline {
                return walk.give_up(&self.pids);
            }
        }
    }

    fn visit(&self, pid: i32, parcel: &mut Parcel, buffer: &mut Vec<u8>) {
        let Ok(process) = self.visitor.proc.process(pid) else {
            return parcel.gone.push(pid);
        };
        let Some(facts) = self
            .visitor
            .visit(&process, self.files, &*self.wanted, buffer)
        else {
            return parcel.gone.push(pid);
        };
        if facts.read && facts.identity.key != Key::Unknown {
            let identity = Arc::clone(&facts.identity);
            keep_first(
                &mut parcel.first,
                identity,
                facts.stat.starttime_ticks,
                process,
            );
        }
        parcel.facts.push(facts);
    }
}

impl Walk {
    fn take(&mut self, parcel: Parcel) {
        self.facts.extend(parcel.facts);
        self.gone.extend(parcel.gone);
        for (identity, started, process) in parcel.first {
            keep_first(&mut self.first, identity, started, process);
        }
    }

    fn give_up(&mut self, pids: &[i32]) {
        let seen = self
            .facts
            .iter()
            .map(|facts| facts.pid)
            .chain(self.gone.iter().copied());
        let seen: HashSet<i32> = seen.collect();
        self.stalled = pids
            .iter()
            .copied()
            .filter(|pid| !seen.contains(pid))
            .collect();
    }
}

/// Keeps the process of each container that was started first; the lower id where
/// the clock's ticks cannot tell.
pub(super) fn keep_first(
    first: &mut Vec<(Arc<Identity>, u64, ProcessDir)>,
    identity: Arc<Identity>,
    started: u64,
    process: ProcessDir,
) {
    if let Some(held) = first
        .iter_mut()
        .find(|(known, ..)| known.key == identity.key)
    {
        if (started, process.pid()) < (held.1, held.2.pid()) {
            (held.1, held.2) = (started, process);
        }
    } else if first.len() < CONTAINERS_HELD {
        first.push((identity, started, process));
    }
}
