//! What the sections look at: the target, held, and the processes of one walk.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use nix::errno::Errno;

use super::identity::{Identity, Key};
use super::redact::Redactor;
use super::standing::{Check, Credentials, refusal_below};
use super::visit::{Attempt, Facts, Viewer, Visitor};
use crate::model::container::Container;
use crate::model::gap::{Gaps, Reason, Refusal};
use crate::model::seen::Seen;
use crate::model::target::{ChosenBy, Target};
use crate::parse::accounts::Accounts;
use crate::parse::status::Status;
use crate::sys::clock::Clock;
use crate::sys::{Cut, InRoot, ProcessDir};

/// What a target calls its ids.
pub struct Names {
    /// From its `/etc/passwd`.
    pub users: Accounts,
    /// From its `/etc/group`.
    pub groups: Accounts,
}

/// The target, held by descriptors.
pub struct Held {
    /// Its main process.
    pub main: ProcessDir,
    /// The container of that process.
    pub identity: Arc<Identity>,
    /// Why it is the target.
    pub chosen_by: ChosenBy,
    /// `status` of the main process, where the walk has read it.
    status: Option<Status>,
    /// Credentials of the main process, made when first asked for.
    credentials: OnceCell<Credentials>,
    root: OnceCell<Attempt<InRoot>>,
    names: OnceCell<Attempt<Names>>,
}

impl Held {
    /// Takes hold of a target.
    #[must_use]
    pub fn new(
        main: ProcessDir,
        identity: Arc<Identity>,
        chosen_by: ChosenBy,
        status: Option<Status>,
    ) -> Self {
        Self {
            main,
            identity,
            chosen_by,
            status,
            credentials: OnceCell::new(),
            root: OnceCell::new(),
            names: OnceCell::new(),
        }
    }

    /// The users and groups that the target's own files name.
    ///
    /// # Errors
    /// Why its `/etc/passwd` cannot be read. A target without one has no names, which is no error.
    pub fn names(&self, viewer: &Viewer) -> Result<&Names, &Refusal> {
        let read = || {
            let root = self.root(viewer).map_err(Clone::clone)?;
            let file = |path: &[u8]| {
                let mut buffer = Vec::new();
                match root.read(path, ACCOUNTS_LIMIT, &mut buffer) {
                    Ok(Cut::Whole) => Ok(buffer),
                    // Half of the names would pass for all of them.
                    Ok(Cut::AtLimit) => Err(Refusal::of(Reason::Limit)),
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

    /// The root directory of the target.
    ///
    /// # Errors
    /// Why it cannot be entered.
    pub fn root(&self, viewer: &Viewer) -> Result<&InRoot, &Refusal> {
        let open =
            || InRoot::of(&self.main).map_err(|errno| self.refusal(errno, Check::Ptrace, viewer));
        self.root.get_or_init(open).as_ref()
    }

    /// The reason behind an errno that a file of the main process gave.
    #[must_use]
    pub fn refusal(&self, errno: Errno, check: Check, viewer: &Viewer) -> Refusal {
        refusal_below(&self.main, errno, check, viewer, || {
            self.credentials().clone()
        })
    }

    /// The credentials of the main process.
    pub fn credentials(&self) -> &Credentials {
        self.credentials.get_or_init(|| match self.status.clone() {
            Some(status) => Credentials::with_status(&self.main, status, &mut Vec::new()),
            None => Credentials::of(&self.main, &mut Vec::new()),
        })
    }
}

/// One look: the walk's facts and the target.
pub struct View {
    /// Who looks.
    pub visitor: Arc<Visitor>,
    /// Ticks, pages and the moment of the walk.
    pub clock: Clock,
    /// Decides which values are kept back.
    pub redactor: Redactor,
    /// How long one server that is asked may take; `None`: no connection is opened.
    pub dialing: Option<Duration>,
    /// How long the whole look may take.
    pub timeout: Duration,
    /// What is looked into.
    pub held: Option<Held>,
    /// Facts of the processes in scope, by pid.
    pub facts: Vec<Facts>,
    /// The containers in sight, as far as the scope led the walk to them.
    pub containers: Vec<Container>,
    /// Gaps of all sections.
    pub gaps: Gaps,
    /// spyhole's own id in the /proc that is walked.
    pub own_pid: Option<i32>,
    /// What to call each container.
    pub labels: HashMap<Key, String>,
}

impl View {
    /// What to call the container of a process; `None` for a process of the host.
    #[must_use]
    pub fn label(&self, identity: &Identity) -> Option<String> {
        self.labels.get(&identity.key).cloned()
    }

    /// The facts of the target's main process, where the walk read them.
    #[must_use]
    pub fn main_facts(&self) -> Option<&Facts> {
        let pid = self.held.as_ref()?.main.pid();
        let found = self
            .facts
            .binary_search_by_key(&pid, |facts| facts.pid)
            .ok()?;
        self.facts.get(found)
    }

    /// The target as the document names it.
    pub fn target(&mut self) -> Option<Target> {
        let main = self.main_facts()?;
        let (uid, gid) = (main.uid, main.gid);
        let comm = main.stat.comm.as_slice().into();
        let exe = main.exe.clone();
        let pid = main.pid;
        let held = self.held.as_ref()?;
        let (identity, chosen_by) = (Arc::clone(&held.identity), held.chosen_by);
        Some(Target {
            pid,
            comm,
            exe: match exe {
                None | Some(Ok(None)) => None,
                Some(Ok(Some(path))) => Some(Seen::Value(path.into())),
                Some(Err(refusal)) => Some(Seen::Unseen(
                    self.gaps.record("target", "exe", pid, &refusal),
                )),
            },
            uid,
            gid,
            container: identity.name.clone(),
            container_id: identity.id().map(str::to_owned),
            pod_uid: identity.pod_uid.clone(),
            chosen_by,
        })
    }
}

const ACCOUNTS_LIMIT: usize = 1 << 20;

/// A file of the target that its own mode keeps from being read.
#[must_use]
pub fn by_its_mode(errno: Errno) -> Refusal {
    let refusal = Refusal {
        errno: Some(format!("{errno:?}")),
        ..Refusal::of(match errno {
            Errno::EACCES | Errno::EPERM => Reason::Denied,
            _ => Reason::Io,
        })
    };
    match refusal.reason {
        Reason::Denied => refusal
            .needing("root or CAP_DAC_READ_SEARCH: by its mode the file is not for this user"),
        _ => refusal,
    }
}
