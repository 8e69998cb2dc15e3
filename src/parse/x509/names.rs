//! Distinguished names as RFC 4514 writes them, alternative names as openssl does.

use core::net::{Ipv4Addr, Ipv6Addr};
use std::fmt::Write;

use data_encoding::HEXLOWER;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

use crate::parse::ber::{Elements, SEQUENCE, UTF8_STRING, context, dotted, element};

/// The short names of RFC 4514 and those that openssl adds.
fn short_name(oid: &[u8]) -> Option<&'static str> {
    Some(match oid {
        [0x55, 4, number] => match number {
            3 => "CN",
            4 => "SN",
            5 => "serialNumber",
            6 => "C",
            7 => "L",
            8 => "ST",
            9 => "street",
            10 => "O",
            11 => "OU",
            12 => "title",
            13 => "description",
            15 => "businessCategory",
            16 => "postalAddress",
            17 => "postalCode",
            18 => "postOfficeBox",
            20 => "telephoneNumber",
            41 => "name",
            42 => "GN",
            43 => "initials",
            44 => "generationQualifier",
            45 => "x500UniqueIdentifier",
            46 => "dnQualifier",
            65 => "pseudonym",
            72 => "role",
            97 => "organizationIdentifier",
            _ => return None,
        },
        // 0.9.2342.19200300.100.1
        [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, number] => match number {
            1 => "UID",
            3 => "mail",
            25 => "DC",
            _ => return None,
        },
        // 1.2.840.113549.1.9
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, number] => match number {
            1 => "emailAddress",
            2 => "unstructuredName",
            8 => "unstructuredAddress",
            _ => return None,
        },
        // 1.3.6.1.4.1.311.60.2.1, of Microsoft
        [0x2b, 6, 1, 4, 1, 0x82, 0x37, 60, 2, 1, number] => match number {
            1 => "jurisdictionL",
            2 => "jurisdictionST",
            3 => "jurisdictionC",
            _ => return None,
        },
        _ => return None,
    })
}

/// A distinguished name, the most special part first: `CN=api,O=Example,C=DE`.
#[must_use]
pub(crate) fn name(name: &X509Name) -> String {
    let mut pairs: Vec<(char, &AttributeTypeAndValue)> = Vec::new();
    for part in name.iter_rdn() {
        let joined = [','].into_iter().chain(core::iter::repeat('+'));
        pairs.extend(joined.zip(part.iter()));
    }
    let mut text = String::new();
    while let Some((joined, pair)) = pairs.pop() {
        append(&mut text, pair);
        if !pairs.is_empty() {
            text.push(joined);
        }
    }
    text
}

/// A name whose header was left out.
#[must_use]
pub(crate) fn name_of_content(content: &[u8]) -> Option<String> {
    let der = element(SEQUENCE, &[content]);
    let (_, whole) = X509Name::from_der(&der).ok()?;
    Some(name(&whole))
}

/// `CN=api`; a kind or a value that has no words stands as its number or in hex behind a `#`.
fn append(text: &mut String, pair: &AttributeTypeAndValue) {
    let oid = pair.attr_type().as_bytes();
    let value = pair.attr_value();
    let words = characters(value.tag().0, value.data);
    if let (Some(kind), Some(words)) = (short_name(oid), &words) {
        let _ = write!(text, "{kind}=");
        return escape(text, words);
    }
    match short_name(oid) {
        Some(kind) => text.push_str(kind),
        None => text.push_str(&dotted(oid)),
    }
    text.push_str("=#");
    text.push_str(&HEXLOWER.encode(&encoded(pair)));
}

/// The whole value with its header, as RFC 4514 has it in hex.
fn encoded(pair: &AttributeTypeAndValue) -> Vec<u8> {
    let value = pair.attr_value();
    let tag = u8::try_from(value.tag().0).unwrap_or(0x1f);
    let constructed = u8::from(value.header.is_constructed()) << 5;
    let class = (value.class() as u8) << 6;
    element(class | constructed | tag, &[value.data])
}

/// The characters of a string type; `None` for any other type. Those of one byte a character are
/// Latin 1 to openssl, whatever their standard says.
fn characters(tag: u32, bytes: &[u8]) -> Option<String> {
    const REPLACEMENT: char = char::REPLACEMENT_CHARACTER;
    match tag {
        12 => Some(String::from_utf8_lossy(bytes).into_owned()),
        18..=20 | 22..=24 | 26 => Some(bytes.iter().map(|byte| char::from(*byte)).collect()),
        28 => {
            let units = bytes.as_chunks::<4>().0.iter();
            let units = units.map(|unit| char::from_u32(u32::from_be_bytes(*unit)));
            Some(units.map(|unit| unit.unwrap_or(REPLACEMENT)).collect())
        }
        30 => {
            let units = bytes.as_chunks::<2>().0.iter();
            let units = char::decode_utf16(units.map(|unit| u16::from_be_bytes(*unit)));
            Some(units.map(|unit| unit.unwrap_or(REPLACEMENT)).collect())
        }
        _ => None,
    }
}

/// Escapes what RFC 4514 asks for, and control characters as openssl does.
fn escape(text: &mut String, words: &str) {
    let last = words.len().saturating_sub(1);
    for (at, character) in words.char_indices() {
        let at_edge = at == 0 || at == last;
        match character {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => {
                text.push('\\');
                text.push(character);
            }
            ' ' if at_edge => text.push_str("\\ "),
            '#' if at == 0 => text.push_str("\\#"),
            '\0'..='\x1f' => {
                let _ = write!(text, "\\{:02X}", u32::from(character));
            }
            '\x7f' => text.push_str("\\7F"),
            _ => text.push(character),
        }
    }
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
        GeneralName::RegisteredID(oid) => format!("RID:{}", dotted(oid.as_bytes())),
        GeneralName::OtherName(oid, bytes) => other(oid.as_bytes(), bytes),
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

/// Its text where it is one, as that of a Kerberos or Windows user, otherwise hex.
fn other(oid: &[u8], bytes: &[u8]) -> String {
    let mut value = Elements::of(bytes).enter(context(0));
    let text = value.as_mut().and_then(|value| value.take(UTF8_STRING));
    let text = text.and_then(|text| std::str::from_utf8(text.content).ok());
    let value = text.map_or_else(|| HEXLOWER.encode(bytes), str::to_owned);
    format!("othername:{}:{value}", dotted(oid))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::ber::{OBJECT_IDENTIFIER, SET};

    #[test]
    fn long_names_are_written_too() {
        // An RDN of one printable string under commonName, as long as asked for.
        for length in [1, 100, 117, 118, 200, 245, 300, 5_000] {
            let value = element(0x13, &[&vec![b'a'; length]]);
            let kind = element(OBJECT_IDENTIFIER, &[&[0x55, 4, 3]]);
            let pair = element(SEQUENCE, &[&kind, &value]);
            let expected = format!("CN={}", "a".repeat(length));
            let content = element(SET, &[&pair]);
            assert_eq!(name_of_content(&content), Some(expected), "{length}");
        }
    }
}
