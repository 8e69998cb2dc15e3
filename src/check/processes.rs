//! Checks of the target's processes.

use std::collections::HashSet;
use std::time::Duration;

use super::CheckContext;
use super::reason::{CheckOutcome, CheckReason, Matched, Unmet};
use super::sight::{self, Partial};
use super::spec::{Bound, Processes};
use crate::model::Reason;
use crate::model::truth_value::TruthValue;
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
    let at = context.next;
    context.next += 1;
    let (scan, gaps) = match context.target() {
        Ok(scan) => scan,
        Err(outcome) => return outcome,
    };
    let own = scan.own_pid;
    // spyhole itself, and what it may have started.
    let is_own =
        |facts: &ProcessSnapshot| own.is_some_and(|own| facts.pid == own || facts.stat.ppid == own);
    let others = scan.processes.iter().filter(|facts| facts.read);
    let others = others.filter(|facts| !is_own(facts) && lives(facts));
    let (mut matching, mut unread_arguments) = (Vec::new(), false);
    for facts in others {
        if holds(facts, wanted.word.as_bytes()) {
            matching.push(facts);
        } else {
            unread_arguments |= matches!(facts.args, Some(Err(_)));
        }
    }
    let arguments = unread_arguments.then_some(Partial::CommandLines);
    let ages = matching
        .iter()
        .map(|facts| scan.clock.since(facts.stat.starttime_ticks));
    let youngest = ages.clone().flatten().min();
    let ageless = ages.filter(Option::is_none).count();
    let ages = (ageless > 0 && wanted.min_uptime.is_some()).then_some(Partial::Unread {
        count: ageless as u64,
        reason: Reason::Copy,
    });
    let partial = sight::partial(scan, gaps).or(arguments).or(ages);
    let marks = matching
        .iter()
        .map(|facts| (facts.pid, facts.stat.starttime_ticks))
        .collect();
    let found = u32::try_from(matching.len()).unwrap_or(u32::MAX);
    let seen = SeenNow {
        found,
        youngest,
        replaced: remember(context.memory, at, marks, partial.is_some()),
    };
    judge(wanted, &seen, partial)
}

/// What matches now.
struct SeenNow {
    found: u32,
    /// How long the youngest has been running.
    youngest: Option<Duration>,
    /// How many were replaced since a server began to watch.
    replaced: u32,
}

/// Where processes may not have been seen, fewer than wanted may be enough, and what holds of
/// all may not hold of those.
fn judge(wanted: &Processes, seen: &SeenNow, partial: Option<Partial>) -> CheckOutcome {
    let SeenNow {
        found,
        youngest,
        replaced,
    } = *seen;
    let matched = |unmet, partial| {
        CheckReason::Matched(Matched {
            word: wanted.word.clone(),
            found,
            unmet,
            partial,
        })
    };
    let too_many = wanted.max.filter(|max| found > *max).map(Unmet::Max);
    let too_young = wanted
        .min_uptime
        .zip(youngest)
        .filter(|(least, youngest)| youngest < least)
        .map(|(least, youngest)| Unmet::Uptime { youngest, least });
    let too_often = wanted
        .max_restarts
        .filter(|most| replaced > *most)
        .map(|most| Unmet::Restarts { replaced, most });
    // What was seen is enough for a no.
    if let Some(unmet) = too_many.or(too_young).or(too_often) {
        return CheckOutcome::new(false, matched(Some(unmet), None));
    }
    if found < wanted.min {
        let answer = if partial.is_some() {
            TruthValue::Unknown
        } else {
            TruthValue::False
        };
        return CheckOutcome::new(answer, matched(Some(Unmet::Min(wanted.min)), partial));
    }
    let of_all =
        wanted.max.is_some() || wanted.min_uptime.is_some() || wanted.max_restarts.is_some();
    match partial {
        Some(partial) if of_all => CheckOutcome::unknown(matched(None, Some(partial))),
        _ => CheckOutcome::new(true, matched(None, None)),
    }
}

/// Whether it has not ended: of a zombie whose first thread alone has ended, the others run on.
fn lives(facts: &ProcessSnapshot) -> bool {
    !facts.stat.is_bodiless() || (facts.stat.state == b'Z' && facts.stat.num_threads > 1)
}

/// Tells the memory of a check what matches now; how many were replaced so far. Where not all
/// was seen, one that is missing may be there.
fn remember(
    memory: &mut Vec<Seen>,
    at: usize,
    marks: HashSet<(i32, u64)>,
    is_partial: bool,
) -> u32 {
    if memory.len() <= at {
        memory.resize(at + 1, Seen::default());
    }
    match memory.get_mut(at) {
        Some(seen) => {
            if !is_partial {
                seen.update(marks);
            }
            seen.restarts
        }
        None => 0,
    }
}

