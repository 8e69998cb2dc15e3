//! Every process of a crowded node: `spyhole ps` against `ps aux` and against the floor.

use crate::contender::{Contender, Rows};
use crate::crowd::Crowd;
use crate::report::{self, Against, Figure, Measure};
use crate::{Options, Outcome, Scenario, harness, race};

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "processes",
    about: "idle processes (--processes, 3000) listed by spyhole ps, ps aux, and merely read",
    run,
};

const FIGURES: &[Figure] = &[
    Figure {
        of: "spyhole ps",
        measure: Measure::Wall,
        against: Against::Times("ps aux"),
        at_most: Some(0.3),
    },
    Figure {
        of: "spyhole ps",
        measure: Measure::Cpu,
        against: Against::Times("floor"),
        at_most: Some(1.05),
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
        at_most: Some(2.5),
    },
    // What the redactor costs.
    Figure {
        of: "spyhole ps -o json",
        measure: Measure::Cpu,
        against: Against::Minus("…--reveal-all"),
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
    let runs = options.rounds(15);
    report::print_machine(runs);
    let _crowd = Crowd::gather(options.processes)?;
    let lanes = race::run(&contenders(options)?, runs);
    Ok(report::print(&lanes, FIGURES))
}

fn contenders(options: &Options) -> Result<Vec<Contender>, String> {
    let harness = harness()?;
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
    let table: [(&str, &[&str], _); 5] = [
        ("spyhole ps", &[spyhole, "ps"], lines),
        (
            "spyhole ps -o json",
            &[spyhole, "ps", "-o", "json"],
            objects,
        ),
        (
            "…--reveal-all",
            &[spyhole, "ps", "-o", "json", "--reveal-all"],
            objects,
        ),
        ("ps aux", &["ps", "aux"], lines),
        ("floor", &[harness, "floor", &count], None),
    ];
    Ok(table
        .into_iter()
        .map(|(name, command, rows)| Contender::of(name, command, rows))
        .collect())
}
