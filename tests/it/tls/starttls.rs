//! Protocols that begin in the clear, played by the test: what they expect to be asked, and
//! what happens where they do not agree.

use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;

use rustls::ServerConfig;
use serde_json::Value;

use super::pki::Pki;
use super::servers::{bytes_of, line_of, serve, shake_hands, tls_of, wait_for_the_end};
use super::{failure, look, says};

/// Plays the clear part; true: TLS may begin.
type Script = fn(&mut TcpStream) -> bool;

fn say(stream: &mut TcpStream, bytes: &[u8]) {
    stream.write_all(bytes).unwrap();
}

fn smtp(stream: &mut TcpStream) -> bool {
    say(stream, b"220-mail.example ESMTP\r\n220 at your service\r\n");
    assert!(line_of(stream).starts_with("EHLO "));
    say(
        stream,
        b"250-mail.example\r\n250-PIPELINING\r\n250 starttls\r\n",
    );
    assert_eq!(line_of(stream), "STARTTLS");
    say(stream, b"220 go ahead\r\n");
    true
}

fn imap(stream: &mut TcpStream) -> bool {
    say(stream, b"* OK ready\r\n");
    let line = line_of(stream);
    let (tag, command) = line.split_once(' ').unwrap();
    assert_eq!(command, "STARTTLS");
    say(
        stream,
        format!("* CAPABILITY IMAP4rev1\r\n{tag} OK begin\r\n").as_bytes(),
    );
    true
}

fn pop3(stream: &mut TcpStream) -> bool {
    say(stream, b"+OK ready\r\n");
    assert_eq!(line_of(stream), "STLS");
    say(stream, b"+OK begin\r\n");
    true
}

fn ftp(stream: &mut TcpStream) -> bool {
    say(stream, b"220-Welcome\r\n to this server\r\n220 ready\r\n");
    assert_eq!(line_of(stream), "AUTH TLS");
    say(stream, b"234 begin\r\n");
    true
}

fn ldap(stream: &mut TcpStream) -> bool {
    let request = bytes_of(stream, 31);
    assert!(request.ends_with(b"\x80\x161.3.6.1.4.1.1466.20037"));
    // With the name of the answer, as OpenLDAP sends it.
    let mut answer = b"\x30\x24\x02\x01\x01\x78\x1f\x0a\x01\x00\x04\x00\x04\x00".to_vec();
    answer.extend(b"\x8a\x161.3.6.1.4.1.1466.20037");
    say(stream, &answer);
    true
}

fn mysql_greeting(capabilities: u16) -> Vec<u8> {
    let mut greeting = b"\x0a8.0.36\0\x07\0\0\0abcdefgh\0".to_vec();
    greeting.extend(capabilities.to_le_bytes());
    greeting
        .extend(b"\x21\x02\0\xff\xc1\x15\0\0\0\0\0\0\0\0\0\0abcdefghijkl\0caching_sha2_password\0");
    let length = u32::try_from(greeting.len()).unwrap().to_le_bytes();
    [&length[..3], &[0], &greeting].concat()
}

fn mysql(stream: &mut TcpStream) -> bool {
    say(stream, &mysql_greeting(0xffff));
    let request = bytes_of(stream, 36);
    assert_eq!(request[..4], [32, 0, 0, 1]);
    assert_eq!(request[5] & 0x08, 0x08, "CLIENT_SSL");
    true
}

fn postgres(stream: &mut TcpStream) -> bool {
    assert_eq!(bytes_of(stream, 8), [0, 0, 0, 8, 4, 210, 22, 47]);
    say(stream, b"S");
    true
}

fn until(stream: &mut TcpStream, end: &str) -> String {
    let mut read = String::new();
    while !read.ends_with(end) {
        read.push(char::from(bytes_of(stream, 1)[0]));
    }
    read
}

fn xmpp(stream: &mut TcpStream) -> bool {
    let open = until(stream, "version='1.0'>");
    assert!(open.contains("to='chat.example'"), "{open}");
    say(
        stream,
        b"<?xml version='1.0'?><stream:stream from='chat.example' version='1.0'>\
          <stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/>\
          </starttls></stream:features>",
    );
    until(
        stream,
        "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
    );
    say(
        stream,
        b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
    );
    true
}

const PROTOCOLS: [(&str, Script); 8] = [
    ("smtp", smtp),
    ("imap", imap),
    ("pop3", pop3),
    ("ftp", ftp),
    ("ldap", ldap),
    ("postgres", postgres),
    ("mysql", mysql),
    ("xmpp", xmpp),
];

fn config() -> (Pki, Arc<ServerConfig>) {
    let pki = Pki::new();
    let config = tls_of(&pki.leaf("leaf", &["chat.example"]));
    (pki, config)
}

fn ask(protocol: &str, server: &str) -> Value {
    look(&[
        server,
        "--starttls",
        protocol,
        "--servername",
        "chat.example",
        "--timeout",
        "5s",
    ])
}

