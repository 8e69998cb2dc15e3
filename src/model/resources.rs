//! The section `resources`: what the target uses of memory, CPU, processes and I/O, and how much
//! it may use.

use serde::{Deserialize, Serialize};

use super::byte_string::ByteString;
use super::process::Limit;
use super::seen::Seen;

/// Use and limits of the cgroups and the resource limits that the main process is in.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Resources {
    /// The main process.
    pub pid: i32,
    /// Its memory cgroup.
    pub memory: Seen<MemoryResources>,
    /// Its CPU cgroup.
    pub cpu: Seen<CpuResources>,
    /// Its pids cgroup, which limits processes and threads.
    pub pids: Seen<PidsResources>,
    /// Its I/O cgroup; absent if no controller counts I/O.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub io: Option<Seen<IoResources>>,
    /// The limits of getrlimit(2) in force for the main process: `/proc/PID/limits`.
    pub limits: Seen<Vec<ResourceLimit>>,
}

/// Memory of a cgroup.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct MemoryResources {
    /// The directory of the cgroup, as the target sees it.
    pub cgroup: ByteString,
    /// 1 or 2.
    pub cgroup_version: u8,
    /// In use, page cache included: `memory.current`, in version 1 `memory.usage_in_bytes`;
    /// absent for the root cgroup of version 2, which does not count it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_bytes: Option<Seen<u64>>,
    /// In use without the page cache that the kernel gives back first, as the kubelet computes
    /// it: `current_bytes` less `inactive_file` of `memory.stat`; absent without `current_bytes`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub working_set_bytes: Option<Seen<u64>>,
    /// The most that was ever in use: `memory.peak` (Linux 5.19), `memory.max_usage_in_bytes`;
    /// absent if the kernel does not count it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peak_bytes: Option<Seen<u64>>,
    /// The lowest limit of this cgroup and of those above it that are visible: beyond it the OOM
    /// killer acts.
    pub limit_bytes: Seen<Limit>,
    /// The cgroup above that sets `limit_bytes`; absent if it is this one's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_set_by: Option<ByteString>,
    /// `current_bytes` in percent of `limit_bytes`; absent without a limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used_percent: Option<f64>,
    /// Beyond it the kernel slows the cgroup down: `memory.high`; version 2 only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub high_bytes: Option<Seen<Limit>>,
    /// Swap in use; absent if swap is not counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub swap_current_bytes: Option<Seen<u64>>,
    /// The limit of swap, in version 1 of memory and swap together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub swap_limit_bytes: Option<Seen<Limit>>,
    /// Anonymous memory: heaps and stacks. `anon` of `memory.stat`, in version 1 `total_rss`.
    pub anonymous_bytes: Seen<u64>,
    /// Page cache, shared memory included: `file`, in version 1 `total_cache`.
    pub cache_bytes: Seen<u64>,
    /// Memory of the kernel: `kernel` (Linux 5.18), in version 1 `memory.kmem.usage_in_bytes`;
    /// absent if it is not counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel_bytes: Option<Seen<u64>>,
    /// How often the limit was reached and nothing could be reclaimed: `oom` of `memory.events`;
    /// version 2 only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oom_events: Option<Seen<u64>>,
    /// Processes that the OOM killer has killed in this cgroup so far; absent for the root cgroup
    /// of version 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oom_kills: Option<Seen<u64>>,
    /// Pressure; version 2 only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pressure: Option<Seen<Pressure>>,
}

/// Processor time of a cgroup.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CpuResources {
    /// The directory of the cgroup, as the target sees it.
    pub cgroup: ByteString,
    /// 1 or 2.
    pub cgroup_version: u8,
    /// Processor time used since the cgroup was made, in seconds.
    pub usage_seconds: Seen<f64>,
    /// Of it, in user mode.
    pub user_seconds: Seen<f64>,
    /// Of it, in the kernel.
    pub system_seconds: Seen<f64>,
    /// Cores in use on average: over `--sample`, else since the container's init process was
    /// started; absent for another main process without `--sample`, as its cgroup may be older, and
    /// where it is seen to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used_cores: Option<Seen<f64>>,
    /// The length of the sampled time in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used_over_seconds: Option<f64>,
    /// The lowest quota of this cgroup and of those above it that are visible, in cores.
    pub limit_cores: Seen<CpuLimit>,
    /// The cgroup above that sets `limit_cores`; absent if it is this one's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_set_by: Option<ByteString>,
    /// `used_cores` in percent of `limit_cores`; absent without a limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used_percent: Option<f64>,
    /// Share against other cgroups while the CPU is busy: `cpu.weight` (1 to 10,000), in
    /// version 1 `cpu.shares` (2 to 262,144); absent for the root cgroup.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<Seen<u64>>,
    /// Periods in which the cgroup ran, counted while it has a quota.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub periods: Option<Seen<u64>>,
    /// Of those, the periods in which it was stopped because its quota was used up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throttled_periods: Option<Seen<u64>>,
    /// How long its tasks were stopped for that, in seconds, summed over the CPUs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throttled_seconds: Option<Seen<f64>>,
    /// Pressure; version 2 only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pressure: Option<Seen<Pressure>>,
}

