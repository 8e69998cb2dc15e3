//! Files of DER, distinguished by the shape of their first elements.

use super::password::Password;
use super::private_key::{self, Encoding};
use super::{FaultKind, FileForm, Found, pkcs7, pkcs12};
use crate::parse::ber::{
    self, BIT_STRING, Element, Elements, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE,
};
use crate::parse::revocation_list::ParsedRevocationList;

/// Reads the file; `None` for any other form.
pub(super) fn read(bytes: &[u8], found: &mut Found) -> Option<FileForm> {
    let mut elements = Elements::of(bytes);
    let Some(first) = elements.take(SEQUENCE) else {
        return cut_short(bytes, found);
    };
    let form = shape(&first)?.read(&first, found);
    while !elements.is_empty() {
        let rest = elements.rest().len();
        let begins_structure = elements.rest().first() == Some(&SEQUENCE);
        match elements.next_element() {
            Some(next) if shape(&next) == Some(Shape::Certificate) => {
                found.certificate(next.whole, None);
            }
            _ => {
                found.fault(
                    None,
                    if begins_structure {
                        FaultKind::TrailingStructure(rest)
                    } else {
                        FaultKind::TrailingBytes(rest)
                    },
                );
                break;
            }
        }
    }
    Some(form)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Certificate,
    RevocationList,
    Pkcs7,
    Pkcs12,
    Key(Encoding),
    EncryptedKey,
}

impl Shape {
    fn read(self, element: &Element, found: &mut Found) -> FileForm {
        match self {
            Self::Certificate => found.certificate(element.whole, None),
            Self::RevocationList => found.revocation_list(element.whole, None),
            Self::Pkcs7 => {
                pkcs7::read(element.whole, None, found);
                return FileForm::Pkcs7;
            }
            Self::Pkcs12 => {
                pkcs12::read(element, found);
                return FileForm::Pkcs12;
            }
            Self::Key(encoding) => {
                found.private_key(private_key::half(element.whole, encoding), None);
            }
            Self::EncryptedKey => {
                let password = found.password.map(Password::Text);
                private_key::open(element.whole, None, password.as_slice(), found);
            }
        }
        FileForm::Der
    }
}

fn shape(element: &Element) -> Option<Shape> {
    let mut inside = element.inside_of(SEQUENCE)?;
    let first = inside.next_element()?;
    let second = inside.next_element()?;
    let third = inside.next_element();
    match (first.tag, second.tag) {
        (SEQUENCE, SEQUENCE) => {
            let is_signed = third.is_some_and(|third| third.tag == BIT_STRING);
            if is_signed && is_certificate(&first) {
                return Some(Shape::Certificate);
            }
            ParsedRevocationList::read(element.whole).map(|_| Shape::RevocationList)
        }
        (SEQUENCE, OCTET_STRING) => {
            let is_named = first.inside().take(OBJECT_IDENTIFIER).is_some();
            (is_named && third.is_none()).then_some(Shape::EncryptedKey)
        }
        (OBJECT_IDENTIFIER, tag) if tag == ber::context(0) => {
            pkcs7::is_kind(first.content).then_some(Shape::Pkcs7)
        }
        (INTEGER, SEQUENCE) => {
            let named = second.inside().take(OBJECT_IDENTIFIER)?;
            if pkcs7::is_kind(named.content) {
                return Some(Shape::Pkcs12);
            }
            let is_key = third.is_some_and(|third| third.tag == OCTET_STRING);
            is_key.then_some(Shape::Key(Encoding::Pkcs8))
        }
        (INTEGER, OCTET_STRING) if first.number() == Some(1) => Some(Shape::Key(Encoding::Ec)),
        (INTEGER, INTEGER) => {
            let mut numbers = 2_usize;
            let mut next = third;
            while next.is_some_and(|next| next.tag == INTEGER) {
                numbers = numbers.saturating_add(1);
                next = inside.next_element();
            }
            match numbers {
                9 => Some(Shape::Key(Encoding::Rsa)),
                6 => Some(Shape::Key(Encoding::Dsa)),
                _ => None,
            }
        }
        _ => None,
    }
}

/// Whether this is what is signed of a certificate, and not of a request or a revocation list:
/// a number, an algorithm, a name, a validity and a name.
fn is_certificate(signed: &Element) -> bool {
    let mut inside = signed.inside();
    inside.take(ber::context(0));
    let number = inside.take(INTEGER);
    let algorithm = inside.enter(SEQUENCE);
    let algorithm = algorithm.and_then(|mut inside| inside.take(OBJECT_IDENTIFIER));
    let names = [(); 3].map(|()| inside.take(SEQUENCE));
    number.is_some() && algorithm.is_some() && names.iter().all(Option::is_some)
}

/// A file that ends before what it begins with does.
fn cut_short(bytes: &[u8], found: &mut Found) -> Option<FileForm> {
    // Of these forms only small keys need no second byte of length; text never has one.
    let outer = ber::header(bytes).filter(|outer| outer.tag == SEQUENCE && outer.length > 2)?;
    let inside = bytes.get(outer.length..)?;
    let first = ber::header(inside)?;
    let content = inside.get(first.length..)?;
    let form = match first.tag {
        SEQUENCE if content.first() == Some(&ber::context(0)) => FileForm::Der,
        INTEGER if content.starts_with(&[3, SEQUENCE]) => FileForm::Pkcs12,
        INTEGER if content.starts_with(&[0, SEQUENCE]) => FileForm::Der,
        INTEGER if content.starts_with(&[0, INTEGER]) => FileForm::Der,
        OBJECT_IDENTIFIER
            if first
                .content
                .is_some_and(|length| content.get(..length).is_some_and(pkcs7::is_kind)) =>
        {
            FileForm::Pkcs7
        }
        _ => return None,
    };
    let whole = outer
        .content
        .and_then(|length| length.checked_add(outer.length));
    let bytes = bytes.len();
    found.fault(None, FaultKind::Truncated { bytes, whole });
    Some(form)
}
