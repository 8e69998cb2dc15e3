//! One TLS handshake that completes whatever the certificates are worth: they are shown, and
//! judged by others.

mod alert;
mod client_key;
mod failure;
mod handshake;
mod other_protocol;
mod verifier;

use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::ServerName;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, StreamOwned};

pub(crate) use client_key::{ClientKey, KeyFault};

use super::connect::{Peer, connect};
use super::starttls;
use super::wire::Wire;
use crate::model::tls::{ClientCertificate, Failure, FailureReason, Session, StartTls, Step, Took};
use handshake::Ended;
use verifier::RecordingVerifier;

/// The server to ask, and how.
#[derive(Debug, Clone)]
pub(crate) struct Dial {
    /// Where it listens.
    pub to: Peer,
    /// The name to ask for (SNI); `None`: none is sent.
    pub server_name: Option<String>,
    /// The protocols to offer by ALPN; none: the extension is not sent.
    pub alpn: Vec<Vec<u8>>,
    /// The protocol that is spoken before.
    pub starttls: Option<StartTls>,
    /// What to show where a client certificate is asked for.
    pub client: Option<ClientKey>,
    /// Until when all of it must have been done.
    pub deadline: Instant,
}

/// What one handshake showed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Handshake {
    /// How long each step took, without name resolution.
    pub took: Took,
    /// The address that was dialled, the last one where several were.
    pub dialled: Option<String>,
    /// What was agreed on, where the handshake was completed on this side.
    pub session: Option<Session>,
    /// Why it was not completed, on this side or the other.
    pub failure: Option<Failure>,
    /// Whether the server asked for a client certificate.
    pub client_certificate: ClientCertificate,
    /// The certificates as they were sent, in DER; also where the handshake failed later.
    pub chain: Vec<Vec<u8>>,
    /// The OCSP response as it was stapled, in DER.
    pub staple: Option<Vec<u8>>,
}

/// What makes one handshake after another cheap.
#[derive(Debug, Clone)]
pub(crate) struct Looker {
    provider: Arc<CryptoProvider>,
}

impl Default for Looker {
    fn default() -> Self {
        Self {
            provider: Arc::new(default_provider()),
        }
    }
}

/// A session for another protocol, named by ALPN where one is given, with a server whose certificate
/// is not judged; the handshake comes with the first word.
///
/// # Errors
/// The failure, where the host cannot be asked for.
pub(crate) fn unjudged(
    wire: Wire,
    host: &str,
    alpn: &[Vec<u8>],
) -> Result<StreamOwned<ClientConnection, Wire>, Failure> {
    let looker = Looker::default();
    let verifier = RecordingVerifier::new(looker.provider.signature_verification_algorithms, None);
    let connection = looker.connection(Some(host), alpn, &Arc::new(verifier));
    connection.map(|connection| StreamOwned::new(connection, wire))
}

/// One handshake; as [`Looker::look`].
#[must_use]
pub(crate) fn look(dial: &Dial) -> Handshake {
    Looker::default().look(dial)
}

impl Looker {
    /// Connects, begins with TLS where another protocol comes first, and shakes hands. No
    /// application data is sent; a `close_notify` ends it.
    #[must_use]
    pub(crate) fn look(&self, dial: &Dial) -> Handshake {
        let mut seen = Handshake {
            took: Took::default(),
            dialled: None,
            session: None,
            failure: None,
            client_certificate: ClientCertificate::Unknown,
            chain: Vec::new(),
            staple: None,
        };
        if let Err(failure) = self.steps(dial, &mut seen) {
            seen.failure = Some(failure);
        }
        seen
    }

