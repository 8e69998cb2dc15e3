//! What is common to everything that X.509 signs: the signed bytes, the algorithm, the signature
//! (RFC 5280 4.1.1, RFC 6960 4.2.1).
//!
//! The bytes are kept as they were written: a signature is over them and not over their meaning.

use x509_parser::asn1_rs::{Any, Class, FromDer, Tag};

use super::Malformed;

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
    let (algorithm, rest) = take(content, Tag::Sequence)?;
    let (key, _) = take(rest, Tag::BitString)?;
    Some((algorithm, whole_bytes(key)?))
}

/// The content of the element that the bytes begin with, without its header.
#[must_use]
pub(crate) fn content(der: &[u8]) -> Option<&[u8]> {
    Any::from_der(der).ok().map(|(_, any)| any.data)
}

fn parts(der: &[u8]) -> Option<Signed<'_>> {
    let (inside, _) = take(der, Tag::Sequence)?;
    let (_, after_data) = take(inside, Tag::Sequence)?;
    let data = inside.get(..inside.len().checked_sub(after_data.len())?)?;
    let (algorithm, rest) = take(after_data, Tag::Sequence)?;
    let (bits, rest) = take(rest, Tag::BitString)?;
    Some(Signed {
        data,
        algorithm,
        signature: whole_bytes(bits)?,
        rest,
    })
}

/// The content of one universal element, and what follows it.
fn take(der: &[u8], tag: Tag) -> Option<(&[u8], &[u8])> {
    let (rest, any) = Any::from_der(der).ok()?;
    (any.class() == Class::Universal && any.tag() == tag).then_some((any.data, rest))
}

/// A bit string that has no half byte at its end.
fn whole_bytes(bits: &[u8]) -> Option<&[u8]> {
    let (unused, bytes) = bits.split_first()?;
    (*unused == 0).then_some(bytes)
}
