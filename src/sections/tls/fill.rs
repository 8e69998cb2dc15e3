//! From a command line to what the server showed and what is to be held of it.

use core::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::TlsQuery;
use super::names::NameFiles;
use crate::model::certificate::Certificate;
use crate::model::gap::{Reason, Refusal, SectionGaps};
use crate::model::seen::Seen;
use crate::model::target::ChosenBy;
use crate::model::tls::{ClientCertificate, Failure, FailureReason, MinDays, Step, TlsLook, Took};
use crate::model::trust_store::TrustStore;
use crate::model::units::DAY_SECONDS;
use crate::model::verdict::{Authorities, Verdict};
use crate::pki;
use crate::pki::{AskedRuntime, ChainSource, ParsedCertificate, Place, Purpose, Question, Roots};
use crate::probe::Peer;
use crate::probe::endpoint::{Endpoint, Host};
use crate::probe::tls::{self, Dial, Handshake};
use crate::rights::ptrace_access::not_copied;
use crate::scan::Scan;
use crate::sections::certificates::chains::place_from_leaf;
use crate::sections::certificates::leaves::dated_of_chain;
use crate::sys::in_root::link_of;
use crate::sys::target_file::HeldFile;
use crate::trust::{self, TrustReach};

/// Asks the server; `None`: it could not be asked, which is recorded as a gap.
pub(super) fn look(
    query: &TlsQuery,
    endpoint: &Endpoint,
    time: Duration,
    scan: &Scan,
    gaps: &mut SectionGaps<'_>,
) -> Option<TlsLook> {
    let deadline = Instant::now() + time;
    let from_target_network = from_target_network(scan, gaps);
    let name = wanted_name(query, endpoint);
    let sni = match (&query.servername, endpoint) {
        _ if query.no_servername => None,
        // An address is no name to send (RFC 6066, 3).
        (Some(name), _) if name.parse::<IpAddr>().is_ok() => None,
        (Some(name), _) | (None, Endpoint::Tcp(Host::Name(name), _)) => Some(without_dot(name)),
        _ => None,
    };
    let mut look = TlsLook {
        endpoint: endpoint.to_string(),
        server_name: name,
        sni,
        starttls: query.starttls,
        from_target_network,
        resolution: None,
        dialled: None,
        took: Took::default(),
        session: None,
        failure: None,
        client_certificate: ClientCertificate::Unknown,
        chain: Vec::new(),
        ocsp_staple: None,
        trust_store: None,
        verdicts: Vec::new(),
        min_days: None,
    };
    let alone = is_alone(scan);
    let found = match endpoint {
        Endpoint::Tcp(Host::Address(address), port) => {
            Ok((Peer::Tcp(vec![SocketAddr::new(*address, *port)]), None))
        }
        Endpoint::Tcp(host @ (Host::Name(_) | Host::Zoned(..)), port) => {
            let begun = Instant::now();
            let files = NameFiles::read(scan, alone);
            files.record(gaps);
            let (resolution, resolved) = files.resolve(&host.to_string(), *port, deadline);
            look.took.resolve_seconds = Some(begun.elapsed().as_secs_f64());
            look.resolution = resolution;
            resolved.map(|sockets| (Peer::Tcp(sockets), None))
        }
        Endpoint::Unix(path) => match target_socket(scan, path) {
            Ok(socket) => Ok((socket.peer.clone(), Some(socket))),
            Err(NoSocket::Unseen(refusal)) => {
                gaps.record("tls", path.as_str(), &refusal);
                return None;
            }
            Err(NoSocket::Failed(errno)) => Err(no_socket(path, errno)),
        },
    };
    match found {
        Err(failure) => look.failure = Some(failure),
        // What holds the path of a Unix socket lives until it was dialled.
        Ok((to, _held)) => {
            let dial = Dial {
                to,
                server_name: look.sni.clone(),
                alpn: query
                    .alpn
                    .iter()
                    .map(|name| name.clone().into_bytes())
                    .collect(),
                starttls: query.starttls,
                client: query.given().client.clone(),
                deadline,
            };
            let mut of_store = gaps.scratch();
            let (seen, store) =
                ask_beside(&dial, || trust_store(scan, &mut of_store.section(), alone));
            // Where nothing is judged, nothing is missing for it.
            if !seen.chain.is_empty() {
                gaps.absorb(of_store);
            }
            if matches!(endpoint, Endpoint::Unix(_)) {
                look.dialled = Some(look.endpoint.clone());
            } else {
                look.dialled.clone_from(&seen.dialled);
            }
            take(&mut look, seen, store, query, scan, gaps);
        }
    }
    Some(look)
}

