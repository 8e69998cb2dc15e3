//! A long load: every kind of route over kept connections, others that come and go, and whether
//! memory and descriptors stay what they are.

#![allow(
    clippy::cast_precision_loss,
    reason = "KiB are shown as MiB, descriptors are few"
)]

use std::io::Write as _;
use std::net::TcpStream;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use crate::pod::{self, Pod};
use crate::report::{self, Goal};
use crate::server::{Held, Server};
use crate::wrk::{self, Run};
use crate::{Options, Outcome, Scenario};

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "load",
    about: "all routes at 16 connections beside others that come and go (--seconds, 20)",
    run,
};

/// What is asked in turn; `app` is a probe that dials the application.
const PATHS: &[&str] = &[
    "/healthz",
    "/readyz",
    "/probe/app",
    "/v1/processes",
    "/v1/processes?output=table",
    "/v1/sockets",
    "/v1/environment",
    "/v1/mounts",
    "/v1/capabilities",
    "/v1/certificates",
    "/v1/access",
    "/v1/dump",
    "/v1/dump?output=yaml",
    "/metrics",
    "/openapi.json",
    "/",
];

/// Connections in a second that ask once, and as many that leave after half a request.
const COMERS: u32 = 25;

/// What shall be flat, and by how much it may grow.
const MEASURES: [Measure; 3] = [
    ("RSS MiB", 1.0, |held| mib(held.rss_kib)),
    ("its own memory MiB", 1.0, |held| mib(held.rss_anon_kib)),
    ("descriptors", 0.0, |held| held.descriptors as f64),
];

type Measure = (&'static str, f64, fn(&Held) -> f64);

fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}

fn run(options: &Options) -> Result<Outcome, String> {
    report::print_machine(1);
    let Some(pod) = Pod::start(pod::PROCESSES)? else {
        return Ok(Outcome::LeftOut);
    };
    let _inside = pod.enter()?;
    let server = pod.spyhole(
        &options.spyhole,
        // Many lives of a connection, at whose end no request may be lost.
        &[
            "--probe",
            "app=tcp:127.0.0.1:8080",
            "--connection-lifetime",
            "4s",
        ],
    )?;
    for path in PATHS {
        server.get(path)?;
    }
    let start = server.held()?;
    let notes = tempfile::tempdir().map_err(|error| error.to_string())?;
    let script = notes.path().join("paths.lua");
    std::fs::write(&script, lua()).map_err(|error| error.to_string())?;
    let asked = Run {
        path: "/",
        connections: 16,
        seconds: options.seconds,
        script: Some(&script.display().to_string()),
    };
    let clients = wrk::command(&server, asked)
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("wrk: {error}"))?;
    let samples = watch(&server, options.seconds)?;
    let output = clients
        .wait_with_output()
        .map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    let found = wrk::parse(&text).ok_or_else(|| format!("wrk: {text}"))?;
    // All have gone, and what was kept for whoever might ask the same.
    thread::sleep(Duration::from_secs(3));
    let end = server.held()?;
    println!(
        "{} requests, {:.0} a second, p99 {:.1} ms, {} failed",
        found.requests,
        found.per_second,
        found.p99.as_secs_f64() * 1e3,
        found.failed
    );
    let lost = report::judge(
        "requests lost",
        Goal::AtMost(0.0),
        "",
        vec![found.failed as f64],
    );
    Ok(lost.max(tell(start, &samples, end)))
}

/// Comes and goes, and looks once a second what the server holds.
fn watch(server: &Server, seconds: usize) -> Result<Vec<Held>, String> {
    let mut samples = Vec::with_capacity(seconds);
    let began = Instant::now();
    for second in (1..).map(Duration::from_secs).take(seconds) {
        for _ in 0..COMERS {
            server.get("/healthz")?;
            let half = TcpStream::connect(server.address);
            let left = half.and_then(|mut stream| stream.write_all(b"GET /v1/dump HT"));
            left.map_err(|error| error.to_string())?;
            thread::sleep(Duration::from_secs(1) / COMERS / 2);
        }
        thread::sleep((began + second).saturating_duration_since(Instant::now()));
        samples.push(server.held()?);
    }
    Ok(samples)
}

/// What a moment holds depends on the answers under way, so the median of the last quarter is
/// set against that of the second (the first warms up), and the end against the start.
fn tell(start: Held, samples: &[Held], end: Held) -> Outcome {
    let mut outcome = Outcome::Reached;
    for (name, room, of) in MEASURES {
        let values: Vec<f64> = samples.iter().map(of).collect();
        let quarters = values.chunks((values.len() / 4).max(1)).take(4);
        let quarters: Vec<_> = quarters
            .map(|quarter| report::spread(quarter.to_vec()))
            .collect();
        print!("{name}: {:.2} at the start", of(&start));
        for (min, median, max) in &quarters {
            print!(", {min:.2} {median:.2} {max:.2}");
        }
        println!(", {:.2} at the end", of(&end));
        let [_, (_, second, _), _, (_, last, _)] = quarters.as_slice() else {
            println!("too short to be judged");
            return Outcome::Failed;
        };
        for (what, growth) in [
            ("second quarter to last", last - second),
            ("start to end", of(&end) - of(&start)),
        ] {
            let what = format!("{name}: growth, {what}");
            outcome = outcome.max(report::judge(&what, Goal::AtMost(room), "", vec![growth]));
        }
    }
    println!("(of each quarter of the time: least, median, most)");
    outcome
}

/// A script for wrk that asks for each path in turn.
fn lua() -> String {
    let paths = PATHS.join("', '");
    format!(
        "local paths, at = {{ '{paths}' }}, 0
        request = function()
            at = at % #paths + 1
            return wrk.format('GET', paths[at])
        end\n"
    )
}
