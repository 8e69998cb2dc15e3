//! A certificate with its private key, to be shown to a server that asks.

use std::fmt;
use std::sync::Arc;

use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};

/// A certificate chain and the key of its first certificate. Nothing of the key is ever shown.
#[derive(Clone)]
pub(crate) struct ClientKey(Arc<CertifiedKey>);

/// Why a certificate and a key cannot be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KeyFault {
    /// The one file holds none.
    #[error("contains no certificate in PEM or DER")]
    NoCertificate,
    /// The other file holds none.
    #[error("contains no private key in PEM or DER (PKCS#8, PKCS#1 or SEC 1)")]
    NoKey,
    /// A password protects it.
    #[error("is protected by a password, which is not supported here")]
    Encrypted,
    /// Its kind cannot be used.
    #[error(
        "contains a key that is not supported; use RSA of 2048 bits or more, P-256, P-384 or \
        Ed25519"
    )]
    Unsupported,
    /// They are not of one pair.
    #[error("is not the key of the certificate")]
    Mismatch,
}

impl KeyFault {
    /// Whether it is the file of the certificate that is wrong, not that of the key.
    #[must_use]
    pub(crate) fn is_of_certificate(self) -> bool {
        self == Self::NoCertificate
    }
}

impl ClientKey {
    /// From the content of two files, which may be one and the same.
    ///
    /// # Errors
    /// [`KeyFault`], where they do not make a pair.
    pub(crate) fn from_files(certificates: &[u8], key: &[u8]) -> Result<Self, KeyFault> {
        let mut chain: Vec<CertificateDer> = CertificateDer::pem_slice_iter(certificates)
            .collect::<Result<_, _>>()
            .map_err(|_| KeyFault::NoCertificate)?;
        if chain.is_empty() && certificates.first() == Some(&0x30) {
            chain.push(CertificateDer::from(certificates.to_vec()));
        }
        if chain.is_empty() {
            return Err(KeyFault::NoCertificate);
        }
        let key = match PrivateKeyDer::from_pem_slice(key) {
            Ok(key) => key,
            Err(_) if holds(key, b"ENCRYPTED") => return Err(KeyFault::Encrypted),
            Err(_) => PrivateKeyDer::try_from(key.to_vec()).map_err(|_| KeyFault::NoKey)?,
        };
        let key = any_supported_type(&key).map_err(|_| KeyFault::Unsupported)?;
        let certified = CertifiedKey::new(chain, key);
        match certified.keys_match() {
            Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => {}
            Err(Error::InconsistentKeys(_)) => return Err(KeyFault::Mismatch),
            Err(_) => return Err(KeyFault::NoCertificate),
        }
        Ok(Self(Arc::new(certified)))
    }

    pub(super) fn certified(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.0)
    }
}

impl fmt::Debug for ClientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientKey")
    }
}

fn holds(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|part| part == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (String, String) {
        let made = rcgen::generate_simple_self_signed(["client".to_owned()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    #[test]
    fn pem_and_der_are_taken_together_or_apart() {
        let made = rcgen::generate_simple_self_signed(["client".to_owned()]).unwrap();
        let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        let both = format!("{key}\n{certificate}");
        ClientKey::from_files(certificate.as_bytes(), key.as_bytes()).unwrap();
        ClientKey::from_files(both.as_bytes(), both.as_bytes()).unwrap();
        ClientKey::from_files(made.cert.der(), made.signing_key.serialized_der()).unwrap();
    }

    #[test]
    fn what_makes_no_pair_says_why() {
        let ((certificate, key), (_, other)) = (pair(), pair());
        let locked =
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
        let cases = [
            (key.as_str(), key.as_str(), KeyFault::NoCertificate),
            ("", &key, KeyFault::NoCertificate),
            (&certificate, &certificate, KeyFault::NoKey),
            (&certificate, &other, KeyFault::Mismatch),
            (&certificate, locked, KeyFault::Encrypted),
        ];
        for (certificate, key, fault) in cases {
            let made = ClientKey::from_files(certificate.as_bytes(), key.as_bytes());
            assert_eq!(made.unwrap_err(), fault);
        }
    }
}
