use super::{Field, ParsedCertificate};
use crate::parse::ber::{
    self, BOOLEAN, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, element,
};

const KEY_USAGE: &[u8] = &[0x55, 0x1d, 15];
const ALTERNATIVE_NAMES: &[u8] = &[0x55, 0x1d, 17];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 19];
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 37];

/// The parts of a certificate that the tests exchange.
struct Parts {
    subject: Vec<u8>,
    serial: Vec<u8>,
    /// Until when it is valid.
    until: Vec<u8>,
    key: Option<Vec<u8>>,
    extensions: Vec<(&'static [u8], Vec<u8>)>,
    /// What stands behind the signature.
    more: Vec<u8>,
}

impl Default for Parts {
    fn default() -> Self {
        let name = pair(&element(0x0c, &[b"a"]));
        Self {
            subject: element(SEQUENCE, &[&element(0x31, &[&name])]),
            serial: element(INTEGER, &[&[1]]),
            until: element(0x17, &[b"260101000000Z"]),
            key: None,
            extensions: Vec::new(),
            more: Vec::new(),
        }
    }
}

/// A common name of this value.
fn pair(value: &[u8]) -> Vec<u8> {
    element(
        SEQUENCE,
        &[&element(OBJECT_IDENTIFIER, &[&[0x55, 4, 3]]), value],
    )
}

impl Parts {
    fn with(extensions: impl IntoIterator<Item = (&'static [u8], Vec<u8>)>) -> ParsedCertificate {
        let extensions = extensions.into_iter().collect();
        Self {
            extensions,
            ..Self::default()
        }
        .read()
    }

    fn read(&self) -> ParsedCertificate {
        ParsedCertificate::read(&self.der()).unwrap()
    }

    fn der(&self) -> Vec<u8> {
        let algorithm = element(
            SEQUENCE,
            &[&element(OBJECT_IDENTIFIER, &[&[0x2b, 0x65, 0x70]])],
        );
        let key = element(SEQUENCE, &[&algorithm, &element(3, &[&[0; 33]])]);
        let key = self.key.as_ref().unwrap_or(&key);
        let date = element(0x17, &[b"260101000000Z"]);
        let extensions: Vec<u8> = self
            .extensions
            .iter()
            .flat_map(|(id, value)| {
                let id = element(OBJECT_IDENTIFIER, &[id]);
                element(SEQUENCE, &[&id, &element(OCTET_STRING, &[value])])
            })
            .collect();
        let extensions = if self.extensions.is_empty() {
            Vec::new()
        } else {
            element(ber::context(3), &[&element(SEQUENCE, &[&extensions])])
        };
        let signed = element(
            SEQUENCE,
            &[
                &element(ber::context(0), &[&element(INTEGER, &[&[2]])]),
                &self.serial,
                &algorithm,
                &element(SEQUENCE, &[]),
                &element(SEQUENCE, &[&date, &self.until]),
                &self.subject,
                key,
                &extensions,
            ],
        );
        let signature = element(3, &[&[0; 65]]);
        element(SEQUENCE, &[&signed, &algorithm, &signature, &self.more])
    }
}

/// What is malformed, in words.
fn told(found: &ParsedCertificate) -> Vec<String> {
    found.faults.iter().map(ToString::to_string).collect()
}

fn constraints(parts: &[&[u8]]) -> Vec<u8> {
    element(SEQUENCE, parts)
}

#[test]
fn a_plain_one_has_no_faults() {
    let found = Parts::default().read();
    assert_eq!(
        (found.subject.as_str(), found.issuer.as_str()),
        ("CN=a", "")
    );
    assert_eq!(found.signature_algorithm, "Ed25519");
    assert!(found.faults.is_empty(), "{:?}", found.faults);
    assert_eq!(found.key_usages, None);
}

#[test]
fn an_extension_that_is_malformed_leaves_the_others_standing() {
    let is_ca = constraints(&[&element(BOOLEAN, &[&[0xff]])]);
    let cases: [(&'static [u8], &[u8], &str); 8] = [
        (KEY_USAGE, b"x", "its keyUsage is malformed"),
        (KEY_USAGE, &[3, 2, 7, 0x80, 0], "its keyUsage is malformed"),
        (
            EXTENDED_KEY_USAGE,
            &[0x30, 2, 5, 0],
            "its extendedKeyUsage is malformed",
        ),
        (
            ALTERNATIVE_NAMES,
            &[4, 1, 0],
            "its subjectAltName is malformed",
        ),
        (
            ALTERNATIVE_NAMES,
            &[0x30, 4, 0x82, 9, b'a', b'b'],
            "its subjectAltName is malformed",
        ),
        (
            &[0x55, 0x1d, 14],
            &[],
            "its subjectKeyIdentifier is malformed",
        ),
        (
            &[0x55, 0x1d, 35],
            &[4, 0],
            "its authorityKeyIdentifier is malformed",
        ),
        (KEY_USAGE, &[], "its keyUsage is malformed"),
    ];
    for (id, value, fault) in cases {
        let found = Parts::with([(id, value.to_vec()), (BASIC_CONSTRAINTS, is_ca.clone())]);
        assert_eq!(told(&found), [fault]);
        assert!(found.is_ca);
    }
}

#[test]
fn a_path_length_that_fits_nowhere_does_not_hide_an_authority() {
    let yes = element(BOOLEAN, &[&[0xff]]);
    for length in [&[0xff][..], &[1, 0, 0, 0, 0], &[0x7f; 40]] {
        let value = constraints(&[&yes, &element(INTEGER, &[length])]);
        let found = Parts::with([(BASIC_CONSTRAINTS, value)]);
        assert!(found.is_ca);
        assert_eq!(found.path_length, None);
        assert_eq!(told(&found), ["its basicConstraints is malformed"]);
    }
}

#[test]
fn an_extension_that_is_there_twice_is_told_and_the_first_stands() {
    let no = constraints(&[]);
    let yes = constraints(&[&element(BOOLEAN, &[&[0xff]])]);
    let found = Parts::with([(BASIC_CONSTRAINTS, no), (BASIC_CONSTRAINTS, yes)]);
    assert!(!found.is_ca);
    assert_eq!(told(&found), ["its basicConstraints occurs twice"]);
    let other: &[u8] = &[0x2a, 3];
    let found = Parts::with(vec![(other, Vec::new()); 1000]);
    assert_eq!(told(&found), ["an extension of it occurs twice"]);
}

#[test]
fn a_name_that_is_malformed_is_told() {
    let set = |content: &[u8]| element(0x31, &[content]);
    let good = set(&pair(&element(0x0c, &[b"a"])));
    let bad = [
        set(&[]),
        set(&element(
            SEQUENCE,
            &[&element(OBJECT_IDENTIFIER, &[&[0x55, 4, 3]])],
        )),
        set(&pair(&[0x0c, 1, b'a', 0x0c, 0])),
        element(SEQUENCE, &[]),
    ];
    for bad in bad {
        let subject = element(SEQUENCE, &[&good, &bad, &good]);
        let parts = Parts {
            subject,
            ..Parts::default()
        };
        assert_eq!(
            told(&parts.read()),
            ["its subject is malformed and not wholly shown"]
        );
    }
}

#[test]
fn elements_beyond_the_standard_are_told() {
    let more = element(ber::context(7), &[b"more"]);
    let parts = Parts {
        more,
        ..Parts::default()
    };
    let found = parts.read();
    assert_eq!(told(&found), ["it contains more than the standard defines"]);
    let mut der = Parts::default().der();
    der.extend(b"tail");
    let found = ParsedCertificate::read(&der).unwrap();
    assert_eq!(told(&found), ["4 trailing bytes"]);
    assert_eq!(found.der().len(), der.len() - 4);
}

#[test]
fn values_without_words_stand_in_hex() {
    let value = element(0x30, &[&element(2, &[&[1]])]);
    let subject = element(SEQUENCE, &[&element(0x31, &[&pair(&value)])]);
    let found = Parts {
        subject,
        ..Parts::default()
    }
    .read();
    assert_eq!(found.subject, "CN=#3003020101");
    let universal = element(
        28,
        &[&[0, 1, 0xf6, 0, 0, 0, 0, b'x', 0xff, 0xff, 0xff, 0xff]],
    );
    let subject = element(SEQUENCE, &[&element(0x31, &[&pair(&universal)])]);
    let found = Parts {
        subject,
        ..Parts::default()
    }
    .read();
    assert_eq!(found.subject, "CN=\u{1f600}x\u{fffd}");
}

#[test]
fn one_bad_field_loses_no_other() {
    let month_13 = element(0x17, &[b"261301000000Z"]);
    let cases = [
        (
            Field::NotAfter,
            Parts {
                until: month_13,
                ..Parts::default()
            },
        ),
        (
            Field::Serial,
            Parts {
                serial: element(OCTET_STRING, &[&[1]]),
                ..Parts::default()
            },
        ),
        (
            Field::Subject,
            Parts {
                subject: element(OCTET_STRING, &[b"a"]),
                ..Parts::default()
            },
        ),
        (
            Field::PublicKey,
            Parts {
                key: Some(element(SEQUENCE, &[&[5, 0]])),
                ..Parts::default()
            },
        ),
    ];
    let whole = Parts::default().read();
    assert!(whole.can_be_judged());
    for (field, parts) in cases {
        let found = parts.read();
        assert_eq!(found.unread, [field], "{:?}", found.faults);
        assert_eq!(told(&found), [format!("its {field} is malformed")]);
        assert!(!found.can_be_judged());
        let is = |one| field == one;
        assert!(is(Field::Subject) || found.subject == whole.subject);
        assert!(is(Field::Serial) || found.serial == whole.serial);
        assert!(is(Field::PublicKey) || found.public_key == whole.public_key);
        assert_eq!(found.not_before, whole.not_before);
        assert_eq!(found.not_after.is_none(), is(Field::NotAfter));
    }
    let two = Parts {
        serial: element(OCTET_STRING, &[&[1]]),
        subject: element(OCTET_STRING, &[b"a"]),
        ..Parts::default()
    };
    assert!(ParsedCertificate::read(&two.der()).is_err());
}
