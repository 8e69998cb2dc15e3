//! `fetch`: a request to a server of HTTP, as the target would send it: with its resolver, its trust
//! store and its proxies.

mod body;
mod proxy;
mod seen;
mod target;
mod url;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HOST, HeaderMap, HeaderName,
    HeaderValue, LOCATION, PROXY_AUTHORIZATION, USER_AGENT,
};
use hyper::http::response::Parts;
use hyper::{Method, Request, Version};

use serde_json::{Value, json};

use super::connect::milliseconds;
use super::{seconds, set};
use crate::model::truth_value::TruthValue;
use crate::model::verdict::Authorities;
use crate::parse::x509::ParsedCertificate;
use crate::probe::connect::{Peer, connect};
use crate::probe::http_client::{
    ExchangeError, ExchangeHandler, ExchangeTimes, HttpExchange, RequestBody, ServerShown, Tunnel,
    exchange,
};
use crate::probe::tls::ClientKey;
use body::Decoder;
pub(crate) use proxy::ProxyVariables;
pub(crate) use seen::FetchSeen;
use target::whose;
pub(crate) use target::{FetchFailure, FetchTarget, because, client_of_target, judge_server};
pub(crate) use url::HttpUrl;

/// What is asked, and how.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub(crate) struct FetchRequest {
    pub url: HttpUrl,
    pub method: Method,
    /// In the order in which they were given; without a value: not sent.
    pub headers: Vec<(HeaderName, Option<HeaderValue>)>,
    pub data: Option<Bytes>,
    /// Follow redirects.
    pub follow: bool,
    /// Do not judge certificates.
    pub insecure: bool,
    /// Fail on a status of 400 or more.
    pub fail: bool,
    /// Ask for gzip, and unpack it.
    pub compressed: bool,
    /// The proxy, in place of those of the target.
    pub proxy: Option<String>,
    /// Hosts that are reached without a proxy, in place of those of the target.
    pub no_proxy: Option<String>,
    /// The authorities to judge by, in place of the target's.
    pub authorities: Option<Vec<Arc<ParsedCertificate>>>,
    /// Bytes of a body, as it is written out.
    pub max_bytes: u64,
    /// What to show where a client certificate is asked for.
    pub client: Option<ClientKey>,
}

