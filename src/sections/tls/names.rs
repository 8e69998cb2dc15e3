//! The addresses of a name, as the target's own files lead to them.

use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Instant;

use nix::errno::Errno;

use crate::model::gap::{Reason, Refusal, SectionGaps};
use crate::model::tls::{Failure, FilesOf, Resolution, Step};
use crate::parse::resolv_conf::ResolvConf;
use crate::probe::dns::{self, Files};
use crate::scan::Scan;
use crate::sys::file_limits;
use crate::sys::{Truncation, own_file, remote_fs};

pub(crate) const RESOLV_CONF: &str = "/etc/resolv.conf";
pub(crate) const HOSTS: &str = "/etc/hosts";
/// As many addresses are dialled in turn.
const ADDRESSES: usize = 16;

/// The files that know names. What is `None` does not exist.
pub(crate) struct NameFiles {
    resolv_conf: Option<Vec<u8>>,
    hosts: Option<Vec<u8>>,
    /// Whose they are.
    pub files_of: FilesOf,
    /// Which of the target's could not be read, and why.
    pub refused: Option<(&'static str, Refusal)>,
}

impl NameFiles {
    /// Those of the target; where they cannot be read, those of spyhole's own container. `alone`:
    /// the target is spyhole's own container.
    pub(crate) fn read(scan: &Scan, alone: bool) -> Self {
        let read = |path: &'static str| read(scan, path).map_err(|refusal| (path, refusal));
        let both = read(RESOLV_CONF).and_then(|resolv_conf| Ok((resolv_conf, read(HOSTS)?)));
        match both {
            Ok((resolv_conf, hosts)) => Self {
                resolv_conf,
                hosts,
                files_of: if alone {
                    FilesOf::Viewer
                } else {
                    FilesOf::Target
                },
                refused: None,
            },
            Err(refused) => Self {
                refused: Some(refused),
                ..Self::of_viewer()
            },
        }
    }

    /// Those of spyhole's own container.
    pub(crate) fn of_viewer() -> Self {
        let own = |path| own_file::contents(Path::new(path), file_limits::NAMES as u64).ok();
        Self {
            resolv_conf: own(RESOLV_CONF),
            hosts: own(HOSTS),
            files_of: FilesOf::Viewer,
            refused: None,
        }
    }

    /// Records what could not be read of the target.
    pub(crate) fn record(&self, gaps: &mut SectionGaps<'_>) {
        if let Some((path, refusal)) = &self.refused {
            gaps.record("resolution", *path, refusal);
        }
    }

    /// The name servers, by address; those that are asked where none is named.
    pub(crate) fn servers(&self) -> Vec<IpAddr> {
        let conf = ResolvConf::parse(self.resolv_conf.as_deref().unwrap_or_default());
        let servers: Vec<IpAddr> = conf.servers.iter().map(|server| server.ip).collect();
        if servers.is_empty() {
            return vec![IpAddr::from(Ipv4Addr::LOCALHOST)];
        }
        servers
    }

    /// What they say.
    pub(crate) fn files(&self) -> Files<'_> {
        Files {
            resolv_conf: self.resolv_conf.as_deref(),
            hosts: self.hosts.as_deref(),
        }
    }

    /// The addresses of a name with the port, how they were found, and why there are none.
    pub(crate) fn resolve(
        &self,
        name: &str,
        port: u16,
        deadline: Instant,
    ) -> (Option<Resolution>, Result<Vec<SocketAddr>, Failure>) {
        match dns::resolve(name, &self.files(), deadline) {
            Ok(mut found) => {
                found.addresses.truncate(ADDRESSES);
                let sockets = found.addresses.iter();
                let sockets = sockets.map(|address| address.at(port));
                (found.resolution(self.files_of), Ok(sockets.collect()))
            }
            Err(failure) => {
                let failed = Failure {
                    step: Step::Resolve,
                    reason: failure.reason(),
                    says: failure.to_string(),
                    alert: None,
                    server_said: None,
                };
                (Some(failure.resolution(self.files_of)), Err(failed))
            }
        }
    }
}

fn read(scan: &Scan, path: &str) -> Result<Option<Vec<u8>>, Refusal> {
    let Some(held) = scan.target.as_ref() else {
        return Err(Refusal::of(Reason::Vanished));
    };
    let root = held.root(&scan.reader.viewer).map_err(Clone::clone)?;
    let mut buffer = Vec::new();
    match root.read(path.as_bytes(), file_limits::NAMES, &mut buffer) {
        Ok(Truncation::Whole) => Ok(Some(buffer)),
        Ok(Truncation::AtLimit) => Err(Refusal::of(Reason::Limit)),
        Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(None),
        Err(errno) => Err(remote_fs::refusal(errno).unwrap_or_else(|| Refusal {
            errno: Some(format!("{errno:?}")),
            ..Refusal::of(match errno {
                Errno::EACCES | Errno::EPERM => Reason::Denied,
                _ => Reason::Io,
            })
        })),
    }
}
