//! Servers that are dead, slow, broken or hostile: each look ends in time, with a clear word.

use std::io::Write;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use spyhole::api::dns::{Failure, FailureKind, Files, Found, resolve_at_port};

use super::server::{Server, address, answer, asked_name, asks_for_a, good, send};
use crate::host::CLOSED_PORT;

/// Time enough for a look at a server that answers, on a loaded machine.
const LONG: Duration = Duration::from_mins(1);

/// Looks a name up at the servers on this port.
fn look(port: u16, resolv_conf: &str, name: &str, within: Duration) -> Result<Found, Failure> {
    let files = Files {
        resolv_conf: Some(resolv_conf.as_bytes()),
        hosts: None,
    };
    resolve_at_port(port, name, &files, Instant::now() + within)
}

/// What a look at one server fails with.
fn failure(server: &Server, within: Duration) -> Failure {
    let conf = Server::resolv_conf(&["127.0.0.1"], "");
    look(server.port, &conf, "web.example.", within).expect_err("a hostile server was believed")
}

fn texts(found: &Found) -> Vec<String> {
    found.addresses.iter().map(ToString::to_string).collect()
}

#[test]
fn a_silent_server_costs_the_deadline_and_is_named() {
    let server = Server::udp(|_| Vec::new());
    let begun = Instant::now();
    let why = failure(&server, Duration::from_millis(700));
    assert!(
        begun.elapsed() >= Duration::from_millis(600),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(why.kind, FailureKind::Timeout);
    assert!(
        why.says
            .starts_with("no name server answered for web.example: 127.0.0.1: no answer in "),
        "{why}"
    );
}

#[test]
fn answers_to_other_questions_are_not_believed() {
    for (what, forge) in [
        ("id", (|message| message[0] ^= 1) as fn(&mut Vec<u8>)),
        ("name", |message| message[13] = b'x'),
        ("type", |message| {
            let end = 12 + "web.example".len() + 2;
            message[end + 1] ^= 0x1d;
        }),
        ("query", |message| message[2] &= 0x7f),
    ] {
        let server = Server::udp(move |query| {
            let mut message = good(query);
            forge(&mut message);
            vec![message]
        });
        let why = failure(&server, Duration::from_secs(2));
        assert_eq!(why.kind, FailureKind::Timeout, "{what}: {why}");
        assert!(
            why.says
                .contains("answer something else (wrong identifier or question)"),
            "{what}: {why}"
        );
    }
}

#[test]
fn a_flood_of_forged_answers_is_left_and_a_few_are_passed_over() {
    let forged = |query: &[u8]| {
        let mut message = good(query);
        message[0] ^= 1;
        message
    };
    let patient = Server::udp(move |query| vec![forged(query), forged(query), good(query)]);
    let found = look(patient.port, "nameserver 127.0.0.1\n", "web.example.", LONG).unwrap();
    assert_eq!(texts(&found), ["192.0.2.7"]);
    // The sender is slower than the reader, so that nothing is lost.
    let flood = Server::udp(move |query| vec![forged(query); 1500]);
    let why = failure(&flood, Duration::from_secs(5));
    assert!(
        why.says.contains("with a wrong identifier or question"),
        "{why}"
    );
}

#[test]
fn nonsense_is_called_malformed() {
    let pointer_to_itself = |query: &[u8]| {
        let at = u16::try_from(query.len() - 11).unwrap();
        let records = [
            &(0xc000 | at).to_be_bytes()[..],
            b"\0\x01\0\x01\0\0\0\0\0\x04\x0a\0\0\x01",
        ]
        .concat();
        vec![answer(query, 0x8180, 1, &records)]
    };
    let cut = |query: &[u8]| {
        let mut message = answer(query, 0x8180, 1, &address([10, 0, 0, 1].into()));
        message.truncate(message.len() - 2);
        vec![message]
    };
    let lying = |query: &[u8]| {
        vec![answer(
            query,
            0x8180,
            10_000,
            &address([10, 0, 0, 1].into()),
        )]
    };
    let servers = [
        Server::udp(pointer_to_itself),
        Server::udp(cut),
        Server::udp(lying),
    ];
    let words = [
        "it is not a valid DNS message",
        "it is not a valid DNS message",
        "its header counts more records",
    ];
    for (server, word) in servers.iter().zip(words) {
        let why = failure(server, LONG);
        assert_eq!(why.kind, FailureKind::ServersFailed, "{why}");
        let start = format!(
            "no name server could resolve web.example: 127.0.0.1: a malformed answer: {word}"
        );
        assert!(why.says.starts_with(&start), "{why}");
    }
}

#[test]
fn aliases_in_a_circle_are_named() {
    // web.example → a.web.example → web.example
    let server = Server::udp(|query| {
        let there = b"\xc0\x0c\0\x05\0\x01\0\0\0\0\0\x04\x01a\xc0\x0c";
        let back = b"\x01a\xc0\x0c\0\x05\0\x01\0\0\0\0\0\x02\xc0\x0c";
        vec![answer(query, 0x8180, 2, &[&there[..], back].concat())]
    });
    let why = failure(&server, LONG);
    assert_eq!(why.kind, FailureKind::ServersFailed);
    assert!(
        why.says.contains("more than 16 aliases (CNAME) in a row"),
        "{why}"
    );
}

#[test]
fn a_server_error_leads_to_the_next_server_and_is_told() {
    for (rcode, word) in [
        (2, "SERVFAIL"),
        (5, "REFUSED"),
        (4, "NOTIMP"),
        (1, "FORMERR"),
        (9, "RCODE 9"),
    ] {
        let first = Server::udp(move |query| vec![answer(query, 0x8180 | rcode, 0, &[])]);
        let second = Server::udp_at((Ipv4Addr::new(127, 0, 0, 2), first.port).into(), |query| {
            vec![good(query)]
        });
        let conf = Server::resolv_conf(&["127.0.0.1", "127.0.0.2"], "");
        let found = look(second.port, &conf, "web.example.", LONG).unwrap();
        assert_eq!(texts(&found), ["192.0.2.7"]);
        assert_eq!(found.server.as_deref(), Some("127.0.0.2"));
        assert_eq!(found.failed, [format!("127.0.0.1: {word} for web.example")]);
        drop(second);
        let why = failure(&first, LONG);
        assert_eq!(
            why.says,
            format!("no name server could resolve web.example: 127.0.0.1: {word} for web.example")
        );
    }
}

#[test]
fn a_dead_server_leaves_time_for_the_next() {
    let silent = Server::udp(|_| Vec::new());
    let second = Server::udp_at((Ipv4Addr::new(127, 0, 0, 2), silent.port).into(), |query| {
        vec![good(query)]
    });
    let conf = Server::resolv_conf(
        &["127.0.0.1", "127.0.0.2"],
        "search a.test b.test\noptions ndots:5",
    );
    // The usual patience, 5 s for each server, more than once, is more than the deadline.
    let found = look(second.port, &conf, "web.example.", Duration::from_secs(8)).unwrap();
    assert_eq!(found.server.as_deref(), Some("127.0.0.2"));
    assert!(
        found.failed[0].starts_with("127.0.0.1: no answer in "),
        "{:?}",
        found.failed
    );
}

#[test]
fn a_silent_server_is_asked_last_for_the_names_that_follow() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let silent = Server::udp(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        Vec::new()
    });
    let second = Server::udp_at((Ipv4Addr::new(127, 0, 0, 2), silent.port).into(), |query| {
        let known = asked_name(query) == "web.example";
        vec![if known {
            good(query)
        } else {
            answer(query, 0x8183, 0, &[])
        }]
    });
    let search = (0..30)
        .map(|number| format!("d{number}.test"))
        .collect::<Vec<_>>()
        .join(" ");
    let conf = Server::resolv_conf(
        &["127.0.0.1", "127.0.0.2"],
        &format!("search {search}\noptions ndots:5 timeout:1"),
    );
    let found = look(second.port, &conf, "web.example", LONG).unwrap();
    // Both kinds of address of the first name, and each once more: not of thirty names.
    let asked = asked.load(Ordering::Relaxed);
    assert!((1..=4).contains(&asked), "{asked}");
    assert_eq!((found.full_name, found.failed.len()), (None, 2));
    assert!(
        found.failed[1].starts_with("127.0.0.2: NXDOMAIN for web.example.d0.test, "),
        "{:?}",
        found.failed
    );
    assert!(
        found.failed[1].ends_with(" and 22 others"),
        "{:?}",
        found.failed
    );
}

