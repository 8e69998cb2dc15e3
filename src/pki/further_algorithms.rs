//! Signatures that ring does not verify and a runtime may: ECDSA on further curves and with further
//! hashes, RSA with SHA-224 and with keys of other sizes.

use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

use super::algorithms::SignatureCheck;
use super::elliptic;
use super::finding::Unchecked;
use super::modular::{Modulus, bytes, words};
use crate::parse::signed::{Signed, algorithm_parts, key_parts, rsa_numbers};

const EC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
const RSA_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
/// The longest RSA modulus that is computed with.
const RSA_BITS_MAX: usize = 16_384;
const RSA_EXPONENT_BYTES_MAX: usize = 8;

#[derive(Debug, Clone, Copy)]
enum Hash {
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    fn digest(self, data: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha1 => Sha1::digest(data).to_vec(),
            Self::Sha224 => Sha224::digest(data).to_vec(),
            Self::Sha256 => Sha256::digest(data).to_vec(),
            Self::Sha384 => Sha384::digest(data).to_vec(),
            Self::Sha512 => Sha512::digest(data).to_vec(),
        }
    }

    /// What stands before the digest in a signature of RSA (RFC 8017 9.2).
    fn prefix(self) -> &'static [u8] {
        match self {
            Self::Sha1 => b"\x30\x21\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00\x04\x14",
            Self::Sha224 => {
                b"\x30\x2d\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x04\x05\x00\x04\x1c"
            }
            Self::Sha256 => {
                b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"
            }
            Self::Sha384 => {
                b"\x30\x41\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00\x04\x30"
            }
            Self::Sha512 => {
                b"\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40"
            }
        }
    }

    /// The hash of a signature algorithm, by its object identifier: of ECDSA, or of RSA.
    fn of(algorithm: &[u8]) -> Option<(&'static [u8], Self)> {
        if let [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, last] = algorithm {
            let hash = match last {
                5 => Self::Sha1,
                11 => Self::Sha256,
                12 => Self::Sha384,
                13 => Self::Sha512,
                14 => Self::Sha224,
                _ => return None,
            };
            return Some((RSA_KEY, hash));
        }
        let hash = match algorithm.strip_prefix(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4])? {
            [1] => Self::Sha1,
            [3, 1] => Self::Sha224,
            [3, 2] => Self::Sha256,
            [3, 3] => Self::Sha384,
            [3, 4] => Self::Sha512,
            _ => return None,
        };
        Some((EC_KEY, hash))
    }
}

/// Checks a signature with the key in the content of a `SubjectPublicKeyInfo`.
pub(super) fn check(signed: &Signed, spki: &[u8]) -> SignatureCheck {
    let unsupported = SignatureCheck::Unknown(Unchecked::AlgorithmUnsupported);
    let Some((key_algorithm, key)) = key_parts(spki) else {
        return SignatureCheck::Unknown(Unchecked::KeyMalformed);
    };
    let Some((key_kind, parameters)) = algorithm_parts(key_algorithm) else {
        return unsupported;
    };
    let signature = algorithm_parts(signed.algorithm).and_then(|(id, _)| Hash::of(id));
    let Some((wanted, hash)) = signature else {
        return unsupported;
    };
    if wanted != key_kind {
        return unsupported;
    }
    let digest = hash.digest(signed.data);
    let fits = if wanted == EC_KEY {
        parameters.and_then(|curve| elliptic::verify(curve, key, &digest, signed.signature))
    } else {
        rsa(key, hash, &digest, signed.signature)
    };
    match fits {
        Some(true) => SignatureCheck::Right,
        Some(false) => SignatureCheck::Wrong,
        None => unsupported,
    }
}

/// RSASSA-PKCS1-v1_5 (RFC 8017 8.2.2); `None` where the key is not computed with.
fn rsa(key: &[u8], hash: Hash, digest: &[u8], signature: &[u8]) -> Option<bool> {
    let [number, exponent] = rsa_numbers(key)?;
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let number = number.get(zeros..)?;
    if number.len() * 8 > RSA_BITS_MAX || exponent.len() > RSA_EXPONENT_BYTES_MAX {
        return None;
    }
    let modulus = Modulus::new(number)?;
    let info = [hash.prefix(), digest].concat();
    let Some(padding) = number.len().checked_sub(info.len() + 3) else {
        return Some(false);
    };
    let wanted = [&[0, 1][..], &vec![0xff; padding], &[0], &info].concat();
    if signature.len() != number.len() {
        return Some(false);
    }
    let Some(base) = modulus.enter(&words(signature)) else {
        return Some(false);
    };
    let found = bytes(&modulus.leave(&modulus.power(&base, &words(exponent))));
    let above = found.len().saturating_sub(number.len());
    Some(found.get(above..) == Some(&wanted))
}
