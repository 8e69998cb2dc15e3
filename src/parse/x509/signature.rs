//! The names of signature algorithms.

use crate::parse::ber::{Elements, OBJECT_IDENTIFIER, SEQUENCE, context, dotted};

const RSA_PSS: &str = "1.2.840.113549.1.1.10";

const SIGNATURES: &[(&str, &str)] = &[
    ("1.2.840.113549.1.1.2", "md2WithRSAEncryption"),
    ("1.2.840.113549.1.1.3", "md4WithRSAEncryption"),
    ("1.2.840.113549.1.1.4", "md5WithRSAEncryption"),
    ("1.2.840.113549.1.1.5", "sha1WithRSAEncryption"),
    ("1.2.840.113549.1.1.11", "sha256WithRSAEncryption"),
    ("1.2.840.113549.1.1.12", "sha384WithRSAEncryption"),
    ("1.2.840.113549.1.1.13", "sha512WithRSAEncryption"),
    ("1.2.840.113549.1.1.14", "sha224WithRSAEncryption"),
    ("1.2.840.10045.4.1", "ecdsa-with-SHA1"),
    ("1.2.840.10045.4.3.1", "ecdsa-with-SHA224"),
    ("1.2.840.10045.4.3.2", "ecdsa-with-SHA256"),
    ("1.2.840.10045.4.3.3", "ecdsa-with-SHA384"),
    ("1.2.840.10045.4.3.4", "ecdsa-with-SHA512"),
    ("1.2.840.10040.4.3", "dsa-with-SHA1"),
    ("2.16.840.1.101.3.4.3.1", "dsa-with-SHA224"),
    ("2.16.840.1.101.3.4.3.2", "dsa-with-SHA256"),
    ("1.3.101.112", "Ed25519"),
    ("1.3.101.113", "Ed448"),
    ("2.16.840.1.101.3.4.3.17", "ML-DSA-44"),
    ("2.16.840.1.101.3.4.3.18", "ML-DSA-65"),
    ("2.16.840.1.101.3.4.3.19", "ML-DSA-87"),
];

const HASHES: &[(&str, &str)] = &[
    ("1.3.14.3.2.26", "sha1"),
    ("2.16.840.1.101.3.4.2.1", "sha256"),
    ("2.16.840.1.101.3.4.2.2", "sha384"),
    ("2.16.840.1.101.3.4.2.3", "sha512"),
    ("2.16.840.1.101.3.4.2.4", "sha224"),
];

/// The name of a signature algorithm as openssl prints it, or its object identifier. That of
/// RSA-PSS is named with its hash: `rsassaPss with sha256`.
pub(super) fn name(algorithm: &[u8]) -> String {
    let mut algorithm = Elements::of(algorithm);
    let id = algorithm.take(OBJECT_IDENTIFIER);
    let id = dotted(id.map_or(&[], |id| id.content));
    if id == RSA_PSS {
        let parameters = algorithm.next_element();
        return match hash(parameters.map_or(&[], |parameters| parameters.content)) {
            Some(hash) => format!("rsassaPss with {hash}"),
            None => "rsassaPss".to_owned(),
        };
    }
    known(SIGNATURES, id)
}

/// The hash of the parameters of RSA-PSS (RFC 4055), SHA-1 where they do not name one.
fn hash(parameters: &[u8]) -> Option<String> {
    let mut parameters = Elements::of(parameters);
    match parameters.enter(context(0)) {
        Some(mut hash) => {
            let id = hash.enter(SEQUENCE)?.take(OBJECT_IDENTIFIER)?;
            Some(known(HASHES, dotted(id.content)))
        }
        None => Some("sha1".to_owned()),
    }
}

fn known(names: &[(&str, &str)], id: String) -> String {
    let known = names.iter().find(|(known, _)| *known == id);
    known.map_or(id, |(_, name)| (*name).to_owned())
}
