//! What the redactor knows, as data: words, programs, token forms, webhooks.
//!
//! The engine beside this module reads them; each row is a test, and docs/redaction.md lists them.

pub(super) mod files;
pub(super) mod hashes;
pub(super) mod hooks;
pub(super) mod programs;
pub(super) mod tokens;
pub(super) mod words;
