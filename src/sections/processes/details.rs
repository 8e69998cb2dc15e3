//! What is shown of a process only where it is asked for.

use crate::model::gap::{Refusal, SectionGaps};
use crate::model::process_details::{ProcessDetails, ProcessIo, ProcessScheduling};
use crate::parse::namespace_link::NamespaceLink;
use crate::parse::scheduling::Scheduling;
use crate::scan::Scan;
use crate::scan::details::{Details, namespaces};
use crate::scan::snapshot::ProcessSnapshot;

/// The namespaces of spyhole, where its own /proc tells them.
pub(super) fn own_namespaces(scan: &Scan) -> Vec<NamespaceLink> {
    let own = scan.own_process();
    own.and_then(|own| namespaces(&own).ok())
        .unwrap_or_default()
}

/// What was read of a process.
pub(super) fn of(
    facts: &ProcessSnapshot,
    own: &[NamespaceLink],
    gaps: &mut SectionGaps<'_>,
) -> Option<Box<ProcessDetails>> {
    let read: &Details = facts.details.as_deref()?;
    let mut seen = Filled {
        pid: facts.pid,
        gaps: gaps.reborrow(),
    };
    Some(Box::new(ProcessDetails {
        wait_channel: match &read.wchan {
            None | Some(Ok(None)) => None,
            Some(Ok(Some(name))) => seen.field("wait_channel", Ok(name.as_slice().into())),
            Some(Err(refusal)) => seen.field("wait_channel", Err(refusal.clone())),
        },
        scheduling: read.scheduling.as_ref().and_then(|read| {
            seen.field(
                "scheduling",
                read.as_ref().map(scheduling).map_err(Clone::clone),
            )
        }),
        cpus_allowed: read
            .cpus_allowed
            .as_ref()
            .and_then(|read| seen.field("cpus_allowed", read.clone())),
        io: read.io.as_ref().and_then(|read| {
            let io = read.as_ref().map(|io| ProcessIo {
                read_bytes: io.read_bytes,
                written_bytes: io.written_bytes,
                read_calls_bytes: io.read_chars,
                write_calls_bytes: io.written_chars,
            });
            seen.field("io", io.map_err(Clone::clone))
        }),
        other_namespaces: match &read.namespaces {
            None | Some(Ok(None)) => None,
            Some(Ok(Some(links))) => seen.field("other_namespaces", Ok(others(links, own))),
            Some(Err(refusal)) => seen.field("other_namespaces", Err(refusal.clone())),
        },
    }))
}

struct Filled<'a> {
    pid: i32,
    gaps: SectionGaps<'a>,
}

impl Filled<'_> {
    fn field<T>(
        &mut self,
        name: &str,
        attempt: Result<T, Refusal>,
    ) -> Option<crate::model::seen::Seen<T>> {
        let name = format!("details.{name}");
        Some(self.gaps.seen(&name, self.pid, attempt))
    }
}

/// The kinds that are not those of spyhole.
fn others(links: &[NamespaceLink], own: &[NamespaceLink]) -> Vec<String> {
    let differs = |link: &&NamespaceLink| !own.contains(link);
    let kinds = links.iter().filter(differs);
    kinds.map(|link| link.kind.as_str().to_owned()).collect()
}

fn scheduling(read: &Scheduling) -> ProcessScheduling {
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
