//! The check of what listens in the target's network.

use super::reason::{CheckOutcome, CheckReason};
use super::spec::Listen;
use super::tls::refusal_of;
use super::{CheckContext, ask};
use crate::model::gap::{Gap, Gaps, Refusal};
use crate::model::socket::{Family, Protocol, State};
use crate::sections::sockets::{self, SocketsQuery};

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
