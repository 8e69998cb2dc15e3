//! Tokens as they are kept, and those of `--token-stdin`: a line each, as long as somebody writes
//! there. So what starts the server keeps them out of its arguments, its environment and its log.

use std::collections::VecDeque;
use std::io::{self, BufRead, Read};
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

/// Shorter tokens can be guessed.
const TOKEN_BYTES: usize = 16;
/// Each client that starts to use the server brings one; the oldest go.
const TOKENS: usize = 16;
/// The longest line.
const LINE: usize = 1 << 10;

/// A token is kept as its digest, so that comparing tells nothing of its length either.
pub(super) type TokenDigest = [u8; 32];

/// The digest of the token in the first of these texts.
///
/// # Errors
/// A sentence that says what a token is.
pub(super) fn digest(contents: &[Vec<u8>]) -> Result<TokenDigest, String> {
    let text = contents.first().map(Vec::as_slice).unwrap_or_default();
    let token = text.trim_ascii();
    if token.len() < TOKEN_BYTES || !token.iter().all(u8::is_ascii_graphic) {
        return Err(format!(
            "expected at least {TOKEN_BYTES} printable characters without spaces; generate one \
             with: head -c 32 /dev/urandom | base64"
        ));
    }
    Ok(Sha256::digest(token).into())
}

/// The digests of those that were read until now.
#[derive(Default)]
pub(super) struct GivenTokens(Mutex<VecDeque<TokenDigest>>);

impl GivenTokens {
    /// Whether any of them is right, looking at all.
    pub(super) fn any(&self, is: impl Fn(&TokenDigest) -> bool) -> bool {
        let tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.iter().fold(false, |found, token| is(token) | found)
    }

    fn add(&self, token: TokenDigest) {
        let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.push_back(token);
        if tokens.len() > TOKENS {
            tokens.pop_front();
        }
    }

    /// Reads tokens until the input ends, and tells of each.
    pub(super) fn read(&self, mut input: impl BufRead, tell: impl Fn(Result<TokenDigest, String>)) {
        loop {
            let mut line = Vec::new();
            match (&mut input).take(LINE as u64).read_until(b'\n', &mut line) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Ok(1..) => {}
                _ => return,
            }
            if line.len() == LINE && !line.ends_with(b"\n") {
                return tell(Err(format!("a line is longer than {LINE} bytes")));
            }
            let read = digest(&[line]);
            if let Ok(token) = read {
                self.add(token);
            }
            tell(read);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_a_token_and_the_newest_count() {
        let tokens = GivenTokens::default();
        let lines = |count: usize| {
            let lines = (0..count).map(|number| format!("  token-of-the-test-{number:04}\r\n"));
            lines.collect::<String>()
        };
        let right = |number: usize| {
            let text = format!("token-of-the-test-{number:04}");
            let wanted = digest(&[text.into_bytes()]).unwrap();
            tokens.any(|token| *token == wanted)
        };
        let said = Mutex::new(Vec::new());
        tokens.read(lines(3).as_bytes(), |one| said.lock().unwrap().push(one));
        assert!(right(0) && right(2) && !right(3));
        assert!(said.lock().unwrap().iter().all(Result::is_ok));
        tokens.read(lines(100).as_bytes(), drop);
        assert!(!right(83) && right(84) && right(99));
    }

    #[test]
    fn what_is_no_token_opens_nothing() {
        let long = "x".repeat(3 * LINE);
        for text in ["", "\n", "short\n", "a token with spaces in it\n", &long] {
            let tokens = GivenTokens::default();
            let refused = Mutex::new(0);
            tokens.read(text.as_bytes(), |one| {
                *refused.lock().unwrap() += usize::from(one.is_err());
            });
            assert!(!tokens.any(|_| true), "{text:?}");
            assert_eq!(
                *refused.lock().unwrap(),
                usize::from(!text.is_empty()),
                "{text:?}"
            );
        }
    }
}
