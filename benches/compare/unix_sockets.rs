//! A hundred thousand unix sockets, held by a few processes: `spyhole ss -xp` beside `ss -xp`.

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, ExitCode, Stdio};

use nix::sys::prctl;
use nix::sys::signal::Signal;

use crate::contender::{Contender, Rows};
use crate::report::{self, Against, Figure, Measure};
use crate::{Options, Outcome, ROLE, Scenario, race, sys};

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "unix-sockets",
    about: "100,800 connected unix sockets with their owners, by spyhole ss and ss",
    run,
};

const HOLDERS: usize = 8;
/// Of each holder; both ends.
const PAIRS: usize = 6300;
const HOLDER: &str = "unix-holder";

const FIGURES: &[Figure] = &[
    Figure {
        of: "spyhole ss -xp",
        measure: Measure::Cpu,
        against: Against::Times("ss -xp"),
        at_most: Some(0.5),
    },
    Figure {
        of: "spyhole ss -xp",
        measure: Measure::Wall,
        against: Against::Times("ss -xp"),
        at_most: None,
    },
    Figure {
        of: "spyhole ss -xp",
        measure: Measure::PeakRss,
        against: Against::Nothing,
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
    let runs = options.rounds(3);
    report::print_machine(runs);
    let holders: Result<Vec<_>, _> = (0..HOLDERS).map(|_| Holder::start()).collect();
    let _holders = holders.map_err(|error| format!("{PAIRS} pairs of sockets: {error}"))?;
    let rows = |mark| {
        Some(Rows {
            mark,
            at_least: HOLDERS * PAIRS * 2,
        })
    };
    let spyhole = options.spyhole.as_str();
    let contenders = [
        Contender::of("spyhole ss -xp", &[spyhole, "ss", "-xp"], rows("pid=")),
        Contender::of(
            "…-o json",
            &[spyhole, "ss", "-x", "-o", "json"],
            rows("\"fd\":"),
        ),
        Contender::of("ss -xp", &["ss", "-xp"], rows("pid=")),
    ];
    Ok(report::print(&race::run(&contenders, runs), FIGURES))
}

struct Holder(Child);

impl Holder {
    fn start() -> io::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .env_clear()
            .env(ROLE, HOLDER)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut byte = [0];
        let ready = child.stdout.take().map(|mut out| out.read_exact(&mut byte));
        let holder = Self(child);
        match ready {
            Some(Ok(())) => Ok(holder),
            _ => Err(io::Error::other("a process that holds them ended early")),
        }
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether this process was started to hold sockets.
pub(crate) fn is_holder() -> bool {
    std::env::var_os(ROLE).is_some_and(|role| role == HOLDER)
}

/// The life of a holder.
pub(crate) fn hold() -> ExitCode {
    let limit = sys::raise_file_limit();
    let held = prctl::set_pdeathsig(Signal::SIGKILL)
        .map_err(io::Error::from)
        .and_then(|()| (0..PAIRS).map(|_| UnixDatagram::pair()).collect());
    let held: io::Result<Vec<_>> = held;
    let told = held.and_then(|held| {
        io::stdout().write_all(b".")?;
        io::stdout().flush()?;
        Ok(held)
    });
    match told {
        Ok(_held) => loop {
            nix::unistd::pause();
        },
        Err(error) => {
            eprintln!("{error} (hard limit of open files {limit})");
            ExitCode::FAILURE
        }
    }
}