/// The handshake, and what is done while the server is waited for; in its turn where the system
/// gives no thread.
fn ask_beside<R>(dial: &Dial, meanwhile: impl FnOnce() -> R) -> (Handshake, R) {
    thread::scope(|scope| {
        let asked = thread::Builder::new()
            .name("ask".to_owned())
            .spawn_scoped(scope, || tls::look(dial));
        let done = meanwhile();
        let seen = asked.ok().and_then(|asked| asked.join().ok());
        (seen.unwrap_or_else(|| tls::look(dial)), done)
    })
}

/// The target's trust store, its authorities to judge with, and the runtime that does.
type Trusted = (
    Seen<TrustStore>,
    Option<Vec<Arc<ParsedCertificate>>>,
    Option<AskedRuntime>,
);

/// What a handshake showed, and the judgement of it.
fn take(
    look: &mut TlsLook,
    seen: Handshake,
    (store, roots, asked): Trusted,
    query: &TlsQuery,
    scan: &Scan,
    gaps: &mut SectionGaps<'_>,
) {
    look.took = Took {
        resolve_seconds: look.took.resolve_seconds,
        ..seen.took
    };
    look.session = seen.session;
    look.failure = seen.failure.map(|failure| Failure {
        server_said: failure
            .server_said
            .filter(|said| scan.redactor.bare(said.as_bytes()).is_none()),
        ..failure
    });
    look.client_certificate = seen.client_certificate;
    let (parsed, reported) = chain(&seen.chain, &look.endpoint, scan, gaps);
    look.chain = reported;
    if seen.chain.is_empty() {
        return;
    }
    let unreadable = seen.chain.get(parsed.len()).map(Vec::as_slice);
    let now = scan.clock.now;
    let staple = seen
        .staple
        .map(|response| pki::staple(&response, &parsed, now));
    let judged = |authorities, roots: &Roots| {
        let question = Question {
            chain: &parsed,
            unreadable,
            roots,
            authorities,
            server_name: look.server_name.as_deref(),
            now,
            staple: staple.as_ref(),
            source: ChainSource::Server,
            purpose: Purpose::Server,
        };
        let asked = asked
            .as_ref()
            .filter(|_| authorities == Authorities::Target);
        pki::judge_for(&question, asked)
    };
    let mut verdicts: Vec<Verdict> = Vec::new();
    if let Some(given) = &query.given().authorities {
        verdicts.push(judged(Authorities::Given, &Roots::of(given.clone())));
    }
    if let Some(roots) = roots {
        verdicts.push(judged(Authorities::Target, &Roots::of(roots)));
    }
    verdicts.push(judged(Authorities::Mozilla, &Roots::mozilla()));
    look.verdicts = verdicts;
    look.ocsp_staple = staple;
    look.trust_store = Some(store);
    look.min_days = query
        .min_days
        .and_then(|wanted| min_days(&look.chain, wanted));
}

/// The certificates as far as they can be read: behind one that cannot, places would be wrong.
fn chain(
    sent: &[Vec<u8>],
    endpoint: &str,
    scan: &Scan,
    gaps: &mut SectionGaps<'_>,
) -> (Vec<Arc<ParsedCertificate>>, Vec<Certificate>) {
    let mut parsed = Vec::with_capacity(sent.len());
    for der in sent {
        if let Ok(certificate) = ParsedCertificate::read(der) {
            parsed.push(Arc::new(certificate));
        } else {
            let refusal = Refusal::of(Reason::Malformed);
            gaps.record("chain", endpoint, &refusal);
            break;
        }
    }
    let place = Place {
        field: "chain",
        subject: endpoint.into(),
    };
    let report = |one: &Arc<ParsedCertificate>| pki::reported(one, scan.clock.now, &place, gaps);
    let mut chain: Vec<Certificate> = parsed.iter().map(report).collect();
    place_from_leaf(&mut chain, &parsed);
    (parsed, chain)
}

