//! From the files and the configuration of an image to its report.

mod contents;
mod gaps;
mod secrets;
mod start;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, SystemTime};

use super::choose::{self, Chosen};
use super::documents::{HistoryEntry, RunConfig};
use super::findings;
use super::kept::{BUNDLES, Kept};
use super::layers::{Collected, KeptAt, LayerSize};
use super::report::{
    AuditReport, ConfigReport, FileReport, ImageSource, LayerReport, Runtime, SourceKind,
    VariableReport,
};
use super::root_dir::Unread;
use super::tree::{Node, NodeKind};
use crate::model::byte_string::ByteString;
use crate::model::time::Timestamp;
use crate::redact::Redactor;

const LARGEST: usize = 20;
/// Files of one kind, lines of the history, variables and labels.
const LISTED: usize = 1000;
/// Bytes of one text of the configuration.
const TEXT_BYTES: usize = 16 << 10;

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
        let start = self.judge_start();
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
            platform: Some(self.sentence(&choose::word(&config.platform()))),
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

    fn is_deleted(&self, file: u32) -> bool {
        self.collected
            .tree
            .data(file)
            .is_none_or(|data| data.names == 0)
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
