//! Whether the leaf is for the name that was asked for. webpki compares; this tells why not.

use core::net::IpAddr;

use rustls::pki_types::{CertificateDer, ServerName};
use webpki::{EndEntityCert, Error};

use super::member::Member;
use super::{Finding, finding, idn, words};
use crate::model::verdict::Problem;

/// What is wrong with the names of the leaf, for one who asked for this name or address.
pub(super) fn mismatch(leaf: &Member, asked: &str) -> Option<Finding> {
    let place = leaf.place;
    // A dot at the end is for resolvers, brackets are for URLs.
    let bare = asked.strip_suffix('.').unwrap_or(asked);
    let bare = bare
        .strip_prefix('[')
        .map_or(bare, |inside| inside.strip_suffix(']').unwrap_or(inside));
    let Some(ascii) = idn::to_ascii(bare) else {
        let says = format!(
            "cannot convert {} to its ASCII form; use its xn-- form",
            words::clip(asked)
        );
        return Some(finding(Problem::Unsupported, place, says));
    };
    let Ok(name) = ServerName::try_from(ascii.as_str()) else {
        let says = format!("{} is not a valid host name or address", words::clip(asked));
        return Some(finding(Problem::NameMismatch, place, says));
    };
    let der = CertificateDer::from(leaf.certificate.der());
    let compared =
        EndEntityCert::try_from(&der).map(|end| end.verify_is_valid_for_subject_name(&name));
    match compared {
        Ok(Ok(())) => None,
        Ok(Err(Error::CertNotValidForName(_))) => Some(told(leaf, asked, &ascii)),
        Ok(Err(error)) => {
            let says = format!("the names of {} cannot be read: {error:?}", leaf.title());
            Some(finding(Problem::Malformed, place, says))
        }
        Err(_) if listed(leaf, &name) => None,
        Err(_) => Some(told(leaf, asked, &ascii)),
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

fn told(leaf: &Member, asked: &str, ascii: &str) -> Finding {
    let offered = &leaf.certificate.subject_alternative_names;
    let shown = if asked.eq_ignore_ascii_case(ascii) {
        words::clip(asked)
    } else {
        format!("{} ({})", words::clip(asked), words::clip(ascii))
    };
    let says = if offered.is_empty() {
        format!("requested {shown}, but {} contains no names", leaf.title())
    } else {
        format!(
            "requested {shown}, but {} is valid for {}",
            leaf.title(),
            words::list(offered)
        )
    };
    let says = match hint(leaf, ascii) {
        Some(hint) => format!("{says}; {hint}"),
        None => says,
    };
    finding(Problem::NameMismatch, leaf.place, says)
}

/// Why a name that looks right is not.
fn hint(leaf: &Member, asked: &str) -> Option<String> {
    let offered = &leaf.certificate.subject_alternative_names;
    if asked.parse::<IpAddr>().is_ok() {
        let as_name = offered
            .iter()
            .any(|name| name.strip_prefix("DNS:") == Some(asked));
        return as_name.then(|| {
            "the address is listed as a DNS name, but must be listed as an IP address".to_owned()
        });
    }
    let wildcards = offered.iter().filter_map(|name| name.strip_prefix("DNS:"));
    for wildcard in wildcards.filter(|name| name.contains('*')) {
        let Some(parent) = wildcard.strip_prefix("*.") else {
            if fits_in_part(wildcard, asked) {
                return Some(format!(
                    "the wildcard in {} is only part of a label, which only OpenSSL accepts",
                    words::clip(wildcard)
                ));
            }
            continue;
        };
        let below = asked.to_ascii_lowercase();
        let parent = parent.to_ascii_lowercase();
        let below = below.strip_suffix(&parent);
        if below == Some("") || below.is_some_and(|below| below.ends_with('.')) {
            return Some(format!(
                "the wildcard in {} matches exactly one label",
                words::clip(wildcard)
            ));
        }
    }
    let mut common_names = leaf.certificate.common_names.iter();
    let in_subject = common_names.any(|name| name.eq_ignore_ascii_case(asked));
    in_subject.then(|| {
        "the name is only in the subject's CN, which Go, browsers and rustls ignore".to_owned()
    })
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
