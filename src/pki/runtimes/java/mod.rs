//! Java's sun.security.validator.PKIXValidator with its `CertPathValidator`, and the check of the
//! name in sun.security.ssl, with their sentences. The sources are those of `OpenJDK` 17.

mod certificate;
mod names;
mod path;

use super::{RuntimeAnswer, RuntimeQuestion, Unreadable, clock};
use crate::parse::x509::ParsedCertificate;
use crate::pki::Purpose;
use certificate::JavaCertificate;
use path::Validator;

/// Certificates that a server may send (jdk.tls.maxCertificateChainLength).
const CHAIN_MAX: usize = 10;
/// Bytes of a handshake message (jdk.tls.maxHandshakeMessageSize).
const MESSAGE_MAX: usize = 32_768;
const BUILDING_FAILED: &str = "PKIX path building failed: \
    sun.security.provider.certpath.SunCertPathBuilderException: unable to find valid certification \
    path to requested target";

/// Why a chain is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Stop {
    Refused(String),
    /// By an exception that nothing catches on the way.
    Thrown(String),
    /// The rule that is not implemented here.
    Lacks(String),
}

/// The verdict of Java.
pub(super) fn ask(question: &RuntimeQuestion) -> RuntimeAnswer {
    match asked(question) {
        Ok(()) => RuntimeAnswer::Accepted,
        Err(Stop::Lacks(rule)) => RuntimeAnswer::Lacks(rule),
        Err(Stop::Refused(why) | Stop::Thrown(why)) => RuntimeAnswer::Refused(why),
    }
}

/// Whether it takes a certificate out of a bundle.
///
/// # Errors
/// Its own sentence.
pub(super) fn takes(certificate: &ParsedCertificate) -> Result<(), String> {
    JavaCertificate::of(certificate).map(|_| ())
}

fn asked(question: &RuntimeQuestion) -> Result<(), Stop> {
    if question.chain.len() > CHAIN_MAX {
        return Err(Stop::Refused(format!(
            "The certificate chain length ({}) exceeds the maximum allowed length ({CHAIN_MAX})",
            CHAIN_MAX + 1
        )));
    }
    if let Some(bytes) = question.message_bytes.filter(|bytes| *bytes > MESSAGE_MAX) {
        return Err(Stop::Refused(format!(
            "The size of the handshake message ({bytes}) exceeds the maximum allowed size \
             ({MESSAGE_MAX})"
        )));
    }
    let unparsed = || Stop::Refused("Failed to parse server certificates".to_owned());
    let mut chain = Vec::new();
    for parsed in question.chain {
        chain.push(JavaCertificate::of(parsed).map_err(|_| unparsed())?);
    }
    match question.unreadable {
        None => {}
        Some(Unreadable::Indefinite) => {
            let rule = "certificates with the indefinite lengths of BER";
            return Err(Stop::Lacks(rule.to_owned()));
        }
        Some(_) => return Err(unparsed()),
    }
    let mut roots = Vec::new();
    for parsed in question.roots {
        roots.push(JavaCertificate::of(parsed).map_err(Stop::Refused)?);
    }
    if roots.is_empty() {
        return Err(Stop::Refused(
            "Unexpected error: java.security.InvalidAlgorithmParameterException: the trustAnchors \
             parameter must be non-empty"
                .to_owned(),
        ));
    }
    let Some(leaf) = chain.first() else {
        return Err(Stop::Refused("Empty server certificate chain".to_owned()));
    };
    let validator = Validator {
        roots: &roots,
        now: clock::seconds(question.now),
    };
    if !validate(&validator, &chain)? {
        end_entity(leaf, question.purpose)?;
    }
    match question.server_name {
        Some(host) => names::identity(leaf, host).map_err(Stop::Refused),
        None => Ok(()),
    }
}

/// `PKIXValidator.engineValidate`: whether the leaf itself is trusted.
fn validate(validator: &Validator, chain: &[JavaCertificate]) -> Result<bool, Stop> {
    let path: Vec<&JavaCertificate> = chain.iter().collect();
    for (at, one) in chain.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|before| chain.get(before));
        if before.is_some_and(|before| before.issuer != one.subject) {
            return build(validator, &path).map(|()| false);
        }
        if validator.roots.iter().any(|root| root.is_same(one)) {
            let below = path.get(..at).unwrap_or_default();
            return match below {
                [] => Ok(true),
                below => certify(validator, below).map(|()| false),
            };
        }
    }
    let is_named = |last: &JavaCertificate| {
        let mut roots = validator.roots.iter();
        roots.any(|root| root.subject == last.issuer)
    };
    if chain.last().is_some_and(is_named) {
        certify(validator, &path)?;
    } else {
        build(validator, &path)?;
    }
    Ok(false)
}

fn certify(validator: &Validator, path: &[&JavaCertificate]) -> Result<(), Stop> {
    validator.certify(path).map_err(|stop| match stop {
        Stop::Refused(why) => Stop::Refused(format!("PKIX path validation failed: {why}")),
        other => other,
    })
}

/// `SunCertPathBuilder`: any path through the chain that validates.
fn build(validator: &Validator, chain: &[&JavaCertificate]) -> Result<(), Stop> {
    let Some((leaf, _)) = chain.split_first() else {
        return Err(Stop::Refused(BUILDING_FAILED.to_owned()));
    };
    let mut steps = 0;
    validator
        .build(&mut vec![leaf], chain, &mut steps)
        .map_err(|stop| match stop {
            Stop::Refused(_) => Stop::Refused(BUILDING_FAILED.to_owned()),
            other => other,
        })
}

/// sun.security.validator.EndEntityChecker.
fn end_entity(leaf: &JavaCertificate, purpose: Purpose) -> Result<(), Stop> {
    const ANY: &[u8] = &[0x55, 0x1d, 37, 0];
    const SERVER: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 1];
    const CLIENT: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 2];
    let refused = |why: &str| Err(Stop::Refused(why.to_owned()));
    if leaf.usage.is_some_and(|bits| bits & 0x8000 == 0) {
        return refused("KeyUsage does not allow digital signatures");
    }
    let (wanted, what, bit) = match purpose {
        Purpose::Server => (SERVER, "server", 0x40),
        Purpose::Client => (CLIENT, "client", 0x80),
    };
    let gated = certificate::SERVER_GATED;
    let allows = |one: &&[u8]| {
        *one == wanted || *one == ANY || (purpose == Purpose::Server && gated.contains(one))
    };
    let usages = leaf.usages.as_deref();
    if usages.is_some_and(|usages| !usages.iter().any(allows)) {
        return refused(&format!(
            "Extended key usage does not permit use for TLS {what} authentication"
        ));
    }
    if leaf.netscape.is_some_and(|bits| bits & bit == 0) {
        return refused(&format!(
            "Netscape cert type does not permit use for SSL {what}"
        ));
    }
    Ok(())
}
