//! `/proc/PID/cmdline`: the arguments, each ended by a NUL.
//!
//! Bytes that the process may rewrite at will, not UTF-8. Empty for kernel threads and zombies.

/// The arguments, in order.
///
/// A process that wrote a title over its arguments without a NUL is one argument. An empty
/// argument is kept where another follows, and where it is the only one, as of `execve` without
/// arguments. Other NULs at the end are dropped, as ps does: they are the padding of a rewritten
/// title far more often than empty last arguments, and nothing tells the two apart.
pub(crate) fn args(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let padding = bytes.iter().rev().take_while(|byte| **byte == 0).count();
    let body = bytes.get(..bytes.len().saturating_sub(padding));
    // No title fits into one byte.
    let is_one_empty = bytes == b"\0";
    body.filter(|body| !body.is_empty() || is_one_empty)
        .into_iter()
        .flat_map(|body| body.split(|byte| *byte == 0))
}

/// [`args`], owned.
#[must_use]
pub(crate) fn parse(bytes: &[u8]) -> Vec<Vec<u8>> {
    args(bytes).map(<[u8]>::to_vec).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_nul_ends_each_argument() {
        assert_eq!(
            parse(b"/app\0-c\0/etc/app.conf\0"),
            [&b"/app"[..], b"-c", b"/etc/app.conf"]
        );
    }

    #[test]
    fn empty_arguments_stay_in_the_middle_and_at_the_start() {
        assert_eq!(parse(b"sh\0-c\0\0x\0"), [&b"sh"[..], b"-c", b"", b"x"]);
        assert_eq!(parse(b"\0x\0"), [&b""[..], b"x"]);
    }

    #[test]
    fn a_rewritten_title_is_one_argument() {
        assert_eq!(parse(b"nginx: worker process"), [b"nginx: worker process"]);
        assert_eq!(parse(b"postgres: writer\0\0\0\0\0"), [b"postgres: writer"]);
    }

    #[test]
    fn a_kernel_thread_has_none() {
        assert_eq!(parse(b""), Vec::<Vec<u8>>::new());
        assert_eq!(parse(b"\0\0"), Vec::<Vec<u8>>::new());
    }

    #[test]
    fn one_empty_argument_is_one() {
        assert_eq!(parse(b"\0"), [b""]);
    }

    #[test]
    fn bytes_stay_as_they_are() {
        assert_eq!(
            parse(b"a\nb\x1b[2J\0\xff\0"),
            [&b"a\nb\x1b[2J"[..], b"\xff"]
        );
    }

    proptest! {
        #[test]
        fn never_panics(bytes in any::<Vec<u8>>()) {
            let _ = parse(&bytes);
        }

        #[test]
        fn arguments_come_back(args in proptest::collection::vec("[^\0]{0,9}", 0..9), last in "[^\0]+") {
            let args: Vec<Vec<u8>> = args.into_iter().chain([last]).map(String::into_bytes).collect();
            let bytes: Vec<u8> = args.iter().flat_map(|arg| [&arg[..], b"\0"].concat()).collect();
            prop_assert_eq!(parse(&bytes), args);
        }
    }
}
