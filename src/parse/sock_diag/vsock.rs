//! `struct vsock_diag_msg`, since Linux 4.15.

use super::{request, u8_at, u32_at};
use crate::parse::Malformed;
use crate::parse::net_tables::VsockSocket;

const AF_VSOCK: u8 = 40;

/// Asks for all sockets whose state's bit is set in `states`.
#[must_use]
pub(crate) fn ask(states: u32) -> Vec<u8> {
    let mut body = vec![AF_VSOCK, 0, 0, 0];
    for number in [states, 0, 0, 0, 0] {
        body.extend(number.to_ne_bytes());
    }
    request(&body)
}

/// Reads the payload of one message.
///
/// # Errors
/// If it is too short or of another family.
pub(crate) fn parse(payload: &[u8]) -> Result<VsockSocket, Malformed> {
    read(payload).ok_or(Malformed {
        what: "a socket of vsock_diag",
        expected: "24 bytes of the family vsock",
    })
}

fn read(bytes: &[u8]) -> Option<VsockSocket> {
    if u8_at(bytes, 0)? != AF_VSOCK {
        return None;
    }
    Some(VsockSocket {
        kind: u8_at(bytes, 1)?,
        state: u8_at(bytes, 2)?,
        local: (u32_at(bytes, 4)?, u32_at(bytes, 8)?),
        peer: (u32_at(bytes, 12)?, u32_at(bytes, 16)?),
        inode: u32_at(bytes, 20)?.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::mutate;

    #[test]
    fn a_listener_of_any_context() {
        let mut bytes = vec![AF_VSOCK, 1, 10, 0];
        for number in [u32::MAX, 1024, u32::MAX, u32::MAX, 5511, 0, 0] {
            bytes.extend(number.to_ne_bytes());
        }
        let socket = parse(&bytes).unwrap();
        assert_eq!((socket.state, socket.local), (10, (u32::MAX, 1024)));
        assert_eq!(socket.inode, 5511);
        for end in 0..24 {
            assert!(parse(&bytes[..end]).is_err());
        }
        mutate::survives(&bytes, |bytes| {
            let _ = parse(bytes);
        });
    }
}
