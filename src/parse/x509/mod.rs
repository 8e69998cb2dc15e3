//! X.509 certificates (RFC 5280): DER → [`Certificate`].
//!
//! `x509-parser` reads the structure. It passes silently over what it does not expect, and its
//! extensions stand or fall as a whole; what is malformed within a certificate that can be read
//! otherwise is found here. The words for names, keys and usages are made here too, without its
//! registry of object identifiers.

mod extensions;
mod names;
mod public_key;
mod signature;
mod structure;

use std::time::{Duration, SystemTime};

use data_encoding::{BASE64, HEXLOWER};
use sha2::{Digest, Sha256};
use x509_parser::certificate::X509CertificateParser;
use x509_parser::nom::Parser;
use x509_parser::time::ASN1Time;

use super::Malformed;

pub(crate) use names::name;
pub(crate) use public_key::{KeyAlgorithm, PublicKey, public_key};
pub(super) use public_key::{public_key_bits, public_key_of_der};

/// One certificate, as it describes itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Certificate {
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
    pub not_before: SystemTime,
    /// The end of its validity.
    pub not_after: SystemTime,
    /// The key that it certifies.
    pub public_key: PublicKey,
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
    /// What in it is malformed, as sentence parts.
    pub faults: Vec<String>,
    /// The certificate itself.
    pub der: Vec<u8>,
}

/// One certificate in DER.
///
/// A certificate that can be read in parts is returned with its `faults`; bytes that follow it
/// are one of them, and belong neither to its fingerprint nor to its `der`.
///
/// # Errors
/// [`Malformed`], where it is no certificate.
pub(crate) fn certificate(der: &[u8]) -> Result<Certificate, Malformed> {
    let mut parser = X509CertificateParser::new().with_deep_parse_extensions(false);
    let (rest, parsed) = parser.parse(der).map_err(|_| Malformed {
        what: "a certificate",
        expected: "X.509 in DER",
    })?;
    let der = parsed.as_raw();
    let mut faults = structure::faults(der);
    let extensions = extensions::read(&parsed, &mut faults);
    if !rest.is_empty() {
        faults.push(format!("{} trailing bytes", rest.len()));
    }
    Ok(Certificate {
        self_signed: parsed.subject().as_raw() == parsed.issuer().as_raw()
            && !extensions.key_ids_differ,
        subject: name(parsed.subject()),
        issuer: name(parsed.issuer()),
        subject_alternative_names: extensions.subject_alternative_names,
        serial: serial(parsed.raw_serial()),
        version: parsed.version().0.saturating_add(1),
        not_before: moment(parsed.validity().not_before),
        not_after: moment(parsed.validity().not_after),
        public_key: public_key(parsed.public_key()),
        signature_algorithm: signature::name(&parsed.signature_algorithm),
        is_ca: extensions.is_ca,
        path_length: extensions.path_length,
        key_usages: extensions.key_usages,
        extended_key_usages: extensions.extended_key_usages,
        fingerprint_sha256: HEXLOWER.encode(&Sha256::digest(der)),
        faults,
        der: der.to_vec(),
    })
}

/// A time of ASN.1; its years end at 9999, so that it always fits.
fn moment(time: ASN1Time) -> SystemTime {
    let seconds = time.timestamp();
    let distance = Duration::from_secs(seconds.unsigned_abs());
    let epoch = SystemTime::UNIX_EPOCH;
    let moment = if seconds < 0 {
        epoch.checked_sub(distance)
    } else {
        epoch.checked_add(distance)
    };
    moment.unwrap_or(epoch)
}

/// An INTEGER of DER in hex, as openssl prints it.
fn serial(bytes: &[u8]) -> String {
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