#[test]
fn one_lost_message_is_sent_again() {
    let mut seen = 0;
    let server = Server::udp(move |query| {
        seen += 1;
        if seen <= 2 {
            Vec::new()
        } else {
            vec![good(query)]
        }
    });
    let found = look(
        server.port,
        "nameserver 127.0.0.1\noptions timeout:1\n",
        "web.example.",
        LONG,
    )
    .unwrap();
    assert_eq!(texts(&found), ["192.0.2.7"]);
}

#[test]
fn an_address_counts_though_the_other_family_fails() {
    let server = Server::udp(|query| {
        vec![if asks_for_a(query) {
            good(query)
        } else {
            answer(query, 0x8182, 0, &[])
        }]
    });
    let found = look(server.port, "nameserver 127.0.0.1\n", "web.example.", LONG).unwrap();
    assert_eq!(texts(&found), ["192.0.2.7"]);
    assert_eq!(
        found.failed,
        ["127.0.0.1: SERVFAIL (type AAAA) for web.example"]
    );
}

#[test]
fn a_server_from_before_edns_is_asked_without() {
    let server = Server::udp(|query| {
        let has_edns = query[11] == 1;
        vec![if has_edns {
            answer(query, 0x8181, 0, &[])
        } else {
            good(query)
        }]
    });
    let found = look(server.port, "nameserver 127.0.0.1\n", "web.example.", LONG).unwrap();
    assert_eq!(
        (texts(&found), found.failed),
        (vec!["192.0.2.7".to_owned()], Vec::new())
    );
}

