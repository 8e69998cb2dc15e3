//! One HTTP/1.1 exchange over a connection that is there, by hyper's client: through a proxy's
//! tunnel and with TLS where that is asked for.
//!
//! Everything ends at the deadline. Certificates are shown to the handler before the request is
//! sent; the body comes to it in pieces, and it may stop at each.

use std::cell::Cell;
use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::net::TcpStream;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::body::{Body as _, Frame, SizeHint};
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue, PROXY_AUTHORIZATION};
use hyper::http::response::Parts;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;

use super::tls::{ClientKey, recorded};

/// Bytes of the head of a response.
const HEAD_BYTES: usize = 64 << 10;
/// Headers of a response.
const HEADERS: usize = 256;

/// A request with its connection.
pub(crate) struct HttpExchange<'a> {
    /// The connection, to the server or to its proxy.
    pub stream: TcpStream,
    /// Ask the proxy for a tunnel first.
    pub tunnel: Option<Tunnel>,
    /// Shake hands first, with a server of this name.
    pub tls_name: Option<&'a str>,
    /// What to show where a client certificate is asked for.
    pub client: Option<ClientKey>,
    /// The request.
    pub request: Request<RequestBody>,
    /// Until when all of it must have been done.
    pub deadline: Instant,
}

/// A way through a proxy.
pub(crate) struct Tunnel {
    /// Host and port of the server.
    pub authority: String,
    /// What the proxy wants to know of the caller.
    pub authorization: Option<HeaderValue>,
}

/// What a server showed in its handshake.
pub(crate) struct ServerShown {
    /// Its certificates, in DER.
    pub chain: Vec<Vec<u8>>,
    /// Whether it proved that it holds the key of the first.
    pub is_key_proved: bool,
    /// The version of the protocol.
    pub protocol: String,
}

/// What the caller does with the parts of an exchange.
pub(crate) trait ExchangeHandler {
    /// Judges what a server showed.
    ///
    /// # Errors
    /// Why nothing may be sent to it.
    fn shown(&mut self, server: ServerShown) -> Result<(), String>;

    /// Sees the head; false: the body is of no interest.
    fn head(&mut self, head: &Parts) -> bool;

    /// Takes a piece of the body.
    ///
    /// # Errors
    /// Why no more of it is wanted.
    fn body(&mut self, piece: &[u8]) -> Result<(), String>;
}

/// How long the steps took, each from the beginning of the exchange.
#[derive(Debug, Default)]
pub(crate) struct ExchangeTimes {
    /// The handshake of TLS was complete.
    pub tls: Option<Duration>,
    /// The head of the response was complete.
    pub head: Option<Duration>,
    /// The body was complete.
    pub body: Option<Duration>,
}

/// Why an exchange has no end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExchangeError {
    /// The system gives no event loop, or no socket for it.
    #[error("{0}")]
    System(#[from] io::Error),
    /// The time was up.
    #[error("timed out while {0}")]
    Timeout(&'static str),
    /// The proxy opens no tunnel.
    #[error("the proxy refused the connection with status {0}")]
    Proxy(u16),
    /// There was no handshake.
    #[error("TLS handshake failed: {0}")]
    Handshake(String),
    /// The handler does not trust the certificates.
    #[error("{0}")]
    Untrusted(String),
    /// What came is not HTTP, or broke off.
    #[error("{}", told(.0))]
    Http(#[from] hyper::Error),
    /// The handler wanted no more.
    #[error("{0}")]
    Stopped(String),
}

fn told(error: &hyper::Error) -> String {
    if error.is_incomplete_message() {
        return "the server closed the connection before the response was complete".to_owned();
    }
    let cause = std::error::Error::source(error);
    let io = cause.and_then(|cause| cause.downcast_ref::<io::Error>());
    if io.is_some_and(|io| io.kind() == io::ErrorKind::UnexpectedEof) {
        return "the connection ended before the response was complete".to_owned();
    }
    if error.is_parse() {
        return "the server does not speak HTTP/1, or its response is malformed".to_owned();
    }
    cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}

/// The body of a request: bytes that are there, or none.
pub(crate) struct RequestBody(pub Option<Bytes>);

impl hyper::body::Body for RequestBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}

/// One type for all connections, so that hyper is compiled once.
trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Duplex for S {}

type Connection = TokioIo<Box<dyn Duplex>>;

/// Does it.
///
/// # Errors
/// The first step that failed.
pub(crate) fn exchange(
    asked: HttpExchange<'_>,
    handler: &mut dyn ExchangeHandler,
) -> Result<ExchangeTimes, ExchangeError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()?;
    let step = Cell::new("connecting");
    let deadline = asked.deadline;
    runtime.block_on(async {
        let talk = talk(asked, handler, &step);
        match tokio::time::timeout_at(deadline.into(), talk).await {
            Ok(result) => result,
            Err(_) => Err(ExchangeError::Timeout(step.get())),
        }
    })
}

