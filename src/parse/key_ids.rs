//! The identifiers by which a certificate names its own key and that of its issuer.

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer;

/// Both, where they are there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct KeyIds {
    /// `subjectKeyIdentifier`: of its own key.
    pub subject: Option<Vec<u8>>,
    /// `authorityKeyIdentifier`: of the key that signed it.
    pub authority: Option<Vec<u8>>,
}

/// Reads them; of what is no certificate there are none.
#[must_use]
pub(crate) fn key_ids(der: &[u8]) -> KeyIds {
    let mut found = KeyIds::default();
    let Ok((_, certificate)) = X509Certificate::from_der(der) else {
        return found;
    };
    for extension in certificate.extensions() {
        match extension.parsed_extension() {
            ParsedExtension::SubjectKeyIdentifier(id) => found.subject = Some(id.0.to_vec()),
            ParsedExtension::AuthorityKeyIdentifier(id) => {
                found.authority = id.key_identifier.as_ref().map(|id| id.0.to_vec());
            }
            _ => {}
        }
    }
    found
}
