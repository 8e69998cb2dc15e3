//! `/etc/resolv.conf` of the target, as resolv.conf(5) has it.
//!
//! The crate `resolv-conf` reads it: it takes any bytes without a panic and goes on after a line
//! that it cannot read. What it leaves to its user is done here: bounds, and the limits of glibc.

use core::net::IpAddr;
use std::time::Duration;

use resolv_conf::{Config, ParseError, ScopedIp};

/// As much of the file is read; the kubelet writes less than 3 KiB.
pub(crate) const MAX_BYTES: usize = 64 * 1024;

/// As many servers are asked (MAXNS of glibc and musl; Go asks all).
pub(crate) const MAX_SERVERS: usize = 3;

/// As many domains are searched, the limit of Kubernetes; glibc and Go have none.
pub(crate) const MAX_SEARCH: usize = 32;

/// As many lines that are not understood are kept in mind.
pub(crate) const MAX_BAD_LINES: usize = 8;

/// What the file says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "the file has as many words that are there or not"
)]
pub(crate) struct ResolvConf {
    /// Servers in the order in which they are asked; empty where the file names none.
    pub servers: Vec<Server>,
    /// How many servers beyond [`MAX_SERVERS`] are named: resolvers ignore them.
    pub servers_left_out: usize,
    /// Domains that complete a name, from the last line `search` or `domain`.
    pub search: Vec<String>,
    /// How many domains beyond [`MAX_SEARCH`] are named.
    pub search_left_out: usize,
    /// A name with at least this many dots is first asked as it is.
    pub ndots: usize,
    /// How long one server is waited for.
    pub timeout: Duration,
    /// How often each server is asked.
    pub attempts: u32,
    /// Whether another server is asked first each time.
    pub rotate: bool,
    /// Whether only TCP is used (`use-vc`).
    pub tcp_only: bool,
    /// Whether one address family is asked for after the other (`single-request`, or
    /// `single-request-reopen`).
    pub one_by_one: bool,
    /// Whether queries have EDNS (`edns0`).
    pub edns: bool,
    /// Whether IPv6 addresses are not asked for (`no-aaaa`).
    pub no_aaaa: bool,
    /// Lines, counted from 1, that should say something and do not; at most [`MAX_BAD_LINES`].
    pub bad_lines: Vec<usize>,
    /// Whether the file is longer than [`MAX_BYTES`], so that its end was not read.
    pub cut: bool,
}

/// A server to be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Server {
    /// Its address.
    pub ip: IpAddr,
    /// The interface of a link-local address.
    pub zone: Option<String>,
}

impl ResolvConf {
    /// Reads the file; an empty one holds the defaults. There are no errors.
    #[must_use]
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let (whole, cut) = bounded(bytes);
        let (config, errors) = Config::parse_with_errors(whole);
        let search: Vec<String> = config.get_last_search_or_domain().cloned().collect();
        Self {
            servers: config
                .nameservers
                .iter()
                .take(MAX_SERVERS)
                .map(server)
                .collect(),
            servers_left_out: config.nameservers.len().saturating_sub(MAX_SERVERS),
            search_left_out: search.len().saturating_sub(MAX_SEARCH),
            search: search.into_iter().take(MAX_SEARCH).collect(),
            // The limits of glibc: RES_MAXNDOTS, RES_MAXRETRANS, RES_MAXRETRY.
            ndots: config.ndots.min(15) as usize,
            timeout: Duration::from_secs(config.timeout.clamp(1, 30).into()),
            attempts: config.attempts.clamp(1, 5),
            rotate: config.rotate,
            tcp_only: config.use_vc,
            one_by_one: config.single_request || config.single_request_reopen,
            edns: config.edns0,
            no_aaaa: config.no_aaaa,
            bad_lines: errors
                .iter()
                .filter_map(bad_line)
                .take(MAX_BAD_LINES)
                .collect(),
            cut,
        }
    }
}

impl Default for ResolvConf {
    fn default() -> Self {
        Self::parse(b"")
    }
}

/// Whole lines up to the bound: half a number is a lie.
fn bounded(bytes: &[u8]) -> (&[u8], bool) {
    let Some((head, _)) = bytes.split_at_checked(MAX_BYTES + 1) else {
        return (bytes, false);
    };
    let end = head.iter().rposition(|byte| *byte == b'\n').unwrap_or(0);
    (head.get(..end).unwrap_or_default(), true)
}

fn server(named: &ScopedIp) -> Server {
    let zone = match named {
        ScopedIp::V6(_, zone) => zone.clone(),
        ScopedIp::V4(_) => None,
    };
    Server {
        ip: named.into(),
        zone,
    }
}

