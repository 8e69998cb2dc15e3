//! What is known without any name server.

use std::time::Instant;

use crate::patience::PATIENCE;
use spyhole::api::dns::{Failure, FailureKind, Files, Found, resolve};
use spyhole::model::tls::{FilesOf, ResolvedBy};

const HOSTS: &[u8] = b"10.1.2.3 web.example web # the application\n10.1.2.4 WEB\nfd00::7 six\n";

/// Nobody is asked: the only server is one that nobody has (RFC 5737).
fn look(name: &str, hosts: Option<&[u8]>) -> Result<Found, Failure> {
    let files = Files {
        resolv_conf: Some(b"nameserver 192.0.2.1\n"),
        hosts,
    };
    resolve(name, &files, Instant::now() + PATIENCE)
}

fn texts(found: &Found) -> Vec<String> {
    found.addresses.iter().map(ToString::to_string).collect()
}

#[test]
fn an_address_is_not_looked_up() {
    for text in ["192.0.2.7", "::1", "2001:db8::7", "fe80::1%1"] {
        let found = look(text, Some(b"10.0.0.1 192.0.2.7 ::1\n")).unwrap();
        assert_eq!((texts(&found), found.by), (vec![text.to_owned()], None));
        assert_eq!(found.resolution(FilesOf::Target), None);
    }
    let named = look("fe80::1%lo", None).unwrap();
    assert_eq!(texts(&named), ["fe80::1%1"]);
    let why = look("fe80::1%nosuch0", None).unwrap_err();
    assert_eq!(why.kind, FailureKind::NoSuchZone);
    assert!(
        why.says
            .starts_with("fe80::1%nosuch0: no interface nosuch0 in this network namespace"),
        "{why}"
    );
}

#[test]
fn the_hosts_file_comes_first_and_knows_aliases_lines_and_case() {
    for (name, addresses) in [
        ("web.example", vec!["10.1.2.3"]),
        ("Web", vec!["10.1.2.3", "10.1.2.4"]),
        ("web.", vec!["10.1.2.3", "10.1.2.4"]),
        ("six", vec!["fd00::7"]),
    ] {
        let found = look(name, Some(HOSTS)).unwrap();
        assert_eq!(
            (texts(&found), found.by),
            (
                addresses.into_iter().map(str::to_owned).collect(),
                Some(ResolvedBy::Hosts)
            )
        );
        let resolution = found.resolution(FilesOf::Viewer).unwrap();
        assert_eq!(
            (resolution.by, resolution.files_of),
            (ResolvedBy::Hosts, FilesOf::Viewer)
        );
    }
}

#[test]
fn localhost_is_known_without_a_file_and_the_file_may_say_otherwise() {
    for name in ["localhost", "LOCALHOST.", "app.localhost"] {
        let found = look(name, None).unwrap();
        let mut addresses = texts(&found);
        addresses.sort();
        assert_eq!(
            (addresses.join(" "), found.by),
            ("127.0.0.1 ::1".to_owned(), Some(ResolvedBy::Localhost))
        );
    }
    let found = look("localhost", Some(b"127.0.0.9 localhost\n")).unwrap();
    assert_eq!(
        (texts(&found), found.by),
        (vec!["127.0.0.9".to_owned()], Some(ResolvedBy::Hosts))
    );
}

#[test]
fn what_is_no_name_is_refused_with_a_sentence() {
    for (name, says) in [
        ("", " is not a valid host name: an empty name"),
        (
            "m\u{fc}ller.example",
            "m\u{fc}ller.example is not a valid host name: not ASCII: give the form that begins \
             with xn-- (`idn2 NAME` prints it)",
        ),
        (
            "a..b",
            "a..b is not a valid host name: a part between two dots is empty",
        ),
        (
            "a\x1b[31m",
            "a\\x1b[31m is not a valid host name: '\\u{1b}' is not allowed in a host name",
        ),
    ] {
        let why = look(name, Some(HOSTS)).unwrap_err();
        assert_eq!((why.kind, why.says.as_str()), (FailureKind::NotAName, says));
    }
}

#[test]
fn an_interface_that_is_not_there_is_told_and_the_other_address_counts() {
    let hosts = b"fe80::1%nosuch0 web\n10.0.0.1 web\n";
    let found = look("web", Some(hosts)).unwrap();
    assert_eq!(texts(&found), ["10.0.0.1"]);
    assert!(
        found.failed[0].starts_with("the hosts file: fe80::1 of web: no interface nosuch0"),
        "{:?}",
        found.failed
    );
}
