//! What `gnutls_x509_crt_import` takes and what it refuses.

use crate::parse::x509::ParsedCertificate;
use crate::parse::x509::raw::{self, RawCertificate, RawExtension, RawName, RawTime, TimeForms};
use crate::pki::runtimes::distinguished::{CanonicalName, written};

const FORMS: TimeForms = TimeForms {
    no_seconds: true,
    offset: false,
    fraction: false,
    any_day: true,
};
/// Critical extensions that are known.
const KNOWN: &[u8] = &[14, 15, 16, 17, 18, 19, 30, 31, 32, 35, 37, 54];
/// authorityInfoAccess, proxyCertInfo and TLS features.
const KNOWN_PKIX: &[u8] = &[1, 14, 24];
const NOT_ITS_TIME: &str = "The DER time encoding is invalid.";
/// `GNUTLS_E_CERTIFICATE_ERROR`.
pub(super) const CERTIFICATE_ERROR: &str = "Error in the certificate.";

/// What basicConstraints say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Authority {
    /// There are none.
    Unsaid,
    No,
    /// With the length of the path.
    Yes(Option<u64>),
}

/// A certificate as `GnuTLS` sees it.
#[derive(Debug)]
pub(super) struct GnutlsCertificate<'a> {
    pub(super) parsed: &'a ParsedCertificate,
    pub(super) raw: RawCertificate<'a>,
    pub(super) subject: CanonicalName,
    pub(super) issuer: CanonicalName,
    pub(super) not_before: i64,
    pub(super) not_after: i64,
    pub(super) authority: Authority,
    /// `Err`: the extension is malformed.
    pub(super) usage: Result<Option<u16>, ()>,
    pub(super) usages: Result<Option<Vec<&'a [u8]>>, ()>,
    pub(super) names: Vec<RawName<'a>>,
    pub(super) constraints: Result<Option<[Vec<RawName<'a>>; 2]>, ()>,
    pub(super) key_id: Option<&'a [u8]>,
    pub(super) issuer_key_id: Option<&'a [u8]>,
    pub(super) has_unknown: bool,
    pub(super) must_staple: bool,
}

impl<'a> GnutlsCertificate<'a> {
    /// Reads one.
    ///
    /// # Errors
    /// Its own sentence.
    pub(super) fn of(parsed: &'a ParsedCertificate) -> Result<Self, &'static str> {
        let raw = RawCertificate::of(parsed).ok_or(CERTIFICATE_ERROR)?;
        if raw.is_followed {
            return Err("ASN1 parser: Error in DER parsing.");
        }
        let [inner, outer] = raw.algorithms;
        let is_old = raw.version.is_none_or(|version| version < 2);
        if inner != outer || (is_old && raw.extensions.is_some()) {
            return Err(CERTIFICATE_ERROR);
        }
        let listed = match raw.extensions.clone() {
            None => Vec::new(),
            Some(Ok(listed)) => listed,
            Some(Err(())) => return Err("ASN1 parser: Error in DER parsing."),
        };
        let [not_before, not_after] = [raw.not_before, raw.not_after].map(time);
        let mut found = Self {
            parsed,
            subject: written(raw.subject),
            issuer: written(raw.issuer),
            not_before: not_before?,
            not_after: not_after?,
            authority: Authority::Unsaid,
            usage: Ok(None),
            usages: Ok(None),
            names: Vec::new(),
            constraints: Ok(None),
            key_id: None,
            issuer_key_id: None,
            has_unknown: false,
            must_staple: false,
            raw,
        };
        for (at, one) in listed.iter().enumerate() {
            if listed.iter().take(at).any(|other| other.id == one.id) {
                return Err("Duplicate extension in X.509 certificate.");
            }
            found.extension(one)?;
        }
        Ok(found)
    }

    fn extension(&mut self, one: &RawExtension<'a>) -> Result<(), &'static str> {
        let value = one.value;
        let filled = |id: &&[u8]| !id.is_empty();
        let is_known = match one.id {
            [0x55, 0x1d, last] => KNOWN.contains(last),
            [0x2b, 6, 1, 5, 5, 7, 1, last] => KNOWN_PKIX.contains(last),
            _ => false,
        };
        self.has_unknown |= one.is_critical() && !is_known;
        match one.id {
            [0x55, 0x1d, 14] => self.key_id = raw::octet_string(value).filter(filled),
            [0x55, 0x1d, 15] => self.usage = raw::key_usage(value).map(Some).ok_or(()),
            [0x55, 0x1d, 17] => {
                self.names = raw::general_names(value).ok_or("ASN1 parser: Error in TAG.")?;
                let is_empty = |(tag, name): &RawName| *tag == 2 && name.is_empty();
                if self.names.iter().any(is_empty) {
                    return Err("Unknown Subject Alternative name in X.509 certificate.");
                }
            }
            [0x55, 0x1d, 19] => {
                self.authority = match raw::basic_constraints(value) {
                    Some(basic) if basic.is_ca => match basic.length.map(raw::small_number) {
                        Some(None) => Authority::No,
                        // One below zero is none.
                        length => Authority::Yes(
                            length
                                .flatten()
                                .and_then(|length| u64::try_from(length).ok()),
                        ),
                    },
                    _ => Authority::No,
                };
            }
            [0x55, 0x1d, 30] => self.constraints = raw::subtrees(value).map(Some).ok_or(()),
            [0x55, 0x1d, 35] => {
                let ids = raw::authority_key_id(value).unwrap_or_default();
                [self.issuer_key_id, _, _] = ids;
                self.issuer_key_id = self.issuer_key_id.filter(filled);
            }
            [0x55, 0x1d, 37] => self.usages = raw::identifiers(value).map(Some).ok_or(()),
            // Among the TLS features status_request, which is 5 (RFC 7633).
            [0x2b, 6, 1, 5, 5, 7, 1, 24] => {
                let features = raw::elements(value);
                let list = features.first().map_or(&[][..], |(_, content)| content);
                self.must_staple = raw::elements(list).contains(&(2, &[5]));
            }
            _ => {}
        }
        Ok(())
    }

    pub(super) fn is_self_issued(&self) -> bool {
        self.has_issued(self)
    }

    /// By the name, and by the identifier of the key where both have one.
    pub(super) fn has_issued(&self, child: &Self) -> bool {
        let ids = (self.key_id, child.issuer_key_id);
        self.subject == child.issuer && !matches!(ids, (Some(own), Some(asked)) if own != asked)
    }

    pub(super) fn has_key_of(&self, other: &Self) -> bool {
        self.parsed.der() == other.parsed.der()
            || (self.subject == other.subject && self.raw.spki == other.raw.spki)
    }
}

fn time(time: RawTime) -> Result<i64, &'static str> {
    let text = time.text;
    if text.contains(&b'.') {
        return Err("Error in the time fields of certificate.");
    }
    time.seconds(FORMS).ok_or(NOT_ITS_TIME)
}
