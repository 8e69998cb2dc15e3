//! Checks that dial, and the one of what listens.
//!
//! The answer is meant for the target. Where an address, a name or a path is proved to mean
//! something else to spyhole, nothing is dialled and the answer is unknown; where that cannot be
//! compared, it is dialled, and a note says so.

use core::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use nix::errno::Errno;

use super::reason::{CertificateFinding, CertificateSeen, CheckNote, CheckOutcome, CheckReason};
use super::sight;
use super::spec::{Grpc, Http, Listen, Tls, Verify};
use super::{CheckContext, ask, hidden_target};
use crate::model::certificate::Certificate;
use crate::model::gap::{Gap, Gaps, Refusal};
use crate::model::socket::{Family, Protocol, State};
use crate::model::tls::{FailureReason, Resolution, ResolvedBy, Step, TlsLook};
use crate::model::truth_value::TruthValue;
use crate::model::units::DAY_SECONDS;
use crate::model::verdict::Authorities;
use crate::probe::connect::{Connected, Peer, connect};
use crate::probe::endpoint::{Endpoint, Host, is_of_namespace};
use crate::probe::grpc::{HealthQuestion, ServingStatus, check_health};
use crate::probe::{http, tls as secure};
use crate::sections::certificates::leaves::dated_of_chain;
use crate::sections::certificates::verify::truth_of;
use crate::sections::sockets::{self, SocketsQuery};
use crate::sections::tls::names::{HOSTS, NameFiles, RESOLV_CONF};
use crate::sections::tls::{self as tls_section, NoSocket, TargetSocket, TlsQuery, target_socket};

/// Bytes that an HTTP server may send.
const HTTP_BYTES: usize = 512 << 10;

/// Whether it means the same to spyhole and to the target, wherever they are.
pub(super) fn is_same_everywhere(endpoint: &Endpoint) -> bool {
    matches!(endpoint, Endpoint::Tcp(host @ Host::Address(_), _) if !host.is_of_namespace())
}

/// Something accepts the connection.
pub(super) fn tcp(endpoint: &Endpoint, context: &mut CheckContext) -> CheckOutcome {
    let begun = Instant::now();
    match dial(endpoint, context) {
        Ok((connected, notes)) => {
            let accepted = CheckReason::Accepted {
                dialled: connected.dialled,
                after: begun.elapsed(),
            };
            CheckOutcome::new(true, accepted).with_notes(notes)
        }
        Err(outcome) => outcome,
    }
}

/// An HTTP server answers as expected. Of https the certificate is not judged, as by a kubelet.
pub(super) fn http(wanted: &Http, context: &mut CheckContext) -> CheckOutcome {
    let (mut connected, notes) = match dial(&wanted.endpoint, context) {
        Ok(dialled) => dialled,
        Err(outcome) => return outcome,
    };
    let dialled = connected.dialled;
    connected.wire.begin(HTTP_BYTES);
    let get = |stream: &mut dyn http::Stream| {
        http::get(
            stream,
            &wanted.authority,
            &wanted.path,
            wanted.body.is_some(),
        )
    };
    let answer = if wanted.is_tls {
        match secure::unjudged(connected.wire, &server_name(&wanted.endpoint), &[]) {
            Ok(mut stream) => get(&mut stream),
            Err(failure) => {
                let failed = CheckReason::TlsFailed(Box::new(failure));
                return CheckOutcome::new(false, failed).with_notes(notes);
            }
        }
    } else {
        get(&mut connected.wire)
    };
    let outcome = match answer {
        Ok(answer) => answered(wanted, dialled, &answer),
        Err(error) => CheckOutcome::new(
            false,
            CheckReason::HttpFailed {
                dialled,
                error: Arc::new(error),
            },
        ),
    };
    outcome.with_notes(notes)
}

/// The name to ask a server of TLS for.
fn server_name(endpoint: &Endpoint) -> String {
    match endpoint {
        Endpoint::Tcp(host, _) => host.to_string(),
        Endpoint::Unix(path) => path.clone(),
    }
}

/// A gRPC server says that it serves. Of `grpcs` the certificate is not judged.
pub(super) fn grpc(wanted: &Grpc, context: &mut CheckContext) -> CheckOutcome {
    let (mut connected, notes) = match dial(&wanted.endpoint, context) {
        Ok(dialled) => dialled,
        Err(outcome) => return outcome,
    };
    let dialled = connected.dialled;
    connected.wire.begin(HTTP_BYTES);
    let question = HealthQuestion {
        is_tls: wanted.is_tls,
        authority: &wanted.authority,
        service: &wanted.service,
    };
    let status = if wanted.is_tls {
        let name = server_name(&wanted.endpoint);
        match secure::unjudged(connected.wire, &name, &[b"h2".to_vec()]) {
            Ok(mut stream) => check_health(&mut stream, question),
            Err(failure) => {
                let failed = CheckReason::TlsFailed(Box::new(failure));
                return CheckOutcome::new(false, failed).with_notes(notes);
            }
        }
    } else {
        check_health(&mut connected.wire, question)
    };
    let service = wanted.service.clone();
    let outcome = match status {
        Ok(status) => {
            let serves = status == ServingStatus::Serving;
            CheckOutcome::new(
                serves,
                CheckReason::GrpcStatus {
                    dialled,
                    service,
                    status,
                },
            )
        }
        Err(error) => {
            let error = Arc::new(error);
            CheckOutcome::new(
                false,
                CheckReason::GrpcFailed {
                    dialled,
                    service,
                    error,
                },
            )
        }
    };
    outcome.with_notes(notes)
}

