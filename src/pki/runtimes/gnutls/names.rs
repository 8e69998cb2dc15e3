//! `gnutls_x509_crt_check_hostname2`, and nameConstraints as `GnuTLS` compares them.

use super::certificate::GnutlsCertificate;
use crate::parse::x509::raw::RawName;
use crate::pki::runtimes::distinguished::common_names;
use crate::pki::runtimes::names::{self, WildcardRules};

const WILDCARDS: WildcardRules = WildcardRules {
    is_partial: false,
    underscore: true,
};

/// Whether the leaf has the name of the host.
pub(super) fn host_matches(leaf: &GnutlsCertificate, host: &str) -> bool {
    if let Ok(address) = host.parse::<core::net::IpAddr>() {
        let wanted = names::octets(address);
        let mut addresses = leaf.names.iter().filter(|(tag, _)| *tag == 7);
        return addresses.any(|(_, bytes)| *bytes == wanted);
    }
    let listed: Vec<String> = leaf
        .names
        .iter()
        .filter(|(tag, _)| *tag == 2)
        .map(|(_, name)| String::from_utf8_lossy(name).into_owned())
        .collect();
    let fits = |name: &String| names::host_fits(name, host, WILDCARDS);
    if !listed.is_empty() {
        return listed.iter().any(fits);
    }
    // More than one common name is none.
    match common_names(leaf.raw.subject).as_slice() {
        [name] => fits(name),
        _ => false,
    }
}

/// Whether the constraints of an issuer forbid a name of the leaf.
pub(super) fn are_forbidden(leaf: &GnutlsCertificate, issuer: &GnutlsCertificate) -> bool {
    let Ok(Some([permitted, excluded])) = &issuer.constraints else {
        return false;
    };
    let bases = || permitted.iter().chain(excluded);
    let is_masked = |base: &[u8]| names::is_prefix_mask(base);
    if bases().any(|(tag, base)| matches!(tag, 0 | 8) || (*tag == 7 && !is_masked(base))) {
        return true;
    }
    // Of directory names and URIs only whether they are excluded is looked at.
    let has_uri = leaf.names.iter().any(|(tag, _)| *tag == 6);
    if excluded
        .iter()
        .any(|(tag, _)| *tag == 4 || (*tag == 6 && has_uri))
    {
        return true;
    }
    constrained_names(leaf).iter().any(|(tag, value)| {
        let own = |trees: &[RawName]| -> Vec<bool> {
            let trees = trees.iter().filter(|(other, _)| other == tag);
            trees.map(|(_, base)| within(*tag, value, base)).collect()
        };
        let (permitted, excluded) = (own(permitted), own(excluded));
        excluded.contains(&true) || (!permitted.is_empty() && !permitted.contains(&true))
    })
}

fn within(tag: u8, value: &[u8], base: &[u8]) -> bool {
    match tag {
        1 => names::email_within(value, base),
        2 => names::dns_within(value, base, false),
        7 => names::ip_within(value, base),
        _ => true,
    }
}

fn constrained_names(leaf: &GnutlsCertificate) -> Vec<(u8, Vec<u8>)> {
    let mut found: Vec<(u8, Vec<u8>)> = leaf
        .names
        .iter()
        .filter(|(tag, _)| matches!(tag, 1 | 2 | 7))
        .map(|(tag, value)| (*tag, value.to_vec()))
        .collect();
    if !found.iter().any(|(tag, _)| *tag == 2) {
        let common = common_names(leaf.raw.subject);
        if let [name] = common.as_slice() {
            found.push((2, name.clone().into_bytes()));
        }
    }
    found
}
