//! The section `sockets`: what listens, who is connected, and which process holds it.

mod ahead;
mod convert;
mod fill;
mod filter;
mod list;
mod namespaces;
mod owners;
mod raw;
mod reading;
mod source;

use clap::Args;
use serde::Deserialize;

use super::section::{Detail, Request, Scrape, SectionInfo, SectionMetrics};
use crate::model::Report;
use crate::model::gap::{Gaps, Refusal, SectionGaps};
use crate::model::seen::Unseen;
use crate::model::socket::{Family, Protocol, Socket, State};
use crate::model::time::Timestamp;
use crate::render::metrics;
use crate::render::tables::Table;
use crate::render::tables::sockets;
use crate::render::tables::sockets::Columns;
use crate::scan::Scan;
use crate::scan::needs::Files;
use crate::scan::needs::{Needs, Scope};
use filter::Filter;

/// Flags of `spyhole sockets`: those of `ss` and `netstat`.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub(crate) struct SocketsQuery {
    /// Show TCP sockets.
    #[arg(short = 't', long)]
    pub tcp: bool,
    /// Show UDP sockets.
    #[arg(short = 'u', long)]
    pub udp: bool,
    /// Show raw and ICMP sockets.
    #[arg(short = 'w', long)]
    pub raw: bool,
    /// Show Unix sockets.
    #[arg(short = 'x', long)]
    pub unix: bool,
    /// Show packet (link layer) sockets.
    #[arg(short = '0', long)]
    pub packet: bool,
    /// Show netlink sockets.
    #[arg(long)]
    pub netlink: bool,
    /// Show vsock sockets.
    #[arg(long)]
    pub vsock: bool,
    /// Show only IPv4.
    #[arg(short = '4', long)]
    pub ipv4: bool,
    /// Show only IPv6.
    #[arg(short = '6', long)]
    pub ipv6: bool,
    /// Show only listening sockets, including unconnected UDP.
    #[arg(short = 'l', long)]
    pub listening: bool,
    /// Show all states, including time_wait, syn_recv and closed.
    #[arg(short = 'a', long)]
    pub all_states: bool,
    /// Show every visible network namespace, not only the target's.
    #[arg(short = 'A', long)]
    pub all: bool,
    /// Also show TCP details of each connection: round-trip time, windows, bytes.
    #[arg(short = 'e', long, short_alias = 'i')]
    pub extended: bool,
    /// Show only counts by protocol and state.
    #[arg(short = 's', long)]
    pub summary: bool,
    /// Show only sockets with this local or remote port.
    #[arg(long, value_name = "N")]
    pub port: Option<u16>,
    /// Show only these states: listen, established, time_wait, …
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub state: Vec<String>,
    /// Show only sockets of this process.
    #[arg(long, value_name = "PID")]
    pub owner: Option<i32>,
    /// Accepted for compatibility with ss; output is always numeric.
    #[arg(short = 'n', long)]
    pub numeric: bool,
    /// Show the processes that own each socket; JSON and YAML always have them.
    #[arg(short = 'p', long)]
    pub processes: bool,
    /// Leave the owners out of JSON and YAML too, which saves the walk through every process.
    #[arg(long, conflicts_with = "processes")]
    pub no_owners: bool,
    /// Every protocol and state: what `dump` asks for.
    #[arg(skip)]
    #[serde(skip)]
    whole: bool,
    /// The summary, by listening port, and with it the TCP listeners, without owners.
    #[arg(skip)]
    #[serde(skip)]
    ports: bool,
}

impl SocketsQuery {
    /// Whether the owner of each socket is looked for and shown: that takes a walk through the
    /// descriptors of every process.
    fn shows_owners(&self, detail: Detail) -> bool {
        let asked = self.processes || self.whole || detail == Detail::Document;
        asked && !self.no_owners && !self.summary
    }

    /// What metrics are made of: the summary, by listening port too, and the TCP listeners
    /// themselves, whose owners are not looked for.
    fn figures(scrape: Scrape) -> Self {
        Self {
            all: !scrape.with_target,
            summary: true,
            ports: true,
            ..Self::default()
        }
    }
}

/// What the section is.
pub(crate) const INFO: SectionInfo = SectionInfo {
    name: "sockets",
    aliases: &["ss", "netstat"],
    about: "List sockets of the target's network and their owners",
    example: "spyhole ss -tulpn",
    in_dump: true,
    files: Files::FD_LINKS.union(Files::NET_NAMESPACE),
    pem: false,
    secrets: false,
    metrics: Some(METRICS),
};

const METRICS: SectionMetrics = SectionMetrics {
    request: |scrape| Some(Box::new(SocketsQuery::figures(scrape))),
    collect: metrics::sockets::collect,
};

