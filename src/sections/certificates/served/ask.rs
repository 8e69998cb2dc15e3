//! One question to one listener: what it shows in a handshake.

use core::net::SocketAddr;
use std::time::Instant;

use crate::model::tls::{Failure, StartTls};
use crate::probe::Peer;
use crate::probe::tls::{Dial, look};

/// What to ask.
#[derive(Debug, Clone)]
pub(super) struct Question {
    /// Tried in their order.
    pub(super) addresses: Vec<SocketAddr>,
    pub(super) server_name: Option<String>,
    pub(super) starttls: Option<StartTls>,
    pub(super) deadline: Instant,
}

/// What came of it.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    /// The address that took the connection, or that was tried last.
    pub(super) dialled: Option<String>,
    pub(super) failure: Option<Failure>,
    /// The certificates in DER, as they were shown.
    pub(super) chain: Vec<Vec<u8>>,
}

/// Asks; it ends by the deadline.
pub(super) fn ask(question: Question) -> Answer {
    let seen = look(&Dial {
        to: Peer::Tcp(question.addresses),
        server_name: question.server_name,
        alpn: Vec::new(),
        starttls: question.starttls,
        client: None,
        deadline: question.deadline,
    });
    Answer {
        dialled: seen.dialled,
        failure: seen.failure,
        chain: seen.chain,
    }
}
