//! Declared probes: each check is fixed at the start, so a caller chooses nothing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::time::Instant;

use bytes::Bytes;
use hyper::StatusCode;
use serde_json::{Value, json};

use super::Server;
use super::answer::Answer;
use super::collect::{Collector, Looked};
use super::options::ServeOptions;
use super::problem::Problem;
use crate::check;
use crate::check::{Check, CheckOutcome, CheckReason, SeenProcesses, UnknownAs};
use crate::model::server_stats::ProbeFigure;
use crate::model::truth_value::TruthValue;
use crate::redact;
use crate::scan::needs::ScanOptions;

/// The probes of a server and what is remembered of them.
pub(super) struct Probes {
    probes: BTreeMap<String, Arc<Probe>>,
    /// Of their own: a look that hangs keeps no kubelet waiting.
    collector: Collector,
}

struct Probe {
    check: Check,
    unknown: UnknownAs,
    /// Held while it runs.
    memory: Mutex<Memory>,
    /// Held for a moment only: the server's own thread asks for it.
    last: Mutex<Option<Last>>,
}

/// What is remembered from run to run.
#[derive(Default)]
struct Memory {
    processes: Vec<SeenProcesses>,
    not_passed_in_a_row: u32,
}

/// The last run of a probe.
#[derive(Debug, Clone)]
pub(super) struct Last {
    /// Whether it passes, with the patience of `fail-after` taken in.
    pub(super) passes: bool,
    /// How the run itself came out.
    pub(super) outcome: CheckOutcome,
    /// How long it took.
    pub(super) seconds: f64,
}

impl Probes {
    /// Of the declarations.
    ///
    /// # Errors
    /// Two of one name, or a name to wait for that is not declared.
    pub(super) fn of(options: &ServeOptions) -> Result<Self, String> {
        let ServeOptions {
            probe: declared,
            ready_on,
            unknown,
            ..
        } = options;
        let mut probes = BTreeMap::new();
        for one in declared {
            let probe = Arc::new(Probe {
                check: one.check.clone(),
                unknown: *unknown,
                memory: Mutex::default(),
                last: Mutex::default(),
            });
            if probes.insert(one.name.clone(), probe).is_some() {
                return Err(format!("--probe {}: declared twice", one.name));
            }
        }
        match ready_on.iter().find(|name| !probes.contains_key(*name)) {
            Some(name) => Err(format!(
                "--ready-on {name}: not declared by --probe {name}=CHECK"
            )),
            None => Ok(Self {
                probes,
                collector: Collector::of(options),
            }),
        }
    }

    /// The last result of each probe; a probe that was never requested has none.
    pub(super) fn figures(&self) -> Vec<ProbeFigure> {
        let each = self.probes.iter();
        each.filter_map(|(name, probe)| {
            let last = probe.last()?;
            let is_known = last.outcome.answer != TruthValue::Unknown;
            Some(ProbeFigure {
                name: name.clone(),
                success: is_known.then_some(last.passes),
                seconds: last.seconds,
            })
        })
        .collect()
    }
}

impl Probes {
    /// Each, with how its last run came out.
    pub(super) fn declared(&self, ready_on: &[String]) -> Vec<Value> {
        let each = self.probes.iter();
        each.map(|(name, probe)| {
            let last = probe.last().map(|last| {
                json!({
                    "passes": last.passes,
                    "line": line(&last, true).trim_end(),
                    "seconds": last.seconds,
                })
            });
            json!({
                "name": name,
                "check": redact::sentence(&probe.check.to_string()),
                "gates_ready": ready_on.contains(name),
                "last": last,
            })
        })
        .collect()
    }
}

impl Probe {
    fn run(&self, options: ScanOptions) {
        // One at a time: they share what is remembered. One that is stuck holds it.
        let mut memory = match self.memory.try_lock() {
            Ok(memory) => memory,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return self.note_stuck(),
        };
        let began = Instant::now();
        let outcome = check::run(&self.check, options, &mut memory.processes);
        let answer = match outcome.answer {
            TruthValue::Unknown => self.unknown.answer(),
            answer => answer,
        };
        if answer == TruthValue::True {
            memory.not_passed_in_a_row = 0;
        } else {
            memory.not_passed_in_a_row = memory.not_passed_in_a_row.saturating_add(1);
        }
        let last = Last {
            passes: memory.not_passed_in_a_row < self.check.fail_after,
            outcome,
            seconds: began.elapsed().as_secs_f64(),
        };
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(last);
    }

    fn note_stuck(&self) {
        let last = Last {
            passes: false,
            outcome: CheckOutcome::unknown(CheckReason::PreviousRunStuck),
            seconds: 0.0,
        };
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(last);
    }

    fn last(&self) -> Option<Last> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.clone()
    }
}

/// Runs a probe, or shares the run of others.
///
/// # Errors
/// That there is no such probe, or that it did not end in time.
pub(super) async fn ask(server: &Arc<Server>, name: &str) -> Result<Last, Problem> {
    let Some(probe) = server.probes.probes.get(name) else {
        return Err(Problem::new(
            StatusCode::NOT_FOUND,
            "probe not found; declare one with serve --probe NAME=CHECK",
        ));
    };
    let options = server.look.probe_options();
    let running = Arc::clone(probe);
    let run = move || -> Looked {
        running.run(options);
        Ok(Answer::text("text/plain; charset=utf-8", Bytes::new()))
    };
    let question = format!("probe {name}");
    server
        .probes
        .collector
        .ask(question, probe.check.timeout, run)
        .await?;
    probe.last().ok_or_else(Problem::lost)
}

/// The answer without the token: one word. With the token, the reason too.
pub(super) fn line(last: &Last, with_reason: bool) -> String {
    let word = match (last.passes, last.outcome.answer) {
        (true, TruthValue::True) => "pass",
        (true, TruthValue::Unknown) => "pass (unknown)",
        (true, TruthValue::False) => "pass (failing, within fail-after)",
        (false, TruthValue::Unknown) => "unknown",
        (false, _) => "fail",
    };
    if with_reason {
        // The token shows what is seen, not the secrets of a declared URL.
        let reason = last.outcome.to_string();
        format!("{word}: {}\n", redact::sentence(&reason))
    } else {
        format!("{word}\n")
    }
}
