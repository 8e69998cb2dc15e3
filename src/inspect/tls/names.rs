//! The addresses of a name, as the target's own files lead to them.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::time::Instant;

use nix::errno::Errno;

use super::SECTION;
use crate::inspect::view::View;
use crate::model::gap::{Reason, Refusal};
use crate::model::tls::{Failure, FailureReason, FilesOf, Resolution, ResolvedBy, Step};
use crate::sys::{Cut, own_file};
use resolver::{Files, Unresolved};

const RESOLV_CONF: &str = "/etc/resolv.conf";
const HOSTS: &str = "/etc/hosts";
/// A hosts file of a block list may have a hundred thousand lines; what is longer is none.
const FILE_LIMIT: usize = 8 << 20;
/// As many addresses are dialled in turn.
const ADDRESSES: usize = 16;

/// Resolves a name.
///
/// # Errors
/// What was tried, and why there is no address.
pub(in crate::inspect) fn resolve(
    view: &mut View,
    name: &str,
    alone: bool,
    deadline: Instant,
) -> Result<(Vec<IpAddr>, Resolution), Failure> {
    let (files, files_of) = files(view, alone);
    match resolver::resolve(name, &files, deadline) {
        Ok(mut found) => {
            found.addresses.truncate(ADDRESSES);
            let resolution = Resolution {
                by: found.by,
                full_name: found.full_name,
                server: found.server,
                files_of,
                addresses: found.addresses.iter().map(IpAddr::to_string).collect(),
                failed: found.failed,
            };
            Ok((found.addresses, resolution))
        }
        Err(failure) => Err(Failure {
            step: Step::Resolve,
            reason: reason(&failure),
            says: failure.to_string(),
            alert: None,
            server_said: None,
        }),
    }
}

/// The files of the target; where they cannot be read, those of spyhole's own container.
fn files(view: &mut View, alone: bool) -> (Files, FilesOf) {
    let read = |path: &str| -> Result<Vec<u8>, Refusal> {
        let Some(held) = view.held.as_ref() else {
            return Err(Refusal::of(Reason::Vanished));
        };
        let root = held.root(&view.visitor.viewer).map_err(Clone::clone)?;
        let mut buffer = Vec::new();
        match root.read(path.as_bytes(), FILE_LIMIT, &mut buffer) {
            Ok(Cut::Whole) => Ok(buffer),
            Ok(Cut::AtLimit) => Err(Refusal::of(Reason::Limit)),
            Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(Vec::new()),
            Err(errno) => Err(Refusal {
                errno: Some(format!("{errno:?}")),
                ..Refusal::of(match errno {
                    Errno::EACCES | Errno::EPERM => Reason::Denied,
                    _ => Reason::Io,
                })
            }),
        }
    };
    let both = read(RESOLV_CONF)
        .map_err(|refusal| (RESOLV_CONF, refusal))
        .and_then(|resolv_conf| match read(HOSTS) {
            Ok(hosts) => Ok(Files { resolv_conf, hosts }),
            Err(refusal) => Err((HOSTS, refusal)),
        });
    match both {
        Ok(files) if alone => (files, FilesOf::Viewer),
        Ok(files) => (files, FilesOf::Target),
        Err((path, refusal)) => {
            view.gaps.record(SECTION, "resolution", path, &refusal);
            let own =
                |path| own_file::contents(Path::new(path), FILE_LIMIT as u64).unwrap_or_default();
            let files = Files {
                resolv_conf: own(RESOLV_CONF),
                hosts: own(HOSTS),
            };
            (files, FilesOf::Viewer)
        }
    }
}

fn reason(failure: &Unresolved) -> FailureReason {
    match failure {
        Unresolved::UnknownName(_) => FailureReason::UnknownName,
    }
}

/// Stands in for `probe::dns`: knows `localhost` and the hosts file, and asks no server.
mod resolver {
    use super::{Instant, IpAddr, Ipv4Addr, Ipv6Addr, ResolvedBy};

    pub(super) struct Files {
        pub(super) resolv_conf: Vec<u8>,
        pub(super) hosts: Vec<u8>,
    }

    pub(super) struct Found {
        pub(super) addresses: Vec<IpAddr>,
        pub(super) by: ResolvedBy,
        pub(super) full_name: Option<String>,
        pub(super) server: Option<String>,
        pub(super) failed: Vec<String>,
    }

    #[derive(Debug, thiserror::Error)]
    pub(super) enum Unresolved {
        #[error("nobody knows {0}")]
        UnknownName(String),
    }

    pub(super) fn resolve(name: &str, files: &Files, _: Instant) -> Result<Found, Unresolved> {
        let found = |by, addresses| Found {
            addresses,
            by,
            full_name: None,
            server: None,
            failed: Vec::new(),
        };
        let _ = &files.resolv_conf;
        let hosts = String::from_utf8_lossy(&files.hosts).into_owned();
        let lines = hosts.lines().filter_map(|line| line.split('#').next());
        let addresses: Vec<IpAddr> = lines
            .filter_map(|line| {
                let mut words = line.split_whitespace();
                let address = words.next()?.parse().ok()?;
                words.any(|word| word == name).then_some(address)
            })
            .collect();
        if !addresses.is_empty() {
            return Ok(found(ResolvedBy::Hosts, addresses));
        }
        if name == "localhost" {
            let both = vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
            return Ok(found(ResolvedBy::Localhost, both));
        }
        Err(Unresolved::UnknownName(name.to_owned()))
    }
}
