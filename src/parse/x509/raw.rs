//! A certificate field by field as it is written, for rules that depend on its encoding.

use super::ParsedCertificate;
use crate::parse::ber::{
    BIT_STRING, BOOLEAN, Element, Elements, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE,
    SET, context, dotted, element,
};

/// The fields of one certificate, each without its header unless it says otherwise.
#[derive(Debug, Clone)]
pub(crate) struct RawCertificate<'a> {
    /// Whether bytes follow the certificate where it was found.
    pub(crate) is_followed: bool,
    /// Whether the lengths of its outer elements are as short as DER requires.
    pub(crate) has_minimal_lengths: bool,
    /// The number of the version, which is one less than its name; absent where it is no number.
    pub(crate) version: Option<i64>,
    pub(crate) serial: &'a [u8],
    /// The algorithm within what is signed, and beside the signature.
    pub(crate) algorithms: [&'a [u8]; 2],
    /// With its header.
    pub(crate) issuer: &'a [u8],
    /// With its header.
    pub(crate) subject: &'a [u8],
    pub(crate) not_before: RawTime<'a>,
    pub(crate) not_after: RawTime<'a>,
    pub(crate) spki: &'a [u8],
    /// Absent where there is none; `Err` where the list cannot be read.
    pub(crate) extensions: Option<Result<Vec<RawExtension<'a>>, ()>>,
}

/// A time with its tag.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RawTime<'a> {
    pub(crate) tag: u8,
    pub(crate) text: &'a [u8],
}

/// An extension.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RawExtension<'a> {
    pub(crate) id: &'a [u8],
    /// The byte of its `critical`, where that is written.
    pub(crate) critical: Option<&'a [u8]>,
    pub(crate) value: &'a [u8],
}

/// A `GeneralName`: the number of its tag, and its content.
pub(crate) type RawName<'a> = (u8, &'a [u8]);

/// What basicConstraints say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RawBasicConstraints<'a> {
    pub(crate) is_ca: bool,
    /// The bytes of the number.
    pub(crate) length: Option<&'a [u8]>,
}

pub(crate) const UTC_TIME: u8 = 0x17;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;

impl<'a> RawCertificate<'a> {
    /// Splits a certificate; `None` where it lacks a field.
    pub(crate) fn of(parsed: &'a ParsedCertificate) -> Option<Self> {
        let is_followed = parsed
            .faults
            .iter()
            .any(|fault| matches!(fault, super::CertificateFault::TrailingBytes(_)));
        let whole = Elements::of(parsed.der()).take(SEQUENCE)?;
        let mut outer = whole.inside();
        let signed = outer.take(SEQUENCE)?;
        let outer_algorithm = outer.take(SEQUENCE)?.content;
        outer.take(BIT_STRING)?;
        let mut inside = signed.inside();
        let version = match inside.take(context(0)) {
            None => Some(0),
            Some(version) => version.inside().take(INTEGER).and_then(|one| small(&one)),
        };
        let serial = inside.take(INTEGER)?.content;
        let inner_algorithm = inside.take(SEQUENCE)?.content;
        let issuer = inside.take(SEQUENCE)?.whole;
        let mut validity = inside.enter(SEQUENCE)?;
        let subject_place = [validity.next_element()?, validity.next_element()?];
        let [not_before, not_after] = subject_place.map(|time| RawTime {
            tag: time.tag,
            text: time.content,
        });
        let subject = inside.take(SEQUENCE)?.whole;
        let spki = inside.take(SEQUENCE)?.content;
        for number in [1, 2] {
            let primitive = crate::parse::ber::context_primitive(number);
            let _ = inside
                .take(primitive)
                .or_else(|| inside.take(context(number)));
        }
        let extensions = inside
            .take(context(3))
            .map(|list| extensions(&list).ok_or(()));
        Some(Self {
            is_followed,
            has_minimal_lengths: is_minimal(&whole) && is_minimal(&signed),
            version,
            serial,
            algorithms: [inner_algorithm, outer_algorithm],
            issuer,
            subject,
            not_before,
            not_after,
            spki,
            extensions,
        })
    }

    /// Its extensions, as far as they can be read.
    pub(crate) fn listed(&self) -> &[RawExtension<'a>] {
        match &self.extensions {
            Some(Ok(extensions)) => extensions,
            _ => &[],
        }
    }

    /// The value of an extension, by the content of its object identifier.
    pub(crate) fn value(&self, id: &[u8]) -> Option<&'a [u8]> {
        let mut listed = self.listed().iter();
        listed.find(|one| one.id == id).map(|one| one.value)
    }
}

impl RawExtension<'_> {
    pub(crate) fn is_critical(&self) -> bool {
        self.critical
            .is_some_and(|bytes| bytes.iter().any(|byte| *byte != 0))
    }

    /// Its object identifier with dots.
    pub(crate) fn dotted(&self) -> String {
        dotted(self.id)
    }
}

