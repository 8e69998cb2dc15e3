//! The section `processes`.

mod details;
mod fill;

use std::time::Duration;

use clap::Args;
use serde::Deserialize;

use super::query_pairs;
use super::section::{Detail, Request, Scrape, SectionInfo, SectionMetrics};
use crate::model::Report;
use crate::model::gap::SectionGaps;
use crate::model::process::Fields;
use crate::model::seen::Seen;
use crate::render::metrics;
use crate::render::tables::Table;
use crate::render::tables::processes;
use crate::render::tables::processes::Column;
use crate::scan::needs::Files;
use crate::scan::needs::{Needs, Scope};
use crate::scan::snapshot::ProcessSnapshot;
use crate::scan::{self, Scan};
use fill::Filler;

/// Flags of `spyhole processes`.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub(crate) struct ProcessesQuery {
    /// Show every visible process, not only the target's.
    #[arg(short = 'A', long, short_alias = 'e')]
    pub all: bool,
    /// Show processes as a tree.
    #[arg(long, alias = "forest", short_alias = 'H')]
    pub tree: bool,
    /// Show one row per thread.
    #[arg(short = 'L', long, short_alias = 'T')]
    pub threads: bool,
    /// Show more columns, like ps -f.
    #[arg(short = 'f', long)]
    pub full: bool,
    /// Also show the proportional share of memory (PSS; slower, reads smaps_rollup).
    #[arg(long)]
    pub pss: bool,
    /// Also show what each waits for, scheduling, CPUs, I/O, and namespaces other than spyhole's.
    #[arg(long)]
    pub details: bool,
    /// Measure %CPU over this interval, such as 500ms, instead of since process start.
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    #[serde(deserialize_with = "query_pairs::duration")]
    pub sample: Option<Duration>,
    /// Sort by this column; a leading - reverses, as in --sort=-rss.
    #[arg(long, value_name = "COLUMN", allow_hyphen_values = true)]
    pub sort: Option<String>,
    /// Show these columns, named as for ps -o: pid,ppid,user,rss,args,…
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub columns: Vec<String>,
    /// Show only these process ids.
    #[arg(short = 'p', long = "pids", value_name = "LIST", value_delimiter = ',')]
    pub pids: Vec<i32>,
    /// Show only processes with this name.
    #[arg(short = 'C', long, value_name = "NAME")]
    pub name: Option<String>,
    /// Show only processes of this user (name or uid).
    #[arg(short = 'u', long, value_name = "USER")]
    pub user: Option<String>,
    /// Show only processes in these states: letters as in STAT, such as Z or DR.
    #[arg(long, value_name = "LETTERS")]
    pub state: Option<String>,
    /// Do not cut lines at the width of the terminal.
    #[arg(short = 'w', long)]
    pub no_trunc: bool,
}

/// What the section is.
pub(crate) const INFO: SectionInfo = SectionInfo {
    name: "processes",
    aliases: &["ps"],
    about: "List processes, with threads, memory, CPU and signals",
    example: "spyhole ps --tree --columns user,pid,rss,command",
    in_dump: true,
    files: Files::STATUS
        .union(Files::STATM)
        .union(Files::CMDLINE)
        .union(Files::EXE)
        .union(Files::CWD)
        .union(Files::FD_COUNT)
        .union(Files::FD_LIMIT)
        .union(Files::OOM)
        .union(Files::SMAPS_ROLLUP)
        .union(Files::TASKS)
        .union(scan::details::FLAGS),
    pem: false,
    secrets: true,
    metrics: Some(METRICS),
};

const METRICS: SectionMetrics = SectionMetrics {
    request: |scrape| Some(Box::new(ProcessesQuery::figures(scrape))),
    collect: metrics::processes::collect,
};

