//! Verifies the leaf certificates of a file: with the other certificates of that file, against
//! the authorities that the target's runtime trusts and against Mozilla's.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use super::fill::ParsedFiles;
use super::leaves::{Judged, KnownKeys, Role};
use crate::model::certificate::{CertificateFile, LeafVerdict};
use crate::model::gap::{Reason, Refusal, SectionGaps, Subject};
use crate::model::truth_value::TruthValue;
use crate::model::verdict::{Authorities, Judgement, Verdict};
use crate::parse::certificate_paths::is_called_key;
use crate::pki::{self, AskedRuntime, ChainSource, ParsedCertificate, Purpose, Question, Roots};

/// Leaves that are verified in one run; each takes up to a few milliseconds.
const LEAVES: usize = 1_000;

/// Whose authorities a leaf is verified against.
pub(crate) struct Verifier {
    target: Option<Vec<Arc<ParsedCertificate>>>,
    /// Made for the first leaf: most containers have none.
    roots: OnceCell<Vec<(Authorities, Roots)>>,
    /// Who decides with the authorities of the target.
    asked: Option<AskedRuntime>,
    now: SystemTime,
}

impl Verifier {
    /// With the authorities of the target, where they are known, and Mozilla's.
    pub(crate) fn new(
        target: Option<Vec<Arc<ParsedCertificate>>>,
        asked: Option<AskedRuntime>,
        now: SystemTime,
    ) -> Self {
        Self {
            target,
            roots: OnceCell::new(),
            asked,
            now,
        }
    }

    fn roots(&self) -> &[(Authorities, Roots)] {
        self.roots.get_or_init(|| {
            let target = self.target.clone();
            let target = target.map(|roots| (Authorities::Target, Roots::of(roots)));
            let mozilla = (Authorities::Mozilla, Roots::mozilla());
            target.into_iter().chain([mozilla]).collect()
        })
    }

    /// Verifies every leaf of every file.
    pub(super) fn files(
        &self,
        files: &mut [CertificateFile],
        gaps: &mut SectionGaps<'_>,
        roles: &BTreeMap<Vec<u8>, Role>,
        parsed: &ParsedFiles,
    ) {
        let mut left = LEAVES;
        let pins: Vec<String> = pins(files).map(str::to_owned).collect();
        let keys = KnownKeys::of(pins.iter().map(String::as_str));
        for file in files {
            let Some(judged) = judged(file, role(roles, file), &keys, parsed) else {
                continue;
            };
            let certificates = judged.certificates;
            let leaves = judged.leaves();
            if leaves.len() > left {
                let cut = Refusal::of(Reason::Limit)
                    .needing("--file or --dir: at most 1000 certificates are verified at once");
                let path = Subject::Path(file.path.clone());
                gaps.record("files.verdicts", path, &cut);
            }
            let verified = leaves.into_iter().take(left);
            let verdicts: Vec<LeafVerdict> = verified
                .inspect(|_| left -= 1)
                .flat_map(|leaf| self.leaf(certificates, leaf))
                .collect();
            file.verdicts = Some(verdicts);
        }
    }

    /// Verifies one leaf with each set of authorities.
    pub(crate) fn leaf(
        &self,
        certificates: &[Arc<ParsedCertificate>],
        leaf: usize,
    ) -> Vec<LeafVerdict> {
        let others = Judged {
            certificates,
            role: Role::Found,
            keys: &KnownKeys::default(),
            has_key_beside: false,
        }
        .leaves();
        let is_chain = |at: &usize| *at != leaf && !others.contains(at);
        // Servers and clients send the leaf first, wherever it is in the file.
        let places: Vec<usize> = [leaf]
            .into_iter()
            .chain((0..certificates.len()).filter(is_chain))
            .collect();
        let chain: Vec<Arc<ParsedCertificate>> = places
            .iter()
            .filter_map(|at| certificates.get(*at).cloned())
            .collect();
        let Some(first) = chain.first() else {
            return Vec::new();
        };
        let judged = self.roots().iter().map(|(authorities, roots)| {
            let asked = self.asked.as_ref();
            let asked = asked.filter(|_| *authorities == Authorities::Target);
            let question = Question {
                chain: &chain,
                unreadable: None,
                roots,
                authorities: *authorities,
                server_name: None,
                now: self.now,
                staple: None,
                source: ChainSource::File,
                purpose: Purpose::of(first),
            };
            let verdict = pki::judge_for(&question, asked);
            LeafVerdict {
                leaf: u32::try_from(leaf).unwrap_or(u32::MAX),
                verdict: in_the_file(verdict, &places),
            }
        });
        judged.collect()
    }
}

/// The verdict with the places of the file in its findings, in place of those of the chain.
fn in_the_file(mut verdict: Verdict, places: &[usize]) -> Verdict {
    for finding in &mut verdict.findings {
        let at = finding.certificate.and_then(|at| usize::try_from(at).ok());
        let place = at.and_then(|at| places.get(at));
        finding.certificate = place.and_then(|place| u32::try_from(*place).ok());
    }
    verdict
}

/// What the verdicts of a file say of one set of authorities, the worst of its leaves; `None`
/// where it has no leaf.
pub(crate) fn answer(verdicts: &[LeafVerdict], authorities: Authorities) -> Option<TruthValue> {
    let leaves = verdicts.iter().map(|one| one.leaf);
    let answers = leaves.map(|leaf| {
        let mut own = verdicts.iter().filter(|one| one.leaf == leaf);
        let wanted = own
            .clone()
            .find(|one| one.verdict.authorities == authorities);
        match wanted {
            Some(one) => truth_of(one.verdict.judgement),
            None if own.any(LeafVerdict::is_out_of_date) => TruthValue::False,
            None => TruthValue::Unknown,
        }
    });
    answers.reduce(TruthValue::and)
}

/// What a judgement answers.
pub(crate) fn truth_of(judgement: Judgement) -> TruthValue {
    match judgement {
        Judgement::Verified => TruthValue::True,
        Judgement::Refused => TruthValue::False,
        Judgement::CannotVerify => TruthValue::Unknown,
    }
}

/// The worst of all files, by the authorities of the target; `None` where nothing was verified.
pub(super) fn answer_of_files(files: &[CertificateFile]) -> Option<TruthValue> {
    files
        .iter()
        .filter_map(|file| match &file.verdicts {
            Some(verdicts) => answer(verdicts, Authorities::Target),
            // A key that cannot be read hides no certificate.
            None => (!is_called_key(file.path.as_bytes())).then_some(TruthValue::Unknown),
        })
        .reduce(TruthValue::and)
}

/// The public halves of the private keys of all files.
pub(super) fn pins(files: &[CertificateFile]) -> impl Iterator<Item = &str> {
    let keys = files.iter().flat_map(|file| &file.private_keys);
    let halves = keys.filter_map(|key| key.public_key.as_ref());
    halves.map(|key| key.spki_pin_sha256.as_str())
}

/// The certificates of a file, to be judged; `None` where they could not be read.
pub(super) fn judged<'a>(
    file: &CertificateFile,
    role: Role,
    keys: &'a KnownKeys,
    parsed: &'a ParsedFiles,
) -> Option<Judged<'a>> {
    Some(Judged {
        certificates: parsed.get(file.path.as_bytes())?,
        role,
        keys,
        has_key_beside: file.private_key.is_some(),
    })
}

/// The role of a file.
pub(super) fn role(roles: &BTreeMap<Vec<u8>, Role>, file: &CertificateFile) -> Role {
    let role = roles.get(file.path.as_bytes());
    role.copied().unwrap_or_default()
}
