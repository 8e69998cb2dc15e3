//! The section `certificates`: the certificates and keys in the target's files, its trust store,
//! and what its listeners serve.

mod answer;
pub(crate) mod chains;
mod fill;
mod find;
mod keys;
pub(crate) mod leaves;
mod read;
mod search;
mod served;
pub(crate) mod verify;

use std::cell::OnceCell;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::SystemTime;

use clap::Args;
use serde::Deserialize;

use super::section::{Detail, Request, SectionInfo, SectionMetrics};
use crate::model::Report;
use crate::model::certificate::{Certificates, Serves};
use crate::model::escape::escaped;
use crate::model::gap::{Reason, SectionGaps};
use crate::model::seen::Seen;
use crate::render::metrics;
use crate::render::tables::Table;
use crate::render::tables::certificates;
use crate::render::tables::certificates::Style;
use crate::scan::Scan;
use crate::scan::needs::Files;
use crate::scan::needs::{Needs, Scope};
use crate::sys::own_file;
use crate::trust::{self, TrustReach};
use answer::{Checked, Checks};
use verify::Verifier;

/// Flags of `spyhole certificates`.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub(crate) struct CertificatesQuery {
    /// Connect to every TCP listener of the target, show the certificates that it serves, and
    /// compare them with the files.
    #[arg(long)]
    pub served: bool,
    /// Verify each leaf certificate against the target's trust store and Mozilla's roots; exit
    /// with 1 if the target would refuse one, with 4 if that is unknown.
    #[arg(long)]
    pub verify: bool,
    /// Also show files that contain only CA certificates of the system's trust store.
    #[arg(long)]
    pub roots: bool,
    /// Read only this file, as the target sees it (repeatable).
    #[arg(long, value_name = "PATH")]
    pub file: Vec<String>,
    /// Search only this directory, reading files of any name (repeatable).
    #[arg(long, value_name = "PATH")]
    pub dir: Vec<String>,
    /// Open keystores and keys with the password in the first line of this file (in spyhole's own
    /// file system).
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    pub password_file: Option<PathBuf>,
    /// Exit with 1 if a certificate expires in fewer days, a key does not match, or a rotated
    /// certificate was not reloaded.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub min_days: Option<i64>,
    /// With --min-days or --verify, exit with 4 if no certificate was found to check.
    #[arg(long)]
    pub require: bool,
    /// Search this many directory levels (default 4).
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=32))]
    pub depth: Option<u8>,
    /// Read at most this many files (default 1000).
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub max_files: Option<u32>,
    /// Read no more of the trust store than the rules of `doctor` depend on.
    #[arg(skip)]
    #[serde(skip)]
    for_rules: bool,
    /// The password, once its file was read.
    #[arg(skip)]
    #[serde(skip)]
    password: OnceCell<String>,
    /// What the checks answered, once the section was filled.
    #[arg(skip)]
    #[serde(skip)]
    checked: OnceCell<Checked>,
}

impl CertificatesQuery {
    /// With the verdicts on what is on disk.
    pub(crate) fn verified() -> Self {
        Self {
            verify: true,
            ..Self::default()
        }
    }

    /// What the rules of `doctor` read, of what is on disk, and of what is `served` too. The counts
    /// of the trust store are right where there is no authority, or none that is valid; otherwise
    /// they may be too low.
    pub(crate) fn for_rules(served: bool) -> Self {
        Self {
            served,
            for_rules: true,
            ..Self::verified()
        }
    }
}

/// What the section is.
pub(crate) const INFO: SectionInfo = SectionInfo {
    name: "certificates",
    aliases: &["certs"],
    about: "Show certificates and keys on disk, in the trust store, and as \
        served",
    example: "spyhole certs --served\n  spyhole certs --min-days 14\n  spyhole certs --file /etc/tls/tls.crt -o pem",
    in_dump: true,
    files: PLACES
        .union(Files::MOUNTINFO)
        .union(trust::FILES)
        .union(Files::FD_LINKS),
    pem: true,
    secrets: false,
    metrics: Some(METRICS),
};

const METRICS: SectionMetrics = SectionMetrics {
    // Searched on their own, and rarely: that reads many files.
    request: |_| None,
    collect: metrics::certificates::collect,
};

/// What tells where to look for files.
const PLACES: Files = Files::ENVIRON
    .union(Files::CMDLINE)
    .union(Files::EXE)
    .union(Files::CWD)
    .union(Files::OPEN_FILES);

