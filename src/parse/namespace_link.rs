//! The links of `/proc/PID/ns/`: `mnt:[4026531841]` names a namespace by kind and inode.

use super::{Malformed, text};

/// What `readlink` on `/proc/PID/ns/KIND` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct NamespaceLink {
    /// What it separates.
    pub kind: NamespaceKind,
    /// The inode in nsfs: equal for two processes in one namespace, on one kernel.
    pub inode: u64,
}

/// The kinds of namespaces(7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum NamespaceKind {
    /// Control groups, since Linux 4.6.
    Cgroup,
    /// System V IPC and POSIX message queues.
    Ipc,
    /// Mounts.
    Mnt,
    /// Network.
    Net,
    /// Process ids; also the text of `ns/pid_for_children`.
    Pid,
    /// Clocks, since Linux 5.6; also the text of `ns/time_for_children`.
    Time,
    /// Users and capabilities.
    User,
    /// Host and domain name.
    Uts,
}

impl NamespaceKind {
    /// All of them, by name.
    pub(crate) const ALL: [Self; 8] = [
        Self::Cgroup,
        Self::Ipc,
        Self::Mnt,
        Self::Net,
        Self::Pid,
        Self::Time,
        Self::User,
        Self::Uts,
    ];

    /// The kernel's word, which is the name of the link in `/proc/PID/ns/` too.
    #[must_use]
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Cgroup => "cgroup",
            Self::Ipc => "ipc",
            Self::Mnt => "mnt",
            Self::Net => "net",
            Self::Pid => "pid",
            Self::Time => "time",
            Self::User => "user",
            Self::Uts => "uts",
        }
    }
}

impl NamespaceLink {
    /// What is wrong with any other text.
    pub(crate) const MALFORMED: Malformed = Malformed {
        what: "a link of /proc/PID/ns",
        expected: "a namespace's kind and inode, as in mnt:[4026531841]",
    };

    /// Reads the text of a link.
    ///
    /// # Errors
    /// If it is not `KIND:[INODE]`.
    pub(crate) fn parse(link: &[u8]) -> Result<Self, Malformed> {
        read(link).ok_or(Self::MALFORMED)
    }
}

fn read(link: &[u8]) -> Option<NamespaceLink> {
    let (word, rest) = text::split_once(link, b':')?;
    let inode = rest.strip_prefix(b"[")?.strip_suffix(b"]")?;
    Some(NamespaceLink {
        kind: NamespaceKind::ALL
            .into_iter()
            .find(|kind| kind.as_str().as_bytes() == word)?,
        inode: text::decimal(inode)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::mutate::{self, BAD_NUMBERS};
    use proptest::prelude::*;

    #[test]
    fn a_link_is_kind_and_inode() {
        assert_eq!(
            NamespaceLink::parse(b"mnt:[4026531841]"),
            Ok(NamespaceLink {
                kind: NamespaceKind::Mnt,
                inode: 4_026_531_841
            })
        );
    }

    #[test]
    fn nonsense_is_malformed() {
        for bad in [
            "",
            "mnt",
            "mnt:",
            "mnt:1",
            "mnt:[1",
            "mnt:[1]x",
            "xyz:[1]",
            "/proc/1/ns/mnt",
        ] {
            assert!(NamespaceLink::parse(bad.as_bytes()).is_err(), "{bad:?}");
        }
        for bad in BAD_NUMBERS {
            assert!(NamespaceLink::parse(format!("net:[{bad}]").as_bytes()).is_err());
        }
    }

    #[test]
    fn survives_damage() {
        mutate::survives(b"mnt:[4026531841]", |bytes| {
            let _ = NamespaceLink::parse(bytes);
        });
    }

    proptest! {
        #[test]
        fn never_panics(bytes in any::<Vec<u8>>()) {
            let _ = NamespaceLink::parse(&bytes);
        }

        #[test]
        fn every_kind_comes_back(at in 0..NamespaceKind::ALL.len(), inode: u64) {
            let kind = NamespaceKind::ALL[at];
            let link = format!("{}:[{inode}]", kind.as_str());
            prop_assert_eq!(NamespaceLink::parse(link.as_bytes()), Ok(NamespaceLink { kind, inode }));
        }
    }
}
