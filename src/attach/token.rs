//! A token made here for a server that is started elsewhere. It goes there by stdin: arguments, a
//! pod's spec and its log are read by others.

use data_encoding::HEXLOWER;
use rustix::io::Errno;
use sha2::{Digest, Sha256};

use crate::sys::random;

/// What `serve --token-stdin` says of each token that it was given, before its [`mark`].
pub(crate) const ACCEPTED: &str = "accepts the token with SHA-256";

/// A token for one run.
pub(super) struct RunToken(String);

impl RunToken {
    /// Makes one of 256 bits.
    pub(super) fn make() -> Result<Self, Errno> {
        random::key().map(|key| Self(HEXLOWER.encode(&key)))
    }

    /// As a client sends it.
    pub(super) fn text(&self) -> &str {
        &self.0
    }

    /// What the server says once it accepts this one.
    pub(super) fn accepted(&self) -> String {
        format!("{ACCEPTED} {}", mark(&Sha256::digest(self.0.as_bytes())))
    }

    /// The page, opened with it. What stands behind the # reaches no server and no log.
    pub(super) fn link(&self, url: &str) -> String {
        format!("{url}#token={}", self.0)
    }
}

/// Enough of a token's digest to know it by, and too little to guess it from.
pub(crate) fn mark(digest: &[u8]) -> String {
    HEXLOWER.encode(digest.get(..4).unwrap_or_default())
}
