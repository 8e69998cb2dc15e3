//! The look itself: finds the target, walks as far as the requests need it.

use std::collections::HashMap;
use std::ffi::CStr;
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use super::Scan;
use super::container_key::{Identities, Identity, Key};
use super::containers::{self, Marks};
use super::needs::{CombinedNeeds, Files, Needs, ScanOptions, Scope};
use super::net_namespace::NetNamespace;
use super::no_target::{NoTarget, listed};
use super::node_names::NodeNames;
use super::open_files::OpenFilesContext;
use super::reader::{ProcessFilter, ProcessReader, WITHOUT_HIDEPID};

use super::needs::Choice;
use super::select::{ReferenceProcesses, Selection, is_pause, select};
use super::self_process;
use super::snapshot::ProcessSnapshot;
use super::sock_diag_answers::SockDiagAnswers;
use super::target::TargetHandle;
use super::walk::{First, Plan, Walk, keep_first, walk};
use super::wrapper;

use crate::model::container::{Container, ContainerKind};
use crate::model::gap::{CONTAINERS, Gaps, Reason, Refusal, ScratchGaps, WALK};
use crate::model::target::ChosenBy;
use crate::parse::stat::Stat;
use crate::parse::system;
use crate::rights::ptrace_access::{self, Credentials};
use crate::sys::clock::Clock;
use crate::sys::file_limits;
use crate::sys::{ProcDir, ProcessDir, reader_process, time_box};

impl Scan {
    /// Finds the target and walks as far as the requests need it, through all processes or `only`
    /// those. Meanwhile `sock_diag` is asked what they will want to know of it, where that is about
    /// the target.
    ///
    /// # Errors
    /// [`NoTarget`], where there is nothing to look at or more than one thing.
    pub(crate) fn open(
        options: ScanOptions,
        needs: &[Needs],
        only: Option<Vec<i32>>,
        sock_diag: Vec<Vec<u8>>,
    ) -> Result<(Self, Gaps), NoTarget> {
        let proc = ProcDir::open(&options.proc).map_err(|errno| NoTarget::NoProc {
            path: options.proc.clone(),
            errno,
        })?;
        let clock = if proc.is_live() {
            Clock::read()
        } else {
            clock_of_copy(&proc).unwrap_or_else(Clock::unknown)
        };
        let proc = Arc::new(proc);
        let own_side = Arc::clone(&proc);
        let scanner = Scanner {
            reader: Arc::new(ProcessReader {
                identities: Identities::new(NodeNames::of(Arc::clone(&proc))),
                proc,
                viewer: LazyLock::new(Box::new(move || viewer(&own_side))),
                open_files: OpenFilesContext::default(),
            }),
            clock,
            needs: CombinedNeeds::of(needs),
            only,
            sock_diag,
            deadline: Instant::now() + options.timeout,
            options,
        };
        time_box::end_by(scanner.deadline);
        scanner.open(&mut Vec::new())
    }
}

/// `stat` beside the processes: with many processors it is longer than that of a process.
const OF_THE_MACHINE: &CStr = c"stat";

/// The clock by `stat` and `uptime` of a copy of /proc, where it has them.
fn clock_of_copy(proc: &ProcDir) -> Option<Clock> {
    let mut buffer = Vec::new();
    proc.read(c"uptime", file_limits::SMALL, &mut buffer).ok()?;
    let since_boot = system::uptime(&buffer)?;
    proc.read(OF_THE_MACHINE, file_limits::STATUS, &mut buffer)
        .ok()?;
    let booted_at = system::boot_time(&buffer)?;
    Clock::of_copy(booted_at, since_boot)
}

struct Scanner {
    reader: Arc<ProcessReader>,
    clock: Clock,
    needs: CombinedNeeds,
    /// The processes whose files are read, where the requests name them.
    only: Option<Vec<i32>>,
    sock_diag: Vec<Vec<u8>>,
    deadline: Instant,
    options: ScanOptions,
}

/// What was met, before it is known whose it is.
struct ScanResult {
    selection: Selection,
    own_pid: Option<i32>,
    walk: Walk,
    sock_diag_answers: SockDiagAnswers,
    pause: Option<Key>,
    own: Option<Key>,
}

