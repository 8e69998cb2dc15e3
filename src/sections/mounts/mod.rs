//! The section `mounts`: what is mounted where, what it is to Kubernetes or to the engine, how
//! full it is, and where the target may write.

pub(crate) mod df;
pub(crate) mod fill;
mod places;
mod volume;

use std::time::Duration;

use clap::Args;
use serde::Deserialize;

use super::query_pairs;
use super::section::{Detail, Request, SectionInfo, SectionMetrics};
use crate::model::Report;
use crate::model::gap::SectionGaps;
use crate::model::mount::Mount;
use crate::model::seen::Seen;
use crate::render::metrics;
use crate::render::tables::Table;
use crate::render::tables::mounts;
use crate::render::tables::mounts::Style;
use crate::scan::Scan;
use crate::scan::needs::Files;
use crate::scan::needs::{Needs, Scope};
use fill::PlaceChecks;

/// Flags of `spyhole mounts`.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub(crate) struct MountsQuery {
    /// Show mounts as a tree.
    #[arg(long)]
    pub tree: bool,
    /// In tables, also show masked paths, files that every container gets, and file systems without
    /// blocks.
    #[arg(short = 'a', long)]
    pub all: bool,
    /// Show size and usage, like df.
    #[arg(long, conflicts_with_all = ["tree", "writable"])]
    pub space: bool,
    /// Show inodes, like df -i.
    #[arg(short = 'i', long, conflicts_with_all = ["tree", "writable"])]
    pub inodes: bool,
    /// Show where the target can write, and the free space there.
    #[arg(long, conflicts_with = "tree")]
    pub writable: bool,
    /// Show sizes in bytes.
    #[arg(short = 'b', long)]
    pub bytes: bool,
    /// Show only file systems of these types.
    #[arg(short = 't', long, value_name = "LIST", value_delimiter = ',')]
    pub types: Vec<String>,
    /// Wait at most this long for each file system (default 500ms).
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    #[serde(deserialize_with = "query_pairs::duration")]
    pub space_timeout: Option<Duration>,
    /// Show only the mounts of these paths.
    #[arg(value_name = "PATH")]
    pub paths: Vec<String>,
    /// Among other sections: what `dump` asks.
    #[arg(skip)]
    #[serde(skip)]
    whole: bool,
}

/// Local file systems answer within microseconds.
const SPACE_TIMEOUT: Duration = Duration::from_millis(500);

/// What the section is.
pub(crate) const INFO: SectionInfo = SectionInfo {
    name: "mounts",
    aliases: &["findmnt"],
    about: "Show mounts, volumes, free space and writable directories",
    example: "spyhole mounts --writable\n  spyhole findmnt -t ext4,tmpfs",
    in_dump: true,
    files: Files::MOUNTINFO.union(Files::ENVIRON).union(Files::CWD),
    pem: false,
    secrets: true,
    metrics: Some(METRICS),
};

const METRICS: SectionMetrics = SectionMetrics {
    request: |scrape| {
        let space = || MountsQuery {
            space: true,
            ..MountsQuery::default()
        };
        scrape.with_target.then(|| Box::new(space()) as _)
    },
    collect: metrics::mounts::collect,
};

