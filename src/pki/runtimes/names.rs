//! Names and addresses as they are compared with each other and with constraints.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The bytes of an address.
pub(super) fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// Whether both are one address; an IPv4 address may be written as one of IPv6.
pub(super) fn same_address(one: &[u8], other: &[u8]) -> bool {
    plain(one) == plain(other)
}

fn plain(bytes: &[u8]) -> &[u8] {
    const MAPPED: &[u8] = &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
    match bytes.strip_prefix(MAPPED) {
        Some(rest) if bytes.len() == 16 => rest,
        _ => bytes,
    }
}

/// An address as text.
pub(super) fn address(bytes: &[u8]) -> String {
    if let Ok(four) = <[u8; 4]>::try_from(plain(bytes)) {
        return Ipv4Addr::from(four).to_string();
    }
    match <[u8; 16]>::try_from(bytes) {
        Ok(all) => Ipv6Addr::from(all).to_string(),
        Err(_) => data_encoding::HEXLOWER.encode(bytes),
    }
}

/// A network as text, with the length of its prefix.
pub(super) fn network(base: &[u8]) -> String {
    let (network, mask) = base.split_at(base.len() / 2);
    let ones: u32 = mask.iter().map(|byte| byte.count_ones()).sum();
    format!("{}/{ones}", address(network))
}

/// Whether the second half of a network is a mask whose ones all come first.
pub(super) fn is_prefix_mask(base: &[u8]) -> bool {
    let mask = base.get(base.len() / 2..).unwrap_or_default();
    let mut bits = mask
        .iter()
        .flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1));
    bits.by_ref().find(|bit| *bit == 0);
    matches!(base.len(), 8 | 32) && bits.all(|bit| bit == 0)
}

/// Whether an address is in a network, which is followed by its mask.
pub(super) fn ip_within(address: &[u8], base: &[u8]) -> bool {
    let (network, mask) = base.split_at(base.len() / 2);
    address.len() == network.len()
        && address
            .iter()
            .zip(network.iter().zip(mask))
            .all(|(byte, (other, mask))| byte & mask == other & mask)
}

/// Whether a DNS name is in a domain. A domain with a leading dot holds only what is below it.
/// `wild`: a wildcard is in a domain that it can become.
pub(super) fn dns_within(name: &[u8], base: &[u8], wild: bool) -> bool {
    let name = name.to_ascii_lowercase();
    let base = base.to_ascii_lowercase();
    let Some(below) = base.strip_prefix(b".") else {
        let is_in = |name: &[u8]| {
            base.is_empty()
                || name
                    .strip_suffix(base.as_slice())
                    .is_some_and(|rest| rest.is_empty() || rest.ends_with(b"."))
        };
        let grown = wild.then(|| name.strip_prefix(b"*.")).flatten();
        let becomes = grown.is_some_and(|parent| {
            let label = base
                .strip_suffix(parent)
                .and_then(|rest| rest.strip_suffix(b"."));
            label.is_some_and(|label| !label.contains(&b'.'))
        });
        return is_in(&name) || becomes;
    };
    name.strip_suffix(below)
        .is_some_and(|rest| rest.len() > 1 && rest.ends_with(b"."))
}

/// How a pattern is compared with a host, by OpenSSL and by `GnuTLS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WildcardRules {
    /// `g*.example.test`.
    pub(super) is_partial: bool,
    /// Whether what an asterisk stands for may hold an underscore.
    pub(super) underscore: bool,
}

/// Whether a name of a certificate is that of the host. A wildcard has to be in the first label
/// and to have two labels behind it.
pub(super) fn host_fits(pattern: &str, host: &str, rules: WildcardRules) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    if pattern.eq_ignore_ascii_case(host) {
        return true;
    }
    let (Some((first, rest)), Some((label, below))) =
        (pattern.split_once('.'), host.split_once('.'))
    else {
        return false;
    };
    let Some((before, after)) = first.split_once('*') else {
        return false;
    };
    let is_plain = |byte: u8| {
        byte.is_ascii_alphanumeric() || byte == b'-' || (byte == b'_' && rules.underscore)
    };
    let lower = label.to_ascii_lowercase();
    let middle = lower
        .strip_prefix(before.to_ascii_lowercase().as_str())
        .and_then(|rest| rest.strip_suffix(after.to_ascii_lowercase().as_str()));
    rest.eq_ignore_ascii_case(below)
        && !rest.contains('*')
        && !after.contains('*')
        && rest.contains('.')
        && (rules.is_partial || (before.is_empty() && after.is_empty()))
        && (first == "*" || !lower.starts_with("xn--"))
        && middle.is_some_and(|middle| !middle.is_empty() && middle.bytes().all(is_plain))
}

/// Whether the URI has a scheme, and a host that can be one.
pub(super) fn is_uri(value: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(value) else {
        return false;
    };
    let Some((scheme, rest)) = text.split_once(':') else {
        return false;
    };
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"<>\"{}|\\^`".contains(&byte);
    let brackets = rest.matches('[').count() == rest.matches(']').count();
    let named = scheme.starts_with(|one: char| one.is_ascii_alphabetic());
    named && brackets && rest.bytes().all(plain)
}

/// The host of a URI.
pub(super) fn host_of_uri(value: &[u8]) -> Option<&[u8]> {
    let text = std::str::from_utf8(value).ok()?;
    let (_, rest) = text.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    let host = host.split(':').next()?;
    (!host.is_empty()).then_some(host.as_bytes())
}

/// Whether an address of mail is in a constraint: a mailbox, a host, or what is below a domain
/// (RFC 5280 4.2.1.10).
pub(super) fn email_within(value: &[u8], base: &[u8]) -> bool {
    let lower = |bytes: &[u8]| String::from_utf8_lossy(bytes).to_ascii_lowercase();
    let (value, base) = (lower(value), lower(base));
    let Some((local, host)) = value.rsplit_once('@') else {
        return false;
    };
    match base.rsplit_once('@') {
        Some((of_base, wanted)) => of_base == local && wanted == host,
        None if base.starts_with('.') => host.ends_with(&base),
        None => host == base,
    }
}

/// Whether the host of a URI is in a constraint: a host, or what is below a domain.
pub(super) fn uri_within(value: &[u8], base: &[u8]) -> bool {
    let Some(host) = host_of_uri(value) else {
        return false;
    };
    let (host, base) = (host.to_ascii_lowercase(), base.to_ascii_lowercase());
    if base.starts_with(b".") {
        host.ends_with(&base)
    } else {
        host == base
    }
}
