//! What is shown of a process only where it is asked for.

use crate::model::gap::{Reason, Refusal, SectionGaps};
use crate::model::process_details::{ProcessDetails, ProcessIo, ProcessScheduling};
use crate::model::seen::Seen;
use crate::parse::namespace_link::NamespaceLink;
use crate::parse::scheduling::Scheduling;
use crate::rights::ptrace_access::not_copied;
use crate::scan::Scan;
use crate::scan::details::{Details, namespaces};
use crate::scan::snapshot::ProcessSnapshot;

/// The namespaces of spyhole.
///
/// # Errors
/// Where they cannot be read: then nothing can be said to be in another one.
pub(super) fn own_namespaces(scan: &Scan) -> Result<Vec<NamespaceLink>, Refusal> {
    let own = scan.own_process().and_then(|own| namespaces(&own).ok());
    own.ok_or_else(|| {
        if scan.is_live() {
            Refusal::of(Reason::Unsupported).needing("spyhole listed in this /proc")
        } else {
            not_copied()
        }
    })
}

/// What was read of a process.
pub(super) fn of(
    facts: &ProcessSnapshot,
    own: Result<&[NamespaceLink], &Refusal>,
    gaps: &mut SectionGaps<'_>,
) -> Option<Box<ProcessDetails>> {
    let read: &Details = facts.details.as_deref()?;
    let mut seen = Filled {
        pid: facts.pid,
        gaps: gaps.reborrow(),
    };
    let wait_channel = read.wchan.clone().and_then(Result::transpose);
    let wait_channel = wait_channel.map(|name| name.map(|name| name.as_slice().into()));
    let scheduling = read.scheduling.as_ref();
    let scheduling = scheduling.map(|read| read.as_ref().map(of_stat).map_err(Clone::clone));
    let io = read.io.as_ref().map(|read| {
        let io = read.as_ref().map(|io| ProcessIo {
            read_bytes: io.read_bytes,
            written_bytes: io.written_bytes,
            read_calls_bytes: io.read_chars,
            write_calls_bytes: io.written_chars,
        });
        io.map_err(Clone::clone)
    });
    let namespaces = read.namespaces.clone().and_then(Result::transpose);
    let namespaces = namespaces.map(|links| Ok(others(&links?, own.map_err(Refusal::clone)?)));
    let cpus = read.cpus_allowed.clone();
    Some(Box::new(ProcessDetails {
        wait_channel: wait_channel.map(|attempt| seen.field("wait_channel", attempt)),
        scheduling: scheduling.map(|attempt| seen.field("scheduling", attempt)),
        cpus_allowed: cpus.map(|attempt| seen.field("cpus_allowed", attempt)),
        io: io.map(|attempt| seen.field("io", attempt)),
        other_namespaces: namespaces.map(|attempt| seen.field("other_namespaces", attempt)),
    }))
}

struct Filled<'a> {
    pid: i32,
    gaps: SectionGaps<'a>,
}

impl Filled<'_> {
    fn field<T>(&mut self, name: &str, attempt: Result<T, Refusal>) -> Seen<T> {
        let name = format!("details.{name}");
        self.gaps.seen(&name, self.pid, attempt)
    }
}

/// The kinds that are not those of spyhole.
fn others(links: &[NamespaceLink], own: &[NamespaceLink]) -> Vec<String> {
    let differs = |link: &&NamespaceLink| !own.contains(link);
    let kinds = links.iter().filter(differs);
    kinds.map(|link| link.kind.as_str().to_owned()).collect()
}

fn of_stat(read: &Scheduling) -> ProcessScheduling {
    ProcessScheduling {
        policy: match read.policy {
            0 => "other".to_owned(),
            1 => "fifo".to_owned(),
            2 => "rr".to_owned(),
            3 => "batch".to_owned(),
            5 => "idle".to_owned(),
            6 => "deadline".to_owned(),
            7 => "ext".to_owned(),
            number => number.to_string(),
        },
        priority: read.priority,
        realtime_priority: (read.realtime_priority > 0).then_some(read.realtime_priority),
        minor_faults: read.minor_faults,
        major_faults: read.major_faults,
    }
}
