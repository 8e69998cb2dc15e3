//! One visit to one process: its directory is opened once, and each of its files
//! that a request wants is read once.

use std::ffi::{CStr, CString};
use std::sync::{Arc, LazyLock};

use nix::errno::Errno;

use super::capabilities;
use super::capabilities::read::{Security, Task};
use super::certificates::names;
use super::identity::{Identities, Identity, Key, Told};
use super::net_namespace::NetNamespace;
use super::standing::{Check, Credentials, refusal_below};
use crate::model::gap::{Reason, Refusal};
use crate::parse::limits::Limits;
use crate::parse::smaps_rollup::SmapsRollup;
use crate::parse::stat::Stat;
use crate::parse::status::Status;
use crate::parse::{Malformed, cmdline};
use crate::sys::fd_links::fd_links;
use crate::sys::{Cut, ProcDir, ProcessDir};

bitflags::bitflags! {
    /// Files of a process that a section wants beyond `stat`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Files: u32 {
        /// `status`.
        const STATUS = 1;
        /// `cmdline`.
        const CMDLINE = 1 << 1;
        /// `environ`.
        const ENVIRON = 1 << 2;
        /// The link `exe`.
        const EXE = 1 << 3;
        /// The link `cwd`.
        const CWD = 1 << 4;
        /// The entries of `fd`, counted.
        const FD_COUNT = 1 << 5;
        /// `limits`.
        const LIMITS = 1 << 6;
        /// `oom_score` and `oom_score_adj`.
        const OOM = 1 << 7;
        /// `smaps_rollup`.
        const SMAPS_ROLLUP = 1 << 8;
        /// `task/*/stat`.
        const TASKS = 1 << 9;
        /// `mountinfo`, where it has to be read anyway to tell the container.
        const MOUNTINFO = 1 << 10;
        /// The security context beyond `status`: id maps, label, namespaces, the program's file.
        const SECURITY = 1 << 13;
        /// `task/*/status`.
        const TASK_STATUS = 1 << 14;
        /// The links in `fd`, which are counted on the way.
        const FD_LINKS = 1 << 16;
        /// What tells the network namespace.
        const NET_NAMESPACE = 1 << 17;
        /// The links in `fd` that lead to files with names as certificates have them.
        const OPEN_FILES = 1 << 18;
    }
}

/// What came of one attempt to read.
pub type Attempt<T> = Result<T, Refusal>;

/// What one visit to a process brought. `None`: not asked for.
#[derive(Debug)]
pub struct Facts {
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
    pub status: Option<Attempt<Box<Status>>>,
    /// `cmdline`, split.
    pub args: Option<Attempt<Vec<Vec<u8>>>>,
    /// `environ`, as it is.
    pub environ: Option<Attempt<Vec<u8>>>,
    /// Where `exe` leads; `Ok(None)` for what has no program: zombies and kernel threads.
    pub exe: Option<Attempt<Option<Vec<u8>>>>,
    /// Where `cwd` leads; `Ok(None)` for zombies.
    pub cwd: Option<Attempt<Option<Vec<u8>>>>,
    /// How many entries `fd` has; `Ok(None)` for zombies.
    pub fd_count: Option<Attempt<Option<u64>>>,
    /// `limits`.
    pub limits: Option<Attempt<Box<Limits>>>,
    /// `oom_score`, then `oom_score_adj`.
    pub oom: Option<[Attempt<i64>; 2]>,
    /// `smaps_rollup`; `Ok(None)` for what has no memory of its own.
    pub smaps: Option<Attempt<Option<SmapsRollup>>>,
    /// `stat` of each thread.
    pub tasks: Option<Attempt<Vec<Stat>>>,
    /// `mountinfo`, where this process was the first of its mount namespace to be met, or a
    /// section has read it.
    pub mountinfo: Option<Arc<[u8]>>,
    /// The security context beyond `status`.
    pub security: Option<Box<Security>>,
    /// Name and `status` of each thread but the first.
    pub task_status: Option<Attempt<Vec<Task>>>,
    /// The sockets among the links in `fd`; `Ok(None)` for zombies and kernel threads.
    pub sockets: Option<Attempt<Option<Vec<OpenSocket>>>>,
    /// The links in `fd` that lead to files with names as certificates have them; `Ok(None)` as
    /// above.
    pub open_files: Option<Attempt<Option<Vec<Vec<u8>>>>>,
    /// The network namespace; absent for zombies, which have none any more.
    pub net_namespace: Option<NetNamespace>,
}

