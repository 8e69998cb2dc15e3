//! The verdicts of `certificates --verify`: a value for each leaf, and a note for each that does
//! not verify.

use super::plural;
use crate::model::certificate::{Certificate, CertificateFile, Certificates, LeafVerdict};
use crate::model::seen::Seen;
use crate::model::verdict::{Authorities, Judgement, Verdict};
use crate::render::tables::table::Cell;
use crate::render::tables::tls::{problem, with};

/// Whether verdicts were asked for.
pub(super) fn are_there(certificates: &Certificates) -> bool {
    let files = certificates.files.value().into_iter().flatten();
    files.into_iter().any(|file| file.verdicts.is_some())
}

/// The verdicts of one leaf.
struct Leaf<'a> {
    verdicts: Vec<&'a LeafVerdict>,
}

impl<'a> Leaf<'a> {
    fn of(file: &'a CertificateFile, place: usize) -> Option<Self> {
        let all = file.verdicts.iter().flatten();
        let own = all.filter(|one| usize::try_from(one.leaf) == Ok(place));
        let verdicts: Vec<&LeafVerdict> = own.collect();
        (!verdicts.is_empty()).then_some(Self { verdicts })
    }

    fn by(&self, authorities: Authorities) -> Option<&'a Verdict> {
        let mut all = self.verdicts.iter().map(|one| &one.verdict);
        all.find(|verdict| verdict.authorities == authorities)
    }

    /// The one that decides: the target's; any other where the dates of the leaf decide.
    fn deciding(&self) -> Option<&'a Verdict> {
        let mut out_of_date = self.verdicts.iter().filter(|one| one.is_out_of_date());
        self.by(Authorities::Target)
            .or_else(|| out_of_date.next().map(|one| &one.verdict))
    }

    fn value(&self) -> String {
        let Some(verdict) = self.deciding() else {
            return "unknown".to_owned();
        };
        match (verdict.judgement, verdict.findings.first()) {
            (Judgement::Verified, _) => "yes".to_owned(),
            (Judgement::CannotVerify, _) => "unknown".to_owned(),
            (Judgement::Refused, Some(finding)) => format!("no: {}", problem(finding.problem)),
            (Judgement::Refused, None) => "no".to_owned(),
        }
    }

    fn is_verified(&self) -> bool {
        self.deciding()
            .is_some_and(|verdict| verdict.judgement == Judgement::Verified)
    }
}

/// The cell of one certificate.
pub(super) fn of_leaf(file: &CertificateFile, place: usize) -> Cell {
    Leaf::of(file, place).map_or(Cell::Absent, |leaf| leaf.value().into())
}

/// The cell of a file that has one line for many certificates.
pub(super) fn of_file(file: &CertificateFile) -> Cell {
    let leaves = leaves(file);
    let verified = leaves.iter().filter(|(_, leaf)| leaf.is_verified()).count();
    match leaves.len() {
        0 => Cell::Absent,
        all => format!("{verified} of {all}").into(),
    }
}

fn leaves(file: &CertificateFile) -> Vec<(usize, Leaf<'_>)> {
    let certificates = file.certificates.value().map_or(0, Vec::len);
    (0..certificates)
        .filter_map(|place| Some((place, Leaf::of(file, place)?)))
        .collect()
}

/// Why leaves do not verify, and what was not verified.
pub(super) fn notes(files: &[CertificateFile], notes: &mut Vec<String>) {
    let mut unknown: i64 = 0;
    let mut authorities: i64 = 0;
    for file in files {
        let Seen::Value(certificates) = &file.certificates else {
            continue;
        };
        let leaves = leaves(file);
        if file.verdicts.is_some() && leaves.is_empty() && !certificates.is_empty() {
            authorities += 1;
        }
        for (place, leaf) in leaves {
            let Some(verdict) = leaf.deciding() else {
                unknown += 1;
                continue;
            };
            let name = certificates.get(place).map(Certificate::short_name);
            if let Some(finding) = verdict.findings.first().filter(|_| !leaf.is_verified()) {
                notes.push(format!(
                    "{}: {} {} {}: {}{}",
                    file.path.to_text(),
                    name.unwrap_or_default(),
                    match verdict.judgement {
                        Judgement::CannotVerify => "cannot be verified",
                        _ => "does not verify",
                    },
                    with(verdict.authorities),
                    finding.says,
                    mozilla(&leaf, verdict)
                ));
            }
        }
    }
    if unknown > 0 {
        notes.push(format!(
            "{} not verified: the target's trust store is unknown (verdicts with Mozilla's roots: \
             -o json)",
            plural(unknown, "certificate")
        ));
    }
    if authorities > 0 {
        notes.push(format!(
            "{} with only authorities: not verified",
            plural(authorities, "file")
        ));
    }
}

/// That Mozilla's roots decide otherwise.
fn mozilla(leaf: &Leaf<'_>, deciding: &Verdict) -> &'static str {
    let other = leaf.by(Authorities::Mozilla);
    let differs = other.is_some_and(|verdict| {
        verdict.judgement == Judgement::Verified && deciding.authorities == Authorities::Target
    });
    if differs {
        " (verifies with Mozilla's roots)"
    } else {
        ""
    }
}
