//! Groups the processes in sight by container.

use clap::Args;
use serde::Deserialize;

use super::section::{Detail, Query};
use crate::model::Report;
use crate::model::gap::Gaps;
use crate::render::tables::containers::table;
use crate::render::tables::table::Table;
use crate::scan::Scan;
use crate::scan::needs::Files;
use crate::scan::needs::{Needs, Scope};

/// Flags of `spyhole containers`; there are none.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContainersQuery {}

impl Query for ContainersQuery {
    const NAME: &'static str = "containers";
    const ALIASES: &'static [&'static str] = &[];
    const ABOUT: &'static str = "List the visible containers and mark the target";
    const EXAMPLE: &'static str = "spyhole containers -o wide";

    fn needs(&self, _: Detail) -> Needs {
        Needs {
            files: Files::empty(),
            scope: Scope::Target,
            target: false,
        }
    }

    fn fill(&self, scan: &Scan, _: &mut Gaps, report: &mut Report) {
        report.containers = Some(scan.containers.clone());
    }

    fn tables(&self, report: &Report, detail: Detail) -> Vec<Table> {
        let containers = report.containers.as_deref().unwrap_or_default();
        vec![table(containers, detail == Detail::Wide, report.taken_at)]
    }
}
