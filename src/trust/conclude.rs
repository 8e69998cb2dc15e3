//! From the contents of the places to the trust store of the runtime, in numbers and in words.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::SystemTime;

use super::Trust;
use super::detect::Detected;
use super::judged::{Judged, Sum};
use super::places::{Place, Plan, When};
use super::reading::Reading;
use super::words;
use crate::model::gap::{Refusal, SectionGaps, Subject};
use crate::model::seen::Seen;
use crate::model::trust_store::{PlaceKind, PlaceState, TrustPlace, TrustStore};
use crate::parse::x509::ParsedCertificate;

/// Where gaps are recorded.
struct PlaceLedger<'a> {
    gaps: SectionGaps<'a>,
    now: SystemTime,
}

/// `unknown` is why the overrides are not known.
pub(super) fn conclude(
    detected: &Detected,
    plan: Plan,
    readings: Vec<Reading>,
    unknown: Option<&Refusal>,
    now: SystemTime,
    gaps: &mut SectionGaps<'_>,
) -> Trust {
    let runtime = detected.runtime();
    let Plan {
        places,
        uncertain,
        remarks,
    } = plan;
    let used = used(&places, &readings, uncertain.is_some(), unknown);
    let judged: Vec<Judged> = places
        .into_iter()
        .zip(readings)
        .zip(used)
        .map(|((place, reading), used)| Judged {
            place,
            reading,
            used,
        })
        .collect();
    let sum = match unknown {
        Some(refusal) => Sum::Unseen(refusal.clone()),
        None => sum(&judged, uncertain.is_some()),
    };
    let mut consequence = words::consequence(runtime, &judged, &sum, uncertain);
    for remark in remarks {
        consequence.push_str("; ");
        consequence.push_str(&remark);
    }
    let error_text = match &sum {
        Sum::Roots(roots) if roots.is_empty() => words::error_text(runtime, &judged),
        _ => None,
    };
    let mut ledger = PlaceLedger {
        gaps: gaps.reborrow(),
        now,
    };
    let places = judged.iter().map(|judged| ledger.place(judged)).collect();
    let total = ledger.total(&sum);
    Trust {
        store: TrustStore {
            runtime,
            evidence: detected.evidence.clone(),
            places,
            roots: total.roots,
            expired_roots: total.expired_roots,
            consequence,
            error_text,
        },
        roots: match sum {
            Sum::Roots(roots) => Some(roots),
            Sum::BuiltIn | Sum::Uncertain | Sum::Unseen(_) => None,
        },
        asked: None,
    }
}

/// Which of the places are read.
fn used(
    places: &[Place],
    readings: &[Reading],
    uncertain: bool,
    unknown: Option<&Refusal>,
) -> Vec<Option<Result<bool, Refusal>>> {
    // Why an earlier place may have ended the search, or whether it has.
    let mut ended: Result<bool, Refusal> = Ok(false);
    let mut gave: Result<bool, Refusal> = Ok(false);
    let mut a_directory_gave: Result<bool, Refusal> = Ok(false);
    let mut verdicts = Vec::with_capacity(places.len());
    for (place, reading) in places.iter().zip(readings) {
        let state = reading.state.as_ref().copied().map_err(Clone::clone);
        let there = |state| matches!(state, PlaceState::Present | PlaceState::Empty);
        let open = match place.when {
            When::Always => Ok(true),
            When::FirstReadable | When::FirstExisting => ended.clone().map(|ended| !ended),
            When::NothingBefore => gave.clone().map(|gave| !gave),
            When::NoDirectoryBefore => a_directory_gave.clone().map(|gave| !gave),
        };
        let verdict = match (open, &state) {
            // What is not there is read in no case.
            (_, Ok(PlaceState::Missing)) | (Ok(false), _) => Ok(false),
            (Err(refusal), _) => Err(refusal),
            (Ok(true), Ok(state)) => Ok(there(*state)),
            (Ok(true), Err(refusal)) => Err(refusal.clone()),
        };
        let ends = match place.when {
            When::FirstReadable => state.clone().map(there),
            When::FirstExisting => state.clone().map(|state| state != PlaceState::Missing),
            When::Always | When::NothingBefore | When::NoDirectoryBefore => Ok(false),
        };
        either(&mut ended, ends);
        let gives = match &verdict {
            Ok(false) => Ok(false),
            _ => state.map(|state| state == PlaceState::Present),
        };
        if place.kind == PlaceKind::Directory {
            either(&mut a_directory_gave, gives.clone());
        }
        either(&mut gave, gives);
        verdicts.push(match unknown {
            Some(refusal) => Some(Err(refusal.clone())),
            None if uncertain && place.only_for.is_none() => None,
            None => Some(verdict),
        });
    }
    verdicts
}

