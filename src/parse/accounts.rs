//! `/etc/passwd` and `/etc/group` of the target: numbers → names, with no NSS.
//!
//! Files that the target may have written: bytes, any size, any nonsense.

use std::collections::HashMap;

use super::text;

/// Names of users or of groups by their number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Accounts {
    names: HashMap<u32, Vec<u8>>,
}

/// As many accounts are kept; what follows is left out.
pub(crate) const MAX_ACCOUNTS: usize = 65_536;

/// A longer name is a malformed line. Linux tools stop at 32, directories go further.
pub(crate) const MAX_NAME_BYTES: usize = 256;

impl Accounts {
    /// Reads a `passwd` (`name:password:uid:…`) or `group` (`name:password:gid:…`) file.
    ///
    /// Of two lines with one number the first counts, as for `getpwuid`. Comments, NIS lines
    /// (`+…`) and lines without a name and a number are skipped: there are no errors.
    #[must_use]
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let mut names = HashMap::new();
        for (id, name) in bytes.split(|byte| *byte == b'\n').filter_map(account) {
            if names.len() >= MAX_ACCOUNTS {
                break;
            }
            names.entry(id).or_insert_with(|| name.to_vec());
        }
        Self { names }
    }

    /// The name of a uid or gid. Bytes: a terminal must not see them unescaped.
    #[must_use]
    pub(crate) fn name(&self, id: u32) -> Option<&[u8]> {
        self.names.get(&id).map(Vec::as_slice)
    }

    /// The number of a name; the smallest of several.
    #[must_use]
    pub(crate) fn id(&self, name: &[u8]) -> Option<u32> {
        let named = self.names.iter().filter(|(_, known)| *known == name);
        named.map(|(id, _)| *id).min()
    }
}

/// A line of `passwd` or `group`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AccountEntry<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) id: u32,
    /// Of a line of `passwd` the number of its group.
    pub(crate) group: Option<u32>,
    last: &'a [u8],
}

impl<'a> AccountEntry<'a> {
    /// Of a line of `group` its members.
    pub(crate) fn members(&self) -> impl Iterator<Item = &'a [u8]> {
        self.last.split(|byte| *byte == b',')
    }
}

/// The lines of such a file that have a name and a number, in their order.
pub(crate) fn entries(bytes: &[u8]) -> impl Iterator<Item = AccountEntry<'_>> {
    let lines = bytes.split(|byte| *byte == b'\n');
    lines.take(MAX_ACCOUNTS).filter_map(|line| {
        let (id, name) = account(line)?;
        let last = line.split(|byte| *byte == b':').nth(3)?;
        Some(AccountEntry {
            name,
            id,
            group: text::decimal(last),
            last,
        })
    })
}

fn account(line: &[u8]) -> Option<(u32, &[u8])> {
    let mut fields = line.split(|byte| *byte == b':');
    let name = fields.next()?;
    let id = text::decimal(fields.nth(1)?)?;
    let fits = (1..=MAX_NAME_BYTES).contains(&name.len());
    let special = matches!(name.first(), Some(b'#' | b'+' | b'-'));
    (fits && !special && fields.next().is_some()).then_some((id, name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::mutate;
    use proptest::prelude::*;

    const PASSWD: &[u8] = b"root:x:0:0:root:/root:/bin/sh\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n";

    #[test]
    fn users_and_groups_have_one_shape() {
        let users = Accounts::parse(PASSWD);
        assert_eq!(users.name(65532), Some(&b"nonroot"[..]));
        assert_eq!(users.name(1000), None);
        assert_eq!(
            (users.id(b"nonroot"), users.id(b"app")),
            (Some(65532), None)
        );
        let groups = Accounts::parse(b"root:x:0:\ntty:x:5:a,b");
        assert_eq!((groups.name(5), groups.names.len()), (Some(&b"tty"[..]), 2));
    }

    #[test]
    fn the_first_of_two_names_counts() {
        let users = Accounts::parse(b"root:x:0:0::/:\ntoor:x:0:0::/:\n");
        assert_eq!(users.name(0), Some(&b"root"[..]));
    }

    #[test]
    fn malformed_lines_are_skipped() {
        let long = format!("{}:x:7:7::/:\n", "n".repeat(MAX_NAME_BYTES + 1));
        for bad in [
            "",
            "root",
            "root:x",
            "root:x:0",
            ":x:0:0::/:",
            "#root:x:0:0::/:",
            "+::::::",
            "-a:x:0:0::/:",
            "root:x:-1:0::/:",
            "root:x:4294967296:0::/:",
            "root:x::0::/:",
            "root:x: 0:0::/:",
            &long,
        ] {
            assert!(Accounts::parse(bad.as_bytes()).names.is_empty(), "{bad:?}");
        }
        let users = Accounts::parse(b"x\n\nd\xe9j\xe0:x:1:1::/:\n");
        assert_eq!(users.name(1), Some(&b"d\xe9j\xe0"[..]));
    }

    #[test]
    fn endless_files_are_bounded() {
        let lines: Vec<String> = (0..=MAX_ACCOUNTS).map(|id| format!("u:x:{id}:")).collect();
        let file = lines.join(
            "
",
        );
        assert_eq!(Accounts::parse(file.as_bytes()).names.len(), MAX_ACCOUNTS);
    }

    #[test]
    fn survives_damage() {
        mutate::survives(PASSWD, |bytes| {
            let _ = Accounts::parse(bytes);
        });
    }

    proptest! {
        #[test]
        fn never_panics(bytes in any::<Vec<u8>>()) {
            let _ = Accounts::parse(&bytes);
        }
    }
}
