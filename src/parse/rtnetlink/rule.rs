//! `struct fib_rule_hdr` and what follows it.

use core::net::IpAddr;

use super::{attributes, every, ip, text, u8_at, u16_at, u32_at};

/// A rule that chooses the table in which a route is looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RuleRecord {
    pub(crate) priority: u32,
    pub(crate) source: IpAddr,
    pub(crate) source_prefix_length: u8,
    pub(crate) destination: IpAddr,
    pub(crate) destination_prefix_length: u8,
    pub(crate) incoming: Option<Vec<u8>>,
    pub(crate) outgoing: Option<Vec<u8>>,
    pub(crate) mark: Option<u32>,
    pub(crate) mark_mask: Option<u32>,
    /// `FR_ACT_…`: 1 look-up in `table`, 2 go to `goto`, 6 blackhole, 7 unreachable, 8 prohibit.
    pub(crate) action: u8,
    pub(crate) table: u32,
    pub(crate) goto: Option<u32>,
    /// It applies to what does not match.
    pub(crate) inverted: bool,
    pub(crate) tos: u8,
    pub(crate) uids: Option<(u32, u32)>,
    pub(crate) ip_protocol: Option<u8>,
    pub(crate) source_ports: Option<(u16, u16)>,
    pub(crate) destination_ports: Option<(u16, u16)>,
    /// Routes with a prefix of at most this length are passed over.
    pub(crate) suppress_prefix_length: Option<u32>,
    /// The table is that of the device's VRF.
    pub(crate) of_l3_device: bool,
}

const INVERT: u32 = 2;

pub(super) fn read(payload: &[u8]) -> Option<RuleRecord> {
    let family = u8_at(payload, 0)?;
    let mut rule = RuleRecord {
        priority: 0,
        source: every(family)?,
        source_prefix_length: u8_at(payload, 2)?,
        destination: every(family)?,
        destination_prefix_length: u8_at(payload, 1)?,
        incoming: None,
        outgoing: None,
        mark: None,
        mark_mask: None,
        action: u8_at(payload, 7)?,
        table: u8_at(payload, 4)?.into(),
        goto: None,
        inverted: u32_at(payload, 8)? & INVERT != 0,
        tos: u8_at(payload, 3)?,
        uids: None,
        ip_protocol: None,
        source_ports: None,
        destination_ports: None,
        suppress_prefix_length: None,
        of_l3_device: false,
    };
    for (kind, value) in attributes(payload.get(12..)?) {
        match kind {
            1 => rule.destination = ip(family, value)?,
            2 => rule.source = ip(family, value)?,
            3 => rule.incoming = Some(text(value).to_vec()),
            4 => rule.goto = u32_at(value, 0),
            6 => rule.priority = u32_at(value, 0)?,
            10 => rule.mark = u32_at(value, 0),
            14 => rule.suppress_prefix_length = u32_at(value, 0).filter(|all| *all != u32::MAX),
            15 => rule.table = u32_at(value, 0)?,
            16 => rule.mark_mask = u32_at(value, 0),
            17 => rule.outgoing = Some(text(value).to_vec()),
            19 => rule.of_l3_device = u8_at(value, 0) == Some(1),
            20 => rule.uids = Some((u32_at(value, 0)?, u32_at(value, 4)?)),
            22 => rule.ip_protocol = u8_at(value, 0),
            23 => rule.source_ports = Some((u16_at(value, 0)?, u16_at(value, 2)?)),
            24 => rule.destination_ports = Some((u16_at(value, 0)?, u16_at(value, 2)?)),
            _ => {}
        }
    }
    Some(rule)
}
