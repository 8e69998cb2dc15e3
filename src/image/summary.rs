//! From the files and the configuration of an image to its report.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::{Duration, SystemTime};

use super::choose::{Chosen, own_architecture};
use super::documents::{HistoryEntry, RunConfig};
use super::findings;
use super::judge_start::{self, ExecCause, Start, StartFailure};
use super::kept::{BUNDLES, Kept};
use super::layers::{Collected, KeptAt, LayerSize};
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
            self.hidden(judge_start::judge(self.collected, config, machine))
        });
        let lists = self.lists();
        let (secrets, more_secrets) = self.secrets();
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
            gaps: self.gaps(&lists, more_secrets, start.as_ref()),
            largest_files: lists.largest,
            setuid_files: lists.setuid,
            world_writable: lists.writable,
            secrets,
            packages: self.packages(),
            languages: self.languages(),
            authorities: self.authorities(),
            has_all_authorities: !BUNDLES.iter().any(|path| self.is_unseen(path)),
            zoneinfo: lists.zoneinfo.clone(),
            accounts: self.accounts(),
            shells: self.shells(),
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
            tags: self.texts(&chosen.tags),
            config_digest: chosen.config_digest.clone(),
            platform: Some(self.sentence(&format!("{}/{}", config.os, config.architecture))),
            created: config.created.as_deref().map(|text| self.sentence(text)),
            distribution: self.distribution(),
        }
    }

    fn kept(&self, path: &[u8]) -> Option<(&Kept, &Node)> {
        match self.collected.kept_at(path) {
            KeptAt::File(Some(kept), node) => Some((kept, node)),
            _ => None,
        }
    }

    /// Whether there is a file of which it is not known what it has.
    fn is_unseen(&self, path: &[u8]) -> bool {
        matches!(
            self.collected.kept_at(path),
            KeptAt::File(None | Some(Kept::TooLong), _)
        )
    }

    fn sentence(&self, text: &str) -> String {
        self.redactor.sentence(text)
    }

    fn texts<'s>(&self, texts: impl IntoIterator<Item = &'s String>) -> Vec<String> {
        let texts = texts.into_iter().take(LISTED);
        texts.map(|text| self.sentence(text)).collect()
    }

    /// The same with its secrets replaced: all that is said of it is made of this.
    fn hidden(&self, start: Start) -> Start {
        let text = |bytes: &[u8]| self.redactor.text(bytes).into_owned();
        let words: Vec<Vec<u8>> = self.words(&start.words);
        let (command, shown) = (start.words.first(), words.first());
        // A path of the command ends in the word, which is hidden as a word is.
        let path = |path: &[u8]| match (command, shown) {
            (Some(command), Some(shown)) if !command.is_empty() => {
                match path.strip_suffix(command.as_slice()) {
                    Some(above) => [&text(above), shown.as_slice()].concat(),
                    None => text(path),
                }
            }
            _ => text(path),
        };
        let workdir = text(&start.workdir);
        let account = |name: Vec<u8>| {
            let all = self
                .chosen
                .map(|chosen| chosen.config.config.user.as_bytes());
            let all = all.unwrap_or_default();
            let shown = text(all);
            if shown == all { text(&name) } else { shown }
        };
        let failure = start.failure.map(|failure| match failure {
            StartFailure::UserNotFound(name) => StartFailure::UserNotFound(account(name)),
            StartFailure::GroupNotFound(name) => StartFailure::GroupNotFound(account(name)),
            StartFailure::WorkdirBelowFile(_) if workdir != start.workdir => {
                StartFailure::WorkdirBelowFile(workdir.clone())
            }
            StartFailure::WorkdirBelowFile(file) => StartFailure::WorkdirBelowFile(text(&file)),
            StartFailure::OnlyUnexecutable {
                path: at,
                is_directory,
            } => StartFailure::OnlyUnexecutable {
                path: path(&at),
                is_directory,
            },
            StartFailure::NotExecutableForUser(at) => StartFailure::NotExecutableForUser(path(&at)),
            StartFailure::Exec(error, cause) => StartFailure::Exec(
                error,
                match cause {
                    ExecCause::Loader(at) => ExecCause::Loader(text(&at)),
                    ExecCause::Interpreter(at) => ExecCause::Interpreter(text(&at)),
                    ExecCause::CarriageReturn(at) => ExecCause::CarriageReturn(text(&at)),
                    other => other,
                },
            ),
            other => other,
        });
        Start {
            executed_as: path(&start.executed_as),
            program: start.program.as_deref().map(path),
            interpreters: start.interpreters.iter().map(|at| text(at)).collect(),
            words,
            workdir,
            failure,
            ..start
        }
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
        let unknown = if self.collected.is_whole() {
            start.unknown
        } else {
            Some("not all files were held")
        };
        let mut predictions = runtime_words::predict(start, self.runtime);
        let fails = predictions.iter().any(|one| !one.starts);
        if unknown.is_some() {
            predictions.clear();
        }
        StartReport {
            verdict: match fails {
                _ if unknown.is_some() => StartVerdict::Unknown,
                true => StartVerdict::No,
                false => StartVerdict::Yes,
            },
            command: start
                .words
                .iter()
                .map(|word| word.as_slice().into())
                .collect(),
            uid: start.identity.as_ref().map(|who| who.uid),
            gid: start
                .identity
                .as_ref()
                .map(|who| who.gid)
                .filter(|_| unknown.is_none()),
            workdir: start.workdir.as_slice().into(),
            program: start.program.as_deref().map(ByteString::from),
            interpreters: start
                .interpreters
                .iter()
                .map(|path| path.as_slice().into())
                .collect(),
            cause: unknown
                .map(|what| format!("not known: {what}"))
                .or_else(|| findings::cause(start)),
            runtime: self.runtime,
            predictions,
        }
    }

    fn words(&self, words: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let shown = self.redactor.arguments(words).into_iter();
        shown.map(|word| word.text.as_bytes().to_vec()).collect()
    }

    fn config(&self, config: &RunConfig) -> ConfigReport {
        let words = |words: &[String]| {
            let words: Vec<_> = words.iter().map(|word| word.clone().into_bytes()).collect();
            let shown = self.words(&words).into_iter();
            shown.map(|word| word.as_slice().into()).collect()
        };
        let variables = config.env.iter().take(LISTED).map(|variable| {
            let (name, value) = variable.split_once('=').unwrap_or((variable, ""));
            self.variable(name, value)
        });
        let labels = config.labels.iter().take(LISTED);
        ConfigReport {
            entrypoint: words(&config.entrypoint),
            cmd: words(&config.cmd),
            user: self.sentence(&config.user),
            workdir: self.sentence(&config.working_dir),
            environment: variables.collect(),
            exposed_ports: self.texts(config.exposed_ports.keys()),
            volumes: self.texts(config.volumes.keys()),
            labels: labels
                .map(|(name, value)| self.variable(name, value))
                .collect(),
            stop_signal: self.sentence(&config.stop_signal),
        }
    }

    fn variable(&self, name: &str, value: &str) -> VariableReport {
        let redacted = self.redactor.variable(name.as_bytes(), value.as_bytes());
        VariableReport {
            name: self.sentence(name),
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
            // What is cut off first may be the end by which a secret is known.
            let created_by = cut(&self.redactor.text(created_by)).into();
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
                if node.mode & 0o6000 != 0 {
                    lists.more_setuid += push(&mut lists.setuid, file);
                }
                if path.starts_with(b"usr/share/zoneinfo/") {
                    lists.zoneinfo.get_or_insert_with(|| path.into());
                }
            }
            // In a directory with the sticky bit everyone writes and removes what is his own.
            let is_sticky = node.is_directory() && node.mode & 0o1000 != 0;
            let everyone = node.mode & 0o002 != 0 && !is_link && !is_sticky;
            if everyone && node.kind != NodeKind::Special {
                lists.more_writable += push(&mut lists.writable, file);
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

    /// Those that are listed, and how many more there are.
    fn secrets(&self) -> (Vec<SecretReport>, u64) {
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
        let (mut outside_files, mut more) = (Vec::new(), self.collected.more_places);
        let mut add = |place, at: ByteString, reason| {
            more += push(&mut outside_files, || SecretReport {
                place,
                at,
                layer: None,
                reason,
                by_content: true,
                deleted: false,
            });
        };
        for (number, entry) in self.history().iter().enumerate() {
            let text = [entry.created_by.as_bytes(), b" ", entry.comment.as_bytes()].concat();
            if let Some(kind) = self.redactor.kinds(&text).first() {
                let number = (number + 1).to_string();
                add(SecretSite::History, number.as_str().into(), *kind);
            }
        }
        let nothing = RunConfig::default();
        let config = self.chosen.map_or(&nothing, |chosen| &chosen.config.config);
        let pairs = config.env.iter().map(|variable| {
            let (name, value) = variable.split_once('=').unwrap_or((variable, ""));
            (SecretSite::Environment, name, value)
        });
        let labels = config.labels.iter();
        let labels = labels.map(|(name, value)| (SecretSite::Label, name.as_str(), value.as_str()));
        for (site, name, value) in pairs.chain(labels) {
            if let Some(redacted) = self.redactor.variable(name.as_bytes(), value.as_bytes())
                && redacted.reason != SecretKind::HighEntropy
            {
                add(site, self.sentence(name).as_str().into(), redacted.reason);
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
        secrets.extend(outside_files);
        (secrets, more)
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
            let text = self.text(path).unwrap_or_default();
            let count = accounts::entries(text).count();
            (!self.is_unseen(path)).then_some(count)
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

    fn gaps(&self, lists: &Lists, more_secrets: u64, start: Option<&Start>) -> Vec<AuditGap> {
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
        add("secrets".to_owned(), Reason::Limit, more_secrets);
        let beyond = |count: usize| count.saturating_sub(LISTED) as u64;
        let history = beyond(self.history().len());
        let mut cut = vec![
            ("files with setuid or setgid", lists.more_setuid),
            ("files that everyone can write", lists.more_writable),
            ("programs of Go and Rust", self.collected.more_built),
            ("lines of the history", history),
        ];
        if let Some(chosen) = self.chosen {
            let config = &chosen.config.config;
            cut.extend([
                ("tags", beyond(chosen.tags.len())),
                ("variables", beyond(config.env.len())),
                ("labels", beyond(config.labels.len())),
                ("ports", beyond(config.exposed_ports.len())),
                ("volumes", beyond(config.volumes.len())),
            ]);
        }
        for (what, count) in cut {
            add(what.to_owned(), Reason::Limit, count);
        }
        if let Some(what) = start.and_then(|start| start.unknown) {
            add(what.to_owned(), Reason::Limit, 1);
        }
        let needed = [&b"etc/passwd"[..], b"etc/group"];
        let unkept = needed.iter().chain(BUNDLES);
        let unkept =
            unkept.filter(|path| matches!(self.collected.kept_at(path), KeptAt::File(None, _)));
        let what = "accounts or authorities, where a link leads to a file of another name";
        add(what.to_owned(), Reason::Limit, unkept.count() as u64);
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
    more_setuid: u64,
    more_writable: u64,
}

/// Adds one to a list; 1 where that is full.
fn push<T>(list: &mut Vec<T>, make: impl FnOnce() -> T) -> u64 {
    if list.len() >= LISTED {
        return 1;
    }
    list.push(make());
    0
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
