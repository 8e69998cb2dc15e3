//! `/metrics`: one look for each scrape, with no more in it than the metrics show, and what the
//! server knows of itself.

mod accept;
mod cpu_accumulator;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::{HeaderMap, Request as HttpRequest};

use super::Server;
use super::answer::Answer;
use super::collect::Looked;
use super::options::ScanDefaults;
use super::problem::Problem;
use crate::doctor;
use crate::model::Report;
use crate::model::certificate::Certificates;
use crate::model::gap::{Gap, Gaps, Reason, Refusal};
use crate::model::process_group::groups;
use crate::model::server_stats::ServerStats;
use crate::model::time::Timestamp;
use crate::render::metrics::{Figures, FindingFigures, Form, metrics};
use crate::scan::needs::Choice;
use crate::scan::needs::{NetPolicy, ScanOptions};
use crate::scan::no_target::NoTarget;
use crate::sections;
use crate::sections::REGISTRY;
use crate::sections::certificates;
use crate::sections::section::{Detail, Request, Scrape, SectionMetrics};
use crate::sys;
use cpu_accumulator::CpuAccumulator;

/// The number of groups with their own label: those that use the most memory.
const GROUPS: usize = 50;
/// How long what was found of certificates, and by the rules, is used: that look reads many files.
const FINDINGS_KEPT: Duration = Duration::from_mins(1);

/// What is kept from scrape to scrape.
pub(super) struct Metrics {
    started_at: Timestamp,
    /// Requests answered, by the first digit of the status.
    requests: [AtomicU64; 5],
    cpu_accumulator: Mutex<CpuAccumulator>,
    searches: Mutex<Searches>,
    /// Whether the last scan saw several containers and none was named.
    several: AtomicBool,
}

/// The look at everything, for certificates and the rules: no lock is held while it runs. A reader that gets stuck in one
/// would hold it for ever.
#[derive(Default)]
struct Searches {
    /// The last that ended.
    found: Option<Arc<Found>>,
    /// When the one that has not ended yet began.
    began: Option<Instant>,
}

impl Searches {
    /// Whether the caller is to search now: what was found is old, and nothing else searches that
    /// may still end.
    fn begin(&mut self, patience: Duration) -> bool {
        let is_old = |found: &Arc<Found>| found.at.elapsed() >= FINDINGS_KEPT;
        let is_due = self.found.as_ref().is_none_or(is_old);
        let is_free = self.began.is_none_or(|began| began.elapsed() >= patience);
        if is_due && is_free {
            self.began = Some(Instant::now());
        }
        is_due && is_free
    }
}

/// What was found of certificates, and by the rules.
struct Found {
    at: Instant,
    read_at: Timestamp,
    certificates: Option<Certificates>,
    gaps: Vec<Gap>,
    /// `None` where the target was gone by then.
    findings: Option<FindingFigures>,
}

impl Metrics {
    pub(super) fn new() -> Self {
        Self {
            started_at: Timestamp::now(),
            requests: Default::default(),
            cpu_accumulator: Mutex::default(),
            searches: Mutex::default(),
            several: AtomicBool::new(false),
        }
    }

    /// Counts an answer.
    pub(super) fn answered(&self, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100);
        if let Some(count) = class.checked_sub(1).and_then(|at| self.requests.get(at)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Answers a scrape.
///
/// # Errors
/// What to answer instead.
pub(super) async fn scrape(
    server: &Arc<Server>,
    request: &HttpRequest<Incoming>,
) -> Result<Arc<Answer>, Problem> {
    let query = request.uri().query().unwrap_or_default();
    if let Some(name) = query.split(['=', '&']).find(|name| !name.is_empty()) {
        return Err(Problem::bad(format!("{name}: unknown parameter")));
    }
    let form = form(request.headers());
    let looking = Arc::clone(server);
    let question = format!("/metrics {form:?}");
    let patience = server.look.timeout;
    let collector = &server.collector;
    collector
        .ask(question, patience, move || collect(&looking, form))
        .await
}

fn form(headers: &HeaderMap) -> Form {
    accept::form(headers)
}

fn collect(server: &Server, form: Form) -> Looked {
    let began = Instant::now();
    let mut report = see(server)?;
    let found = match &mut report {
        Some(report) => add_certificates(server, report),
        None => None,
    };
    let read_at = found.as_ref().map(|found| found.read_at);
    let own = own(server, began.elapsed(), read_at);
    let processes = report.as_ref().and_then(|report| report.processes.as_ref());
    let (groups, groups_folded) = groups(processes.map_or(&[], Vec::as_slice), GROUPS);
    let mut cpu_accumulator = lock(&server.metrics.cpu_accumulator);
    if let (Some(report), Some(processes)) = (&report, processes) {
        cpu_accumulator.take_in(processes, &groups, report.taken_at, began);
    }
    let figures = Figures {
        report: report.as_ref(),
        groups: &groups,
        groups_folded,
        cpu_seconds: &|key| cpu_accumulator.of(key),
        own: &own,
        findings: found.as_ref().and_then(|found| found.findings.as_ref()),
        sections: &metrics_of_sections()
            .map(|metrics| metrics.collect)
            .collect::<Vec<_>>(),
    };
    let text = metrics(&figures, form).map_err(|_| Problem::lost())?;
    Ok(Answer::text(form.content_type(), text))
}

/// Looks at what the metrics show; `None` where there is nothing to look at.
///
/// Where the server was started for one target, at that one. Else at every visible process,
/// and at the network and the mounts of the target if there is one. Several containers of a pod
/// have none: then at every visible network namespace, which in a pod is the one that they share.
fn see(server: &Server) -> Result<Option<Report>, Problem> {
    let several = &server.metrics.several;
    let before = several.load(Ordering::Relaxed);
    let first = sections::report(
        options(&server.look),
        &requests(&server.look, !before),
        Detail::Table,
    );
    let outcome = match first {
        Err(NoTarget::Ambiguous { .. }) if !before => {
            several.store(true, Ordering::Relaxed);
            sections::report(
                options(&server.look),
                &requests(&server.look, false),
                Detail::Table,
            )
        }
        Ok(report) => {
            // A single container is named as the target, requested or not.
            several.store(report.target.is_none(), Ordering::Relaxed);
            Ok(report)
        }
        other => other,
    };
    match outcome {
        Ok(report) => Ok(Some(report)),
        // A container that is being restarted: the server itself can tell of that.
        Err(
            NoTarget::NoProcess(_)
            | NoTarget::NoContainer { .. }
            | NoTarget::NoPod { .. }
            | NoTarget::Ambiguous { .. },
        ) => Ok(None),
        Err(none) => Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            none.to_string(),
        )),
    }
}

