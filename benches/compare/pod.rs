//! A container with the sample application and twenty processes, made without an engine, and
//! spyhole beside it as a sidecar of the same user: what answers, idling and scrapes cost.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, setns};
use tempfile::TempDir;

use crate::report::{self, Goal};
use crate::server::{Held, Server, tied};
use crate::wrk::Run;
use crate::{Options, Outcome, Scenario, serve};

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "pod",
    about: "spyhole serve beside a container of 20 processes: answers, scrapes, idling",
    run,
};

pub(crate) const PROCESSES: usize = 20;
/// The application itself and the two workers that it starts; the others are further workers.
const OF_THE_APPLICATION: usize = 3;
/// Scrapes of one round, and seconds of one run of answers.
const SCRAPES: u32 = 50;
const SECONDS: usize = 2;
/// How long an idle server is watched, and how long it is left alone before.
const IDLE: Duration = Duration::from_secs(3);
const SETTLE: Duration = Duration::from_millis(1500);
/// The same after load.
const SETTLE_AFTER_LOAD: Duration = Duration::from_secs(27);

fn run(options: &Options) -> Result<Outcome, String> {
    let rounds = options.rounds(5);
    report::print_machine(rounds);
    let Some(pod) = Pod::start(PROCESSES)? else {
        return Ok(Outcome::LeftOut);
    };
    let _inside = pod.enter()?;
    let server = pod.spyhole(&options.spyhole, &[])?;
    let start = idle(&server, SETTLE)?;
    let mut outcome = tell_idle("idle after its start", start);
    outcome = outcome.max(answers(&server, rounds)?);
    outcome = outcome.max(tell_idle(
        "idle 30 s after load",
        idle(&server, SETTLE_AFTER_LOAD)?,
    ));
    let uncached = pod.spyhole(&options.spyhole, &["--cache", "0s"])?;
    Ok(outcome.max(scrapes(&uncached, rounds)?))
}

fn answers(server: &Server, rounds: usize) -> Result<Outcome, String> {
    let asked = Run {
        path: "/v1/processes",
        connections: 16,
        seconds: SECONDS,
        script: None,
    };
    let rows = server.get(asked.path)?.matches("\"pid\":").count();
    // The target itself is named too.
    if rows < PROCESSES {
        return Err(format!("{}: {rows} processes, not {PROCESSES}", asked.path));
    }
    let mut samples = Default::default();
    for _ in 0..rounds {
        serve::take(server, asked, &mut samples)?;
    }
    let [rates, slowest, costs] = samples;
    let of = |what: &str| format!("{}, 16 at once: {what}", asked.path);
    let rate = report::judge(&of("requests/s"), Goal::AtLeast(5000.0), "", rates);
    let slowest = report::judge(&of("p99"), Goal::AtMost(10.0), " ms", slowest);
    report::judge(&of("CPU of a request"), Goal::None, " µs", costs);
    Ok(rate.max(slowest))
}

fn scrapes(server: &Server, rounds: usize) -> Result<Outcome, String> {
    // The first one also looks for certificates, whose result is kept for a minute.
    server.get("/metrics")?;
    let mut costs = Vec::new();
    for _ in 0..rounds {
        let before = server.cpu_seconds()?;
        for _ in 0..SCRAPES {
            server.get("/metrics")?;
        }
        costs.push((server.cpu_seconds()? - before) * 1e3 / f64::from(SCRAPES));
    }
    let goal = Goal::AtMost(3.0);
    Ok(report::judge(
        "/metrics: CPU of a scrape",
        goal,
        " ms",
        costs,
    ))
}

/// What it holds, and how often it woke meanwhile.
fn idle(server: &Server, settle: Duration) -> Result<(Held, u64), String> {
    thread::sleep(settle);
    let before = server.held()?;
    thread::sleep(IDLE);
    let after = server.held()?;
    Ok((after, after.sleeps.saturating_sub(before.sleeps)))
}

#[allow(clippy::cast_precision_loss, reason = "KiB are shown as MiB")]
fn tell_idle(when: &str, (held, woke): (Held, u64)) -> Outcome {
    let mib = |kib: u64| vec![kib as f64 / 1024.0];
    let of = |what: &str| format!("{when}: {what}");
    let rss = report::judge(&of("RSS"), Goal::AtMost(6.0), " MiB", mib(held.rss_kib));
    let own = of("its own memory");
    let own = report::judge(&own, Goal::AtMost(2.0), " MiB", mib(held.rss_anon_kib));
    let woke = vec![woke as f64];
    rss.max(own).max(report::judge(
        &of("woke in 3 s"),
        Goal::AtMost(0.0),
        "",
        woke,
    ))
}

/// The container; it ends when this is dropped, or with the harness.
pub(crate) struct Pod {
    members: Vec<Child>,
    /// Its first process, as the host numbers it.
    pid: i32,
    lab: PathBuf,
    notes: TempDir,
}

