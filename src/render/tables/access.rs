//! The section `access` as tables: caller and target, what is readable, what would help.

use super::table::{Align, Cell, Heading, Table};
use crate::model::access::{Access, Check, Outcome, Party, Remedy, Shared};
use crate::model::capabilities::SeccompMode;
use crate::model::escape::escaped;
use crate::model::gap::Reason;
use crate::model::pod_security::PodSecurityLevel;
use crate::model::report::Report;
use crate::model::seen::Seen;
use crate::model::target::{ChosenBy, Target};

/// Lines above, one row for each check, and lines below. Where nothing was refused
/// one line says so in place of the rows, unless `wide`.
#[must_use]
pub(crate) fn tables(report: &Report, wide: bool) -> Vec<Table> {
    let Some(access) = &report.access else {
        return Vec::new();
    };
    let mut found = vec![lines(parties(access, report.target.as_ref()))];
    let refused = access
        .checks
        .iter()
        .any(|check| !matches!(check.outcome, Outcome::Allowed | Outcome::Unsupported));
    if refused || wide {
        found.push(checks(access, wide));
    }
    if !refused {
        found.push(lines(vec![everything(access, report.target.as_ref())]));
    }
    found.extend(access.ruled_out.iter().map(|ruled_out| {
        let because = escaped(ruled_out.because.as_bytes()).into_owned();
        lines(vec![format!(
            "It does not help to {}: {because}.",
            ruled_out.title
        )])
    }));
    if !access.remedies.is_empty() {
        found.push(lines(remedies(&access.remedies)));
    }
    found
}

fn lines(notes: Vec<String>) -> Table {
    Table {
        notes,
        ..Table::default()
    }
}

fn parties(access: &Access, target: Option<&Target>) -> Vec<String> {
    let mut seen = vec!["target".to_owned()];
    if let Some(target) = target {
        if let Some(name) = &target.container {
            seen.push(format!("{} (container)", escaped(name.as_bytes())));
        }
        seen.push(format!("pid {}", target.pid));
        let program = target.exe.as_ref().and_then(Seen::value);
        let program = program.unwrap_or(&target.comm);
        seen.push(escaped(program.as_bytes()).into_owned());
    }
    seen.extend(ids(&access.target));
    seen.push(capabilities(&access.target));
    if let Some(Seen::Value(false)) = access.target.dumpable {
        seen.push("not dumpable".to_owned());
    }
    let mut viewer = vec!["viewer".to_owned()];
    viewer.extend(ids(&access.viewer));
    viewer.push(capabilities(&access.viewer));
    if let Seen::Value(true) = access.viewer.no_new_privs {
        viewer.push("no new privileges".to_owned());
    }
    if let Seen::Value(SeccompMode::Strict | SeccompMode::Filter) = access.viewer.seccomp {
        viewer.push("seccomp".to_owned());
    }
    viewer.extend(shared(&access.shared));
    let mut lines = vec![seen.join("  "), viewer.join("  ")];
    if nobody_else(target) {
        lines.push("No other process is visible: this is spyhole's own container.".to_owned());
    }
    lines
}

fn nobody_else(target: Option<&Target>) -> bool {
    target.is_some_and(|target| target.chosen_by == ChosenBy::NobodyElse)
}

fn ids(party: &Party) -> Vec<String> {
    let one = |word: &str, ids: &Seen<crate::model::access::Ids>| match ids {
        Seen::Unseen(_) => format!("{word} ?"),
        Seen::Value(ids) if ids.real == ids.effective && ids.saved == ids.effective => {
            format!("{word} {}", ids.effective)
        }
        Seen::Value(ids) => format!(
            "{word} {} (real {}, saved {})",
            ids.effective, ids.real, ids.saved
        ),
    };
    vec![one("uid", &party.uids), one("gid", &party.gids)]
}

/// A few by name, more by number.
fn capabilities(party: &Party) -> String {
    const BY_NAME: usize = 3;
    match &party.capabilities.effective {
        Seen::Unseen(_) => "capabilities ?".to_owned(),
        Seen::Value(names) if names.is_empty() => match &party.capabilities.permitted {
            Seen::Value(permitted) if !permitted.is_empty() => {
                format!("no capability effective, {} permitted", permitted.len())
            }
            _ => "no capabilities".to_owned(),
        },
        Seen::Value(names) if names.len() <= BY_NAME => names.join(","),
        Seen::Value(names) => {
            let ptrace = if holds_ptrace(party) {
                "with"
            } else {
                "without"
            };
            format!("{} capabilities, {ptrace} {SYS_PTRACE}", names.len())
        }
    }
}

const SYS_PTRACE: &str = "cap_sys_ptrace";

fn holds_ptrace(party: &Party) -> bool {
    let effective = party.capabilities.effective.value();
    effective.is_some_and(|names| names.iter().any(|name| name == SYS_PTRACE))
}

