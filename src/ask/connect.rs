//! `connect`: every address of a server, each attempt with its time and its error.

use core::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Answered, seconds, set};
use crate::check::CheckContext;
use crate::check::dial::find;
use crate::model::truth_value::TruthValue;
use crate::probe::connect::{ConnectAttempt, NotConnected, Peer, connect_each};
use crate::probe::endpoint::Endpoint;
use crate::render::tables::table::{Cell, Heading, Table};

/// Which addresses are connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Families {
    /// Of both families.
    Both,
    /// IPv4 alone.
    Four,
    /// IPv6 alone.
    Six,
}

/// What is asked.
#[derive(Debug, Clone)]
pub(crate) struct ConnectQuestion {
    /// The server.
    pub endpoint: Endpoint,
    /// Which of its addresses.
    pub families: Families,
}

impl ConnectQuestion {
    /// Connects to each address and closes the connection again.
    #[must_use]
    pub(crate) fn ask(&self, context: &mut CheckContext) -> Answered {
        let mut found = match find(&self.endpoint, context) {
            Ok(found) => found,
            Err(outcome) => return Answered::failed(&outcome),
        };
        if let Peer::Tcp(addresses) = &mut found.peer {
            match self.families {
                Families::Both => {}
                Families::Four => addresses.retain(SocketAddr::is_ipv4),
                Families::Six => addresses.retain(SocketAddr::is_ipv6),
            }
        }
        let notes = found.notes.iter().map(ToString::to_string).collect();
        let mut attempts = connect_each(&found.peer, context.deadline());
        if let (Endpoint::Unix(_), [attempt]) = (&self.endpoint, attempts.as_mut_slice()) {
            // Not by the descriptor that leads to it.
            attempt.dialled = self.endpoint.to_string();
        }
        let failure = attempts.is_empty().then(|| {
            let family = if self.families == Families::Four {
                "IPv4"
            } else {
                "IPv6"
            };
            format!("{} has no {family} address", self.endpoint)
        });
        Answered {
            tables: vec![table(&attempts)],
            notes,
            failure,
            answer: answer(&attempts),
            seen: json!({
                "endpoint": self.endpoint.to_string(),
                "attempts": attempts.iter().map(data).collect::<Vec<_>>(),
            }),
        }
    }
}

/// One that accepts is a yes; a failure of spyhole's own says nothing of the server.
fn answer(attempts: &[ConnectAttempt]) -> TruthValue {
    if attempts.iter().any(|attempt| attempt.failure.is_none()) {
        return TruthValue::True;
    }
    let mut failures = attempts.iter().filter_map(|one| one.failure.as_ref());
    TruthValue::False.unless_partial(failures.any(NotConnected::is_own))
}

fn data(attempt: &ConnectAttempt) -> Value {
    let mut data = json!({
        "address": attempt.dialled,
        "connected": attempt.failure.is_none(),
        "took_seconds": seconds(attempt.took),
    });
    set(&mut data, "socket_type", attempt.socket_type);
    let failure = attempt.failure.as_ref().map(ToString::to_string);
    set(&mut data, "failure", failure);
    data
}

fn table(attempts: &[ConnectAttempt]) -> Table {
    let row = |attempt: &ConnectAttempt| {
        let result = match (&attempt.failure, attempt.socket_type) {
            (Some(failure), _) => failure.to_string().into(),
            (None, None) => Cell::from("connected"),
            (None, Some(other)) => format!("connected ({other})").into(),
        };
        vec![
            attempt.dialled.clone().into(),
            milliseconds(attempt.took).into(),
            result,
        ]
    };
    Table {
        headings: vec![
            Heading::left("ADDRESS"),
            Heading::right("TIME"),
            Heading::left("RESULT"),
        ],
        rows: attempts.iter().map(row).collect(),
        uncut: true,
        ..Table::default()
    }
}

/// With one place, as `ping` prints it.
pub(super) fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}
