//! What runs out: entries of connection tracking, and local ports of connections.

use std::ffi::CStr;
use std::ops::ControlFlow;

use nix::errno::Errno;

use super::records::of_process;
use crate::model::gap::{Reason, Refusal, SectionGaps};
use crate::model::network::{Conntrack, EphemeralPorts};
use crate::model::process::Limit;
use crate::model::resources::percent_of_limit;
use crate::model::seen::Seen;
use crate::parse::net_text;
use crate::parse::sock_diag::{self, Message, inet};
use crate::scan::Scan;
use crate::sys::file_limits;
use crate::sys::netlink::NetlinkClient;
use crate::sys::{ProcessDir, Truncation};

/// Every state of a TCP socket.
const ALL_STATES: u32 = u32::MAX;

/// Entries against their limit; `None` where the kernel does not track.
pub(super) fn conntrack(
    process: &ProcessDir,
    is_own: bool,
    scan: &Scan,
    gaps: &mut SectionGaps<'_>,
) -> Option<Conntrack> {
    let mut buffer = Vec::new();
    let name = c"net/stat/nf_conntrack";
    let entries = match process.read_records(name, file_limits::NET_TABLE, &mut buffer) {
        Err(Errno::ENOENT) if !process.has_ended() => return None,
        Ok(_) => net_text::conntrack_entries(&buffer).ok_or(Refusal::of(Reason::Malformed)),
        Err(errno) => Err(of_process(process, scan, errno)),
    };
    let limit = setting(c"sys/net/netfilter/nf_conntrack_max", is_own, scan)
        .and_then(|text| text.trim().parse().map_err(|_| malformed()));
    let used_percent = match (&entries, &limit) {
        (Ok(entries), Ok(limit @ 1..)) => percent_of_limit(*entries, Limit::Value(*limit)),
        _ => None,
    };
    let pid = process.pid();
    Some(Conntrack {
        entries: gaps.seen("conntrack.entries", pid, entries),
        limit: gaps.seen("conntrack.limit", pid, limit),
        used_percent,
    })
}

/// The range of local ports and how many of it TCP sockets have.
pub(super) fn ephemeral(
    is_own: bool,
    scan: &Scan,
    gaps: &mut SectionGaps<'_>,
) -> Seen<EphemeralPorts> {
    let pid = scan.main_pid();
    let range = setting(c"sys/net/ipv4/ip_local_port_range", is_own, scan);
    let range = range.and_then(|text| port_range(&text).ok_or_else(malformed));
    let range = range.map(|(first, last)| {
        let used = used_ports(first, last);
        let count = u64::from(last.abs_diff(first)) + 1;
        let used_percent = used.as_ref().ok();
        let used_percent =
            used_percent.and_then(|used| percent_of_limit((*used).into(), Limit::Value(count)));
        EphemeralPorts {
            first,
            last,
            tcp_used: gaps.seen("ephemeral_ports.tcp_used", pid, used),
            used_percent,
        }
    });
    gaps.seen("ephemeral_ports", pid, range)
}

fn port_range(text: &str) -> Option<(u16, u16)> {
    let mut words = text.split_whitespace();
    let (first, last) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    (first <= last).then_some((first, last))
}

/// A setting below `/proc/sys/net` is that of the namespace of its reader.
fn setting(name: &CStr, is_own: bool, scan: &Scan) -> Result<String, Refusal> {
    if !is_own {
        let elsewhere = Refusal::of(Reason::Unsupported);
        return Err(elsewhere.needing("spyhole in the target's network namespace"));
    }
    let mut buffer = Vec::new();
    match scan.reader.proc.read(name, file_limits::SMALL, &mut buffer) {
        Ok(Truncation::Whole) => String::from_utf8(buffer).map_err(|_| malformed()),
        Ok(Truncation::AtLimit) => Err(Refusal::of(Reason::Limit)),
        Err(errno) => Err(by_errno(errno)),
    }
}

/// Ports of a range that TCP sockets of both families have, each once.
fn used_ports(first: u16, last: u16) -> Result<u32, Refusal> {
    let mut is_used = vec![false; usize::from(u16::MAX) + 1];
    for v6 in [false, true] {
        let client = NetlinkClient::sock_diag().map_err(by_errno)?;
        let request = inet::ask(v6, inet::TCP, ALL_STATES, false);
        let mut end = None;
        let dumped = client.dump(&request, &mut Vec::new(), |datagram| {
            for message in sock_diag::messages(datagram) {
                match message {
                    Ok(Message::Item(payload)) => {
                        let Ok(socket) = inet::parse(payload) else {
                            end = Some(Err(malformed()));
                            break;
                        };
                        if let Some(used) = is_used.get_mut(usize::from(socket.local.port)) {
                            *used = true;
                        }
                    }
                    // The count of a moment; sockets come and go while they are listed.
                    Ok(Message::Done | Message::Interrupted) => end = Some(Ok(())),
                    Ok(Message::Error(errno)) => {
                        end = Some(Err(by_errno(Errno::from_raw(errno))));
                    }
                    Err(_) => end = Some(Err(malformed())),
                }
                if end.is_some() {
                    break;
                }
            }
            match end {
                Some(_) => ControlFlow::Break(()),
                None => ControlFlow::Continue(()),
            }
        });
        dumped.map_err(by_errno)?;
        end.unwrap_or_else(|| Err(malformed()))?;
    }
    let range = is_used.get(usize::from(first)..=usize::from(last));
    let used = range
        .unwrap_or_default()
        .iter()
        .filter(|used| **used)
        .count();
    u32::try_from(used).map_err(|_| malformed())
}

fn malformed() -> Refusal {
    Refusal::of(Reason::Malformed)
}

fn by_errno(errno: Errno) -> Refusal {
    let reason = match errno {
        Errno::ENOENT | Errno::EAFNOSUPPORT | Errno::EPROTONOSUPPORT | Errno::EOPNOTSUPP => {
            Reason::Unsupported
        }
        Errno::EACCES | Errno::EPERM => Reason::Denied,
        Errno::EAGAIN => Reason::Timeout,
        _ => Reason::Io,
    };
    Refusal {
        errno: Some(format!("{errno:?}")),
        ..Refusal::of(reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_two_ends_in_order() {
        assert_eq!(port_range("32768\t60999\n"), Some((32768, 60999)));
        for text in ["", "1", "9 1", "1 70000", "a b"] {
            assert_eq!(port_range(text), None, "{text}");
        }
    }
}
