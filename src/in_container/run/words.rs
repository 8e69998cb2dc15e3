//! What is said on stderr: a few lines, the answer first.

use std::fmt::Write;

use crate::model::escape::escaped;
use crate::model::run_report::{Cause, CauseKind, End, Memory, RunReport};
use crate::model::seen::Seen;
use crate::model::units::bytes_short;
use crate::parse::signals;

/// The lines of a report.
pub(super) fn lines(report: &RunReport) -> String {
    let program = escaped(report.program.as_bytes());
    let mut text = format!("spyhole: {program} ");
    if let (Some(path), End::NotStarted { .. }) = (&report.path, &report.end) {
        let _ = write!(text, "({}) ", escaped(path.as_bytes()));
    }
    text.push_str(&how(report));
    let hint = report.cause.as_ref().and_then(|cause| {
        let _ = write!(text, ": {}", cause.says);
        cause.hint.as_ref()
    });
    let _ = writeln!(text, " (exit {})", report.exit_code);
    if let Some(hint) = hint {
        let _ = writeln!(text, "  {hint}");
    }
    if let Some(last) = report.passed_on.iter().min_by(|one, other| {
        one.last_seconds_before_end
            .total_cmp(&other.last_seconds_before_end)
    }) {
        let _ = writeln!(
            text,
            "  last signal forwarded to it: {}, {:.1} s before the end",
            last.name, last.last_seconds_before_end
        );
    }
    if let Some(used) = report.used.as_ref().and_then(Seen::value) {
        let _ = write!(
            text,
            "  used: cpu {:.2} s user, {:.2} s system; at most {} in RAM",
            used.cpu_user_seconds,
            used.cpu_system_seconds,
            bytes_short(used.max_rss_bytes)
        );
        let limit = report.memory.as_ref().and_then(|m| m.limit_bytes.as_ref());
        if let Some(Seen::Value(limit)) = limit {
            let _ = write!(text, " (limit of the cgroup: {})", bytes_short(*limit));
        }
        let _ = writeln!(text, "; {} page faults from disk", used.major_faults);
    }
    text
}

fn how(report: &RunReport) -> String {
    let seconds = report.seconds;
    match &report.end {
        End::Exited { code } => format!("ended with exit code {code} after {seconds:.1} s"),
        End::Signaled {
            name, core_dumped, ..
        } => {
            let core = if *core_dumped { ", core dumped" } else { "" };
            format!("was killed by {name} after {seconds:.1} s{core}")
        }
        End::NotStarted { .. } => "could not be started".to_owned(),
    }
}

/// `SIGTERM`.
pub(super) fn signal_name(number: u8) -> String {
    signals::name(number).map_or_else(|| format!("signal {number}"), |name| format!("SIG{name}"))
}

/// What is behind an end that memory or a signal explains.
pub(super) fn cause(end: &End, memory: &Memory, was_passed_on: bool) -> Option<Cause> {
    let signal = match end {
        End::Signaled { signal, .. } => Some(i32::from(*signal)),
        _ => None,
    };
    let killed = signal == Some(libc::SIGKILL);
    let more = match (&memory.oom_kills_before, &memory.oom_kills_after) {
        (Seen::Value(before), Seen::Value(after)) => Some(after.saturating_sub(*before)),
        _ => None,
    };
    let limit = match &memory.limit_bytes {
        Some(Seen::Value(limit)) => format!("the limit of its cgroup is {}", bytes_short(*limit)),
        Some(Seen::Unseen(_)) => "the limit of its cgroup could not be read".to_owned(),
        None => "its own cgroup has no limit: a parent cgroup has one, or the machine ran out of \
            memory"
            .to_owned(),
    };
    let (kind, says, hint) = match (more, signal) {
        (Some(1..), Some(_)) if killed => (
            CauseKind::OutOfMemory,
            "out of memory: killed by the kernel's OOM killer".to_owned(),
            Some(limit),
        ),
        (Some(more @ 1..), _) => (
            CauseKind::OutOfMemory,
            format!(
                "meanwhile the kernel's OOM killer killed {more} other {} in its cgroup",
                if more == 1 { "process" } else { "processes" }
            ),
            Some(limit),
        ),
        (_, Some(signal)) if was_passed_on && signal != libc::SIGKILL => (
            CauseKind::Signal,
            "the signal was forwarded to it; it has no handler for it, or one that raises it again"
                .to_owned(),
            None,
        ),
        (Some(0), Some(_)) if killed => (
            CauseKind::Signal,
            "another process sent the signal: its cgroup counted no OOM kill".to_owned(),
            None,
        ),
        (None, Some(_)) if killed => (
            CauseKind::Signal,
            "sent by another process or the OOM killer: the sender cannot be determined \
             here"
                .to_owned(),
            Some("the count of OOM kills of its cgroup could not be read".to_owned()),
        ),
        (_, Some(signal)) => {
            // How a child was killed shows the signal, not whether the kernel or a process sent it.
            let is_fault = FAULTS.contains(&signal);
            let hint = is_fault.then(|| "another process can also send this signal".to_owned());
            let says = meaning(signal)?;
            let says = if is_fault {
                format!("usually {says}")
            } else {
                says.to_owned()
            };
            (CauseKind::Signal, says, hint)
        }
        (_, None) => return None,
    };
    Some(Cause { kind, says, hint })
}