/// A descriptor that leads to a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenSocket {
    /// Its number.
    pub fd: i32,
    /// The inode of the socket.
    pub inode: u64,
}

/// Environments are bounded by the kernel to a quarter of the stack limit, usually 2 MiB.
pub const ENVIRON_LIMIT: usize = 4 << 20;
const CMDLINE_LIMIT: usize = 4 << 20;
pub(super) const SMALL_LIMIT: usize = 64 << 10;
/// `status` holds every supplementary group: 65,536 of up to ten digits.
pub(super) const STATUS_LIMIT: usize = 1 << 20;
/// Threads that one process may show.
pub(super) const TASKS_LIMIT: usize = 65_536;
/// More open files with names as certificates have them are of no use to anyone.
const PATHS_LIMIT: usize = 4096;

/// The credentials of spyhole itself, read when first asked for.
pub type Viewer = LazyLock<Credentials, Box<dyn FnOnce() -> Credentials + Send>>;

/// What the links in `fd` tell.
struct Links {
    count: Attempt<Option<u64>>,
    sockets: Attempt<Option<Vec<OpenSocket>>>,
    paths: Attempt<Option<Vec<Vec<u8>>>>,
}

/// What every visit needs to know.
#[derive(Debug)]
pub struct Visitor {
    /// The /proc that is walked.
    pub proc: Arc<ProcDir>,
    /// Who looks; read once something was refused, which it may never be.
    pub viewer: Viewer,
    /// The containers met so far.
    pub identities: Identities,
}

/// Which processes get their files read; of the others only the container is told.
pub type Wanted = dyn Fn(i32, &Identity) -> bool + Send + Sync;

/// Why a visit brought nothing.
pub enum Lost {
    /// The process has ended.
    Gone,
    /// It is listed and may not be entered.
    Refused(Refusal),
}

impl Visitor {
    /// Opens a process to visit it.
    ///
    /// # Errors
    /// [`Lost`], where it is gone or may not be entered.
    pub fn enter(&self, pid: i32) -> Result<ProcessDir, Lost> {
        self.proc.process(pid).map_err(lost)
    }

    /// Visits one process.
    ///
    /// # Errors
    /// [`Lost`], where it is gone or may not be entered.
    pub fn visit(
        &self,
        process: &ProcessDir,
        files: Files,
        wanted: &Wanted,
        buffer: &mut Vec<u8>,
    ) -> Result<Facts, Lost> {
        // Owner before stat: for a process that is gone the owner says root and stat fails.
        let (uid, gid) = process.owner().map_err(lost)?;
        process.read(c"stat", SMALL_LIMIT, buffer).map_err(lost)?;
        let stat =
            Stat::parse(buffer).map_err(|_| Lost::Refused(Refusal::of(Reason::Malformed)))?;
        let (identity, told) = self.identities.of(process, &stat, buffer);
        // Whoever cannot be placed yet is read: its parent will tell where it belongs.
        let read = identity.key == Key::Unknown || wanted(process.pid(), &identity);
        let mut facts = Facts::bare(process.pid(), uid, gid, stat, identity, read);
        if read {
            if files.contains(Files::MOUNTINFO) && told == Told::ByMounts {
                facts.mountinfo = Some(buffer.as_slice().into());
            }
            let mut reader = Reader {
                visitor: self,
                process,
                buffer,
                status: None,
                credentials: None,
            };
            reader.fill(&mut facts, files);
            if facts.may_have_ended() {
                // What was read may be of two states: begin again with the one it is in.
                process
                    .read(c"stat", SMALL_LIMIT, reader.buffer)
                    .map_err(lost)?;
                if let Ok(stat) = Stat::parse(reader.buffer)
                    && stat.is_bodiless()
                {
                    facts.stat = stat;
                    reader.fill(&mut facts, files);
                }
            }
            // Once it has ended, all that is missing is missing because of that.
            if process.has_missed() && process.has_ended() {
                return Err(Lost::Gone);
            }
            if vanished(&facts) {
                return Err(Lost::Gone);
            }
        }
        Ok(facts)
    }
}

