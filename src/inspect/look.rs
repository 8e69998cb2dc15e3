//! The look itself: finds the target, walks as far as the requests need it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::containers;
use super::identity::{Identities, Identity, Key};
use super::redact::Redactor;
use super::select::{Choice, Landmarks, Selection, select};
use super::standing::Credentials;
use super::view::{Held, View};
use super::visit::{Facts, Files, Visitor, Wanted};
use super::walk::{Walk, keep_first, walk};
use crate::model::container::Container;
use crate::model::escape::escaped;
use crate::model::gap::{Gaps, Reason, Refusal};
use crate::model::target::ChosenBy;
use crate::sys::clock::Clock;
use crate::sys::{ProcDir, ProcessDir};

/// How to look.
pub struct Options {
    /// Where proc is mounted: `--proc`.
    pub proc: PathBuf,
    /// What was named as target.
    pub choice: Choice,
    /// How long the whole look may take: `--timeout`.
    pub timeout: Duration,
    /// Decides which values are kept back.
    pub redactor: Redactor,
}

/// How much of what is in sight a request covers; the later ones hold the earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// The main process of the target.
    Main,
    /// Every process of the target; the containers in sight are told apart.
    Target,
    /// Every process in sight.
    All,
}

/// What the requests of one document need together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs {
    /// Files of each process in scope.
    pub files: Files,
    /// Which processes.
    pub scope: Scope,
    /// Whether there must be one target; a list of what is in sight needs none.
    pub target: bool,
}

impl Needs {
    /// Of a document without sections.
    pub const NONE: Self = Self {
        files: Files::empty(),
        scope: Scope::Main,
        target: true,
    };

    /// What both need.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            files: self.files | other.files,
            scope: self.scope.max(other.scope),
            target: self.target || other.target,
        }
    }
}

/// Why there is nothing to look at.
#[derive(Debug, thiserror::Error)]
pub enum NoTarget {
    /// `/proc` cannot be opened.
    #[error(
        "cannot open {path}: {errno}. Is proc mounted there? Name another place with --proc DIR"
    )]
    NoProc {
        /// The directory that was tried.
        path: PathBuf,
        /// The errno of open(2).
        errno: Errno,
    },
    /// No process is listed where proc should be.
    #[error("{path} lists no process. Is proc mounted there? Name another place with --proc DIR")]
    NoneListed {
        /// The directory that was tried.
        path: PathBuf,
    },
    /// The process that was named is not there.
    #[error("no process {0} in sight; `spyhole containers` and `spyhole ps --all` list what is")]
    NoProcess(i32),
    /// No container answers to the name.
    #[error("no container {name:?} in sight{}", in_sight(containers))]
    NoContainer {
        /// As it was given.
        name: String,
        /// Those that are in sight.
        containers: Vec<Container>,
    },
    /// More than one container could be meant.
    #[error("more than one container could be meant{}", in_sight(containers))]
    Ambiguous {
        /// Those that are in sight.
        containers: Vec<Container>,
    },
}

fn in_sight(containers: &[Container]) -> String {
    let line = |container: &Container| {
        let label = container.label();
        let shared = containers.iter().filter(|other| other.label() == label);
        // A name that several have would lead back here.
        let label = if shared.count() > 1 {
            format!("pid-{}", container.main_pid)
        } else {
            escaped(label.as_bytes()).into_owned()
        };
        let comm = escaped(container.main_comm.as_bytes());
        let (pid, count) = (container.main_pid, container.process_count);
        let own = if container.own { ", spyhole's own" } else { "" };
        format!("\n  --container {label:<20} {comm} (pid {pid}, {count} processes{own})")
    };
    format!(
        "; in sight:{}",
        containers.iter().map(line).collect::<String>()
    )
}

impl View {
    /// Finds the target and walks as far as the requests need it.
    ///
    /// # Errors
    /// [`NoTarget`], where there is nothing to look at or more than one thing.
    pub fn open(options: Options, needs: Needs) -> Result<Self, NoTarget> {
        let proc = ProcDir::open(&options.proc).map_err(|errno| NoTarget::NoProc {
            path: options.proc.clone(),
            errno,
        })?;
        let proc = Arc::new(proc);
        let own_side = Arc::clone(&proc);
        let look = Look {
            visitor: Arc::new(Visitor {
                proc,
                viewer: LazyLock::new(Box::new(move || viewer(&own_side))),
                identities: Identities::default(),
            }),
            clock: Clock::read(),
            needs,
            deadline: Instant::now() + options.timeout,
            path: options.proc,
        };
        look.open(&options.choice, options.redactor, &mut Vec::new())
    }
}

