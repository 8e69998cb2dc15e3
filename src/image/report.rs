//! The document of `spyhole audit`, schema `spyhole/audit/v1`. docs/audit.md describes it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::model::byte_string::ByteString;
use crate::model::reason::Reason;
use crate::model::secret::{Redacted, SecretKind};
use crate::model::severity::Severity;
use crate::model::time::Timestamp;

/// Something that is wrong.
#[derive(Debug, Serialize)]
pub(crate) struct ImageFinding {
    /// `IMG-001`: it never changes its meaning.
    pub(super) id: &'static str,
    pub(super) severity: Severity,
    pub(super) title: &'static str,
    pub(super) evidence: Vec<String>,
    pub(super) remedy: String,
}

/// All of it.
#[derive(Debug, Serialize)]
pub(crate) struct AuditReport {
    /// `spyhole/audit/v1`.
    pub(super) schema: &'static str,
    pub(super) version: &'static str,
    pub(super) image: ImageSource,
    /// Worst first.
    pub(super) findings: Vec<ImageFinding>,
    /// `null` for a root directory: it has no configuration.
    pub(super) start: Option<StartReport>,
    /// Likewise.
    pub(super) config: Option<ConfigReport>,
    pub(super) layers: Vec<LayerReport>,
    /// Bytes of all files of all layers, and those of them that no path leads to.
    pub(super) size_bytes: u64,
    pub(super) waste_bytes: u64,
    pub(super) paths: usize,
    pub(super) largest_files: Vec<FileReport>,
    pub(super) setuid_files: Vec<FileReport>,
    pub(super) world_writable: Vec<FileReport>,
    pub(super) secrets: Vec<SecretReport>,
    pub(super) packages: Vec<PackagesReport>,
    pub(super) languages: Vec<LanguageReport>,
    pub(super) authorities: Vec<AuthoritiesReport>,
    /// Whether no bundle is there whose content is not known.
    #[serde(skip)]
    pub(super) has_all_authorities: bool,
    /// The first file of the zone data; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) zoneinfo: Option<ByteString>,
    pub(super) accounts: AccountsReport,
    pub(super) shells: Vec<ByteString>,
    pub(super) gaps: Vec<AuditGap>,
}

impl AuditReport {
    /// The worst severity that was found.
    pub(crate) fn worst(&self) -> Option<Severity> {
        self.findings.first().map(|finding| finding.severity)
    }

    /// Whether it could not be judged whether it starts.
    pub(crate) fn is_start_unknown(&self) -> bool {
        let start = self.start.as_ref();
        start.is_some_and(|start| start.verdict == StartVerdict::Unknown)
    }

    /// Whether something was not seen.
    pub(crate) fn has_gaps(&self) -> bool {
        !self.gaps.is_empty()
    }
}

/// What was read.
#[derive(Debug, Serialize)]
pub(super) struct ImageSource {
    pub(super) kind: SourceKind,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tags: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) config_digest: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) platform: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) created: Option<String>,
    /// `PRETTY_NAME` of os-release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) distribution: Option<String>,
}

/// In which form an image was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SourceKind {
    RootDirectory,
    OciLayout,
    OciArchive,
    DockerArchive,
}

impl SourceKind {
    pub(super) fn describe(self) -> &'static str {
        match self {
            Self::RootDirectory => "root directory",
            Self::OciLayout => "OCI layout",
            Self::OciArchive => "OCI archive",
            Self::DockerArchive => "docker archive",
        }
    }
}

/// The program that runs containers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Runtime {
    /// runc
    Runc,
    /// crun
    Crun,
}

/// Whether it starts.
#[derive(Debug, Serialize)]
pub(super) struct StartReport {
    pub(super) verdict: StartVerdict,
    /// The command line, its secrets replaced.
    pub(super) command: Vec<ByteString>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) uid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) gid: Option<u32>,
    pub(super) workdir: ByteString,
    /// The file that is executed, links followed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) program: Option<ByteString>,
    /// Interpreters of scripts, in order, and the loader.
    pub(super) interpreters: Vec<ByteString>,
    /// Why it does not start, or why that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cause: Option<String>,
    pub(super) runtime: Runtime,
    /// None where the verdict is not known.
    pub(super) predictions: Vec<Prediction>,
}

