//! One connection, from the first byte to the last.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use super::Server;
use super::caller::Caller;
use super::caller::{Accepted, Ends};
use super::connections::ClientState;
use super::secure::Secure;
use super::service;
use super::wire::Wire;

/// The part of its lifetime after which the next answer is the last one of a connection.
const ANNOUNCED_FROM: f64 = 0.5;

/// Serves it to its end.
pub(super) async fn serve(
    accepted: Accepted,
    standing: Arc<ClientState>,
    server: Arc<Server>,
    secure: Option<Arc<Secure>>,
    stopped: watch::Receiver<bool>,
) {
    let caller = |ends| Caller {
        ends,
        client_certificate: false,
        standing,
    };
    match accepted {
        Accepted::Tcp(stream, peer) => {
            let ends = Ends {
                peer: Some(peer),
                local: stream.local_addr().ok().map(|address| address.ip()),
            };
            begin(stream, caller(ends), server, secure, stopped).await;
        }
        Accepted::Unix(stream) => {
            let ends = Ends {
                peer: None,
                local: None,
            };
            begin(stream, caller(ends), server, secure, stopped).await;
        }
    }
}

async fn begin<S>(
    stream: S,
    mut caller: Caller,
    server: Arc<Server>,
    secure: Option<Arc<Secure>>,
    mut stopped: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let stream = Wire::new(stream, server.options.write_timeout);
    let Some(secure) = secure else {
        return talk(stream, caller, server, stopped).await;
    };
    let acceptor = secure.acceptor();
    if let Some(fault) = secure.take_fault() {
        server
            .log
            .say(&format!("still using the previous certificate: {fault}"));
    }
    let agreed = tokio::select! {
        _ = stopped.changed() => return,
        agreed = tokio::time::timeout(server.options.header_timeout, acceptor.accept(stream)) => agreed,
    };
    match agreed {
        Ok(Ok(stream)) => {
            // Only certificates of the given authorities come through the handshake.
            caller.client_certificate = stream.get_ref().1.peer_certificates().is_some();
            talk(stream, caller, server, stopped).await;
        }
        Ok(Err(error)) => server.log.rarely(&format!("TLS handshake failed: {error}")),
        Err(_) => {}
    }
}

async fn talk<S>(stream: S, caller: Caller, server: Arc<Server>, mut stopped: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let options = &server.options;
    let lifetime = options.connection_lifetime;
    let mut http = http1::Builder::new();
    // Without a timer hyper leaves out its time-out for headers, and says nothing.
    http.timer(TokioTimer::new())
        .header_read_timeout(options.header_timeout)
        .max_headers(options.max_headers.into())
        .max_buf_size(options.head_bytes() * 2)
        .half_close(false);
    let answering = Arc::clone(&server);
    let standing = Arc::clone(&caller.standing);
    // A connection that is closed while a request is on its way loses it, so the end is announced
    // on an answer before.
    let last_from = Instant::now() + lifetime.mul_f64(ANNOUNCED_FROM);
    let service = service_fn(move |request| {
        let answer = service::answer(Arc::clone(&answering), caller.clone(), request);
        async move {
            let mut reply = answer.await?;
            if Instant::now() >= last_from {
                let close = HeaderValue::from_static("close");
                reply.headers_mut().insert(CONNECTION, close);
            }
            Ok::<_, Infallible>(reply)
        }
    });
    let connection = http.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = stopped.changed() => {
            // hyper would wait for the first request of who has sent none.
            if !standing.asked.load(Ordering::Relaxed) {
                return;
            }
        }
        () = tokio::time::sleep(lifetime) => {}
    }
    // What is being answered may be finished; then it is over.
    connection.as_mut().graceful_shutdown();
    let _ = tokio::time::timeout(lifetime, connection).await;
}
