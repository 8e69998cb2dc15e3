//! A certificate of a path: what was parsed of it, with the bytes that are compared and checked.

use super::terms;
use crate::parse::signed::Signed;
use crate::parse::x509::ParsedCertificate;

/// One certificate of a path.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member<'a> {
    /// Its place in the served chain; absent for a trusted authority.
    pub(super) place: Option<u32>,
    pub(super) certificate: &'a ParsedCertificate,
    pub(super) signed: Signed<'a>,
    /// The names and the key, each without its header.
    pub(super) subject: &'a [u8],
    pub(super) issuer: &'a [u8],
    pub(super) spki: &'a [u8],
}

impl<'a> Member<'a> {
    /// `None` where a field is missing that every verifier needs.
    pub(super) fn of(certificate: &'a ParsedCertificate, place: Option<u32>) -> Option<Self> {
        if !certificate.can_be_judged() {
            return None;
        }
        Some(Self {
            place,
            certificate,
            signed: certificate.signed()?,
            subject: certificate.subject_der(),
            issuer: certificate.issuer_der(),
            spki: certificate.spki_der(),
        })
    }

    /// Its subject as it stands in a sentence.
    pub(super) fn title(&self) -> String {
        terms::title(self.certificate)
    }

    /// Whether it says that it issued itself.
    pub(super) fn self_issued(&self) -> bool {
        self.subject == self.issuer
    }

    /// Whether both are of one name and one key: another certificate for the same authority.
    pub(super) fn same_holder(&self, other: &Member) -> bool {
        self.subject == other.subject && self.spki == other.spki
    }

    /// Where the issuer's certificate can be had, as it says itself.
    pub(super) fn issuer_url(&self) -> Option<String> {
        self.certificate.issuer_url.as_deref().map(terms::clip)
    }

    /// The identifier that it gives its own key.
    pub(super) fn key_id(&self) -> Option<&'a [u8]> {
        self.certificate.key_id.as_deref()
    }

    /// The identifier of the key that it says it was signed with.
    pub(super) fn issuer_key_id(&self) -> Option<&'a [u8]> {
        self.certificate.issuer_key_id.as_deref()
    }
}
