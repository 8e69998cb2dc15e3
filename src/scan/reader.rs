//! One visit to one process: its directory is opened once, and each of its files
//! that a request wants is read once.

mod links;

use std::ffi::CString;
use std::sync::Arc;

use nix::errno::Errno;

use links::Links;

use super::container_key::{Identities, Identity, IdentitySource, Key};
use super::details::{self, Details};
use super::first_thread::{StatError, read_stat};
use super::needs::Files;
use super::net_namespace::NetNamespace;
use super::open_files::{FileDetail, OpenFilesContext};
use super::plain_files::PLAIN_FILES;
use super::process_files::{CallerCredentials, ProcessFiles, TASKS_LIMIT, malformed};
use super::security;
use super::snapshot::{ProcessSnapshot, Security, overwritten_args};
use crate::model::gap::{Reason, Refusal};
use crate::parse::Malformed;
use crate::parse::cmdline;
use crate::parse::limits::Limits;
use crate::parse::smaps_rollup::SmapsRollup;
use crate::parse::stat::Stat;
use crate::parse::statm;
use crate::parse::status::Status;
use crate::rights::ptrace_access::{AccessCheck, refusal_in_copy};
use crate::sys::file_limits;
use crate::sys::{ProcDir, ProcessDir};

/// What takes the links in `fd`.
const WITH_LINKS: Files = Files::FD_LINKS.union(Files::OPEN_FILES);
/// What takes more of the files behind them.
const WITH_TABLE: Files = Files::FD_TABLE
    .union(Files::FD_TYPES)
    .union(Files::FD_DELETED);

/// How often a process is read that is another one each time.
const ATTEMPTS: usize = 3;

/// What every visit needs to know.
#[derive(Debug)]
pub(crate) struct ProcessReader {
    /// The /proc that is walked.
    pub proc: Arc<ProcDir>,
    /// Who looks; read once something was refused, which it may never be.
    pub viewer: CallerCredentials,
    /// The containers met so far.
    pub identities: Identities,
    /// What reading open files takes.
    pub open_files: OpenFilesContext,
}

/// Which processes get their files read; of the others only the container is determined.
pub(crate) type ProcessFilter = dyn Fn(i32, &Identity) -> bool + Send + Sync;

/// Why a visit brought nothing.
pub(crate) enum ProcessReadError {
    /// The process has ended.
    Gone,
    /// It is listed and may not be entered.
    Refused(Refusal),
}

impl ProcessReader {
    /// Opens a process to visit it.
    ///
    /// # Errors
    /// [`ProcessReadError`], where it is gone or may not be entered.
    pub(crate) fn enter(&self, pid: i32) -> Result<ProcessDir, ProcessReadError> {
        let live = self.proc.is_live();
        self.proc.process(pid).map_err(|errno| lost(errno, live))
    }

    /// Opens a process again, to read it as a visit does.
    ///
    /// # Errors
    /// ENOENT where there is none of that number, or another errno.
    pub(crate) fn reopen(&self, pid: i32) -> Result<ProcessDir, Errno> {
        let process = self.proc.process(pid)?;
        match read_stat(&process, &mut Vec::new()) {
            Err(StatError::Read(errno)) => Err(errno),
            Ok(_) | Err(StatError::Malformed) => Ok(process),
        }
    }

    /// `stat` of one process; `None` for one that has ended.
    pub(crate) fn stat(&self, pid: i32) -> Option<Stat> {
        let process = self.proc.process(pid).ok()?;
        read_stat(&process, &mut Vec::new()).ok()
    }