fn answered(wanted: &Http, dialled: String, answer: &http::Answer) -> CheckOutcome {
    let status = answer.status;
    let expected = wanted.status;
    if !(expected.0..=expected.1).contains(&status) {
        let other = CheckReason::HttpStatus {
            dialled,
            status,
            expected,
        };
        return CheckOutcome::new(false, other);
    }
    match &wanted.body {
        Some(text) if !holds(&answer.body, text.as_bytes()) => {
            CheckOutcome::new(false, CheckReason::HttpBody { dialled, status })
        }
        _ => CheckOutcome::new(true, CheckReason::HttpAnswered { dialled, status }),
    }
}

fn holds(body: &[u8], text: &[u8]) -> bool {
    text.is_empty() || body.windows(text.len()).any(|part| part == text)
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
fn dial(
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
fn address(
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
fn unix(path: &str, context: &mut CheckContext) -> Result<Dialled, CheckOutcome> {
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
fn resolve(
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

/// A name has an address.
pub(super) fn dns(name: &str, context: &mut CheckContext) -> CheckOutcome {
    if !context.may_dial {
        return CheckOutcome::unknown(CheckReason::DnsDisabled);
    }
    match resolve(name, 0, context) {
        Ok((addresses, notes)) => {
            let resolved = CheckReason::Resolved {
                name: name.to_owned(),
                addresses: addresses.iter().map(SocketAddr::ip).collect(),
            };
            CheckOutcome::new(true, resolved).with_notes(notes)
        }
        Err(outcome) => outcome,
    }
}

/// The question to the section `tls`.
pub(super) fn tls_request(wanted: &Tls) -> TlsQuery {
    let mut query = TlsQuery::default();
    query.endpoint = wanted.endpoint.to_string();
    query.servername.clone_from(&wanted.server_name);
    query
}

/// A server shows a certificate that is to be believed, for long enough.
pub(super) fn tls(wanted: &Tls, context: &mut CheckContext) -> CheckOutcome {
    if !context.may_dial {
        return CheckOutcome::unknown(CheckReason::ConnectDisabled);
    }
    let notes = match tls_sight(wanted, context) {
        Ok(notes) => notes,
        Err(outcome) => return outcome,
    };
    let shares = shares_network(context);
    let (scan, gaps) = match context.scan() {
        Ok(scan) => scan,
        Err(outcome) => return outcome,
    };
    let Some(look) = ask(&tls_request(wanted), scan, gaps).tls else {
        let mut gaps = gaps.as_slice().iter();
        let gap = gaps.find(|gap| gap.section == tls_section::INFO.name);
        let unseen = CheckReason::TlsNotSeen(gap.map(refusal_of));
        return CheckOutcome::unknown(unseen).with_notes(notes);
    };
    if shares == Some(false)
        && let Some(other) = of_other_network(wanted, &look, context)
    {
        return CheckOutcome::unknown(other).with_notes(notes);
    }
    judge(wanted, &look).with_notes(notes)
}

/// Whether the endpoint means the same to spyhole as to the target, before it is dialled.
fn tls_sight(wanted: &Tls, context: &mut CheckContext) -> Result<Vec<CheckNote>, CheckOutcome> {
    match &wanted.endpoint {
        Endpoint::Unix(path) => {
            // Dialled in the target's root by the section itself; an abstract one is of a namespace.
            if path.starts_with('@') {
                return unix(path, context).map(|to| to.notes);
            }
            Ok(Vec::new())
        }
        Endpoint::Tcp(Host::Name(name), _) => name_files(name, context).map(|(_, notes)| notes),
        Endpoint::Tcp(host, port) => {
            address(host, *port, &wanted.endpoint, context).map(|to| to.notes)
        }
    }
}

/// What of an answer from another network namespace means something else to the target.
fn of_other_network(
    wanted: &Tls,
    look: &TlsLook,
    context: &mut CheckContext,
) -> Option<CheckReason> {
    let address = |dialled: &String| dialled.parse::<SocketAddr>().ok();
    let dialled = look.dialled.as_ref().and_then(address);
    if dialled.is_some_and(|address| is_of_namespace(address.ip())) {
        return Some(CheckReason::AddressOfOtherNetwork(
            wanted.endpoint.to_string(),
        ));
    }
    let resolution = look.resolution.as_ref()?;
    if !matches!(resolution.by, ResolvedBy::Dns | ResolvedBy::Nobody) {
        return None;
    }
    let name = wanted.endpoint.to_string();
    let (files, _) = name_files(&name, context).ok()?;
    let server = local_server(&files)?;
    Some(CheckReason::ResolverOfOtherNetwork { name, server })
}

fn judge(wanted: &Tls, look: &TlsLook) -> CheckOutcome {
    if let Some(failure) = &look.failure {
        // The system refused spyhole, not the server.
        let is_own = failure.step == Step::Connect && failure.reason == FailureReason::Io;
        let is_silent = failure.step == Step::Resolve
            && look.from_target_network.value() == Some(&false)
            && matches!(
                failure.reason,
                FailureReason::NoResolver | FailureReason::Timeout
            );
        let answer = if is_own || is_silent {
            TruthValue::Unknown
        } else {
            TruthValue::False
        };
        return CheckOutcome::new(answer, CheckReason::TlsFailed(Box::new(failure.clone())));
    }
    let chain = dated_of_chain(&look.chain);
    let Some(seconds) = chain.filter_map(Certificate::remaining).min() else {
        return CheckOutcome::new(false, CheckReason::NoCertificateSent);
    };
    let seen = |finding| {
        CheckReason::Certificate(Box::new(CertificateSeen {
            of: look.endpoint.clone(),
            days: seconds.div_euclid(DAY_SECONDS),
            wanted: wanted.min_days,
            finding,
        }))
    };
    if seconds.div_euclid(DAY_SECONDS) < i64::from(wanted.min_days) || seconds < 0 {
        return CheckOutcome::new(false, seen(CertificateFinding::TooSoon));
    }
    if dated_of_chain(&look.chain).any(Certificate::is_not_yet_valid) {
        return CheckOutcome::new(false, seen(CertificateFinding::NotYetValid));
    }
    let authorities = match wanted.verify {
        Verify::None => return CheckOutcome::new(true, seen(CertificateFinding::None)),
        Verify::Target => Authorities::Target,
        Verify::Mozilla => Authorities::Mozilla,
    };
    let mut verdicts = look.verdicts.iter();
    let Some(verdict) = verdicts.find(|verdict| verdict.authorities == authorities) else {
        return CheckOutcome::unknown(seen(CertificateFinding::NoTrustStore(None)));
    };
    let answer = truth_of(verdict.judgement);
    let finding = match (answer, verdict.findings.first()) {
        (TruthValue::True, _) => CertificateFinding::None,
        (_, finding) => {
            let says = finding.map(|finding| finding.says.clone());
            CertificateFinding::Verdict(says.unwrap_or_default())
        }
    };
    CheckOutcome::new(answer, seen(finding))
}

/// The question to the section `sockets`.
pub(super) fn listen_request(wanted: Listen) -> SocketsQuery {
    let mut query = SocketsQuery::default();
    query.tcp = !wanted.udp;
    query.udp = wanted.udp;
    query.listening = true;
    query.port = Some(wanted.port);
    query
}

/// Something listens on a port in the target's network.
pub(super) fn listen(wanted: Listen, context: &mut CheckContext) -> CheckOutcome {
    let (scan, gaps) = match context.target() {
        Ok(scan) => scan,
        Err(outcome) => return outcome,
    };
    let report = ask(&listen_request(wanted), scan, gaps);
    let protocol = if wanted.udp {
        Protocol::Udp
    } else {
        Protocol::Tcp
    };
    let sockets = report.sockets.as_deref().unwrap_or_default().iter();
    let mut listening = sockets.filter(|socket| {
        socket.protocol == protocol
            && socket.local_port == Some(wanted.port.into())
            && (wanted.udp || socket.state == State::Listen)
    });
    let port = wanted.port;
    if listening.next().is_some() {
        return CheckOutcome::new(true, CheckReason::Listening(port));
    }
    let nothing_read = report
        .socket_sources
        .iter()
        .flatten()
        .all(|source| source.sources.is_empty());
    let refusal = unread_table(protocol, gaps);
    if nothing_read || refusal.is_some() {
        return CheckOutcome::unknown(CheckReason::SocketsUnread { port, refusal });
    }
    CheckOutcome::new(false, CheckReason::NotListening(port))
}

/// Why a table of the protocol, or the list of its sockets, was not read to its end.
fn unread_table(protocol: Protocol, gaps: &Gaps) -> Option<Refusal> {
    let tables = [Family::Inet, Family::Inet6].map(|family| protocol.word(family));
    let concerns = |gap: &&Gap| {
        let is_table = tables.contains(&gap.field.as_str());
        gap.section == sockets::INFO.name && (is_table || gap.field == "sockets")
    };
    gaps.as_slice().iter().find(concerns).map(refusal_of)
}

fn refusal_of(gap: &Gap) -> Refusal {
    Refusal {
        reason: gap.reason,
        errno: gap.errno.clone(),
        needs: gap.needs.as_deref().map(Into::into),
    }
}
