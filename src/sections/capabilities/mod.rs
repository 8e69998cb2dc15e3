//! The section `capabilities`: what a process may do, and what that means.

mod defaults;
mod fill;
mod naming;
mod node;
mod pod_security;
mod program;
mod words;

use clap::Args;
use serde::Deserialize;

use super::section::{Detail, Request, SectionInfo};
use crate::model::Report;
use crate::model::gap::SectionGaps;
use crate::model::time::Timestamp;
use crate::parse::capabilities;
use crate::render::tables::Table;
use crate::render::tables::capabilities::{decoded, one_each, tables};
use crate::scan::Scan;
use crate::scan::needs::Files;
use crate::scan::needs::{Needs, Scope};
use crate::scan::snapshot::ProcessSnapshot;
use crate::sys::clock::Clock;
use fill::{Filler, capability_set};

/// Flags of `spyhole capabilities`.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct CapabilitiesQuery {
    /// Show every process of the target, one row each.
    #[arg(short = 'A', long)]
    pub all: bool,
    /// Also show threads that differ from the first thread of their process.
    #[arg(short = 'L', long, short_alias = 'T')]
    pub threads: bool,
    /// Decode this mask, like capsh --decode, and exit.
    #[arg(long, value_name = "MASK", conflicts_with_all = ["all", "threads"])]
    pub decode: Option<String>,
}

/// What the section is.
pub(crate) const INFO: SectionInfo = SectionInfo {
    name: "capabilities",
    aliases: &["caps"],
    about: "Show capabilities and the security context, and what they allow",
    example: "spyhole caps\n  spyhole caps --decode 00000000a80425fb",
    in_dump: true,
    files: Files::STATUS
        .union(Files::EXE)
        .union(Files::SECURITY)
        .union(Files::TASK_STATUS),
    pem: false,
    secrets: false,
    metrics: None,
};

impl Request for CapabilitiesQuery {
    fn info(&self) -> &'static SectionInfo {
        &INFO
    }

    fn check(&self) -> Result<(), String> {
        match &self.decode {
            Some(text) if capabilities::mask(text).is_none() => Err(format!(
                "--decode {text:?}: expected up to 16 hexadecimal digits, as 00000000a80425fb"
            )),
            _ => Ok(()),
        }
    }

    fn answer_without_look(&self) -> Option<Report> {
        let mask = capabilities::mask(self.decode.as_deref()?)?;
        let mut report = Report::begin(Timestamp(Clock::read().now));
        report.decoded = Some(capability_set(mask));
        Some(report)
    }

    fn needs(&self, _: Detail) -> Needs {
        let mut files = Files::STATUS | Files::EXE | Files::SECURITY;
        files.set(Files::TASK_STATUS, self.threads);
        let scope = if self.all { Scope::Target } else { Scope::Main };
        Needs {
            files,
            scope,
            target: true,
        }
    }

    fn fill(&self, scan: &Scan, gaps: &mut SectionGaps<'_>, report: &mut Report) {
        let main_pid = scan.target.as_ref().map(|target| target.main.pid());
        let mut filler = Filler::new(scan, gaps);
        let shown =
            |facts: &&Box<ProcessSnapshot>| facts.read && (self.all || Some(facts.pid) == main_pid);
        let contexts = scan.processes.iter().filter(shown).filter_map(|facts| {
            let security = facts.security.as_ref()?;
            Some(filler.context(facts, security))
        });
        report.capabilities = Some(contexts.collect());
    }

    fn tables(&self, report: &Report, _: Detail) -> Vec<Table> {
        if let Some(set) = &report.decoded {
            return vec![decoded(set)];
        }
        let contexts = report.capabilities.as_deref().unwrap_or_default();
        if self.all {
            one_each(contexts)
        } else {
            contexts.iter().flat_map(tables).collect()
        }
    }

    fn saw_nothing(&self, report: &Report) -> bool {
        let contexts = report.capabilities.as_deref().unwrap_or_default();
        report.decoded.is_none()
            && contexts.iter().all(|context| {
                context.privileges.sets.effective.value().is_none()
                    && context.privileges.uids.value().is_none()
            })
    }
}
