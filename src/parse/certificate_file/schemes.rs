//! The names of what encrypts keys and keystores, for those that are not decrypted here.

use crate::parse::ber::{Elements, OBJECT_IDENTIFIER, SEQUENCE, dotted};

const NAMES: &[(&str, &str)] = &[
    ("1.2.840.113549.1.5.1", "PBES1 (MD2, DES)"),
    ("1.2.840.113549.1.5.3", "PBES1 (MD5, DES)"),
    ("1.2.840.113549.1.5.4", "PBES1 (MD2, RC2)"),
    ("1.2.840.113549.1.5.6", "PBES1 (MD5, RC2)"),
    ("1.2.840.113549.1.5.10", "PBES1 (SHA-1, DES)"),
    ("1.2.840.113549.1.5.11", "PBES1 (SHA-1, RC2)"),
    ("1.2.840.113549.1.5.12", "PBKDF2"),
    ("1.2.840.113549.1.5.13", "PBES2"),
    ("1.2.840.113549.1.5.14", "PBMAC1"),
    ("1.2.840.113549.1.12.1.1", "RC4-128 (PKCS#12)"),
    ("1.2.840.113549.1.12.1.2", "RC4-40 (PKCS#12)"),
    ("1.3.6.1.4.1.11591.4.11", "scrypt"),
    ("1.3.14.3.2.7", "DES-CBC"),
    ("1.2.840.113549.3.2", "RC2-CBC"),
    ("1.2.840.113549.3.4", "RC4"),
    ("1.2.840.113549.3.7", "3DES-CBC"),
    ("2.16.840.1.101.3.4.1.2", "AES-128-CBC"),
    ("2.16.840.1.101.3.4.1.22", "AES-192-CBC"),
    ("2.16.840.1.101.3.4.1.42", "AES-256-CBC"),
    ("2.16.840.1.101.3.4.1.6", "AES-128-GCM"),
    ("2.16.840.1.101.3.4.1.26", "AES-192-GCM"),
    ("2.16.840.1.101.3.4.1.46", "AES-256-GCM"),
    ("1.2.392.200011.61.1.1.1.2", "Camellia-128-CBC"),
    ("1.2.392.200011.61.1.1.1.3", "Camellia-192-CBC"),
    ("1.2.392.200011.61.1.1.1.4", "Camellia-256-CBC"),
    ("1.2.410.200046.1.1.2", "ARIA-128-CBC"),
    ("1.2.410.200046.1.1.7", "ARIA-192-CBC"),
    ("1.2.410.200046.1.1.12", "ARIA-256-CBC"),
    ("1.2.410.200004.1.4", "SEED-CBC"),
    ("1.2.156.10197.1.104.2", "SM4-CBC"),
];

/// The name of a scheme by its object identifier, else that with dots.
pub(super) fn named(id: &[u8]) -> String {
    let id = dotted(id);
    let known = NAMES.iter().find(|(known, _)| *known == id);
    known.map_or(id, |(_, name)| (*name).to_owned())
}

/// The cipher and the key derivation of PBES2 (RFC 8018), with the length of a salt that is
/// unusual.
pub(super) fn of_pbes2(parameters: &[u8]) -> String {
    let read = || {
        let mut inside = Elements::of(parameters).enter(SEQUENCE)?;
        let mut derivation = inside.enter(SEQUENCE)?;
        let mut cipher = inside.enter(SEQUENCE)?;
        let derivation_name = named(derivation.take(OBJECT_IDENTIFIER)?.content);
        let cipher = named(cipher.take(OBJECT_IDENTIFIER)?.content);
        let salt = derivation
            .enter(SEQUENCE)
            .and_then(|mut inside| inside.next_element())
            .map_or(0, |salt| salt.content.len());
        Some(if salt > 32 {
            format!("{cipher} and {derivation_name} with a salt of {salt} bytes")
        } else {
            format!("{cipher} and {derivation_name}")
        })
    };
    read().unwrap_or_else(|| "PBES2".to_owned())
}
