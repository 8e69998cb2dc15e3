//! What a password opens: PBES2 (RFC 8018) and the older schemes of PKCS#12 (RFC 7292).
//!
//! A file says itself how much work its password is. That is bounded before any of it is done.

use core::fmt;

use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockCipherDecrypt, BlockModeDecrypt, KeyInit, KeyIvInit};
use pkcs5::der::Decode;
use pkcs5::pbes2::{Kdf, Parameters, Pbkdf2Prf};
use sha1::{Digest, Sha1};
use zeroize::Zeroizing;

use super::schemes;
use crate::parse::ber::{self, Element, OBJECT_IDENTIFIER, SEQUENCE};

/// Hash computations that one file may cost: about a second, and ten times what OWASP asks of
/// one password.
const MAX_HASHES: u64 = 5_000_000;

/// Memory that scrypt may take; OpenSSL's own keys take 16 MiB.
const MAX_SCRYPT_BYTES: u64 = 32 << 20;

/// 1.2.840.113549.1.12.1, to which the schemes of PKCS#12 add a number.
const PKCS12_SCHEMES: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 12, 1];
const PBES2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 13];

/// What a file may still cost.
pub(super) struct Budget {
    hashes: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self { hashes: MAX_HASHES }
    }
}

impl Budget {
    /// Charges the rounds and hashes to the budget, before they are computed.
    pub(super) fn spend(&mut self, rounds: u64, hashes: u64) -> Result<(), Closed> {
        let left = rounds.checked_mul(hashes);
        let left = left.and_then(|cost| self.hashes.checked_sub(cost));
        self.hashes = left.ok_or(Closed::TooCostly(rounds))?;
        Ok(())
    }
}

/// A password, or none.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Password<'a> {
    Text(&'a str),
    /// None is not the empty one to PKCS#12.
    None,
}

impl<'a> Password<'a> {
    fn text(self) -> &'a str {
        match self {
            Self::Text(text) => text,
            Self::None => "",
        }
    }

    /// In UTF-16 with an end, as PKCS#12 takes it.
    fn wide(self) -> Zeroizing<Vec<u8>> {
        let Self::Text(text) = self else {
            return Zeroizing::default();
        };
        let mut bytes = Zeroizing::new(Vec::with_capacity(text.len().saturating_mul(2) + 2));
        for unit in text.encode_utf16().chain([0]) {
            bytes.extend_from_slice(&unit.to_be_bytes());
        }
        bytes
    }
}

/// Why something stays closed, as the end of a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Closed {
    WrongPassword,
    /// More rounds than are tried.
    TooCostly(u64),
    /// By its name, or its object identifier.
    UnknownScheme(String),
    Malformed,
}

impl fmt::Display for Closed {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::WrongPassword => out.write_str("protected by another password"),
            Self::TooCostly(rounds) => write!(
                out,
                "whose password check needs {rounds} rounds, more than the limit for one file"
            ),
            Self::UnknownScheme(name) => {
                write!(out, "encrypted with {name}, which spyhole does not decrypt")
            }
            Self::Malformed => out.write_str("whose encryption is malformed"),
        }
    }
}

/// Opens what was encrypted by this algorithm with the first of these that fits.
pub(super) fn opened(
    algorithm: &Element,
    data: &[u8],
    passwords: &[Password],
    budget: &mut Budget,
) -> Result<Zeroizing<Vec<u8>>, Closed> {
    for password in passwords {
        match decrypted(algorithm, data, *password, budget) {
            Err(Closed::WrongPassword) => {}
            other => return other,
        }
    }
    Err(Closed::WrongPassword)
}

fn decrypted(
    algorithm: &Element,
    data: &[u8],
    password: Password,
    budget: &mut Budget,
) -> Result<Zeroizing<Vec<u8>>, Closed> {
    let mut inside = algorithm.inside();
    let scheme = inside.take(OBJECT_IDENTIFIER).ok_or(Closed::Malformed)?;
    let parameters = inside.take(SEQUENCE).ok_or(Closed::Malformed);
    let plain = match scheme.content.strip_prefix(PKCS12_SCHEMES) {
        Some([number @ 3..=6]) => {
            let scheme = Pkcs12Scheme::of(&parameters?, password, budget)?;
            match number {
                3 => scheme.opened::<des::TdesEde3>(data, 24)?,
                4 => scheme.opened::<des::TdesEde2>(data, 16)?,
                5 => scheme.opened::<rc2::Rc2>(data, 16)?,
                _ => scheme.opened::<rc2::Rc2>(data, 5)?,
            }
        }
        None if scheme.content == PBES2 => pbes2(parameters?.whole, data, password, budget)?,
        _ => return Err(Closed::UnknownScheme(schemes::named(scheme.content))),
    };
    // One wrong password in 256 leaves a padding that looks right.
    let is_whole = ber::Elements::of(&plain)
        .take(SEQUENCE)
        .is_some_and(|element| element.whole.len() == plain.len());
    is_whole.then_some(plain).ok_or(Closed::WrongPassword)
}

