//! PKCS#7 (RFC 2315, RFC 5652): the certificates that go with a signature, mostly without one.

use super::{FaultKind, Found};
use crate::parse::ber::{self, Elements, OBJECT_IDENTIFIER, SEQUENCE, SET};

/// 1.2.840.113549.1.7, to which the kinds of content add a number.
const KINDS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07];
pub(super) const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
pub(super) const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
pub(super) const ENCRYPTED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x06];

/// Whether this identifies a kind of content.
pub(super) fn is_kind(oid: &[u8]) -> bool {
    oid.strip_prefix(KINDS).is_some_and(|kind| kind.len() == 1)
}

/// Reads the certificates; signatures and revocation lists are passed over.
pub(super) fn read(bytes: &[u8], line: Option<u64>, found: &mut Found) {
    let Some((kind, content)) = opened(bytes) else {
        return found.fault(line, FaultKind::MalformedPkcs7);
    };
    if kind != SIGNED_DATA {
        let kind = ber::dotted(kind);
        return found.fault(line, FaultKind::Pkcs7WithoutCertificates(kind));
    }
    let Some(mut certificates) = certificates(content) else {
        return found.fault(line, FaultKind::MalformedPkcs7);
    };
    while !certificates.is_empty() {
        match certificates.next_element() {
            Some(certificate) if certificate.tag == SEQUENCE => {
                found.certificate(certificate.whole, line);
            }
            // Attribute certificates and those of PKCS#6.
            Some(_) => {}
            None => return found.fault(line, FaultKind::TruncatedPkcs7),
        }
    }
}

fn opened(bytes: &[u8]) -> Option<(&[u8], Elements<'_>)> {
    let mut info = Elements::of(bytes).enter(SEQUENCE)?;
    let kind = info.take(OBJECT_IDENTIFIER)?;
    Some((kind.content, info.enter(ber::context(0))?))
}

fn certificates(mut content: Elements) -> Option<Elements> {
    let mut signed = content.enter(SEQUENCE)?;
    signed.take(ber::INTEGER)?;
    signed.take(SET)?;
    signed.take(SEQUENCE)?;
    Some(signed.enter(ber::context(0)).unwrap_or(Elements::of(&[])))
}
