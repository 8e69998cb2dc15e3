//! Names and addresses as Go compares them: with the host (`VerifyHostname`) and with
//! nameConstraints.

use super::parse::GoRules;
use super::{One, Stop, Verifier, refused};
use crate::parse::x509::raw::{self, RawName};
use crate::pki::runtimes::names;

/// Comparisons for one certificate that constrains names (`MaxConstraintComparisions`), which Go
/// counts until 1.25.
const COMPARISONS_MAX: usize = 250_000;

impl Verifier<'_, '_> {
    /// The names of every certificate below each that constrains them; until Go 1.20 those of the
    /// leaf and of the one that constrains them.
    pub(super) fn constraints(&self, chain: &[&One]) -> Result<(), Stop> {
        for (at, issuer) in chain.iter().enumerate().skip(1) {
            let Some(trees) = &issuer.go.constraints else {
                continue;
            };
            let constrained = if self.rules.minor < 21 {
                let leaf = chain.first().copied();
                leaf.into_iter().chain([*issuer]).collect()
            } else {
                let mut below = chain.to_vec();
                below.truncate(at);
                below
            };
            let mut comparisons = 0;
            for name in constrained.iter().flat_map(|one| &one.go.names) {
                self.one_name(*name, trees, &mut comparisons)?;
            }
        }
        Ok(())
    }

    fn one_name(
        &self,
        (tag, value): RawName,
        [permitted, excluded]: &[Vec<RawName>; 2],
        comparisons: &mut usize,
    ) -> Result<(), Stop> {
        let of_kind = |trees: &[RawName]| trees.iter().filter(|(other, _)| *other == tag).count();
        let (permitting_count, excluding_count) = (of_kind(permitted), of_kind(excluded));
        if permitting_count + excluding_count == 0 {
            return Ok(());
        }
        let (kind, shown) = match tag {
            2 => ("DNS name", String::from_utf8_lossy(value).into_owned()),
            7 => ("IP address", names::address(value)),
            1 => ("email address", String::from_utf8_lossy(value).into_owned()),
            6 => ("URI", String::from_utf8_lossy(value).into_owned()),
            _ => return Ok(()),
        };
        let why =
            "x509: a root or intermediate certificate is not authorized to sign for this name:";
        if tag == 2 && value.starts_with(b".") && self.rules.minor >= 25 {
            return Err(refused(format!(
                "{why} x509: cannot parse dnsName {shown:?}"
            )));
        }
        let within = |base: &[u8], of_excluded: bool| {
            if tag == 7 {
                names::ip_within(value, base)
            } else if tag == 1 && base.contains(&b'@') {
                names::email_within(value, base)
            } else if matches!(tag, 1 | 6) {
                let host = if tag == 6 {
                    names::host_of_uri(value)
                } else {
                    value.rsplit(|byte| *byte == b'@').next()
                };
                host.is_some_and(|host| names::dns_within(host, base, false))
            } else {
                let wild = of_excluded && self.rules.minor >= 24;
                names::dns_within(value, base, wild)
            }
        };
        let mut compare = |count: usize| {
            *comparisons = comparisons.saturating_add(count);
            if self.rules.minor < 26 && *comparisons > COMPARISONS_MAX {
                // It has no words for too many of them.
                return Err(refused("x509: unknown error"));
            }
            Ok(())
        };
        compare(excluding_count)?;
        let mut excluding = excluded.iter().filter(|(other, _)| *other == tag);
        let mut permitting = permitted.iter().filter(|(other, _)| *other == tag);
        let shown_base = |(_, base): RawName| {
            if tag == 7 {
                names::network(base)
            } else {
                String::from_utf8_lossy(base).into_owned()
            }
        };
        let is_permitted = permitting_count == 0 || permitting.any(|(_, base)| within(base, false));
        let base = excluding.find(|(_, base)| within(base, true));
        // Since 1.26 what is permitted is looked at first.
        if let Some(base) = base.filter(|_| is_permitted || self.rules.minor < 26) {
            return Err(refused(format!(
                "{why} {kind} \"{shown}\" is excluded by constraint \"{}\"",
                shown_base(*base)
            )));
        }
        compare(permitting_count)?;
        if !is_permitted {
            return Err(refused(format!(
                "{why} {kind} \"{shown}\" is not permitted by any constraint"
            )));
        }
        Ok(())
    }
}

