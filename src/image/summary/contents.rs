//! What is in the image: packages, languages, authorities, accounts, shells.

use std::collections::BTreeMap;

use super::{Parts, cut, moment};
use crate::image::kept::Kept;
use crate::image::layers::KeptAt;
use crate::image::report::{AccountsReport, AuthoritiesReport, LanguageReport, PackagesReport};
use crate::image::software::{self, Package, RPM_DATABASES};
use crate::image::tree::NodeKind;
use crate::model::byte_string::ByteString;
use crate::parse::accounts;

const SHELLS: &[&[u8]] = &[
    b"bin/sh",
    b"bin/bash",
    b"bin/dash",
    b"bin/ash",
    b"bin/busybox",
    b"bin/zsh",
    b"bin/fish",
    b"usr/bin/sh",
    b"usr/bin/bash",
    b"usr/bin/dash",
    b"usr/bin/busybox",
    b"usr/bin/zsh",
    b"usr/bin/fish",
    b"busybox/sh",
    b"busybox/busybox",
];

impl Parts<'_> {
    pub(super) fn packages(&self) -> Vec<PackagesReport> {
        let mut found = Vec::new();
        let databases = [
            ("dpkg", &b"var/lib/dpkg/status"[..]),
            ("apk", b"lib/apk/db/installed"),
            ("apk", b"usr/lib/apk/db/installed"),
        ];
        for (format, path) in databases {
            if let KeptAt::File(kept, _) = self.collected.kept_at(path) {
                let kept = kept.unwrap_or(&Kept::TooLong);
                found.push(packages_report(format, path, [kept].into_iter()));
            }
        }
        let directory = b"var/lib/dpkg/status.d";
        let parts: Vec<&Kept> = self
            .collected
            .tree
            .below(directory)
            .filter_map(|(path, _)| Some(self.kept(path)?.0))
            .collect();
        if !parts.is_empty() {
            found.push(packages_report("dpkg", directory, parts.into_iter()));
        }
        let rpm = RPM_DATABASES
            .iter()
            .find(|path| self.collected.tree.get(path).is_some());
        found.extend(rpm.map(|path| PackagesReport {
            format: "rpm",
            path: ByteString::from(*path),
            count: None,
            packages: BTreeMap::new(),
        }));
        found
    }

    pub(super) fn languages(&self) -> Vec<LanguageReport> {
        let traces = software::languages(&self.collected.tree).into_iter();
        let mut found: Vec<LanguageReport> = traces
            .map(|trace| LanguageReport {
                language: trace.language,
                version: String::new(),
                package: ByteString::default(),
                count: trace.count,
                paths: trace
                    .places
                    .iter()
                    .map(|path| path.as_slice().into())
                    .collect(),
            })
            .collect();
        for language in &mut found {
            if language.language == "java" {
                language.version = self.java_version().unwrap_or_default();
            }
        }
        let built = self
            .collected
            .built
            .iter()
            .filter(|one| !self.is_deleted(one.file));
        found.extend(built.map(|one| LanguageReport {
            language: one.language,
            version: one.version.clone(),
            package: one.package.as_str().into(),
            count: 1,
            paths: vec![one.path.as_slice().into()],
        }));
        found
    }

    /// `JAVA_VERSION="17.0.9"` of a file `release`.
    fn java_version(&self) -> Option<String> {
        let mut texts = self
            .collected
            .kept
            .iter()
            .filter_map(|(file, kept)| match kept {
                Kept::Text(text) if !self.is_deleted(*file) => Some(text),
                _ => None,
            });
        texts.find_map(|text| {
            let mut lines = text.split(|byte| *byte == b'\n');
            let version = lines.find_map(|line| line.strip_prefix(b"JAVA_VERSION="))?;
            let version = String::from_utf8_lossy(cut(version)).into_owned();
            Some(version.trim_matches('"').to_owned())
        })
    }

    pub(super) fn authorities(&self) -> Vec<AuthoritiesReport> {
        let mut found = Vec::new();
        for (path, node) in self.collected.tree.iter() {
            let NodeKind::File(file) = node.kind else {
                continue;
            };
            if let Some(Kept::Authorities(bundle)) = self.collected.kept.get(&file) {
                found.push(AuthoritiesReport {
                    path: path.into(),
                    certificates: bundle.certificates,
                    expired: bundle.expired,
                    newest_issued_at: bundle.newest,
                    modified_at: moment(node.modified_seconds),
                });
            }
        }
        found
    }

    pub(super) fn accounts(&self) -> AccountsReport {
        let count = |path: &[u8]| {
            let text = self.text(path).unwrap_or_default();
            let count = accounts::entries(text).count();
            (!self.is_unseen(path)).then_some(count)
        };
        AccountsReport {
            users: count(b"etc/passwd"),
            groups: count(b"etc/group"),
        }
    }

    pub(super) fn shells(&self) -> Vec<ByteString> {
        let tree = &self.collected.tree;
        let is_there = |path: &&&[u8]| {
            let found = tree.resolve(path).ok();
            let node = found.and_then(|path| tree.get(&path));
            node.is_some_and(|node| {
                matches!(node.kind, NodeKind::File(_)) && node.mode & 0o111 != 0
            })
        };
        let there = SHELLS.iter().filter(is_there);
        there.map(|path| ByteString::from(*path)).collect()
    }
}

fn packages_report<'a>(
    format: &'static str,
    path: &[u8],
    kept: impl Iterator<Item = &'a Kept>,
) -> PackagesReport {
    let mut packages = BTreeMap::new();
    let (mut count, mut is_whole) = (0, true);
    for kept in kept {
        match kept {
            Kept::Packages(those) => {
                count += those.len();
                let pair = |one: &Package| (one.name.clone(), one.version.clone());
                packages.extend(those.iter().map(pair));
            }
            _ => is_whole = false,
        }
    }
    PackagesReport {
        format,
        path: path.into(),
        count: is_whole.then_some(count),
        packages,
    }
}
