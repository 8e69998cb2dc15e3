//! What the extensions of a certificate say.

use std::collections::HashSet;

use x509_parser::extensions::{GeneralName, KeyUsage};
use x509_parser::prelude::FromDer;

use super::fault::{CertificateFault, Field, KnownExtension};
use super::names;
use crate::parse::ber::{
    BOOLEAN, Element, Elements, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, context,
    context_primitive, dotted,
};

/// `id-ad-caIssuers`: where the issuer's certificate can be had.
const CA_ISSUERS: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 48, 2];
/// The tags of a `GeneralName`.
const DNS_NAME: u8 = context_primitive(2);
const URI: u8 = context_primitive(6);
const IP_ADDRESS: u8 = context_primitive(7);

/// The extensions that are read.
#[derive(Debug, Default)]
pub(super) struct Extensions {
    pub(super) subject_alternative_names: Vec<String>,
    pub(super) host_names: Vec<NameForm>,
    pub(super) is_ca: bool,
    pub(super) path_length: Option<u32>,
    pub(super) key_usages: Option<Vec<String>>,
    pub(super) extended_key_usages: Option<Vec<String>>,
    pub(super) name_constraints: Option<NameConstraints>,
    pub(super) key_id: Option<Vec<u8>>,
    pub(super) issuer_key_id: Option<Vec<u8>>,
    pub(super) issuer_url: Option<String>,
    /// The object identifiers of those that are critical.
    pub(super) critical: Vec<String>,
}

/// A name that can be compared with a constraint, or the base of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NameForm {
    Dns(String),
    /// An address; in a constraint followed by its mask.
    Ip(Vec<u8>),
    /// Any other.
    Other,
}

/// Which names an issuer permits and excludes below it (RFC 5280 4.2.1.10).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct NameConstraints {
    pub(crate) permitted: Vec<NameForm>,
    pub(crate) excluded: Vec<NameForm>,
}

impl Extensions {
    /// Whether the key identifiers say that another key signed it.
    pub(super) fn key_ids_differ(&self) -> bool {
        matches!((&self.key_id, &self.issuer_key_id), (Some(own), Some(issuers)) if own != issuers)
    }
}

/// Reads them. One that is malformed, or that is there twice, is told in `faults`: of such a
/// pair the first one stands.
pub(super) fn read(
    mut list: Elements,
    faults: &mut Vec<CertificateFault>,
    unread: &mut Vec<Field>,
) -> Extensions {
    let mut found = Extensions::default();
    let mut seen = HashSet::new();
    while !list.is_empty() {
        let Some(element) = list.next_element() else {
            tell(faults, CertificateFault::OtherExtension);
            break;
        };
        let Some(extension) = Extension::of(&element) else {
            tell(faults, CertificateFault::OtherExtension);
            continue;
        };
        let known = known(extension.id);
        if !seen.insert(extension.id) {
            tell(faults, CertificateFault::Twice(known));
            continue;
        }
        if extension.is_critical {
            found.critical.push(dotted(extension.id));
        }
        if let Some(known) = known
            && one(known, extension.value, &mut found).is_none()
        {
            tell(faults, CertificateFault::Extension(known));
            unread.extend(match known {
                KnownExtension::BasicConstraints if !found.is_ca => Some(Field::BasicConstraints),
                KnownExtension::KeyUsage => Some(Field::KeyUsage),
                KnownExtension::ExtendedKeyUsage => Some(Field::ExtendedKeyUsage),
                _ => None,
            });
        }
    }
    found
}

/// Its identifier, whether it is critical, and the content of its octet string.
struct Extension<'a> {
    id: &'a [u8],
    is_critical: bool,
    value: &'a [u8],
}

impl<'a> Extension<'a> {
    fn of(element: &Element<'a>) -> Option<Self> {
        let mut inside = element.inside_of(SEQUENCE)?;
        let id = inside.take(OBJECT_IDENTIFIER)?.content;
        let critical = inside.take(BOOLEAN);
        let is_critical =
            critical.is_some_and(|one| one.content.first().is_some_and(|it| *it != 0));
        let value = inside.take(OCTET_STRING)?.content;
        Some(Self {
            id,
            is_critical,
            value,
        })
    }
}

