//! The signatures that can be checked: all that ring can, also those that are out of
//! use. A weak signature that fits is reported as weak, not as unknown.

use ring::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use rustls::pki_types::{
    AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id,
};
use x509_parser::prelude::FromDer;
use x509_parser::public_key::RSAPublicKey;

use super::finding::Unchecked;
use crate::parse::signed::{Signed, key_parts};

/// What came of checking a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SignatureCheck {
    /// It fits.
    Right,
    /// It does not.
    Wrong,
    /// It cannot be checked, for this reason.
    Unknown(Unchecked),
}

/// Checks a signature with the key in the content of a `SubjectPublicKeyInfo`.
pub(super) fn check(signed: &Signed, spki: &[u8]) -> SignatureCheck {
    let Some((key_algorithm, key)) = key_parts(spki) else {
        return SignatureCheck::Unknown(Unchecked::KeyMalformed);
    };
    let same_signature = |one: &&Algorithm| one.signature.as_ref() == signed.algorithm;
    let same_key = |one: &&Algorithm| one.key.as_ref() == key_algorithm;
    let mut fitting = ALGORITHMS.iter().filter(same_signature);
    let Some(algorithm) = fitting.find(same_key) else {
        let both_known = ALGORITHMS.iter().any(|one| same_signature(&one))
            && ALGORITHMS.iter().any(|one| same_key(&one));
        // Both are known and do not go together: another key made it.
        return if both_known {
            SignatureCheck::Wrong
        } else {
            SignatureCheck::Unknown(Unchecked::AlgorithmUnsupported)
        };
    };
    if let Some(why) = beyond_ring(algorithm, key) {
        return SignatureCheck::Unknown(why);
    }
    match algorithm.verify_signature(key, signed.data, signed.signature) {
        Ok(()) => SignatureCheck::Right,
        Err(_) => SignatureCheck::Wrong,
    }
}

/// All of them, as webpki takes them.
pub(super) fn all() -> Vec<&'static dyn SignatureVerificationAlgorithm> {
    let one = |one| one as &'static dyn SignatureVerificationAlgorithm;
    ALGORITHMS.iter().map(one).collect()
}

/// Why ring would refuse the key unseen, which must not read as a signature that does not fit.
fn beyond_ring(algorithm: &Algorithm, key: &[u8]) -> Option<Unchecked> {
    let Some(shortest_bits) = algorithm.shortest_rsa_bits else {
        let is_point = algorithm.key.as_ref() != alg_id::ED25519.as_ref();
        // 4: both coordinates follow (SEC 1, 2.3.3).
        let compressed = is_point && key.first() != Some(&4);
        return compressed.then_some(Unchecked::CompressedPoint);
    };
    let Ok((_, rsa)) = RSAPublicKey::from_der(key) else {
        return Some(Unchecked::KeyMalformed);
    };
    let bits = |number: &[u8]| {
        let zeros = number.iter().take_while(|byte| **byte == 0).count();
        let first = number.get(zeros).map_or(0, |byte| byte.leading_zeros());
        let whole = number.len().saturating_sub(zeros).saturating_mul(8);
        whole.saturating_sub(usize::try_from(first).unwrap_or(8))
    };
    match (bits(rsa.modulus), bits(rsa.exponent)) {
        (modulus, _) if modulus < shortest_bits => Some(Unchecked::RsaKeyTooShort),
        (8_193.., _) => Some(Unchecked::RsaKeyTooLong),
        (_, 34..) => Some(Unchecked::RsaExponentTooLarge),
        _ => None,
    }
}

/// One way to sign, as its identifiers are written in DER.
#[derive(Debug)]
struct Algorithm {
    signature: AlgorithmIdentifier,
    key: AlgorithmIdentifier,
    ring: &'static dyn VerificationAlgorithm,
    shortest_rsa_bits: Option<usize>,
}

impl SignatureVerificationAlgorithm for Algorithm {
    fn verify_signature(
        &self,
        key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        UnparsedPublicKey::new(self.ring, key)
            .verify(message, signature)
            .map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.key
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.signature
    }
}

const fn elliptic(
    key: AlgorithmIdentifier,
    signature: AlgorithmIdentifier,
    ring: &'static dyn VerificationAlgorithm,
) -> Algorithm {
    Algorithm {
        signature,
        key,
        ring,
        shortest_rsa_bits: None,
    }
}

