//! Checks: a question with yes or no for an answer, for probes and scripts.
//!
//! What could not be seen is neither: the answer is unknown then, in the sense of Kleene's logic
//! ([`TruthValue`]), and `not` leaves it unknown.

pub(crate) mod dial;
mod files;
mod listen;
mod network;
mod processes;
mod reason;
mod sight;
pub(crate) mod spec;
mod tls;
mod words;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::model::Report;
use crate::model::gap::Gaps;
use crate::model::target::ChosenBy;
use crate::model::time::Timestamp;
use crate::model::truth_value::TruthValue;
use crate::rights::ptrace_access::Credentials;
use crate::scan::Scan;
use crate::scan::needs::Files;
use crate::scan::needs::{Needs, Scope};
use crate::scan::needs::{NetPolicy, ScanOptions};
use crate::scan::no_target::NoTarget;
use crate::sections::section::{Detail, Request};
use crate::sys::{ProcDir, reader_process};
use crate::trust;

pub(crate) use processes::Seen as SeenProcesses;
pub(crate) use reason::{CheckNote, CheckOutcome, CheckReason};
pub(crate) use spec::Check;
pub(crate) use words::word;

use clap::ValueEnum;
use sight::Partial;
use spec::{Spec, Verify};

/// What an unknown answer counts as, where there are only two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum UnknownAs {
    /// As a check that passes.
    Pass,
    /// As a check that fails.
    Fail,
}

impl UnknownAs {
    /// The answer that it counts as.
    #[must_use]
    pub(crate) fn answer(self) -> TruthValue {
        TruthValue::from(self == Self::Pass)
    }
}

/// The context of one run of a check.
pub(crate) struct CheckContext<'a> {
    /// The target with the gaps of the walk, or why there is none; `None` where no check needs one.
    scan: Option<Result<(Scan, Gaps), Arc<NoTarget>>>,
    begun: Instant,
    timeout: Duration,
    may_dial: bool,
    /// What was seen of processes before, where a server remembers it.
    memory: &'a mut Vec<SeenProcesses>,
    /// Which of several `process:` checks comes next.
    next: usize,
}

impl<'a> CheckContext<'a> {
    /// For a question to the network, as the target would ask it.
    ///
    /// # Errors
    /// Where there is no target, or more than one.
    pub(crate) fn of_question(
        options: ScanOptions,
        files: Files,
        memory: &'a mut Vec<SeenProcesses>,
    ) -> Result<Self, NoTarget> {
        let begun = Instant::now();
        let timeout = options.net.dial_timeout;
        let may_dial = options.net.to_endpoint().is_some();
        let needs = Needs {
            files,
            scope: Scope::Main,
            target: true,
        };
        let scan = Scan::open(options, &[needs], None, Vec::new())?;
        Ok(Self {
            scan: Some(Ok(scan)),
            begun,
            timeout,
            may_dial,
            memory,
            next: 0,
        })
    }
}

impl CheckContext<'_> {
    /// Until when the answer must be there.
    pub(crate) fn deadline(&self) -> Instant {
        self.begun + self.timeout
    }

    /// Whether connections are allowed.
    pub(crate) fn may_dial(&self) -> bool {
        self.may_dial
    }

    /// The scan, whatever its target.
    pub(crate) fn scan(&mut self) -> Result<&mut (Scan, Gaps), CheckOutcome> {
        match &mut self.scan {
            Some(Ok(scan)) => Ok(scan),
            Some(Err(why)) => {
                let why = CheckReason::NoTarget(Arc::clone(why));
                Err(CheckOutcome::unknown(why))
            }
            None => unreachable_scan(),
        }
    }

    /// That the container that was named is not there: then nothing that is dialled is its.
    fn named_target_is_missing(&self) -> Option<CheckOutcome> {
        match &self.scan {
            Some(Err(why))
                if matches!(**why, NoTarget::NoContainer { .. } | NoTarget::NoPod { .. }) =>
            {
                let why = CheckReason::NoTarget(Arc::clone(why));
                Some(CheckOutcome::unknown(why))
            }
            _ => None,
        }
    }

    /// The scan of a target that was named, or found where nothing is hidden.
    fn target(&mut self) -> Result<&mut (Scan, Gaps), CheckOutcome> {
        let (scan, gaps) = self.scan()?;
        if let Some(partial) = hidden_target(scan, gaps) {
            return Err(CheckOutcome::unknown(CheckReason::TargetHidden(partial)));
        }
        self.scan()
    }
}

/// A check asked for what [`needs`] does not list.
fn unreachable_scan<T>() -> Result<T, CheckOutcome> {
    debug_assert!(false, "a check without its needs");
    let none = NoTarget::NoneListed {
        path: Path::new("/proc").to_owned(),
    };
    Err(CheckOutcome::unknown(CheckReason::NoTarget(Arc::new(none))))
}