impl Request for MountsQuery {
    fn info(&self) -> &'static SectionInfo {
        &INFO
    }

    fn whole() -> Self {
        Self {
            whole: true,
            ..Self::default()
        }
    }

    fn check(&self) -> Result<(), String> {
        match self.paths.iter().find(|path| !path.starts_with('/')) {
            Some(path) => Err(format!(
                "{path:?}: expected an absolute path as the target sees it, such as /data"
            )),
            None => Ok(()),
        }
    }

    fn asked_time(&self) -> Option<(&'static str, Duration)> {
        Some(("space-timeout", self.space_timeout?))
    }

    fn needs(&self, detail: Detail) -> Needs {
        // Where HOME and the working directory are asks for two files that are behind a ptrace
        // check, as the space is.
        let places = Files::ENVIRON | Files::CWD;
        let files = match detail {
            Detail::Document => places,
            Detail::Table | Detail::Wide if self.writable => places,
            Detail::Table | Detail::Wide => Files::empty(),
        };
        Needs {
            files: files | Files::MOUNTINFO,
            scope: Scope::Main,
            target: true,
        }
    }

    fn fill(&self, scan: &Scan, gaps: &mut SectionGaps<'_>, report: &mut Report) {
        let whole = scan.main_process().is_some_and(|facts| facts.cwd.is_some());
        let wanted = PlaceChecks {
            places: whole || self.space || self.inodes || self.writable,
            each: self.space_timeout.unwrap_or(SPACE_TIMEOUT),
        };
        let mounts = fill::mounts(scan, gaps, wanted);
        let mounts = mounts.map(|mounts| self.chosen(mounts));
        // What is looked at, and chosen by path, are the paths themselves.
        report.mounts =
            Some(mounts.map(|mounts| fill::with_redacted_paths(mounts, &scan.redactor)));
    }

    fn tables(&self, report: &Report, detail: Detail) -> Vec<Table> {
        let Some(Seen::Value(mounts)) = &report.mounts else {
            return vec![mounts::unseen()];
        };
        let style = Style {
            tree: self.tree,
            all: self.all,
            wide: detail == Detail::Wide,
            bytes: self.bytes,
            brief: self.whole,
        };
        let target = report.target.as_ref();
        let who = target.map_or_else(String::new, |target| {
            format!("uid {} gid {}", target.uid, target.gid)
        });
        let mut tables = Vec::new();
        if self.space {
            tables.push(mounts::space(mounts, false, style));
        }
        if self.inodes {
            tables.push(mounts::space(mounts, true, style));
        }
        if self.writable {
            tables.push(mounts::writable(mounts, &who, style));
        }
        if tables.is_empty() {
            tables.push(mounts::list(mounts, style));
        }
        tables
    }

    fn saw_nothing(&self, report: &Report) -> bool {
        !matches!(&report.mounts, Some(Seen::Value(_)))
    }
}

impl MountsQuery {
    /// Those that the flags ask for.
    fn chosen(&self, mut mounts: Vec<Mount>) -> Vec<Mount> {
        if !self.paths.is_empty() {
            let holders: Vec<u32> = self
                .paths
                .iter()
                .filter_map(|path| holder(&mounts, path.as_bytes()))
                .collect();
            mounts.retain(|mount| holders.contains(&mount.mount_id));
        }
        if !self.types.is_empty() {
            let wanted = |fstype: &[u8]| self.types.iter().any(|name| name.as_bytes() == fstype);
            mounts.retain(|mount| wanted(mount.fstype.as_bytes()));
        }
        if self.writable && !self.all {
            let perhaps = |may: &Seen<bool>| may.value() != Some(&false);
            mounts.retain(|mount| {
                mount.writable_by_target.as_ref().is_some_and(perhaps)
                    || mount
                        .usual_directories
                        .iter()
                        .any(|directory| perhaps(&directory.writable_by_target))
            });
        }
        mounts
    }
}

/// The mount that a path is on, as far as names tell: links in it are not followed.
fn holder(mounts: &[Mount], path: &[u8]) -> Option<u32> {
    let path = match path.strip_suffix(b"/") {
        Some(shorter) if !shorter.is_empty() => shorter,
        _ => path,
    };
    let holds = |mount: &&Mount| {
        let point = mount.mount_point.as_bytes();
        !mount.hidden
            && match path.strip_prefix(point) {
                Some(rest) => rest.is_empty() || rest.starts_with(b"/") || point == b"/",
                None => false,
            }
    };
    let held = mounts.iter().filter(holds);
    held.max_by_key(|mount| mount.mount_point.as_bytes().len())
        .map(|mount| mount.mount_id)
}