/// Signals that the kernel sends where the processor reports a fault.
const FAULTS: [i32; 6] = [
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGILL,
    libc::SIGFPE,
    libc::SIGTRAP,
    libc::SIGSYS,
];

/// The usual cause of a signal that was not sent on purpose.
fn meaning(signal: i32) -> Option<&'static str> {
    Some(match signal {
        libc::SIGSEGV => "an invalid memory access: a bug, or a stack overflow",
        libc::SIGBUS => {
            "an access to memory beyond the end of a mapped file, such as a truncated \
            file"
        }
        libc::SIGABRT => "it aborted: a failed assertion, a panic, or a corrupt heap",
        libc::SIGILL => "an instruction that this processor does not support, or a compiler trap",
        libc::SIGFPE => "a division by zero, or an overflow of integers",
        libc::SIGTRAP => "a breakpoint or a trap of its runtime",
        libc::SIGSYS => "a system call that its seccomp filter does not allow",
        libc::SIGPIPE => "it wrote to a pipe or socket without a reader",
        libc::SIGXCPU => "the limit on processor time is reached (RLIMIT_CPU)",
        libc::SIGXFSZ => "the limit on the size of files is reached (RLIMIT_FSIZE)",
        libc::SIGALRM | libc::SIGVTALRM | libc::SIGPROF => {
            "one of its timers expired, and it has no handler"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Gaps, Reason, Refusal};

    fn memory(before: Option<u64>, after: Option<u64>) -> Memory {
        let mut gaps = Gaps::default();
        let mut seen = |count: Option<u64>| {
            let refusal = || Refusal::of(Reason::Unsupported);
            gaps.section("run")
                .seen("oom_kills", "/x", count.ok_or_else(refusal))
        };
        Memory {
            oom_kills_before: seen(before),
            oom_kills_after: seen(after),
            limit_bytes: Some(seen(Some(64 << 20))),
        }
    }

    fn signaled(signal: u8) -> End {
        End::Signaled {
            signal,
            name: signal_name(signal),
            core_dumped: false,
        }
    }

    fn said(end: &End, memory: &Memory, was_passed_on: bool) -> (CauseKind, String) {
        let cause = cause(end, memory, was_passed_on).unwrap();
        (cause.kind, cause.says)
    }

    #[test]
    fn out_of_memory_is_claimed_only_where_the_count_rose() {
        let killed = signaled(9);
        let (kind, says) = said(&killed, &memory(Some(3), Some(4)), false);
        assert_eq!(kind, CauseKind::OutOfMemory);
        assert!(says.contains("killed by the kernel's OOM killer"), "{says}");
        let (kind, says) = said(&killed, &memory(Some(3), Some(3)), false);
        assert_eq!(kind, CauseKind::Signal);
        assert!(says.contains("another process sent the signal"), "{says}");
        for unseen in [
            memory(None, Some(4)),
            memory(Some(3), None),
            memory(None, None),
        ] {
            let (kind, says) = said(&killed, &unseen, false);
            assert_eq!(kind, CauseKind::Signal);
            assert!(says.contains("cannot be determined"), "{says}");
        }
    }

    #[test]
    fn an_oom_kill_of_another_is_not_its_own() {
        let (kind, says) = said(&signaled(11), &memory(Some(0), Some(2)), false);
        assert_eq!(kind, CauseKind::OutOfMemory);
        assert!(says.contains("2 other processes in its cgroup"), "{says}");
        let exited = End::Exited { code: 1 };
        assert!(cause(&exited, &memory(Some(0), Some(1)), false).is_some());
        assert_eq!(cause(&exited, &memory(Some(1), Some(1)), false), None);
        assert_eq!(cause(&exited, &memory(None, None), false), None);
    }

    #[test]
    fn a_signal_that_was_passed_on_is_no_fault() {
        let quiet = memory(Some(0), Some(0));
        let (_, says) = said(&signaled(15), &quiet, true);
        assert!(says.contains("forwarded to it"), "{says}");
        assert_eq!(cause(&signaled(15), &quiet, false), None);
        let (_, says) = said(&signaled(11), &quiet, false);
        assert!(says.contains("usually an invalid memory access"), "{says}");
        let hint = cause(&signaled(11), &quiet, false).unwrap().hint;
        assert!(hint.is_some_and(|hint| hint.contains("another process")));
        assert_eq!(cause(&signaled(6), &quiet, false).unwrap().hint, None);
    }

    #[test]
    fn signals_without_a_name_are_numbers() {
        assert_eq!(signal_name(15), "SIGTERM");
        assert_eq!(signal_name(36), "SIGRTMIN+2");
        assert_eq!(signal_name(32), "signal 32");
    }
}
