//! Certificates and files of them as the report tells them, from what was parsed.

use std::time::{Duration, SystemTime};

use crate::model::certificate::{
    Certificate, Fault, FileForm, KeyAlgorithm, PrivateKey, PublicKey,
};
use crate::model::time::Timestamp;
use crate::parse::{Malformed, certificate_file, x509};

/// What a file of certificates and keys holds, for the report.
#[derive(Debug, Clone, PartialEq)]
pub struct Contents {
    /// The form in which it is written.
    pub form: FileForm,
    /// The certificates, in the file's order.
    pub certificates: Vec<Certificate>,
    /// The private keys: whether a password protects them, and the public half.
    pub private_keys: Vec<PrivateKey>,
    /// What could not be read.
    pub faults: Vec<Fault>,
    /// Whether a part of it was lost, which may have been a certificate.
    pub has_lost_parts: bool,
    /// As [`certificate_file::Contents::needs_password`].
    pub needs_password: bool,
    /// As [`certificate_file::Contents::password_failed`].
    pub password_failed: bool,
}

/// Reads a file as [`certificate_file::contents`] does; `now` is the moment from which the
/// remaining seconds are counted.
#[must_use]
pub fn contents(bytes: &[u8], password: Option<&str>, now: SystemTime) -> Option<Contents> {
    let parsed = certificate_file::contents(bytes, password)?;
    let certificates = parsed.certificates.into_iter();
    let has_lost_parts = parsed.faults.iter().any(|fault| fault.kind.hides());
    Some(Contents {
        form: parsed.form.into(),
        certificates: certificates.map(|one| reported(one, now)).collect(),
        private_keys: parsed.private_keys.into_iter().map(Into::into).collect(),
        faults: parsed.faults.into_iter().map(Into::into).collect(),
        has_lost_parts,
        needs_password: parsed.needs_password,
        password_failed: parsed.password_failed,
    })
}

/// Reads one certificate in DER; `now` is the moment from which the remaining seconds are counted.
///
/// # Errors
/// [`Malformed`], where it is no certificate.
pub fn certificate(der: &[u8], now: SystemTime) -> Result<Certificate, Malformed> {
    x509::certificate(der).map(|parsed| reported(parsed, now))
}

fn reported(parsed: x509::Certificate, now: SystemTime) -> Certificate {
    Certificate {
        subject: parsed.subject,
        issuer: parsed.issuer,
        subject_alternative_names: parsed.subject_alternative_names,
        serial: parsed.serial,
        version: parsed.version,
        not_before: Timestamp(parsed.not_before),
        not_after: Timestamp(parsed.not_after),
        seconds_left: seconds_between(now, parsed.not_after),
        public_key: parsed.public_key.into(),
        signature_algorithm: parsed.signature_algorithm,
        is_ca: parsed.is_ca,
        path_length: parsed.path_length,
        key_usages: parsed.key_usages,
        extended_key_usages: parsed.extended_key_usages,
        fingerprint_sha256: parsed.fingerprint_sha256,
        self_signed: parsed.self_signed,
        chain_position: None,
        faults: parsed.faults,
        der: parsed.der,
    }
}

/// Seconds from one moment to a later one; below zero where it is earlier.
fn seconds_between(from: SystemTime, to: SystemTime) -> i64 {
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

impl From<certificate_file::Fault> for Fault {
    fn from(parsed: certificate_file::Fault) -> Self {
        Self {
            line: parsed.line,
            says: parsed.kind.to_string(),
        }
    }
}
