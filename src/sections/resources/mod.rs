//! The section `resources`: use and limits of memory, CPU, processes and I/O.

mod cgroups;
mod cpu;
mod limits;

use std::time::Duration;

use clap::Args;
use serde::Deserialize;

use super::query_pairs;
use super::section::{Detail, Request, SectionInfo, SectionMetrics};
use crate::model::Report;
use crate::model::gap::SectionGaps;
use crate::model::resources::Resources;
use crate::render::metrics;
use crate::render::tables::Table;
use crate::render::tables::resources::tables;
use crate::scan::Scan;
use crate::scan::needs::{Files, Needs, Scope};

/// Flags of `spyhole resources`.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ResourcesQuery {
    /// Measure CPU use over this long, instead of since the start of the main process.
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    #[serde(deserialize_with = "query_pairs::duration")]
    pub sample: Option<Duration>,
}

/// What the section is.
pub(crate) const INFO: SectionInfo = SectionInfo {
    name: "resources",
    aliases: &["cgroup", "limits", "free"],
    about: "Show memory, CPU, processes and I/O of the target against their limits",
    example: "spyhole resources --sample 2s",
    in_dump: true,
    files: Files::LIMITS.union(Files::FD_COUNT).union(Files::STATUS),
    pem: false,
    secrets: false,
    metrics: Some(SectionMetrics {
        request: |scrape| {
            let request = || Box::new(ResourcesQuery::default());
            scrape.with_target.then(|| request() as _)
        },
        collect: metrics::resources::collect,
    }),
};

impl Request for ResourcesQuery {
    fn info(&self) -> &'static SectionInfo {
        &INFO
    }

    fn asked_time(&self) -> Option<(&'static str, Duration)> {
        Some(("sample", self.sample?))
    }

    fn needs(&self, _: Detail) -> Needs {
        Needs {
            files: INFO.files,
            scope: Scope::Main,
            target: true,
        }
    }

    fn fill(&self, scan: &Scan, gaps: &mut SectionGaps<'_>, report: &mut Report) {
        let (Some(main), Some(target)) = (scan.main_process(), scan.target.as_ref()) else {
            return;
        };
        let limits = limits::read(main, scan, gaps);
        let mut cgroups = cgroups::Reader::new(scan, target, gaps);
        report.resources = Some(Resources {
            pid: main.pid,
            memory: cgroups.memory(),
            pids: cgroups.pids(),
            io: cgroups.io(),
            cpu: cgroups.cpu(main, self.sample),
            limits,
        });
    }

    fn tables(&self, report: &Report, detail: Detail) -> Vec<Table> {
        let resources = report.resources.iter();
        resources
            .flat_map(|one| tables(one, detail == Detail::Wide))
            .collect()
    }

    fn saw_nothing(&self, report: &Report) -> bool {
        report.resources.as_ref().is_none_or(|one| {
            one.memory.value().is_none()
                && one.cpu.value().is_none()
                && one.pids.value().is_none()
                && one.limits.value().is_none()
        })
    }
}