/// A server whose answers are too long for UDP.
fn truncating() -> Server {
    Server::udp(|query| vec![answer(query, 0x8380, 0, &[])])
}

#[test]
fn what_is_too_long_for_udp_and_not_to_be_had_by_tcp_says_so() {
    let why = failure(&truncating(), LONG);
    let word = "127.0.0.1: the answer is truncated over UDP, and over TCP: connection refused";
    assert!(why.says.contains(word), "{why}");
    let closing = truncating().and_tcp(|_, _, _| ());
    assert!(
        failure(&closing, LONG)
            .says
            .contains("over TCP: closed the connection before the answer was complete")
    );
    let cut_again =
        truncating().and_tcp(|stream, query, _| send(stream, &answer(query, 0x8380, 0, &[])));
    assert!(
        failure(&cut_again, LONG)
            .says
            .contains("over TCP: a malformed answer: it is marked as truncated")
    );
    let other = truncating().and_tcp(|stream, query, _| {
        let mut message = good(query);
        message[0] ^= 1;
        send(stream, &message);
    });
    assert!(
        failure(&other, LONG)
            .says
            .contains("over TCP: a malformed answer: it answers a different question")
    );
}

#[test]
fn a_byte_a_second_ends_at_the_deadline() {
    let server = truncating().and_tcp(|stream, query, end| {
        let message = good(query);
        let length = u16::try_from(message.len()).unwrap().to_be_bytes();
        for byte in [&length[..], &message].concat() {
            if end.load(Ordering::Relaxed) || stream.write_all(&[byte]).is_err() {
                return;
            }
            thread::sleep(Duration::from_millis(500));
        }
    });
    let why = failure(&server, Duration::from_secs(6));
    assert!(why.says.contains("over TCP: no answer in "), "{why}");
}

