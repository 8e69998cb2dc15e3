//! Checks of files in the target's root: a file itself, a certificate, and the memory of its
//! cgroup.

use std::time::SystemTime;

use nix::errno::Errno;

use super::processes::share;
use super::spec::{Bound, File, Verify};
use super::{CheckContext, CheckOutcome};
use crate::model::certificate::{Certificate, LeafVerdict};
use crate::model::gap::Gaps;
use crate::model::verdict::Authorities;
use crate::pki;
use crate::scan::Scan;
use crate::sections::certificates::verify::{self, Answer, Verifier};
use crate::sections::certificates::{CertificatesQuery, chains};
use crate::sections::section::Query;
use crate::sys::file_limits;
use crate::sys::opened_file::{FileKind, OpenedFile};
use crate::sys::{InRoot, Truncation};
use crate::trust;

const DAY: i64 = 24 * 60 * 60;
/// Version 1 writes "no limit" as the greatest number of whole pages.
const UNLIMITED: u64 = 1 << 62;

/// The root of the target.
fn root(scan: Option<&(Scan, Gaps)>) -> Result<&InRoot, CheckOutcome> {
    let held = scan.and_then(|(scan, _)| Some((scan, scan.target.as_ref()?)));
    let Some((scan, held)) = held else {
        return Err(CheckOutcome::unknown("there is no target"));
    };
    held.root(&scan.reader.viewer).map_err(|refusal| {
        let why = refusal.reason.describe();
        CheckOutcome::unknown(format!(
            "the target's files cannot be seen: {why} (spyhole access tells more)"
        ))
    })
}

fn found(root: &InRoot, path: &str) -> Result<OpenedFile, CheckOutcome> {
    OpenedFile::at(root, path.as_bytes()).map_err(|errno| match errno {
        Errno::ENOENT | Errno::ENOTDIR => CheckOutcome::fails(format!("{path} is not there")),
        _ => CheckOutcome::unknown(format!("{path}: {}", errno.desc())),
    })
}

/// A file is there, new enough and long enough.
pub(super) fn file(wanted: &File, context: &CheckContext) -> CheckOutcome {
    let path = &wanted.path;
    let found = match root(context.scan.as_ref()).and_then(|root| found(root, path)) {
        Ok(found) => found,
        Err(outcome) => return outcome,
    };
    let size = found.size_bytes();
    if size < wanted.min_size {
        let least = wanted.min_size;
        return CheckOutcome::fails(format!(
            "{path} has {size} bytes, at least {least} expected"
        ));
    }
    let age = SystemTime::now().duration_since(found.modified());
    let age = age.unwrap_or_default();
    match wanted.max_age {
        Some(most) if age > most => {
            let most = humantime::format_duration(most);
            let seconds = age.as_secs();
            CheckOutcome::fails(format!(
                "{path} changed {seconds} s ago, within {most} expected"
            ))
        }
        _ => CheckOutcome::passes(format!("{path} is there")),
    }
}

/// Every certificate in a file is valid for so many days, and its leaves verify.
pub(super) fn certificate(
    path: &str,
    min_days: u32,
    verify: Verify,
    context: &mut CheckContext,
) -> CheckOutcome {
    let mut bytes = Vec::new();
    let read = root(context.scan.as_ref()).and_then(|root| {
        let found = found(root, path)?;
        if found.kind() != FileKind::File {
            return Err(CheckOutcome::fails(format!("{path} is no file")));
        }
        match found.read(file_limits::CERTIFICATES, &mut bytes) {
            Ok(Truncation::Whole) => Ok(()),
            Ok(Truncation::AtLimit) => Err(CheckOutcome::unknown(format!(
                "{path} is too long to be read"
            ))),
            Err(errno) => Err(CheckOutcome::unknown(format!("{path}: {}", errno.desc()))),
        }
    });
    if let Err(outcome) = read {
        return outcome;
    }
    let contents = pki::contents(&bytes, None, SystemTime::now());
    let mut certificates = contents
        .map(|contents| contents.certificates)
        .unwrap_or_default();
    let seconds = certificates
        .iter()
        .map(|certificate| certificate.seconds_left)
        .min();
    match seconds {
        None => CheckOutcome::fails(format!("{path} holds no certificate that can be read")),
        Some(seconds) if seconds < 0 => CheckOutcome::fails(format!("{path} has expired")),
        Some(seconds) => {
            let days = seconds.div_euclid(DAY);
            let says = format!("{path}: {days} days left");
            if days < i64::from(min_days) {
                return CheckOutcome::fails(says);
            }
            chains::place(&mut certificates);
            verified(&certificates, verify, says, context)
        }
    }
}

