//! Declared probes: what is asked was said at the start, so that whoever calls chooses nothing.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use hyper::StatusCode;

use super::Server;
use super::collect::{Answer, Outcome as Collected};
use super::problem::Problem;
use crate::inspect::check::{self, Check, Outcome, SeenProcesses, Verdict};
use crate::inspect::look;

/// `--probe NAME=CHECK`.
#[derive(Debug, Clone)]
pub struct Declared {
    /// What it is called in the path.
    pub name: String,
    /// What it asks.
    pub check: Check,
}

impl FromStr for Declared {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, check) = text
            .split_once('=')
            .ok_or("expected NAME=CHECK, such as db=tcp:db:5432")?;
        let fit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if name.is_empty() || name.len() > 63 || !name.bytes().all(fit) {
            return Err(format!(
                "{name:?}: a name has letters, digits, -, _ and . only, 63 at most"
            ));
        }
        Ok(Self {
            name: name.to_owned(),
            check: check.parse()?,
        })
    }
}

/// The probes of a server and what is remembered of them.
pub(super) struct Probes(BTreeMap<String, Arc<Probe>>);

struct Probe {
    check: Check,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    processes: Vec<SeenProcesses>,
    not_passed_in_a_row: u32,
    last: Option<Last>,
}

/// The last run of a probe.
#[derive(Debug, Clone)]
pub(super) struct Last {
    /// Whether it passes, with the patience of `fail-after` taken in.
    pub(super) passes: bool,
    /// How the run itself came out.
    pub(super) outcome: Outcome,
    /// How long it took.
    pub(super) seconds: f64,
}

impl Probes {
    /// Of the declarations.
    ///
    /// # Errors
    /// Two of one name, or a name to wait for that is not declared.
    pub(super) fn of(declared: &[Declared], ready_on: &[String]) -> Result<Self, String> {
        let mut probes = BTreeMap::new();
        for one in declared {
            let probe = Arc::new(Probe {
                check: one.check.clone(),
                state: Mutex::default(),
            });
            if probes.insert(one.name.clone(), probe).is_some() {
                return Err(format!("--probe {}: declared twice", one.name));
            }
        }
        match ready_on.iter().find(|name| !probes.contains_key(*name)) {
            Some(name) => Err(format!(
                "--ready-on {name}: no --probe {name}=CHECK declares it"
            )),
            None => Ok(Self(probes)),
        }
    }

    /// The last run of each probe that was ever asked, by name.
    pub(super) fn last(&self) -> Vec<(String, Last)> {
        let each = self.0.iter();
        each.filter_map(|(name, probe)| {
            let state = probe.state.lock().unwrap_or_else(PoisonError::into_inner);
            Some((name.clone(), state.last.clone()?))
        })
        .collect()
    }
}

impl Probe {
    fn run(&self, options: look::Options) -> Last {
        // One at a time: they share what is remembered.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let began = Instant::now();
        let outcome = check::run(&self.check, options, &mut state.processes);
        if outcome.verdict == Verdict::Passes {
            state.not_passed_in_a_row = 0;
        } else {
            state.not_passed_in_a_row = state.not_passed_in_a_row.saturating_add(1);
        }
        let last = Last {
            passes: state.not_passed_in_a_row < self.check.fail_after,
            outcome,
            seconds: began.elapsed().as_secs_f64(),
        };
        state.last = Some(last.clone());
        last
    }
}

/// Runs a probe, or shares the run of others.
///
/// # Errors
/// That there is no such probe, or that it did not end in time.
pub(super) async fn ask(server: &Arc<Server>, name: &str) -> Result<Last, Problem> {
    let Some(probe) = server.probes.0.get(name) else {
        return Err(Problem::new(
            StatusCode::NOT_FOUND,
            "no such probe; serve --probe NAME=CHECK declares one",
        ));
    };
    let options = server.look.options();
    let running = Arc::clone(probe);
    let run = move || -> Collected {
        running.run(options);
        Ok(Arc::new(Answer {
            content_type: "text/plain; charset=utf-8",
            body: Bytes::new(),
        }))
    };
    let question = format!("probe {name}");
    server
        .collector
        .ask(question, probe.check.timeout, run)
        .await?;
    // A run that goes on keeps its state locked; the one that was waited for has ended.
    let state = probe.state.lock().unwrap_or_else(PoisonError::into_inner);
    state.last.clone().ok_or_else(Problem::lost)
}

/// The answer to whoever may not know more: one word. With the token, the reason too.
pub(super) fn line(last: &Last, with_reason: bool) -> String {
    let word = match (last.passes, last.outcome.verdict) {
        (true, Verdict::Passes) => "pass",
        (true, _) => "pass (failing, within fail-after)",
        (false, Verdict::Unknown) => "unknown",
        (false, _) => "fail",
    };
    if with_reason {
        format!("{word}: {}\n", last.outcome.says)
    } else {
        format!("{word}\n")
    }
}
