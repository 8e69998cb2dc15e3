//! What is known of a process that holds something, and of how it was started.

use std::collections::{HashMap, HashSet};

use super::answer::{Holder, NamedProcess, NotSeen};
use super::find::{Finder, LISTED, Use, is_listening, socket_name};
use super::named::{WantedValue, settings};
use crate::model::escape::escaped;
use crate::model::process::{Process, ProcessState};
use crate::model::seen::Seen;
use crate::model::socket::{Protocol, State};

/// As many holders are explained.
const HOLDERS: usize = 16;
/// A chain of ancestors that is longer is not shown whole.
const CHAIN: usize = 64;

/// The sockets of which a process is seen to be an owner.
#[derive(Default)]
struct SocketsOfProcess {
    listens_on: Vec<String>,
    /// The ports among them.
    ports: Vec<String>,
    /// How many connections are established.
    connections: usize,
}

impl<'a> Finder<'a> {
    /// The ancestors of a process that are visible, its parent first.
    fn ancestors(&self, pid: i32) -> Vec<&'a Process> {
        let mut chain: Vec<&Process> = Vec::new();
        let mut next = self.processes.get(&pid).map(|process| process.ppid);
        while let Some(process) = next.and_then(|pid| self.processes.get(&pid)) {
            // A saved document may say anything.
            let is_known = process.pid == pid || chain.iter().any(|one| one.pid == process.pid);
            if is_known || chain.len() >= CHAIN {
                break;
            }
            chain.push(process);
            next = Some(process.ppid);
        }
        chain
    }

    /// The holders, each with what it holds; descendants stand with the first of their ancestors that
    /// holds the same.
    pub(super) fn holders(
        &self,
        uses: Vec<Use>,
        wanted: Option<&WantedValue>,
    ) -> (Vec<Holder>, usize) {
        let known: HashSet<(String, i32)> = uses
            .iter()
            .map(|one| (one.thing.clone(), one.pid))
            .collect();
        let mut heads: Vec<(i32, Vec<Use>, Vec<NamedProcess>)> = Vec::new();
        let mut at = HashMap::<i32, usize>::new();
        for one in uses {
            let ancestors = self.ancestors(one.pid);
            let holds_too = |process: &&&Process| known.contains(&(one.thing.clone(), process.pid));
            let head = ancestors
                .iter()
                .rev()
                .find(holds_too)
                .map_or(one.pid, |head| head.pid);
            let index = *at.entry(head).or_insert(heads.len());
            if index == heads.len() {
                heads.push((head, Vec::new(), Vec::new()));
            }
            let Some((_, own, others)) = heads.get_mut(index) else {
                continue;
            };
            if head == one.pid {
                own.push(one);
            } else if let Some(process) = self.processes.get(&one.pid)
                && others.len() < LISTED
                && !others.iter().any(|other| other.pid == one.pid)
            {
                others.push(named(process));
            }
        }
        let left_out = heads.len().saturating_sub(HOLDERS);
        heads.truncate(HOLDERS);
        let holder = |(pid, own, others)| self.holder(pid, own, others, wanted);
        (heads.into_iter().map(holder).collect(), left_out)
    }

    fn holder(
        &self,
        pid: i32,
        uses: Vec<Use>,
        also_held_by: Vec<NamedProcess>,
        wanted: Option<&WantedValue>,
    ) -> Holder {
        let mut doubts: Vec<String> = Vec::new();
        let mut holds: Vec<String> = Vec::new();
        for one in uses {
            doubts.extend(one.doubts.iter().map(|doubt| (*doubt).to_owned()));
            if !one.thing.is_empty() && holds.len() < LISTED {
                holds.push(format!("{} ({})", one.thing, one.how));
            }
        }
        doubts.sort_unstable();
        doubts.dedup();
        let Some(process) = self.processes.get(&pid) else {
            return self.unlisted(pid, holds, doubts);
        };
        let ancestors = self.ancestors(pid);
        let parent = ancestors.first().copied();
        doubts.extend(process_doubts(process, parent));
        let sockets = self.sockets_of(pid);
        let own_wanted: Vec<WantedValue> = match wanted {
            Some(WantedValue::Port(port)) => vec![WantedValue::Port(port.clone())],
            Some(WantedValue::Path(path)) => vec![WantedValue::Path(path.clone())],
            _ => sockets.ports.into_iter().map(WantedValue::Port).collect(),
        };
        let mut not_seen = Vec::new();
        let args = self.value("processes.args", process.args.as_ref(), &mut not_seen);
        let exe = self.value("processes.exe", process.exe.as_ref(), &mut not_seen);
        let cwd = self.value("processes.cwd", process.cwd.as_ref(), &mut not_seen);
        let count = process.fd_count.as_ref();
        // Without its descriptors its sockets are not known either.
        let has_descriptors = matches!(count, Some(Seen::Value(_)));
        let open_files = self
            .value("processes.fd_count", count, &mut not_seen)
            .copied();
        let environments = self.report.environment.iter().flatten();
        let environment = environments
            .into_iter()
            .find(|environment| environment.pid == pid);
        let variables = environment.map(|environment| &environment.variables);
        let variables = self.value("environment.variables", variables, &mut not_seen);
        let started_at = process.started_at.value().copied();
        let since = parent
            .and_then(|parent| parent.started_at.value())
            .zip(started_at);
        let target = self.report.target.as_ref();
        let container = process.container.clone();
        Holder {
            pid,
            name: process.comm.clone(),
            holds,
            also_held_by,
            chain: ancestors
                .iter()
                .rev()
                .map(|one| named(one))
                .chain([named(process)])
                .collect(),
            container: container.or_else(|| target?.container.clone()),
            pod: process.pod.clone().or_else(|| target?.pod.clone()),
            namespace: process
                .namespace
                .clone()
                .or_else(|| target?.namespace.clone()),
            exe: exe.cloned(),
            uid: Some(process.uid),
            user: process.user.as_ref().and_then(Seen::value).cloned(),
            started_at,
            seconds_after_parent: since.map(|(parent, own)| parent.until(own).as_secs()),
            cwd: cwd.cloned(),
            named_by: settings(
                args.map_or(&[], Vec::as_slice),
                variables.map_or(&[], Vec::as_slice),
                &own_wanted,
            ),
            args: args.cloned(),
            listens_on: Some(sockets.listens_on).filter(|ends| has_descriptors || !ends.is_empty()),
            connections: Some(sockets.connections).filter(|count| has_descriptors || *count > 0),
            open_files,
            doubts,
            not_seen,
        }
    }

    /// The value, or a note that it was not seen, as its gap tells it.
    fn value<'b, T>(
        &self,
        path: &str,
        field: Option<&'b Seen<T>>,
        not_seen: &mut Vec<NotSeen>,
    ) -> Option<&'b T> {
        match field? {
            Seen::Value(value) => Some(value),
            Seen::Unseen(unseen) => {
                let (section, name) = path.split_once('.').unwrap_or_default();
                let gaps = self.report.gaps.iter();
                let mut of_it = gaps.filter(|gap| gap.section == section && gap.field == name);
                let gap = of_it.find(|gap| gap.reason == unseen.reason());
                not_seen.push(NotSeen {
                    field: path.to_owned(),
                    reason: unseen.reason(),
                    needs: gap.and_then(|gap| gap.needs.clone()),
                });
                None
            }
        }
    }

    /// A process that holds a socket and is not among the processes: it was started or ended
    /// meanwhile.
    fn unlisted(&self, pid: i32, holds: Vec<String>, mut doubts: Vec<String>) -> Holder {
        let owners = self
            .sockets()
            .iter()
            .filter_map(|socket| socket.owners.as_ref()?.value());
        let name = owners.flatten().find(|owner| owner.pid == pid);
        let name = name.map_or_else(|| "?".into(), |owner| (*owner.name).clone());
        let sockets = self.sockets_of(pid);
        doubts.push(
            "the process is not in the list of processes: it has just begun or ended".to_owned(),
        );
        Holder {
            pid,
            chain: vec![NamedProcess {
                pid,
                name: name.clone(),
            }],
            name,
            holds,
            also_held_by: Vec::new(),
            container: None,
            pod: None,
            namespace: None,
            exe: None,
            uid: None,
            user: None,
            started_at: None,
            seconds_after_parent: None,
            cwd: None,
            args: None,
            named_by: Vec::new(),
            listens_on: Some(sockets.listens_on),
            connections: Some(sockets.connections),
            open_files: None,
            doubts,
            not_seen: Vec::new(),
        }
    }

    fn sockets_of(&self, pid: i32) -> SocketsOfProcess {
        let mut own = SocketsOfProcess::default();
        for socket in self.sockets() {
            let owners = socket.owners.as_ref().and_then(Seen::value);
            if !owners.is_some_and(|owners| owners.iter().any(|owner| owner.pid == pid)) {
                continue;
            }
            let internet = matches!(socket.protocol, Protocol::Tcp | Protocol::Udp);
            if is_listening(socket) && (internet || socket.path.is_some()) {
                if own.listens_on.len() < LISTED {
                    own.listens_on.push(socket_name(socket));
                    let port = socket.local_port.filter(|_| internet);
                    own.ports.extend(port.map(|port| port.to_string()));
                }
            } else if socket.state == State::Established && internet {
                own.connections += 1;
            }
        }
        own
    }
}

fn named(process: &Process) -> NamedProcess {
    NamedProcess {
        pid: process.pid,
        name: process.comm.clone(),
    }
}

fn process_doubts(process: &Process, parent: Option<&Process>) -> Vec<String> {
    let mut doubts = Vec::new();
    if process.exe_deleted == Some(true) {
        doubts.push("its program was deleted or replaced since it was started".to_owned());
    }
    if let Some(parent) = parent.filter(|parent| parent.uid != process.uid) {
        doubts.push(format!(
            "runs as uid {}, its parent {} ({}) as uid {}",
            process.uid,
            escaped(parent.comm.as_bytes()),
            parent.pid,
            parent.uid
        ));
    }
    let state = match process.state {
        ProcessState::Stopped => "is stopped (state T): it answers nothing",
        ProcessState::Traced => "is traced (state t)",
        ProcessState::DiskSleep => "waits for the kernel (state D)",
        ProcessState::Zombie => "has ended and is not reaped (state Z)",
        _ => return doubts,
    };
    doubts.push(state.to_owned());
    doubts
}
