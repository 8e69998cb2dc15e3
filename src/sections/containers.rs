//! Groups the visible processes by container.

use clap::Args;
use serde::Deserialize;

use super::section::{Detail, Request, SectionInfo};
use crate::model::Report;
use crate::model::gap::SectionGaps;
use crate::render::tables::containers::table;
use crate::render::tables::table::Table;
use crate::scan::Scan;
use crate::scan::needs::Files;
use crate::scan::needs::{Needs, Scope};

/// Flags of `spyhole containers`; there are none.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ContainersQuery {}

/// What the section is.
pub(crate) const INFO: SectionInfo = SectionInfo {
    name: "containers",
    aliases: &[],
    about: "List the visible containers and mark the target",
    example: "spyhole containers -o wide",
    in_dump: true,
    files: Files::empty(),
    pem: false,
    secrets: false,
    metrics: None,
};

impl Request for ContainersQuery {
    fn info(&self) -> &'static SectionInfo {
        &INFO
    }

    fn needs(&self, _: Detail) -> Needs {
        Needs {
            files: Files::empty(),
            scope: Scope::Containers,
            target: false,
        }
    }

    fn fill(&self, scan: &Scan, gaps: &mut SectionGaps<'_>, report: &mut Report) {
        gaps.absorb(scan.container_gaps.clone());
        report.containers = Some(scan.containers.clone());
    }

    fn tables(&self, report: &Report, detail: Detail) -> Vec<Table> {
        let containers = report.containers.as_deref().unwrap_or_default();
        vec![table(containers, detail == Detail::Wide, report.taken_at)]
    }
}
