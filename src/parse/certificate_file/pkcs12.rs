//! PKCS#12 (RFC 7292): bags of certificates and keys, most of them behind a password.
//!
//! `p12-keystore` opens a file as a whole or not at all, and takes a million rounds for each
//! bag. Here each bag stands for itself, what is in clear is shown without the password, and
//! one budget holds for the whole file.

use ring::hmac;
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};
use zeroize::Zeroizing;

use super::password::{Closed, Password, Purpose, derived, opened};
use super::pkcs7::{DATA, ENCRYPTED_DATA};
use super::private_key::{self, Encoding};
use super::{FaultKind, Found};
use crate::parse::ber::{self, Element, Elements, INTEGER, OBJECT_IDENTIFIER, SEQUENCE};

/// 1.2.840.113549.1.12.10.1, to which the kinds of bags add a number.
const BAGS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 12, 10, 1];
const X509_CERTIFICATE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 22, 1];

const HASH_SHA1: &[u8] = &[0x2b, 0x0e, 3, 2, 0x1a];
const HASH_SHA256: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1];
const HASH_SHA384: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 2];
const HASH_SHA512: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 3];

/// How deep bags may lie in each other.
const MAX_DEPTH: u8 = 4;

pub(super) fn read(file: &Element, found: &mut Found) {
    if bags_of(file, found).is_none() {
        found.fault(None, FaultKind::MalformedPkcs12);
    }
}

/// `None`, where it is malformed; what was read before stands.
fn bags_of(file: &Element, found: &mut Found) -> Option<()> {
    let mut inside = file.inside();
    inside.take(INTEGER)?;
    let mut info = inside.enter(SEQUENCE)?;
    let check = inside.enter(SEQUENCE);
    if info.take(OBJECT_IDENTIFIER)?.content != DATA {
        found.fault(None, FaultKind::SignedPkcs12);
        return Some(());
    }
    let data = info.enter(ber::context(0))?.next_element()?.octets()?;
    let mut passwords: Vec<Password> = found.password.map(Password::Text).into_iter().collect();
    passwords.extend([Password::Text(""), Password::None]);
    if let Some(check) = check {
        fitting(&mut passwords, check, &data, found);
    }
    let mut parts = Elements::of(&data).enter(SEQUENCE)?;
    while !parts.is_empty() {
        part(parts.enter(SEQUENCE)?, &passwords, found)?;
    }
    Some(())
}

/// Keeps the password that the file's MAC confirms; all of them if it has no MAC.
fn fitting(passwords: &mut Vec<Password>, check: Elements, data: &[u8], found: &mut Found) {
    let Some(check) = Check::of(check) else {
        found.fault(None, FaultKind::MalformedPkcs12Check);
        return;
    };
    let mut kept = Vec::new();
    for password in passwords.iter() {
        match check.confirms(*password, data, found) {
            Ok(true) => {
                kept.push(*password);
                break;
            }
            Ok(false) => {}
            // Then what each bag says of the password has to do.
            Err(Closed::UnknownScheme(_)) => return,
            Err(closed) => return found.fault(None, FaultKind::ClosedPkcs12(closed)),
        }
    }
    *passwords = kept;
}

/// A code over the bags that only the password brings about.
struct Check<'a> {
    hash: &'a [u8],
    code: Zeroizing<Vec<u8>>,
    salt: Zeroizing<Vec<u8>>,
    rounds: u64,
}

impl<'a> Check<'a> {
    fn of(mut inside: Elements<'a>) -> Option<Self> {
        let mut info = inside.enter(SEQUENCE)?;
        let hash = info.enter(SEQUENCE)?.take(OBJECT_IDENTIFIER)?.content;
        let code = info.next_element()?.octets()?;
        let salt = inside.next_element()?.octets()?;
        let rounds = match inside.take(INTEGER) {
            Some(rounds) => rounds.number()?,
            None => 1,
        };
        Some(Self {
            hash,
            code,
            salt,
            rounds,
        })
    }

