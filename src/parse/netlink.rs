//! The frame of netlink messages, which `sock_diag` and rtnetlink share.
//!
//! Numbers are in the machine's own order. Every length is checked against what is there; an
//! attribute that is not known is passed over.

use super::Malformed;

const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
/// `NLM_F_REQUEST | NLM_F_DUMP`
const DUMP: u16 = 0x301;
/// The table changed while it was dumped: something may be missing or there twice.
const NLM_F_DUMP_INTR: u16 = 0x10;
const HEADER: usize = 16;

/// What one message of an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Message<'a> {
    /// One entry of the table.
    Item(&'a [u8]),
    /// There are no more.
    Done,
    /// The kernel refuses, with this errno.
    Error(i32),
    /// The dump is not whole.
    Interrupted,
}

/// The messages of one datagram; entries are those of the type `item`, another type is malformed.
#[must_use]
pub(crate) fn messages(datagram: &[u8], item: u16) -> Messages<'_> {
    Messages {
        rest: datagram,
        item,
    }
}

/// As [`messages`] gives them.
#[derive(Debug)]
pub(crate) struct Messages<'a> {
    rest: &'a [u8],
    item: u16,
}

impl<'a> Iterator for Messages<'a> {
    type Item = Result<Message<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let Some((message, next)) = take(self.rest, self.item) else {
            self.rest = &[];
            return Some(Err(Malformed {
                what: "a netlink message",
                expected: "a header and as many bytes as it says",
            }));
        };
        self.rest = next;
        Some(Ok(message))
    }
}

fn take(bytes: &[u8], item: u16) -> Option<(Message<'_>, &[u8])> {
    let length = usize::try_from(u32_at(bytes, 0)?).ok()?;
    let (kind, flags) = (u16_at(bytes, 4)?, u16_at(bytes, 6)?);
    let payload = bytes.get(HEADER..length)?;
    let next = bytes.get(aligned(length)?..).unwrap_or_default();
    let message = match kind {
        _ if flags & NLM_F_DUMP_INTR != 0 => Message::Interrupted,
        kind if kind == item => Message::Item(payload),
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
pub(super) fn attributes(mut rest: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let length = usize::from(u16_at(rest, 0)?);
        // The two upper bits say how the content is made.
        let kind = u16_at(rest, 2)? & 0x3fff;
        let value = rest.get(4..length)?;
        rest = rest.get(aligned(length)?..).unwrap_or_default();
        Some((kind, value))
    })
}

/// A request for a whole table: its type, and the fixed part that it takes.
pub(super) fn dump(kind: u16, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(HEADER + body.len()).unwrap_or(u32::MAX);
    let mut bytes = Vec::with_capacity(HEADER + body.len());
    bytes.extend(length.to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(DUMP.to_ne_bytes());
    bytes.extend([0; 8]);
    bytes.extend(body);
    bytes
}

/// Messages and attributes begin at multiples of four.
pub(super) fn aligned(length: usize) -> Option<usize> {
    length.checked_next_multiple_of(4)
}

pub(super) fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

pub(super) fn u8_at(bytes: &[u8], at: usize) -> Option<u8> {
    bytes.get(at).copied()
}

pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    array(bytes, at).map(u16::from_ne_bytes)
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_ne_bytes)
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    array(bytes, at).map(u64::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ITEM: u16 = 20;

    fn message(kind: u16, flags: u16, payload: &[u8]) -> Vec<u8> {
        let mut bytes = dump(0, payload);
        bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
        bytes[6..8].copy_from_slice(&flags.to_ne_bytes());
        bytes
    }

    #[test]
    fn a_datagram_holds_several_messages() {
        let datagram = [
            message(ITEM, 2, b"12345678"),
            message(NLMSG_DONE, 2, &0_i32.to_ne_bytes()),
        ]
        .concat();
        let all: Vec<_> = messages(&datagram, ITEM).collect();
        assert_eq!(all, [Ok(Message::Item(b"12345678")), Ok(Message::Done)]);
    }

    #[test]
    fn refusals_and_interruptions_are_told() {
        let refused = message(NLMSG_ERROR, 0, &(-2_i32).to_ne_bytes());
        assert_eq!(messages(&refused, ITEM).next(), Some(Ok(Message::Error(2))));
        let late = message(NLMSG_DONE, 2, &(-1_i32).to_ne_bytes());
        assert_eq!(messages(&late, ITEM).next(), Some(Ok(Message::Error(1))));
        let changed = message(ITEM, NLM_F_DUMP_INTR, b"1234");
        assert_eq!(
            messages(&changed, ITEM).next(),
            Some(Ok(Message::Interrupted))
        );
        let lowest = message(NLMSG_ERROR, 0, &i32::MIN.to_ne_bytes());
        assert!(messages(&lowest, ITEM).next().unwrap().is_err());
    }

    #[test]
    fn a_cut_message_is_malformed_at_every_offset() {
        let whole = message(ITEM, 2, b"12345678");
        for end in 1..whole.len() {
            let all: Vec<_> = messages(&whole[..end], ITEM).collect();
            assert!(matches!(all.as_slice(), [Err(_)]), "{end}: {all:?}");
        }
    }

    proptest! {
        #[test]
        fn never_panics_and_ends(bytes in any::<Vec<u8>>()) {
            prop_assert!(messages(&bytes, ITEM).count() <= bytes.len());
            prop_assert!(attributes(&bytes).count() <= bytes.len());
        }
    }
}
