//! Compares spyhole with the tools it stands in for, on work that it makes itself.
//!
//! `cargo bench --bench compare -- [SCENARIO|all] [--processes N] [--runs N] [--seconds N] [--spyhole FILE] [--check]`
//!
//! Every contender of a scenario runs in turn (A B C A B C …), so that a machine that grows
//! slower meanwhile is slower for all of them, and ratios are taken pair by pair. A contender
//! that does not do the whole work is not judged: an empty answer is fast, but no answer.
//!
//! A new scenario is one file with a `SCENARIO`, its `mod` and its line in [`SCENARIOS`].
//!
//! Exit codes: 0 measured · 1 with `--check`, a goal was missed · 2 something could not run
//! (with `--check`, also when a scenario was left out).

#![allow(
    clippy::disallowed_methods,
    reason = "the layers of the product do not bind what measures it from outside"
)]

mod bare;
mod certificates;
mod contender;
mod crowd;
mod exporter;
mod floor;
mod load;
mod pod;
mod processes;
mod race;
mod report;
mod serve;
mod server;
mod small;
mod sockets;
mod sys;
mod tls;
mod wrk;

use std::process::ExitCode;

const SCENARIOS: &[Scenario] = &[
    processes::SCENARIO,
    sockets::SCENARIO,
    small::SCENARIO,
    certificates::SCENARIO,
    tls::SCENARIO,
    serve::SCENARIO,
    pod::SCENARIO,
    exporter::SCENARIO,
    load::SCENARIO,
];

const USAGE: &str =
    "usage: compare [SCENARIO|all] [--processes N] [--runs N] [--seconds N] [--spyhole FILE] [--check]
       compare floor [AT_LEAST]";

/// Says what this process is, when the harness started itself again as something else.
const ROLE: &str = "SPYHOLE_BENCH_ROLE";

/// One thing to compare.
struct Scenario {
    name: &'static str,
    about: &'static str,
    run: fn(&Options) -> Result<Outcome, String>,
}

/// What the command line asked for.
struct Options {
    scenario: String,
    processes: usize,
    runs: Option<usize>,
    seconds: usize,
    spyhole: String,
    check: bool,
}

/// How a scenario ended; of several the greatest counts. The number is the exit code by which
/// a part of the harness that runs in a process of its own hands it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
enum Outcome {
    Reached = 0,
    Missed = 1,
    LeftOut = 2,
    Failed = 3,
}

fn main() -> ExitCode {
    // The floor and the crowd are this same binary: nothing may happen before these two lines
    // that would cost the floor time or each member of the crowd memory.
    let mut words = std::env::args_os().skip(1);
    if words.next().is_some_and(|word| word == "floor") {
        return floor::run(words.next());
    }
    if crowd::is_member() {
        return crowd::stand_idle();
    }
    if sockets::is_holder() {
        return sockets::hold();
    }
    if bare::is_server() {
        return bare::serve();
    }
    match Options::parse(std::env::args().skip(1)) {
        Ok(options) => run(&options),
        Err(message) => {
            eprintln!("{message}\n{USAGE}");
            for scenario in SCENARIOS {
                eprintln!("  {:<12}{}", scenario.name, scenario.about);
            }
            ExitCode::from(2)
        }
    }
}

fn run(options: &Options) -> ExitCode {
    if small::is_part() {
        return ExitCode::from(small::run_part(options) as u8);
    }
    let mut worst = Outcome::Reached;
    for scenario in SCENARIOS {
        if options.scenario != "all" && options.scenario != scenario.name {
            continue;
        }
        println!("{}: {}", scenario.name, scenario.about);
        let outcome = (scenario.run)(options).unwrap_or_else(|message| {
            println!("could not run: {message}");
            Outcome::Failed
        });
        println!();
        worst = worst.max(outcome);
    }
    ExitCode::from(match (worst, options.check) {
        (Outcome::Failed, _) | (Outcome::LeftOut, true) => 2,
        (Outcome::Missed, true) => 1,
        _ => 0,
    })
}

impl Options {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self {
            scenario: "processes".to_owned(),
            processes: 3000,
            runs: None,
            seconds: 20,
            spyhole: env!("CARGO_BIN_EXE_spyhole").to_owned(),
            check: false,
        };
        while let Some(word) = words.next() {
            match word.as_str() {
                "--bench" => {} // cargo adds it by itself
                "--check" => options.check = true,
                "--processes" => options.processes = count(&word, words.next().as_deref())?,
                "--runs" => options.runs = Some(count(&word, words.next().as_deref())?),
                "--seconds" => options.seconds = count(&word, words.next().as_deref())?,
                "--spyhole" => options.spyhole = words.next().ok_or("--spyhole needs a file")?,
                name if name == "all" || SCENARIOS.iter().any(|known| known.name == name) => {
                    options.scenario = word;
                }
                _ => return Err(format!("unknown word: {word}")),
            }
        }
        Ok(options)
    }
}

fn count(flag: &str, value: Option<&str>) -> Result<usize, String> {
    match value.map(str::parse) {
        Some(Ok(number)) if number > 0 => Ok(number),
        _ => Err(format!("{flag} needs a number above 0")),
    }
}
