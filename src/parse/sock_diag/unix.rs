//! `struct unix_diag_msg` and its attributes.

use super::{attributes, request, u8_at, u32_at};
use crate::parse::Malformed;
use crate::parse::net_tables::{UnixName, UnixSocket, UnixState, queue};

const AF_UNIX: u8 = 1;
const FIXED: usize = 16;
const NAME: u16 = 0;
const PEER: u16 = 2;
const QUEUES: u16 = 4;
const UID: u16 = 7;
/// `UDIAG_SHOW_NAME | UDIAG_SHOW_PEER | UDIAG_SHOW_RQLEN | UDIAG_SHOW_UID`
const SHOW: u32 = 0x01 | 0x04 | 0x10 | 0x40;

/// Asks for all sockets whose state's bit is set in `states`.
#[must_use]
pub(crate) fn ask(states: u32) -> Vec<u8> {
    let mut body = vec![AF_UNIX, 0, 0, 0];
    for number in [states, 0, SHOW, 0, 0] {
        body.extend(number.to_ne_bytes());
    }
    request(&body)
}

/// Reads the payload of one message.
///
/// # Errors
/// If it is shorter than its fixed part, of another family, or in no known state.
pub(crate) fn parse(payload: &[u8]) -> Result<UnixSocket, Malformed> {
    read(payload).ok_or(Malformed {
        what: "a socket of unix_diag",
        expected: "16 bytes of the family unix",
    })
}

fn read(bytes: &[u8]) -> Option<UnixSocket> {
    let fixed = bytes.get(..FIXED)?;
    if u8_at(fixed, 0)? != AF_UNIX {
        return None;
    }
    let mut socket = UnixSocket {
        kind: u8_at(fixed, 1)?,
        state: match u8_at(fixed, 2)? {
            1 => UnixState::Established,
            7 => UnixState::Unconnected,
            10 => UnixState::Listen,
            _ => return None,
        },
        inode: u32_at(fixed, 4)?.into(),
        name: None,
        peer_inode: None,
        receive_queue: None,
        send_queue: None,
        uid: None,
    };
    for (kind, value) in attributes(bytes.get(FIXED..)?) {
        match kind {
            NAME => socket.name = name(value),
            PEER => socket.peer_inode = u32_at(value, 0).filter(|inode| *inode != 0),
            QUEUES => {
                socket.receive_queue = u32_at(value, 0).and_then(queue);
                socket.send_queue = u32_at(value, 4).and_then(queue);
            }
            UID => socket.uid = u32_at(value, 0),
            _ => {}
        }
    }
    Some(socket)
}

/// `sun_path` as it was bound: a path up to its NUL, or a NUL and a name of any bytes.
fn name(path: &[u8]) -> Option<UnixName> {
    match path {
        [] => None,
        [0, name @ ..] => Some(UnixName::Abstract(name.to_vec())),
        _ => {
            let path = path.split(|byte| *byte == 0).next()?;
            Some(UnixName::Path(path.to_vec()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::mutate;
    use proptest::prelude::*;

    fn sample(name: &[u8]) -> Vec<u8> {
        let mut bytes = vec![AF_UNIX, 1, 10, 0];
        bytes.extend(19_044_u32.to_ne_bytes());
        bytes.extend([0xff; 8]);
        let numbers = |a: u32, b: u32| [a.to_ne_bytes(), b.to_ne_bytes()].concat();
        for (kind, value) in [
            (NAME, name),
            (QUEUES, &numbers(3, 128)),
            (UID, &1000_u32.to_ne_bytes()),
        ] {
            bytes.extend(u16::try_from(4 + value.len()).unwrap().to_ne_bytes());
            bytes.extend(kind.to_ne_bytes());
            bytes.extend(value);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
        bytes
    }

    #[test]
    fn a_listener_with_a_path() {
        let socket = parse(&sample(b"/run/app.sock\0")).unwrap();
        assert_eq!((socket.state, socket.inode), (UnixState::Listen, 19_044));
        assert_eq!(
            (socket.receive_queue, socket.send_queue),
            (Some(3), Some(128))
        );
        assert_eq!(socket.name, Some(UnixName::Path(b"/run/app.sock".to_vec())));
        assert_eq!((socket.uid, socket.peer_inode), (Some(1000), None));
    }

    #[test]
    fn a_name_keeps_its_nul_bytes() {
        let socket = parse(&sample(b"\0a\0b@\xff")).unwrap();
        assert_eq!(socket.name, Some(UnixName::Abstract(b"a\0b@\xff".to_vec())));
        assert_eq!(parse(&sample(b"")).unwrap().name, None);
    }

    #[test]
    fn survives_damage() {
        let whole = sample(b"/run/app.sock\0");
        for end in 0..FIXED {
            assert!(parse(&whole[..end]).is_err(), "{end}");
        }
        mutate::survives(&whole, |bytes| {
            let _ = parse(bytes);
        });
    }

    proptest! {
        #[test]
        fn never_panics(bytes in any::<Vec<u8>>()) {
            let _ = parse(&bytes);
            let _ = parse(&[sample(b"\0x"), bytes].concat());
        }
    }
}
