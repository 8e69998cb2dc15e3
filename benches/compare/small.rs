//! What a start costs: `spyhole ps` and `spyhole overview` for ten processes against `true`, which does
//! nothing.
//!
//! Ten processes and no more need a PID namespace, and the first process in it a /proc of it.
//! A process cannot move itself into a new PID namespace, so the harness starts itself twice:
//! one part makes the namespaces, its child is PID 1 in them and measures.

use std::process::Command;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

use crate::contender::{Contender, Rows};
use crate::crowd::Crowd;
use crate::report::{self, Against, Figure, Measure};
use crate::{Options, Outcome, ROLE, Scenario, race, record};

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "small",
    about: "ten processes in a PID namespace of their own, by spyhole ps and overview, and true",
    run,
};

const PROCESSES: usize = 10;
const MAKE_NAMESPACES: &str = "make-namespaces";
const MEASURE: &str = "measure";

const FIGURES: &[Figure] = &[
    Figure {
        of: "spyhole ps",
        measure: Measure::Wall,
        against: Against::Times("true"),
        at_most: Some(1.6),
    },
    Figure {
        of: "spyhole ps",
        measure: Measure::Cpu,
        against: Against::Times("true"),
        at_most: None,
    },
    Figure {
        of: "spyhole ps",
        measure: Measure::PeakRss,
        against: Against::Nothing,
        at_most: None,
    },
    Figure {
        of: "spyhole overview",
        measure: Measure::Wall,
        against: Against::Times("true"),
        at_most: Some(8.0),
    },
];

fn run(options: &Options) -> Result<Outcome, String> {
    if !nix::unistd::geteuid().is_root() {
        println!("left out: a PID namespace and a /proc of its own need root");
        return Ok(Outcome::LeftOut);
    }
    go_on_as(MAKE_NAMESPACES, options)
}

/// Whether this process was started as one of the two parts.
pub(crate) fn is_part() -> bool {
    role().is_some_and(|role| role == MAKE_NAMESPACES || role == MEASURE)
}

/// Does the part that this process was started for.
pub(crate) fn run_part(options: &Options) -> Outcome {
    let outcome = if role().as_deref() == Some(MEASURE) {
        measure(options)
    } else {
        make_namespaces(options)
    };
    outcome.unwrap_or_else(|message| {
        println!("could not run: {message}");
        Outcome::Failed
    })
}

fn make_namespaces(options: &Options) -> Result<Outcome, String> {
    if let Err(error) = unshare(CloneFlags::CLONE_NEWPID | CloneFlags::CLONE_NEWNS) {
        println!("left out: no new namespaces here: {error}");
        return Ok(Outcome::LeftOut);
    }
    go_on_as(MEASURE, options)
}

fn measure(options: &Options) -> Result<Outcome, String> {
    mount_proc().map_err(|error| format!("cannot mount /proc: {error}"))?;
    let runs = options.rounds(200);
    report::print_machine(runs);
    let _crowd = Crowd::gather(PROCESSES)?;
    let contenders = [
        Contender {
            name: "spyhole ps",
            command: vec![options.spyhole.clone(), "ps".to_owned()],
            rows: Some(Rows {
                mark: "\n",
                at_least: PROCESSES,
            }),
        },
        Contender {
            name: "spyhole overview",
            command: vec![options.spyhole.clone(), "overview".to_owned()],
            rows: Some(Rows {
                mark: "next: ",
                at_least: 1,
            }),
        },
        Contender {
            name: "true",
            command: vec!["true".to_owned()],
            rows: None,
        },
    ];
    Ok(report::print(&race::run(&contenders, runs), FIGURES))
}

/// First cut off from the mounts outside, or they would get this /proc too.
fn mount_proc() -> nix::Result<()> {
    mount(
        None::<&str>,
        "/",
        None::<&str>,
        MsFlags::MS_REC | MsFlags::MS_PRIVATE,
        None::<&str>,
    )?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("proc"), "/proc", Some("proc"), flags, None::<&str>)
}

fn go_on_as(role: &str, options: &Options) -> Result<Outcome, String> {
    let status = std::env::current_exe()
        .and_then(|harness| {
            let mut command = Command::new(harness);
            if let Some(runs) = options.runs {
                command.args(["--runs", &runs.to_string()]);
            }
            command.args(options.quick.then_some("--quick"));
            command.envs(record::file().map(|file| (record::VARIABLE, file)));
            command
                .args(["small", "--spyhole", &options.spyhole])
                .env(ROLE, role)
                .status()
        })
        .map_err(|error| error.to_string())?;
    [Outcome::Reached, Outcome::Missed, Outcome::LeftOut]
        .into_iter()
        .find(|outcome| status.code() == Some(i32::from(*outcome as u8)))
        .map_or(Ok(Outcome::Failed), Ok)
}

fn role() -> Option<String> {
    std::env::var(ROLE).ok()
}
