//! Everything at once: `spyhole dump` beside the two floors together, which read the same
//! processes and the same descriptors and make nothing of them; and `spyhole doctor`, which judges the
//! same.

use crate::contender::{Contender, Rows};
use crate::crowd::Crowd;
use crate::report::{self, Against, Figure, Measure};
use crate::{Options, Outcome, Scenario, harness, race};

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "dump",
    about: "spyhole dump and doctor of idle processes (--processes, 3000), and what reading them costs",
    run,
};

const FIGURES: &[Figure] = &[
    Figure {
        of: "spyhole dump",
        measure: Measure::Cpu,
        against: Against::TimesBoth("floor", "floor of fd"),
        at_most: Some(1.2),
    },
    Figure {
        of: "spyhole dump",
        measure: Measure::Wall,
        against: Against::TimesBoth("floor", "floor of fd"),
        at_most: None,
    },
    Figure {
        of: "spyhole doctor",
        measure: Measure::Cpu,
        against: Against::Times("spyhole dump"),
        at_most: Some(1.1),
    },
    Figure {
        of: "spyhole dump",
        measure: Measure::PeakRss,
        against: Against::Nothing,
        at_most: None,
    },
];

fn run(options: &Options) -> Result<Outcome, String> {
    let runs = options.rounds(9);
    report::print_machine(runs);
    let _crowd = Crowd::gather(options.processes)?;
    let count = options.processes.to_string();
    let contenders = [
        Contender::of(
            "spyhole dump",
            &[&options.spyhole, "dump", "-o", "json"],
            Some(Rows {
                mark: "\"pid\":",
                at_least: options.processes,
            }),
        ),
        Contender::of(
            "spyhole doctor",
            &[
                &options.spyhole,
                "doctor",
                "--fail-on",
                "never",
                "-o",
                "json",
            ],
            Some(Rows {
                mark: "\"rules_judged\":",
                at_least: 1,
            }),
        ),
        Contender::of("floor", &[harness()?, "floor", &count], None),
        Contender::of("floor of fd", &[harness()?, "fd-floor", &count], None),
    ];
    Ok(report::print(&race::run(&contenders, runs), FIGURES))
}
