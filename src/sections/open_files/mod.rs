//! The section `open_files`: descriptors and what they lead to, removed files and what they take.

mod convert;
mod ends;
mod fd_list;
pub(crate) mod fds;
mod fill;
pub(crate) mod fuser;
mod internet;
mod removed;
mod selection;

use clap::Args;
use serde::Deserialize;

use super::section::{Detail, Request, SectionInfo, SectionMetrics};
use super::sockets;
use crate::model::Report;
use crate::model::gap::SectionGaps;
use crate::model::open_files::{OpenFiles, OpenFilesProcess};
use crate::model::target::ChosenBy;
use crate::render::metrics;
use crate::render::tables::Table;
use crate::render::tables::open_files::{files, pids, summary};
use crate::scan::Scan;
use crate::scan::needs::{Files, Needs, Scope};
use crate::scan::target::TargetHandle;
use selection::FileSelection;

/// Flags of `spyhole open_files`: those of `lsof`.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub(crate) struct OpenFilesQuery {
    /// Show the files of every visible process, not only the target's.
    #[arg(short = 'A', long)]
    pub all: bool,
    /// Show files of these processes.
    #[arg(short = 'p', long = "pids", value_name = "LIST", value_delimiter = ',')]
    pub pids: Vec<i32>,
    /// Show files of processes whose name begins with one of these.
    #[arg(long, value_name = "NAME")]
    pub name: Vec<String>,
    /// Show files of processes of these users (name or uid).
    #[arg(short = 'u', long, value_name = "LIST", value_delimiter = ',')]
    pub user: Vec<String>,
    /// Show no files of these processes, whatever else is asked for.
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub not_pids: Vec<i32>,
    /// Show no files of processes whose name begins with one of these.
    #[arg(long, value_name = "NAME")]
    pub not_name: Vec<String>,
    /// Show no files of processes of these users.
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub not_user: Vec<String>,
    /// Show these descriptors: numbers, ranges, cwd, rtd, txt, mem, DEL; with ^ all but these.
    #[arg(short = 'd', long = "fds", value_name = "LIST", value_delimiter = ',')]
    pub fds: Vec<String>,
    /// Show internet sockets; of these only those that match: tcp:8080, 6, @10.0.0.1:80,443.
    #[arg(
        short = 'i',
        long,
        value_name = "[46][PROTOCOL][@ADDRESS][:PORTS]",
        num_args = 0..=1,
        default_missing_value = ""
    )]
    pub internet: Option<String>,
    /// Of TCP sockets, show only those in these states: listen, established, …
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub state: Vec<String>,
    /// Show unix sockets.
    #[arg(short = 'U', long)]
    pub unix: bool,
    /// Show removed files that are still open, like lsof +L1.
    #[arg(long)]
    pub deleted: bool,
    /// Show files below this directory.
    #[arg(long, value_name = "DIR")]
    pub under: Option<String>,
    /// Show this directory and what is directly in it.
    #[arg(long, value_name = "DIR")]
    pub within: Option<String>,
    /// Show only files that match all of these, not any of them.
    #[arg(short = 'a', long)]
    pub and: bool,
    /// Look at every visible process for the other ends of pipes and unix sockets.
    #[arg(short = 'E', long)]
    pub ends: bool,
    /// Show only the ids of the processes; exit with 1 if no process matches.
    #[arg(short = 't', long)]
    pub terse: bool,
    /// Show only counts by process and what removed files take.
    #[arg(long)]
    pub summary: bool,
    /// Show files at these paths, on mounts at these paths, or of these process ids.
    #[arg(value_name = "PATH|PID")]
    pub paths: Vec<String>,
    /// Only what removed files take: what metrics ask for.
    #[arg(skip)]
    #[serde(skip)]
    figures: bool,
    /// Only descriptors.
    #[arg(skip)]
    #[serde(skip)]
    only_descriptors: bool,
    /// What `fuser` asks.
    #[arg(skip)]
    #[serde(skip)]
    use_of: Option<fuser::UseOf>,
}