/// A part of what is seen on the way.
pub(crate) enum FetchPart<'a> {
    /// A line for who wants to know more: `*` of steps, `>` of requests, `<` of responses.
    Word(String),
    /// What limits what the answer says of the target.
    Note(String),
    /// The status line of a response and its headers, secrets redacted.
    Head(&'a [String]),
    /// A piece of the body.
    Body(&'a [u8]),
    /// A response is complete: how it came, as data.
    Done(Value),
}

/// Takes the parts; an error ends it, as where nothing reads the output any more.
pub(crate) type FetchSink<'a> = &'a mut dyn FnMut(FetchPart<'_>) -> Result<(), String>;

/// Redirects that are followed.
const REDIRECTS: usize = 20;

impl FetchRequest {
    /// Asks, and follows where that is wanted; everything until the deadline.
    ///
    /// # Errors
    /// Why there is no answer, or none that was wanted.
    pub(crate) fn send(
        mut self,
        target: &FetchTarget,
        deadline: Instant,
        sink: FetchSink<'_>,
    ) -> Result<(), FetchFailure> {
        for _ in 0..=REDIRECTS {
            match self.hop(target, deadline, sink)? {
                None => return Ok(()),
                Some((next, status)) => self.move_to(next, status, sink)?,
            }
        }
        Err(FetchFailure::no(format!("more than {REDIRECTS} redirects")))
    }

    /// One request; `Some`: where the server leads, and by which status.
    fn hop(
        &self,
        target: &FetchTarget,
        deadline: Instant,
        sink: FetchSink<'_>,
    ) -> Result<Option<(HttpUrl, u16)>, FetchFailure> {
        let url = &self.url;
        let of_target = target.proxies.as_ref().ok().cloned().unwrap_or_default();
        let proxies = of_target.overridden(self.proxy.clone(), self.no_proxy.clone());
        let proxy = proxies.proxy(url).map_err(FetchFailure::no)?;
        let (host, port) = match &proxy {
            Some(proxy) => (&proxy.host, proxy.port),
            None => (&url.host, url.port),
        };
        let begun = Instant::now();
        let addresses = target.addresses(host, port, deadline)?;
        let resolved = begun.elapsed();
        let connected = connect(&Peer::Tcp(addresses), deadline).map_err(|none| {
            let answer = TruthValue::False.unless_partial(none.is_own());
            let says = format!("{}: {none}", none.dialled());
            FetchFailure { answer, says }
        })?;
        let stopped = FetchFailure::no;
        let through = if proxy.is_some() { " (proxy)" } else { "" };
        sink(FetchPart::Word(format!(
            "* connected to {}{through} for {}",
            connected.dialled,
            url.host_and_port()
        )))
        .map_err(stopped)?;
        let connect_took = begun.elapsed().saturating_sub(resolved);
        let stream = connected.wire.into_tcp();
        let stream = stream.ok_or_else(|| FetchFailure::no("no TCP connection"))?;
        let tunnel = proxy.as_ref().filter(|_| url.is_tls).map(|proxy| Tunnel {
            authority: url.host_and_port(),
            authorization: proxy.authorization.clone(),
        });
        let mut request = self.request()?;
        if let Some(proxy) = proxy.as_ref().filter(|_| !url.is_tls) {
            *request.uri_mut() = url.to_string().parse().map_err(|_| bad_url())?;
            if let Some(authorization) = &proxy.authorization {
                let headers = request.headers_mut();
                headers.insert(PROXY_AUTHORIZATION, authorization.clone());
            }
        }
        let mut lines = request_lines(&request, target);
        if !url.is_tls {
            say_sent(&mut lines, sink).map_err(stopped)?;
        }
        let tls_name = url.is_tls.then(|| match url.host.to_string() {
            name if name.ends_with('.') => name.trim_end_matches('.').to_owned(),
            name => name,
        });
        let mut handler = ResponseHandler {
            asked: self,
            target,
            sink,
            lines,
            status: 0,
            next: None,
            failure: None,
            decoder: Decoder::plain(self.max_bytes),
        };
        let ended = exchange(
            HttpExchange {
                stream,
                tunnel,
                tls_name: tls_name.as_deref(),
                client: self.client.clone(),
                request,
                deadline,
            },
            &mut handler,
        );
        let failed = handler.failure.take();
        let ended = ended.map_err(|error| failed.unwrap_or_else(|| failure(&error)))?;
        if handler.next.is_none() && ended.body.is_some() {
            let ResponseHandler { decoder, sink, .. } = &mut handler;
            let end = decoder.end(&mut |piece| sink(FetchPart::Body(piece)));
            end.map_err(FetchFailure::no)?;
        }
        let (status, next) = (handler.status, handler.next);
        let says = times(resolved, connect_took, &ended);
        sink(FetchPart::Word(says)).map_err(stopped)?;
        let mut done = json!({
            // A server may have led to a URL with a token in it.
            "url": target.redactor.sentence(&url.to_string()),
            "status": status,
            "address": connected.dialled,
            "is_proxy": proxy.is_some(),
            "resolve_seconds": seconds(resolved),
            "connect_seconds": seconds(connect_took),
        });
        let since = |to: Option<Duration>, from: Option<Duration>| {
            to.map(|to| seconds(to.saturating_sub(from.unwrap_or_default())))
        };
        set(&mut done, "tls_seconds", ended.tls.map(seconds));
        set(&mut done, "response_seconds", since(ended.head, ended.tls));
        set(&mut done, "body_seconds", since(ended.body, ended.head));
        sink(FetchPart::Done(done)).map_err(stopped)?;
        if next.is_none() && self.fail && status >= 400 {
            return Err(FetchFailure::no(format!("the server responded {status}")));
        }
        let next = next.transpose().map_err(FetchFailure::no)?;
        Ok(next.map(|next| (next, status)))
    }

    /// On to where the server leads: never to a weaker scheme, and to another server without what
    /// may be a credential.
    fn move_to(
        &mut self,
        next: HttpUrl,
        status: u16,
        sink: FetchSink<'_>,
    ) -> Result<(), FetchFailure> {
        if self.url.is_tls && !next.is_tls {
            let host = next.authority();
            return Err(FetchFailure::no(format!(
                "redirect from https to http://{host} not followed: it would send the request \
                 unprotected"
            )));
        }
        // As curl and RFC 9110 have it; 307 and 308 keep the method and the body.
        let reads = self.method == Method::GET || self.method == Method::HEAD;
        if status == 303 && !reads || matches!(status, 301 | 302) && self.method == Method::POST {
            self.method = Method::GET;
            self.data = None;
        }
        if !next.has_origin_of(&self.url) {
            if self.data.is_some() {
                let host = next.authority();
                return Err(FetchFailure::no(format!(
                    "redirect to {host} not followed: it would send the body to another server"
                )));
            }
            let before = self.headers.len();
            self.headers.retain(|(name, _)| is_harmless(name));
            if self.headers.len() < before || self.client.take().is_some() {
                let words = "* another server: only harmless headers are sent on";
                sink(FetchPart::Word(words.to_owned())).map_err(FetchFailure::no)?;
            }
        }
        self.url = next;
        Ok(())
    }

    fn request(&self) -> Result<Request<RequestBody>, FetchFailure> {
        let mut request = Request::new(RequestBody(self.data.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.url.path.parse().map_err(|_| bad_url())?;
        let host = HeaderValue::from_str(&self.url.authority()).map_err(|_| bad_url())?;
        let headers = request.headers_mut();
        headers.insert(HOST, host);
        let agent = concat!("spyhole/", env!("CARGO_PKG_VERSION"));
        headers.insert(USER_AGENT, HeaderValue::from_static(agent));
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        if self.compressed {
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        }
        if self.data.is_some() {
            let form = HeaderValue::from_static("application/x-www-form-urlencoded");
            headers.insert(CONTENT_TYPE, form);
        }
        let mut given: Vec<&HeaderName> = Vec::new();
        for (name, value) in &self.headers {
            // The first of a name takes the place of our own.
            if !given.contains(&name) {
                headers.remove(name);
                given.push(name);
            }
            if let Some(value) = value {
                headers.append(name, value.clone());
            }
        }
        Ok(request)
    }
}

fn bad_url() -> FetchFailure {
    FetchFailure::no("the URL cannot be sent")
}

fn failure(error: &ExchangeError) -> FetchFailure {
    match error {
        ExchangeError::System(_) => FetchFailure::unknown(error.to_string()),
        _ => FetchFailure::no(error.to_string()),
    }
}

/// What is made of an exchange.
struct ResponseHandler<'a> {
    asked: &'a FetchRequest,
    target: &'a FetchTarget,
    sink: FetchSink<'a>,
    /// Of the request, until it is sent.
    lines: Vec<String>,
    status: u16,
    next: Option<Result<HttpUrl, String>>,
    failure: Option<FetchFailure>,
    decoder: Decoder,
}

impl ExchangeHandler for ResponseHandler<'_> {
    fn shown(&mut self, server: ServerShown) -> Result<(), String> {
        let word = |trust: &str| format!("* {}, {trust}", server.protocol);
        let given = self.asked.authorities.as_deref();
        let judged = if self.asked.insecure {
            Ok(None)
        } else {
            self.target.judge(&self.asked.url, &server, given).map(Some)
        };
        match judged {
            Ok(authorities) => {
                let trust = match authorities {
                    None => "certificate not verified (-k)".to_owned(),
                    Some(authorities) => format!("certificate trusted by {}", whose(authorities)),
                };
                if authorities == Some(Authorities::Mozilla) {
                    (self.sink)(FetchPart::Note(format!(
                        "{}: {trust}; the target may not trust it",
                        self.asked.url.host_and_port()
                    )))?;
                }
                (self.sink)(FetchPart::Word(word(&trust)))?;
                say_sent(&mut self.lines, self.sink)
            }
            Err(failure) => {
                let says = failure.says.clone();
                self.failure = Some(failure);
                Err(says)
            }
        }
    }

    fn head(&mut self, head: &Parts) -> bool {
        self.status = head.status.as_u16();
        let lines = head_lines(head, self.target);
        for line in &lines {
            let word = FetchPart::Word(format!("< {line}"));
            if (self.sink)(word).is_err() {
                return false;
            }
        }
        let location = head.headers.get(LOCATION);
        if self.asked.follow
            && matches!(self.status, 301 | 302 | 303 | 307 | 308)
            && let Some(location) = location
        {
            let text = String::from_utf8_lossy(location.as_bytes());
            self.next = Some(
                self.asked
                    .url
                    .join(&text)
                    .map_err(|why| format!("redirect not followed: {why}")),
            );
        }
        if (self.sink)(FetchPart::Head(&lines)).is_err() {
            return false;
        }
        let coding = head.headers.get(CONTENT_ENCODING);
        let is_gzip = coding.is_some_and(|coding| {
            let coding = coding.as_bytes().trim_ascii();
            coding.eq_ignore_ascii_case(b"gzip") || coding.eq_ignore_ascii_case(b"x-gzip")
        });
        if is_gzip && self.asked.compressed {
            self.decoder = Decoder::gzip(self.asked.max_bytes);
        }
        // curl -f prints no body of a failure either.
        self.next.is_none() && !(self.asked.fail && self.status >= 400)
    }

    fn body(&mut self, piece: &[u8]) -> Result<(), String> {
        let sink = &mut self.sink;
        self.decoder
            .take(piece, &mut |piece| sink(FetchPart::Body(piece)))
    }
}

/// Says what goes to the server, once.
fn say_sent(lines: &mut Vec<String>, sink: FetchSink<'_>) -> Result<(), String> {
    std::mem::take(lines)
        .into_iter()
        .try_for_each(|line| sink(FetchPart::Word(format!("> {line}"))))
}

fn request_lines(request: &Request<RequestBody>, target: &FetchTarget) -> Vec<String> {
    // A server may have led to a URL with a token in it.
    let uri = target.redactor.sentence(&request.uri().to_string());
    let mut lines = vec![format!("{} {uri} HTTP/1.1", request.method())];
    lines.extend(header_lines(request.headers(), target));
    lines
}

fn head_lines(head: &Parts, target: &FetchTarget) -> Vec<String> {
    let version = match head.version {
        Version::HTTP_10 => "HTTP/1.0",
        _ => "HTTP/1.1",
    };
    let own = head.extensions.get::<hyper::ext::ReasonPhrase>();
    let reason = own.map_or_else(
        || head.status.canonical_reason().unwrap_or_default().into(),
        |own| String::from_utf8_lossy(own.as_bytes()),
    );
    let mut lines = vec![format!("{version} {} {reason}", head.status.as_u16())];
    lines.extend(header_lines(&head.headers, target));
    lines
}

fn header_lines(headers: &HeaderMap, target: &FetchTarget) -> Vec<String> {
    let line = |(name, value): (&HeaderName, &HeaderValue)| {
        let text = String::from_utf8_lossy(value.as_bytes());
        let secret = target.redactor.header(name.as_str(), value.as_bytes());
        let shown = secret.map_or_else(
            || target.redactor.sentence(&text),
            |secret| format!("‹redacted {}›", secret.length_bytes),
        );
        format!("{name}: {shown}")
    };
    headers.iter().map(line).collect()
}

/// Headers that say nothing of who asks: they go to any server.
fn is_harmless(name: &HeaderName) -> bool {
    let name = name.as_str();
    name.starts_with("accept")
        || name.starts_with("if-")
        || matches!(
            name,
            "cache-control" | "content-type" | "pragma" | "range" | "user-agent"
        )
}

fn times(resolved: Duration, connected: Duration, ended: &ExchangeTimes) -> String {
    let ms = milliseconds;
    let head = ended.head.unwrap_or_default();
    let secured = ended.tls.unwrap_or_default();
    let handshake = ended.tls.map(|took| format!("TLS in {}", ms(took)));
    let body = ended.body.map(|all| all.saturating_sub(head));
    let body = body.map(|took| format!("body in {}", ms(took)));
    let response = format!("response after {}", ms(head.saturating_sub(secured)));
    let steps = [
        Some(format!("* resolved in {}", ms(resolved))),
        Some(format!("connected in {}", ms(connected))),
        handshake,
        Some(response),
        body,
    ];
    steps.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
