//! Reads the tables of one network namespace: from `sock_diag` where it serves, else from
//! the text in `/proc/PID/net`.

use std::collections::HashMap;
use std::ffi::CStr;
use std::ops::ControlFlow;

use nix::errno::Errno;

use super::filter::Filter;
use super::list::List;
use super::namespaces::Namespace;
use super::raw::Raw;
use crate::model::gap::{Reason, Refusal};
use crate::model::socket::{Family, Protocol, Source};
use crate::parse::net_tables::sockstat::TcpCount;
use crate::parse::net_tables::{UnixName, UnixSocket, inet, others, sockstat, unix};
use crate::parse::sock_diag::{self, Message};
use crate::parse::{Malformed, sock_diag::inet as inet_diag};
use crate::rights::ptrace_access::{AccessCheck, refusal_below};
use crate::scan::Scan;
use crate::scan::reader::ProcessReader;
use crate::scan::sock_diag_answers::SockDiagAnswers;
use crate::sys::file_limits;
use crate::sys::lines::lines;
use crate::sys::netlink::NetlinkClient;
use crate::sys::{ProcessDir, Truncation};

/// What `sock_diag` is asked for these tables.
pub(super) fn requests(filter: &Filter, tcp_info: bool) -> Vec<Vec<u8>> {
    let states = filter.state_bits();
    let tables = filter.tables.iter();
    tables
        .filter_map(|(protocol, family)| request(*protocol, *family, states, tcp_info))
        .collect()
}
/// Longer than any path of a unix socket in the table.
const UNIX_PATH: usize = 4096;

/// Reads tables of one namespace.
pub(super) struct TableReader<'a> {
    /// What was read while the walk was under way, in spyhole's own namespace.
    answers: Option<&'a SockDiagAnswers>,
    process: &'a ProcessDir,
    processes: &'a ProcessReader,
    diag: Option<NetlinkClient>,
    /// How many TCP sockets there are, asked once.
    tcp_counts: Option<TcpCounts>,
    /// TCP tables that were read before.
    tables: HashMap<Family, Vec<u8>>,
    /// What would let `sock_diag` serve.
    pub(super) needs_diag: String,
    buffer: &'a mut Vec<u8>,
}

impl<'a> TableReader<'a> {
    pub(super) fn open(
        namespace: &'a Namespace,
        scan: &'a Scan,
        tables: HashMap<Family, Vec<u8>>,
        buffer: &'a mut Vec<u8>,
    ) -> Self {
        let diag = namespace.own.then(NetlinkClient::sock_diag);
        let needs_diag = match &diag {
            Some(Ok(_)) => "a kernel whose sock_diag reports it".to_owned(),
            Some(Err(errno)) => format!("NETLINK_SOCK_DIAG (denied here: {errno:?})"),
            None => "spyhole in the target's network namespace".to_owned(),
        };
        Self {
            answers: namespace.own.then_some(&scan.sock_diag_answers),
            process: &namespace.process,
            processes: &scan.reader,
            tcp_counts: None,
            tables,
            diag: diag.and_then(Result::ok),
            needs_diag,
            buffer,
        }
    }

    /// Adds the sockets of one table to the list, and says where they were read; `None`
    /// where the kernel has no such sockets at all.
    ///
    /// # Errors
    /// Why the table cannot be read.
    pub(super) fn table(
        &mut self,
        protocol: Protocol,
        family: Family,
        filter: &Filter,
        tcp_info: bool,
        list: &mut List<'_>,
    ) -> Result<Option<Source>, Refusal> {
        if protocol == Protocol::Tcp && filter.are_counted() && self.has_no_tcp(family) {
            let served = self.diag.as_ref().map(|_| Source::SockDiag);
            return Ok(Some(served.unwrap_or(Source::Proc)));
        }
        if protocol == Protocol::Netlink {
            // Else spyhole's own socket would be listed.
            self.diag = None;
        }
        if let Some(request) = request(protocol, family, filter.state_bits(), tcp_info)
            && self.read_diag(protocol, family, &request, list)
        {
            return Ok(Some(Source::SockDiag));
        }
        list.reading.source = Source::Proc;
        let errno = match self.read_text(protocol, family, list) {
            Ok(()) => return Ok(Some(Source::Proc)),
            Err(errno) => errno,
        };
        if errno == Errno::ENOENT && self.has_none(protocol, family) {
            return Ok(None);
        }
        let viewer = &self.processes.viewer;
        let refused = refusal_below(
            self.process,
            errno,
            AccessCheck::Open,
            viewer,
            Default::default,
        );
        Err(if protocol == Protocol::Vsock {
            refused.needing(&self.needs_diag)
        } else {
            refused
        })
    }