impl Scanner {
    fn open(self, buffer: &mut Vec<u8>) -> Result<(Scan, Gaps), NoTarget> {
        let choice = &self.options.choice;
        let mut result = self.meet(choice, buffer)?;
        let mut found = self.targets(&mut result);
        if found.is_empty() && result.selection.chosen_by == ChosenBy::OnlyContainer {
            let alone = if result.pause.is_some() {
                ChosenBy::NobodyElseButPause
            } else {
                ChosenBy::NobodyElse
            };
            let refused = std::mem::take(&mut result.walk.refused);
            let own = Choice {
                own: true,
                ..Choice::default()
            };
            result = self.meet(&own, buffer)?;
            result.walk.refused = refused;
            result.selection.chosen_by = alone;
            found = self.targets(&mut result);
        }
        self.leave_out_sandboxes(&mut found, &mut result);
        let several = found.len() > 1;
        let target = found
            .into_iter()
            .min_by_key(|first| (first.starttime_ticks, first.dir.pid()));
        let missing = target.is_none();
        let mut target = target.filter(|_| !several);
        if let Some(first) = &mut target {
            self.unwrap(first, &mut result);
        }
        let mut container_gaps = Gaps::default().section(CONTAINERS).scratch();
        let mut containers = containers::group(
            &result.walk.facts,
            &Marks {
                target: target.as_ref().map(|first| &first.identity.key),
                own: result.own.as_ref(),
                pause: result.pause.as_ref(),
                clock: &self.clock,
            },
            &mut container_gaps.section(),
        );
        if missing || (several && self.needs.target) {
            let mut others = Vec::new();
            if several && (choice.container.is_some() || choice.pod.is_some()) {
                (containers, others) = containers
                    .into_iter()
                    .partition(|container| is_wanted(container, &result));
            }
            let containers = listed(containers);
            return Err(match (choice.pid, &choice.container, &choice.pod) {
                (Some(pid), ..) => NoTarget::NoProcess(pid),
                (None, Some(name), pod) if missing => NoTarget::NoContainer {
                    name: name.clone(),
                    pod: pod.clone(),
                    containers,
                },
                (None, None, Some(name)) if missing => NoTarget::NoPod {
                    name: name.clone(),
                    containers,
                },
                (None, None, None) if missing => NoTarget::NoneListed {
                    path: self.options.proc.clone(),
                },
                _ => NoTarget::Ambiguous { containers, others },
            });
        }
        Ok(self.scan(result, target, (containers, container_gaps)))
    }

    /// Visits the reference processes, decides, and visits everyone else that is needed. A process
    /// that was named is walked alone, unless its container has to be told by its parents.
    fn meet(&self, choice: &Choice, buffer: &mut Vec<u8>) -> Result<ScanResult, NoTarget> {
        let result = self.meet_with(choice, true, buffer)?;
        let unplaced = |facts: &ProcessSnapshot| facts.identity.key == Key::Unknown && facts.read;
        let has_named = choice.pid.is_some() || self.only.is_some();
        if has_named && result.walk.facts.iter().any(|facts| unplaced(facts)) {
            return self.meet_with(choice, false, buffer);
        }
        Ok(result)
    }

    /// The processes to read beside those that are read anyway.
    fn pids_to_read(
        &self,
        selection: &Selection,
        choice: &Choice,
        alone: bool,
    ) -> Result<Vec<i32>, NoTarget> {
        let only = self.only.as_ref().filter(|_| alone);
        Ok(match (&selection.main, self.needs.scope, only) {
            (Some(main), Scope::Main, _) => vec![main.pid()],
            (Some(main), Scope::Target, _) if choice.pid.is_some() && alone => vec![main.pid()],
            (Some(main), Scope::Target | Scope::All, Some(only)) => with(only, main.pid()),
            // A list that cannot be read is not an empty one.
            _ => self.reader.proc.pids().map_err(|errno| NoTarget::NoProc {
                path: self.options.proc.clone(),
                errno,
            })?,
        })
    }

