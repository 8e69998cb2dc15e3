//! Go's x509.Certificate.Verify (crypto/x509/verify.go), with its sentences.

mod names;
mod parse;

use super::policies::PolicyState;
use super::{
    RuntimeAnswer, RuntimeQuestion, Unreadable, clock, key_kind, lacking_signature, signature,
};
use crate::parse::x509::ParsedCertificate;
use crate::parse::x509::raw::{self, RawCertificate};
use crate::pki::algorithms::SignatureCheck;
use crate::pki::finding::Unchecked;
use names::host_matches;
use parse::{GoCertificate, parse};

pub(crate) use parse::GoRules;

/// Signatures that Go checks for one chain (maxChainSignatureChecks).
const SIGNATURES_MAX: usize = 100;

/// Bytes of a handshake message, before Go 1.20.
const MESSAGE_MAX: usize = 65_536;

/// A certificate of the chain or of the pool.
struct One<'a> {
    go: GoCertificate<'a>,
    parsed: &'a ParsedCertificate,
}

/// Go's reading of one certificate.
///
/// # Errors
/// Go's sentence.
fn read(parsed: &ParsedCertificate, rules: GoRules) -> Result<GoCertificate<'_>, String> {
    let raw = RawCertificate::of(parsed).ok_or("x509: malformed certificate")?;
    parse(raw, rules)
}

/// Whether it takes a certificate out of a bundle.
///
/// # Errors
/// Go's sentence.
pub(super) fn takes(certificate: &ParsedCertificate, rules: GoRules) -> Result<(), String> {
    read(certificate, rules).map(|_| ())
}

/// The verdict of Go.
pub(super) fn ask(question: &RuntimeQuestion, rules: GoRules) -> RuntimeAnswer {
    let bytes = question.message_bytes.unwrap_or_default();
    if rules.minor < 20 && bytes > MESSAGE_MAX {
        return RuntimeAnswer::Refused(format!(
            "tls: handshake message of length {bytes} bytes exceeds maximum of {MESSAGE_MAX} bytes"
        ));
    }
    let mut chain = Vec::new();
    for parsed in question.chain {
        match read(parsed, rules) {
            Ok(go) => chain.push(One { go, parsed }),
            Err(why) => {
                return RuntimeAnswer::Refused(format!(
                    "tls: failed to parse certificate from server: {why}"
                ));
            }
        }
    }
    if let Some(why) = question.unreadable {
        let what = match why {
            Unreadable::Inside => "tbs certificate",
            Unreadable::TooShort | Unreadable::Indefinite => "certificate",
        };
        return RuntimeAnswer::Refused(format!(
            "tls: failed to parse certificate from server: x509: malformed {what}"
        ));
    }
    let roots: Vec<One> = question
        .roots
        .iter()
        .filter_map(|parsed| {
            let go = read(parsed, rules).ok()?;
            Some(One { go, parsed })
        })
        .collect();
    let Some((leaf, between)) = chain.split_first() else {
        return RuntimeAnswer::Refused("tls: received empty certificates message".to_owned());
    };
    let verifier = Verifier {
        roots: &roots,
        between,
        now: clock::seconds(question.now),
        rules,
    };
    match verifier.verify(leaf, question) {
        Ok(()) => RuntimeAnswer::Accepted,
        Err(Stop::Lacks(rule)) => RuntimeAnswer::Lacks(rule),
        Err(Stop::Refused(why)) if rules.minor >= 20 => {
            RuntimeAnswer::Refused(format!("tls: failed to verify certificate: {why}"))
        }
        Err(Stop::Refused(why)) => RuntimeAnswer::Refused(why),
    }
}

/// Why a chain is not taken.
#[derive(Debug, Clone)]
enum Stop {
    Refused(String),
    /// The rule that is not implemented here.
    Lacks(String),
}

fn refused(why: impl Into<String>) -> Stop {
    Stop::Refused(why.into())
}

struct Verifier<'v, 'a> {
    roots: &'v [One<'a>],
    between: &'v [One<'a>],
    now: i64,
    rules: GoRules,
}

/// What a certificate is in a chain.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Leaf,
    Intermediate,
    Root,
}

type Chain<'v, 'a> = Vec<&'v One<'a>>;

