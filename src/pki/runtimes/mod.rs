//! What one runtime, in its version, says of a chain: its rules, and its own sentence.
//!
//! Each is written after the sources of that runtime and compared with the runtime itself, by
//! `scripts/trust-verdicts` and `tests/it/trust_runtimes`. Where a rule is not implemented here, the
//! answer is that, and no verdict.

mod clock;
mod go;
mod go_parse;
mod names;
mod openssl;
mod openssl_certificate;
mod verdict;

use std::sync::Arc;
use std::time::SystemTime;

use super::algorithms::{SignatureCheck, check};
use super::{Purpose, Question};
use crate::parse::x509::{KeyAlgorithm, ParsedCertificate};

pub(crate) use go_parse::GoRules;
pub(crate) use openssl::{AskedBy, OpensslRules};
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
        };
        Some(match self.rules {
            Rules::Go(rules) => go::ask(&question, rules),
            Rules::Openssl(rules) => openssl::ask(&question, rules),
        })
    }

    /// Whether it takes a certificate out of a bundle of authorities.
    ///
    /// # Errors
    /// Its own sentence.
    pub fn takes(&self, certificate: &ParsedCertificate) -> Result<(), String> {
        match self.rules {
            Rules::Go(rules) => go::read(certificate, rules).map(|_| ()),
            Rules::Openssl(_) => openssl_certificate::OpensslCertificate::of(certificate)
                .map(|_| ())
                .map_err(str::to_owned),
        }
    }
}

/// Checks the signature of one with the key of another.
fn signature(child: &ParsedCertificate, issuer: &ParsedCertificate) -> SignatureCheck {
    match child.signed() {
        Some(signed) => check(&signed, issuer.spki_der()),
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
