//! Whether a chain of certificates is trusted, by which authorities, and the problems found.

use serde::{Deserialize, Serialize};

use super::time::Timestamp;

/// A chain as judged with one set of authorities.
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
    /// What speaks against it, and warnings that do not; the gravest first.
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
    /// Those that the target's runtime finds.
    Target,
    /// Mozilla's, as built into spyhole.
    Mozilla,
    /// Those of `--ca`.
    Given,
}

/// What came of judging a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Judgement {
    /// It verifies.
    Verified,
    /// It does not.
    Refused,
    /// It not verified: it uses a feature that spyhole does not support.
    CannotVerify,
}

/// One thing that was found about a chain.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Finding {
    /// What kind of thing.
    pub problem: Problem,
    /// Whether it decides against the chain; otherwise it is a warning.
    pub fatal: bool,
    /// The place of the certificate that it is about in the served chain, from 0; absent where
    /// it is about the chain as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<u32>,
    /// The whole story with its evidence, as a sentence.
    pub says: String,
    /// The moment it turns on: the end of an expired certificate, the beginning of one that is
    /// not valid yet, the revocation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}

/// What can be wrong with a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Problem {
    /// A staple says that it was revoked.
    Revoked,
    /// A signature does not fit.
    BadSignature,
    /// Its time is over.
    Expired,
    /// Its time has not come.
    NotYetValid,
    /// The name that was asked for is not among its names.
    NameMismatch,
    /// No trusted authority issued it.
    UnknownIssuer,
    /// The server left out a certificate between it and an authority.
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
    /// It is not in the form that X.509 asks for.
    Malformed,
    /// The target's runtime refuses it by its own rules.
    RefusedByRuntime,
    /// The server sends more than is needed, or in the wrong order.
    Untidy,
}
