//! The findings of a judgement: each with its evidence, from which follow the problem that the
//! document names, its weight and its moment. The sentence is made in `words`.

use std::time::SystemTime;

use webpki::Error;

use super::{ChainSource, Purpose};
use crate::model::time::Timestamp;
use crate::model::tls::OcspStatus;
use crate::model::verdict::{Authorities, Finding, Problem};

/// One finding about a chain.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ChainFinding {
    pub(super) evidence: Evidence,
    /// The place of the certificate in the chain, from 0; absent for a trusted authority and for
    /// the chain as a whole.
    pub(super) place: Option<u32>,
}

/// The evidence of a finding. A `title` names the certificate that it is about.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Evidence {
    /// There is no certificate at all.
    NoCertificate(ChainSource),
    /// The leaf cannot be parsed.
    NotX509 { title: String },
    /// The end of its validity has passed.
    Expired {
        title: String,
        end: Timestamp,
        now: SystemTime,
    },
    /// Its validity has not begun.
    NotYetValid {
        title: String,
        begin: Timestamp,
        now: SystemTime,
    },
    /// The issuer has no `CA:TRUE`.
    IssuerIsNoCa { title: String, subject: String },
    /// The keyUsage of the issuer lacks keyCertSign.
    IssuerMayNotSign { title: String, subject: String },
    /// More CA certificates below an issuer than its pathLenConstraint allows.
    PathTooLong {
        title: String,
        allowed: u32,
        below: u32,
    },
    /// The extendedKeyUsage excludes the purpose, of the leaf or of an issuer above it.
    ExtendedKeyUsage {
        title: String,
        of_leaf: bool,
        purpose: Purpose,
        allowed: Vec<String>,
    },
    /// The keyUsage of the leaf excludes a TLS handshake.
    KeyUsage {
        title: String,
        purpose: Purpose,
        allowed: Vec<String>,
    },
    /// Critical extensions that are not implemented, by object identifier.
    CriticalExtensions { title: String, oids: Vec<String> },
    /// A name that the nameConstraints of an issuer exclude, or do not permit.
    ForbiddenName {
        title: String,
        issuer: String,
        name: String,
        constraint: Constraint,
    },
    /// Names and nameConstraints beyond the bound of comparisons.
    TooManyConstraints { title: String, issuer: String },
    /// A key below the strength that runtimes accept.
    WeakKey {
        title: String,
        kind: KeyKind,
        bits: u32,
    },
    /// A signature over a broken hash.
    WeakSignature {
        title: String,
        algorithm: String,
        hash: WeakHash,
    },
    /// A signature that could not be checked.
    UncheckedSignature {
        title: String,
        algorithm: String,
        why: Unchecked,
    },
    /// The bounds of the search were reached.
    SearchStopped { title: String },
    /// A trust anchor that another authority issued.
    PartialChain { title: String },
    /// Self-issued, and the signature does not match its own key.
    WrongSelfSignature { title: String },
    /// A self-signed leaf that is not trusted.
    SelfSigned { title: String, trusted: TrustedSet },
    /// The chain ends at a root that is not trusted.
    UntrustedRoot { title: String, trusted: TrustedSet },
    /// The issuer is present under a name that is encoded in another way.
    IssuerEncodedDifferently { title: String, issuer: String },
    /// The issuer is neither trusted nor in the chain; a public one, as it gives its URL.
    MissingIntermediate {
        title: String,
        issuer: String,
        trusted: TrustedSet,
        source: ChainSource,
        url: String,
    },
    /// The issuer is neither trusted nor in the chain.
    UnknownIssuer {
        title: String,
        issuer: String,
        trusted: TrustedSet,
        url: Option<String>,
    },
    /// An issuer of that name is present, with another key identifier.
    OtherIssuerKey {
        title: String,
        issuer: String,
        location: IssuerLocation,
    },
    /// An issuer of that name is present, and the signature does not match its key.
    WrongSignature {
        title: String,
        issuer: String,
        location: IssuerLocation,
    },
    /// The requested name has no ASCII form here.
    NameNotConverted { requested: String },
    /// The requested name is no host name and no address.
    NameInvalid { requested: String },
    /// The names of the leaf are malformed, by webpki's error.
    NamesUnreadable { title: String, error: Error },
    /// The requested name is not among those of the leaf.
    NameMismatch {
        title: String,
        requested: String,
        ascii: String,
        offered: Vec<String>,
        hint: Option<NameHint>,
    },
    /// A staple without an answer about the leaf.
    StapleUnusable { title: String },
    /// A staple that neither the issuer nor its responder signed.
    StapleNotSigned { title: String, status: OcspStatus },
    /// A staple that reports the leaf as revoked.
    Revoked {
        title: String,
        at: Option<Timestamp>,
        reason: Option<String>,
        is_signed: bool,
        now: SystemTime,
    },
    /// A staple whose next update is overdue.
    StapleOutOfDate {
        title: String,
        due: Timestamp,
        now: SystemTime,
    },
    /// webpki rejects a CA certificate as the leaf.
    CaAsLeaf { title: String },
    /// webpki cannot read a certificate of the path, for this error.
    NotReadByWebpki(Error),
    /// webpki rejects the path, for this error.
    RejectedByWebpki(Error),
    /// Root certificates that the chain contains.
    RootsIncluded {
        source: ChainSource,
        titles: Vec<String>,
    },
    /// Certificates of the chain that no path uses.
    UnusedCertificates {
        source: ChainSource,
        titles: Vec<String>,
    },
    /// Several certificates for one issuer, of which the first leads nowhere.
    FirstLeadsNowhere { source: ChainSource, title: String },
    /// A certificate that does not follow the one that it issued.
    OutOfOrder(ChainSource),
}

