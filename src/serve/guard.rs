//! Authentication: one decision for every route, and no by default.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use data_encoding::HEXLOWER;
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN};
use hyper::{Request, StatusCode, Uri};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::caller::Caller;
use super::options::{ServeOptions, TOKEN_FILE_VARIABLE};
use super::page;
use super::problem::{HttpError, Problem};
use super::reloading_file::ReloadingFile;
use super::routes::Access;
use super::tokens::{GivenTokens, TokenDigest, digest};
use crate::sys;

/// Each refusal in a row makes the next one wait longer, up to so long.
const SLOWEST: Duration = Duration::from_secs(1);
const SLOWER: Duration = Duration::from_millis(20);
/// After so long without a refusal it begins anew.
const FORGIVEN: Duration = Duration::from_secs(10);
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What decides.
pub(super) struct Guard {
    token: Token,
    /// As printed at the start, where no file was named.
    made: Option<String>,
    public_metrics: bool,
    allowed_hosts: Vec<String>,
    refused: AtomicU64,
    row: Mutex<(u32, Instant)>,
}

enum Token {
    File(ReloadingFile<TokenDigest>),
    Made(TokenDigest),
    /// `--token-stdin`.
    Given(GivenTokens),
    /// `--insecure-no-auth`.
    NotAsked,
}

/// Why a request is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admitted {
    /// By a token or a certificate.
    Known,
    /// As everybody is who asks for this.
    Anybody,
}

impl Guard {
    /// Reads the token, or makes one.
    ///
    /// # Errors
    /// A sentence that names the file and what was expected.
    pub(super) fn of(options: &ServeOptions) -> Result<Self, String> {
        let mut made = None;
        let named = |why| {
            format!("cannot use the token file: {why}; set {TOKEN_FILE_VARIABLE} or --token-file")
        };
        let token = match &options.token_file {
            _ if options.insecure_no_auth => Token::NotAsked,
            _ if options.token_stdin => Token::Given(GivenTokens::default()),
            Some(path) => {
                Token::File(ReloadingFile::read(vec![path.clone()], digest).map_err(named)?)
            }
            None => {
                let random = sys::random::key().map_err(|error| {
                    format!(
                        "cannot get random bytes: \
                        {error}"
                    )
                })?;
                let text = HEXLOWER.encode(&random);
                let digest = Sha256::digest(text.as_bytes()).into();
                made = Some(text);
                Token::Made(digest)
            }
        };
        Ok(Self {
            token,
            // With client certificates, a token is required only if one was configured.
            made: made.filter(|_| options.client_ca.is_none()),
            public_metrics: options.public_metrics,
            allowed_hosts: options
                .allowed_host
                .iter()
                .map(|name| name.to_ascii_lowercase())
                .collect(),
            refused: AtomicU64::new(0),
            row: Mutex::new((0, Instant::now())),
        })
    }

    /// The token that was made for this run.
    pub(super) fn made_token(&self) -> Option<&str> {
        self.made.as_deref()
    }

    /// How many were refused for want of the right token.
    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Why the newest token file could not be used, once.
    pub(super) fn take_fault(&self) -> Option<String> {
        match &self.token {
            Token::File(file) => file.take_fault(),
            Token::Made(_) | Token::Given(_) | Token::NotAsked => None,
        }
    }

    /// Where tokens that come by stdin are kept.
    pub(super) fn given_tokens(&self) -> Option<&GivenTokens> {
        match &self.token {
            Token::Given(tokens) => Some(tokens),
            Token::File(_) | Token::Made(_) | Token::NotAsked => None,
        }
    }

