//! Fills the section from the tables of each network namespace.

use std::collections::{BTreeMap, HashMap};
use std::ffi::CStr;

use super::SocketsQuery;
use super::ahead;
use super::filter::Filter;
use super::list::List;
use super::namespaces::{self, Namespace};
use super::owners::Owners;
use super::reading::Reading;
use super::source::{TableReader, only_diag};
use crate::model::Report;
use crate::model::gap::{Reason, Refusal, SectionGaps};
use crate::model::socket::{Family, Protocol, Socket, SocketSources, Source};
use crate::parse::net_tables::interfaces;
use crate::scan::Scan;
use crate::scan::needs::Files;
use crate::sys::file_limits;

/// Fills the report.
pub(super) fn fill(
    query: &SocketsQuery,
    filter: &Filter,
    scan: &Scan,
    gaps: &mut SectionGaps<'_>,
    report: &mut Report,
) {
    let namespaces = if query.all {
        namespaces::in_sight(scan)
    } else {
        namespaces::of_target(scan).into_iter().collect()
    };
    let walked = scan.files.contains(Files::FD_LINKS);
    let owners = walked.then(|| Owners::collect(scan, gaps));
    if let Some(pid) = query.owner
        && !scan
            .processes
            .iter()
            .any(|facts| facts.read && facts.pid == pid)
    {
        let gone = Refusal::of(Reason::Vanished).needing("a process of the target, or --all");
        gaps.record("owners", pid, &gone);
    }
    let (mut sockets, mut sums, mut all_sources) = (Vec::new(), Vec::new(), Vec::new());
    let mut buffer = Vec::new();
    let mut ahead = ahead::read(&namespaces, filter);
    for (at, namespace) in namespaces.iter().enumerate() {
        let pid = namespace.process.pid();
        let families = [Family::Inet, Family::Inet6];
        let tables = families.into_iter();
        let tables = tables.filter_map(|family| Some((family, ahead.remove(&(at, family))?)));
        let tables = tables.collect();
        let mut reader = TableReader::open(namespace, scan, tables, &mut buffer);
        let mut list = List {
            filter,
            reading: Reading {
                redactor: &scan.redactor,
                owners: owners.as_ref(),
                with_owners: walked && !query.no_owners && !query.summary,
                extended: query.extended,
                source: Source::Proc,
                pid,
                gaps: gaps.reborrow(),
                only_diag: only_diag(&reader.needs_diag),
                unseen: Vec::new(),
            },
            owner: query.owner,
            namespace_of: query.all.then_some(pid),
            sums: query.summary.then(HashMap::new),
            by_port: query.ports,
            sockets: Vec::new(),
            full: false,
        };
        let sources = read(&mut reader, filter, query.extended, &mut list);
        let mut part = list.finish(&mut sums);
        name_interfaces(&mut part, namespace);
        if sockets.is_empty() {
            sockets = part;
        } else {
            sockets.append(&mut part);
        }
        let inode = query.all.then(|| {
            let inode = namespace.inode.clone();
            gaps.seen("net_namespace", pid, inode)
        });
        all_sources.push(SocketSources {
            net_namespace: inode,
            pid,
            containers: namespace.containers.clone(),
            same_as_viewer: namespace.own,
            sources,
        });
    }
    if query.summary {
        report.socket_sums = Some(sums);
    }
    if !query.summary || query.ports {
        report.sockets = Some(sockets);
    }
    report.socket_sources = Some(all_sources);
}

/// Names the interfaces that sockets are bound to, as far as the files of the namespace do.
fn name_interfaces(sockets: &mut [Socket], namespace: &Namespace) {
    let index = |socket: &Socket| socket.interface_index.as_ref()?.value().copied();
    if !sockets.iter().any(|socket| index(socket).is_some()) {
        return;
    }
    let read = |name: &CStr| {
        let mut buffer = Vec::new();
        let read = namespace
            .process
            .read_records(name, file_limits::NET_PROTOCOLS, &mut buffer);
        // What is there is right, though it may be cut.
        read.map_or_else(|_| Vec::new(), |_| buffer)
    };
    let names = interfaces::names(&read(c"net/igmp"), &read(c"net/if_inet6"));
    for socket in sockets {
        let name = index(socket).and_then(|index| names.get(&index));
        socket.interface = name.map(|name| Box::new(name.as_slice().into()));
    }
}

fn read(
    reader: &mut TableReader<'_>,
    filter: &Filter,
    extended: bool,
    list: &mut List<'_>,
) -> BTreeMap<String, Source> {
    let mut sources = BTreeMap::new();
    for (protocol, family) in &filter.tables {
        let word = protocol.word(*family);
        match reader.table(*protocol, *family, filter, extended, list) {
            Ok(Some(source)) => {
                sources.insert(word.to_owned(), source);
            }
            Ok(None) => {}
            // Only some kernels list them; `sources` shows that this one does not.
            Err(Refusal {
                reason: Reason::Unsupported,
                ..
            }) if *protocol == Protocol::Vsock && !filter.vsock_by_name => {}
            Err(refusal) => {
                list.reading.gaps.record(word, list.reading.pid, &refusal);
            }
        }
    }
    sources
}
