//! Why there is no handshake, in words.

use std::io::ErrorKind;
use std::time::Duration;

use rustls::{AlertDescription, CertificateError, Error, InvalidMessage, PeerIncompatible};

use super::alert;
use super::handshake::Trouble;
use super::other_protocol::{advice, advice_by_port};
use super::verifier::RecordingVerifier;
use crate::model::tls::{ClientCertificate, Failure, FailureReason, StartTls, Step};
use crate::probe::connect::NotConnected;
use crate::probe::starttls::Stop;
use crate::probe::wire::{Fault, Wire};

/// What the words have to know of the question.
pub(super) struct About<'a> {
    pub(super) port: Option<u16>,
    pub(super) starttls: Option<StartTls>,
    pub(super) server_name: Option<&'a str>,
    pub(super) offered_alpn: bool,
}

/// As much is shown of what was said in place of TLS: its first line.
const SAID_BYTES: usize = 200;
/// The rest of that line is waited for, but not for long.
const REST_OF_LINE: Duration = Duration::from_millis(200);

/// Of a connection that was not made.
pub(super) fn of_connecting(none: &NotConnected) -> Failure {
    let reason = match none.kind() {
        ErrorKind::ConnectionRefused => FailureReason::ConnectionRefused,
        ErrorKind::TimedOut | ErrorKind::WouldBlock => FailureReason::Timeout,
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted => FailureReason::Closed,
        ErrorKind::HostUnreachable
        | ErrorKind::NetworkUnreachable
        | ErrorKind::NetworkDown
        | ErrorKind::AddrNotAvailable
        | ErrorKind::NotFound => FailureReason::Unreachable,
        _ => FailureReason::Io,
    };
    plain(Step::Connect, reason, none.to_string())
}

/// Of a protocol that did not change to TLS.
pub(super) fn of_starttls(stop: Stop, wire: &Wire) -> Failure {
    let silent = wire.received() == 0;
    let (reason, says) = match stop {
        Stop::Declined(says) => (FailureReason::NoStarttls, says),
        Stop::Fault(Fault::Timeout) if silent => (
            FailureReason::Timeout,
            "timed out waiting for the greeting; if the server starts with TLS, try without \
             --starttls"
                .to_owned(),
        ),
        Stop::Fault(fault) => of_fault(fault, wire, "before TLS began"),
    };
    let said = matches!(reason, FailureReason::NoStarttls) && !silent;
    Failure {
        server_said: said.then(|| first_line(wire.said()).into()),
        ..plain(Step::Starttls, reason, says)
    }
}

/// Of a handshake that was not completed.
pub(super) fn of_handshake(
    trouble: Trouble,
    wire: &mut Wire,
    verifier: &RecordingVerifier,
    about: &About,
) -> Failure {
    if !wire.said().is_empty() && !looks_like_tls(wire.said()) {
        return not_tls(wire);
    }
    match trouble {
        Trouble::Tls(Error::AlertReceived(received)) => of_alert(received, verifier, about),
        Trouble::Tls(error) => {
            let (reason, says) = of_error(&error, wire.said());
            plain(Step::Handshake, reason, says)
        }
        Trouble::Fault(Fault::Closed | Fault::Reset) if verifier.was_asked() => plain(
            Step::Handshake,
            FailureReason::ClientCertificate,
            format!(
                "the server closed the connection after {}{}",
                if verifier.refused() == ClientCertificate::Shown {
                    "it was sent a client certificate"
                } else {
                    "it requested a client certificate and got none"
                },
                issuers(verifier)
            ),
        ),
        Trouble::Fault(fault) => {
            let (reason, mut says) = of_fault(fault, wire, "before the handshake was complete");
            if wire.received() == 0 && about.starttls.is_none() {
                let hint = about.port.and_then(advice_by_port);
                says.push_str(&hint.map_or_else(String::new, |flag| {
                    format!("; services on this port usually need {flag}")
                }));
            }
            plain(Step::Handshake, reason, says)
        }
    }
}

fn not_tls(wire: &mut Wire) -> Failure {
    wire.at_most(REST_OF_LINE);
    while wire.said().len() < SAID_BYTES && !wire.said().contains(&b'\n') && wire.receive().is_ok()
    {
    }
    let said = wire.said();
    let hint = advice(said).map_or_else(String::new, |hint| format!("; {hint}"));
    Failure {
        server_said: Some(first_line(said).into()),
        ..plain(
            Step::Handshake,
            FailureReason::NotTls,
            format!("the server does not speak TLS{hint}"),
        )
    }
}