impl Facts {
    /// Whether it lacks what only those lack that have ended.
    fn may_have_ended(&self) -> bool {
        !self.stat.is_bodiless()
            && (matches!(&self.status, Some(Ok(status)) if status.vm_rss_bytes.is_none())
                || matches!(&self.args, Some(Ok(args)) if args.is_empty())
                || matches!(&self.exe, Some(Ok(None)))
                || vanished(self))
    }

    fn bare(pid: i32, uid: u32, gid: u32, stat: Stat, identity: Arc<Identity>, read: bool) -> Self {
        Self {
            pid,
            uid,
            gid,
            stat,
            identity,
            read,
            status: None,
            args: None,
            environ: None,
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
}

/// Reads the files of one process into its facts.
pub(super) struct Reader<'a> {
    visitor: &'a Visitor,
    pub(super) process: &'a ProcessDir,
    pub(super) buffer: &'a mut Vec<u8>,
    /// What `status` said, where it was read.
    status: Option<Status>,
    /// Of the process; made only once something was refused.
    credentials: Option<Credentials>,
}

impl Reader<'_> {
    fn fill(&mut self, facts: &mut Facts, files: Files) {
        let bodiless = facts.stat.is_bodiless();
        if files.contains(Files::STATUS) {
            facts.status = Some(
                self.parsed(c"status", STATUS_LIMIT, Check::Open, Status::parse)
                    .map(Box::new),
            );
        }
        if let Some(Ok(status)) = &facts.status {
            self.status = Some((**status).clone());
        }
        if files.contains(Files::CMDLINE) {
            facts.args = Some(if bodiless {
                Ok(Vec::new())
            } else {
                self.args()
            });
        }
        if files.contains(Files::ENVIRON) {
            // Where there is no memory behind it, Linux 6.18 says ESRCH as if it were gone.
            facts.environ = Some(if bodiless {
                Ok(Vec::new())
            } else {
                let attempt = self.read(c"environ", ENVIRON_LIMIT, Check::OwnerAndPtrace);
                attempt.map(|()| self.buffer.clone())
            });
        }
        if files.contains(Files::EXE) {
            facts.exe = Some(if bodiless {
                Ok(None)
            } else {
                self.link(c"exe")
            });
        }
        if files.contains(Files::CWD) {
            let zombie = facts.stat.state == b'Z';
            facts.cwd = Some(if zombie { Ok(None) } else { self.link(c"cwd") });
        }
        let with_links = files.intersects(Files::FD_LINKS | Files::OPEN_FILES);
        if with_links && !bodiless {
            let links = self.fd_links();
            facts.fd_count = files.contains(Files::FD_COUNT).then_some(links.count);
            facts.sockets = files.contains(Files::FD_LINKS).then_some(links.sockets);
            facts.open_files = files.contains(Files::OPEN_FILES).then_some(links.paths);
        } else if files.contains(Files::FD_COUNT) {
            let zombie = facts.stat.state == b'Z';
            facts.fd_count = Some(if zombie { Ok(None) } else { self.fd_count() });
        }
        if with_links && bodiless {
            facts.sockets = files.contains(Files::FD_LINKS).then_some(Ok(None));
            facts.open_files = files.contains(Files::OPEN_FILES).then_some(Ok(None));
        }
        if files.contains(Files::NET_NAMESPACE) && !bodiless {
            facts.net_namespace = Some(NetNamespace::of(self.process));
        }
        if files.contains(Files::LIMITS) && facts.stat.state != b'Z' {
            facts.limits = Some(self.limits().map(Box::new));
        }
        if files.contains(Files::OOM) {
            facts.oom = Some([self.number(c"oom_score"), self.number(c"oom_score_adj")]);
        }
        if files.contains(Files::SMAPS_ROLLUP) {
            facts.smaps = Some(if bodiless {
                Ok(None)
            } else {
                self.smaps().map(Some)
            });
        }
        if files.contains(Files::TASKS) {
            facts.tasks = Some(self.tasks());
        }
        if files.contains(Files::SECURITY) {
            facts.security = Some(Box::new(Security::read(self, bodiless)));
        }
        if files.contains(Files::TASK_STATUS) {
            facts.task_status = Some(capabilities::read::tasks(self));
        }
    }

