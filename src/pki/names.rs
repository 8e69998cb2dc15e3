//! Compares the names of the leaf with the requested one. webpki compares; this finds why they differ.

use core::net::IpAddr;

use rustls::pki_types::{CertificateDer, ServerName};
use webpki::{EndEntityCert, Error};

use super::finding::{ChainFinding, Evidence, NameHint};
use super::member::Member;
use super::{finding, idn, terms};

/// What is wrong with the names of the leaf, for one who asked for this name or address.
pub(super) fn mismatch(leaf: &Member, asked: &str) -> Option<ChainFinding> {
    let place = leaf.place;
    // A dot at the end is for resolvers, brackets are for URLs.
    let bare = asked.strip_suffix('.').unwrap_or(asked);
    let bare = bare
        .strip_prefix('[')
        .map_or(bare, |inside| inside.strip_suffix(']').unwrap_or(inside));
    let Some(ascii) = idn::to_ascii(bare) else {
        let requested = terms::clip(asked);
        return Some(finding(place, Evidence::NameNotConverted { requested }));
    };
    let Ok(name) = ServerName::try_from(ascii.as_str()) else {
        let requested = terms::clip(asked);
        return Some(finding(place, Evidence::NameInvalid { requested }));
    };
    let der = CertificateDer::from(leaf.certificate.der());
    let compared =
        EndEntityCert::try_from(&der).map(|end| end.verify_is_valid_for_subject_name(&name));
    match compared {
        Ok(Ok(())) => None,
        Ok(Err(Error::CertNotValidForName(_))) => Some(differs(leaf, asked, &ascii)),
        Ok(Err(error)) => {
            let title = leaf.title();
            Some(finding(place, Evidence::NamesUnreadable { title, error }))
        }
        Err(_) if listed(leaf, &name) => None,
        Err(_) => Some(differs(leaf, asked, &ascii)),
    }
}

/// The same comparison for a leaf that webpki does not open, because of its version or of an
/// extension that has nothing to do with names.
fn listed(leaf: &Member, asked: &ServerName) -> bool {
    let mut offered = leaf.certificate.subject_alternative_names.iter();
    match asked {
        ServerName::DnsName(asked) => offered.any(|name| {
            let asked = asked.as_ref();
            let parent = asked.split_once('.').map(|(_, parent)| parent);
            name.strip_prefix("DNS:").is_some_and(|name| {
                name.eq_ignore_ascii_case(asked)
                    || name
                        .strip_prefix("*.")
                        .zip(parent)
                        .is_some_and(|(below, parent)| below.eq_ignore_ascii_case(parent))
            })
        }),
        ServerName::IpAddress(asked) => offered.any(|name| {
            let address = name.strip_prefix("IP:").and_then(|text| text.parse().ok());
            address == Some(IpAddr::from(*asked))
        }),
        _ => false,
    }
}

fn differs(leaf: &Member, asked: &str, ascii: &str) -> ChainFinding {
    let evidence = Evidence::NameMismatch {
        title: leaf.title(),
        requested: asked.to_owned(),
        ascii: ascii.to_owned(),
        offered: leaf.certificate.subject_alternative_names.clone(),
        hint: hint(leaf, ascii),
    };
    finding(leaf.place, evidence)
}

/// Why a name that looks right is not.
fn hint(leaf: &Member, asked: &str) -> Option<NameHint> {
    let offered = &leaf.certificate.subject_alternative_names;
    if asked.parse::<IpAddr>().is_ok() {
        let as_name = offered
            .iter()
            .any(|name| name.strip_prefix("DNS:") == Some(asked));
        return as_name.then_some(NameHint::AddressAsDnsName);
    }
    let wildcards = offered.iter().filter_map(|name| name.strip_prefix("DNS:"));
    for wildcard in wildcards.filter(|name| name.contains('*')) {
        let Some(parent) = wildcard.strip_prefix("*.") else {
            if fits_in_part(wildcard, asked) {
                return Some(NameHint::PartialWildcard(wildcard.to_owned()));
            }
            continue;
        };
        let below = asked.to_ascii_lowercase();
        let parent = parent.to_ascii_lowercase();
        let below = below.strip_suffix(&parent);
        if below == Some("") || below.is_some_and(|below| below.ends_with('.')) {
            return Some(NameHint::OneLabelWildcard(wildcard.to_owned()));
        }
    }
    let mut common_names = leaf.certificate.common_names.iter();
    let in_subject = common_names.any(|name| name.eq_ignore_ascii_case(asked));
    in_subject.then_some(NameHint::OnlyCommonName)
}

/// Whether the asterisk within the first label would make it fit.
fn fits_in_part(wildcard: &str, asked: &str) -> bool {
    let (Some((label, parent)), Some((asked_label, asked_parent))) =
        (wildcard.split_once('.'), asked.split_once('.'))
    else {
        return false;
    };
    let Some((before, after)) = label.split_once('*') else {
        return false;
    };
    parent.eq_ignore_ascii_case(asked_parent)
        && asked_label.len() >= before.len() + after.len()
        && asked_label.starts_with(before)
        && asked_label.ends_with(after)
}
