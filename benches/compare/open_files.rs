//! What every process of a crowded node has open: `spyhole lsof` against `lsof`.

use crate::contender::{Contender, Rows};
use crate::crowd::Crowd;
use crate::report::{self, Against, Figure, Measure};
use crate::{Options, Outcome, Scenario, race};

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "open_files",
    about: "open files of idle processes (--processes, 3000) listed by spyhole lsof and lsof",
    run,
};

/// Working and root directory, program, and the three standard descriptors.
const FILES_EACH: usize = 6;

const FIGURES: &[Figure] = &[
    Figure {
        of: "spyhole lsof -A",
        measure: Measure::Wall,
        against: Against::Times("lsof -nP"),
        at_most: Some(0.3),
    },
    Figure {
        of: "spyhole lsof -A",
        measure: Measure::Cpu,
        against: Against::Times("lsof -nP"),
        at_most: None,
    },
    Figure {
        of: "spyhole lsof -A",
        measure: Measure::PeakRss,
        against: Against::Nothing,
        at_most: None,
    },
    Figure {
        of: "…-o json",
        measure: Measure::Wall,
        against: Against::Times("lsof -nP"),
        at_most: None,
    },
    Figure {
        of: "…--summary",
        measure: Measure::Wall,
        against: Against::Times("lsof -nP"),
        at_most: None,
    },
];

fn run(options: &Options) -> Result<Outcome, String> {
    let runs = options.rounds(9);
    report::print_machine(runs);
    let _crowd = Crowd::gather(options.processes)?;
    let lanes = race::run(&contenders(options), runs);
    Ok(report::print(&lanes, FIGURES))
}

fn contenders(options: &Options) -> Vec<Contender> {
    let spyhole = options.spyhole.as_str();
    let rows = |mark, each: usize| {
        Some(Rows {
            mark,
            at_least: options.processes * each,
        })
    };
    let table: [(&str, &[&str], _); 4] = [
        (
            "spyhole lsof -A",
            &[spyhole, "lsof", "-A"],
            rows("\n", FILES_EACH),
        ),
        (
            "…-o json",
            &[spyhole, "lsof", "-A", "-o", "json"],
            rows("\"opened_as\":", FILES_EACH),
        ),
        (
            "…--summary",
            &[spyhole, "lsof", "-A", "--summary"],
            rows("\n", 1),
        ),
        ("lsof -nP", &["lsof", "-nP"], rows("\n", FILES_EACH)),
    ];
    table
        .into_iter()
        .map(|(name, command, rows)| Contender::of(name, command, rows))
        .collect()
}
