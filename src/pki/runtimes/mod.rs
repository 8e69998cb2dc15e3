//! What one runtime, in its version, says of a chain: its rules, and its own sentence.
//!
//! Each is written after the sources of that runtime and compared with the runtime itself, by
//! `scripts/trust-verdicts` and `tests/it/trust_runtimes`. Where a rule is not implemented here, the
//! answer is that, and no verdict.

mod bundle;
mod clock;
mod distinguished;
mod gnutls;
mod go;
mod java;
mod names;
mod openssl;
mod policies;
mod rustls;
mod verdict;

use std::sync::Arc;
use std::time::SystemTime;

use super::algorithms::{SignatureCheck, check};
use super::{ChainSource, Purpose, Question, further_algorithms};
use crate::parse::x509::{KeyAlgorithm, ParsedCertificate, raw};

pub use bundle::{BundleEnd, RuntimeBundle, StorePlace};
pub(crate) use go::GoRules;
pub(crate) use openssl::{AskedBy, OpensslRules};
pub(crate) use rustls::RustlsProvider;
pub(crate) use verdict::judge_for;

/// A runtime whose rules are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedRuntime {
    /// Its name with its version (`Go 1.27`).
    pub name: String,
    rules: Rules,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rules {
    Go(GoRules),
    Openssl(OpensslRules),
    Gnutls,
    Java,
    Rustls(RustlsProvider),
}

/// What a runtime says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuntimeAnswer {
    /// It verifies.
    Accepted,
    /// It does not, with the sentence that the runtime prints.
    Refused(String),
    /// It depends on this rule, which is not implemented here.
    Lacks(String),
}

/// What a runtime is asked.
struct RuntimeQuestion<'a> {
    chain: &'a [Arc<ParsedCertificate>],
    roots: &'a [Arc<ParsedCertificate>],
    server_name: Option<&'a str>,
    now: SystemTime,
    purpose: Purpose,
    /// Bytes of the message that the server showed the chain in; `None`: it is in a file.
    message_bytes: Option<usize>,
    /// Whether the server stapled a response.
    has_staple: bool,
    /// Why what follows the chain is no certificate.
    unreadable: Option<Unreadable>,
}

/// Why bytes are no certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unreadable {
    /// They end before the certificate does.
    TooShort,
    /// Its length is that of BER.
    Indefinite,
    /// It lacks a field.
    Inside,
}

impl Unreadable {
    fn of(bytes: &[u8]) -> Self {
        if bytes.starts_with(&[0x30, 0x80]) {
            Self::Indefinite
        } else if raw::elements(bytes).is_empty() {
            Self::TooShort
        } else {
            Self::Inside
        }
    }
}

impl RuntimeQuestion<'_> {
    /// The object identifier of the extendedKeyUsage that is needed.
    fn usage(&self) -> &'static [u8] {
        match self.purpose {
            Purpose::Server => &[0x2b, 6, 1, 5, 5, 7, 3, 1],
            Purpose::Client => &[0x2b, 6, 1, 5, 5, 7, 3, 2],
        }
    }
}

impl AskedRuntime {
    /// Go, by the second number of its version.
    #[must_use]
    pub fn go(minor: u32, negative_serials: bool) -> Self {
        let negative_serials = negative_serials || minor < 23;
        Self {
            name: format!("Go 1.{minor}"),
            rules: Rules::Go(GoRules {
                minor,
                negative_serials,
            }),
        }
    }

    /// OpenSSL at the security level of the distributions.
    #[must_use]
    pub fn openssl() -> Self {
        Self::of_openssl("OpenSSL 3".to_owned(), 2, false, AskedBy::Openssl)
    }

    /// Python's ssl, by the second number of its version.
    #[must_use]
    pub fn python(minor: u32) -> Self {
        let name = format!("Python 3.{minor}");
        Self::of_openssl(name, 2, minor >= 13, AskedBy::Python)
    }

    /// Node.js with the OpenSSL that it brings along.
    #[must_use]
    pub fn node(major: u32) -> Self {
        let level = if major >= 24 { 2 } else { 1 };
        let name = format!("Node.js {major}");
        Self::of_openssl(name, level, false, AskedBy::Node { major })
    }

    /// .NET on Linux, by the first number of its version.
    #[must_use]
    pub fn dotnet(major: u32) -> Self {
        Self::of_openssl(format!(".NET {major}"), 0, false, AskedBy::Dotnet)
    }

