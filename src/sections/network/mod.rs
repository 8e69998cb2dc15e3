//! The section `network`: interfaces, addresses, routes, rules, neighbours, DNS configuration and
//! counters of the target's network namespace.

mod convert;
mod counters;
pub(crate) mod dns;
mod ports;
mod records;
mod words;

use clap::Args;
use serde::Deserialize;

use super::section::{Detail, Request, SectionInfo, SectionMetrics};
use crate::model::Report;
use crate::model::gap::SectionGaps;
use crate::model::network::Network;
use crate::render::metrics;
use crate::render::tables::Table;
use crate::render::tables::network::tables;
use crate::scan::Scan;
use crate::scan::needs::{Files, Needs, Scope};
use convert::Converter;
use records::Records;

/// Flags of `spyhole network`. Without one that chooses a part, every part is shown.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub(crate) struct NetworkQuery {
    /// Show the interfaces: state, MTU, MAC address, traffic.
    #[arg(long)]
    pub interfaces: bool,
    /// Show the addresses of the interfaces.
    #[arg(long)]
    pub addresses: bool,
    /// Show the routes of every table but local.
    #[arg(long)]
    pub routes: bool,
    /// Show the rules that choose a routing table.
    #[arg(long)]
    pub rules: bool,
    /// Show the neighbours: addresses on the link with their MAC addresses.
    #[arg(long)]
    pub neighbours: bool,
    /// Show how names are looked up.
    #[arg(long)]
    pub dns: bool,
    /// Show every counter that the kernel has, as nstat -az does.
    #[arg(long)]
    pub counters: bool,
    /// Show only IPv4 addresses, routes, rules and neighbours.
    #[arg(short = '4', long, conflicts_with = "ipv6")]
    pub ipv4: bool,
    /// Show only IPv6 addresses, routes, rules and neighbours.
    #[arg(short = '6', long)]
    pub ipv6: bool,
    /// Show only what is of this interface.
    #[arg(value_name = "INTERFACE")]
    pub interface: Option<String>,
    /// Only what metrics are made of.
    #[arg(skip)]
    #[serde(skip)]
    figures: bool,
}

impl NetworkQuery {
    /// Whether a part is shown: it was chosen, or none was.
    fn shows(&self, part: bool) -> bool {
        let chosen = [
            self.interfaces,
            self.addresses,
            self.routes,
            self.rules,
            self.neighbours,
            self.dns,
            self.counters,
        ];
        !self.figures && (part || !chosen.contains(&true))
    }

    /// Whether an address of this family is shown.
    fn shows_family(&self, is_ipv6: bool) -> bool {
        if is_ipv6 { !self.ipv4 } else { !self.ipv6 }
    }

    fn is_of_interface(&self, name: Option<&[u8]>) -> bool {
        let wanted = self.interface.as_ref();
        wanted.is_none_or(|wanted| name == Some(wanted.as_bytes()))
    }
}

/// What the section is.
pub(crate) const INFO: SectionInfo = SectionInfo {
    name: "network",
    aliases: &["ip", "ifconfig", "route", "nstat"],
    about: "Show interfaces, addresses, routes, DNS configuration and counters of the target",
    example: "spyhole network --routes",
    in_dump: true,
    files: Files::empty(),
    pem: false,
    secrets: false,
    metrics: Some(SectionMetrics {
        request: |scrape| {
            let request = || {
                Box::new(NetworkQuery {
                    figures: true,
                    ..NetworkQuery::default()
                })
            };
            scrape.with_target.then(|| request() as _)
        },
        collect: metrics::network::collect,
    }),
};

