//! What the target's listeners serve: each is asked on its own address, within a bound of time,
//! and compared with the files.

mod ask;
mod compare;

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use self::ask::{Answer, Question, ask};
use self::compare::compare;
use crate::model::certificate::{Certificate, CertificateFile, ServedLeaf, ServedListener, Serves};
use crate::model::gap::{Reason, Refusal, SectionGaps, Subject};
use crate::model::seen::Seen;
use crate::model::socket::Socket;
use crate::model::tls::{Failure, FailureReason, StartTls};
use crate::pki::{self, ParsedCertificate, Place};
use crate::scan::Scan;
use crate::sections::sockets;

/// Listeners that are asked.
const LISTENERS: usize = 64;
/// At a time.
const AT_ONCE: usize = 8;
/// One question.
const EACH: Duration = Duration::from_secs(2);
/// All of them.
const ALL: Duration = Duration::from_secs(10);
/// Questions to one listener: without a name, and with those that the files hold.
const QUESTIONS: usize = 8;

/// Asks every listener. `files` is `None` where the target's files could not be read.
pub(super) fn ask_all(
    scan: &Scan,
    gaps: &mut SectionGaps<'_>,
    files: Option<&[CertificateFile]>,
) -> Vec<ServedListener> {
    let listeners: Vec<Listener> = sockets::listeners(scan, gaps, "served")
        .iter()
        .filter_map(|socket| Listener::of(socket, gaps))
        .collect();
    let refusal = if scan.net.to_listeners().is_none() {
        Some(Refusal::of(Reason::Denied).needing("a run without --no-connect"))
    } else if sockets::shares_network(scan) {
        None
    } else {
        Some(Refusal::of(Reason::Unsupported).needing("spyhole in the target's network namespace"))
    };
    let names = server_names(files.unwrap_or_default());
    let each = scan
        .net
        .to_listeners()
        .map_or(EACH, |timeout| timeout.min(EACH));
    let answers = match refusal {
        Some(_) => Vec::new(),
        None => answers(&listeners, &names, each),
    };
    let mut answers = answers.into_iter();
    let mut served: Vec<ServedListener> = Vec::new();
    for listener in listeners {
        let attempt = match (&refusal, answers.next().flatten()) {
            (Some(refusal), _) => Err(refusal.clone()),
            (None, Some(asked)) => Ok(asked),
            (None, None) => Err(Refusal::of(Reason::Limit)
                .needing("fewer listeners (the limit on number or time was reached)")),
        };
        served.push(listener.served(attempt, files, scan, gaps));
    }
    served
}

/// A listener of the target.
struct Listener {
    at: SocketAddr,
    pids: Seen<Vec<i32>>,
}

impl Listener {
    /// `None` for one that belongs to another container of the same network.
    fn of(socket: &Socket, gaps: &mut SectionGaps<'_>) -> Option<Self> {
        if socket.held_elsewhere {
            return None;
        }
        let port = u16::try_from(socket.local_port?).ok()?;
        let at = SocketAddr::new(socket.local_address?, port);
        let pids = match &socket.owners {
            Some(Seen::Value(owners)) => {
                let mut pids: Vec<i32> = owners.iter().map(|owner| owner.pid).collect();
                pids.dedup();
                Seen::Value(pids)
            }
            Some(Seen::Unseen(unseen)) => {
                let refusal = Refusal::of(unseen.reason())
                    .needing("readable socket owners (see spyhole sockets)");
                let place = at.to_string();
                let unseen = gaps.record("served.pids", place.as_str(), &refusal);
                Seen::Unseen(unseen)
            }
            None => Seen::Value(Vec::new()),
        };
        Some(Self { at, pids })
    }

    fn served(
        self,
        attempt: Result<Asked, Refusal>,
        files: Option<&[CertificateFile]>,
        scan: &Scan,
        gaps: &mut SectionGaps<'_>,
    ) -> ServedListener {
        let listens_on = self.at.to_string();
        let (dialled, answer) = match attempt {
            Ok(asked) => (asked.dialled.clone(), Ok(asked)),
            Err(refusal) => (None, Err(refusal)),
        };
        let now = scan.clock.now;
        let serves = answer.and_then(|asked| {
            let leaves: Vec<ServedLeaf> = asked
                .leaves
                .into_iter()
                .filter_map(|(name, der)| Some((name, ParsedCertificate::read(&der).ok()?)))
                .map(|(name, parsed)| {
                    let place = Place {
                        field: "served.serves.leaves.certificate",
                        subject: listens_on.as_str().into(),
                    };
                    let certificate = pki::reported(&parsed, now, &place, gaps);
                    leaf(name, certificate, files, &listens_on, gaps)
                })
                .collect();
            match asked.failure {
                _ if !leaves.is_empty() => Ok(Serves::Tls { leaves }),
                Some(failure) => without_leaf(Failure {
                    server_said: failure
                        .server_said
                        .filter(|said| scan.redactor.bare(said.as_bytes()).is_none()),
                    ..failure
                }),
                None => {
                    Err(Refusal::of(Reason::Malformed).needing("a certificate that can be parsed"))
                }
            }
        });
        let place = Subject::Path(listens_on.as_str().into());
        ServedListener {
            serves: gaps.seen("served.serves", place, serves),
            dialled,
            pids: self.pids,
            listens_on,
        }
    }
}

