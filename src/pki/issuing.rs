//! Whether each issuer may issue, and whether all of them may be used for a TLS server.

use super::member::Member;
use super::{Finding, Purpose, finding};
use crate::model::verdict::Problem;

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
pub(super) fn issuers(members: &[&Member]) -> Vec<Finding> {
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
        let says = if !certificate.is_ca && !old_root {
            Some(format!(
                "{title} issued {subject} but is not a CA (basicConstraints is not CA:TRUE)"
            ))
        } else if lacks(certificate.key_usages.as_deref(), &["keyCertSign"]) {
            Some(format!(
                "{title} issued {subject}, but its keyUsage does not allow signing certificates"
            ))
        } else {
            None
        };
        findings.extend(says.map(|says| finding(Problem::IssuerNotCa, issuer.place, says)));
        findings.extend(too_many_below(members, at));
    }
    findings
}

/// More CA certificates below an issuer than it allows (RFC 5280 4.2.1.9).
fn too_many_below(members: &[&Member], at: usize) -> Option<Finding> {
    let issuer = members.get(at)?;
    let allowed = issuer.certificate.path_length?;
    let between = members.get(1..at)?.iter();
    let below = between.filter(|parsed| !parsed.self_issued()).count();
    (u32::try_from(below).ok()? > allowed).then(|| {
        let says = format!(
            "{} allows {allowed} CA certificates below it (pathLenConstraint), but there are \
             {below}",
            issuer.title()
        );
        finding(Problem::IssuerNotCa, issuer.place, says)
    })
}

/// What is not for servers, or for clients.
pub(super) fn purposes(members: &[&Member], purpose: Purpose) -> Vec<Finding> {
    let (wanted, whom) = (purpose.usage(), purpose.whom());
    let mut findings = Vec::new();
    for (at, parsed) in members.iter().enumerate() {
        let certificate = parsed.certificate;
        let title = parsed.title();
        if lacks(certificate.extended_key_usages.as_deref(), &[wanted]) {
            let usages = certificate.extended_key_usages.iter().flatten();
            let usages: Vec<String> = usages.cloned().collect();
            let allowed = if usages.is_empty() {
                "nothing".to_owned()
            } else {
                super::words::list(&usages)
            };
            let role = if at == 0 {
                "is not valid"
            } else {
                "may not issue certificates"
            };
            let says = format!(
                "{title} {role} for {whom}: its extendedKeyUsage allows {allowed}, not {wanted}"
            );
            findings.push(finding(Problem::NotForServers, parsed.place, says));
        }
        if at == 0 && lacks(certificate.key_usages.as_deref(), HANDSHAKE) {
            let says = format!(
                "{title} is not valid for {whom}: its keyUsage allows only {}, not a TLS \
                 handshake; OpenSSL and Java reject this, Go and rustls ignore it",
                super::words::list(certificate.key_usages.as_deref().unwrap_or_default())
            );
            findings.push(finding(Problem::NotForServers, parsed.place, says));
        }
    }
    findings
}

/// Critical extensions that are not implemented here: they may say anything.
pub(super) fn extensions(members: &[&Member]) -> Vec<Finding> {
    let mut findings = Vec::new();
    // Of a trusted authority they are not asked for.
    for parsed in members.iter().filter(|parsed| parsed.place.is_some()) {
        let critical = parsed.certificate.critical_extensions.iter();
        let unknown: Vec<String> = critical
            .filter(|oid| !UNDERSTOOD.contains(&oid.as_str()))
            .cloned()
            .collect();
        if !unknown.is_empty() {
            let says = format!(
                "{} has a critical extension that spyhole does not support: {}",
                parsed.title(),
                super::words::list(&unknown)
            );
            findings.push(finding(Problem::Unsupported, parsed.place, says));
        }
    }
    findings
}

/// Whether a list of usages is there and has none of these.
fn lacks(usages: Option<&[String]>, wanted: &[&str]) -> bool {
    usages.is_some_and(|usages| !usages.iter().any(|usage| wanted.contains(&usage.as_str())))
}