/// Whether the name, the program or an argument holds a word. The arguments of what runs this
/// very check hold it always, and do not count.
fn holds(facts: &ProcessSnapshot, word: &[u8]) -> bool {
    let by_args = match &facts.args {
        Some(Ok(args)) if !args.iter().any(|arg| names_check(arg, word)) => {
            args.iter().any(|arg| contains(arg, word))
        }
        _ => false,
    };
    by_args
        || contains(&facts.stat.comm, word)
        || matches!(&facts.exe, Some(Ok(Some(path))) if contains(path, word))
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    !word.is_empty() && text.windows(word.len()).any(|part| part == word)
}

/// Whether an argument holds the check `process:WORD`: a shell that runs spyhole, another spyhole
/// that is asked the same, a supervisor with its command line.
fn names_check(arg: &[u8], word: &[u8]) -> bool {
    const KIND: &[u8] = b"process:";
    let mut rest = arg;
    while let Some(at) = rest.windows(KIND.len()).position(|part| part == KIND) {
        rest = rest.get(at + KIND.len()..).unwrap_or_default();
        if rest.trim_ascii_start().starts_with(word) {
            return true;
        }
    }
    false
}

/// The process that is nearest to its limit of descriptors.
pub(super) fn descriptors(bound: Bound, context: &mut CheckContext) -> CheckOutcome {
    let (scan, gaps) = match context.target() {
        Ok(scan) => scan,
        Err(outcome) => return outcome,
    };
    let mut worst: Option<(f64, i32)> = None;
    let mut unseen = match sight::partial(scan, gaps) {
        None => 0,
        Some(Partial::Unread { count, .. }) => count,
        Some(_) => 1,
    };
    let facts = scan.processes.iter().filter(|facts| facts.read);
    for facts in facts.filter(|facts| lives(facts)) {
        match (&facts.fd_count, &facts.limits) {
            (Some(Ok(Some(count))), Some(Ok(limits))) => {
                let share = match limits.max_open_files().map(|row| row.soft) {
                    Some(Limit::Value(0)) => 100.0,
                    Some(Limit::Value(limit)) => share(*count, limit),
                    Some(Limit::Unlimited) => 0.0,
                    None => {
                        unseen += 1;
                        continue;
                    }
                };
                if worst.is_none_or(|(most, _)| share > most) {
                    worst = Some((share, facts.pid));
                }
            }
            // Ended meanwhile: it has none open.
            (Some(Ok(None)), _) if facts.stat.is_bodiless() && facts.stat.num_threads <= 1 => {}
            _ => unseen += 1,
        }
    }
    let Some((percent, pid)) = worst else {
        return CheckOutcome::unknown(CheckReason::DescriptorsUnread);
    };
    let holds = bound.holds(percent);
    // One process is enough to be above a bound; to be below it takes all of them.
    let seen_enough = holds == bound.is_lower();
    let (answer, unseen) = match unseen {
        0 => (TruthValue::from(holds), 0),
        _ if seen_enough => (TruthValue::from(holds), 0),
        unseen => (TruthValue::Unknown, unseen),
    };
    CheckOutcome::new(
        answer,
        CheckReason::Descriptors {
            pid,
            percent,
            unseen,
        },
    )
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

    fn wanted(spec: &str) -> Processes {
        match spec.parse::<super::super::Check>().unwrap().spec {
            super::super::spec::Spec::Process(wanted) => wanted,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn where_processes_may_be_hidden_only_what_was_seen_decides() {
        use TruthValue::{False, True, Unknown};
        for (spec, found, seen_all, seen_part) in [
            ("process:a", 0, False, Unknown),
            ("process:a", 1, True, True),
            ("process:a,min=2", 1, False, Unknown),
            ("process:a,max=1", 2, False, False),
            ("process:a,max=1", 1, True, Unknown),
            ("process:a,min-uptime=1h", 1, False, False),
            ("process:a,min-uptime=1s", 1, True, Unknown),
            ("process:a,max-restarts=3", 1, True, Unknown),
            ("process:a,max-restarts=2", 1, False, False),
            ("process:a,min=0,min-uptime=1h", 0, True, Unknown),
        ] {
            let seen = SeenNow {
                found,
                youngest: (found > 0).then_some(Duration::from_mins(1)),
                replaced: 3,
            };
            let wanted = wanted(spec);
            let whole = judge(&wanted, &seen, None);
            let partial = judge(&wanted, &seen, Some(Partial::Hidden));
            assert_eq!(
                (whole.answer, partial.answer),
                (seen_all, seen_part),
                "{spec}"
            );
        }
    }

    #[test]
    fn the_arguments_of_what_runs_the_check_are_known() {
        for arg in [
            "process:worker",
            "spyhole check process:worker; exit $?",
            "w=process:worker,min=2",
            "all(listen:1; process: worker)",
            "process:other process:worker",
        ] {
            assert!(names_check(arg.as_bytes(), b"worker"), "{arg}");
        }
        for arg in [
            "worker",
            "--name=worker",
            "process:other worker",
            "process:",
        ] {
            assert!(!names_check(arg.as_bytes(), b"worker"), "{arg}");
        }
    }
}
