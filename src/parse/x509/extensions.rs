//! What the extensions of a certificate say.

use std::collections::HashSet;

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, KeyUsage};
use x509_parser::prelude::FromDer;

use super::names;
use crate::parse::ber::{
    BOOLEAN, Elements, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, context_primitive,
    dotted,
};

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

/// Reads them. One that is malformed, or that is there twice, is told in `faults`: of such a
/// pair the first one stands.
pub(super) fn read(certificate: &X509Certificate, faults: &mut Vec<String>) -> Extensions {
    let mut found = Extensions::default();
    let (mut own, mut issuers) = (None, None);
    let mut seen = HashSet::new();
    for extension in certificate.extensions() {
        let known = Known::of(extension.oid.as_bytes());
        if !seen.insert(extension.oid.as_bytes()) {
            let which = known.map_or("an extension of it", Known::name);
            tell(faults, format!("{which} occurs twice"));
            continue;
        }
        let value = Elements::of(extension.value);
        let is_read = match known {
            None => continue,
            Some(Known::AlternativeNames) => alternative_names(value, &mut found),
            Some(Known::BasicConstraints) => basic_constraints(value, &mut found),
            Some(Known::KeyUsage) => key_usages(extension.value, &mut found),
            Some(Known::ExtendedKeyUsage) => extended_key_usages(value, &mut found),
            Some(Known::SubjectKeyId) => only(value, OCTET_STRING).map(|id| own = Some(id)),
            Some(Known::AuthorityKeyId) => only(value, SEQUENCE).map(|ids| issuers = key_id(ids)),
        };
        if let (None, Some(known)) = (is_read, known) {
            tell(faults, format!("{} is malformed", known.name()));
        }
    }
    found.key_ids_differ = matches!((own, issuers), (Some(own), Some(issuers)) if own != issuers);
    found
}

/// Tells a fault once, however often a hostile certificate has it.
fn tell(faults: &mut Vec<String>, fault: String) {
    if !faults.contains(&fault) {
        faults.push(fault);
    }
}

#[derive(Clone, Copy)]
enum Known {
    SubjectKeyId,
    KeyUsage,
    AlternativeNames,
    BasicConstraints,
    AuthorityKeyId,
    ExtendedKeyUsage,
}

impl Known {
    /// Under 2.5.29, that of certificate extensions.
    fn of(oid: &[u8]) -> Option<Self> {
        match oid {
            [0x55, 0x1d, 14] => Some(Self::SubjectKeyId),
            [0x55, 0x1d, 15] => Some(Self::KeyUsage),
            [0x55, 0x1d, 17] => Some(Self::AlternativeNames),
            [0x55, 0x1d, 19] => Some(Self::BasicConstraints),
            [0x55, 0x1d, 35] => Some(Self::AuthorityKeyId),
            [0x55, 0x1d, 37] => Some(Self::ExtendedKeyUsage),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::SubjectKeyId => "its subjectKeyIdentifier",
            Self::KeyUsage => "its keyUsage",
            Self::AlternativeNames => "its subjectAltName",
            Self::BasicConstraints => "its basicConstraints",
            Self::AuthorityKeyId => "its authorityKeyIdentifier",
            Self::ExtendedKeyUsage => "its extendedKeyUsage",
        }
    }
}

/// The content of the one element that there is.
fn only(mut elements: Elements<'_>, tag: u8) -> Option<&[u8]> {
    let element = elements.take(tag)?;
    elements.is_empty().then_some(element.content)
}

/// The names before one that is malformed stand.
fn alternative_names(value: Elements, found: &mut Extensions) -> Option<()> {
    let mut rest = only(value, SEQUENCE)?;
    while !rest.is_empty() {
        let (after, name) = GeneralName::from_der(rest).ok()?;
        found
            .subject_alternative_names
            .push(names::alternative(&name));
        rest = after;
    }
    Some(())
}

fn basic_constraints(value: Elements, found: &mut Extensions) -> Option<()> {
    let mut inside = Elements::of(only(value, SEQUENCE)?);
    if let Some(is_ca) = inside.take(BOOLEAN) {
        found.is_ca = *is_ca.content.first()? != 0;
    }
    if let Some(length) = inside.take(INTEGER) {
        found.path_length = Some(u32::try_from(length.number()?).ok()?);
    }
    inside.is_empty().then_some(())
}

/// By the names of RFC 5280.
fn key_usages(value: &[u8], found: &mut Extensions) -> Option<()> {
    let (rest, usage) = KeyUsage::from_der(value).ok()?;
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
    let chosen = named.iter().filter(|(is_set, _)| *is_set);
    found.key_usages = Some(chosen.map(|(_, name)| (*name).to_owned()).collect());
    rest.is_empty().then_some(())
}

fn extended_key_usages(value: Elements, found: &mut Extensions) -> Option<()> {
    let mut inside = Elements::of(only(value, SEQUENCE)?);
    let usages = found.extended_key_usages.insert(Vec::new());
    while !inside.is_empty() {
        usages.push(extended_usage(inside.take(OBJECT_IDENTIFIER)?.content));
    }
    Some(())
}

fn extended_usage(oid: &[u8]) -> String {
    let name = match oid {
        [0x55, 0x1d, 37, 0] => "anyExtendedKeyUsage",
        [0x2b, 6, 1, 5, 5, 7, 3, number] => match number {
            1 => "serverAuth",
            2 => "clientAuth",
            3 => "codeSigning",
            4 => "emailProtection",
            8 => "timeStamping",
            9 => "OCSPSigning",
            _ => return dotted(oid),
        },
        _ => return dotted(oid),
    };
    name.to_owned()
}

/// The key identifier among those that name the issuer's key.
fn key_id(ids: &[u8]) -> Option<&[u8]> {
    let id = Elements::of(ids).take(context_primitive(0))?;
    Some(id.content)
}
