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

/// `MAX_NC_CHECKS`.
const COMPARISONS_MAX: usize = 1 << 20;

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
    let comparisons = bases().count().saturating_mul(leaf.names.len());
    comparisons > COMPARISONS_MAX
        || constrained_names(leaf)
            .iter()
            .any(|(tag, value)| !is_allowed(*tag, value, permitted, excluded))
}

/// `gnutls_x509_name_constraints_check`.
fn is_allowed(tag: u8, value: &[u8], permitted: &[RawName], excluded: &[RawName]) -> bool {
    // An address is compared with networks of its own length alone.
    let counts =
        |(other, base): &&RawName| *other == tag && (tag != 7 || base.len() / 2 == value.len());
    let forbids = |(_, base): &RawName| (tag != 7 && base.is_empty()) || within(tag, value, base);
    if excluded.iter().filter(counts).any(forbids) {
        return false;
    }
    // An empty one permits nothing and forbids nothing.
    let filled = |(_, base): &&RawName| !base.is_empty();
    let mut permitting = permitted.iter().filter(counts).filter(filled).peekable();
    permitting.peek().is_none() || permitting.any(|(_, base)| within(tag, value, base))
}

fn within(tag: u8, value: &[u8], base: &[u8]) -> bool {
    if tag == 7 {
        return names::ip_within(value, base);
    }
    let (value, base) = (value.to_ascii_lowercase(), base.to_ascii_lowercase());
    let domain = base.strip_prefix(b".").unwrap_or(&base);
    let is_below = |before: &[u8]| match tag {
        1 => !before.is_empty() && (domain.len() < base.len() || before.ends_with(b"@")),
        _ => before.ends_with(b"."),
    };
    let suffix = if tag == 1 { &base } else { domain };
    value == base || value.strip_suffix(suffix).is_some_and(is_below)
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
