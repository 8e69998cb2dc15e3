//! What one place gives to the runtime that looks there.

use std::collections::HashSet;
use std::sync::Arc;

use super::places::{Place, Takes};
use super::reading::{Reading, StoreFile};
use crate::model::certificate::FileForm;
use crate::model::gap::{Reason, Refusal};
use crate::model::trust_store::PlaceState;
use crate::parse::x509::ParsedCertificate;
use crate::pki::{AskedRuntime, BundleEnd, RuntimeBundle};
use crate::sys::Truncation;

/// What one place gives, gathered from its files.
pub(super) struct PlaceContents<'a> {
    place: &'a Place,
    asked: Option<&'a AskedRuntime>,
    /// How many it does not take, and why not the first of them.
    skipped: Option<(usize, String)>,
    /// What it does with a file that it does not read to its end, and why; of the first one.
    ended: Option<(&'static str, String)>,
    met: HashSet<String>,
    roots: Vec<Arc<ParsedCertificate>>,
    /// Why it may hold more.
    lacks: Option<Refusal>,
    pub(super) unreadable: usize,
    /// Files whose names this runtime does not look at.
    pub(super) passed_over: usize,
}

impl<'a> PlaceContents<'a> {
    pub(super) fn new(place: &'a Place, asked: Option<&'a AskedRuntime>) -> Self {
        Self {
            place,
            asked,
            skipped: None,
            ended: None,
            met: HashSet::new(),
            roots: Vec::new(),
            lacks: None,
            unreadable: 0,
            passed_over: 0,
        }
    }

    pub(super) fn put(&mut self, held: &StoreFile) {
        if held
            .form
            .is_none_or(|form| !self.place.forms.contains(&form))
        {
            return;
        }
        if held.needs_password {
            let locked = Refusal::of(Reason::Denied).needing("the password of the keystore");
            self.lacks(&locked);
        }
        if held.cut == Truncation::AtLimit {
            self.lacks(&Refusal::of(Reason::Limit));
        }
        if let Some(bundle) = &held.bundle {
            self.put_bundle(bundle);
            return;
        }
        if self.place.all_or_nothing && held.faults > 0 && !held.certificates.is_empty() {
            self.lacks(&malformed_block());
        }
        for certificate in &held.certificates {
            if let Some(Err(why)) = self.asked.map(|asked| asked.takes(certificate)) {
                if self.place.all_or_nothing {
                    self.lacks(&malformed_block());
                }
                self.skipped.get_or_insert((0, why)).0 += 1;
                continue;
            }
            self.take(certificate);
        }
    }

    fn put_bundle(&mut self, bundle: &RuntimeBundle) {
        for certificate in &bundle.certificates {
            self.take(certificate);
        }
        let Some(why) = bundle.why.clone() else {
            return;
        };
        match bundle.end {
            BundleEnd::Whole => self.skipped.get_or_insert((0, why)).0 += bundle.skipped,
            BundleEnd::Stopped => {
                self.ended
                    .get_or_insert(("does not read it to its end", why));
            }
            BundleEnd::Rejected => {
                self.ended.get_or_insert(("rejects the whole file", why));
            }
        }
    }

    fn take(&mut self, certificate: &Arc<ParsedCertificate>) {
        let counts = self.place.takes != Takes::SelfIssued || certificate.self_signed;
        if counts && self.met.insert(certificate.fingerprint_sha256.clone()) {
            self.roots.push(Arc::clone(certificate));
        }
    }

    pub(super) fn lacks(&mut self, refusal: &Refusal) {
        self.lacks.get_or_insert_with(|| refusal.clone());
    }

    pub(super) fn says(&self) -> Option<String> {
        let mut words = Vec::new();
        if self.place.takes == Takes::HashNames && self.roots.is_empty() && self.passed_over > 0 {
            words.push(format!(
                "{} {}, none named by its hash (openssl rehash), so OpenSSL ignores them",
                self.passed_over,
                if self.passed_over == 1 {
                    "file"
                } else {
                    "files"
                },
            ));
        }
        if let (Some((skipped, why)), Some(asked)) = (&self.skipped, self.asked) {
            let plural = if *skipped == 1 { "" } else { "s" };
            let name = &asked.name;
            words.push(format!(
                "{name} skips {skipped} certificate{plural} of it: {why}"
            ));
        }
        if let (Some((verb, why)), Some(asked)) = (&self.ended, self.asked) {
            words.push(format!("{} {verb}: {why}", asked.name));
        }
        if self.unreadable > 0 {
            words.push(format!(
                "{} of its files {} not readable by the target's user",
                self.unreadable,
                if self.unreadable == 1 { "is" } else { "are" },
            ));
        }
        (!words.is_empty()).then(|| words.join("; "))
    }

    pub(super) fn reading(self) -> Reading {
        let state = match (&self.lacks, self.roots.is_empty()) {
            (_, false) => Ok(PlaceState::Present),
            (None, true) => Ok(PlaceState::Empty),
            (Some(refusal), true) => Err(refusal.clone()),
        };
        Reading {
            state,
            roots: match self.lacks {
                None => Ok(self.roots),
                Some(refusal) => Err(refusal),
            },
            says: None,
        }
    }
}

fn malformed_block() -> Refusal {
    Refusal::of(Reason::Malformed).needing(
        "a bundle without malformed blocks (OpenSSL rejects the whole file because of one)",
    )
}

/// What keeps a runtime from taking what a file holds.
pub(super) fn odd(place: &Place, held: &StoreFile) -> Option<String> {
    let form = held.form?;
    if !place.forms.contains(&form) {
        let name = |form: &FileForm| match form {
            FileForm::Pem => "PEM",
            FileForm::Der => "DER",
            FileForm::Pkcs7 => "PKCS#7",
            FileForm::Pkcs12 => "PKCS#12",
            FileForm::Jks => "JKS",
        };
        let wanted: Vec<&str> = place.forms.iter().map(name).collect();
        return Some(format!(
            "its format is {}, but only {} is read",
            name(&form),
            wanted.join(" or ")
        ));
    }
    match held.faults {
        0 => None,
        1 => Some("one block in it could not be read".to_owned()),
        faults => Some(format!("{faults} blocks in it could not be read")),
    }
}
