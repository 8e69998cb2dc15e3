//! The protocols that begin in the clear and change to TLS on request.
//!
//! Each asks for TLS and for nothing else. What the server says on the way is bounded in
//! lines and bytes.

mod binary;
mod lines;
mod xmpp;

use super::wire::{Fault, Wire};
use crate::model::tls::StartTls;

/// A greeting with all its lines is shorter, however chatty the server.
const BYTES: usize = 64 << 10;

/// Why TLS does not begin.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The connection ended, or went on for too long.
    Fault(Fault),
    /// The server answered otherwise; as a sentence part.
    Declined(String),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Asks for TLS; afterwards the handshake begins. XMPP wants to know the name of the server.
///
/// # Errors
/// [`Stop`], where the server does not agree.
pub(crate) fn begin(
    protocol: StartTls,
    wire: &mut Wire,
    server_name: Option<&str>,
) -> Result<(), Stop> {
    wire.begin(BYTES);
    match protocol {
        StartTls::Smtp => lines::smtp(wire),
        StartTls::Imap => lines::imap(wire),
        StartTls::Pop3 => lines::pop3(wire),
        StartTls::Ftp => lines::ftp(wire),
        StartTls::Ldap => binary::ldap(wire),
        StartTls::Postgres => binary::postgres(wire),
        StartTls::Mysql => binary::mysql(wire),
        StartTls::Xmpp => xmpp::begin(wire, server_name.unwrap_or("localhost")),
    }
}

/// What a server said, fit for a sentence: the first line of it, shortened.
#[must_use]
pub(crate) fn quoted(said: &[u8]) -> String {
    const SHOWN: usize = 120;
    let line = said
        .split(|byte| matches!(byte, b'\n' | b'\r'))
        .next()
        .unwrap_or_default();
    let text = String::from_utf8_lossy(line);
    let short: String = text.chars().take(SHOWN).collect();
    let more = if short.len() < text.len() { "…" } else { "" };
    format!("“{short}{more}”")
}

fn declined(what: &str, said: &[u8]) -> Stop {
    Stop::Declined(format!("{what}: the server said {}", quoted(said)))
}
