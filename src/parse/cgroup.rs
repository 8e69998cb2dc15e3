//! `/proc/PID/cgroup`: where a process stands in each cgroup hierarchy.
//!
//! Paths are relative to the *reader's* cgroup namespace: `/` is the reader's own root, and
//! a sibling container shows as `/../…`.

use super::{Malformed, text};

/// All lines of `/proc/PID/cgroup`: one on v2, one a hierarchy on v1, both on hybrid hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CgroupPaths {
    /// The lines, in the kernel's order: v1 hierarchies by falling id, v2 last.
    pub entries: Vec<CgroupEntry>,
}

/// One line: `hierarchy-ID:controller-list:cgroup-path`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CgroupEntry {
    /// The hierarchy: 0 for v2, else a number as in `/proc/cgroups`.
    pub hierarchy: u32,
    /// The controllers, such as `cpu` and `cpuacct`, or `name=systemd` for a hierarchy without
    /// one; empty for v2.
    pub controllers: Vec<Vec<u8>>,
    /// The path, which begins with `/` and may hold `:` and any other byte but newline.
    pub path: Vec<u8>,
    /// The cgroup is gone while the process (a zombie) is not. v2 only, since Linux 4.5.
    pub deleted: bool,
}

impl CgroupPaths {
    /// Reads the content of one `cgroup` file; an empty one (no cgroups in the kernel) is fine.
    ///
    /// # Errors
    /// If a line is not of the three parts, or the last one is cut.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let entries = text::lines(bytes, "/proc/PID/cgroup")?
            .map(|line| entry(line).ok_or(LINE))
            .collect::<Result<_, _>>()?;
        Ok(Self { entries })
    }

    /// The place in the unified hierarchy.
    #[must_use]
    pub(crate) fn v2(&self) -> Option<&CgroupEntry> {
        let v2 = |entry: &&CgroupEntry| entry.hierarchy == 0 && entry.controllers.is_empty();
        self.entries.iter().find(v2)
    }

    /// The place in the v1 hierarchy of a controller, such as `memory` or `name=systemd`.
    #[must_use]
    pub(crate) fn v1(&self, controller: &str) -> Option<&CgroupEntry> {
        let has = |name: &Vec<u8>| name == controller.as_bytes();
        self.entries
            .iter()
            .find(|entry| entry.controllers.iter().any(has))
    }
}

fn entry(line: &[u8]) -> Option<CgroupEntry> {
    let (hierarchy, rest) = text::split_once(line, b':')?;
    let (controllers, path) = text::split_once(rest, b':')?;
    let hierarchy = text::decimal(hierarchy)?;
    let (path, deleted) = match path.strip_suffix(b" (deleted)") {
        Some(path) if hierarchy == 0 => (path, true),
        _ => (path, false),
    };
    path.starts_with(b"/").then(|| CgroupEntry {
        hierarchy,
        controllers: controllers
            .split(|byte| *byte == b',')
            .filter(|name| !name.is_empty())
            .map(<[u8]>::to_vec)
            .collect(),
        path: path.to_vec(),
        deleted,
    })
}

const LINE: Malformed = Malformed {
    what: "a line of /proc/PID/cgroup",
    expected: "hierarchy-ID:controllers:path",
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::mutate;
    use proptest::prelude::*;

    const HYBRID: &[u8] =
        b"12:pids:/docker/0123\n4:cpu,cpuacct:/a:b:c\n1:name=systemd:/docker/0123\n0::/\n";

    fn path(entry: Option<&CgroupEntry>) -> Option<&str> {
        entry.map(|entry| std::str::from_utf8(&entry.path).unwrap())
    }

    #[test]
    fn v2_is_one_line() {
        let own = CgroupPaths::parse(b"0::/\n").unwrap();
        assert_eq!(path(own.v2()), Some("/"));
        assert_eq!(own.v1("memory"), None);
        let sibling = CgroupPaths::parse(b"0::/../crio-1.scope\n").unwrap();
        assert_eq!(path(sibling.v2()), Some("/../crio-1.scope"));
    }

    #[test]
    fn hybrid_has_both_and_paths_keep_their_colons() {
        let paths = CgroupPaths::parse(HYBRID).unwrap();
        assert_eq!(path(paths.v2()), Some("/"));
        assert_eq!(path(paths.v1("cpuacct")), Some("/a:b:c"));
        assert_eq!(path(paths.v1("name=systemd")), Some("/docker/0123"));
        assert_eq!(paths.v1("memory"), None);
    }

    #[test]
    fn a_cgroup_that_is_gone_is_told_apart_from_its_path() {
        let paths = CgroupPaths::parse(b"0::/a b (deleted)\n").unwrap();
        assert_eq!(path(paths.v2()), Some("/a b"));
        assert!(paths.v2().unwrap().deleted);
        let v1 = CgroupPaths::parse(b"3:cpu:/x (deleted)\n").unwrap();
        assert_eq!(
            path(v1.v1("cpu")),
            Some("/x (deleted)"),
            "v1 says nothing of the kind"
        );
    }

    #[test]
    fn nonsense_is_malformed() {
        for bad in [
            "0:/\n",
            "x::/\n",
            "-1::/\n",
            "4294967296::/\n",
            "0::a\n",
            "0::/",
            "\n",
        ] {
            assert!(CgroupPaths::parse(bad.as_bytes()).is_err(), "{bad:?}");
        }
        assert_eq!(CgroupPaths::parse(b"").unwrap().entries, []);
    }

    #[test]
    fn survives_damage() {
        mutate::survives(HYBRID, |bytes| {
            let _ = CgroupPaths::parse(bytes);
        });
    }

    proptest! {
        #[test]
        fn never_panics(bytes in any::<Vec<u8>>()) {
            if let Ok(paths) = CgroupPaths::parse(&bytes) {
                let _ = (paths.v2(), paths.v1("memory"));
            }
        }
    }
}
