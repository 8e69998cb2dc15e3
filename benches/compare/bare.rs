//! The floor of a server: hyper as it comes, on one thread, with one answer.

use std::convert::Infallible;
use std::io;
use std::net::Ipv4Addr;
use std::process::ExitCode;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::ROLE;
use crate::server::{Server, tied};

/// The same body as `/healthz`.
const BODY: &[u8] = b"ok\n";

/// This binary again as that server.
pub(crate) fn start() -> Result<Server, String> {
    let harness = std::env::current_exe().map_err(|error| error.to_string())?;
    Server::start(tied(&harness.display().to_string()).env(ROLE, "bare"))
}

/// Whether this process was started to be that server.
pub(crate) fn is_server() -> bool {
    std::env::var_os(ROLE).is_some_and(|role| role == "bare")
}

/// Serves until it is killed.
pub(crate) fn serve() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    match runtime.and_then(|runtime| runtime.block_on(accept())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn accept() -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    eprintln!("listens on http://{}/\n", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let answer = service_fn(|_| async {
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(BODY))))
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
    }
}
