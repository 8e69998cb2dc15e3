//! Finds the processes that hold something, and what tells why.

use core::net::IpAddr;
use std::collections::{HashMap, HashSet};

use super::answer::{Holder, NamedProcess, NearestSetting, NotSeen, WhyAnswer, WhyVerdict};
use super::named::{Needle, SETTINGS, settings};
use super::subject::WhySubject;
use crate::doctor::facts::{local_end, peer_end};
use crate::model::Report;
use crate::model::byte_string::ByteString;
use crate::model::escape::escaped;
use crate::model::gap::WALK;
use crate::model::open_files::{OpenAccess, OpenFile, OpenedAs};
use crate::model::process::{Process, ProcessState};
use crate::model::seen::Seen;
use crate::model::socket::{Family, Protocol, Socket, State};

/// As many holders are explained.
const HOLDERS: usize = 16;
/// As much is looked at that holds what was asked about.
const USES: usize = 4096;
/// A chain of ancestors that is longer is not shown whole.
const CHAIN: usize = 64;
/// As many names and listeners are listed.
const LISTED: usize = 16;

/// One process that has what was asked about.
struct Use {
    pid: i32,
    /// What it is: equal for a parent and the children that inherited it.
    thing: String,
    /// How this process has it: descriptor and access.
    how: String,
    doubts: Vec<&'static str>,
}

/// What was found, and what hides that there is more.
#[derive(Default)]
struct Found {
    uses: Vec<Use>,
    notes: Vec<String>,
    not_seen: Vec<NotSeen>,
    /// A socket is there, and a process that is not inspected holds it.
    is_outside: bool,
}

struct Finder<'a> {
    report: &'a Report,
    processes: HashMap<i32, &'a Process>,
}

/// Who holds it, and why.
#[must_use]
pub(crate) fn explain_holders(report: &Report, subject: &WhySubject, asked: &str) -> WhyAnswer {
    let all = report.processes.as_deref().unwrap_or_default();
    let finder = Finder {
        report,
        processes: all.iter().map(|process| (process.pid, process)).collect(),
    };
    let found = match subject {
        WhySubject::Port { address, port } => finder.port(*address, *port),
        WhySubject::Pid(pid) => finder.pid(*pid),
        WhySubject::Name(name) => finder.name(name),
        WhySubject::Path(path) => finder.path(path),
    };
    let Found {
        uses,
        notes,
        mut not_seen,
        is_outside,
    } = found;
    let needle = match subject {
        WhySubject::Port { port, .. } => Some(Needle::Port(port.to_string())),
        WhySubject::Path(path) => Some(Needle::Path(path.clone())),
        WhySubject::Pid(_) | WhySubject::Name(_) => None,
    };
    let (holders, left_out) = finder.holders(uses, needle.as_ref());
    let verdict = if !holders.is_empty() {
        WhyVerdict::Held
    } else if not_seen.is_empty() && !is_outside {
        WhyVerdict::NotHeld
    } else {
        WhyVerdict::Unknown
    };
    not_seen.truncate(LISTED);
    let (elsewhere, nearest) = if holders.is_empty() {
        (finder.elsewhere(subject), finder.nearest(needle, asked))
    } else {
        (Vec::new(), Vec::new())
    };
    WhyAnswer {
        schema: "spyhole/why/v1",
        version: env!("CARGO_PKG_VERSION"),
        taken_at: report.taken_at,
        asked: asked.to_owned(),
        of_process: matches!(subject, WhySubject::Pid(_) | WhySubject::Name(_)),
        verdict,
        holders,
        left_out,
        elsewhere,
        nearest,
        notes,
        not_seen,
    }
}

// ---- who has it