fn leaf(
    server_name: Option<String>,
    certificate: Certificate,
    files: Option<&[CertificateFile]>,
    listens_on: &str,
    gaps: &mut SectionGaps<'_>,
) -> ServedLeaf {
    let unread = || Refusal::of(Reason::Denied).needing("readable files of the target");
    let compared = files.map(|files| compare(&certificate, files));
    let found = compared.and_then(|(_, found)| found);
    let against = compared.map(|(against, _)| against).ok_or_else(unread);
    let place = Subject::Path(listens_on.into());
    let field = "served.serves.leaves.against_files";
    ServedLeaf {
        server_name,
        against_files: gaps.seen(field, place, against),
        path: found.map(|(file, _)| file.path.clone()),
        file_not_before: found.and_then(|(_, one)| one.not_before.value().copied()),
        file_not_after: found.and_then(|(_, one)| one.not_after.value().copied()),
        certificate,
    }
}

/// What a listener serves that showed no certificate.
fn without_leaf(failure: Failure) -> Result<Serves, Refusal> {
    match failure.reason {
        // It took the connection and hung up on what it did not understand.
        FailureReason::NotTls | FailureReason::NoStarttls | FailureReason::Closed => {
            Ok(Serves::NotTls {
                says: failure.server_said.unwrap_or_default(),
            })
        }
        FailureReason::OldProtocol
        | FailureReason::Alert
        | FailureReason::ClientCertificate
        | FailureReason::Incompatible => Ok(Serves::Refused { says: failure.says }),
        FailureReason::Timeout => {
            Err(Refusal::of(Reason::Timeout).needing("the server to answer (it timed out)"))
        }
        FailureReason::ConnectionRefused => Err(Refusal::of(Reason::Vanished).needing(
            "the server to still be listening \
                (connection refused)",
        )),
        FailureReason::UnknownName
        | FailureReason::NoResolver
        | FailureReason::Unreachable
        | FailureReason::Io => Err(Refusal::of(Reason::Io).needing(&failure.says)),
    }
}

/// What one listener answered, to all questions together.
struct Asked {
    dialled: Option<String>,
    /// Each other leaf with the first name that brought it.
    leaves: Vec<(Option<String>, Vec<u8>)>,
    /// Why the first question brought none.
    failure: Option<Failure>,
}

/// Asks them, a few at a time; `None` for those that the bounds left out.
fn answers(listeners: &[Listener], names: &[String], each: Duration) -> Vec<Option<Asked>> {
    let until = Instant::now() + ALL;
    let next = AtomicUsize::new(0);
    let asked: Mutex<Vec<(usize, Asked)>> = Mutex::default();
    let count = listeners.len().min(LISTENERS);
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(listener) = listeners.get(index).filter(|_| index < count) else {
                return;
            };
            if Instant::now() >= until {
                return;
            }
            let answer = question(listener.at, names, each, until);
            if let Ok(mut asked) = asked.lock() {
                asked.push((index, answer));
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..count.min(AT_ONCE) {
            // Where there is no room for one more thread the others do its work.
            let thread = thread::Builder::new().name("ask".to_owned());
            drop(thread.spawn_scoped(scope, work));
        }
        work();
    });
    let mut answers: Vec<Option<Asked>> = Vec::new();
    answers.resize_with(listeners.len(), || None);
    for (index, answer) in asked.into_inner().unwrap_or_default() {
        if let Some(place) = answers.get_mut(index) {
            *place = Some(answer);
        }
    }
    answers
}

