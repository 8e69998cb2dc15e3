//! The messages of `NETLINK_SOCK_DIAG`: requests as bytes, answers as data.
//!
//! Numbers are in the machine's own order, addresses and ports in the network's. Every
//! length is checked against what is there; an attribute that is not known is passed over.

pub(crate) mod inet;
pub(crate) mod unix;
pub(crate) mod vsock;

use super::Malformed;

const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
/// `NLM_F_REQUEST | NLM_F_DUMP`
const DUMP: u16 = 0x301;
/// The table changed while it was dumped: something may be missing or there twice.
const NLM_F_DUMP_INTR: u16 = 0x10;
const HEADER: usize = 16;

/// What one message of an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Message<'a> {
    /// One socket.
    Socket(&'a [u8]),
    /// There are no more.
    Done,
    /// The kernel refuses, with this errno.
    Error(i32),
    /// The dump is not whole.
    Interrupted,
}

/// The messages of one datagram.
#[must_use]
pub(crate) fn messages(datagram: &[u8]) -> Messages<'_> {
    Messages { rest: datagram }
}

/// As [`messages`] gives them.
#[derive(Debug)]
pub(crate) struct Messages<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Messages<'a> {
    type Item = Result<Message<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let Some((message, next)) = take(self.rest) else {
            self.rest = &[];
            return Some(Err(Malformed {
                what: "a message of sock_diag",
                expected: "a header and as many bytes as it says",
            }));
        };
        self.rest = next;
        Some(Ok(message))
    }
}

fn take(bytes: &[u8]) -> Option<(Message<'_>, &[u8])> {
    let length = usize::try_from(u32_at(bytes, 0)?).ok()?;
    let (kind, flags) = (u16_at(bytes, 4)?, u16_at(bytes, 6)?);
    let payload = bytes.get(HEADER..length)?;
    let next = bytes.get(aligned(length)?..).unwrap_or_default();
    let message = match kind {
        _ if flags & NLM_F_DUMP_INTR != 0 => Message::Interrupted,
        SOCK_DIAG_BY_FAMILY => Message::Socket(payload),
        // The end says how it came to it: 0 or more for well, else an errno.
        NLMSG_DONE => match u32_at(payload, 0).map(u32::cast_signed) {
            Some(errno @ ..0) => Message::Error(errno.checked_neg()?),
            _ => Message::Done,
        },
        NLMSG_ERROR => Message::Error(u32_at(payload, 0)?.cast_signed().checked_neg()?),
        _ => return None,
    };
    Some((message, next))
}

/// The attributes after the fixed part of a message, by kind; ends at the first that is cut.
fn attributes(mut rest: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let length = usize::from(u16_at(rest, 0)?);
        // The two upper bits say how the content is made.
        let kind = u16_at(rest, 2)? & 0x3fff;
        let value = rest.get(4..length)?;
        rest = rest.get(aligned(length)?..).unwrap_or_default();
        Some((kind, value))
    })
}

fn request(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(HEADER + body.len()).unwrap_or(u32::MAX);
    let mut bytes = Vec::with_capacity(HEADER + body.len());
    bytes.extend(length.to_ne_bytes());
    bytes.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    bytes.extend(DUMP.to_ne_bytes());
    bytes.extend([0; 8]);
    bytes.extend(body);
    bytes
}

/// Messages and attributes begin at multiples of four.
fn aligned(length: usize) -> Option<usize> {
    length.checked_next_multiple_of(4)
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

fn u8_at(bytes: &[u8], at: usize) -> Option<u8> {
    bytes.get(at).copied()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    array(bytes, at).map(u16::from_ne_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_ne_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    array(bytes, at).map(u64::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn message(kind: u16, flags: u16, payload: &[u8]) -> Vec<u8> {
        let mut bytes = request(payload);
        bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
        bytes[6..8].copy_from_slice(&flags.to_ne_bytes());
        bytes
    }

    #[test]
    fn a_datagram_holds_several_messages() {
        let datagram = [
            message(SOCK_DIAG_BY_FAMILY, 2, b"12345678"),
            message(NLMSG_DONE, 2, &0_i32.to_ne_bytes()),
        ]
        .concat();
        let all: Vec<_> = messages(&datagram).collect();
        assert_eq!(all, [Ok(Message::Socket(b"12345678")), Ok(Message::Done)]);
    }

    #[test]
    fn refusals_and_interruptions_are_told() {
        let refused = message(NLMSG_ERROR, 0, &(-2_i32).to_ne_bytes());
        assert_eq!(messages(&refused).next(), Some(Ok(Message::Error(2))));
        let late = message(NLMSG_DONE, 2, &(-1_i32).to_ne_bytes());
        assert_eq!(messages(&late).next(), Some(Ok(Message::Error(1))));
        let changed = message(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP_INTR, b"1234");
        assert_eq!(messages(&changed).next(), Some(Ok(Message::Interrupted)));
        let lowest = message(NLMSG_ERROR, 0, &i32::MIN.to_ne_bytes());
        assert!(messages(&lowest).next().unwrap().is_err());
    }

    #[test]
    fn a_cut_message_is_malformed_at_every_offset() {
        let whole = message(SOCK_DIAG_BY_FAMILY, 2, b"12345678");
        for end in 1..whole.len() {
            let all: Vec<_> = messages(&whole[..end]).collect();
            assert!(matches!(all.as_slice(), [Err(_)]), "{end}: {all:?}");
        }
    }

    proptest! {
        #[test]
        fn never_panics_and_ends(bytes in any::<Vec<u8>>()) {
            prop_assert!(messages(&bytes).count() <= bytes.len());
            prop_assert!(attributes(&bytes).count() <= bytes.len());
        }
    }
}
