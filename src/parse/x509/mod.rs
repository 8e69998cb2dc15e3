//! X.509 certificates (RFC 5280): DER → [`ParsedCertificate`], once.
//!
//! The structure is read here, one field at a time: a field that is malformed is told as a
//! [`CertificateFault`] and loses none of the others. `x509-parser` reads what is in a field. The
//! words for names, keys and usages are made without its registry of object identifiers.

mod extensions;
mod fault;
mod names;
mod public_key;
pub(crate) mod raw;
mod signature;
mod structure;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use data_encoding::{BASE64, HEXLOWER};
use sha2::{Digest, Sha256};
use x509_parser::prelude::FromDer;
use x509_parser::time::ASN1Time;
use x509_parser::x509::{SubjectPublicKeyInfo, X509Name};

use super::Malformed;
use super::ber::{Element, SEQUENCE};
use super::signed::Signed;
use structure::Structure;

pub(crate) use extensions::{NameConstraints, NameForm};
pub(crate) use fault::{CertificateFault, Field};
pub(crate) use names::{name, name_of_content};
pub use public_key::KeyAlgorithm;
pub(crate) use public_key::PublicKey;
pub(crate) use public_key::public_key;
pub(super) use public_key::public_key_of_der;

/// A certificate as it describes itself, with what is needed to judge it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsedCertificate {
    /// Its subject, as RFC 4514 writes it; empty if it has no attribute.
    pub subject: String,
    /// Its issuer, likewise.
    pub issuer: String,
    /// The names and addresses it is for, as `DNS:…`, `IP:…`, `URI:…`, `email:…`.
    pub subject_alternative_names: Vec<String>,
    /// Its serial number in hex, with a minus sign where it is negative.
    pub serial: String,
    /// 1, 2 or 3.
    pub version: u32,
    /// The beginning of its validity.
    pub not_before: Option<SystemTime>,
    /// The end of its validity.
    pub not_after: Option<SystemTime>,
    /// The key that it certifies.
    pub public_key: Option<PublicKey>,
    /// The algorithm of its signature, or the object identifier.
    pub signature_algorithm: String,
    /// Whether it may issue others (basicConstraints).
    pub is_ca: bool,
    /// How many CA certificates may follow below it.
    pub path_length: Option<u32>,
    /// keyUsage; `None`: not limited.
    pub key_usages: Option<Vec<String>>,
    /// extendedKeyUsage; `None`: not limited.
    pub extended_key_usages: Option<Vec<String>>,
    /// SHA-256 over the whole certificate, in hex.
    pub fingerprint_sha256: String,
    /// Whether subject and issuer are one name and its key identifiers do not contradict that.
    pub self_signed: bool,
    /// What in it is malformed.
    pub(crate) faults: Vec<CertificateFault>,
    /// The fields above that could not be read: what stands there says nothing.
    pub(crate) unread: Vec<Field>,
    /// The common names of its subject, where they are text.
    pub(crate) common_names: Vec<String>,
    /// The names and addresses of its subjectAltName that nameConstraints are compared with.
    pub(crate) host_names: Vec<NameForm>,
    pub(crate) name_constraints: Option<NameConstraints>,
    /// The object identifiers of its critical extensions.
    pub(crate) critical_extensions: Vec<String>,
    /// `subjectKeyIdentifier`: of its own key.
    pub(crate) key_id: Option<Vec<u8>>,
    /// `authorityKeyIdentifier`: of the key that signed it.
    pub(crate) issuer_key_id: Option<Vec<u8>>,
    /// Where the issuer's certificate can be had, as it says itself.
    pub(crate) issuer_url: Option<String>,
    structure: Structure,
    der: Arc<[u8]>,
}

impl ParsedCertificate {
    /// Reads one certificate in DER. One that can be read in parts has `faults`; bytes that follow
    /// it are one of them, and belong neither to its fingerprint nor to its DER.
    ///
    /// # Errors
    /// [`Malformed`], where it is no certificate.
    pub fn read(der: &[u8]) -> Result<Self, Malformed> {
        let mut faults = Vec::new();
        let read = structure::read(der, &mut faults).ok_or(Malformed {
            what: "a certificate",
            expected: "X.509 in DER",
        })?;
        Ok(Self::of(der, read, faults))
    }

