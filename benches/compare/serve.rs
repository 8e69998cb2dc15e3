//! What spyhole's limits, guard and log cost a request: `/healthz` beside a bare hyper.

use crate::report::{self, Goal};
use crate::server::Server;
use crate::wrk::{self, Asked, Run};
use crate::{Options, Outcome, Scenario, bare};

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "serve",
    about: "/healthz of spyhole serve and of a bare hyper server, asked by wrk in turn",
    run,
};

/// Seconds of one run.
const SECONDS: usize = 2;

fn run(options: &Options) -> Result<Outcome, String> {
    let rounds = options.rounds(7);
    report::print_machine(rounds);
    let servers = [
        ("spyhole serve", Server::spyhole(&options.spyhole, &[])?),
        (
            "without access log",
            Server::spyhole(&options.spyhole, &["--access-log", "off"])?,
        ),
        ("bare hyper", bare::start()?),
    ];
    let mut outcome = Outcome::Reached;
    for connections in [1, 16] {
        let asked = Run {
            path: "/healthz",
            connections,
            seconds: SECONDS,
            script: None,
        };
        let lanes = race(&servers, asked, rounds)?;
        println!("\n{connections} at once");
        report::print_rows(&["requests/s", "p99 ms", "CPU µs/request"], &lanes);
        outcome = outcome.max(judge(&lanes, connections));
    }
    Ok(outcome)
}

/// The samples of one server: of each measure one for each round.
pub(crate) type Lane = (&'static str, [Vec<f64>; 3]);

/// All in turn, again and again, after one run each that is not counted.
fn race(
    servers: &[(&'static str, Server)],
    asked: Run,
    rounds: usize,
) -> Result<Vec<Lane>, String> {
    let mut lanes: Vec<Lane> = Vec::new();
    for (name, server) in servers {
        wrk::flawless(
            server,
            Run {
                seconds: 1,
                ..asked
            },
        )?;
        lanes.push((name, Default::default()));
    }
    for _ in 0..rounds {
        for ((_, server), (_, samples)) in servers.iter().zip(&mut lanes) {
            take(server, asked, samples)?;
        }
    }
    Ok(lanes)
}

/// One run: requests a second, the slowest of a hundred in ms, CPU of a request in µs.
pub(crate) fn take(
    server: &Server,
    asked: Run,
    [rates, slowest, costs]: &mut [Vec<f64>; 3],
) -> Result<(), String> {
    let before = server.cpu_seconds()?;
    let Asked {
        requests,
        per_second,
        p99,
        ..
    } = wrk::flawless(server, asked)?;
    rates.push(per_second);
    slowest.push(p99.as_secs_f64() * 1e3);
    costs.push((server.cpu_seconds()? - before) * 1e6 / requests);
    Ok(())
}

fn judge(lanes: &[Lane], connections: usize) -> Outcome {
    let [(_, spyhole), (_, quiet), (_, bare)] = lanes else {
        return Outcome::Failed;
    };
    let ratio = |of: &[Vec<f64>; 3], measure: usize| {
        let of = of.get(measure).into_iter().flatten();
        let bare = bare.get(measure).into_iter().flatten();
        of.zip(bare).map(|(own, other)| own / other).collect()
    };
    let (goal, other) = (Goal::AtLeast(0.9), " × bare hyper");
    let of = |what: &str| format!("{what}, {connections} at once");
    let asked = of("spyhole serve: requests/s");
    let outcome = report::judge(&asked, goal, other, ratio(spyhole, 0));
    let cpu = of("spyhole serve: CPU");
    report::judge(&cpu, Goal::None, other, ratio(spyhole, 2));
    for (what, measure) in [("requests/s", 0), ("CPU", 2)] {
        let what = of(&format!("without access log: {what}"));
        report::judge(&what, Goal::None, other, ratio(quiet, measure));
    }
    outcome
}
