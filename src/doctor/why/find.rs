//! Finds the processes that hold something.

use core::net::IpAddr;
use std::collections::HashMap;

use super::answer::{NearestSetting, NotSeen, WhyAnswer, WhyVerdict};
use super::named::{SETTINGS, WantedValue, settings};
use super::subject::WhySubject;
use crate::doctor::facts::{SOCKET_TABLES, local_end, peer_end};
use crate::model::Report;
use crate::model::byte_string::ByteString;
use crate::model::escape::escaped;
use crate::model::gap::WALK;
use crate::model::open_files::{OpenAccess, OpenFile, OpenedAs};
use crate::model::process::Process;
use crate::model::seen::Seen;
use crate::model::socket::{Family, Protocol, Socket, State};

/// As much is looked at that holds what was asked about.
const USES: usize = 4096;
/// As many names and listeners are listed.
pub(super) const LISTED: usize = 16;

/// One process that has what was asked about.
pub(super) struct Use {
    pub(super) pid: i32,
    /// What it is: equal for a parent and the children that inherited it.
    pub(super) thing: String,
    /// How this process has it: descriptor and access.
    pub(super) how: String,
    pub(super) doubts: Vec<&'static str>,
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

pub(super) struct Finder<'a> {
    pub(super) report: &'a Report,
    pub(super) processes: HashMap<i32, &'a Process>,
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
    let wanted = match subject {
        WhySubject::Port { port, .. } => Some(WantedValue::Port(port.to_string())),
        WhySubject::Path(path) => Some(WantedValue::Path(path.clone())),
        WhySubject::Pid(_) | WhySubject::Name(_) => None,
    };
    let (holders, left_out) = finder.holders(uses, wanted.as_ref());
    let verdict = if !holders.is_empty() {
        WhyVerdict::Held
    } else if not_seen.is_empty() && !is_outside {
        WhyVerdict::NotHeld
    } else {
        WhyVerdict::Unknown
    };
    not_seen.truncate(LISTED);
    let (elsewhere, nearest) = if holders.is_empty() {
        (finder.elsewhere(subject), finder.nearest(wanted, asked))
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

impl<'a> Finder<'a> {
    pub(super) fn sockets(&self) -> &'a [Socket] {
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
            found
                .not_seen
                .extend(self.hidden("sockets", &SOCKET_TABLES));
        }
        found
    }

    fn of_sockets(&self, sockets: &[&Socket]) -> Found {
        let mut found = Found::default();
        let mut owner_unseen = false;
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
                    owner_unseen = true;
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
        if owner_unseen {
            found.not_seen = self.hidden("sockets", &["owners"]);
        }
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

pub(super) fn is_listening(socket: &Socket) -> bool {
    match socket.protocol {
        Protocol::Udp => socket.state == State::Unconnected,
        _ => socket.state == State::Listen,
    }
}

/// `tcp 0.0.0.0:8080`, with the peer of a connection; `unix /run/x.sock`.
pub(super) fn socket_name(socket: &Socket) -> String {
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

impl Finder<'_> {
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
    fn nearest(&self, wanted: Option<WantedValue>, asked: &str) -> Vec<NearestSetting> {
        let Some(wanted) = wanted else {
            return Vec::new();
        };
        let is_port = matches!(wanted, WantedValue::Port(_));
        let mut found = self.settings_of_all(&[wanted]);
        // The command line that asks.
        found.retain(|near| near.setting.text != asked);
        if found.is_empty() && is_port {
            return self.settings_of_all(&[WantedValue::AnyPort]);
        }
        found
    }

    fn settings_of_all(&self, wanted: &[WantedValue]) -> Vec<NearestSetting> {
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
            let own = settings(args.map_or(&[], Vec::as_slice), variables, wanted);
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
