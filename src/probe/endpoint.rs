//! The address of a server as a command line or a check writes it: `HOST:PORT`,
//! `[ADDRESS]:PORT`, `unix:PATH` or a URL.

use core::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::fmt;

use crate::model::tls::StartTls;
use crate::parse::ip_literal::IpLiteral;

/// A server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// A host and a port.
    Tcp(Host, u16),
    /// An absolute path, or `@` and the name of an abstract socket.
    Unix(String),
}

/// A host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Host {
    /// To be resolved.
    Name(String),
    /// Known already.
    Address(IpAddr),
    /// An IPv6 address and the interface that it belongs to: `fe80::1%eth0`.
    Zoned(Ipv6Addr, String),
}

/// Bytes that the name of an abstract socket has room for.
const ABSTRACT_NAME: usize = 107;

/// Why a text names no server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EndpointError {
    /// A URL of a protocol without TLS, or of an unknown one.
    #[error("unsupported URL scheme {0:?}; use https, wss, ldaps or HOST:PORT")]
    Scheme(String),
    /// No absolute path, and no name of an abstract socket.
    #[error(
        "{0:?}: expected unix:/PATH, an absolute path as the target sees it, or unix:@NAME of at \
         most {ABSTRACT_NAME} bytes"
    )]
    UnixPath(String),
    /// Neither the text nor the protocol gives a port.
    #[error("{0:?}: the port is missing; expected HOST:PORT or [ADDRESS]:PORT")]
    NoPort(String),
    /// The port is no number from 1 to 65535.
    #[error("{text:?}: {port:?} is not a port; expected HOST:PORT with 1 to 65535")]
    Port { text: String, port: String },
    /// No IPv6 address between brackets.
    #[error("{0:?}: expected an IPv6 address in brackets, [::1]:PORT")]
    Brackets(String),
    /// A name that the DNS holds in another form.
    #[error("{0:?} is not ASCII; use its DNS form (xn--)")]
    NotAscii(String),
    /// No name of the DNS.
    #[error(
        "{0:?} is not a host name or address; expected HOST:PORT, [ADDRESS]:PORT, unix:PATH or \
         https://HOST"
    )]
    Name(String),
}

/// For the errors of a command line, which are sentences.
impl From<EndpointError> for String {
    fn from(error: EndpointError) -> Self {
        error.to_string()
    }
}

impl Endpoint {
    /// Reads `HOST`, `HOST:PORT`, `[ADDRESS]:PORT`, `unix:PATH` or a URL of a protocol over TLS.
    /// Without a usual port, one must be given or follow from the URL.
    ///
    /// # Errors
    /// [`EndpointError`], which says what was expected.
    pub(crate) fn parse(text: &str, usual_port: Option<u16>) -> Result<Self, EndpointError> {
        if text.starts_with("unix:") {
            return Self::parse_unix(text);
        }
        let (authority, port) = match text.split_once("://") {
            None => (text, usual_port),
            Some(("https" | "wss", rest)) => (authority(rest), Some(443)),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => {
                (authority(rest), Some(443))
            }
            Some(("ldaps", rest)) => (authority(rest), Some(636)),
            Some((scheme, _)) => {
                return Err(EndpointError::Scheme(scheme.to_owned()));
            }
        };
        Self::parse_authority(authority, port)
    }

    /// Reads `HOST:PORT`, `[ADDRESS]:PORT` or `unix:PATH`.
    ///
    /// # Errors
    /// As for [`Endpoint::parse`].
    pub(crate) fn parse_host_port(text: &str) -> Result<Self, EndpointError> {
        if text.starts_with("unix:") {
            return Self::parse_unix(text);
        }
        Self::parse_authority(text, None)
    }

    /// Reads `HOST`, `HOST:PORT` or `[ADDRESS]:PORT`.
    ///
    /// # Errors
    /// As for [`Endpoint::parse`].
    pub(crate) fn parse_authority(
        text: &str,
        usual_port: Option<u16>,
    ) -> Result<Self, EndpointError> {
        let (host, port) = split(text, usual_port)?;
        Ok(Self::Tcp(self::host(host)?, port))
    }