    fn meet_with(
        &self,
        choice: &Choice,
        alone: bool,
        buffer: &mut Vec<u8>,
    ) -> Result<ScanResult, NoTarget> {
        let CombinedNeeds {
            files, main_files, ..
        } = self.needs;
        let named = choice.pid.is_some() && choice.pid == self.reader.proc.own_pid().ok();
        let own_files = if choice.own || named {
            main_files
        } else {
            Files::empty()
        };
        // PID 1 is not shown where another process was named.
        let is_shown = match &self.only {
            Some(only) => only.contains(&1),
            None => self.needs.scope == Scope::All || choice.pid.is_none_or(|pid| pid == 1),
        };
        let first_files = if is_shown { main_files } else { Files::empty() };
        let mut references = ReferenceProcesses::read(&self.reader, first_files, own_files, buffer);
        let selection =
            select(&self.reader, choice, &mut references, buffer).map_err(NoTarget::NoProcess)?;
        let pause = references.pause().cloned();
        let own = references
            .own
            .as_ref()
            .map(|facts| facts.identity.key.clone());
        let own_pid = references.own.as_ref().map(|facts| facts.pid);
        let visited = [references.first.as_ref(), references.own.as_ref()];
        let visited: Vec<i32> = visited
            .into_iter()
            .flatten()
            .map(|facts| facts.pid)
            .collect();
        let mut pids = self.pids_to_read(&selection, choice, alone)?;
        pids.retain(|pid| !visited.contains(pid));
        let in_scope: Arc<ProcessFilter> = match self.needs.scope {
            // Every process of a pod that was named, or every visible one.
            Scope::All if choice.pod.is_some() => Arc::clone(&selection.wanted),
            Scope::All => Arc::new(|_, _| true),
            Scope::Main | Scope::Target | Scope::Containers => Arc::clone(&selection.wanted),
        };
        let read: Arc<ProcessFilter> = match self.only.clone() {
            None => in_scope,
            Some(only) => {
                Arc::new(move |pid, identity| only.contains(&pid) && in_scope(pid, identity))
            }
        };
        let target = Arc::clone(&selection.wanted);
        let plan = Plan {
            pids,
            files,
            main_files,
            main: selection.main.as_ref().map(ProcessDir::pid),
            read: Arc::clone(&read),
            target,
        };
        let is_own_network = self.needs.scope > Scope::Main
            && !self.sock_diag.is_empty()
            && match &selection.main {
                Some(main) => NetNamespace::of_viewer(&self.reader.proc)
                    .is_some_and(|own| own.is(&NetNamespace::of(main))),
                // Whose it is turns out later: what was asked for nothing costs little.
                None => self.needs.scope == Scope::All,
            };
        let mut sock_diag_answers = SockDiagAnswers::default();
        let mut walk = walk(&self.reader, plan, self.deadline, || {
            if is_own_network {
                sock_diag_answers = SockDiagAnswers::read(&self.sock_diag);
            }
        });
        if first_is_hidden(&references) && !walk.refused.iter().any(|(pid, _)| *pid == 1) {
            walk.refused.push((1, hidden(&self.reader.proc)));
        }
        let ReferenceProcesses {
            first,
            own: own_facts,
            ..
        } = references;
        walk.facts.extend(first.into_iter().chain(own_facts));
        walk.facts.retain(|facts| !is_reader(&facts.stat, own_pid));
        walk.facts.sort_unstable_by_key(|facts| facts.pid);
        follow_parents(&mut walk.facts);
        for facts in &mut walk.facts {
            // spyhole shows itself only when asked to.
            let hidden = Some(facts.pid) == own_pid && !choice.own && choice.pid != own_pid;
            facts.read = !hidden && read(facts.pid, &facts.identity);
        }
        Ok(ScanResult {
            selection,
            own_pid,
            walk,
            sock_diag_answers,
            pause,
            own,
        })
    }

