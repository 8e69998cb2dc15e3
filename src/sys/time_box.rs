//! Work that the kernel may never finish, such as statvfs(2) on a dead network mount.
//!
//! It is done on a thread of its own, one item after the other. Where an item does not come
//! back in time, the thread is left behind and another one goes on with the next. How many may
//! be left behind is bounded, and so is the time for all. A thread that is stuck in the kernel
//! keeps its process from ending: so this is used in a [reader process](super::reader_process),
//! which can itself be left behind.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::attempts;

static BOXES: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// The time box that this thread works for.
    static CURRENT: Cell<Option<u64>> = const { Cell::new(None) };
    /// When all that this thread does has to be over.
    static DEADLINE: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// The time box of this thread, where the one that waits for it can leave it behind.
pub(super) fn current() -> Option<u64> {
    CURRENT.get()
}

/// The time that is left to this thread, where [`end_by`] has set an end.
pub(crate) fn left() -> Option<Duration> {
    let deadline = DEADLINE.get()?;
    Some(deadline.saturating_duration_since(Instant::now()))
}

/// Whether the time that [`end_by`] has set is over: reading what may have no end has to stop.
pub(crate) fn is_over() -> bool {
    left() == Some(Duration::ZERO)
}

/// Lets all time boxes of this thread end by then.
pub(crate) fn end_by(deadline: Instant) {
    DEADLINE.set(Some(deadline));
}

/// Gives the time boxes of this thread that much longer: what it waited for did not depend on the
/// target.
pub(crate) fn extend(by: Duration) {
    DEADLINE.set(DEADLINE.get().map(|deadline| deadline + by));
}

/// Sets no end any more.
pub(crate) fn end_never() {
    DEADLINE.set(None);
}

/// Does one thing in its time; `None` where it did not come back. Where there is no thread to be had,
/// it is done here and now.
pub(crate) fn in_time<R: Send + 'static>(
    patience: Duration,
    work: impl FnOnce() -> R + Send + 'static,
) -> Option<R> {
    let (sender, receiver) = channel();
    let work = Arc::new(Mutex::new(Some(work)));
    let taken = Arc::clone(&work);
    let take = move || taken.lock().unwrap_or_else(PoisonError::into_inner).take();
    let (id, run) = boxed(move || {
        if let Some(work) = take() {
            let _ = sender.send(work());
        }
    });
    if thread().spawn(run).is_err() {
        let work = work.lock().unwrap_or_else(PoisonError::into_inner).take();
        return work.map(|work| work());
    }
    let result = receiver.recv_timeout(patience).ok();
    if result.is_none() {
        attempts::give_up(id);
    }
    result
}

fn thread() -> thread::Builder {
    thread::Builder::new().name("time box".to_owned())
}

/// Work as a thread of a new time box does it.
pub(crate) fn boxed(work: impl FnOnce()) -> (u64, impl FnOnce()) {
    let id = BOXES.fetch_add(1, Ordering::Relaxed);
    let deadline = DEADLINE.get();
    (id, move || {
        CURRENT.set(Some(id));
        DEADLINE.set(deadline);
        work();
    })
}

/// How patient to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimeBudget {
    /// For one item.
    pub each: Duration,
    /// For all of them together.
    pub all: Duration,
    /// How many threads may be left behind.
    pub stuck: usize,
}

/// What became of one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TimedOutcome<R> {
    /// It came back in time.
    Done(R),
    /// It did not.
    Late,
    /// It was not begun: too many others did not come back, or the time for all was up.
    NotBegun,
    /// There was no thread to be had to do it on.
    NoThread,
}

/// Does the work for every item; one outcome for each, in their order.
pub(crate) fn each_in_time<T, R>(
    items: Vec<T>,
    patience: TimeBudget,
    work: impl Fn(&T) -> R + Send + Sync + 'static,
) -> Vec<TimedOutcome<R>>
where
    T: Send + Sync + 'static,
    R: Send + 'static,
{
    let all = left().map_or(patience.all, |left| left.min(patience.all));
    let deadline = Instant::now() + all;
    let count = items.len();
    let errand = Arc::new((items, work));
    let mut outcomes = Vec::with_capacity(count);
    let mut stuck = 0;
    while outcomes.len() < count && stuck < patience.stuck && Instant::now() < deadline {
        let Some((time_box, run)) = start(&errand, outcomes.len()) else {
            outcomes.resize_with(count, || TimedOutcome::NoThread);
            break;
        };
        let results = run.wait(patience.each, deadline);
        outcomes.extend(results.into_iter().map(TimedOutcome::Done));
        if outcomes.len() < count {
            attempts::give_up(time_box);
            outcomes.push(TimedOutcome::Late);
            stuck += 1;
        }
    }
    outcomes.resize_with(count, || TimedOutcome::NotBegun);
    outcomes
}

