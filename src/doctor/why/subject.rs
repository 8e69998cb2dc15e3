//! What is asked about.

use core::net::IpAddr;
use std::str::FromStr;

/// What `spyhole why` is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WhySubject {
    /// `:8080`, `127.0.0.1:8080` or `[::1]:8080`.
    Port {
        /// `None` for any.
        address: Option<IpAddr>,
        port: u16,
    },
    /// A process by its id.
    Pid(i32),
    /// Processes by name, or by the file name of their program.
    Name(String),
    /// A file, a directory or a Unix socket; `@NAME` is an abstract one.
    Path(String),
}

impl WhySubject {
    /// The path, where files may be open there.
    pub(crate) fn path(&self) -> Option<&str> {
        match self {
            Self::Path(path) => Some(path)
                .filter(|path| path.starts_with('/'))
                .map(String::as_str),
            _ => None,
        }
    }
}

impl FromStr for WhySubject {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("expected :PORT, PID, NAME or PATH".to_owned());
        }
        if text.starts_with(['/', '@']) {
            return Ok(Self::Path(text.to_owned()));
        }
        if let Ok(pid) = text.parse()
            && pid > 0
        {
            return Ok(Self::Pid(pid));
        }
        let Some((address, port)) = text.rsplit_once(':') else {
            return Ok(Self::Name(text.to_owned()));
        };
        let inner = address
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        let any = address.is_empty() || address == "*";
        let parsed: Option<IpAddr> = inner.unwrap_or(address).parse().ok();
        match port.parse() {
            Ok(port) if port > 0 && (any || parsed.is_some()) => Ok(Self::Port {
                address: parsed,
                port,
            }),
            _ if any => Err(format!("{port:?}: expected a port from 1 to 65535")),
            // As in `nginx: worker process` and `kworker/0:1`.
            _ => Ok(Self::Name(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_is_known() {
        let port = |address: Option<&str>, port| WhySubject::Port {
            address: address.map(|address| address.parse().unwrap()),
            port,
        };
        let cases = [
            (":8080", port(None, 8080)),
            ("*:80", port(None, 80)),
            ("127.0.0.1:80", port(Some("127.0.0.1"), 80)),
            ("[::1]:443", port(Some("::1"), 443)),
            ("17", WhySubject::Pid(17)),
            ("/data/x", WhySubject::Path("/data/x".to_owned())),
            ("@bus", WhySubject::Path("@bus".to_owned())),
            ("kworker/0:1", WhySubject::Name("kworker/0:1".to_owned())),
            ("nginx", WhySubject::Name("nginx".to_owned())),
        ];
        for (text, subject) in cases {
            assert_eq!(text.parse(), Ok(subject), "{text}");
        }
        for text in ["", ":0", ":65536", ":http"] {
            assert!(text.parse::<WhySubject>().is_err(), "{text}");
        }
    }
}
