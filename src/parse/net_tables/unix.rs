//! A line of `net/unix`.
//!
//! The kernel writes the path as it is: one that holds a newline goes on in the next line,
//! and one made on purpose may look like a line of its own. It writes `@` for each NUL of an
//! abstract name, so a path that begins with `@` looks like such a name. `sock_diag`
//! has neither weakness.

use super::{UnixName, UnixSocket, UnixState};
use crate::parse::{Malformed, text};

/// `__SO_ACCEPTCON` of the flags: it listens.
const LISTENS: u64 = 1 << 16;

/// Reads one line, without its newline.
///
/// # Errors
/// If it is not the line of a socket: the heading, or a path that goes on.
pub(crate) fn parse(line: &[u8]) -> Result<UnixSocket, Malformed> {
    read(line).ok_or(Malformed {
        what: "a line of /proc/PID/net/unix",
        expected: "seven fields and a path",
    })
}

fn read(line: &[u8]) -> Option<UnixSocket> {
    let mut rest = line;
    text::hexadecimal(word(&mut rest)?.strip_suffix(b":")?)?;
    text::hexadecimal(word(&mut rest)?)?;
    text::hexadecimal(word(&mut rest)?)?;
    let flags = text::hexadecimal(word(&mut rest)?)?;
    let kind = u8::try_from(text::hexadecimal(word(&mut rest)?)?).ok()?;
    let state = text::hexadecimal(word(&mut rest)?)?;
    let inode = text::decimal(word(&mut rest)?)?;
    let state = match state {
        _ if flags & LISTENS != 0 => UnixState::Listen,
        // SS_CONNECTING and SS_CONNECTED: without and with a file.
        2 | 3 => UnixState::Established,
        1 | 4 => UnixState::Unconnected,
        _ => return None,
    };
    Some(UnixSocket {
        kind,
        state,
        inode,
        name: name(rest),
        peer_inode: None,
        receive_queue: None,
        send_queue: None,
        uid: None,
    })
}

fn name(bytes: &[u8]) -> Option<UnixName> {
    match bytes.strip_prefix(b"@") {
        Some(name) => Some(UnixName::Abstract(name.to_vec())),
        None => (!bytes.is_empty()).then(|| UnixName::Path(bytes.to_vec())),
    }
}

/// The next word; after the inode a single blank parts it from the path, which may begin
/// with blanks itself.
fn word<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let start = rest.iter().position(|byte| *byte != b' ')?;
    let line = rest.get(start..)?;
    let end = line
        .iter()
        .position(|byte| *byte == b' ')
        .unwrap_or(line.len());
    *rest = line.get(end + 1..).unwrap_or_default();
    line.get(..end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::mutate;
    use proptest::prelude::*;

    const LISTEN: &[u8] =
        b"000000003d0b5685: 00000002 00000000 00010000 0001 01 19044 /run/app.sock";
    const PAIR: &[u8] = b"00000000b880ec27: 00000003 00000000 00000000 0001 03 856885";
    const ABSTRACT: &[u8] = b"0000000000000000: 00000002 00000000 00000000 0002 01   412 @/tmp/x@y";

    #[test]
    fn states_paths_and_names() {
        let listen = parse(LISTEN).unwrap();
        assert_eq!(
            (listen.kind, listen.state, listen.inode),
            (1, UnixState::Listen, 19_044)
        );
        assert_eq!(listen.name, Some(UnixName::Path(b"/run/app.sock".to_vec())));
        let pair = parse(PAIR).unwrap();
        assert_eq!((pair.state, pair.name), (UnixState::Established, None));
        let name = parse(ABSTRACT).unwrap();
        assert_eq!((name.kind, name.state), (2, UnixState::Unconnected));
        assert_eq!(name.name, Some(UnixName::Abstract(b"/tmp/x@y".to_vec())));
    }

    #[test]
    fn a_path_keeps_its_blanks_and_bytes() {
        let line = [PAIR, b"  two  blanks\xff "].concat();
        let path = parse(&line).unwrap().name;
        assert_eq!(path, Some(UnixName::Path(b" two  blanks\xff ".to_vec())));
    }

    #[test]
    fn nonsense_is_malformed() {
        let heading = b"Num       RefCount Protocol Flags    Type St Inode Path";
        for bad in [
            &b""[..],
            heading,
            b"rest of a path",
            b"0: 1 0 0 1 9 5",
            b"0: 1 0 0 1 1 -5",
        ] {
            assert!(parse(bad).is_err(), "{}", bad.escape_ascii());
        }
    }

    #[test]
    fn survives_damage() {
        for line in [LISTEN, PAIR, ABSTRACT] {
            mutate::survives(line, |bytes| {
                let _ = parse(bytes);
            });
        }
    }

    proptest! {
        #[test]
        fn never_panics(bytes in any::<Vec<u8>>()) {
            let _ = parse(&bytes);
        }

        #[test]
        fn any_path_comes_back(path in proptest::collection::vec(any::<u8>(), 1..108)) {
            prop_assume!(path[0] != b'@');
            let line = [PAIR, b" ", &path].concat();
            prop_assert_eq!(parse(&line).unwrap().name, Some(UnixName::Path(path)));
        }
    }
}