    fn args(&mut self) -> Attempt<Vec<Vec<u8>>> {
        self.read(c"cmdline", CMDLINE_LIMIT, Check::Open)?;
        Ok(cmdline::parse(self.buffer))
    }

    fn fd_count(&mut self) -> Attempt<Option<u64>> {
        match self.process.numbers_in(c"fd") {
            Ok(numbers) => Ok(Some(numbers.len() as u64)),
            // On its way out: its files are closed already.
            Err(Errno::ENOENT) => Ok(None),
            Err(errno) => Err(self.refused(errno, Check::Owner)),
        }
    }

    fn limits(&mut self) -> Attempt<Limits> {
        self.read(c"limits", SMALL_LIMIT, Check::Open)?;
        if self.buffer.is_empty() {
            // The kernel prints none for a process on its way out.
            return Err(Refusal::of(Reason::Vanished));
        }
        Limits::parse(self.buffer).map_err(malformed)
    }

    /// The number of entries in `fd`, the sockets and the paths among them.
    fn fd_links(&mut self) -> Links {
        let mut sockets = Vec::new();
        let mut paths = Vec::new();
        let read = fd_links(self.process, |fd, goal| {
            if goal.starts_with(b"/") {
                if names::is_usual(goal) && paths.len() < PATHS_LIMIT {
                    paths.push(goal.to_vec());
                }
            } else {
                sockets.extend(socket_inode(goal).map(|inode| OpenSocket { fd, inode }));
            }
        });
        let count = match &read {
            Ok(table) => Ok(Some(table.count)),
            // On its way out: its files are closed already.
            Err(Errno::ENOENT) => Ok(None),
            Err(errno) => Err(self.refused(*errno, Check::Owner)),
        };
        let refused = match (&read, &count) {
            (Ok(table), _) => table
                .refused
                .map(|errno| self.refused(errno, Check::Ptrace)),
            (_, Err(refusal)) => Some(refusal.clone()),
            _ => None,
        };
        let there = read.is_ok();
        let (sockets, paths) = match refused {
            Some(refusal) => (Err(refusal.clone()), Err(refusal)),
            None => (Ok(there.then_some(sockets)), Ok(there.then_some(paths))),
        };
        Links {
            count,
            sockets,
            paths,
        }
    }

    fn smaps(&mut self) -> Attempt<SmapsRollup> {
        self.parsed(
            c"smaps_rollup",
            SMALL_LIMIT,
            Check::Ptrace,
            SmapsRollup::parse,
        )
    }

    fn number(&mut self, name: &CStr) -> Attempt<i64> {
        self.read(name, SMALL_LIMIT, Check::Open)?;
        let text = std::str::from_utf8(self.buffer).unwrap_or_default();
        text.trim()
            .parse()
            .map_err(|_| Refusal::of(Reason::Malformed))
    }

    fn tasks(&mut self) -> Attempt<Vec<Stat>> {
        let ids = match self.process.numbers_in(c"task") {
            Ok(ids) => ids,
            Err(errno) => return Err(self.refused(errno, Check::Open)),
        };
        let mut tasks = Vec::new();
        for id in ids.into_iter().take(TASKS_LIMIT) {
            let Ok(name) = CString::new(format!("task/{id}/stat")) else {
                continue;
            };
            // A thread that ended between the two reads is simply gone.
            if self.process.read(&name, SMALL_LIMIT, self.buffer).is_ok()
                && let Ok(stat) = Stat::parse(self.buffer)
            {
                tasks.push(stat);
            }
        }
        Ok(tasks)
    }