/// What one thread has done so far. It wakes the one that waits only at the end: most items take
/// microseconds, less than to wake somebody.
struct Run<R> {
    state: Mutex<RunState<R>>,
    ended: Condvar,
}

struct RunState<R> {
    results: Vec<R>,
    /// When the item that is under way was begun.
    began: Instant,
    is_ended: bool,
    /// Whether nobody waits any more.
    is_left: bool,
}

impl<R> Run<R> {
    fn lock(&self) -> MutexGuard<'_, RunState<R>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a result; false where the next item need not be begun.
    fn put(&self, result: R) -> bool {
        let mut state = self.lock();
        state.results.push(result);
        state.began = Instant::now();
        !state.is_left
    }

    /// The results of the items that came back in their time.
    fn wait(&self, each: Duration, deadline: Instant) -> Vec<R> {
        let mut state = self.lock();
        while !state.is_ended {
            let until = (state.began + each).min(deadline);
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                state.is_left = true;
                break;
            }
            state = self
                .ended
                .wait_timeout(state, left)
                .map_or_else(|poisoned| poisoned.into_inner().0, |(state, _)| state);
        }
        std::mem::take(&mut state.results)
    }
}

/// Notes that the thread has come to its end, also where it panicked.
struct Ending<'a, R>(&'a Run<R>);

impl<R> Drop for Ending<'_, R> {
    fn drop(&mut self) {
        self.0.lock().is_ended = true;
        self.0.ended.notify_one();
    }
}

/// A thread that does the items from `first` on, until nobody waits any more.
fn start<T, R, W>(errand: &Arc<(Vec<T>, W)>, first: usize) -> Option<(u64, Arc<Run<R>>)>
where
    T: Send + Sync + 'static,
    R: Send + 'static,
    W: Fn(&T) -> R + Send + Sync + 'static,
{
    let run = Arc::new(Run {
        state: Mutex::new(RunState {
            results: Vec::new(),
            began: Instant::now(),
            is_ended: false,
            is_left: false,
        }),
        ended: Condvar::new(),
    });
    let errand = Arc::clone(errand);
    let own = Arc::clone(&run);
    let (id, work) = boxed(move || {
        let ending = Ending(&own);
        let (items, work) = &*errand;
        for item in items.iter().skip(first) {
            if !ending.0.put(work(item)) {
                return;
            }
        }
    });
    thread().spawn(work).ok().map(|_| (id, run))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: TimeBudget = TimeBudget {
        each: Duration::from_secs(2),
        all: Duration::from_mins(1),
        stuck: 2,
    };

    /// Waits as long as the item says.
    fn nap(time: &Duration) -> u128 {
        thread::sleep(*time);
        time.as_millis()
    }

    fn naps(milliseconds: &[u64]) -> Vec<Duration> {
        let times = milliseconds.iter().copied();
        times.map(Duration::from_millis).collect()
    }

    #[test]
    fn quick_work_is_done_in_order() {
        let outcomes = each_in_time((0..1000).collect(), PATIENCE, |number: &u32| number * 2);
        let expected: Vec<_> = (0..1000)
            .map(|number| TimedOutcome::Done(number * 2))
            .collect();
        assert_eq!(outcomes, expected);
    }

    #[test]
    fn what_hangs_costs_itself_only() {
        let outcomes = each_in_time(naps(&[0, 60_000, 1]), PATIENCE, nap);
        assert_eq!(
            outcomes,
            [
                TimedOutcome::Done(0),
                TimedOutcome::Late,
                TimedOutcome::Done(1)
            ]
        );
    }

    #[test]
    fn threads_that_hang_are_bounded() {
        let outcomes = each_in_time(naps(&[60_000, 60_000, 60_000, 0]), PATIENCE, nap);
        let [first, second, rest @ ..] = outcomes.as_slice() else {
            panic!("{outcomes:?}")
        };
        assert_eq!([first, second], [&TimedOutcome::Late; 2]);
        assert_eq!(rest, [TimedOutcome::NotBegun, TimedOutcome::NotBegun]);
    }

    #[test]
    fn the_time_for_all_is_bounded() {
        let patience = TimeBudget {
            each: Duration::from_mins(1),
            all: Duration::from_secs(2),
            stuck: 100,
        };
        let outcomes = each_in_time(naps(&[80; 1000]), patience, nap);
        assert_eq!(outcomes.first(), Some(&TimedOutcome::Done(80)));
        assert_eq!(outcomes.last(), Some(&TimedOutcome::NotBegun));
        assert_eq!(outcomes.len(), 1000);
    }

    #[test]
    fn nothing_to_do_is_done() {
        assert!(each_in_time(Vec::new(), PATIENCE, nap).is_empty());
    }
}
