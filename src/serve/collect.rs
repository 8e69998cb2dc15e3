//! Looking on another thread: like questions share one look, answers are kept for a moment, and
//! no more than a few looks are under way at once.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, watch};

use super::options::Options;
use super::problem::Problem;

/// Different questions that may wait at once.
const QUESTIONS: usize = 64;
/// How much longer than its own time-out a look is waited for.
const GRACE: Duration = Duration::from_secs(2);

/// What a look brought, ready to be sent.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) content_type: &'static str,
    pub(super) body: bytes::Bytes,
}

/// What came of a question.
pub(super) type Outcome = Result<Arc<Answer>, Problem>;

/// The looks under way and those just done.
pub(super) struct Collector {
    questions: Arc<Mutex<HashMap<String, Question>>>,
    permits: Arc<Semaphore>,
    keep: Duration,
}

enum Question {
    /// Somebody looks; whoever waits is told here.
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
    pub(super) fn of(options: &Options) -> Self {
        Self {
            questions: Arc::default(),
            permits: Arc::new(Semaphore::new(options.max_collections.into())),
            keep: options.cache,
        }
    }

    /// The answer to a question, by the look that is under way for it, or by a new one.
    pub(super) async fn ask(
        &self,
        question: String,
        patience: Duration,
        look: impl FnOnce() -> Outcome + Send + 'static,
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

    /// What is known already, or where it will be told.
    fn join(
        &self,
        question: String,
        patience: Duration,
        look: impl FnOnce() -> Outcome + Send + 'static,
    ) -> Result<Result<Outcome, watch::Receiver<Option<Outcome>>>, Problem> {
        let mut questions = lock(&self.questions);
        if questions.len() >= QUESTIONS && !questions.contains_key(&question) {
            return Err(Problem::busy());
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
            },
            look,
            tell,
        ));
        Ok(Err(told))
    }
}

/// How long a look may take and how long its answer is kept.
struct Terms {
    patience: Duration,
    keep: Duration,
}

/// Looks once, whether or not whoever asked is still there, and keeps the answer for a moment.
async fn run(
    questions: Arc<Questions>,
    permits: Arc<Semaphore>,
    question: String,
    terms: Terms,
    look: impl FnOnce() -> Outcome + Send + 'static,
    tell: watch::Sender<Option<Outcome>>,
) {
    let permit = tokio::time::timeout(terms.patience, permits.acquire_owned()).await;
    let outcome = match permit {
        Ok(Ok(permit)) => {
            let looked = tokio::task::spawn_blocking(move || {
                // Held by the thread: a look that the kernel holds counts until it ends.
                let _permit = permit;
                look()
            });
            looked.await.unwrap_or_else(|_| Err(Problem::lost()))
        }
        _ => Err(Problem::busy()),
    };
    let _ = tell.send(Some(outcome.clone()));
    let kept = Question::Done {
        at: Instant::now(),
        outcome,
    };
    lock(&questions).insert(question.clone(), kept);
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
