//! What has to follow the prefix of a token.

use super::tables::tokens::Rest;
use super::text::cut;

/// No token is longer, a JWT excepted, whose run has no `=`.
pub(super) const LONGEST_TOKEN: usize = 4096;

/// How much of `rest` belongs to the token, if it is one.
pub(super) fn fits(form: Rest, rest: &[u8]) -> Option<usize> {
    let words = rest
        .iter()
        .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
        .count();
    let token = rest.iter().take_while(|b| is_token_byte(**b)).count();
    let digit = |length: usize| cut(rest, 0, length).iter().any(u8::is_ascii_digit);
    let capital = |length: usize| cut(rest, 0, length).iter().any(u8::is_ascii_uppercase);
    let whole = |fits: bool, length: usize| fits.then_some(length);
    match form {
        Rest::Long(least) => whole(token >= least, token),
        Rest::Digit(least) => whole(token >= least && digit(token), token),
        Rest::Mixed(least) => whole(
            words >= least
                && digit(words)
                && (capital(words) || has_long_part(cut(rest, 0, words))),
            token,
        ),
        Rest::Cased(least) => {
            let small = cut(rest, 0, words).iter().any(u8::is_ascii_lowercase);
            whole(words >= least && capital(words) && small, token)
        }
        Rest::Uuid => whole(is_uuid(cut(rest, 0, words)), words),
        Rest::Hex(least) => {
            let hex = rest.iter().take_while(|b| b.is_ascii_hexdigit()).count();
            whole(hex >= least, token)
        }
        Rest::Capitals(exactly) => {
            let capitals = cut(rest, 0, words)
                .iter()
                .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
            whole(words == exactly && capitals, words)
        }
        Rest::Base64(least) => {
            let length = rest
                .iter()
                .take_while(|b| is_token_byte(**b) || matches!(b, b'/' | b'+'))
                .count();
            whole(length >= least && digit(length) && capital(length), length)
        }
        Rest::Dotted(least) => whole(
            token >= least
                && cut(rest, 0, token).contains(&b'.')
                && digit(token)
                && mixes(cut(rest, 0, token)),
            token,
        ),
        Rest::DottedBase64(least) => {
            let length = rest
                .iter()
                .take_while(|b| is_token_byte(**b) || matches!(b, b'/' | b'+'))
                .count();
            whole(
                length >= least && digit(length) && cut(rest, 0, length).contains(&b'.'),
                length,
            )
        }
    }
}

/// Small letters and digits of such a length without a hyphen, as names do not have.
fn has_long_part(token: &[u8]) -> bool {
    token.split(|b| matches!(b, b'_' | b'-')).any(|part| {
        let hex = part.iter().all(u8::is_ascii_hexdigit);
        let digits = part.iter().filter(|b| b.is_ascii_digit()).count();
        part.len() >= if hex { 32 } else { 24 } && digits >= 3 && digits < part.len()
    })
}

/// `0f8fad5b-d9cb-469f-a165-70867728950e`.
fn is_uuid(token: &[u8]) -> bool {
    token.len() == 36
        && token.iter().enumerate().all(|(at, byte)| {
            if matches!(at, 8 | 13 | 18 | 23) {
                *byte == b'-'
            } else {
                byte.is_ascii_hexdigit()
            }
        })
}

/// Of the alphabet of tokens: no slash or plus, since the path behind one does not belong to it.
pub(super) fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'=' | b'~')
}

/// Letters and digits change often, as in no file or host name.
fn mixes(token: &[u8]) -> bool {
    let changes = token
        .windows(2)
        .filter(|pair| matches!(pair, [a, b] if a.is_ascii_digit() != b.is_ascii_digit()))
        .count();
    changes * 5 >= token.len()
}
