//! The tables of `resources`: use against limits, then resource limits, pressure and I/O.

use super::table::{Cell, Heading, Table};
use crate::model::byte_string::ByteString;
use crate::model::process::Limit;
use crate::model::resources::{
    CpuLimit, CpuResources, IoResources, MemoryResources, PidsResources, Pressure, PressureLine,
    ResourceLimit, Resources,
};
use crate::model::seen::Seen;
use crate::model::units::bytes_short;

/// What the target uses, against its limits; everything with `wide`.
#[must_use]
pub(crate) fn tables(resources: &Resources, wide: bool) -> Vec<Table> {
    let mut tables = vec![summary(resources, wide)];
    if let Seen::Value(limits) = &resources.limits {
        tables.extend(resource_limits(limits, wide));
    }
    tables.extend(pressures(resources));
    if let Some(Seen::Value(io)) = &resources.io {
        tables.extend(devices(io));
    }
    tables
}

fn summary(resources: &Resources, wide: bool) -> Table {
    let mut table = Table {
        headings: vec![
            Heading::left("RESOURCE"),
            Heading::right("USED"),
            Heading::right("LIMIT"),
            Heading::right("USE%"),
            Heading::left("DETAILS"),
        ],
        ..Table::default()
    };
    match &resources.memory {
        Seen::Value(memory) => memory_rows(memory, wide, &mut table),
        Seen::Unseen(_) => table.rows.push(unseen("memory")),
    }
    match &resources.cpu {
        Seen::Value(cpu) => cpu_row(cpu, wide, &mut table),
        Seen::Unseen(_) => table.rows.push(unseen("cpu")),
    }
    match &resources.pids {
        Seen::Value(pids) => pids_row(pids, wide, &mut table),
        Seen::Unseen(_) => table.rows.push(unseen("pids")),
    }
    if matches!(resources.limits, Seen::Unseen(_)) {
        table.rows.push(unseen("resource limits"));
    }
    table
}

fn memory_rows(memory: &MemoryResources, wide: bool, table: &mut Table) {
    let mut details = Vec::new();
    let mut detail = |name: &str, value: Option<&Seen<u64>>| {
        if let Some(Seen::Value(bytes)) = value {
            details.push(format!("{name} {}", bytes_short(*bytes)));
        }
    };
    detail("working set", memory.working_set_bytes.as_ref());
    detail("peak", memory.peak_bytes.as_ref());
    detail("anonymous", Some(&memory.anonymous_bytes));
    detail("cache", Some(&memory.cache_bytes));
    detail("kernel", memory.kernel_bytes.as_ref());
    if let Some(Seen::Value(Limit::Value(high))) = memory.high_bytes {
        details.push(format!("high {}", bytes_short(high)));
    }
    if let Some(Seen::Value(events @ 1..)) = memory.oom_events {
        details.push(format!("limit reached {events} times"));
    }
    if let Some(Seen::Value(kills @ 1..)) = memory.oom_kills {
        details.push(format!("OOM kills {kills}"));
    }
    table.rows.push(vec![
        "memory".into(),
        Cell::of(memory.current_bytes.as_ref(), |used| bytes(*used)),
        Cell::of(Some(&memory.limit_bytes), bytes_limit),
        percent(memory.used_percent),
        details.join(", ").into(),
    ]);
    if let Some(swap) = &memory.swap_current_bytes {
        let limit = memory.swap_limit_bytes.as_ref();
        table.rows.push(vec![
            "swap".into(),
            Cell::of(Some(swap), |used| bytes(*used)),
            Cell::of(limit, bytes_limit),
            Cell::Absent,
            match memory.cgroup_version {
                1 => "limit of memory and swap together".into(),
                _ => "".into(),
            },
        ]);
    }
    notes(
        "memory",
        &memory.cgroup,
        memory.limit_set_by.as_ref(),
        wide,
        table,
    );
}

fn cpu_row(cpu: &CpuResources, wide: bool, table: &mut Table) {
    let mut details = match cpu.used_over_seconds {
        Some(seconds) => vec![format!("cores, average of {} s", seconds.round())],
        None => vec!["cores; use over time with --sample".to_owned()],
    };
    if let (Some(Seen::Value(periods @ 1..)), Some(Seen::Value(throttled))) =
        (&cpu.periods, &cpu.throttled_periods)
    {
        details.push(format!("throttled in {throttled} of {periods} periods"));
    }
    if let Some(Seen::Value(seconds)) = &cpu.throttled_seconds
        && *seconds > 0.0
    {
        details.push(format!("for {seconds:.1} s"));
    }
    table.rows.push(vec![
        "cpu".into(),
        Cell::of(cpu.used_cores.as_ref(), |cores| Cell::number(cores)),
        Cell::of(Some(&cpu.limit_cores), |limit| match limit {
            CpuLimit::Unlimited => "unlimited".into(),
            CpuLimit::Cores(cores) => Cell::number(cores),
        }),
        percent(cpu.used_percent),
        details.join(", ").into(),
    ]);
    notes("cpu", &cpu.cgroup, cpu.limit_set_by.as_ref(), wide, table);
}

fn pids_row(pids: &PidsResources, wide: bool, table: &mut Table) {
    let mut details = vec!["processes and threads".to_owned()];
    if let Some(Seen::Value(peak)) = pids.peak {
        details.push(format!("peak {peak}"));
    }
    if let Some(Seen::Value(failures @ 1..)) = pids.fork_failures {
        details.push(format!("limit reached {failures} times"));
    }
    table.rows.push(vec![
        "pids".into(),
        Cell::of(pids.current.as_ref(), |count| Cell::number(count)),
        Cell::of(Some(&pids.limit), number_limit),
        percent(pids.used_percent),
        details.join(", ").into(),
    ]);
    notes(
        "pids",
        &pids.cgroup,
        pids.limit_set_by.as_ref(),
        wide,
        table,
    );
}