impl<'a> Finder<'a> {
    fn sockets(&self) -> &'a [Socket] {
        self.report.sockets.as_deref().unwrap_or_default()
    }

    /// The gaps of a section that may hide what was asked about.
    fn hidden(&self, section: &str, fields: &[&str]) -> Vec<NotSeen> {
        let gaps = self.report.gaps.iter();
        let of_it = gaps.filter(|gap| gap.section == section);
        of_it
            .filter(|gap| fields.is_empty() || fields.contains(&gap.field.as_str()))
            .map(NotSeen::of)
            .collect()
    }

    fn port(&self, address: Option<IpAddr>, port: u16) -> Found {
        let is_asked = |socket: &&Socket| {
            matches!(socket.family, Family::Inet | Family::Inet6)
                && matches!(socket.protocol, Protocol::Tcp | Protocol::Udp)
                && socket.local_port == Some(port.into())
                && address.is_none_or(|address| serves(socket, address))
        };
        let all: Vec<&Socket> = self.sockets().iter().filter(is_asked).collect();
        let listening: Vec<&Socket> = all
            .iter()
            .copied()
            .filter(|one| is_listening(one))
            .collect();
        // Without a listener, the connections that go out from the port.
        let chosen = if listening.is_empty() { all } else { listening };
        let mut found = self.of_sockets(&chosen);
        if found.uses.is_empty() && chosen.is_empty() {
            let tables = ["sockets", "tcp", "tcp6", "udp", "udp6"];
            found.not_seen.extend(self.hidden("sockets", &tables));
        }
        found
    }

    fn of_sockets(&self, sockets: &[&Socket]) -> Found {
        let mut found = Found::default();
        for socket in sockets.iter().take(USES) {
            let end = socket_name(socket);
            match &socket.owners {
                Some(Seen::Value(owners)) if !owners.is_empty() => {
                    found.uses.extend(owners.iter().map(|owner| Use {
                        pid: owner.pid,
                        thing: end.clone(),
                        how: format!("fd {}", owner.fd),
                        doubts: socket_doubts(socket),
                    }));
                }
                Some(Seen::Unseen(_)) => {
                    found.notes.push(format!("{end}: its process was not seen"));
                    found.not_seen.extend(self.hidden("sockets", &["owners"]));
                }
                Some(Seen::Value(_)) => {
                    found.is_outside = true;
                    found.notes.push(format!(
                        "{end}: held outside of the processes that are inspected: by another \
                         container that shares the network, or by the kernel; --all inspects every \
                         visible process"
                    ));
                }
                None => found
                    .notes
                    .push(format!("{end}: closed, only the kernel still keeps it")),
            }
        }
        found.notes.sort_unstable();
        found.notes.dedup();
        found.notes.truncate(LISTED);
        found.not_seen.dedup();
        found
    }

    /// What says that a process may be there and was not listed.
    fn hidden_processes(&self) -> Vec<NotSeen> {
        let mut hidden = self.hidden(WALK, &[]);
        hidden.extend(self.hidden("processes", &["process", "processes"]));
        hidden
    }

    fn pid(&self, pid: i32) -> Found {
        let inner = |process: &&Process| {
            let pids = process.namespace_pids.as_deref().unwrap_or_default();
            pids.last() == Some(&pid)
        };
        let all = || self.processes.values().copied();
        let found = self.processes.get(&pid).copied();
        // As the container itself numbers it.
        let found = found.or_else(|| all().filter(inner).min_by_key(|process| process.pid));
        self.of_processes(found.into_iter())
    }

    fn name(&self, name: &str) -> Found {
        let mut named: Vec<&Process> = self.processes.values().copied().collect();
        named.retain(|process| is_named(process, name.as_bytes()));
        named.sort_by_key(|process| process.pid);
        self.of_processes(named.into_iter())
    }

    fn of_processes(&self, processes: impl Iterator<Item = &'a Process>) -> Found {
        let of_process = |process: &Process| Use {
            pid: process.pid,
            thing: String::new(),
            how: String::new(),
            doubts: Vec::new(),
        };
        let uses: Vec<Use> = processes.take(USES).map(of_process).collect();
        let not_seen = if uses.is_empty() {
            self.hidden_processes()
        } else {
            Vec::new()
        };
        Found {
            uses,
            not_seen,
            ..Found::default()
        }
    }

    fn path(&self, path: &str) -> Found {
        let is_asked = |socket: &&Socket| {
            let bound = socket.path.as_deref().map(ByteString::as_bytes);
            let name = socket.abstract_name.as_deref().map(ByteString::as_bytes);
            bound == Some(path.as_bytes())
                || name.is_some() && name == path.strip_prefix('@').map(str::as_bytes)
        };
        let mut bound: Vec<&Socket> = self.sockets().iter().filter(is_asked).collect();
        // The connections to a listener have its path too.
        if bound.iter().any(|socket| socket.state == State::Listen) {
            bound.retain(|socket| socket.state == State::Listen);
        }
        let mut found = self.of_sockets(&bound);
        let files = self.report.open_files.as_ref();
        let files = files
            .and_then(|open| open.files.as_deref())
            .unwrap_or_default();
        let files = files.iter().filter(|file| file.socket.is_none());
        found.uses.extend(files.take(USES).map(of_file));
        if found.uses.is_empty() && bound.is_empty() {
            found.not_seen.extend(self.hidden("open_files", &[]));
            found.not_seen.extend(self.hidden_processes());
            found
                .not_seen
                .extend(self.hidden("sockets", &["sockets", "unix"]));
        }
        found
    }
}