/// Why the target is spyhole's own container only because no other process can be seen.
fn hidden_target(scan: &Scan, gaps: &Gaps) -> Option<Partial> {
    let chosen_by = scan.target.as_ref()?.chosen_by;
    let by_default = matches!(
        chosen_by,
        ChosenBy::NobodyElse | ChosenBy::NobodyElseButPause
    );
    by_default.then(|| sight::partial(scan, gaps)).flatten()
}

/// Runs a check once in a reader process, with nothing to remember.
#[must_use]
pub(crate) fn run_in_reader(check: &Check, options: ScanOptions) -> CheckOutcome {
    let patience = check.timeout.saturating_mul(2).saturating_add(GRACE);
    let check = check.clone();
    let run = move || run(&check, options, &mut Vec::new());
    reader_process::call(patience, run)
        .unwrap_or_else(|_| CheckOutcome::unknown(CheckReason::SystemCallStuck))
}

/// How much longer than twice its time-out a check is waited for.
const GRACE: Duration = Duration::from_secs(2);

/// Runs a check once. `memory` is what a server keeps of it between two runs; for a single run
/// an empty one does.
#[must_use]
pub(crate) fn run(
    check: &Check,
    options: ScanOptions,
    memory: &mut Vec<SeenProcesses>,
) -> CheckOutcome {
    let begun = Instant::now();
    let may_dial = options.net.to_endpoint().is_some();
    let scan = needs(&check.spec).map(|needed| {
        let options = ScanOptions {
            timeout: check.timeout,
            net: NetPolicy {
                dial_timeout: check.timeout,
                ..options.net
            },
            ..options
        };
        let proc = options.proc.clone();
        (Scan::open(options, &needed, None, Vec::new()), proc)
    });
    let scan = match scan {
        Some((Err(NoTarget::NoProcess(pid)), proc)) => {
            let gone = TruthValue::from(false);
            // A process that is hidden is not listed either.
            let answer = if may_be_hidden(&proc) {
                TruthValue::Unknown
            } else {
                gone
            };
            return CheckOutcome::new(answer, CheckReason::NoProcess(pid));
        }
        Some((scan, _)) => Some(scan.map_err(Arc::new)),
        None => None,
    };
    let mut context = CheckContext {
        scan,
        begun,
        timeout: check.timeout,
        may_dial,
        memory,
        next: 0,
    };
    evaluate(&check.spec, &mut context)
}

fn may_be_hidden(proc: &Path) -> bool {
    let Ok(proc) = ProcDir::open(proc) else {
        return true;
    };
    let own = proc.caller_pid().and_then(|pid| proc.process(pid));
    let viewer = own.map_or_else(
        |_| Credentials::default(),
        |own| Credentials::of(&own, &mut Vec::new()),
    );
    sight::hides_processes(&proc, &viewer)
}

