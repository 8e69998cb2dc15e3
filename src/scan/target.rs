//! What the sections look at: the target, held, and the processes of one walk.

use std::cell::OnceCell;
use std::sync::Arc;

use nix::errno::Errno;

use super::container_key::Identity;
use super::process_files::CallerCredentials;
use crate::model::gap::{Reason, Refusal};
use crate::model::target::{ChosenBy, Wrapper};
use crate::parse::accounts::Accounts;
use crate::parse::status::Status;
use crate::rights::ptrace_access::{AccessCheck, Credentials, refusal_below};
use crate::sys::file_limits;
use crate::sys::{InRoot, ProcessDir, Truncation, remote_fs};

/// What a target calls its ids.
pub(crate) struct Names {
    /// From its `/etc/passwd`.
    pub users: Accounts,
    /// From its `/etc/group`.
    pub groups: Accounts,
}

/// The target, held by descriptors.
pub(crate) struct TargetHandle {
    /// Its main process.
    pub main: ProcessDir,
    /// The container of that process.
    pub identity: Arc<Identity>,
    /// Why it is the target.
    pub chosen_by: ChosenBy,
    /// What only starts the main process, outermost first.
    pub wrappers: Vec<Wrapper>,
    /// `status` of the main process, where the walk has read it.
    status: Option<Status>,
    /// Credentials of the main process, made when first asked for.
    credentials: OnceCell<Credentials>,
    root: OnceCell<Result<InRoot, Refusal>>,
    names: OnceCell<Result<Names, Refusal>>,
    maps: OnceCell<Result<Arc<[u8]>, Errno>>,
    /// `mountinfo` of the main process, where a section read it.
    pub(crate) mountinfo: OnceCell<Arc<[u8]>>,
}

impl TargetHandle {
    /// Takes hold of a target.
    #[must_use]
    pub(crate) fn new(
        main: ProcessDir,
        identity: Arc<Identity>,
        chosen_by: ChosenBy,
        wrappers: Vec<Wrapper>,
        status: Option<Status>,
    ) -> Self {
        Self {
            main,
            identity,
            chosen_by,
            wrappers,
            status,
            credentials: OnceCell::new(),
            root: OnceCell::new(),
            names: OnceCell::new(),
            maps: OnceCell::new(),
            mountinfo: OnceCell::new(),
        }
    }

    /// The users and groups that the target's own files name.
    ///
    /// # Errors
    /// Why its `/etc/passwd` cannot be read. A target without one has no names, which is no error.
    pub(crate) fn names(&self, viewer: &CallerCredentials) -> Result<&Names, &Refusal> {
        let read = || {
            let root = self.root(viewer).map_err(Clone::clone)?;
            let file = |path: &[u8]| {
                let mut buffer = Vec::new();
                match root.read(path, file_limits::ACCOUNTS, &mut buffer) {
                    Ok(Truncation::Whole) => Ok(buffer),
                    // Half of the names would pass for all of them.
                    Ok(Truncation::AtLimit) => Err(Refusal::of(Reason::Limit)),
                    Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(Vec::new()),
                    Err(errno) => Err(by_its_mode(errno)),
                }
            };
            Ok(Names {
                users: Accounts::parse(&file(b"/etc/passwd")?),
                groups: Accounts::parse(&file(b"/etc/group")?),
            })
        };
        self.names.get_or_init(read).as_ref()
    }

    /// `maps` of the main process, read once; it takes its memory lock.
    ///
    /// # Errors
    /// The errno of open(2) or read(2).
    pub(crate) fn maps(&self) -> Result<Arc<[u8]>, Errno> {
        let read = || {
            let mut buffer = Vec::new();
            let limit = file_limits::MAPS;
            self.main.read_records(c"maps", limit, &mut buffer)?;
            Ok(buffer.into())
        };
        self.maps.get_or_init(read).clone()
    }

    /// The root directory of the target.
    ///
    /// # Errors
    /// Why it cannot be entered.
    pub(crate) fn root(&self, viewer: &CallerCredentials) -> Result<&InRoot, &Refusal> {
        let open = || {
            InRoot::of(&self.main).map_err(|errno| self.refusal(errno, AccessCheck::Ptrace, viewer))
        };
        self.root.get_or_init(open).as_ref()
    }

    /// The reason behind an errno that a file of the main process gave.
    #[must_use]
    pub(crate) fn refusal(
        &self,
        errno: Errno,
        check: AccessCheck,
        viewer: &CallerCredentials,
    ) -> Refusal {
        refusal_below(&self.main, errno, check, viewer, || {
            self.credentials().clone()
        })
    }

    /// The credentials of the main process.
    pub(crate) fn credentials(&self) -> &Credentials {
        self.credentials.get_or_init(|| match self.status.clone() {
            Some(status) => Credentials::with_status(&self.main, status, &mut Vec::new()),
            None => Credentials::of(&self.main, &mut Vec::new()),
        })
    }
}

/// A file of the target that its own mode keeps from being read.
#[must_use]
pub(crate) fn by_its_mode(errno: Errno) -> Refusal {
    if let Some(refusal) = remote_fs::refusal(errno) {
        return refusal;
    }
    let refusal = Refusal {
        errno: Some(format!("{errno:?}")),
        ..Refusal::of(match errno {
            Errno::EACCES | Errno::EPERM => Reason::Denied,
            _ => Reason::Io,
        })
    };
    match refusal.reason {
        Reason::Denied => {
            refusal.needing("root or CAP_DAC_READ_SEARCH (the file's mode denies this user)")
        }
        _ => refusal,
    }
}