    fn of<'a>(
        bytes: &[u8],
        (parts, structure): (structure::Parts<'a>, Structure),
        mut faults: Vec<CertificateFault>,
    ) -> Self {
        let der = parts.whole;
        let mut unread = Vec::new();
        let mut lost = |field, faults: &mut Vec<CertificateFault>| {
            unread.push(field);
            faults.push(CertificateFault::Field(field));
        };
        let distinguished = |element: &Element<'a>| {
            let name = (element.tag == SEQUENCE).then(|| X509Name::from_der(element.whole));
            name.and_then(Result::ok).map(|(_, name)| name)
        };
        let subject = distinguished(&parts.subject);
        if subject.is_none() {
            lost(Field::Subject, &mut faults);
        }
        let issuer = distinguished(&parts.issuer);
        if issuer.is_none() {
            lost(Field::Issuer, &mut faults);
        }
        let serial = parts.serial.filter(|serial| !serial.is_empty());
        if serial.is_none() {
            lost(Field::Serial, &mut faults);
        }
        let version = parts.version;
        if version.is_none() {
            lost(Field::Version, &mut faults);
        }
        let [not_before, not_after] = parts.validity.map(|time| time.and_then(moment));
        for (time, field) in [(not_before, Field::NotBefore), (not_after, Field::NotAfter)] {
            if time.is_none() {
                lost(field, &mut faults);
            }
        }
        let key = SubjectPublicKeyInfo::from_der(parts.key.whole).ok();
        let public_key = key.map(|(_, key)| public_key(&key));
        if public_key.is_none() {
            lost(Field::PublicKey, &mut faults);
        }
        let extensions = extensions::read(parts.extensions, &mut faults, &mut unread);
        let trailing = bytes.len().saturating_sub(der.len());
        if trailing > 0 {
            faults.push(CertificateFault::TrailingBytes(trailing));
        }
        Self {
            self_signed: subject.is_some()
                && parts.subject.whole == parts.issuer.whole
                && !extensions.key_ids_differ(),
            common_names: subject.as_ref().map(common_names).unwrap_or_default(),
            subject: subject.as_ref().map(name).unwrap_or_default(),
            issuer: issuer.as_ref().map(name).unwrap_or_default(),
            subject_alternative_names: extensions.subject_alternative_names,
            host_names: extensions.host_names,
            serial: serial.map(hex).unwrap_or_default(),
            version: version.unwrap_or_default(),
            not_before,
            not_after,
            public_key,
            signature_algorithm: signature::name(parts.algorithm),
            is_ca: extensions.is_ca,
            path_length: extensions.path_length,
            key_usages: extensions.key_usages,
            extended_key_usages: extensions.extended_key_usages,
            fingerprint_sha256: HEXLOWER.encode(&Sha256::digest(der)),
            faults,
            unread,
            name_constraints: extensions.name_constraints,
            critical_extensions: extensions.critical,
            key_id: extensions.key_id,
            issuer_key_id: extensions.issuer_key_id,
            issuer_url: extensions.issuer_url,
            structure,
            der: der.into(),
        }
    }

    /// The certificate itself.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// What in it is malformed, as sentence parts.
    #[must_use]
    pub fn fault_words(&self) -> Vec<String> {
        self.faults.iter().map(ToString::to_string).collect()
    }

    /// Its DER, shared.
    #[must_use]
    pub(crate) fn shared_der(&self) -> Arc<[u8]> {
        Arc::clone(&self.der)
    }

    /// Whether it can be judged: a field that every verifier needs is not missing.
    #[must_use]
    pub(crate) fn can_be_judged(&self) -> bool {
        self.unread.iter().all(|field| field.is_extension()) && self.signed().is_some()
    }

    /// What its issuer signed, with the signature.
    #[must_use]
    pub(crate) fn signed(&self) -> Option<Signed<'_>> {
        Signed::read(&self.der).ok()
    }

    /// Its subject without the header.
    #[must_use]
    pub(crate) fn subject_der(&self) -> &[u8] {
        self.part(&self.structure.subject)
    }

    /// Its issuer without the header.
    #[must_use]
    pub(crate) fn issuer_der(&self) -> &[u8] {
        self.part(&self.structure.issuer)
    }

    /// Its issuer with the header.
    #[must_use]
    pub(crate) fn issuer_element(&self) -> &[u8] {
        self.part(&self.structure.issuer_element)
    }

    /// Its `SubjectPublicKeyInfo` without the header.
    #[must_use]
    pub(crate) fn spki_der(&self) -> &[u8] {
        self.part(&self.structure.key)
    }

    /// The bytes of its serial number.
    #[must_use]
    pub(crate) fn serial_der(&self) -> &[u8] {
        self.part(&self.structure.serial)
    }

    fn part(&self, range: &std::ops::Range<usize>) -> &[u8] {
        self.der.get(range.clone()).unwrap_or_default()
    }
}

fn common_names(subject: &X509Name) -> Vec<String> {
    let names = subject.iter_common_name();
    let names = names.filter_map(|name| name.as_str().ok());
    names.map(str::to_owned).collect()
}

/// A time of ASN.1; its years end at 9999, so that it always fits.
pub(super) fn moment(time: Element) -> Option<SystemTime> {
    let seconds = if let Ok((_, time)) = ASN1Time::from_der(time.whole) {
        time.timestamp()
    } else {
        // Forms that RFC 5280 forbids and that have one meaning all the same.
        let raw = raw::RawTime {
            tag: time.tag,
            text: time.content,
        };
        raw.seconds(raw::TimeForms {
            no_seconds: true,
            offset: true,
            fraction: true,
            any_day: false,
        })?
    };
    let distance = Duration::from_secs(seconds.unsigned_abs());
    let epoch = SystemTime::UNIX_EPOCH;
    if seconds < 0 {
        epoch.checked_sub(distance)
    } else {
        epoch.checked_add(distance)
    }
}

/// An INTEGER of DER in hex, as openssl prints it.
fn hex(bytes: &[u8]) -> String {
    let negative = bytes.first().is_some_and(|first| first & 0x80 != 0);
    let mut magnitude = bytes.to_vec();
    if negative {
        let mut carry = true;
        for byte in magnitude.iter_mut().rev() {
            let (value, over) = (!*byte).overflowing_add(u8::from(carry));
            *byte = value;
            carry = over;
        }
    }
    let zeros = magnitude.iter().take_while(|byte| **byte == 0).count();
    let kept = zeros.min(magnitude.len().saturating_sub(1));
    let hex = HEXLOWER.encode(magnitude.get(kept..).unwrap_or_default());
    if negative { format!("-{hex}") } else { hex }
}

fn spki_pin(spki: &[u8]) -> String {
    BASE64.encode(&Sha256::digest(spki))
}

#[cfg(test)]
mod tests;
