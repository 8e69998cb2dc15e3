//! Turns records into the model; what a source does not say becomes a gap, one for each field.

use super::NetworkQuery;
use super::records::{Found, Read, Records};
use super::words;
use crate::model::byte_string::ByteString;
use crate::model::gap::{Reason, Refusal, SectionGaps};
use crate::model::network::{
    InterfaceAddress, InterfaceTraffic, Neighbour, NetworkInterface, NetworkRoute, NetworkSource,
    NextHop, RoutingRule,
};
use crate::model::seen::{Seen, Unseen};
use crate::parse::rtnetlink::{
    AddressRecord, Counts, Hop, Interface, LinkDetails, LinkRecord, NeighbourRecord, RouteRecord,
    RuleRecord, Traffic,
};

/// Converts the records of one namespace.
pub(super) struct Converter<'a, 'gaps> {
    query: &'a NetworkQuery,
    records: &'a Records,
    pid: i32,
    gaps: SectionGaps<'gaps>,
    /// Fields whose gap is written already.
    unseen: Vec<(&'static str, Unseen)>,
}

impl<'a, 'gaps> Converter<'a, 'gaps> {
    pub(super) fn new(
        query: &'a NetworkQuery,
        records: &'a Records,
        pid: i32,
        gaps: SectionGaps<'gaps>,
    ) -> Self {
        Self {
            query,
            records,
            pid,
            gaps,
            unseen: Vec::new(),
        }
    }

    pub(super) fn interfaces(&mut self) -> Seen<Vec<NetworkInterface>> {
        let records = self.records;
        self.list("interfaces", &records.links, |this, link| {
            let wanted = this.query.is_of_interface(Some(&link.name));
            wanted.then(|| this.interface(link))
        })
    }

    fn interface(&mut self, link: &LinkRecord) -> NetworkInterface {
        let details = link.details.as_ref();
        let traffic = |of: fn(&Traffic) -> Counts| link.traffic.as_ref().map(of).map(counted);
        NetworkInterface {
            index: self.known("interfaces.index", link.index),
            name: link.name.as_slice().into(),
            link_type: self.known(
                "interfaces.link_type",
                details.map(|details| words::link_type(details.hardware)),
            ),
            kind: self.optional("interfaces.kind", details, |details| {
                let kind = details.kind.as_ref()?;
                Some(String::from_utf8_lossy(kind).into_owned())
            }),
            state: self.known(
                "interfaces.state",
                details.and_then(|details| details.state.map(words::operational_state)),
            ),
            flags: self.known(
                "interfaces.flags",
                details.map(|details| words::link_flags(details.flags)),
            ),
            mtu_bytes: self.known(
                "interfaces.mtu_bytes",
                details.and_then(|details| details.mtu),
            ),
            mac_address: self.optional("interfaces.mac_address", details, |details| {
                let is_there = !details.address.is_empty();
                is_there.then(|| words::mac(&details.address))
            }),
            lower_index: self.optional("interfaces.lower_index", details, |details| {
                details.lower.filter(|index| *index != 0)
            }),
            master_index: self
                .optional("interfaces.master_index", details, |details| details.master),
            received: self.known("interfaces.received", traffic(|traffic| traffic.received)),
            sent: self.known("interfaces.sent", traffic(|traffic| traffic.sent)),
        }
    }

    pub(super) fn addresses(&mut self) -> Seen<Vec<InterfaceAddress>> {
        let records = self.records;
        self.list("addresses", &records.addresses, Self::address)
    }

    fn address(&mut self, record: &AddressRecord) -> Option<InterfaceAddress> {
        let name = record.index.map(|index| this_name(self.records, index));
        let wanted = self.query.interface.is_none()
            || matches!(&name, Some(Ok(name)) if self.query.is_of_interface(Some(name.as_bytes())));
        if !wanted || !self.query.shows_family(record.address.is_ipv6()) {
            return None;
        }
        if record.flags.is_none() {
            self.missing("addresses.peer");
        }
        Some(InterfaceAddress {
            address: record.address,
            prefix_length: self.known("addresses.prefix_length", record.prefix_length),
            interface: self.named("addresses.interface", name),
            scope: self.known("addresses.scope", record.scope.map(words::scope)),
            peer: record.peer,
            flags: self.known("addresses.flags", record.flags.map(words::address_flags)),
        })
    }

