//! The public half of private keys: PKCS#8 (RFC 5958), PKCS#1 (RFC 8017), SEC1 (RFC 5915).
//!
//! It is written as the `SubjectPublicKeyInfo` that a certificate of the key holds, so that
//! both have the same pin.

use std::sync::Arc;

use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair,
};
use zeroize::Zeroizing;

use super::password::{Closed, Password, opened};
use super::{FaultKind, Found, PrivateKey};
use crate::parse::ber::{
    self, BIT_STRING, Element, Elements, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE,
    element,
};
use crate::parse::signed::key_parts;
use crate::parse::x509::{self, ParsedCertificate, PublicKey};

const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
const RSA_PSS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10];
const ELLIPTIC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
const DSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x38, 4, 1];
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
const P_256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
const P_384: &[u8] = &[0x2b, 0x81, 0x04, 0, 0x22];

/// How often a key without a public half is tried on certificates of its file.
const MAX_PAIRINGS: usize = 1000;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Pkcs8,
    Rsa,
    Ec,
    Dsa,
}

/// What is known of the public half of a key.
pub(super) enum Half {
    Known(PublicKey),
    /// An elliptic key, as Java writes it: its public half is not in it. Whether it belongs to a
    /// certificate can be tried.
    Lone {
        curve: Curve,
        secret: Secret,
    },
    Unknown,
    /// A password protects it; its half, where that was known.
    Encrypted(Option<Box<Half>>),
}

type Secret = Zeroizing<Vec<u8>>;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Curve {
    P256,
    P384,
}

/// Reads a key; `None`, where it is malformed.
pub(super) fn half(der: &[u8], encoding: Encoding) -> Option<Half> {
    let mut key = Elements::of(der).enter(SEQUENCE)?;
    match encoding {
        Encoding::Pkcs8 => pkcs8(key),
        Encoding::Rsa => {
            let algorithm = element(SEQUENCE, &[&element(OBJECT_IDENTIFIER, &[RSA]), &[5, 0]]);
            rsa(&mut key, &algorithm)
        }
        Encoding::Ec => elliptic(&mut key, None),
        Encoding::Dsa => dsa(&mut key),
    }
}

/// Reads a key that a password protects, and its public half if one of these opens it.
pub(super) fn open(der: &[u8], line: Option<u64>, passwords: &[Password], found: &mut Found) {
    let Some((algorithm, data)) = shrouded(der) else {
        return found.fault(line, FaultKind::MalformedEncryptedKey);
    };
    let half = match opened(&algorithm, &data, passwords, &mut found.budget) {
        Ok(key) => half(&key, Encoding::Pkcs8),
        Err(Closed::WrongPassword) => {
            found.password_failed |= found.password.is_some();
            None
        }
        Err(closed) => {
            found.fault(line, FaultKind::ClosedKey(closed));
            None
        }
    };
    found.private_keys.push(Half::Encrypted(half.map(Box::new)));
}

fn shrouded(der: &[u8]) -> Option<(Element<'_>, Zeroizing<Vec<u8>>)> {
    let mut inside = Elements::of(der).enter(SEQUENCE)?;
    Some((inside.take(SEQUENCE)?, inside.next_element()?.octets()?))
}

/// A key of OpenSSH (`PROTOCOL.key`): only whether a password protects it.
pub(super) fn openssh(bytes: &[u8]) -> Option<Half> {
    let rest = bytes.strip_prefix(b"openssh-key-v1\0")?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    Some(match rest.get(..length)? {
        b"none" => Half::Unknown,
        _ => Half::Encrypted(None),
    })
}

fn pkcs8(mut key: Elements) -> Option<Half> {
    key.take(INTEGER)?;
    let algorithm = key.take(SEQUENCE)?;
    let mut named = algorithm.inside();
    let kind = named.take(OBJECT_IDENTIFIER)?;
    let parameters = named.next_element();
    let secret = key.next_element()?.octets()?;
    key.take(ber::context(0));
    let public = key.take(ber::context_primitive(1));
    match kind.content {
        RSA => half(&secret, Encoding::Rsa),
        RSA_PSS => rsa(&mut Elements::of(&secret).enter(SEQUENCE)?, algorithm.whole),
        ELLIPTIC => elliptic(&mut Elements::of(&secret).enter(SEQUENCE)?, parameters),
        ED25519 => {
            let seed = Elements::of(&secret).take(OCTET_STRING)?.content;
            let pair = Ed25519KeyPair::from_seed_unchecked(seed).ok()?;
            known(algorithm.whole, &[&[0], pair.public_key().as_ref()])
        }
        _ => match public {
            Some(public) => known(algorithm.whole, &[public.content]),
            None => Some(Half::Unknown),
        },
    }
}