impl<'v, 'a> Verifier<'v, 'a> {
    fn verify(&self, leaf: &'v One<'a>, question: &RuntimeQuestion) -> Result<(), Stop> {
        self.is_valid(leaf, Place::Leaf, &[])?;
        if let Some(host) = question.server_name {
            host_matches(leaf, host, self.rules).map_err(Stop::Refused)?;
        }
        let is_root = self
            .roots
            .iter()
            .any(|root| root.parsed.der() == leaf.parsed.der());
        let chains = if is_root {
            vec![vec![leaf]]
        } else {
            let mut checks = 0;
            self.build(&vec![leaf], &mut checks)?
        };
        let mut constrained = None;
        let mut lacks = None;
        let (mut policies, mut usages) = (0, 0);
        for chain in &chains {
            if chain.iter().any(|one| one.go.requires_policy) && self.policies_fail(chain) {
                policies += 1;
            } else if !allows(chain, question.usage()) {
                usages += 1;
            } else {
                match self.constraints(chain) {
                    Ok(()) => return Ok(()),
                    Err(Stop::Lacks(rule)) => lacks = Some(Stop::Lacks(rule)),
                    Err(stop) => constrained = constrained.or(Some(stop)),
                }
            }
        }
        Err(if let Some(stop) = lacks.or(constrained) {
            stop
        } else if policies == 0 {
            refused("x509: certificate specifies an incompatible key usage")
        } else {
            let mut details = Vec::new();
            if usages > 0 {
                details.push(format!(
                    "{usages} candidate chains with incompatible key usage"
                ));
            }
            details.push(format!("{policies} candidate chains with invalid policies"));
            refused(format!(
                "x509: no valid chains built: {}",
                details.join(", ")
            ))
        })
    }

    /// Policies that are required and that a certificate of the chain does not have. Go before
    /// 1.24 has none to speak of.
    fn policies_fail(&self, chain: &[&One]) -> bool {
        let mut policies = PolicyState::default();
        let below_root = chain.len().saturating_sub(1);
        let below = chain.iter().take(below_root).enumerate().rev();
        let mut checks = below.map(|(at, one)| {
            let raw = &one.go.raw;
            policies.check(raw, raw.subject == raw.issuer, at == 0)
        });
        self.rules.minor >= 24 && checks.any(|check| check.is_err())
    }

    fn is_valid(&self, one: &One, place: Place, chain: &[&One]) -> Result<(), Stop> {
        if one.go.has_unhandled {
            return Err(refused("x509: unhandled critical extension"));
        }
        let expired = |word, at| {
            let (now, at) = (clock::rfc3339(self.now), clock::rfc3339(at));
            let why = "x509: certificate has expired or is not yet valid: current time";
            Err(refused(format!("{why} {now} is {word} {at}")))
        };
        if self.now < one.go.not_before {
            return expired("before", one.go.not_before);
        }
        if self.now > one.go.not_after {
            return expired("after", one.go.not_after);
        }
        if place == Place::Intermediate && !one.go.basic.is_some_and(|(is_ca, _)| is_ca) {
            return Err(refused(
                "x509: certificate is not authorized to sign other certificates",
            ));
        }
        if let Some((_, Some(length))) = one.go.basic {
            let between = chain.len().saturating_sub(1);
            if u64::try_from(between).is_ok_and(|between| between > length) {
                return Err(refused(
                    "x509: too many intermediates for path length constraint",
                ));
            }
        }
        Ok(())
    }

    fn build(&self, chain: &Chain<'v, 'a>, checks: &mut usize) -> Result<Vec<Chain<'v, 'a>>, Stop> {
        let Some(head) = chain.last().copied() else {
            return Ok(Vec::new());
        };
        let mut found = Vec::new();
        let mut error = None;
        let mut hint: Option<(String, &One)> = None;
        for (place, pool) in [
            (Place::Root, self.roots),
            (Place::Intermediate, self.between),
        ] {
            for candidate in potential_parents(pool, head) {
                *checks += 1;
                if *checks > SIGNATURES_MAX {
                    return Err(refused(
                        "x509: signature check attempts limit reached while verifying certificate chain",
                    ));
                }
                if chain.iter().any(|one| same_holder(one, candidate)) {
                    continue;
                }
                match signed_by(head, candidate) {
                    Ok(()) => {}
                    Err(Stop::Lacks(rule)) => {
                        error = Some(Stop::Lacks(rule));
                        continue;
                    }
                    Err(Stop::Refused(why)) => {
                        hint.get_or_insert((why, candidate));
                        continue;
                    }
                }
                if let Err(stop) = self.is_valid(candidate, place, chain) {
                    error = Some(stop);
                    continue;
                }
                let mut longer = chain.clone();
                longer.push(candidate);
                if place == Place::Root {
                    error = None;
                    found.push(longer);
                    continue;
                }
                match self.build(&longer, checks) {
                    Ok(chains) => {
                        error = None;
                        found.extend(chains);
                    }
                    Err(stop) => error = Some(stop),
                }
            }
        }
        if !found.is_empty() {
            return Ok(found);
        }
        Err(error.unwrap_or_else(|| unknown_authority(hint)))
    }
}

