//! Checks of files in the target's root: a file itself, a certificate, and the memory of its
//! cgroup.

use std::sync::Arc;
use std::time::SystemTime;

use nix::errno::Errno;

use super::CheckContext;
use super::processes::share;
use super::reason::{CertificateFinding, CertificateSeen, CheckOutcome, CheckReason, NotRead};
use super::spec::{Bound, File, Verify};
use crate::model::certificate::LeafVerdict;
use crate::model::gap::Refusal;
use crate::model::truth_value::TruthValue;
use crate::model::units::DAY_SECONDS;
use crate::model::verdict::{Authorities, Finding, Judgement, Problem};
use crate::parse::certificate_file::other_content;
use crate::pki::{self, AskedRuntime, Contents, ParsedCertificate, seconds_between};
use crate::scan::cgroup::memory::MemoryCgroup;
use crate::scan::target::TargetHandle;
use crate::sections::certificates;
use crate::sections::certificates::leaves::{Judged, KnownKeys, Role};
use crate::sections::certificates::verify::{self, Verifier};
use crate::sys::file_limits;
use crate::sys::opened_file::{FileKind, OpenedFile};
use crate::sys::{InRoot, Truncation};
use crate::trust::{self, TrustReach};

/// The root of the target.
fn root<'a>(context: &'a mut CheckContext) -> Result<&'a InRoot, CheckOutcome> {
    held(context).map(|(_, root)| root)
}

/// The target and its root.
fn held<'a>(context: &'a mut CheckContext) -> Result<(&'a TargetHandle, &'a InRoot), CheckOutcome> {
    let (scan, _) = context.target()?;
    let unread =
        |refusal: &Refusal| CheckOutcome::unknown(CheckReason::RootUnreadable(refusal.clone()));
    let Some(held) = &scan.target else {
        return Err(unread(&Refusal::of(crate::model::gap::Reason::Vanished)));
    };
    let root = held.root(&scan.reader.viewer).map_err(unread)?;
    Ok((held, root))
}

fn found(root: &InRoot, path: &str) -> Result<OpenedFile, CheckOutcome> {
    OpenedFile::at(root, path.as_bytes()).map_err(|errno| match errno {
        Errno::ENOENT | Errno::ENOTDIR => {
            CheckOutcome::new(false, CheckReason::FileMissing(path.to_owned()))
        }
        errno => unread(path, errno),
    })
}

fn unread(path: &str, errno: Errno) -> CheckOutcome {
    let path = path.to_owned();
    CheckOutcome::unknown(CheckReason::FileUnread { path, errno })
}

/// A file is there, new enough and long enough.
pub(super) fn file(wanted: &File, context: &mut CheckContext) -> CheckOutcome {
    let path = wanted.path.clone();
    let found = match root(context).and_then(|root| found(root, &path)) {
        Ok(found) => found,
        Err(outcome) => return outcome,
    };
    let size = found.size_bytes();
    if size < wanted.min_size {
        let least = wanted.min_size;
        return CheckOutcome::new(false, CheckReason::FileTooSmall { path, size, least });
    }
    let age = SystemTime::now().duration_since(found.modified());
    let age = age.unwrap_or_default();
    match wanted.max_age {
        Some(most) if age > most => {
            CheckOutcome::new(false, CheckReason::FileTooOld { path, age, most })
        }
        _ => CheckOutcome::new(true, CheckReason::FileThere(path)),
    }
}

/// Every certificate in a file is valid for `min_days`, and its leaves verify.
pub(super) fn certificate(
    path: &str,
    min_days: u32,
    verify: Verify,
    context: &mut CheckContext,
) -> CheckOutcome {
    let bytes = match root(context).and_then(|root| certificate_bytes(root, path)) {
        Ok(bytes) => bytes,
        Err(outcome) => return outcome,
    };
    let not_read = |why| {
        let path = path.to_owned();
        CheckOutcome::unknown(CheckReason::CertificatesNotRead { path, why })
    };
    let Some(contents) = pki::contents(&bytes, None) else {
        return not_read(NotRead::OtherContent(other_content(&bytes)));
    };
    let halves = contents.private_keys.iter();
    let halves = halves.filter_map(|key| key.public_key.as_ref());
    let judged = Judged {
        certificates: &contents.certificates,
        role: Role::Asked,
        keys: &KnownKeys::of(halves.map(|key| key.spki_pin_sha256.as_str())),
        has_key_beside: false,
    };
    let now = SystemTime::now();
    let ends: Vec<_> = judged.dated().map(|one| one.not_after).collect();
    let lacks_date = ends.contains(&None);
    let lists = contents.revocation_lists.iter();
    let seconds = ends
        .into_iter()
        .flatten()
        .chain(lists.filter_map(|list| list.next_update))
        .map(|end| seconds_between(now, end));
    let Some(seconds) = seconds.min() else {
        return not_read(why_nothing(&contents));
    };
    let days = seconds.div_euclid(DAY_SECONDS);
    let seen = |finding| {
        CheckReason::Certificate(Box::new(CertificateSeen {
            of: path.to_owned(),
            days,
            wanted: min_days,
            finding,
        }))
    };
    if seconds < 0 || days < i64::from(min_days) {
        return CheckOutcome::new(false, seen(CertificateFinding::TooSoon));
    }
    if judged
        .dated()
        .any(|one| one.not_before.is_some_and(|begin| begin > now))
    {
        return CheckOutcome::new(false, seen(CertificateFinding::NotYetValid));
    }
    let (answer, finding) = verified(judged, verify, context);
    let is_whole = !contents.has_lost_parts() && !contents.needs_password;
    if answer != TruthValue::True || (is_whole && !lacks_date) {
        return CheckOutcome::new(answer, seen(finding));
    }
    let lost = if lacks_date {
        NotRead::Date
    } else {
        why_nothing(&contents)
    };
    CheckOutcome::unknown(seen(CertificateFinding::NotWhole(lost)))
}

