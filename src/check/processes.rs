//! Checks of the target's processes.

use std::collections::HashSet;
use std::time::Duration;

use super::spec::{Bound, Processes};
use super::{CheckContext, CheckOutcome};
use crate::parse::limits::Limit;
use crate::scan::snapshot::ProcessSnapshot;

/// What a server remembers of a `process:` check.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    /// Those that matched last: id and start in ticks, which together no other process has.
    last: HashSet<(i32, u64)>,
    restarts: u32,
    begun: bool,
}

impl Seen {
    /// Counts those that are gone and have a successor.
    fn update(&mut self, now: HashSet<(i32, u64)>) {
        if self.begun {
            let gone = self.last.difference(&now).count();
            let new = now.difference(&self.last).count();
            let replaced = u32::try_from(gone.min(new)).unwrap_or(u32::MAX);
            self.restarts = self.restarts.saturating_add(replaced);
            // One that ended and has no successor yet is remembered until it has one.
            let waiting = gone.saturating_sub(new);
            let kept: Vec<_> = self.last.difference(&now).take(waiting).copied().collect();
            self.last = now.into_iter().chain(kept).collect();
        } else {
            self.last = now;
            self.begun = true;
        }
    }
}

/// How many processes match, for how long, and how often they were replaced.
pub(super) fn count(wanted: &Processes, context: &mut CheckContext) -> CheckOutcome {
    let Some((scan, _)) = &context.scan else {
        return CheckOutcome::unknown("no target");
    };
    let matching: Vec<&ProcessSnapshot> = scan
        .processes
        .iter()
        .filter(|facts| facts.read && !facts.stat.is_bodiless())
        .filter(|facts| Some(facts.pid) != scan.own_pid && holds(facts, wanted.word.as_bytes()))
        .collect();
    let hidden = scan
        .processes
        .iter()
        .filter(|facts| facts.read)
        .any(unclear);
    let found = u32::try_from(matching.len()).unwrap_or(u32::MAX);
    let ages = matching.iter().map(|facts| {
        let began = scan.clock.at_ticks(facts.stat.starttime_ticks);
        scan.clock.now.duration_since(began).unwrap_or_default()
    });
    let youngest = ages.min().unwrap_or_default();
    let marks = matching
        .iter()
        .map(|facts| (facts.pid, facts.stat.starttime_ticks))
        .collect();
    let restarts = remember(context, marks);
    let word = &wanted.word;
    let matching = if found == 1 {
        "process matches"
    } else {
        "processes match"
    };
    let says = format!("{found} {matching} {word:?}");
    if found < wanted.min {
        return if hidden {
            CheckOutcome::unknown(format!("{says}; some command lines are not readable"))
        } else {
            CheckOutcome::fails(format!("{says} (at least {} required)", wanted.min))
        };
    }
    if let Some(max) = wanted.max.filter(|max| found > *max) {
        return CheckOutcome::fails(format!("{says} (at most {max} allowed)"));
    }
    if let Some(least) = wanted.min_uptime.filter(|least| youngest < *least) {
        let (young, least) = (seconds(youngest), seconds(least));
        return CheckOutcome::fails(format!(
            "one has been running for only {young} (at least {least} required)"
        ));
    }
    if let Some(most) = wanted.max_restarts.filter(|most| restarts > *most) {
        return CheckOutcome::fails(format!(
            "{restarts} of them were replaced (at most {most} allowed)"
        ));
    }
    CheckOutcome::passes(says)
}

fn seconds(duration: Duration) -> String {
    humantime::format_duration(Duration::from_secs(duration.as_secs())).to_string()
}

/// Tells the memory of this check what matches now; how many were replaced so far.
fn remember(context: &mut CheckContext, marks: HashSet<(i32, u64)>) -> u32 {
    let at = context.next;
    context.next += 1;
    if context.memory.len() <= at {
        context.memory.resize(at + 1, Seen::default());
    }
    match context.memory.get_mut(at) {
        Some(seen) => {
            seen.update(marks);
            seen.restarts
        }
        None => 0,
    }
}

/// Whether the name, the program or an argument holds a word.
fn holds(facts: &ProcessSnapshot, word: &[u8]) -> bool {
    let within =
        |text: &[u8]| !word.is_empty() && text.windows(word.len()).any(|part| part == word);
    within(&facts.stat.comm)
        || matches!(&facts.exe, Some(Ok(Some(path))) if within(path))
        || matches!(&facts.args, Some(Ok(args)) if args.iter().any(|arg| within(arg)))
}

/// Whether it might match and does not show it.
fn unclear(facts: &ProcessSnapshot) -> bool {
    matches!(facts.args, Some(Err(_)))
}

/// The process that is nearest to its limit of descriptors.
pub(super) fn descriptors(bound: Bound, context: &mut CheckContext) -> CheckOutcome {
    let Some((scan, _)) = &context.scan else {
        return CheckOutcome::unknown("no target");
    };
    let mut worst: Option<(f64, i32)> = None;
    let mut refused = 0_u32;
    let facts = scan.processes.iter().filter(|facts| facts.read);
    for facts in facts.filter(|facts| !facts.stat.is_bodiless()) {
        match (&facts.fd_count, &facts.limits) {
            (Some(Ok(Some(count))), Some(Ok(limits))) => {
                let Some(Limit::Value(limit @ 1..)) = limits.max_open_files().map(|row| row.soft)
                else {
                    continue;
                };
                let share = share(*count, limit);
                if worst.is_none_or(|(most, _)| share > most) {
                    worst = Some((share, facts.pid));
                }
            }
            (Some(Err(_)), _) | (_, Some(Err(_))) => refused += 1,
            _ => {}
        }
    }
    let Some((percent, pid)) = worst else {
        return CheckOutcome::unknown("file descriptors not readable");
    };
    let says = format!("process {pid} has {percent:.1}% of its descriptors open");
    let holds = bound.holds(percent);
    if holds && refused > 0 && !bound.is_lower() {
        return CheckOutcome::unknown(format!("{says}; {refused} other processes not readable"));
    }
    CheckOutcome::of(holds, says)
}

/// In percent.
#[expect(
    clippy::cast_precision_loss,
    reason = "a share in percent needs no more than 53 bits"
)]
pub(super) fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64 * 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_comes_back_was_replaced() {
        let mut seen = Seen::default();
        let marks = |pids: &[i32]| pids.iter().map(|pid| (*pid, 0)).collect();
        seen.update(marks(&[1, 2]));
        assert_eq!(seen.restarts, 0, "the first look knows nothing of before");
        seen.update(marks(&[1, 2, 3]));
        assert_eq!(seen.restarts, 0, "one more is no restart");
        seen.update(marks(&[1, 3]));
        assert_eq!(seen.restarts, 0, "one less is no restart yet");
        seen.update(marks(&[1, 3, 4]));
        assert_eq!(seen.restarts, 1, "now it has a successor");
        seen.update(marks(&[5, 6, 7]));
        assert_eq!(seen.restarts, 4);
    }
}
