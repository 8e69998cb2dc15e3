//! The word of rustls-webpki on one path: what it does not verify is not called verified.
//!
//! Two of its limits are its own and no fault of a chain: it takes no CA certificate as a leaf,
//! and follows six intermediates at most, where OpenSSL and Go do more. There, the judge's own
//! checks, which cover every certificate, stand alone.

use std::time::{Duration, SystemTime};

use rustls::pki_types::{CertificateDer, UnixTime};
use webpki::{EndEntityCert, Error, KeyUsage};

use super::path_builder::{CertPath, PathEnd};
use super::{Case, Finding, Purpose, algorithms, finding};
use crate::model::verdict::Problem;

/// What webpki has against a path against which nothing else speaks.
pub(super) fn objection(case: &Case, path: &CertPath) -> Option<Finding> {
    let PathEnd::Authority(anchor) = &path.end else {
        return None;
    };
    let mut path = path.indices.iter().filter_map(|at| case.chain.get(*at));
    let leaf = path.next()?;
    let leaf_der = CertificateDer::from(leaf.certificate.der());
    let between: Vec<CertificateDer> = path
        .map(|parsed| CertificateDer::from(parsed.certificate.der()))
        .collect();
    let anchors = [anchor.trust.clone()];
    let asked = EndEntityCert::try_from(&leaf_der).and_then(|end| {
        end.verify_for_usage(
            &algorithms::all(),
            &anchors,
            &between,
            unix_time(case.question.now),
            match case.question.purpose {
                Purpose::Server => KeyUsage::server_auth(),
                Purpose::Client => KeyUsage::client_auth(),
            },
            None,
            None,
        )
        .map(|_| ())
    });
    asked.err().and_then(|error| told(case, &error))
}

fn told(case: &Case, error: &Error) -> Option<Finding> {
    let leaf = case.chain.first()?;
    let (problem, says) = match error {
        Error::CaUsedAsEndEntity => {
            let says = format!(
                "{} is a CA certificate; rustls rejects it as a server certificate, OpenSSL and \
                 Go accept it",
                leaf.title()
            );
            return Some(Finding {
                fatal: false,
                ..finding(Problem::NotForServers, leaf.place, says)
            });
        }
        Error::MaximumPathDepthExceeded => return None,
        Error::UnsupportedCertVersion => (
            Problem::Unsupported,
            "a certificate in the chain is older than X.509 version 3".to_owned(),
        ),
        // The usual kinds were compared already.
        Error::NameConstraintViolation => (
            Problem::Unsupported,
            "an issuer has nameConstraints of a type that spyhole does not support".to_owned(),
        ),
        Error::UnsupportedCriticalExtension => (
            Problem::Unsupported,
            "a certificate in the chain has a critical extension that spyhole does not support"
                .to_owned(),
        ),
        Error::UnsupportedSignatureAlgorithmContext(_)
        | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => (
            Problem::Unsupported,
            "a certificate in the chain is signed with an algorithm that spyhole does not \
             support"
                .to_owned(),
        ),
        Error::MaximumSignatureChecksExceeded
        | Error::MaximumPathBuildCallsExceeded
        | Error::MaximumNameConstraintComparisonsExceeded => (
            Problem::Unsupported,
            "the chain is too complex to verify".to_owned(),
        ),
        Error::InvalidSignatureForPublicKey => (
            Problem::BadSignature,
            "a signature in the chain does not match".to_owned(),
        ),
        Error::PathLenConstraintViolated | Error::EndEntityUsedAsCa => (
            Problem::IssuerNotCa,
            format!("an issuer in the chain may not issue it ({error:?})"),
        ),
        Error::RequiredEkuNotFoundContext(_) | Error::EmptyEkuExtension => (
            Problem::NotForServers,
            "a certificate in the chain is not valid for servers (extendedKeyUsage)".to_owned(),
        ),
        other => (
            Problem::Malformed,
            format!("the chain violates the rules of X.509: {other:?}"),
        ),
    };
    Some(finding(problem, None, says))
}

/// Before 1970 is 1970, when no certificate was valid either.
fn unix_time(at: SystemTime) -> UnixTime {
    let since = at.duration_since(SystemTime::UNIX_EPOCH);
    UnixTime::since_unix_epoch(since.unwrap_or(Duration::ZERO))
}