/// Whether a socket takes connections to an address.
fn serves(socket: &Socket, address: IpAddr) -> bool {
    let Some(bound) = socket.local_address else {
        return true;
    };
    let bound = bound.to_canonical();
    let v6_only = socket.v6_only.as_ref().and_then(Seen::value) == Some(&true);
    bound == address.to_canonical()
        || bound.is_unspecified()
            && (bound.is_ipv4() == address.is_ipv4() || bound.is_ipv6() && !v6_only)
}

fn is_listening(socket: &Socket) -> bool {
    match socket.protocol {
        Protocol::Udp => socket.state == State::Unconnected,
        _ => socket.state == State::Listen,
    }
}

/// `tcp 0.0.0.0:8080`, with the peer of a connection; `unix /run/x.sock`.
fn socket_name(socket: &Socket) -> String {
    let word = socket.protocol.word(socket.family);
    match (&socket.path, &socket.abstract_name) {
        (Some(path), _) => format!("{word} {}", escaped(path.as_bytes())),
        (None, Some(name)) => format!("{word} @{}", escaped(name.as_bytes())),
        (None, None) if is_listening(socket) => format!("{word} {}", local_end(socket)),
        (None, None) => {
            let peer = peer_end(socket);
            let state = socket.state.as_str();
            format!("{word} {} → {peer} {state}", local_end(socket))
        }
    }
}

fn socket_doubts(socket: &Socket) -> Vec<&'static str> {
    let mut doubts = Vec::new();
    if is_listening(socket) && socket.loopback_only == Some(true) {
        doubts.push("loopback only: nothing outside of this network namespace reaches it");
    }
    if socket.accept_queue_full() {
        doubts.push("its accept queue is full: further connections are dropped");
    }
    doubts
}

fn of_file(file: &OpenFile) -> Use {
    let path = file.path.as_ref().or(file.name.as_ref());
    let path = path.map_or_else(String::new, |path| escaped(path.as_bytes()).into_owned());
    let access = match file.access.as_ref().and_then(Seen::value) {
        Some(OpenAccess::Read) => ", read",
        Some(OpenAccess::Write) => ", write",
        Some(OpenAccess::ReadWrite) => ", read and write",
        Some(OpenAccess::Path) | None => "",
    };
    let how = match (file.opened_as, file.fd) {
        (OpenedAs::Descriptor, Some(fd)) => format!("fd {fd}{access}"),
        (OpenedAs::Descriptor, None) => "a descriptor".to_owned(),
        (OpenedAs::WorkingDirectory, _) => "working directory".to_owned(),
        (OpenedAs::RootDirectory, _) => "root directory".to_owned(),
        (OpenedAs::Program, _) => "program".to_owned(),
        (OpenedAs::Mapped, _) => "mapped".to_owned(),
    };
    let doubts = if file.deleted {
        vec!["the file was removed: its space comes back with the last close"]
    } else {
        Vec::new()
    };
    Use {
        pid: file.pid,
        thing: path,
        how,
        doubts,
    }
}

fn is_named(process: &Process, name: &[u8]) -> bool {
    let file_name = |path: &[u8]| path.rsplit(|byte| *byte == b'/').next() == Some(name);
    let args = process.args.as_ref().and_then(Seen::value);
    let first = args.and_then(|args| args.first());
    process.comm.as_bytes() == name
        || exe(process).is_some_and(|exe| file_name(exe.as_bytes()))
        || first.is_some_and(|first| file_name(first.text.as_bytes()))
}

fn exe(process: &Process) -> Option<&ByteString> {
    process.exe.as_ref().and_then(Seen::value)
}

fn named(process: &Process) -> NamedProcess {
    NamedProcess {
        pid: process.pid,
        name: process.comm.clone(),
    }
}