    /// Whether the kernel counts no such socket: its way through the table, which is that of all
    /// namespaces, takes milliseconds.
    fn has_no_tcp(&mut self, family: Family) -> bool {
        let counts = match self.tcp_counts {
            Some(counts) => counts,
            None => tcp_counts(self.process, self.buffer),
        };
        self.tcp_counts = Some(counts);
        counts.has_none(family)
    }

    /// Whether it served; if not, nothing is added.
    fn read_diag(
        &mut self,
        protocol: Protocol,
        family: Family,
        request: &[u8],
        list: &mut List<'_>,
    ) -> bool {
        let Some(diag) = &self.diag else { return false };
        list.reading.source = Source::SockDiag;
        let before = list.mark();
        let mut whole = false;
        let mut take = |messages: &[u8]| {
            for message in sock_diag::messages(messages) {
                match message {
                    Ok(Message::Item(payload)) => {
                        let Ok(raw) = from_message(protocol, payload) else {
                            return ControlFlow::Break(());
                        };
                        list.add(protocol, family, raw);
                    }
                    Ok(Message::Done) => {
                        whole = true;
                        return ControlFlow::Break(());
                    }
                    Ok(Message::Error(_) | Message::Interrupted) | Err(_) => {
                        return ControlFlow::Break(());
                    }
                }
            }
            ControlFlow::Continue(())
        };
        let answer = self.answers.and_then(|answers| answers.take(request));
        let is_read = match answer {
            Some(messages) => {
                let _ = take(&messages);
                true
            }
            None => diag.dump(request, self.buffer, take).is_ok(),
        };
        if is_read && whole {
            return true;
        }
        list.roll_back(before);
        // The rest of an answer that was broken off would be taken for the next one's.
        self.diag = NetlinkClient::sock_diag().ok();
        false
    }

    fn read_text(
        &mut self,
        protocol: Protocol,
        family: Family,
        list: &mut List<'_>,
    ) -> Result<(), Errno> {
        let Some(name) = file(protocol, family) else {
            return Err(Errno::ENOENT);
        };
        let mut heading = true;
        // A unix socket whose path may go on in the next line.
        let mut open: Option<UnixSocket> = None;
        let mut each = |line: &[u8]| {
            if std::mem::take(&mut heading) {
                return ControlFlow::Continue(());
            }
            match (from_line(protocol, line), &mut open) {
                (Ok(Raw::Unix(next)), open) => {
                    if let Some(done) = open.replace(next) {
                        list.add(protocol, family, Raw::Unix(done));
                    }
                }
                (Ok(raw), _) => list.add(protocol, family, raw),
                (
                    Err(_),
                    Some(UnixSocket {
                        name: Some(UnixName::Path(path) | UnixName::Abstract(path)),
                        ..
                    }),
                ) if path.len() <= UNIX_PATH => {
                    path.push(b'\n');
                    path.extend(line);
                }
                (Err(malformed), _) => list.malformed(protocol, family, malformed),
            }
            list.more()
        };
        let table = self.tables.remove(&family);
        let read = match table.filter(|_| protocol == Protocol::Tcp) {
            Some(table) => {
                let mut whole = table.split_inclusive(|byte| *byte == b'\n');
                let line = |line: &[u8]| each(line.strip_suffix(b"\n").unwrap_or(line));
                let cut = table.last().is_some_and(|last| *last != b'\n');
                let _ = whole.try_for_each(line);
                Ok(if cut {
                    Truncation::AtLimit
                } else {
                    Truncation::Whole
                })
            }
            None => lines(self.process, name, self.buffer, each),
        };
        if let Some(done) = open {
            list.add(protocol, family, Raw::Unix(done));
        }
        if read? == Truncation::AtLimit {
            let what = "the last line of a table in /proc/PID/net";
            let expected = "a newline at its end";
            list.malformed(protocol, family, Malformed { what, expected });
        }
        Ok(())
    }

