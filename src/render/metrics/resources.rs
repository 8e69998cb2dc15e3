//! Use and limits of the target's cgroups, with the meaning that cAdvisor gives such names.

use super::family::Family;
use super::{Figures, Page, number};
use crate::model::Report;
use crate::model::process::Limit;
use crate::model::resources::{CpuLimit, CpuResources, MemoryResources, PidsResources, Resources};
use crate::model::seen::Seen;

/// The part of the section `resources`.
pub(crate) fn collect(report: &Report, _: &Figures<'_>, page: &mut Page) {
    let Some(resources) = &report.resources else {
        return;
    };
    let Resources {
        memory, cpu, pids, ..
    } = resources;
    page.add(memory.value().into_iter().flat_map(of_memory));
    page.add(cpu.value().into_iter().flat_map(of_cpu));
    page.add(pids.value().into_iter().flat_map(of_pids));
}

fn of_memory(memory: &MemoryResources) -> [Family; 6] {
    let gauge = |name, help, value: Option<f64>| Family::gauge(name, help).with(value);
    [
        gauge(
            "spyhole_memory_usage_bytes",
            "Memory in use by the target's cgroup, page cache included.",
            count(memory.current_bytes.as_ref()),
        ),
        gauge(
            "spyhole_memory_working_set_bytes",
            "Memory in use without inactive page cache, as the kubelet computes it.",
            count(memory.working_set_bytes.as_ref()),
        ),
        gauge(
            "spyhole_memory_max_usage_bytes",
            "Highest memory use so far; absent if the kernel does not count it.",
            count(memory.peak_bytes.as_ref()),
        ),
        gauge(
            "spyhole_memory_limit_bytes",
            "Memory limit; absent without a limit.",
            limit(&memory.limit_bytes),
        ),
        gauge(
            "spyhole_memory_swap_bytes",
            "Swap in use; absent if it is not counted.",
            count(memory.swap_current_bytes.as_ref()),
        ),
        Family::counter(
            "spyhole_oom_kills_total",
            "Processes of the target's cgroup that the OOM killer has killed.",
        )
        .with(count(memory.oom_kills.as_ref())),
    ]
}

fn of_cpu(cpu: &CpuResources) -> [Family; 5] {
    let counter = |name, help, value: Option<f64>| Family::counter(name, help).with(value);
    let cores = match cpu.limit_cores {
        Seen::Value(CpuLimit::Cores(cores)) => Some(cores),
        _ => None,
    };
    [
        counter(
            "spyhole_cpu_usage_seconds_total",
            "CPU time used by the target's cgroup.",
            cpu.usage_seconds.value().copied(),
        ),
        Family::gauge(
            "spyhole_cpu_limit_cores",
            "CPU limit in cores; absent without a limit.",
        )
        .with(cores),
        counter(
            "spyhole_cpu_cfs_periods_total",
            "Periods in which the cgroup ran under a CPU quota.",
            count(cpu.periods.as_ref()),
        ),
        counter(
            "spyhole_cpu_cfs_throttled_periods_total",
            "Periods in which the cgroup used up its CPU quota.",
            count(cpu.throttled_periods.as_ref()),
        ),
        counter(
            "spyhole_cpu_cfs_throttled_seconds_total",
            "Time for which tasks were stopped by the CPU quota.",
            cpu.throttled_seconds
                .as_ref()
                .and_then(Seen::value)
                .copied(),
        ),
    ]
}

fn of_pids(pids: &PidsResources) -> [Family; 2] {
    [
        Family::gauge(
            "spyhole_pids",
            "Processes and threads in the target's cgroup.",
        )
        .with(count(pids.current.as_ref())),
        Family::gauge(
            "spyhole_pids_limit",
            "Limit on processes and threads; absent without a limit.",
        )
        .with(limit(&pids.limit)),
    ]
}

fn count(value: Option<&Seen<u64>>) -> Option<f64> {
    value.and_then(Seen::value).map(|count| number(*count))
}

fn limit(limit: &Seen<Limit>) -> Option<f64> {
    match limit {
        Seen::Value(Limit::Value(value)) => Some(number(*value)),
        _ => None,
    }
}
