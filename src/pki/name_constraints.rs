//! Name constraints (RFC 5280 4.2.1.10): which names an issuer forbids to those below it.
//!
//! webpki checks them too, but stops at the first thing that is wrong; here they are reported beside
//! everything else. Kinds other than DNS names and addresses are left to webpki.

use super::finding::{ChainFinding, Constraint, Evidence};
use super::member::Member;
use super::{finding, terms};
use crate::parse::x509::NameForm;

/// Comparisons in one judgement: names times constraints, both of which a server chooses.
const COMPARISONS: usize = 100_000;

/// Names in a path that an issuer above them forbids.
pub(super) fn names(members: &[&Member]) -> Vec<ChainFinding> {
    let mut findings = Vec::new();
    let mut left = COMPARISONS;
    for (at, issuer) in members.iter().enumerate().skip(1) {
        let Some(constraints) = &issuer.certificate.name_constraints else {
            continue;
        };
        let (permitted, excluded) = (&constraints.permitted, &constraints.excluded);
        for parsed in members.iter().take(at) {
            let needed = permitted.len().saturating_add(excluded.len());
            let needed = needed.saturating_mul(parsed.certificate.host_names.len());
            let Some(rest) = left.checked_sub(needed) else {
                let evidence = Evidence::TooManyConstraints {
                    title: parsed.title(),
                    issuer: issuer.title(),
                };
                findings.push(finding(parsed.place, evidence));
                continue;
            };
            left = rest;
            let mut names = parsed.certificate.host_names.iter();
            let forbidden = names.find_map(|name| forbidden(name, permitted, excluded));
            if let Some((name, constraint)) = forbidden {
                let evidence = Evidence::ForbiddenName {
                    title: parsed.title(),
                    issuer: issuer.title(),
                    name,
                    constraint,
                };
                findings.push(finding(parsed.place, evidence));
            }
        }
    }
    findings
}

/// The name and the constraint that forbids it.
fn forbidden(
    name: &NameForm,
    permitted: &[NameForm],
    excluded: &[NameForm],
) -> Option<(String, Constraint)> {
    let shown = match name {
        NameForm::Dns(text) => terms::clip(text),
        NameForm::Ip(bytes) => address(bytes),
        NameForm::Other => return None,
    };
    if let Some(tree) = excluded.iter().find(|tree| within(name, tree, true)) {
        return Some((shown, Constraint::Excluded(base(tree))));
    }
    let of_kind: Vec<&NameForm> = permitted
        .iter()
        .filter(|tree| {
            matches!(
                (name, tree),
                (NameForm::Dns(_), NameForm::Dns(_)) | (NameForm::Ip(_), NameForm::Ip(_))
            )
        })
        .collect();
    if of_kind.is_empty() || of_kind.iter().any(|tree| within(name, tree, false)) {
        return None;
    }
    let allowed = of_kind.iter().map(|tree| base(tree)).collect();
    Some((shown, Constraint::NotPermitted(allowed)))
}

fn within(name: &NameForm, base: &NameForm, excludes: bool) -> bool {
    match (name, base) {
        (NameForm::Dns(name), NameForm::Dns(base)) => dns_within(name, base, excludes),
        (NameForm::Ip(name), NameForm::Ip(base)) => {
            let Some((network, mask)) = base.split_at_checked(name.len()) else {
                return false;
            };
            mask.len() == name.len()
                && name
                    .iter()
                    .zip(network)
                    .zip(mask)
                    .all(|((name, network), mask)| name & mask == network & mask)
        }
        _ => false,
    }
}

fn dns_within(name: &str, base: &str, excludes: bool) -> bool {
    let (name, base) = (name.to_ascii_lowercase(), base.to_ascii_lowercase());
    if base.is_empty() {
        return true;
    }
    // `*.example` can be `api.example`: excluding one excludes the other.
    if excludes
        && let Some(parent) = name.strip_prefix("*.")
        && base
            .strip_suffix(parent)
            .is_some_and(|label| label.ends_with('.') && label.matches('.').count() == 1)
    {
        return true;
    }
    match name.strip_suffix(&base) {
        Some("") => true,
        Some(before) => base.starts_with('.') || before.ends_with('.'),
        None => false,
    }
}

fn base(tree: &NameForm) -> String {
    match tree {
        NameForm::Dns(text) if text.is_empty() => "all names".to_owned(),
        NameForm::Dns(text) => terms::clip(text),
        NameForm::Ip(bytes) => {
            let (network, mask) = bytes.split_at(bytes.len() / 2);
            let ones: u32 = mask.iter().map(|byte| byte.count_ones()).sum();
            format!("{}/{ones}", address(network))
        }
        NameForm::Other => "others".to_owned(),
    }
}

fn address(bytes: &[u8]) -> String {
    use core::net::IpAddr;
    let address = <[u8; 4]>::try_from(bytes)
        .map(IpAddr::from)
        .or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from));
    address.map_or_else(
        |_| "a malformed address".to_owned(),
        |address| address.to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_within_its_parents_and_not_within_its_namesakes() {
        for (name, base, inside) in [
            ("api.example.com", "example.com", true),
            ("EXAMPLE.com", "example.COM", true),
            ("api.example.com", ".example.com", true),
            ("example.com", ".example.com", false),
            ("badexample.com", "example.com", false),
            ("example.com", "api.example.com", false),
            ("*.example.com", "example.com", true),
            ("anything", "", true),
        ] {
            assert_eq!(dns_within(name, base, false), inside, "{name} in {base}");
        }
        assert!(dns_within("*.example.com", "api.example.com", true));
        assert!(!dns_within("*.example.com", "a.api.example.com", true));
    }

    #[test]
    fn an_address_is_within_its_network() {
        let network = [10, 1, 0, 0, 255, 255, 0, 0];
        let within = |name: &[u8]| {
            within(
                &NameForm::Ip(name.to_vec()),
                &NameForm::Ip(network.to_vec()),
                false,
            )
        };
        assert!(within(&[10, 1, 2, 3]));
        assert!(!within(&[10, 2, 2, 3]));
        assert!(!within(&[0; 16]));
    }
}
