//! What a command line calls a server.

use core::net::{IpAddr, Ipv6Addr};
use std::fmt;

use crate::model::tls::StartTls;

/// A server to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// A host and a port.
    Tcp(Host, u16),
    /// A path, or `@` and the name of an abstract socket.
    Unix(String),
}

/// A host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Host {
    /// To be resolved.
    Name(String),
    /// Known already.
    Address(IpAddr),
}

impl Endpoint {
    /// Reads `HOST`, `HOST:PORT`, `[ADDRESS]:PORT`, `unix:PATH` or a URL.
    pub(super) fn parse(text: &str, usual_port: u16) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            // As `unix:///run/x` is written by some.
            let path = path.strip_prefix("//").unwrap_or(path);
            return if path.starts_with('/') || path.len() > 1 && path.starts_with('@') {
                Ok(Self::Unix(path.to_owned()))
            } else {
                Err(format!(
                    "{text:?}: expected unix:/PATH, an absolute path as the target sees it"
                ))
            };
        }
        let (authority, port) = match text.split_once("://") {
            None => (text, usual_port),
            Some(("https" | "wss", rest)) => (authority(rest), 443),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (authority(rest), 443),
            Some(("ldaps", rest)) => (authority(rest), 636),
            Some((scheme, _)) => {
                return Err(format!(
                    "unsupported URL scheme {scheme:?}; use https, wss, ldaps or HOST:PORT"
                ));
            }
        };
        let (host, port) = split(authority, port)?;
        Ok(Self::Tcp(self::host(host)?, port))
    }
}

/// The authority of a URL without what names a user, which may hold a password.
fn authority(rest: &str) -> &str {
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let authority = rest.get(..end).unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default()
}

fn split(text: &str, usual_port: u16) -> Result<(&str, u16), String> {
    // An IPv6 address alone has colons of its own.
    if text.parse::<Ipv6Addr>().is_ok() {
        return Ok((text, usual_port));
    }
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, "")) => return Ok((host, usual_port)),
        Some((host, rest)) => (host, rest.strip_prefix(':').unwrap_or(rest)),
        None => match text.rsplit_once(':') {
            None => return Ok((text, usual_port)),
            Some(parts) => parts,
        },
    };
    match port.parse() {
        Ok(port @ 1..) => Ok((host, port)),
        _ => Err(format!(
            "{text:?}: {port:?} is not a port; expected HOST:PORT with 1 to 65535"
        )),
    }
}

fn host(text: &str) -> Result<Host, String> {
    if let Ok(address) = text.parse() {
        return Ok(Host::Address(address));
    }
    check_name(text)?;
    Ok(Host::Name(text.to_owned()))
}

/// Whether this can be a name of the DNS, in ASCII; underscores are taken, as others take them.
pub(super) fn check_name(name: &str) -> Result<(), String> {
    if !name.is_ascii() {
        return Err(format!("{name:?} is not ASCII; use its DNS form (xn--)"));
    }
    let bare = name.strip_suffix('.').unwrap_or(name);
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let label = |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(letter);
    if bare.len() > 253 || !bare.split('.').all(label) {
        return Err(format!(
            "{name:?} is not a host name or address; expected HOST:PORT, [ADDRESS]:PORT, \
             unix:PATH or https://HOST"
        ));
    }
    Ok(())
}

/// The port where a protocol usually listens.
pub(super) fn usual_port(starttls: Option<StartTls>) -> u16 {
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
            Self::Tcp(Host::Address(address), port) => {
                write!(f, "{}", core::net::SocketAddr::new(*address, *port))
            }
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
            ("https://api.internal", "api.internal:443"),
            ("https://me:pass@api:8443/v1?x=1:2", "api:8443"),
            ("HTTPS://[::1]/", "[::1]:443"),
            ("ldaps://dc", "dc:636"),
            ("unix:/run/app.sock", "unix:/run/app.sock"),
            ("unix:///run/app.sock", "unix:/run/app.sock"),
            ("unix:@app", "unix:@app"),
        ];
        for (text, shown) in cases {
            let parsed = Endpoint::parse(text, 443).map(|endpoint| endpoint.to_string());
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
        ];
        for (text, expected) in cases {
            let why = Endpoint::parse(text, 443).unwrap_err();
            assert!(why.contains(expected), "{text}: {why}");
        }
        let why = Endpoint::parse("ftp://me:pass@host", 443).unwrap_err();
        assert!(!why.contains("pass"), "{why}");
    }

    proptest::proptest! {
        #[test]
        fn no_text_does_harm(text: String) {
            if let Ok(endpoint) = Endpoint::parse(&text, 443) {
                let again = Endpoint::parse(&endpoint.to_string(), 443);
                proptest::prop_assert_eq!(again, Ok(endpoint));
            }
        }
    }
}