impl Request for CertificatesQuery {
    fn info(&self) -> &'static SectionInfo {
        &INFO
    }

    fn check(&self) -> Result<(), String> {
        for (flag, paths) in [("--file", &self.file), ("--dir", &self.dir)] {
            if let Some(path) = paths.iter().find(|path| !path.starts_with('/')) {
                return Err(format!(
                    "{flag} {path:?}: expected an absolute path as the target sees it, such as \
                     /etc/tls"
                ));
            }
        }
        if let Some(path) = &self.password_file {
            let password = own_file::password(path).map_err(|error| error.to_string())?;
            // Read once; were it read again, the first answer stands.
            let _ = self.password.set(password);
        }
        Ok(())
    }

    fn needs(&self, _: Detail) -> Needs {
        let mut files = Files::MOUNTINFO | trust::FILES;
        if !self.is_narrow() {
            files |= PLACES;
        }
        files.set(Files::FD_LINKS, self.served);
        Needs {
            files,
            scope: if self.served {
                Scope::Target
            } else {
                Scope::Main
            },
            target: true,
        }
    }

    fn fill(&self, scan: &Scan, gaps: &mut SectionGaps<'_>, report: &mut Report) {
        let mut found = fill::files(self, self.password.get().cloned(), scan, gaps);
        let pid = scan.main_pid();
        let reach = match self.for_rules {
            false => TrustReach::Whole,
            true if found.parsed.values().any(|parsed| !parsed.is_empty()) => TrustReach::Verdicts,
            true => TrustReach::AnyAuthority,
        };
        let (trust_store, roots, asked) = match trust::find(scan, reach, gaps) {
            Ok(trust) => (Ok(trust.store), trust.roots, trust.asked),
            Err(refusal) => (Err(refusal), None, None),
        };
        let trust_store = gaps.seen("trust_store", pid, trust_store);
        if self.verify
            && let Seen::Value(files) = &mut found.files
        {
            Verifier::new(roots, asked, scan.clock.now).files(
                files,
                gaps,
                &found.roles,
                &found.parsed,
            );
        }
        let files = found.files.value().map(Vec::as_slice);
        let served = self.served.then(|| served::ask_all(scan, gaps, files));
        let certificates = Certificates {
            files: found.files,
            files_left_out: found.left_out,
            missing: found.missing,
            trust_store,
            served,
        };
        let checks = self.checks(scan.clock.now);
        let checked = checks.answer(&certificates, &found.roles, found.unread, &found.parsed);
        // Filled once; were it filled again, the first answer stands.
        let _ = self.checked.set(checked);
        report.certificates = Some(certificates);
    }

    fn tables(&self, report: &Report, detail: Detail) -> Vec<Table> {
        let Some(certificates) = &report.certificates else {
            return Vec::new();
        };
        let style = Style {
            wide: detail == Detail::Wide,
            warn_days: self.min_days.unwrap_or(certificates::WARN_DAYS),
        };
        certificates::tables(certificates, style)
    }

    fn saw_nothing(&self, report: &Report) -> bool {
        let Some(certificates) = &report.certificates else {
            return true;
        };
        if self
            .checked()
            .is_some_and(|checked| !checked.unknown.is_empty())
        {
            return true;
        }
        match &certificates.files {
            Seen::Unseen(_) => certificates.trust_store.value().is_none(),
            // Where paths were named and none of them could be read.
            Seen::Value(files) => {
                let mut gaps = report.gaps.iter().filter(|gap| gap.section == INFO.name);
                let lacks = !certificates.missing.is_empty()
                    || !files.is_empty()
                    || gaps.any(|gap| {
                        gap.field.contains("certificates") && gap.reason != Reason::Limit
                    });
                let unread = files.iter().all(|file| file.certificates.value().is_none());
                self.is_narrow() && unread && lacks
            }
        }
    }

    fn says_no(&self, _: &Report) -> bool {
        self.checked().is_some_and(|checked| checked.is_no)
    }

    fn notes(&self, report: &Report) -> Vec<String> {
        match (self.checked(), &report.certificates) {
            (Some(checked), Some(certificates)) => checked.lines(certificates),
            _ => Vec::new(),
        }
    }

    fn pem(&self, report: &Report) -> Option<String> {
        let certificates = report.certificates.as_ref()?;
        let mut text = String::new();
        for file in certificates.files.value().into_iter().flatten() {
            for certificate in file.certificates.value().into_iter().flatten() {
                // Writing into a String cannot fail.
                let _ = writeln!(text, "# {}", escaped(file.path.as_bytes()));
                text.push_str(&certificate.pem());
            }
        }
        for listener in certificates.served.iter().flatten() {
            let Some(Serves::Tls { leaves }) = listener.serves.value() else {
                continue;
            };
            for leaf in leaves {
                let _ = writeln!(text, "# served on {}", listener.listens_on);
                text.push_str(&leaf.certificate.pem());
            }
        }
        Some(text)
    }
}

impl CertificatesQuery {
    fn checked(&self) -> Option<&Checked> {
        self.checked.get()
    }

    fn checks(&self, now: SystemTime) -> Checks {
        Checks {
            min_days: self.min_days,
            verify: self.verify,
            now,
            require: self.require,
            is_narrow: self.is_narrow(),
            names_files: !self.file.is_empty(),
        }
    }

    /// Whether only what was named is looked at.
    fn is_narrow(&self) -> bool {
        !self.file.is_empty() || !self.dir.is_empty()
    }
}
