//! What `wrk` makes of a server: a bounded run on loopback.

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::server::{Server, tied};

/// How a run asks.
#[derive(Clone, Copy)]
pub(crate) struct Run<'a> {
    pub(crate) path: &'a str,
    pub(crate) connections: usize,
    pub(crate) seconds: usize,
    /// A file in Lua that chooses other requests.
    pub(crate) script: Option<&'a str>,
}

/// What came of it.
#[derive(Clone, Copy)]
pub(crate) struct Asked {
    pub(crate) requests: f64,
    pub(crate) per_second: f64,
    pub(crate) p99: Duration,
    /// Answers that were no 2xx or 3xx, and connections that broke or timed out.
    pub(crate) failed: u64,
}

/// Runs it to its end.
pub(crate) fn run(server: &Server, run: Run) -> Result<Asked, String> {
    let output = command(server, run)
        .output()
        .map_err(|error| format!("wrk: {error}; scripts/prepare installs it"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    parse(&text).ok_or_else(|| {
        let words = String::from_utf8_lossy(&output.stderr);
        format!("wrk: {} {text}{words}", output.status)
    })
}

/// The same, where nothing may fail.
pub(crate) fn flawless(server: &Server, asked: Run) -> Result<Asked, String> {
    let found = run(server, asked)?;
    match found.failed {
        0 => Ok(found),
        failed => Err(format!("{}: {failed} requests failed", asked.path)),
    }
}

/// The command of a run.
pub(crate) fn command(server: &Server, run: Run) -> Command {
    let mut command = tied("wrk");
    command
        .args(["--threads", "1", "--latency", "--timeout", "10s"])
        .args(["--connections", &run.connections.to_string()])
        .args(["--duration", &format!("{}s", run.seconds)])
        .args(
            run.script
                .map(|script| ["--script", script])
                .into_iter()
                .flatten(),
        )
        .stdin(Stdio::null());
    if let Some(token) = &server.token {
        command.args(["--header", &format!("Authorization: Bearer {token}")]);
    }
    command.arg(format!("http://{}{}", server.address, run.path));
    command
}

/// Reads what wrk prints; the lines on failures are there only if there were some.
pub(crate) fn parse(text: &str) -> Option<Asked> {
    let after = |name: &str| {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(name));
        line.map(str::trim)
    };
    let requests = text.lines().find(|line| line.contains(" requests in "))?;
    let broken = after("Socket errors:").unwrap_or_default();
    let broken: u64 = broken
        .split([' ', ','])
        .filter_map(|word| word.parse::<u64>().ok())
        .sum();
    let refused = match after("Non-2xx or 3xx responses:") {
        Some(count) => count.parse().ok()?,
        None => 0,
    };
    Some(Asked {
        requests: requests.split_whitespace().next()?.parse().ok()?,
        per_second: after("Requests/sec:")?.parse().ok()?,
        p99: duration(after("99%")?)?,
        failed: broken + refused,
    })
}

/// Such as `1.23ms`.
fn duration(text: &str) -> Option<Duration> {
    let unit = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at_checked(unit)?;
    let seconds = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        _ => return None,
    };
    Some(Duration::from_secs_f64(
        number.parse::<f64>().ok()? * seconds,
    ))
}
