//! Compares spyhole with the tools it stands in for, on work that it makes itself.
//!
//! `cargo run --release -p compare -- [SCENARIO|all] [--processes N] [--runs N] [--seconds N] [--spyhole FILE] [--check] [--quick] [--write FILE]`
//!
//! `--quick` takes a third of the rounds. `--write` puts the tables into a file, in the place of
//! those between the marks in it: `make performance` writes docs/performance.md so.
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
mod dump;
mod exporter;
mod floor;
mod load;
mod node;
mod once;
mod open_files;
mod page;
mod pod;
mod processes;
mod race;
mod record;
mod report;
mod serve;
mod server;
mod small;
mod sockets;
mod sys;
mod tls;
mod unix_sockets;
mod wrk;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::OnceLock;
use std::time::Instant;

const SCENARIOS: &[Scenario] = &[
    processes::SCENARIO,
    sockets::SCENARIO,
    unix_sockets::SCENARIO,
    open_files::SCENARIO,
    dump::SCENARIO,
    node::SCENARIO,
    small::SCENARIO,
    once::RUN,
    once::CHECK,
    certificates::SCENARIO,
    tls::SCENARIO,
    serve::SCENARIO,
    pod::SCENARIO,
    page::SCENARIO,
    exporter::SCENARIO,
    load::SCENARIO,
];

const USAGE: &str =
    "usage: compare [SCENARIO|all] [--processes N] [--runs N] [--seconds N] [--spyhole FILE] [--check]
               [--quick] [--write FILE]
       compare floor|fd-floor [AT_LEAST]";

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
    quick: bool,
    write: Option<PathBuf>,
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
    if let Some(floor) = words.next().and_then(|word| floor::named(&word)) {
        return floor::run(floor, words.next());
    }
    if crowd::is_member() {
        return crowd::stand_idle();
    }
    if sockets::is_holder() {
        return sockets::hold();
    }
    if unix_sockets::is_holder() {
        return unix_sockets::hold();
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
    let began = Instant::now();
    if options.write.is_some()
        && let Err(message) = record::begin()
    {
        eprintln!("{message}");
        return ExitCode::from(2);
    }
    let mut worst = Outcome::Reached;
    for scenario in SCENARIOS {
        if options.scenario != "all" && options.scenario != scenario.name {
            continue;
        }
        println!("{}: {}", scenario.name, scenario.about);
        record::scenario(scenario.name, scenario.about);
        let outcome = (scenario.run)(options).unwrap_or_else(|message| {
            println!("could not run: {message}");
            record::note(&format!("could not run: {message}"));
            Outcome::Failed
        });
        if outcome == Outcome::LeftOut {
            record::note("left out");
        }
        println!();
        worst = worst.max(outcome);
    }
    println!("{} s in total", began.elapsed().as_secs());
    if let Some(file) = &options.write
        && let Err(message) = record::write(file)
    {
        eprintln!("{message}");
        return ExitCode::from(2);
    }
    ExitCode::from(match (worst, options.check) {
        (Outcome::Failed, _) | (Outcome::LeftOut, true) => 2,
        (Outcome::Missed, true) => 1,
        _ => 0,
    })
}

impl Options {
    /// How many rounds to take, where so many give a steady median.
    fn rounds(&self, usual: usize) -> usize {
        let quick = (usual / 3).max(3).min(usual);
        self.runs.unwrap_or(if self.quick { quick } else { usual })
    }

    fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self {
            scenario: "processes".to_owned(),
            processes: 3000,
            runs: None,
            seconds: 20,
            spyhole: beside_harness()?,
            check: false,
            quick: false,
            write: None,
        };
        while let Some(word) = words.next() {
            match word.as_str() {
                "--check" => options.check = true,
                "--quick" => options.quick = true,
                "--write" => {
                    options.write = Some(words.next().ok_or("--write needs a file")?.into());
                }
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

/// The release of spyhole that `cargo build --release` puts into the harness's own directory.
fn beside_harness() -> Result<String, String> {
    let path = PathBuf::from(harness()?).with_file_name("spyhole");
    path.into_os_string()
        .into_string()
        .map_err(|_| "the path of the harness is not UTF-8".to_owned())
}

/// The path of this program.
fn harness() -> Result<&'static str, String> {
    static PATH: OnceLock<Option<String>> = OnceLock::new();
    let path = PATH.get_or_init(|| {
        std::env::current_exe()
            .ok()?
            .into_os_string()
            .into_string()
            .ok()
    });
    path.as_deref()
        .ok_or_else(|| "the path of the harness cannot be told".to_owned())
}

fn count(flag: &str, value: Option<&str>) -> Result<usize, String> {
    match value.map(str::parse) {
        Some(Ok(number)) if number > 0 => Ok(number),
        _ => Err(format!("{flag} needs a number above 0")),
    }
}