struct Look {
    visitor: Arc<Visitor>,
    clock: Clock,
    needs: Needs,
    deadline: Instant,
    /// Where `proc` was opened.
    path: PathBuf,
}

/// What was met, before it is known whose it is.
struct Met {
    selection: Selection,
    own_pid: Option<i32>,
    walk: Walk,
    pause: Option<Key>,
    own: Option<Key>,
}

impl Look {
    fn open(
        self,
        choice: &Choice,
        redactor: Redactor,
        buffer: &mut Vec<u8>,
    ) -> Result<View, NoTarget> {
        let mut met = self.meet(choice, buffer)?;
        let mut found = self.targets(&mut met);
        if found.is_empty() && met.selection.chosen_by == ChosenBy::OnlyContainer {
            let own = Choice {
                own: true,
                ..Choice::default()
            };
            met = self.meet(&own, buffer)?;
            met.selection.chosen_by = ChosenBy::NobodyElse;
            found = self.targets(&mut met);
        }
        let several = found.len() > 1;
        let target = found
            .into_iter()
            .min_by_key(|(_, started, dir)| (*started, dir.pid()));
        let named = match (choice.pid, &choice.container) {
            (Some(pid), _) => Some(NoTarget::NoProcess(pid)),
            (None, Some(name)) => Some(NoTarget::NoContainer {
                name: name.clone(),
                containers: Vec::new(),
            }),
            (None, None) => None,
        };
        let missing = target.is_none();
        let target = target.filter(|_| !several);
        let containers = containers::group(
            &met.walk.facts,
            &containers::Marks {
                target: target.as_ref().map(|(identity, ..)| &identity.key),
                own: met.own.as_ref(),
                pause: met.pause.as_ref(),
                clock: &self.clock,
            },
        );
        if missing || (several && self.needs.target) {
            return Err(match named {
                Some(NoTarget::NoProcess(pid)) => NoTarget::NoProcess(pid),
                Some(NoTarget::NoContainer { name, .. }) if missing => NoTarget::NoContainer {
                    name,
                    containers: listed(containers),
                },
                None if missing => NoTarget::NoneListed { path: self.path },
                _ => NoTarget::Ambiguous {
                    containers: listed(containers),
                },
            });
        }
        Ok(self.view(met, target, containers, redactor))
    }

    /// Visits the landmarks, decides, and visits everyone else that is needed.
    fn meet(&self, choice: &Choice, buffer: &mut Vec<u8>) -> Result<Met, NoTarget> {
        let files = self.needs.files;
        let named = choice.pid.is_some() && choice.pid == self.visitor.proc.own_pid().ok();
        let own_files = if choice.own || named {
            files
        } else {
            Files::empty()
        };
        let mut landmarks = Landmarks::read(&self.visitor, files, own_files, buffer);
        let selection =
            select(&self.visitor, choice, &mut landmarks, buffer).map_err(NoTarget::NoProcess)?;
        let pause = landmarks.pause().cloned();
        let own = landmarks
            .own
            .as_ref()
            .map(|facts| facts.identity.key.clone());
        let own_pid = landmarks.own.as_ref().map(|facts| facts.pid);
        let visited = [landmarks.first.as_ref(), landmarks.own.as_ref()];
        let visited: Vec<i32> = visited
            .into_iter()
            .flatten()
            .map(|facts| facts.pid)
            .collect();
        let mut pids = match (&selection.main, self.needs.scope) {
            (Some(main), Scope::Main) => vec![main.pid()],
            _ => self.visitor.proc.pids().unwrap_or_default(),
        };
        pids.retain(|pid| !visited.contains(pid));
        let wanted: Arc<Wanted> = match self.needs.scope {
            Scope::All => Arc::new(|_, _| true),
            Scope::Main | Scope::Target => Arc::clone(&selection.wanted),
        };
        let mut walk = walk(&self.visitor, pids, files, &wanted, self.deadline);
        let Landmarks {
            first,
            own: own_facts,
            ..
        } = landmarks;
        walk.facts.extend(first.into_iter().chain(own_facts));
        walk.facts.sort_unstable_by_key(|facts| facts.pid);
        follow_parents(&mut walk.facts);
        for facts in &mut walk.facts {
            // spyhole shows itself only when asked to.
            let hidden = Some(facts.pid) == own_pid && !choice.own && choice.pid != own_pid;
            facts.read = !hidden && wanted(facts.pid, &facts.identity);
        }
        Ok(Met {
            selection,
            own_pid,
            walk,
            pause,
            own,
        })
    }