    fn parse_unix(text: &str) -> Result<Self, EndpointError> {
        let path = text.strip_prefix("unix:").unwrap_or(text);
        // As `unix:///run/x` is written by some.
        let path = path.strip_prefix("//").unwrap_or(path);
        let is_abstract = path.starts_with('@') && (2..=ABSTRACT_NAME + 1).contains(&path.len());
        let is_path = path.starts_with('/') && !path.ends_with('/') && !path.contains('\0');
        if is_abstract || is_path {
            return Ok(Self::Unix(path.to_owned()));
        }
        Err(EndpointError::UnixPath(text.to_owned()))
    }
}

impl Host {
    /// Whether it means another machine in another network namespace: loopback, unspecified and
    /// link-local addresses.
    #[must_use]
    pub(crate) fn is_of_namespace(&self) -> bool {
        match self {
            Self::Name(_) => false,
            Self::Address(address) => is_of_namespace(*address),
            Self::Zoned(..) => true,
        }
    }
}

/// Whether an address means another machine in another network namespace.
#[must_use]
pub(crate) fn is_of_namespace(address: IpAddr) -> bool {
    let address = address.to_canonical();
    let link_local = matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local());
    address.is_loopback() || address.is_unspecified() || link_local
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(address) => address.fmt(f),
            Self::Zoned(address, zone) => write!(f, "{address}%{zone}"),
        }
    }
}

/// The authority of a URL without what names a user, which may hold a password.
fn authority(rest: &str) -> &str {
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let authority = rest.get(..end).unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default()
}

fn split(text: &str, usual_port: Option<u16>) -> Result<(&str, u16), EndpointError> {
    let usual = || usual_port.ok_or_else(|| EndpointError::NoPort(text.to_owned()));
    // A bare IPv6 address contains colons.
    if IpLiteral::parse(text.as_bytes()).is_some_and(|literal| literal.ip.is_ipv6()) {
        return Ok((text, usual()?));
    }
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let address = |host: &&str| {
            let literal = IpLiteral::parse(host.as_bytes());
            literal.is_some_and(|literal| literal.ip.is_ipv6())
        };
        let closed = rest
            .split_once(']')
            .filter(|(host, _)| address(host))
            .ok_or_else(|| EndpointError::Brackets(text.to_owned()))?;
        match closed {
            (host, "") => return Ok((host, usual()?)),
            (host, rest) => (host, rest.strip_prefix(':').unwrap_or(rest)),
        }
    } else {
        match text.rsplit_once(':') {
            None => return Ok((text, usual()?)),
            Some(parts) => parts,
        }
    };
    let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    match port.parse() {
        Ok(port @ 1..) if digits => Ok((host, port)),
        _ => Err(EndpointError::Port {
            text: text.to_owned(),
            port: port.to_owned(),
        }),
    }
}

fn host(text: &str) -> Result<Host, EndpointError> {
    match IpLiteral::parse(text.as_bytes()) {
        Some(IpLiteral {
            ip: IpAddr::V6(address),
            zone: Some(zone),
        }) => Ok(Host::Zoned(address, zone.to_owned())),
        Some(literal) => Ok(Host::Address(literal.ip)),
        None => {
            check_name(text)?;
            Ok(Host::Name(text.to_owned()))
        }
    }
}

/// Whether this can be a name of the DNS, in ASCII; underscores are taken, as others take them.
pub(crate) fn check_name(name: &str) -> Result<(), EndpointError> {
    if !name.is_ascii() {
        return Err(EndpointError::NotAscii(name.to_owned()));
    }
    let bare = name.strip_suffix('.').unwrap_or(name);
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let label = |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(letter);
    if bare.len() > 253 || !bare.split('.').all(label) {
        return Err(EndpointError::Name(name.to_owned()));
    }
    Ok(())
}

