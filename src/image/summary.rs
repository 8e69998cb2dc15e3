//! From the files and the configuration of an image to its report.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::{Duration, SystemTime};

use super::choose::{Chosen, own_architecture};
use super::documents::{HistoryEntry, RunConfig};
use super::findings;
use super::judge_start::{self, Start};
use super::kept::Kept;
use super::layers::{Collected, LayerSize};
use super::report::{
    AccountsReport, AuditGap, AuditReport, AuthoritiesReport, ConfigReport, FileReport,
    ImageSource, LanguageReport, LayerReport, PackagesReport, Runtime, SecretReport, SecretSite,
    SourceKind, StartReport, StartVerdict, VariableReport,
};
use super::root_dir::Unread;
use super::runtime_words;
use super::software::{self, RPM_DATABASES};
use super::tree::{Node, NodeKind};
use crate::model::byte_string::ByteString;
use crate::model::reason::Reason;
use crate::model::secret::SecretKind;
use crate::model::time::Timestamp;
use crate::parse::accounts;
use crate::redact::Redactor;

const LARGEST: usize = 20;
/// Files of one kind, lines of the history, variables and labels.
const LISTED: usize = 1000;
/// Bytes of one text of the configuration.
const TEXT_BYTES: usize = 16 << 10;
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

/// What the report is made of.
pub(super) struct Parts<'a> {
    pub(super) collected: &'a Collected,
    pub(super) chosen: Option<&'a Chosen>,
    pub(super) sizes: Vec<LayerSize>,
    pub(super) stored_bytes: Vec<u64>,
    pub(super) runtime: Runtime,
    pub(super) redactor: &'a Redactor,
    pub(super) unread: Unread,
}