    fn link(&mut self, name: &CStr) -> Attempt<Option<Vec<u8>>> {
        match self.process.read_link(name) {
            Ok(goal) => Ok(Some(goal)),
            // On its way out: it has given up its memory, so there is no program any more.
            Err(Errno::ENOENT) => Ok(None),
            Err(errno) => Err(self.refused(errno, Check::Ptrace)),
        }
    }

    pub(super) fn parsed<T>(
        &mut self,
        name: &CStr,
        limit: usize,
        check: Check,
        parse: fn(&[u8]) -> Result<T, Malformed>,
    ) -> Attempt<T> {
        self.read(name, limit, check)?;
        parse(self.buffer).map_err(malformed)
    }

    pub(super) fn read(&mut self, name: &CStr, limit: usize, check: Check) -> Attempt<()> {
        match self.process.read(name, limit, self.buffer) {
            Ok(Cut::Whole) => Ok(()),
            Ok(Cut::AtLimit) => Err(Refusal::of(Reason::Limit)),
            Err(errno) => Err(self.refused(errno, check)),
        }
    }

    pub(super) fn refused(&mut self, errno: Errno, check: Check) -> Refusal {
        let Self {
            visitor,
            process,
            buffer,
            status,
            credentials,
        } = self;
        refusal_below(process, errno, check, &visitor.viewer, || {
            let read = || match status.take() {
                Some(status) => Credentials::with_status(process, status, buffer),
                None => Credentials::of(process, buffer),
            };
            credentials.get_or_insert_with(read).clone()
        })
    }
}

fn malformed(error: Malformed) -> Refusal {
    Refusal::of(Reason::Malformed).needing(&format!("a report of this: {error}"))
}

/// `socket:[549]`
fn socket_inode(goal: &[u8]) -> Option<u64> {
    let inode = goal.strip_prefix(b"socket:[")?.strip_suffix(b"]")?;
    std::str::from_utf8(inode).ok()?.parse().ok()
}

/// Whether anything said that the process is gone: then it is left out whole,
/// rather than shown in pieces.
fn vanished(facts: &Facts) -> bool {
    fn gone<T>(attempt: Option<&Attempt<T>>) -> bool {
        matches!(
            attempt,
            Some(Err(Refusal {
                reason: Reason::Vanished,
                ..
            }))
        )
    }
    gone(facts.status.as_ref())
        || gone(facts.args.as_ref())
        || gone(facts.environ.as_ref())
        || gone(facts.exe.as_ref())
        || gone(facts.cwd.as_ref())
        || gone(facts.fd_count.as_ref())
        || gone(facts.sockets.as_ref())
        || gone(facts.limits.as_ref())
        || gone(facts.smaps.as_ref())
        || gone(facts.tasks.as_ref())
        || facts
            .oom
            .iter()
            .flatten()
            .any(|attempt| gone(Some(attempt)))
}

/// What an errno of entering a process or reading its `stat` means: everyone may
/// read that, unless /proc is mounted with hidepid=1, which says EPERM.
fn lost(errno: Errno) -> Lost {
    let reason = match errno {
        Errno::ENOENT | Errno::ESRCH => return Lost::Gone,
        Errno::EPERM => Reason::Hidepid,
        Errno::EACCES => Reason::SecurityModule,
        _ => Reason::Io,
    };
    let refusal = Refusal {
        errno: Some(format!("{errno:?}")),
        ..Refusal::of(reason)
    };
    Lost::Refused(match reason {
        Reason::Hidepid => refusal.needing(WITHOUT_HIDEPID),
        _ => refusal,
    })
}

/// What shows processes that the mount options of /proc hide.
pub const WITHOUT_HIDEPID: &str =
    "a /proc without hidepid, its group (the mount option gid=), or CAP_SYS_PTRACE";

#[cfg(test)]
mod tests;
