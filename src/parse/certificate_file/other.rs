//! What a file holds that holds neither certificates nor private keys.

use std::fmt;

use super::pem::Lines;
use crate::parse::ber::{
    self, BIT_STRING, Elements, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE,
};

/// What is in a file in place of certificates and keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OtherContent {
    /// Nothing at all.
    Empty,
    /// Spaces and line ends.
    Blank,
    /// A certificate signing request.
    Request,
    /// Blocks of PEM with other things: parameters, public keys.
    OtherPem,
    /// A keystore of Bouncy Castle for FIPS.
    Bcfks,
    /// A page of HTML, as a server sends in place of a file.
    Html,
    /// Anything else.
    Unknown,
}

impl fmt::Display for OtherContent {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        out.write_str(match self {
            Self::Empty => "the file is empty",
            Self::Blank => "the file contains only white space",
            Self::Request => "a certificate signing request, not a certificate",
            Self::Bcfks => "a BCFKS keystore (Bouncy Castle FIPS), which spyhole cannot read",
            Self::Html => "an HTML page, not a certificate",
            Self::OtherPem | Self::Unknown => "no certificate or key in a known format",
        })
    }
}

/// Tells what a file holds of which [`contents`](super::contents) are `None`.
#[must_use]
pub(crate) fn other_content(bytes: &[u8]) -> OtherContent {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = text.trim_ascii_start();
    if bytes.is_empty() {
        return OtherContent::Empty;
    }
    if text.is_empty() {
        return OtherContent::Blank;
    }
    let mut labels = Lines::of(bytes)
        .filter_map(|line| line.text.trim_ascii().strip_prefix(b"-----BEGIN "))
        .peekable();
    if labels.peek().is_some() {
        let is_request = |label: &[u8]| label.ends_with(b"CERTIFICATE REQUEST-----");
        let labels: Vec<&[u8]> = labels.collect();
        return if labels.iter().any(|label| is_request(label)) {
            OtherContent::Request
        } else {
            OtherContent::OtherPem
        };
    }
    if is_request(bytes) {
        return OtherContent::Request;
    }
    if is_bcfks(bytes) {
        return OtherContent::Bcfks;
    }
    let begins = |word: &[u8]| {
        let start = text.get(..word.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(word))
    };
    if begins(b"<!doctype html") || begins(b"<html") {
        return OtherContent::Html;
    }
    OtherContent::Unknown
}

/// Whether this is a request in DER (RFC 2986): a version, a name and a key, signed.
fn is_request(bytes: &[u8]) -> bool {
    let read = || {
        let mut outer = Elements::of(bytes).enter(SEQUENCE)?;
        let mut info = outer.enter(SEQUENCE)?;
        outer.take(SEQUENCE)?;
        outer.take(BIT_STRING)?;
        info.take(INTEGER)?;
        info.take(SEQUENCE)?;
        info.take(SEQUENCE)?;
        (info.is_empty() || info.take(ber::context(0)).is_some()).then_some(())
    };
    read().is_some()
}

/// Whether this is an `ObjectStore` of BCFKS: encrypted content, and behind it the check of its
/// integrity with a password: two algorithms and a code.
fn is_bcfks(bytes: &[u8]) -> bool {
    let algorithm = |inside: &mut Elements| {
        let mut algorithm = inside.enter(SEQUENCE)?;
        algorithm.take(OBJECT_IDENTIFIER).map(|_| ())
    };
    let read = || {
        let mut whole = Elements::of(bytes);
        let mut store = whole.enter(SEQUENCE)?;
        let mut data = store.enter(SEQUENCE)?;
        algorithm(&mut data)?;
        data.take(OCTET_STRING)?;
        let mut check = store.enter(SEQUENCE)?;
        algorithm(&mut check)?;
        algorithm(&mut check)?;
        check.take(OCTET_STRING)?;
        let is_whole = whole.is_empty() && store.is_empty() && data.is_empty();
        is_whole.then_some(())
    };
    read().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::ber::element;

    #[test]
    fn bcfks_is_told_by_its_two_parts() {
        let algorithm = element(SEQUENCE, &[&element(OBJECT_IDENTIFIER, &[&[0x2a, 3]])]);
        let octets = element(OCTET_STRING, &[b"closed"]);
        let data = element(SEQUENCE, &[&algorithm, &octets]);
        let check = element(SEQUENCE, &[&algorithm, &algorithm, &octets]);
        let store = element(SEQUENCE, &[&data, &check]);
        assert_eq!(other_content(&store), OtherContent::Bcfks);
        for (one, other) in [(&data, &data), (&check, &data), (&check, &check)] {
            let odd = element(SEQUENCE, &[one, other]);
            assert_eq!(other_content(&odd), OtherContent::Unknown);
        }
    }
}
