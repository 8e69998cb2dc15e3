//! Reads single files of one process, and explains a refusal by comparing credentials.

use std::ffi::CStr;
use std::sync::{Arc, LazyLock};

use nix::errno::Errno;

use crate::model::gap::{Reason, Refusal};
use crate::parse::Malformed;
use crate::parse::status::Status;
use crate::rights::ptrace_access::{AccessCheck, Credentials, refusal_below};
use crate::sys::file_limits;
use crate::sys::{ProcessDir, Truncation};

/// Threads that one process may show.
pub(crate) const TASKS_LIMIT: usize = 65_536;

/// The credentials of spyhole itself, read when first asked for.
pub(crate) type CallerCredentials = LazyLock<Credentials, Box<dyn FnOnce() -> Credentials + Send>>;

/// Reads the files of one process into its facts.
pub(crate) struct ProcessFiles<'a> {
    pub(crate) viewer: &'a CallerCredentials,
    pub(crate) process: &'a ProcessDir,
    pub(crate) buffer: &'a mut Vec<u8>,
    /// What `status` said, where it was read.
    pub(crate) status: Option<Arc<Status>>,
    /// Of the process; made only once something was refused.
    pub(crate) credentials: Option<Credentials>,
}

impl ProcessFiles<'_> {
    pub(crate) fn number(&mut self, name: &CStr) -> Result<i64, Refusal> {
        self.read(name, file_limits::SMALL, AccessCheck::Open)?;
        let text = std::str::from_utf8(self.buffer).unwrap_or_default();
        text.trim()
            .parse()
            .map_err(|_| Refusal::of(Reason::Malformed))
    }

    pub(crate) fn link(&mut self, name: &CStr) -> Result<Option<Vec<u8>>, Refusal> {
        match self.process.read_link(name) {
            Ok(goal) => Ok(Some(goal)),
            // On its way out: it has given up its memory, so there is no program any more.
            Err(Errno::ENOENT) => Ok(None),
            Err(errno) => Err(self.refused(errno, AccessCheck::Ptrace)),
        }
    }

    pub(crate) fn parsed<T>(
        &mut self,
        name: &CStr,
        limit: usize,
        check: AccessCheck,
        parse: fn(&[u8]) -> Result<T, Malformed>,
    ) -> Result<T, Refusal> {
        self.read(name, limit, check)?;
        parse(self.buffer).map_err(malformed)
    }

    pub(crate) fn read(
        &mut self,
        name: &CStr,
        limit: usize,
        check: AccessCheck,
    ) -> Result<(), Refusal> {
        match self.process.read(name, limit, self.buffer) {
            Ok(Truncation::Whole) => Ok(()),
            Ok(Truncation::AtLimit) => Err(Refusal::of(Reason::Limit)),
            Err(errno) => Err(self.refused(errno, check)),
        }
    }

    pub(crate) fn refused(&mut self, errno: Errno, check: AccessCheck) -> Refusal {
        let Self {
            viewer,
            process,
            buffer,
            status,
            credentials,
        } = self;
        refusal_below(process, errno, check, viewer, || {
            let read = || match status.take() {
                Some(status) => Credentials::with_status(process, Status::clone(&status), buffer),
                None => Credentials::of(process, buffer),
            };
            credentials.get_or_insert_with(read).clone()
        })
    }
}

pub(crate) fn malformed(error: Malformed) -> Refusal {
    Refusal::of(Reason::Malformed).needing(&format!("a report of this: {error}"))
}