    /// The containers that the selection matches, with their first processes.
    fn targets(&self, met: &mut Met) -> Vec<(Arc<Identity>, u64, ProcessDir)> {
        let Met {
            selection, walk, ..
        } = met;
        if let Some(main) = selection.main.take() {
            let facts = walk.facts.iter().find(|facts| facts.pid == main.pid());
            return facts
                .map(|facts| {
                    (
                        Arc::clone(&facts.identity),
                        facts.stat.starttime_ticks,
                        main,
                    )
                })
                .into_iter()
                .collect();
        }
        let mut found = std::mem::take(&mut walk.first);
        found.retain(|(identity, _, dir)| (selection.wanted)(dir.pid(), identity));
        // The landmarks were visited before the walk and are held by nobody yet.
        for facts in &walk.facts {
            let landmark = facts.pid == 1 || Some(facts.pid) == met.own_pid;
            if landmark
                && (selection.wanted)(facts.pid, &facts.identity)
                && let Ok(dir) = self.visitor.proc.process(facts.pid)
            {
                let started = facts.stat.starttime_ticks;
                keep_first(&mut found, Arc::clone(&facts.identity), started, dir);
            }
        }
        found
    }

    fn view(
        self,
        met: Met,
        target: Option<(Arc<Identity>, u64, ProcessDir)>,
        containers: Vec<Container>,
        redactor: Redactor,
    ) -> View {
        let mut gaps = Gaps::default();
        for pid in met.walk.stalled {
            let slow = Refusal::of(Reason::Timeout).needing("a longer --timeout");
            gaps.record("walk", "process", pid, &slow);
        }
        let chosen_by = met.selection.chosen_by;
        let labels = labels(&met.walk.facts, &containers);
        View {
            visitor: self.visitor,
            clock: self.clock,
            redactor,
            held: target.map(|(identity, _, main)| Held::new(main, identity, chosen_by)),
            facts: met.walk.facts,
            containers,
            gaps,
            own_pid: met.own_pid,
            labels,
        }
    }
}

/// A process that nothing places belongs where its parent belongs: zombies have
/// given up their namespaces. The kernel's own threads belong to the machine, where PID 1 is.
fn follow_parents(facts: &mut [Facts]) {
    let first = facts
        .iter()
        .find(|facts| facts.pid == 1)
        .map(|facts| Arc::clone(&facts.identity));
    let known: HashMap<i32, (i32, Arc<Identity>)> = facts
        .iter()
        .map(|facts| (facts.pid, (facts.stat.ppid, Arc::clone(&facts.identity))))
        .collect();
    for facts in facts
        .iter_mut()
        .filter(|facts| facts.identity.key == Key::Unknown)
    {
        if facts.stat.is_kernel_thread() {
            facts.identity = first.clone().unwrap_or_else(|| Arc::clone(&facts.identity));
            continue;
        }
        let mut parent = facts.stat.ppid;
        for _ in 0..known.len().min(64) {
            match known.get(&parent) {
                Some((_, identity)) if identity.key != Key::Unknown => {
                    facts.identity = Arc::clone(identity);
                    break;
                }
                Some((above, _)) => parent = *above,
                None => break,
            }
        }
    }
}

fn labels(facts: &[Facts], containers: &[Container]) -> HashMap<Key, String> {
    let mut labels = HashMap::new();
    for container in containers {
        let found = facts.binary_search_by_key(&container.main_pid, |facts| facts.pid);
        if let Some(main) = found.ok().and_then(|index| facts.get(index))
            && (container.name.is_some() || container.id.is_some())
        {
            labels.insert(main.identity.key.clone(), container.label());
        }
    }
    labels
}

/// What may be named as a target: not the pause container.
fn listed(mut containers: Vec<Container>) -> Vec<Container> {
    containers.retain(|container| container.kind != crate::model::container::ContainerKind::Pause);
    containers
}

/// The credentials of spyhole itself: from the /proc that is walked, or where that
/// does not list it, from its own.
fn viewer(proc: &ProcDir) -> Credentials {
    let own = |proc: &ProcDir| proc.process(proc.own_pid().ok()?).ok();
    let elsewhere = || own(&ProcDir::open(Path::new("/proc")).ok()?);
    match own(proc).or_else(elsewhere) {
        Some(process) => Credentials::of(&process, &mut Vec::new()),
        None => Credentials::default(),
    }
}