    /// Decides for one request. `access` is `None` for a path that no route has: whoever may
    /// not ask learns nothing of which paths there are.
    ///
    /// # Errors
    /// What to answer.
    pub(super) fn admit(
        &self,
        access: Option<Access>,
        caller: &Caller,
        request: &Request<Incoming>,
    ) -> Result<Admitted, HttpError> {
        let (uri, headers) = (request.uri(), request.headers());
        self.named_rightly(caller, uri, headers)?;
        let is_link = access == Some(Access::Page) && page::is_navigation(request);
        same_site(headers, is_link)?;
        token_not_in_url(uri)?;
        let public = match access {
            Some(Access::Public | Access::Page) => true,
            Some(Access::Metrics) => self.public_metrics,
            Some(Access::Guarded) | None => false,
        };
        if caller.client_certificate {
            return Ok(Admitted::Known);
        }
        if public || matches!(self.token, Token::NotAsked) {
            return Ok(Admitted::Anybody);
        }
        if self.holds_token(headers) {
            return Ok(Admitted::Known);
        }
        Err(self.refuse(headers))
    }

    /// Whether the client is authenticated.
    pub(super) fn knows(&self, caller: &Caller, headers: &HeaderMap) -> bool {
        caller.client_certificate || self.holds_token(headers)
    }

