//! What the extensions of a certificate say.

use x509_parser::asn1_rs::Oid;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{ExtendedKeyUsage, KeyUsage, ParsedExtension};

use super::names;

/// The extensions that are shown.
#[derive(Debug, Default)]
pub(super) struct Extensions {
    pub(super) subject_alternative_names: Vec<String>,
    pub(super) is_ca: bool,
    pub(super) path_length: Option<u32>,
    pub(super) key_usages: Option<Vec<String>>,
    pub(super) extended_key_usages: Option<Vec<String>>,
    /// Whether the key identifiers say that another key signed it.
    pub(super) key_ids_differ: bool,
}

/// Reads them; one that is malformed is passed over, and the others stand.
pub(super) fn read(certificate: &X509Certificate) -> Extensions {
    let mut found = Extensions::default();
    let (mut own, mut issuers) = (None, None);
    for extension in certificate.extensions() {
        match extension.parsed_extension() {
            ParsedExtension::SubjectAlternativeName(list) => {
                let names = list.general_names.iter().map(names::alternative);
                found.subject_alternative_names.extend(names);
            }
            ParsedExtension::BasicConstraints(constraints) => {
                found.is_ca = constraints.ca;
                found.path_length = constraints.path_len_constraint;
            }
            ParsedExtension::KeyUsage(usage) => found.key_usages = Some(usages(*usage)),
            ParsedExtension::ExtendedKeyUsage(usage) => {
                found.extended_key_usages = Some(extended_usages(usage));
            }
            ParsedExtension::SubjectKeyIdentifier(id) => own = Some(id.0),
            ParsedExtension::AuthorityKeyIdentifier(id) => {
                issuers = id.key_identifier.as_ref().map(|id| id.0);
            }
            _ => {}
        }
    }
    found.key_ids_differ = matches!((own, issuers), (Some(own), Some(issuers)) if own != issuers);
    found
}

/// By the names of RFC 5280.
fn usages(usage: KeyUsage) -> Vec<String> {
    let named = [
        (usage.digital_signature(), "digitalSignature"),
        (usage.non_repudiation(), "nonRepudiation"),
        (usage.key_encipherment(), "keyEncipherment"),
        (usage.data_encipherment(), "dataEncipherment"),
        (usage.key_agreement(), "keyAgreement"),
        (usage.key_cert_sign(), "keyCertSign"),
        (usage.crl_sign(), "cRLSign"),
        (usage.encipher_only(), "encipherOnly"),
        (usage.decipher_only(), "decipherOnly"),
    ];
    chosen(&named)
}

fn extended_usages(usage: &ExtendedKeyUsage) -> Vec<String> {
    let named = [
        (usage.any, "anyExtendedKeyUsage"),
        (usage.server_auth, "serverAuth"),
        (usage.client_auth, "clientAuth"),
        (usage.code_signing, "codeSigning"),
        (usage.email_protection, "emailProtection"),
        (usage.time_stamping, "timeStamping"),
        (usage.ocsp_signing, "OCSPSigning"),
    ];
    let mut found = chosen(&named);
    found.extend(usage.other.iter().map(Oid::to_id_string));
    found
}

fn chosen(named: &[(bool, &str)]) -> Vec<String> {
    named
        .iter()
        .filter(|(is_set, _)| *is_set)
        .map(|(_, name)| (*name).to_owned())
        .collect()
}
