//! What an endpoint is to the target, and a connection to it.
//!
//! The answer is meant for the target. Where an address, a name or a path is proved to mean
//! something else to spyhole, nothing is dialled and the answer is unknown; where that cannot be
//! compared, it is dialled, and a note says so.

use core::net::{IpAddr, SocketAddr};

use nix::errno::Errno;

use super::reason::{CheckNote, CheckOutcome, CheckReason};
use super::{CheckContext, hidden_target, sight};
use crate::model::tls::{FailureReason, Resolution, ResolvedBy};
use crate::model::truth_value::TruthValue;
use crate::probe::connect::{Connected, Peer, connect};
use crate::probe::endpoint::{Endpoint, Host, is_of_namespace};
use crate::sections::tls::names::{HOSTS, NameFiles, RESOLV_CONF};
use crate::sections::tls::{NoSocket, TargetSocket, target_socket};

/// Whether it means the same to spyhole and to the target, wherever they are.
pub(super) fn is_same_everywhere(endpoint: &Endpoint) -> bool {
    matches!(endpoint, Endpoint::Tcp(host @ Host::Address(_), _) if !host.is_of_namespace())
}

/// What to dial: what holds it, and what has to be known of it.
pub(crate) struct Dialled {
    /// The addresses, or the socket.
    pub(crate) peer: Peer,
    /// Holds the path of a Unix socket until it was dialled.
    _held: Option<TargetSocket>,
    /// What has to be known of the answer.
    pub(crate) notes: Vec<CheckNote>,
}

/// Finds what the target would connect to.
///
/// # Errors
/// That it means something else to spyhole, or cannot be found.
pub(crate) fn find(
    endpoint: &Endpoint,
    context: &mut CheckContext,
) -> Result<Dialled, CheckOutcome> {
    if !context.may_dial {
        return Err(CheckOutcome::unknown(CheckReason::ConnectDisabled));
    }
    if let Some(missing) = context.named_target_is_missing() {
        return Err(missing);
    }
    match endpoint {
        Endpoint::Unix(path) => unix(path, context),
        Endpoint::Tcp(host, port) => address(host, *port, endpoint, context),
    }
}

/// Finds what the target would connect to, and connects.
pub(super) fn dial(
    endpoint: &Endpoint,
    context: &mut CheckContext,
) -> Result<(Connected, Vec<CheckNote>), CheckOutcome> {
    let to = find(endpoint, context)?;
    let before = context.begun.elapsed();
    let Dialled { peer, notes, _held } = to;
    match connect(&peer, context.deadline()) {
        Ok(mut connected) => {
            if let Endpoint::Unix(_) = endpoint {
                connected.dialled = endpoint.to_string();
            }
            Ok((connected, notes))
        }
        Err(none) => {
            let outcome = if none.is_timeout() && before > context.timeout / 2 {
                CheckOutcome::unknown(CheckReason::NoTimeLeft {
                    dialled: endpoint.to_string(),
                    before,
                    timeout: context.timeout,
                })
            } else {
                let answer = if none.is_own() {
                    TruthValue::Unknown
                } else {
                    TruthValue::False
                };
                CheckOutcome::new(answer, CheckReason::NotConnected(none))
            };
            Err(outcome.with_notes(notes))
        }
    }
}

/// The addresses of a host, as they are to the target.
pub(super) fn address(
    host: &Host,
    port: u16,
    endpoint: &Endpoint,
    context: &mut CheckContext,
) -> Result<Dialled, CheckOutcome> {
    let (addresses, mut notes) = match host {
        Host::Address(address) => (vec![SocketAddr::new(*address, port)], Vec::new()),
        Host::Name(_) | Host::Zoned(..) => resolve(&host.to_string(), port, context)?,
    };
    if is_same_everywhere(endpoint) {
        return Ok(Dialled {
            peer: Peer::Tcp(addresses),
            _held: None,
            notes,
        });
    }
    let of_namespace = addresses
        .iter()
        .any(|address| is_of_namespace(address.ip()));
    match shares_network(context) {
        Some(false) if of_namespace => {
            let other = CheckReason::AddressOfOtherNetwork(endpoint.to_string());
            return Err(CheckOutcome::unknown(other).with_notes(notes));
        }
        Some(false) => notes.push(CheckNote::OtherNetwork),
        None if of_namespace => notes.push(CheckNote::NetworkNotCompared),
        Some(true) | None => {}
    }
    Ok(Dialled {
        peer: Peer::Tcp(addresses),
        _held: None,
        notes,
    })
}

/// Whether spyhole is in the target's network namespace, where that can be compared.
pub(crate) fn shares_network(context: &mut CheckContext) -> Option<bool> {
    let (scan, gaps) = context.scan().ok()?;
    if hidden_target(scan, gaps).is_some() {
        return None;
    }
    scan.shares_network()
}

