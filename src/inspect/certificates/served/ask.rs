//! One question to one listener: what it shows in a handshake.

use core::net::SocketAddr;
use std::time::Instant;

use crate::model::tls::{Failure, FailureReason, StartTls, Step};

/// What to ask.
#[derive(Debug, Clone)]
#[expect(dead_code, reason = "this build makes no connections")]
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
    let mut addresses = question.addresses.into_iter();
    Answer {
        dialled: addresses.next().map(|address| address.to_string()),
        failure: Some(Failure {
            step: Step::Connect,
            reason: FailureReason::Io,
            says: "connections are not made by this build".to_owned(),
            alert: None,
            server_said: None,
        }),
        chain: Vec::new(),
    }
}
