//! `PostgreSQL`, `MySQL` and LDAP: a packet asks, a packet answers.

use super::{Stop, declined};
use crate::probe::wire::{Fault, Wire};

/// Packets before TLS are far shorter.
const PACKET_BYTES: usize = 16 << 10;

/// `SSLRequest`: its length, and the number that stands for it.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// The message `SSLRequest` of the frontend protocol; one byte answers.
pub(super) fn postgres(wire: &mut Wire) -> Result<(), Stop> {
    wire.send(&SSL_REQUEST)?;
    match wire.exactly(1)?.as_slice() {
        b"S" => Ok(()),
        b"N" => Err(Stop::Declined(
            "the server has TLS switched off (ssl = off): it said N".to_owned(),
        )),
        _ => {
            // An error of old servers, or another protocol: its line tells.
            let _ = wire.line();
            Err(declined("no PostgreSQL response"))
        }
    }
}

const CLIENT_SSL: u16 = 0x0800;
/// `CLIENT_PROTOCOL_41`, `CLIENT_SSL` and `CLIENT_SECURE_CONNECTION`, packets of up to 16 MiB,
/// utf8; the rest is reserved. The packet is the second one.
const MYSQL_REQUEST: [u8; 36] = [
    32, 0, 0, 1, 0x00, 0x8a, 0, 0, 0, 0, 0, 1, 33, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0,
];

/// The greeting of version 10 tells the capabilities; `SSLRequest` is not answered.
pub(super) fn mysql(wire: &mut Wire) -> Result<(), Stop> {
    let header = wire.exactly(4)?;
    let &[low, middle, high, _] = header.as_slice() else {
        return Err(Fault::Closed.into());
    };
    let length = usize::from(low) | usize::from(middle) << 8 | usize::from(high) << 16;
    if length > PACKET_BYTES {
        return Err(declined("no MySQL greeting"));
    }
    let greeting = wire.exactly(length)?;
    match greeting.split_first() {
        Some((10, rest)) => {
            if capabilities(rest).is_some_and(|offered| offered & CLIENT_SSL != 0) {
                wire.send(&MYSQL_REQUEST)?;
                Ok(())
            } else {
                Err(Stop::Declined(
                    "the server offers no TLS in its greeting".to_owned(),
                ))
            }
        }
        // An error: its number, then words.
        Some((0xff, _)) => Err(declined("the server refused the connection")),
        _ => Err(declined("no MySQL greeting")),
    }
}

/// The lower half, which stands behind the version, the thread id, eight bytes and a zero.
fn capabilities(greeting: &[u8]) -> Option<u16> {
    let end = greeting.iter().position(|byte| *byte == 0)?;
    let at = end + 1 + 4 + 8 + 1;
    let bytes = greeting.get(at..at + 2)?;
    Some(u16::from_le_bytes(bytes.try_into().ok()?))
}

/// An `ExtendedRequest` with the name of `StartTLS`, as message 1.
const LDAP_REQUEST: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";

/// RFC 4511, 4.14.
pub(super) fn ldap(wire: &mut Wire) -> Result<(), Stop> {
    wire.send(LDAP_REQUEST)?;
    let tag = wire.exactly(1)?;
    if tag != [0x30] {
        let _ = wire.line();
        return Err(declined("no LDAP response"));
    }
    let length = match wire.exactly(1)?.as_slice() {
        [short @ 0..=0x7f] => usize::from(*short),
        [long @ 0x81..=0x84] => {
            let bytes = wire.exactly(usize::from(*long & 0x7f))?;
            bytes
                .iter()
                .fold(0, |length, byte| length << 8 | usize::from(*byte))
        }
        _ => PACKET_BYTES + 1,
    };
    if length > PACKET_BYTES {
        return Err(declined("no LDAP response"));
    }
    let message = wire.exactly(length)?;
    match ldap_result(&message) {
        Some((0, _)) => Ok(()),
        Some((code, _)) => Err(Stop::Declined(format!(
            "StartTLS was refused: result code {code}"
        ))),
        None => Err(declined("no LDAP response")),
    }
}

/// `resultCode` and `diagnosticMessage` of an `ExtendedResponse`.
fn ldap_result(message: &[u8]) -> Option<(u64, &[u8])> {
    let (_, rest) = element(message, 0x02)?;
    let (response, _) = element(rest, 0x78)?;
    let (code, rest) = element(response, 0x0a)?;
    let (_, rest) = element(rest, 0x04)?;
    let (words, _) = element(rest, 0x04)?;
    let code = code.get(..code.len().min(8))?;
    let code = code
        .iter()
        .fold(0, |code, byte| code << 8 | u64::from(*byte));
    Some((code, words))
}

/// The content of an element of BER with a length, and what follows it.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (first, rest) = bytes.split_first()?;
    let (length, rest) = rest.split_first()?;
    let (length, rest) = match length {
        0..=0x7f => (usize::from(*length), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(*length & 0x7f))?;
            let length = bytes
                .iter()
                .fold(0, |length, byte| length << 8 | usize::from(*byte));
            (length, rest)
        }
        _ => return None,
    };
    (*first == tag).then(|| rest.split_at_checked(length))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_ldap_are_read() {
        let ok = b"\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00";
        assert_eq!(ldap_result(ok), Some((0, &b""[..])));
        let no = b"\x02\x01\x01\x78\x81\x0a\x0a\x01\x02\x04\x00\x04\x03no!";
        assert_eq!(ldap_result(no), Some((2, &b"no!"[..])));
        for end in 0..ok.len() {
            assert_eq!(ldap_result(&ok[..end]), None);
        }
    }

    proptest::proptest! {
        #[test]
        fn hostile_packets_do_no_harm(bytes: Vec<u8>) {
            let _ = ldap_result(&bytes);
            let _ = capabilities(&bytes);
        }
    }
}