fn certificate_bytes(root: &InRoot, path: &str) -> Result<Vec<u8>, CheckOutcome> {
    let found = found(root, path)?;
    if found.kind() != FileKind::File {
        let other = CheckReason::NotAFile(path.to_owned());
        return Err(CheckOutcome::new(false, other));
    }
    let mut bytes = Vec::new();
    match found.read(file_limits::CERTIFICATES, &mut bytes) {
        Ok(Truncation::Whole) => Ok(bytes),
        Ok(Truncation::AtLimit) => {
            let large = CheckReason::FileTooLarge(path.to_owned());
            Err(CheckOutcome::unknown(large))
        }
        Err(errno) => Err(unread(path, errno)),
    }
}

/// Why a file that is one of certificates has none, or not all of them.
fn why_nothing(contents: &Contents) -> NotRead {
    if contents.needs_password {
        return NotRead::NeedsPassword;
    }
    match contents.faults.first() {
        Some(fault) => NotRead::Fault(fault.clone()),
        None if !contents.private_keys.is_empty() => NotRead::KeyOnly,
        None if !contents.certificates.is_empty() => NotRead::Date,
        None => NotRead::NoCertificate,
    }
}

/// Whether every leaf verifies with the authorities that are to decide, and what speaks against it.
fn verified(
    judged: Judged,
    verify: Verify,
    context: &mut CheckContext,
) -> (TruthValue, CertificateFinding) {
    let (authorities, roots, asked) = match verify {
        Verify::None => return (TruthValue::True, CertificateFinding::None),
        Verify::Mozilla => (Authorities::Mozilla, None, None),
        Verify::Target => match target_roots(context) {
            Ok((roots, asked)) => (Authorities::Target, Some(roots), asked),
            Err(why) => {
                let unknown = CertificateFinding::NoTrustStore(Some(why));
                return (TruthValue::Unknown, unknown);
            }
        },
    };
    let verifier = Verifier::new(roots, asked, SystemTime::now());
    let leaves = judged.leaves();
    let verdicts: Vec<LeafVerdict> = leaves
        .iter()
        .flat_map(|leaf| verifier.leaf(judged.certificates, *leaf))
        .collect();
    let Some(answer) = verify::answer(&verdicts, authorities) else {
        return (TruthValue::Unknown, CertificateFinding::NoLeaf);
    };
    if answer == TruthValue::True {
        return (answer, CertificateFinding::None);
    }
    let mut own = verdicts.iter().map(|one| &one.verdict);
    let deciding =
        own.find(|one| one.authorities == authorities && verify::truth_of(one.judgement) == answer);
    let finding = deciding.and_then(|one| one.findings.first());
    let mut says = finding.map_or(String::new(), |finding| finding.says.clone());
    let by_itself = |finding: &Finding| finding.problem != Problem::RefusedByRuntime;
    if let Some(runtime) = deciding.and_then(|one| one.runtime.as_ref())
        && runtime.judgement == Judgement::Refused
        && let Some(sentence) = &runtime.says
        && finding.is_some_and(by_itself)
    {
        says = format!("{says}; {} says: {sentence}", runtime.name);
    }
    (answer, CertificateFinding::Verdict(says))
}

/// Authorities, and the runtime that judges with them.
type TrustedBy = (Vec<Arc<ParsedCertificate>>, Option<AskedRuntime>);

/// The authorities that the target trusts, or why they are unknown.
fn target_roots(context: &mut CheckContext) -> Result<TrustedBy, String> {
    let (scan, gaps) = context.target().map_err(|outcome| outcome.to_string())?;
    let mut gaps = gaps.section(certificates::INFO.name);
    // The sentence names the places.
    match trust::find(scan, TrustReach::Whole, &mut gaps) {
        Ok(trust) => match trust.roots {
            Some(roots) => Ok((roots, trust.asked)),
            None => Err(trust.store.consequence),
        },
        Err(refusal) => Err(refusal.reason.describe().to_owned()),
    }
}

/// The working set of the target's cgroup, as the kubelet computes it, against its limit.
pub(super) fn memory(bound: Bound, context: &mut CheckContext) -> CheckOutcome {
    let read = held(context).and_then(|(target, root)| {
        let unseen = |refusal| CheckOutcome::unknown(CheckReason::MemoryUnread(refusal));
        let cgroup = MemoryCgroup::of(&target.main, root).map_err(unseen)?;
        let limit = cgroup.limit_bytes(root).map_err(unseen)?;
        let working_set = cgroup.working_set_bytes(root).map_err(unseen)?;
        Ok((working_set, limit))
    });
    match read {
        Err(outcome) => outcome,
        Ok((_, None | Some(0))) => CheckOutcome::unknown(CheckReason::NoMemoryLimit),
        Ok((working_set, Some(limit_bytes))) => {
            let percent = share(working_set, limit_bytes);
            let share = CheckReason::MemoryShare {
                percent,
                limit_bytes,
            };
            CheckOutcome::new(bound.holds(percent), share)
        }
    }
}
