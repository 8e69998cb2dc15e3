//! A TLS client with rustls, as many are: it trusts the authorities of the file that
//! `SSL_CERT_FILE` names, asks one server, says what it thinks of it, and stays.
#![allow(
    clippy::disallowed_methods,
    reason = "an application does what applications do"
)]

use std::env;
use std::io::{self, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

fn main() -> ExitCode {
    let mut words = env::args().skip(1);
    let (Some(endpoint), None) = (words.next(), words.next()) else {
        eprintln!("tlsclient: name a server: HOST:PORT");
        return ExitCode::from(2);
    };
    let said = match ask(&endpoint) {
        Ok(()) => "accepted".to_owned(),
        Err(why) => format!("refused: {why}"),
    };
    let mut out = io::stdout().lock();
    drop(writeln!(out, "{said}").and_then(|()| out.flush()));
    loop {
        thread::park();
    }
}

fn ask(endpoint: &str) -> Result<(), String> {
    let (host, _) = endpoint.rsplit_once(':').ok_or("no port")?;
    let mut roots = RootCertStore::empty();
    if let Some(path) = env::var_os("SSL_CERT_FILE") {
        let found = CertificateDer::pem_file_iter(path).map_err(|why| why.to_string())?;
        roots.add_parsable_certificates(found.filter_map(Result::ok));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|why| why.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).map_err(|why| why.to_string())?;
    let mut client =
        ClientConnection::new(Arc::new(config), name).map_err(|why| why.to_string())?;
    let mut stream = TcpStream::connect(endpoint).map_err(|why| why.to_string())?;
    while client.is_handshaking() {
        client
            .complete_io(&mut stream)
            .map_err(|why| why.to_string())?;
    }
    Ok(())
}
