//! URLs of HTTP: read, and followed where a server leads elsewhere (RFC 3986, 5.2).

use std::fmt;

use crate::probe::endpoint::{Endpoint, Host};

/// A URL of http or https.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HttpUrl {
    /// Whether it is https.
    pub is_tls: bool,
    /// The host.
    pub host: Host,
    /// The port.
    pub port: u16,
    /// The path with its query, at least `/`.
    pub path: String,
}

impl HttpUrl {
    /// A path below this URL, unless it leads to a document already.
    pub(crate) fn below(mut self, path: &str) -> Self {
        if !self.path.contains("/v1/") {
            let base = self.path.split('?').next().unwrap_or_default();
            self.path = format!("{}/{path}", base.trim_end_matches('/'));
        }
        self
    }

    /// Reads a URL; one without a scheme is http, as curl reads it.
    ///
    /// # Errors
    /// What was expected.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        let (is_tls, usual_port) = match scheme.to_ascii_lowercase().as_str() {
            "http" => (false, 80),
            "https" => (true, 443),
            _ => {
                return Err(format!(
                    "unsupported URL scheme {scheme:?}; use http or https"
                ));
            }
        };
        // The fragment is for the client alone.
        let rest = rest.split('#').next().unwrap_or_default();
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
        if authority.contains('@') {
            return Err(
                "a user name or password in a URL is not supported; use -H 'Authorization: …'"
                    .to_owned(),
            );
        }
        if !path.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(
                "the path contains a space or another character that must be written as %XX"
                    .to_owned(),
            );
        }
        let path = if path.starts_with('/') {
            path.to_owned()
        } else {
            format!("/{path}")
        };
        let Endpoint::Tcp(host, port) = Endpoint::parse_authority(authority, Some(usual_port))?
        else {
            return Err("expected a host".to_owned());
        };
        Ok(Self {
            is_tls,
            host,
            port,
            path,
        })
    }

    /// Where `Location` leads from here.
    ///
    /// # Errors
    /// That it is no URL of HTTP.
    pub(crate) fn join(&self, location: &str) -> Result<Self, String> {
        let location = location.split('#').next().unwrap_or_default();
        if has_scheme(location) {
            return if location.contains("://") {
                Self::parse(location)
            } else {
                Err("it leads to no URL of http or https".to_owned())
            };
        }
        if let Some(rest) = location.strip_prefix("//") {
            return Self::parse(&format!("{}://{rest}", self.scheme()));
        }
        let own_path = self.path.split('?').next().unwrap_or_default();
        let path = if location.is_empty() {
            self.path.clone()
        } else if location.starts_with('?') {
            format!("{own_path}{location}")
        } else if location.starts_with('/') {
            without_dots(location)
        } else {
            let folder = own_path.rfind('/').and_then(|end| own_path.get(..=end));
            without_dots(&format!("{}{location}", folder.unwrap_or("/")))
        };
        Self::parse(&format!("{}://{}{path}", self.scheme(), self.authority()))
    }

    /// Whether both are one server by one protocol.
    pub(crate) fn has_origin_of(&self, other: &Self) -> bool {
        let same_host = self
            .host
            .to_string()
            .eq_ignore_ascii_case(&other.host.to_string());
        same_host && self.is_tls == other.is_tls && self.port == other.port
    }

    /// `http` or `https`.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.is_tls { "https" } else { "http" }
    }

    /// The host, and the port where it is not the usual one: the header `Host`.
    pub(crate) fn authority(&self) -> String {
        let usual = if self.is_tls { 443 } else { 80 };
        if self.port == usual {
            self.bracketed_host()
        } else {
            self.host_and_port()
        }
    }

    /// Host and port, as `CONNECT` wants them.
    pub(crate) fn host_and_port(&self) -> String {
        format!("{}:{}", self.bracketed_host(), self.port)
    }

    fn bracketed_host(&self) -> String {
        match &self.host {
            Host::Name(name) => name.clone(),
            Host::Address(address) if address.is_ipv4() => address.to_string(),
            // A zone means nothing to the server.
            Host::Zoned(address, _) => format!("[{address}]"),
            Host::Address(address) => format!("[{address}]"),
        }
    }
}

impl fmt::Display for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme(), self.authority(), self.path)
    }
}

fn has_scheme(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
    })
}

/// A path without `.` and `..`; the query stays as it is.
fn without_dots(path: &str) -> String {
    let (path, query) = match path.find('?') {
        Some(at) => path.split_at_checked(at).unwrap_or((path, "")),
        None => (path, ""),
    };
    let mut parts: Vec<&str> = Vec::new();
    let mut open = false;
    for part in path.split('/').skip(1) {
        open = matches!(part, "." | "..");
        match part {
            "." => {}
            ".." => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    let end = if open && !parts.is_empty() { "/" } else { "" };
    format!("/{}{end}{query}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_as_curl_reads_them() {
        for (text, expected) in [
            ("http://a", "http://a/"),
            ("a:8080/x", "http://a:8080/x"),
            ("HTTPS://A/x?y#z", "https://A/x?y"),
            ("http://a:80?x", "http://a/?x"),
            ("http://[::1]:8080/", "http://[::1]:8080/"),
            ("[::1]/x", "http://[::1]/x"),
        ] {
            let url = HttpUrl::parse(text).map(|url| url.to_string());
            assert_eq!(url.as_deref(), Ok(expected), "{text}");
        }
        for text in [
            "ftp://a",
            "http://",
            "http://a:0/",
            "http://me:pw@a/",
            "http://a/b c",
        ] {
            let why = HttpUrl::parse(text).unwrap_err();
            assert!(!why.contains("pw"), "{why}");
        }
    }

    /// The examples of RFC 3986, 5.4, that are of HTTP.
    #[test]
    fn a_location_is_followed_as_rfc_3986_says() {
        let base = HttpUrl::parse("http://a/b/c/d;p?q").unwrap();
        for (location, expected) in [
            ("g", "http://a/b/c/g"),
            ("./g", "http://a/b/c/g"),
            ("g/", "http://a/b/c/g/"),
            ("/g", "http://a/g"),
            ("//g", "http://g/"),
            ("?y", "http://a/b/c/d;p?y"),
            ("g?y", "http://a/b/c/g?y"),
            ("g?y/./x", "http://a/b/c/g?y/./x"),
            ("g#s", "http://a/b/c/g"),
            ("", "http://a/b/c/d;p?q"),
            (".", "http://a/b/c/"),
            ("./", "http://a/b/c/"),
            ("..", "http://a/b/"),
            ("../g", "http://a/b/g"),
            ("../..", "http://a/"),
            ("../../../g", "http://a/g"),
            ("/../g", "http://a/g"),
            ("g;x=1/../y", "http://a/b/c/y"),
            ("https://b:1/x", "https://b:1/x"),
        ] {
            let url = base.join(location).map(|url| url.to_string());
            assert_eq!(url.as_deref(), Ok(expected), "{location}");
        }
        for location in ["mailto:x", "ftp://a", "javascript:1", "file:///etc/passwd"] {
            assert!(base.join(location).is_err(), "{location}");
        }
    }

    #[test]
    fn another_port_or_protocol_is_another_origin() {
        let one = HttpUrl::parse("https://a/x").unwrap();
        let same = |text: &str| one.has_origin_of(&HttpUrl::parse(text).unwrap());
        assert!(same("https://A:443/y"));
        for other in [
            "http://a:443/",
            "https://a:444/",
            "https://b/",
            "https://a./",
        ] {
            assert!(!same(other), "{other}");
        }
    }
}