fn is_minimal(element_: &Element) -> bool {
    element(element_.tag, &[element_.content]).len() == element_.whole.len()
}

fn extensions<'a>(list: &Element<'a>) -> Option<Vec<RawExtension<'a>>> {
    let mut list = list.inside().enter(SEQUENCE)?;
    let mut found = Vec::new();
    while !list.is_empty() {
        let mut inside = list.enter(SEQUENCE)?;
        found.push(RawExtension {
            id: inside.take(OBJECT_IDENTIFIER)?.content,
            critical: inside.take(BOOLEAN).map(|one| one.content),
            value: inside.take(OCTET_STRING)?.content,
        });
    }
    Some(found)
}

/// A number of up to eight bytes.
fn small(number: &Element) -> Option<i64> {
    let first = number.content.first()?;
    let fill = if first & 0x80 == 0 { 0 } else { 0xff };
    let missing = 8_usize.checked_sub(number.content.len())?;
    let mut bytes = [fill; 8];
    for (to, from) in bytes.iter_mut().skip(missing).zip(number.content) {
        *to = *from;
    }
    Some(i64::from_be_bytes(bytes))
}

/// Whether the bytes of an INTEGER are those of DER: at least one, and none to spare.
pub(crate) fn is_der_integer(bytes: &[u8]) -> bool {
    match bytes {
        [] => false,
        [0, next, ..] => next & 0x80 != 0,
        [0xff, next, ..] => next & 0x80 == 0,
        _ => true,
    }
}

/// The bytes of an INTEGER as a number, where they are four at most.
pub(crate) fn small_number(bytes: &[u8]) -> Option<i64> {
    let first = bytes.first()?;
    let fill = if first & 0x80 == 0 { 0 } else { -1 };
    let add = |sum, byte: &u8| (sum << 8) | i64::from(*byte);
    (bytes.len() <= 4).then(|| bytes.iter().fold(fill, add))
}

/// The names in a `GeneralNames`.
pub(crate) fn general_names(value: &[u8]) -> Option<Vec<RawName<'_>>> {
    let mut list = Elements::of(value).enter(SEQUENCE)?;
    let mut names = Vec::new();
    while !list.is_empty() {
        let name = list.next_element()?;
        names.push((name.tag & 0x1f, name.content));
    }
    Some(names)
}

/// The subtrees that nameConstraints permit, and those that they exclude.
pub(crate) fn subtrees(value: &[u8]) -> Option<[Vec<RawName<'_>>; 2]> {
    let mut inside = Elements::of(value).enter(SEQUENCE)?;
    let mut trees = |tag| {
        let mut names = Vec::new();
        let Some(mut list) = inside.enter(tag) else {
            return Some(names);
        };
        while !list.is_empty() {
            let base = list.enter(SEQUENCE)?.next_element()?;
            names.push((base.tag & 0x1f, base.content));
        }
        Some(names)
    };
    let permitted = trees(context(0))?;
    Some([permitted, trees(context(1))?])
}

/// What basicConstraints say.
pub(crate) fn basic_constraints(value: &[u8]) -> Option<RawBasicConstraints<'_>> {
    let mut inside = Elements::of(value).enter(SEQUENCE)?;
    let is_ca = inside.take(BOOLEAN);
    let is_ca = is_ca.is_some_and(|one| one.content.iter().any(|byte| *byte != 0));
    let length = inside.take(INTEGER).map(|length| length.content);
    Some(RawBasicConstraints { is_ca, length })
}

/// The bits of keyUsage, from its first: 0x8000 is digitalSignature.
pub(crate) fn key_usage(value: &[u8]) -> Option<u16> {
    let bits = Elements::of(value).take(BIT_STRING)?.content;
    let (_, bytes) = bits.split_first()?;
    let mut two = bytes.iter().copied().chain([0, 0]);
    Some(u16::from_be_bytes([two.next()?, two.next()?]))
}

/// The content of each object identifier in a sequence of them.
pub(crate) fn identifiers(value: &[u8]) -> Option<Vec<&[u8]>> {
    let mut list = Elements::of(value).enter(SEQUENCE)?;
    let mut found = Vec::new();
    while !list.is_empty() {
        found.push(list.take(OBJECT_IDENTIFIER)?.content);
    }
    Some(found)
}

/// The content of an octet string.
pub(crate) fn octet_string(value: &[u8]) -> Option<&[u8]> {
    Elements::of(value)
        .take(OCTET_STRING)
        .map(|one| one.content)
}

/// An authorityKeyIdentifier: the identifier of the key, the name of its issuer's issuer with its
/// header, and the serial number.
pub(crate) fn authority_key_id(value: &[u8]) -> Option<[Option<&[u8]>; 3]> {
    let mut inside = Elements::of(value).enter(SEQUENCE)?;
    let primitive = crate::parse::ber::context_primitive;
    let id = inside.take(primitive(0)).map(|one| one.content);
    let issuer = inside.take(context(1)).map(|one| one.content);
    let issuer = issuer.and_then(|names| {
        let mut names = Elements::of(names);
        names.take(context(4)).map(|one| one.content)
    });
    let serial = inside.take(primitive(2)).map(|one| one.content);
    Some([id, issuer, serial])
}