async fn talk(
    asked: HttpExchange<'_>,
    handler: &mut dyn ExchangeHandler,
    step: &Cell<&'static str>,
) -> Result<ExchangeTimes, ExchangeError> {
    let begun = Instant::now();
    let mut times = ExchangeTimes::default();
    asked.stream.set_nonblocking(true)?;
    let mut stream: Box<dyn Duplex> = Box::new(tokio::net::TcpStream::from_std(asked.stream)?);
    if let Some(tunnel) = asked.tunnel {
        step.set("waiting for the proxy");
        stream = through(stream, tunnel).await?;
    }
    if let Some(name) = asked.tls_name {
        step.set("waiting for the TLS handshake");
        let recorded = recorded(name, asked.client)
            .map_err(|failure| ExchangeError::Handshake(failure.says))?;
        let connector = TlsConnector::from(recorded.config);
        let secured = connector.connect(recorded.name, stream).await;
        let secured = secured.map_err(|error| ExchangeError::Handshake(error.to_string()))?;
        times.tls = Some(begun.elapsed());
        let session = secured.get_ref().1;
        let version = session.protocol_version();
        let version = version
            .and_then(|version| version.as_str())
            .unwrap_or("TLS");
        let shown = ServerShown {
            protocol: version.replace('_', "."),
            is_key_proved: recorded.verifier.signature_checked(),
            chain: recorded.verifier.shown().0,
        };
        handler.shown(shown).map_err(ExchangeError::Untrusted)?;
        stream = Box::new(secured);
    }
    step.set("waiting for the response");
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEADERS)
        .handshake::<Connection, RequestBody>(TokioIo::new(stream))
        .await?;
    // Its errors come to the request, or to the body.
    tokio::spawn(connection);
    let response = sender.send_request(asked.request).await?;
    times.head = Some(begun.elapsed());
    let (head, mut body) = response.into_parts();
    if !handler.head(&head) {
        return Ok(times);
    }
    step.set("reading the body");
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        if let Ok(piece) = frame?.into_data() {
            handler.body(&piece).map_err(ExchangeError::Stopped)?;
        }
    }
    times.body = Some(begun.elapsed());
    Ok(times)
}

/// Asks the proxy for a tunnel.
async fn through(
    stream: Box<dyn Duplex>,
    tunnel: Tunnel,
) -> Result<Box<dyn Duplex>, ExchangeError> {
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEADERS)
        .handshake::<Connection, RequestBody>(TokioIo::new(stream))
        .await?;
    let driven = tokio::spawn(connection.without_shutdown());
    let mut request = Request::new(RequestBody(None));
    *request.method_mut() = Method::CONNECT;
    let wrong = |_| ExchangeError::Handshake("the server's name is no valid authority".to_owned());
    *request.uri_mut() = tunnel.authority.parse().map_err(wrong)?;
    if let Ok(host) = HeaderValue::from_str(&tunnel.authority) {
        request.headers_mut().insert(HOST, host);
    }
    if let Some(authorization) = tunnel.authorization {
        let headers = request.headers_mut();
        headers.insert(PROXY_AUTHORIZATION, authorization);
    }
    let response = sender.send_request(request).await?;
    if !response.status().is_success() {
        return Err(ExchangeError::Proxy(response.status().as_u16()));
    }
    drop(response);
    drop(sender);
    let parts = driven
        .await
        .map_err(|error| io::Error::other(error.to_string()))??;
    Ok(parts.io.into_inner())
}
