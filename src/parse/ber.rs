//! The outer structure of ASN.1 (X.690), one level at a time and without recursion.
//!
//! Bags of certificates are read with this and not with a DER crate: exports of Java, NSS and
//! Windows hold the indefinite lengths of BER, and one bag that is malformed
//! must not hide the others.

use zeroize::Zeroizing;

pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(super) const UTF8_STRING: u8 = 0x0c;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

/// The bit of a tag that says: holds other elements.
const CONSTRUCTED: u8 = 0x20;

/// How deep the parts of one octet string may lie in each other.
const MAX_DEPTH: u8 = 8;

/// The tag `[number]` of a context, holding other elements.
pub(super) const fn context(number: u8) -> u8 {
    0xa0 | number
}

/// The tag `[number]` of a context in place of that of a primitive.
pub(super) const fn context_primitive(number: u8) -> u8 {
    0x80 | number
}

/// One element: its tag, what it holds, and both with their header.
#[derive(Clone, Copy)]
pub(super) struct Element<'a> {
    pub(super) tag: u8,
    pub(super) content: &'a [u8],
    pub(super) whole: &'a [u8],
}

impl<'a> Element<'a> {
    /// The elements in it.
    pub(super) fn inside(&self) -> Elements<'a> {
        Elements { rest: self.content }
    }

    /// The elements in it, where it has this tag.
    pub(super) fn inside_of(&self, tag: u8) -> Option<Elements<'a>> {
        (self.tag == tag).then(|| self.inside())
    }

    /// The bytes of an octet string, put together where BER has cut them in parts. They may be
    /// those of a key, so that the copy is wiped.
    pub(super) fn octets(&self) -> Option<Zeroizing<Vec<u8>>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(self.content.len()));
        self.append_octets(&mut bytes, MAX_DEPTH)?;
        Some(bytes)
    }

    fn append_octets(&self, bytes: &mut Vec<u8>, depth: u8) -> Option<()> {
        if self.tag & CONSTRUCTED == 0 {
            bytes.extend_from_slice(self.content);
            return Some(());
        }
        let depth = depth.checked_sub(1)?;
        let mut parts = self.inside();
        while !parts.is_empty() {
            let part = parts.next_element()?;
            if part.tag & !CONSTRUCTED != OCTET_STRING {
                return None;
            }
            part.append_octets(bytes, depth)?;
        }
        Some(())
    }

    /// A whole number that is not negative and fits.
    pub(super) fn number(&self) -> Option<u64> {
        let zeros = self.content.iter().take_while(|byte| **byte == 0).count();
        let negative = self.content.first().is_none_or(|first| first & 0x80 != 0);
        let digits = self.content.get(zeros..)?;
        if self.tag != INTEGER || negative || digits.len() > 8 {
            return None;
        }
        Some(
            digits
                .iter()
                .fold(0, |sum, byte| (sum << 8) | u64::from(*byte)),
        )
    }
}

/// Elements that follow each other.
#[derive(Clone, Copy)]
pub(super) struct Elements<'a> {
    rest: &'a [u8],
}

impl<'a> Elements<'a> {
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next element; `None` at the end.
    pub(super) fn next_element(&mut self) -> Option<Element<'a>> {
        let header = header(self.rest)?;
        let body = self.rest.get(header.length..)?;
        let (content, end) = if let Some(length) = header.content {
            (body.get(..length)?, header.length.checked_add(length)?)
        } else {
            let length = until_end_of_contents(body)?;
            let end = header.length.checked_add(length)?.checked_add(2)?;
            (body.get(..length)?, end)
        };
        let (whole, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest;
        Some(Element {
            tag: header.tag,
            content,
            whole,
        })
    }

    /// The next one, where it has this tag; otherwise it stays.
    pub(super) fn take(&mut self, tag: u8) -> Option<Element<'a>> {
        if self.rest.first() != Some(&tag) {
            return None;
        }
        self.next_element()
    }

    /// The elements in the next one, where it has this tag.
    pub(super) fn enter(&mut self, tag: u8) -> Option<Self> {
        self.take(tag).map(|element| element.inside())
    }
}

/// The first bytes of an element.
pub(super) struct Header {
    pub(super) tag: u8,
    /// Its own length in bytes.
    pub(super) length: usize,
    /// The length of the contents; `None` is the indefinite form.
    pub(super) content: Option<usize>,
}

