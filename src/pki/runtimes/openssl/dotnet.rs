//! How .NET on Linux asks OpenSSL and what it says (`OpenSslX509ChainProcessor.cs`,
//! `SslStream.Protocol.cs`), after its sources: it was not run.

use super::certificate::OpensslCertificate;
use crate::pki::runtimes::RuntimeAnswer;
use crate::pki::runtimes::names;

/// The flags of `X509ChainStatusFlags`, in the order of their numbers, and the errors of OpenSSL
/// that become them.
const FLAGS: &[(&str, &[&str])] = &[
    (
        "NotTimeValid",
        &[
            "certificate has expired",
            "certificate is not yet valid",
            "format error in certificate's notBefore field",
            "format error in certificate's notAfter field",
        ],
    ),
    ("NotSignatureValid", &["certificate signature failure"]),
    ("NotValidForUsage", &["unsuitable certificate purpose"]),
    (
        "UntrustedRoot",
        &[
            "self-signed certificate",
            "self-signed certificate in certificate chain",
        ],
    ),
    (
        "InvalidBasicConstraints",
        &["invalid CA certificate", "path length constraint exceeded"],
    ),
    (
        "HasNotPermittedNameConstraint",
        &["permitted subtree violation"],
    ),
    ("HasExcludedNameConstraint", &["excluded subtree violation"]),
    (
        "PartialChain",
        &[
            super::NO_LOCAL_ISSUER,
            "unable to get issuer certificate",
            "unable to verify the first certificate",
        ],
    ),
    (
        "HasNotSupportedCriticalExtension",
        &["unhandled critical extension"],
    ),
];

/// The answer, of the errors that OpenSSL found and of the name.
pub(super) fn answer(
    leaf: &OpensslCertificate,
    errors: &[String],
    host: Option<&str>,
) -> RuntimeAnswer {
    let has = |known: &[&str]| errors.iter().any(|error| known.contains(&error.as_str()));
    let flags: Vec<&str> = FLAGS
        .iter()
        .filter(|(_, known)| has(known))
        .map(|(flag, _)| *flag)
        .collect();
    let is_named = host.is_none_or(|host| host_matches(leaf, host));
    match (flags.as_slice(), errors, is_named) {
        ([], [], true) => RuntimeAnswer::Accepted,
        ([], [unknown, ..], _) => RuntimeAnswer::Lacks(format!("what .NET makes of \"{unknown}\"")),
        (flags, _, true) => RuntimeAnswer::Refused(format!(
            "The remote certificate is invalid because of errors in the certificate chain: {}",
            flags.join(", ")
        )),
        (flags, _, false) => {
            let chain = if flags.is_empty() {
                ""
            } else {
                ", RemoteCertificateChainErrors"
            };
            RuntimeAnswer::Refused(format!(
                "The remote certificate is invalid according to the validation procedure: \
                 RemoteCertificateNameMismatch{chain}"
            ))
        }
    }
}

/// `MatchesHostname`: an asterisk stands for the whole first label; the common name counts where
/// no name of that kind is listed.
fn host_matches(leaf: &OpensslCertificate, host: &str) -> bool {
    let address = host.parse::<core::net::IpAddr>().ok().map(names::octets);
    let tag = if address.is_some() { 7 } else { 2 };
    let mut listed = leaf.names.iter().filter(|(own, _)| *own == tag).peekable();
    if let Some(address) = address {
        return listed.any(|(_, bytes)| *bytes == address);
    }
    if listed.peek().is_none() {
        return leaf.common_names().iter().any(|name| fits(name, host));
    }
    listed.any(|(_, name)| fits(&String::from_utf8_lossy(name), host))
}

fn fits(pattern: &str, host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    match (pattern.strip_prefix("*."), host.split_once('.')) {
        (Some(below), Some((label, rest))) => !label.is_empty() && rest.eq_ignore_ascii_case(below),
        (Some(_), None) => false,
        (None, _) => pattern.eq_ignore_ascii_case(host),
    }
}