/// How nameConstraints forbid a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Constraint {
    /// It is within this excluded subtree.
    Excluded(String),
    /// It is in none of these, the only ones permitted of its kind.
    NotPermitted(Vec<String>),
}

/// The kind of a weak key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyKind {
    Rsa,
    Ec,
}

/// A broken hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WeakHash {
    Md2OrMd5,
    Sha1,
}

/// Why a signature could not be checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unchecked {
    KeyMalformed,
    AlgorithmUnsupported,
    CompressedPoint,
    RsaKeyTooShort,
    RsaKeyTooLong,
    RsaExponentTooLarge,
    TooManyCandidates,
}

/// Where the certificate of an issuer was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IssuerLocation {
    Chain,
    TrustStore,
}

/// The authorities that were compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TrustedSet {
    pub(super) authorities: Authorities,
    pub(super) count: usize,
}

/// Why a name that looks right does not match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NameHint {
    /// The address is listed as a DNS name.
    AddressAsDnsName,
    /// An asterisk that is only part of a label.
    PartialWildcard(String),
    /// A wildcard more than one label above the name.
    OneLabelWildcard(String),
    /// The name is only the common name.
    OnlyCommonName,
}

impl ChainFinding {
    /// Whether it decides against the chain.
    pub(super) fn is_fatal(&self) -> bool {
        match &self.evidence {
            Evidence::PartialChain { .. }
            | Evidence::StapleUnusable { .. }
            | Evidence::StapleNotSigned { .. }
            | Evidence::StapleOutOfDate { .. }
            | Evidence::CaAsLeaf { .. }
            | Evidence::RootsIncluded { .. }
            | Evidence::UnusedCertificates { .. }
            | Evidence::FirstLeadsNowhere { .. }
            | Evidence::OutOfOrder(_) => false,
            Evidence::Revoked { is_signed, .. } => *is_signed,
            _ => true,
        }
    }