// ---- and why

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
    fn holders(&self, uses: Vec<Use>, needle: Option<&Needle>) -> (Vec<Holder>, usize) {
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
        let holder = |(pid, own, others)| self.holder(pid, own, others, needle);
        (heads.into_iter().map(holder).collect(), left_out)
    }

    fn holder(
        &self,
        pid: i32,
        uses: Vec<Use>,
        also_held_by: Vec<NamedProcess>,
        needle: Option<&Needle>,
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
        let (listens_on, ports, connections) = self.sockets_of(pid);
        let own_needles: Vec<Needle> = match needle {
            Some(Needle::Port(port)) => vec![Needle::Port(port.clone())],
            Some(Needle::Path(path)) => vec![Needle::Path(path.clone())],
            _ => ports.into_iter().map(Needle::Port).collect(),
        };
        let mut not_seen = Vec::new();
        let args = self.value("processes.args", process.args.as_ref(), &mut not_seen);
        let exe = self.value("processes.exe", process.exe.as_ref(), &mut not_seen);
        let cwd = self.value("processes.cwd", process.cwd.as_ref(), &mut not_seen);
        let count = process.fd_count.as_ref();
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
            uid: process.uid,
            user: process.user.as_ref().and_then(Seen::value).cloned(),
            started_at,
            seconds_after_parent: since.map(|(parent, own)| parent.until(own).as_secs()),
            cwd: cwd.cloned(),
            named_by: settings(
                args.map_or(&[], Vec::as_slice),
                variables.map_or(&[], Vec::as_slice),
                &own_needles,
            ),
            args: args.cloned(),
            listens_on,
            connections,
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
            uid: 0,
            user: None,
            started_at: None,
            seconds_after_parent: None,
            cwd: None,
            args: None,
            named_by: Vec::new(),
            listens_on: Vec::new(),
            connections: 0,
            open_files: None,
            doubts,
            not_seen: Vec::new(),
        }
    }

    /// Where a process listens, those ports, and how many connections it has.
    fn sockets_of(&self, pid: i32) -> (Vec<String>, Vec<String>, usize) {
        let (mut ends, mut ports, mut connections) = (Vec::new(), Vec::new(), 0);
        for socket in self.sockets() {
            let owners = socket.owners.as_ref().and_then(Seen::value);
            if !owners.is_some_and(|owners| owners.iter().any(|owner| owner.pid == pid)) {
                continue;
            }
            let internet = matches!(socket.protocol, Protocol::Tcp | Protocol::Udp);
            if is_listening(socket) && (internet || socket.path.is_some()) {
                if ends.len() < LISTED {
                    ends.push(socket_name(socket));
                    let port = socket.local_port.filter(|_| internet);
                    ports.extend(port.map(|port| port.to_string()));
                }
            } else if socket.state == State::Established && internet {
                connections += 1;
            }
        }
        (ends, ports, connections)
    }

    /// What listens, or runs, where the question found nothing.
    fn elsewhere(&self, subject: &WhySubject) -> Vec<String> {
        let mut all: Vec<String> = match subject {
            WhySubject::Port { .. } => self
                .sockets()
                .iter()
                .filter(|socket| matches!(socket.protocol, Protocol::Tcp | Protocol::Udp))
                .filter(|socket| is_listening(socket))
                .map(|socket| {
                    let owners = socket.owners.as_ref().and_then(Seen::value);
                    let owner = owners.and_then(|owners| owners.first());
                    let owner = owner.map_or_else(String::new, |owner| {
                        format!(" {} ({})", escaped(owner.name.as_bytes()), owner.pid)
                    });
                    format!("{}{owner}", socket_name(socket))
                })
                .collect(),
            WhySubject::Path(_) => Vec::new(),
            WhySubject::Pid(_) | WhySubject::Name(_) => {
                let mut all: Vec<&Process> = self.processes.values().copied().collect();
                all.retain(|process| !process.kernel_thread);
                all.sort_by_key(|process| process.pid);
                let name = |process: &&Process| {
                    format!("{} ({})", escaped(process.comm.as_bytes()), process.pid)
                };
                all.iter().map(name).collect()
            }
        };
        all.dedup();
        all.truncate(LISTED);
        all
    }

    /// The settings that name it; where none does, those that name an address.
    fn nearest(&self, needle: Option<Needle>, asked: &str) -> Vec<NearestSetting> {
        let Some(needle) = needle else {
            return Vec::new();
        };
        let is_port = matches!(needle, Needle::Port(_));
        let mut found = self.settings_of_all(&[needle]);
        // The command line that asks.
        found.retain(|near| near.setting.text != asked);
        if found.is_empty() && is_port {
            return self.settings_of_all(&[Needle::AnyPort]);
        }
        found
    }

    fn settings_of_all(&self, needles: &[Needle]) -> Vec<NearestSetting> {
        let mut found: Vec<NearestSetting> = Vec::new();
        let environments = self.report.environment.as_deref().unwrap_or_default();
        let variables: HashMap<i32, _> = environments
            .iter()
            .filter_map(|one| Some((one.pid, one.variables.value()?.as_slice())))
            .collect();
        let mut pids: Vec<&i32> = self.processes.keys().collect();
        pids.sort_unstable();
        for pid in pids {
            let Some(process) = self.processes.get(pid) else {
                continue;
            };
            let args = process.args.as_ref().and_then(Seen::value);
            let variables = variables.get(pid).copied().unwrap_or_default();
            let own = settings(args.map_or(&[], Vec::as_slice), variables, needles);
            // What a child inherits is said once.
            for setting in own {
                if !found.iter().any(|known| known.setting == setting) {
                    found.push(NearestSetting {
                        pid: *pid,
                        name: process.comm.clone(),
                        setting,
                    });
                }
            }
            if found.len() >= SETTINGS {
                found.truncate(SETTINGS);
                break;
            }
        }
        found
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