/// Reads one; what of it could be read before it turned out to be malformed stands.
fn one(known: KnownExtension, bytes: &[u8], found: &mut Extensions) -> Option<()> {
    let value = Elements::of(bytes);
    match known {
        KnownExtension::AlternativeNames => alternative_names(value, found),
        KnownExtension::BasicConstraints => basic_constraints(value, found),
        KnownExtension::KeyUsage => key_usages(bytes, found),
        KnownExtension::ExtendedKeyUsage => extended_key_usages(value, found),
        KnownExtension::NameConstraints => {
            found.name_constraints = Some(name_constraints(value)?);
            Some(())
        }
        KnownExtension::SubjectKeyId => {
            found.key_id = Some(only(value, OCTET_STRING)?.to_vec());
            Some(())
        }
        KnownExtension::AuthorityKeyId => {
            let ids = only(value, SEQUENCE)?;
            let id = Elements::of(ids).take(context_primitive(0));
            found.issuer_key_id = id.map(|id| id.content.to_vec());
            Some(())
        }
        KnownExtension::AuthorityInfoAccess => {
            let mut list = Elements::of(only(value, SEQUENCE)?);
            while !list.is_empty() {
                let mut access = list.enter(SEQUENCE)?;
                let method = access.take(OBJECT_IDENTIFIER)?.content;
                let location = access.next_element()?;
                if found.issuer_url.is_none() && method == CA_ISSUERS && location.tag == URI {
                    found.issuer_url = text(location.content);
                }
            }
            Some(())
        }
    }
}

/// Tells a fault once, however often a hostile certificate has it.
fn tell(faults: &mut Vec<CertificateFault>, fault: CertificateFault) {
    if !faults.contains(&fault) {
        faults.push(fault);
    }
}

fn known(oid: &[u8]) -> Option<KnownExtension> {
    Some(match oid {
        [0x55, 0x1d, 14] => KnownExtension::SubjectKeyId,
        [0x55, 0x1d, 15] => KnownExtension::KeyUsage,
        [0x55, 0x1d, 17] => KnownExtension::AlternativeNames,
        [0x55, 0x1d, 19] => KnownExtension::BasicConstraints,
        [0x55, 0x1d, 30] => KnownExtension::NameConstraints,
        [0x55, 0x1d, 35] => KnownExtension::AuthorityKeyId,
        [0x55, 0x1d, 37] => KnownExtension::ExtendedKeyUsage,
        [0x2b, 6, 1, 5, 5, 7, 1, 1] => KnownExtension::AuthorityInfoAccess,
        _ => return None,
    })
}

/// The content of the one element that there is.
fn only(mut elements: Elements<'_>, tag: u8) -> Option<&[u8]> {
    let element = elements.take(tag)?;
    elements.is_empty().then_some(element.content)
}

fn text(bytes: &[u8]) -> Option<String> {
    std::str::from_utf8(bytes).ok().map(str::to_owned)
}

/// The names before one that is malformed stand.
fn alternative_names(value: Elements, found: &mut Extensions) -> Option<()> {
    let mut rest = only(value, SEQUENCE)?;
    while !rest.is_empty() {
        let (after, name) = GeneralName::from_der(rest).ok()?;
        found
            .subject_alternative_names
            .push(names::alternative(&name));
        found.host_names.push(match name {
            GeneralName::DNSName(text) => NameForm::Dns(text.to_owned()),
            GeneralName::IPAddress(bytes) => NameForm::Ip(bytes.to_vec()),
            _ => NameForm::Other,
        });
        rest = after;
    }
    Some(())
}

fn name_constraints(value: Elements) -> Option<NameConstraints> {
    let mut inside = Elements::of(only(value, SEQUENCE)?);
    let mut trees = |tag| {
        let mut list = inside.enter(tag).unwrap_or(Elements::of(&[]));
        let mut names = Vec::new();
        while !list.is_empty() {
            let base = list.enter(SEQUENCE)?.next_element()?;
            names.push(match base.tag {
                DNS_NAME => NameForm::Dns(text(base.content)?),
                IP_ADDRESS => NameForm::Ip(base.content.to_vec()),
                _ => NameForm::Other,
            });
        }
        Some(names)
    };
    Some(NameConstraints {
        permitted: trees(context(0))?,
        excluded: trees(context(1))?,
    })
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
