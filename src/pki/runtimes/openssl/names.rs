//! Names as OpenSSL compares them with nameConstraints (`v3_ncons.c`) and with the host
//! (`X509_check_host`), and as Node.js does by itself.

use super::certificate::OpensslCertificate;
use super::{AskedBy, Verifier};
use crate::parse::x509::raw::{self, RawName};
use crate::pki::runtimes::RuntimeAnswer;
use crate::pki::runtimes::distinguished::name_within;
use crate::pki::runtimes::names::{self, WildcardRules};

/// Names times constraints (`NAME_CHECK_MAX`).
const CHECKS_MAX: usize = 1 << 20;

impl Verifier<'_, '_> {
    pub(super) fn host(&mut self, leaf: &OpensslCertificate, host: &str) {
        let of_python = self.rules.asked_by == AskedBy::Python;
        if let Ok(address) = host.parse::<core::net::IpAddr>() {
            let wanted = names::octets(address);
            if !leaf
                .names
                .iter()
                .any(|(tag, bytes)| *tag == 7 && *bytes == wanted)
            {
                self.fail(if of_python {
                    format!("IP address mismatch, certificate is not valid for '{host}'.")
                } else {
                    "IP address mismatch".to_owned()
                });
            }
            return;
        }
        let rules = WildcardRules {
            is_partial: !of_python,
            underscore: false,
        };
        let dns = leaf.names.iter().filter(|(tag, _)| *tag == 2);
        let listed: Vec<String> = dns
            .map(|(_, name)| String::from_utf8_lossy(name).into_owned())
            .collect();
        let fits = |name: &String| names::host_fits(name, host, rules);
        let fitting = if listed.is_empty() {
            leaf.common_names().iter().any(fits)
        } else {
            listed.iter().any(fits)
        };
        if !fitting {
            self.fail(if of_python {
                format!("Hostname mismatch, certificate is not valid for '{host}'.")
            } else {
                "hostname mismatch".to_owned()
            });
        }
    }

    pub(super) fn name_constraints(&mut self, path: &[&OpensslCertificate]) {
        for (at, below) in path.iter().enumerate() {
            // Self-issued certificates above the leaf are passed over.
            if at > 0 && below.is_self_issued {
                continue;
            }
            for issuer in path.iter().skip(at + 1) {
                let Some([permitted, excluded]) = &issuer.constraints else {
                    continue;
                };
                let names = below.constrained_names(at == 0);
                // Of the subject each attribute counts.
                let of_subject = raw::attributes(below.raw.subject).map_or(0, |all| all.len());
                let all = below.names.len().saturating_add(of_subject);
                let checks = all.saturating_mul(permitted.len() + excluded.len());
                if checks > CHECKS_MAX {
                    self.fail("unspecified certificate verification error");
                    return;
                }
                for name in names {
                    if let Some(error) = Self::one_name(&name, permitted, excluded) {
                        self.fail(error);
                        return;
                    }
                }
            }
        }
    }

    fn one_name(
        (tag, value): &(u8, Vec<u8>),
        permitted: &[RawName],
        excluded: &[RawName],
    ) -> Option<&'static str> {
        let of_kind = |trees: &[RawName<'_>]| trees.iter().any(|(other, _)| other == tag);
        if !of_kind(permitted) && !of_kind(excluded) {
            return None;
        }
        let within = |base: &[u8]| match tag {
            1 => names::email_within(value, base),
            2 => names::dns_within(value, base, false),
            4 => name_within(value, base),
            6 => names::uri_within(value, base),
            7 => names::ip_within(value, base),
            _ => false,
        };
        if !matches!(tag, 1 | 2 | 4 | 6 | 7) {
            return Some("unsupported name constraint type");
        }
        let in_any = |trees: &[RawName<'_>]| {
            let mut own = trees.iter().filter(|(other, _)| other == tag);
            own.any(|(_, base)| within(base))
        };
        let is_network = |(other, base): &RawName| *other != 7 || matches!(base.len(), 8 | 32);
        let trees = permitted.iter().chain(excluded);
        if *tag == 7 && !(matches!(value.len(), 4 | 16) && trees.clone().all(is_network)) {
            return Some("unsupported or invalid name syntax");
        }
        if of_kind(permitted) && !in_any(permitted) {
            return Some("permitted subtree violation");
        }
        in_any(excluded).then_some("excluded subtree violation")
    }
}

/// tls.checkServerIdentity of Node.js.
pub(super) fn names_of_node(leaf: &OpensslCertificate, host: &str) -> RuntimeAnswer {
    let mismatch = |why: String| {
        RuntimeAnswer::Refused(format!(
            "Hostname/IP does not match certificate's altnames: {why}"
        ))
    };
    let shown: Vec<String> = leaf
        .names
        .iter()
        .filter_map(|(tag, value)| match tag {
            2 => Some(format!("DNS:{}", String::from_utf8_lossy(value))),
            7 => Some(format!("IP Address:{}", names::address(value))),
            1 => Some(format!("email:{}", String::from_utf8_lossy(value))),
            _ => None,
        })
        .collect();
    if let Ok(address) = host.parse::<core::net::IpAddr>() {
        let wanted = names::octets(address);
        let own = leaf.names.iter().filter(|(tag, _)| *tag == 7);
        if own.clone().any(|(_, bytes)| *bytes == wanted) {
            return RuntimeAnswer::Accepted;
        }
        let list: Vec<String> = own.map(|(_, bytes)| names::address(bytes)).collect();
        let list = list.join(", ");
        return mismatch(format!("IP: {host} is not in the cert's list: {list}"));
    }
    let dns: Vec<String> = leaf
        .names
        .iter()
        .filter(|(tag, _)| *tag == 2)
        .map(|(_, name)| String::from_utf8_lossy(name).into_owned())
        .collect();
    let unfqdn = |name: &str| name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    let dotted = unfqdn(host);
    let fits = |pattern: &String| fits_in_node(&unfqdn(pattern), &dotted);
    if !dns.is_empty() {
        if dns.iter().any(fits) {
            return RuntimeAnswer::Accepted;
        }
        let shown = shown.join(", ");
        return mismatch(format!(
            "Host: {dotted}. is not in the cert's altnames: {shown}"
        ));
    }
    let common = leaf.common_names();
    if leaf.has_uri_or_ip() || common.is_empty() {
        return mismatch("Cert does not contain a DNS name".to_owned());
    }
    if common.iter().any(fits) {
        return RuntimeAnswer::Accepted;
    }
    mismatch(format!(
        "Host: {dotted}. is not cert's CN: {}",
        common.join(", ")
    ))
}

fn fits_in_node(pattern: &str, host: &str) -> bool {
    let (labels, wanted): (Vec<&str>, Vec<&str>) =
        (pattern.split('.').collect(), host.split('.').collect());
    let (Some((first, rest)), Some((label, below))) = (labels.split_first(), wanted.split_first())
    else {
        return false;
    };
    let plain = |byte: u8| (0x21..=0x7f).contains(&byte);
    if labels.len() != wanted.len()
        || labels.contains(&"")
        || !pattern.bytes().all(plain)
        || rest != below
    {
        return false;
    }
    let Some((before, after)) = first.split_once('*') else {
        return first == label;
    };
    if after.contains('*') || first.contains("xn--") || labels.len() <= 2 {
        return false;
    }
    label.len() >= before.len() + after.len() && label.starts_with(before) && label.ends_with(after)
}