/// The port where a protocol usually listens.
pub(crate) fn usual_port(starttls: Option<StartTls>) -> u16 {
    match starttls {
        None => 443,
        Some(StartTls::Smtp) => 25,
        Some(StartTls::Imap) => 143,
        Some(StartTls::Pop3) => 110,
        Some(StartTls::Ftp) => 21,
        Some(StartTls::Ldap) => 389,
        Some(StartTls::Postgres) => 5432,
        Some(StartTls::Mysql) => 3306,
        Some(StartTls::Xmpp) => 5222,
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{path}"),
            Self::Tcp(Host::Name(name), port) => write!(f, "{name}:{port}"),
            Self::Tcp(Host::Address(address), port) => SocketAddr::new(*address, *port).fmt(f),
            Self::Tcp(host @ Host::Zoned(..), port) => write!(f, "[{host}]:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_name_a_server() {
        let cases = [
            ("api.internal", "api.internal:443"),
            ("api:8443", "api:8443"),
            ("my_svc.ns.svc.:1", "my_svc.ns.svc.:1"),
            ("10.0.0.1:6443", "10.0.0.1:6443"),
            ("::1", "[::1]:443"),
            ("[::1]", "[::1]:443"),
            ("[2001:db8::1]:8443", "[2001:db8::1]:8443"),
            ("[fe80::1%eth0]:8443", "[fe80::1%eth0]:8443"),
            ("fe80::1%eth0", "[fe80::1%eth0]:443"),
            ("https://api.internal", "api.internal:443"),
            ("https://me:pass@api:8443/v1?x=1:2", "api:8443"),
            ("HTTPS://[::1]/", "[::1]:443"),
            ("ldaps://dc", "dc:636"),
            ("unix:/run/app.sock", "unix:/run/app.sock"),
            ("unix:///run/app.sock", "unix:/run/app.sock"),
            ("unix:@app", "unix:@app"),
        ];
        for (text, shown) in cases {
            let parsed = Endpoint::parse(text, Some(443)).map(|endpoint| endpoint.to_string());
            assert_eq!(parsed.as_deref(), Ok(shown), "{text}");
        }
    }

    #[test]
    fn what_names_no_server_says_what_was_expected() {
        let cases = [
            ("", "HOST:PORT"),
            ("api:0", "port"),
            ("api:http", "port"),
            ("api:70000", "port"),
            ("[::1]8443x", "port"),
            ("a b", "HOST:PORT"),
            ("a..b", "HOST:PORT"),
            ("bücher.example", "xn--"),
            ("http://api", "HOST:PORT"),
            ("unix:run/app.sock", "unix:/PATH"),
            ("unix:@", "unix:/PATH"),
            ("unix:/", "unix:/PATH"),
            ("[::1", "brackets"),
            ("[::1]8443:1", "port"),
            ("[api]:443", "brackets"),
            (":443", "HOST:PORT"),
            ("api:+443", "port"),
            ("api:", "port"),
            ("me@api:443", "HOST:PORT"),
        ];
        for (text, expected) in cases {
            let why = Endpoint::parse(text, Some(443)).unwrap_err().to_string();
            assert!(why.contains(expected), "{text}: {why}");
        }
        let why = Endpoint::parse("ftp://me:pass@host", Some(443))
            .unwrap_err()
            .to_string();
        assert!(!why.contains("pass"), "{why}");
    }

    #[test]
    fn a_port_that_is_not_usual_must_be_given() {
        for text in ["db", "10.0.0.1", "::1", "[::1]", "::1:80"] {
            let why = Endpoint::parse_host_port(text).unwrap_err();
            assert_eq!(why, EndpointError::NoPort(text.to_owned()));
        }
        for text in ["db:1", "[::1]:1", "unix:/run/x", "https://db"] {
            Endpoint::parse(text, None).unwrap();
        }
        Endpoint::parse_host_port("https://db:1").unwrap_err();
    }

    #[test]
    fn what_means_another_machine_elsewhere() {
        for text in [
            "127.0.0.1",
            "127.9.9.9",
            "::1",
            "0.0.0.0",
            "::",
            "::ffff:127.0.0.1",
            "fe80::1",
        ] {
            assert!(is_of_namespace(text.parse().unwrap()), "{text}");
        }
        for text in ["10.0.0.1", "169.254.169.254", "2001:db8::1", "fd00::1"] {
            assert!(!is_of_namespace(text.parse().unwrap()), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_does_harm(text: String) {
            if let Ok(endpoint) = Endpoint::parse(&text, Some(443)) {
                let again = Endpoint::parse(&endpoint.to_string(), Some(443));
                proptest::prop_assert_eq!(again, Ok(endpoint));
            }
        }
    }
}
