//! Files that hold certificates and private keys: PEM, DER, PKCS#7, PKCS#12 and JKS.
//!
//! What is malformed is told as a [`Fault`] and never hides what stands beside it. Of a private
//! key only the public half is kept; the buffers that it passed through are wiped.

mod der;
mod fault;
mod jks;
mod other;
mod password;
mod pem;
mod pkcs12;
mod pkcs7;
mod private_key;
mod readers;
mod schemes;

use std::sync::Arc;

pub use self::fault::Fault;
pub(crate) use self::fault::FaultKind;
pub(crate) use self::other::{OtherContent, other_content};
use self::password::Budget;
use self::private_key::Half;
pub(crate) use self::readers::{PemBundle, PemReader, read_bundle};
use super::revocation_list::ParsedRevocationList;
use super::x509::{ParsedCertificate, PublicKey};

/// Faults beyond this number are counted, not listed.
const MAX_FAULTS: usize = 100;

/// The form of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileForm {
    /// Blocks between `-----BEGIN` and `-----END` lines.
    Pem,
    /// One certificate or key in DER.
    Der,
    /// PKCS#7, a bag of certificates.
    Pkcs7,
    /// PKCS#12.
    Pkcs12,
    /// Java's own keystore.
    Jks,
}

/// A private key. Nothing of the key itself is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrivateKey {
    /// Whether a password protects it.
    pub encrypted: bool,
    /// The public half, where it is known.
    pub public_key: Option<PublicKey>,
}

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// The form in which it is written.
    pub form: FileForm,
    /// The certificates, in the file's order.
    pub certificates: Vec<Arc<ParsedCertificate>>,
    /// The revocation lists, likewise.
    pub revocation_lists: Vec<ParsedRevocationList>,
    /// The private keys: whether a password protects them, and the public half.
    pub private_keys: Vec<PrivateKey>,
    /// What could not be read; the rest stands all the same.
    pub faults: Vec<Fault>,
    /// Whether a part that may hold certificates is only shown to who knows the password. A
    /// private key that is closed tells so itself.
    pub needs_password: bool,
    /// Whether something in it, be it a key, did not open with the password that was given.
    pub password_failed: bool,
}

impl Contents {
    /// Whether a part of the file was lost, which may have been a certificate.
    #[must_use]
    pub(crate) fn has_lost_parts(&self) -> bool {
        self.faults.iter().any(|fault| fault.kind.hides())
    }
}

/// Reads a file of any of these forms; `None` for any other.
///
/// `password` is tried first, then none and the empty one, which Java's own trust stores have.
#[must_use]
pub fn contents(bytes: &[u8], password: Option<&str>) -> Option<Contents> {
    let mut found = Found {
        password,
        budget: Budget::default(),
        certificates: Vec::new(),
        revocation_lists: Vec::new(),
        private_keys: Vec::new(),
        faults: Vec::new(),
        untold_faults: 0,
        needs_password: false,
        password_failed: false,
    };
    let form = if jks::is_keystore(bytes) {
        jks::read(bytes, &mut found);
        FileForm::Jks
    } else if let Some(form) = der::read(bytes, &mut found) {
        form
    } else if pem::read(bytes, &mut found) {
        FileForm::Pem
    } else {
        return None;
    };
    Some(found.into_contents(form))
}

/// What has been found so far, and what it was looked for with.
struct Found<'a> {
    password: Option<&'a str>,
    budget: Budget,
    certificates: Vec<Arc<ParsedCertificate>>,
    revocation_lists: Vec<ParsedRevocationList>,
    private_keys: Vec<Half>,
    faults: Vec<Fault>,
    untold_faults: u64,
    needs_password: bool,
    password_failed: bool,
}

impl Found<'_> {
    fn certificate(&mut self, der: &[u8], line: Option<u64>) {
        match ParsedCertificate::read(der) {
            Ok(certificate) => self.certificates.push(Arc::new(certificate)),
            Err(_) => self.fault(line, FaultKind::MalformedCertificate),
        }
    }

    fn revocation_list(&mut self, der: &[u8], line: Option<u64>) {
        match ParsedRevocationList::read(der) {
            Some(list) => self.revocation_lists.push(list),
            None => self.fault(line, FaultKind::MalformedRevocationList),
        }
    }

    /// A private key that no password protects.
    fn private_key(&mut self, half: Option<Half>, line: Option<u64>) {
        match half {
            Some(half) => self.private_keys.push(half),
            None => self.fault(line, FaultKind::MalformedKey),
        }
    }

    fn fault(&mut self, line: Option<u64>, kind: FaultKind) {
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(Fault { line, kind });
        } else {
            self.untold_faults = self.untold_faults.saturating_add(1);
        }
    }

    fn into_contents(mut self, form: FileForm) -> Contents {
        if self.untold_faults > 0 {
            self.faults.push(Fault {
                line: None,
                kind: FaultKind::More(self.untold_faults),
            });
        }
        let private_keys = private_key::paired(self.private_keys, &self.certificates);
        Contents {
            form,
            certificates: self.certificates,
            revocation_lists: self.revocation_lists,
            private_keys,
            faults: self.faults,
            needs_password: self.needs_password,
            password_failed: self.password_failed,
        }
    }
}

#[cfg(test)]
mod tests;
