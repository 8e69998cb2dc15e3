//! A short keyed fingerprint: tells whether two hidden values are equal, and nothing else.
//!
//! A bare hash of a weak password is the password: anyone can hash a dictionary. Keyed
//! with HMAC, it is of no use without the key.

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// The block of SHA-256, to which HMAC pads its key.
const BLOCK: usize = 64;
/// Four bytes: enough to compare a handful of pods, too few to confirm a guess with certainty.
const KEPT: usize = 4;

/// HMAC-SHA-256 under the key of this run.
#[derive(Clone)]
pub(super) struct Fingerprinter(Hmac<Sha256>);

impl Fingerprinter {
    pub(super) fn new(key: &[u8]) -> Self {
        // RFC 2104 by hand for the key alone: with a whole block there is no error to handle.
        let digest = Sha256::digest(key);
        let key = if key.len() > BLOCK {
            digest.as_slice()
        } else {
            key
        };
        let mut block = [0; BLOCK];
        for (to, from) in block.iter_mut().zip(key) {
            *to = *from;
        }
        Self(Hmac::new(&block.into()))
    }

    /// Eight hexadecimal digits.
    pub(super) fn of(&self, value: &[u8]) -> String {
        let mut mac = self.0.clone();
        mac.update(value);
        let tag = mac.finalize().into_bytes();
        HEXLOWER.encode(tag.get(..KEPT).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::Fingerprinter;

    #[test]
    fn is_hmac_sha_256() {
        // RFC 4231, cases 1, 2 and 6 (a key longer than the block).
        assert_eq!(Fingerprinter::new(&[0x0b; 20]).of(b"Hi There"), "b0344c61");
        assert_eq!(
            Fingerprinter::new(b"Jefe").of(b"what do ya want for nothing?"),
            "5bdcc146"
        );
        assert_eq!(
            Fingerprinter::new(&[0xaa; 131])
                .of(b"Test Using Larger Than Block-Size Key - Hash Key First"),
            "60e43159"
        );
    }
}