    /// Whether a table that is not there means that there are no such sockets.
    fn has_none(&mut self, protocol: Protocol, family: Family) -> bool {
        if protocol == Protocol::Vsock {
            let read = self.process.read_records(
                c"net/protocols",
                file_limits::NET_PROTOCOLS,
                self.buffer,
            );
            return read.is_ok() && !others::lists(self.buffer, b"AF_VSOCK");
        }
        // A kernel without IPv6 has none of its files.
        family == Family::Inet6
            && self.process.stat_entry(c"net/if_inet6") == Err(Errno::ENOENT)
            && self.process.stat_entry(c"net/dev").is_ok()
    }
}

fn request(protocol: Protocol, family: Family, states: u32, tcp_info: bool) -> Option<Vec<u8>> {
    let number = match protocol {
        Protocol::Tcp => inet_diag::TCP,
        Protocol::Udp => inet_diag::UDP,
        Protocol::Raw => inet_diag::RAW,
        Protocol::Unix => return Some(sock_diag::unix::ask(states)),
        Protocol::Vsock => return Some(sock_diag::vsock::ask(states)),
        Protocol::Icmp | Protocol::Packet | Protocol::Netlink => return None,
    };
    let v6 = family == Family::Inet6;
    Some(inet_diag::ask(v6, number, states, tcp_info))
}

fn from_message(protocol: Protocol, payload: &[u8]) -> Result<Raw, Malformed> {
    match protocol {
        Protocol::Unix => sock_diag::unix::parse(payload).map(Raw::Unix),
        Protocol::Vsock => sock_diag::vsock::parse(payload).map(Raw::Vsock),
        _ => inet_diag::parse(payload).map(Raw::Inet),
    }
}

fn from_line(protocol: Protocol, line: &[u8]) -> Result<Raw, Malformed> {
    match protocol {
        Protocol::Unix => unix::parse(line).map(Raw::Unix),
        Protocol::Packet => others::packet(line).map(Raw::Packet),
        Protocol::Netlink => others::netlink(line).map(Raw::Netlink),
        _ => inet::parse(line).map(Raw::Inet),
    }
}

/// How many TCP sockets a namespace has, as far as its files tell.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct TcpCounts {
    v4: Option<TcpCount>,
    v6: Option<u64>,
}

impl TcpCounts {
    /// Whether there is none of this family; what waits after its end is counted for both.
    pub(super) fn has_none(&self, family: Family) -> bool {
        let Some(v4) = self.v4.filter(|v4| v4.time_wait == 0) else {
            return false;
        };
        match family {
            Family::Inet6 => self.v6 == Some(0),
            _ => v4.in_use == 0,
        }
    }
}

/// Asks for them.
pub(super) fn tcp_counts(process: &ProcessDir, buffer: &mut Vec<u8>) -> TcpCounts {
    let mut read = |name: &CStr| {
        let read = process.read_records(name, file_limits::SMALL, buffer);
        (read == Ok(Truncation::Whole)).then(|| buffer.clone())
    };
    let (v4, v6) = (read(c"net/sockstat"), read(c"net/sockstat6"));
    TcpCounts {
        v4: v4.and_then(|text| sockstat::tcp(&text)),
        v6: v6.and_then(|text| sockstat::tcp6_in_use(&text)),
    }
}

pub(super) fn file(protocol: Protocol, family: Family) -> Option<&'static CStr> {
    Some(match (protocol, family) {
        (Protocol::Tcp, Family::Inet6) => c"net/tcp6",
        (Protocol::Tcp, _) => c"net/tcp",
        (Protocol::Udp, Family::Inet6) => c"net/udp6",
        (Protocol::Udp, _) => c"net/udp",
        (Protocol::Raw, Family::Inet6) => c"net/raw6",
        (Protocol::Raw, _) => c"net/raw",
        (Protocol::Icmp, Family::Inet6) => c"net/icmp6",
        (Protocol::Icmp, _) => c"net/icmp",
        (Protocol::Unix, _) => c"net/unix",
        (Protocol::Packet, _) => c"net/packet",
        (Protocol::Netlink, _) => c"net/netlink",
        (Protocol::Vsock, _) => return None,
    })
}

/// The refusal of a field that only `sock_diag` tells.
pub(super) fn only_diag(needs: &str) -> Refusal {
    Refusal::of(Reason::Unsupported).needing(needs)
}
