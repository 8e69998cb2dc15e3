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
    asked.err().and_then(|error| of_error(leaf, error))
}

fn of_error(leaf: &Member, error: Error) -> Option<ChainFinding> {
    match error {
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
