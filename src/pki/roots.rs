//! The authorities that are trusted.

use std::sync::Arc;

use rustls::pki_types::{CertificateDer, Der, TrustAnchor};

use super::member::Member;
use super::terms;
use crate::parse::x509::{self, ParsedCertificate};

/// Trusted authorities.
#[derive(Debug, Clone, Default)]
pub struct Roots(Source);

#[derive(Debug, Clone)]
enum Source {
    /// They are in the program's own constants: nothing is built.
    Mozilla,
    These {
        roots: Vec<Root>,
        /// All of them, those of which no anchor can be made too.
        certificates: Vec<Arc<ParsedCertificate>>,
    },
}

impl Default for Source {
    fn default() -> Self {
        Self::These {
            roots: Vec::new(),
            certificates: Vec::new(),
        }
    }
}

#[derive(Debug, Clone)]
struct Root {
    certificate: Arc<ParsedCertificate>,
    anchor: TrustAnchor<'static>,
}

impl Roots {
    /// Mozilla's, as built in.
    #[must_use]
    pub fn mozilla() -> Self {
        Self(Source::Mozilla)
    }

    /// These certificates; an unreadable one loses none of the others.
    #[must_use]
    pub fn of(certificates: Vec<Arc<ParsedCertificate>>) -> Self {
        let roots = certificates.iter().filter_map(|certificate| {
            let anchor = anchor(certificate)?;
            Some(Root {
                certificate: Arc::clone(certificate),
                anchor,
            })
        });
        Self(Source::These {
            roots: roots.collect(),
            certificates,
        })
    }

    /// Whether there is no authority at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The certificates that are trusted; `None` for those that are built in.
    pub(super) fn certificates(&self) -> Option<&[Arc<ParsedCertificate>]> {
        match &self.0 {
            Source::Mozilla => None,
            Source::These { certificates, .. } => Some(certificates),
        }
    }

    pub(super) fn len(&self) -> usize {
        match &self.0 {
            Source::Mozilla => webpki_roots::TLS_SERVER_ROOTS.len(),
            Source::These { roots, .. } => roots.len(),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Anchor<'_>> {
        let (built_in, these) = match &self.0 {
            Source::Mozilla => (webpki_roots::TLS_SERVER_ROOTS, &[][..]),
            Source::These { roots, .. } => (&[][..], roots.as_slice()),
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
    pub(super) fn hold(&self, parsed: &Member) -> bool {
        self.named(parsed.subject)
            .any(|anchor| match anchor.certificate {
                Some(certificate) => certificate.der() == parsed.certificate.der(),
                None => anchor.trust.subject_public_key_info.as_ref() == parsed.spki,
            })
    }
}

/// One trusted authority.
#[derive(Debug, Clone, Copy)]
pub(super) struct Anchor<'a> {
    pub(super) trust: &'a TrustAnchor<'static>,
    /// Absent for those that are built in, of which only name and key are kept.
    pub(super) certificate: Option<&'a ParsedCertificate>,
}

impl Anchor<'_> {
    /// Its subject.
    pub(super) fn name(&self) -> String {
        match self.certificate {
            Some(certificate) => certificate.subject.clone(),
            None => x509::name_of_content(self.trust.subject.as_ref()).unwrap_or_default(),
        }
    }

    /// Its subject as it stands in a sentence.
    pub(super) fn title(&self) -> String {
        match self.certificate {
            Some(certificate) => terms::title(certificate),
            None => terms::clip(&self.name()),
        }
    }
}

/// What is trusted of a certificate. webpki's own reading comes first; what it finds odd is
/// trusted all the same, as other verifiers do.
fn anchor(parsed: &ParsedCertificate) -> Option<TrustAnchor<'static>> {
    let certificate = CertificateDer::from(parsed.der());
    if let Ok(anchor) = webpki::anchor_from_trusted_cert(&certificate) {
        return Some(anchor.to_owned());
    }
    parsed.can_be_judged().then(|| TrustAnchor {
        subject: Der::from(parsed.subject_der().to_vec()),
        subject_public_key_info: Der::from(parsed.spki_der().to_vec()),
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
}
