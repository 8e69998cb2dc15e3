//! What `--min-days` and `--verify` answer, and why they cannot.

use std::collections::BTreeMap;
use std::time::SystemTime;

use super::fill::{NotRead, ParsedFiles};
use super::leaves::{KnownKeys, Role};
use super::verify::{self, judged, pins, role};
use crate::model::certificate::{AgainstFiles, CertificateFile, Certificates, ServedLeaf, Serves};
use crate::model::gap::Reason;
use crate::model::seen::Seen;
use crate::model::truth_value::TruthValue;
use crate::model::units::DAY_SECONDS;
use crate::pki::{ParsedCertificate, seconds_between};

/// What is asked of the certificates.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
#[derive(Debug, Clone, Copy)]
pub(super) struct Checks {
    pub(super) min_days: Option<i64>,
    pub(super) verify: bool,
    pub(super) now: SystemTime,
    /// Whether at least one certificate must be there to be checked.
    pub(super) require: bool,
    /// Whether paths were named, in place of a scan of the target.
    pub(super) is_narrow: bool,
    /// Whether files were named.
    pub(super) names_files: bool,
}

/// What came of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Checked {
    pub(super) is_no: bool,
    /// Why it is not a yes.
    pub(super) unknown: Vec<Unknown>,
    /// Whether no certificate was there to be checked, and that is no failure.
    pub(super) is_empty: bool,
}

/// Why a check is neither yes nor no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unknown {
    /// The target's files could not be read.
    Files,
    /// A file that is named or configured could not be read, or not wholly.
    File(Vec<u8>, NotRead),
    /// The user named a file that does not exist.
    Missing(Vec<u8>),
    /// A certificate in this file does not say when it ends.
    NoDate(Vec<u8>),
    /// What a listener serves could not be read.
    Listener(String),
    /// A verdict is missing.
    Unverified,
    /// There is no certificate to check.
    Nothing,
}

impl Checks {
    /// Answers from what was found. `roles` and `unread` are those of the files.
    pub(super) fn answer(
        self,
        certificates: &Certificates,
        roles: &BTreeMap<Vec<u8>, Role>,
        unread: Vec<(Vec<u8>, NotRead)>,
        parsed: &ParsedFiles,
    ) -> Checked {
        let mut checked = Checked::default();
        if self.min_days.is_none() && !self.verify {
            return checked;
        }
        let unread = unread.into_iter();
        let unread = unread.map(|(path, why)| Unknown::File(path, why));
        checked.unknown.extend(unread);
        let asked = |by: &[_]| by.contains(&crate::model::certificate::FoundBy::Asked);
        let missing = certificates
            .missing
            .iter()
            .filter(|one| asked(&one.found_by));
        let missing = missing.map(|one| Unknown::Missing(one.path.as_bytes().to_vec()));
        checked.unknown.extend(missing);
        let files = match &certificates.files {
            Seen::Value(files) => files.as_slice(),
            Seen::Unseen(_) => {
                checked.unknown.push(Unknown::Files);
                &[]
            }
        };
        let mut count = 0;
        if let Some(min_days) = self.min_days {
            count += self.dates(min_days, certificates, files, roles, parsed, &mut checked);
        }
        if self.verify {
            let verdicts = files.iter().filter_map(|file| file.verdicts.as_ref());
            count += verdicts.flatten().count();
            let answer = verify::answer_of_files(files);
            checked.is_no |= answer == Some(TruthValue::False);
            // A path that is named is there to be verified.
            let none = answer.is_none() && self.is_narrow;
            if answer == Some(TruthValue::Unknown) || none {
                checked.unknown.push(Unknown::Unverified);
            }
        }
        let is_empty = count == 0 && checked.unknown.is_empty();
        if is_empty && (self.require || self.names_files) {
            checked.unknown.push(Unknown::Nothing);
        } else {
            checked.is_empty = is_empty;
        }
        checked
    }

