//! `/etc/hosts` of the target: names → addresses, with no NSS.
//!
//! A file that the target may have written: bytes, any size, any nonsense. Lists that block
//! advertising have hundreds of thousands of lines, so nothing of them is kept but what was asked.

use super::ip_literal::IpLiteral;
use super::text;

/// As many addresses of one name are given.
pub(crate) const MAX_ADDRESSES: usize = 1024;

/// A line: an address and its names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    /// The address.
    pub address: IpLiteral<'a>,
    names: &'a [u8],
}

impl<'a> Entry<'a> {
    /// The canonical name and the aliases. Bytes: a terminal must not see them unescaped.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        text::words(self.names)
    }
}

/// The lines of the file. What stands behind `#` is a comment; a line without an address at
/// its beginning, and one without a name, is skipped: there are no errors.
pub(crate) fn entries(bytes: &[u8]) -> impl Iterator<Item = Entry<'_>> {
    bytes.split(|byte| *byte == b'\n').filter_map(entry)
}

/// The addresses of a name, or of an alias, in the order of the file, each once.
///
/// Names are compared without regard to case. All lines that hold the name count, as for
/// getaddrinfo(3) and Go, and both families; at most [`MAX_ADDRESSES`].
#[must_use]
pub(crate) fn addresses<'a>(bytes: &'a [u8], name: &str) -> Vec<IpLiteral<'a>> {
    let mut found = Vec::new();
    for entry in entries(bytes) {
        let named = entry
            .names()
            .any(|known| known.eq_ignore_ascii_case(name.as_bytes()));
        if named && !found.contains(&entry.address) {
            found.push(entry.address);
            if found.len() >= MAX_ADDRESSES {
                break;
            }
        }
    }
    found
}

fn entry(line: &[u8]) -> Option<Entry<'_>> {
    let line = line.split(|byte| *byte == b'#').next()?.trim_ascii();
    let end = line.iter().position(u8::is_ascii_whitespace)?;
    let (address, names) = line.split_at_checked(end)?;
    let address = IpLiteral::parse(address)?;
    Some(Entry { address, names })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::mutate;
    use proptest::prelude::*;

    /// As the kubelet writes it, with what people add.
    const HOSTS: &[u8] = b"# Kubernetes-managed hosts file.
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
10.244.1.7\tweb-7d9f.web.default.svc.cluster.local\tweb-7d9f

# Entries added by HostAliases.
10.1.2.3\tfoo.remote\tBar.Remote # foo
10.1.2.4 foo.remote
10.1.2.3 foo.remote
fe80::7%eth0 router\r
";

    fn of(name: &str) -> Vec<String> {
        let zone = |literal: &IpLiteral| literal.zone.map(|zone| format!("%{zone}"));
        let text =
            |literal: &IpLiteral| format!("{}{}", literal.ip, zone(literal).unwrap_or_default());
        addresses(HOSTS, name).iter().map(text).collect()
    }

    #[test]
    fn names_and_aliases_are_found_on_every_line() {
        assert_eq!(of("localhost"), ["127.0.0.1", "::1"]);
        assert_eq!(of("web-7d9f"), ["10.244.1.7"]);
        assert_eq!(of("foo.remote"), ["10.1.2.3", "10.1.2.4"]);
        assert_eq!(of("router"), ["fe80::7%eth0"]);
    }

    #[test]
    fn case_does_not_matter() {
        assert_eq!(of("bar.REMOTE"), ["10.1.2.3"]);
    }

    #[test]
    fn comments_and_parts_of_names_are_no_names() {
        for name in ["foo", "remote", "Entries", "#", "# foo", "", "10.1.2.3"] {
            assert!(of(name).is_empty(), "{name:?}");
        }
    }

    #[test]
    fn malformed_lines_are_skipped() {
        for bad in [
            "",
            "x",
            "10.0.0.1",
            "10.0.0.1 ",
            "10.0.0 x",
            "x 10.0.0.1",
            "#10.0.0.1 x",
            "10.0.0.1#x",
        ] {
            assert_eq!(entries(bad.as_bytes()).count(), 0, "{bad:?}");
        }
        let lines = b"\xff\xfe\n10.0.0.1 \xff x\n";
        assert_eq!(addresses(lines, "x").len(), 1);
    }

    #[test]
    fn a_name_with_endless_addresses_is_bounded() {
        let lines: Vec<String> = (0..5000)
            .map(|n| format!("10.0.{}.{} x\n", n / 256, n % 256))
            .collect();
        assert_eq!(
            addresses(lines.concat().as_bytes(), "x").len(),
            MAX_ADDRESSES
        );
    }

    #[test]
    fn survives_damage() {
        mutate::survives(HOSTS, |bytes| {
            let _ = addresses(bytes, "foo.remote");
        });
    }

    proptest! {
        #[test]
        fn never_panics(bytes in any::<Vec<u8>>(), name in any::<String>()) {
            let _ = addresses(&bytes, &name);
        }

        #[test]
        fn what_is_written_is_found(ip in any::<core::net::IpAddr>(), name in "[a-z]{1,9}") {
            let line = format!("{ip}\t{name}\n");
            let found = addresses(line.as_bytes(), &name);
            prop_assert_eq!(found, vec![IpLiteral { ip, zone: None }]);
        }
    }
}
