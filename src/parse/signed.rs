//! What is common to everything that X.509 signs: the signed bytes, the algorithm, the signature
//! (RFC 5280 4.1.1, RFC 6960 4.2.1).
//!
//! The bytes are kept as they were written: a signature is over them and not over their meaning.

use super::Malformed;
use super::ber::{BIT_STRING, Elements, INTEGER, OBJECT_IDENTIFIER, SEQUENCE};

/// A signed thing, before anyone checked the signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Signed<'a> {
    /// What is signed, with its header.
    pub data: &'a [u8],
    /// The content of its `AlgorithmIdentifier`, without the header.
    pub algorithm: &'a [u8],
    /// The signature.
    pub signature: &'a [u8],
    /// What follows the signature.
    pub rest: &'a [u8],
}

impl<'a> Signed<'a> {
    /// Reads a certificate or a `BasicOCSPResponse` in DER.
    ///
    /// # Errors
    /// [`Malformed`], where it has not these three parts.
    pub(crate) fn read(der: &'a [u8]) -> Result<Self, Malformed> {
        parts(der).ok_or(Malformed {
            what: "a signed structure",
            expected: "its content, an algorithm and a signature",
        })
    }
}

/// The algorithm and the key of a `SubjectPublicKeyInfo`, each without its header.
#[must_use]
pub(crate) fn key_parts(content: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut parts = Elements::of(content);
    let algorithm = parts.take(SEQUENCE)?.content;
    let key = parts.take(BIT_STRING)?.content;
    Some((algorithm, whole_bytes(key)?))
}

/// The object identifier of an `AlgorithmIdentifier`, and the one that is its parameter; both
/// without headers.
pub(crate) fn algorithm_parts(content: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let mut parts = Elements::of(content);
    let id = parts.take(OBJECT_IDENTIFIER)?.content;
    Some((id, parts.take(OBJECT_IDENTIFIER).map(|one| one.content)))
}

/// The two numbers of a signature of ECDSA (RFC 3279 2.2.3), none below zero.
pub(crate) fn ecdsa_numbers(signature: &[u8]) -> Option<[&[u8]; 2]> {
    integers(signature)
}

/// Modulus and exponent of an RSA key (RFC 8017 A.1.1).
pub(crate) fn rsa_numbers(key: &[u8]) -> Option<[&[u8]; 2]> {
    integers(key)
}

/// Two numbers in a sequence, neither below zero, and nothing behind them.
fn integers(bytes: &[u8]) -> Option<[&[u8]; 2]> {
    let mut whole = Elements::of(bytes);
    let mut inside = whole.enter(SEQUENCE)?;
    let numbers = [inside.take(INTEGER)?.content, inside.take(INTEGER)?.content];
    let positive = |number: &&[u8]| number.first().is_some_and(|first| first & 0x80 == 0);
    let is_whole = whole.is_empty() && inside.is_empty();
    (is_whole && numbers.iter().all(positive)).then_some(numbers)
}

fn parts(der: &[u8]) -> Option<Signed<'_>> {
    let mut inside = Elements::of(der).enter(SEQUENCE)?;
    let data = inside.take(SEQUENCE)?.whole;
    let algorithm = inside.take(SEQUENCE)?.content;
    let bits = inside.take(BIT_STRING)?.content;
    Some(Signed {
        data,
        algorithm,
        signature: whole_bytes(bits)?,
        rest: inside.rest(),
    })
}

/// A bit string that has no half byte at its end.
fn whole_bytes(bits: &[u8]) -> Option<&[u8]> {
    let (unused, bytes) = bits.split_first()?;
    (*unused == 0).then_some(bytes)
}
