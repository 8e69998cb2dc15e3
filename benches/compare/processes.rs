//! Every process of a crowded node: `spyhole ps` against `ps aux` and against the floor.

use crate::contender::{Contender, Rows};
use crate::crowd::Crowd;
use crate::report::{self, Against, Figure, Measure};
use crate::{Options, Outcome, Scenario, race};

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "processes",
    about: "idle processes (--processes, 3000) listed by spyhole ps, ps aux, and merely read",
    run,
};

/// The goals: half the time of `ps aux`, half again the CPU of merely reading, and 12 MiB.
const FIGURES: &[Figure] = &[
    Figure {
        of: "spyhole ps",
        measure: Measure::Wall,
        against: Against::Times("ps aux"),
        at_most: Some(0.5),
    },
    Figure {
        of: "spyhole ps",
        measure: Measure::Cpu,
        against: Against::Times("floor"),
        at_most: Some(1.3),
    },
    Figure {
        of: "spyhole ps",
        measure: Measure::PeakRss,
        against: Against::Nothing,
        at_most: Some(12.0),
    },
    Figure {
        of: "spyhole ps",
        measure: Measure::Cpu,
        against: Against::Times("ps aux"),
        at_most: None,
    },
    Figure {
        of: "spyhole ps -o json",
        measure: Measure::Wall,
        against: Against::Times("ps aux"),
        at_most: None,
    },
    Figure {
        of: "spyhole ps -o json",
        measure: Measure::Cpu,
        against: Against::Times("floor"),
        at_most: None,
    },
    Figure {
        of: "spyhole ps -o json",
        measure: Measure::PeakRss,
        against: Against::Nothing,
        at_most: None,
    },
];

fn run(options: &Options) -> Result<Outcome, String> {
    let runs = options.runs.unwrap_or(15);
    report::print_machine(runs);
    let _crowd = Crowd::gather(options.processes)?;
    let lanes = race::run(&contenders(options)?, runs);
    Ok(report::print(&lanes, FIGURES))
}

fn contenders(options: &Options) -> Result<Vec<Contender>, String> {
    let harness = std::env::current_exe().map_err(|error| error.to_string())?;
    let harness = harness
        .to_str()
        .ok_or("the path of the harness is not UTF-8")?;
    let spyhole = options.spyhole.as_str();
    let count = options.processes.to_string();
    let lines = Some(Rows {
        mark: "\n",
        at_least: options.processes,
    });
    let objects = Some(Rows {
        mark: "\"pid\":",
        at_least: options.processes,
    });
    let table: [(&str, &[&str], _); 4] = [
        ("spyhole ps", &[spyhole, "ps"], lines),
        (
            "spyhole ps -o json",
            &[spyhole, "ps", "-o", "json"],
            objects,
        ),
        ("ps aux", &["ps", "aux"], lines),
        ("floor", &[harness, "floor", &count], None),
    ];
    Ok(table
        .into_iter()
        .map(|(name, command, rows)| Contender {
            name,
            command: command.iter().map(|word| (*word).to_owned()).collect(),
            rows,
        })
        .collect())
}
