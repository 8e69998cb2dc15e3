//! One file a section: ask `sys`, parse, fill the model.
//!
//! [`scan`](crate::scan) finds the target and walks /proc once; each section then fills its
//! part of the report from what the walk brought.

pub(crate) mod access;
pub(crate) mod capabilities;
pub(crate) mod certificates;
pub(crate) mod containers;
pub(crate) mod environment;
pub(crate) mod mounts;
pub(crate) mod network;
pub(crate) mod open_files;
#[cfg(feature = "sample-section")]
pub(crate) mod personality;
pub(crate) mod processes;
pub(crate) mod program;
mod query_pairs;
pub(crate) mod registry;
pub(crate) mod resources;
pub(crate) mod section;
pub(crate) mod sockets;
pub(crate) mod tls;
mod tool_views;
pub(crate) mod view;
mod withhold;

use std::time::Duration;

use crate::model::time::Timestamp;
use crate::model::{Report, Seen};
use crate::render::tables::Table;
use crate::scan::Scan;
use crate::scan::needs::ScanOptions;
use crate::scan::no_target::NoTarget;
use crate::sys::reader_process::{self, NoAnswer};
pub(crate) use registry::REGISTRY;
use section::{Detail, Request};
use view::ViewEntry;

/// The sections under the names of other tools, in the order of the help.
pub(crate) const VIEWS: &[ViewEntry] = &[
    ViewEntry::of::<mounts::df::DfView>(),
    ViewEntry::of::<open_files::fds::FdsView>(),
    ViewEntry::of::<open_files::fuser::FuserView>(),
    ViewEntry::of::<tool_views::IdView>(),
    ViewEntry::of::<tool_views::MountView>(),
    ViewEntry::of::<tool_views::PgrepView>(),
    ViewEntry::of::<tool_views::PrintenvView>(),
    ViewEntry::of::<tool_views::GetpcapsView>(),
    ViewEntry::of::<tool_views::UptimeView>(),
];

/// One look for all of these requests in a reader process.
///
/// # Errors
/// Where it did not come back, which takes a system call that neither its time box nor the time-out
/// ends.
pub(crate) fn report_in_reader(
    options: ScanOptions,
    requests: Vec<Box<dyn Request>>,
    detail: Detail,
) -> Result<Looked, NoAnswer> {
    // Each part ends in its time; this one is for what is in no time box.
    let patience = options.timeout.saturating_mul(2).saturating_add(GRACE);
    reader_process::call(patience, move || {
        let report = report(options, &requests, detail);
        Looked { requests, report }
    })
}

/// What the rules of `doctor` read: what `dump` asks, and whether the certificates are good; no more
/// than they need. `served`: the certificates of the target's listeners too.
pub(crate) fn requests_of_doctor(served: bool) -> Vec<Box<dyn Request>> {
    let mut requests = whole_with(certificates::CertificatesQuery::for_rules(served));
    // What may be read is seen by what was read.
    requests.retain(|one| one.info().name != access::INFO.name);
    requests
}

/// What `spec` reads: the sections that it is made of, and each open file.
pub(crate) fn requests_of_spec() -> Vec<Box<dyn Request>> {
    let read = [
        processes::INFO.name,
        sockets::INFO.name,
        environment::INFO.name,
        mounts::INFO.name,
        resources::INFO.name,
        capabilities::INFO.name,
    ];
    let mut requests = registry::whole();
    requests.retain(|one| read.contains(&one.info().name));
    requests.push(Box::new(open_files::OpenFilesQuery::default()));
    requests
}

/// What `dump` asks, with the verdicts on certificates: for a report that is itself shown or compared.
pub(crate) fn requests_of_certificates() -> Vec<Box<dyn Request>> {
    whole_with(certificates::CertificatesQuery::verified())
}