impl Request for SocketsQuery {
    fn info(&self) -> &'static SectionInfo {
        &INFO
    }

    fn whole() -> Self {
        Self {
            whole: true,
            ..Self::default()
        }
    }

    fn check(&self) -> Result<(), String> {
        filter::states(&self.state).map(drop)
    }

    fn needs(&self, detail: Detail) -> Needs {
        let mut files = Files::empty();
        let links = self.shows_owners(detail) || self.owner.is_some();
        files.set(Files::FD_LINKS, links);
        files.set(Files::NET_NAMESPACE, self.all);
        let scope = match (self.all, files.is_empty()) {
            (true, _) => Scope::All,
            (false, true) => Scope::Main,
            (false, false) => Scope::Target,
        };
        Needs {
            files,
            scope,
            target: !self.all,
        }
    }

    fn sock_diag(&self) -> Vec<Vec<u8>> {
        source::requests(&Filter::of(self), self.extended)
    }

    fn fill(&self, scan: &Scan, gaps: &mut SectionGaps<'_>, report: &mut Report) {
        let filter = Filter::of(self);
        fill::fill(self, &filter, scan, gaps, report);
    }

    fn tables(&self, report: &Report, detail: Detail) -> Vec<Table> {
        let sources = report.socket_sources.as_deref().unwrap_or_default();
        if let Some(sums) = &report.socket_sums {
            return sockets::summary(sums, sources);
        }
        let columns = Columns {
            wide: detail == Detail::Wide,
            extended: self.extended,
            owners: self.shows_owners(detail),
            brief: self.whole,
        };
        let sockets = report.sockets.as_deref().unwrap_or_default();
        sockets::tables(sockets, sources, columns)
    }

    fn saw_nothing(&self, report: &Report) -> bool {
        let sources = report.socket_sources.as_deref().unwrap_or_default();
        sources.iter().all(|source| source.sources.is_empty())
    }
}

/// The TCP sockets that listen in the target's network namespace, with their owners; what could
/// not be read is recorded as gaps of the given field. To be asked after a walk with
/// [`Files::FD_LINKS`] over the whole target.
pub(super) fn listeners(scan: &Scan, gaps: &mut SectionGaps<'_>, field: &str) -> Vec<Socket> {
    let query = SocketsQuery {
        tcp: true,
        listening: true,
        whole: false,
        ..SocketsQuery::default()
    };
    let mut report = Report::begin(Timestamp(scan.clock.now));
    let mut of_sockets = Gaps::default();
    fill::fill(
        &query,
        &Filter::of(&query),
        scan,
        &mut of_sockets.section(INFO.name),
        &mut report,
    );
    let tables = [Family::Inet, Family::Inet6].map(|family| Protocol::Tcp.word(family));
    for gap in of_sockets.as_slice() {
        let of_list = gap.field == "sockets" || tables.contains(&gap.field.as_str());
        if !of_list {
            continue;
        }
        let refusal = Refusal {
            reason: gap.reason,
            errno: gap.errno.clone(),
            needs: gap.needs.as_deref().map(Into::into),
        };
        for subject in &gap.subjects {
            gaps.record(field, subject.clone(), &refusal);
        }
    }
    report.sockets.unwrap_or_default()
}

/// What `sock_diag` is asked for [`all`].
pub(super) fn requests_for_all() -> Vec<Vec<u8>> {
    source::requests(&Filter::of(&of_every_kind(false)), false)
}

/// Every socket of the target's network namespace, or of each visible one, without owners. What
/// could not be read is recorded below the given field; gives the mark of a table that is missing.
pub(super) fn all(
    every_namespace: bool,
    scan: &Scan,
    gaps: &mut SectionGaps<'_>,
    field: &str,
) -> (Vec<Socket>, Option<Unseen>) {
    let query = of_every_kind(every_namespace);
    let mut report = Report::begin(Timestamp(scan.clock.now));
    let mut of_sockets = Gaps::default();
    let mut section = of_sockets.section(INFO.name);
    fill::fill(&query, &Filter::of(&query), scan, &mut section, &mut report);
    let mut missing = None;
    for gap in of_sockets.as_slice() {
        let refusal = Refusal {
            reason: gap.reason,
            errno: gap.errno.clone(),
            needs: gap.needs.as_deref().map(Into::into),
        };
        let of_table = gap.field == "sockets" || filter::is_table(&gap.field);
        let name = if of_table {
            field.to_owned()
        } else {
            format!("{field}.{}", gap.field)
        };
        for subject in &gap.subjects {
            let unseen = gaps.record(&name, subject.clone(), &refusal);
            missing = missing.or(of_table.then_some(unseen));
        }
    }
    (report.sockets.unwrap_or_default(), missing)
}

fn of_every_kind(all: bool) -> SocketsQuery {
    SocketsQuery {
        all,
        whole: true,
        no_owners: true,
        ..SocketsQuery::default()
    }
}

/// States by their names.
///
/// # Errors
/// A sentence that names the word and what there is.
pub(super) fn states(names: &[String]) -> Result<Vec<State>, String> {
    filter::states(names)
}

/// Whether spyhole is proved to be in the target's network namespace.
pub(super) fn shares_network(scan: &Scan) -> bool {
    namespaces::of_target(scan).is_some_and(|namespace| namespace.own)
}