    /// Compares the dates and the keys; returns how many certificates were there.
    fn dates(
        self,
        min_days: i64,
        certificates: &Certificates,
        files: &[CertificateFile],
        roles: &BTreeMap<Vec<u8>, Role>,
        parsed: &ParsedFiles,
        checked: &mut Checked,
    ) -> usize {
        let keys = &KnownKeys::of(pins(files));
        let dated_at = |least: Role| -> Vec<(&CertificateFile, &ParsedCertificate)> {
            let of = |file| {
                let role = role(roles, file).max(least);
                Some((file, judged(file, role, keys, parsed)?))
            };
            let judged = files.iter().filter_map(of);
            let dated =
                judged.flat_map(|(file, judged)| judged.dated().map(move |one| (file, one)));
            dated.collect()
        };
        let mut dated = dated_at(Role::Found);
        // A directory that was named, and holds nothing but authorities.
        if dated.is_empty() && self.is_narrow {
            dated = dated_at(Role::Asked);
        }
        let ends = |left: i64| left < min_days.saturating_mul(DAY_SECONDS);
        let wrong_key = files.iter().any(|file| {
            let key = file.private_key.as_ref();
            key.is_some_and(|key| key.matches.value() == Some(&false))
        });
        let leaves: Vec<&ServedLeaf> = served(certificates, checked);
        let bad_leaf = leaves.iter().any(|leaf| {
            let against = leaf.against_files.value();
            leaf.certificate.remaining().is_some_and(ends)
                || leaf.certificate.is_not_yet_valid()
                || against == Some(&AgainstFiles::OlderThanFile)
        });
        for (file, one) in &dated {
            checked.is_no |= one.not_before.is_some_and(|begin| begin > self.now);
            if let Some(end) = one.not_after {
                checked.is_no |= ends(seconds_between(self.now, end));
            } else {
                let path = file.path.as_bytes().to_vec();
                checked.unknown.push(Unknown::NoDate(path));
            }
        }
        let lists = files.iter().flat_map(|file| &file.revocation_lists);
        let lists: Vec<i64> = lists.filter_map(|list| list.seconds_left).collect();
        checked.is_no |= wrong_key || bad_leaf || lists.iter().copied().any(ends);
        dated.len() + leaves.len() + lists.len()
    }
}

/// The leaves that listeners serve; those that cannot be read are unknown.
fn served<'a>(certificates: &'a Certificates, checked: &mut Checked) -> Vec<&'a ServedLeaf> {
    let mut found = Vec::new();
    for listener in certificates.served.iter().flatten() {
        match &listener.serves {
            Seen::Value(Serves::Tls { leaves }) => {
                if leaves
                    .iter()
                    .any(|leaf| leaf.certificate.remaining().is_none())
                {
                    let at = listener.listens_on.clone();
                    checked.unknown.push(Unknown::Listener(at));
                }
                found.extend(leaves);
            }
            Seen::Value(_) => {}
            // Not every listener answers; but one that was not asked may serve anything.
            Seen::Unseen(unseen) => {
                let reasons = [Reason::Malformed, Reason::Denied, Reason::Unsupported];
                if reasons.contains(&unseen.reason()) {
                    let at = listener.listens_on.clone();
                    checked.unknown.push(Unknown::Listener(at));
                }
            }
        }
    }
    found
}

impl Checked {
    /// Lines for stderr: why the answer is unknown, or that nothing was checked.
    pub(super) fn lines(&self, certificates: &Certificates) -> Vec<String> {
        let files = certificates.files.value().map(Vec::as_slice);
        let faults = |path: &[u8]| {
            let mut files = files.unwrap_or_default().iter();
            let file = files.find(|file| file.path.as_bytes() == path);
            let faults = file.map(|file| file.faults.as_slice()).unwrap_or_default();
            faults.iter().map(|fault| match fault.line {
                Some(line) => format!("line {line}: {}", fault.says),
                None => fault.says.clone(),
            })
        };
        let line = |unknown: &Unknown| match unknown {
            Unknown::File(path, NotRead::Refused(refusal)) => Some(format!(
                "{}: cannot be checked: {}{}",
                String::from_utf8_lossy(path),
                refusal.reason.describe(),
                refusal
                    .needs
                    .as_deref()
                    .map_or_else(String::new, |needs| format!(" (needs {needs})"))
            )),
            Unknown::File(path, NotRead::Faults) => {
                let faults: Vec<String> = faults(path).take(FAULTS_SHOWN).collect();
                Some(format!(
                    "{}: cannot be checked: {}",
                    String::from_utf8_lossy(path),
                    faults.join("; ")
                ))
            }
            Unknown::Missing(path) => Some(format!(
                "{}: cannot be checked: not found",
                String::from_utf8_lossy(path)
            )),
            Unknown::NoDate(path) => Some(format!(
                "{}: cannot be checked: the notAfter of a certificate is malformed",
                String::from_utf8_lossy(path)
            )),
            Unknown::Listener(at) => Some(format!(
                "{at}: cannot be checked: its certificate could not be read"
            )),
            Unknown::Nothing => Some("no certificate was found to check".to_owned()),
            // The tables and gaps say why.
            Unknown::Files | Unknown::Unverified => None,
        };
        let mut lines: Vec<String> = self.unknown.iter().filter_map(line).collect();
        if self.is_empty {
            lines.push(
                "no certificate was found to check (with --require this is exit code 4)".to_owned(),
            );
        }
        lines
    }
}

/// Faults of one file in a line.
const FAULTS_SHOWN: usize = 3;
