//! The section `environment`: what a process was started with, secrets kept back.

use std::collections::{HashMap, HashSet};

use clap::Args;
use serde::Deserialize;

use super::section::{Detail, Request, SectionInfo};
use crate::model::Report;
use crate::model::environment::{AgainstParent, AsOf, Environment, Variable};
use crate::model::gap::{Refusal, SectionGaps};
use crate::model::seen::Seen;
use crate::model::time::Timestamp;
use crate::parse::environ::{Entry, Environ};
use crate::render::tables::Table;
use crate::render::tables::environment::tables;
use crate::rights::ptrace_access::not_copied;
use crate::scan::Scan;
use crate::scan::needs::Files;
use crate::scan::needs::{Needs, Scope};
use crate::scan::snapshot::{ProcessSnapshot, overwritten_environ};

/// Flags of `spyhole environment`.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct EnvironmentQuery {
    /// Show every process of the target, each compared with its parent.
    #[arg(short = 'A', long)]
    pub all: bool,
    /// In the table, also show the variables that Kubernetes sets for each Service.
    #[arg(long)]
    pub all_vars: bool,
    /// Show only these variables.
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Of every visible process, not only the target's.
    #[arg(skip)]
    #[serde(skip)]
    every: bool,
}

/// What the section is.
pub(crate) const INFO: SectionInfo = SectionInfo {
    name: "environment",
    aliases: &["env"],
    about: "Show the environment of the main process at exec, secrets redacted",
    example: "spyhole env --reveal DATABASE_URL",
    in_dump: true,
    files: Files::ENVIRON,
    pem: false,
    secrets: true,
    metrics: None,
};

impl Request for EnvironmentQuery {
    fn info(&self) -> &'static SectionInfo {
        &INFO
    }

    fn needs(&self, _: Detail) -> Needs {
        let scope = match (self.every, self.all) {
            (true, _) => Scope::All,
            (false, true) => Scope::Target,
            (false, false) => Scope::Main,
        };
        Needs {
            files: Files::ENVIRON,
            scope,
            target: !self.every,
        }
    }

    fn fill(&self, scan: &Scan, gaps: &mut SectionGaps<'_>, report: &mut Report) {
        let main_pid = scan.target.as_ref().map(|held| held.main.pid());
        let shown: Vec<&ProcessSnapshot> = scan
            .processes
            .iter()
            .map(Box::as_ref)
            .filter(|facts| facts.read && (self.all || Some(facts.pid) == main_pid))
            .filter(|facts| !facts.stat.is_bodiless())
            .collect();
        let parsed: HashMap<i32, Result<Environ, Refusal>> = shown
            .iter()
            .filter_map(|facts| Some((facts.pid, facts.environ()?)))
            .collect();
        let environments = shown.iter().filter_map(|facts| {
            let own = parsed.get(&facts.pid)?;
            let parent = match parsed.get(&facts.stat.ppid) {
                Some(Ok(parent)) if !parent.overwritten => Some(parent.entries.as_slice()),
                _ => None,
            };
            Some(self.environment(facts, own, parent, scan, gaps))
        });
        report.environment = Some(environments.collect());
    }

    fn tables(&self, report: &Report, _: Detail) -> Vec<Table> {
        let environments = report.environment.as_deref().unwrap_or_default();
        tables(
            environments,
            self.all_vars || !self.names.is_empty(),
            report.taken_at,
        )
    }

    fn saw_nothing(&self, report: &Report) -> bool {
        let environments = report.environment.as_deref().unwrap_or_default();
        environments
            .iter()
            .all(|environment| environment.variables.value().is_none())
    }
}

impl EnvironmentQuery {
    /// Of every process of the target, or of every visible one.
    pub(super) fn of_processes(every: bool) -> Self {
        Self {
            all: true,
            every,
            ..Self::default()
        }
    }