/// What the section is.
pub(crate) const INFO: SectionInfo = SectionInfo {
    name: "open_files",
    aliases: &["lsof"],
    about: "List open files, sockets and pipes of the target's processes",
    example: "spyhole lsof -nP -iTCP -sTCP:LISTEN\n  spyhole lsof +L1\n  spyhole lsof -t /data",
    in_dump: true,
    files: Files::FD_TABLE
        .union(Files::FD_TYPES)
        .union(Files::LIMITS)
        .union(Files::NET_NAMESPACE),
    pem: false,
    secrets: false,
    metrics: Some(SectionMetrics {
        request: |scrape| {
            let figures = OpenFilesQuery {
                all: scrape.all_processes,
                figures: true,
                summary: true,
                ..OpenFilesQuery::default()
            };
            Some(Box::new(figures))
        },
        collect: metrics::open_files::collect,
    }),
};

impl OpenFilesQuery {
    /// Whether files have their other ends: where that was asked, and where all processes that
    /// are in question are read anyway.
    fn shows_ends(&self, scan: &Scan) -> bool {
        let is_one = |target: &TargetHandle| target.chosen_by == ChosenBy::Pid;
        let is_alone = !self.all && scan.target.as_ref().is_some_and(is_one);
        self.ends || !(is_alone || self.pids().is_some())
    }
}

impl Request for OpenFilesQuery {
    fn info(&self) -> &'static SectionInfo {
        &INFO
    }

    fn whole() -> Self {
        Self {
            summary: true,
            ..Self::default()
        }
    }

    fn check(&self) -> Result<(), String> {
        FileSelection::of(self).map(drop)
    }

    fn needs(&self, _: Detail) -> Needs {
        let files = if self.figures {
            Files::FD_DELETED
        } else {
            let mut files = Files::LIMITS;
            files.set(Files::FD_TYPES, self.summary);
            files.set(Files::FD_TABLE, !self.summary);
            files.set(Files::NET_NAMESPACE, self.all && !self.summary);
            files
        };
        Needs {
            files,
            scope: if self.all { Scope::All } else { Scope::Target },
            target: !self.all,
        }
    }

    fn pids(&self) -> Option<Vec<i32>> {
        FileSelection::of(self).ok()?.only_pids()
    }

    fn sock_diag(&self) -> Vec<Vec<u8>> {
        if self.summary {
            return Vec::new();
        }
        sockets::requests_for_all()
    }

    fn fill(&self, scan: &Scan, gaps: &mut SectionGaps<'_>, report: &mut Report) {
        // Checked before: what cannot be read does not come here.
        let selection = FileSelection::of(self).unwrap_or_default();
        report.open_files = Some(fill::fill(self, &selection, scan, gaps));
    }

    fn tables(&self, report: &Report, detail: Detail) -> Vec<Table> {
        let open = report.open_files.iter();
        open.flat_map(|open| match open.files.as_deref() {
            Some(listed) if self.terse => vec![pids(listed)],
            Some(listed) => vec![files(open, listed, detail == Detail::Wide)],
            None => summary(open),
        })
        .collect()
    }

    fn says_no(&self, report: &Report) -> bool {
        let found_none = |open: &OpenFiles| open.files.as_ref().is_some_and(Vec::is_empty);
        (self.terse || self.use_of.is_some()) && report.open_files.as_ref().is_some_and(found_none)
    }

    fn is_bare(&self) -> bool {
        self.terse
    }

    fn saw_nothing(&self, report: &Report) -> bool {
        report.open_files.as_ref().is_none_or(|open| {
            let unseen = |process: &OpenFilesProcess| {
                process
                    .fd_types
                    .as_ref()
                    .is_some_and(|types| types.value().is_none())
            };
            !open.processes.is_empty()
                && open.processes.iter().all(unseen)
                && open.files.as_ref().is_none_or(Vec::is_empty)
        })
    }
}
