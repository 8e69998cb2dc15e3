//! TLS beside curl and openssl: its own certificate, those of clients, and their replacement.

use std::process::Command;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
};

use super::rotation::Volume;
use super::server::Server;
use crate::host::{run, spyhole};
use crate::lab::Output;
use crate::patience::eventually;

/// An authority that signs what a test needs.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            pem,
            issuer: Issuer::new(params, key),
        }
    }

    /// A certificate of this common name for localhost, and its key.
    fn sign(&self, name: &str) -> (String, String) {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        let key = KeyPair::generate().unwrap();
        let cert = params.signed_by(&key, &self.issuer).unwrap();
        (cert.pem(), key.serialize_pem())
    }
}

/// A server's files, and the authority that clients need for it.
struct House {
    volume: Volume,
    authority: Authority,
}

impl House {
    fn new() -> Self {
        let authority = Authority::new("the authority");
        let (cert, key) = authority.sign("first");
        let files = [
            ("cert.pem", cert.as_bytes()),
            ("key.pem", key.as_bytes()),
            ("ca.pem", authority.pem.as_bytes()),
        ];
        Self {
            volume: Volume::new(&files),
            authority,
        }
    }

    fn path(&self, name: &str) -> String {
        self.volume.path(name).to_str().unwrap().to_owned()
    }

    fn start(&self, flags: &[&str]) -> Server {
        let (cert, key) = (self.path("cert.pem"), self.path("key.pem"));
        let all = [&["--tls-cert", &cert, "--tls-key", &key], flags].concat();
        Server::start(&all)
    }

    /// curl, which trusts the authority and calls the server localhost.
    fn curl(&self, server: &Server, path: &str, words: &[&str]) -> Output {
        let port = server.address().port();
        let mut curl = Command::new("curl");
        curl.args([
            "--silent",
            "--show-error",
            "--max-time",
            "10",
            "--cacert",
            &self.path("ca.pem"),
        ]);
        curl.args(["--write-out", "%{http_code}", "--output", "/dev/null"]);
        curl.args(["--resolve", &format!("localhost:{port}:127.0.0.1")]);
        run(curl
            .args(words)
            .arg(format!("https://localhost:{port}{path}")))
    }
}

#[test]
fn curl_and_openssl_speak_to_it() {
    let house = House::new();
    let server = house.start(&[]);
    assert!(
        server.url.starts_with("https://127.0.0.1:"),
        "{}",
        server.url
    );
    let bearer = format!("Authorization: Bearer {}", server.token());
    for version in ["--tlsv1.2", "--tlsv1.3"] {
        let most = version.replace("--tlsv", "");
        let words = [version, "--tls-max", &most, "--header", &bearer];
        assert_eq!(
            house.curl(&server, "/v1/containers", &words).stdout_text(),
            "200"
        );
        let words = [version, "--tls-max", &most];
        assert_eq!(
            house.curl(&server, "/v1/containers", &words).stdout_text(),
            "401"
        );
    }
    let old = house.curl(&server, "/healthz", &["--tlsv1.0", "--tls-max", "1.1"]);
    assert_ne!(old.code, Some(0), "{old}");
    let address = server.host();
    let line = format!(
        "printf 'GET /healthz HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' | \
         openssl s_client -quiet -ign_eof -connect {address} -servername localhost \
         -CAfile {} -verify_return_error -verify_hostname localhost -alpn http/1.1",
        house.path("ca.pem")
    );
    let said = run(Command::new("sh").args(["-c", &line])).stdout_text();
    assert!(
        said.starts_with("HTTP/1.1 200 OK") && said.ends_with("ok\n"),
        "{said}"
    );
    // Plain HTTP gets no answer, and the server goes on.
    let plain = server.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(
        !String::from_utf8_lossy(&plain).contains("HTTP"),
        "{plain:?}"
    );
    assert_eq!(house.curl(&server, "/healthz", &[]).stdout_text(), "200");
    server.ends_well();
}

/// The subject that the server shows now.
fn subject(server: &Server) -> String {
    let line = format!(
        "openssl s_client -connect {} -servername localhost </dev/null 2>/dev/null | \
         openssl x509 -noout -subject",
        server.host()
    );
    run(Command::new("sh").args(["-c", &line])).stdout_text()
}

#[test]
fn a_certificate_that_is_replaced_is_served_from_then_on() {
    let mut house = House::new();
    let server = house.start(&["--insecure-no-auth"]);
    assert!(subject(&server).contains("first"), "{}", subject(&server));
    let (cert, key) = house.authority.sign("second");
    let ca = house.authority.pem.clone();
    house.volume.replace(&[
        ("cert.pem", cert.as_bytes()),
        ("key.pem", key.as_bytes()),
        ("ca.pem", ca.as_bytes()),
    ]);
    eventually("the new certificate is served", || {
        let subject = subject(&server);
        subject.contains("second").then_some(()).ok_or(subject)
    });
    // A chain with the key of another: the one before is served on.
    let (other, _) = house.authority.sign("third");
    house.volume.replace(&[
        ("cert.pem", other.as_bytes()),
        ("key.pem", key.as_bytes()),
        ("ca.pem", ca.as_bytes()),
    ]);
    server.wait_asking("still using the previous certificate", || {
        let subject = subject(&server);
        assert!(subject.contains("second"), "{subject}");
    });
    assert_eq!(
        house.curl(&server, "/v1/containers", &[]).stdout_text(),
        "200"
    );
    assert!(!server.said().contains("PRIVATE KEY"));
    server.ends_well();
}

