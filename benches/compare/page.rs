//! The page in a browser that stays open: what its polling costs the server beside a container of
//! fifty processes.

use std::thread;
use std::time::{Duration, Instant};

use crate::pod::Pod;
use crate::report::{self, Goal};
use crate::{Options, Outcome, Scenario};

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "page",
    about: "spyhole serve beside a container of 50 processes: a page that polls every 2 s",
    run,
};

const PROCESSES: usize = 50;
/// As often as the page asks unless the reader picks another rate.
const PERIOD: Duration = Duration::from_secs(2);
/// Periods of one round.
const TURNS: u32 = 5;
/// What the tabs of the page that ask most ask each time: web/resources.js, web/processes.js.
const TABS: [(&str, &[&str]); 2] = [
    (
        "all charts",
        &["/v1/resources", "/v1/network?interfaces=true"],
    ),
    ("list of processes", &["/v1/processes"]),
];

#[allow(clippy::cast_precision_loss, reason = "KiB are shown as MiB")]
fn run(options: &Options) -> Result<Outcome, String> {
    let rounds = options.rounds(3);
    report::print_machine(rounds);
    let Some(pod) = Pod::start(PROCESSES)? else {
        return Ok(Outcome::LeftOut);
    };
    let _inside = pod.enter()?;
    let server = pod.spyhole(&options.spyhole, &[])?;
    let mut outcome = Outcome::Reached;
    for (tab, paths) in TABS {
        let (mut shares, mut own) = (Vec::new(), Vec::new());
        for _ in 0..=rounds {
            let (begun, before) = (Instant::now(), server.cpu_seconds()?);
            let mut most = 0;
            for turn in 1..=TURNS {
                for path in paths {
                    server.get(path)?;
                    most = most.max(server.held()?.rss_anon_kib);
                }
                thread::sleep((PERIOD * turn).saturating_sub(begun.elapsed()));
            }
            let used = server.cpu_seconds()? - before;
            shares.push(used / begun.elapsed().as_secs_f64() * 100.0);
            own.push(most as f64 / 1024.0);
        }
        // The first round also reads what is read once.
        shares.remove(0);
        let share = format!("{tab}: share of a processor");
        outcome = outcome.max(report::judge(&share, Goal::AtMost(3.0), " %", shares));
        let own_memory = format!("{tab}: its own memory");
        outcome = outcome.max(report::judge(&own_memory, Goal::AtMost(6.0), " MiB", own));
    }
    Ok(outcome)
}