const fn rsa(
    shortest_bits: usize,
    signature: AlgorithmIdentifier,
    ring: &'static dyn VerificationAlgorithm,
) -> Algorithm {
    Algorithm {
        signature,
        key: alg_id::RSA_ENCRYPTION,
        ring,
        shortest_rsa_bits: Some(shortest_bits),
    }
}

/// With a key that is for PSS alone and limits nothing further (RFC 4055 1.2).
const fn rsa_pss(
    signature: AlgorithmIdentifier,
    ring: &'static dyn VerificationAlgorithm,
) -> Algorithm {
    Algorithm {
        signature,
        key: AlgorithmIdentifier::from_slice(b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a"),
        ring,
        shortest_rsa_bits: Some(2_048),
    }
}

const RSA_SHA1: AlgorithmIdentifier =
    AlgorithmIdentifier::from_slice(b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05\x05\x00");
/// RFC 4055 2.1: the parameters are NULL, and absent ones are to be accepted.
const RSA_SHA1_BARE: AlgorithmIdentifier =
    AlgorithmIdentifier::from_slice(b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05");
const RSA_SHA256_BARE: AlgorithmIdentifier =
    AlgorithmIdentifier::from_slice(b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b");
const RSA_SHA384_BARE: AlgorithmIdentifier =
    AlgorithmIdentifier::from_slice(b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c");
const RSA_SHA512_BARE: AlgorithmIdentifier =
    AlgorithmIdentifier::from_slice(b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d");

static SHA1: &signature::RsaParameters = &signature::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY;
static SHA256: &signature::RsaParameters =
    &signature::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY;
static SHA512: &signature::RsaParameters =
    &signature::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY;

static ALGORITHMS: [Algorithm; 19] = [
    elliptic(
        alg_id::ECDSA_P256,
        alg_id::ECDSA_SHA256,
        &signature::ECDSA_P256_SHA256_ASN1,
    ),
    elliptic(
        alg_id::ECDSA_P256,
        alg_id::ECDSA_SHA384,
        &signature::ECDSA_P256_SHA384_ASN1,
    ),
    elliptic(
        alg_id::ECDSA_P384,
        alg_id::ECDSA_SHA256,
        &signature::ECDSA_P384_SHA256_ASN1,
    ),
    elliptic(
        alg_id::ECDSA_P384,
        alg_id::ECDSA_SHA384,
        &signature::ECDSA_P384_SHA384_ASN1,
    ),
    elliptic(alg_id::ED25519, alg_id::ED25519, &signature::ED25519),
    rsa(1_024, alg_id::RSA_PKCS1_SHA256, SHA256),
    rsa(
        2_048,
        alg_id::RSA_PKCS1_SHA384,
        &signature::RSA_PKCS1_2048_8192_SHA384,
    ),
    rsa(1_024, alg_id::RSA_PKCS1_SHA512, SHA512),
    rsa(1_024, RSA_SHA256_BARE, SHA256),
    rsa(
        2_048,
        RSA_SHA384_BARE,
        &signature::RSA_PKCS1_2048_8192_SHA384,
    ),
    rsa(1_024, RSA_SHA512_BARE, SHA512),
    rsa(1_024, RSA_SHA1, SHA1),
    rsa(1_024, RSA_SHA1_BARE, SHA1),
    rsa(
        2_048,
        alg_id::RSA_PSS_SHA256,
        &signature::RSA_PSS_2048_8192_SHA256,
    ),
    rsa(
        2_048,
        alg_id::RSA_PSS_SHA384,
        &signature::RSA_PSS_2048_8192_SHA384,
    ),
    rsa(
        2_048,
        alg_id::RSA_PSS_SHA512,
        &signature::RSA_PSS_2048_8192_SHA512,
    ),
    rsa_pss(alg_id::RSA_PSS_SHA256, &signature::RSA_PSS_2048_8192_SHA256),
    rsa_pss(alg_id::RSA_PSS_SHA384, &signature::RSA_PSS_2048_8192_SHA384),
    rsa_pss(alg_id::RSA_PSS_SHA512, &signature::RSA_PSS_2048_8192_SHA512),
];
