//! The lines above the table: what the target uses of what it may use.

use std::collections::VecDeque;
use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr;

use super::Top;
use crate::model::Report;
use crate::model::escape::escaped;
use crate::model::process::Limit;
use crate::model::resources::{CpuLimit, Pressure, Resources};
use crate::model::seen::Seen;
use crate::model::units::bytes_short;
use crate::terminal::pager::part;

/// Columns of a bar.
const BAR: usize = 18;
/// Columns of the words of a line that a graph stands behind.
const WORDS: usize = 56;

/// The memory in use.
pub(super) fn memory_bytes(report: &Report) -> Option<u64> {
    let memory = report.resources.as_ref()?.memory.value()?;
    memory.current_bytes.as_ref()?.value().copied()
}

impl Top {
    pub(super) fn meters(&self, report: &Report, columns: usize) -> Vec<String> {
        let mut lines = vec![self.headline(report)];
        if let Some(resources) = &report.resources {
            lines.push(with_graph(&self.cpu(resources), &self.cpu_history, columns));
            lines.push(with_graph(
                &self.memory(resources),
                &self.memory_history,
                columns,
            ));
            lines.push(self.counts(resources));
            lines.push(pressures(resources));
        }
        lines
            .iter()
            .map(|line| part_with_color(line, columns))
            .collect()
    }

    fn headline(&self, report: &Report) -> String {
        let target = report.target.as_ref();
        let name = target.map_or_else(String::new, |target| {
            let name = target.container.as_ref().map(String::as_bytes);
            let name = escaped(name.unwrap_or(target.comm.as_bytes()));
            format!("{name}  pid {}  uid {}", target.pid, target.uid)
        });
        let processes = report
            .processes
            .as_deref()
            .map_or_else(String::new, |processes| {
                let threads: i64 = processes.iter().map(|process| process.threads).sum();
                let zombies = processes.iter().filter(|process| process.zombie).count();
                let zombies = if zombies > 0 {
                    format!(", {zombies} zombies")
                } else {
                    String::new()
                };
                format!(
                    "  {} processes, {threads} threads{zombies}",
                    processes.len()
                )
            });
        let own = self
            .rates
            .own_percent
            .map_or_else(String::new, |percent| format!("  spyhole {percent:.1} %"));
        format!("{name}{processes}{own}")
    }

    fn cpu(&self, resources: &Resources) -> String {
        let Some(cpu) = resources.cpu.value() else {
            return "cpu  ? not readable: spyhole access".to_owned();
        };
        let average = cpu
            .used_cores
            .as_ref()
            .and_then(|cores| cores.value().copied());
        let used = self.rates.cores.or(average);
        let limit = match cpu.limit_cores.value() {
            Some(CpuLimit::Cores(cores)) => Some(*cores),
            _ => None,
        };
        let scale = limit.or_else(|| used.map(|used| used.ceil().max(1.0)));
        let percent = used.zip(scale).map(|(used, scale)| used / scale * 100.0);
        let of = limit.map_or_else(
            || "cores".to_owned(),
            |cores| format!("of {cores:.2} cores"),
        );
        let throttled = self
            .rates
            .throttled_percent
            .map_or_else(String::new, |share| format!("  throttled {share:.0} %"));
        let used = used.map_or_else(|| "?".to_owned(), |used| format!("{used:.2}"));
        format!("cpu  {} {used} {of}{throttled}", self.bar(percent))
    }

    fn memory(&self, resources: &Resources) -> String {
        let Some(memory) = resources.memory.value() else {
            return "mem  ? not readable: spyhole access".to_owned();
        };
        let used = memory
            .current_bytes
            .as_ref()
            .and_then(|bytes| bytes.value().copied());
        let used = used.map_or_else(|| "?".to_owned(), bytes_short);
        let of = match memory.limit_bytes.value() {
            Some(Limit::Value(bytes)) => format!("of {}", bytes_short(*bytes)),
            Some(Limit::Unlimited) => "no limit".to_owned(),
            None => "of ?".to_owned(),
        };
        let kills = number(memory.oom_kills.as_ref());
        let kills = kills.map_or_else(String::new, |kills| format!("  OOM kills {kills}"));
        format!("mem  {} {used} {of}{kills}", self.bar(memory.used_percent))
    }