    pub(super) fn routes(&mut self) -> Seen<Vec<NetworkRoute>> {
        if self.records.source == NetworkSource::Proc {
            // What no field stands for.
            for field in [
                "routes.other_tables",
                "routes.preferred_source",
                "routes.mtu_bytes",
                "routes.next_hops",
            ] {
                self.missing(field);
            }
        }
        let records = self.records;
        self.list("routes", &records.routes, Self::route)
    }

    fn route(&mut self, record: &RouteRecord) -> Option<NetworkRoute> {
        let of_interface = record.hops.iter().any(|hop| {
            let name = hop.interface.as_ref();
            let name = name.and_then(|one| name_of(self.records, one).ok());
            self.query
                .is_of_interface(name.as_ref().map(ByteString::as_bytes))
        });
        let wanted = self.query.interface.is_none() || of_interface;
        if !wanted || !self.query.shows_family(record.destination.is_ipv6()) {
            return None;
        }
        let next_hops = record.hops.iter().map(|hop| self.hop(hop)).collect();
        Some(NetworkRoute {
            destination: record.destination,
            prefix_length: record.prefix_length,
            kind: self.known("routes.kind", record.kind.map(words::route_kind)),
            next_hops,
            metric: record.metric,
            preferred_source: record.preferred_source,
            protocol: self.known(
                "routes.protocol",
                record.protocol.map(words::route_protocol),
            ),
            scope: self.known("routes.scope", record.scope.map(words::scope)),
            table: self.known("routes.table", record.table.map(words::table)),
            mtu_bytes: record.mtu,
        })
    }

    fn hop(&mut self, hop: &Hop) -> NextHop {
        let interface = hop.interface.as_ref().map(|one| name_of(self.records, one));
        NextHop {
            gateway: hop.gateway,
            interface: interface.map(|name| self.named("routes.next_hops.interface", Some(name))),
            weight: hop.weight,
            flags: words::hop_flags(hop.flags),
        }
    }

    pub(super) fn rules(&mut self) -> Seen<Vec<RoutingRule>> {
        let records = self.records;
        self.list("rules", &records.rules, |this, record| {
            let wanted = this.query.shows_family(record.source.is_ipv6());
            wanted.then(|| rule(record))
        })
    }

    pub(super) fn neighbours(&mut self) -> Seen<Vec<Neighbour>> {
        if self.records.source == NetworkSource::Proc && self.query.shows_family(true) {
            self.missing("neighbours.inet6");
        }
        let records = self.records;
        self.list("neighbours", &records.neighbours, Self::neighbour)
    }

    fn neighbour(&mut self, record: &NeighbourRecord) -> Option<Neighbour> {
        let name = name_of(self.records, &record.interface);
        let bytes = name.as_ref().ok().map(ByteString::as_bytes);
        let wanted = self.query.is_of_interface(bytes);
        if !wanted || !self.query.shows_family(record.address.is_ipv6()) {
            return None;
        }
        Some(Neighbour {
            address: record.address,
            interface: self.named("neighbours.interface", Some(name)),
            mac_address: (!record.mac.is_empty()).then(|| words::mac(&record.mac)),
            state: self.known("neighbours.state", record.state.map(words::neighbour_state)),
        })
    }

    /// A list of what was read, with a gap if there is more.
    fn list<R, T>(
        &mut self,
        field: &'static str,
        read: &Read<R>,
        mut convert: impl FnMut(&mut Self, &R) -> Option<T>,
    ) -> Seen<Vec<T>> {
        match read {
            Ok(Found { all, cut }) => {
                if *cut {
                    self.gaps
                        .record(field, self.pid, &Refusal::of(Reason::Limit));
                }
                let found = all.iter().filter_map(|one| convert(self, one));
                Seen::Value(found.collect())
            }
            Err(refusal) => Seen::Unseen(self.gaps.record(field, self.pid, refusal)),
        }
    }

    fn known<T>(&mut self, field: &'static str, value: Option<T>) -> Seen<T> {
        match value {
            Some(value) => Seen::Value(value),
            None => Seen::Unseen(self.missing(field)),
        }
    }