/// The requests of a look; some are made only where there may be a target.
fn requests(look: &ScanDefaults, with_target: bool) -> Vec<Box<dyn Request>> {
    let scrape = Scrape {
        all_processes: look.pid.is_none()
            && look.container.is_none()
            && look.pod.is_none()
            && !look.own,
        with_target,
    };
    metrics_of_sections()
        .filter_map(|metrics| (metrics.request)(scrape))
        .collect()
}

fn metrics_of_sections() -> impl Iterator<Item = SectionMetrics> {
    REGISTRY.iter().filter_map(|section| section.info.metrics)
}

fn options(look: &ScanDefaults) -> ScanOptions {
    ScanOptions {
        proc: look.proc.clone(),
        choice: Choice {
            pid: look.pid,
            container: look.container.clone(),
            pod: look.pod.clone(),
            own: look.own,
        },
        timeout: look.timeout,
        // A scrape never opens a connection.
        net: NetPolicy::none(),
        redactor: look.redactor.clone(),
    }
}

/// Puts the certificates on disk into the report, from a look of its own that is repeated now and
/// then; gives that with what the rules found in it.
fn add_certificates(server: &Server, report: &mut Report) -> Option<Arc<Found>> {
    // Without a target there are no files.
    report.target.as_ref()?;
    let kept = &server.metrics.searches;
    let is_due = lock(kept).begin(server.look.timeout * 2);
    if is_due {
        // Of a target that is gone by now, nothing is found.
        let whole = sections::requests_of_certificates();
        let seen = sections::report(options(&server.look), &whole, Detail::Document).ok();
        let findings = seen.as_ref().map(judge);
        let (certificates, gaps) = seen.map_or((None, Vec::new()), |seen| {
            let mut gaps = seen.gaps;
            gaps.retain(|gap| gap.section == certificates::INFO.name);
            (seen.certificates, gaps)
        });
        *lock(kept) = Searches {
            found: Some(Arc::new(Found {
                at: Instant::now(),
                read_at: report.taken_at,
                certificates,
                gaps,
                findings,
            })),
            began: None,
        };
    }
    let Some(found) = lock(kept).found.clone() else {
        let late = Refusal::of(Reason::Timeout).needing("the first search to end");
        let mut gaps = Gaps::default();
        gaps.section(certificates::INFO.name)
            .record("files", report.target.as_ref()?.pid, &late);
        report.gaps.extend(gaps.as_slice().iter().cloned());
        return None;
    };
    report.certificates.clone_from(&found.certificates);
    report.gaps.extend(found.gaps.iter().cloned());
    Some(found)
}

fn judge(report: &Report) -> FindingFigures {
    let diagnosis = doctor::examine(report, &doctor::Expectations::default());
    let findings = diagnosis.findings.iter();
    FindingFigures {
        found: findings
            .map(|finding| (finding.id, finding.severity.as_str()))
            .collect(),
        not_judged: diagnosis.not_judged.len(),
    }
}

fn own(server: &Server, look: Duration, certificates_read_at: Option<Timestamp>) -> ServerStats {
    let (connections_accepted, connections_evicted) = server.connections.totals();
    ServerStats {
        started_at: server.metrics.started_at,
        cpu_seconds: sys::own::cpu_seconds(),
        resident_bytes: sys::own::resident_bytes(),
        look_seconds: look.as_secs_f64(),
        requests: server
            .metrics
            .requests
            .each_ref()
            .map(|count| count.load(Ordering::Relaxed)),
        connections_open: server.connections.count() as u64,
        connections_accepted,
        connections_evicted,
        auth_failures: server.guard.refused(),
        certificates_read_at,
        probes: server.probes.figures(),
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_that_does_not_end_keeps_no_other_from_beginning_for_ever() {
        let mut searches = Searches::default();
        let long = Duration::from_mins(10);
        assert!(searches.begin(long));
        assert!(!searches.begin(long), "one is under way");
        assert!(searches.begin(Duration::ZERO), "it is taken for stuck");
        searches.found = Some(Arc::new(Found {
            at: Instant::now(),
            read_at: Timestamp::now(),
            certificates: None,
            gaps: Vec::new(),
            findings: None,
        }));
        assert!(!searches.begin(Duration::ZERO), "it was found just now");
    }
}
