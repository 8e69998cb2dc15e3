//! One registry: requests to it over TLS, with the login that it asks for. Each request is its own
//! connection, ends at the deadline, and reads a bounded response. A login goes to the registry and
//! to the token service that it names, and nowhere else.

use core::net::SocketAddr;
use std::time::{Instant, SystemTime};

use bytes::Bytes;
use data_encoding::BASE64;
use hyper::header::{
    AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, USER_AGENT,
    WWW_AUTHENTICATE,
};
use hyper::http::response::Parts;
use hyper::{Method, Request};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::RegistryFault;
use super::credentials::Login;
use crate::ask::fetch::{HttpUrl, ProxyVariables, because, judge_server};
use crate::model::escape::escaped;
use crate::model::verdict::{Authorities, Judgement};
use crate::pki::Roots;
use crate::probe::connect::{Peer, connect};
use crate::probe::endpoint::Host;
use crate::probe::http_client::{
    ExchangeError, ExchangeHandler, HttpExchange, RequestBody, ServerShown, Tunnel, exchange,
};
use crate::sections::tls::names::NameFiles;

/// Of a response: a refusal, or a token.
const BODY_BYTES: usize = 256 << 10;
/// How much of a refusal is repeated.
const REPEATED: usize = 300;

/// A request.
pub(super) struct RegistryRequest<'a> {
    /// What it is for, for errors: "waiting for …".
    pub step: &'static str,
    pub method: Method,
    pub url: &'a HttpUrl,
    /// Its body, with its type.
    pub body: Option<(&'a str, Bytes)>,
}

/// A response.
pub(super) struct RegistryResponse {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// How the registry wants to be asked.
enum Challenge {
    Basic,
    Bearer { realm: HttpUrl },
}

/// By what a registry's certificate is judged.
pub(super) struct RegistryTrust {
    pub roots: Roots,
    pub authorities: Authorities,
    /// Whose they are, where the user named none.
    pub instead_of_given: Option<&'static str>,
}

/// A registry with what is known of it.
pub(super) struct Registry {
    /// Its root.
    pub root: HttpUrl,
    trust: RegistryTrust,
    names: NameFiles,
    proxies: ProxyVariables,
    deadline: Instant,
    pub login: Option<Login>,
    challenge: Option<Challenge>,
    authorization: Option<HeaderValue>,
    /// What no error may repeat.
    secrets: Vec<String>,
}

impl Registry {
    /// Nothing is asked yet.
    pub(super) fn new(
        root: HttpUrl,
        trust: RegistryTrust,
        proxies: ProxyVariables,
        deadline: Instant,
    ) -> Self {
        Self {
            root,
            trust,
            names: NameFiles::of_viewer(),
            proxies,
            deadline,
            login: None,
            challenge: None,
            authorization: None,
            secrets: Vec::new(),
        }
    }

    /// Asks whether it is a registry, and how it wants to be asked; true: it wants a login. One of this
    /// machine that speaks no TLS is asked by HTTP from then on.
    ///
    /// # Errors
    /// [`RegistryFault`]: it is no registry, or wants a login that is not supported.
    pub(super) fn greet(&mut self, scope: &str) -> Result<bool, RegistryFault> {
        const STEP: &str = "asking for its version";
        let mut url = self.url("/v2/")?;
        let mut asked = self.send(STEP, &url);
        if let Err(RegistryFault::Exchange { .. }) = asked
            && self
                .addresses(&url)?
                .iter()
                .all(|address| address.ip().is_loopback())
        {
            self.root.is_tls = false;
            url.is_tls = false;
            asked = self.send(STEP, &url);
        }
        let answered = asked?;
        match answered.status {
            200 => Ok(false),
            401 => {
                self.challenge = Some(challenge(&answered.headers, scope)?);
                Ok(true)
            }
            status => Err(self.refused(STEP, status, &answered.body)),
        }
    }

