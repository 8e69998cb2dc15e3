//! The parts of the sentences of findings.

use std::fmt;

use webpki::Error;

use crate::model::tls::OcspStatus;
use crate::model::verdict::Authorities;
use crate::pki::finding::{IssuerLocation, NameHint, TrustedSet, Unchecked};
use crate::pki::terms::clip;
use crate::pki::{ChainSource, Purpose};

pub(super) fn rejected(f: &mut fmt::Formatter<'_>, error: &Error) -> fmt::Result {
    f.write_str(match error {
        Error::UnsupportedCertVersion => "a certificate in the chain is older than X.509 version 3",
        Error::NameConstraintViolation => {
            "an issuer has nameConstraints of a type that spyhole does not support"
        }
        Error::UnsupportedCriticalExtension => {
            "a certificate in the chain has a critical extension that spyhole does not support"
        }
        Error::UnsupportedSignatureAlgorithmContext(_)
        | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => {
            "a certificate in the chain is signed with an algorithm that spyhole does not support"
        }
        Error::MaximumSignatureChecksExceeded
        | Error::MaximumPathBuildCallsExceeded
        | Error::MaximumNameConstraintComparisonsExceeded => "the chain is too complex to verify",
        Error::InvalidSignatureForPublicKey => "a signature in the chain does not match",
        Error::PathLenConstraintViolated | Error::EndEntityUsedAsCa => {
            return write!(f, "an issuer in the chain may not issue it ({error:?})");
        }
        Error::RequiredEkuNotFoundContext(_) | Error::EmptyEkuExtension => {
            "a certificate in the chain is not valid for servers (extendedKeyUsage)"
        }
        other => return write!(f, "the chain violates the rules of X.509: {other:?}"),
    })
}

impl fmt::Display for Unchecked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::KeyMalformed => "the issuer's key is malformed",
            Self::AlgorithmUnsupported => "spyhole does not support this algorithm",
            Self::CompressedPoint => "the issuer's key is a compressed point",
            Self::RsaKeyTooShort => "the issuer's RSA key is too short for it",
            Self::RsaKeyTooLong => "the issuer's RSA key is longer than 8192 bits",
            Self::RsaExponentTooLarge => "the issuer's RSA key has a huge exponent",
            Self::TooManyCandidates => "there are too many candidates for its issuer",
        })
    }
}

/// As the end of "the one that is …".
impl fmt::Display for IssuerLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Chain => "in the chain",
            Self::TrustStore => "trusted",
        })
    }
}

/// As the end of "is not …".
impl fmt::Display for TrustedSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whose = match self.authorities {
            Authorities::Target => "that the target trusts",
            Authorities::Mozilla => "of Mozilla",
            Authorities::Given => "of --ca",
        };
        match (self.count, self.authorities) {
            (0, Authorities::Target) => f.write_str("trusted (the target's trust store is empty)"),
            (0, _) => f.write_str("trusted (--ca contains no authority)"),
            (1, _) => write!(f, "the only authority {whose}"),
            (count, _) => write!(f, "one of the {count} authorities {whose}"),
        }
    }
}

impl fmt::Display for NameHint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AddressAsDnsName => f.write_str(
                "the address is listed as a DNS name, but must be listed as an IP address",
            ),
            Self::PartialWildcard(wildcard) => write!(
                f,
                "the wildcard in {} is only part of a label, which OpenSSL accepts and Go does not",
                clip(wildcard)
            ),
            Self::OneLabelWildcard(wildcard) => write!(
                f,
                "the wildcard in {} matches exactly one label",
                clip(wildcard)
            ),
            Self::OnlyCommonName => f.write_str(
                "the name is only in the subject's CN, which Go, browsers and rustls ignore",
            ),
        }
    }
}

pub(super) fn sends(source: ChainSource) -> &'static str {
    match source {
        ChainSource::Server => "the server sends",
        ChainSource::File => "the file contains",
    }
}

pub(super) fn users(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Server => "servers",
        Purpose::Client => "clients",
    }
}

pub(super) fn status_word(status: OcspStatus) -> &'static str {
    match status {
        OcspStatus::Good => "good",
        OcspStatus::Revoked => "revoked",
        OcspStatus::Unknown | OcspStatus::Unusable => "unknown",
    }
}