fn min_days(chain: &[Certificate], wanted: u32) -> Option<MinDays> {
    let seconds = dated_of_chain(chain).filter_map(Certificate::remaining);
    let left = seconds.min()?.div_euclid(DAY_SECONDS);
    Some(MinDays {
        wanted,
        left,
        enough: left >= i64::from(wanted),
    })
}

/// The target's trust store: for the report, and to judge with.
fn trust_store(scan: &Scan, gaps: &mut SectionGaps<'_>, alone: bool) -> Trusted {
    let found = if alone {
        Err(Refusal::of(Reason::Unsupported)
            .needing("a target (no other process is visible, so there is no trust store to read)"))
    } else {
        trust::find(scan, TrustReach::Whole, gaps)
    };
    match found {
        Ok(trust) => (Seen::Value(trust.store), trust.roots, trust.asked),
        Err(refusal) => {
            let pid = scan.main_pid();
            let unseen = gaps.record("trust_store", pid, &refusal);
            (Seen::Unseen(unseen), None, None)
        }
    }
}

/// Whether only spyhole itself is visible, so that there is no application to inspect.
fn is_alone(scan: &Scan) -> bool {
    let chosen_by = scan.target.as_ref().map(|held| held.chosen_by);
    matches!(
        chosen_by,
        None | Some(ChosenBy::NobodyElse | ChosenBy::NobodyElseButPause)
    )
}

/// The name that a certificate has to hold.
fn wanted_name(query: &TlsQuery, endpoint: &Endpoint) -> Option<String> {
    match (&query.servername, endpoint) {
        (Some(name), _) | (None, Endpoint::Tcp(Host::Name(name), _)) => Some(without_dot(name)),
        (None, Endpoint::Tcp(Host::Address(address), _)) => Some(address.to_string()),
        (None, Endpoint::Tcp(Host::Zoned(address, _), _)) => Some(address.to_string()),
        (None, Endpoint::Unix(_)) => None,
    }
}

/// The dot ends a search list and is no part of the name.
fn without_dot(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_owned()
}

/// A Unix socket to dial, and what holds its path until then.
pub(crate) struct TargetSocket {
    /// The address to connect to.
    pub peer: Peer,
    _held: Option<HeldFile>,
}

/// Why there is no Unix socket to dial.
pub(crate) enum NoSocket {
    /// The target's root may not be entered.
    Unseen(Refusal),
    /// There is none, or it cannot be reached.
    Failed(Errno),
}

/// The socket at a path of the target. It is dialled by the descriptor that found it: the path
/// leads elsewhere in spyhole's own root, and may be longer than an address has room for.
pub(crate) fn target_socket(scan: &Scan, path: &str) -> Result<TargetSocket, NoSocket> {
    if path.starts_with('@') {
        return Ok(TargetSocket {
            peer: Peer::Unix(path.into()),
            _held: None,
        });
    }
    let held = scan
        .target
        .as_ref()
        .ok_or_else(|| NoSocket::Unseen(Refusal::of(Reason::Vanished)))?;
    if !scan.is_live() {
        return Err(NoSocket::Unseen(not_copied()));
    }
    let root = held
        .root(&scan.reader.viewer)
        .map_err(|refusal| NoSocket::Unseen(refusal.clone()))?;
    let found = root.locate(path.as_bytes()).map_err(NoSocket::Failed)?;
    Ok(TargetSocket {
        peer: Peer::Unix(link_of(&found).into()),
        _held: Some(found),
    })
}

fn no_socket(path: &str, errno: Errno) -> Failure {
    Failure {
        step: Step::Connect,
        reason: match errno {
            Errno::ENOENT | Errno::ENOTDIR => FailureReason::Unreachable,
            _ => FailureReason::Io,
        },
        says: format!("{path} in the target's file system: {}", errno.desc()),
        alert: None,
        server_said: None,
    }
}

/// Whether spyhole dials from where the target would.
fn from_target_network(scan: &Scan, gaps: &mut SectionGaps<'_>) -> Seen<bool> {
    let pid = scan.main_pid();
    let proved = scan.shares_network();
    let attempt = proved.ok_or_else(|| Refusal::of(Reason::Unsupported));
    gaps.seen("from_target_network", pid, attempt)
}
