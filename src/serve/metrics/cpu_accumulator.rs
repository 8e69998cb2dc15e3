//! Processor time by group, as a counter: what a process has used stays counted when it ends.
//!
//! A sum over those that live falls when one ends, and to Prometheus a counter that falls has
//! begun anew: it would take the whole of what is left for used since. So what each process
//! used between two looks is added up under the name that it has by then.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::model::process::{CpuSeconds, Process};
use crate::model::process_group::{GroupKey, ProcessGroup};
use crate::model::time::Timestamp;

/// Groups that are remembered after their last process has ended.
const REMEMBERED: usize = 1_024;
/// What the age of a process may be off by: a tick, and what the two clocks are read apart.
const TOLERANCE: Duration = Duration::from_millis(100);

/// What was used up to the last look.
#[derive(Default)]
pub(super) struct CpuAccumulator {
    looked_at: Option<Instant>,
    processes: HashMap<i32, Used>,
    groups: HashMap<GroupKey, Used>,
}

/// Processor time in microseconds: sums of whole numbers do not drift.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Used {
    user: u64,
    system: u64,
}

impl CpuAccumulator {
    /// Adds what was used since the look before. A look that began before the last one that was
    /// taken in tells nothing new.
    pub(super) fn take_in(
        &mut self,
        processes: &[Process],
        groups: &[ProcessGroup],
        taken_at: Timestamp,
        began: Instant,
    ) {
        if self.looked_at.is_some_and(|last| began <= last) {
            return;
        }
        let since = self.looked_at.map(|last| began.duration_since(last));
        let mut now = HashMap::with_capacity(processes.len());
        for group in groups {
            let total = self.groups.entry(group.key.clone()).or_default();
            let members = group.members.iter().filter_map(|at| processes.get(*at));
            for process in members {
                let used = Used::of(process.cpu_seconds);
                let started = process.started_at.value();
                let age = started.and_then(|at| taken_at.0.duration_since(at.0).ok());
                let age = age.unwrap_or_default() + TOLERANCE;
                // Of the same number, but younger than the last look: another process.
                let known = self.processes.get(&process.pid);
                let known = known.filter(|_| since.is_some_and(|since| age >= since));
                total.add(used.beyond(known.copied().unwrap_or_default()));
                now.insert(process.pid, used);
            }
        }
        self.processes = now;
        self.looked_at = Some(began);
        if self.groups.len() > REMEMBERED {
            self.groups
                .retain(|key, _| groups.iter().any(|group| group.key == *key));
        }
    }

    /// What a group has used, in user mode and in the kernel, in seconds.
    pub(super) fn of(&self, key: &GroupKey) -> Option<(f64, f64)> {
        let used = self.groups.get(key)?;
        Some((seconds(used.user), seconds(used.system)))
    }
}

impl Used {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to what fits"
    )]
    fn of(seconds: CpuSeconds) -> Self {
        let micros = |seconds: f64| (seconds.clamp(0.0, 1e12) * 1e6).round() as u64;
        Self {
            user: micros(seconds.user),
            system: micros(seconds.system),
        }
    }

    fn beyond(self, before: Self) -> Self {
        Self {
            user: self.user.saturating_sub(before.user),
            system: self.system.saturating_sub(before.system),
        }
    }

    fn add(&mut self, more: Self) {
        self.user = self.user.saturating_add(more.user);
        self.system = self.system.saturating_add(more.system);
    }
}

#[expect(clippy::cast_precision_loss, reason = "as the format has it")]
fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}

#[cfg(test)]
mod tests;