    fn send(&self, step: &'static str, url: &HttpUrl) -> Result<RegistryResponse, RegistryFault> {
        let request = RegistryRequest {
            step,
            method: Method::GET,
            url,
            body: None,
        };
        self.exchange(&request, None)
    }

    /// A place in it.
    pub(super) fn url(&self, path: &str) -> Result<HttpUrl, RegistryFault> {
        let text = format!("{}://{}{path}", self.root.scheme(), self.root.authority());
        HttpUrl::parse(&text).map_err(RegistryFault::Unreachable)
    }

    /// Logs in as it wants it.
    ///
    /// # Errors
    /// [`RegistryFault`]: there is no login, or it is refused.
    pub(super) fn log_in(&mut self) -> Result<(), RegistryFault> {
        let secrets = match &self.login {
            Some(Login::Password { user, password }) => {
                vec![
                    password.clone(),
                    BASE64.encode(format!("{user}:{password}").as_bytes()),
                ]
            }
            Some(Login::IdentityToken(token) | Login::RegistryToken(token)) => vec![token.clone()],
            None => Vec::new(),
        };
        self.secrets.extend(secrets);
        let value = match (&self.challenge, &self.login) {
            (None, _) => return Ok(()),
            (_, Some(Login::RegistryToken(token))) => format!("Bearer {token}"),
            (Some(Challenge::Basic), Some(Login::Password { user, password })) => {
                basic(user, password)
            }
            (Some(Challenge::Basic), Some(Login::IdentityToken(_))) => {
                return Err(RegistryFault::LoginUnsupported);
            }
            (Some(Challenge::Basic), None) => return Err(RegistryFault::LoginNeeded),
            (Some(Challenge::Bearer { realm }), login) => {
                let token = self.token(realm, login.as_ref())?;
                let value = format!("Bearer {token}");
                self.secrets.push(token);
                value
            }
        };
        let value = HeaderValue::from_str(&value);
        let mut value = value.map_err(|_| RegistryFault::Unexpected {
            step: TOKEN_STEP,
            what: "a token of letters, digits and signs",
        })?;
        value.set_sensitive(true);
        self.authorization = Some(value);
        Ok(())
    }

    /// A token of the service that the registry names.
    fn token(&self, realm: &HttpUrl, login: Option<&Login>) -> Result<String, RegistryFault> {
        let mut url = realm.clone();
        let (mut authorization, mut body) = (None, None);
        match login {
            Some(Login::Password { user, password }) => {
                authorization = HeaderValue::from_str(&basic(user, password)).ok();
            }
            Some(Login::IdentityToken(token)) => {
                let query = url
                    .path
                    .split_once('?')
                    .map(|(path, query)| (path.to_owned(), query.to_owned()));
                let (path, query) = query.unwrap_or_default();
                let token = utf8_percent_encode(token, NON_ALPHANUMERIC);
                let form = format!(
                    "grant_type=refresh_token&client_id=spyhole&refresh_token={token}&{query}"
                );
                url.path = path;
                body = Some(("application/x-www-form-urlencoded", Bytes::from(form)));
            }
            Some(Login::RegistryToken(_)) | None => {}
        }
        let request = RegistryRequest {
            step: TOKEN_STEP,
            method: if body.is_some() {
                Method::POST
            } else {
                Method::GET
            },
            url: &url,
            body,
        };
        let answered = self.exchange(&request, authorization.as_ref())?;
        match answered.status {
            200 => {}
            401 | 403 if login.is_none() => return Err(RegistryFault::LoginNeeded),
            400 | 401 | 403 => return Err(RegistryFault::LoginRefused),
            status => return Err(self.refused(TOKEN_STEP, status, &answered.body)),
        }
        let answer: Value = serde_json::from_slice(&answered.body).unwrap_or_default();
        let token = answer.get("token").or_else(|| answer.get("access_token"));
        let token = token
            .and_then(Value::as_str)
            .filter(|token| !token.is_empty());
        token.map(str::to_owned).ok_or(RegistryFault::Unexpected {
            step: TOKEN_STEP,
            what: "a token",
        })
    }

