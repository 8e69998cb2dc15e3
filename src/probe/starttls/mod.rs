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

/// The server answered otherwise. What it said is not repeated in the sentence, which goes to
/// logs and events.
fn declined(what: &str) -> Stop {
    Stop::Declined(what.to_owned())
}
