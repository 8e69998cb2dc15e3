//! A server under test, and the little of HTTP that is needed to ask it.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;

use nix::sys::signal::Signal;

use crate::lab::process::Process;
use crate::lab::{Setup, spyhole};
use crate::patience::PATIENCE;

/// A token that nobody else has.
pub(crate) const TOKEN: &str = "a-token-for-the-tests-0123456789";

/// What its first line on stderr begins with.
const LISTENS: &str = "spyhole: listening on ";

/// `spyhole serve` on a loopback port; dropping it ends it.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    _process: Running,
}

enum Running {
    Here(#[expect(dead_code, reason = "held to be ended")] Process),
    InLab(#[expect(dead_code, reason = "held to be ended")] crate::lab::Container),
}

/// An answer, taken apart.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter();
        let found = found.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

impl Server {
    /// A server on this machine, with these words before `serve` and behind it.
    pub(crate) fn start(global: &[&str], own: &[&str], token: &Path) -> Self {
        let mut command = Command::new(spyhole());
        command
            .args(global)
            .args(["serve", "--listen", "127.0.0.1:0"]);
        command.args(["--access-log", "off"]).args(own);
        std::fs::write(token, TOKEN).unwrap();
        command.arg("--token-file").arg(token);
        let mut process = Process::start(&mut command, Signal::SIGTERM);
        let url = process.wait_for_word(LISTENS);
        Self::stand(&url, Running::Here(process))
    }

    /// The same in a container of the lab, reached through the host's network.
    pub(crate) fn in_lab(setup: Setup, own: &[&str]) -> Self {
        let setup = setup.share_net(false).host_net();
        let setup = setup.args(["serve", "--listen", "127.0.0.1:0", "--insecure-no-auth"]);
        let setup = setup.args(["--access-log", "off"]).args(own);
        let mut container = setup.start();
        let url = container.wait_for_word(LISTENS);
        Self::stand(&url, Running::InLab(container))
    }

    /// It has said where it listens.
    fn stand(url: &str, process: Running) -> Self {
        let address = url.split("://").nth(1).unwrap().trim_end_matches('/');
        Self {
            address: address.parse().unwrap(),
            _process: process,
        }
    }

    /// Asks for a path, with the token and these headers.
    pub(crate) fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let bearer = format!("Bearer {TOKEN}");
        let mut all = vec![("Authorization", bearer.as_str())];
        all.extend(headers);
        self.get_bare(path, &all)
    }

    /// Asks for a path with these headers and no others.
    pub(crate) fn get_bare(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        get(self.address, path, headers)
    }

    /// The metrics in the text format.
    pub(crate) fn metrics(&self) -> Metrics {
        let answer = self.get("/metrics", &[]);
        assert_eq!(answer.status, 200, "{}", answer.body);
        Metrics(answer.body)
    }
}

/// Asks over plain TCP and reads to the end of the connection.
pub(crate) fn get(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut head = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    for (name, value) in headers {
        write!(head, "{name}: {value}\r\n").unwrap();
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap();
    let header = |line: &str| {
        let (name, value) = line.split_once(':').unwrap();
        (name.to_owned(), value.trim().to_owned())
    };
    let headers: Vec<_> = lines.map(header).collect();
    let chunked = headers
        .iter()
        .any(|(name, value)| name.eq_ignore_ascii_case("transfer-encoding") && value == "chunked");
    Answer {
        status: status.parse().unwrap(),
        body: if chunked {
            unchunked(body)
        } else {
            body.to_owned()
        },
        headers,
    }
}

fn unchunked(mut text: &str) -> String {
    let mut whole = String::new();
    while let Some((length, rest)) = text.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).unwrap();
        if length == 0 {
            break;
        }
        whole.push_str(&rest[..length]);
        text = &rest[length + 2..];
    }
    whole
}

/// A loopback address that was free a moment ago.
pub(crate) fn free_address() -> SocketAddr {
    let probe = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    probe.local_addr().unwrap()
}

/// A scrape in the text format.
pub(crate) struct Metrics(pub(crate) String);

impl Metrics {
    /// The samples of a metric: labels as they are written, and the value.
    pub(crate) fn of(&self, name: &str) -> Vec<(&str, f64)> {
        let sample = |line: &'_ str| -> Option<(usize, usize)> {
            let rest = line.strip_prefix(name)?;
            let labelled = rest.starts_with('{');
            (labelled || rest.starts_with(' ')).then_some((name.len(), usize::from(labelled)))
        };
        let lines = self.0.lines();
        lines
            .filter_map(|line| {
                let (start, _) = sample(line)?;
                let (labels, value) = line[start..].rsplit_once(' ')?;
                Some((labels, value.parse().unwrap()))
            })
            .collect()
    }

    /// The one sample of a metric whose labels hold this.
    pub(crate) fn value(&self, name: &str, labels: &str) -> f64 {
        let found = self.of(name);
        let mut found = found.iter().filter(|(own, _)| own.contains(labels));
        let first = found
            .next()
            .unwrap_or_else(|| panic!("no {name} with {labels:?} in\n{}", self.0));
        assert!(found.next().is_none(), "several {name} with {labels:?}");
        first.1
    }

    /// Whether there is no sample of it at all.
    pub(crate) fn lacks(&self, name: &str) -> bool {
        self.of(name).is_empty()
    }
}