    /// Asks the registry, or where it has led to; the login goes to the registry alone. A token that has
    /// expired is renewed once.
    ///
    /// # Errors
    /// [`RegistryFault`]: no response, a redirect, or a refusal of the login.
    pub(super) fn ask(
        &mut self,
        request: &RegistryRequest<'_>,
    ) -> Result<RegistryResponse, RegistryFault> {
        if self.root.is_tls && !request.url.is_tls {
            return Err(RegistryFault::Redirected {
                step: request.step,
                to: request.url.authority(),
            });
        }
        let is_own = request.url.has_origin_of(&self.root);
        let of_own = |own: &Self| own.authorization.clone().filter(|_| is_own);
        let mut answered = self.exchange(request, of_own(self).as_ref())?;
        if answered.status == 401
            && is_own
            && matches!(self.challenge, Some(Challenge::Bearer { .. }))
        {
            self.log_in()?;
            answered = self.exchange(request, of_own(self).as_ref())?;
        }
        match answered.status {
            401 if self.login.is_none() => Err(RegistryFault::LoginNeeded),
            401 => Err(RegistryFault::LoginRefused),
            403 => Err(RegistryFault::Denied {
                step: request.step,
                says: self.said(&answered.body),
            }),
            _ => Ok(answered),
        }
    }

    /// That it refuses, with its words.
    pub(super) fn refused(&self, step: &'static str, status: u16, body: &[u8]) -> RegistryFault {
        RegistryFault::Refused {
            step,
            status,
            says: self.said(body),
        }
    }

    /// What it says of a refusal, harmless and short; nothing where it repeats a credential.
    fn said(&self, body: &[u8]) -> String {
        let answer: Value = serde_json::from_slice(body).unwrap_or_default();
        let errors = answer.get("errors").and_then(Value::as_array);
        let errors = errors.into_iter().flatten();
        let messages = errors.filter_map(|error| {
            let text = |key: &str| error.get(key).and_then(Value::as_str);
            text("message").or_else(|| text("code"))
        });
        let text = messages.collect::<Vec<_>>().join("; ");
        if self
            .secrets
            .iter()
            .any(|secret| text.contains(secret.as_str()))
        {
            return "(not shown: it repeats a credential)".to_owned();
        }
        let short: String = text.chars().take(REPEATED).collect();
        escaped(short.as_bytes()).into_owned()
    }

    /// The addresses of a server, or of its proxy.
    fn addresses(&self, url: &HttpUrl) -> Result<Vec<SocketAddr>, RegistryFault> {
        self.addresses_of(&url.host, url.port)
    }

    fn addresses_of(&self, host: &Host, port: u16) -> Result<Vec<SocketAddr>, RegistryFault> {
        if let Host::Address(address) = host {
            return Ok(vec![SocketAddr::new(*address, port)]);
        }
        let name = host.to_string();
        let (_, addresses) = self.names.resolve(&name, port, self.deadline);
        addresses.map_err(|failure| {
            let says = escaped(failure.says.as_bytes()).into_owned();
            RegistryFault::Unreachable(says)
        })
    }

