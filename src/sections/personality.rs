//! The section `personality`, built only with the feature `sample-section`: it shows what it
//! takes to add a section, and a test of its own what follows from that.

use clap::Args;
use serde::Deserialize;

use super::section::{Detail, Request, SectionInfo, SectionMetrics};
use crate::model::Report;
use crate::model::gap::SectionGaps;
use crate::model::personality::Personality;
use crate::parse::personality;
use crate::render::metrics;
use crate::render::tables::Table;
use crate::render::tables::personality::table;
use crate::scan::Scan;
use crate::scan::needs::{Files, Needs, Scope};
use crate::scan::process_files::malformed;

/// Flags of `spyhole personality`.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PersonalityQuery {
    /// Say in words whether addresses are chosen at random.
    #[arg(long)]
    pub names: bool,
}

/// What the section is.
pub(crate) const INFO: SectionInfo = SectionInfo {
    name: "personality",
    aliases: &["setarch"],
    about: "Show how the kernel runs the main process: personality(2)",
    example: "spyhole personality --names",
    in_dump: true,
    files: Files::PERSONALITY,
    pem: false,
    secrets: false,
    metrics: Some(SectionMetrics {
        request: |scrape| {
            let request = || Box::new(PersonalityQuery::default());
            scrape.with_target.then(|| request() as _)
        },
        collect: metrics::personality::collect,
    }),
};

impl Request for PersonalityQuery {
    fn info(&self) -> &'static SectionInfo {
        &INFO
    }

    fn needs(&self, _: Detail) -> Needs {
        Needs {
            files: INFO.files,
            scope: Scope::Main,
            target: true,
        }
    }

    fn fill(&self, scan: &Scan, gaps: &mut SectionGaps<'_>, report: &mut Report) {
        let Some(main) = scan.main_process() else {
            return;
        };
        let Some(file) = main.file(Files::PERSONALITY) else {
            return;
        };
        let mask = file.clone();
        let mask = mask.and_then(|bytes| personality::parse(&bytes).map_err(malformed));
        report.personality = Some(Personality {
            pid: main.pid,
            mask: gaps.seen("mask", main.pid, mask),
        });
    }

    fn tables(&self, report: &Report, _: Detail) -> Vec<Table> {
        let personality = report.personality.iter();
        personality.map(|one| table(one, self.names)).collect()
    }

    fn saw_nothing(&self, report: &Report) -> bool {
        let personality = report.personality.as_ref();
        personality.is_none_or(|one| one.mask.value().is_none())
    }
}
