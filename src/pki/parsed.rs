//! A certificate opened for judging: its parts as bytes, beside what the model tells of it.

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension, X509Extension};
use x509_parser::prelude::FromDer;

use super::words;
use crate::model::certificate::Certificate;
use crate::parse::signed::{Signed, content};

/// `id-ad-caIssuers`: where the issuer's certificate can be had.
const CA_ISSUERS: &str = "1.3.6.1.5.5.7.48.2";

/// One certificate of a path.
#[derive(Debug)]
pub(super) struct ParsedCertificate<'a> {
    /// Its place in the served chain; absent for a trusted authority.
    pub(super) place: Option<u32>,
    pub(super) certificate: &'a Certificate,
    pub(super) x509: X509Certificate<'a>,
    pub(super) signed: Signed<'a>,
    /// The names and the key, each without its header.
    pub(super) subject: &'a [u8],
    pub(super) issuer: &'a [u8],
    pub(super) spki: &'a [u8],
}

impl<'a> ParsedCertificate<'a> {
    /// `None` where its DER is no certificate.
    pub(super) fn open(certificate: &'a Certificate, place: Option<u32>) -> Option<Self> {
        let der = certificate.der.as_slice();
        let signed = Signed::read(der).ok()?;
        let (_, x509) = X509Certificate::from_der(der).ok()?;
        Some(Self {
            place,
            certificate,
            subject: content(x509.tbs_certificate.subject.as_raw())?,
            issuer: content(x509.tbs_certificate.issuer.as_raw())?,
            spki: content(x509.tbs_certificate.subject_pki.raw)?,
            signed,
            x509,
        })
    }

    /// Its subject as it stands in a sentence.
    pub(super) fn title(&self) -> String {
        words::title(self.certificate)
    }

    /// Whether it says that it issued itself.
    pub(super) fn self_issued(&self) -> bool {
        self.subject == self.issuer
    }

    /// Whether both are of one name and one key: another certificate for the same authority.
    pub(super) fn same_holder(&self, other: &ParsedCertificate) -> bool {
        self.subject == other.subject && self.spki == other.spki
    }

    /// Where the issuer's certificate can be had, as it says itself.
    pub(super) fn issuer_url(&self) -> Option<String> {
        let found = self.extensions().find_map(|parsed| match parsed {
            ParsedExtension::AuthorityInfoAccess(access) => access
                .iter()
                .filter(|one| one.access_method.to_id_string() == CA_ISSUERS)
                .find_map(|one| match &one.access_location {
                    GeneralName::URI(url) => Some(*url),
                    _ => None,
                }),
            _ => None,
        });
        found.map(words::clip)
    }

    /// The identifier that it gives its own key.
    pub(super) fn key_id(&self) -> Option<&[u8]> {
        self.extensions().find_map(|parsed| match parsed {
            ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0),
            _ => None,
        })
    }

    /// The identifier of the key that it says it was signed with.
    pub(super) fn issuer_key_id(&self) -> Option<&[u8]> {
        self.extensions().find_map(|parsed| match parsed {
            ParsedExtension::AuthorityKeyIdentifier(id) => {
                id.key_identifier.as_ref().map(|id| id.0)
            }
            _ => None,
        })
    }

    pub(super) fn extensions(&self) -> impl Iterator<Item = &ParsedExtension<'a>> {
        self.x509
            .extensions()
            .iter()
            .map(X509Extension::parsed_extension)
    }
}
