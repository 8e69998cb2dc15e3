//! Checks: a question with yes or no for an answer, for probes and scripts.
//!
//! What could not be seen is neither: such a check cannot be told, and does not pass.

mod files;
mod network;
mod processes;
pub(crate) mod spec;

use std::time::Instant;

use crate::model::Report;
use crate::model::gap::Gaps;
use crate::model::time::Timestamp;
use crate::scan::Scan;
use crate::scan::needs::Files;
use crate::scan::needs::{Needs, Scope};
use crate::scan::needs::{NetPolicy, ScanOptions};
use crate::scan::no_target::NoTarget;
use crate::sections::section::{Detail, Request};
use crate::trust;

pub(crate) use processes::Seen as SeenProcesses;
pub(crate) use spec::Check;

use spec::{Spec, Verify};

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Yes.
    Passes,
    /// No.
    Fails,
    /// It could not be seen.
    Unknown,
}

/// A verdict with its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CheckOutcome {
    /// Yes or no.
    pub verdict: Verdict,
    /// What was seen, as a sentence part.
    pub says: String,
}

impl CheckOutcome {
    pub(crate) fn passes(says: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Passes,
            says: says.into(),
        }
    }

    pub(crate) fn fails(says: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Fails,
            says: says.into(),
        }
    }

    pub(crate) fn unknown(says: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Unknown,
            says: says.into(),
        }
    }

    /// Passes where this holds, else fails.
    pub(crate) fn of(holds: bool, says: impl Into<String>) -> Self {
        if holds {
            Self::passes(says)
        } else {
            Self::fails(says)
        }
    }
}

/// What one run of a check stands on.
pub(crate) struct CheckContext<'a> {
    /// The target, where the check needs one.
    /// With the gaps of the walk itself.
    scan: Option<(Scan, Gaps)>,
    deadline: Instant,
    may_dial: bool,
    /// What was seen of processes before, where a server remembers it.
    memory: &'a mut Vec<SeenProcesses>,
    /// Which of several `process:` checks comes next.
    next: usize,
}

/// Runs a check once. `memory` is what a server keeps of it between two runs; for a single run
/// an empty one does.
#[must_use]
pub(crate) fn run(
    check: &Check,
    options: ScanOptions,
    memory: &mut Vec<SeenProcesses>,
) -> CheckOutcome {
    let redactor = options.redactor.clone();
    let outcome = look(check, options, memory);
    CheckOutcome {
        says: redactor.sentence(&outcome.says),
        ..outcome
    }
}

fn look(check: &Check, options: ScanOptions, memory: &mut Vec<SeenProcesses>) -> CheckOutcome {
    let deadline = Instant::now() + check.timeout;
    let may_dial = options.net.to_endpoint().is_some();
    let scan = match needs(&check.spec) {
        None => None,
        Some(asked) => {
            let options = ScanOptions {
                timeout: check.timeout,
                net: NetPolicy {
                    dial_timeout: check.timeout,
                    ..options.net
                },
                ..options
            };
            match Scan::open(options, &asked) {
                Ok(scanned) => Some(scanned),
                Err(NoTarget::NoProcess(pid)) => {
                    return CheckOutcome::fails(format!("process {pid} not found"));
                }
                Err(none) => return CheckOutcome::unknown(none.to_string()),
            }
        }
    };
    let mut context = CheckContext {
        scan,
        deadline,
        may_dial,
        memory,
        next: 0,
    };
    evaluate(&check.spec, &mut context)
}

fn evaluate(spec: &Spec, context: &mut CheckContext) -> CheckOutcome {
    match spec {
        Spec::Not(inner) => {
            let outcome = evaluate(inner, context);
            match outcome.verdict {
                Verdict::Passes => CheckOutcome::fails(outcome.says),
                Verdict::Fails => CheckOutcome::passes(outcome.says),
                Verdict::Unknown => outcome,
            }
        }
        Spec::All(parts) => all(parts, context),
        Spec::Tcp(endpoint) => network::tcp(endpoint, context),
        Spec::Http(http) => network::http(http, context),
        Spec::Tls(tls) => network::tls(tls, context),
        Spec::Dns(name) => network::dns(name, context),
        Spec::Listen(listen) => network::listen(*listen, context),
        Spec::Process(wanted) => processes::count(wanted, context),
        Spec::Fds(bound) => processes::descriptors(*bound, context),
        Spec::File(file) => files::file(file, context),
        Spec::Cert {
            path,
            min_days,
            verify,
        } => files::certificate(path, *min_days, *verify, context),
        Spec::Memory(bound) => files::memory(*bound, context),
    }
}

/// The first that does not pass tells why.
fn all(parts: &[Spec], context: &mut CheckContext) -> CheckOutcome {
    let mut unknown = None;
    for part in parts {
        let outcome = evaluate(part, context);
        match outcome.verdict {
            Verdict::Passes => {}
            Verdict::Fails => return outcome,
            Verdict::Unknown => unknown = unknown.or(Some(outcome)),
        }
    }
    unknown.unwrap_or_else(|| CheckOutcome::passes(format!("all {} passed", parts.len())))
}

/// What has to be read of the target; `None`: nothing at all.
fn needs(spec: &Spec) -> Option<Vec<Needs>> {
    let of = |files, scope| {
        Some(vec![Needs {
            files,
            scope,
            target: true,
        }])
    };
    match spec {
        Spec::Not(inner) => needs(inner),
        Spec::All(parts) => {
            let parts: Vec<Needs> = parts.iter().filter_map(needs).flatten().collect();
            (!parts.is_empty()).then_some(parts)
        }
        Spec::Tcp(endpoint) if network::is_address(endpoint) => None,
        Spec::Http(http) if network::is_address_url(&http.url) => None,
        Spec::Cert {
            verify: Verify::Target,
            ..
        } => of(trust::FILES, Scope::Main),
        Spec::Tcp(_)
        | Spec::Http(_)
        | Spec::Dns(_)
        | Spec::File(_)
        | Spec::Cert { .. }
        | Spec::Memory(_) => of(Files::empty(), Scope::Main),
        Spec::Tls(tls) => Some(vec![Request::needs(
            &network::tls_request(tls),
            Detail::Document,
        )]),
        Spec::Listen(listen) => Some(vec![Request::needs(
            &network::listen_request(*listen),
            Detail::Table,
        )]),
        Spec::Process(_) => of(Files::CMDLINE | Files::EXE, Scope::Target),
        Spec::Fds(_) => of(Files::FD_COUNT | Files::LIMITS, Scope::Target),
    }
}

/// What a section answers to a request of its own.
fn ask(request: &dyn Request, scan: &Scan, gaps: &mut Gaps) -> Report {
    let mut report = Report::begin(Timestamp(scan.clock.now));
    request.fill(scan, &mut gaps.section(request.info().name), &mut report);
    report
}
