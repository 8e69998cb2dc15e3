//! Checks that dial, and the one of what listens.

use core::net::SocketAddr;
use std::time::Instant;

use super::spec::{Http, Listen, Tls, Verify};
use super::{CheckContext, CheckOutcome, ask};
use crate::model::certificate::Certificate;
use crate::model::socket::{Protocol, State};
use crate::model::tls::TlsLook;
use crate::model::verdict::{Authorities, Judgement};
use crate::probe::connect::{Connected, Peer, connect};
use crate::probe::{http, tls as secure};
use crate::sections::certificates::leaves::dated_of_chain;
use crate::sections::sockets::SocketsQuery;
use crate::sections::tls::names;
use crate::sections::tls::{INFO, TlsQuery};

const DAY: i64 = 24 * 60 * 60;
/// Bytes that an HTTP server may send.
const HTTP_BYTES: usize = 512 << 10;

/// Whether nothing has to be resolved.
pub(super) fn is_address(endpoint: &str) -> bool {
    endpoint.parse::<SocketAddr>().is_ok() || endpoint.starts_with("unix:")
}

/// Whether nothing has to be resolved for a URL.
pub(super) fn is_address_url(url: &str) -> bool {
    scheme(url).is_some_and(|(_, port, rest)| is_address(&with_port(parts(rest).0, port)))
}

/// Something accepts the connection.
pub(super) fn tcp(endpoint: &str, context: &mut CheckContext) -> CheckOutcome {
    let began = Instant::now();
    match dial(endpoint, context) {
        Ok(connected) => {
            let milliseconds = began.elapsed().as_secs_f64() * 1e3;
            CheckOutcome::passes(format!(
                "{} accepted a connection after {milliseconds:.1} ms",
                connected.dialled
            ))
        }
        Err(outcome) => outcome,
    }
}

/// An HTTP server answers as expected. Of https the certificate is not judged, as by a kubelet.
pub(super) fn http(wanted: &Http, context: &mut CheckContext) -> CheckOutcome {
    let Some((secured, port, rest)) = scheme(&wanted.url) else {
        return CheckOutcome::unknown("only http:// and https:// are supported");
    };
    let (authority, path) = parts(rest);
    let mut connected = match dial(&with_port(authority, port), context) {
        Ok(connected) => connected,
        Err(outcome) => return outcome,
    };
    let dialled = connected.dialled;
    connected.wire.begin(HTTP_BYTES);
    let get = |stream: &mut dyn http::Stream| {
        http::get(stream, authority, path, wanted.body.is_some()).map_err(|error| error.to_string())
    };
    let answer = if secured {
        secure::unjudged(connected.wire, host(authority)).and_then(|mut stream| get(&mut stream))
    } else {
        get(&mut connected.wire)
    };
    let answer = match answer {
        Ok(answer) => answer,
        Err(says) => return CheckOutcome::fails(format!("{dialled}: {says}")),
    };
    let (from, to) = wanted.status;
    let says = format!("{dialled} responded {}", answer.status);
    if !(from..=to).contains(&answer.status) {
        return CheckOutcome::fails(format!("{says} ({from} to {to} expected)"));
    }
    match &wanted.body {
        Some(text) if !holds(&answer.body, text.as_bytes()) => {
            CheckOutcome::fails(format!("{says}, but the body does not contain the text"))
        }
        _ => CheckOutcome::passes(says),
    }
}

fn holds(body: &[u8], text: &[u8]) -> bool {
    text.is_empty() || body.windows(text.len()).any(|part| part == text)
}

/// Whether it is asked over TLS, the usual port, and what follows.
fn scheme(url: &str) -> Option<(bool, u16, &str)> {
    let plain = url.strip_prefix("http://").map(|rest| (false, 80, rest));
    plain.or_else(|| url.strip_prefix("https://").map(|rest| (true, 443, rest)))
}

/// The host alone, without its port.
fn host(authority: &str) -> &str {
    match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => authority.split(':').next().unwrap_or(authority),
    }
}

/// The host and port, and the path with its query.
fn parts(rest: &str) -> (&str, &str) {
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
    (authority, if path.is_empty() { "/" } else { path })
}

fn with_port(authority: &str, usual: u16) -> String {
    let bare = authority
        .rsplit_once(']')
        .map_or(authority, |(_, rest)| rest);
    if bare.contains(':') {
        authority.to_owned()
    } else {
        format!("{authority}:{usual}")
    }
}

