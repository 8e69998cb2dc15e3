//! Public keys: kind, length, curve, pin.

use x509_parser::prelude::FromDer;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::spki_pin;
use crate::parse::ber::{Element, Elements, INTEGER, SEQUENCE, dotted};

/// A public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// Its kind.
    pub algorithm: KeyAlgorithm,
    /// Length in bits, where the kind is known.
    pub bits: Option<u32>,
    /// The curve of an elliptic key, or its object identifier.
    pub curve: Option<String>,
    /// SHA-256 over its `SubjectPublicKeyInfo` in base64.
    pub spki_pin_sha256: String,
}

/// The kind of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyAlgorithm {
    /// RSA.
    Rsa,
    /// RSA for PSS signatures only.
    RsaPss,
    /// Elliptic curve.
    Ecdsa,
    /// Ed25519.
    Ed25519,
    /// Ed448.
    Ed448,
    /// DSA.
    Dsa,
    /// Another one.
    Other,
}

const CURVES: &[(&str, &str, u32)] = &[
    ("1.2.840.10045.3.1.1", "P-192", 192),
    ("1.3.132.0.33", "P-224", 224),
    ("1.2.840.10045.3.1.7", "P-256", 256),
    ("1.3.132.0.34", "P-384", 384),
    ("1.3.132.0.35", "P-521", 521),
    ("1.3.132.0.10", "secp256k1", 256),
    ("1.3.36.3.3.2.8.1.1.7", "brainpoolP256r1", 256),
    ("1.3.36.3.3.2.8.1.1.11", "brainpoolP384r1", 384),
    ("1.3.36.3.3.2.8.1.1.13", "brainpoolP512r1", 512),
];

/// A `SubjectPublicKeyInfo`.
#[must_use]
pub(crate) fn public_key(spki: &SubjectPublicKeyInfo) -> PublicKey {
    let kind = dotted(spki.algorithm.algorithm.as_bytes());
    let key = &*spki.subject_public_key.data;
    let (algorithm, curve, bits) = match kind.as_str() {
        "1.2.840.113549.1.1.1" => (KeyAlgorithm::Rsa, None, first_number_in(key)),
        "1.2.840.113549.1.1.10" => (KeyAlgorithm::RsaPss, None, first_number_in(key)),
        "1.2.840.10045.2.1" => {
            let (curve, bits) = named_curve(spki);
            (KeyAlgorithm::Ecdsa, curve, bits)
        }
        "1.3.101.112" => (KeyAlgorithm::Ed25519, None, Some(256)),
        "1.3.101.113" => (KeyAlgorithm::Ed448, None, Some(456)),
        "1.2.840.10040.4.1" => {
            let parameters = spki.algorithm.parameters.as_ref();
            let prime = parameters.and_then(|any| bits(&Elements::of(any.data).take(INTEGER)?));
            (KeyAlgorithm::Dsa, None, prime)
        }
        _ => (KeyAlgorithm::Other, None, None),
    };
    PublicKey {
        algorithm,
        bits,
        curve,
        spki_pin_sha256: spki_pin(spki.raw),
    }
}

/// A `SubjectPublicKeyInfo` in DER.
pub(in crate::parse) fn public_key_of_der(der: &[u8]) -> Option<PublicKey> {
    let (_, spki) = SubjectPublicKeyInfo::from_der(der).ok()?;
    Some(public_key(&spki))
}

fn named_curve(spki: &SubjectPublicKeyInfo) -> (Option<String>, Option<u32>) {
    let parameters = spki.algorithm.parameters.as_ref();
    let Some(oid) = parameters.and_then(|any| any.as_oid().ok()) else {
        return (None, None);
    };
    let id = dotted(oid.as_bytes());
    match CURVES.iter().find(|(known, ..)| *known == id) {
        Some((_, name, bits)) => (Some((*name).to_owned()), Some(*bits)),
        None => (Some(id), None),
    }
}

/// The length of the first number of a sequence: the modulus of an RSA key.
fn first_number_in(key: &[u8]) -> Option<u32> {
    bits(&Elements::of(key).enter(SEQUENCE)?.take(INTEGER)?)
}

/// The length of a number without its leading zeros.
fn bits(number: &Element) -> Option<u32> {
    let zeros = number.content.iter().take_while(|byte| **byte == 0).count();
    let significant = number.content.get(zeros..)?;
    let bits = significant.len().checked_mul(8)?;
    u32::try_from(bits)
        .ok()?
        .checked_sub(significant.first()?.leading_zeros())
}
