//! Counters of the namespace: those that point to trouble by plain names, and all of them.

use std::collections::BTreeMap;
use std::ffi::CStr;

use nix::errno::Errno;

use super::records::of_process;
use crate::model::gap::{Reason, Refusal, SectionGaps};
use crate::model::network::{Network, NetworkCounters};
use crate::parse::Malformed;
use crate::parse::net_counters::{self, Counters};
use crate::scan::Scan;
use crate::scan::process_files::malformed;
use crate::sys::file_limits;
use crate::sys::{ProcessDir, Truncation};

/// A name here, and the kernel's.
type Name = (&'static str, &'static str);

const TCP: &[Name] = &[
    ("active_opens", "TcpActiveOpens"),
    ("passive_opens", "TcpPassiveOpens"),
    ("failed_attempts", "TcpAttemptFails"),
    ("established", "TcpCurrEstab"),
    ("established_resets", "TcpEstabResets"),
    ("received_segments", "TcpInSegs"),
    ("sent_segments", "TcpOutSegs"),
    ("retransmitted_segments", "TcpRetransSegs"),
    ("receive_errors", "TcpInErrs"),
    ("checksum_errors", "TcpInCsumErrors"),
    ("resets_sent", "TcpOutRsts"),
    ("listen_overflows", "TcpExtListenOverflows"),
    ("listen_drops", "TcpExtListenDrops"),
    ("request_queue_full_drops", "TcpExtTCPReqQFullDrop"),
    ("syn_cookies_sent", "TcpExtSyncookiesSent"),
    ("syn_retransmits", "TcpExtTCPSynRetrans"),
    ("timeouts", "TcpExtTCPTimeouts"),
    ("backlog_drops", "TcpExtTCPBacklogDrop"),
    ("receive_queue_drops", "TcpExtTCPRcvQDrop"),
    ("aborts_on_timeout", "TcpExtTCPAbortOnTimeout"),
    ("aborts_on_memory", "TcpExtTCPAbortOnMemory"),
    ("aborts_on_data", "TcpExtTCPAbortOnData"),
    ("time_wait_overflows", "TcpExtTCPTimeWaitOverflow"),
];
const UDP: &[Name] = &[
    ("received_datagrams", "UdpInDatagrams"),
    ("sent_datagrams", "UdpOutDatagrams"),
    ("no_listener", "UdpNoPorts"),
    ("receive_errors", "UdpInErrors"),
    ("receive_buffer_errors", "UdpRcvbufErrors"),
    ("send_buffer_errors", "UdpSndbufErrors"),
    ("checksum_errors", "UdpInCsumErrors"),
];
const UDP6: &[Name] = &[
    ("received_datagrams", "Udp6InDatagrams"),
    ("sent_datagrams", "Udp6OutDatagrams"),
    ("no_listener", "Udp6NoPorts"),
    ("receive_errors", "Udp6InErrors"),
    ("receive_buffer_errors", "Udp6RcvbufErrors"),
    ("send_buffer_errors", "Udp6SndbufErrors"),
    ("checksum_errors", "Udp6InCsumErrors"),
];
const IP: &[Name] = &[
    ("received_packets", "IpInReceives"),
    ("sent_packets", "IpOutRequests"),
    ("received_discards", "IpInDiscards"),
    ("sent_discards", "IpOutDiscards"),
    ("sent_without_route", "IpOutNoRoutes"),
    ("received_without_route", "IpExtInNoRoutes"),
    ("reassembly_failures", "IpReasmFails"),
    ("fragmentation_failures", "IpFragFails"),
];
const IP6: &[Name] = &[
    ("received_packets", "Ip6InReceives"),
    ("sent_packets", "Ip6OutRequests"),
    ("received_discards", "Ip6InDiscards"),
    ("sent_discards", "Ip6OutDiscards"),
    ("sent_without_route", "Ip6OutNoRoutes"),
    ("received_without_route", "Ip6InNoRoutes"),
    ("reassembly_failures", "Ip6ReasmFails"),
    ("fragmentation_failures", "Ip6FragFails"),
];

/// Fills in the counters, with `all` every one of the kernel's too.
pub(super) fn read(
    process: &ProcessDir,
    scan: &Scan,
    all: bool,
    network: &mut Network,
    gaps: &mut SectionGaps<'_>,
) {
    let counters = counters(process, scan);
    let pid = process.pid();
    let chosen = counters.as_ref().map(chosen).map_err(Clone::clone);
    network.counters = Some(gaps.seen("counters", pid, chosen));
    network.kernel_counters = all.then(|| gaps.seen("kernel_counters", pid, counters));
}

fn chosen(counters: &Counters) -> NetworkCounters {
    let of = |names: &[Name]| -> BTreeMap<String, u64> {
        let known = |(ours, theirs): &Name| Some(((*ours).to_owned(), *counters.get(*theirs)?));
        names.iter().filter_map(known).collect()
    };
    NetworkCounters {
        tcp: of(TCP),
        udp: of(UDP),
        udp6: of(UDP6),
        ip: of(IP),
        ip6: of(IP6),
    }
}

type Add = fn(&[u8], &mut Counters) -> Result<(), Malformed>;

fn counters(process: &ProcessDir, scan: &Scan) -> Result<Counters, Refusal> {
    let files: [(&CStr, Add); 3] = [
        (c"net/snmp", net_counters::add_pairs),
        (c"net/netstat", net_counters::add_pairs),
        (c"net/snmp6", net_counters::add_lines),
    ];
    let mut counters = Counters::new();
    let mut buffer = Vec::new();
    for (name, add) in files {
        match process.read_records(name, file_limits::NET_TABLE, &mut buffer) {
            Ok(Truncation::Whole) => add(&buffer, &mut counters).map_err(malformed)?,
            Ok(Truncation::AtLimit) => return Err(Refusal::of(Reason::Limit)),
            // A kernel without IPv6 does not have it.
            Err(Errno::ENOENT) if name == c"net/snmp6" && !process.has_ended() => {}
            Err(errno) => return Err(of_process(process, scan, errno)),
        }
    }
    Ok(counters)
}
