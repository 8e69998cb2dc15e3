//! The sockets of a crowded node, with their owners: `spyhole ss` against `ss -p` and `lsof`.
//! Each process of the crowd holds a listener, and one more holds 8,000 connected ends.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, ExitCode, Stdio};

use nix::sys::prctl;
use nix::sys::signal::Signal;

use crate::contender::{Contender, Rows};
use crate::crowd::Crowd;
use crate::report::{self, Against, Figure, Measure};
use crate::{Options, Outcome, ROLE, Scenario, race, sys};

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "sockets",
    about: "listeners (--processes, 3000) and 8000 connected ends with their owners, by spyhole ss, ss -tanp, lsof",
    run,
};

/// Connections whose both ends one process holds.
const PAIRS: usize = 4000;

const FIGURES: &[Figure] = &[
    Figure {
        of: "spyhole ss -tanp",
        measure: Measure::Wall,
        against: Against::Times("ss -tanp"),
        at_most: Some(0.4),
    },
    Figure {
        of: "spyhole ss -tan",
        measure: Measure::Wall,
        against: Against::Times("ss -tan"),
        at_most: Some(0.8),
    },
    Figure {
        of: "spyhole ss -tan",
        measure: Measure::Cpu,
        against: Against::Times("ss -tan"),
        at_most: None,
    },
    Figure {
        of: "spyhole ss -tanp",
        measure: Measure::Wall,
        against: Against::Times("lsof -nP -iTCP"),
        at_most: Some(0.2),
    },
    Figure {
        of: "spyhole ss -tanp",
        measure: Measure::PeakRss,
        against: Against::Nothing,
        at_most: Some(32.0),
    },
    Figure {
        of: "spyhole ss -tanp",
        measure: Measure::Cpu,
        against: Against::Times("ss -tanp"),
        at_most: None,
    },
    Figure {
        of: "…-o json",
        measure: Measure::Wall,
        against: Against::Times("ss -tanp"),
        at_most: None,
    },
    Figure {
        of: "…-o json",
        measure: Measure::PeakRss,
        against: Against::Nothing,
        at_most: None,
    },
];

fn run(options: &Options) -> Result<Outcome, String> {
    let runs = options.rounds(15);
    report::print_machine(runs);
    let holder = Holder::start().map_err(|error| format!("{PAIRS} connections: {error}"))?;
    let _crowd = Crowd::gather_with(options.processes, || {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        Ok(Stdio::from(OwnedFd::from(listener)))
    })?;
    let lanes = race::run(&contenders(options), runs);
    drop(holder);
    Ok(report::print(&lanes, FIGURES))
}

fn contenders(options: &Options) -> Vec<Contender> {
    let spyhole = options.spyhole.as_str();
    let rows = |mark| {
        Some(Rows {
            mark,
            at_least: options.processes + 2 * PAIRS,
        })
    };
    let table: [(&str, &[&str], _); 6] = [
        ("spyhole ss -tanp", &[spyhole, "ss", "-tanp"], rows("pid=")),
        (
            "…-o json",
            &[spyhole, "ss", "-tanp", "-o", "json"],
            rows("\"fd\":"),
        ),
        (
            "spyhole ss -tan",
            &[spyhole, "ss", "-tan"],
            rows("127.0.0.1:"),
        ),
        ("ss -tanp", &["ss", "-tanp"], rows("pid=")),
        ("ss -tan", &["ss", "-tan"], rows("127.0.0.1:")),
        ("lsof -nP -iTCP", &["lsof", "-nP", "-iTCP"], rows("\n")),
    ];
    table
        .into_iter()
        .map(|(name, command, rows)| Contender::of(name, command, rows))
        .collect()
}

/// The process that holds the connections; it ends when this is dropped.
struct Holder(Child);

impl Holder {
    fn start() -> io::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .env_clear()
            .env(ROLE, "holder")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut byte = [0];
        let ready = child.stdout.take().map(|mut out| out.read_exact(&mut byte));
        let holder = Self(child);
        match ready {
            Some(Ok(())) => Ok(holder),
            _ => Err(io::Error::other("the process that holds them ended early")),
        }
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether this process was started to hold connections.
pub(crate) fn is_holder() -> bool {
    std::env::var_os(ROLE).is_some_and(|role| role == "holder")
}

/// The life of the holder.
pub(crate) fn hold() -> ExitCode {
    let limit = sys::raise_file_limit();
    match prctl::set_pdeathsig(Signal::SIGKILL)
        .map_err(io::Error::from)
        .and_then(|()| connect())
    {
        Ok(_held) => loop {
            nix::unistd::pause();
        },
        Err(error) => {
            eprintln!("{error} (hard limit of open files {limit})");
            ExitCode::FAILURE
        }
    }
}

fn connect() -> io::Result<Vec<(TcpStream, TcpStream)>> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let pairs = (0..PAIRS).map(|_| {
        let client = TcpStream::connect(address)?;
        Ok((client, listener.accept()?.0))
    });
    let held: io::Result<Vec<_>> = pairs.collect();
    io::stdout()
        .write_all(b".")
        .and_then(|()| io::stdout().flush())?;
    held
}
