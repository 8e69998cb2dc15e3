//! Which container is looked into.

use std::sync::Arc;

use super::container_key::{Identity, Key};
use super::needs::{Choice, Files};
use super::reader::{ProcessFilter, ProcessReader};
use super::snapshot::ProcessSnapshot;
use super::wanted::WantedContainer;
use super::wrapper;
use crate::model::target::{ChosenBy, Wrapper};
use crate::sys::ProcessDir;

/// How the target is recognised during the walk.
pub(crate) struct Selection {
    /// Why it is the target.
    pub chosen_by: ChosenBy,
    /// Whose processes belong to it.
    pub wanted: Arc<ProcessFilter>,
    /// Its main process, where that is known: PID 1, what is behind it, or the one that was named.
    pub main: Option<ProcessDir>,
    /// What only starts the main process, outermost first.
    pub wrappers: Vec<Wrapper>,
}

/// What stands at the two places that decide: PID 1 and spyhole itself.
#[derive(Debug, Default)]
pub(crate) struct ReferenceProcesses {
    /// PID 1 of the visible PID namespace, where it can be seen and is not spyhole.
    pub first: Option<Box<ProcessSnapshot>>,
    /// Its directory, held.
    pub first_dir: Option<ProcessDir>,
    /// spyhole itself, where this /proc shows it.
    pub own: Option<Box<ProcessSnapshot>>,
}

impl ReferenceProcesses {
    /// Visits both places; of spyhole itself only `own_files` are read.
    pub(crate) fn read(
        reader: &ProcessReader,
        files: Files,
        own_files: Files,
        buffer: &mut Vec<u8>,
    ) -> Self {
        let mut look = |pid: i32, files: Files| {
            let process = reader.proc.process(pid).ok()?;
            let facts = reader.visit(&process, files, &|_, _| true, buffer).ok()?;
            Some((process, facts))
        };
        let own_pid = reader.proc.own_pid().ok();
        let first = if own_pid == Some(1) {
            None
        } else {
            look(1, files | Files::CMDLINE)
        };
        let mut own = own_pid.and_then(|pid| look(pid, own_files));
        if own.is_none() {
            // Where /proc hides spyhole from its own reader, which is in the same container.
            let caller = reader.proc.caller_pid().ok();
            own = caller.and_then(|pid| look(pid, own_files));
        }
        let own = own.map(|(_, mut facts)| {
            facts.pid = own_pid.unwrap_or(facts.pid);
            facts
        });
        let (first_dir, first) = first.unzip();
        Self {
            first,
            first_dir,
            own,
        }
    }

    /// What holds the namespaces of a pod, where PID 1 does just that.
    #[must_use]
    pub(crate) fn pause(&self) -> Option<&Key> {
        let facts = self.first.as_ref()?;
        is_pause(facts).then_some(&facts.identity.key)
    }
}

/// Whether nothing but the pause process can be behind this: `pause` of Kubernetes,
/// or Podman's `catatonit -P` (which as `catatonit -- CMD` is an init of an application).
#[must_use]
pub(crate) fn is_pause(facts: &ProcessSnapshot) -> bool {
    match facts.stat.comm.as_slice() {
        b"pause" => true,
        b"catatonit" => match &facts.args {
            Some(Ok(args)) => args.iter().any(|arg| arg == b"-P"),
            _ => false,
        },
        _ => false,
    }
}

/// Decides from what was named and from the landmarks.
///
/// # Errors
/// The process that was named and is not there.
pub(crate) fn select(
    reader: &ProcessReader,
    choice: &Choice,
    references: &mut ReferenceProcesses,
    buffer: &mut Vec<u8>,
) -> Result<Selection, i32> {
    if let Some(pid) = choice.pid {
        let main = reader.reopen(pid).map_err(|_| pid)?;
        let wanted: Arc<ProcessFilter> = Arc::new(move |candidate, _| candidate == pid);
        return Ok(Selection {
            chosen_by: ChosenBy::Pid,
            wanted,
            main: Some(main),
            wrappers: Vec::new(),
        });
    }
    if choice.container.is_some() || choice.pod.is_some() {
        let wanted = named(reader, choice, buffer)?;
        return Ok(Selection {
            chosen_by: ChosenBy::Container,
            wanted,
            main: None,
            wrappers: Vec::new(),
        });
    }
    let own = references
        .own
        .as_ref()
        .map(|facts| facts.identity.key.clone());
    if choice.own {
        let wanted: Arc<ProcessFilter> = Arc::new(move |_, identity| same(identity, own.as_ref()));
        return Ok(Selection {
            chosen_by: ChosenBy::Own,
            wanted,
            main: None,
            wrappers: Vec::new(),
        });
    }
    let pause = references.pause().cloned();
    if pause.is_none()
        && let Some(facts) = &references.first
    {
        let key = facts.identity.key.clone();
        let wanted: Arc<ProcessFilter> =
            // Where nothing tells containers apart (gVisor), all belong together.
            Arc::new(move |pid, identity| pid == 1 || identity.key == key);
        let first = references.first_dir.take();
        let own_pid = references.own.as_ref().map(|facts| facts.pid);
        let wrapped = first.as_ref().and_then(|first| {
            wrapper::find(reader, first, &facts.stat.comm, &facts.identity, own_pid)
        });
        return Ok(match wrapped {
            Some(wrapped) => Selection {
                chosen_by: ChosenBy::BehindWrapper,
                wanted,
                main: Some(wrapped.main),
                wrappers: wrapped.wrappers,
            },
            None => Selection {
                chosen_by: ChosenBy::FirstProcess,
                wanted,
                main: first,
                wrappers: Vec::new(),
            },
        });
    }
    let own_pid = references.own.as_ref().map(|facts| facts.pid);
    let wanted: Arc<ProcessFilter> = Arc::new(move |pid, identity| {
        Some(pid) != own_pid && !same(identity, own.as_ref()) && !same(identity, pause.as_ref())
    });
    Ok(Selection {
        chosen_by: ChosenBy::OnlyContainer,
        wanted,
        main: None,
        wrappers: Vec::new(),
    })
}

fn named(
    reader: &ProcessReader,
    choice: &Choice,
    buffer: &mut Vec<u8>,
) -> Result<Arc<ProcessFilter>, i32> {
    let (name, pod) = (choice.container.as_deref(), choice.pod.as_deref());
    let pid = name.and_then(|name| name.strip_prefix("pid-")?.parse().ok());
    let Some(pid) = pid else {
        let wanted = WantedContainer::parse(name, pod);
        return Ok(Arc::new(move |_, identity: &Identity| wanted.is(identity)));
    };
    let in_pod = WantedContainer::parse(None, pod);
    let process = reader.proc.process(pid).map_err(|_| pid)?;
    let facts = reader
        .visit(&process, Files::empty(), &|_, _| false, buffer)
        .map_err(|_| pid)?;
    let key = facts.identity.key.clone();
    Ok(Arc::new(move |candidate, identity| {
        (candidate == pid || same(identity, Some(&key))) && in_pod.is(identity)
    }))
}

fn same(identity: &Identity, key: Option<&Key>) -> bool {
    identity.key != Key::Unknown && Some(&identity.key) == key
}