fn whole_with(certificates: certificates::CertificatesQuery) -> Vec<Box<dyn Request>> {
    let whole = registry::whole().into_iter();
    let others = whole.filter(|one| one.info().name != certificates.info().name);
    let mut requests: Vec<Box<dyn Request>> = others.collect();
    requests.push(Box::new(certificates));
    requests
}

/// What tells who holds a port, a process or a file, and why: of the target, or of every visible
/// process.
pub(crate) fn requests_of_holders(all: bool, path: Option<&str>) -> Vec<Box<dyn Request>> {
    let processes = processes::ProcessesQuery {
        all,
        ..Default::default()
    };
    let mut sockets = sockets::SocketsQuery::whole();
    sockets.all = all;
    let environment = environment::EnvironmentQuery::of_processes(all);
    let mut requests: Vec<Box<dyn Request>> = vec![
        Box::new(processes),
        Box::new(sockets),
        Box::new(environment),
    ];
    if let Some(path) = path {
        let mut files = open_files::OpenFilesQuery::default();
        files.all = all;
        files.paths = vec![path.to_owned()];
        requests.push(Box::new(files));
    }
    requests
}

/// How much longer than twice its time-out a look is waited for.
const GRACE: Duration = Duration::from_secs(10);

/// What came of a look in a reader process, and the requests that it was for.
pub(crate) struct Looked {
    pub(crate) requests: Vec<Box<dyn Request>>,
    pub(crate) report: Result<Report, NoTarget>,
}

/// One look for all of these requests.
///
/// # Errors
/// [`NoTarget`], where there is nothing to look at or more than one thing.
pub(crate) fn report(
    options: ScanOptions,
    requests: &[Box<dyn Request>],
    detail: Detail,
) -> Result<Report, NoTarget> {
    if let [request] = requests
        && let Some(report) = request.answer_without_look()
    {
        return Ok(report);
    }
    let needs: Vec<_> = requests
        .iter()
        .map(|request| request.needs(detail))
        .collect();
    let sock_diag = requests.iter().flat_map(|request| request.sock_diag());
    let only: Option<Vec<_>> = requests.iter().map(|request| request.pids()).collect();
    let only = only.map(|pids| pids.concat());
    let (scan, mut gaps) = Scan::open(options, &needs, only, sock_diag.collect())?;
    let mut report = Report::begin(Timestamp(scan.clock.now));
    report.target = scan.describe_target(&mut gaps);
    for request in requests {
        request.fill(&scan, &mut gaps.section(request.info().name), &mut report);
    }
    report.gaps = gaps.as_slice().to_vec();
    withhold::redact(&mut report, &scan.redactor);
    report.fingerprint_key_id = has_fingerprint(&report).then(|| scan.redactor.key_id());
    Ok(report)
}

/// Whether a secret was replaced, with its fingerprint.
fn has_fingerprint(report: &Report) -> bool {
    let environments = report.environment.iter().flatten();
    let variables = environments
        .filter_map(|one| one.variables.value())
        .flatten();
    let processes = report.processes.iter().flatten();
    let args = processes
        .filter_map(|process| process.args.as_ref()?.value())
        .flatten();
    let mounts = report.mounts.as_ref().and_then(Seen::value);
    variables
        .into_iter()
        .any(|variable| variable.redacted.is_some())
        || args.into_iter().any(|arg| !arg.redacted.is_empty())
        || mounts
            .into_iter()
            .flatten()
            .any(|mount| !mount.redacted.is_empty())
}

/// The report as tables, section by section; with a title for each where there are several.
#[must_use]
pub(crate) fn tables(report: &Report, requests: &[Box<dyn Request>], detail: Detail) -> Vec<Table> {
    let mut all = Vec::new();
    for request in requests {
        let mut tables = request.tables(report, detail);
        if requests.len() > 1
            && let Some(first) = tables.first_mut()
        {
            let title = first
                .title
                .take()
                .map(|title| format!(": {title}"))
                .unwrap_or_default();
            first.title = Some(format!("{}{title}", request.info().name));
        }
        all.append(&mut tables);
    }
    all
}