/// Whether the leaf has the name of the host.
///
/// # Errors
/// Go's sentence.
pub(super) fn host_matches(leaf: &One, host: &str, rules: GoRules) -> Result<(), String> {
    let dns = || {
        let names = leaf.go.names.iter().filter(|(tag, _)| *tag == 2);
        names.map(|(_, name)| String::from_utf8_lossy(name).into_owned())
    };
    let common = raw::attributes(leaf.go.raw.subject).unwrap_or_default();
    let common = common.iter().rev().find(|(id, _, _)| *id == [0x55, 4, 3]);
    let common = common.map(|(_, _, text)| String::from_utf8_lossy(text).to_ascii_lowercase());
    let legacy = !leaf.go.has_san && common.is_some_and(|name| pattern_matches(&name, host));
    let relies = "x509: certificate relies on legacy Common Name field, use SANs instead";
    let valid: Vec<String> = if let Ok(address) = host.parse::<core::net::IpAddr>() {
        let wanted = names::octets(address);
        let own: Vec<&[u8]> = leaf
            .go
            .names
            .iter()
            .filter(|(tag, _)| *tag == 7)
            .map(|(_, bytes)| *bytes)
            .collect();
        if own.iter().any(|bytes| names::same_address(bytes, &wanted)) {
            return Ok(());
        }
        if legacy {
            return Err(relies.to_owned());
        }
        if own.is_empty() {
            return Err(format!(
                "x509: cannot validate certificate for {host} because it doesn't contain any IP SANs"
            ));
        }
        own.iter().map(|bytes| names::address(bytes)).collect()
    } else {
        let lower = host.to_ascii_lowercase();
        let is_valid = is_valid_name(&lower, false, rules);
        let fits = dns().any(|name| {
            if is_valid && is_valid_name(&name, true, rules) {
                pattern_matches(&name.to_ascii_lowercase(), &lower)
            } else {
                !name.is_empty() && name.eq_ignore_ascii_case(&lower)
            }
        });
        if fits {
            return Ok(());
        }
        if legacy {
            return Err(relies.to_owned());
        }
        dns().collect()
    };
    Err(match valid.join(", ") {
        none if none.is_empty() => {
            format!("x509: certificate is not valid for any names, but wanted to match {host}")
        }
        valid => format!("x509: certificate is valid for {valid}, not {host}"),
    })
}

fn is_valid_name(name: &str, is_pattern: bool, rules: GoRules) -> bool {
    let name = if is_pattern {
        name
    } else {
        name.strip_suffix('.').unwrap_or(name)
    };
    if name.is_empty() || (name == "*" && rules.minor >= 23) {
        return false;
    }
    name.split('.').enumerate().all(|(at, label)| {
        let plain = |(at, byte): (usize, u8)| {
            byte.is_ascii_alphanumeric() || byte == b'_' || (byte == b'-' && at > 0)
        };
        !label.is_empty()
            && ((is_pattern && at == 0 && label == "*") || label.bytes().enumerate().all(plain))
    })
}

/// Both in lower case.
fn pattern_matches(pattern: &str, host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let (pattern, host): (Vec<&str>, Vec<&str>) =
        (pattern.split('.').collect(), host.split('.').collect());
    pattern.len() == host.len()
        && pattern
            .iter()
            .zip(host)
            .enumerate()
            .all(|(at, (one, other))| (at == 0 && *one == "*") || *one == other)
}