/// `same PID and network namespace`, `other user namespace`.
fn shared(shared: &Shared) -> Vec<String> {
    let kinds = [
        ("PID", &shared.pid_namespace),
        ("network", &shared.network_namespace),
        ("user", &shared.user_namespace),
    ];
    let of = |wanted: bool| -> Vec<&str> {
        let wanted = kinds
            .iter()
            .filter(|(_, same)| same.value() == Some(&wanted));
        wanted.map(|(kind, _)| *kind).collect()
    };
    let words = |which: &str, kinds: &[&str]| match kinds {
        [] => None,
        [one] => Some(format!("{which} {one} namespace")),
        [some @ .., last] => Some(format!("{which} {} and {last} namespace", some.join(", "))),
    };
    let same = words("same", &of(true));
    same.into_iter().chain(words("other", &of(false))).collect()
}

fn checks(access: &Access, wide: bool) -> Table {
    let left = |title| Heading {
        title,
        align: Align::Left,
    };
    let mut headings = vec![left("WHAT"), left("SEEN")];
    if wide {
        headings.extend([left("ERRNO"), left("PATH")]);
    }
    headings.push(left("WHY NOT"));
    let mut said: Option<String> = None;
    let rows = access.checks.iter().map(|check| {
        let mut row: Vec<Cell> = vec![
            check.what.describe().into(),
            check.outcome.describe().into(),
        ];
        if wide {
            let errno = check.errno.clone();
            row.push(errno.map_or(Cell::Absent, Cell::from));
            row.push(Cell::Outside(check.path.as_str().into()));
        }
        let why = why_not(check, access);
        let again = why.is_some() && said == why;
        row.push(match &why {
            None => "".into(),
            Some(_) if again => "same".into(),
            Some(why) => Cell::Outside(why.as_str().into()),
        });
        said = why.or(said.take());
        row
    });
    let rows = rows.collect();
    Table {
        headings,
        rows,
        notes: more(access),
        ..Table::default()
    }
}

fn why_not(check: &Check, access: &Access) -> Option<String> {
    let reason = check.reason?;
    if reason == Reason::Unsupported {
        return Some(format!("not found: {}", check.path));
    }
    let blocker = access
        .blockers
        .iter()
        .find(|blocker| blocker.reason == reason);
    Some(blocker.map_or(reason.describe().to_owned(), |blocker| {
        blocker.evidence.clone()
    }))
}

/// What stands in the way beside the first reasons, which the rows tell.
fn more(access: &Access) -> Vec<String> {
    let mut told: Vec<Reason> = Vec::new();
    let mut notes = Vec::new();
    let shown: Vec<Reason> = access
        .checks
        .iter()
        .filter_map(|check| check.reason)
        .collect();
    for blocker in &access.blockers {
        if shown.contains(&blocker.reason) && !told.contains(&blocker.reason) {
            told.push(blocker.reason);
        } else {
            notes.push(format!("also: {}", blocker.evidence));
        }
    }
    let by_ids = [
        Reason::Uid,
        Reason::Gid,
        Reason::Capability,
        Reason::NotDumpable,
        Reason::UserNamespace,
    ];
    if !holds_ptrace(&access.viewer) && told.iter().any(|reason| by_ids.contains(reason)) {
        notes.push(
            "CAP_SYS_PTRACE in the target's user namespace would also be sufficient; the viewer \
             does not have it."
                .to_owned(),
        );
    }
    notes
}

fn everything(access: &Access, target: Option<&Target>) -> String {
    let absent: Vec<&str> = access
        .checks
        .iter()
        .filter(|check| check.outcome == Outcome::Unsupported)
        .map(|check| check.what.describe())
        .collect();
    let whose = if nobody_else(target) {
        "spyhole's own container"
    } else {
        "the target"
    };
    let mut line = format!("Everything of {whose} can be read");
    if !absent.is_empty() {
        line.push_str(" (not supported here: ");
        line.push_str(&absent.join(", "));
        line.push(')');
    }
    line.push('.');
    line
}

fn remedies(remedies: &[Remedy]) -> Vec<String> {
    let mut lines = Vec::new();
    for (index, remedy) in remedies.iter().enumerate() {
        let start = if index == 0 { "To see more, " } else { "or " };
        let level = match remedy.pod_security {
            None => "",
            Some(PodSecurityLevel::Restricted) => " (Pod Security \"restricted\" admits this)",
            Some(PodSecurityLevel::Baseline) => " (Pod Security \"baseline\" admits this)",
            Some(PodSecurityLevel::Privileged) => " (needs \"privileged\" admission)",
        };
        lines.push(format!("{start}{}{level}:", remedy.title));
        lines.extend(remedy.commands.iter().map(|command| format!("  {command}")));
    }
    lines
}
