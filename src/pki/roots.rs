//! The authorities that are trusted.

use rustls::pki_types::{CertificateDer, Der, TrustAnchor};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::x509::X509Name;

use super::parsed::ParsedCertificate;
use super::words;
use crate::model::certificate::Certificate;
use crate::parse::signed::content;
use crate::parse::x509;

/// Trusted authorities.
#[derive(Debug, Clone, Default)]
pub struct Roots(Source);

#[derive(Debug, Clone)]
enum Source {
    /// They are in the program's own constants: nothing is built.
    Mozilla,
    These(Vec<Root>),
}

impl Default for Source {
    fn default() -> Self {
        Self::These(Vec::new())
    }
}

#[derive(Debug, Clone)]
struct Root {
    certificate: Certificate,
    anchor: TrustAnchor<'static>,
}

impl Roots {
    /// Mozilla's, as built in.
    #[must_use]
    pub fn mozilla() -> Self {
        Self(Source::Mozilla)
    }

    /// These certificates; one that nobody can read loses none of the others.
    #[must_use]
    pub fn of(certificates: Vec<Certificate>) -> Self {
        let roots = certificates.into_iter().filter_map(|certificate| {
            let anchor = anchor(&certificate.der)?;
            Some(Root {
                certificate,
                anchor,
            })
        });
        Self(Source::These(roots.collect()))
    }

    /// Whether there is no authority at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn len(&self) -> usize {
        match &self.0 {
            Source::Mozilla => webpki_roots::TLS_SERVER_ROOTS.len(),
            Source::These(roots) => roots.len(),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Anchor<'_>> {
        let (built_in, these) = match &self.0 {
            Source::Mozilla => (webpki_roots::TLS_SERVER_ROOTS, &[][..]),
            Source::These(roots) => (&[][..], roots.as_slice()),
        };
        let built_in = built_in.iter().map(|trust| Anchor {
            trust,
            certificate: None,
        });
        let these = these.iter().map(|root| Anchor {
            trust: &root.anchor,
            certificate: Some(&root.certificate),
        });
        built_in.chain(these)
    }

    /// Those whose subject is this name, by its bytes without the header.
    pub(super) fn named(&self, name: &[u8]) -> impl Iterator<Item = Anchor<'_>> {
        self.iter()
            .filter(move |anchor| anchor.trust.subject.as_ref() == name)
    }

    /// Whether this very certificate is trusted.
    pub(super) fn hold(&self, parsed: &ParsedCertificate) -> bool {
        self.named(parsed.subject)
            .any(|anchor| match anchor.certificate {
                Some(certificate) => certificate.der == parsed.certificate.der,
                None => anchor.trust.subject_public_key_info.as_ref() == parsed.spki,
            })
    }
}

/// One trusted authority.
#[derive(Debug, Clone, Copy)]
pub(super) struct Anchor<'a> {
    pub(super) trust: &'a TrustAnchor<'static>,
    /// Absent for those that are built in, of which only name and key are kept.
    pub(super) certificate: Option<&'a Certificate>,
}

impl Anchor<'_> {
    /// Its subject.
    pub(super) fn name(&self) -> String {
        match self.certificate {
            Some(certificate) => certificate.subject.clone(),
            None => written(self.trust.subject.as_ref()).unwrap_or_default(),
        }
    }

    /// Its subject as it stands in a sentence.
    pub(super) fn title(&self) -> String {
        match self.certificate {
            Some(certificate) => words::title(certificate),
            None => words::clip(&self.name()),
        }
    }
}

/// A name whose header was left out.
fn written(content: &[u8]) -> Option<String> {
    let mut der = vec![0x30];
    // The shortest form of the length, as DER asks for.
    match u16::try_from(content.len()).ok()?.to_be_bytes() {
        [0, length @ ..0x80] => der.push(length),
        [0, length] => der.extend([0x81, length]),
        [high, low] => der.extend([0x82, high, low]),
    }
    der.extend(content);
    let (_, name) = X509Name::from_der(&der).ok()?;
    Some(x509::name(&name))
}

/// What is trusted of a certificate. webpki's own reading comes first; what it finds odd is
/// trusted all the same, as other verifiers do.
fn anchor(der: &[u8]) -> Option<TrustAnchor<'static>> {
    let certificate = CertificateDer::from(der);
    if let Ok(anchor) = webpki::anchor_from_trusted_cert(&certificate) {
        return Some(anchor.to_owned());
    }
    let (_, odd) = X509Certificate::from_der(der).ok()?;
    let subject = content(odd.subject().as_raw())?.to_vec();
    let key = content(odd.public_key().raw)?.to_vec();
    Some(TrustAnchor {
        subject: Der::from(subject),
        subject_public_key_info: Der::from(key),
        name_constraints: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_authority_of_mozilla_has_a_name() {
        let roots = Roots::mozilla();
        assert!(roots.len() > 100, "{}", roots.len());
        for anchor in roots.iter() {
            assert!(anchor.name().contains('='), "{anchor:?}");
        }
        let isrg = roots
            .iter()
            .any(|anchor| anchor.name().contains("CN=ISRG Root X1"));
        assert!(isrg, "Let's Encrypt's root is gone");
    }

    #[test]
    fn long_names_are_written_too() {
        // An RDN of one printable string under commonName, as long as asked for.
        let common_name = |length: usize| {
            let mut value = vec![0x13];
            wrap(&mut value, &vec![b'a'; length]);
            let attribute = [&[6, 3, 0x55, 4, 3], value.as_slice()].concat();
            let mut sequence = vec![0x30];
            wrap(&mut sequence, &attribute);
            let mut set = vec![0x31];
            wrap(&mut set, &sequence);
            set
        };
        for length in [1, 100, 117, 118, 200, 245, 300, 5_000] {
            let expected = format!("CN={}", "a".repeat(length));
            assert_eq!(written(&common_name(length)), Some(expected), "{length}");
        }
    }

    fn wrap(der: &mut Vec<u8>, content: &[u8]) {
        match u16::try_from(content.len()).unwrap().to_be_bytes() {
            [0, length @ ..0x80] => der.push(length),
            [0, length] => der.extend([0x81, length]),
            [high, low] => der.extend([0x82, high, low]),
        }
        der.extend(content);
    }
}
