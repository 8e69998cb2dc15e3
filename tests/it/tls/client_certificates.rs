//! Servers that want to know who asks.

use super::pki::{Pair, Pki};
use super::servers::SServer;
use super::{failure, look, says};

struct Mutual {
    pki: Pki,
    server: Pair,
}

impl Mutual {
    fn new() -> Self {
        let pki = Pki::new();
        let server = pki.leaf("server", &["localhost"]);
        pki.leaf("client", &["client"]);
        Self { pki, server }
    }

    /// A server that asks in this way and trusts the root of the test, as one line tells.
    fn asks(&self, version: &str, how: &[&str]) -> SServer {
        let root = self.pki.word("root.pem");
        let words = [&[version, "-CAfile", &root], how].concat();
        SServer::start(&self.server, &words)
    }

    fn shown(&self) -> [String; 4] {
        let (certificate, key) = (self.pki.path("client.pem"), self.pki.word("client.key"));
        // The server has the root alone.
        let chain = self.pki.path("client-chain.pem");
        let text = [certificate, self.pki.path("intermediate.pem")]
            .map(|path| std::fs::read_to_string(path).unwrap())
            .concat();
        std::fs::write(&chain, text).unwrap();
        let chain = chain.to_str().unwrap().to_owned();
        ["--cert".to_owned(), chain, "--key".to_owned(), key]
    }
}

const VERSIONS: [&str; 2] = ["-tls1_2", "-tls1_3"];

#[test]
fn a_server_that_needs_a_certificate_says_so() {
    let mutual = Mutual::new();
    for version in VERSIONS {
        let server = mutual.asks(version, &["-Verify", "3", "-verify_return_error"]);
        let seen = look(&[&server.at("localhost")]);
        let failure = failure(&seen, "client_certificate");
        let alert = if version == "-tls1_3" {
            "certificate_required"
        } else {
            "handshake_failure"
        };
        assert_eq!(failure["alert"], alert, "{seen:#}");
        assert!(says(failure).contains("--cert FILE --key FILE"), "{seen:#}");
        assert!(says(failure).contains("CN=Test Root"), "{seen:#}");
        assert_eq!(seen["client_certificate"], "required");
        // What it showed before is told all the same.
        assert_eq!(seen["chain"][0]["subject"], "CN=localhost");
    }
}

#[test]
fn a_certificate_that_the_server_takes_is_shown() {
    let mutual = Mutual::new();
    let shown = mutual.shown();
    for version in VERSIONS {
        let server = mutual.asks(version, &["-Verify", "3", "-verify_return_error"]);
        let endpoint = server.at("localhost");
        let words = [
            &[endpoint.as_str()][..],
            &shown.each_ref().map(String::as_str),
        ]
        .concat();
        let seen = look(&words);
        assert_eq!(seen.get("failure"), None, "{version}: {seen:#}");
        assert_eq!(seen["client_certificate"], "shown", "{version}");
    }
}

#[test]
fn a_certificate_that_the_server_does_not_take_is_told_from_none() {
    let mutual = Mutual::new();
    let own = mutual
        .pki
        .by_openssl("own", &["-newkey", "rsa:2048"], "-sha256");
    let (certificate, key) = (own.certificate.to_str().unwrap(), own.key.to_str().unwrap());
    for version in VERSIONS {
        let server = mutual.asks(version, &["-Verify", "3", "-verify_return_error"]);
        let seen = look(&[&server.at("localhost"), "--cert", certificate, "--key", key]);
        let failure = failure(&seen, "client_certificate");
        assert!(
            says(failure).contains("rejected the client certificate"),
            "{seen:#}"
        );
        assert_eq!(failure["alert"], "unknown_ca");
        assert_eq!(seen["client_certificate"], "shown");
    }
}

#[test]
fn a_server_that_asks_and_goes_on_is_told_from_one_that_does_not_ask() {
    let mutual = Mutual::new();
    for version in VERSIONS {
        // Without tickets a server of TLS 1.3 has nothing to say but goodbye.
        for tickets in ["2", "0"] {
            let words = ["-verify", "3", "-num_tickets", tickets];
            let asks = mutual.asks(version, &words);
            let seen = look(&[&asks.at("localhost")]);
            assert_eq!(seen.get("failure"), None, "{version}: {seen:#}");
            assert_eq!(
                seen["client_certificate"], "optional",
                "{version} {tickets}"
            );
        }
        let does_not = mutual.asks(version, &[]);
        let seen = look(&[&does_not.at("localhost")]);
        assert_eq!(seen["client_certificate"], "not_asked", "{version}");
    }
}