fn of_alert(received: AlertDescription, verifier: &RecordingVerifier, about: &About) -> Failure {
    let name = alert::name(received);
    let (reason, says) = match received {
        AlertDescription::ProtocolVersion => (
            FailureReason::OldProtocol,
            "the server supports only versions older than TLS 1.2".to_owned(),
        ),
        _ if verifier.was_asked() && alert::is_of_client_certificate(received) => {
            let shown = verifier.refused() == ClientCertificate::Shown;
            let says = if shown {
                "the server rejected the client certificate"
            } else {
                "the server requires a client certificate: use --cert FILE --key FILE"
            };
            (
                FailureReason::ClientCertificate,
                format!("{says}{}", issuers(verifier)),
            )
        }
        AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity => (
            FailureReason::Alert,
            "the server rejected the handshake: no common parameters (offered: TLS 1.2 and 1.3, \
             ECDHE with X25519, P-256 or P-384, AES-GCM or ChaCha20), or no suitable certificate"
                .to_owned(),
        ),
        AlertDescription::UnrecognisedName => (
            FailureReason::Alert,
            match about.server_name {
                Some(name) => format!("the server does not know {name}"),
                None => "the server requires a server name: use --servername NAME".to_owned(),
            },
        ),
        AlertDescription::NoApplicationProtocol => (
            FailureReason::Alert,
            if about.offered_alpn {
                "the server supports none of the protocols of --alpn".to_owned()
            } else {
                "the server requires ALPN: use --alpn LIST".to_owned()
            },
        ),
        _ => (
            FailureReason::Alert,
            "the server rejected the handshake".to_owned(),
        ),
    };
    Failure {
        alert: Some(name.clone()),
        ..plain(Step::Handshake, reason, format!("{says} (alert {name})"))
    }
}

fn of_error(error: &Error, said: &[u8]) -> (FailureReason, String) {
    let says = match error {
        Error::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13) => {
            let version = server_hello_version(said).unwrap_or("a version before TLS 1.2");
            return (
                FailureReason::OldProtocol,
                format!("the server supports only {version}; TLS 1.2 or 1.3 is required"),
            );
        }
        Error::InvalidCertificate(CertificateError::BadSignature) => {
            "the server's handshake signature does not match the key of its certificate".to_owned()
        }
        Error::InvalidMessage(
            InvalidMessage::HandshakePayloadTooLarge | InvalidMessage::CertificatePayloadTooLarge,
        ) => "the server sends a handshake message of more than 64 KiB".to_owned(),
        Error::PeerIncompatible(_) => format!("no common TLS parameters: {error}"),
        _ => format!("the server violates the protocol: {error}"),
    };
    (FailureReason::Incompatible, says)
}

fn of_fault(fault: Fault, wire: &Wire, when: &str) -> (FailureReason, String) {
    let received = wire.received();
    match fault {
        Fault::Timeout if received == 0 => (
            FailureReason::Timeout,
            "timed out: the server accepted the connection but sent nothing".to_owned(),
        ),
        Fault::Timeout => (
            FailureReason::Timeout,
            format!("timed out: the server sent {received} bytes {when}"),
        ),
        Fault::Closed if received == 0 => (
            FailureReason::Closed,
            "the server closed the connection without sending anything".to_owned(),
        ),
        Fault::Closed => (
            FailureReason::Closed,
            format!("the server closed the connection {when}"),
        ),
        Fault::Reset => (
            FailureReason::Closed,
            format!("the server reset the connection {when}"),
        ),
        Fault::TooMuch(limit) => (
            FailureReason::Incompatible,
            format!("the server sends more than {limit} bytes {when}"),
        ),
        Fault::Io(error) => (FailureReason::Io, error.to_string()),
    }
}

/// Whose client certificates the server takes, where it says so.
fn issuers(verifier: &RecordingVerifier) -> String {
    let names = verifier.accepted_issuers();
    if names.is_empty() {
        String::new()
    } else {
        format!("; it accepts certificates issued by {}", names.join(" or "))
    }
}

/// Whether these bytes may be the beginning of a record of TLS.
fn looks_like_tls(said: &[u8]) -> bool {
    match said {
        [20..=24] => true,
        [20..=24, major, ..] => *major == 3,
        _ => false,
    }
}

/// The version in a `ServerHello` that is the first message of the first record.
fn server_hello_version(said: &[u8]) -> Option<&'static str> {
    match said {
        [22, _, _, _, _, 2, _, _, _, 3, minor, ..] => Some(match minor {
            0 => "SSL 3.0",
            1 => "TLS 1.0",
            2 => "TLS 1.1",
            _ => return None,
        }),
        _ => None,
    }
}

fn first_line(said: &[u8]) -> &[u8] {
    let line = said
        .split(|byte| matches!(byte, b'\r' | b'\n'))
        .next()
        .unwrap_or_default();
    line.get(..SAID_BYTES).unwrap_or(line)
}

fn plain(step: Step, reason: FailureReason, says: String) -> Failure {
    Failure {
        step,
        reason,
        says,
        alert: None,
        server_said: None,
    }
}
