//! The addresses of a name, as the target's own files lead to them.

use core::net::SocketAddr;
use std::path::Path;
use std::time::Instant;

use nix::errno::Errno;

use crate::model::gap::{Reason, Refusal, SectionGaps};
use crate::model::tls::{Failure, FilesOf, Resolution, Step};
use crate::probe::dns::{self, Files};
use crate::scan::Scan;
use crate::sys::file_limits;
use crate::sys::{Truncation, own_file, remote_fs};

const RESOLV_CONF: &str = "/etc/resolv.conf";
const HOSTS: &str = "/etc/hosts";
/// As many addresses are dialled in turn.
const ADDRESSES: usize = 16;

/// The addresses of a name with the port, how they were found, and why there are none.
pub(crate) fn resolve(
    scan: &Scan,
    gaps: &mut SectionGaps<'_>,
    name: &str,
    port: u16,
    alone: bool,
    deadline: Instant,
) -> (Option<Resolution>, Result<Vec<SocketAddr>, Failure>) {
    let (files, files_of) = files(scan, gaps, alone);
    let files = Files {
        resolv_conf: files.resolv_conf.as_deref(),
        hosts: files.hosts.as_deref(),
    };
    match dns::resolve(name, &files, deadline) {
        Ok(mut found) => {
            found.addresses.truncate(ADDRESSES);
            let sockets = found.addresses.iter();
            let sockets = sockets.map(|address| address.at(port));
            (found.resolution(files_of), Ok(sockets.collect()))
        }
        Err(failure) => {
            let told = Failure {
                step: Step::Resolve,
                reason: failure.reason(),
                says: failure.to_string(),
                alert: None,
                server_said: None,
            };
            (Some(failure.resolution(files_of)), Err(told))
        }
    }
}

/// The bytes of the files; `None`: there is no such file.
#[derive(Default)]
struct Bytes {
    resolv_conf: Option<Vec<u8>>,
    hosts: Option<Vec<u8>>,
}

/// The files of the target; where they cannot be read, those of spyhole's own container.
fn files(scan: &Scan, gaps: &mut SectionGaps<'_>, alone: bool) -> (Bytes, FilesOf) {
    let read = |path: &str| -> Result<Option<Vec<u8>>, Refusal> {
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
    };
    let both = read(RESOLV_CONF)
        .map_err(|refusal| (RESOLV_CONF, refusal))
        .and_then(|resolv_conf| match read(HOSTS) {
            Ok(hosts) => Ok(Bytes { resolv_conf, hosts }),
            Err(refusal) => Err((HOSTS, refusal)),
        });
    match both {
        Ok(files) if alone => (files, FilesOf::Viewer),
        Ok(files) => (files, FilesOf::Target),
        Err((path, refusal)) => {
            gaps.record("resolution", path, &refusal);
            let own = |path| own_file::contents(Path::new(path), file_limits::NAMES as u64).ok();
            let files = Bytes {
                resolv_conf: own(RESOLV_CONF),
                hosts: own(HOSTS),
            };
            (files, FilesOf::Viewer)
        }
    }
}