impl Request for NetworkQuery {
    fn info(&self) -> &'static SectionInfo {
        &INFO
    }

    fn check(&self) -> Result<(), String> {
        if self.ipv4 && self.ipv6 {
            return Err("--ipv4 and --ipv6 exclude each other".to_owned());
        }
        Ok(())
    }

    fn needs(&self, _: Detail) -> Needs {
        Needs {
            files: INFO.files,
            scope: Scope::Main,
            target: true,
        }
    }

    fn fill(&self, scan: &Scan, gaps: &mut SectionGaps<'_>, report: &mut Report) {
        let Some(target) = scan.target.as_ref() else {
            return;
        };
        let is_own = scan.shares_network() == Some(true);
        let records = Records::read(&target.main, is_own, scan, |part| self.reads(part));
        let source = records.source;
        let pid = target.main.pid();
        let mut converter = Converter::new(self, &records, pid, gaps.reborrow());
        let mut network = Network {
            pid,
            source,
            interfaces: (self.figures || self.shows(self.interfaces))
                .then(|| converter.interfaces()),
            addresses: self.shows(self.addresses).then(|| converter.addresses()),
            routes: self.shows(self.routes).then(|| converter.routes()),
            rules: self.shows(self.rules).then(|| converter.rules()),
            neighbours: self.shows(self.neighbours).then(|| converter.neighbours()),
            dns: None,
            counters: None,
            kernel_counters: None,
            conntrack: None,
            ephemeral_ports: None,
        };
        if self.shows(self.dns) {
            network.dns = Some(dns::read(target, scan, gaps));
        }
        if self.figures || self.shows(self.counters) {
            counters::read(&target.main, scan, self.counters, &mut network, gaps);
            network.conntrack = ports::conntrack(&target.main, is_own, scan, gaps);
            network.ephemeral_ports = Some(ports::ephemeral(is_own, scan, gaps));
        }
        report.network = Some(network);
    }

    fn tables(&self, report: &Report, detail: Detail) -> Vec<Table> {
        let network = report.network.iter();
        network
            .flat_map(|one| tables(one, detail == Detail::Wide))
            .collect()
    }

    fn saw_nothing(&self, report: &Report) -> bool {
        let Some(network) = &report.network else {
            return true;
        };
        let unseen = [
            network
                .interfaces
                .as_ref()
                .map(|part| part.value().is_none()),
            network
                .addresses
                .as_ref()
                .map(|part| part.value().is_none()),
            network.routes.as_ref().map(|part| part.value().is_none()),
            network.rules.as_ref().map(|part| part.value().is_none()),
            network
                .neighbours
                .as_ref()
                .map(|part| part.value().is_none()),
            network.counters.as_ref().map(|part| part.value().is_none()),
            network
                .dns
                .as_ref()
                .map(|dns| dns.resolver.value().is_none()),
        ];
        unseen.into_iter().flatten().all(|unseen| unseen)
    }

    fn says_no(&self, report: &Report) -> bool {
        self.lacks_interface(report)
    }

    fn notes(&self, report: &Report) -> Vec<String> {
        let name = self.interface.as_deref().unwrap_or_default();
        let lacks = self.lacks_interface(report);
        lacks
            .then(|| format!("no interface named {name:?}"))
            .into_iter()
            .collect()
    }
}

/// A part of the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Addresses,
    Routes,
    Rules,
    Neighbours,
}

impl NetworkQuery {
    /// Whether a part has to be read; interfaces always are, for their names.
    fn reads(&self, part: Part) -> bool {
        self.shows(match part {
            Part::Addresses => self.addresses,
            Part::Routes => self.routes,
            Part::Rules => self.rules,
            Part::Neighbours => self.neighbours,
        })
    }

    /// Whether an interface was named and nothing of it was found, though everything was seen.
    fn lacks_interface(&self, report: &Report) -> bool {
        let (Some(_), Some(network)) = (&self.interface, &report.network) else {
            return false;
        };
        let is_empty = [
            network
                .interfaces
                .as_ref()
                .map(|all| all.value().is_some_and(Vec::is_empty)),
            network
                .addresses
                .as_ref()
                .map(|all| all.value().is_some_and(Vec::is_empty)),
            network
                .routes
                .as_ref()
                .map(|all| all.value().is_some_and(Vec::is_empty)),
            network
                .neighbours
                .as_ref()
                .map(|all| all.value().is_some_and(Vec::is_empty)),
        ];
        let mut asked = is_empty.into_iter().flatten().peekable();
        asked.peek().is_some() && asked.all(|is_empty| is_empty)
    }
}
