//! Which proxy a request goes through, by the variables that curl, Go and Python know.

use core::net::IpAddr;

use data_encoding::BASE64;
use hyper::header::HeaderValue;

use super::url::HttpUrl;
use crate::probe::endpoint::{Endpoint, Host};

/// A proxy that speaks HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HttpProxy {
    /// Where it listens.
    pub host: Host,
    pub port: u16,
    /// `Proxy-Authorization`, where its URL names a user.
    pub authorization: Option<HeaderValue>,
}

/// The variables; in each pair the lower-case name counts first.
#[derive(Debug, Clone, Default)]
pub(crate) struct ProxyVariables {
    pub http: Option<String>,
    pub https: Option<String>,
    pub all: Option<String>,
    pub none: Option<String>,
}

impl ProxyVariables {
    /// Those that this function knows.
    pub(crate) fn of(variable: impl Fn(&str) -> Option<String>) -> Self {
        let either = |name: &str| {
            let upper = name.to_ascii_uppercase();
            variable(name)
                .or_else(|| variable(&upper))
                .filter(|value| !value.is_empty())
        };
        Self {
            http: either("http_proxy"),
            https: either("https_proxy"),
            all: either("all_proxy"),
            none: either("no_proxy"),
        }
    }

    /// These, with a proxy and with exceptions that are given in place of theirs.
    pub(super) fn overridden(self, proxy: Option<String>, no_proxy: Option<String>) -> Self {
        let none = no_proxy.or(self.none);
        match proxy {
            Some(proxy) => Self {
                http: None,
                https: None,
                all: Some(proxy),
                none,
            },
            None => Self { none, ..self },
        }
    }

    /// The proxy for a URL; `None`: none is used.
    ///
    /// # Errors
    /// That it cannot be used.
    pub(crate) fn proxy(&self, url: &HttpUrl) -> Result<Option<HttpProxy>, String> {
        let own = if url.is_tls { &self.https } else { &self.http };
        let Some(text) = own.as_ref().or(self.all.as_ref()) else {
            return Ok(None);
        };
        let exceptions = self.none.as_deref().unwrap_or_default();
        if is_exception(exceptions, &url.host, url.port) {
            return Ok(None);
        }
        HttpProxy::parse(text).map(Some)
    }
}

impl HttpProxy {
    /// Reads `[http://][USER:PASSWORD@]HOST[:PORT]`; of its errors no part of it is repeated, as it
    /// may hold a password.
    fn parse(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        if !scheme.eq_ignore_ascii_case("http") {
            let scheme: String = scheme.chars().take(16).collect();
            return Err(format!(
                "a proxy of the scheme {scheme:?} is not supported; use http"
            ));
        }
        let rest = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let (user, authority) = match rest.rsplit_once('@') {
            Some((user, authority)) => (Some(user), authority),
            None => (None, rest),
        };
        let wrong = || "the proxy is no URL such as http://HOST:PORT".to_owned();
        let endpoint = Endpoint::parse_authority(authority, Some(1080)).map_err(|_| wrong())?;
        let Endpoint::Tcp(host, port) = endpoint else {
            return Err(wrong());
        };
        let authorization = user.map(|user| {
            let user: Vec<u8> = percent_encoding::percent_decode_str(user).collect();
            let basic = BASE64.encode(&user);
            let mut value =
                HeaderValue::from_str(&format!("Basic {basic}")).map_err(|_| wrong())?;
            value.set_sensitive(true);
            Ok::<_, String>(value)
        });
        Ok(Self {
            host,
            port,
            authorization: authorization.transpose()?,
        })
    }
}

/// Whether `no_proxy` excepts a host: `*`, a name and all below it, an address, or a range of them.
fn is_exception(list: &str, host: &Host, port: u16) -> bool {
    let name = host.to_string();
    let name = name.trim_end_matches('.');
    let address = match host {
        Host::Address(address) => Some(address.to_canonical()),
        Host::Zoned(address, _) => Some(IpAddr::V6(*address)),
        Host::Name(_) => None,
    };
    let entries = list.split([',', ' ']).filter(|entry| !entry.is_empty());
    for entry in entries {
        if entry == "*" {
            return true;
        }
        if let Some(address) = address {
            let bare = entry.trim_start_matches('[').trim_end_matches(']');
            let is_same = bare.parse::<IpAddr>().is_ok_and(|other| other == address);
            if is_same || is_in_range(address, entry) {
                return true;
            }
            continue;
        }
        let (entry, is_port) = match entry.rsplit_once(':') {
            Some((entry, text)) => (entry, text.parse() == Ok(port)),
            None => (entry, true),
        };
        let entry = entry.trim_start_matches('.').trim_end_matches('.');
        let at = name.len().checked_sub(entry.len());
        let tail = at.and_then(|at| Some((name.get(..at)?, name.get(at..)?)));
        let is_below = tail.is_some_and(|(before, tail)| {
            tail.eq_ignore_ascii_case(entry) && (before.is_empty() || before.ends_with('.'))
        });
        if is_port && is_below && !entry.is_empty() {
            return true;
        }
    }
    false
}

