//! Headers of HTTP, and their schemes.

use super::text::{cut, until_in};

/// In names of headers whose value is a credential, whatever it looks like.
const SECRET: [&str; 7] = [
    "authorization",
    "cookie",
    "token",
    "secret",
    "api-key",
    "apikey",
    "password",
];

/// Whether the value of a header, by its name in lower case, is a credential.
pub(super) fn is_secret(name: &str) -> bool {
    SECRET.iter().any(|word| name.contains(word))
}

/// Headers that are written without a space after the colon too.
pub(super) fn is_header(name: &[u8]) -> bool {
    let starts = |prefix: &[u8]| {
        name.get(..prefix.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    starts(b"x-")
        || starts(b"authorization")
        || starts(b"proxy-authorization")
        || name.eq_ignore_ascii_case(b"cookie")
}

/// `Bearer`, or `NAME=Bearer`, in front of a space.
pub(super) fn ends_with_scheme(word: &[u8]) -> bool {
    if !matches!(word.last().map(|last| last | 0x20), Some(b'r' | b'c')) {
        return false;
    }
    let tail = word.rsplit(|&b| b == b'=').next().unwrap_or_default();
    tail.eq_ignore_ascii_case(b"bearer") || tail.eq_ignore_ascii_case(b"basic")
}

/// `Bearer x`: the scheme may be shown, and the fingerprint is that of the token alone.
pub(super) fn after_scheme(text: &[u8], start: usize, end: usize) -> usize {
    const SCHEMES: [&[u8]; 4] = [b"bearer", b"basic", b"token", b"digest"];
    let space = until_in(text, start, end, |b| b == b' ');
    let scheme = cut(text, start, space);
    if SCHEMES
        .iter()
        .any(|known| scheme.eq_ignore_ascii_case(known))
    {
        until_in(text, space, end, |b| b != b' ')
    } else {
        start
    }
}