/// Unknown words are left out: resolvers pass over them in silence, and each system
/// has its own. The crate counts lines from 0.
fn bad_line(error: &ParseError) -> Option<usize> {
    match error {
        ParseError::InvalidUtf8(line, _)
        | ParseError::InvalidValue(line)
        | ParseError::InvalidOptionValue(line)
        | ParseError::InvalidIp(line, _) => line.checked_add(1),
        ParseError::InvalidOption(_)
        | ParseError::InvalidDirective(_)
        | ParseError::ExtraData(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::mutate;
    use proptest::prelude::*;

    /// As the kubelet writes it.
    const POD: &[u8] = b"search default.svc.cluster.local svc.cluster.local cluster.local
nameserver 10.96.0.10
options ndots:5
";
    /// Everything at once.
    const FULL: &[u8] = b"# comment \xff
; another
domain old.example
nameserver 192.0.2.1 # first
nameserver\t2001:db8::53
nameserver fe80::53%eth0
nameserver 192.0.2.4
search a.example  b.example.
sortlist 130.155.160.0/255.255.240.0
options ndots:99 timeout:99 attempts:99 rotate use-vc no-aaaa edns0 single-request trust-ad
options unknown
nonsense
";

    #[test]
    fn a_pod_searches_its_namespace() {
        let conf = ResolvConf::parse(POD);
        assert_eq!(
            conf.servers,
            [Server {
                ip: [10, 96, 0, 10].into(),
                zone: None
            }]
        );
        assert_eq!(
            conf.search,
            [
                "default.svc.cluster.local",
                "svc.cluster.local",
                "cluster.local"
            ]
        );
        assert_eq!(
            (conf.ndots, conf.attempts, conf.timeout),
            (5, 2, Duration::from_secs(5))
        );
        assert!(conf.bad_lines.is_empty() && !conf.cut);
    }

    #[test]
    fn limits_are_those_of_glibc() {
        let conf = ResolvConf::parse(FULL);
        assert_eq!((conf.servers.len(), conf.servers_left_out), (3, 1));
        assert_eq!(conf.servers[2].zone.as_deref(), Some("eth0"));
        assert_eq!(
            (conf.ndots, conf.attempts, conf.timeout),
            (15, 5, Duration::from_secs(30))
        );
        assert!(conf.rotate && conf.tcp_only && conf.no_aaaa);
        assert_eq!(conf.search, ["a.example", "b.example."]);
        assert!(conf.bad_lines.is_empty(), "{:?}", conf.bad_lines);
    }

    #[test]
    fn the_last_of_search_and_domain_counts() {
        let search = |text: &str| ResolvConf::parse(text.as_bytes()).search;
        assert_eq!(search("search a b\ndomain c\n"), ["c"]);
        assert_eq!(search("domain c\nsearch a b\n"), ["a", "b"]);
        assert_eq!(search("search a\nsearch b\n"), ["b"]);
    }

    #[test]
    fn an_empty_file_holds_the_defaults() {
        let conf = ResolvConf::default();
        assert!(conf.servers.is_empty() && conf.search.is_empty());
        assert_eq!((conf.ndots, conf.attempts), (1, 2));
    }

    #[test]
    fn zero_is_not_patience() {
        let conf = ResolvConf::parse(b"options timeout:0 attempts:0 ndots:0\n");
        assert_eq!(
            (conf.ndots, conf.attempts, conf.timeout),
            (0, 1, Duration::from_secs(1))
        );
    }

    #[test]
    fn bad_lines_are_named_and_the_rest_counts() {
        let conf = ResolvConf::parse(
            b"nameserver 10.0.0.300\nnameserver\nnameserver 10.0.0.3\noptions ndots:x\n\xff\n",
        );
        assert_eq!(conf.bad_lines, [1, 2, 4, 5]);
        assert_eq!(conf.servers.len(), 1);
        let many = ResolvConf::parse(&b"nameserver x\n".repeat(1000));
        assert_eq!(many.bad_lines.len(), MAX_BAD_LINES);
    }

    #[test]
    fn endless_files_are_bounded() {
        let long = [
            &b"nameserver 10.0.0.1\n"[..],
            &b"search a\n".repeat(MAX_BYTES),
        ]
        .concat();
        let conf = ResolvConf::parse(&long);
        assert!(conf.cut && conf.servers.len() == 1);
        let line = format!("search {}\n", "a.example ".repeat(1000));
        let conf = ResolvConf::parse(line.as_bytes());
        assert_eq!(
            (conf.search.len(), conf.search_left_out),
            (MAX_SEARCH, 1000 - MAX_SEARCH)
        );
        assert!(ResolvConf::parse(&vec![b'a'; MAX_BYTES * 2]).cut);
        assert!(!ResolvConf::parse(&vec![b'\n'; MAX_BYTES]).cut);
    }

    #[test]
    fn survives_damage() {
        for sample in [POD, FULL] {
            mutate::survives(sample, |bytes| {
                let _ = ResolvConf::parse(bytes);
            });
        }
    }

    proptest! {
        #[test]
        fn never_panics(bytes in any::<Vec<u8>>()) {
            let _ = ResolvConf::parse(&bytes);
        }

        #[test]
        fn never_panics_on_words(
            lines in proptest::collection::vec(
                ("(nameserver|search|domain|options|sortlist|lookup|family)", "[ -~\t\u{e9}%:/,.0-9]{0,40}"),
                0..20,
            ),
        ) {
            let text: Vec<String> = lines.iter().map(|(word, rest)| format!("{word} {rest}\n")).collect();
            let conf = ResolvConf::parse(text.concat().as_bytes());
            prop_assert!(conf.servers.len() <= MAX_SERVERS && conf.search.len() <= MAX_SEARCH);
        }
    }
}
