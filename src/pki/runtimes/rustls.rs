//! rustls with its verifier webpki, which is linked in here: it is asked itself, and the sentence
//! is its own.

use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::client::verify_server_name;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate as RustlsCertificate;
use rustls::{CertificateError, Error, RootCertStore};

use super::{RuntimeAnswer, RuntimeQuestion};
use crate::parse::x509::{CertificateFault, ParsedCertificate};
use crate::pki::Purpose;

/// The crate that does the cryptography for rustls; its algorithms decide too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RustlsProvider {
    Ring,
    AwsLc,
}

/// The verdict of rustls.
pub(super) fn ask(question: &RuntimeQuestion, provider: RustlsProvider) -> RuntimeAnswer {
    if question.purpose == Purpose::Client {
        return RuntimeAnswer::Lacks("client certificates as rustls verifies them".to_owned());
    }
    match verify(question) {
        Ok(()) => RuntimeAnswer::Accepted,
        Err(error) if provider == RustlsProvider::AwsLc && is_of_algorithm(&error) => {
            RuntimeAnswer::Lacks(
                "the signatures that aws-lc-rs verifies and ring does not".to_owned(),
            )
        }
        Err(error) => RuntimeAnswer::Refused(error.to_string()),
    }
}

/// Whether it takes a certificate out of a bundle.
///
/// # Errors
/// Its own sentence.
pub(super) fn takes(certificate: &ParsedCertificate) -> Result<(), String> {
    let der = CertificateDer::from(certificate.der());
    RootCertStore::empty()
        .add(der)
        .map_err(|error| error.to_string())
}

fn verify(question: &RuntimeQuestion) -> Result<(), Error> {
    let mut roots = RootCertStore::empty();
    for root in question.roots {
        // One that it does not read is passed over (`add_parsable_certificates`).
        let _ = roots.add(CertificateDer::from(root.der()));
    }
    let mut chain = question.chain.iter().map(|one| as_sent(one));
    let leaf = match (chain.next(), question.chain.is_empty()) {
        (Some(leaf), _) => leaf,
        (None, _) if question.unreadable.is_some() => {
            return Err(CertificateError::BadEncoding.into());
        }
        (None, _) => return Err(Error::NoCertificatesPresented),
    };
    let between: Vec<CertificateDer> = chain.collect();
    let leaf = RustlsCertificate::try_from(&leaf)?;
    let since = question.now.duration_since(std::time::UNIX_EPOCH);
    let provider = rustls::crypto::ring::default_provider();
    verify_server_cert_signed_by_trust_anchor(
        &leaf,
        &roots,
        &between,
        UnixTime::since_unix_epoch(since.unwrap_or_default()),
        provider.signature_verification_algorithms.all,
    )?;
    match question.server_name {
        Some(host) => {
            let name = ServerName::try_from(host)
                .map_err(|_| Error::General("invalid dns name".to_owned()))?;
            verify_server_name(&leaf, &name)
        }
        None => Ok(()),
    }
}

/// With as many bytes behind it as the server sent.
fn as_sent(certificate: &ParsedCertificate) -> CertificateDer<'_> {
    let trailing = certificate.faults.iter().find_map(|fault| match fault {
        CertificateFault::TrailingBytes(bytes) => Some(*bytes),
        _ => None,
    });
    match trailing {
        None => CertificateDer::from(certificate.der()),
        Some(bytes) => CertificateDer::from([certificate.der(), &vec![0; bytes]].concat()),
    }
}

/// Whether another provider may know more.
fn is_of_algorithm(error: &Error) -> bool {
    #[expect(deprecated, reason = "older versions of webpki return it")]
    let of_algorithm = matches!(
        error,
        Error::InvalidCertificate(
            CertificateError::UnsupportedSignatureAlgorithm
                | CertificateError::UnsupportedSignatureAlgorithmContext { .. }
                | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. }
        )
    );
    of_algorithm
}