    /// Visits one process.
    ///
    /// # Errors
    /// [`ProcessReadError`], where it is gone or may not be entered.
    pub(crate) fn visit(
        &self,
        process: &ProcessDir,
        files: Files,
        wanted: &ProcessFilter,
        buffer: &mut Vec<u8>,
    ) -> Result<Box<ProcessSnapshot>, ProcessReadError> {
        // Owner before stat: for a process that is gone the owner says root and stat fails.
        let live = process.is_live();
        let (uid, gid) = process.owner().map_err(|errno| lost(errno, live))?;
        let stat = read_stat(process, buffer).map_err(|error| unknown_stat(error, live))?;
        let (uid, gid) = if live {
            (uid, gid)
        } else {
            copied_ids(process, buffer).unwrap_or((uid, gid))
        };
        let (identity, told) = self.identities.of(process, &stat, buffer);
        // A process that cannot be placed yet is read: its parent decides where it belongs.
        let read = identity.key == Key::Unknown || wanted(process.pid(), &identity);
        let facts = ProcessSnapshot::bare(process.pid(), uid, gid, stat, identity, read);
        let mut facts = Box::new(facts);
        if read {
            if files.contains(Files::MOUNTINFO) && told == IdentitySource::ByMounts {
                facts.mountinfo = Some(buffer.as_slice().into());
            }
            let mut reader = ProcessFiles {
                viewer: &self.viewer,
                process,
                buffer,
                status: None,
                credentials: None,
            };
            for _ in 0..ATTEMPTS {
                reader.fill(&mut facts, files);
                self.fill_more(&mut reader, &mut facts, files);
                if !facts.may_have_changed() {
                    break;
                }
                // What was read may be of two states, of two programs, or of a thread that has
                // ended: begin again with what it is now.
                let stat =
                    read_stat(process, reader.buffer).map_err(|error| unknown_stat(error, live))?;
                let same_program = stat.areas == facts.stat.areas;
                let same_state = stat.is_bodiless() == facts.stat.is_bodiless();
                if same_program && same_state && !facts.has_vanished() {
                    break;
                }
                facts.stat = stat;
            }
            // Once it has ended, all that is missing is missing because of that.
            if process.has_missed() && process.has_ended() {
                return Err(ProcessReadError::Gone);
            }
            if facts.has_vanished() {
                return Err(ProcessReadError::Gone);
            }
        }
        Ok(facts)
    }
}

impl ProcessReader {
    /// What few requests ask for.
    fn fill_more(&self, reader: &mut ProcessFiles<'_>, facts: &mut ProcessSnapshot, files: Files) {
        if files.intersects(details::FLAGS) {
            let is_zombie = facts.stat.state == b'Z';
            let read = Details::read(reader, files, is_zombie);
            facts.details = Some(Box::new(read));
        }
        let with_links = files.intersects(WITH_LINKS);
        let detail = if files.contains(Files::FD_TABLE) {
            FileDetail::Everything
        } else if files.contains(Files::FD_TYPES)
            || (with_links && files.contains(Files::FD_DELETED))
        {
            FileDetail::Types
        } else if files.contains(Files::FD_DELETED) {
            FileDetail::Deleted
        } else {
            return;
        };
        if !facts.stat.is_bodiless() {
            let threads = facts.stat.num_threads;
            let read = reader.open_files(&self.open_files, &self.proc, detail, threads);
            let links = match detail {
                FileDetail::Everything | FileDetail::Types => Links::of_table(&read),
                FileDetail::Deleted => None,
            };
            match links {
                Some(links) => links.keep(files, facts),
                None if with_links => Links::read(reader).keep(files, facts),
                None if files.contains(Files::FD_COUNT) => {
                    facts.fd_count = Some(read.count.clone());
                }
                None => {}
            }
            facts.fd_table = Some(Box::new(read));
        }
    }
}

