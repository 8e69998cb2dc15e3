//! A TLS server of a scratch image, as many are: it loads its certificate once, at its start, and
//! goes on serving that one whatever becomes of the file.
#![allow(
    clippy::disallowed_methods,
    reason = "an application does what applications do"
)]

use std::collections::HashMap;
use std::env;
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

const USAGE: &str = "\
tlsserver: serves TLS with the certificate that stands in a file when it starts

  --listen ADDR:PORT   where to answer
  --cert FILE          the certificate and its chain, PEM
  --key FILE           its private key, PEM
  --hold FILE          keep this file open
  --plain ADDR:PORT    answer there without TLS
  --silent ADDR:PORT   take connections there and never say a word
";

fn main() -> ExitCode {
    match options().and_then(|options| serve(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("tlsserver: {why}");
            ExitCode::from(2)
        }
    }
}

fn options() -> Result<HashMap<String, String>, String> {
    let known = [
        "--listen", "--cert", "--key", "--hold", "--plain", "--silent",
    ];
    let mut options = HashMap::new();
    for word in env::args().skip(1) {
        match word.split_once('=') {
            Some((name, value)) if known.contains(&name) => {
                options.insert(name.to_owned(), value.to_owned());
            }
            _ => return Err(format!("unknown argument {word}\n\n{USAGE}")),
        }
    }
    Ok(options)
}

fn serve(options: &HashMap<String, String>) -> Result<(), String> {
    let held = options.get("--hold").map(File::open).transpose();
    let _held = held.map_err(|why| format!("--hold: {why}"))?;
    let bound = |name: &str| {
        let listener = options.get(name).map(TcpListener::bind).transpose();
        listener.map_err(|why| format!("{name}: {why}"))
    };
    // The kernel completes connections that nobody accepts.
    let _silent = bound("--silent")?;
    if let Some(plain) = bound("--plain")? {
        thread::spawn(move || {
            for stream in plain.incoming().flatten() {
                drop(answer(stream));
            }
        });
    }
    let secure = match (options.get("--cert"), options.get("--key")) {
        (Some(cert), Some(key)) => Some((bound("--listen")?, config(cert, key)?)),
        _ => None,
    };
    let mut out = io::stdout().lock();
    drop(out.write_all(b"ready\n").and_then(|()| out.flush()));
    if let Some((Some(listener), config)) = secure {
        for stream in listener.incoming().flatten() {
            let config = Arc::clone(&config);
            thread::spawn(move || {
                stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
                let connection = ServerConnection::new(config).ok()?;
                answer(StreamOwned::new(connection, stream)).ok()
            });
        }
    }
    loop {
        thread::park();
    }
}

fn config(cert: &str, key: &str) -> Result<Arc<ServerConfig>, String> {
    let chain = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect)
        .map_err(|why| format!("{cert}: {why}"))?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(|why| format!("{key}: {why}"))?;
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|why| why.to_string())?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|why| why.to_string())?;
    Ok(Arc::new(config))
}

fn answer(mut stream: impl Read + Write) -> io::Result<()> {
    let mut request = [0_u8; 4096];
    let _bytes = stream.read(&mut request)?;
    stream.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")?;
    stream.flush()
}
