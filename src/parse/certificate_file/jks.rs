//! Java's own keystores, JKS and JCEKS (`sun.security.provider.JavaKeyStore`).
//!
//! Their certificates are in clear, the keys are not. The digest at the end needs the password
//! and is not checked.

use super::private_key::Half;
use super::{FaultKind, Found};

const JKS: &[u8] = &[0xfe, 0xed, 0xfe, 0xed];
const JCEKS: &[u8] = &[0xce, 0xce, 0xce, 0xce];

/// The SHA-1 behind the entries.
const DIGEST_BYTES: usize = 20;

pub(super) fn is_keystore(bytes: &[u8]) -> bool {
    bytes.starts_with(JKS) || bytes.starts_with(JCEKS)
}

pub(super) fn read(bytes: &[u8], found: &mut Found) {
    let mut rest = Rest(bytes);
    if let Err(kind) = entries(&mut rest, found) {
        found.fault(None, kind);
    }
}

const CUT_SHORT: FaultKind = FaultKind::TruncatedKeystore;

fn entries(rest: &mut Rest, found: &mut Found) -> Result<(), FaultKind> {
    rest.take(JKS.len()).ok_or(CUT_SHORT)?;
    let version = rest.number().ok_or(CUT_SHORT)?;
    if !matches!(version, 1 | 2) {
        return Err(FaultKind::UnknownKeystore);
    }
    let count = rest.number().ok_or(CUT_SHORT)?;
    for _ in 0..count {
        let kind = rest.number().ok_or(CUT_SHORT)?;
        head(rest).ok_or(CUT_SHORT)?;
        match kind {
            1 => {
                let length = rest.number().ok_or(CUT_SHORT)?;
                rest.take(length).ok_or(CUT_SHORT)?;
                found.private_keys.push(Half::Encrypted(None));
                let chain = rest.number().ok_or(CUT_SHORT)?;
                for _ in 0..chain {
                    certificate(version, rest, found).ok_or(CUT_SHORT)?;
                }
            }
            2 => certificate(version, rest, found).ok_or(CUT_SHORT)?,
            // Only the Java object itself tells its length.
            3 => return Err(FaultKind::SecretKeyEntry),
            _ => return Err(FaultKind::UnknownEntry),
        }
    }
    match rest.0.len() {
        DIGEST_BYTES => Ok(()),
        0..DIGEST_BYTES => Err(CUT_SHORT),
        _ => Err(FaultKind::KeystoreTail),
    }
}

/// Alias and time of an entry.
fn head(rest: &mut Rest) -> Option<()> {
    rest.text()?;
    rest.take(8)?;
    Some(())
}

fn certificate(version: usize, rest: &mut Rest, found: &mut Found) -> Option<()> {
    let is_x509 = version == 1 || matches!(rest.text()?, b"X.509" | b"X509");
    let length = rest.number()?;
    let bytes = rest.take(length)?;
    if is_x509 {
        found.certificate(bytes, None);
    } else {
        found.fault(None, FaultKind::NotX509);
    }
    Some(())
}

/// What has not been read yet, in Java's `DataInputStream` encoding.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<usize> {
        let bytes = self.take(4)?.try_into().ok()?;
        usize::try_from(u32::from_be_bytes(bytes)).ok()
    }

    fn text(&mut self) -> Option<&'a [u8]> {
        let bytes = self.take(2)?.try_into().ok()?;
        self.take(usize::from(u16::from_be_bytes(bytes)))
    }
}
