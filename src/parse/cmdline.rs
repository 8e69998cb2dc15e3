//! `/proc/PID/cmdline`: the arguments, each ended by a NUL.
//!
//! Bytes that the process may rewrite at will, not UTF-8. Empty for kernel threads and zombies.

use super::stat::ArgsAndEnv;

/// The arguments, in order.
///
/// A process that wrote a title over its arguments without a NUL is one argument. An empty
/// argument is kept where another follows, or where it is the only one. NULs at the end are
/// dropped, as ps does: they are the padding of a rewritten title far more often than empty last
/// arguments, and both look alike.
pub(crate) fn args(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    // `\0` is one argument that is empty.
    let alone: Option<&[u8]> = (bytes == b"\0").then_some(&[]);
    let padding = bytes.iter().rev().take_while(|byte| **byte == 0).count();
    let body = bytes.get(..bytes.len().saturating_sub(padding));
    let body = body.filter(|body| !body.is_empty());
    let args = body
        .into_iter()
        .flat_map(|body| body.split(|byte| *byte == 0));
    alone.into_iter().chain(args)
}

/// Whether the process wrote a title over its arguments, by the kernel's own sign: the last byte
/// of the arguments is not NUL. Then `cmdline` is one text up to the first NUL, on into the
/// environment, and no longer as long as the arguments were (`get_mm_cmdline`).
#[must_use]
pub(crate) fn is_title(bytes: &[u8], areas: Option<&ArgsAndEnv>) -> bool {
    if bytes.is_empty() {
        return false;
    }
    let length = areas.map(|areas| areas.arg_end.saturating_sub(areas.arg_start));
    bytes.last() != Some(&0)
        || (memchr::memchr(0, bytes) == Some(bytes.len() - 1)
            // Without the right to see them, they are 0.
            && length.is_some_and(|length| length > 0 && length != bytes.len() as u64))
}

/// Whether nothing but NULs is left of the arguments. One alone is an empty argument.
#[must_use]
pub(crate) fn is_wiped(bytes: &[u8]) -> bool {
    bytes.len() > 1 && bytes.iter().all(|byte| *byte == 0)
}

/// [`args`], with the empty ones at the end where the NULs there can be no padding of a title: a
/// title is one text, which names more than the program. `exe` is where that leads, asked only
/// where it decides.
pub(crate) fn with_empty_ends(bytes: &[u8], exe: impl FnOnce() -> Option<Vec<u8>>) -> Vec<Vec<u8>> {
    let mut found = parse(bytes);
    let padding = bytes.iter().rev().take_while(|byte| **byte == 0).count();
    let empty = padding.saturating_sub(1);
    let is_exact = match found.as_slice() {
        [] => false,
        _ if empty == 0 => false,
        [only] => exe().is_some_and(|exe| base_name(&exe) == base_name(only)),
        _ => true,
    };
    if is_exact {
        found.extend(std::iter::repeat_n(Vec::new(), empty));
    }
    found
}

fn base_name(path: &[u8]) -> &[u8] {
    let path = path.strip_suffix(b" (deleted)").unwrap_or(path);
    path.rsplit(|byte| *byte == b'/').next().unwrap_or(path)
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
    fn empty_arguments_at_the_end_are_told_from_padding() {
        let seen = |bytes: &[u8], exe: Option<&str>| {
            let exe = exe.map(|exe| exe.as_bytes().to_vec());
            let args = with_empty_ends(bytes, || exe);
            args.into_iter()
                .map(|arg| String::from_utf8(arg).unwrap())
                .collect::<Vec<_>>()
        };
        assert_eq!(seen(b"sh\0-c\0:\0\0\0", None), ["sh", "-c", ":", "", ""]);
        assert_eq!(seen(b"/bin/app\0\0", Some("/bin/app")), ["/bin/app", ""]);
        assert_eq!(
            seen(b"(sd-pam)\0\0\0", Some("/lib/systemd/systemd")),
            ["(sd-pam)"]
        );
        let title = b"postgres: writer\0\0\0\0\0";
        assert_eq!(seen(title, Some("/usr/bin/postgres")), ["postgres: writer"]);
        assert_eq!(seen(b"app\0\0", None), ["app"]);
        assert_eq!(seen(b"app\0x\0", None), ["app", "x"]);
    }

    #[test]
    fn a_rewritten_title_is_one_argument() {
        assert_eq!(parse(b"nginx: worker process"), [b"nginx: worker process"]);
        assert_eq!(parse(b"postgres: writer\0\0\0\0\0"), [b"postgres: writer"]);
    }

    #[test]
    fn the_kernels_sign_of_a_title_is_a_length_that_differs() {
        let areas = |length: u64| ArgsAndEnv {
            arg_start: 1000,
            arg_end: 1000 + length,
            env_start: 1000 + length,
            env_end: 2000,
        };
        let titled = |bytes: &[u8], length| is_title(bytes, Some(&areas(length)));
        assert!(titled(b"nginx: worker process\0", 21));
        assert!(titled(b"perl title\0", 34));
        assert!(titled(&[b'x'; 4096], 34));
        assert!(!titled(b"/app\0-c\0", 8) && !titled(b"/app\0", 5));
        assert!(!titled(b"/app\0-c\0", 9), "two strings are no title");
        assert!(!is_title(b"/app\0", None) && is_title(b"nginx: worker", None));
        assert!(!titled(b"", 0));
    }

    #[test]
    fn one_empty_argument_is_no_wiped_area() {
        assert_eq!(parse(b"\0"), [b""]);
        assert!(!is_wiped(b"\0") && is_wiped(b"\0\0\0") && !is_wiped(b"a\0\0"));
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