    fn counts(&self, resources: &Resources) -> String {
        let mut line = String::new();
        if let Some(pids) = resources.pids.value() {
            let current = number(pids.current.as_ref()).unwrap_or_else(|| "?".to_owned());
            line = format!("pids {current}{}", of_limit(pids.limit.value()));
        }
        let limits = resources.limits.value();
        let files =
            limits.and_then(|limits| limits.iter().find(|limit| limit.resource == "open_files"));
        if let Some(files) = files {
            let used = number(files.used.as_ref()).unwrap_or_else(|| "?".to_owned());
            let _ = write!(line, "  files {used}{}", of_limit(Some(&files.soft)));
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rate of bytes, shown to two digits"
        )]
        let bytes = |rate: f64| bytes_short(rate as u64);
        let rate = |rate: Option<f64>| rate.map_or_else(|| "?".to_owned(), bytes);
        if resources.io.is_some() {
            let (read, written) = (self.rates.read_per_second, self.rates.written_per_second);
            let _ = write!(line, "  io read {}/s write {}/s", rate(read), rate(written));
        }
        line.trim_start().to_owned()
    }

    /// A bar; without colours as well.
    fn bar(&self, percent: Option<f64>) -> String {
        let Some(percent) = percent else {
            return format!("[{}]", " ".repeat(BAR));
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "clamped to the columns of a bar"
        )]
        let filled = (percent / 100.0 * BAR as f64)
            .round()
            .clamp(0.0, BAR as f64) as usize;
        let bar = "|".repeat(filled);
        let rest = " ".repeat(BAR - filled);
        let color = match percent {
            _ if !self.has_color => return format!("[{bar}{rest}]"),
            90.0.. => 31,
            75.0.. => 33,
            _ => 32,
        };
        format!("[\x1b[{color}m{bar}\x1b[m{rest}]")
    }
}

/// A line, with the last minute as a graph where there is room.
fn with_graph(line: &str, history: &VecDeque<f64>, columns: usize) -> String {
    let used = visible_width(line);
    let room = columns.saturating_sub(used.max(WORDS.min(columns)) + 1);
    if room < 8 || history.len() < 2 {
        return line.to_owned();
    }
    let gap = " ".repeat(WORDS.saturating_sub(used) + 1);
    format!("{line}{gap}{}", graph(history, room))
}

/// The last values in eight heights, from 0 to the highest.
fn graph(history: &VecDeque<f64>, room: usize) -> String {
    const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let highest = history.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    let last = history.iter().skip(history.len().saturating_sub(room));
    let height = |value: &f64| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to the heights"
        )]
        let height = (value / highest * 7.0).round().clamp(0.0, 7.0) as usize;
        HEIGHTS.get(height).copied().unwrap_or(' ')
    };
    last.map(height).collect()
}

fn pressures(resources: &Resources) -> String {
    let of = |name: &str, pressure: Option<&Seen<Pressure>>| {
        Some(match pressure? {
            Seen::Value(pressure) => format!("{name} {:.1} %", pressure.some.avg10_percent),
            Seen::Unseen(_) => format!("{name} ?"),
        })
    };
    let memory = resources
        .memory
        .value()
        .and_then(|memory| memory.pressure.as_ref());
    let cpu = resources.cpu.value().and_then(|cpu| cpu.pressure.as_ref());
    let io = resources.io.as_ref().and_then(Seen::value);
    let io = io.and_then(|io| io.pressure.as_ref());
    let parts = [of("cpu", cpu), of("memory", memory), of("io", io)];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() {
        if resources.memory.value().is_none() && resources.cpu.value().is_none() {
            return "pressure ? not readable: spyhole access".to_owned();
        }
        return "pressure not counted (cgroup version 1, or no PSI)".to_owned();
    }
    format!("pressure (10 s)  {}", parts.join("  "))
}

fn number(field: Option<&Seen<u64>>) -> Option<String> {
    match field? {
        Seen::Value(number) => Some(number.to_string()),
        Seen::Unseen(_) => Some("?".to_owned()),
    }
}

fn of_limit(limit: Option<&Limit>) -> String {
    match limit {
        Some(Limit::Value(limit)) => format!(" of {limit}"),
        Some(Limit::Unlimited) => String::new(),
        None => " of ?".to_owned(),
    }
}

/// The columns that a line with colours takes.
fn visible_width(line: &str) -> usize {
    let plain = line.split('\x1b');
    plain
        .enumerate()
        .map(|(index, text)| {
            let text = if index == 0 {
                text
            } else {
                text.split_once('m').map_or("", |(_, text)| text)
            };
            text.width()
        })
        .sum()
}

/// A line that may have colours, cut to the screen.
fn part_with_color(line: &str, columns: usize) -> String {
    if visible_width(line) <= columns {
        return line.to_owned();
    }
    let mut left = columns;
    let mut out = String::new();
    for (index, text) in line.split('\x1b').enumerate() {
        let text = if index == 0 {
            text
        } else {
            let (color, text) = text.split_once('m').unwrap_or((text, ""));
            out.push('\x1b');
            out.push_str(color);
            out.push('m');
            text
        };
        let text = part(text, 0, left);
        left -= text.width();
        out.push_str(&text);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn graphs_reach_from_nothing_to_the_highest() {
        let history = VecDeque::from([0.0, 0.5, 1.0]);
        assert_eq!(graph(&history, 10), "▁▅█");
        assert_eq!(graph(&history, 2), "▅█");
        assert_eq!(graph(&VecDeque::from([0.0, 0.0]), 9), "▁▁");
    }

    #[test]
    fn colours_take_no_columns() {
        let line = "[\x1b[31m|||\x1b[m  ] x";
        assert_eq!(visible_width(line), 9);
        assert_eq!(part_with_color(line, 3), "[\x1b[31m||\x1b[m");
        assert_eq!(part_with_color(line, 9), line);
    }
}
