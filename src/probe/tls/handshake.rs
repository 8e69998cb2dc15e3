//! The handshake itself, record by record.

use rustls::{ClientConnection, Error, IoState, ProtocolVersion};

use super::FAREWELL;
use super::verifier::RecordingVerifier;
use crate::model::tls::{ClientCertificate, Session};
use crate::probe::wire::{Fault, Wire};

/// No handshake is longer: a chain may take 64 KiB, what surrounds it a few more.
const HANDSHAKE_BYTES: usize = 512 << 10;

/// How a handshake ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// Both sides agree, as far as this side knows.
    Done,
    /// It was not completed.
    Failed(Trouble),
}

/// What went wrong.
#[derive(Debug)]
pub(super) enum Trouble {
    /// With the connection.
    Fault(Fault),
    /// With what came over it.
    Tls(Error),
}

/// Shakes hands until this side is done.
pub(super) fn complete(connection: &mut ClientConnection, wire: &mut Wire) -> Ended {
    wire.begin(HANDSHAKE_BYTES);
    loop {
        let broken = match flush(connection, wire) {
            Ok(()) if !connection.is_handshaking() => return Ended::Done,
            Ok(()) => None,
            Err(fault @ (Fault::Timeout | Fault::Io(_))) => {
                return Ended::Failed(Trouble::Fault(fault));
            }
            // A server that has closed may have said before why.
            Err(fault) => Some(fault),
        };
        if let Err(trouble) = step(connection, wire) {
            return Ended::Failed(match (trouble, broken) {
                (Trouble::Fault(_), Some(first)) => Trouble::Fault(first),
                (trouble, _) => trouble,
            });
        }
    }
}

/// Says goodbye. Where the server asked for a certificate in TLS 1.3, its answer to the one
/// that it got, or did not get, comes only now: a refusal, or else a session ticket, data or
/// its own goodbye. Where none of these comes it is not known whether it was content.
pub(super) fn shut_down(
    connection: &mut ClientConnection,
    wire: &mut Wire,
    verifier: &RecordingVerifier,
) -> (ClientCertificate, Result<(), Trouble>) {
    connection.send_close_notify();
    let sent = flush(connection, wire);
    let late = connection.protocol_version() == Some(ProtocolVersion::TLSv1_3);
    if !verifier.was_asked() || !late || connection.tls13_tickets_received() > 0 {
        return (verifier.accepted(), Ok(()));
    }
    drop(sent);
    wire.at_most(FAREWELL);
    loop {
        match step(connection, wire) {
            Ok(state) => {
                if connection.tls13_tickets_received() > 0
                    || state.plaintext_bytes_to_read() > 0
                    || state.peer_has_closed()
                {
                    return (verifier.accepted(), Ok(()));
                }
            }
            Err(Trouble::Fault(_)) => return (ClientCertificate::Unknown, Ok(())),
            Err(trouble) => return (ClientCertificate::Unknown, Err(trouble)),
        }
    }
}

/// What was agreed on.
pub(super) fn session(connection: &ClientConnection, verifier: &RecordingVerifier) -> Session {
    let suite = connection.negotiated_cipher_suite();
    let suite = suite.and_then(|suite| suite.suite().as_str());
    let group = connection.negotiated_key_exchange_group();
    Session {
        protocol: match connection.protocol_version() {
            Some(ProtocolVersion::TLSv1_3) => "TLSv1.3".to_owned(),
            _ => "TLSv1.2".to_owned(),
        },
        // rustls tells the suites of TLS 1.3 apart by a prefix that IANA does not know.
        cipher_suite: suite.unwrap_or_default().replacen("TLS13_", "TLS_", 1),
        key_exchange_group: group.and_then(|group| group.name().as_str().map(str::to_owned)),
        alpn: connection
            .alpn_protocol()
            .map(|name| String::from_utf8_lossy(name).into_owned()),
        signature_checked: verifier.signature_checked(),
    }
}

/// Takes in what comes next.
fn step(connection: &mut ClientConnection, wire: &mut Wire) -> Result<IoState, Trouble> {
    let bytes = wire.receive().map_err(Trouble::Fault)?;
    let mut rest = bytes.as_slice();
    loop {
        connection
            .read_tls(&mut rest)
            .map_err(|error| Trouble::Fault(error.into()))?;
        match connection.process_new_packets() {
            Ok(state) if rest.is_empty() => return Ok(state),
            Ok(_) => {}
            Err(error) => {
                // The alert that goes with it, for the server's log.
                let _ = flush(connection, wire);
                return Err(Trouble::Tls(error));
            }
        }
    }
}

fn flush(connection: &mut ClientConnection, wire: &mut Wire) -> Result<(), Fault> {
    let mut bytes = Vec::new();
    while connection.wants_write() {
        connection.write_tls(&mut bytes)?;
    }
    wire.send(&bytes)
}