impl Pod {
    /// Returns when all are up; `None`, and says so, where that takes root.
    pub(crate) fn start(processes: usize) -> Result<Option<Self>, String> {
        if !nix::unistd::geteuid().is_root() {
            println!("left out: a container needs root");
            return Ok(None);
        }
        let (lab, webapp) = (example("lab")?, example("webapp")?);
        let mut pod = Self {
            members: Vec::new(),
            pid: 0,
            lab,
            notes: TempDir::new().map_err(|error| error.to_string())?,
        };
        let words = ["--uid", "1000", "--caps", "none"];
        let (pidfile, mut command) = pod.container(&webapp, "webapp", &words);
        pod.members.push(spawn(command.arg("--no-zombie"))?);
        pod.pid = pid_in(&pidfile)?;
        let until = Instant::now() + Duration::from_secs(10);
        while pod.processes() < OF_THE_APPLICATION {
            later(until, "the application does not start")?;
        }
        let (pid, root) = (pod.pid.to_string(), ["--mount", "--pid", "--net"]);
        for _ in OF_THE_APPLICATION..processes {
            let mut enter = tied("nsenter");
            enter.args(["--target", &pid]).args(root);
            enter.args(["--setgid", "1000", "--setuid", "1000", "/webapp", "worker"]);
            pod.members
                .push(spawn(enter.arg("--queue=more").stdin(Stdio::piped()))?);
        }
        while pod.processes() < processes {
            later(until, "the workers do not start")?;
        }
        Ok(Some(pod))
    }

    /// `spyhole serve` beside it, of the same user.
    pub(crate) fn spyhole(&self, spyhole: &str, flags: &[&str]) -> Result<Server, String> {
        let join = format!("join:{}", self.pid);
        let words = [
            "--uid", "1000", "--caps", "none", "--pid", &join, "--net", &join,
        ];
        let (pidfile, mut command) = self.container(Path::new(spyhole), "spyhole", &words);
        command
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(flags);
        let server = Server::start(&mut command)?;
        Ok(server.served_by(pid_in(&pidfile)?))
    }

    /// Takes this thread, and what it starts, to the network of the container.
    pub(crate) fn enter(&self) -> Result<Inside, String> {
        let open = |process: &str| {
            let path = format!("/proc/{process}/ns/net");
            File::open(&path).map_err(|error| format!("{path}: {error}"))
        };
        let inside = Inside(open("thread-self")?);
        setns(open(&self.pid.to_string())?, CloneFlags::CLONE_NEWNET)
            .map_err(|error| format!("cannot enter the network: {error}"))?;
        Ok(inside)
    }

    fn container(
        &self,
        program: &Path,
        name: &str,
        words: &[&str],
    ) -> (PathBuf, std::process::Command) {
        let pidfile = self.notes.path().join(format!("{name}.pid"));
        // That of an earlier one of this name is not meant.
        let _ = fs::remove_file(&pidfile);
        let mut command = tied(&self.lab.display().to_string());
        command
            .args(["run", "--copy", &format!("{}:/{name}", program.display())])
            .args(words)
            .arg("--pidfile")
            .arg(&pidfile)
            .args(["--", &format!("/{name}")]);
        (pidfile, command)
    }

    /// How many processes share its PID namespace.
    fn processes(&self) -> usize {
        let of = |process: &str| fs::read_link(format!("/proc/{process}/ns/pid")).ok();
        let own = of(&self.pid.to_string());
        let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
        processes
            .filter(|entry| of(&entry.file_name().to_string_lossy()) == own)
            .count()
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        for member in self.members.iter_mut().rev() {
            let _ = member.kill();
            let _ = member.wait();
        }
    }
}

/// The way back to the network of the host.
pub(crate) struct Inside(File);

impl Drop for Inside {
    fn drop(&mut self) {
        if let Err(error) = setns(&self.0, CloneFlags::CLONE_NEWNET) {
            println!("cannot leave the network of the container: {error}");
        }
    }
}

/// A program of `examples/`, which stands beside the harness.
fn example(name: &str) -> Result<PathBuf, String> {
    let harness = std::env::current_exe().map_err(|error| error.to_string())?;
    Some(harness.with_file_name(name))
        .filter(|path| path.exists())
        .ok_or_else(|| format!("{name} is not there: run `cargo build --release`"))
}

fn spawn(command: &mut std::process::Command) -> Result<Child, String> {
    command
        .stdout(Stdio::null())
        .spawn()
        .map_err(|error| format!("{command:?}: {error}"))
}

fn pid_in(file: &Path) -> Result<i32, String> {
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        if let Ok(text) = fs::read_to_string(file) {
            return text
                .trim()
                .parse()
                .map_err(|_| format!("a pid of {text:?}"));
        }
        later(until, "a container does not start")?;
    }
}

fn later(until: Instant, why: &str) -> Result<(), String> {
    if Instant::now() > until {
        return Err(why.to_owned());
    }
    thread::sleep(Duration::from_millis(5));
    Ok(())
}
