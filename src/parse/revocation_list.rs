//! Certificate revocation lists (RFC 5280 5.1): who issued one, and until when it counts.

use std::time::SystemTime;

use super::ber::{BIT_STRING, Element, Elements, INTEGER, SEQUENCE};
use super::x509;

const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// A revocation list. Its signature is not checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsedRevocationList {
    /// Its issuer, as RFC 4514 writes it.
    pub issuer: String,
    /// When it was made.
    pub this_update: Option<SystemTime>,
    /// When the next one is to come: from then on verifiers that need a list refuse this one.
    /// `None`: it does not say so.
    pub next_update: Option<SystemTime>,
    /// Certificates that it revokes.
    pub entries: u64,
}

impl ParsedRevocationList {
    /// Reads one in DER; `None` for anything else.
    pub(crate) fn read(der: &[u8]) -> Option<Self> {
        let mut outer = Elements::of(der).enter(SEQUENCE)?;
        let mut signed = outer.enter(SEQUENCE)?;
        outer.take(SEQUENCE)?;
        outer.take(BIT_STRING)?;
        let _version = signed.take(INTEGER);
        signed.take(SEQUENCE)?;
        let issuer = signed.take(SEQUENCE)?;
        let this_update = time(&mut signed)?;
        let next_update = time(&mut signed);
        let mut entries = 0;
        if let Some(mut revoked) = signed.enter(SEQUENCE) {
            while !revoked.is_empty() {
                revoked.take(SEQUENCE)?;
                entries += 1;
            }
        }
        Some(Self {
            issuer: x509::name_of_content(issuer.content)?,
            this_update: x509::moment(this_update),
            next_update: next_update.and_then(x509::moment),
            entries,
        })
    }
}

fn time<'a>(signed: &mut Elements<'a>) -> Option<Element<'a>> {
    signed
        .take(UTC_TIME)
        .or_else(|| signed.take(GENERALIZED_TIME))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::ber::{OBJECT_IDENTIFIER, SET, UTF8_STRING, element};

    fn list(next: Option<&[u8]>, entries: usize) -> Vec<u8> {
        let algorithm = element(SEQUENCE, &[&element(OBJECT_IDENTIFIER, &[&[0x2a, 3]])]);
        let pair = [
            element(OBJECT_IDENTIFIER, &[&[0x55, 4, 3]]),
            element(UTF8_STRING, &[b"Issuer"]),
        ];
        let pair = element(SEQUENCE, &[&pair.concat()]);
        let name = element(SEQUENCE, &[&element(SET, &[&pair])]);
        let entry = element(SEQUENCE, &[&element(INTEGER, &[&[5]])]);
        let signed = [
            element(INTEGER, &[&[1]]),
            algorithm.clone(),
            name,
            element(UTC_TIME, &[b"250101000000Z"]),
            next.map_or(Vec::new(), |next| element(UTC_TIME, &[next])),
            element(SEQUENCE, &[&entry.repeat(entries)]),
        ];
        let signed = element(SEQUENCE, &[&signed.concat()]);
        let signature = element(BIT_STRING, &[&[0, 1]]);
        element(SEQUENCE, &[&signed, &algorithm, &signature])
    }

    #[test]
    fn issuer_dates_and_entries_are_read() {
        let read = ParsedRevocationList::read(&list(Some(b"250201000000Z"), 3)).unwrap();
        assert_eq!(read.issuer, "CN=Issuer");
        assert_eq!(read.entries, 3);
        let begin = SystemTime::UNIX_EPOCH + std::time::Duration::from_hours(482_136);
        assert_eq!(read.this_update, Some(begin));
        assert!(read.next_update > read.this_update);
        let open = ParsedRevocationList::read(&list(None, 0)).unwrap();
        assert_eq!((open.next_update, open.entries), (None, 0));
    }

    #[test]
    fn what_is_cut_is_no_list() {
        let whole = list(Some(b"250201000000Z"), 2);
        for end in 0..whole.len() {
            assert_eq!(ParsedRevocationList::read(&whole[..end]), None, "{end}");
        }
    }
}
