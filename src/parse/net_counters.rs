//! What a network namespace counts: `net/snmp`, `net/netstat` and `net/snmp6`.
//!
//! `procfs-core` expects a fixed set of columns in `net/snmp` and knows neither of the other two;
//! each kernel has columns of its own.

use std::collections::BTreeMap;

use super::{Malformed, text};

/// Settings and not counters; `MaxConn` is -1 for no limit.
const SETTINGS: [&str; 6] = [
    "IpForwarding",
    "IpDefaultTTL",
    "TcpRtoAlgorithm",
    "TcpRtoMin",
    "TcpRtoMax",
    "TcpMaxConn",
];
/// Kernels have some 400; the numbers of ICMP messages make more.
const COUNTERS: usize = 2048;

/// Counters by the names that nstat(8) gives them: `TcpRetransSegs`, `Ip6InReceives`.
pub(crate) type Counters = BTreeMap<String, u64>;

/// Adds the counters of `net/snmp` or `net/netstat`: a line of names, then one of values, both after
/// the same word.
///
/// # Errors
/// If a line of values does not match its line of names.
pub(crate) fn add_pairs(bytes: &[u8], counters: &mut Counters) -> Result<(), Malformed> {
    let malformed = Malformed {
        what: "counters in /proc/PID/net",
        expected: "a line of names before each line of values",
    };
    let mut lines = text::lines(bytes, malformed.what)?;
    while let Some(names) = lines.next() {
        let values = lines.next().ok_or(malformed)?;
        let mut pairs = (text::words(names), text::words(values));
        let prefix = pairs.0.next();
        if prefix != pairs.1.next() {
            return Err(malformed);
        }
        let prefix = prefix.and_then(|prefix| prefix.strip_suffix(b":"));
        let prefix = prefix.ok_or(malformed)?;
        loop {
            match (pairs.0.next(), pairs.1.next()) {
                (Some(name), Some(value)) => add(&[prefix, name].concat(), value, counters),
                (None, None) => break,
                _ => return Err(malformed),
            }
        }
    }
    Ok(())
}

/// Adds the counters of `net/snmp6`: a name and a value in each line.
///
/// # Errors
/// If a line has no value.
pub(crate) fn add_lines(bytes: &[u8], counters: &mut Counters) -> Result<(), Malformed> {
    let what = "counters in /proc/PID/net/snmp6";
    for line in text::lines(bytes, what)? {
        let mut words = text::words(line);
        let (Some(name), Some(value)) = (words.next(), words.next()) else {
            let expected = "a name and a value in each line";
            return Err(Malformed { what, expected });
        };
        add(name, value, counters);
    }
    Ok(())
}

/// A value that does not fit into 64 bits is not a counter and is left out.
fn add(name: &[u8], value: &[u8], counters: &mut Counters) {
    let (Ok(name), Some(value)) = (std::str::from_utf8(name), text::decimal(value)) else {
        return;
    };
    if counters.len() < COUNTERS && !SETTINGS.contains(&name) {
        counters.insert(name.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::mutate;
    use proptest::prelude::*;

    const SNMP: &[u8] = b"\
Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens RetransSegs
Tcp: 1 200 120000 -1 3 7
IcmpMsg: InType3
IcmpMsg: 2
";
    const SNMP6: &[u8] =
        b"Ip6InReceives                   \t12\nIp6InOctets \t18446744073709551615\n";

    #[test]
    fn names_are_those_of_nstat_and_settings_are_left_out() {
        let mut counters = Counters::new();
        add_pairs(SNMP, &mut counters).unwrap();
        add_lines(SNMP6, &mut counters).unwrap();
        let shown: Vec<(&str, u64)> = counters.iter().map(|(k, v)| (k.as_str(), *v)).collect();
        let expected = [
            ("IcmpMsgInType3", 2),
            ("Ip6InOctets", u64::MAX),
            ("Ip6InReceives", 12),
            ("TcpActiveOpens", 3),
            ("TcpRetransSegs", 7),
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn values_without_their_names_are_malformed() {
        for text in [
            &b"Tcp: A B\nTcp: 1\n"[..],
            b"Tcp: A\nUdp: 1\n",
            b"Tcp: A\n",
            b"Tcp A\nTcp 1\n",
        ] {
            assert!(add_pairs(text, &mut Counters::new()).is_err());
        }
    }

    #[test]
    fn survives_damage() {
        for sample in [SNMP, SNMP6] {
            mutate::survives(sample, |bytes| {
                let _ = add_pairs(bytes, &mut Counters::new());
                let _ = add_lines(bytes, &mut Counters::new());
            });
        }
    }

    proptest! {
        #[test]
        fn never_panics(bytes in any::<Vec<u8>>()) {
            let _ = add_pairs(&bytes, &mut Counters::new());
            let _ = add_lines(&bytes, &mut Counters::new());
        }
    }
}
