//! Servers with which no handshake comes about, each for a reason of its own.

use std::io::Write;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::pki::{Pair, Pki};
use super::servers::{SServer, serve, shake_hands, wait_for_the_end};
use super::{failure, look, says, tls};
use crate::host::CLOSED_PORT;

#[test]
fn servers_of_old_versions_are_recognised() {
    let pki = Pki::new();
    let rsa = pki.by_openssl("rsa", &["-newkey", "rsa:2048"], "-sha256");
    for version in ["-tls1_1", "-tls1"] {
        let server = SServer::start(&rsa, &[version, "-cipher", "ALL:@SECLEVEL=0"]);
        let seen = look(&[&server.at("localhost")]);
        let failure = failure(&seen, "old_protocol");
        assert_eq!(failure["alert"], "protocol_version", "{seen:#}");
    }
}

#[test]
fn an_old_version_that_a_server_chooses_is_named() {
    for (minor, name) in [(2, "TLS 1.1"), (1, "TLS 1.0"), (0, "SSL 3.0")] {
        // As servers answer that do not know the extension of TLS 1.3: with what they speak.
        let mut hello = vec![22, 3, minor, 0, 42, 2, 0, 0, 38, 3, minor];
        hello.extend([7; 32]);
        hello.extend([0, 0xc0, 0x13, 0]);
        let server = serve(move |mut stream| {
            stream.write_all(&hello).unwrap();
            wait_for_the_end(&mut stream);
        });
        let seen = look(&[&server]);
        assert!(
            says(failure(&seen, "old_protocol")).contains(name),
            "{seen:#}"
        );
    }
}

#[test]
fn alerts_are_named_as_the_standard_names_them() {
    let pki = Pki::new();
    let pair = pki.leaf("leaf", &["localhost"]);
    let strict = ["-servername", "other.example", "-servername_fatal"];
    let (certificate, key) = (pki.word("leaf.pem"), pki.word("leaf.key"));
    let strict = [&strict[..], &["-cert2", &certificate, "-key2", &key]].concat();
    let cases: [(&[&str], &[&str], &str); 4] = [
        (
            &["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"],
            &[],
            "handshake_failure",
        ),
        (&["-groups", "P-521"], &[], "handshake_failure"),
        (
            &["-alpn", "h2"],
            &["--alpn", "http/1.1"],
            "no_application_protocol",
        ),
        (&strict, &[], "unrecognized_name"),
    ];
    for (server_words, words, alert) in cases {
        let server = SServer::start(&pair, server_words);
        let endpoint = server.at("localhost");
        let seen = look(&[&[endpoint.as_str()], words].concat());
        assert_eq!(failure(&seen, "alert")["alert"], alert, "{seen:#}");
        assert_eq!(seen["chain"], serde_json::json!([]));
    }
}

#[test]
fn who_speaks_another_protocol_is_quoted() {
    let cases: [(&[u8], &str, &str); 6] = [
        (
            b"HTTP/1.1 400 Bad Request\r\nSet-Cookie: a=b\r\n\r\n",
            "HTTP/1.1 400 Bad Request",
            "HTTP",
        ),
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", "SSH-2.0-OpenSSH_9.2p1", "SSH"),
        (
            b"220 mail.example ESMTP\r\n",
            "220 mail.example ESMTP",
            "--starttls smtp",
        ),
        (
            b"* OK [CAPABILITY IMAP4rev1]\r\n",
            "* OK [CAPABILITY IMAP4rev1]",
            "--starttls imap",
        ),
        (b"\x1b[31mred\r\n", "\u{1b}[31mred", "not speak TLS"),
        (b"x", "x", "not speak TLS"),
    ];
    for (said, quoted, word) in cases {
        let server = serve(move |mut stream| {
            // In two pieces, as it may come.
            let (first, rest) = said.split_at(1);
            stream.write_all(first).unwrap();
            std::thread::yield_now();
            stream.write_all(rest).unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            wait_for_the_end(&mut stream);
        });
        let seen = look(&[&server]);
        let failure = failure(&seen, "not_tls");
        assert_eq!(failure["server_said"], quoted, "{seen:#}");
        assert!(says(failure).contains(word), "{seen:#}");
        // What it said may hold what a terminal would obey.
        let table = tls(&[&server]).ended_with(1).stdout_text();
        assert!(!table.contains('\u{1b}'), "{table:?}");
    }
}

/// Shows the certificate of one and signs with the key of another.
#[derive(Debug)]
struct Impostor(Arc<CertifiedKey>);

impl ResolvesServerCert for Impostor {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

fn impostor(
    shown: &Pair,
    signs: &Pair,
    version: &'static rustls::SupportedProtocolVersion,
) -> Arc<ServerConfig> {
    let chain = CertificateDer::pem_file_iter(&shown.certificate).unwrap();
    let key = PrivateKeyDer::from_pem_file(&signs.key).unwrap();
    let certified = CertifiedKey::new(
        chain.map(Result::unwrap).collect(),
        any_supported_type(&key).unwrap(),
    );
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Impostor(Arc::new(certified))));
    Arc::new(config)
}

#[test]
fn a_server_without_the_key_of_its_certificate_is_found_out() {
    let pki = Pki::new();
    let (shown, signs) = (pki.leaf("shown", &["localhost"]), pki.leaf("signs", &["x"]));
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let config = impostor(&shown, &signs, version);
        let server = serve(move |mut stream| shake_hands(&config, &mut stream));
        let seen = look(&[&server]);
        let failure = failure(&seen, "incompatible");
        assert!(
            says(failure).contains("handshake signature does not match"),
            "{seen:#}"
        );
        assert_eq!(seen["chain"][0]["subject"], "CN=localhost");
    }
}

#[test]
fn where_nothing_listens_it_is_refused() {
    let address = format!("127.0.0.1:{CLOSED_PORT}");
    let seen = look(&[&address]);
    assert_eq!(failure(&seen, "connection_refused")["step"], "connect");
    tls(&[&address]).ended_with(1);
}

#[test]
fn a_name_that_nobody_knows_is_said_so() {
    let seen = look(&["nobody-knows.invalid", "--timeout", "5s"]);
    assert_eq!(seen["failure"]["step"], "resolve", "{seen:#}");
    assert_eq!(seen.get("dialled"), None);
}
