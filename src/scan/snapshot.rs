//! What one read of a process brought, as plain data.

use std::sync::Arc;

use super::container_key::Identity;
use super::needs::Files;
use super::net_namespace::NetNamespace;
use crate::model::gap::{Reason, Refusal};
use crate::parse::environ::{self, Environ};
use crate::parse::id_map::IdMap;
use crate::parse::limits::Limits;
use crate::parse::security_label::SecurityLabel;
use crate::parse::smaps_rollup::SmapsRollup;
use crate::parse::stat::Stat;
use crate::parse::status::Status;
use crate::sys::program::Program;

/// What one visit to a process brought. `None`: not asked for.
#[derive(Debug)]
pub(crate) struct ProcessSnapshot {
    /// Its id.
    pub pid: i32,
    /// Effective uid.
    pub uid: u32,
    /// Effective gid.
    pub gid: u32,
    /// `stat`.
    pub stat: Stat,
    /// The container it belongs to.
    pub identity: Arc<Identity>,
    /// Whether the wanted files were read, or only what tells the container.
    pub read: bool,
    /// `status`.
    pub status: Option<Result<Arc<Status>, Refusal>>,
    /// Pages of memory in RAM by `statm`, where `status` was not asked for.
    pub resident_pages: Option<u64>,
    /// `cmdline`, split.
    pub args: Option<Result<Vec<Vec<u8>>, Refusal>>,
    /// Whether the process wrote a title over its arguments, which may have gone on into its
    /// environment. Known where either of them was read.
    pub has_title: bool,
    /// What was read of [`PLAIN_FILES`](super::plain_files::PLAIN_FILES): see [`Self::file`].
    pub(super) plain: Vec<(Files, Result<Vec<u8>, Refusal>)>,
    /// Where `exe` leads; `Ok(None)` for what has no program: zombies and kernel threads.
    pub exe: Option<Result<Option<Vec<u8>>, Refusal>>,
    /// Where `cwd` leads; `Ok(None)` for zombies.
    pub cwd: Option<Result<Option<Vec<u8>>, Refusal>>,
    /// How many entries `fd` has; `Ok(None)` for zombies.
    pub fd_count: Option<Result<Option<u64>, Refusal>>,
    /// `limits`; one row of it where no more was asked for.
    pub limits: Option<Result<Box<Limits>, Refusal>>,
    /// `oom_score`, then `oom_score_adj`.
    pub oom: Option<[Result<i64, Refusal>; 2]>,
    /// `smaps_rollup`; `Ok(None)` for what has no memory of its own.
    pub smaps: Option<Result<Option<SmapsRollup>, Refusal>>,
    /// `stat` of each thread.
    pub tasks: Option<Result<Vec<Stat>, Refusal>>,
    /// `mountinfo`, where this process was the first of its mount namespace to be met, or a
    /// section has read it.
    pub mountinfo: Option<Arc<[u8]>>,
    /// The security context beyond `status`.
    pub security: Option<Box<Security>>,
    /// Name and `status` of each thread but the first.
    pub task_status: Option<Result<Vec<Task>, Refusal>>,
    /// The sockets among the links in `fd`; `Ok(None)` for zombies and kernel threads.
    pub sockets: Option<Result<Option<Vec<OpenSocket>>, Refusal>>,
    /// The links in `fd` that lead to files with names as certificates have them; `Ok(None)` as
    /// above.
    pub open_files: Option<Result<Option<Vec<Vec<u8>>>, Refusal>>,
    /// The network namespace; absent for zombies, which have none any more.
    pub net_namespace: Option<NetNamespace>,
}

/// A descriptor that leads to a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OpenSocket {
    /// Its number.
    pub fd: i32,
    /// The inode of the socket.
    pub inode: u64,
}

/// The security context of a process beyond its `status`.
#[derive(Debug)]
pub(crate) struct Security {
    /// `uid_map`.
    pub uid_map: Result<IdMap, Refusal>,
    /// `gid_map`.
    pub gid_map: Result<IdMap, Refusal>,
    /// `attr/apparmor/current` or `attr/current`; `Ok(None)` where no module labels it.
    pub label: Result<Option<SecurityLabel>, Refusal>,
    /// Owner and group of its files, which are root's where it is not dumpable.
    pub files_owner: Option<(u32, u32)>,
    /// The namespaces that decide about privileges, as far as their links can be read.
    pub namespaces: Namespaces,
    /// The file it runs; `Ok(None)` for what runs none.
    pub program: Result<Option<Program>, Refusal>,
}