    /// A page of another site that had its name resolved to this address calls it by that name.
    fn named_rightly(
        &self,
        caller: &Caller,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Result<(), Problem> {
        let mut hosts = headers.get_all(HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else {
            return Err(Problem::bad("expected exactly one Host header"));
        };
        let host = host.to_str().unwrap_or_default();
        // Which of the two counts is what servers and proxies disagree on.
        if uri.authority().is_some_and(|authority| authority != host) {
            return Err(Problem::bad(
                "the Host header and the URL name different servers",
            ));
        }
        let Some(name) = without_port(host).map(str::to_ascii_lowercase) else {
            return Err(Problem::bad(
                "expected a host name or address in Host, optionally with a port",
            ));
        };
        let address: Option<IpAddr> = name.parse().ok();
        let known = match address {
            Some(address) => {
                let address = address.to_canonical();
                address.is_loopback()
                    || caller.ends.local.map(|local| local.to_canonical()) == Some(address)
            }
            None => name == "localhost",
        };
        if known || self.allowed_hosts.contains(&name) {
            return Ok(());
        }
        Err(Problem::new(
            StatusCode::MISDIRECTED_REQUEST,
            "Host not allowed; use --allowed-host NAME to allow it",
        ))
    }

    fn holds_token(&self, headers: &HeaderMap) -> bool {
        let mut given = headers.get_all(AUTHORIZATION).iter();
        let (Some(value), None) = (given.next(), given.next()) else {
            return false;
        };
        let Some((scheme, token)) = value.to_str().ok().and_then(|text| text.split_once(' '))
        else {
            return false;
        };
        let given: TokenDigest = Sha256::digest(token.trim().as_bytes()).into();
        let is = |right: &TokenDigest| bool::from(given.ct_eq(right));
        let right = match &self.token {
            Token::NotAsked => false,
            Token::Made(digest) => is(digest),
            Token::File(file) => is(&file.get()),
            Token::Given(tokens) => tokens.any(is),
        };
        scheme.eq_ignore_ascii_case("bearer") && right
    }

    fn refuse(&self, headers: &HeaderMap) -> HttpError {
        self.refused.fetch_add(1, Ordering::Relaxed);
        let mut row = self.row.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, last) = &mut *row;
        if last.elapsed() > FORGIVEN {
            *count = 0;
        }
        let mut after = Duration::ZERO;
        // Who shows nothing has guessed nothing.
        if headers.contains_key(AUTHORIZATION) {
            *count = count.saturating_add(1);
            *last = Instant::now();
            after = SLOWER.saturating_mul(*count).min(SLOWEST);
        }
        let problem = Problem::new(
            StatusCode::UNAUTHORIZED,
            "expected a valid token in the header Authorization: Bearer $TOKEN",
        );
        HttpError {
            after,
            challenge: true,
            ..problem.into()
        }
    }
}

/// A browser says where a request comes from; what comes from another site is not meant for us, but
/// for a link to the page.
fn same_site(headers: &HeaderMap, is_link: bool) -> Result<(), Problem> {
    let refused = || {
        Err(Problem::new(
            StatusCode::FORBIDDEN,
            "cross-site requests are not allowed",
        ))
    };
    let own = |site: &HeaderValue| site == "same-origin" || site == "none";
    if !is_link && !headers.get_all(FETCH_SITE).iter().all(own) {
        return refused();
    }
    let host = headers.get(HOST).map(HeaderValue::as_bytes);
    let own = |origin: &HeaderValue| {
        let origin = origin.to_str().unwrap_or_default();
        let authority = origin.split_once("://").map(|(_, rest)| rest.as_bytes());
        authority.is_some() && authority == host
    };
    if !headers.get_all(ORIGIN).iter().all(own) {
        return refused();
    }
    Ok(())
}

/// URLs end up in histories, logs and referrers.
fn token_not_in_url(uri: &Uri) -> Result<(), Problem> {
    let names = ["token", "access_token", "bearer", "authorization"];
    let query = uri.query().unwrap_or_default();
    let given = query
        .split('&')
        .map(|pair| pair.split('=').next().unwrap_or_default());
    let mut given = given.map(str::to_ascii_lowercase);
    if given.any(|name| names.contains(&name.as_str())) {
        return Err(Problem::bad(
            "a token in a URL ends up in logs; send it as Authorization: Bearer $TOKEN",
        ));
    }
    Ok(())
}

/// The name or address in a Host header; `None` where it is anything but that and a port.
fn without_port(host: &str) -> Option<&str> {
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => host.split_at(host.find(':').unwrap_or(host.len())),
    };
    let is_port = port.is_empty()
        || port.strip_prefix(':').is_some_and(|digits| {
            digits.bytes().all(|byte| byte.is_ascii_digit()) && digits.parse::<u16>().is_ok()
        });
    (is_port && !name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_host_is_a_name_and_perhaps_a_port() {
        for (host, name) in [
            ("localhost", Some("localhost")),
            ("localhost:7794", Some("localhost")),
            ("[::1]", Some("::1")),
            ("[::1]:7794", Some("::1")),
            ("localhost:", None),
            ("localhost:7794x", None),
            ("localhost:65536", None),
            ("[::1]7794", None),
            ("[]", None),
            (":7794", None),
        ] {
            assert_eq!(without_port(host), name, "{host}");
        }
    }

    #[test]
    fn only_an_origin_that_is_the_host_is_of_this_site() {
        let judged = |origin: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, HeaderValue::from_static("localhost:7794"));
            headers.insert(ORIGIN, HeaderValue::from_static(origin));
            same_site(&headers, false).is_ok()
        };
        assert!(judged("http://localhost:7794"));
        for other in [
            "http://localhost",
            "localhost:7794",
            "null",
            "",
            "http://",
            "http://x://localhost:7794",
        ] {
            assert!(!judged(other), "{other}");
        }
    }

    proptest! {
        #[test]
        fn no_host_is_taken_for_one_that_it_only_holds(host in "[a-z0-9.:\\[\\]@/ ]{0,40}") {
            if let Some(name) = without_port(&host) {
                let begins = host.strip_prefix('[').unwrap_or(&host).starts_with(name);
                let rest = host.len() - name.len();
                prop_assert!(begins && !name.is_empty() && rest <= "[]:".len() + 20, "{host}: {name}");
                prop_assert!(host.starts_with('[') || !name.contains(':'), "{host}: {name}");
            }
        }

        #[test]
        fn any_bytes_in_headers_are_judged(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                let mut headers = HeaderMap::new();
                headers.insert(HOST, HeaderValue::from_static("localhost"));
                headers.insert(ORIGIN, value.clone());
                headers.insert(FETCH_SITE, value);
                prop_assert!(same_site(&headers, false).is_err());
                prop_assert!(same_site(&headers, true).is_err());
            }
        }
    }
}
