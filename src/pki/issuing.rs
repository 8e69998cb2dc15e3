//! Whether each issuer may issue, and whether all of them may be used for a TLS server.

use super::finding::{ChainFinding, Evidence};
use super::member::Member;
use super::{Purpose, finding};

/// What a server's key has to be allowed to do, one of these (RFC 5280 4.2.1.3, RFC 8446 4.4.2.2).
const HANDSHAKE: &[&str] = &["digitalSignature", "keyEncipherment", "keyAgreement"];
/// Critical extensions that webpki and this judge understand: keyUsage, subjectAltName,
/// basicConstraints, nameConstraints, cRLDistributionPoints, extendedKeyUsage.
const UNDERSTOOD: &[&str] = &[
    "2.5.29.15",
    "2.5.29.17",
    "2.5.29.19",
    "2.5.29.30",
    "2.5.29.31",
    "2.5.29.37",
];

/// What speaks against the issuers of a path: the leaf first, a trusted authority last.
pub(super) fn issuers(members: &[&Member]) -> Vec<ChainFinding> {
    let mut findings = Vec::new();
    for (at, issuer) in members.iter().enumerate().skip(1) {
        let title = issuer.title();
        let subject = members
            .get(at - 1)
            .map(|parsed| parsed.title())
            .unwrap_or_default();
        let certificate = issuer.certificate;
        // Older than the extension that tells a CA, and trusted by name.
        let old_root = certificate.version < 3 && issuer.place.is_none() && issuer.self_issued();
        let evidence = if !certificate.is_ca && !old_root {
            Some(Evidence::IssuerIsNoCa { title, subject })
        } else if lacks(certificate.key_usages.as_deref(), &["keyCertSign"]) {
            Some(Evidence::IssuerMayNotSign { title, subject })
        } else {
            None
        };
        findings.extend(evidence.map(|evidence| finding(issuer.place, evidence)));
        findings.extend(too_many_below(members, at));
    }
    findings
}

/// More CA certificates below an issuer than it allows (RFC 5280 4.2.1.9).
fn too_many_below(members: &[&Member], at: usize) -> Option<ChainFinding> {
    let issuer = members.get(at)?;
    let allowed = issuer.certificate.path_length?;
    let between = members.get(1..at)?.iter();
    let below = between.filter(|parsed| !parsed.self_issued()).count();
    let below = u32::try_from(below).ok()?;
    (below > allowed).then(|| {
        let title = issuer.title();
        let evidence = Evidence::PathTooLong {
            title,
            allowed,
            below,
        };
        finding(issuer.place, evidence)
    })
}

/// What is not for servers, or for clients.
pub(super) fn purposes(members: &[&Member], purpose: Purpose) -> Vec<ChainFinding> {
    let wanted = purpose.usage();
    let mut findings = Vec::new();
    for (at, parsed) in members.iter().enumerate() {
        let certificate = parsed.certificate;
        if let Some(usages) = &certificate.extended_key_usages
            && lacks(Some(usages), &[wanted])
        {
            let evidence = Evidence::ExtendedKeyUsage {
                title: parsed.title(),
                of_leaf: at == 0,
                purpose,
                allowed: usages.clone(),
            };
            findings.push(finding(parsed.place, evidence));
        }
        if let Some(usages) = &certificate.key_usages
            && at == 0
            && lacks(Some(usages), HANDSHAKE)
        {
            let evidence = Evidence::KeyUsage {
                title: parsed.title(),
                purpose,
                allowed: usages.clone(),
            };
            findings.push(finding(parsed.place, evidence));
        }
    }
    findings
}

/// Critical extensions that are not implemented here: they may say anything.
pub(super) fn extensions(members: &[&Member]) -> Vec<ChainFinding> {
    let mut findings = Vec::new();
    // Of a trusted authority they are not asked for.
    for parsed in members.iter().filter(|parsed| parsed.place.is_some()) {
        let critical = parsed.certificate.critical_extensions.iter();
        let unknown: Vec<String> = critical
            .filter(|oid| !UNDERSTOOD.contains(&oid.as_str()))
            .cloned()
            .collect();
        if !unknown.is_empty() {
            let evidence = Evidence::CriticalExtensions {
                title: parsed.title(),
                oids: unknown,
            };
            findings.push(finding(parsed.place, evidence));
        }
    }
    findings
}

/// Whether a list of usages is there and has none of these.
fn lacks(usages: Option<&[String]>, wanted: &[&str]) -> bool {
    usages.is_some_and(|usages| !usages.iter().any(|usage| wanted.contains(&usage.as_str())))
}