/// A Unix socket as it is to the target: by the descriptor that found it in the target's root.
pub(super) fn unix(path: &str, context: &mut CheckContext) -> Result<Dialled, CheckOutcome> {
    let own = |notes| Dialled {
        peer: Peer::Unix(path.into()),
        _held: None,
        notes,
    };
    if path.starts_with('@') {
        return match shares_network(context) {
            Some(true) => Ok(own(Vec::new())),
            Some(false) => {
                let other = CheckReason::AddressOfOtherNetwork(format!("unix:{path}"));
                Err(CheckOutcome::unknown(other))
            }
            None => Ok(own(vec![CheckNote::NetworkNotCompared])),
        };
    }
    let Ok((scan, _)) = context.target() else {
        return Ok(own(vec![CheckNote::OwnRoot]));
    };
    let refusal = match target_socket(scan, path) {
        Ok(socket) => {
            return Ok(Dialled {
                peer: socket.peer.clone(),
                _held: Some(socket),
                notes: Vec::new(),
            });
        }
        Err(NoSocket::Failed(errno)) => {
            let is_missing = matches!(errno, Errno::ENOENT | Errno::ENOTDIR);
            let answer = if is_missing {
                TruthValue::False
            } else {
                TruthValue::Unknown
            };
            let path = path.to_owned();
            return Err(CheckOutcome::new(
                answer,
                CheckReason::NoSocket { path, errno },
            ));
        }
        Err(NoSocket::Unseen(refusal)) => refusal,
    };
    match sight::is_same_file(scan, path) {
        Some(true) => Ok(own(Vec::new())),
        Some(false) => Err(CheckOutcome::unknown(CheckReason::OtherRoot {
            path: path.to_owned(),
            refusal,
        })),
        None => Ok(own(vec![CheckNote::OwnRoot])),
    }
}

/// The files that know names as the target does, or spyhole's own where they are not known to be
/// others.
pub(crate) fn name_files(
    name: &str,
    context: &mut CheckContext,
) -> Result<(NameFiles, Vec<CheckNote>), CheckOutcome> {
    let (scan, gaps) = context.scan()?;
    if hidden_target(scan, gaps).is_some() {
        return Ok((NameFiles::of_viewer(), vec![CheckNote::OwnNames]));
    }
    let files = NameFiles::read(scan, false);
    let Some((_, refusal)) = &files.refused else {
        return Ok((files, Vec::new()));
    };
    let same = [HOSTS, RESOLV_CONF].map(|path| (path, sight::is_same_file(scan, path)));
    let other = same.iter().find(|(_, same)| *same == Some(false));
    if let Some((file, _)) = other {
        return Err(CheckOutcome::unknown(CheckReason::OtherNames {
            name: name.to_owned(),
            file,
            refusal: refusal.clone(),
        }));
    }
    let is_proved = same.iter().all(|(_, same)| *same == Some(true));
    let notes = if is_proved {
        Vec::new()
    } else {
        vec![CheckNote::OwnNames]
    };
    Ok((files, notes))
}

/// The addresses of a name as the target would resolve it.
pub(super) fn resolve(
    name: &str,
    port: u16,
    context: &mut CheckContext,
) -> Result<(Vec<SocketAddr>, Vec<CheckNote>), CheckOutcome> {
    let (files, mut notes) = name_files(name, context)?;
    let (resolution, resolved) = files.resolve(name, port, context.deadline());
    let of_dns = matches!(
        resolution,
        Some(Resolution {
            by: ResolvedBy::Dns | ResolvedBy::Nobody,
            ..
        })
    );
    if of_dns {
        match (shares_network(context), local_server(&files)) {
            (Some(false), Some(server)) => {
                let name = name.to_owned();
                let other = CheckReason::ResolverOfOtherNetwork { name, server };
                return Err(CheckOutcome::unknown(other).with_notes(notes));
            }
            (Some(false), None) => notes.push(CheckNote::OtherNetwork),
            _ => {}
        }
    }
    let failure = match resolved {
        Ok(addresses) => return Ok((addresses, notes)),
        Err(failure) => failure,
    };
    // Servers that do not answer here may answer the target.
    let silent = matches!(
        failure.reason,
        FailureReason::NoResolver | FailureReason::Timeout
    );
    let answer = if silent && notes.contains(&CheckNote::OtherNetwork) {
        TruthValue::Unknown
    } else {
        TruthValue::False
    };
    let unresolved = CheckReason::Unresolved {
        name: name.to_owned(),
        failure: Box::new(failure),
    };
    Err(CheckOutcome::new(answer, unresolved).with_notes(notes))
}

/// A name server whose address means another machine in another network namespace.
pub(crate) fn local_server(files: &NameFiles) -> Option<IpAddr> {
    let servers = files.servers();
    servers.into_iter().find(|server| is_of_namespace(*server))
}
