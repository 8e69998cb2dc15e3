//! sun.security.util.HostnameChecker, and nameConstraints as sun.security.x509 compares them.

use super::Stop;
use super::certificate::JavaCertificate;
use crate::parse::x509::raw::RawName;
use crate::pki::idn::to_unicode;
use crate::pki::runtimes::distinguished::{common_names, name_within};
use crate::pki::runtimes::names;

/// Whether the leaf has the name of the host.
///
/// # Errors
/// Java's sentence.
pub(super) fn identity(leaf: &JavaCertificate, host: &str) -> Result<(), String> {
    if let Ok(address) = host.parse::<core::net::IpAddr>() {
        let Some(own) = &leaf.names else {
            return Err("No subject alternative names present".to_owned());
        };
        let wanted = names::octets(address);
        let mut addresses = own.iter().filter(|(tag, _)| *tag == 7);
        if addresses.any(|(_, bytes)| names::same_address(bytes, &wanted)) {
            return Ok(());
        }
        return Err(format!(
            "No subject alternative names matching IP address {host} found"
        ));
    }
    if !is_host_name(host) {
        return Err(format!("Illegal given domain name: {host}"));
    }
    let own = leaf.names.iter().flatten().filter(|(tag, _)| *tag == 2);
    let listed: Vec<String> = own
        .map(|(_, name)| String::from_utf8_lossy(name).into_owned())
        .collect();
    if !listed.is_empty() {
        let fits = listed.iter().any(|name| matches(host, name));
        let none = || format!("No subject alternative DNS name matching {host} found.");
        return fits.then_some(()).ok_or_else(none);
    }
    let common = common_names(leaf.raw.subject).pop();
    let fits = common.is_some_and(|name| matches(host, &name));
    fits.then_some(())
        .ok_or_else(|| format!("No name matching {host} found"))
}

/// What `SNIHostName` takes: letters, digits and hyphens (`IDN.USE_STD3_ASCII_RULES`).
fn is_host_name(name: &str) -> bool {
    let is_label = |label: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte >= 0x80;
        let at_hyphen = label.starts_with('-') || label.ends_with('-');
        (1..=63).contains(&label.len()) && label.bytes().all(plain) && !at_hyphen
    };
    !name.is_empty() && name.split('.').all(is_label)
}

fn matches(host: &str, template: &str) -> bool {
    // Both are compared in letters, where an asterisk may stand elsewhere than in punycode.
    let (host, template) = (&to_unicode(host), &to_unicode(template));
    // A wildcard needs a dot behind it. Whether a registry owns what follows is asked only below
    // the authorities of the JDK.
    let is_open = template
        .rsplit_once('*')
        .is_some_and(|(_, after)| !after.contains('.'));
    if is_open || !is_host_name(&template.replace('*', "z")) {
        return false;
    }
    let (host, template) = (host.to_ascii_lowercase(), template.to_ascii_lowercase());
    let (labels, parts): (Vec<&str>, Vec<&str>) =
        (host.split('.').collect(), template.split('.').collect());
    let mut pairs = labels.iter().zip(&parts);
    labels.len() == parts.len() && pairs.all(|(label, part)| label_matches(label, part))
}

fn label_matches(label: &str, template: &str) -> bool {
    let mut pieces = template.split('*');
    let last = pieces.next_back().unwrap_or_default();
    let mut rest = label;
    let mut is_first = true;
    for piece in pieces {
        let Some(at) = rest.find(piece).filter(|at| !is_first || *at == 0) else {
            return false;
        };
        is_first = false;
        rest = rest.get(at + piece.len()..).unwrap_or_default();
    }
    if is_first {
        return rest == last;
    }
    rest.ends_with(last)
}

/// The names of one certificate against the constraints of one above it.
pub(super) fn constraints(
    one: &JavaCertificate,
    [permitted, excluded]: &[Vec<RawName>; 2],
) -> Result<(), Stop> {
    let failed = || {
        let why = "java.security.cert.CertPathValidatorException: name constraints check failed";
        Stop::Refused(why.to_owned())
    };
    for (tag, value) in constrained_names(one) {
        // The first that holds it ends the search.
        let is_in = |trees: &[RawName]| -> Result<Option<bool>, Stop> {
            let mut found = None;
            for (_, base) in trees.iter().filter(|(other, _)| *other == tag) {
                if within(tag, &value, base)? {
                    return Ok(Some(true));
                }
                found = Some(false);
            }
            Ok(found)
        };
        if is_in(excluded)? == Some(true) || is_in(permitted)? == Some(false) {
            return Err(failed());
        }
    }
    Ok(())
}

fn within(tag: u8, value: &[u8], base: &[u8]) -> Result<bool, Stop> {
    Ok(match tag {
        2 if base.is_empty() => {
            return Err(Stop::Thrown("String index out of range: 0".to_owned()));
        }
        2 => dns_within(value, base),
        4 => name_within(value, base),
        7 => ip_within(value, base)?,
        8 if value == base => true,
        // UnsupportedOperationException.
        0 | 3 | 5 | 8 => {
            let why = "Unsupported handshake message: certificate";
            return Err(Stop::Thrown(why.to_owned()));
        }
        1 => names::email_within(value, base),
        6 => names::uri_within(value, base),
        _ => false,
    })
}

/// `IPAddressName.constrains`: also of a name that is a network itself, and by the bytes of the
/// network alone where the name is longer.
fn ip_within(value: &[u8], base: &[u8]) -> Result<bool, Stop> {
    if value == base || matches!(base.len(), 4 | 16) {
        return Ok(value == base);
    }
    let (network, mask) = base.split_at(base.len() / 2);
    if matches!(value.len(), 8 | 32) {
        let (own, own_mask) = value.split_at(value.len() / 2);
        let is_narrower = |(own, mask): (&u8, &u8)| own & mask == *mask;
        let is_in = names::ip_within(own, base);
        return Ok(is_in && own_mask.iter().zip(mask).all(is_narrower));
    }
    for (at, (byte, mask)) in network.iter().zip(mask).enumerate() {
        let Some(own) = value.get(at) else {
            let length = value.len();
            let why = format!("Index {at} out of bounds for length {length}");
            return Err(Stop::Thrown(why));
        };
        if own & mask != *byte {
            return Ok(false);
        }
    }
    Ok(true)
}

fn dns_within(name: &[u8], base: &[u8]) -> bool {
    let (name, base) = (name.to_ascii_lowercase(), base.to_ascii_lowercase());
    if name == base {
        return true;
    }
    let Some(before) = name.strip_suffix(base.as_slice()) else {
        return false;
    };
    before.ends_with(b".") != base.starts_with(b".")
}

/// The subject, its alternative names, and the most specific common name where no DNS name is
/// among them.
fn constrained_names(one: &JavaCertificate) -> Vec<(u8, Vec<u8>)> {
    let mut found = Vec::new();
    if !one.subject.is_empty() {
        found.push((4, one.raw.subject.to_vec()));
    }
    let listed = one.names.iter().flatten();
    found.extend(listed.clone().map(|(tag, value)| (*tag, value.to_vec())));
    if !listed.clone().any(|(tag, _)| *tag == 2)
        && let Some(name) = common_names(one.raw.subject).pop()
        && name.parse::<core::net::IpAddr>().is_err()
        && is_host_name(&name)
    {
        found.push((2, name.into_bytes()));
    }
    found
}