/// Every leaf verifies with the authorities that are to decide.
fn verified(
    certificates: &[Certificate],
    verify: Verify,
    says: String,
    context: &mut CheckContext,
) -> CheckOutcome {
    let (authorities, roots) = match (verify, &mut context.scan) {
        (Verify::None, _) => return CheckOutcome::passes(says),
        (Verify::Target, Some((scan, gaps))) => {
            let found = trust::find(scan, gaps, CertificatesQuery::NAME);
            let roots = match found {
                Ok(trust) => trust.roots.ok_or(trust.store.consequence),
                Err(refusal) => Err(refusal.reason.describe().to_owned()),
            };
            match roots {
                Ok(roots) => (Authorities::Target, Some(roots)),
                Err(why) => {
                    return CheckOutcome::unknown(format!(
                        "{says}; the target's trust store is unknown: {why} (verify=mozilla uses \
                         Mozilla's roots)"
                    ));
                }
            }
        }
        _ => (Authorities::Mozilla, None),
    };
    let verifier = Verifier::new(roots, SystemTime::now());
    let leaves = verify::leaves(certificates, true);
    let verdicts: Vec<LeafVerdict> = leaves
        .iter()
        .flat_map(|leaf| verifier.leaf(certificates, *leaf))
        .collect();
    let why = |answer| {
        let mut own = verdicts.iter().map(|one| &one.verdict);
        let wanted = own.find(|one| {
            one.authorities == authorities && verify::answer_of(one.judgement) == answer
        });
        let finding = wanted.and_then(|one| one.findings.first());
        finding.map_or(String::new(), |finding| finding.says.clone())
    };
    match verify::answer(&verdicts, authorities) {
        None => CheckOutcome::unknown(format!(
            "{says}; it contains only authorities: there is no leaf certificate to verify"
        )),
        Some(Answer::Yes) => CheckOutcome::passes(says),
        Some(Answer::No) => CheckOutcome::fails(format!("{says}; {}", why(Answer::No))),
        Some(Answer::Unknown) => CheckOutcome::unknown(format!("{says}; {}", why(Answer::Unknown))),
    }
}

/// Where a version of the cgroup file system keeps its numbers, as the target sees them.
struct Places {
    used: &'static str,
    limit: &'static str,
    stat: &'static str,
    /// What of the use the kernel gives back under pressure.
    reclaimable: &'static str,
}

const VERSIONS: [Places; 2] = [
    Places {
        used: "/sys/fs/cgroup/memory.current",
        limit: "/sys/fs/cgroup/memory.max",
        stat: "/sys/fs/cgroup/memory.stat",
        reclaimable: "inactive_file",
    },
    Places {
        used: "/sys/fs/cgroup/memory/memory.usage_in_bytes",
        limit: "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        stat: "/sys/fs/cgroup/memory/memory.stat",
        reclaimable: "total_inactive_file",
    },
];

/// The working set of the target's cgroup, as kubelet reckons it, against its limit.
pub(super) fn memory(bound: Bound, context: &CheckContext) -> CheckOutcome {
    let root = match root(context.scan.as_ref()) {
        Ok(root) => root,
        Err(outcome) => return outcome,
    };
    for places in &VERSIONS {
        let Some(used) = number(root, places.used) else {
            continue;
        };
        let Some(stat) = text(root, places.stat) else {
            return CheckOutcome::unknown(format!("{} cannot be read", places.stat));
        };
        let reclaimable = stat.lines().find_map(|line| {
            let (name, value) = line.split_once(' ')?;
            (name == places.reclaimable).then(|| value.trim().parse::<u64>().ok())?
        });
        let working = used.saturating_sub(reclaimable.unwrap_or_default());
        let limit = number(root, places.limit).filter(|limit| (1..UNLIMITED).contains(limit));
        let Some(limit) = limit else {
            return CheckOutcome::unknown(
                "the target's cgroup has no memory limit to compare with",
            );
        };
        let percent = share(working, limit);
        let says = format!("{percent:.1}% of {} MiB are in use", limit >> 20);
        return CheckOutcome::of(bound.holds(percent), says);
    }
    CheckOutcome::unknown("the target's cgroup shows no memory counters below /sys/fs/cgroup")
}

fn text(root: &InRoot, path: &str) -> Option<String> {
    let mut bytes = Vec::new();
    root.read(path.as_bytes(), file_limits::SMALL, &mut bytes)
        .ok()?;
    String::from_utf8(bytes).ok()
}

fn number(root: &InRoot, path: &str) -> Option<u64> {
    text(root, path)?.trim().parse().ok()
}
