//! Packages and languages, by the files that they leave.

use std::collections::BTreeMap;

use super::tree::{Tree, split};

/// As many packages of one database are read.
const PACKAGES: usize = 20_000;
const NAME_BYTES: usize = 256;
/// As many places of one language are named.
const PLACES: usize = 20;

/// An installed package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Package {
    pub(super) name: Box<str>,
    pub(super) version: Box<str>,
}

/// The installed packages of `status` of dpkg, and of the files of distroless images; `None` where they are
/// more than are kept.
pub(super) fn dpkg_packages(bytes: &[u8]) -> Option<Vec<Package>> {
    let is_installed = |fields: &Fields<'_>| {
        let status = fields.get(b"Status".as_slice());
        status.is_none_or(|status| status.ends_with(b" installed"))
    };
    stanzas(bytes, b": ", is_installed, [b"Package", b"Version"])
}

/// The packages of `installed` of apk, likewise.
pub(super) fn apk_packages(bytes: &[u8]) -> Option<Vec<Package>> {
    stanzas(bytes, b":", |_| true, [b"P", b"V"])
}

type Fields<'a> = BTreeMap<&'a [u8], &'a [u8]>;

fn stanzas(
    bytes: &[u8],
    separator: &[u8],
    is_installed: impl Fn(&Fields<'_>) -> bool,
    [name, version]: [&[u8]; 2],
) -> Option<Vec<Package>> {
    let mut packages = Vec::new();
    let mut fields = Fields::new();
    let lines = bytes.split(|byte| *byte == b'\n');
    for line in lines.chain([&b""[..]]) {
        if line.is_empty() {
            let text = |key: &[u8]| {
                let value = fields.get(key)?;
                let value = value.get(..NAME_BYTES).unwrap_or(value);
                Some(String::from_utf8_lossy(value).into_owned().into_boxed_str())
            };
            if let Some(name) = text(name).filter(|_| is_installed(&fields)) {
                if packages.len() == PACKAGES {
                    return None;
                }
                let version = text(version).unwrap_or_default();
                packages.push(Package { name, version });
            }
            fields.clear();
        } else if let Some(at) = memchr::memmem::find(line, separator)
            && line
                .get(..at)
                .is_some_and(|key| key == name || key == version || key == b"Status")
        {
            let key = line.get(..at).unwrap_or_default();
            let value = line.get(at + separator.len()..).unwrap_or_default();
            fields.insert(key, value);
        }
    }
    Some(packages)
}

/// Databases of RPM, which are shown and not counted.
pub(super) const RPM_DATABASES: &[&[u8]] = &[
    b"var/lib/rpm/rpmdb.sqlite",
    b"var/lib/rpm/Packages",
    b"var/lib/rpm/Packages.db",
    b"usr/lib/sysimage/rpm/rpmdb.sqlite",
    b"usr/lib/sysimage/rpm/Packages.db",
    b"usr/lib/sysimage/rpm/Packages",
];

/// Something that a language leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LanguageTrace {
    pub(super) language: &'static str,
    /// How many such files there are.
    pub(super) count: u64,
    /// The first of them.
    pub(super) places: Vec<Vec<u8>>,
}

/// Runtimes and libraries by the names of their files.
pub(super) fn languages(tree: &Tree) -> Vec<LanguageTrace> {
    let mut found: BTreeMap<&'static str, LanguageTrace> = BTreeMap::new();
    for (path, node) in tree.iter() {
        let Some(language) = language(path).filter(|_| !node.is_directory()) else {
            continue;
        };
        let trace = found.entry(language).or_insert_with(|| LanguageTrace {
            language,
            count: 0,
            places: Vec::new(),
        });
        trace.count += 1;
        if trace.places.len() < PLACES {
            trace.places.push(path.to_vec());
        }
    }
    found.into_values().collect()
}

fn language(path: &[u8]) -> Option<&'static str> {
    let (above, name) = split(path);
    let starts_version = |prefix: &[u8]| {
        let rest = name.strip_prefix(prefix);
        rest.is_some_and(|rest| {
            rest.iter()
                .all(|byte| byte.is_ascii_digit() || *byte == b'.')
        })
    };
    let in_bin = above.ends_with(b"bin");
    Some(match name {
        b"METADATA" if above.ends_with(b".dist-info") => "python packages",
        b"package.json" if split(split(above).0).1 == b"node_modules" => "node packages",
        _ if name.ends_with(b".gemspec") && above.ends_with(b"/specifications") => "ruby gems",
        _ if name.ends_with(b".jar") => "java archives",
        b"libjvm.so" => "java",
        b"libcoreclr.so" => "dotnet",
        b"node" | b"nodejs" if in_bin => "node",
        b"perl" if in_bin => "perl",
        _ if in_bin && starts_version(b"python") => "python",
        _ if in_bin && starts_version(b"ruby") => "ruby",
        _ if in_bin && starts_version(b"php") => "php",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(packages: &[Package]) -> Vec<(&str, &str)> {
        let pair = |one: &'_ Package| {
            (
                &*Box::leak(one.name.clone()),
                &*Box::leak(one.version.clone()),
            )
        };
        packages.iter().map(pair).collect()
    }

    #[test]
    fn more_packages_than_are_kept_are_not_counted() {
        let of = |count| dpkg_packages("Package: a\nVersion: 1\n\n".repeat(count).as_bytes());
        assert_eq!(of(PACKAGES).map(|all| all.len()), Some(PACKAGES));
        assert_eq!(of(PACKAGES + 1), None);
    }

    #[test]
    fn databases_of_dpkg_and_apk() {
        let status = b"Package: libc6\nStatus: install ok installed\nVersion: 2.36-9\nDescription: x\n Package: no\n\n\
            Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n\nPackage: tzdata\nVersion: 2024a\n";
        assert_eq!(
            names(&dpkg_packages(status).unwrap()),
            [("libc6", "2.36-9"), ("tzdata", "2024a")]
        );
        let installed = b"C:Q1x=\nP:musl\nV:1.2.5-r0\n\nP:busybox\nV:1.36\n\n";
        assert_eq!(
            names(&apk_packages(installed).unwrap()),
            [("musl", "1.2.5-r0"), ("busybox", "1.36")]
        );
    }

    #[test]
    fn languages_are_known_by_their_files() {
        for (path, expected) in [
            ("usr/bin/python3.11", Some("python")),
            ("usr/bin/python3-config", None),
            (
                "usr/lib/python3/dist-packages/x-1.dist-info/METADATA",
                Some("python packages"),
            ),
            (
                "app/node_modules/left-pad/package.json",
                Some("node packages"),
            ),
            ("app/package.json", None),
            ("opt/jdk/lib/server/libjvm.so", Some("java")),
        ] {
            assert_eq!(language(path.as_bytes()), expected, "{path}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(bytes: Vec<u8>) {
            let _ = (dpkg_packages(&bytes), apk_packages(&bytes));
        }
    }
}