/// `unknown`: it depends on what was not held; the cause says on what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum StartVerdict {
    Yes,
    No,
    Unknown,
}

/// What an engine does and prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Prediction {
    pub(super) engine: &'static str,
    pub(super) starts: bool,
    /// One of these is in what it prints, by version.
    pub(super) messages: Vec<String>,
    /// One of these is the exit code of `run`.
    pub(super) exit_codes: Vec<u8>,
}

/// The configuration.
#[derive(Debug, Serialize)]
pub(super) struct ConfigReport {
    pub(super) entrypoint: Vec<ByteString>,
    pub(super) cmd: Vec<ByteString>,
    pub(super) user: String,
    pub(super) workdir: String,
    pub(super) environment: Vec<VariableReport>,
    pub(super) exposed_ports: Vec<String>,
    pub(super) volumes: Vec<String>,
    pub(super) labels: Vec<VariableReport>,
    pub(super) stop_signal: String,
}

/// A variable or a label.
#[derive(Debug, Serialize)]
pub(super) struct VariableReport {
    pub(super) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) value: Option<ByteString>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) redacted: Option<Redacted>,
}

/// A line of the history, with its layer.
#[derive(Debug, Default, Serialize)]
pub(super) struct LayerReport {
    /// From 1 on; absent where the line made no layer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) layer: Option<usize>,
    /// Its secrets replaced.
    pub(super) created_by: ByteString,
    /// Bytes of its regular files.
    pub(super) size_bytes: u64,
    /// Those of them that a later layer hides or replaces.
    pub(super) waste_bytes: u64,
    /// Its archive, without its compression and as it is.
    pub(super) archive_bytes: u64,
    pub(super) stored_bytes: u64,
    pub(super) files: u64,
    pub(super) whiteouts: u64,
}

/// A file.
#[derive(Debug, Clone, Serialize)]
pub(super) struct FileReport {
    pub(super) path: ByteString,
    /// Four octal digits.
    pub(super) mode: String,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) size_bytes: u64,
    pub(super) layer: usize,
}

/// Where a secret is; its value is nowhere.
#[derive(Debug, Clone, Serialize)]
pub(super) struct SecretReport {
    pub(super) place: SecretSite,
    /// A path, the name of a variable or label, or the number of the line of the history.
    pub(super) at: ByteString,
    /// From 1 on, of a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) layer: Option<usize>,
    pub(super) reason: SecretKind,
    /// Whether the content shows it, not its name alone.
    pub(super) by_content: bool,
    /// A later layer hides it: it is still in the image.
    pub(super) deleted: bool,
}

/// In what a secret is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SecretSite {
    File,
    History,
    Environment,
    Label,
    Command,
    Healthcheck,
    OnBuild,
    Shell,
}

/// A database of packages.
#[derive(Debug, Serialize)]
pub(super) struct PackagesReport {
    /// `dpkg`, `apk` or `rpm`.
    pub(super) format: &'static str,
    pub(super) path: ByteString,
    /// `null`: not counted.
    pub(super) count: Option<usize>,
    /// Names with versions.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) packages: BTreeMap<Box<str>, Box<str>>,
}

/// A language, by what it leaves.
#[derive(Debug, Serialize)]
pub(super) struct LanguageReport {
    pub(super) language: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) version: String,
    #[serde(skip_serializing_if = "ByteString::is_empty")]
    pub(super) package: ByteString,
    pub(super) count: u64,
    /// The first of them.
    pub(super) paths: Vec<ByteString>,
}

/// A bundle of authorities.
#[derive(Debug, Serialize)]
pub(super) struct AuthoritiesReport {
    pub(super) path: ByteString,
    pub(super) certificates: usize,
    pub(super) expired: usize,
    /// When the newest certificate was issued: the bundle is not older.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) newest_issued_at: Option<Timestamp>,
    pub(super) modified_at: Timestamp,
}

/// `passwd` and `group`.
#[derive(Debug, Default, Serialize)]
pub(super) struct AccountsReport {
    /// `null`: not known.
    pub(super) users: Option<usize>,
    /// Likewise.
    pub(super) groups: Option<usize>,
}

/// What was not seen.
#[derive(Debug, Clone, Serialize)]
pub(super) struct AuditGap {
    pub(super) what: String,
    pub(super) reason: Reason,
    pub(super) count: u64,
}
