//! `spyhole serve` on a port that the kernel chose; dropping it ends it.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::http::{Reply, dial, drain, get};
use super::lab::process::Process;
use super::lab::spyhole;
use super::patience::{PATIENCE, eventually};

/// What its first line on stderr begins with.
pub(crate) const LISTENS: &str = "spyhole: listening on ";

pub(crate) struct Server {
    process: Process,
    /// As its first line on stderr names it.
    pub(crate) url: String,
}

/// What a server costs at a moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) descriptors: usize,
    pub(crate) threads: u64,
    /// Its own, without the pages of the program.
    pub(crate) memory_kib: u64,
}

impl Server {
    /// With these flags, on a port of 127.0.0.1.
    pub(crate) fn start(flags: &[&str]) -> Self {
        Self::wrapped(&[], flags)
    }

    /// The same by other programs, each of which runs the rest of its words in its place.
    pub(crate) fn wrapped(words: &[&str], flags: &[&str]) -> Self {
        let mut all: Vec<&str> = words.to_vec();
        let spyhole = spyhole();
        all.push(spyhole.to_str().unwrap());
        all.extend(["serve", "--listen", "127.0.0.1:0"]);
        all.extend(flags);
        let (program, rest) = all.split_first().unwrap();
        Self::run(Command::new(program).args(rest))
    }

    /// Any command that says where it listens.
    pub(crate) fn run(command: &mut Command) -> Self {
        let mut process = Process::start(command, Signal::SIGKILL);
        let url = process.wait_for_word(LISTENS);
        let said = process.said();
        assert!(said.starts_with(LISTENS), "{command:?}: {said}");
        Self { process, url }
    }

    pub(crate) fn pid(&self) -> i32 {
        self.process.id().try_into().unwrap()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        address_of(&self.url)
    }

    /// What a client calls it by.
    pub(crate) fn host(&self) -> String {
        self.address().to_string()
    }

    /// The token that it made.
    pub(crate) fn token(&self) -> String {
        let line = self.wait_for("the token for this run: ");
        line.rsplit(' ').next().unwrap().to_owned()
    }

    /// Asks with the token that it made.
    pub(crate) fn get(&self, path: &str) -> Reply {
        let bearer = format!("Bearer {}", self.token());
        self.ask(path, &[("Authorization", &bearer)])
    }

    /// Asks with no more than these headers.
    pub(crate) fn ask(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        get(self.address(), path, headers)
    }

    /// Sends any bytes; all that comes back.
    pub(crate) fn send(&self, bytes: &[u8]) -> Vec<u8> {
        use std::io::Write;
        let mut stream = dial(self.address());
        drop(stream.write_all(bytes));
        drain(&mut stream)
    }

    /// Fails unless it answers.
    pub(crate) fn answers(&self) {
        let reply = self.ask("/healthz", &[]);
        assert_eq!((reply.status, reply.text().as_str()), (200, "ok\n"));
    }

    /// The whole of stderr until now.
    pub(crate) fn said(&self) -> String {
        self.process.said()
    }

    /// The line of stderr with these words, once it is there.
    pub(crate) fn wait_for(&self, words: &str) -> String {
        self.wait_asking(words, || {})
    }

    /// The same where it says that only when it is asked something.
    pub(crate) fn wait_asking(&self, words: &str, ask: impl Fn()) -> String {
        eventually(format!("a line with {words:?}"), || {
            ask();
            let said = self.said();
            // A line is whole when its end is there.
            let whole = said.rsplit_once('\n').map_or("", |(whole, _)| whole);
            let line = whole.lines().find(|line| line.contains(words));
            line.map(str::to_owned).ok_or(said)
        })
    }

    pub(crate) fn cost(&self) -> Cost {
        let pid = self.pid();
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let number = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace().nth(1).unwrap().parse().unwrap()
        };
        Cost {
            // Non-dumpable, it lists them to root only.
            descriptors: fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count),
            threads: number("Threads:"),
            memory_kib: number("RssAnon:"),
        }
    }

    /// Fails unless it costs again what it did, with room for what the allocator keeps.
    pub(crate) fn returns_to(&self, start: Cost) -> Cost {
        eventually("it costs again what it did at the start", || {
            let now = self.cost();
            let same = now.descriptors <= start.descriptors
                && now.threads <= start.threads
                && now.memory_kib <= start.memory_kib + 3072;
            let told = || format!("{now:?}, and {start:?} at the start");
            same.then_some(now).ok_or_else(told)
        })
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid()), signal).unwrap();
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        !self.process.runs()
    }

    /// Waits until it ends; its code.
    pub(crate) fn ends(&mut self) -> Option<i32> {
        let ended = self.process.wait_within(PATIENCE);
        let ended = ended.unwrap_or_else(|| panic!("it does not end: {}", self.said()));
        ended.code()
    }

    /// Fails unless it has neither died nor panicked, and ends in order.
    pub(crate) fn ends_well(mut self) {
        self.signal(Signal::SIGTERM);
        let code = self.ends();
        let said = self.said();
        assert_eq!(code, Some(0), "{said}");
        assert!(!said.contains("panicked"), "{said}");
    }
}

/// What a server on TCP says that it listens on.
pub(crate) fn address_of(url: &str) -> SocketAddr {
    let address = url.split("://").nth(1).unwrap();
    address.trim_end_matches('/').parse().unwrap()
}
