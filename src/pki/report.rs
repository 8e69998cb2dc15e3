//! Certificates and files of them as the document tells them, from what was parsed. A field that
//! could not be read becomes `null`, with its gap.

use std::time::{Duration, SystemTime};

use crate::model::certificate::{
    Certificate, CertificateDer, Fault, FileForm, KeyAlgorithm, PrivateKey, PublicKey,
    RevocationList,
};
use crate::model::gap::{Reason, Refusal, SectionGaps, Subject};
use crate::model::seen::Seen;
use crate::model::time::Timestamp;
use crate::parse::certificate_file;
use crate::parse::revocation_list::ParsedRevocationList;
use crate::parse::x509::{self, Field, ParsedCertificate};

/// Where a certificate stands in the document: for the gaps of its fields.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// The dotted path of the certificate (`files.certificates`).
    pub(crate) field: &'static str,
    /// The file or server.
    pub(crate) subject: Subject,
}

/// A certificate for the document; `now` is the moment from which the remaining seconds count.
pub(crate) fn reported(
    parsed: &ParsedCertificate,
    now: SystemTime,
    place: &Place,
    gaps: &mut SectionGaps<'_>,
) -> Certificate {
    let mut report = Report {
        parsed,
        place,
        gaps: gaps.reborrow(),
    };
    let ends = parsed.not_after;
    Certificate {
        subject: report.field("subject", Field::Subject, parsed.subject.clone()),
        issuer: report.field("issuer", Field::Issuer, parsed.issuer.clone()),
        subject_alternative_names: parsed.subject_alternative_names.clone(),
        serial: report.field("serial", Field::Serial, parsed.serial.clone()),
        version: report.field("version", Field::Version, parsed.version),
        not_before: report.seen("not_before", parsed.not_before.map(Timestamp)),
        not_after: report.seen("not_after", ends.map(Timestamp)),
        seconds_left: report.seen("seconds_left", ends.map(|end| seconds_between(now, end))),
        public_key: report.seen("public_key", parsed.public_key.clone().map(Into::into)),
        signature_algorithm: parsed.signature_algorithm.clone(),
        is_ca: report.field("is_ca", Field::BasicConstraints, parsed.is_ca),
        path_length: parsed.path_length,
        key_usages: report.list("key_usages", Field::KeyUsage, parsed.key_usages.as_ref()),
        extended_key_usages: report.list(
            "extended_key_usages",
            Field::ExtendedKeyUsage,
            parsed.extended_key_usages.as_ref(),
        ),
        fingerprint_sha256: parsed.fingerprint_sha256.clone(),
        self_signed: parsed.self_signed,
        chain_position: None,
        faults: parsed.faults.iter().map(ToString::to_string).collect(),
        der: CertificateDer(parsed.shared_der()),
    }
}

struct Report<'a> {
    parsed: &'a ParsedCertificate,
    place: &'a Place,
    gaps: SectionGaps<'a>,
}

impl Report<'_> {
    fn seen<T>(&mut self, key: &str, value: Option<T>) -> Seen<T> {
        let attempt = value.ok_or_else(|| {
            Refusal::of(Reason::Malformed).needing("a certificate whose field can be parsed")
        });
        let field = format!("{}.{key}", self.place.field);
        self.gaps.seen(&field, self.place.subject.clone(), attempt)
    }

    fn field<T>(&mut self, key: &str, field: Field, value: T) -> Seen<T> {
        let is_read = !self.parsed.unread.contains(&field);
        self.seen(key, is_read.then_some(value))
    }

    /// An extension: absent where there is none.
    fn list(
        &mut self,
        key: &str,
        field: Field,
        usages: Option<&Vec<String>>,
    ) -> Option<Seen<Vec<String>>> {
        if self.parsed.unread.contains(&field) {
            return Some(self.seen(key, None));
        }
        usages.cloned().map(Seen::Value)
    }
}

/// Seconds from one moment to a later one; below zero where it is earlier.
pub(crate) fn seconds_between(from: SystemTime, to: SystemTime) -> i64 {
    let whole = |duration: Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    match to.duration_since(from) {
        Ok(ahead) => whole(ahead),
        Err(behind) => whole(behind.duration()).saturating_neg(),
    }
}

impl From<x509::PublicKey> for PublicKey {
    fn from(parsed: x509::PublicKey) -> Self {
        Self {
            algorithm: parsed.algorithm.into(),
            bits: parsed.bits,
            curve: parsed.curve,
            spki_pin_sha256: parsed.spki_pin_sha256,
        }
    }
}

impl From<x509::KeyAlgorithm> for KeyAlgorithm {
    fn from(parsed: x509::KeyAlgorithm) -> Self {
        match parsed {
            x509::KeyAlgorithm::Rsa => Self::Rsa,
            x509::KeyAlgorithm::RsaPss => Self::RsaPss,
            x509::KeyAlgorithm::Ecdsa => Self::Ecdsa,
            x509::KeyAlgorithm::Ed25519 => Self::Ed25519,
            x509::KeyAlgorithm::Ed448 => Self::Ed448,
            x509::KeyAlgorithm::Dsa => Self::Dsa,
            x509::KeyAlgorithm::Other => Self::Other,
        }
    }
}

impl From<certificate_file::FileForm> for FileForm {
    fn from(parsed: certificate_file::FileForm) -> Self {
        match parsed {
            certificate_file::FileForm::Pem => Self::Pem,
            certificate_file::FileForm::Der => Self::Der,
            certificate_file::FileForm::Pkcs7 => Self::Pkcs7,
            certificate_file::FileForm::Pkcs12 => Self::Pkcs12,
            certificate_file::FileForm::Jks => Self::Jks,
        }
    }
}

impl From<certificate_file::PrivateKey> for PrivateKey {
    fn from(parsed: certificate_file::PrivateKey) -> Self {
        Self {
            encrypted: parsed.encrypted,
            public_key: parsed.public_key.map(Into::into),
        }
    }
}

/// A revocation list for the document.
pub(crate) fn revocation_list(parsed: ParsedRevocationList, now: SystemTime) -> RevocationList {
    RevocationList {
        issuer: parsed.issuer,
        this_update: parsed.this_update.map(Timestamp),
        next_update: parsed.next_update.map(Timestamp),
        seconds_left: parsed.next_update.map(|end| seconds_between(now, end)),
        entries: parsed.entries,
    }
}

impl From<certificate_file::Fault> for Fault {
    fn from(parsed: certificate_file::Fault) -> Self {
        Self {
            line: parsed.line,
            says: parsed.says(),
        }
    }
}
