//! A contender: a command, and how to see from its output that it did the whole work.

use std::io::{self, Read as _, Seek as _};
use std::os::fd::AsFd as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::memfd::{MFdFlags, memfd_create};

use crate::sys;

/// A command to be measured.
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    pub(crate) command: Vec<String>,
    /// What its output must hold, if it can be told from that.
    pub(crate) rows: Option<Rows>,
}

/// The mark that each row of an output has, and how often it must at least be there.
#[derive(Clone, Copy)]
pub(crate) struct Rows {
    pub(crate) mark: &'static str,
    pub(crate) at_least: usize,
}

/// What one run cost.
#[derive(Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) wall: Duration,
    pub(crate) cpu: Duration,
    pub(crate) peak_rss_bytes: u64,
    pub(crate) output_bytes: u64,
}

impl Contender {
    pub(crate) fn of(name: &'static str, command: &[&str], rows: Option<Rows>) -> Self {
        Self {
            name,
            command: command.iter().map(|word| (*word).to_owned()).collect(),
            rows,
        }
    }

    /// The run that warms the caches and is not counted: its output is looked at instead.
    pub(crate) fn warm_up(&self) -> Result<(), String> {
        let Some(rows) = self.rows else {
            return self.run(|_| ()).map(drop);
        };
        let mut counter = Counter::new(rows.mark);
        self.run(|bytes| counter.feed(bytes))?;
        if counter.found < rows.at_least {
            let Rows { mark, at_least } = rows;
            return Err(format!(
                "not the whole work: {} × {mark:?} in its output, not {at_least}",
                counter.found
            ));
        }
        Ok(())
    }

    /// One run that counts.
    pub(crate) fn measure(&self) -> Result<Sample, String> {
        self.run(|_| ())
    }

    /// The output goes into a pipe that is drained, never into /dev/null or a file, which some
    /// tools treat in another way; words on stderr go where they cannot block.
    fn run(&self, look: impl FnMut(&[u8])) -> Result<Sample, String> {
        self.try_run(look)
            .map_err(|error| format!("{}: {error}", self.command.join(" ")))
    }

    fn try_run(&self, mut look: impl FnMut(&[u8])) -> io::Result<Sample> {
        let mut stderr = std::fs::File::from(memfd_create(c"stderr", MFdFlags::MFD_CLOEXEC)?);
        let (mut output, writer) = io::pipe()?;
        let mut words = self.command.iter();
        let mut command = Command::new(words.next().ok_or(io::ErrorKind::InvalidInput)?);
        // Neither COLUMNS nor a locale is left: bytes are the cheapest for the old tools too.
        command
            .args(words)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .stdin(Stdio::null())
            .stdout(writer)
            .stderr(stderr.as_fd().try_clone_to_owned()?);
        let mut buffer = [0_u8; 16 * 1024];
        let mut output_bytes = 0;

        let start = Instant::now();
        let child = command.spawn()?;
        drop(command); // and with it our copy of the writer, or the end would never come
        loop {
            match output.read(&mut buffer)? {
                0 => break,
                length => {
                    output_bytes += length as u64;
                    look(buffer.get(..length).unwrap_or_default());
                }
            }
        }
        let (status, usage) = sys::wait(&child)?;
        let wall = start.elapsed();

        if !status.success() {
            let mut words = String::new();
            stderr.rewind()?;
            stderr.take(400).read_to_string(&mut words)?;
            return Err(io::Error::other(format!("{status} {}", words.trim_end())));
        }
        Ok(Sample {
            wall,
            cpu: usage.cpu,
            peak_rss_bytes: usage.peak_rss_bytes,
            output_bytes,
        })
    }
}

/// Counts a mark in a stream without keeping the stream: what the harness itself holds in
/// memory would show in the peak RSS of its children.
struct Counter {
    mark: &'static [u8],
    matched: usize,
    found: usize,
}

impl Counter {
    fn new(mark: &'static str) -> Self {
        Self {
            mark: mark.as_bytes(),
            matched: 0,
            found: 0,
        }
    }

    fn feed(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if self.mark.get(self.matched) != Some(byte) {
                self.matched = 0;
            }
            if self.mark.get(self.matched) == Some(byte) {
                self.matched += 1;
            }
            if self.matched == self.mark.len() {
                self.found += 1;
                self.matched = 0;
            }
        }
    }
}