/// The issuers by name, those first whose key identifier is the one that is asked for, then those
/// without one.
fn potential_parents<'v, 'a>(pool: &'v [One<'a>], child: &One) -> Vec<&'v One<'a>> {
    let mut named: Vec<&One> = pool
        .iter()
        .filter(|one| one.go.raw.subject == child.go.raw.issuer)
        .collect();
    named.sort_by_key(|one| match (one.go.key_id, child.go.issuer_key_id) {
        (own, asked) if own == asked => 0,
        (None, _) | (_, None) => 1,
        _ => 2,
    });
    named
}

fn same_holder(one: &One, other: &One) -> bool {
    one.go.raw.subject == other.go.raw.subject
        && one.go.raw.spki == other.go.raw.spki
        && one.go.names == other.go.names
}

fn signed_by(child: &One, parent: &One) -> Result<(), Stop> {
    let basic = parent.go.basic;
    if (parent.go.raw.version == Some(2) && basic.is_none())
        || basic.is_some_and(|(is_ca, _)| !is_ca)
        || (parent.go.usage != 0 && parent.go.usage & 0x0400 == 0)
    {
        return Err(refused(
            "x509: invalid signature: parent certificate cannot sign this kind of certificate",
        ));
    }
    let unimplemented = || refused("x509: cannot verify signature: algorithm unimplemented");
    let key = key_kind(parent.parsed);
    let algorithm = child.parsed.signature_algorithm.as_str();
    let insecure = |name| {
        refused(format!(
            "x509: cannot verify signature: insecure algorithm {name}"
        ))
    };
    let of_rsa = algorithm.contains("RSA") || algorithm.starts_with("rsassaPss");
    match algorithm {
        _ if matches!(key, "Ed448" | "RSA-PSS" | "other") => return Err(unimplemented()),
        "md5WithRSAEncryption" => return Err(insecure("MD5-RSA")),
        "sha1WithRSAEncryption" => return Err(insecure("SHA1-RSA")),
        "ecdsa-with-SHA1" => return Err(insecure("ECDSA-SHA1")),
        "sha256WithRSAEncryption"
        | "sha384WithRSAEncryption"
        | "sha512WithRSAEncryption"
        | "ecdsa-with-SHA256"
        | "ecdsa-with-SHA384"
        | "ecdsa-with-SHA512"
        | "Ed25519"
        | "rsassaPss with sha256"
        | "rsassaPss with sha384"
        | "rsassaPss with sha512" => {}
        _ => return Err(unimplemented()),
    }
    match signature(child.parsed, parent.parsed) {
        SignatureCheck::Right => Ok(()),
        SignatureCheck::Wrong if of_rsa => Err(refused("crypto/rsa: verification error")),
        SignatureCheck::Wrong if algorithm == "Ed25519" => {
            Err(refused("x509: Ed25519 verification failure"))
        }
        SignatureCheck::Wrong => Err(refused("x509: ECDSA verification failure")),
        SignatureCheck::Unknown(Unchecked::TooManyCandidates) => Err(unimplemented()),
        SignatureCheck::Unknown(_) => {
            Err(Stop::Lacks(lacking_signature(child.parsed, parent.parsed)))
        }
    }
}

fn unknown_authority(hint: Option<(String, &One)>) -> Stop {
    let mut says = "x509: certificate signed by unknown authority".to_owned();
    if let Some((why, candidate)) = hint {
        let attributes = raw::attributes(candidate.go.raw.subject).unwrap_or_default();
        let of = |id: &[u8]| {
            let found = attributes.iter().find(|(other, _, _)| *other == id);
            found.map(|(_, _, text)| String::from_utf8_lossy(text).into_owned())
        };
        let name = of(&[0x55, 4, 3])
            .or_else(|| of(&[0x55, 4, 10]))
            .unwrap_or_else(|| format!("serial:{}", candidate.parsed.serial));
        says = format!(
            "{says} (possibly because of {why:?} while trying to verify candidate authority \
             certificate {name:?})"
        );
    }
    Stop::Refused(says)
}

/// Whether the extendedKeyUsage of each allows it, as far as they have one.
fn allows(chain: &[&One], usage: &[u8]) -> bool {
    const ANY: &[u8] = &[0x55, 0x1d, 37, 0];
    chain.iter().rev().all(|one| {
        let usages = one.go.usages.as_deref().unwrap_or_default();
        usages.is_empty() || usages.iter().any(|one| *one == usage || *one == ANY)
    })
}