fn notes(
    resource: &str,
    cgroup: &ByteString,
    set_by: Option<&ByteString>,
    wide: bool,
    table: &mut Table,
) {
    if let Some(path) = set_by {
        let path = path.to_text();
        table.notes.push(format!(
            "the {resource} limit is that of {path}, a cgroup above"
        ));
    }
    if wide {
        let path = cgroup.to_text();
        table.notes.push(format!("{resource} cgroup: {path}"));
    }
}

/// Those whose use is known; all of them with `wide`.
fn resource_limits(limits: &[ResourceLimit], wide: bool) -> Option<Table> {
    let row = |limit: &ResourceLimit| {
        let in_bytes = limit.unit.as_deref() == Some("bytes");
        let show = |limit: &Limit| {
            if in_bytes {
                bytes_limit(limit)
            } else {
                number_limit(limit)
            }
        };
        let name = limit.resource.replace('_', " ");
        vec![
            name.into(),
            Cell::of(limit.used.as_ref(), |used| {
                if in_bytes {
                    bytes(*used)
                } else {
                    Cell::number(used)
                }
            }),
            show(&limit.soft),
            show(&limit.hard),
            percent(limit.used_percent),
            limit.unit.clone().map_or(Cell::Absent, Cell::from),
        ]
    };
    let shown = limits.iter().filter(|limit| wide || limit.used.is_some());
    let rows: Vec<_> = shown.map(row).collect();
    (!rows.is_empty()).then(|| Table {
        title: Some("Resource limits of the main process (ulimit)".to_owned()),
        headings: vec![
            Heading::left("LIMIT"),
            Heading::right("USED"),
            Heading::right("SOFT"),
            Heading::right("HARD"),
            Heading::right("USE%"),
            Heading::left("UNIT"),
        ],
        rows,
        ..Table::default()
    })
}

fn pressures(resources: &Resources) -> Option<Table> {
    let memory = resources.memory.value().map(|one| &one.pressure);
    let cpu = resources.cpu.value().map(|one| &one.pressure);
    let io = resources.io.as_ref().and_then(Seen::value);
    let io = io.map(|one| &one.pressure);
    let mut rows = Vec::new();
    for (name, pressure) in [("memory", memory), ("cpu", cpu), ("io", io)] {
        match pressure.and_then(Option::as_ref) {
            Some(Seen::Value(pressure)) => pressure_rows(name, pressure, &mut rows),
            Some(Seen::Unseen(_)) => {
                let mut row = vec![name.into()];
                row.resize(6, Cell::Unseen);
                rows.push(row);
            }
            None => {}
        }
    }
    (!rows.is_empty()).then(|| Table {
        title: Some("Pressure: share of the time in which tasks waited".to_owned()),
        headings: vec![
            Heading::left("RESOURCE"),
            Heading::left("TASKS"),
            Heading::right("10S"),
            Heading::right("60S"),
            Heading::right("300S"),
            Heading::right("TOTAL"),
        ],
        rows,
        ..Table::default()
    })
}

fn pressure_rows(name: &'static str, pressure: &Pressure, rows: &mut Vec<Vec<Cell>>) {
    let mut row = |tasks: &'static str, line: &PressureLine| {
        rows.push(vec![
            name.into(),
            tasks.into(),
            percent(Some(line.avg10_percent)),
            percent(Some(line.avg60_percent)),
            percent(Some(line.avg300_percent)),
            format!("{:.1}s", line.total_seconds).into(),
        ]);
    };
    row("some", &pressure.some);
    if let Some(full) = &pressure.full {
        row("all", full);
    }
}

fn devices(io: &IoResources) -> Option<Table> {
    let in_bytes = |value: Option<u64>| value.map_or(Cell::Absent, bytes);
    let count = |value: Option<u64>| value.map_or(Cell::Absent, Cell::number);
    let rows: Vec<_> = io
        .devices
        .iter()
        .map(|device| {
            vec![
                device.device.clone().into(),
                in_bytes(device.read_bytes),
                in_bytes(device.written_bytes),
                count(device.reads),
                count(device.writes),
            ]
        })
        .collect();
    (!rows.is_empty()).then(|| Table {
        title: Some("Block devices".to_owned()),
        headings: vec![
            Heading::left("DEVICE"),
            Heading::right("READ"),
            Heading::right("WRITTEN"),
            Heading::right("READS"),
            Heading::right("WRITES"),
        ],
        rows,
        ..Table::default()
    })
}

fn unseen(resource: &'static str) -> Vec<Cell> {
    vec![
        resource.into(),
        Cell::Unseen,
        Cell::Unseen,
        Cell::Unseen,
        Cell::Absent,
    ]
}

fn bytes(bytes: u64) -> Cell {
    bytes_short(bytes).into()
}

fn bytes_limit(limit: &Limit) -> Cell {
    match limit {
        Limit::Unlimited => "unlimited".into(),
        Limit::Value(value) => bytes(*value),
    }
}

fn number_limit(limit: &Limit) -> Cell {
    match limit {
        Limit::Unlimited => "unlimited".into(),
        Limit::Value(value) => Cell::number(value),
    }
}

fn percent(percent: Option<f64>) -> Cell {
    percent.map_or(Cell::Absent, |percent| format!("{percent:.1}%").into())
}
