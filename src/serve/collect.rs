//! Looking on another thread: like questions share one look, answers are kept for a moment, and
//! no more than a few looks are under way at once.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};

use super::answer::{Answer, HeldBytes};
use super::options::ServeOptions;
use super::problem::Problem;
use super::spare_memory;
use crate::sys::reader_process::{self, NoAnswer};

/// Different questions that may wait at once, or whose answers are kept.
const QUESTIONS: usize = 64;
/// Looks that are under way, for all collectors.
static LOOKS: AtomicUsize = AtomicUsize::new(0);
/// How much longer than its own time-out a look is waited for.
const GRACE: Duration = Duration::from_secs(2);

/// What a look brings.
pub(super) type Looked = Result<Answer, Problem>;
/// What came of a question, for all that asked it.
pub(super) type Outcome = Result<Arc<Answer>, Problem>;

/// The looks under way and those just done.
pub(super) struct Collector {
    questions: Arc<Mutex<HashMap<String, Question>>>,
    permits: Arc<Semaphore>,
    keep: Duration,
    held: HeldBytes,
    most_held: usize,
}

enum Question {
    /// A scan is running; this announces its result.
    Pending(watch::Receiver<Option<Outcome>>),
    Done {
        at: Instant,
        outcome: Outcome,
    },
}

type Questions = Mutex<HashMap<String, Question>>;

fn lock(questions: &Questions) -> MutexGuard<'_, HashMap<String, Question>> {
    questions.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Collector {
    pub(super) fn of(options: &ServeOptions) -> Self {
        Self {
            questions: Arc::default(),
            permits: Arc::new(Semaphore::new(options.max_collections.into())),
            keep: options.cache,
            held: HeldBytes::default(),
            most_held: usize::from(options.max_response) << 21,
        }
    }

    /// The answer to a question, by the look that is under way for it, or by a new one.
    pub(super) async fn ask(
        &self,
        question: String,
        patience: Duration,
        look: impl FnOnce() -> Looked + Send + 'static,
    ) -> Outcome {
        let mut told = match self.join(question, patience, look)? {
            Ok(outcome) => return outcome,
            Err(told) => told,
        };
        let waited = tokio::time::timeout(patience + GRACE, told.wait_for(Option::is_some)).await;
        match waited {
            Ok(Ok(outcome)) => outcome.clone().unwrap_or_else(|| Err(Problem::lost())),
            Ok(Err(_)) => Err(Problem::lost()),
            Err(_) => Err(Problem::too_slow()),
        }
    }

    /// The finished result, or the channel that will announce it.
    fn join(
        &self,
        question: String,
        patience: Duration,
        look: impl FnOnce() -> Looked + Send + 'static,
    ) -> Result<Result<Outcome, watch::Receiver<Option<Outcome>>>, Problem> {
        let mut questions = lock(&self.questions);
        if !questions.contains_key(&question) {
            if questions.len() >= QUESTIONS {
                forget_oldest(&mut questions);
            }
            if questions.len() >= QUESTIONS {
                return Err(Problem::busy());
            }
        }
        let slot = match questions.entry(question.clone()) {
            Entry::Occupied(slot) => match slot.get() {
                Question::Pending(told) => return Ok(Err(told.clone())),
                Question::Done { at, outcome } if at.elapsed() < self.keep => {
                    return Ok(Ok(outcome.clone()));
                }
                Question::Done { .. } => Entry::Occupied(slot),
            },
            vacant @ Entry::Vacant(_) => vacant,
        };
        if self.held.count() > self.most_held {
            return Err(Problem::unread());
        }
        let (tell, told) = watch::channel(None);
        slot.insert_entry(Question::Pending(told.clone()));
        drop(questions);
        tokio::spawn(run(
            Arc::clone(&self.questions),
            Arc::clone(&self.permits),
            question,
            Terms {
                patience,
                keep: self.keep,
                held: self.held.clone(),
            },
            look,
            tell,
        ));
        Ok(Err(told))
    }
}

/// Frees the memory of a cached answer.
fn forget_oldest(questions: &mut HashMap<String, Question>) {
    let done = questions
        .iter()
        .filter_map(|(name, question)| match question {
            Question::Done { at, .. } => Some((*at, name.clone())),
            Question::Pending(_) => None,
        });
    if let Some((_, oldest)) = done.min() {
        questions.remove(&oldest);
    }
}

/// How long a look may take and how long its answer is kept.
struct Terms {
    patience: Duration,
    keep: Duration,
    held: HeldBytes,
}

/// Scans once, even if the client has gone meanwhile, and caches the answer for a moment.
async fn run(
    questions: Arc<Questions>,
    permits: Arc<Semaphore>,
    question: String,
    terms: Terms,
    look: impl FnOnce() -> Looked + Send + 'static,
    tell: watch::Sender<Option<Outcome>>,
) {
    let under_way = UnderWay::begin();
    let permit = tokio::time::timeout(terms.patience, permits.acquire_owned()).await;
    let outcome = match permit {
        Ok(Ok(permit)) => on_a_thread(permit, terms.patience + GRACE, look).await,
        _ => Err(Problem::busy()),
    };
    let outcome = outcome.map(|answer| Arc::new(answer.counted(&terms.held)));
    let _ = tell.send(Some(outcome.clone()));
    let kept = Question::Done {
        at: Instant::now(),
        outcome,
    };
    lock(&questions).insert(question.clone(), kept);
    // First those that wait for the answer send it.
    tokio::task::yield_now().await;
    drop(under_way);
    tokio::time::sleep(terms.keep).await;
    let mut questions = lock(&questions);
    let over = matches!(
        questions.get(&question),
        Some(Question::Done { at, .. }) if at.elapsed() >= terms.keep
    );
    if over {
        questions.remove(&question);
    }
}

/// A look that is under way.
struct UnderWay;

impl UnderWay {
    fn begin() -> Self {
        LOOKS.fetch_add(1, Ordering::Relaxed);
        Self
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if LOOKS.fetch_sub(1, Ordering::Relaxed) == 1 {
            spare_memory::give_back();
        }
    }
}

/// Not on one of the runtime's threads: where the system has none to give, those panic.
async fn on_a_thread(
    permit: OwnedSemaphorePermit,
    patience: Duration,
    look: impl FnOnce() -> Looked + Send + 'static,
) -> Looked {
    let (tell, told) = oneshot::channel();
    let thread = thread::Builder::new().name("look".to_owned());
    let begun = thread.spawn(move || {
        let outcome = reader_process::call(patience, look);
        // Free for the next one also where the kernel holds this look: its reader is left behind.
        drop(permit);
        let _ = tell.send(outcome.unwrap_or_else(|none| {
            Err(match none {
                NoAnswer::Late => Problem::too_slow(),
                NoAnswer::Stuck => Problem::stuck(),
                NoAnswer::Lost(_) => Problem::lost(),
            })
        }));
    });
    match begun {
        Ok(_) => told.await.unwrap_or_else(|_| Err(Problem::lost())),
        Err(_) => Err(Problem::no_thread()),
    }
}
