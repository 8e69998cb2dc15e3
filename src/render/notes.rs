//! Gaps as lines below a table.

use crate::model::Report;
use crate::model::escape::escaped;
use crate::model::gap::{Gap, Subject};
use crate::model::target::RecognisedBy;

/// Which program is shown, where the first process of the container only starts it and a section
/// shows one program.
fn behind_wrapper(report: &Report) -> Option<String> {
    let target = report.target.as_ref()?;
    let wrapper = target.wrappers.first()?;
    let of_one_program = report.environment.is_some()
        || report.capabilities.is_some()
        || report.certificates.is_some()
        || report.tls.is_some();
    let sure = match wrapper.recognised_by {
        RecognisedBy::Exe => "",
        RecognisedBy::Name => ", judging by its name",
    };
    of_one_program.then(|| {
        format!(
            "shows pid {} ({}), which pid {} ({}) only starts{sure}; use --pid {} for the wrapper",
            target.pid,
            target.comm.to_text(),
            wrapper.pid,
            wrapper.comm.to_text(),
            wrapper.pid,
        )
    })
}

/// One line for all gaps that have the same reason and the same remedy.
pub(super) fn of(report: &Report) -> Vec<String> {
    let mut groups: Vec<(&Gap, Vec<String>, u64)> = Vec::new();
    for gap in &report.gaps {
        let same = groups.iter_mut().find(|(first, ..)| {
            first.reason == gap.reason && first.needs == gap.needs && first.subjects == gap.subjects
        });
        match same {
            Some((_, fields, count)) => {
                let field = shown(&gap.field);
                if !fields.contains(&field) {
                    fields.push(field);
                }
                *count = (*count).max(gap.count);
            }
            None => groups.push((gap, vec![shown(&gap.field)], gap.count)),
        }
    }
    let gaps = groups
        .into_iter()
        .map(|(gap, fields, count)| line(gap, &fields, count));
    behind_wrapper(report).into_iter().chain(gaps).collect()
}

/// The four ids of a process are one thing to a reader: `uids.name` for `uids.real.name`.
fn shown(field: &str) -> String {
    let ids = [".real.", ".effective.", ".saved.", ".filesystem."];
    let of_id = ids.iter().find(|id| field.contains(*id));
    of_id.map_or_else(|| field.to_owned(), |id| field.replace(id, "."))
}

fn line(gap: &Gap, fields: &[String], count: u64) -> String {
    let subject = match (gap.subjects.as_slice(), count) {
        ([Subject::Pid(pid)], 1) => format!("pid {pid}"),
        ([Subject::Path(path)], 1) => escaped(path.as_bytes()).into_owned(),
        ([Subject::Path(_), ..], _) => format!("{count} files"),
        _ => format!("{count} processes"),
    };
    let needs = gap
        .needs
        .as_ref()
        .map(|needs| format!("; needs: {needs}"))
        .unwrap_or_default();
    let fields = match fields {
        [some @ .., last] if !some.is_empty() => format!("{} and {last}", some.join(", ")),
        _ => fields.concat(),
    };
    format!(
        "{subject}: {fields} not readable ({}){needs}",
        gap.reason.describe()
    )
}
