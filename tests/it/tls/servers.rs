//! Servers on the loopback: openssl's, and threads of the test.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::sync::Arc;

use nix::sys::signal::Signal;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection};

use super::pki::Pair;
use crate::host::run;
use crate::lab::process::{Output, Process};
use crate::support::http::listen;

/// A running `openssl s_server`, which ends with the test.
pub(super) struct SServer {
    _process: Process,
    pub(super) port: u16,
}

impl SServer {
    /// With these words beside those that every one has.
    pub(super) fn start(pair: &Pair, words: &[&str]) -> Self {
        let mut command = Command::new("openssl");
        // It would end with its stdin, did it not answer as a web server.
        command.args(["s_server", "-accept", "127.0.0.1:0", "-www"]);
        command.args(pair.words()).args(words);
        let mut process = Process::start(&mut command, Signal::SIGKILL);
        let line = process.wait_for_line("ACCEPT ");
        let port = line.rsplit(':').next().unwrap().parse().unwrap();
        Self {
            _process: process,
            port,
        }
    }

    pub(super) fn at(&self, host: &str) -> String {
        format!("{host}:{}", self.port)
    }
}

/// What `openssl s_client` says of a server, to which it offers the groups that spyhole offers.
pub(super) fn s_client(endpoint: &str, words: &[&str]) -> Output {
    let mut command = Command::new("openssl");
    command.args(["s_client", "-connect", endpoint, "-showcerts"]);
    command.args(["-groups", "X25519:P-256:P-384"]);
    run(command.args(words))
}

/// A server in this process, for as many connections as come: `HOST:PORT`.
pub(super) fn serve(script: impl Fn(TcpStream) + Send + 'static) -> String {
    listen(script).to_string()
}

/// Reads a line of the client.
pub(super) fn line_of(stream: &mut TcpStream) -> String {
    let mut line = Vec::new();
    let mut byte = [0];
    while stream.read(&mut byte).is_ok_and(|read| read == 1) && byte != *b"\n" {
        line.extend(byte);
    }
    String::from_utf8_lossy(&line).trim_end().to_owned()
}

/// Reads so many bytes of the client.
pub(super) fn bytes_of(stream: &mut TcpStream, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    stream.read_exact(&mut bytes).unwrap();
    bytes
}

/// Until the client goes.
pub(super) fn wait_for_the_end(stream: &mut TcpStream) {
    let mut some = [0; 1024];
    loop {
        match stream.read(&mut some) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

/// A server of TLS for a pair.
pub(super) fn tls_of(pair: &Pair) -> Arc<ServerConfig> {
    let chain = CertificateDer::pem_file_iter(&pair.certificate).unwrap();
    let chain = chain.map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(&pair.key).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    Arc::new(config)
}

/// Goes on with TLS on a connection, until the client goes.
pub(super) fn shake_hands(config: &Arc<ServerConfig>, stream: &mut (impl Read + Write)) {
    let mut connection = ServerConnection::new(Arc::clone(config)).unwrap();
    while connection.is_handshaking() {
        if connection.complete_io(stream).is_err() {
            return;
        }
    }
    let mut rest = Vec::new();
    let _ = rustls::Stream::new(&mut connection, stream).read_to_end(&mut rest);
}