/// True stays true; what is not known stays so until something is true.
fn either(sum: &mut Result<bool, Refusal>, next: Result<bool, Refusal>) {
    if matches!(next, Ok(true)) || (matches!(sum, Ok(false)) && next.is_err()) {
        *sum = next;
    }
}

fn sum(judged: &[Judged], uncertain: bool) -> Sum {
    if uncertain {
        return Sum::Uncertain;
    }
    let mut met = HashSet::new();
    let mut roots = Vec::new();
    let own = judged.iter().filter(|one| one.place.only_for.is_none());
    for one in own {
        match &one.used {
            Some(Ok(true)) => {}
            Some(Err(refusal)) => return Sum::Unseen(refusal.clone()),
            Some(Ok(false)) | None => continue,
        }
        if one.place.kind == PlaceKind::BuiltIn {
            return Sum::BuiltIn;
        }
        match &one.reading.roots {
            Ok(found) => roots.extend(
                found
                    .iter()
                    .filter(|root| met.insert(root.fingerprint_sha256.clone()))
                    .cloned(),
            ),
            Err(refusal) => return Sum::Unseen(refusal.clone()),
        }
    }
    Sum::Roots(roots)
}

/// The totals, as they stand in the report.
struct Total {
    roots: Option<Seen<u64>>,
    expired_roots: Option<Seen<u64>>,
}

impl PlaceLedger<'_> {
    fn place(&mut self, judged: &Judged) -> TrustPlace {
        let Judged {
            place,
            reading,
            used,
        } = judged;
        let subject = || match &place.path {
            Some(path) => Subject::Path(path.as_slice().into()),
            None => Subject::from("(built in)"),
        };
        let state = reading.state.as_ref().copied().map_err(Clone::clone);
        let counted = place.kind != PlaceKind::BuiltIn
            && !matches!(state, Ok(PlaceState::Missing | PlaceState::Unreadable));
        let roots = reading.roots.as_ref().map_err(Clone::clone);
        let expired = roots.clone().map(|roots| self.expired(roots));
        let roots = roots.map(|roots| roots.len() as u64);
        TrustPlace {
            path: place.path.as_deref().map(Into::into),
            kind: place.kind,
            variable: place.variable.map(str::to_owned),
            only_for: place.only_for.map(str::to_owned),
            state: self.gaps.seen("trust_store.places.state", subject(), state),
            used: used
                .clone()
                .map(|used| self.gaps.seen("trust_store.places.used", subject(), used)),
            roots: counted.then(|| self.gaps.seen("trust_store.places.roots", subject(), roots)),
            expired_roots: counted.then(|| {
                let field = "trust_store.places.expired_roots";
                self.gaps.seen(field, subject(), expired)
            }),
            says: reading.says.clone(),
        }
    }

    fn total(&mut self, sum: &Sum) -> Total {
        let (roots, expired) = match sum {
            Sum::BuiltIn | Sum::Uncertain => {
                return Total {
                    roots: None,
                    expired_roots: None,
                };
            }
            Sum::Roots(roots) => (Ok(roots.len() as u64), Ok(self.expired(roots))),
            Sum::Unseen(refusal) => (Err(refusal.clone()), Err(refusal.clone())),
        };
        let mut record = |field, attempt| {
            let subject = "the places of the trust store";
            Some(self.gaps.seen(field, subject, attempt))
        };
        Total {
            roots: record("trust_store.roots", roots),
            expired_roots: record("trust_store.expired_roots", expired),
        }
    }

    fn expired(&self, roots: &[Arc<ParsedCertificate>]) -> u64 {
        let over = roots
            .iter()
            .filter(|root| root.not_after.is_some_and(|end| end < self.now));
        over.count() as u64
    }
}