fn rsa(key: &mut Elements, algorithm: &[u8]) -> Option<Half> {
    key.take(INTEGER)?;
    let modulus = key.take(INTEGER)?.whole;
    let exponent = key.take(INTEGER)?.whole;
    known(algorithm, &[&[0], &element(SEQUENCE, &[modulus, exponent])])
}

/// `curve`: what PKCS#8 says outside of the key.
fn elliptic(key: &mut Elements, curve: Option<Element>) -> Option<Half> {
    key.take(INTEGER)?;
    let secret = key.take(OCTET_STRING)?.octets()?;
    let inner = key.enter(ber::context(0));
    let inner = inner.and_then(|mut inside| inside.next_element());
    let public = key.enter(ber::context(1));
    let public = public.and_then(|mut inside| inside.take(BIT_STRING));
    let Some(curve) = curve.or(inner) else {
        return Some(Half::Unknown);
    };
    if let Some(public) = public {
        let kind = element(OBJECT_IDENTIFIER, &[ELLIPTIC]);
        return known(&element(SEQUENCE, &[&kind, curve.whole]), &[public.content]);
    }
    let curve = match curve.content {
        P_256 => Curve::P256,
        P_384 => Curve::P384,
        _ => return Some(Half::Unknown),
    };
    Some(Half::Lone { curve, secret })
}

/// The form of OpenSSL: version, p, q, g, public, private.
fn dsa(key: &mut Elements) -> Option<Half> {
    key.take(INTEGER)?;
    let [p, q, g, public] = [(); 4].map(|()| key.take(INTEGER));
    let parameters = element(SEQUENCE, &[p?.whole, q?.whole, g?.whole]);
    let kind = element(OBJECT_IDENTIFIER, &[DSA]);
    known(
        &element(SEQUENCE, &[&kind, &parameters]),
        &[&[0], public?.whole],
    )
}

/// The half whose algorithm and bit string are these.
fn known(algorithm: &[u8], bits: &[&[u8]]) -> Option<Half> {
    let info = element(SEQUENCE, &[algorithm, &element(BIT_STRING, bits)]);
    x509::public_key_of_der(&info).map(Half::Known)
}

/// The keys as they are reported, once the certificates of their file are known.
pub(super) fn paired(
    halves: Vec<Half>,
    certificates: &[Arc<ParsedCertificate>],
) -> Vec<PrivateKey> {
    let mut tries = MAX_PAIRINGS;
    let mut report = |half| PrivateKey {
        encrypted: matches!(half, Half::Encrypted(_)),
        public_key: public_half(half, certificates, &mut tries),
    };
    halves.into_iter().map(&mut report).collect()
}

fn public_half(
    half: Half,
    certificates: &[Arc<ParsedCertificate>],
    tries: &mut usize,
) -> Option<PublicKey> {
    match half {
        Half::Known(key) => Some(key),
        Half::Unknown => None,
        Half::Encrypted(half) => public_half(*half?, certificates, tries),
        Half::Lone { curve, secret } => certificates.iter().find_map(|certificate| {
            let key = certificate.public_key.as_ref()?;
            if key.curve.as_deref() != Some(curve.name()) {
                return None;
            }
            *tries = tries.checked_sub(1)?;
            let (_, public) = key_parts(certificate.spki_der())?;
            curve.is_pair(&secret, public).then(|| key.clone())
        }),
    }
}

impl Curve {
    fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
        }
    }

    fn is_pair(self, secret: &[u8], public: &[u8]) -> bool {
        let algorithm = match self {
            Self::P256 => &ECDSA_P256_SHA256_ASN1_SIGNING,
            Self::P384 => &ECDSA_P384_SHA384_ASN1_SIGNING,
        };
        let random = SystemRandom::new();
        EcdsaKeyPair::from_private_key_and_public_key(algorithm, secret, public, &random).is_ok()
    }
}