fn pbes2(
    parameters: &[u8],
    data: &[u8],
    password: Password,
    budget: &mut Budget,
) -> Result<Zeroizing<Vec<u8>>, Closed> {
    let unknown = || Closed::UnknownScheme(schemes::of_pbes2(parameters));
    let whole = parameters;
    let parameters = Parameters::from_der(whole).map_err(|_| unknown())?;
    match &parameters.kdf {
        Kdf::Pbkdf2(kdf) => {
            // Two hashes a round; the longest key takes two blocks of SHA-1.
            let hashes = match kdf.prf {
                Pbkdf2Prf::HmacWithSha1 => 4,
                _ => 2,
            };
            budget.spend(u64::from(kdf.iteration_count), hashes)?;
        }
        Kdf::Scrypt(kdf) => {
            let [cost, block] = [kdf.cost_parameter, u64::from(kdf.block_size)];
            let lanes = u64::from(kdf.parallelization);
            let memory = cost.checked_mul(block).and_then(|all| all.checked_mul(128));
            if memory.is_none_or(|bytes| bytes > MAX_SCRYPT_BYTES) {
                return Err(Closed::TooCostly(cost));
            }
            budget.spend(cost, block.saturating_mul(lanes).saturating_mul(4))?;
        }
        _ => return Err(unknown()),
    }
    let mut buffer = Zeroizing::new(data.to_vec());
    let plain = parameters.decrypt_in_place(password.text(), &mut buffer);
    let length = match plain {
        Ok(plain) => plain.len(),
        Err(pkcs5::Error::DecryptFailed) => return Err(Closed::WrongPassword),
        Err(_) => return Err(Closed::UnknownScheme(schemes::of_pbes2(whole))),
    };
    buffer.truncate(length);
    Ok(buffer)
}

/// A scheme of PKCS#12, appendix C: a block cipher in CBC, its key and vector from SHA-1.
struct Pkcs12Scheme<'a> {
    salt: Zeroizing<Vec<u8>>,
    rounds: u64,
    password: Password<'a>,
}

impl<'a> Pkcs12Scheme<'a> {
    fn of(
        parameters: &Element,
        password: Password<'a>,
        budget: &mut Budget,
    ) -> Result<Self, Closed> {
        let mut inside = parameters.inside();
        let salt = inside.next_element().and_then(|salt| salt.octets());
        let rounds = inside.next_element().and_then(|rounds| rounds.number());
        let (salt, rounds) = salt.zip(rounds).ok_or(Closed::Malformed)?;
        // Two blocks of a key, and one of a vector.
        budget.spend(rounds, 3)?;
        Ok(Self {
            salt,
            rounds,
            password,
        })
    }

    fn opened<C: BlockCipherDecrypt + KeyInit>(
        &self,
        data: &[u8],
        key_bytes: usize,
    ) -> Result<Zeroizing<Vec<u8>>, Closed> {
        let key = self.derived(Purpose::Key, key_bytes);
        let vector = self.derived(Purpose::Vector, 8);
        let cipher = cbc::Decryptor::<C>::new_from_slices(&key, &vector);
        let cipher = cipher.map_err(|_| Closed::Malformed)?;
        let mut buffer = Zeroizing::new(data.to_vec());
        let plain = cipher.decrypt_padded::<Pkcs7>(&mut buffer);
        let length = plain.map_err(|_| Closed::WrongPassword)?.len();
        buffer.truncate(length);
        Ok(buffer)
    }

    fn derived(&self, purpose: Purpose, length: usize) -> Zeroizing<Vec<u8>> {
        derived::<Sha1>(purpose, self.password, &self.salt, self.rounds, 64, length)
    }
}

/// What a derived key is for (RFC 7292, B.3).
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    Key = 1,
    Vector = 2,
    Check = 3,
}

/// The key derivation of PKCS#12 (RFC 7292, B.2). `block_bytes` is what the hash works on.
pub(super) fn derived<D: Digest>(
    purpose: Purpose,
    password: Password,
    salt: &[u8],
    rounds: u64,
    block_bytes: usize,
    length: usize,
) -> Zeroizing<Vec<u8>> {
    let password = password.wide();
    let filled = |bytes: &[u8]| {
        let whole = bytes.len().next_multiple_of(block_bytes);
        Zeroizing::new(
            bytes
                .iter()
                .copied()
                .cycle()
                .take(whole)
                .collect::<Vec<u8>>(),
        )
    };
    let mut input = Zeroizing::new([filled(salt).as_slice(), &filled(&password)].concat());
    let diversifier = vec![purpose as u8; block_bytes];
    let mut key = Zeroizing::new(Vec::with_capacity(length.saturating_add(block_bytes)));
    while key.len() < length {
        let mut hash = D::new_with_prefix(&diversifier)
            .chain_update(&*input)
            .finalize();
        for _ in 1..rounds {
            hash = D::digest(&hash);
        }
        key.extend_from_slice(&hash);
        for block in input.chunks_mut(block_bytes) {
            add_with_one(block, &hash);
        }
    }
    key.truncate(length);
    key
}

/// Adds a number, repeated until it is as long, and one.
fn add_with_one(block: &mut [u8], number: &[u8]) {
    let repeated = number.iter().cycle().take(block.len());
    let repeated: Zeroizing<Vec<u8>> = Zeroizing::new(repeated.copied().collect());
    let mut carry = 1_u16;
    for (digit, more) in block.iter_mut().zip(repeated.iter()).rev() {
        let [over, sum] = (u16::from(*digit) + u16::from(*more) + carry).to_be_bytes();
        (*digit, carry) = (sum, u16::from(over));
    }
}