#[test]
fn the_largest_answer_is_read_and_what_is_beyond_the_bound_is_told() {
    let records = |query: &[u8], count: u16| {
        let address = |n: u16| address([10, 1, n.to_be_bytes()[0], n.to_be_bytes()[1]].into());
        let records: Vec<u8> = if asks_for_a(query) {
            (0..count).flat_map(address).collect()
        } else {
            Vec::new()
        };
        let count = if asks_for_a(query) { count } else { 0 };
        answer(query, 0x8180, count, &records)
    };
    let large = truncating().and_tcp(move |stream, query, _| send(stream, &records(query, 1000)));
    let found = look(large.port, "nameserver 127.0.0.1\n", "web.example.", LONG).unwrap();
    assert_eq!((found.addresses.len(), found.failed), (1000, Vec::new()));
    // 64 KiB but for a few bytes.
    let largest = truncating().and_tcp(move |stream, query, _| send(stream, &records(query, 4090)));
    let found = look(largest.port, "nameserver 127.0.0.1\n", "web.example.", LONG).unwrap();
    assert_eq!(found.addresses.len(), 1024);
    assert_eq!(
        found.failed,
        ["127.0.0.1: only 1024 of 4090 records were read for web.example"]
    );
}

#[test]
fn use_vc_asks_by_tcp_only() {
    let server = Server::udp(|_| panic!("asked by UDP"))
        .and_tcp(|stream, query, _| send(stream, &good(query)));
    let found = look(
        server.port,
        "nameserver 127.0.0.1\noptions use-vc\n",
        "web.example.",
        LONG,
    )
    .unwrap();
    assert_eq!(texts(&found), ["192.0.2.7"]);
}

#[test]
fn nothing_that_listens_is_no_time_out() {
    let why = look(
        CLOSED_PORT,
        "nameserver 127.0.0.1\nsearch a.test\n",
        "web.example",
        LONG,
    )
    .unwrap_err();
    assert_eq!(why.kind, FailureKind::ServersUnreachable);
    assert_eq!(
        why.says,
        "no name server can be reached for web.example: 127.0.0.1: connection refused for web.example"
    );
}

#[test]
fn without_resolv_conf_localhost_is_asked_and_that_is_said() {
    let server = Server::udp(|query| vec![good(query)]);
    let deadline = Instant::now() + LONG;
    let found = resolve_at_port(server.port, "web.example", &Files::default(), deadline).unwrap();
    assert_eq!(found.failed, ["no resolv.conf: queries go to localhost"]);
    let why = resolve_at_port(CLOSED_PORT, "web.example", &Files::default(), deadline).unwrap_err();
    let start = "no name server can be reached for web.example: no resolv.conf: queries go to localhost; 127.0.0.1: connection refused";
    assert!(why.says.starts_with(start), "{why}");
    let why = look(CLOSED_PORT, "# nothing\n", "web.example", LONG).unwrap_err();
    assert!(
        why.says
            .contains(": resolv.conf names no server: queries go to localhost; "),
        "{why}"
    );
}

#[test]
fn a_deadline_that_is_over_asks_nobody() {
    let server = Server::udp(|query| vec![good(query)]);
    let files = Files {
        resolv_conf: Some(b"nameserver 127.0.0.1\n"),
        hosts: None,
    };
    let why = resolve_at_port(server.port, "web.example", &files, Instant::now()).unwrap_err();
    assert_eq!(why.kind, FailureKind::Timeout);
    assert_eq!(
        why.says,
        "resolving web.example timed out: timed out before web.example was queried"
    );
}
