//! The connections under way: how many at once, and who goes when one more comes.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::task::AbortHandle;

use super::spare_memory;
use crate::sys::limits;

/// Descriptors that are kept for everything else: standard streams, listeners, the runtime,
/// and what a look at /proc holds at once.
const RESERVED_DESCRIPTORS: u64 = 40;

/// Those that are open, the oldest first.
pub(super) struct Connections {
    most: usize,
    open: Arc<Mutex<Open>>,
    closed: Arc<Notify>,
}

struct Open {
    next: u64,
    tasks: VecDeque<Task>,
    last_request: Instant,
    evicted: u64,
    accepted: u64,
}

struct Task {
    id: u64,
    handle: AbortHandle,
    standing: Arc<ClientState>,
}

/// What a connection has shown of itself.
#[derive(Debug, Default)]
pub(super) struct ClientState {
    /// A request of it was let in by a token or a certificate.
    pub(super) trusted: AtomicBool,
    /// It has sent a whole request.
    pub(super) asked: AtomicBool,
}

/// Takes a connection off the list when its task ends, however it ends.
struct Listed {
    id: u64,
    open: Arc<Mutex<Open>>,
    closed: Arc<Notify>,
}

impl Drop for Listed {
    fn drop(&mut self) {
        let mut open = lock(&self.open);
        open.tasks.retain(|task| task.id != self.id);
        let is_last = open.tasks.is_empty();
        drop(open);
        if is_last {
            spare_memory::give_back();
        }
        self.closed.notify_waiters();
    }
}

fn lock(open: &Mutex<Open>) -> MutexGuard<'_, Open> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Connections {
    /// The maximum; lower where the limit on descriptors is low.
    pub(super) fn of(most: u16) -> Self {
        let descriptors = limits::open_files();
        let room = descriptors.saturating_sub(RESERVED_DESCRIPTORS).max(4);
        Self {
            most: usize::from(most).min(usize::try_from(room).unwrap_or(usize::MAX)),
            open: Arc::new(Mutex::new(Open {
                next: 0,
                tasks: VecDeque::new(),
                last_request: Instant::now(),
                evicted: 0,
                accepted: 0,
            })),
            closed: Arc::new(Notify::new()),
        }
    }

    /// Runs a connection, in the place of another one where there is no room; whether one had
    /// to go.
    pub(super) fn run<F>(&self, serve: impl FnOnce(Arc<ClientState>) -> F) -> bool
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let full = self.count() >= self.most;
        while self.count() >= self.most {
            self.evict();
        }
        let id = {
            let mut open = lock(&self.open);
            open.next += 1;
            open.accepted += 1;
            open.next
        };
        let listed = Listed {
            id,
            open: Arc::clone(&self.open),
            closed: Arc::clone(&self.closed),
        };
        let standing = Arc::new(ClientState::default());
        let serve = serve(Arc::clone(&standing));
        let task = tokio::spawn(async move {
            let _listed = listed;
            serve.await;
        });
        // The task has not run yet: there is one thread, and it is here.
        let mut open = lock(&self.open);
        open.tasks.push_back(Task {
            id,
            handle: task.abort_handle(),
            standing,
        });
        full
    }

    /// Closes the one that has been open for the longest of those that nobody vouches for, so
    /// that a flood of strangers does not cut off who holds the token; else the oldest of all.
    pub(super) fn evict(&self) {
        let mut open = lock(&self.open);
        let strange = |task: &Task| !task.standing.trusted.load(Ordering::Relaxed);
        let index = open.tasks.iter().position(strange).unwrap_or_default();
        if let Some(task) = open.tasks.remove(index) {
            open.evicted += 1;
            task.handle.abort();
        }
    }

    /// How many are open.
    pub(super) fn count(&self) -> usize {
        lock(&self.open).tasks.len()
    }

    /// How many were accepted and how many of those evicted, since the start.
    pub(super) fn totals(&self) -> (u64, u64) {
        let open = lock(&self.open);
        (open.accepted, open.evicted)
    }

    /// Records the time of a request.
    pub(super) fn asked(&self) {
        lock(&self.open).last_request = Instant::now();
    }

    /// How long ago that was.
    pub(super) fn idle_for(&self) -> Duration {
        lock(&self.open).last_request.elapsed()
    }

    /// Returns once none is open.
    pub(super) async fn all_closed(&self) {
        loop {
            let closed = self.closed.notified();
            if self.count() == 0 {
                return;
            }
            closed.await;
        }
    }
}
