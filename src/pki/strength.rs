//! Finds keys and signatures that are too weak.
//!
//! What today's runtimes refuse is fatal. The line is that of OpenSSL at security level 2 (Debian,
//! Ubuntu, Fedora) and of rustls: 112 bits, which is RSA 2048 and 224 bits of a curve. Go takes
//! RSA from 1024 bits on, and the finding says so.

use super::finding;
use super::finding::{ChainFinding, Evidence, KeyKind, WeakHash};
use super::member::Member;
use crate::parse::x509::KeyAlgorithm;

/// Keys that are too short, those of trusted authorities too.
pub(super) fn keys(members: &[&Member]) -> Vec<ChainFinding> {
    let weak = members.iter().filter_map(|parsed| {
        let key = parsed.certificate.public_key.as_ref()?;
        let bits = key.bits?;
        let kind = match key.algorithm {
            KeyAlgorithm::Rsa | KeyAlgorithm::RsaPss if bits < 2_048 => KeyKind::Rsa,
            KeyAlgorithm::Ecdsa if bits < 224 => KeyKind::Ec,
            _ => return None,
        };
        let title = parsed.title();
        Some(finding(
            parsed.place,
            Evidence::WeakKey { title, kind, bits },
        ))
    });
    weak.collect()
}

/// Signatures over a hash in which others can be found with the same one. What a certificate
/// signs of itself proves nothing and is passed over.
pub(super) fn signatures(served: &[&Member]) -> Vec<ChainFinding> {
    let weak = served.iter().filter_map(|parsed| {
        if parsed.self_issued() {
            return None;
        }
        let algorithm = parsed.certificate.signature_algorithm.as_str();
        let hash = match algorithm {
            "md2WithRSAEncryption" | "md5WithRSAEncryption" => WeakHash::Md2OrMd5,
            "sha1WithRSAEncryption" | "ecdsa-with-SHA1" | "dsa-with-SHA1" => WeakHash::Sha1,
            _ => return None,
        };
        let evidence = Evidence::WeakSignature {
            title: parsed.title(),
            algorithm: algorithm.to_owned(),
            hash,
        };
        Some(finding(parsed.place, evidence))
    });
    weak.collect()
}