/// A quota of processor time.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum CpuLimit {
    /// No limit.
    Unlimited,
    /// In cores: 0.5 is half a core.
    #[serde(untagged)]
    Cores(f64),
}

/// Processes and threads of a cgroup.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PidsResources {
    /// The directory of the cgroup, as the target sees it.
    pub cgroup: ByteString,
    /// 1 or 2.
    pub cgroup_version: u8,
    /// Processes and threads: `pids.current`; absent for the root cgroup, which does not count
    /// them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current: Option<Seen<u64>>,
    /// The highest count so far: `pids.peak` (Linux 6.1); absent if the kernel does not count it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peak: Option<Seen<u64>>,
    /// The lowest limit of this cgroup and of those above it that are visible: `pids.max`.
    pub limit: Seen<Limit>,
    /// The cgroup above that sets `limit`; absent if it is this one's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_set_by: Option<ByteString>,
    /// `current` in percent of `limit`; absent without a limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used_percent: Option<f64>,
    /// How often a fork failed because of the limit: `max` of `pids.events`; absent if the
    /// kernel does not count it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fork_failures: Option<Seen<u64>>,
}

/// I/O of a cgroup.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct IoResources {
    /// The directory of the cgroup, as the target sees it.
    pub cgroup: ByteString,
    /// 1 or 2.
    pub cgroup_version: u8,
    /// One for each block device that it read or wrote.
    pub devices: Vec<IoDevice>,
    /// Pressure; version 2 only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pressure: Option<Seen<Pressure>>,
}

/// What a cgroup read from and wrote to one block device.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct IoDevice {
    /// Major and minor number, such as `8:0`.
    pub device: String,
    /// Bytes read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_bytes: Option<u64>,
    /// Bytes written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub written_bytes: Option<u64>,
    /// Read operations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reads: Option<u64>,
    /// Write operations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub writes: Option<u64>,
}

/// Pressure stall information: how long tasks waited for a resource.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Pressure {
    /// At least one task waited.
    pub some: PressureLine,
    /// No task that is not idle could run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full: Option<PressureLine>,
}

/// Share of the time in which tasks waited, in percent.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PressureLine {
    /// Of the last 10 seconds.
    pub avg10_percent: f64,
    /// Of the last 60 seconds.
    pub avg60_percent: f64,
    /// Of the last 300 seconds.
    pub avg300_percent: f64,
    /// All waiting since the cgroup was made, in seconds.
    pub total_seconds: f64,
}

/// One limit of getrlimit(2).
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ResourceLimit {
    /// As the kernel names it, in lower case with underscores: `open_files`, `stack_size`.
    pub resource: String,
    /// The unit, such as `bytes`, `files`, `us`; absent for priorities.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Soft limit, which is enforced.
    pub soft: Limit,
    /// Hard limit, up to which the process may raise the soft one.
    pub hard: Limit,
    /// How much of it the process uses; absent where the kernel does not tell it of one process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used: Option<Seen<u64>>,
    /// `used` in percent of `soft`; absent without a limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used_percent: Option<f64>,
}

/// `used` in percent of a limit, to a tenth; `None` without a limit. A limit of 0 is used up.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "shown to a tenth of a percent")]
pub fn percent_of_limit(used: u64, limit: Limit) -> Option<f64> {
    match limit {
        Limit::Unlimited => None,
        Limit::Value(0) => Some(100.0),
        Limit::Value(limit) => Some(tenth(used as f64 / limit as f64 * 100.0)),
    }
}

/// Rounded to a tenth.
#[must_use]
pub fn tenth(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percents() {
        let percent = |used, limit| percent_of_limit(used, limit).map(|one| one.to_string());
        assert_eq!(percent(1, Limit::Value(3)).as_deref(), Some("33.3"));
        assert_eq!(percent(0, Limit::Value(0)).as_deref(), Some("100"));
        assert_eq!(percent(5, Limit::Unlimited), None);
    }
}
