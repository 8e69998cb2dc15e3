//! What this process costs itself.

use std::fs::File;
use std::io::Read;
use std::time::Duration;

use nix::time::{ClockId, clock_getcpuclockid, clock_gettime};
use nix::unistd::{Pid, SysconfVar, sysconf};

use super::reader_process;

/// `statm` has seven numbers.
const STATM_LIMIT: u64 = 256;

/// Processor time used by all threads and readers, those that have ended included.
#[must_use]
pub(crate) fn cpu_seconds() -> Option<f64> {
    let of = |clock| clock_gettime(clock).ok().map(Duration::from);
    let mut used = of(ClockId::CLOCK_PROCESS_CPUTIME_ID)?;
    if reader_process::is_reader() {
        let spyhole = Pid::from_raw(reader_process::own_pid());
        used += of(clock_getcpuclockid(spyhole).ok()?)?;
    }
    Some((used + reader_process::ended_cpu()).as_secs_f64())
}

/// Memory that is in RAM.
#[must_use]
pub(crate) fn resident_bytes() -> Option<u64> {
    Some(memory()?.resident_bytes)
}

/// What of this process is in RAM.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OwnMemory {
    /// All of it: the second number of `/proc/self/statm`.
    pub resident_bytes: u64,
    /// Without what is a copy of a file: less its third number.
    pub anonymous_bytes: u64,
}

/// What of this process is in RAM now.
#[must_use]
pub(crate) fn memory() -> Option<OwnMemory> {
    let mut text = String::new();
    let file = File::open("/proc/self/statm").ok()?;
    file.take(STATM_LIMIT).read_to_string(&mut text).ok()?;
    let page = u64::try_from(sysconf(SysconfVar::PAGE_SIZE).ok()??).ok()?;
    let mut numbers = text.split_whitespace().skip(1);
    let mut bytes = || numbers.next()?.parse::<u64>().ok()?.checked_mul(page);
    let (resident_bytes, of_files) = (bytes()?, bytes()?);
    Some(OwnMemory {
        resident_bytes,
        anonymous_bytes: resident_bytes.saturating_sub(of_files),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_costs_something() {
        assert!(cpu_seconds().unwrap() > 0.0);
        let memory = memory().unwrap();
        assert!(memory.anonymous_bytes > 100_000);
        assert!(memory.resident_bytes > memory.anonymous_bytes);
    }
}