fn is_in_range(address: IpAddr, range: &str) -> bool {
    let Some((base, bits)) = range.split_once('/') else {
        return false;
    };
    let (Ok(base), Ok(bits)) = (base.parse::<IpAddr>(), bits.parse::<u32>()) else {
        return false;
    };
    match (address, base) {
        (IpAddr::V4(address), IpAddr::V4(base)) if bits <= 32 => {
            let differs = address.to_bits() ^ base.to_bits();
            differs.leading_zeros() >= bits
        }
        (IpAddr::V6(address), IpAddr::V6(base)) if bits <= 128 => {
            let differs = address.to_bits() ^ base.to_bits();
            differs.leading_zeros() >= bits
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> ProxyVariables {
        ProxyVariables::of(|name| {
            let found = pairs.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    fn proxy(pairs: &[(&str, &str)], url: &str) -> Option<String> {
        let proxy = variables(pairs)
            .proxy(&HttpUrl::parse(url).unwrap())
            .unwrap();
        proxy.map(|proxy| format!("{}:{}", proxy.host, proxy.port))
    }

    #[test]
    fn the_scheme_of_the_url_chooses_the_variable() {
        let all = [
            ("http_proxy", "http://one:1"),
            ("HTTP_PROXY", "http://two:2"),
            ("HTTPS_PROXY", "three:3"),
        ];
        assert_eq!(proxy(&all, "http://a/").as_deref(), Some("one:1"));
        assert_eq!(proxy(&all, "https://a/").as_deref(), Some("three:3"));
        let one = [("ALL_PROXY", "four:4")];
        assert_eq!(proxy(&one, "http://a/").as_deref(), Some("four:4"));
        assert_eq!(proxy(&[("http_proxy", "")], "http://a/"), None);
    }

    #[test]
    fn what_is_given_takes_the_place_of_one_variable_each() {
        let url = HttpUrl::parse("http://a.svc/").unwrap();
        let own = || variables(&[("http_proxy", "one:1"), ("no_proxy", ".svc")]);
        let chosen = |proxy: Option<&str>, none: Option<&str>| {
            let given = own().overridden(proxy.map(Into::into), none.map(Into::into));
            given.proxy(&url).unwrap().map(|proxy| proxy.port)
        };
        assert_eq!(chosen(None, None), None);
        assert_eq!(chosen(None, Some("b")), Some(1));
        // As with curl, the exceptions of the environment hold for a proxy that is given.
        assert_eq!(chosen(Some("two:2"), None), None);
        assert_eq!(chosen(Some("two:2"), Some("b")), Some(2));
        assert_eq!(chosen(Some("two:2"), Some("*")), None);
    }

    #[test]
    fn no_proxy_names_hosts_domains_addresses_and_ranges() {
        let list = "localhost, .svc,example.com:8443 10.0.0.0/8,fd00::/8,192.168.1.1";
        let goes_direct =
            |url: &str| proxy(&[("all_proxy", "p:1"), ("NO_PROXY", list)], url).is_none();
        for url in [
            "http://localhost/",
            "http://a.svc/",
            "http://svc/",
            "http://A.SVC./",
            "http://example.com:8443/",
            "http://10.1.2.3/",
            "http://[fd00::1]/",
            "http://192.168.1.1/",
        ] {
            assert!(goes_direct(url), "{url}");
        }
        for url in [
            "http://example.com/",
            "http://asvc/",
            "http://11.1.2.3/",
            "http://192.168.1.10/",
            "http://localhost.example/",
        ] {
            assert!(!goes_direct(url), "{url}");
        }
    }

    #[test]
    fn the_password_of_a_proxy_goes_into_its_header_alone() {
        let with = |text: &str| HttpProxy::parse(text);
        let proxy = with("http://me:p%40ss@proxy:3128/").unwrap();
        assert_eq!(proxy.port, 3128);
        let header = proxy.authorization.clone().unwrap();
        assert_eq!(header.to_str().unwrap(), "Basic bWU6cEBzcw==");
        assert!(!format!("{proxy:?}").contains("bWU6"), "{proxy:?}");
        for text in [
            "socks5://me:secret@p:1",
            "http://me:secret@p:0",
            "http://me:secret@",
        ] {
            let why = with(text).unwrap_err();
            assert!(!why.contains("secret"), "{why}");
        }
    }
}
