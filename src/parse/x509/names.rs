//! Distinguished names as RFC 4514 writes them, alternative names as openssl does.

use core::net::{Ipv4Addr, Ipv6Addr};
use std::fmt::Write;

use data_encoding::HEXLOWER;
use x509_parser::asn1_rs::{Oid, Tag};
use x509_parser::extensions::GeneralName;
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// The short names of RFC 4514 and those that openssl adds.
const SHORT: &[(&str, &str)] = &[
    ("2.5.4.3", "CN"),
    ("2.5.4.4", "SN"),
    ("2.5.4.5", "serialNumber"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "street"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.12", "title"),
    ("2.5.4.15", "businessCategory"),
    ("2.5.4.17", "postalCode"),
    ("2.5.4.42", "GN"),
    ("2.5.4.97", "organizationIdentifier"),
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("1.2.840.113549.1.9.1", "emailAddress"),
];

/// A distinguished name, the most special part first: `CN=api,O=Example,C=DE`.
#[must_use]
pub fn name(name: &X509Name) -> String {
    let mut parts: Vec<String> = name
        .iter_rdn()
        .map(|rdn| {
            let values: Vec<String> = rdn.iter().map(attribute).collect();
            values.join("+")
        })
        .collect();
    parts.reverse();
    parts.join(",")
}

fn attribute(attribute: &AttributeTypeAndValue) -> String {
    let oid = attribute.attr_type().to_id_string();
    let value = text(attribute);
    match SHORT.iter().find(|(id, _)| *id == oid) {
        Some((_, short)) => format!("{short}={value}"),
        None => format!("{oid}={value}"),
    }
}

/// The value, with what RFC 4514 asks to escape.
fn text(attribute: &AttributeTypeAndValue) -> String {
    let value = attribute.attr_value();
    let text = match value.tag() {
        Tag::BmpString => {
            let (units, _) = value.data.as_chunks::<2>();
            let units = units.iter().map(|pair| u16::from_be_bytes(*pair));
            char::decode_utf16(units)
                .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
                .collect()
        }
        Tag::T61String => value.data.iter().map(|byte| char::from(*byte)).collect(),
        _ => String::from_utf8_lossy(value.data).into_owned(),
    };
    let mut escaped = String::with_capacity(text.len());
    let last = text.chars().count().saturating_sub(1);
    for (at, character) in text.chars().enumerate() {
        let edge = (at == 0 && matches!(character, ' ' | '#')) || (at == last && character == ' ');
        if edge || matches!(character, '"' | '+' | ',' | ';' | '<' | '>' | '\\') {
            escaped.push('\\');
        }
        if character == '\0' {
            escaped.push_str("\\00");
        } else {
            escaped.push(character);
        }
    }
    escaped
}

/// One name of a subjectAltName.
pub(super) fn alternative(name_: &GeneralName) -> String {
    let hex = |bytes: &[u8]| HEXLOWER.encode(bytes);
    match name_ {
        GeneralName::DNSName(text) => format!("DNS:{text}"),
        GeneralName::RFC822Name(text) => format!("email:{text}"),
        GeneralName::URI(text) => format!("URI:{text}"),
        GeneralName::IPAddress(bytes) => address(bytes),
        GeneralName::DirectoryName(directory) => format!("DirName:{}", name(directory)),
        GeneralName::RegisteredID(oid) => format!("RID:{}", oid.to_id_string()),
        GeneralName::OtherName(oid, bytes) => other(oid, bytes),
        GeneralName::X400Address(any) => format!("X400:{}", hex(any.data)),
        GeneralName::EDIPartyName(any) => format!("EDI:{}", hex(any.data)),
        GeneralName::Invalid(tag, bytes) => format!("invalid({}):{}", tag.0, hex(bytes)),
    }
}

fn address(bytes: &[u8]) -> String {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return format!("IP:{}", Ipv4Addr::from(four));
    }
    if let Ok(sixteen) = <[u8; 16]>::try_from(bytes) {
        return format!("IP:{}", Ipv6Addr::from(sixteen));
    }
    format!("invalid(7):{}", HEXLOWER.encode(bytes))
}

fn other(oid: &Oid, bytes: &[u8]) -> String {
    let mut text = String::from("othername:");
    let _ = write!(text, "{}:{}", oid.to_id_string(), HEXLOWER.encode(bytes));
    text
}
