//! Checks of files in the target's root: a file itself, a certificate, and the memory of its
//! cgroup.

use std::time::SystemTime;

use nix::errno::Errno;

use super::processes::share;
use super::spec::{Bound, File, Verify};
use super::{CheckContext, CheckOutcome, Verdict};
use crate::model::certificate::LeafVerdict;
use crate::model::gap::{Gaps, Refusal};
use crate::model::verdict::Authorities;
use crate::parse::certificate_file::other_content;
use crate::pki::{self, Contents, seconds_between};
use crate::scan::Scan;
use crate::scan::cgroup::MemoryCgroup;
use crate::scan::target::TargetHandle;
use crate::sections::certificates;
use crate::sections::certificates::leaves::{Judged, KnownKeys, Role};
use crate::sections::certificates::verify::{self, Answer, Verifier};
use crate::sys::file_limits;
use crate::sys::opened_file::{FileKind, OpenedFile};
use crate::sys::{InRoot, Truncation};
use crate::trust;

const DAY: i64 = 24 * 60 * 60;

/// The root of the target.
fn root(scan: Option<&(Scan, Gaps)>) -> Result<&InRoot, CheckOutcome> {
    held(scan).map(|(_, root)| root)
}

/// The target and its root.
fn held(scan: Option<&(Scan, Gaps)>) -> Result<(&TargetHandle, &InRoot), CheckOutcome> {
    let held = scan.and_then(|(scan, _)| Some((scan, scan.target.as_ref()?)));
    let Some((scan, held)) = held else {
        return Err(CheckOutcome::unknown("no target"));
    };
    let root = held.root(&scan.reader.viewer).map_err(|refusal| {
        let why = refusal.reason.describe();
        CheckOutcome::unknown(format!(
            "the target's files cannot be read: {why} (see spyhole access)"
        ))
    })?;
    Ok((held, root))
}

fn found(root: &InRoot, path: &str) -> Result<OpenedFile, CheckOutcome> {
    OpenedFile::at(root, path.as_bytes()).map_err(|errno| match errno {
        Errno::ENOENT | Errno::ENOTDIR => CheckOutcome::fails(format!("{path} does not exist")),
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
            "{path} has {size} bytes (at least {least} required)"
        ));
    }
    let age = SystemTime::now().duration_since(found.modified());
    let age = age.unwrap_or_default();
    match wanted.max_age {
        Some(most) if age > most => {
            let most = humantime::format_duration(most);
            let seconds = age.as_secs();
            CheckOutcome::fails(format!(
                "{path} was modified {seconds} s ago (at most {most} allowed)"
            ))
        }
        _ => CheckOutcome::passes(format!("{path} exists")),
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
            return Err(CheckOutcome::fails(format!("{path} is not a regular file")));
        }
        match found.read(file_limits::CERTIFICATES, &mut bytes) {
            Ok(Truncation::Whole) => Ok(()),
            Ok(Truncation::AtLimit) => Err(CheckOutcome::unknown(format!(
                "{path} is too large to read"
            ))),
            Err(errno) => Err(CheckOutcome::unknown(format!("{path}: {}", errno.desc()))),
        }
    });
    if let Err(outcome) = read {
        return outcome;
    }
    let Some(contents) = pki::contents(&bytes, None) else {
        let other = other_content(&bytes);
        return CheckOutcome::unknown(format!("{path}: {other}"));
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
    let seconds = ends
        .into_iter()
        .flatten()
        .map(|end| seconds_between(now, end));
    let Some(seconds) = seconds.min() else {
        return CheckOutcome::unknown(format!("{path}: {}", why_nothing(&contents)));
    };
    if seconds < 0 {
        return CheckOutcome::fails(format!("{path} has expired"));
    }
    let days = seconds.div_euclid(DAY);
    let says = format!("{path}: {days} days left");
    if days < i64::from(min_days) {
        return CheckOutcome::fails(says);
    }
    let outcome = verified(judged, verify, says.clone(), context);
    if lacks_date && outcome.verdict == Verdict::Passes {
        return CheckOutcome::unknown(format!(
            "{says}, but the notAfter of another certificate is malformed"
        ));
    }
    let is_whole = !contents.has_lost_parts() && !contents.needs_password;
    if is_whole || outcome.verdict != Verdict::Passes {
        return outcome;
    }
    CheckOutcome::unknown(format!(
        "{says}, but the file was not wholly read: {}",
        why_nothing(&contents)
    ))
}

/// Why a file that is one of certificates has none, or not all of them.
fn why_nothing(contents: &Contents) -> String {
    if contents.needs_password {
        return "it needs a password (certificates --password-file)".to_owned();
    }
    match contents.faults.first() {
        Some(fault) => match fault.line {
            Some(line) => format!("line {line}: {}", fault.says()),
            None => fault.says(),
        },
        None if !contents.private_keys.is_empty() => {
            "it contains a private key and no certificate".to_owned()
        }
        None if !contents.certificates.is_empty() => {
            "the notAfter of its certificate is malformed".to_owned()
        }
        None => "it contains no certificate".to_owned(),
    }
}

/// Every leaf verifies with the authorities that are to decide.
fn verified(
    judged: Judged,
    verify: Verify,
    says: String,
    context: &mut CheckContext,
) -> CheckOutcome {
    let (authorities, roots) = match (verify, &mut context.scan) {
        (Verify::None, _) => return CheckOutcome::passes(says),
        (Verify::Target, Some((scan, gaps))) => {
            let found = trust::find(scan, &mut gaps.section(certificates::INFO.name));
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
    let leaves = judged.leaves();
    let verdicts: Vec<LeafVerdict> = leaves
        .iter()
        .flat_map(|leaf| verifier.leaf(judged.certificates, *leaf))
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

/// The working set of the target's cgroup, as the kubelet computes it, against its limit.
pub(super) fn memory(bound: Bound, context: &CheckContext) -> CheckOutcome {
    let read = held(context.scan.as_ref()).and_then(|(target, root)| {
        let unseen = |refusal: Refusal| {
            let needs = refusal.needs.as_deref().unwrap_or("see spyhole access");
            let why = refusal.reason.describe();
            CheckOutcome::unknown(format!("memory cgroup of the target: {why} ({needs})"))
        };
        let cgroup = MemoryCgroup::of(&target.main, root).map_err(unseen)?;
        let limit = cgroup.limit_bytes(root).map_err(unseen)?;
        let working_set = cgroup.working_set_bytes(root).map_err(unseen)?;
        Ok((working_set, limit))
    });
    match read {
        Err(outcome) => outcome,
        Ok((_, None | Some(0))) => CheckOutcome::unknown("the target's cgroup has no memory limit"),
        Ok((working_set, Some(limit))) => {
            let percent = share(working_set, limit);
            let says = format!("{percent:.1}% of {} MiB used", limit >> 20);
            CheckOutcome::of(bound.holds(percent), says)
        }
    }
}
