//! A node: 500 processes in 70 network namespaces, as 70 pods have them.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::OwnedFd;
use std::process::Stdio;

use nix::sched::{CloneFlags, setns, unshare};

use crate::contender::{Contender, Rows};
use crate::crowd::Crowd;
use crate::report::{self, Against, Figure, Measure};
use crate::{Options, Outcome, Scenario, harness, race};

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "node",
    about: "500 processes in 70 network namespaces, by spyhole ps --all and ss --all",
    run,
};

const PODS: usize = 70;
const PROCESSES_OF_A_POD: usize = 7;

const FIGURES: &[Figure] = &[
    Figure {
        of: "spyhole ps --all",
        measure: Measure::Cpu,
        against: Against::Times("floor"),
        at_most: Some(1.2),
    },
    Figure {
        of: "spyhole ss --all",
        measure: Measure::Wall,
        against: Against::Nothing,
        at_most: Some(150.0),
    },
    Figure {
        of: "spyhole ss --all",
        measure: Measure::Cpu,
        against: Against::Nothing,
        at_most: None,
    },
    Figure {
        of: "spyhole ss -p --all",
        measure: Measure::Wall,
        against: Against::Nothing,
        at_most: None,
    },
];

fn run(options: &Options) -> Result<Outcome, String> {
    if !nix::unistd::geteuid().is_root() {
        println!("left out: network namespaces need root");
        return Ok(Outcome::LeftOut);
    }
    let runs = options.rounds(15);
    report::print_machine(runs);
    let mut pods = Vec::new();
    for _ in 0..PODS {
        pods.push(pod()?);
    }
    let processes = PODS * PROCESSES_OF_A_POD;
    let rows = |mark, at_least| Some(Rows { mark, at_least });
    let spyhole = options.spyhole.as_str();
    let count = processes.to_string();
    let contenders = [
        Contender::of(
            "spyhole ps --all",
            &[spyhole, "ps", "--all"],
            rows("\n", processes),
        ),
        Contender::of(
            "spyhole ss --all",
            &[spyhole, "ss", "--all", "-tln"],
            rows("listen", processes),
        ),
        Contender::of(
            "spyhole ss -p --all",
            &[spyhole, "ss", "--all", "-tlnp"],
            rows("pid=", processes),
        ),
        Contender::of("floor", &[harness()?, "floor", &count], None),
    ];
    Ok(report::print(&race::run(&contenders, runs), FIGURES))
}

/// The processes of one pod, each with a listener, in a network of their own. This thread is in
/// that network while it starts them, and back when they are up.
fn pod() -> Result<Crowd, String> {
    let own = File::open("/proc/thread-self/ns/net").map_err(|error| error.to_string())?;
    unshare(CloneFlags::CLONE_NEWNET).map_err(|error| format!("a network of its own: {error}"))?;
    let crowd = Crowd::gather_with(PROCESSES_OF_A_POD, || {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        Ok(Stdio::from(OwnedFd::from(listener)))
    });
    setns(own, CloneFlags::CLONE_NEWNET).map_err(|error| format!("the way back: {error}"))?;
    crowd
}