/// Reads a header; `None` for tags of several bytes, which none of these formats has.
pub(super) fn header(bytes: &[u8]) -> Option<Header> {
    let (tag, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    if tag & 0x1f == 0x1f {
        return None;
    }
    let (length, content) = match first {
        0x80 if tag & CONSTRUCTED != 0 => (2, None),
        0..0x80 => (2, Some(usize::from(*first))),
        _ => {
            let count = usize::from(first & 0x7f);
            let digits = rest.get(..count)?;
            let zeros = digits.iter().take_while(|byte| **byte == 0).count();
            let digits = digits.get(zeros..)?;
            if count == 0 || digits.len() > 4 {
                return None;
            }
            let length = digits
                .iter()
                .fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
            (count.checked_add(2)?, Some(usize::try_from(length).ok()?))
        }
    };
    Some(Header {
        tag: *tag,
        length,
        content,
    })
}

/// The number of bytes before the two zeros that end an element of indefinite length.
fn until_end_of_contents(bytes: &[u8]) -> Option<usize> {
    let (mut at, mut open) = (0_usize, 1_usize);
    loop {
        let header = header(bytes.get(at..)?)?;
        let start = at;
        at = at.checked_add(header.length)?;
        match header.content {
            None => open = open.checked_add(1)?,
            Some(0) if header.tag == 0 => {
                open = open.checked_sub(1)?;
                if open == 0 {
                    return Some(start);
                }
            }
            Some(length) => at = at.checked_add(length)?,
        }
    }
}

/// An element of DER.
pub(super) fn element(tag: u8, content: &[&[u8]]) -> Vec<u8> {
    let length: usize = content.iter().map(|part| part.len()).sum();
    let digits = length.to_be_bytes();
    let zeros = digits.iter().take_while(|byte| **byte == 0).count();
    let mut bytes = Vec::with_capacity(length.saturating_add(6));
    bytes.push(tag);
    if let Ok(short @ 0..0x80) = u8::try_from(length) {
        bytes.push(short);
    } else {
        let digits = digits.get(zeros..).unwrap_or_default();
        bytes.push(0x80 | u8::try_from(digits.len()).unwrap_or_default());
        bytes.extend_from_slice(digits);
    }
    for part in content {
        bytes.extend_from_slice(part);
    }
    bytes
}

/// An object identifier with dots; in hex behind a `#`, where it is malformed or has an arc
/// that no registry ever gave.
pub(super) fn dotted(oid: &[u8]) -> String {
    arcs(oid).unwrap_or_else(|| format!("#{}", data_encoding::HEXLOWER.encode(oid)))
}

fn arcs(oid: &[u8]) -> Option<String> {
    use std::fmt::Write;

    let mut text = String::with_capacity(oid.len().saturating_mul(3));
    let (mut arc, mut within, mut is_first) = (0_u128, false, true);
    for byte in oid {
        if arc >> 120 != 0 || (!within && *byte == 0x80) {
            return None;
        }
        arc = (arc << 7) | u128::from(byte & 0x7f);
        within = byte & 0x80 != 0;
        if within {
            continue;
        }
        if is_first {
            let top = (arc / 40).min(2);
            let _ = write!(text, "{top}.{}", arc.checked_sub(top * 40)?);
        } else {
            let _ = write!(text, ".{arc}");
        }
        (arc, is_first) = (0, false);
    }
    (!within && !is_first).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_every_form_are_read() {
        for length in [0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x1_0000] {
            let bytes = element(OCTET_STRING, &[&vec![7; length]]);
            let mut elements = Elements::of(&bytes);
            let read = elements.take(OCTET_STRING).unwrap();
            assert_eq!(read.content.len(), length);
            assert_eq!(read.whole, bytes);
            assert!(elements.is_empty());
        }
    }

    #[test]
    fn an_element_of_no_told_length_ends_where_it_says() {
        let bytes = [
            0x30, 0x80, 0x24, 0x80, 4, 1, b'a', 4, 1, b'b', 0, 0, 0, 0, 0x02,
        ];
        let mut elements = Elements::of(&bytes);
        let outer = elements.take(SEQUENCE).unwrap();
        assert_eq!(elements.rest(), [2]);
        let inner = outer.inside().next_element().unwrap();
        assert_eq!(inner.octets().unwrap().as_slice(), b"ab");
    }

    #[test]
    fn what_ends_before_its_length_is_no_element() {
        for bytes in [
            &[0x30, 0x80][..],
            &[0x30, 0x80, 0],
            &[0x04, 5, 1],
            &[0x04, 0x80, 0, 0],
            &[0x04, 0x85, 1, 0, 0, 0, 0],
            &[0x04, 0xff],
            &[0x1f, 0x81, 0],
            &[4],
            &[],
        ] {
            assert!(Elements::of(bytes).next_element().is_none(), "{bytes:?}");
        }
    }

    #[test]
    fn a_million_open_elements_need_no_stack() {
        let bytes = [0x24, 0x80].repeat(1_000_000);
        assert!(Elements::of(&bytes).next_element().is_none());
        let mut closed = bytes;
        closed.extend(vec![0; 2_000_000]);
        let outer = Elements::of(&closed).next_element().unwrap();
        assert!(outer.octets().is_none());
    }

    #[test]
    fn object_identifiers_read_as_openssl_prints_them() {
        assert_eq!(
            dotted(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d]),
            "1.2.840.113549"
        );
        assert_eq!(dotted(&[0x88, 0x37, 3]), "2.999.3");
        assert_eq!(dotted(&[0x55, 0x04, 0x03]), "2.5.4.3");
        assert_eq!(dotted(&[]), "#");
        assert_eq!(dotted(&[0x55, 0x84]), "#5584");
        assert_eq!(dotted(&[0x55, 0x80, 0x01]), "#558001");
        let endless = [vec![0x55], vec![0xff; 1 << 20], vec![1]].concat();
        assert!(dotted(&endless).starts_with("#55ff"));
    }
}
