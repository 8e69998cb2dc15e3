//! A server whose metrics are read.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;

use crate::lab::{Setup, spyhole};
use crate::support::http::{Reply, get};
use crate::support::server;

/// A token that nobody else has.
pub(crate) const TOKEN: &str = "a-token-for-the-tests-0123456789";

/// `spyhole serve` on a loopback port; dropping it ends it.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    _process: Running,
}

enum Running {
    Here(#[expect(dead_code, reason = "held to be ended")] server::Server),
    InLab(#[expect(dead_code, reason = "held to be ended")] crate::lab::Container),
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
        let server = server::Server::run(&mut command);
        Self {
            address: server.address(),
            _process: Running::Here(server),
        }
    }

    /// The same in a container of the lab, reached through the host's network.
    pub(crate) fn in_lab(setup: Setup, own: &[&str]) -> Self {
        let setup = setup.share_net(false).host_net();
        let setup = setup.args(["serve", "--listen", "127.0.0.1:0", "--insecure-no-auth"]);
        let setup = setup.args(["--access-log", "off"]).args(own);
        let mut container = setup.start();
        let url = container.wait_for_word(server::LISTENS);
        Self {
            address: server::address_of(&url),
            _process: Running::InLab(container),
        }
    }

    /// Asks for a path, with the token and these headers.
    pub(crate) fn get(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        let bearer = format!("Bearer {TOKEN}");
        let mut all = vec![("Authorization", bearer.as_str())];
        all.extend(headers);
        self.get_bare(path, &all)
    }

    /// Asks for a path with these headers and no others.
    pub(crate) fn get_bare(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        get(self.address, path, headers)
    }

    /// The metrics in the text format.
    pub(crate) fn metrics(&self) -> Metrics {
        let answer = self.get("/metrics", &[]);
        assert_eq!(answer.status, 200, "{}", answer.text());
        Metrics(answer.text())
    }
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
