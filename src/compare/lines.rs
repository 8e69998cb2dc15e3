//! A comparison as lines, one a change.

use serde_json::Value;

use super::difference::{Change, NotComparable};
use super::tree::plain;
use super::{Comparison, FindingChange, Outcome};
use crate::model::escape::escaped;
use crate::model::units;

/// Sections by how much a change of theirs says; those that are not listed come last.
const ORDER: [&str; 11] = [
    "processes",
    "sockets",
    "environment",
    "mounts",
    "program",
    "certificates",
    "resources",
    "capabilities",
    "network",
    "open_files",
    "tls",
];
/// Keys that a line does without: what they hold is clear from its section.
const LISTS: [&str; 4] = ["variables", "value", "files", "space"];
/// Columns of a line.
const WIDTH: usize = 100;
/// Characters of one value in a line.
const VALUE_CHARS: usize = 48;

impl Change {
    /// Small for what says much: what is in one of the two alone before what has another value.
    pub(super) fn rank(&self) -> (usize, bool, Vec<String>) {
        let section = ORDER.iter().position(|section| *section == self.section);
        let section = section.unwrap_or(ORDER.len());
        (section, !self.field.is_empty(), self.path.clone())
    }
}

/// The lines for a person, `+` for what the second document alone has and `-` for the first.
pub(crate) fn lines(comparison: &Comparison) -> Vec<String> {
    let findings = comparison.findings.iter().map(of_finding);
    let mut lines: Vec<String> = findings
        .chain(comparison.changes.iter().map(of_change))
        .collect();
    match comparison.outcome() {
        Outcome::NothingComparable => {
            lines.push("nothing comparable: no value is in both".to_owned());
        }
        Outcome::Same => lines.push("no difference".to_owned()),
        Outcome::Different => {}
    }
    if comparison.folded > 0 {
        let folded = comparison.folded;
        lines.push(format!(
            "folded: {folded} values that vary by themselves (pids, times, amounts)"
        ));
    }
    lines.extend(comparison.not_comparable.iter().map(of_unseen));
    lines
}

fn of_finding(change: &FindingChange) -> String {
    let sign = if change.only_in == "after" { '+' } else { '-' };
    let evidence = change.evidence.first().map_or("", String::as_str);
    let evidence = escaped(evidence.as_bytes());
    cut(&format!(
        "{sign} {} {}: {evidence}",
        change.id, change.title
    ))
}

fn of_change(change: &Change) -> String {
    let of_list = |step: &&String| !LISTS.contains(&step.as_str());
    let steps = change.path.iter().filter(of_list);
    let steps = steps.map(|step| escaped(step.as_bytes()));
    let words = std::iter::once(change.section.as_str().into()).chain(steps);
    let subject = words.collect::<Vec<_>>().join(" ");
    if change.field.is_empty() {
        let (sign, value) = match (&change.before, &change.after) {
            (None, Some(value)) => ('+', value),
            (Some(value), _) => ('-', value),
            (None, None) => ('~', &Value::Null),
        };
        let more = entry_words(value);
        return cut(&format!("{sign} {subject}{more}"));
    }
    let values = match (&change.before, &change.after) {
        (Some(Value::Array(before)), Some(Value::Array(after))) => list_change(before, after),
        (before, after) => {
            let word = |value: &Option<Value>| {
                let shown = value.as_ref().map(|value| value_word(&change.field, value));
                shown.unwrap_or_else(|| "(absent)".to_owned())
            };
            let rate = change.per_second.map(|rate| format!(" ({rate}/s)"));
            format!(
                "{} → {}{}",
                word(before),
                word(after),
                rate.unwrap_or_default()
            )
        }
    };
    cut(&format!("~ {subject}: {values}"))
}

/// Fields that say what an entry is about.
const TELLING: [&str; 8] = [
    "value",
    "state",
    "local_addresses",
    "established",
    "syn_sent",
    "fstype",
    "exe",
    "not_after",
];

/// What is said about an entry that one document alone has.
fn entry_words(value: &Value) -> String {
    let Value::Object(fields) = value else {
        return String::new();
    };
    let words = TELLING.iter().filter_map(|name| {
        let word = value_word(name, fields.get(*name)?);
        Some(if *name == "value" {
            format!("={word}")
        } else {
            format!(" {name} {word}")
        })
    });
    words.collect()
}

fn list_change(before: &[Value], after: &[Value]) -> String {
    let lacking = |one: &[Value], other: &[Value], sign: char| -> Vec<String> {
        let lacking = one.iter().filter(|value| !other.contains(value));
        lacking
            .map(|value| format!("{sign}{}", escaped(plain(value).as_bytes())))
            .collect()
    };
    let mut words = lacking(after, before, '+');
    words.extend(lacking(before, after, '-'));
    if words.is_empty() {
        return "another order".to_owned();
    }
    words.join(" ")
}

fn value_word(field: &str, value: &Value) -> String {
    if field.ends_with("_bytes")
        && let Some(bytes) = value.as_u64()
    {
        return units::bytes_short(bytes);
    }
    let text = match value {
        Value::String(text) if text.is_empty() => "\"\"".to_owned(),
        Value::Array(list) => list.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => plain(other),
    };
    let shown = escaped(text.as_bytes());
    if shown.chars().count() <= VALUE_CHARS {
        return shown.into_owned();
    }
    let start: String = shown.chars().take(VALUE_CHARS - 1).collect();
    format!("{start}…")
}

fn of_unseen(unseen: &NotComparable) -> String {
    let field = unseen.field.replace('.', " ");
    let subject = [unseen.section.as_str(), &escaped(field.as_bytes())].join(" ");
    let side = |name: &str, why: Option<&str>| why.map(|why| format!("{name}: {why}"));
    let reasons = [side("first", unseen.before), side("second", unseen.after)];
    let reasons: Vec<String> = reasons.into_iter().flatten().collect();
    cut(&format!(
        "? not comparable: {} ({})",
        subject.trim_end(),
        reasons.join("; ")
    ))
}

fn cut(line: &str) -> String {
    let line = line.replace('\n', " ");
    if line.chars().count() <= WIDTH {
        return line;
    }
    let start: String = line.chars().take(WIDTH - 1).collect();
    format!("{start}…")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Severity;

    #[test]
    fn what_a_target_chose_is_escaped() {
        let hostile = "\u{1b}]0;owned\u{7}";
        let finding = of_finding(&FindingChange {
            id: "SPY-NET-001",
            severity: Severity::Problem,
            title: "All listeners are bound to loopback",
            evidence: vec![hostile.to_owned()],
            only_in: "after",
        });
        let unseen = of_unseen(&NotComparable {
            section: "program".to_owned(),
            field: format!("elf.go.settings.{hostile}"),
            before: Some("not the same user"),
            after: None,
        });
        let change = of_change(&Change {
            section: "environment".to_owned(),
            path: vec![
                "variables".to_owned(),
                hostile.to_owned(),
                "value".to_owned(),
            ],
            entry: Some(hostile.to_owned()),
            field: "value".to_owned(),
            before: Some(hostile.into()),
            after: None,
            per_second: None,
        });
        for line in [finding, unseen, change] {
            assert!(!line.contains(['\u{1b}', '\u{7}']), "{line:?}");
        }
    }
}