    fn environment(
        &self,
        facts: &ProcessSnapshot,
        own: &Result<Environ, Refusal>,
        parent: Option<&[Entry]>,
        scan: &Scan,
        gaps: &mut SectionGaps<'_>,
    ) -> Environment {
        let variables = match own {
            Ok(environ) => {
                if environ.overwritten {
                    gaps.record("variables", facts.pid, &overwritten_environ());
                }
                Seen::Value(self.variables(&environ.entries, parent, scan))
            }
            Err(refusal) => Seen::Unseen(gaps.record("variables", facts.pid, refusal)),
        };
        let missing = match (own, parent) {
            (Ok(own), Some(parent)) if self.names.is_empty() && !own.overwritten => {
                let own: HashSet<&[u8]> = own
                    .entries
                    .iter()
                    .map(|entry| entry.name.as_slice())
                    .collect();
                let passed_on =
                    |entry: &&Entry| entry.value.is_some() && !own.contains(entry.name.as_slice());
                Some(
                    parent
                        .iter()
                        .filter(passed_on)
                        .map(|entry| entry.name.as_slice().into())
                        .collect(),
                )
            }
            _ => None,
        };
        let started_at = scan.clock.at_ticks(facts.stat.starttime_ticks);
        let started_at = started_at.map(Timestamp).ok_or_else(not_copied);
        Environment {
            pid: facts.pid,
            comm: facts.stat.comm.as_slice().into(),
            as_of: AsOf::Exec,
            started_at: gaps.seen("started_at", facts.pid, started_at),
            variables,
            missing_from_parent: missing,
        }
    }

    fn variables(&self, entries: &[Entry], parent: Option<&[Entry]>, scan: &Scan) -> Vec<Variable> {
        let services = Services::of(entries);
        let parent: Option<HashMap<&[u8], Option<&Vec<u8>>>> = parent.map(|entries| {
            // The first of several wins, as in getenv(3).
            entries
                .iter()
                .rev()
                .map(|entry| (entry.name.as_slice(), entry.value.as_ref()))
                .collect()
        });
        let mut met = HashSet::new();
        let mut variables = Vec::new();
        for entry in entries {
            let shadowed = !met.insert((entry.name.as_slice(), entry.value.is_some()));
            if !self.names.is_empty()
                && !self.names.iter().any(|name| name.as_bytes() == entry.name)
            {
                continue;
            }
            let redacted = match &entry.value {
                Some(value) => scan.redactor.variable(&entry.name, value),
                None => scan.redactor.bare(&entry.name),
            };
            let against_parent =
                parent
                    .as_ref()
                    .map(|parent| match parent.get(entry.name.as_slice()) {
                        None => AgainstParent::Added,
                        Some(value) if *value == entry.value.as_ref() => AgainstParent::Same,
                        Some(_) => AgainstParent::Changed,
                    });
            let hidden_entry = entry.value.is_none() && redacted.is_some();
            variables.push(Variable {
                name: if hidden_entry {
                    b"".as_slice().into()
                } else {
                    entry.name.as_slice().into()
                },
                value: match (&redacted, &entry.value) {
                    (None, Some(value)) => Some(value.as_slice().into()),
                    _ => None,
                },
                redacted,
                without_equals: entry.value.is_none(),
                shadowed,
                service_link: services.set(&entry.name),
                against_parent,
            });
        }
        variables
    }
}

/// The Services whose variables Kubernetes injects: each `NAME_SERVICE_HOST` with
/// its `NAME_SERVICE_PORT` brings `NAME_PORT` and `NAME_PORT_…` along.
struct Services<'a> {
    names: HashSet<&'a [u8]>,
}

impl<'a> Services<'a> {
    fn of(entries: &'a [Entry]) -> Self {
        let all: HashSet<&[u8]> = entries.iter().map(|entry| entry.name.as_slice()).collect();
        let with_port =
            |name: &&'a [u8]| all.contains([name, b"_SERVICE_PORT".as_slice()].concat().as_slice());
        let hosts = entries
            .iter()
            .filter_map(|entry| entry.name.strip_suffix(b"_SERVICE_HOST"));
        Self {
            names: hosts.filter(with_port).collect(),
        }
    }

    fn set(&self, name: &[u8]) -> bool {
        [b"_SERVICE_HOST".as_slice(), b"_SERVICE_PORT", b"_PORT"]
            .iter()
            .any(|link| {
                // Names of Services may hold these words themselves: try each place.
                name.windows(link.len()).enumerate().any(|(at, window)| {
                    let rest = name.get(at + link.len()..).unwrap_or_default();
                    window == *link
                        && (rest.is_empty()
                            || (rest.starts_with(b"_") && *link != b"_SERVICE_HOST"))
                        && name
                            .get(..at)
                            .is_some_and(|service| self.names.contains(service))
                })
            })
    }
}