    fn steps(&self, dial: &Dial, seen: &mut Handshake) -> Result<(), Failure> {
        let verifier = Arc::new(RecordingVerifier::new(
            self.provider.signature_verification_algorithms,
            dial.client.clone(),
        ));
        // Before anything is dialled: a name that cannot be asked for is no server's fault.
        let name = dial.server_name.as_deref();
        let mut connection = self.connection(name, &dial.alpn, &verifier)?;

        let begun = Instant::now();
        let connected = connect(&dial.to, dial.deadline).map_err(|none| {
            let dialled = none.dialled();
            seen.dialled = (!dialled.is_empty()).then(|| dialled.to_owned());
            failure::of_connecting(&none)
        })?;
        seen.took.connect_seconds = Some(begun.elapsed().as_secs_f64());
        seen.dialled = Some(connected.dialled);
        let mut wire = connected.wire;

        if let Some(protocol) = dial.starttls {
            let begun = Instant::now();
            starttls::begin(protocol, &mut wire, dial.server_name.as_deref())
                .map_err(|stop| failure::of_starttls(stop, &wire))?;
            seen.took.starttls_seconds = Some(begun.elapsed().as_secs_f64());
        }

        let begun = Instant::now();
        let ended = handshake::complete(&mut connection, &mut wire);
        if matches!(ended, Ended::Done) {
            seen.took.handshake_seconds = Some(begun.elapsed().as_secs_f64());
            seen.session = Some(handshake::session(&connection, &verifier));
        }
        let about = failure::About {
            port: port(&dial.to),
            starttls: dial.starttls,
            server_name: dial.server_name.as_deref(),
            offered_alpn: !dial.alpn.is_empty(),
        };
        let outcome = match ended {
            Ended::Done => {
                let (answer, outcome) = handshake::shut_down(&mut connection, &mut wire, &verifier);
                seen.client_certificate = answer;
                outcome.map_err(|error| failure::of_handshake(error, &mut wire, &verifier, &about))
            }
            Ended::Failed(error) => Err(failure::of_handshake(error, &mut wire, &verifier, &about)),
        };
        if matches!(&outcome, Err(failure) if failure.reason == FailureReason::ClientCertificate) {
            seen.client_certificate = verifier.refused();
        }
        (seen.chain, seen.staple) = verifier.shown();
        outcome
    }

    fn connection(
        &self,
        server_name: Option<&str>,
        alpn: &[Vec<u8>],
        verifier: &Arc<RecordingVerifier>,
    ) -> Result<ClientConnection, Failure> {
        let mut config = self.config(verifier)?;
        config.alpn_protocols = alpn.to_vec();
        config.enable_sni = server_name.is_some();
        let name = match server_name {
            None => ServerName::from(core::net::Ipv4Addr::UNSPECIFIED),
            Some(name) => server_name_of(name)?,
        };
        ClientConnection::new(Arc::new(config), name).map_err(|error| impossible(error.to_string()))
    }

    /// Handshakes that the verifier records.
    fn config(&self, verifier: &Arc<RecordingVerifier>) -> Result<ClientConfig, Failure> {
        let builder = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(|error| impossible(error.to_string()))?;
        let mut config = builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(verifier) as _)
            .with_client_cert_resolver(Arc::clone(verifier) as _);
        config.resumption = Resumption::disabled();
        Ok(config)
    }
}

fn server_name_of(name: &str) -> Result<ServerName<'static>, Failure> {
    ServerName::try_from(name.to_owned())
        .map_err(|_| impossible(format!("{name:?} is not a valid server name")))
}

fn impossible(says: String) -> Failure {
    Failure {
        step: Step::Handshake,
        reason: FailureReason::Incompatible,
        says,
        alert: None,
        server_said: None,
    }
}

/// What another client of TLS shakes hands with; it is recorded, and judged by the caller.
pub(crate) struct Recorded {
    /// The configuration.
    pub config: Arc<ClientConfig>,
    /// The name to ask for.
    pub name: ServerName<'static>,
    /// What sees the certificates.
    pub verifier: Arc<RecordingVerifier>,
}

/// For a handshake with a server of this name, or with this address.
///
/// # Errors
/// The failure, where it cannot be asked for.
pub(crate) fn recorded(name: &str, client: Option<ClientKey>) -> Result<Recorded, Failure> {
    let looker = Looker::default();
    let algorithms = looker.provider.signature_verification_algorithms;
    let verifier = Arc::new(RecordingVerifier::new(algorithms, client));
    let mut config = looker.config(&verifier)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Recorded {
        config: Arc::new(config),
        name: server_name_of(name)?,
        verifier,
    })
}

fn port(peer: &Peer) -> Option<u16> {
    match peer {
        Peer::Tcp(addresses) => addresses.first().map(core::net::SocketAddr::port),
        Peer::Unix(_) => None,
    }
}

/// After a handshake of TLS 1.3 in which the server asked for a client certificate, its refusal
/// comes later than the end of the handshake: it is waited for, but not for long.
const FAREWELL: Duration = Duration::from_millis(500);