    /// What is absent where an interface has none, and unseen where only rtnetlink says it.
    fn optional<T>(
        &mut self,
        field: &'static str,
        details: Option<&LinkDetails>,
        value: impl FnOnce(&LinkDetails) -> Option<T>,
    ) -> Option<Seen<T>> {
        match details {
            Some(details) => value(details).map(Seen::Value),
            None => Some(Seen::Unseen(self.missing(field))),
        }
    }

    fn named(
        &mut self,
        field: &'static str,
        name: Option<Result<ByteString, Refusal>>,
    ) -> Seen<ByteString> {
        match name {
            Some(name) => self.gaps.seen(field, self.pid, name),
            None => Seen::Unseen(self.missing(field)),
        }
    }

    /// The mark of what only rtnetlink says.
    fn missing(&mut self, field: &'static str) -> Unseen {
        if let Some((_, unseen)) = self.unseen.iter().find(|(known, _)| *known == field) {
            return *unseen;
        }
        let unseen = self
            .gaps
            .record(field, self.pid, &self.records.only_netlink);
        self.unseen.push((field, unseen));
        unseen
    }
}

fn name_of(records: &Records, interface: &Interface) -> Result<ByteString, Refusal> {
    match interface {
        Interface::Name(name) => Ok(name.as_slice().into()),
        Interface::Index(index) => this_name(records, *index),
    }
}

/// An interface may go, or come, while the tables are read.
fn this_name(records: &Records, index: u32) -> Result<ByteString, Refusal> {
    let name = records.names.get(&index);
    name.map(|name| name.as_slice().into())
        .ok_or_else(|| Refusal::of(Reason::Vanished))
}

fn counted(counts: Counts) -> InterfaceTraffic {
    InterfaceTraffic {
        bytes: counts.bytes,
        packets: counts.packets,
        errors: counts.errors,
        dropped: counts.dropped,
    }
}

fn rule(record: &RuleRecord) -> RoutingRule {
    const LOOK_UP: u8 = 1;
    RoutingRule {
        priority: record.priority,
        source: record.source,
        source_prefix_length: record.source_prefix_length,
        destination: record.destination,
        destination_prefix_length: record.destination_prefix_length,
        action: words::rule_action(record.action),
        table: (record.action == LOOK_UP && record.table != 0).then(|| words::table(record.table)),
        goto_priority: record.goto,
        inverted: record.inverted,
        conditions: conditions(record),
    }
}

fn conditions(record: &RuleRecord) -> Vec<ByteString> {
    let mut all: Vec<ByteString> = Vec::new();
    let mut add = |text: String| all.push(text.as_str().into());
    if record.tos != 0 {
        add(format!("tos 0x{:02x}", record.tos));
    }
    if let Some(mark) = record
        .mark
        .filter(|mark| *mark != 0 || record.mark_mask != Some(0))
    {
        add(match record.mark_mask {
            Some(u32::MAX) | None => format!("fwmark 0x{mark:x}"),
            Some(mask) => format!("fwmark 0x{mark:x}/0x{mask:x}"),
        });
    }
    let range = |(first, last): (u16, u16)| {
        if first == last {
            first.to_string()
        } else {
            format!("{first}-{last}")
        }
    };
    if let Some((first, last)) = record.uids {
        add(format!("uidrange {first}-{last}"));
    }
    if let Some(protocol) = record.ip_protocol.filter(|protocol| *protocol != 0) {
        add(match protocol {
            1 => "ipproto icmp".to_owned(),
            6 => "ipproto tcp".to_owned(),
            17 => "ipproto udp".to_owned(),
            58 => "ipproto ipv6-icmp".to_owned(),
            other => format!("ipproto {other}"),
        });
    }
    if let Some(ports) = record.source_ports {
        add(format!("sport {}", range(ports)));
    }
    if let Some(ports) = record.destination_ports {
        add(format!("dport {}", range(ports)));
    }
    if let Some(length) = record.suppress_prefix_length {
        add(format!("suppress_prefixlength {length}"));
    }
    if record.of_l3_device {
        add("l3mdev".to_owned());
    }
    for (word, name) in [("iif ", &record.incoming), ("oif ", &record.outgoing)] {
        if let Some(name) = name {
            all.push([word.as_bytes(), name].concat().into());
        }
    }
    all
}
