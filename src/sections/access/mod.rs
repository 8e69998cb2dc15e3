//! The section `access`: what of the target may be read, tried for real; what not,
//! with the comparison that fails; and the commands that would help.

mod attempted;
mod attempts;
mod party;
mod place;
mod remedies;
mod sharing;
mod system;

use clap::Args;
use serde::Deserialize;

use super::section::{Detail, Request, SectionInfo};
use crate::model::Report;
use crate::model::access::{Access, Blocker, Check, Outcome, What};
use crate::model::gap::{Reason, Refusal, SectionGaps};
use crate::model::target::ChosenBy;
use crate::render::tables::Table;
use crate::render::tables::access::tables;
use crate::rights::ptrace_access;
use crate::rights::ptrace_access::{Credentials, blockers, may_ptrace, not_copied};
use crate::scan::Scan;
use crate::scan::needs::Files;
use crate::scan::needs::{Needs, Scope};
use crate::scan::plain_files;
use attempted::Attempted;
use remedies::{Advice, Situation};
use sharing::Sharing;
use system::SystemContext;

/// Flags of `spyhole access`; there are none.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccessQuery {}

/// Those that other sections read too: in `dump` the walk brings them once.
const FILES: Files = plain_files::FLAGS
    .union(Files::STATUS)
    .union(Files::CMDLINE)
    .union(Files::EXE)
    .union(Files::CWD)
    .union(Files::FD_COUNT)
    .union(Files::LIMITS);

/// What the section is.
pub(crate) const INFO: SectionInfo = SectionInfo {
    name: "access",
    aliases: &[],
    about: "Show what can be read of the target, what cannot, why, and how to fix it",
    example: "spyhole access -o wide",
    in_dump: true,
    files: FILES,
    pem: false,
    secrets: false,
    metrics: None,
};

impl Request for AccessQuery {
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
        report.access = look(scan, gaps);
    }

    fn tables(&self, report: &Report, detail: Detail) -> Vec<Table> {
        tables(report, detail == Detail::Wide)
    }
}

fn look(scan: &Scan, gaps: &mut SectionGaps<'_>) -> Option<Access> {
    let mut buffer = Vec::new();
    let held = scan.target.as_ref()?;
    let target = held.credentials().clone();
    let system = SystemContext::of(scan, held, &mut buffer);
    let tried = attempts::all(scan, held, &target, &system, &mut buffer);
    let viewer: &Credentials = &scan.reader.viewer;
    let judge = Judge {
        viewer,
        target: &target,
        system: &system,
        is_live: scan.is_live(),
    };
    let mut found = Vec::new();
    let checks: Vec<Check> = tried
        .into_iter()
        .map(|attempted| judge.check(attempted, &mut found))
        .collect();
    let sharing = Sharing::of(scan, held, &target, &system);
    let place = place::of(scan, held, &system, &sharing, &mut buffer);
    let Advice {
        remedies,
        ruled_out,
    } = if scan.is_live() {
        remedies::advise(&Situation {
            place: &place,
            viewer,
            target: &target,
            inside: place::ids_inside(viewer, &target, held, &mut buffer),
            other_user_namespace: ptrace_access::same_user_namespace(viewer, &target)
                == Some(false),
            blockers: &found,
            hiding: system.hiding(viewer),
            nobody_else: held.chosen_by == ChosenBy::NobodyElse,
            labels: [&system.viewer_label, &system.target_label],
        })
    } else {
        Advice::default()
    };
    // Where the ptrace check let a viewer through who cannot pass it otherwise.
    let passed = checks
        .iter()
        .any(|check| check.what == What::Files && check.outcome == Outcome::Allowed);
    let mut shown = target.clone();
    let own = scan.own_pid == Some(target.pid);
    if scan.is_live() && passed && !own && !may_ptrace(viewer, &target) {
        shown.dumpable = Some(true);
    }
    let dumpable_matters = scan.is_live() && !may_ptrace(viewer, &target);
    let viewer = viewer.clone();
    let not_of_viewer = (!scan.is_live()).then(not_copied);
    let status = scan.main_process().and_then(|facts| facts.status.as_ref());
    let unreadable = status.and_then(|status| status.as_ref().err()).cloned();
    Some(Access {
        target: party::of(gaps, "target", &shown, unreadable.as_ref())
            .with_dumpable(gaps, &shown, dumpable_matters)
            .labelled(system.target_label.clone()),
        viewer: party::of(gaps, "viewer", &viewer, not_of_viewer.as_ref())
            .listed(scan.own_pid)
            .labelled(system.viewer_label.clone()),
        shared: sharing.record(gaps),
        checks,
        blockers: found,
        remedies,
        ruled_out,
    })
}

/// Finds the reason behind each refusal.
struct Judge<'a> {
    viewer: &'a Credentials,
    target: &'a Credentials,
    system: &'a SystemContext,
    /// Not a copy of a /proc.
    is_live: bool,
}

impl Judge<'_> {
    fn check(&self, attempted: Attempted, found: &mut Vec<Blocker>) -> Check {
        let (outcome, reason, errno) = match &attempted.result {
            Ok(()) => (Outcome::Allowed, None, None),
            Err(refusal) => match refusal.reason {
                // It was read; that it was too long or odd is no matter of access.
                Reason::Limit | Reason::Malformed => (Outcome::Allowed, None, None),
                Reason::Unsupported => (
                    Outcome::Unsupported,
                    Some(Reason::Unsupported),
                    refusal.errno.clone(),
                ),
                reason @ (Reason::Copy
                | Reason::Vanished
                | Reason::Timeout
                | Reason::RemoteFs
                | Reason::Io) => (Outcome::Failed, Some(reason), refusal.errno.clone()),
                _ => {
                    let blockers = self.blockers(&attempted, refusal);
                    let reason = blockers
                        .first()
                        .map_or(refusal.reason, |first| first.reason);
                    for blocker in blockers {
                        if !found.contains(&blocker) {
                            found.push(blocker);
                        }
                    }
                    let outcome = if attempted.partly {
                        Outcome::Partial
                    } else {
                        Outcome::Denied
                    };
                    (outcome, Some(reason), refusal.errno.clone())
                }
            },
        };
        Check {
            what: attempted.what,
            path: attempted.path,
            outcome,
            reason,
            errno,
        }
    }

    fn blockers(&self, attempted: &Attempted, refusal: &Refusal) -> Vec<Blocker> {
        if !self.is_live {
            // Of a copy the modes of its files decide.
            return vec![Blocker {
                reason: refusal.reason,
                evidence: "denied by the owner and mode of the file in the copy of /proc"
                    .to_owned(),
            }];
        }
        if attempted.what == What::ProcessList {
            return vec![self.system.hidden(self.viewer)];
        }
        let found = blockers(attempted.check, self.viewer, self.target);
        if !found.is_empty() {
            return found;
        }
        let needs_ptrace = matches!(
            attempted.check,
            ptrace_access::AccessCheck::Ptrace | ptrace_access::AccessCheck::OwnerAndPtrace
        );
        vec![
            self.system
                .unexplained(needs_ptrace, refusal, self.viewer, self.target),
        ]
    }
}
