//! A scrape of a thousand processes: `spyhole serve` and Debian's process exporter in turn.

use crate::crowd::Crowd;
use crate::report::{self, Goal};
use crate::server::{self, Server, tied};
use crate::{Options, Outcome, Scenario};

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "exporter",
    about: "a scrape of 1000 processes, by spyhole serve and prometheus-process-exporter in turn",
    run,
};

const PROCESSES: usize = 1000;
/// Scrapes of a round: what processes of a server took is counted in hundredths of a second.
const SCRAPES: u32 = 5;
/// Each process counts, under its name: the example that comes with the exporter.
const CONFIG: &str = "process_names: [{name: '{{.Comm}}', cmdline: ['.+']}]\n";

fn run(options: &Options) -> Result<Outcome, String> {
    let rounds = options.rounds(5);
    report::print_machine(rounds);
    let notes = tempfile::tempdir().map_err(|error| error.to_string())?;
    let config = notes.path().join("config.yaml");
    std::fs::write(&config, CONFIG).map_err(|error| error.to_string())?;
    let config = config.display().to_string();
    let _crowd = Crowd::gather(PROCESSES)?;
    let servers = [
        (
            "spyhole serve",
            "spyhole_process_group_processes{",
            Server::spyhole(&options.spyhole, &["--cache", "0s"])?,
        ),
        (
            "process-exporter",
            "namedprocess_namegroup_num_procs{",
            exporter(&config, &[])?,
        ),
        (
            "…without smaps",
            "namedprocess_namegroup_num_procs{",
            exporter(&config, &["-gather-smaps=false", "-threads=false"])?,
        ),
    ];
    let mut rows: Vec<(&str, [Vec<f64>; 1])> = Vec::new();
    for &(name, metric, ref server) in &servers {
        let counted = sum(&server.get("/metrics")?, metric);
        if counted < PROCESSES {
            return Err(format!("{name}: {counted} processes, not {PROCESSES}"));
        }
        rows.push((name, Default::default()));
    }
    for _ in 0..rounds {
        for ((_, _, server), (_, [costs])) in servers.iter().zip(&mut rows) {
            let before = server.cpu_seconds()?;
            for _ in 0..SCRAPES {
                server.get("/metrics")?;
            }
            costs.push((server.cpu_seconds()? - before) * 1e3 / f64::from(SCRAPES));
        }
    }
    report::print_rows(&["CPU ms of a scrape"], &rows);
    Ok(judge(&rows))
}

fn judge(rows: &[(&str, [Vec<f64>; 1])]) -> Outcome {
    let [(_, [spyhole]), (_, [exporter]), (_, [lean])] = rows else {
        return Outcome::Failed;
    };
    let ratio = |other: &[f64]| {
        let pairs = spyhole.iter().zip(other);
        pairs.map(|(own, other)| own / other).collect()
    };
    let what = "spyhole serve: CPU";
    report::judge(
        what,
        Goal::None,
        " × that without smaps and threads",
        ratio(lean),
    );
    report::judge(
        what,
        Goal::AtMost(0.5),
        " × process-exporter",
        ratio(exporter),
    )
}

/// The exporter on a free port of loopback.
fn exporter(config: &str, flags: &[&str]) -> Result<Server, String> {
    let address = server::free_address().map_err(|error| error.to_string())?;
    let mut command = tied("prometheus-process-exporter");
    command
        .args([
            "-config.path",
            config,
            "-web.listen-address",
            &address.to_string(),
        ])
        .args(flags);
    Server::listening(&mut command, address)
}

/// The values of all samples of a metric together.
fn sum(text: &str, metric: &str) -> usize {
    let samples = text.lines().filter(|line| line.starts_with(metric));
    let values = samples.filter_map(|line| line.rsplit(' ').next()?.parse::<usize>().ok());
    values.sum()
}
