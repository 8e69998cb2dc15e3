//! One connection, from the first byte to the last.

use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use super::Server;
use super::listener::{Accepted, Ends};
use super::secure::Secure;
use super::service;
use super::wire::Wire;

/// Bytes that hyper holds of a request and of an answer at once.
const BUFFER: usize = 16 << 10;
/// How long a client may take to agree on TLS.
const TLS_TIMEOUT: Duration = Duration::from_secs(5);

/// Serves it to its end.
pub(super) async fn serve(
    accepted: Accepted,
    server: Arc<Server>,
    secure: Option<Arc<Secure>>,
    stopped: watch::Receiver<bool>,
) {
    match accepted {
        Accepted::Tcp(stream, peer) => {
            let ends = Ends {
                peer: Some(peer),
                local: stream.local_addr().ok().map(|address| address.ip()),
            };
            begin(stream, ends, server, secure, stopped).await;
        }
        Accepted::Unix(stream) => {
            let ends = Ends {
                peer: None,
                local: None,
            };
            begin(stream, ends, server, secure, stopped).await;
        }
    }
}

async fn begin<S>(
    stream: S,
    ends: Ends,
    server: Arc<Server>,
    secure: Option<Arc<Secure>>,
    stopped: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let stream = Wire::new(stream, server.options.write_timeout);
    let Some(secure) = secure else {
        return talk(stream, ends, false, server, stopped).await;
    };
    let acceptor = secure.acceptor();
    if let Some(fault) = secure.take_fault() {
        server
            .log
            .say(&format!("serves on with the certificate before: {fault}"));
    }
    match tokio::time::timeout(TLS_TIMEOUT, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => {
            // Only certificates of the given authorities come through the handshake.
            let shown = stream.get_ref().1.peer_certificates().is_some();
            talk(stream, ends, shown, server, stopped).await;
        }
        Ok(Err(error)) => server.log.rarely(&format!("no TLS session: {error}")),
        Err(_) => {}
    }
}

async fn talk<S>(
    stream: S,
    ends: Ends,
    client_certificate: bool,
    server: Arc<Server>,
    mut stopped: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let options = &server.options;
    let lifetime = options.connection_lifetime;
    let mut http = http1::Builder::new();
    // Without a timer hyper leaves out its time-out for headers, and says nothing.
    http.timer(TokioTimer::new())
        .header_read_timeout(options.header_timeout)
        .max_headers(options.max_headers.into())
        .max_buf_size(BUFFER)
        .half_close(false);
    let answering = Arc::clone(&server);
    let caller = service::Caller {
        ends,
        client_certificate,
    };
    let service =
        service_fn(move |request| service::answer(Arc::clone(&answering), caller, request));
    let connection = http.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = stopped.changed() => {}
        () = tokio::time::sleep(lifetime) => {}
    }
    // What is being answered may be finished; then it is over.
    connection.as_mut().graceful_shutdown();
    let _ = tokio::time::timeout(lifetime, connection).await;
}
