//! What a file holds that holds neither certificates nor private keys.

use std::fmt;

use super::pem::Lines;
use crate::parse::ber::{self, BIT_STRING, Elements, INTEGER, SEQUENCE};

/// What is in a file in place of certificates and keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OtherContent {
    /// Nothing at all.
    Empty,
    /// Spaces and line ends.
    Blank,
    /// A certificate signing request.
    Request,
    /// A certificate revocation list.
    RevocationList,
    /// Blocks of PEM with other things: parameters, public keys.
    OtherPem,
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
            Self::RevocationList => "a certificate revocation list, not a certificate",
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
        } else if labels.contains(&b"X509 CRL-----".as_slice()) {
            OtherContent::RevocationList
        } else {
            OtherContent::OtherPem
        };
    }
    if is_request(bytes) {
        return OtherContent::Request;
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