/// First without a name, then with each that a file holds a certificate and a key for.
fn question(at: SocketAddr, names: &[String], each: Duration, until: Instant) -> Asked {
    let put = |server_name: Option<String>, starttls| {
        ask(Question {
            addresses: addresses(at),
            server_name,
            starttls,
            deadline: until.min(Instant::now() + each),
        })
    };
    let mut first = put(None, None);
    let mut protocol = None;
    if !speaks_tls(&first) && by_port(at.port()).is_some() {
        let second = put(None, by_port(at.port()));
        if speaks_tls(&second) {
            (first, protocol) = (second, by_port(at.port()));
        }
    }
    let mut asked = Asked {
        dialled: first.dialled.clone(),
        leaves: Vec::new(),
        failure: first.failure.clone(),
    };
    let tls = speaks_tls(&first);
    asked
        .leaves
        .extend(first.chain.into_iter().next().map(|leaf| (None, leaf)));
    if !tls {
        return asked;
    }
    for name in names.iter().take(QUESTIONS - 1) {
        if Instant::now() >= until {
            break;
        }
        let answer = put(Some(name.clone()), protocol);
        if let Some(leaf) = answer.chain.into_iter().next()
            && !asked.leaves.iter().any(|(_, known)| *known == leaf)
        {
            asked.leaves.push((Some(name.clone()), leaf));
        }
    }
    asked
}

/// Whether it is worth asking again with a name: it showed a certificate, or refused in TLS.
fn speaks_tls(answer: &Answer) -> bool {
    let refused = |failure: &Failure| {
        matches!(
            failure.reason,
            FailureReason::Alert | FailureReason::ClientCertificate
        )
    };
    !answer.chain.is_empty() || answer.failure.as_ref().is_some_and(refused)
}

/// Where a listener is reached from its own network namespace.
fn addresses(at: SocketAddr) -> Vec<SocketAddr> {
    let (v4, v6) = (
        IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::LOCALHOST),
    );
    let addresses = match at.ip().to_canonical() {
        IpAddr::V4(address) if address.is_unspecified() => vec![v4],
        IpAddr::V6(address) if address.is_unspecified() => vec![v6, v4],
        address => vec![address],
    };
    let port = at.port();
    let with_port = addresses.into_iter();
    with_port
        .map(|address| SocketAddr::new(address, port))
        .collect()
}

/// The protocol that is spoken at a port before TLS begins on request.
fn by_port(port: u16) -> Option<StartTls> {
    Some(match port {
        21 => StartTls::Ftp,
        25 | 587 => StartTls::Smtp,
        110 => StartTls::Pop3,
        143 => StartTls::Imap,
        389 => StartTls::Ldap,
        3306 => StartTls::Mysql,
        5222 => StartTls::Xmpp,
        5432 => StartTls::Postgres,
        _ => return None,
    })
}

/// The first name of each certificate whose key is in a file.
fn server_names(files: &[CertificateFile]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for file in files.iter().filter(|file| file.private_key.is_some()) {
        let first = file.certificates.value().and_then(|all| all.first());
        let sans = first.map(|leaf| leaf.subject_alternative_names.as_slice());
        let name = sans
            .into_iter()
            .flatten()
            .find_map(|name| name.strip_prefix("DNS:"))
            // Any name that the wildcard stands for brings its certificate.
            .map(|name| match name.strip_prefix("*.") {
                Some(rest) => format!("www.{rest}"),
                None => name.to_owned(),
            });
        if let Some(name) = name
            && !names.contains(&name)
        {
            names.push(name);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tls::Step;

    #[test]
    fn every_address_is_reached_by_loopback() {
        let of = |at: &str| -> Vec<String> {
            let addresses = addresses(at.parse().unwrap());
            addresses.iter().map(SocketAddr::to_string).collect()
        };
        assert_eq!(of("0.0.0.0:8443"), ["127.0.0.1:8443"]);
        assert_eq!(of("[::]:8443"), ["[::1]:8443", "127.0.0.1:8443"]);
        assert_eq!(of("[::ffff:10.0.0.1]:1"), ["10.0.0.1:1"]);
        assert_eq!(of("10.0.0.1:1"), ["10.0.0.1:1"]);
    }

    #[test]
    fn what_showed_no_certificate_is_told_apart() {
        let of = |reason| {
            without_leaf(Failure {
                step: Step::Handshake,
                reason,
                says: "it says so".into(),
                alert: None,
                server_said: Some(b"HTTP/1.1 400"[..].into()),
            })
        };
        assert!(
            matches!(of(FailureReason::NotTls), Ok(Serves::NotTls { says }) if !says.is_empty())
        );
        assert!(matches!(
            of(FailureReason::Alert),
            Ok(Serves::Refused { .. })
        ));
        let silent = of(FailureReason::Timeout).unwrap_err();
        assert_eq!(silent.reason, Reason::Timeout);
    }
}
