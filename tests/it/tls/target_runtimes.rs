//! What `spyhole tls` says in the place of a running client, beside what that client says itself.

use std::io::{BufRead, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

use super::pki::Pki;
use super::servers::SServer;
use crate::host::{list, only, run};
use crate::lab::{example, spyhole};

/// A client that has asked a server and stays; its end is that of the test.
struct Client {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Client {
    fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|why| panic!("{command:?}: {why}"));
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// What follows this on its first line that starts so.
    fn says(&mut self, start: &str) -> String {
        let mut told = Vec::new();
        for line in self.lines.by_ref().map_while(Result::ok) {
            if let Some(rest) = line.strip_prefix(start) {
                return rest.trim().to_owned();
            }
            told.push(line);
        }
        panic!("no line `{start}…`: {told:#?}")
    }

    /// The verdict of spyhole in its place.
    fn verdict(&self, endpoint: &str) -> Value {
        let mut command = Command::new(spyhole());
        command.args(["--pid", &self.child.id().to_string(), "tls", endpoint]);
        let document = run(command.args(["-o", "json"])).json();
        crate::document::assert_keeps_the_contract(&document, "tls of a client");
        let verdicts = list(&document["tls"], "verdicts");
        only(verdicts, |one| one["authorities"] == "target").clone()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// `gnutls-cli` with this bundle in the place of the one that its `GnuTLS` was built with. With
/// `--tofu` it stays whatever it finds: it asks whether to trust the key.
fn gnutls(bundle: &Path, server: &SServer) -> Client {
    let script = "mount --bind \"$0\" /etc/ssl/certs/ca-certificates.crt && \
        exec stdbuf -oL gnutls-cli --tofu --port \"$1\" localhost";
    let mut command = Command::new("unshare");
    command.env("HOME", "/nonexistent");
    command.args(["--mount", "sh", "-c", script]);
    Client::start(command.arg(bundle).arg(server.port.to_string()))
}

/// A program of this workspace.
fn rustls(bundle: &Path, server: &SServer) -> Client {
    let mut command = Command::new(example("tlsclient"));
    command
        .env("SSL_CERT_FILE", bundle)
        .env_remove("SSL_CERT_DIR");
    Client::start(command.arg(server.at("localhost")))
}

/// A server whose certificate the test's authority issued.
fn server(pki: &Pki) -> SServer {
    let pair = pki.leaf("leaf", &["localhost"]);
    let intermediate = pki.word("intermediate.pem");
    SServer::start(&pair, &["-cert_chain", &intermediate])
}

/// The authority of that server, and another one.
fn bundles(pki: &Pki) -> [(PathBuf, &'static str); 2] {
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
    let other = pki.by_openssl("other", &key, "-sha256");
    [
        (pki.path("root.pem"), "verified"),
        (other.certificate, "refused"),
    ]
}

#[needs(root, gnutls_cli)]
fn the_verdict_for_a_client_with_gnutls_is_what_it_prints() {
    let pki = Pki::new();
    // Each answers one client at a time, and gnutls-cli stays connected.
    let (server, other) = (server(&pki), server(&pki));
    for (bundle, judgement) in bundles(&pki) {
        let mut client = gnutls(&bundle, &server);
        let status = client.says("- Status:");
        let verdict = client.verdict(&other.at("localhost"));
        let runtime = &verdict["runtime"];
        assert_eq!(runtime["name"], "GnuTLS 3", "{verdict:#}");
        assert_eq!(verdict["judgement"], judgement, "{status}: {verdict:#}");
        match judgement {
            "verified" => assert_eq!(status, "The certificate is trusted."),
            _ => assert_eq!(runtime["says"], status, "{verdict:#}"),
        }
    }
}

#[test]
fn the_verdict_for_a_client_with_rustls_is_what_it_prints() {
    let pki = Pki::new();
    let server = server(&pki);
    for (bundle, judgement) in bundles(&pki) {
        let mut client = rustls(&bundle, &server);
        let said = client.says("");
        let verdict = client.verdict(&server.at("localhost"));
        let runtime = &verdict["runtime"];
        assert_eq!(runtime["name"], "rustls 0.23", "{verdict:#}");
        assert_eq!(verdict["judgement"], judgement, "{said}: {verdict:#}");
        match said.strip_prefix("refused: ") {
            None => assert_eq!(said, "accepted"),
            Some(why) => assert_eq!(runtime["says"], why, "{verdict:#}"),
        }
    }
}
