//! Public keys: kind, length, curve, pin.

use x509_parser::asn1_rs::Oid;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey as Parsed;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::spki_pin;
use crate::model::certificate::{KeyAlgorithm, PublicKey};

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

const SIGNATURES: &[(&str, &str)] = &[
    ("1.2.840.113549.1.1.2", "md2WithRSAEncryption"),
    ("1.2.840.113549.1.1.4", "md5WithRSAEncryption"),
    ("1.2.840.113549.1.1.5", "sha1WithRSAEncryption"),
    ("1.2.840.113549.1.1.10", "rsassaPss"),
    ("1.2.840.113549.1.1.11", "sha256WithRSAEncryption"),
    ("1.2.840.113549.1.1.12", "sha384WithRSAEncryption"),
    ("1.2.840.113549.1.1.13", "sha512WithRSAEncryption"),
    ("1.2.840.113549.1.1.14", "sha224WithRSAEncryption"),
    ("1.2.840.10045.4.1", "ecdsa-with-SHA1"),
    ("1.2.840.10045.4.3.1", "ecdsa-with-SHA224"),
    ("1.2.840.10045.4.3.2", "ecdsa-with-SHA256"),
    ("1.2.840.10045.4.3.3", "ecdsa-with-SHA384"),
    ("1.2.840.10045.4.3.4", "ecdsa-with-SHA512"),
    ("1.2.840.10040.4.3", "dsa-with-SHA1"),
    ("2.16.840.1.101.3.4.3.2", "dsa-with-SHA256"),
    ("1.3.101.112", "Ed25519"),
    ("1.3.101.113", "Ed448"),
];

/// The name of a signature algorithm as in its RFC, or its object identifier.
pub(super) fn signature_algorithm(oid: &Oid) -> String {
    let id = oid.to_id_string();
    let known = SIGNATURES.iter().find(|(known, _)| *known == id);
    known.map_or(id, |(_, name)| (*name).to_owned())
}

/// A `SubjectPublicKeyInfo`.
#[must_use]
pub fn public_key(spki: &SubjectPublicKeyInfo) -> PublicKey {
    let (algorithm, curve, bits) = match spki.algorithm.algorithm.to_id_string().as_str() {
        "1.2.840.113549.1.1.1" => (KeyAlgorithm::Rsa, None, rsa_bits(spki)),
        "1.2.840.113549.1.1.10" => (KeyAlgorithm::RsaPss, None, rsa_bits(spki)),
        "1.2.840.10045.2.1" => {
            let (curve, bits) = named_curve(spki);
            (KeyAlgorithm::Ecdsa, curve, bits)
        }
        "1.3.101.112" => (KeyAlgorithm::Ed25519, None, Some(256)),
        "1.3.101.113" => (KeyAlgorithm::Ed448, None, Some(456)),
        "1.2.840.10040.4.1" => (KeyAlgorithm::Dsa, None, None),
        _ => (KeyAlgorithm::Other, None, None),
    };
    PublicKey {
        algorithm,
        bits,
        curve,
        spki_pin_sha256: spki_pin(spki.raw),
    }
}

fn named_curve(spki: &SubjectPublicKeyInfo) -> (Option<String>, Option<u32>) {
    let parameters = spki.algorithm.parameters.as_ref();
    let Some(oid) = parameters.and_then(|any| any.as_oid().ok()) else {
        return (None, None);
    };
    let id = oid.to_id_string();
    match CURVES.iter().find(|(known, ..)| *known == id) {
        Some((_, name, bits)) => (Some((*name).to_owned()), Some(*bits)),
        None => (Some(id), None),
    }
}

/// The length of the modulus without its leading zeros.
fn rsa_bits(spki: &SubjectPublicKeyInfo) -> Option<u32> {
    let Ok(Parsed::RSA(key)) = spki.parsed().or_else(|error| {
        let bytes = &spki.subject_public_key.data;
        let key = x509_parser::public_key::RSAPublicKey::from_der(bytes);
        key.map(|(_, key)| Parsed::RSA(key)).map_err(|_| error)
    }) else {
        return None;
    };
    let zeros = key.modulus.iter().take_while(|byte| **byte == 0).count();
    let significant = key.modulus.get(zeros..)?;
    let first = significant.first()?;
    let bits = significant.len().checked_mul(8)?;
    u32::try_from(bits).ok()?.checked_sub(first.leading_zeros())
}