/// Inodes of namespaces, equal for processes that share one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Namespaces {
    /// `ns/ipc`.
    pub ipc: Option<u64>,
    /// `ns/net`.
    pub net: Option<u64>,
    /// `ns/pid`.
    pub pid: Option<u64>,
    /// `ns/user`.
    pub user: Option<u64>,
}

/// A thread.
#[derive(Debug)]
pub(crate) struct Task {
    /// Its id.
    pub tid: i32,
    /// `comm`, where it could still be read.
    pub comm: Option<Vec<u8>>,
    /// `status`.
    pub status: Status,
}

/// An environment that the process has written over, wholly or in part.
#[must_use]
pub(crate) fn overwritten_environ() -> Refusal {
    Refusal::of(Reason::Overwritten).needing(
        "the container's own configuration (env, envFrom): the process wrote over its copy",
    )
}

/// Arguments that the process has written over.
#[must_use]
pub(crate) fn overwritten_args() -> Refusal {
    Refusal::of(Reason::Overwritten).needing(
        "the container's own configuration (command, args): the process wrote over its copy",
    )
}

impl ProcessSnapshot {
    /// A file that is kept as it was read, such as `environ`.
    #[must_use]
    pub(crate) fn file(&self, flag: Files) -> Option<&Result<Vec<u8>, Refusal>> {
        let found = self.plain.iter().find(|(of, _)| *of == flag);
        found.map(|(_, attempt)| attempt)
    }

    /// The environment, with those entries that the process has not written over.
    #[must_use]
    pub(crate) fn environ(&self) -> Option<Result<Environ, Refusal>> {
        let bytes = match self.file(Files::ENVIRON)? {
            Ok(bytes) => bytes,
            Err(refusal) => return Some(Err(refusal.clone())),
        };
        let contiguous = self
            .stat
            .areas
            .is_none_or(|areas| areas.arg_end == areas.env_start);
        let environ = environ::read(bytes, self.has_title && contiguous);
        Some(if environ.overwritten && environ.entries.is_empty() {
            Err(overwritten_environ())
        } else {
            Ok(environ)
        })
    }

    /// Whether it lacks what only those lack that have ended, or what was read does not fit
    /// together.
    pub(super) fn may_have_changed(&self) -> bool {
        !self.stat.is_bodiless()
            && (self.has_title
                || matches!(&self.status, Some(Ok(status)) if status.vm_rss_bytes.is_none())
                || self.resident_pages == Some(0)
                || matches!(&self.args, Some(Ok(args)) if args.is_empty())
                || matches!(&self.exe, Some(Ok(None)))
                || self.has_vanished())
    }

    pub(super) fn bare(
        pid: i32,
        uid: u32,
        gid: u32,
        stat: Stat,
        identity: Arc<Identity>,
        read: bool,
    ) -> Self {
        Self {
            pid,
            uid,
            gid,
            stat,
            identity,
            read,
            status: None,
            resident_pages: None,
            args: None,
            has_title: false,
            plain: Vec::new(),
            exe: None,
            cwd: None,
            fd_count: None,
            limits: None,
            oom: None,
            smaps: None,
            tasks: None,
            mountinfo: None,
            security: None,
            task_status: None,
            sockets: None,
            open_files: None,
            net_namespace: None,
        }
    }

    /// Whether anything said that the process is gone: then it is left out whole,
    /// rather than shown in pieces.
    pub(super) fn has_vanished(&self) -> bool {
        fn gone<T>(attempt: Option<&Result<T, Refusal>>) -> bool {
            matches!(
                attempt,
                Some(Err(Refusal {
                    reason: Reason::Vanished,
                    ..
                }))
            )
        }
        gone(self.status.as_ref())
            || gone(self.args.as_ref())
            || self.plain.iter().any(|(_, attempt)| gone(Some(attempt)))
            || gone(self.exe.as_ref())
            || gone(self.cwd.as_ref())
            || gone(self.fd_count.as_ref())
            || gone(self.sockets.as_ref())
            || gone(self.limits.as_ref())
            || gone(self.smaps.as_ref())
            || gone(self.tasks.as_ref())
            || self.oom.iter().flatten().any(|attempt| gone(Some(attempt)))
    }
}