impl ProcessFiles<'_> {
    fn fill(&mut self, facts: &mut ProcessSnapshot, files: Files) {
        let bodiless = facts.stat.is_bodiless();
        let mut with_status = files.contains(Files::STATUS);
        if files.contains(Files::STATM) && !with_status {
            facts.resident_pages = self.resident_pages();
            // A copy of /proc may hold the one file and not the other.
            with_status = facts.resident_pages.is_none();
        }
        if with_status {
            facts.status = Some(
                self.parsed(
                    c"status",
                    file_limits::STATUS,
                    AccessCheck::Open,
                    Status::parse,
                )
                .map(Arc::new),
            );
        }
        if let Some(Ok(status)) = &facts.status {
            self.status = Some(Arc::clone(status));
        }
        facts.has_title = false;
        if bodiless {
            facts.args = files.contains(Files::CMDLINE).then(|| Ok(Vec::new()));
        } else if files.intersects(Files::CMDLINE | Files::ENVIRON) {
            let args = self.args();
            facts.has_title =
                args.is_ok() && cmdline::is_title(self.buffer, facts.stat.areas.as_ref());
            facts.args = files.contains(Files::CMDLINE).then_some(args);
        }
        facts.plain.clear();
        for file in PLAIN_FILES.iter().filter(|file| files.contains(file.flag)) {
            // Where there is no memory behind it, Linux 6.18 says ESRCH as if it were gone.
            let attempt = if bodiless && file.of_memory {
                Ok(Vec::new())
            } else {
                let read = self.read(file.name, file.limit, file.check);
                read.map(|()| self.buffer.clone())
            };
            facts.plain.push((file.flag, attempt));
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
        let with_links = files.intersects(WITH_LINKS);
        if !bodiless && files.intersects(WITH_TABLE) {
            // The table of open files brings them.
        } else if with_links && !bodiless {
            Links::read(self).keep(files, facts);
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
        if files.intersects(Files::LIMITS | Files::FD_LIMIT) && facts.stat.state != b'Z' {
            let parse = if files.contains(Files::LIMITS) {
                Limits::parse
            } else {
                Limits::parse_open_files
            };
            facts.limits = Some(self.limits(parse).map(Box::new));
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
            facts.task_status = Some(security::tasks(self));
        }
    }

    fn args(&mut self) -> Result<Vec<Vec<u8>>, Refusal> {
        self.read(c"cmdline", file_limits::CMDLINE, AccessCheck::Open)?;
        if cmdline::is_wiped(self.buffer) {
            return Err(overwritten_args());
        }
        let exe = || self.process.read_link(c"exe").ok();
        Ok(cmdline::with_empty_ends(self.buffer, exe))
    }

    fn resident_pages(&mut self) -> Option<u64> {
        let process = self.process;
        process
            .read(c"statm", file_limits::SMALL, self.buffer)
            .ok()?;
        statm::resident_pages(self.buffer).ok()
    }

    fn fd_count(&mut self) -> Result<Option<u64>, Refusal> {
        match self.process.descriptor_count() {
            Ok(count) => Ok(Some(count)),
            // On its way out: its files are closed already.
            Err(Errno::ENOENT) => Ok(None),
            Err(errno) => Err(self.refused(errno, AccessCheck::Owner)),
        }
    }

    fn limits(&mut self, parse: fn(&[u8]) -> Result<Limits, Malformed>) -> Result<Limits, Refusal> {
        self.read(c"limits", file_limits::SMALL, AccessCheck::Open)?;
        if self.buffer.is_empty() {
            // The kernel prints none for a process on its way out.
            return Err(Refusal::of(Reason::Vanished));
        }
        parse(self.buffer).map_err(malformed)
    }

    fn smaps(&mut self) -> Result<SmapsRollup, Refusal> {
        self.parsed(
            c"smaps_rollup",
            file_limits::SMALL,
            AccessCheck::Ptrace,
            SmapsRollup::parse,
        )
    }

    fn tasks(&mut self) -> Result<Vec<Stat>, Refusal> {
        let ids = match self.process.numbers_in(c"task") {
            Ok(ids) => ids,
            Err(errno) => return Err(self.refused(errno, AccessCheck::Open)),
        };
        let mut tasks = Vec::new();
        for id in ids.into_iter().take(TASKS_LIMIT) {
            let Ok(name) = CString::new(format!("task/{id}/stat")) else {
                continue;
            };
            // A thread that ended between the two reads is simply gone.
            if self
                .process
                .read(&name, file_limits::SMALL, self.buffer)
                .is_ok()
                && let Ok(stat) = Stat::parse(self.buffer)
            {
                tasks.push(stat);
            }
        }
        Ok(tasks)
    }
}

/// Effective uid and gid by `status`: the directory of a copy belongs to the user who made it.
fn copied_ids(process: &ProcessDir, buffer: &mut Vec<u8>) -> Option<(u32, u32)> {
    process.read(c"status", file_limits::STATUS, buffer).ok()?;
    let status = Status::parse(buffer).ok()?;
    Some((status.uid?.effective, status.gid?.effective))
}

fn unknown_stat(error: StatError, live: bool) -> ProcessReadError {
    match error {
        StatError::Read(errno) => lost(errno, live),
        StatError::Malformed => ProcessReadError::Refused(Refusal::of(Reason::Malformed)),
    }
}

/// What an errno of entering a process or reading its `stat` means: everyone may
/// read that, unless /proc is mounted with hidepid=1, which says EPERM.
fn lost(errno: Errno, live: bool) -> ProcessReadError {
    let reason = match errno {
        Errno::ENOENT | Errno::ESRCH => return ProcessReadError::Gone,
        _ if !live => return ProcessReadError::Refused(refusal_in_copy(errno)),
        Errno::EPERM => Reason::Hidepid,
        Errno::EACCES => Reason::SecurityModule,
        _ => Reason::Io,
    };
    let refusal = Refusal {
        errno: Some(format!("{errno:?}")),
        ..Refusal::of(reason)
    };
    ProcessReadError::Refused(match reason {
        Reason::Hidepid => refusal.needing(WITHOUT_HIDEPID),
        _ => refusal,
    })
}

/// What shows processes that the mount options of /proc hide.
pub(crate) const WITHOUT_HIDEPID: &str =
    "a /proc without hidepid, its group (the mount option gid=), or CAP_SYS_PTRACE";

#[cfg(test)]
mod tests;