    /// The problem that the document names.
    pub(super) fn problem(&self) -> Problem {
        match &self.evidence {
            Evidence::NoCertificate(_)
            | Evidence::NotX509 { .. }
            | Evidence::NamesUnreadable { .. }
            | Evidence::StapleUnusable { .. } => Problem::Malformed,
            Evidence::Expired { .. } | Evidence::StapleOutOfDate { .. } => Problem::Expired,
            Evidence::NotYetValid { .. } => Problem::NotYetValid,
            Evidence::IssuerIsNoCa { .. }
            | Evidence::IssuerMayNotSign { .. }
            | Evidence::PathTooLong { .. } => Problem::IssuerNotCa,
            Evidence::ExtendedKeyUsage { .. }
            | Evidence::KeyUsage { .. }
            | Evidence::CaAsLeaf { .. } => Problem::NotForServers,
            Evidence::CriticalExtensions { .. }
            | Evidence::TooManyConstraints { .. }
            | Evidence::UncheckedSignature { .. }
            | Evidence::SearchStopped { .. }
            | Evidence::NotReadByWebpki(_)
            | Evidence::NameNotConverted { .. } => Problem::Unsupported,
            Evidence::ForbiddenName { .. } => Problem::NameConstraint,
            Evidence::WeakKey { .. } => Problem::WeakKey,
            Evidence::WeakSignature { .. } => Problem::WeakSignature,
            Evidence::WrongSelfSignature { .. }
            | Evidence::WrongSignature { .. }
            | Evidence::StapleNotSigned { .. } => Problem::BadSignature,
            Evidence::SelfSigned { .. } => Problem::SelfSigned,
            Evidence::PartialChain { .. }
            | Evidence::UntrustedRoot { .. }
            | Evidence::IssuerEncodedDifferently { .. }
            | Evidence::UnknownIssuer { .. }
            | Evidence::OtherIssuerKey { .. } => Problem::UnknownIssuer,
            Evidence::MissingIntermediate { .. } => Problem::MissingIntermediate,
            Evidence::NameInvalid { .. } | Evidence::NameMismatch { .. } => Problem::NameMismatch,
            Evidence::Revoked { .. } => Problem::Revoked,
            Evidence::RejectedByWebpki(error) => problem_of(error),
            Evidence::RootsIncluded { .. }
            | Evidence::UnusedCertificates { .. }
            | Evidence::FirstLeadsNowhere { .. }
            | Evidence::OutOfOrder(_) => Problem::Untidy,
        }
    }

    fn at(&self) -> Option<Timestamp> {
        match &self.evidence {
            Evidence::Expired { end: at, .. }
            | Evidence::NotYetValid { begin: at, .. }
            | Evidence::StapleOutOfDate { due: at, .. } => Some(*at),
            Evidence::Revoked { at, .. } => *at,
            _ => None,
        }
    }

    /// The finding as the document holds it.
    pub(super) fn reported(&self) -> Finding {
        Finding {
            problem: self.problem(),
            fatal: self.is_fatal(),
            certificate: self.place,
            says: self.evidence.to_string(),
            at: self.at(),
        }
    }
}

fn problem_of(error: &Error) -> Problem {
    match error {
        Error::UnsupportedCertVersion
        // The usual kinds were compared already.
        | Error::NameConstraintViolation
        | Error::UnsupportedCriticalExtension
        | Error::UnsupportedSignatureAlgorithmContext(_)
        | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_)
        | Error::MaximumSignatureChecksExceeded
        | Error::MaximumPathBuildCallsExceeded
        | Error::MaximumNameConstraintComparisonsExceeded => Problem::Unsupported,
        Error::InvalidSignatureForPublicKey => Problem::BadSignature,
        Error::PathLenConstraintViolated | Error::EndEntityUsedAsCa => Problem::IssuerNotCa,
        Error::RequiredEkuNotFoundContext(_) | Error::EmptyEkuExtension => Problem::NotForServers,
        _ => Problem::Malformed,
    }
}
