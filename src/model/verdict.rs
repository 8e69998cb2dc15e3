//! Whether a chain of certificates is trusted, by which authorities, and the problems found.

use serde::{Deserialize, Serialize};

use super::time::Timestamp;

/// The verdict on a chain with one set of authorities.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Verdict {
    /// Whose authorities.
    pub authorities: Authorities,
    /// The judgement.
    pub judgement: Judgement,
    /// The subjects from the leaf to the authority, where the chain leads to one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub path: Vec<String>,
    /// Problems and warnings; the most severe first.
    pub findings: Vec<Finding>,
    /// What the target's runtime says of it, by its own rules; absent where those are not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime: Option<RuntimeVerdict>,
}

/// What one runtime says of a chain.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RuntimeVerdict {
    /// The runtime with its version (`Go 1.27`).
    pub name: String,
    /// Its judgement.
    pub judgement: Judgement,
    /// The sentence that it prints, or the rule that spyhole lacks; absent where it accepts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub says: Option<String>,
}

/// A set of trusted authorities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Authorities {
    /// The authorities that the target's runtime finds.
    Target,
    /// Mozilla's roots, as built into spyhole.
    Mozilla,
    /// The authorities of `--ca`.
    Given,
}

/// The verdict on a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Judgement {
    /// Verified.
    Verified,
    /// Refused.
    Refused,
    /// Not verified: it uses a feature that spyhole does not support.
    CannotVerify,
}

/// One finding about a chain.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Finding {
    /// The kind of problem.
    pub problem: Problem,
    /// Whether it decides against the chain; otherwise it is a warning.
    pub fatal: bool,
    /// The place of the certificate that it is about in the served chain, from 0; absent where
    /// it is about the chain as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<u32>,
    /// The finding with its evidence, as a sentence.
    pub says: String,
    /// The decisive moment: the end of an expired certificate, the beginning of one that is not
    /// valid yet, the revocation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}

/// A kind of problem of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Problem {
    /// The OCSP staple reports it as revoked.
    Revoked,
    /// A signature does not match.
    BadSignature,
    /// It has expired.
    Expired,
    /// It is not valid yet.
    NotYetValid,
    /// The requested name is not among its names.
    NameMismatch,
    /// No trusted authority issued it.
    UnknownIssuer,
    /// The server does not send an intermediate certificate.
    MissingIntermediate,
    /// It is self-signed and is not itself trusted.
    SelfSigned,
    /// It is not for servers (extendedKeyUsage).
    NotForServers,
    /// Its issuer may not issue certificates, or the chain is too long.
    IssuerNotCa,
    /// An issuer forbids its names (nameConstraints).
    NameConstraint,
    /// A key that is too short.
    WeakKey,
    /// Signed with SHA-1 or MD5.
    WeakSignature,
    /// A version, an algorithm or a critical extension that spyhole does not know.
    Unsupported,
    /// It is not valid X.509.
    Malformed,
    /// The target's runtime refuses it by its own rules.
    RefusedByRuntime,
    /// The server sends more than is needed, or in the wrong order.
    Untidy,
}
