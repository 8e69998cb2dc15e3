//! The fields of a certificate, one after the other (RFC 5280 4.1).

use std::ops::Range;

use super::fault::{CertificateFault, Field};
use crate::parse::ber::{
    BIT_STRING, Element, Elements, INTEGER, OBJECT_IDENTIFIER, SEQUENCE, SET, context,
    context_primitive, header,
};

/// The fields as they are written.
pub(super) struct Parts<'a> {
    /// The certificate without what follows it.
    pub(super) whole: &'a [u8],
    pub(super) version: Option<u32>,
    /// The bytes of the number.
    pub(super) serial: Option<&'a [u8]>,
    /// That of the signature: an `AlgorithmIdentifier` without its header.
    pub(super) algorithm: &'a [u8],
    pub(super) issuer: Element<'a>,
    /// From when on, and until when.
    pub(super) validity: [Option<Element<'a>>; 2],
    pub(super) subject: Element<'a>,
    pub(super) key: Element<'a>,
    /// One after the other.
    pub(super) extensions: Elements<'a>,
}

/// Where they lie within the certificate; a name and a key without their headers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Structure {
    pub(super) serial: Range<usize>,
    pub(super) issuer: Range<usize>,
    pub(super) issuer_element: Range<usize>,
    pub(super) subject: Range<usize>,
    pub(super) key: Range<usize>,
}

/// The fields that each certificate has: serial number, algorithm, issuer, validity, subject, key.
const FIELDS: [u8; 6] = [INTEGER, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE];

/// Finds the fields; `None` for what is no certificate. One of them may be of another kind than
/// the standard says.
pub(super) fn read<'a>(
    der: &'a [u8],
    faults: &mut Vec<CertificateFault>,
) -> Option<(Parts<'a>, Structure)> {
    // DER has no indefinite length.
    header(der)?.content?;
    let certificate = Elements::of(der).take(SEQUENCE)?;
    let mut outer = certificate.inside();
    let mut signed = outer.enter(SEQUENCE)?;
    let algorithm = outer.take(SEQUENCE)?;
    outer.take(BIT_STRING)?;
    let version = match signed.take(context(0)) {
        None => Some(1),
        Some(version) => number(version),
    };
    let mut fields = [None; FIELDS.len()];
    for field in &mut fields {
        *field = Some(signed.next_element()?);
    }
    let odd = fields
        .iter()
        .zip(FIELDS)
        .filter(|(field, tag)| field.is_some_and(|field| field.tag != *tag));
    if odd.count() > 1 {
        return None;
    }
    let [serial, _, issuer, validity, subject, key] = fields;
    let (serial, issuer, validity) = (serial?, issuer?, validity?);
    let (subject, key) = (subject?, key?);
    for number in [1, 2] {
        let _ = signed
            .take(context_primitive(number))
            .or_else(|| signed.take(context(number)));
    }
    let mut extensions = Elements::of(&[]);
    if let Some(mut list) = signed.enter(context(3)) {
        match list.enter(SEQUENCE).filter(|_| list.is_empty()) {
            Some(inside) => extensions = inside,
            None => faults.push(CertificateFault::OtherExtension),
        }
    }
    if !outer.is_empty() || !signed.is_empty() {
        faults.push(CertificateFault::MoreElements);
    }
    for (field, name) in [(Field::Subject, subject), (Field::Issuer, issuer)] {
        if name.inside_of(SEQUENCE).is_some_and(|name| !is_name(name)) {
            faults.push(CertificateFault::PartlyRead(field));
        }
    }
    let mut times = validity.inside_of(SEQUENCE).unwrap_or(Elements::of(&[]));
    let validity = [times.next_element(), times.next_element()];
    let place = |part: &[u8]| place(der, part);
    let structure = Structure {
        serial: place(serial.content),
        issuer: place(issuer.content),
        issuer_element: place(issuer.whole),
        subject: place(subject.content),
        key: place(key.content),
    };
    let parts = Parts {
        whole: certificate.whole,
        version,
        serial: (serial.tag == INTEGER).then_some(serial.content),
        algorithm: algorithm.content,
        issuer,
        validity,
        subject,
        key,
        extensions,
    };
    Some((parts, structure))
}

/// Its number is one less than its name.
fn number(version: Element) -> Option<u32> {
    let mut inside = version.inside();
    let number = inside.take(INTEGER)?.number()?;
    let version = u32::try_from(number).ok()?.checked_add(1)?;
    inside.is_empty().then_some(version)
}

/// Where a part of the bytes lies in them.
fn place(whole: &[u8], part: &[u8]) -> Range<usize> {
    let start = part.as_ptr().addr().saturating_sub(whole.as_ptr().addr());
    start..start.saturating_add(part.len())
}

/// Whether these are sets of pairs of an object identifier and a value.
fn is_name(mut name: Elements) -> bool {
    while !name.is_empty() {
        let Some(mut part) = name.enter(SET).filter(|part| !part.is_empty()) else {
            return false;
        };
        while !part.is_empty() {
            let Some(mut pair) = part.enter(SEQUENCE) else {
                return false;
            };
            let is_pair = pair.take(OBJECT_IDENTIFIER).is_some() && pair.next_element().is_some();
            if !is_pair || !pair.is_empty() {
                return false;
            }
        }
    }
    true
}