impl Request for ProcessesQuery {
    fn info(&self) -> &'static SectionInfo {
        &INFO
    }

    fn check(&self) -> Result<(), String> {
        for name in self
            .columns
            .iter()
            .map(String::as_str)
            .chain(self.sort_name())
        {
            if processes::column(name).is_none() {
                return Err(format!(
                    "unknown column {name:?}; valid columns: {}",
                    column_names()
                ));
            }
        }
        Ok(())
    }

    fn asked_time(&self) -> Option<(&'static str, Duration)> {
        Some(("sample", self.sample?))
    }

    fn needs(&self, detail: Detail) -> Needs {
        let wanted = self.fields(detail);
        let files = [
            (Fields::STATUS, Files::STATUS),
            (Fields::RSS, Files::STATM),
            (Fields::ARGS, Files::CMDLINE),
            (Fields::EXE, Files::EXE),
            (Fields::CWD, Files::CWD),
            (Fields::FDS, Files::FD_COUNT),
            (Fields::LIMITS, Files::FD_LIMIT),
            (Fields::OOM, Files::OOM),
            (Fields::PSS, Files::SMAPS_ROLLUP),
            (Fields::THREADS, Files::TASKS),
            (Fields::WCHAN, Files::WCHAN),
            (Fields::SCHEDULING, Files::SCHEDULING),
            (Fields::IO, Files::IO),
            (Fields::NAMESPACES, Files::NAMESPACES),
        ];
        let files = files
            .into_iter()
            .filter(|(field, _)| wanted.contains(*field))
            .fold(Files::empty(), |files, (_, file)| files | file);
        let scope = if self.all { Scope::All } else { Scope::Target };
        Needs {
            files,
            scope,
            target: !self.all,
        }
    }

    fn fill(&self, scan: &Scan, gaps: &mut SectionGaps<'_>, report: &mut Report) {
        let mut filler = Filler::new(scan, gaps, self.sample);
        let mut processes = Vec::with_capacity(scan.processes.len());
        for facts in scan.processes.iter().filter(|facts| facts.read) {
            if self.keeps_cheaply(facts) {
                processes.push(filler.process(facts));
            }
        }
        if let Some(user) = &self.user {
            processes.retain(|process| {
                let named = matches!(&process.user, Some(Seen::Value(name)) if name.as_bytes() == user.as_bytes());
                named || process.uid.to_string() == *user
            });
        }
        if let Some(column) = self.sort_name().and_then(processes::column) {
            let descending = self.sort.as_ref().is_some_and(|name| name.starts_with('-'));
            processes::sort(&mut processes, column, descending);
        }
        report.processes = Some(processes);
    }

    fn tables(&self, report: &Report, detail: Detail) -> Vec<Table> {
        let processes = report.processes.as_deref().unwrap_or_default();
        let columns = self.shown(detail);
        let table = processes::table(processes, &columns, self.tree, report.taken_at);
        vec![Table {
            uncut: self.no_trunc,
            ..table
        }]
    }
}

/// The column that `--pss` adds.
const PSS: &str = "pss";

impl ProcessesQuery {
    /// What metrics are made of.
    fn figures(scrape: Scrape) -> Self {
        Self {
            all: scrape.all_processes,
            // What is read beyond `stat`.
            columns: ["fds", "fdlimit", "rss"].map(str::to_owned).into(),
            ..Self::default()
        }
    }

    fn shown(&self, detail: Detail) -> Vec<&'static Column> {
        let mut names: Vec<&str> = match (self.columns.is_empty(), detail) {
            (false, _) => self.columns.iter().map(String::as_str).collect(),
            (true, Detail::Wide) => processes::WIDE.to_vec(),
            (true, _) if self.full => processes::FULL.to_vec(),
            (true, _) => processes::DEFAULT.to_vec(),
        };
        if self.pss && !names.contains(&PSS) {
            let place = |after: &str| names.iter().position(|name| *name == after);
            let after_rss = place("rss").map(|index| index + 1);
            let at = after_rss.or_else(|| place("command"));
            names.insert(at.unwrap_or(names.len()), PSS);
        }
        if self.details {
            let before = names.iter().position(|name| *name == "command");
            let at = before.unwrap_or(names.len());
            let missing = processes::DETAILS
                .iter()
                .filter(|name| !names.contains(name));
            let missing: Vec<&str> = missing.copied().collect();
            names.splice(at..at, missing);
        }
        names.into_iter().filter_map(processes::column).collect()
    }

    fn fields(&self, detail: Detail) -> Fields {
        let mut fields = match detail {
            // A document has more only where it is named.
            Detail::Document if self.columns.is_empty() => Fields::DOCUMENT,
            Detail::Document => Fields::DOCUMENT | processes::fields(&self.shown(detail)),
            Detail::Table | Detail::Wide => processes::fields(&self.shown(detail)),
        };
        if let Some(column) = self.sort_name().and_then(processes::column) {
            fields |= column.fields;
        }
        fields.set(Fields::PSS, fields.contains(Fields::PSS) || self.pss);
        fields.set(Fields::THREADS, self.threads);
        if self.details {
            fields |= Fields::DETAILS;
        }
        fields
    }

    /// The column to sort by, without its sign.
    fn sort_name(&self) -> Option<&str> {
        self.sort
            .as_deref()
            .map(|name| name.trim_start_matches(['-', '+']))
    }

    /// The filters that need no name.
    fn keeps_cheaply(&self, facts: &ProcessSnapshot) -> bool {
        let name = self
            .name
            .as_ref()
            .is_none_or(|name| facts.stat.comm == name.as_bytes());
        let state = self
            .state
            .as_ref()
            .is_none_or(|letters| letters.as_bytes().contains(&facts.stat.state));
        name && state && (self.pids.is_empty() || self.pids.contains(&facts.pid))
    }
}

fn column_names() -> String {
    let names: Vec<&str> = processes::COLUMNS
        .iter()
        .map(|column| column.name)
        .collect();
    names.join(", ")
}
