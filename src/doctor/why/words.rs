//! The answer as text.

use std::fmt::Write as _;

use super::answer::{Holder, NamedProcess, NotSeen, WhyAnswer, WhyVerdict};
use crate::doctor::layout::duration;
use crate::model::time::Timestamp;

/// The lines for a terminal. Names of the target are not escaped yet.
#[must_use]
pub(crate) fn why_lines(answer: &WhyAnswer) -> Vec<String> {
    let mut lines = Vec::new();
    for holder in &answer.holders {
        lines.extend(of_holder(holder, answer.taken_at));
        lines.push(String::new());
    }
    lines.pop();
    if answer.left_out > 0 {
        lines.push(format!("and {} more processes hold it", answer.left_out));
    }
    let asked = &answer.asked;
    match answer.verdict {
        WhyVerdict::Held => {}
        WhyVerdict::NotHeld if answer.of_process => {
            lines.push(format!(
                "{asked}: no such process in what is inspected (--all inspects every visible one)"
            ));
        }
        WhyVerdict::NotHeld => lines.push(format!("{asked}: held by no process")),
        WhyVerdict::Unknown => lines.push(format!("{asked}: unknown, as not all could be seen")),
    }
    lines.extend(answer.notes.iter().map(|note| fact("note", note)));
    let heading = if answer.of_process {
        "running"
    } else {
        "listening"
    };
    lines.extend(listed(heading, &answer.elsewhere));
    let nearest: Vec<String> = answer
        .nearest
        .iter()
        .map(|near| {
            format!(
                "{} of {} ({})",
                near.setting.text,
                near.name.to_text(),
                near.pid
            )
        })
        .collect();
    lines.extend(listed("settings", &nearest));
    lines.extend(not_seen(&answer.not_seen));
    lines
}

fn fact(heading: &str, text: &str) -> String {
    format!("  {heading:<9} {text}")
}

/// A heading before the first of several lines.
fn listed(heading: &str, texts: &[String]) -> Vec<String> {
    let line = |(index, text): (usize, &String)| fact(if index == 0 { heading } else { "" }, text);
    texts.iter().enumerate().map(line).collect()
}

fn of_holder(holder: &Holder, now: Timestamp) -> Vec<String> {
    let mut head = format!("{} (pid {})", holder.name.to_text(), holder.pid);
    if let [first, ..] = &*holder.holds {
        head = format!("{first}, held by {head}");
    }
    if let Some(started) = holder.started_at {
        let _ = write!(head, ", up {}", duration(started.until(now).as_secs()));
    }
    if let Some(seconds) = holder.seconds_after_parent {
        let _ = write!(head, ", started {} after its parent", duration(seconds));
    }
    let mut lines = vec![head];
    if let [_, more @ ..] = &*holder.holds {
        lines.extend(listed("holds", more));
    }
    let chain: Vec<String> = holder.chain.iter().map(named).collect();
    lines.push(fact("chain", &chain.join(" → ")));
    if let Some(container) = &holder.container {
        let pod = match (&holder.namespace, &holder.pod) {
            (Some(namespace), Some(pod)) => format!("  pod {namespace}/{pod}"),
            _ => String::new(),
        };
        lines.push(fact("container", &format!("{container}{pod}")));
    }
    let program = holder.exe.as_ref().map_or("?".into(), |exe| exe.to_text());
    let user = holder.user.as_ref();
    let user = user.map_or_else(String::new, |user| format!(" ({})", user.to_text()));
    let uid = holder.uid.map_or("?".into(), |uid| uid.to_string());
    let cwd = holder.cwd.as_ref().map_or("?".into(), |cwd| cwd.to_text());
    lines.push(fact(
        "program",
        &format!("{program}  uid {uid}{user}  directory {cwd}"),
    ));
    if let Some(args) = holder.args.as_ref().filter(|args| !args.is_empty()) {
        let words: Vec<_> = args
            .iter()
            .map(|argument| argument.text.to_text())
            .collect();
        lines.push(fact("command", &words.join(" ")));
    }
    let settings: Vec<String> = holder.named_by.iter().map(|one| one.text.clone()).collect();
    lines.extend(listed("named by", &settings));
    let mut more: Vec<String> = holder
        .listens_on
        .iter()
        .flatten()
        .filter(|end| {
            !holder
                .holds
                .iter()
                .any(|held| held.starts_with(end.as_str()))
        })
        .map(|end| format!("listens on {end}"))
        .collect();
    if let Some(count) = holder.connections.filter(|count| *count > 0) {
        let plural = if count == 1 { "" } else { "s" };
        more.push(format!("{count} connection{plural}"));
    }
    more.extend(holder.open_files.map(|count| format!("{count} open files")));
    if !more.is_empty() {
        lines.push(fact("also has", &more.join(", ")));
    }
    if !holder.also_held_by.is_empty() {
        let others: Vec<String> = holder.also_held_by.iter().map(named).collect();
        lines.push(fact("shared", &format!("with {}", others.join(", "))));
    }
    lines.extend(holder.doubts.iter().map(|doubt| format!("  ! {doubt}")));
    lines.extend(not_seen(&holder.not_seen));
    lines
}

fn named(process: &NamedProcess) -> String {
    format!("{} ({})", process.name.to_text(), process.pid)
}

/// A line for each reason.
fn not_seen(all: &[NotSeen]) -> Vec<String> {
    let mut by_reason: Vec<(&NotSeen, Vec<&str>)> = Vec::new();
    for one in all {
        let field = one.field.as_str();
        match by_reason
            .iter_mut()
            .find(|(first, _)| first.reason == one.reason && first.needs == one.needs)
        {
            Some((_, fields)) => fields.push(field),
            None => by_reason.push((one, vec![field])),
        }
    }
    let line = |(one, fields): (&NotSeen, Vec<&str>)| {
        let needs = one.needs.as_ref();
        let needs = needs.map_or_else(String::new, |needs| format!("; needs: {needs}"));
        let text = format!("{} ({}{needs})", fields.join(", "), one.reason.describe());
        fact("not seen", &text)
    };
    by_reason.into_iter().map(line).collect()
}