    /// One request and its response.
    fn exchange(
        &self,
        asked: &RegistryRequest<'_>,
        authorization: Option<&HeaderValue>,
    ) -> Result<RegistryResponse, RegistryFault> {
        let url = asked.url;
        let unreachable = RegistryFault::Unreachable;
        let is_here = match &url.host {
            Host::Name(name) => name == "localhost",
            Host::Address(address) => address.is_loopback(),
            Host::Zoned(..) => false,
        };
        let proxy = if is_here || !url.is_tls {
            None
        } else {
            self.proxies.proxy(url).map_err(unreachable)?
        };
        let addresses = match &proxy {
            Some(proxy) => self.addresses_of(&proxy.host, proxy.port)?,
            None => self.addresses(url)?,
        };
        if !url.is_tls && !addresses.iter().all(|address| address.ip().is_loopback()) {
            return Err(RegistryFault::PlainHttp);
        }
        let connected = connect(&Peer::Tcp(addresses), self.deadline)
            .map_err(|none| unreachable(format!("{}: {none}", none.dialled())))?;
        let stream = connected.wire.into_tcp();
        let stream = stream.ok_or_else(|| unreachable("no TCP connection".to_owned()))?;
        let tunnel = proxy.map(|proxy| Tunnel {
            authority: url.host_and_port(),
            authorization: proxy.authorization,
        });
        let name = url.host.to_string();
        let name = name.trim_end_matches('.');
        let mut handler = ResponseHandler {
            registry: self,
            url,
            head: None,
            body: Vec::new(),
            fault: None,
            step: asked.step,
            method: &asked.method,
        };
        let ended = exchange(
            HttpExchange {
                stream,
                tunnel,
                tls_name: url.is_tls.then_some(name),
                client: None,
                request: request(asked, authorization)?,
                deadline: self.deadline,
            },
            &mut handler,
        );
        let (fault, head, body) = (handler.fault.take(), handler.head.take(), handler.body);
        if let Err(error) = ended {
            return Err(fault.unwrap_or_else(|| broken(asked.step, &error)));
        }
        let head = head.ok_or(RegistryFault::Unexpected {
            step: asked.step,
            what: "a response",
        })?;
        Ok(RegistryResponse {
            status: head.status.as_u16(),
            headers: head.headers,
            body,
        })
    }
}

const TOKEN_STEP: &str = "asking for a token";

/// That no complete response came.
fn broken(step: &'static str, error: &ExchangeError) -> RegistryFault {
    if matches!(error, ExchangeError::Timeout(_)) {
        return RegistryFault::TimedOut { step };
    }
    RegistryFault::Exchange {
        step,
        says: escaped(error.to_string().as_bytes()).into_owned(),
    }
}

fn basic(user: &str, password: &str) -> String {
    format!(
        "Basic {}",
        BASE64.encode(format!("{user}:{password}").as_bytes())
    )
}

fn request(
    asked: &RegistryRequest<'_>,
    authorization: Option<&HeaderValue>,
) -> Result<Request<RequestBody>, RegistryFault> {
    let bad = |what| RegistryFault::Unexpected {
        step: asked.step,
        what,
    };
    let body = asked.body.as_ref().map(|(_, body)| body.clone());
    let length = body.as_ref().map_or(0, Bytes::len);
    let mut request = Request::new(RequestBody(body));
    *request.method_mut() = asked.method.clone();
    let path = asked.url.path.parse();
    *request.uri_mut() = path.map_err(|_| bad("a path that can be sent"))?;
    let host = HeaderValue::from_str(&asked.url.authority());
    let headers = request.headers_mut();
    headers.insert(HOST, host.map_err(|_| bad("a host that can be sent"))?);
    let agent = concat!("spyhole/", env!("CARGO_PKG_VERSION"));
    headers.insert(USER_AGENT, HeaderValue::from_static(agent));
    if let Some((media_type, _)) = &asked.body
        && let Ok(media_type) = HeaderValue::from_str(media_type)
    {
        headers.insert(CONTENT_TYPE, media_type);
    }
    if asked.method != Method::GET && asked.method != Method::HEAD {
        headers.insert(CONTENT_LENGTH, length.into());
    }
    if let Some(authorization) = authorization {
        headers.insert(AUTHORIZATION, authorization.clone());
    }
    Ok(request)
}

struct ResponseHandler<'a> {
    registry: &'a Registry,
    url: &'a HttpUrl,
    head: Option<Parts>,
    body: Vec<u8>,
    fault: Option<RegistryFault>,
    step: &'static str,
    method: &'a Method,
}

