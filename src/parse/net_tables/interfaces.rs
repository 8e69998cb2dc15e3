//! Names of network interfaces by their numbers: `net/igmp` and `net/if_inet6` of a process, which
//! show those of its network namespace.

use std::collections::BTreeMap;

use crate::parse::text;

/// A namespace may have any number of them; sockets are bound to few.
const LIMIT: usize = 4096;

/// The interfaces that have an IPv4 or IPv6 address. What is no line of such a file is passed over.
#[must_use]
pub(crate) fn names(igmp: &[u8], if_inet6: &[u8]) -> BTreeMap<u32, Vec<u8>> {
    let of_igmp = igmp.split(|byte| *byte == b'\n').filter_map(igmp_line);
    let of_inet6 = if_inet6.split(|byte| *byte == b'\n').filter_map(inet6_line);
    of_igmp.chain(of_inet6).take(LIMIT).collect()
}

/// `1\tlo        :     1      V3`; the lines of its groups begin with tabs.
fn igmp_line(line: &[u8]) -> Option<(u32, Vec<u8>)> {
    let (index, rest) = text::split_once(line, b'\t')?;
    let (name, _) = text::split_once(rest, b':')?;
    named(text::decimal(index)?, name.trim_ascii_end())
}

/// `00000000000000000000000000000001 01 80 10 80       lo`
fn inet6_line(line: &[u8]) -> Option<(u32, Vec<u8>)> {
    let mut fields = line
        .split(|byte| *byte == b' ')
        .filter(|field| !field.is_empty());
    let index = fields.nth(1)?;
    let name = fields.nth(3)?;
    let index = u32::from_str_radix(std::str::from_utf8(index).ok()?, 16).ok()?;
    named(index, name)
}

fn named(index: u32, name: &[u8]) -> Option<(u32, Vec<u8>)> {
    let is_name = (1..=15).contains(&name.len()) && !name.contains(&b' ');
    (index > 0 && is_name).then(|| (index, name.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const IGMP: &[u8] = b"\
Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter
1\tlo        :     1      V3
\t\t\t\t010000E0     1 0:00000000\t\t0
2\teth0.4094@x:     2      V3
";
    const IF_INET6: &[u8] = b"\
00000000000000000000000000000001 01 80 10 80       lo
fe800000000000000000000000000001 0a 40 20 80     eth1
";

    #[test]
    fn each_interface_has_its_number() {
        let found = names(IGMP, IF_INET6);
        let of = |index: u32| found.get(&index).map(Vec::as_slice);
        assert_eq!(of(1), Some(&b"lo"[..]));
        assert_eq!(of(2), Some(&b"eth0.4094@x"[..]));
        assert_eq!(of(10), Some(&b"eth1"[..]));
        assert_eq!(found.len(), 3);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(igmp: Vec<u8>, if_inet6: Vec<u8>) {
            let _ = names(&igmp, &if_inet6);
        }
    }
}
