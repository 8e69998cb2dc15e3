//! Keys and signatures that are too weak to be believed.
//!
//! What today's runtimes refuse is fatal. The line is that of OpenSSL at security level 2 (Debian,
//! Ubuntu, Fedora) and of rustls: 112 bits, which is RSA 2048 and 224 bits of a curve. Go takes
//! RSA from 1024 bits on, and the finding says so.

use super::member::Member;
use super::{Finding, finding};
use crate::model::verdict::Problem;
use crate::parse::x509::KeyAlgorithm;

/// Keys that are too short, those of trusted authorities too.
pub(super) fn keys(members: &[&Member]) -> Vec<Finding> {
    let weak = members.iter().filter_map(|parsed| {
        let key = parsed.certificate.public_key.as_ref()?;
        let bits = key.bits?;
        let title = parsed.title();
        let says = match key.algorithm {
            KeyAlgorithm::Rsa | KeyAlgorithm::RsaPss if bits < 1_024 => {
                format!("{title} has an RSA key of {bits} bits, which every runtime rejects")
            }
            KeyAlgorithm::Rsa | KeyAlgorithm::RsaPss if bits < 2_048 => format!(
                "{title} has an RSA key of {bits} bits; OpenSSL (security level 2) and rustls \
                 reject fewer than 2048, Go accepts 1024"
            ),
            KeyAlgorithm::Ecdsa if bits < 224 => format!(
                "{title} has an EC key of {bits} bits; OpenSSL (security level 2) rejects fewer \
                 than 224, Go and rustls do not support such curves"
            ),
            _ => return None,
        };
        Some(finding(Problem::WeakKey, parsed.place, says))
    });
    weak.collect()
}

/// Signatures over a hash in which others can be found with the same one. What a certificate
/// signs of itself proves nothing and is passed over.
pub(super) fn signatures(served: &[&Member]) -> Vec<Finding> {
    let weak = served.iter().filter_map(|parsed| {
        if parsed.self_issued() {
            return None;
        }
        let algorithm = parsed.certificate.signature_algorithm.as_str();
        let says = match algorithm {
            "md2WithRSAEncryption" | "md5WithRSAEncryption" => "which anyone can forge",
            "sha1WithRSAEncryption" | "ecdsa-with-SHA1" | "dsa-with-SHA1" => {
                "over SHA-1, which Go, OpenSSL (since 3.0) and rustls reject"
            }
            _ => return None,
        };
        let says = format!("{} is signed with {algorithm}, {says}", parsed.title());
        Some(finding(Problem::WeakSignature, parsed.place, says))
    });
    weak.collect()
}