impl Parts<'_> {
    pub(super) fn report(&self) -> AuditReport {
        let config = self.chosen.map(|chosen| &chosen.config.config);
        let start = config.map(|config| {
            let machine = self
                .chosen
                .and_then(|chosen| machine(&chosen.config.architecture));
            judge_start::judge(self.collected, config, machine)
        });
        let lists = self.lists();
        let mut report = AuditReport {
            schema: "spyhole/audit/v1",
            version: env!("CARGO_PKG_VERSION"),
            image: self.source(),
            findings: Vec::new(),
            start: start.as_ref().map(|start| self.start(start)),
            config: config.map(|config| self.config(config)),
            layers: self.layers(),
            size_bytes: self.sizes.iter().map(|size| size.size_bytes).sum(),
            waste_bytes: self.collected.tree.waste.iter().sum(),
            paths: self.collected.tree.len(),
            largest_files: lists.largest,
            setuid_files: lists.setuid,
            world_writable: lists.writable,
            secrets: self.secrets(),
            packages: self.packages(),
            languages: self.languages(),
            authorities: self.authorities(),
            zoneinfo: lists.zoneinfo,
            accounts: self.accounts(),
            shells: self.shells(),
            gaps: self.gaps(),
        };
        let outside = self.collected.tree.oddities.outside;
        report.findings = findings::find(&report, start.as_ref(), outside);
        report
    }

    fn source(&self) -> ImageSource {
        let Some(chosen) = self.chosen else {
            return ImageSource {
                kind: SourceKind::RootDirectory,
                tags: Vec::new(),
                config_digest: String::new(),
                platform: None,
                created: None,
                distribution: self.distribution(),
            };
        };
        let config = &chosen.config;
        ImageSource {
            kind: chosen.kind,
            tags: chosen.tags.iter().take(LISTED).cloned().collect(),
            config_digest: chosen.config_digest.clone(),
            platform: Some(format!("{}/{}", config.os, config.architecture)),
            created: config.created.clone(),
            distribution: self.distribution(),
        }
    }

    fn kept(&self, path: &[u8]) -> Option<(&Kept, &Node)> {
        let tree = &self.collected.tree;
        let node = tree.get(&tree.resolve(path).ok()?)?;
        let NodeKind::File(file) = node.kind else {
            return None;
        };
        Some((self.collected.kept.get(&file)?, node))
    }

    fn text(&self, path: &[u8]) -> Option<&[u8]> {
        match self.kept(path)? {
            (Kept::Text(text), _) => Some(text),
            _ => None,
        }
    }

    fn distribution(&self) -> Option<String> {
        let text = self
            .text(b"etc/os-release")
            .or_else(|| self.text(b"usr/lib/os-release"))?;
        let mut lines = text.split(|byte| *byte == b'\n');
        let name = lines.find_map(|line| line.strip_prefix(b"PRETTY_NAME="))?;
        let name = String::from_utf8_lossy(cut(name)).into_owned();
        Some(name.trim_matches('"').to_owned())
    }

    fn start(&self, start: &Start) -> StartReport {
        let whole = self.collected.is_whole();
        let predictions = runtime_words::predict(start, self.runtime);
        let fails = predictions.iter().any(|one| !one.starts);
        StartReport {
            verdict: match fails {
                _ if !whole => StartVerdict::Unknown,
                true => StartVerdict::No,
                false => StartVerdict::Yes,
            },
            command: self.words(&start.words),
            uid: start.identity.as_ref().map(|who| who.uid),
            gid: start.identity.as_ref().map(|who| who.gid),
            workdir: start.workdir.as_slice().into(),
            program: start.program.as_deref().map(ByteString::from),
            interpreters: start
                .interpreters
                .iter()
                .map(|path| path.as_slice().into())
                .collect(),
            cause: findings::cause(start),
            runtime: self.runtime,
            predictions,
        }
    }

    fn words(&self, words: &[Vec<u8>]) -> Vec<ByteString> {
        let shown = self.redactor.arguments(words);
        shown.into_iter().map(|word| word.text).collect()
    }

    fn config(&self, config: &RunConfig) -> ConfigReport {
        let words = |words: &[String]| {
            let words: Vec<_> = words.iter().map(|word| word.clone().into_bytes()).collect();
            self.words(&words)
        };
        let variables = config.env.iter().take(LISTED).map(|variable| {
            let (name, value) = variable.split_once('=').unwrap_or((variable, ""));
            self.variable(name, value)
        });
        let labels = config.labels.iter().take(LISTED);
        ConfigReport {
            entrypoint: words(&config.entrypoint),
            cmd: words(&config.cmd),
            user: config.user.clone(),
            workdir: config.working_dir.clone(),
            environment: variables.collect(),
            exposed_ports: config.exposed_ports.keys().take(LISTED).cloned().collect(),
            volumes: config.volumes.keys().take(LISTED).cloned().collect(),
            labels: labels
                .map(|(name, value)| self.variable(name, value))
                .collect(),
            stop_signal: config.stop_signal.clone(),
        }
    }

    fn variable(&self, name: &str, value: &str) -> VariableReport {
        let redacted = self.redactor.variable(name.as_bytes(), value.as_bytes());
        VariableReport {
            name: name.to_owned(),
            value: redacted.is_none().then(|| cut(value.as_bytes()).into()),
            redacted,
        }
    }

    fn history(&self) -> &[HistoryEntry] {
        self.chosen.map_or(&[], |chosen| &chosen.config.history)
    }

    fn layers(&self) -> Vec<LayerReport> {
        let mut lines = Vec::new();
        let mut next = 0;
        for entry in self.history().iter().take(LISTED) {
            let created_by = match entry.created_by.as_str() {
                "" => entry.comment.as_bytes(),
                text => text.as_bytes(),
            };
            let created_by = self.redactor.text(cut(created_by)).as_ref().into();
            if entry.empty_layer || next >= self.sizes.len() {
                lines.push(LayerReport {
                    created_by,
                    ..LayerReport::default()
                });
                continue;
            }
            lines.push(self.layer(next, created_by));
            next += 1;
        }
        // A history may be shorter than the list of layers, or not be there.
        lines.extend(
            (next..self.sizes.len()).map(|number| self.layer(number, ByteString::default())),
        );
        lines
    }

    fn layer(&self, number: usize, created_by: ByteString) -> LayerReport {
        let size = self.sizes.get(number).copied().unwrap_or_default();
        let waste = self.collected.tree.waste.get(number);
        LayerReport {
            layer: Some(number + 1),
            created_by,
            size_bytes: size.size_bytes,
            waste_bytes: waste.copied().unwrap_or_default(),
            archive_bytes: size.archive_bytes,
            stored_bytes: self.stored_bytes.get(number).copied().unwrap_or_default(),
            files: size.files,
            whiteouts: size.whiteouts,
        }
    }

    fn lists(&self) -> Lists {
        let mut lists = Lists::default();
        let mut largest = BinaryHeap::new();
        for (path, node) in self.collected.tree.iter() {
            let size = match node.kind {
                NodeKind::File(file) => self.collected.tree.data(file).map(|data| data.size_bytes),
                _ => None,
            };
            let is_link = matches!(node.kind, NodeKind::Link(_));
            let file = || file_report(path, node, size.unwrap_or_default());
            if let Some(size) = size {
                largest.push(Reverse((size, path.to_vec())));
                if largest.len() > LARGEST {
                    largest.pop();
                }
                if node.mode & 0o6000 != 0 && lists.setuid.len() < LISTED {
                    lists.setuid.push(file());
                }
                if path.starts_with(b"usr/share/zoneinfo/") {
                    lists.zoneinfo.get_or_insert_with(|| path.into());
                }
            }
            // In a directory with the sticky bit everyone writes and removes what is his own.
            let is_sticky = node.is_directory() && node.mode & 0o1000 != 0;
            let everyone = node.mode & 0o002 != 0 && !is_link && !is_sticky;
            if everyone && node.kind != NodeKind::Special && lists.writable.len() < LISTED {
                lists.writable.push(file());
            }
        }
        let mut largest: Vec<_> = largest.into_iter().map(|Reverse(one)| one).collect();
        largest.sort_by(|one, other| other.cmp(one));
        let report = |(size, path): (u64, Vec<u8>)| {
            let node = self.collected.tree.get(&path)?;
            Some(file_report(&path, node, size))
        };
        lists.largest = largest.into_iter().filter_map(report).collect();
        lists
    }

    fn secrets(&self) -> Vec<SecretReport> {
        let mut secrets: Vec<SecretReport> = self
            .collected
            .secrets
            .iter()
            .map(|secret| SecretReport {
                place: SecretSite::File,
                at: secret.path.as_slice().into(),
                layer: Some(usize::from(secret.layer) + 1),
                reason: secret.kind,
                by_content: secret.by_content,
                deleted: self.is_deleted(secret.file),
            })
            .collect();
        let mut add = |place, at: ByteString, reason| {
            secrets.push(SecretReport {
                place,
                at,
                layer: None,
                reason,
                by_content: true,
                deleted: false,
            });
        };
        for (number, entry) in self.history().iter().take(LISTED).enumerate() {
            let text = [entry.created_by.as_bytes(), b" ", entry.comment.as_bytes()].concat();
            if let Some(kind) = self.redactor.kinds(&text).first() {
                let number = (number + 1).to_string();
                add(SecretSite::History, number.as_str().into(), *kind);
            }
        }
        let Some(config) = self.chosen.map(|chosen| &chosen.config.config) else {
            return secrets;
        };
        let pairs = config.env.iter().take(LISTED).map(|variable| {
            let (name, value) = variable.split_once('=').unwrap_or((variable, ""));
            (SecretSite::Environment, name, value)
        });
        let labels = config.labels.iter().take(LISTED);
        let labels = labels.map(|(name, value)| (SecretSite::Label, name.as_str(), value.as_str()));
        for (site, name, value) in pairs.chain(labels) {
            if let Some(redacted) = self.redactor.variable(name.as_bytes(), value.as_bytes())
                && redacted.reason != SecretKind::HighEntropy
            {
                add(site, name.into(), redacted.reason);
            }
        }
        let words = config.entrypoint.iter().chain(&config.cmd);
        let words: Vec<Vec<u8>> = words.map(|word| word.clone().into_bytes()).collect();
        for (number, word) in self.redactor.arguments(&words).iter().enumerate() {
            if let Some(redacted) = word.redacted.first() {
                let number = (number + 1).to_string();
                add(SecretSite::Command, number.as_str().into(), redacted.reason);
            }
        }
        secrets
    }

    fn is_deleted(&self, file: u32) -> bool {
        self.collected
            .tree
            .data(file)
            .is_none_or(|data| data.names == 0)
    }

    fn packages(&self) -> Vec<PackagesReport> {
        let mut found = Vec::new();
        let databases = [
            ("dpkg", &b"var/lib/dpkg/status"[..]),
            ("apk", b"lib/apk/db/installed"),
            ("apk", b"usr/lib/apk/db/installed"),
        ];
        for (format, path) in databases {
            if let Some((kept, _)) = self.kept(path) {
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

    fn languages(&self) -> Vec<LanguageReport> {
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

    fn authorities(&self) -> Vec<AuthoritiesReport> {
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

    fn accounts(&self) -> AccountsReport {
        let count = |path: &[u8]| {
            self.text(path)
                .map_or(0, |text| accounts::entries(text).count())
        };
        AccountsReport {
            users: count(b"etc/passwd"),
            groups: count(b"etc/group"),
        }
    }

    fn shells(&self) -> Vec<ByteString> {
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

    fn gaps(&self) -> Vec<AuditGap> {
        let mut gaps = Vec::new();
        let mut add = |what: String, reason, count| {
            if count > 0 {
                gaps.push(AuditGap {
                    what,
                    reason,
                    count,
                });
            }
        };
        let tree = &self.collected.tree;
        let beyond = tree.oddities.beyond_limit;
        add("paths".to_owned(), Reason::Limit, beyond);
        let others = u64::from(!self.collected.is_whole() && beyond == 0);
        add("files that were not held".to_owned(), Reason::Limit, others);
        add(
            "secrets".to_owned(),
            Reason::Limit,
            self.collected.more_places,
        );
        let links = tree.oddities.broken_hard_links;
        add(
            "hard links to what is not there".to_owned(),
            Reason::Malformed,
            links,
        );
        let too_long = |kept: &&Kept| matches!(kept, Kept::TooLong);
        let too_long = self.collected.kept.values().filter(too_long).count();
        add(
            "files of packages, accounts or authorities".to_owned(),
            Reason::Limit,
            too_long as u64,
        );
        for (reason, (count, first)) in &self.unread.0 {
            let first = String::from_utf8_lossy(first);
            let what = match reason {
                Reason::RemoteFs => "other file systems, ",
                _ => "",
            };
            add(format!("{what}/{first} and others"), *reason, *count);
        }
        gaps
    }
}

#[derive(Default)]
struct Lists {
    largest: Vec<FileReport>,
    setuid: Vec<FileReport>,
    writable: Vec<FileReport>,
    zoneinfo: Option<ByteString>,
}

fn file_report(path: &[u8], node: &Node, size_bytes: u64) -> FileReport {
    FileReport {
        path: path.into(),
        mode: format!("{:04o}", node.mode),
        uid: node.uid,
        gid: node.gid,
        size_bytes,
        layer: usize::from(node.layer) + 1,
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
                let pair = |one: &super::software::Package| (one.name.clone(), one.version.clone());
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

fn cut(text: &[u8]) -> &[u8] {
    text.get(..TEXT_BYTES).unwrap_or(text)
}

fn moment(seconds: i64) -> Timestamp {
    let distance = Duration::from_secs(seconds.unsigned_abs());
    let moment = if seconds < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(distance)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(distance)
    };
    Timestamp(moment.unwrap_or(SystemTime::UNIX_EPOCH))
}

/// `e_machine` of the programs of a platform; for an unnamed one that of this machine.
fn machine(architecture: &str) -> Option<u16> {
    let architecture = if architecture.is_empty() {
        own_architecture()
    } else {
        architecture
    };
    Some(match architecture {
        "386" => 3,
        "arm" => 40,
        "ppc64le" => 21,
        "s390x" => 22,
        "amd64" => 62,
        "arm64" => 183,
        "riscv64" => 243,
        "loong64" => 258,
        _ => return None,
    })
}