    fn confirms(&self, password: Password, data: &[u8], found: &mut Found) -> Result<bool, Closed> {
        found.budget.spend(self.rounds, 1)?;
        let (salt, rounds) = (&self.salt, self.rounds);
        let purpose = Purpose::Check;
        let (algorithm, key) = match self.hash {
            HASH_SHA1 => {
                let key = derived::<Sha1>(purpose, password, salt, rounds, 64, 20);
                (hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key)
            }
            HASH_SHA256 => {
                let key = derived::<Sha256>(purpose, password, salt, rounds, 64, 32);
                (hmac::HMAC_SHA256, key)
            }
            HASH_SHA384 => {
                let key = derived::<Sha384>(purpose, password, salt, rounds, 128, 48);
                (hmac::HMAC_SHA384, key)
            }
            HASH_SHA512 => {
                let key = derived::<Sha512>(purpose, password, salt, rounds, 128, 64);
                (hmac::HMAC_SHA512, key)
            }
            other => return Err(Closed::UnknownScheme(ber::dotted(other))),
        };
        let key = hmac::Key::new(algorithm, &key);
        Ok(hmac::verify(&key, data, &self.code).is_ok())
    }
}

fn part(mut info: Elements, passwords: &[Password], found: &mut Found) -> Option<()> {
    let kind = info.take(OBJECT_IDENTIFIER)?.content;
    let mut content = info.enter(ber::context(0))?;
    match kind {
        DATA => {
            let data = content.next_element()?.octets()?;
            bags(Elements::of(&data), passwords, found, MAX_DEPTH)
        }
        ENCRYPTED_DATA => {
            let mut encrypted = content.enter(SEQUENCE)?;
            encrypted.take(INTEGER)?;
            let mut info = encrypted.enter(SEQUENCE)?;
            info.take(OBJECT_IDENTIFIER)?;
            let algorithm = info.take(SEQUENCE)?;
            let data = info.next_element()?.octets()?;
            match opened(&algorithm, &data, passwords, &mut found.budget) {
                Ok(data) => bags(Elements::of(&data), passwords, found, MAX_DEPTH)?,
                Err(Closed::WrongPassword) => {
                    found.needs_password = true;
                    found.password_failed |= found.password.is_some();
                }
                Err(closed) => found.fault(None, FaultKind::ClosedPkcs12(closed)),
            }
            Some(())
        }
        _ => {
            let kind = ber::dotted(kind);
            found.fault(None, FaultKind::Pkcs12ForKey(kind));
            Some(())
        }
    }
}

fn bags(
    mut elements: Elements,
    passwords: &[Password],
    found: &mut Found,
    depth: u8,
) -> Option<()> {
    let mut bags = elements.enter(SEQUENCE)?;
    while !bags.is_empty() {
        let mut bag = bags.enter(SEQUENCE)?;
        let kind = bag.take(OBJECT_IDENTIFIER)?.content;
        let value = bag.enter(ber::context(0))?;
        match kind.strip_prefix(BAGS) {
            Some([1]) => {
                let key = value.rest();
                found.private_key(private_key::half(key, Encoding::Pkcs8), None);
            }
            Some([2]) => private_key::open(value.rest(), None, passwords, found),
            Some([3]) => certificate(value, found),
            Some([6]) => bags_in(value, passwords, found, depth)?,
            // Revocation lists and secrets.
            _ => {}
        }
    }
    Some(())
}

fn bags_in(value: Elements, passwords: &[Password], found: &mut Found, depth: u8) -> Option<()> {
    let Some(depth) = depth.checked_sub(1) else {
        found.fault(None, FaultKind::NestedBags);
        return Some(());
    };
    bags(value, passwords, found, depth)
}

fn certificate(mut value: Elements, found: &mut Found) {
    let mut read = || {
        let mut bag = value.enter(SEQUENCE)?;
        let kind = bag.take(OBJECT_IDENTIFIER)?.content;
        let bytes = bag.enter(ber::context(0))?.next_element()?.octets()?;
        Some((kind == X509_CERTIFICATE, bytes))
    };
    match read() {
        Some((true, bytes)) => found.certificate(&bytes, None),
        Some((false, _)) => found.fault(None, FaultKind::NotX509),
        None => found.fault(None, FaultKind::MalformedBag),
    }
}