fn evaluate(spec: &Spec, context: &mut CheckContext) -> CheckOutcome {
    match spec {
        Spec::Not(inner) => {
            let outcome = evaluate(inner, context);
            CheckOutcome {
                answer: !outcome.answer,
                ..outcome
            }
        }
        Spec::All(parts) => all(parts, context),
        Spec::Any(parts) => any(parts, context),
        Spec::Tcp(endpoint) => network::tcp(endpoint, context),
        Spec::Http(http) => network::http(http, context),
        Spec::Grpc(grpc) => network::grpc(grpc, context),
        Spec::Tls(tls) => tls::tls(tls, context),
        Spec::Dns(name) => network::dns(name, context),
        Spec::Listen(listen) => listen::listen(*listen, context),
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

/// The conjunction; its reason is that of the first part that decides.
fn all(parts: &[Spec], context: &mut CheckContext) -> CheckOutcome {
    let mut unknown = None;
    let mut rest = parts.iter();
    for part in rest.by_ref() {
        let outcome = evaluate(part, context);
        match outcome.answer {
            TruthValue::True => {}
            TruthValue::False => {
                context.next += rest.map(processes_in).sum::<usize>();
                return outcome;
            }
            TruthValue::Unknown => unknown = unknown.or(Some(outcome)),
        }
    }
    unknown.unwrap_or_else(|| CheckOutcome::new(true, CheckReason::All(parts.len())))
}

/// The disjunction, likewise.
fn any(parts: &[Spec], context: &mut CheckContext) -> CheckOutcome {
    let (mut unknown, mut first) = (None, None);
    let mut rest = parts.iter();
    for part in rest.by_ref() {
        let outcome = evaluate(part, context);
        match outcome.answer {
            TruthValue::True => {
                context.next += rest.map(processes_in).sum::<usize>();
                return outcome;
            }
            TruthValue::False => first = first.or(Some(outcome)),
            TruthValue::Unknown => unknown = unknown.or(Some(outcome)),
        }
    }
    match (unknown, first) {
        (Some(unknown), _) => unknown,
        (None, Some(first)) => CheckOutcome {
            reason: CheckReason::NoneOf(parts.len(), Box::new(first.reason)),
            ..first
        },
        (None, None) => CheckOutcome::new(false, CheckReason::All(0)),
    }
}

/// How many `process:` checks are in it: what a server remembers of each is found by its place.
fn processes_in(spec: &Spec) -> usize {
    match spec {
        Spec::Process(_) => 1,
        Spec::Not(inner) => processes_in(inner),
        Spec::All(parts) | Spec::Any(parts) => parts.iter().map(processes_in).sum(),
        _ => 0,
    }
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
        Spec::All(parts) | Spec::Any(parts) => {
            let parts: Vec<Needs> = parts.iter().filter_map(needs).flatten().collect();
            (!parts.is_empty()).then_some(parts)
        }
        Spec::Tcp(endpoint)
        | Spec::Http(spec::Http { endpoint, .. })
        | Spec::Grpc(spec::Grpc { endpoint, .. })
            if dial::is_same_everywhere(endpoint) =>
        {
            None
        }
        Spec::Cert {
            verify: Verify::Target,
            ..
        } => of(trust::FILES, Scope::Main),
        Spec::Tcp(_)
        | Spec::Http(_)
        | Spec::Grpc(_)
        | Spec::Dns(_)
        | Spec::File(_)
        | Spec::Cert { .. }
        | Spec::Memory(_) => of(Files::empty(), Scope::Main),
        Spec::Tls(tls) => Some(vec![Request::needs(
            &tls::tls_request(tls),
            Detail::Document,
        )]),
        Spec::Listen(listen) => Some(vec![Request::needs(
            &listen::listen_request(*listen),
            Detail::Table,
        )]),
        Spec::Process(_) => of(Files::CMDLINE | Files::EXE, Scope::Target),
        Spec::Fds(_) => of(Files::FD_COUNT | Files::FD_LIMIT, Scope::Target),
    }
}

/// What a section answers to a request of its own.
fn ask(request: &dyn Request, scan: &Scan, gaps: &mut Gaps) -> Report {
    let mut report = Report::begin(Timestamp(scan.clock.now));
    request.fill(scan, &mut gaps.section(request.info().name), &mut report);
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(text: &str) -> Spec {
        text.parse::<Check>().unwrap().spec
    }

    #[test]
    fn what_is_remembered_of_a_process_is_found_though_a_part_before_it_was_skipped() {
        let nested = spec("all(any(listen:1; not process:a); process:b; any(process:c; file:/x))");
        assert_eq!(processes_in(&nested), 3);
        let mut memory = Vec::new();
        let mut context = CheckContext {
            scan: Some(Err(Arc::new(NoTarget::NoProcess(1)))),
            begun: Instant::now(),
            timeout: Duration::from_secs(1),
            may_dial: false,
            memory: &mut memory,
            next: 0,
        };
        // Unknown decides nothing: each is asked.
        let outcome = evaluate(&nested, &mut context);
        assert_eq!((outcome.answer, context.next), (TruthValue::Unknown, 3));
        let closed = spec("tcp:203.0.113.1:1");
        let never = CheckOutcome::unknown(CheckReason::ConnectDisabled);
        assert_eq!(evaluate(&closed, &mut context).answer, never.answer);
    }

    #[test]
    fn a_container_that_was_named_and_is_not_there_is_not_replaced_by_this_one() {
        let missing = NoTarget::NoContainer {
            name: "web".to_owned(),
            pod: None,
            containers: Vec::new(),
        };
        let mut memory = Vec::new();
        let mut context = CheckContext {
            scan: Some(Err(Arc::new(missing))),
            begun: Instant::now(),
            timeout: Duration::from_secs(1),
            may_dial: true,
            memory: &mut memory,
            next: 0,
        };
        for text in [
            "tcp:127.0.0.1:1",
            "tcp:unix:/x",
            "tcp:unix:@x",
            "tcp:db:1",
            "http://localhost/",
            "grpc:db:1",
            "dns:db",
            "tls:db:1",
            "listen:1",
            "file:/x",
            "process:x",
            "memory:<9%",
        ] {
            let outcome = evaluate(&spec(text), &mut context);
            assert!(
                matches!(outcome.reason, CheckReason::NoTarget(_)),
                "{text}: {outcome}"
            );
            assert_eq!(outcome.answer, TruthValue::Unknown, "{text}");
        }
    }
}