impl ExchangeHandler for ResponseHandler<'_> {
    fn shown(&mut self, server: ServerShown) -> Result<(), String> {
        let trust = &self.registry.trust;
        let (host, now) = (&self.url.host, SystemTime::now());
        let verdict = judge_server(host, &server, &trust.roots, trust.authorities, None, now);
        if verdict.judgement == Judgement::Verified && server.is_key_proved {
            return Ok(());
        }
        let mut why = escaped(because(&verdict).as_bytes()).into_owned();
        if let Some(whose) = trust.instead_of_given {
            why = why.replace("--ca", whose);
        }
        self.fault = Some(RegistryFault::Untrusted(why));
        Err(String::new())
    }

    fn head(&mut self, head: &Parts) -> bool {
        self.head = Some(head.clone());
        *self.method != Method::HEAD
    }

    fn body(&mut self, piece: &[u8]) -> Result<(), String> {
        self.body.extend_from_slice(piece);
        if self.body.len() <= BODY_BYTES {
            return Ok(());
        }
        self.fault = Some(RegistryFault::TooLong {
            step: self.step,
            bytes: BODY_BYTES,
        });
        Err(String::new())
    }
}

/// How a registry wants to be asked: by a token where it offers that (RFC 6750), else by a password.
fn challenge(headers: &HeaderMap, scope: &str) -> Result<Challenge, RegistryFault> {
    let offered = headers.get_all(WWW_AUTHENTICATE).iter();
    let offered: Vec<&str> = offered.filter_map(|value| value.to_str().ok()).collect();
    let of = |scheme: &str| {
        offered.iter().find_map(|value| {
            let (name, rest) = value.split_once(' ').unwrap_or((value, ""));
            name.eq_ignore_ascii_case(scheme).then_some(rest)
        })
    };
    if let Some(parameters) = of("bearer") {
        let realm = parameter(parameters, "realm");
        let realm = realm.ok_or(RegistryFault::LoginUnsupported)?;
        let service = parameter(parameters, "service").unwrap_or_default();
        let joint = if realm.contains('?') { '&' } else { '?' };
        let text = format!(
            "{realm}{joint}service={}&scope={}",
            utf8_percent_encode(service, NON_ALPHANUMERIC),
            utf8_percent_encode(scope, NON_ALPHANUMERIC),
        );
        let realm = HttpUrl::parse(&text).map_err(|_| RegistryFault::LoginUnsupported)?;
        return Ok(Challenge::Bearer { realm });
    }
    of("basic").map_or(Err(RegistryFault::LoginUnsupported), |_| {
        Ok(Challenge::Basic)
    })
}

/// The value of `NAME="VALUE"` in a list.
fn parameter<'a>(list: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = list;
    loop {
        let (key, after) = rest.split_once('=')?;
        let (value, next) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => after.split_once(',').unwrap_or((after, "")),
        };
        if key.trim_matches([' ', ',']).eq_ignore_ascii_case(name) {
            return Some(value);
        }
        rest = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(value: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(WWW_AUTHENTICATE, value.parse().unwrap());
        match challenge(&headers, "repository:a/b:pull,push").ok()? {
            Challenge::Basic => Some("basic".to_owned()),
            Challenge::Bearer { realm } => Some(realm.to_string()),
        }
    }

    #[test]
    fn a_challenge_is_read_in_any_order() {
        let of = |value| asked(value).unwrap_or_default();
        let expected =
            "https://t.example/x?service=r%2Eexample&scope=repository%3Aa%2Fb%3Apull%2Cpush";
        for value in [
            r#"Bearer realm="https://t.example/x",service="r.example""#,
            r#"bearer service="r.example", scope="a,b", realm="https://t.example/x""#,
        ] {
            assert_eq!(of(value), expected, "{value}");
        }
        assert_eq!(of(r#"Basic realm="Registry""#), "basic");
        assert!(of(r#"Bearer realm="https://t.example/x?a=b""#).contains("x?a=b&service="));
        for value in [
            "Negotiate",
            "Bearer",
            "Bearer realm=\"ftp://x\"",
            "Bearer realm=\"",
            "",
        ] {
            assert_eq!(asked(value), None, "{value}");
        }
    }
}
