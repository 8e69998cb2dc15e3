//! `spyhole serve` on a port that the kernel chose; dropping it ends it.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::client::{Reply, dial, drain, exchange, request};
use crate::lab::spyhole;
use crate::patience::eventually;

pub(super) struct Server {
    child: Child,
    /// As its first line on stderr names it.
    pub(super) url: String,
    said: Arc<Mutex<Vec<u8>>>,
}

/// What a server costs at a moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cost {
    pub(super) descriptors: usize,
    pub(super) threads: u64,
    /// Its own, without the pages of the program.
    pub(super) memory_kib: u64,
}

impl Server {
    /// With these flags, on a port of 127.0.0.1.
    pub(super) fn start(flags: &[&str]) -> Self {
        Self::wrapped(&[], flags)
    }

    /// The same by other programs, each of which runs the rest of its words in its place.
    pub(super) fn wrapped(words: &[&str], flags: &[&str]) -> Self {
        let mut all: Vec<&str> = words.to_vec();
        let spyhole = spyhole();
        all.push(spyhole.to_str().unwrap());
        all.extend(["serve", "--listen", "127.0.0.1:0"]);
        all.extend(flags);
        let (program, rest) = all.split_first().unwrap();
        Self::run(Command::new(program).args(rest))
    }

    /// Any command that says where it listens.
    pub(super) fn run(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|why| panic!("{command:?}: {why}"));
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut first = String::new();
        stderr.read_line(&mut first).unwrap();
        let url = first.strip_prefix("spyhole: listening on ");
        let Some(url) = url.map(|url| url.trim_end().to_owned()) else {
            stderr.read_to_string(&mut first).unwrap();
            panic!("{command:?} ended with {:?}: {first}", child.wait())
        };
        let said = Arc::new(Mutex::new(first.into_bytes()));
        let to = Arc::clone(&said);
        thread::spawn(move || {
            let mut some = [0; 4096];
            while let Ok(read @ 1..) = stderr.read(&mut some) {
                to.lock().unwrap().extend_from_slice(&some[..read]);
            }
        });
        Self { child, url, said }
    }

    pub(super) fn pid(&self) -> i32 {
        self.child.id().try_into().unwrap()
    }

    pub(super) fn address(&self) -> SocketAddr {
        let url = self.url.split("://").nth(1).unwrap();
        url.trim_end_matches('/').parse().unwrap()
    }

    /// What a client calls it by.
    pub(super) fn host(&self) -> String {
        self.address().to_string()
    }

    /// The token that it made.
    pub(super) fn token(&self) -> String {
        let line = self.wait_for("the token for this run: ");
        line.rsplit(' ').next().unwrap().to_owned()
    }

    /// Asks with the token that it made.
    pub(super) fn get(&self, path: &str) -> Reply {
        let bearer = format!("Bearer {}", self.token());
        self.ask(path, &[("Authorization", &bearer)])
    }

    /// Asks with no more than these headers.
    pub(super) fn ask(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        let request = request(path, &self.host(), headers);
        exchange(dial(self.address()), request.as_bytes())
    }

    /// Sends any bytes; all that comes back.
    pub(super) fn send(&self, bytes: &[u8]) -> Vec<u8> {
        use std::io::Write;
        let mut stream = dial(self.address());
        drop(stream.write_all(bytes));
        drain(&mut stream)
    }

    /// Fails unless an ordinary request is answered in time, and twice out of three in much
    /// Fails unless it answers.
    pub(super) fn answers(&self) {
        let reply = self.ask("/healthz", &[]);
        assert_eq!((reply.status, reply.text().as_str()), (200, "ok\n"));
    }

    /// The whole of stderr until now.
    pub(super) fn said(&self) -> String {
        String::from_utf8_lossy(&self.said.lock().unwrap()).into_owned()
    }

    /// The line of stderr with these words, once it is there.
    pub(super) fn wait_for(&self, words: &str) -> String {
        self.wait_asking(words, || {})
    }

    /// The same where it says that only when it is asked something.
    pub(super) fn wait_asking(&self, words: &str, ask: impl Fn()) -> String {
        eventually(format!("a line with {words:?}"), || {
            ask();
            let said = self.said();
            // A line is whole when its end is there.
            let whole = said.rsplit_once('\n').map_or("", |(whole, _)| whole);
            let line = whole.lines().find(|line| line.contains(words));
            line.map(str::to_owned).ok_or(said)
        })
    }

    pub(super) fn cost(&self) -> Cost {
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
    pub(super) fn returns_to(&self, start: Cost) -> Cost {
        eventually("it costs again what it did at the start", || {
            let now = self.cost();
            let same = now.descriptors <= start.descriptors
                && now.threads <= start.threads
                && now.memory_kib <= start.memory_kib + 3072;
            let told = || format!("{now:?}, and {start:?} at the start");
            same.then_some(now).ok_or_else(told)
        })
    }

    pub(super) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid()), signal).unwrap();
    }

    /// Whether it has ended.
    pub(super) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits until it ends; its code.
    pub(super) fn ends(&mut self) -> Option<i32> {
        let ended = eventually("it ends", || {
            let ended = self.child.try_wait().unwrap();
            ended.ok_or_else(|| self.said())
        });
        ended.code()
    }

    /// Fails unless it has neither died nor panicked, and ends in order.
    pub(super) fn ends_well(mut self) {
        self.signal(Signal::SIGTERM);
        let code = self.ends();
        let said = self.said();
        assert_eq!(code, Some(0), "{said}");
        assert!(!said.contains("panicked"), "{said}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            drop(self.child.kill());
            drop(self.child.wait());
        }
    }
}
