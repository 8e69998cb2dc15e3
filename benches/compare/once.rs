//! Programs that run for a moment: `spyhole run` as the first process of an application beside
//! tini, and `spyhole check` as a probe.

use std::net::TcpListener;

use crate::contender::Contender;
use crate::report::{self, Against, Figure, Measure};
use crate::{Options, Outcome, Scenario, race};

pub(crate) const RUN: Scenario = Scenario {
    name: "run",
    about: "an application that ends at once: by itself, below spyhole run, below tini",
    run: |options| Ok(start(options)),
};

pub(crate) const CHECK: Scenario = Scenario {
    name: "check",
    about: "spyhole check of a port that accepts",
    run: check,
};

const RUN_FIGURES: &[Figure] = &[
    Figure {
        of: "spyhole run",
        measure: Measure::Wall,
        against: Against::Minus("true"),
        at_most: None,
    },
    Figure {
        of: "tini",
        measure: Measure::Wall,
        against: Against::Minus("true"),
        at_most: None,
    },
    // What it adds is to be no more than what tini adds.
    Figure {
        of: "spyhole run",
        measure: Measure::Wall,
        against: Against::Minus("tini"),
        at_most: Some(0.0),
    },
    Figure {
        of: "spyhole run",
        measure: Measure::Cpu,
        against: Against::Minus("tini"),
        at_most: None,
    },
];

const CHECK_FIGURES: &[Figure] = &[
    Figure {
        of: "spyhole check",
        measure: Measure::Wall,
        against: Against::Nothing,
        at_most: Some(5.0),
    },
    Figure {
        of: "spyhole check",
        measure: Measure::PeakRss,
        against: Against::Nothing,
        at_most: Some(4.0),
    },
];

fn start(options: &Options) -> Outcome {
    let runs = options.rounds(200);
    report::print_machine(runs);
    let contenders = [
        Contender::of("true", &["/bin/true"], None),
        Contender::of(
            "spyhole run",
            &[&options.spyhole, "run", "--", "/bin/true"],
            None,
        ),
        // It asks to be the reaper of orphans where it is not PID 1, as `spyhole run` does.
        Contender::of("tini", &["tini", "-s", "--", "/bin/true"], None),
    ];
    report::print(&race::run(&contenders, runs), RUN_FIGURES)
}

fn check(options: &Options) -> Result<Outcome, String> {
    let runs = options.rounds(60);
    report::print_machine(runs);
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    // What connects is taken off the queue, which would be full otherwise.
    std::thread::spawn(move || listener.incoming().flatten().for_each(drop));
    let what = format!("tcp:{address}");
    let contender = Contender::of("spyhole check", &[&options.spyhole, "check", &what], None);
    Ok(report::print(&race::run(&[contender], runs), CHECK_FIGURES))
}