#[test]
fn only_a_certificate_of_the_right_authority_lets_in() {
    let house = House::new();
    let ca = house.path("ca.pem");
    let server = house.start(&["--client-ca", &ca]);
    assert!(!server.said().contains("token"), "{}", server.said());
    let stranger = Authority::new("the authority");
    let files: Vec<(&str, String)> = {
        let (cert, key) = house.authority.sign("client");
        let (foreign, foreign_key) = stranger.sign("client");
        vec![
            ("c", cert),
            ("k", key),
            ("fc", foreign),
            ("fk", foreign_key),
        ]
    };
    let files: Vec<(&str, &[u8])> = files
        .iter()
        .map(|(n, text)| (*n, text.as_bytes()))
        .collect();
    let clients = Volume::new(&files);
    let path = |name: &str| clients.path(name).to_str().unwrap().to_owned();
    let (cert, key, foreign, foreign_key) = (path("c"), path("k"), path("fc"), path("fk"));
    let known = ["--cert", cert.as_str(), "--key", &key];
    for path in ["/", "/v1/containers", "/healthz"] {
        assert_eq!(
            house.curl(&server, path, &known).stdout_text(),
            "200",
            "{path}"
        );
    }
    // None: what is public only.
    assert_eq!(house.curl(&server, "/healthz", &[]).stdout_text(), "200");
    assert_eq!(house.curl(&server, "/v1/dump", &[]).stdout_text(), "401");
    // A foreign authority of the same name.
    for path in ["/v1/dump", "/healthz"] {
        let words = ["--cert", foreign.as_str(), "--key", &foreign_key];
        let refused = house.curl(&server, path, &words);
        assert_ne!(refused.code, Some(0), "{refused}");
        assert_eq!(refused.stdout_text(), "000", "{path}");
    }
    server.wait_for("TLS handshake failed");
    server.ends_well();
}

#[test]
fn a_token_lets_in_beside_certificates() {
    let house = House::new();
    let token = Volume::new(&[("token", b"the-token-of-the-tests")]);
    let token = token.path("token");
    let ca = house.path("ca.pem");
    let server = house.start(&["--client-ca", &ca, "--token-file", token.to_str().unwrap()]);
    let bearer = ["--header", "Authorization: Bearer the-token-of-the-tests"];
    assert_eq!(house.curl(&server, "/", &bearer).stdout_text(), "200");
    assert_eq!(house.curl(&server, "/", &[]).stdout_text(), "401");
    server.ends_well();
}

#[test]
fn handshakes_that_stall_are_cut_off() {
    let house = House::new();
    let server = house.start(&["--header-timeout", "500ms"]);
    let start = server.cost();
    let mut open: Vec<_> = (0..50)
        .map(|_| super::client::dial(server.address()))
        .collect();
    for stream in &mut open {
        drop(std::io::Write::write_all(stream, b"\x16\x03\x01\x02\0\x01"));
    }
    assert_eq!(house.curl(&server, "/healthz", &[]).stdout_text(), "200");
    for stream in &mut open {
        super::client::drain(stream);
    }
    eventually("all descriptors are given back", || {
        server.cost().descriptors <= start.descriptors
    });
    server.ends_well();
}

#[test]
fn files_that_make_no_server_are_refused_at_the_start() {
    let house = House::new();
    let (cert, key, ca) = (
        house.path("cert.pem"),
        house.path("key.pem"),
        house.path("ca.pem"),
    );
    let (_, other_key) = house.authority.sign("other");
    let other = Volume::new(&[("key", other_key.as_bytes()), ("noise", b"noise")]);
    let noise = other.path("noise").to_str().unwrap().to_owned();
    let other = other.path("key").to_str().unwrap().to_owned();
    for (words, named) in [
        (vec!["--tls-cert", cert.as_str()], "--tls-key"),
        (vec!["--tls-key", &key], "--tls-cert"),
        (vec!["--client-ca", &ca], "--tls-cert"),
        (vec!["--tls-cert", &noise, "--tls-key", &key], "--tls-cert"),
        (vec!["--tls-cert", &cert, "--tls-key", &noise], "--tls-key"),
        (vec!["--tls-cert", &cert, "--tls-key", &other], "--tls-key"),
        (
            vec!["--tls-cert", "/nowhere", "--tls-key", &key],
            "/nowhere",
        ),
        (
            vec![
                "--tls-cert",
                &cert,
                "--tls-key",
                &key,
                "--client-ca",
                &noise,
            ],
            "--client-ca",
        ),
    ] {
        let all = [vec!["serve", "--listen", "127.0.0.1:0"], words].concat();
        let said = spyhole(&all).ended_with(2);
        let said = said.stderr_text();
        assert!(said.contains(named), "{all:?}: {said}");
        assert!(!said.contains("PRIVATE"), "{said}");
    }
}
