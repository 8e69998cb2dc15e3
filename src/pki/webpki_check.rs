//! The word of rustls-webpki on one path: what it does not verify is not called verified.
//!
//! Two of its limits are its own and no fault of a chain: it takes no CA certificate as a leaf,
//! and follows six intermediates at most, where OpenSSL and Go do more. There, the judge's own
//! checks, which cover every certificate, stand alone.

use std::time::{Duration, SystemTime};

use rustls::pki_types::{CertificateDer, UnixTime};
use webpki::{EndEntityCert, Error, KeyUsage};

use super::finding::{ChainFinding, Evidence};
use super::member::Member;
use super::path_builder::{CertPath, PathEnd};
use super::{Case, Purpose, algorithms, finding};

/// What webpki has against a path against which nothing else speaks.
pub(super) fn objection(case: &Case, path: &CertPath) -> Option<ChainFinding> {
    let PathEnd::Authority(anchor) = &path.end else {
        return None;
    };
    let mut members = path.indices.iter().filter_map(|at| case.chain.get(*at));
    let leaf = members.next()?;
    let leaf_der = CertificateDer::from(leaf.certificate.der());
    let between: Vec<CertificateDer> = members
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
    asked
        .err()
        .and_then(|error| of_error(case, path, leaf, error))
}

fn of_error(case: &Case, path: &CertPath, leaf: &Member, error: Error) -> Option<ChainFinding> {
    match error {
        // Each signature of the path was found to match, and each path length to be kept.
        Error::InvalidSignatureForPublicKey
        | Error::PathLenConstraintViolated
        | Error::UnknownIssuer
            if let Some(found) = self_issued_counted(case, path) =>
        {
            Some(found)
        }
        Error::BadDer
        | Error::BadDerTime
        | Error::ExtensionValueInvalid
        | Error::MalformedExtensions
        | Error::TrailingData(_) => Some(finding(None, Evidence::NotReadByWebpki(error))),
        Error::CaUsedAsEndEntity => {
            let title = leaf.title();
            Some(finding(leaf.place, Evidence::CaAsLeaf { title }))
        }
        Error::MaximumPathDepthExceeded => None,
        other => Some(finding(None, Evidence::RejectedByWebpki(other))),
    }
}

/// Before 1970 is 1970, when no certificate was valid either.
fn unix_time(at: SystemTime) -> UnixTime {
    let since = at.duration_since(SystemTime::UNIX_EPOCH);
    UnixTime::since_unix_epoch(since.unwrap_or(Duration::ZERO))
}

/// An issuer whose pathLenConstraint is kept only because self-issued certificates do not count
/// (RFC 5280 4.2.1.9).
fn self_issued_counted(case: &Case, path: &CertPath) -> Option<ChainFinding> {
    let PathEnd::Authority(anchor) = &path.end else {
        return None;
    };
    let authority = anchor
        .certificate
        .and_then(|certificate| Member::of(certificate, None));
    let served = path.indices.iter().filter_map(|at| case.chain.get(*at));
    let issuers = served.chain(&authority).enumerate().skip(1);
    issuers.into_iter().find_map(|(at, issuer)| {
        let allowed = issuer.certificate.path_length?;
        let counted = u32::try_from(at - 1).ok()?;
        (counted > allowed).then(|| {
            let title = issuer.title();
            finding(issuer.place, Evidence::SelfIssuedCounted { title, allowed })
        })
    })
}
