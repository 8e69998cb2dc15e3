//! Where the main program of the target looks for the authorities that it trusts: the runtime is
//! told from its executable and its mappings, then that runtime's places are looked at in its
//! order, with its overrides.

mod asked;
mod conclude;
mod contents;
mod detect;
mod judged;
mod overrides;
mod places;
mod program;
mod read;
mod reading;
mod words;

use std::time::SystemTime;

use std::sync::Arc;

use crate::model::gap::{Reason, Refusal, SectionGaps};
use crate::model::trust_store::TrustStore;
use crate::parse::x509::ParsedCertificate;
use crate::pki::AskedRuntime;
use crate::rights::file_mode::FileSubject;
use crate::rights::ptrace_access::AccessCheck;
use crate::scan::Scan;
use crate::scan::needs::Files;
use crate::sys::InRoot;
use detect::Detected;
use overrides::Overrides;
use program::ProgramImage;

/// The files of the main process that tell it.
pub(crate) const FILES: Files = Files::ENVIRON.union(Files::EXE).union(Files::CMDLINE);

/// What was found.
#[derive(Debug, Clone)]
pub(crate) struct Trust {
    /// The places, for the report.
    pub store: TrustStore,
    /// The authorities that the runtime takes from there; `None` where they could not be read,
    /// or are built into the program.
    pub roots: Option<Vec<Arc<ParsedCertificate>>>,
    /// The runtime that judges with them, where its rules are known.
    pub asked: Option<AskedRuntime>,
}

/// How much of a trust store is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TrustReach {
    /// Every place.
    Whole,
    /// What verdicts depend on: nothing, where it is not known which places the runtime uses.
    Verdicts,
    /// The same, no further than tells whether there is an authority that has not expired.
    AnyAuthority,
}

/// Looks at the main process; gaps are recorded under `trust_store`.
///
/// # Errors
/// Why nothing is known: the caller records that.
pub(crate) fn find(
    scan: &Scan,
    reach: TrustReach,
    gaps: &mut SectionGaps<'_>,
) -> Result<Trust, Refusal> {
    let Some(held) = &scan.target else {
        return Err(Refusal::of(Reason::Vanished));
    };
    let viewer = &scan.reader.viewer;
    let facts = scan.main_process();
    if facts.is_some_and(|facts| facts.stat.is_bodiless()) {
        return Err(Refusal::of(Reason::Vanished));
    }
    let root = held.root(viewer).map_err(Clone::clone)?;
    let overrides = Overrides::of(facts, &held.main);
    let image = ProgramImage::of(&held.main, &held.maps().unwrap_or_default(), facts, root);
    let detected = detect::detect(&image, &overrides);
    let asked = asked::runtime(&detected, &image, &overrides);
    // A root of its own: a thread that is stuck keeps it.
    let own_root =
        InRoot::of(&held.main).map_err(|errno| held.refusal(errno, AccessCheck::Ptrace, viewer))?;
    let house = TrustScan {
        root: own_root,
        reader: FileSubject::of(held.credentials(), viewer),
        overrides,
        now: scan.clock.now,
        asked,
        reach,
    };
    let mut trust = house.trust(&detected, gaps);
    // It names the program by its path.
    trust.store.evidence = scan.redactor.sentence(&trust.store.evidence);
    Ok(trust)
}

/// The target as far as the places need it.
struct TrustScan {
    root: InRoot,
    /// Who has to be able to read what is there.
    reader: Result<FileSubject, Refusal>,
    overrides: Overrides,
    now: SystemTime,
    asked: Option<AskedRuntime>,
    reach: TrustReach,
}

impl TrustScan {
    fn trust(self, detected: &Detected, gaps: &mut SectionGaps<'_>) -> Trust {
        let mut plan = places::plan(detected, &self.overrides);
        let unknown = self.overrides.environ.as_ref().err();
        if self.reach != TrustReach::Whole && plan.uncertain.is_some() {
            plan.places.clear();
        }
        let enough = (self.reach == TrustReach::AnyAuthority).then_some(self.now);
        let readings = read::read(
            self.root,
            self.reader,
            &plan.places,
            self.asked.as_ref(),
            enough,
        );
        plan.places.truncate(readings.len());
        Trust {
            asked: self.asked,
            ..conclude::conclude(detected, plan, readings, unknown, self.now, gaps)
        }
    }
}

#[cfg(test)]
mod tests;