    /// The containers that the selection matches, with their first processes.
    fn targets(&self, result: &mut ScanResult) -> Vec<First> {
        let ScanResult {
            selection, walk, ..
        } = result;
        let first = |facts: &ProcessSnapshot, dir| First {
            identity: Arc::clone(&facts.identity),
            starttime_ticks: facts.stat.starttime_ticks,
            dir,
        };
        if let Some(main) = selection.main.take() {
            let facts = walk.facts.iter().find(|facts| facts.pid == main.pid());
            return facts.map(|facts| first(facts, main)).into_iter().collect();
        }
        let mut found = std::mem::take(&mut walk.first);
        // The reference processes were read before the walk and are not held yet.
        for facts in &walk.facts {
            let landmark = facts.pid == 1 || Some(facts.pid) == result.own_pid;
            if landmark
                && (selection.wanted)(facts.pid, &facts.identity)
                && let Ok(dir) = self.reader.reopen(facts.pid)
            {
                keep_first(&mut found, first(facts, dir));
            }
        }
        found
    }

    /// Where a pod was named and no container of it: what only holds the pod's namespaces is not
    /// what is meant, nor are its processes.
    fn leave_out_sandboxes(&self, found: &mut Vec<First>, result: &mut ScanResult) {
        let choice = &self.options.choice;
        if choice.pod.is_none() || choice.container.is_some() || choice.pid.is_some() {
            return;
        }
        let facts = &mut result.walk.facts;
        found.retain(|first| {
            let pid = first.dir.pid();
            let main = facts.iter().find(|facts| facts.pid == pid);
            !main.is_some_and(|main| is_pause(main) || main.identity.is_sandbox)
        });
        if let ([only], false) = (found.as_slice(), self.needs.scope == Scope::All) {
            for facts in facts {
                facts.read &= facts.identity.key == only.identity.key;
            }
        }
    }

    /// Puts the program behind a wrapper in the place of the first process, where that was not
    /// known before the walk and no process was named.
    fn unwrap(&self, first: &mut First, result: &mut ScanResult) {
        let selection = &mut result.selection;
        let known = matches!(
            selection.chosen_by,
            ChosenBy::Pid | ChosenBy::FirstProcess | ChosenBy::BehindWrapper
        );
        if known {
            return;
        }
        let pid = first.dir.pid();
        let facts = result.walk.facts.iter().find(|facts| facts.pid == pid);
        let comm = facts.map_or(&[][..], |facts| &facts.stat.comm);
        let found = wrapper::find(
            &self.reader,
            &first.dir,
            comm,
            &first.identity,
            result.own_pid,
        );
        if let Some(wrapped) = found {
            selection.wrappers = wrapped.wrappers;
            first.dir = wrapped.main;
            first.starttime_ticks = wrapped.starttime_ticks;
        }
    }

    fn scan(
        self,
        result: ScanResult,
        target: Option<First>,
        (containers, container_gaps): (Vec<Container>, ScratchGaps),
    ) -> (Scan, Gaps) {
        let mut gaps = Gaps::default();
        for pid in result.walk.stalled {
            let slow = Refusal::of(Reason::Timeout).needing("a longer --timeout");
            gaps.section(WALK).record("process", pid, &slow);
        }
        for (pid, refusal) in result.walk.refused {
            gaps.section(WALK).record("process", pid, &refusal);
        }
        let chosen_by = result.selection.chosen_by;
        let wrappers = result.selection.wrappers;
        let target = target.map(|first| {
            let facts = result
                .walk
                .facts
                .iter()
                .find(|facts| facts.pid == first.dir.pid());
            let status = facts.and_then(|facts| facts.status.as_ref()?.as_ref().ok());
            let status = status.map(|status| (**status).clone());
            TargetHandle::new(first.dir, first.identity, chosen_by, wrappers, status)
        });
        let labels = labels(&result.walk.facts, &containers);
        let mut pods: Vec<_> = containers
            .iter()
            .filter_map(|one| one.pod_uid.as_ref())
            .collect();
        pods.sort_unstable();
        pods.dedup();
        let has_several_pods = pods.len() > 1;
        let scan = Scan {
            reader: self.reader,
            clock: self.clock,
            redactor: self.options.redactor,
            net: self.options.net,
            timeout: self.options.timeout,
            target,
            files: self.needs.files,
            processes: result.walk.facts,
            containers,
            container_gaps,
            own_pid: result.own_pid,
            sock_diag_answers: result.sock_diag_answers,
            labels,
            has_several_pods,
        };
        (scan, gaps)
    }
}