/// A sequence of elements that are all sequences.
pub(crate) fn sequences(value: &[u8]) -> Option<Vec<&[u8]>> {
    let mut list = Elements::of(value).enter(SEQUENCE)?;
    let mut found = Vec::new();
    while !list.is_empty() {
        found.push(list.take(SEQUENCE)?.content);
    }
    Some(found)
}

/// How many certificates may follow before policyConstraints require a policy.
pub(crate) fn required_policy(value: &[u8]) -> Option<u64> {
    let mut inside = Elements::of(value).enter(SEQUENCE)?;
    let length = inside.take(crate::parse::ber::context_primitive(0))?;
    let bytes = length.content;
    (bytes.len() <= 8).then(|| {
        bytes
            .iter()
            .fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
    })
}

/// The first object identifier of some content.
pub(crate) fn first_identifier(content: &[u8]) -> Option<&[u8]> {
    Elements::of(content)
        .take(OBJECT_IDENTIFIER)
        .map(|one| one.content)
}

/// An attribute of a name: its identifier, the tag and the bytes of its value.
pub(crate) type RawAttribute<'a> = (&'a [u8], u8, &'a [u8]);

/// The attributes of a name with its header.
pub(crate) fn attributes(name: &[u8]) -> Option<Vec<RawAttribute<'_>>> {
    let mut sets = Elements::of(name).enter(SEQUENCE)?;
    let mut found = Vec::new();
    while !sets.is_empty() {
        let mut set = sets.enter(SET)?;
        while !set.is_empty() {
            let mut attribute = set.enter(SEQUENCE)?;
            let id = attribute.take(OBJECT_IDENTIFIER)?.content;
            let value = attribute.next_element()?;
            found.push((id, value.tag, value.content));
        }
    }
    Some(found)
}

/// What a reader of times accepts beyond `YYMMDDHHMMSSZ` and `YYYYMMDDHHMMSSZ`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a form of its own, in any combination"
)]
pub(crate) struct TimeForms {
    /// A `UTCTime` without seconds.
    pub(crate) no_seconds: bool,
    /// An offset other than Z.
    pub(crate) offset: bool,
    /// Fractions of a second.
    pub(crate) fraction: bool,
    /// Days that a month does not have, up to 31.
    pub(crate) any_day: bool,
}

impl RawTime<'_> {
    /// Seconds since 1970, where it has one of these forms.
    pub(crate) fn seconds(&self, forms: TimeForms) -> Option<i64> {
        let text = std::str::from_utf8(self.text).ok()?;
        let (year, rest) = match self.tag {
            UTC_TIME => {
                let year = digits(text.get(..2)?)?;
                (if year < 50 { 2_000 } else { 1_900 } + year, text.get(2..)?)
            }
            GENERALIZED_TIME => (digits(text.get(..4)?)?, text.get(4..)?),
            _ => return None,
        };
        let two = |at: usize| digits(rest.get(at..at.checked_add(2)?)?);
        let [month, day, hour, minute] = [two(0)?, two(2)?, two(4)?, two(6)?];
        let (second, mut zone) = match two(8) {
            Some(second) => (second, rest.get(10..)?),
            None if forms.no_seconds && self.tag == UTC_TIME => (0, rest.get(8..)?),
            None => return None,
        };
        if let Some(fraction) = zone.strip_prefix('.') {
            if !forms.fraction {
                return None;
            }
            zone = fraction.trim_start_matches(|one: char| one.is_ascii_digit());
        }
        let offset = match zone {
            "Z" => 0,
            zone if forms.offset && zone.len() == 5 => {
                let sign = if zone.starts_with('+') { 1 } else { -1 };
                sign * (digits(zone.get(1..3)?)? * 3_600 + digits(zone.get(3..5)?)? * 60)
            }
            _ => return None,
        };
        let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let days = match month {
            2 if forms.any_day => 31,
            2 if is_leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 if !forms.any_day => 30,
            1..=12 => 31,
            _ => return None,
        };
        if !(1..=days).contains(&day) || hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let time = days_since_1970(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
        Some(time - offset)
    }
}

fn digits(text: &str) -> Option<i64> {
    let all = text.bytes().all(|byte| byte.is_ascii_digit());
    all.then(|| text.parse().ok())?
}

/// By the proleptic Gregorian calendar.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Tag and content of each element.
pub(crate) fn elements(bytes: &[u8]) -> Vec<(u8, &[u8])> {
    let mut list = Elements::of(bytes);
    let mut found = Vec::new();
    while let Some(element) = list.next_element() {
        found.push((element.tag, element.content));
    }
    found
}