#[test]
fn every_protocol_changes_to_tls() {
    let (_pki, config) = config();
    for (protocol, script) in PROTOCOLS {
        let config = Arc::clone(&config);
        let server = serve(move |mut stream| {
            if script(&mut stream) {
                shake_hands(&config, &mut stream);
            }
        });
        let seen = ask(protocol, &server);
        assert_eq!(seen.get("failure"), None, "{protocol}: {seen:#}");
        assert_eq!(seen["starttls"], protocol);
        assert_eq!(seen["session"]["protocol"], "TLSv1.3");
        assert_eq!(seen["chain"][0]["subject"], "CN=chat.example");
        assert!(seen["took"]["starttls_seconds"].as_f64().unwrap() > 0.0);
    }
}

/// Each with what the sentence contains; behind `!` with what it does not: the words of the server,
/// which stand in `server_said` alone.
const REFUSALS: [(&str, Script, &str); 9] = [
    (
        "smtp",
        |stream| {
            say(stream, b"220 mail.example ESMTP\r\n");
            line_of(stream);
            say(stream, b"250-mail.example\r\n250 SIZE 1000\r\n");
            false
        },
        "!SIZE 1000",
    ),
    (
        "smtp",
        |stream| {
            say(stream, b"554 go away\r\n");
            false
        },
        "!554 go away",
    ),
    (
        "imap",
        |stream| {
            say(stream, b"* OK ready\r\n");
            line_of(stream);
            say(stream, b"a BAD no TLS here\r\n");
            false
        },
        "!a BAD no TLS here",
    ),
    (
        "pop3",
        |stream| {
            say(stream, b"+OK ready\r\n");
            line_of(stream);
            say(stream, b"-ERR unknown\r\n");
            false
        },
        "!-ERR unknown",
    ),
    (
        "ftp",
        |stream| {
            say(stream, b"220 ready\r\n");
            line_of(stream);
            say(stream, b"502 not implemented\r\n");
            false
        },
        "!502 not implemented",
    ),
    (
        "ldap",
        |stream| {
            bytes_of(stream, 31);
            say(
                stream,
                b"\x30\x15\x02\x01\x01\x78\x10\x0a\x01\x02\x04\x00\x04\x09no TLS :(",
            );
            false
        },
        "result code 2",
    ),
    (
        "postgres",
        |stream| {
            bytes_of(stream, 8);
            say(stream, b"N");
            false
        },
        "ssl = off",
    ),
    (
        "mysql",
        |stream| {
            say(stream, &mysql_greeting(0xf7ff));
            false
        },
        "no TLS in its greeting",
    ),
    (
        "xmpp",
        |stream| {
            until(stream, "version='1.0'>");
            say(
                stream,
                b"<stream:stream><stream:features></stream:features>",
            );
            false
        },
        "no starttls",
    ),
];

#[test]
fn who_offers_no_tls_is_named_and_not_quoted() {
    for (protocol, script, words) in REFUSALS {
        let server = serve(move |mut stream| {
            script(&mut stream);
            wait_for_the_end(&mut stream);
        });
        let seen = ask(protocol, &server);
        let failure = failure(&seen, "no_starttls");
        assert_eq!(failure["step"], "starttls");
        match words.strip_prefix('!') {
            None => assert!(says(failure).contains(words), "{protocol}: {seen:#}"),
            Some(quote) => {
                assert!(!says(failure).contains(quote), "{protocol}: {seen:#}");
                assert!(failure["server_said"].is_string(), "{protocol}: {seen:#}");
            }
        }
    }
}

#[test]
fn what_was_sent_before_tls_began_is_no_tls() {
    // A line that someone in between has slipped in must not be taken for an answer.
    let server = serve(|mut stream| {
        say(&mut stream, b"220 mail.example ESMTP\r\n");
        line_of(&mut stream);
        say(&mut stream, b"250-mail.example\r\n250 STARTTLS\r\n");
        line_of(&mut stream);
        say(&mut stream, b"220 go ahead\r\n250 slipped in\r\n");
        wait_for_the_end(&mut stream);
    });
    let seen = ask("smtp", &server);
    let failure = failure(&seen, "not_tls");
    assert_eq!(failure["server_said"], "250 slipped in", "{seen:#}");
}

#[test]
fn the_wrong_protocol_is_told() {
    let greet = |words: &'static [u8]| {
        serve(move |mut stream| {
            say(&mut stream, words);
            wait_for_the_end(&mut stream);
        })
    };
    for protocol in ["smtp", "ftp", "imap", "pop3", "mysql"] {
        let seen = ask(protocol, &greet(b"SSH-2.0-OpenSSH_9.2p1\r\n"));
        let failure = failure(&seen, "no_starttls");
        assert!(!says(failure).contains("SSH-2.0"), "{seen:#}");
        assert_eq!(failure["server_said"], "SSH-2.0-OpenSSH_9.2p1");
    }
}