    /// `GnuTLS` 3.
    #[must_use]
    pub fn gnutls() -> Self {
        Self {
            name: "GnuTLS 3".to_owned(),
            rules: Rules::Gnutls,
        }
    }

    /// Java, by the first number of its version. The rules are those of 16 and later.
    #[must_use]
    pub fn java(major: u32) -> Option<Self> {
        (major >= 16).then(|| Self {
            name: format!("Java {major}"),
            rules: Rules::Java,
        })
    }

    /// rustls with ring, or with aws-lc-rs, by the second number of its version.
    #[must_use]
    pub fn rustls(minor: u32, is_aws_lc: bool) -> Option<Self> {
        let provider = if is_aws_lc {
            RustlsProvider::AwsLc
        } else {
            RustlsProvider::Ring
        };
        (minor >= 22).then(|| Self {
            name: format!("rustls 0.{minor}"),
            rules: Rules::Rustls(provider),
        })
    }

    fn of_openssl(name: String, level: u8, is_strict: bool, asked_by: AskedBy) -> Self {
        let rules = Rules::Openssl(OpensslRules {
            level,
            is_strict,
            asked_by,
        });
        Self { name, rules }
    }

    /// Its verdict on a chain; `None` where the authorities are not known as certificates.
    #[must_use]
    pub fn ask(&self, question: &Question) -> Option<RuntimeAnswer> {
        let question = RuntimeQuestion {
            chain: question.chain,
            roots: question.roots.certificates()?,
            server_name: question.server_name,
            now: question.now,
            purpose: question.purpose,
            message_bytes: message_bytes(question),
            has_staple: question.staple.is_some(),
            unreadable: question.unreadable.map(Unreadable::of),
        };
        Some(match self.rules {
            Rules::Go(rules) => go::ask(&question, rules),
            Rules::Openssl(rules) => openssl::ask(&question, rules),
            Rules::Gnutls => gnutls::ask(&question),
            Rules::Java => java::ask(&question),
            Rules::Rustls(provider) => rustls::ask(&question, provider),
        })
    }

    /// Whether it takes a certificate out of a bundle of authorities.
    ///
    /// # Errors
    /// Its own sentence.
    pub fn takes(&self, certificate: &ParsedCertificate) -> Result<(), String> {
        match self.rules {
            Rules::Go(rules) => go::takes(certificate, rules),
            Rules::Openssl(_) => openssl::takes(certificate).map_err(str::to_owned),
            Rules::Gnutls => gnutls::takes(certificate).map_err(str::to_owned),
            Rules::Java => java::takes(certificate),
            Rules::Rustls(_) => rustls::takes(certificate),
        }
    }
}

/// The length of the Certificate message of TLS 1.3 without extensions (RFC 8446 4.4.2).
fn message_bytes(question: &Question) -> Option<usize> {
    let one = |certificate: &Arc<ParsedCertificate>| certificate.der().len() + 5;
    let all = question.chain.iter().map(one).sum::<usize>() + 4;
    (question.source == ChainSource::Server).then_some(all)
}

/// Checks the signature of one with the key of another.
fn signature(child: &ParsedCertificate, issuer: &ParsedCertificate) -> SignatureCheck {
    match child.signed() {
        Some(signed) => match check(&signed, issuer.spki_der()) {
            SignatureCheck::Unknown(_) => further_algorithms::check(&signed, issuer.spki_der()),
            known => known,
        },
        None => SignatureCheck::Wrong,
    }
}

/// The kind of a key as the rules tell them apart.
fn key_kind(certificate: &ParsedCertificate) -> &'static str {
    match certificate.public_key.as_ref().map(|key| key.algorithm) {
        Some(KeyAlgorithm::Rsa) => "RSA",
        Some(KeyAlgorithm::RsaPss) => "RSA-PSS",
        Some(KeyAlgorithm::Ecdsa) => "EC",
        Some(KeyAlgorithm::Ed25519) => "Ed25519",
        Some(KeyAlgorithm::Ed448) => "Ed448",
        Some(KeyAlgorithm::Dsa | KeyAlgorithm::Other) | None => "other",
    }
}

/// The rule that is missing where a signature cannot be checked.
fn lacking_signature(child: &ParsedCertificate, issuer: &ParsedCertificate) -> String {
    let key = issuer.public_key.as_ref();
    let curve = key.and_then(|key| key.curve.clone());
    let kind = curve.unwrap_or_else(|| key_kind(issuer).to_owned());
    format!(
        "signatures of {} with a key of {kind}",
        super::terms::clip(&child.signature_algorithm)
    )
}