/// Whether the selection matches a container, by its first process.
fn is_wanted(container: &Container, result: &ScanResult) -> bool {
    let facts = &result.walk.facts;
    let found = facts.binary_search_by_key(&container.main_pid, |facts| facts.pid);
    let main = found.ok().and_then(|index| facts.get(index));
    main.is_none_or(|main| (result.selection.wanted)(main.pid, &main.identity))
}

/// These processes and one more, each once.
fn with(pids: &[i32], one: i32) -> Vec<i32> {
    let mut all = [pids, &[one]].concat();
    all.sort_unstable();
    all.dedup();
    all
}

/// Whether it is one of spyhole's readers, such as the one that reads this.
pub(super) fn is_reader(stat: &Stat, own_pid: Option<i32>) -> bool {
    Some(stat.ppid) == own_pid && stat.comm == reader_process::NAME
}

/// Whether PID 1, which every PID namespace has, is not listed: hidepid=2 or
/// subset=pid leave out what the viewer may not look into.
fn first_is_hidden(references: &ReferenceProcesses) -> bool {
    let own_is_first = references.own.as_ref().is_some_and(|facts| facts.pid == 1);
    references.first.is_none() && !own_is_first
}

fn hidden(proc: &ProcDir) -> Refusal {
    if proc.is_live() {
        Refusal::of(Reason::Hidepid).needing(WITHOUT_HIDEPID)
    } else {
        ptrace_access::not_copied()
    }
}

/// A process that nothing places belongs where its parent belongs: zombies have
/// given up their namespaces. The kernel's own threads belong to the machine, where PID 1 is.
///
/// They are in the order of their pids.
fn follow_parents(facts: &mut [Box<ProcessSnapshot>]) {
    let of_pid = |pid: i32| {
        let found = facts.binary_search_by_key(&pid, |facts| facts.pid);
        found.ok().and_then(|index| facts.get(index))
    };
    let place = |of: &ProcessSnapshot| {
        if of.stat.is_kernel_thread() {
            return of_pid(1).map(|first| Arc::clone(&first.identity));
        }
        let mut parent = of.stat.ppid;
        for _ in 0..PARENTS {
            let above = of_pid(parent)?;
            if above.identity.key != Key::Unknown {
                return Some(Arc::clone(&above.identity));
            }
            parent = above.stat.ppid;
        }
        None
    };
    let unplaced = facts.iter().enumerate();
    let unplaced = unplaced.filter(|(_, facts)| facts.identity.key == Key::Unknown);
    let placed: Vec<(usize, Arc<Identity>)> = unplaced
        .filter_map(|(index, facts)| Some((index, place(facts)?)))
        .collect();
    for (index, identity) in placed {
        if let Some(facts) = facts.get_mut(index) {
            facts.identity = identity;
        }
    }
}

/// How far up the parents of a process are followed.
const PARENTS: usize = 64;

fn labels(facts: &[Box<ProcessSnapshot>], containers: &[Container]) -> HashMap<Key, String> {
    let mut labels = HashMap::new();
    // Beside the machine's own processes, those of a container without a name get a label.
    let with_host = containers
        .iter()
        .any(|container| container.kind == ContainerKind::Host);
    for container in containers {
        let found = facts.binary_search_by_key(&container.main_pid, |facts| facts.pid);
        if let Some(main) = found.ok().and_then(|index| facts.get(index))
            && (container.name.is_some()
                || container.id.is_some()
                || (with_host
                    && container.kind == ContainerKind::Container
                    && main.identity.key != Key::Unknown))
        {
            labels.insert(main.identity.key.clone(), container.label());
        }
    }
    labels
}

/// The credentials of spyhole itself: from the /proc that is walked, or where that
/// does not list it, from its own.
fn viewer(proc: &ProcDir) -> Credentials {
    // A copy was not made by this process: its rights decide about nothing in it.
    match proc.is_live().then(|| self_process::find(proc)).flatten() {
        Some(process) => Credentials::of(&process, &mut Vec::new()),
        None => Credentials::default(),
    }
}