/// Resolves as the target would, and connects.
fn dial(endpoint: &str, context: &mut CheckContext) -> Result<Connected, CheckOutcome> {
    if !context.may_dial {
        return Err(CheckOutcome::unknown(
            "connections are disabled by --no-connect",
        ));
    }
    let to = if let Some(path) = endpoint.strip_prefix("unix:") {
        Peer::Unix(path.into())
    } else if let Ok(address) = endpoint.parse() {
        Peer::Tcp(vec![address])
    } else {
        let (host, port) = endpoint.rsplit_once(':').unwrap_or((endpoint, "0"));
        let port = port.parse().unwrap_or_default();
        Peer::Tcp(resolve(host, port, context)?)
    };
    connect(&to, context.deadline).map_err(|none| {
        let dialled = none.dialled.unwrap_or_else(|| endpoint.to_owned());
        CheckOutcome::fails(format!("{dialled}: {}", none.says))
    })
}

fn resolve(
    name: &str,
    port: u16,
    context: &mut CheckContext,
) -> Result<Vec<SocketAddr>, CheckOutcome> {
    let deadline = context.deadline;
    let Some((scan, gaps)) = &mut context.scan else {
        return Err(CheckOutcome::unknown("no target whose files could be read"));
    };
    let mut gaps = gaps.section(INFO.name);
    let (_, resolved) = names::resolve(scan, &mut gaps, name, port, false, deadline);
    resolved.map_err(|failure| CheckOutcome::fails(format!("{name}: {}", failure.says)))
}

/// A name has an address.
pub(super) fn dns(name: &str, context: &mut CheckContext) -> CheckOutcome {
    if !context.may_dial {
        return CheckOutcome::unknown("DNS queries are disabled by --no-connect");
    }
    match resolve(name, 0, context) {
        Ok(addresses) => {
            let all: Vec<String> = addresses
                .iter()
                .map(|address| address.ip().to_string())
                .collect();
            CheckOutcome::passes(format!("{name} is {}", all.join(" ")))
        }
        Err(outcome) => outcome,
    }
}

/// The question to the section `tls`.
pub(super) fn tls_request(wanted: &Tls) -> TlsQuery {
    let mut query = TlsQuery::default();
    query.endpoint.clone_from(&wanted.endpoint);
    query.servername.clone_from(&wanted.server_name);
    query
}

/// A server shows a certificate that is to be believed, for long enough.
pub(super) fn tls(wanted: &Tls, context: &mut CheckContext) -> CheckOutcome {
    let Some((scan, gaps)) = &mut context.scan else {
        return CheckOutcome::unknown("no target");
    };
    match ask(&tls_request(wanted), scan, gaps).tls {
        None => CheckOutcome::unknown("it was not contacted, or could not be read"),
        Some(look) => judge(wanted, &look),
    }
}

fn judge(wanted: &Tls, look: &TlsLook) -> CheckOutcome {
    if let Some(failure) = &look.failure {
        return CheckOutcome::fails(failure.says.clone());
    }
    let chain = dated_of_chain(&look.chain);
    let Some(seconds) = chain.filter_map(Certificate::remaining).min() else {
        return CheckOutcome::fails("it sent no certificate");
    };
    let days = seconds.div_euclid(DAY);
    let says = format!("{}: {days} days left", look.endpoint);
    if days < i64::from(wanted.min_days) || seconds < 0 {
        return CheckOutcome::fails(format!("{says} (at least {} required)", wanted.min_days));
    }
    let authorities = match wanted.verify {
        Verify::None => return CheckOutcome::passes(says),
        Verify::Target => Authorities::Target,
        Verify::Mozilla => Authorities::Mozilla,
    };
    let mut verdicts = look.verdicts.iter();
    let Some(verdict) = verdicts.find(|verdict| verdict.authorities == authorities) else {
        return CheckOutcome::unknown(format!(
            "{says}; the target's trust store could not be read (use verify=mozilla or verify=none)"
        ));
    };
    let why = verdict.findings.first().map_or("", |finding| &finding.says);
    match verdict.judgement {
        Judgement::Verified => CheckOutcome::passes(says),
        Judgement::Refused => CheckOutcome::fails(format!("{says}; {why}")),
        Judgement::CannotVerify => CheckOutcome::unknown(format!("{says}; {why}")),
    }
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
    let Some((scan, gaps)) = &mut context.scan else {
        return CheckOutcome::unknown("no target");
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
    match listening.next() {
        Some(_) => CheckOutcome::passes(format!("port {port} is listening")),
        None if gaps.as_slice().iter().any(|gap| gap.field == "sockets") => {
            CheckOutcome::unknown(format!("sockets not readable; port {port} not found"))
        }
        None => CheckOutcome::fails(format!("nothing is listening on port {port}")),
    }
}
